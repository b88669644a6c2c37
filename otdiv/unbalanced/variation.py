"""Total variation without an entropic term: partial transport at effective prices.

Partial transport moves at most the weights. With total variation a plan may also make mass at an
atom, at its price, and move that. So what a target lacks costs the least of q and of p + C_ij, mass
that is made at i and moved; likewise at a source. With these prices the two problems have the same
value: their duals differ by f >= -p and g >= -q, and raising what is below loses nothing. Where the
reaches are equal and no cost is negative, effective prices are the prices.

Negative costs are raised by a constant 2 S, and prices by S: with a plan of mass M the objective
grows by 2 S M + S (|a| - M) + S (|b| - M) = S (|a| + |b|), whatever M is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._kernels.costs import relative_rounding
from .._typing import FloatArray, IndexArray
from ..certificates.rounding import U
from ..certificates.transforms import c_transform, c_transform_back
from ..costs import CostMatrix, PNormCost
from ..partial.transport import solve_partial
from ..partial_problem import PartialProblem
from ..plans import Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Bounds, Status
from .problem import UnbalancedProblem
from .watching import Watch

__all__ = ["VariationSolve", "solve_variation"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VariationSolve:
    """Plan, potentials and bounds in the caller's units."""

    plan: SparsePlan
    potentials: Potentials
    bounds: Bounds
    transport: float
    status: Status
    n_iterations: int


def solve_variation(
    problem: UnbalancedProblem, watch: Watch, max_memory: int | None
) -> VariationSolve:
    """Exact plan of total variation without an entropic term."""
    prices = _effective_prices(problem)
    cost: Any = problem.cost
    raised = max(0.0, *(-float(price.min()) for price in prices))
    if isinstance(cost, CostMatrix):
        raised = max(raised, -0.5 * float(cost.values.min()))
        if raised > 0.0:
            cost = CostMatrix(cost.values + 2.0 * raised)
    partial = PartialProblem(
        problem.source,
        target=problem.target,
        cost=cost,
        reach=(prices[0] + raised, prices[1] + raised),
    )
    found = solve_partial(
        partial,
        max_seconds=watch.seconds_left,
        max_memory=max_memory,
        callback=watch.callback,
        throw=False,
    )
    n, m = partial.shape
    if found.plan is None or found.potentials is None:
        nothing = np.empty(0, dtype=np.int64)
        plan = SparsePlan(rows=nothing, columns=nothing, mass=np.empty(0), shape=(n, m))
        potentials = Potentials(f=np.zeros(n), g=np.zeros(m))
    else:
        plan = _with_made_mass(problem, found.plan, prices)
        potentials = Potentials(f=found.potentials.f - raised, g=found.potentials.g - raised)
    costs = problem.normalized().pair_costs(plan.rows, plan.columns)
    return VariationSolve(
        plan=plan,
        potentials=potentials,
        bounds=_bounds(problem, found.bounds, prices, raised, partial.largest()),
        transport=math.fsum(costs * plan.mass),
        status=found.status,
        n_iterations=found.n_iterations,
    )


def _effective_prices(problem: UnbalancedProblem) -> tuple[FloatArray, FloatArray]:
    """What a unit that stays costs at best, at each source atom and each target atom."""
    p, q = problem.reaches
    n, m = problem.source.n, problem.target.n
    if isinstance(problem.cost, CostMatrix):
        C = problem.cost.values
        return np.minimum(p, q + C.min(axis=1)), np.minimum(q, p + C.min(axis=0))
    balanced = problem.normalized()
    source, target = np.full(n, p), np.full(m, q)
    # Costs of points are not negative.
    if p > q:
        source = np.minimum(p, q + c_transform_back(balanced, np.zeros(m)))
    elif q > p:
        target = np.minimum(q, p + c_transform(balanced, np.zeros(n)))
    return source, target


def _bounds(
    problem: UnbalancedProblem,
    bounds: Bounds,
    prices: tuple[FloatArray, FloatArray],
    raised: float,
    largest: float,
) -> Bounds:
    """Bounds of the caller's problem from those of the partial one, whose numbers were rounded."""
    masses = problem.source.mass + problem.target.mass
    slack = 0.0
    p, q = problem.reaches
    if raised > 0.0:
        slack += 8.0 * U * (largest + raised) * masses
    if p != q or raised > 0.0:
        k = 4.0
        if isinstance(problem.cost, PNormCost):
            d = problem.source.d
            k += float(relative_rounding(d, problem.cost.norm, problem.cost.power))
        sizes = (np.abs(price) + min(p, q) for price in prices)
        slack += (
            k
            * U
            * math.fsum(
                float(w @ size) for w, size in zip((problem.a, problem.b), sizes, strict=True)
            )
        )
    off = raised * masses
    lower, upper = bounds.lower - off, bounds.upper - off
    if slack > 0.0:
        slack *= 1.0 + 1e-9
        lower, upper = lower - slack, upper + slack
    return Bounds(lower, upper)


def _with_made_mass(
    problem: UnbalancedProblem, plan: SparsePlan, prices: tuple[FloatArray, FloatArray]
) -> SparsePlan:
    """The plan with the mass that is moved in excess of a weight, where that is cheaper."""
    p, q = problem.reaches
    balanced = problem.normalized()
    rows, columns, mass = [plan.rows], [plan.columns], [plan.mass]
    left = problem.a - plan.row_sums()
    some = np.flatnonzero((left > 0.0) & (prices[0] < p))
    if some.size:
        rows.append(some)
        columns.append(_cheapest(balanced, some, by_column=False))
        mass.append(left[some])
    lacking = problem.b - plan.column_sums()
    some = np.flatnonzero((lacking > 0.0) & (prices[1] < q))
    if some.size:
        rows.append(_cheapest(balanced, some, by_column=True))
        columns.append(some)
        mass.append(lacking[some])
    if len(rows) == 1:
        return plan
    return SparsePlan(
        rows=np.concatenate(rows),
        columns=np.concatenate(columns),
        mass=np.concatenate(mass),
        shape=plan.shape,
    )


def _cheapest(balanced: TransportProblem, some: IndexArray, *, by_column: bool) -> IndexArray:
    """The cheapest partner of each of some atoms."""
    n, m = balanced.shape
    others = np.arange(n if by_column else m)
    found = np.empty(some.size, dtype=np.int64)
    for k, atom in enumerate(some):
        mine = np.full(others.size, atom)
        pair = (others, mine) if by_column else (mine, others)
        found[k] = int(np.argmin(balanced.pair_costs(*pair)))
    return found
