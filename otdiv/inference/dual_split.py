"""A lower bound of W1 of laws in more dimensions than one.

The distance of samples in d dimensions is too large by some n^(-1/d), which no resampling repairs:
there is no honest upper end without assumptions. A lower one there is. For any f that is
1-Lipschitz, E f(X) - E f(Y) <= W1. So f is the Kantorovich potential of one half of the rows, and
the difference of its means over the other half, which f has not seen, has a normal error.

References
----------
Kantorovich, Rubinstein (1958); Villani (2009), Optimal transport: old and new, remark 6.5.
Chernozhukov et al. (2018), doi:10.1111/ectj.12097 (both halves in turn: cross-fitting).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from .._typing import FloatArray
from ..certificates import LipschitzExtension
from ..costs import Euclidean
from ..distances.samples import SamplePair
from ..distances.wasserstein_distance import wasserstein1
from ..errors import InvalidInputError
from ..solving import transport
from .bands import Band, Draws, row_notes

__all__ = ["dual_split_band"]

# Rows a side, so that each half has a mean and a variance worth the name; by taste.
_LEAST_ROWS = 20
# Proven relative gap of the potentials: their error is far below the noise.
_RTOL = 1e-4


def dual_split_band(pair: SamplePair, draws: Draws) -> Band:
    """Lower end alone, one-sided at the level."""
    halves = []
    for name, points, weights in (("x", pair.x, pair.a), ("y", pair.y, pair.b)):
        if len(points) < _LEAST_ROWS:
            requirement = f"hold at least {_LEAST_ROWS} rows, which are split in two"
            raise InvalidInputError(name, requirement, len(points))
        shares = np.full(len(points), 1.0 / len(points)) if weights is None else weights
        order = draws.rng.permutation(len(points))
        middle = len(points) // 2
        halves.append([(points[rows], shares[rows]) for rows in (order[:middle], order[middle:])])
    means, variances = [], []
    for fold in (0, 1):
        (x, a), (y, b) = halves[0][fold], halves[1][fold]
        solved = transport(x, y, cost=Euclidean(), x_weights=a / a.sum(), y_weights=b / b.sum(),
                           rtol=_RTOL)  # fmt: skip
        assert solved.potentials is not None  # the default solvers have some
        critic = LipschitzExtension(solved.problem, solved.potentials)
        of_x, of_y = (_moments(critic(z), w) for z, w in (halves[0][1 - fold], halves[1][1 - fold]))
        means.append(of_x[0] - of_y[0])
        variances.append(of_x[1] + of_y[1])
    # The two halves are not independent near equal laws: the plain mean of their variances, not
    # half of it (measured: half of it covers 88 % there).
    error = NormalDist().inv_cdf(draws.level) * math.sqrt(0.5 * sum(variances))
    value = wasserstein1(pair.x, pair.y, x_weights=pair.a, y_weights=pair.b)
    return Band(
        value=value,
        low=max(0.0, 0.5 * sum(means) - error),
        high=math.inf,
        method="dual split",
        kind="asymptotic",
        notes=(
            *row_notes(pair),
            f"in {pair.d} dimensions W1 of samples exceeds that of the laws by an amount that no "
            "resampling shows: only the lower end is honest, one-sided at the level",
        ),
    )


def _moments(values: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Weighted mean and the variance of its sampling."""
    shares = weights / weights.sum()
    mean = float(shares @ values)
    spare = 1.0 - float(shares @ shares)
    variance = float((shares * shares) @ (values - mean) ** 2) / max(spare, 0.5)
    return mean, variance
