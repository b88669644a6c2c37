"""What a plan and its potentials say beyond the value: gradients and transport maps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ._arrays import keeps_arrays, to_like
from ._calling import explains_calls
from ._frozen import restore, seal
from ._typing import FloatArray, IndexArray
from ._validation import as_points_from, describe
from .costs import PNormCost
from .errors import InvalidInputError, UnsupportedProblemError
from .plans import Plan, PlanEntries, SparsePlan
from .results import TransportResult

__all__ = [
    "Gradient",
    "GradientArrays",
    "barycentric_map",
    "gathered",
    "gradient",
    "point_gradient",
    "sparse_entries",
]

_OF_TRANSPORT = "(`transport(x, y)` returns one)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gradient:
    """Derivatives of a transport value.

    Attributes
    ----------
    x, y : array or None
        With respect to the points, shapes (n, d) and (m, d); None for a cost matrix.
    a, b : array
        With respect to the weights, shapes (n,) and (m,): the potentials. Only directions that
        keep the masses equal have a meaning, so a constant may move from one to the other.
    cost : Plan
        With respect to the cost matrix: the plan.
    """

    x: FloatArray | None
    y: FloatArray | None
    a: FloatArray
    b: FloatArray
    cost: Plan

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def to(self, *, like: Any) -> GradientArrays:
        """Return the same as arrays of the library, floating dtype and device of `like`."""
        x, y = (None if side is None else to_like(side, like) for side in (self.x, self.y))
        a, b = to_like(self.a, like), to_like(self.b, like)
        return GradientArrays(x=x, y=y, a=a, b=b, cost=self.cost.to(like=like))


class GradientArrays(NamedTuple):
    """The parts of a `Gradient` as arrays of somebody's library."""

    x: Any
    y: Any
    a: Any
    b: Any
    cost: PlanEntries


def sparse_entries(plan: Plan) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Rows, columns and masses (k,) of the entries of any plan."""
    sparse = _sparse(plan)
    return sparse.rows, sparse.columns, sparse.mass


def _sparse(plan: Plan | None, threshold: float = 0.0) -> SparsePlan:
    if plan is None:
        raise InvalidInputError("result", "hold a plan", "an infeasible or failed result")
    if isinstance(plan, SparsePlan):
        return plan
    if hasattr(plan, "to_sparse"):
        return plan.to_sparse(threshold)
    dense = plan.toarray()
    rows, columns = np.nonzero(dense)
    return SparsePlan(rows=rows, columns=columns, mass=dense[rows, columns], shape=plan.shape)


def point_gradient(difference: FloatArray, cost: PNormCost) -> FloatArray:
    """Gradient (k, d) of |z|_norm ** power at the rows of `difference`, 0 at z = 0."""
    if cost.norm == cost.power == 2.0:
        return 2.0 * difference
    size = np.abs(difference)
    largest = size.max(axis=1, keepdims=True)
    safe = np.where(largest > 0.0, largest, 1.0)
    ratio = size / safe
    if cost.norm == math.inf:
        # A subgradient: the first coordinate that attains the maximum.
        direction = np.zeros_like(difference)
        rows = np.arange(len(difference))
        first = size.argmax(axis=1)
        direction[rows, first] = np.sign(difference[rows, first])
        length = largest
    else:
        relative = (ratio**cost.norm).sum(axis=1, keepdims=True) ** (1.0 / cost.norm)
        relative = np.where(relative > 0.0, relative, 1.0)
        direction = np.sign(difference) * (ratio / relative) ** (cost.norm - 1.0)
        length = safe * relative
    if cost.power != 1.0:
        direction = direction * (cost.power * length ** (cost.power - 1.0))
    return np.where(largest > 0.0, direction, 0.0)


def gathered(places: IndexArray, parts: FloatArray, size: int) -> FloatArray:
    """Sums (size, d) of the rows of `parts` (k, d) that have the same place."""
    sums = np.empty((size, parts.shape[1]))
    for k, column in enumerate(parts.T):
        sums[:, k] = np.bincount(places, column, size)
    return sums


@explains_calls()
def gradient(result: TransportResult) -> Gradient:
    """Derivatives of the transport value with respect to points, weights and costs.

    Where the optimal plan or the potentials are not unique, or two matched points coincide under a
    cost of power 1, the value is not differentiable there and this is one subgradient (in the
    weights, where the value is convex) or one element of the generalised gradient (in the points).

    Parameters
    ----------
    result : TransportResult
        A solved problem; the sharper its bounds, the more accurate the derivatives.

    Returns
    -------
    Gradient
        In units of cost·mass per unit of length (points) and of cost (weights).

    Raises
    ------
    InvalidInputError
        If the result holds no plan.

    References
    ----------
    Peyré & Cuturi (2019), Computational optimal transport, section 9.1, arXiv:1803.00567.

    Examples
    --------
    >>> from otdiv import gradient, transport
    >>> result = transport([0.0, 1.0], [3.0, 5.0], cost="sqeuclidean")
    >>> gradient(result).x.ravel()
    array([-3., -4.])
    """
    if not isinstance(result, TransportResult):
        raise InvalidInputError("result", "be a TransportResult", describe(result), _OF_TRANSPORT)
    plan = _sparse(result.plan)
    assert result.potentials is not None
    x_gradient = y_gradient = None
    problem = result.problem
    if isinstance(problem.cost, PNormCost):
        difference = problem.x[plan.rows] - problem.y[plan.columns]
        pull = point_gradient(difference, problem.cost) * plan.mass[:, None]
        x_gradient = gathered(plan.rows, pull, problem.shape[0])
        y_gradient = gathered(plan.columns, -pull, problem.shape[1])
    return Gradient(
        x=x_gradient,
        y=y_gradient,
        a=result.potentials.f,
        b=result.potentials.g,
        cost=result.plan if result.plan is not None else plan,
    )


@keeps_arrays()
@explains_calls()
def barycentric_map(result: TransportResult, x: Any = None) -> FloatArray:
    """Where a plan sends points on average: T(x_i) = sum_j P_ij y_j / a_i.

    Parameters
    ----------
    result : TransportResult
        A solved problem between points.
    x : array_like, shape (k, d), optional
        New points; the source atoms by default. An entropic result maps them by its softmin of the
        potentials (Pooladian & Niles-Weed, arXiv:2109.12004, section 3); an exact one moves each
        new point by the displacement of its nearest source atom of positive weight.

    Returns
    -------
    array, shape (n, d) or (k, d)
        Images; a source atom without weight keeps its place. Where samples of large integers are
        counted from an origin (`result.problem.origin`), it is added again: the nearest float64.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        If the result holds no plan, the cost is a matrix, or `x` has another dimension.

    Examples
    --------
    >>> from otdiv import barycentric_map, transport
    >>> result = transport([0.0, 1.0], [3.0, 5.0], cost="sqeuclidean")
    >>> barycentric_map(result).ravel()
    array([3., 5.])
    >>> barycentric_map(result, [[0.9]]).ravel()
    array([4.9])
    """
    if not isinstance(result, TransportResult):
        raise InvalidInputError("result", "be a TransportResult", describe(result), _OF_TRANSPORT)
    problem = result.problem
    if not isinstance(problem.cost, PNormCost):
        raise UnsupportedProblemError(
            "a cost matrix has no points to average; use plan.toarray() @ your_points"
        )
    if x is None:
        return _from_zero(_atom_images(result), problem.origin)
    points = as_points_from(problem.origin, "x", x)
    if points.shape[1] != problem.source.d:
        raise InvalidInputError("x", f"have {problem.source.d} columns", points.shape[1])
    if result.entropic is not None and result.plan is not None and hasattr(result.plan, "epsilon"):
        return _from_zero(_softmin_images(result, points), problem.origin)
    from scipy.spatial import cKDTree

    live = np.flatnonzero(problem.a > 0.0)
    displacement = _atom_images(result)[live] - problem.x[live]
    nearest = cKDTree(problem.x[live]).query(points, p=problem.cost.norm)[1]
    return _from_zero(points + displacement[nearest], problem.origin)


def _from_zero(points: FloatArray, origin: tuple[Any, ...] | None) -> FloatArray:
    """Points (n, d) that count from an exact origin (d,), rounded once."""
    if origin is None:
        return points
    columns = zip(points.T.tolist(), origin, strict=True)
    return np.array([[float(Fraction(z) + o) for z in column] for column, o in columns]).T


def _atom_images(result: TransportResult) -> FloatArray:
    problem = result.problem
    plan = _sparse(result.plan)
    images = np.zeros_like(problem.x)
    np.add.at(images, plan.rows, plan.mass[:, None] * problem.y[plan.columns])
    received = plan.row_sums()
    live = received > 0.0
    images[live] /= received[live, None]
    images[~live] = problem.x[~live]
    return images


def _softmin_images(result: TransportResult, points: FloatArray) -> FloatArray:
    plan: Any = result.plan
    problem = result.problem
    assert isinstance(problem.cost, PNormCost)
    live = problem.b > 0.0
    y, g, weights = problem.y[live], plan.g[live], problem.b[live]
    images = np.empty_like(points)
    step = max(1, 2**22 // len(y))
    for start in range(0, len(points), step):
        part = points[start : start + step]
        exponent = (g - problem.cost.pairwise(part, y)) / plan.epsilon + np.log(weights)
        exponent -= exponent.max(axis=1, keepdims=True)
        share = np.exp(exponent)
        images[start : start + step] = share @ y / share.sum(axis=1, keepdims=True)
    return images
