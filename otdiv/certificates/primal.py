"""Upper bounds: any plan, repaired to the marginals."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar, overload

import numpy as np

from .._kernels._jit import frozen
from .._kernels.network_flow.augmenting_paths import reroute, reroute_entries
from .._kernels.proofs.repair import fill
from .._kernels.proofs.sums import (
    MET,
    MET_AFTER_REPAIR,
    Gaps,
    dot,
    marginal_gaps,
    room,
    shrink,
)
from .._typing import FloatArray, IndexArray
from ..costs import CostMatrix, DerivedCost, PNormCost, ShapedCost, SparseCost
from ..errors import InvalidInputError, UnsupportedProblemError
from ..plans import BlockPlan, DensePlan, Plan, ScaledKernelPlan, SparsePlan
from ..problems import TransportProblem
from .cloud_plan import cloud_plan_upper, is_cloud_plan
from .rounding import U, blocks, cost_rounding

__all__ = ["forbids", "primal_bound"]

# A plan that is only seen in blocks of rows.
Blocks = TypeVar("Blocks", ScaledKernelPlan, BlockPlan)

# Sums of an entropic plan agree with the weights to this share of the mass where it was repaired
# or solved to the end; the rest is paid for. Its sums are not exact enough for less.
_DUST = 1e-13

# Pairs that may be looked at to place mass where pairs are forbidden: a second or so.
_MOST_VISITS = 10**9

# Pairs that cost so many times what the dearest pair of a plan does are not used to repair it; by
# taste.
_DEAR = 16.0

# Below this size of a cost its products with masses may have lost digits to underflow, each up to
# half of the least number above zero.
_UNDERFLOW, _LEAST = 1e-290, 5e-324


def _sparse_upper(problem: TransportProblem, plan: SparsePlan) -> tuple[SparsePlan, float, float]:
    """Repaired plan, its cost, and the slack of that cost."""
    if not plan.rows.size == plan.columns.size == plan.mass.size:
        _check_entries(plan)
    gaps = _gaps(problem, plan)
    if not gaps.none:
        _check_entries(plan)
        plan, gaps = _repaired(problem, plan)
    costs = problem.pair_costs(plan.rows, plan.columns)
    value, magnitude = dot(plan.mass, costs)
    if not math.isfinite(magnitude) and gaps.none and forbids(problem):
        # Its sums are right, but some of its mass is on pairs that are forbidden.
        plan, gaps = _repaired(problem, plan)
        costs = problem.pair_costs(plan.rows, plan.columns)
        value, magnitude = dot(plan.mass, costs)
    if not math.isfinite(magnitude):
        return plan, math.inf, 0.0
    slack = (cost_rounding(problem) + 4.0) * U * magnitude
    if magnitude < _UNDERFLOW:
        slack += _lost_to_underflow(problem, plan, costs)
    if gaps.unpaid > 0.0:
        slack += _detours(problem, gaps.unpaid)
    return plan, value, slack


def _gaps(problem: TransportProblem, plan: SparsePlan, met: float = MET) -> Gaps:
    entries = plan.rows, plan.columns, plan.mass
    return marginal_gaps(*entries, problem.a, problem.b, problem.defects(), met)


def _check_entries(plan: SparsePlan) -> None:
    """Raise unless there are as many rows, columns and masses, all of them of the plan's shape."""
    lengths = plan.rows.shape, plan.columns.shape, plan.mass.shape
    if len(set(lengths)) > 1 or plan.mass.ndim != 1:
        raise InvalidInputError("plan", "have one row, one column and one mass an entry", lengths)
    for name, places, size in zip(
        ("rows", "columns"), (plan.rows, plan.columns), plan.shape, strict=True
    ):
        outside = (places < 0) | (places >= size)
        if outside.any():
            e = int(np.argmax(outside))
            raise InvalidInputError(
                f"plan.{name}", f"be numbers from 0 to {size - 1}", int(places[e]), f"at index {e}"
            )


def _lost_to_underflow(problem: TransportProblem, plan: SparsePlan, costs: FloatArray) -> float:
    """What costs and products near the least float may have lost; nothing where nothing is moved.

    A cost of points that differ may have become 0, by its own underflow.
    """
    moved = costs != 0.0
    if isinstance(problem.cost, PNormCost | ShapedCost):
        x, y = problem.x[plan.rows], problem.y[plan.columns]
        moved |= (x != y).any(axis=1)
    count = float(np.count_nonzero(moved & (plan.mass > 0.0)))
    if count > 0.0 and isinstance(problem.cost, PNormCost | ShapedCost):
        # Besides the products, per unit of mass, the roundings of the costs themselves.
        count += (cost_rounding(problem) + 4.0) * math.ceil(problem.mass)
    return _LEAST * count


def _detours(problem: TransportProblem, unpaid: float) -> float:
    """Price of mass that is in the wrong place: taken off one pair and put on another.

    Where pairs are forbidden there may be no way, and where there is, none of a known length.
    """
    return math.inf if forbids(problem) else 2.0 * unpaid * problem.cost_bound()


def _repaired(problem: TransportProblem, plan: SparsePlan) -> tuple[SparsePlan, Gaps]:
    """Plan of non-negative entries on allowed pairs whose marginals are met, and what is left.

    Rows and columns that are too large are scaled down, in the manner of Altschuler, Weed &
    Rigollet (arXiv:1705.09634), algorithm 2. What is then missing is filled in between those that
    lack something; what only one side lacks (the two totals differ by rounding) goes to partners
    that may take it and still count as met. So a light atom gets its mass to the last digit.
    """
    a, b, mass = problem.a, problem.b, problem.mass
    with np.errstate(invalid="ignore"):
        keep = (plan.mass > 0.0) & (plan.mass < math.inf)
    if forbids(problem):
        keep &= problem.pair_costs(plan.rows, plan.columns) < math.inf
    rows, columns, entries = plan.rows[keep], plan.columns[keep], plan.mass[keep]
    with np.errstate(over="ignore"):
        if not math.isfinite(float(entries.sum())):
            entries = entries * (mass / float(entries.max()))
    entries = shrink(rows, columns, entries, a, b, problem.defects())
    plan = SparsePlan(rows=rows, columns=columns, mass=entries, shape=plan.shape)
    gaps = _gaps(problem, plan)
    if gaps.missing > 0.0 and gaps.absent > 0.0:
        plan = _filled(problem, plan, gaps.row_rest, gaps.column_rest)
        gaps = _gaps(problem, plan)
    if gaps.missing > 0.0:
        plan = _filled(problem, plan, gaps.row_rest, room(gaps.column_sums, b))
        gaps = _gaps(problem, plan)
    if gaps.absent > 0.0:
        plan = _filled(problem, plan, room(gaps.row_sums, a), gaps.column_rest)
    return plan, _gaps(problem, plan, MET_AFTER_REPAIR)


def _filled(
    problem: TransportProblem, plan: SparsePlan, row_rest: FloatArray, column_rest: FloatArray
) -> SparsePlan:
    """Plan with as much of the rests as fits placed over allowed pairs, largest rests first."""
    if forbids(problem):
        return _rerouted(problem, plan, row_rest, column_rest)
    row_order, column_order = _largest_first(row_rest), _largest_first(column_rest)
    rows, columns, added = fill(row_rest[row_order], column_rest[column_order])
    return SparsePlan(
        rows=np.concatenate([plan.rows, row_order[rows]]),
        columns=np.concatenate([plan.columns, column_order[columns]]),
        mass=np.concatenate([plan.mass, added]),
        shape=plan.shape,
    )


def _largest_first(rests: FloatArray) -> IndexArray:
    return np.argsort(-rests, kind="stable")


def _rerouted(
    problem: TransportProblem, plan: SparsePlan, row_rest: FloatArray, column_rest: FloatArray
) -> SparsePlan:
    """Plan with the rests placed over allowed pairs, directly or through the pairs of the plan."""
    if isinstance(problem.cost, SparseCost):
        return _rerouted_entries(problem.cost, plan, row_rest, column_rest)
    assert isinstance(problem.cost, CostMatrix)
    mass = plan.toarray()
    reroute(mass, problem.cost.values, row_rest.copy(), column_rest.copy(), _MOST_VISITS)
    return _entries(mass)


def _rerouted_entries(
    cost: SparseCost, plan: SparsePlan, row_rest: FloatArray, column_rest: FloatArray
) -> SparsePlan:
    """The same in memory of the entries of the cost, which hold those of the plan."""
    mass = np.zeros(cost.n_entries)
    np.add.at(mass, cost.places(plan.rows, plan.columns)[0], plan.mass)
    # The entries column by column, and where each column has them.
    by_column = np.argsort(cost.columns, kind="stable")
    column_starts = np.searchsorted(cost.columns[by_column], np.arange(cost.shape[1] + 1))
    reroute_entries(
        mass, cost.rows, cost.columns, cost.starts, frozen(by_column), frozen(column_starts),
        row_rest.copy(), column_rest.copy(), _MOST_VISITS,
    )  # fmt: skip
    used = np.flatnonzero(mass)
    rows, columns = cost.rows[used], cost.columns[used]
    return SparsePlan(rows=rows, columns=columns, mass=mass[used], shape=plan.shape)


def _entries(mass: FloatArray) -> SparsePlan:
    """The entries of a plan (n, m) that are not 0."""
    rows, columns = np.nonzero(mass)
    return SparsePlan(
        rows=rows, columns=columns, mass=mass[rows, columns], shape=(mass.shape[0], mass.shape[1])
    )


def _dense_upper(problem: TransportProblem, plan: DensePlan) -> tuple[DensePlan, float, float]:
    """Repaired plan, its cost, and the slack of that cost."""
    entries = _entries(plan.mass)
    cheap = _without_dear(problem, entries)
    if cheap is not None:
        repaired, value, slack = _sparse_upper(cheap, entries)
        if math.isfinite(value + slack):
            return DensePlan(mass=repaired.toarray()), value, slack
    repaired, value, slack = _sparse_upper(problem, entries)
    return plan if repaired is entries else DensePlan(mass=repaired.toarray()), value, slack


def _without_dear(problem: TransportProblem, plan: SparsePlan) -> TransportProblem | None:
    """The problem without pairs that cost many times more than all of the plan, if there are any.

    Its plans are plans of the problem at the same costs, so an upper bound there is one here. It is
    the better one: what rounding left out would cost more on those pairs than everything else.
    """
    cost = problem.cost
    if not isinstance(cost, CostMatrix | SparseCost) or not plan.mass.size:
        return None
    limit = _DEAR * float(np.abs(problem.pair_costs(plan.rows, plan.columns)).max())
    dear = (cost.values > limit) & (cost.values < math.inf)
    if not dear.any():
        return None
    cheap = (
        cost.kept(~dear)
        if isinstance(cost, SparseCost)
        else CostMatrix(np.where(dear, math.inf, cost.values))
    )
    return TransportProblem(source=problem.source, target=problem.target, cost=cheap)


def _factor(weights: FloatArray, sums: FloatArray) -> FloatArray:
    """min(1, weights / sums), with 1 where a sum is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = weights / sums
    return np.where(sums > weights, ratio, 1.0)


def _marginals(plan: ScaledKernelPlan | BlockPlan) -> tuple[FloatArray, FloatArray]:
    n, m = plan.shape
    rows, columns = np.empty(n), np.zeros(m)
    starts = blocks(n, m)
    for start in starts:
        block = plan.block(start, min(n, start + starts.step))
        rows[start : start + starts.step] = block.sum(axis=1)
        columns += block.sum(axis=0)
    return rows, columns


def forbids(problem: TransportProblem) -> bool:
    """Whether some pair costs inf, or is not stored."""
    cost = problem.cost
    if isinstance(cost, SparseCost):
        return cost.n_entries < problem.shape[0] * problem.shape[1]
    return isinstance(cost, CostMatrix) and float(cost.values.max()) == math.inf


def _block_upper(problem: TransportProblem, plan: Blocks) -> tuple[Blocks, float, float]:
    """Repaired plan in factors, its cost, and the slack of that cost, from sums of its blocks."""
    n, m = problem.shape
    a, b = problem.a, problem.b
    rows, columns = _marginals(plan)
    error = float(np.abs(rows - a).sum() + np.abs(columns - b).sum())
    # A plan that was repaired already is left as it is, and pays.
    if not error <= _DUST * problem.mass and not plan.row_rest.any():
        plan = replace(plan, row_scale=plan.row_scale * _factor(a, rows))
        _, columns = _marginals(plan)
        plan = replace(plan, column_scale=plan.column_scale * _factor(b, columns))
        rows, columns = _marginals(plan)
        row_rest, column_rest = np.maximum(a - rows, 0.0), np.maximum(b - columns, 0.0)
        total = float(column_rest.sum())
        if float(row_rest.sum()) > 0.0 and total > 0.0:
            plan = replace(plan, row_rest=row_rest, column_rest=column_rest / total)
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
    if not math.isfinite(magnitudes + error):
        return plan, math.inf, 0.0
    value = math.fsum(partial_sums)
    # NumPy sums blocks of 128 pairwise: at most 16 + log2(m) roundings on a path (8-way unrolled);
    # columns are sums over blocks of rows besides.
    depth = 24.0 + math.log2(m + 1)
    error += (2.0 * depth + math.log2(n + 1) + len(starts)) * U * problem.mass
    slack = (cost_rounding(problem) + depth) * U * magnitudes
    slack += 2.0 * error * problem.cost_bound()
    if magnitudes < _UNDERFLOW:
        slack += _LEAST * n * m * (1.0 + (cost_rounding(problem) + 4.0) * math.ceil(problem.mass))
    return plan, value, slack


@overload
def primal_bound(problem: TransportProblem, plan: Plan) -> tuple[Plan, float, float]: ...


@overload
def primal_bound(
    problem: TransportProblem, plan: Plan | BlockPlan
) -> tuple[Plan | BlockPlan, float, float]: ...


def primal_bound(
    problem: TransportProblem, plan: Plan | BlockPlan
) -> tuple[Plan | BlockPlan, float, float]:
    """Feasible plan near `plan`, its cost, and a proven upper bound of the optimum.

    Rows and columns that hold too much are scaled down and what is then missing is filled in, so
    any non-negative plan gives a bound; the nearer its marginals, the sharper.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    plan : SparsePlan, DensePlan, ScaledKernelPlan or BlockPlan
        Candidate of shape (n, m); negative entries are dropped.

    Returns
    -------
    plan, value, upper
        The repaired plan, <C, plan> and a number that no optimum exceeds (unit of cost times mass).

    Raises
    ------
    InvalidInputError
        If the shape of `plan` is not that of the problem, or an entry lies outside of it.
    """
    if isinstance(problem.cost, DerivedCost):
        raise UnsupportedProblemError(
            f"{problem.cost!r} is bounded by `prove`, or on `problem.ground()`"
        )
    if plan.shape != problem.shape:
        raise InvalidInputError("plan", f"have shape {problem.shape}", f"shape {plan.shape}")
    repaired: Plan | BlockPlan
    if isinstance(plan, ScaledKernelPlan | BlockPlan) and forbids(problem):
        # Mass that its marginals lack may have to go a long way round, pair by pair.
        with np.errstate(all="ignore"):
            plan = DensePlan(mass=plan.toarray())
    if isinstance(plan, SparsePlan):
        repaired, value, slack = _sparse_upper(problem, plan)
    elif isinstance(plan, DensePlan):
        repaired, value, slack = _dense_upper(problem, plan)
    else:
        # Factors of any size: what comes out of them is a number, or no bound.
        with np.errstate(all="ignore"):
            if isinstance(plan, BlockPlan):
                repaired, value, slack = _block_upper(problem, plan)
            elif is_cloud_plan(plan):
                repaired, value, slack = cloud_plan_upper(problem, plan)
            else:
                repaired, value, slack = _block_upper(problem, plan)
        if not math.isfinite(value + slack):
            repaired, value, slack = plan, math.inf, 0.0
    return repaired, value, value + slack
