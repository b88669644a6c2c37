"""A report as plain dictionaries: what JSON, CSV and data frames are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .._optional import import_optional
from ..errors import InvalidInputError
from .rows import (
    ColumnComparison,
    Evidence,
    Findings,
    Frequencies,
    JointComparison,
    MissingComparison,
    NoiseFloor,
)

__all__ = ["FIELDS", "SCHEMA_VERSION", "as_frame", "document", "finite", "record"]

SCHEMA_VERSION = 1
"""Of the JSON: a number that grows where a name goes or changes its meaning."""

MOST_CATEGORIES = 20
"""Categories of a column that JSON lists, those that moved most."""

FIELDS: dict[str, type] = {
    "column": str,
    "kind": str,
    "measure": str,
    "effect": float,
    "effect_lower": float,
    "effect_upper": float,
    "unit": str,
    "standardized": float,
    "pooled_sd": float,
    "mean_difference": float,
    "shift_share": float,
    "js_divergence": float,
    "verdict": str,
    "p_value": float,
    "p_adjusted": float,
    "low": float,
    "high": float,
    "at_most": float,
    "tolerance": float,
    "permutations": int,
    "permutations_limited": bool,
    "noise_median": float,
    "noise_95": float,
    "n_a": int,
    "n_b": int,
    "missing_a": int,
    "missing_b": int,
    "missing_rate_a": float,
    "missing_rate_b": float,
    "missing_verdict": str,
    "missing_p_value": float,
    "missing_p_adjusted": float,
    "missing_low": float,
    "missing_high": float,
    "left_out": str,
    "kind_a": str,
    "kind_b": str,
    "neighbours": float,
    "error": str,
}
"""Names of a record in order, with their types; any but `column` and `kind` may be None."""


def record(row: ColumnComparison) -> dict[str, Any]:
    """Return a row as a flat dictionary."""
    made = {
        **_tested(row.evidence, row.noise),
        **_missing(row.missing),
        "effect_lower": None if row.bounds is None else row.bounds.lower,
        "effect_upper": None if row.bounds is None else row.bounds.upper,
    }
    return {name: made[name] if name in made else getattr(row, name) for name in FIELDS}


def document(report: Findings) -> dict[str, Any]:
    """Return a whole report as nested dictionaries that JSON can hold."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "a": {"name": report.name_a, "rows": report.rows_a, "only_here": list(report.only_a)},
        "b": {"name": report.name_b, "rows": report.rows_b, "only_here": list(report.only_b)},
        "weights": report.weights,
        "level": report.level,
        "correction": report.correction,
        "permutations": report.n_permutations,
        "exchanged": report.exchanged,
        "missing_tolerance": report.missing_tolerance,
        "passes": report.n_passes,
        "columns": [record(row) | _moves(row) for row in report.rows],
        "joint": None if report.joint is None else _joint(report.joint),
    }
    plain: dict[str, Any] = finite(content)
    return plain


def _tested(evidence: Evidence | None, noise: NoiseFloor | None) -> dict[str, Any]:
    """What the rows say of an effect, and the noise beside it."""
    found: dict[str, Any] = dict.fromkeys(
        (
            "verdict",
            "p_value",
            "p_adjusted",
            "low",
            "high",
            "at_most",
            "tolerance",
            "permutations",
            "permutations_limited",
            "noise_median",
            "noise_95",
        )
    )
    if evidence is not None:
        found |= {
            "verdict": None if evidence.verdict is None else evidence.verdict.value,
            "p_value": evidence.p_value,
            "p_adjusted": evidence.p_adjusted,
            "low": evidence.low,
            "high": evidence.high,
            "at_most": evidence.at_most,
            "tolerance": evidence.tolerance,
            "permutations": evidence.n_draws,
            "permutations_limited": evidence.is_limited,
        }
    if noise is not None:
        found |= {"noise_median": noise.median, "noise_95": noise.percentile_95}
    return found


def _missing(missing: MissingComparison | None) -> dict[str, Any]:
    evidence = None if missing is None else missing.evidence
    said = _tested(evidence, None)
    names = ("verdict", "p_value", "p_adjusted", "low", "high")
    return {f"missing_{name}": said[name] for name in names}


def _moves(row: ColumnComparison) -> dict[str, Any]:
    """What moved, which no flat record holds."""
    distributions = row.distributions
    moved: list[dict[str, Any]] = []
    if isinstance(distributions, Frequencies):
        moved = [
            {"label": label, "a": a, "b": b}
            for label, a, b in zip(
                distributions.labels[:MOST_CATEGORIES],
                distributions.a[:MOST_CATEGORIES].tolist(),
                distributions.b[:MOST_CATEGORIES].tolist(),
                strict=True,
            )
        ]
    return {
        "quantiles": [
            {"level": move.level, "a": move.a, "b": move.b, "difference": move.difference}
            for move in row.quantiles
        ],
        "categories": moved,
        "new": list(row.new),
        "vanished": list(row.vanished),
    }


def _joint(joint: JointComparison) -> dict[str, Any]:
    said = _tested(joint.evidence, joint.noise)
    names = ("verdict", "p_value", "permutations", "noise_median", "noise_95")
    bounds = joint.w2_squared
    return {
        "columns": list(joint.columns),
        "n_a": joint.n_a,
        "n_b": joint.n_b,
        "sample_a": joint.sample_a,
        "sample_b": joint.sample_b,
        "measure": "sliced W1",
        "effect": joint.effect,
        "standard_error": joint.standard_error,
        "n_projections": joint.n_projections,
        **{name: said[name] for name in names},
        "drivers": [{"column": one.column, "share": one.share} for one in joint.drivers],
        "driver_rows": list(joint.driver_rows),
        "w2_squared_lower": None if bounds is None else bounds.lower,
        "w2_squared_upper": None if bounds is None else bounds.upper,
        "error": joint.error,
    }


def as_frame(records: Sequence[Mapping[str, Any]], types: Mapping[str, type], backend: str) -> Any:
    """Flat dictionaries of one kind as a data frame of a library.

    Raises
    ------
    InvalidInputError
        If there is no such library.
    MissingDependencyError
        If it is not installed.
    """
    if backend not in ("pandas", "polars", "pyarrow"):
        raise InvalidInputError("backend", 'be "pandas", "polars" or "pyarrow"', repr(backend))
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose="`to_frame`")
    library = import_optional(backend, extra="cli", purpose="`to_frame`")
    columns = {name: [one[name] for one in records] for name in types}
    known = {str: narwhals.String, int: narwhals.Int64, float: narwhals.Float64}
    known[bool] = narwhals.Boolean
    if backend == "pandas":
        # Its plain integers and booleans have no missing values.
        nullable = {int: "Int64", bool: "boolean"}
        for name, kind in types.items():
            if kind in nullable and None in columns[name]:
                columns[name] = library.array(columns[name], dtype=nullable[kind])
    schema = {name: known[kind] for name, kind in types.items()}
    return narwhals.from_dict(columns, schema=schema, backend=backend).to_native()


def finite(value: Any) -> Any:
    """Replace infinities and NaN, for which JSON has no word, by None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value
