"""Intervals of W_p on the line from the noise of the quantile functions.

W_p is the L_p norm of X - Y over levels in (0, 1), X and Y the quantile functions, so that the
triangle inequality holds for it as for W1: |W_p of the samples - W_p of the laws| is at most the
norm of the noise (X_n - X) - (Y_m - Y), which the bootstrap draws as (X* - X_n) - (Y* - Y_m).

References
----------
del Barrio, Giné, Utzet (2005), Asymptotics for L2 functionals of the empirical quantile process,
doi:10.3150/bj/1110228245.
"""

from __future__ import annotations

import numpy as np

from .._kernels.line.distances import range_unit, wasserstein_line
from .._kernels.line.sorting import sorted_values, sorted_with
from .._kernels.resampling import signs as kernels
from .._typing import FloatArray
from ..distances.samples import SamplePair
from .bands import Band, Draws, row_notes
from .line_bands import tail_notes
from .pooled_line import pool, tails
from .replicates import block_keys, in_parts, upper_quantile

__all__ = ["wasserstein_band"]


def wasserstein_band(pair: SamplePair, p: float, draws: Draws) -> Band:
    """W_p on the line, p finite."""
    x, y = np.ravel(pair.x), np.ravel(pair.y)
    value = float(wasserstein_line(x, y, pair.a, pair.b, p)[0])
    half = upper_quantile(_noise(pair, p, draws), draws.level)
    share, central = tails(pool(x, y, pair.a, pair.b))
    notes = row_notes(pair)
    if heavy := tail_notes(share, central):
        notes += (*heavy, f"an interval of W_{p:g} needs {2 * p:g} moments: with fewer it is long")
    return Band(
        value=value,
        low=max(0.0, value - half),
        high=value + half,
        method="triangle",
        kind="asymptotic",
        notes=notes,
        tail_share=share,
        central_value=central,
    )


def _noise(pair: SamplePair, p: float, draws: Draws) -> FloatArray:
    x, a = _sorted(np.ravel(pair.x), pair.a)
    y, b = _sorted(np.ravel(pair.y), pair.b)
    unit = range_unit(float(min(x[0], y[0])), float(max(x[-1], y[-1])))
    if unit != 1.0:
        x, y = x * unit, y * unit
    keys = block_keys(draws.rng, draws.n_replicates)

    def run(draw: int) -> FloatArray:
        drawn_a, drawn_b = np.empty(x.size), np.empty(y.size)
        kernels.draw_counts(a, keys[draw], 0, drawn_a)
        kernels.draw_counts(b, keys[draw], x.size, drawn_b)
        power = kernels.quantile_noise(x, y, a, b, drawn_a, drawn_b, p)
        return np.full(1, power ** (1.0 / p) / unit)

    parts = in_parts(run, keys.size, draws.n_jobs, draws.callback)
    return np.concatenate([np.empty(0), *parts])


def _sorted(values: FloatArray, weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    if weights is None:
        return sorted_values(values), np.full(values.size, 1.0 / values.size)
    values, carried = sorted_with(values, weights)
    return values, np.asarray(carried, dtype=np.float64)
