"""Barycenters on the line, exact for p = 1 and p = 2: quantile by quantile.

On the line W_p^p(a, b) is the integral over t of |Q_a(t) - Q_b(t)|^p, so the best quantile function
is at each level t the mean (p = 2) or a median (p = 1) of those of the measures. All are constant
between the levels at which one of them jumps.

What is proven. Levels are exact cumulative weights rounded once, and the weights of the barycenter
are differences of them rounded once more: every jump of a quantile function is off by less than
6 u of the mass. A jump of height h that is off by δ changes the integral by at most h^p δ, and the
heights of all jumps add up to the range r. For p = 1 the objective is hence within 12 u r of the
least one, and 2 K u r for a median of K weights whose sums are rounded. For p = 2 the line is flat,

    sum_k λ_k W2²(a, b_k) = sum_k λ_k W2²(ā, b_k) + W2²(a, ā)    for the barycenter ā and any a,

so that the least objective is that of the measure found less the square of how far it is from ā:
at most 2 (6 u sum_k λ_k r_k² + ((K + 3) u max|x|)²).
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from .._typing import FloatArray
from ..certificates.rounding import U
from ..measures import DiscreteMeasure
from .family import Family

__all__ = ["line_barycenter"]

# Numbers of a block of quantiles for medians: 32 MB.
_BLOCK = 2**22
# More than squares lose that underflow.
_LOST = 1e-300


def line_barycenter(family: Family, p: float) -> tuple[DiscreteMeasure, float]:
    """The barycenter of order 1 or 2, and by how much its objective may exceed the least."""
    sorted_points, levels = [], []
    for measure in family.measures:
        order = np.argsort(measure.points[:, 0], kind="stable")
        sorted_points.append(measure.points[order, 0])
        levels.append(_levels(measure.weights[order]))
    breaks = np.unique(np.concatenate(levels))
    breaks = breaks[breaks > 0.0]
    if p == 2.0:
        points = _means(family.weights, sorted_points, levels, breaks)
    else:
        points = _medians(family.weights, sorted_points, levels, breaks)
    # Equal neighbours are one atom.
    last = np.append(points[1:] != points[:-1], True)
    points, breaks = points[last], breaks[last]
    weights = np.diff(breaks, prepend=0.0) * family.mass
    slack = _slack(family, p)
    return DiscreteMeasure(points=points, weights=weights), slack * family.mass


def _slack(family: Family, p: float) -> float:
    k = len(family.weights)
    ends = [(float(m.points.min()), float(m.points.max())) for m in family.measures]
    if p == 1.0:
        width = max(high for _, high in ends) - min(low for low, _ in ends)
        return (2.0 * k + 16.0) * U * width
    widths = np.array([high - low for low, high in ends])
    largest = max(max(abs(low), abs(high)) for low, high in ends)
    rounding = (k + 3.0) * U * largest
    square = 8.0 * U * float(family.weights @ widths**2) + rounding * rounding
    return 2.0 * square + _LOST


def _levels(weights: FloatArray) -> FloatArray:
    """Cumulative weights (n,) over their sum, each rounded once."""
    n = weights.size
    if weights.min() == weights.max():
        return np.arange(1, n + 1) / n
    digits, exponents = np.frexp(weights)
    shifts = np.where(weights > 0.0, exponents, exponents.max())
    shifts -= shifts.min()
    whole = np.ldexp(digits, 53).astype(np.int64).tolist()
    sums = list(accumulate(w << s for w, s in zip(whole, shifts.tolist(), strict=True)))
    total = sums[-1]
    return np.array([part / total for part in sums])


def _means(
    weights: FloatArray, points: list[FloatArray], levels: list[FloatArray], breaks: FloatArray
) -> FloatArray:
    mean = np.zeros(breaks.size)
    for weight, x, level in zip(weights, points, levels, strict=True):
        mean += weight * x[np.searchsorted(level, breaks)]
    return np.asarray(mean / weights.sum())


def _medians(
    weights: FloatArray, points: list[FloatArray], levels: list[FloatArray], breaks: FloatArray
) -> FloatArray:
    """Lower weighted medians of the quantiles at each level."""
    medians = np.empty(breaks.size)
    half = 0.5 * weights.sum()
    step = max(1, _BLOCK // len(points))
    for start in range(0, breaks.size, step):
        part = breaks[start : start + step]
        quantiles = np.stack(
            [x[np.searchsorted(level, part)] for x, level in zip(points, levels, strict=True)]
        )
        order = np.argsort(quantiles, axis=0, kind="stable")
        reached = np.cumsum(weights[order], axis=0) >= half
        # Sums in another order may miss the half by rounding.
        reached[-1] = True
        middle = np.take_along_axis(order, reached.argmax(axis=0)[None], axis=0)
        medians[start : start + step] = np.take_along_axis(quantiles, middle, axis=0)[0]
    return medians
