"""Intervals of the energy distance in more dimensions than one.

The energy distance is the norm of the difference of two embedded laws in a Hilbert space
(Sejdinovic et al. 2013), so the triangle inequality bounds its error by the norm of the noise.
Random signs e make that a quadratic form: with u_i = a_i (e_i - sum a e) for rows of x, and the
same of y with the other sign, it is the root of -uᵀ D u, D the matrix of the distances.

References
----------
Sejdinovic, Sriperumbudur, Gretton, Fukumizu (2013), Equivalence of distance-based and RKHS-based
statistics in hypothesis testing, doi:10.1214/13-AOS1140.
"""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ..costs import Euclidean
from ..distances.energy import energy_distance
from ..distances.samples import SamplePair, of_extent_one
from .bands import Band, Draws, row_notes
from .replicates import block_keys, in_parts, upper_quantile

__all__ = ["energy_cloud_band"]

# Draws that share one pass over the distances, and distances that are held at once (32 MB).
_TOGETHER = 256
_PAIRS = 2**22


def energy_cloud_band(pair: SamplePair, draws: Draws) -> Band:
    """Energy distance of clouds (n, d) and (m, d), in O((n + m)²) time for 256 draws."""
    value = energy_distance(pair.x, pair.y, x_weights=pair.a, y_weights=pair.b)
    n, (a, b) = len(pair.x), pair.weights()
    points, scale = of_extent_one(np.concatenate([pair.x, pair.y]))
    keys = block_keys(draws.rng, -(-draws.n_replicates // _TOGETHER))
    step = max(1, _PAIRS // len(points))

    def run(block: int) -> FloatArray:
        rng = np.random.default_rng(int(keys[block]))
        signs = 2.0 * rng.integers(0, 2, size=(len(points), _TOGETHER)) - 1.0
        noise = np.empty_like(signs)
        noise[:n] = a[:, None] * (signs[:n] - a @ signs[:n])
        noise[n:] = -b[:, None] * (signs[n:] - b @ signs[n:])
        squares = np.zeros(_TOGETHER)
        for first in range(0, len(points), step):
            some = slice(first, first + step)
            distances = Euclidean().pairwise(points[some], points)
            squares -= np.einsum("ij,ij->j", noise[some], distances @ noise)
        return np.sqrt(np.maximum(squares, 0.0) * scale)

    parts = in_parts(run, keys.size, draws.n_jobs, draws.callback, _TOGETHER)
    drawn = np.concatenate([np.empty(0), *parts])[: draws.n_replicates]
    half = upper_quantile(drawn, draws.level)
    low, high = max(0.0, value - half), value + half
    return Band(value, low, high, "triangle", "asymptotic", row_notes(pair))
