"""What moved: quantiles of numbers, categories that came and went."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from .columns import CommonNumbers
from .rows import QuantileMove

__all__ = ["appeared", "quantile_moves"]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Shares of the rows below the quantiles that a report names."""


def quantile_moves(
    both: CommonNumbers, ticks: float, sides: tuple[FloatArray | None, FloatArray | None]
) -> tuple[QuantileMove, ...]:
    """Quantiles of both tables, in units of `ticks`; `sides` are the weights."""
    a, b = (
        np.quantile(values, LEVELS, weights=weights, method="inverted_cdf")
        for values, weights in zip((both.x, both.y), sides, strict=True)
    )
    with np.errstate(over="ignore"):
        differences = (b - a) / ticks
    return tuple(
        QuantileMove(
            level=level,
            a=float(left) / ticks if both.absolute else None,
            b=float(right) / ticks if both.absolute else None,
            difference=float(difference),
        )
        for level, left, right, difference in zip(LEVELS, a, b, differences, strict=True)
    )


def appeared(
    labels: tuple[str, ...], p: FloatArray, q: FloatArray
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Categories that only the second law has, and only the first, the commonest first."""
    found = []
    for here, there in ((q, p), (p, q)):
        places = np.flatnonzero((here > 0.0) & (there == 0.0))
        order = places[np.argsort(-here[places], kind="stable")]
        found.append(tuple(labels[place] for place in order))
    return found[0], found[1]
