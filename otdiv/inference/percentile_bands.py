"""Percentiles of the distance of resampled rows: what most people compute, on request only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._kernels.resampling.signs import draw_counts
from .._typing import FloatArray
from ..distances.samples import SamplePair
from .bands import Band, Draws, row_notes
from .pooled_line import PooledLine, pool
from .replicates import block_keys, in_parts, upper_quantile

__all__ = ["PERCENTILE_WARNING", "percentile_band"]

PERCENTILE_WARNING = (
    "percentiles of the resampled distance do not cover it near equal laws: nominal 95 % intervals "
    "of W1 held the truth in 0 % of the cases at equal laws, and fell short up to shifts of some "
    "0.2 standard deviations for 200 rows"
)


def _norm(power: float, factor: float) -> Callable[[PooledLine, FloatArray], float]:
    """(factor ∫ |H|^power)^(1 / power) of H on the pooled line."""

    def measure(line: PooledLine, H: FloatArray) -> float:
        total = float(np.abs(H) ** power @ line.gaps) / line.unit
        return float((factor * total) ** (1.0 / power))

    return measure


_MEASURES = {"wasserstein1": _norm(1.0, 1.0), "energy": _norm(2.0, 2.0)}


def percentile_band(pair: SamplePair, distance: str, draws: Draws) -> Band:
    """W1 or the energy distance on the line."""
    measure = _MEASURES[distance]
    line = pool(np.ravel(pair.x), np.ravel(pair.y), pair.a, pair.b)
    a, b = pair.weights()
    keys = block_keys(draws.rng, draws.n_replicates)

    def run(draw: int) -> FloatArray:
        drawn_a, drawn_b = np.empty(a.size), np.empty(b.size)
        draw_counts(a, keys[draw], 0, drawn_a)
        draw_counts(b, keys[draw], a.size, drawn_b)
        mass = np.concatenate([drawn_a, -drawn_b])[line.order]
        return np.full(1, measure(line, np.cumsum(mass)))

    parts = in_parts(run, keys.size, draws.n_jobs, draws.callback)
    drawn = np.concatenate([np.empty(0), *parts])
    tail = 0.5 * (1.0 - draws.level)
    high = upper_quantile(drawn, 1.0 - tail)
    low = max(0.0, -upper_quantile(-drawn, 1.0 - tail))
    value = measure(line, line.difference)
    return Band(value, low, high, "percentile", "asymptotic", row_notes(pair))
