"""Upper bounds: any plan, repaired to the marginals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._kernels import certify as kernels
from .._kernels.bounds import dot, marginal_gaps, shrink
from .._kernels.rerouting import reroute
from .._typing import FloatArray
from ..costs import CostMatrix
from ..errors import InvalidInputError
from ..plans import DensePlan, Plan, ScaledKernelPlan, SparsePlan
from ..problems import TransportProblem
from .cloud_plan import cloud_plan_upper, is_cloud_plan
from .rounding import U, blocks, cost_rounding

__all__ = ["primal_bound"]

# Unplaced mass below this share of the total is rounding dust: it is paid for in the slack and not
# added to the plan. Ten times the rounding of 1e5 sequential sums of positive floats is 1e-10 at
# worst and 1e-14 as observed; marginals are promised to 1e-12.
_DUST = 1e-13

# Pairs that may be looked at to place mass where pairs are forbidden: a second or so.
_MOST_VISITS = 10**9


def _sparse_upper(problem: TransportProblem, plan: SparsePlan) -> tuple[SparsePlan, float, float]:
    """Repaired plan, its cost, and the slack of that cost."""
    dust = _DUST * problem.mass
    mass = plan.mass
    gaps = marginal_gaps(plan.rows, plan.columns, mass, problem.a, problem.b)
    row_rest, missing, excess, column_rest, absent, surplus, least = gaps
    if least < 0.0 or max(missing, excess, absent, surplus) > dust:
        mass = shrink(plan.rows, plan.columns, mass, problem.a, problem.b)
        gaps = marginal_gaps(plan.rows, plan.columns, mass, problem.a, problem.b)
        row_rest, missing, _, column_rest, absent, _, _ = gaps
    repaired = plan if mass is plan.mass else _replaced(plan, mass)
    unplaced = 0.0
    if missing > 0.0 or absent > 0.0:
        rows, columns, added = kernels.fill(row_rest, column_rest)
        costs = problem.pair_costs(rows, columns)
        if max(missing, absent) > dust:
            repaired = SparsePlan(
                rows=np.concatenate([plan.rows, rows]),
                columns=np.concatenate([plan.columns, columns]),
                mass=np.concatenate([mass, added]),
                shape=plan.shape,
            )
        else:
            unplaced = 2.0 * dot(added, costs)[1]
            if unplaced == math.inf:
                # Forbidden pairs cannot be paid for: there the dust is rounding of the weights.
                allowed = costs < math.inf
                unplaced = 2.0 * float(np.abs(costs[allowed]) @ added[allowed])
    costs = problem.pair_costs(repaired.rows, repaired.columns)
    value, magnitude = dot(repaired.mass, costs)
    slack = (cost_rounding(problem) + 4.0) * U * magnitude + unplaced
    return repaired, value, slack if math.isfinite(value) else 0.0


def _replaced(plan: SparsePlan, mass: FloatArray) -> SparsePlan:
    return SparsePlan(rows=plan.rows, columns=plan.columns, mass=mass, shape=plan.shape)


def _factor(weights: FloatArray, sums: FloatArray) -> FloatArray:
    """min(1, weights / sums), with 1 where a sum is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = weights / sums
    return np.where(sums > weights, ratio, 1.0)


def _scaled(plan: DensePlan | ScaledKernelPlan, rows: Any, columns: Any) -> Any:
    if isinstance(plan, DensePlan):
        return DensePlan(mass=plan.mass * rows[:, None] * columns)
    return ScaledKernelPlan(
        problem=plan.problem,
        f=plan.f,
        g=plan.g,
        epsilon=plan.epsilon,
        row_scale=plan.row_scale * rows,
        column_scale=plan.column_scale * columns,
        row_rest=plan.row_rest * rows,
        column_rest=plan.column_rest * columns,
    )


def _with_rest(plan: Any, rest: FloatArray, column_rest: FloatArray) -> Any:
    if isinstance(plan, DensePlan):
        return DensePlan(mass=plan.mass + rest[:, None] * column_rest)
    if plan.row_rest.any():
        raise InvalidInputError("plan", "carry no repair yet", "a repaired ScaledKernelPlan")
    return ScaledKernelPlan(
        problem=plan.problem,
        f=plan.f,
        g=plan.g,
        epsilon=plan.epsilon,
        row_scale=plan.row_scale,
        column_scale=plan.column_scale,
        row_rest=rest,
        column_rest=column_rest,
    )


def _marginals(plan: DensePlan | ScaledKernelPlan) -> tuple[FloatArray, FloatArray]:
    n, m = plan.shape
    rows, columns = np.empty(n), np.zeros(m)
    starts = blocks(n, m)
    for start in starts:
        block = plan.block(start, min(n, start + starts.step))
        rows[start : start + starts.step] = block.sum(axis=1)
        columns += block.sum(axis=0)
    return rows, columns


def _forbids(problem: TransportProblem) -> bool:
    cost = problem.cost
    return isinstance(cost, CostMatrix) and float(cost.values.max()) == math.inf


def _rerouted(
    problem: TransportProblem, plan: DensePlan, row_rest: FloatArray, column_rest: FloatArray
) -> tuple[DensePlan, FloatArray, FloatArray]:
    """Plan with the rests placed over allowed pairs, and what could not be placed."""
    assert isinstance(problem.cost, CostMatrix)
    mass = plan.mass.copy()
    reroute(mass, problem.cost.values, row_rest, column_rest, _MOST_VISITS)
    if min(float(row_rest.sum()), float(column_rest.sum())) <= _DUST * problem.mass:
        # What is left is rounding of the two totals; the slack pays for it.
        row_rest, column_rest = np.zeros_like(row_rest), np.zeros_like(column_rest)
    return DensePlan(mass=mass), row_rest, column_rest


def _block_upper(
    problem: TransportProblem, plan: DensePlan | ScaledKernelPlan
) -> tuple[DensePlan | ScaledKernelPlan, float, float]:
    """Repair in the manner of Altschuler, Weed & Rigollet (arXiv:1705.09634), algorithm 2."""
    n, m = problem.shape
    a, b = problem.a, problem.b
    if isinstance(plan, DensePlan) and plan.mass.min() < 0.0:
        plan = DensePlan(mass=np.maximum(plan.mass, 0.0))
    rows, columns = _marginals(plan)
    error = float(np.abs(rows - a).sum() + np.abs(columns - b).sum())
    if error > _DUST * problem.mass:
        plan = _scaled(plan, _factor(a, rows), np.ones(m))
        _, columns = _marginals(plan)
        plan = _scaled(plan, np.ones(n), _factor(b, columns))
        rows, columns = _marginals(plan)
        row_rest, column_rest = np.maximum(a - rows, 0.0), np.maximum(b - columns, 0.0)
        if isinstance(plan, DensePlan) and _forbids(problem):
            plan, row_rest, column_rest = _rerouted(problem, plan, row_rest, column_rest)
        total = float(row_rest.sum())
        if total > 0.0 and float(column_rest.sum()) > 0.0:
            plan = _with_rest(plan, row_rest, column_rest / float(column_rest.sum()))
        rows, columns = _marginals(plan)
        error = float(np.abs(rows - a).sum() + np.abs(columns - b).sum())
    partial_sums, magnitudes = [], 0.0
    starts = blocks(n, m)
    for start in starts:
        stop = min(n, start + starts.step)
        costs = problem.block(start, stop)
        mass = plan.block(start, stop)
        with np.errstate(invalid="ignore"):
            products = np.where(mass > 0.0, mass * costs, 0.0)
        # Row sums are pairwise sums of m terms: log2(m) roundings, not m.
        partial_sums.extend(products.sum(axis=1))
        magnitudes += float(np.abs(products).sum())
    if math.isinf(magnitudes):
        return plan, math.inf, 0.0
    value = math.fsum(partial_sums)
    # NumPy sums blocks of 128 pairwise: at most 16 + log2(m) roundings on a path (8-way unrolled).
    depth = 24.0 + math.log2(m + 1)
    slack = (cost_rounding(problem) + depth) * U * magnitudes + error * problem.cost_bound()
    return plan, value, slack


def primal_bound(problem: TransportProblem, plan: Plan) -> tuple[Plan, float, float]:
    """Feasible plan near `plan`, its cost, and a proven upper bound of the optimum.

    Rows and columns that hold too much are scaled down and what is then missing is filled in, so
    any non-negative plan gives a bound; the nearer its marginals, the sharper.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    plan : SparsePlan, DensePlan or ScaledKernelPlan
        Candidate of shape (n, m); negative entries are dropped.

    Returns
    -------
    plan, value, upper
        The repaired plan, <C, plan> and a number that no optimum exceeds (unit of cost times mass).

    Raises
    ------
    InvalidInputError
        If the shape of `plan` is not that of the problem.
    """
    if plan.shape != problem.shape:
        raise InvalidInputError("plan", f"have shape {problem.shape}", f"shape {plan.shape}")
    repaired: Plan
    if isinstance(plan, SparsePlan):
        repaired, value, slack = _sparse_upper(problem, plan)
    elif isinstance(plan, ScaledKernelPlan) and is_cloud_plan(plan):
        repaired, value, slack = cloud_plan_upper(problem, plan)
    else:
        repaired, value, slack = _block_upper(problem, plan)
    return repaired, value, value + slack
