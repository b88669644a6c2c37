"""The Sinkhorn divergence: entropic transport with its bias taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .._arrays import keeps_arrays, to_like
from .._calling import explains_calls
from .._frozen import restore, seal, seal_in_place
from .._typing import FloatArray, IndexArray
from .._validation import check_positive, check_positive_integer
from ..costs import PNormCost, as_point_cost
from ..errors import ConvergenceError
from ..measures import DiscreteMeasure, as_measures
from ..problems import TransportProblem
from ..results import Bounds, Status, Valued
from .gradients import cost_gradient_sums
from .solve import EntropicSolve, solve_entropic

__all__ = [
    "DivergenceGradient",
    "DivergenceGradientArrays",
    "SinkhornDivergenceResult",
    "sinkhorn_divergence",
    "sinkhorn_divergence_result",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DivergenceGradient:
    """Derivatives of a Sinkhorn divergence.

    Attributes
    ----------
    x, y : arrays (n, d) and (m, d)
        With respect to the points, at fixed weights (unit of the cost per unit of length).
    a, b : arrays (n,) and (m,)
        With respect to the weights (unit of the cost). Only directions that keep the masses equal
        have a meaning, so a constant may move from one to the other.
    """

    x: FloatArray
    y: FloatArray
    a: FloatArray
    b: FloatArray

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def to(self, *, like: Any) -> DivergenceGradientArrays:
        """Return the same as arrays of the library, floating dtype and device of `like`."""
        parts = (to_like(part, like) for part in (self.x, self.y, self.a, self.b))
        return DivergenceGradientArrays(*parts)


class DivergenceGradientArrays(NamedTuple):
    """The parts of a `DivergenceGradient` as arrays of somebody's library."""

    x: Any
    y: Any
    a: Any
    b: Any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SinkhornDivergenceResult(Valued):
    """A Sinkhorn divergence with its three terms.

    Attributes
    ----------
    value : float
        cross - (source + target) / 2, in the unit of the cost times mass.
    bounds : Bounds
        Enclosure of the exact divergence, from the bounds of the three entropic problems.
    terms : mapping of str to float
        "cross", "source" and "target": the three entropic transport values.
    epsilon : float
        Regularisation, in the unit of the cost.
    marginal_error : float
        Largest L1 error of a marginal among the three plans.
    n_iterations : int
        Newton and Sinkhorn steps of the three solves together.
    """

    value: float
    bounds: Bounds
    terms: Mapping[str, float]
    epsilon: float
    marginal_error: float
    n_iterations: int
    _atoms: _Pair
    _solves: tuple[EntropicSolve, EntropicSolve, EntropicSolve] | None

    def gradient(self) -> DivergenceGradient:
        """Derivatives with respect to points and weights, in the caller's order.

        In the points the plan is held fixed (the envelope theorem), in the weights the derivative
        is the difference of the potentials. Where a point of one measure coincides with one of its
        partners under a cost of power 1, the gradient of that pair counts as zero.
        """
        atoms = self._atoms
        (p, p_index), (q, q_index) = atoms.source, atoms.target
        a_share = _shares(atoms.x_weights, p.weights, p_index)
        b_share = _shares(atoms.y_weights, q.weights, q_index)
        if self._solves is None:
            n, m = p_index.size, q_index.size
            return DivergenceGradient(
                x=np.zeros((n, p.d)), y=np.zeros((m, q.d)), a=np.zeros(n), b=np.zeros(m)
            )
        cross, source, target = self._solves
        cost = atoms.cost
        pulls = [
            cost_gradient_sums(TransportProblem(source=s, target=t, cost=cost), solve)
            for s, t, solve in ((p, q, cross), (p, p, source), (q, q, target))
        ]
        back = cost_gradient_sums(TransportProblem(source=q, target=p, cost=cost), _reversed(cross))
        return DivergenceGradient(
            x=(pulls[0] - pulls[1])[p_index] * a_share[:, None],
            y=(back - pulls[2])[q_index] * b_share[:, None],
            a=(cross.f - source.f)[p_index],
            b=(cross.g - target.f)[q_index],
        )

    def __repr__(self) -> str:
        return (
            f"SinkhornDivergenceResult(value={self.value:.12g}, "
            f"bounds=[{self.bounds.lower:.12g}, {self.bounds.upper:.12g}], "
            f"epsilon={self.epsilon:g})"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Both measures with equal atoms merged, and where the caller's atoms went."""

    source: tuple[DiscreteMeasure, IndexArray]
    target: tuple[DiscreteMeasure, IndexArray]
    x_weights: FloatArray
    y_weights: FloatArray
    cost: PNormCost

    __setstate__ = restore


def _merged(measure: DiscreteMeasure) -> tuple[DiscreteMeasure, IndexArray]:
    """Equal atoms joined in lexicographic order, so that the order of atoms cannot matter."""
    support, inverse = np.unique(measure.points, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    seal_in_place(inverse)
    weights = np.zeros(len(support))
    np.add.at(weights, inverse, measure.weights)
    return DiscreteMeasure(points=support, weights=weights), inverse


def _shares(weights: FloatArray, merged: FloatArray, index: IndexArray) -> FloatArray:
    """Part of its merged atom's weight that each atom holds; 0 where there is none."""
    whole = merged[index]
    return np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0.0)


def _reversed(solve: EntropicSolve) -> EntropicSolve:
    return replace(solve, summary=replace(solve.summary, f=solve.g, g=solve.f))


@keeps_arrays("sinkhorn_divergence")
@explains_calls()
def sinkhorn_divergence(
    x: Any,
    y: Any,
    *,
    epsilon: float,
    x_weights: Any = None,
    y_weights: Any = None,
    cost: PNormCost | str = "sqeuclidean",
    marginal_tolerance: float = 1e-6,
    max_iterations: int = 1000,
) -> float:
    """Sinkhorn divergence of two samples: entropic transport without its bias.

    S(p, q) = OT(p, q) - OT(p, p) / 2 - OT(q, q) / 2, where OT is the least value of
    <C, P> + epsilon KL(P | p⊗q / m) for laws of mass m: 1 for samples, and that of a
    `DiscreteMeasure`, with which OT and S grow in proportion. It is non-negative, zero exactly
    when the laws agree, and runs from the transport cost (epsilon to 0) to an energy distance
    (epsilon to infinity).

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Points. A `DiscreteMeasure` is taken as it is, with its mass.
    epsilon : float
        Regularisation, in the unit of the cost.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies, each side normalised to 1; uniform by default.
    cost : PNormCost or str, default "sqeuclidean"
        Ground cost of points.
    marginal_tolerance : float, default 1e-6
        L1 error of the marginals at which each of the three solves stops, relative to the mass.
    max_iterations : int, default 1000
        Limit of steps of each solve.

    Returns
    -------
    float
        In the unit of the cost; exactly 0.0 for equal measures, and exactly symmetric.

    Raises
    ------
    ConvergenceError
        If one of the solves did not reach its marginals.
    InvalidInputError
        If an argument breaks its requirement.

    References
    ----------
    Genevay, Peyré & Cuturi (2018), Learning generative models with Sinkhorn divergences,
    arXiv:1706.00292. Feydy, Séjourné, Vialard, Amari, Trouvé & Peyré (2019), arXiv:1810.08278.

    Examples
    --------
    >>> from otdiv import sinkhorn_divergence
    >>> sinkhorn_divergence([0.0, 1.0], [0.0, 1.0], epsilon=0.1)
    0.0
    >>> round(sinkhorn_divergence([0.0, 1.0], [2.0, 3.0], epsilon=0.1), 6)
    4.0
    """
    return sinkhorn_divergence_result(
        x,
        y,
        epsilon=epsilon,
        x_weights=x_weights,
        y_weights=y_weights,
        cost=cost,
        marginal_tolerance=marginal_tolerance,
        max_iterations=max_iterations,
    ).value


@keeps_arrays("sinkhorn_divergence")
@explains_calls()
def sinkhorn_divergence_result(
    x: Any,
    y: Any,
    *,
    epsilon: float,
    x_weights: Any = None,
    y_weights: Any = None,
    cost: PNormCost | str = "sqeuclidean",
    marginal_tolerance: float = 1e-6,
    max_iterations: int = 1000,
) -> SinkhornDivergenceResult:
    """Sinkhorn divergence with its three terms, bounds and gradient; see `sinkhorn_divergence`.

    Parameters
    ----------
    x, y, epsilon, x_weights, y_weights, cost, marginal_tolerance, max_iterations
        As in `sinkhorn_divergence`.

    Returns
    -------
    SinkhornDivergenceResult

    Raises
    ------
    ConvergenceError, InvalidInputError
        As in `sinkhorn_divergence`.

    Examples
    --------
    >>> from otdiv import sinkhorn_divergence_result
    >>> result = sinkhorn_divergence_result([0.0], [3.0], epsilon=1.0)
    >>> round(result.terms["cross"], 9), result.terms["source"]
    (9.0, 0.0)
    >>> result.gradient().x
    array([[-6.]])
    """
    epsilon = check_positive("epsilon", epsilon)
    tolerance = check_positive("marginal_tolerance", marginal_tolerance)
    check_positive_integer("max_iterations", max_iterations)
    ground = as_point_cost(cost)
    source, target, _ = as_measures(x, y, x_weights, y_weights)
    merged, other = _merged(source), _merged(target)
    atoms = _Pair(merged, other, source.weights, target.weights, ground)
    p, q = merged[0], other[0]
    cross_problem = TransportProblem(source=p, target=q, cost=ground)
    if np.array_equal(p.points, q.points) and np.array_equal(p.weights, q.weights):
        # Equal laws need no arithmetic for a divergence of zero; one solve gives the terms.
        own = _solved(cross_problem, epsilon, tolerance, max_iterations, "cross")
        value = own.summary.value
        return _result(0.0, Bounds(0.0, 0.0), (value, value, value), (own,), atoms, None)
    solves = (
        _solved(cross_problem, epsilon, tolerance, max_iterations, "cross"),
        _solved(_self_problem(p, ground), epsilon, tolerance, max_iterations, "source"),
        _solved(_self_problem(q, ground), epsilon, tolerance, max_iterations, "target"),
    )
    cross, first, second = (solve.summary for solve in solves)
    # first + second before halving: the sum does not depend on which measure came first.
    value = cross.value - 0.5 * (first.value + second.value)
    lower = cross.bounds.lower - 0.5 * (first.bounds.upper + second.bounds.upper)
    upper = cross.bounds.upper - 0.5 * (first.bounds.lower + second.bounds.lower)
    if _positive_definite(ground):
        # The divergence of such costs is non-negative (Feydy et al., theorem 1): what is below
        # zero is the rounding that the bounds already hold.
        value, lower, upper = max(value, 0.0), max(lower, 0.0), max(upper, 0.0)
    terms = cross.value, first.value, second.value
    return _result(value, Bounds(lower, upper), terms, solves, atoms, solves)


def _positive_definite(cost: PNormCost) -> bool:
    """Whether exp(-C / epsilon) is a positive definite kernel for every epsilon.

    True of |x - y|_2 ** power for 0 < power <= 2 and of |x - y|_1 ** power for power <= 1
    (Schoenberg 1938, doi:10.1090/S0002-9947-1938-1501980-0).
    """
    return (cost.norm == 2.0 and cost.power <= 2.0) or (cost.norm == 1.0 and cost.power <= 1.0)


def _self_problem(measure: DiscreteMeasure, cost: PNormCost) -> TransportProblem:
    return TransportProblem(source=measure, target=measure, cost=cost)


def _solved(
    problem: TransportProblem, epsilon: float, tolerance: float, max_iterations: int, term: str
) -> EntropicSolve:
    solve = solve_entropic(problem, epsilon, tolerance=tolerance, max_iterations=max_iterations)
    if solve.status is not Status.OPTIMAL:
        raise ConvergenceError(
            f"the {term} term of the Sinkhorn divergence ended with {solve.status.name} at a "
            f"marginal error of {solve.summary.marginal_error:.2e}; {solve.message}",
            solve,
        )
    return solve


def _result(
    value: float,
    bounds: Bounds,
    terms: tuple[float, float, float],
    solves: tuple[EntropicSolve, ...],
    atoms: _Pair,
    kept: tuple[EntropicSolve, EntropicSolve, EntropicSolve] | None,
) -> SinkhornDivergenceResult:
    return SinkhornDivergenceResult(
        value=value,
        bounds=bounds,
        terms=dict(zip(("cross", "source", "target"), terms, strict=True)),
        epsilon=solves[0].summary.epsilon,
        marginal_error=max(solve.summary.marginal_error for solve in solves),
        n_iterations=sum(solve.n_iterations for solve in solves),
        _atoms=atoms,
        _solves=kept,
    )
