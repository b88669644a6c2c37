"""Unbalanced transport: mass may be lost or made at a price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._frozen import restore, seal
from ._memory import check_room
from ._typing import FloatArray
from ._validation import check_positive, check_positive_integer
from .certificates import c_transform
from .certificates.rounding import cost_rounding
from .costs import Cost, CostMatrix, PNormCost, as_cost
from .errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from .measures import DiscreteMeasure
from .problems import TransportProblem
from .results import Bounds, Status
from .solvers._entropic_unbalanced import UnbalancedSolve, solve_unbalanced

__all__ = ["UnbalancedPlan", "UnbalancedProblem", "UnbalancedResult", "unbalanced_transport"]

# Without a given epsilon, it starts at this share of the smaller of cost and reach, and falls by
# this factor until the bounds are close enough.
_FIRST_EPSILON = 0.05
_TIGHTENING = 4.0
# Where what the sums may have missed is most of the gap, the tolerance falls by this factor, as far
# as rounding allows.
_FINER, _FINEST = 1e-3, 1e-12
# Rounding of a bound relative to the sum of the magnitudes in it: sums of n terms taken pairwise,
# an exponential, and costs; 1e-14 is 90 u.
_ROUNDING = 1e-14
# What sums may be off by where all costs are 0, and for each of their terms: a gap of that size is
# none, as measures may be equal, and the optimum 0. No epsilon is smaller than this share of the
# reach.
_LEAST_ERROR, _TERM_ERROR, _LEAST_EPSILON = 1e-13, 2.0**-50, 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnbalancedProblem:
    """Move what is worth moving: min <C, P> + reach KL(P 1 | a) + reach KL(P' 1 | b) over P >= 0.

    KL(p | q) = sum p log(p / q) - p + q. Moving a unit of mass between two atoms is worth its price
    while the cost is below about twice the reach.

    Parameters
    ----------
    source, target : DiscreteMeasure
        Measures of n and m atoms; their masses may differ.
    cost : PNormCost or CostMatrix
        Ground cost, non-negative; a matrix has shape (n, m).
    reach : float
        Price of mass that is lost or made, in the unit of the cost. Where others give a length L
        and a cost of power p, it is L ** p.

    Raises
    ------
    InvalidInputError
        If shapes disagree, the reach is not positive and finite, or a cost is negative.
    """

    source: DiscreteMeasure
    target: DiscreteMeasure
    cost: Cost
    reach: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", as_cost(self.cost))
        object.__setattr__(self, "reach", check_positive("reach", self.reach))
        for name in ("source", "target"):
            if not isinstance(getattr(self, name), DiscreteMeasure):
                found = type(getattr(self, name)).__name__
                raise InvalidInputError(name, "be a DiscreteMeasure", found)
        # The shapes and the size of the costs are checked as those of a balanced problem are.
        self.normalized()
        if isinstance(self.cost, CostMatrix) and self.cost.values.min() < 0.0:
            raise InvalidInputError("C", "be non-negative", float(self.cost.values.min()))

    @property
    def a(self) -> FloatArray:
        """Source weights (n,)."""
        return self.source.weights

    @property
    def b(self) -> FloatArray:
        """Target weights (m,)."""
        return self.target.weights

    def normalized(self) -> TransportProblem:
        """Both measures at mass one, as a balanced problem of the same costs."""
        sides = (
            DiscreteMeasure(points=side.points, weights=side.weights / side.mass)
            for side in (self.source, self.target)
        )
        source, target = sides
        return TransportProblem(source=source, target=target, cost=self.cost)

    def __repr__(self) -> str:
        return (
            f"UnbalancedProblem(n={self.source.n}, m={self.target.n}, cost={self.cost!r}, "
            f"reach={self.reach:g})"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnbalancedPlan:
    """Plan P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon) in factors."""

    problem: UnbalancedProblem
    f: FloatArray
    g: FloatArray
    epsilon: float
    row_sums: FloatArray
    """Mass that leaves each source atom (n,)."""
    column_sums: FloatArray
    """Mass that arrives at each target atom (m,)."""

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.f.size, self.g.size

    def block(self, start: int, stop: int) -> FloatArray:
        """Rows start..stop-1 of the plan as (stop - start, m)."""
        costs = self.problem.normalized().block(start, stop)
        plan = np.exp((self.f[start:stop, None] + self.g - costs) / self.epsilon)
        plan *= self.problem.a[start:stop, None] * self.problem.b
        return plan

    def to_dense(self) -> FloatArray:
        """Return the plan as an (n, m) array; 8 n m bytes."""
        n, m = self.shape
        check_room(8 * n * m, "the plan as an array", "`block` makes some rows of it")
        return self.block(0, self.shape[0])

    def __repr__(self) -> str:
        return f"UnbalancedPlan(shape={self.shape}, epsilon={self.epsilon:g})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnbalancedResult:
    """An unbalanced transport with both bounds of its own objective.

    Attributes
    ----------
    problem : UnbalancedProblem
    value : float
        Objective of `plan`: the sum of `terms`, never below the optimum.
    terms : mapping of str to float
        "transport" <C, P>, "source" and "target" (the two penalties), and "entropy",
        epsilon KL(P | a⊗b), 0 where no epsilon was asked. Each is non-negative.
    bounds : Bounds
        Of the optimum of that same objective: dual potentials from below, the plan from above.
    mass : float
        Mass of the plan.
    plan : UnbalancedPlan
    status : Status
    n_iterations : int
    """

    problem: UnbalancedProblem
    value: float
    terms: Mapping[str, float]
    bounds: Bounds
    mass: float
    plan: UnbalancedPlan
    status: Status
    n_iterations: int

    def __repr__(self) -> str:
        return (
            f"UnbalancedResult(value={self.value:.12g}, bounds=[{self.bounds.lower:.12g}, "
            f"{self.bounds.upper:.12g}], mass={self.mass:g}, status={self.status.name})"
        )


def unbalanced_transport(
    problem: UnbalancedProblem,
    *,
    epsilon: float | None = None,
    rtol: float = 1e-3,
    marginal_tolerance: float = 1e-6,
    max_iterations: int = 1000,
    max_memory: int | None = None,
    throw: bool = True,
) -> UnbalancedResult:
    """Solve an unbalanced transport problem, with or without an entropic term.

    With `epsilon` the objective is

        <C, P> + reach KL(P 1 | a) + reach KL(P' 1 | b) + epsilon KL(P | a⊗b).

    Without it the last term is absent: it is then only the method, and is made smaller until the
    bounds of the plain objective meet `rtol`.

    Parameters
    ----------
    problem : UnbalancedProblem
        n source atoms, m target atoms, a cost and a reach.
    epsilon : float, optional
        Regularisation, in the unit of the cost.
    rtol : float, default 1e-3
        Relative gap of the bounds that is asked for.
    marginal_tolerance : float, default 1e-6
        L1 error of the optimality conditions relative to the mass, at which a solve stops. It is
        made smaller where `rtol` needs that.
    max_iterations : int, default 1000
        Limit of steps of a solve.
    max_memory : int, optional
        Bytes that a stored cost matrix may take.
    throw : bool, default True
        Raise where the status is not OPTIMAL; otherwise return it.

    Returns
    -------
    UnbalancedResult

    Raises
    ------
    ConvergenceError
        If the tolerance is not met and `throw` is True; it carries the result.
    InvalidInputError, UnsupportedProblemError
        If an argument breaks its requirement, or pairs are forbidden (infinite costs).

    References
    ----------
    Liero, Mielke & Savaré (2018), Optimal entropy-transport problems, arXiv:1508.07941. Chizat,
    Peyré, Schmitzer & Vialard (2018), Scaling algorithms for unbalanced optimal transport problems,
    arXiv:1607.05816. Séjourné, Feydy, Vialard, Trouvé & Peyré (2019), arXiv:1910.12958.

    Examples
    --------
    Two single atoms of mass 1 keep the mass exp(-C / (2 reach)):

    >>> import math
    >>> from otdiv import DiscreteMeasure, UnbalancedProblem, unbalanced_transport
    >>> p, q = DiscreteMeasure(points=[0.0]), DiscreteMeasure(points=[1.0])
    >>> problem = UnbalancedProblem(source=p, target=q, cost="sqeuclidean", reach=0.5)
    >>> result = unbalanced_transport(problem)
    >>> abs(result.mass - math.exp(-1.0)) < 1e-2
    True
    >>> 2 * 0.5 * (1 - math.exp(-1.0)) in result.bounds
    True
    """
    if not isinstance(problem, UnbalancedProblem):
        raise InvalidInputError("problem", "be an UnbalancedProblem", type(problem).__name__)
    rtol = check_positive("rtol", rtol)
    tolerance = check_positive("marginal_tolerance", marginal_tolerance)
    check_positive_integer("max_iterations", max_iterations)
    balanced = problem.normalized()
    largest = balanced.cost_bound()
    if isinstance(problem.cost, CostMatrix) and not np.isfinite(problem.cost.values).all():
        raise UnsupportedProblemError(
            "unbalanced_transport takes finite costs; a cost far above 2 * reach forbids a pair"
        )
    if epsilon is not None:
        check_positive("epsilon", epsilon)
    current = epsilon or _FIRST_EPSILON * (min(largest, problem.reach) or problem.reach)
    best: UnbalancedResult | None = None
    start = None
    n_iterations = 0
    while True:
        solve = solve_unbalanced(
            balanced,
            problem.a,
            problem.b,
            current,
            problem.reach,
            tolerance=tolerance,
            max_iterations=max_iterations,
            max_memory=max_memory,
            start=start,
        )
        n_iterations += solve.n_iterations
        finer = max(_FINER * tolerance, _FINEST, solve.floor / solve.epsilon * tolerance)
        finest = finer > 0.5 * tolerance or solve.drop <= solve.errors
        result = _certified(problem, balanced, solve, epsilon is not None, rtol, n_iterations)
        astray = epsilon is not None and solve.epsilon > epsilon * (1.0 + 1e-12)
        if astray:
            best = replace(result, status=Status.STALLED)
            break
        best = result if best is None else _better(best, result)
        if best.status is Status.OPTIMAL or not solve.converged:
            break
        start = solve.f, solve.g
        if not finest and 2.0 * (result.bounds.upper - result.value) > result.bounds.gap:
            tolerance = finer
            continue
        if epsilon is not None:
            break
        current /= _TIGHTENING
        if current < max(solve.floor, _LEAST_EPSILON * problem.reach):
            break
    if throw and best.status is not Status.OPTIMAL:
        reason = f"a relative gap of {best.bounds.relative_gap:.2e} remains; ask for a larger rtol"
        if astray:
            reason = (
                f"epsilon is below {solve.floor:.3g}, the least that float64 resolves on costs of "
                "this size, and that was solved instead"
            )
        raise ConvergenceError(
            f"unbalanced_transport ended with {best.status.name}: {reason}", best
        )
    return best


def _better(first: UnbalancedResult, second: UnbalancedResult) -> UnbalancedResult:
    """The result that meets what was asked, or has the smaller gap."""
    met = second.status is Status.OPTIMAL
    return second if met or second.bounds.gap <= first.bounds.gap else first


def _divergence(p: FloatArray, q: FloatArray) -> FloatArray:
    """Terms p log(p / q) - p + q, with 0 log 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(p > 0.0, p * np.log(p / q), 0.0)
    return np.asarray(logarithm - p + q)


def _live(weights: FloatArray, potential: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Atoms that carry mass: any potential will do for the others."""
    carrying = weights > 0.0
    return weights[carrying], potential[carrying]


def _price_of_less(taken: float, mass: float) -> float:
    """By how much KL(p | q) may grow where `taken` is taken away from p, if q has the mass `mass`.

    The value is that of row and column sums r and c. One side was summed over some pairs, the other
    made exact by sums that may have left out something, so the plan P of these pairs has other
    sums. Scaled down until neither is above r or c it costs less and has up to `surplus` less of
    each; with the entropic term its cost is at most R @ f + C @ g - epsilon (its mass less that of
    a⊗b), where R and C are the sums it has then. Now KL is convex, so taking t_i from p_i adds most
    where all of p_i is taken: t_i - t_i log(t_i / q_i); and the sum of that is at most
    t - t log(t / q), t and q being the sums.
    """
    if taken == 0.0:
        return 0.0
    return taken * (1.0 + math.log(mass / taken)) if taken < mass else mass


def _certified(
    problem: UnbalancedProblem,
    balanced: TransportProblem,
    solve: UnbalancedSolve,
    regularised: bool,
    rtol: float,
    n_iterations: int,
) -> UnbalancedResult:
    """Objective of the plan, and a dual bound of the same objective.

    The dual of reach KL(p | a) is -reach a (exp(-f / reach) - 1). With the entropic term any f, g
    are admissible and pay epsilon (sum P - mass a mass b); without it f + g <= C must hold, which a
    c-transform ensures.
    """
    a, b, reach = problem.a, problem.b, problem.reach
    epsilon = solve.epsilon if regularised else 0.0
    r, c, f, g = solve.row_sums, solve.column_sums, solve.f, solve.g
    total, other = math.fsum(r), math.fsum(c)
    masses = math.fsum(a) * math.fsum(b)
    penalties = [reach * float(_divergence(p, q).sum()) for p, q in ((r, a), (c, b))]
    moved = float(r @ f + c @ g)
    entropy = max(moved - solve.transport - solve.epsilon * (total - masses), 0.0)
    terms = {
        "transport": solve.transport,
        "source": penalties[0],
        "target": penalties[1],
        "entropy": entropy if regularised else 0.0,
    }
    value = math.fsum(terms.values())
    largest = balanced.cost_bound()
    # Mass that the sums may have missed, or have too much of; see `_price_of_less`.
    with np.errstate(over="ignore"):
        aims = (float(w @ np.exp(-h / reach)) for w, h in (_live(a, f), _live(b, g)))
        missing = (solve.drop + 2.0 * solve.errors) * max(*aims, total, other)
    surplus = abs(total - other) + 2.0 * missing
    least = float(_live(a, f)[1].min()), float(_live(b, g)[1].min())
    if not regularised:
        # Atoms without mass bind no potential.
        f = np.where(a > 0.0, f, least[0] - largest)
        g = c_transform(balanced, f)
        backwards = TransportProblem(
            source=balanced.target, target=balanced.source, cost=_transposed(problem.cost)
        )
        # This can only raise f, and with it the dual value.
        f = c_transform(backwards, np.where(b > 0.0, g, float(_live(b, g)[1].min()) - largest))
    # Rounding of the costs, of their differences and of what pruning left out.
    scale = largest + float(np.abs(_live(a, f)[1]).max(initial=0.0))
    relative = max(16.0 * (balanced.source.d + 4.0), cost_rounding(balanced) + 4.0)
    shrink = relative * 2.0**-53 * scale
    with np.errstate(over="ignore"):
        lower = -sum(
            reach * float(w @ np.expm1(-(h - lowering) / reach))
            for (w, h), lowering in ((_live(a, f), shrink), (_live(b, g), 0.0))
        )
    lower -= epsilon * (max(total, other) + missing - masses)
    size = value + reach * (math.fsum(a) + math.fsum(b)) + epsilon * (total + masses)
    lower -= _ROUNDING * size
    upper = value + _ROUNDING * size + missing * largest
    upper += reach * (_price_of_less(surplus, math.fsum(a)) + _price_of_less(surplus, math.fsum(b)))
    if regularised:
        upper += surplus * (max(-least[0], 0.0) + max(-least[1], 0.0) + epsilon)
    bounds = Bounds(max(min(lower, value), 0.0), upper)
    least_error = (_LEAST_ERROR + _TERM_ERROR * max(a.size, b.size)) * max(total, other)
    nothing = 8.0 * reach * _price_of_less(least_error, math.fsum(a) + math.fsum(b))
    met = bounds.meets(rtol, nothing + 4.0 * _ROUNDING * size)
    status = Status.OPTIMAL if met and solve.converged else Status.STALLED
    if not math.isfinite(value):
        status = Status.NUMERICAL_ERROR
    return UnbalancedResult(
        problem=problem,
        value=value,
        terms=terms,
        bounds=bounds,
        mass=total,
        plan=UnbalancedPlan(
            problem=problem,
            f=solve.f,
            g=solve.g,
            epsilon=solve.epsilon,
            row_sums=r,
            column_sums=c,
        ),
        status=status,
        n_iterations=n_iterations,
    )


def _transposed(cost: Cost) -> Any:
    return cost if isinstance(cost, PNormCost) else CostMatrix(np.ascontiguousarray(cost.values.T))
