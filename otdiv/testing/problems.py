"""Transport problems whose optimal value is known by construction, not by a solver."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import FloatArray, RngLike
from .._validation import as_generator, check_positive, check_positive_integer
from ..costs import Cost, CostMatrix, Euclidean, PNormCost, SquaredEuclidean
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..plans import Potentials
from ..problems import TransportProblem

__all__ = [
    "SolvedProblem",
    "funnels",
    "gaussian_line",
    "monotone_line",
    "permuted",
    "point_masses",
    "translated",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SolvedProblem:
    """A transport problem with its optimal value and, where known, optimal potentials.

    Attributes
    ----------
    problem : TransportProblem
    value : float
        The optimum, exact up to the rounding of `n` terms.
    reason : str
        Why this is the optimum.
    potentials : Potentials or None
        An optimal dual pair.
    """

    problem: TransportProblem
    value: float
    reason: str
    potentials: Potentials | None = None

    def __repr__(self) -> str:
        n, m = self.problem.shape
        return f"SolvedProblem(n={n}, m={m}, value={self.value:.9g}, reason={self.reason!r})"


def _weights(n: int, weighted: bool, rng: np.random.Generator) -> FloatArray:
    if not weighted:
        return np.full(n, 1.0 / n)
    raw = rng.random(n) + 0.05
    return np.asarray(raw / raw.sum())


def _solved(
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray,
    cost: Cost,
    value: float,
    reason: str,
    potentials: Potentials | None = None,
) -> SolvedProblem:
    problem = TransportProblem(
        source=DiscreteMeasure(points=x, weights=weights),
        target=DiscreteMeasure(points=y, weights=weights),
        cost=cost,
    )
    return SolvedProblem(problem=problem, value=value, reason=reason, potentials=potentials)


def funnels(
    *, n: int, d: int, n_funnels: int = 4, weighted: bool = False, rng: RngLike = None
) -> SolvedProblem:
    """W1 in any dimension: mass slides down the funnels u(x) = min_k |x - a_k| + b_k.

    u is 1-Lipschitz, and each x_i lies on the segment from y_i to the centre of its funnel, where
    u falls at slope one: so u proves that moving y_i to x_i is optimal, and the value is the mean
    of |x_i - y_i|.

    Parameters
    ----------
    n : int
        Points on either side.
    d : int
        Dimension.
    n_funnels : int, default 4
        Number of centres.
    weighted : bool, default False
        Random weights (the same on both sides) instead of uniform ones.
    rng : Generator or int, optional
        Source of randomness.

    Returns
    -------
    SolvedProblem

    References
    ----------
    Korotin, Kolesov & Burnaev (2022), Kantorovich strikes back! Wasserstein GANs are not optimal
    transport? arXiv:2206.07767.

    Examples
    --------
    >>> from otdiv import solve
    >>> from otdiv.testing import funnels
    >>> case = funnels(n=50, d=3, rng=0)
    >>> abs(solve(case.problem).value - case.value) < 1e-14
    True
    """
    n, d = check_positive_integer("n", n), check_positive_integer("d", d)
    rng = as_generator(rng)
    k = check_positive_integer("n_funnels", n_funnels)
    centres, offsets = rng.normal(size=(k, d)), rng.random(k)
    y = 2.0 * rng.normal(size=(n, d))
    lengths = np.linalg.norm(y[:, None] - centres, axis=2) + offsets
    active = lengths.argmin(axis=1)
    share = rng.random(n)[:, None]
    x = centres[active] + share * (y - centres[active])
    weights = _weights(n, weighted, rng)
    moved = Euclidean().between(x, y)
    height_y = lengths.min(axis=1)
    height_x = height_y - moved
    return _solved(
        x,
        y,
        weights,
        Euclidean(),
        math.fsum(weights * moved),
        "each point moves along a ray of one 1-Lipschitz function",
        Potentials(f=-height_x, g=height_y),
    )


def permuted(
    *, n: int, d: int, cost: PNormCost | None = None, rng: RngLike = None
) -> SolvedProblem:
    """A cloud against itself in another order: the value is 0.

    Parameters
    ----------
    n, d : int
        Points and dimension.
    cost : PNormCost, optional
        Euclidean by default.
    rng : Generator or int, optional
        Source of randomness.

    Returns
    -------
    SolvedProblem

    Examples
    --------
    >>> from otdiv.testing import permuted
    >>> permuted(n=5, d=2, rng=0).value
    0.0
    """
    rng = as_generator(rng)
    n, d = check_positive_integer("n", n), check_positive_integer("d", d)
    x = rng.normal(size=(n, d))
    weights = np.full(n, 1.0 / n)
    zero = Potentials(f=np.zeros(n), g=np.zeros(n))
    reason = "the same atoms in another order"
    return _solved(x, rng.permutation(x), weights, cost or Euclidean(), 0.0, reason, zero)


def translated(
    *, n: int, d: int, shift: float = 0.5, power: float = 2.0, rng: RngLike = None
) -> SolvedProblem:
    """A cloud against its translate by a vector of length `shift`: the value is shift**power.

    For a convex function of y - x the translation is optimal by Jensen's inequality, whatever the
    cloud and its weights.

    Parameters
    ----------
    n, d : int
        Points and dimension.
    shift : float, default 0.5
        Length of the translation.
    power : float, default 2
        Power of the Euclidean cost, at least 1.
    rng : Generator or int, optional
        Source of randomness.

    Returns
    -------
    SolvedProblem

    Examples
    --------
    >>> from otdiv.testing import translated
    >>> translated(n=5, d=2, shift=3.0, rng=0).value
    9.0
    """
    if power < 1.0:
        raise InvalidInputError("power", "be at least 1", power)
    check_positive("shift", shift)
    rng = as_generator(rng)
    # Multiples of 2**-20 within [-8, 8]: the translation is exact in floating point.
    x = np.round(np.clip(rng.normal(size=(n, d)), -8, 8) * 2.0**20) / 2.0**20
    direction = np.zeros(d)
    direction[0] = shift
    weights = _weights(n, True, rng)
    return _solved(
        x,
        x + direction,
        weights,
        PNormCost(power=power),
        float(shift) ** power,
        "a translation is optimal for a convex cost (Jensen)",
    )


def point_masses(*, distance: float = 1.0, d: int = 1, power: float = 1.0) -> SolvedProblem:
    """Two Dirac measures: the value is distance**power, by the only plan there is.

    Parameters
    ----------
    distance : float, default 1
        Distance of the two points.
    d : int, default 1
        Dimension.
    power : float, default 1
        Power of the Euclidean cost.

    Returns
    -------
    SolvedProblem

    Examples
    --------
    >>> from otdiv.testing import point_masses
    >>> point_masses(distance=2.0, power=2.0).value
    4.0
    """
    x, y = np.zeros((1, d)), np.zeros((1, d))
    y[0, 0] = distance
    cost = PNormCost(power=power)
    return _solved(x, y, np.ones(1), cost, float(distance) ** power, "the only plan there is")


def monotone_line(*, n: int, power: float = 1.0, rng: RngLike = None) -> SolvedProblem:
    """Points on a line: a convex cost couples them in order.

    Parameters
    ----------
    n : int
        Points on either side.
    power : float, default 1
        Power of the cost, at least 1.
    rng : Generator or int, optional
        Source of randomness.

    Returns
    -------
    SolvedProblem

    References
    ----------
    Villani (2003), Topics in Optimal Transportation, theorem 2.18.

    Examples
    --------
    >>> from otdiv.testing import monotone_line
    >>> monotone_line(n=4, rng=0).problem.shape
    (4, 4)
    """
    if power < 1.0:
        raise InvalidInputError("power", "be at least 1", power)
    rng = as_generator(rng)
    x, y = rng.normal(size=(n, 1)), rng.normal(size=(n, 1)) * 1.5
    moved = np.abs(np.sort(x[:, 0]) - np.sort(y[:, 0])) ** power
    value = math.fsum(moved) / n
    reason = "sorted order is optimal on the line"
    return _solved(x, y, np.full(n, 1.0 / n), PNormCost(power=power), value, reason)


def gaussian_line(*, n: int, mean: float = 1.0, deviation: float = 2.0) -> SolvedProblem:
    """Quantiles of N(0, 1) against those of N(mean, deviation²) under the squared distance.

    The affine map between them is increasing, hence optimal. With n midpoint quantiles the value
    tends to mean² + (deviation - 1)².

    Parameters
    ----------
    n : int
        Quantiles on either side.
    mean, deviation : float
        Of the second law.

    Returns
    -------
    SolvedProblem

    Examples
    --------
    >>> from otdiv.testing import gaussian_line
    >>> round(gaussian_line(n=1000).value, 2)
    2.0
    """
    from scipy.special import ndtri

    check_positive("deviation", deviation)
    z = ndtri((np.arange(n) + 0.5) / n)
    y = mean + deviation * z
    value = math.fsum((y - z) ** 2) / n
    reason = "an increasing map is optimal on the line"
    weights = np.full(n, 1.0 / n)
    return _solved(z[:, None], y[:, None], weights, SquaredEuclidean(), value, reason)


def as_matrix_problem(case: SolvedProblem) -> SolvedProblem:
    """The same case with its costs as a bare matrix."""
    problem = TransportProblem(
        source=DiscreteMeasure(
            points=np.arange(float(case.problem.shape[0])), weights=case.problem.a
        ),
        target=DiscreteMeasure(
            points=np.arange(float(case.problem.shape[1])), weights=case.problem.b
        ),
        cost=CostMatrix(case.problem.matrix()),
    )
    options: dict[str, Any] = {"value": case.value, "reason": case.reason}
    return SolvedProblem(problem=problem, potentials=case.potentials, **options)
