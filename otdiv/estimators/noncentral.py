"""Intervals of divergences of categories that behave as a noncentral chi-square.

Near equal laws a divergence of two or more samples is c times a chi-square, with c and the degrees
of freedom set by the sizes and the cells that are seen; away from them it is nearly noncentral
(Kullback 1959, chapter 6). Scale and degrees of freedom are taken from the mean and variance of the
divergence over random relabellings of the pooled rows, which stay right where cells are sparse and
the limit is not. Then the noncentrality is inverted, as for an effect size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from .._typing import FloatArray, IndexArray

__all__ = ["noncentral_interval", "relabelled"]

# Rows beyond which NumPy draws no hypergeometric counts; multinomial ones are then the same.
_MOST_ROWS = 10**9 - 1
# Doublings of the noncentrality while its upper end is sought.
_DOUBLINGS = 200


def relabelled(
    counts: IndexArray,
    statistic: Callable[[IndexArray], FloatArray],
    n_draws: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Statistic of `n_draws` random relabellings of the pooled rows of counts (k, K).

    `statistic` takes counts (draws, k, K).
    """
    k, n_labels = counts.shape
    drawn = np.empty((n_draws, k, n_labels), np.int64)
    pooled = counts.sum(axis=0)
    if int(pooled.sum()) > _MOST_ROWS:
        shares = pooled / pooled.sum()
        for i in range(k):
            drawn[:, i] = rng.multinomial(int(counts[i].sum()), shares, size=n_draws)
        return statistic(drawn)
    left = np.broadcast_to(pooled, (n_draws, n_labels)).copy()
    for i in range(k - 1):
        size = int(counts[i].sum())
        if i == 0:
            drawn[:, i] = rng.multivariate_hypergeometric(
                pooled, size, size=n_draws, method="marginals"
            )
        else:
            for draw in range(n_draws):
                drawn[draw, i] = rng.multivariate_hypergeometric(
                    left[draw], size, method="marginals"
                )
        left -= drawn[:, i]
    drawn[:, k - 1] = left
    return statistic(drawn)


def noncentral_interval(value: float, null: FloatArray, level: float) -> tuple[float, float]:
    """Ends of the interval of what `value` estimates, from draws of it at equal laws."""
    mean, variance = float(null.mean()), float(null.var(ddof=1))
    if not (mean > 0.0 and variance > 0.0):
        return 0.0, max(value, 0.0)
    scale, freedom = 0.5 * variance / mean, 2.0 * mean * mean / variance
    tail = 0.5 * (1.0 - level)
    low = _noncentrality(value / scale, freedom, 1.0 - tail)
    # A value below the median of equal laws says no more than the median itself: without this the
    # interval of a lucky draw would be a point.
    median = float(special.chdtri(freedom, 0.5))
    high = _noncentrality(max(value / scale, median), freedom, tail)
    return scale * low, scale * high


def _noncentrality(statistic: float, freedom: float, probability: float) -> float:
    """Noncentrality at which the statistic is the quantile of that probability, or 0."""
    if float(special.chdtr(freedom, statistic)) <= probability:
        return 0.0
    low, high = 0.0, max(1.0, statistic)
    for _ in range(_DOUBLINGS):
        if _below(statistic, freedom, high) <= probability:
            break
        high *= 2.0
    for _ in range(_DOUBLINGS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if _below(statistic, freedom, middle) > probability:
            low = middle
        else:
            high = middle
        if high - low <= 1e-10 * high:
            break
    return 0.5 * (low + high)


# Noncentrality from which Sankaran's cube root is exact to four digits and the series is slow.
_LARGE = 1e4


def _below(statistic: float, freedom: float, noncentrality: float) -> float:
    """Distribution function of the noncentral chi-square.

    For large noncentrality by Sankaran (1959), doi:10.1093/biomet/46.1-2.235.
    """
    if noncentrality + freedom < _LARGE:
        return float(special.chndtr(statistic, freedom, noncentrality))
    total, double = freedom + noncentrality, freedom + 2.0 * noncentrality
    h = 1.0 - 2.0 * total * (freedom + 3.0 * noncentrality) / (3.0 * double * double)
    p = double / (total * total)
    m = (h - 1.0) * (1.0 - 3.0 * h)
    centre = 1.0 + h * p * (h - 1.0 - 0.5 * (2.0 - h) * m * p)
    spread = h * np.sqrt(2.0 * p) * (1.0 + 0.5 * m * p)
    return float(special.ndtr(((statistic / total) ** h - centre) / spread))
