"""Both bounds of a solved problem, and the proof that a problem has no plan."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._kernels._jit import frozen
from .._kernels.proofs.dense_proof import ENOUGH, PROVEN, ROUNDINGS, prove_dense
from .._kernels.threads import both
from .._typing import IndexArray
from ..costs import CostMatrix, DerivedCost, PNormCost, Reduced, ShapedCost, SparseCost
from ..plans import Plan, Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Bounds, Valued
from .derived import widened_bounds
from .dual import derived_value, dual_bound, vague_mass
from .primal import primal_bound
from .rounding import U, cost_rounding

__all__ = [
    "Proof",
    "in_caller_order",
    "infeasibility_holds",
    "is_non_negative",
    "prove",
    "vague_slack",
]

# Atoms a side up to which a dozen calls from Python take longer than the sums of a proof.
_SMALL = 600
# The least float above zero.
_LEAST = 5e-324


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Proof(Valued):
    """Both proofs of one problem, with the feasible objects that they rest on."""

    problem: TransportProblem
    plan: Plan
    potentials: Potentials
    value: float
    bounds: Bounds
    slack: float
    """Part of the gap that is rounding and no algorithm can close (unit of the cost times mass)."""


def in_caller_order(proof: Proof, problem: TransportProblem) -> Proof:
    """Return the proof of `problem.sorted_line()` as one of `problem` itself.

    Renumbering atoms changes no sum that was taken, so the bounds stand as they are.
    """
    assert isinstance(proof.plan, SparsePlan)
    rows, columns = problem.line_orders()
    if isinstance(rows, slice) or isinstance(columns, slice):
        return replace(proof, problem=problem)
    plan, potentials = proof.plan, proof.potentials
    f, g = np.empty(potentials.f.size), np.empty(potentials.g.size)
    f[rows], g[columns] = potentials.f, potentials.g
    return replace(
        proof,
        problem=problem,
        plan=SparsePlan(
            rows=rows[plan.rows], columns=columns[plan.columns], mass=plan.mass, shape=plan.shape
        ),
        potentials=Potentials(f=f, g=g),
    )


def _proof_of_ground(proof: Proof, problem: TransportProblem, reduced: Reduced) -> Proof:
    """Return a proof on the ground as one of `problem`, in its unit and with wider bounds."""
    bounds = widened_bounds(problem, proof.plan, reduced, proof.bounds)
    value = min(max(proof.value * reduced.factor, bounds.lower), bounds.upper)
    wider = bounds.gap - reduced.factor * proof.bounds.gap
    f, g = (h * reduced.factor for h in (proof.potentials.f, proof.potentials.g))
    return replace(
        proof,
        problem=problem,
        potentials=Potentials(f=f, g=g),
        value=value,
        bounds=bounds,
        slack=reduced.factor * proof.slack + max(wider, 0.0),
    )


def _bound(bound: Callable[..., Any], problem: TransportProblem, witness: Any) -> Any:
    return bound(problem, witness)


def prove(
    problem: TransportProblem,
    plan: Plan,
    potentials: Potentials,
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
) -> Proof:
    """Both proofs at once; a second c-transform tightens a lower bound that leaves a gap.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    plan : SparsePlan, DensePlan or ScaledKernelPlan
        Any candidate plan of shape (n, m).
    potentials : Potentials
        Any pair f (n,), g (m,).
    rtol, atol : float, default 0
        A gap up to ``max(atol, rtol |upper|)`` is not tightened any more.

    Returns
    -------
    Proof
        With the feasible plan and potentials, the plan's cost, and `bounds` of the optimum.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv import TransportProblem, SparsePlan, Potentials, certificates
    >>> problem = TransportProblem.from_matrix([[0.0, 1.0], [1.0, 0.0]])
    >>> plan = SparsePlan(rows=[0, 1], columns=[0, 1], mass=[0.5, 0.5], shape=(2, 2))
    >>> proof = certificates.prove(problem, plan, Potentials(f=[0.0, 0.0], g=[0.0, 0.0]))
    >>> proof.value, proof.bounds
    (0.0, Bounds(lower=0.0, upper=0.0))
    """
    if isinstance(problem.cost, DerivedCost):
        ground, reduced = problem.ground()
        given = Potentials(f=potentials.f / reduced.factor, g=potentials.g / reduced.factor)
        proof = prove(ground, plan, given, rtol=rtol, atol=atol / reduced.factor)
        return _proof_of_ground(proof, problem, reduced)
    if atol == 0.0 and max(problem.shape) <= _SMALL:
        small = _of_small_problem(problem, plan, potentials, rtol)
        if small is not None:
            return small
    if problem.is_huge:
        return _of_huge_costs(problem, plan, potentials, rtol, atol)
    if isinstance(problem.cost, PNormCost) and problem.source.d == 1:
        problem.line_orders()  # before two threads could both look for them
    # The proofs share nothing, and their kernels release the GIL: side by side where it pays.
    (repaired, value, upper), (feasible, lower, rounding) = both(
        _bound, (primal_bound, problem, plan), (dual_bound, problem, potentials), min(problem.shape)
    )
    if lower < 0.0 and value <= atol and is_non_negative(problem):
        lower = rounding = 0.0
    slack = rounding + (upper - value if value < upper else 0.0)
    asked, exact = max(atol, rtol * abs(upper)), min(ROUNDINGS * slack, ENOUGH * abs(upper))
    if not upper - lower <= max(asked, exact):
        f, g, second, second_rounding = derived_value(
            problem, feasible.f, feasible.g, from_columns=True
        )
        if second > lower:
            feasible, lower, rounding = Potentials(f=f, g=g), second, second_rounding
    slack = rounding + (upper - value if value < upper else 0.0)
    if vague_slack(problem) > 0.0:
        slack += vague_slack(problem)
        lower, upper = lower - slack, upper + slack
    lower = min(lower, value) if lower == lower else -math.inf
    if lower < 0.0 and is_non_negative(problem):
        lower = 0.0
    return Proof(
        problem=problem,
        plan=repaired,
        potentials=feasible,
        value=value,
        bounds=Bounds(lower, upper),
        slack=slack,
    )


def _of_small_problem(
    problem: TransportProblem, plan: Plan, potentials: Potentials, rtol: float
) -> Proof | None:
    """The same proof in one call, where costs are stored and nothing is out of the ordinary."""
    cost, (n, m) = problem.known_cost(), problem.shape
    if not isinstance(cost, CostMatrix) or not isinstance(plan, SparsePlan):
        return None
    rows, columns, mass = plan.rows, plan.columns, plan.mass
    if plan.shape != (n, m) or not rows.shape == columns.shape == mass.shape == (mass.size,):
        return None
    if potentials.f.shape != (n,) or potentials.g.shape != (m,):
        return None
    f, g = np.empty(n), np.empty(m)
    entries = frozen(rows), frozen(columns), frozen(mass)
    code, value, lower, upper, slack, _ = prove_dense(
        frozen(cost.values), frozen(problem.a), frozen(problem.b), problem.mass,
        cost_rounding(problem), *entries, frozen(potentials.f), frozen(potentials.g), rtol,
        f, g, np.empty((2, n)), np.empty((2, m)),
    )  # fmt: skip
    if code != PROVEN:
        return None
    return Proof(
        problem=problem,
        plan=plan,
        potentials=Potentials(f=f, g=g),
        value=value,
        bounds=Bounds(lower, upper),
        slack=slack,
    )


def _of_huge_costs(
    problem: TransportProblem, plan: Plan, potentials: Potentials, rtol: float, atol: float
) -> Proof:
    """Proof in a unit in which sums of costs do not overflow, brought back."""
    moderate, factor = problem.scaled_down()
    scaled = Potentials(f=potentials.f * factor, g=potentials.g * factor)
    proof = prove(moderate, plan, scaled, rtol=rtol, atol=atol * factor)
    # Costs that lost digits lost this at most.
    lost = 0.0 if _is_scaled_exactly(problem, moderate, factor) else _LEAST / factor * problem.mass
    largest = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        f, g = (
            np.clip(h / factor, -largest, largest) for h in (proof.potentials.f, proof.potentials.g)
        )
        value, slack = (float(np.float64(number) / factor) for number in (proof.value, proof.slack))
        lower, upper = (np.float64(b) / factor for b in (proof.bounds.lower, proof.bounds.upper))
        bounds = Bounds(float(max(lower - lost, -largest)), float(upper + lost))
    return replace(
        proof,
        problem=problem,
        potentials=Potentials(f=f, g=g),
        value=value,
        bounds=bounds,
        slack=slack,
    )


def _is_scaled_exactly(
    problem: TransportProblem, moderate: TransportProblem, factor: float
) -> bool:
    given, scaled = problem.cost, moderate.cost
    stored = CostMatrix | SparseCost
    if isinstance(given, stored) and isinstance(scaled, stored):
        return bool((scaled.values / factor == given.values).all())
    # Costs of points are rounded anew in the other unit.
    return False


def vague_slack(problem: TransportProblem) -> float:
    """Price of the mass of atoms that may weigh less than it says; mostly 0.

    Potentials are at most twice the largest cost apart, and so is what the mass may cost.
    """
    vague = vague_mass(problem)
    return 4.0 * vague * problem.cost_bound() if vague > 0.0 else 0.0


def is_non_negative(problem: TransportProblem) -> bool:
    """Whether no cost is negative."""
    cost = problem.cost
    if isinstance(cost, DerivedCost):
        return is_non_negative(problem.ground()[0])
    return isinstance(cost, PNormCost | ShapedCost) or float(cost.values.min(initial=0.0)) >= 0.0


def infeasibility_holds(problem: TransportProblem, rows: IndexArray, columns: IndexArray) -> bool:
    """Whether `rows` reach only `columns` and hold more mass: Hall's condition fails.

    Columns without weight take no mass, so reaching them changes nothing.
    """
    cost = problem.cost
    outside = problem.b > 0.0
    outside[columns] = False
    others = np.ones(problem.shape[0], dtype=np.bool_)
    others[rows] = False
    if isinstance(cost, CostMatrix):
        if any((cost.values[i][outside] < math.inf).any() for i in rows):
            return False
    elif isinstance(cost, SparseCost):
        if (~others[cost.rows] & outside[cost.columns]).any():
            return False
    else:
        return False
    # The columns outside are reached by the other rows only: either of the two may show what is
    # missing, if it is little beside the rest.
    a, b = problem.a / math.fsum(problem.a), problem.b / math.fsum(problem.b)
    supply, demand = math.fsum(a[rows]), math.fsum(b[columns])
    left, needed = math.fsum(a[others]), math.fsum(b[outside])
    # Four u of each weight count as met, and each share is rounded twice.
    more, less = 1.0 + 8.0 * U, 1.0 - 8.0 * U
    return supply * less > demand * more or needed * less > left * more
