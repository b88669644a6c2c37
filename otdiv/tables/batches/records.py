"""A report of batches as plain dictionaries: what JSON, CSV and data frames are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..records import FIELDS, document, finite, record
from .rows import BatchFindings

__all__ = ["BATCH_FIELDS", "BATCH_SCHEMA_VERSION", "batch_document", "batch_records"]

BATCH_SCHEMA_VERSION = 1
"""Of the JSON: a number that grows where a name goes or changes its meaning."""

BATCH_FIELDS: dict[str, type] = {"batch": str, "start": str, **FIELDS}
"""Names of a record in order, with their types: those of a table's record behind the batch."""


def batch_records(report: BatchFindings) -> list[dict[str, Any]]:
    """One flat dictionary for each column of each batch."""
    return [
        {"batch": label, "start": start, **record(row)}
        for label, start, one in zip(report.labels, _starts(report), report.reports, strict=True)
        for row in one.rows
    ]


def batch_document(report: BatchFindings) -> dict[str, Any]:
    """Return a whole report as nested dictionaries that JSON can hold."""
    first = report.reports[0]
    content = {
        "schema_version": BATCH_SCHEMA_VERSION,
        "kind": report.kind,
        "name": report.name,
        "reference": report.reference,
        "by": report.by,
        "every": report.every,
        "level": first.level,
        "correction": first.correction,
        "unassigned": report.unassigned,
        "skipped": [{"label": label, "rows": rows} for label, rows in report.skipped],
        "columns": list(report.columns),
        "batches": [
            {
                "label": label,
                "start": start,
                "differing": [row.column for row in one.differing],
                "report": document(one),
            }
            for label, start, one in zip(
                report.labels, _starts(report), report.reports, strict=True
            )
        ],
    }
    plain: dict[str, Any] = finite(content)
    return plain


def _starts(report: BatchFindings) -> list[str | None]:
    """When each batch begins, as ISO 8601 writes it; None where it is no period."""
    if report.starts is None:
        return [None] * len(report.reports)
    return [str(text) for text in np.datetime_as_string(report.starts, unit="s")]
