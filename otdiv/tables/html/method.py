"""How a report was computed, for those who check it."""

from __future__ import annotations

import platform

import numpy as np

from ... import __version__
from ..._optional import import_optional
from ..formats import counted, format_share
from ..rows import Findings
from ..wording import in_passes

__all__ = ["method"]

_CORRECTIONS = {
    "bh": "Benjamini–Hochberg over values and missing values of all columns: it bounds the "
    "expected share of false differences among those named.",
    "by": "Benjamini–Yekutieli over values and missing values of all columns: it bounds the "
    "expected share of false differences among those named, however the tests depend.",
    "holm": "Holm over values and missing values of all columns: it bounds the probability of any "
    "false difference.",
    "none": "None: each column is judged by itself, and of many some differ by chance.",
}


def method(report: Findings) -> list[tuple[str, str]]:
    """Say how the numbers were computed: what is asked, and the answer."""
    share = f"{100.0 * report.level:g} %"
    said = [
        ("Tables", f"A is {report.name_a}, {counted(report.rows_a, 'row')}; "
                   f"B is {report.name_b}, {counted(report.rows_b, 'row')}."),
        ("Effect", "Numbers, times and ranks of ordered categories: the Wasserstein distance W1, "
                   "the mean distance that a value has to move, in the column's unit. Categories "
                   "and booleans: the total variation, the share of rows that would have to "
                   "change."),
    ]  # fmt: skip
    if report.n_permutations:
        alpha = f"{1.0 - report.level:.3g}"
        said += [
            ("p-value", "The share of random deals of the pooled rows, in parts of the sizes of A "
                        f"and B, whose effect is as large; at most {report.n_permutations:,} deals "
                        "a column, and fewer where the answer was clear."),
            ("Taken for granted", f"Where nothing changed, {report.exchanged} are exchangeable "
                                  "between A and B. Nothing is assumed of their law."),
            ("Interval", f"{share}, each column by itself, of the effect between the laws behind "
                         f"the tables, of which {report.exchanged} are independent draws."),
            ("Verdict", f"“differs” where the corrected p-value is at most {alpha}; "
                        "“same within δ” where the one-sided upper end lies below the tolerance."),
            ("Correction", _CORRECTIONS[report.correction]),
        ]  # fmt: skip
    else:
        said.append(("Tests", "None: no relabellings were asked for."))
    if report.n_passes is not None:
        said.append(("Rows", in_passes(report.n_passes)))
    if report.weights is not None:
        source = "" if report.weights == "given" else f" by {report.weights}"
        said.append(("Weights", f"Rows are weighted{source}; missing rates count rows."))
    if report.missing_tolerance is not None:
        said.append(("Missing values", f"Tolerance δ {format_share(report.missing_tolerance)}."))
    said.append(
        (
            "Made by",
            f"otdiv {__version__}, NumPy {np.__version__}, Matplotlib "
            f"{import_optional('matplotlib', extra='report', purpose='figures').__version__}, "
            f"Python {platform.python_version()}",
        )
    )
    return said
