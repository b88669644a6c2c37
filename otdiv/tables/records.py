"""A report as plain dictionaries: what JSON, CSV and data frames are made of."""

from __future__ import annotations

import math
from typing import Any

from .content import ColumnComparison, Content, NoiseFloor

__all__ = ["FIELDS", "document", "record"]

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
    "noise_median": float,
    "noise_95": float,
    "noise_splits": int,
    "noise_size_1": int,
    "noise_size_2": int,
    "n_a": int,
    "n_b": int,
    "missing_a": int,
    "missing_b": int,
    "missing_rate_a": float,
    "missing_rate_b": float,
    "error": str,
}
"""Names of a record in order, with their types; any but `column` and `kind` may be None."""


def record(row: ColumnComparison) -> dict[str, Any]:
    """Return a row as a flat dictionary."""
    made = {
        **_noise(row.noise),
        "effect_lower": None if row.bounds is None else row.bounds.lower,
        "effect_upper": None if row.bounds is None else row.bounds.upper,
    }
    return {name: made[name] if name in made else getattr(row, name) for name in FIELDS}


def document(report: Content) -> dict[str, Any]:
    """Return a whole report as nested dictionaries that JSON can hold."""
    joint = None
    if report.joint is not None:
        joint = {
            "columns": list(report.joint.columns),
            "n_a": report.joint.n_a,
            "n_b": report.joint.n_b,
            "measure": "sliced W1",
            "effect": report.joint.effect,
            "standard_error": report.joint.standard_error,
            "n_projections": report.joint.n_projections,
            **_noise(report.joint.noise),
            "error": report.joint.error,
        }
    content = {
        "a": {"name": report.name_a, "rows": report.rows_a, "only_here": list(report.only_a)},
        "b": {"name": report.name_b, "rows": report.rows_b, "only_here": list(report.only_b)},
        "weights": report.weights,
        "columns": [record(row) for row in report.rows],
        "joint": joint,
    }
    plain: dict[str, Any] = _finite(content)
    return plain


def _noise(noise: NoiseFloor | None) -> dict[str, Any]:
    sizes = (None, None) if noise is None else noise.sizes
    return {
        "noise_median": None if noise is None else noise.median,
        "noise_95": None if noise is None else noise.percentile_95,
        "noise_splits": None if noise is None else noise.n_splits,
        "noise_size_1": sizes[0],
        "noise_size_2": sizes[1],
    }


def _finite(value: Any) -> Any:
    """Replace infinities and NaN, for which JSON has no word, by None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
