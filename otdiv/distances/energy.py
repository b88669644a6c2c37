"""Energy distance between samples, discrete measures and laws."""

from __future__ import annotations

import math
from typing import Any

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._kernels.line import distances as line_kernels
from .._kernels.pair_sums import DISTANCE
from .._laws import as_law, is_law
from ..costs import as_metric
from .laws.distance import cdf_distance
from .laws.gaussians import folded_mean
from .laws.line import Normal, as_line_law
from .leading import has_leading_axes, over_leading_axes
from .samples import SignedAtoms, as_sample_pair, of_extent_one, triangle_sum

__all__ = ["energy_distance"]

# Below this share of its terms, the closed form of two normal laws has lost too many digits.
_CANCELLATION = 1e-3


@keeps_arrays("energy_distance")
@explains_calls(
    "SciPy's energy_distance(u, v, u_weights, v_weights) is "
    "energy_distance(u, v, x_weights=…, y_weights=…)"
)
def energy_distance(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    metric: Any = "euclidean",
) -> Any:
    """Energy distance sqrt(2 E|X - Y| - E|X - X'| - E|Y - Y'|), the root, as SciPy's.

    X, X' and Y, Y' are independent. On the line it is sqrt(2 ∫ (F - G)²), computed in
    O(n log n) time; in more dimensions in O((n + m)²) time and O(n + m) memory. The sample means
    include the pairs of a point with itself (the V-statistic), so that the distance is a metric of
    the two empirical laws and exactly 0 where these are equal.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Samples; or laws: a `DiscreteMeasure`, a 1-D `Gaussian`, a 1-D law of `scipy.stats`.
        Arrays (..., n, d) and (..., m, d) are many clouds, whose first axes broadcast.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies of samples, each side normalised to 1; uniform by default. Those of
        many clouds may have first axes too.
    metric : PNormCost or str, default "euclidean"
        Distance of points: "euclidean", "cityblock", "chebyshev" or a PNormCost of power 1.

    Returns
    -------
    float or array
        Distance, an array where there are many clouds; its unit is the **square root** of that of
        the metric. Where it is below 1e-8 of sqrt(E|X - Y|) in more than one dimension, rounding
        may have eaten all its digits.

    Raises
    ------
    InvalidInputError
        For NaN, infinite coordinates, negative weights, empty samples, unequal columns.
    UnsupportedProblemError
        For laws of more than one dimension that are not discrete.

    Notes
    -----
    It is a metric between laws for the Euclidean and the cityblock distance. For norms that are not
    of negative type (Chebyshev in three dimensions or more) it can miss a difference, and a square
    below zero is returned as 0.

    References
    ----------
    Székely, Rizzo (2013), *Energy statistics: a class of statistics based on distances*,
    doi:10.1016/j.jspi.2013.03.018. Cramér's form: Székely (2003), *E-statistics*.

    Examples
    --------
    >>> from otdiv import energy_distance
    >>> energy_distance([0.0], [2.0])
    2.0
    >>> energy_distance([[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]])
    0.0
    """
    ground = as_metric(metric)
    if has_leading_axes(x, y):
        return over_leading_axes(
            *(x, y, x_weights, y_weights),
            lambda x, y, a, b: energy_distance(x, y, x_weights=a, y_weights=b, metric=ground),
        )
    if is_law(x) or is_law(y):
        return _between_laws(x, y, x_weights, y_weights)
    pair = as_sample_pair(x, y, x_weights, y_weights)
    if pair.d == 1:
        value, _ = line_kernels.energy_line(pair.x[:, 0], pair.y[:, 0], pair.a, pair.b)
        return float(value)
    atoms = SignedAtoms.from_pair(pair).present()
    if atoms.weights.size < 2:
        return 0.0
    z, scale = of_extent_one(atoms.points)
    squared = -2.0 * triangle_sum(z, atoms.weights, DISTANCE, ground.norm)
    return math.sqrt(max(0.0, squared)) * math.sqrt(scale)


def _between_laws(x: Any, y: Any, x_weights: Any, y_weights: Any) -> float:
    x, y = as_law("x", x), as_law("y", y)
    p, q = as_line_law("x", x, x_weights), as_line_law("y", y, y_weights)
    if isinstance(p, Normal) and isinstance(q, Normal):
        spread = (p.scale + q.scale) / math.sqrt(math.pi)
        mixed = folded_mean(p.loc - q.loc, math.hypot(p.scale, q.scale))
        if mixed - spread > _CANCELLATION * mixed:
            return math.sqrt(2.0 * (mixed - spread))
    return math.sqrt(2.0 * cdf_distance(p, q).value)
