"""Intervals of the sliced Wasserstein-1 distance: one sign a row, common to all directions."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from .._kernels.line.distances import wasserstein_line
from .._kernels.resampling import signs as kernels
from .._typing import FloatArray
from ..distances.samples import SamplePair
from .bands import Band, Draws, row_notes
from .pooled_line import pool, signed_and_absolute, totals_of
from .replicates import block_keys, in_parts, upper_quantile

__all__ = ["sliced_band"]

# Directions of the distance and of its noise; what so few leave open is added to the width.
_DIRECTIONS = 100


def sliced_band(pair: SamplePair, draws: Draws) -> Band:
    """The mean over directions, with the noise of the rows and of the directions.

    For every direction | ∫|H| - ∫|H0| | <= ∫|Z|; the mean of both sides over the directions keeps
    that. The directions are a sample of the sphere themselves: their error is taken for normal and
    independent of the rows.
    """
    directions = draws.rng.standard_normal((_DIRECTIONS, pair.d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    keys = block_keys(draws.rng, -(-draws.n_replicates // kernels.LANES))
    n, m = len(pair.x), len(pair.y)
    steps = np.concatenate(
        [
            np.full(n, 1.0 / n) if pair.a is None else pair.a,
            np.full(m, -1.0 / m) if pair.b is None else -pair.b,
        ]
    )
    totals = [totals_of(steps, key) for key in keys]

    def run(direction: int) -> FloatArray:
        x, y = pair.x @ directions[direction], pair.y @ directions[direction]
        line = pool(x, y, pair.a, pair.b)
        certain = line.undecided()
        parts = [
            signed_and_absolute(line, certain, line.order, key, total)[1]
            for key, total in zip(keys, totals, strict=True)
        ]
        value = float(wasserstein_line(x, y, pair.a, pair.b, 1.0)[0])
        return np.concatenate([[value], *parts])[: draws.n_replicates + 1]

    # In one dimension all directions are the same line.
    count = _DIRECTIONS if pair.d > 1 else 1
    rows = np.array(in_parts(run, count, draws.n_jobs, draws.callback, 1))
    if not len(rows):
        rows = np.empty((1, 0))
    values = rows[:, 0] if rows.size else np.zeros(1)
    of_rows = upper_quantile(rows[:, 1:].mean(axis=0), draws.level)
    of_directions = 0.0
    if len(values) > 1:
        z = NormalDist().inv_cdf(0.5 + 0.5 * draws.level)
        of_directions = z * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    value, half = float(values.mean()), math.hypot(of_rows, of_directions)
    return Band(
        value=value,
        low=max(0.0, value - half),
        high=value + half,
        method="triangle",
        kind="asymptotic",
        notes=(
            *row_notes(pair),
            f"{len(values)} directions, whose own error makes {of_directions:.3g} of the half "
            f"width {half:.3g}",
        ),
    )
