"""Repair and cost of an entropic plan between point clouds, in O(n + m) memory.

The plan is only seen through sums over kept ranges of pairs; what pruning leaves out of a row or a
column, the truncation, is at most a share of its weight and is paid for in the slack.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._gibbs.clouds import build_cloud
from .._gibbs.grid_kernel import GridKernel, GridMeasure, worthwhile
from .._gibbs.metrics import metric_of
from .._gibbs.point_kernel import PointKernel
from .._kernels.exponential import LOG2_E, SQUARED
from .._kernels.proofs.repair import rank_one_cost
from .._kernels.proofs.sums import dot
from .._typing import FloatArray, IndexArray
from ..costs import PNormCost
from ..plans import ScaledKernelPlan
from ..problems import TransportProblem
from .rounding import U, cost_rounding

__all__ = ["cloud_kernel", "cloud_plan_upper", "is_cloud_plan"]

# Truncation, at the largest cost, as a share of what the marginals lack, at the mean cost; by
# taste.
_TRUNCATION_SHARE = 1e-2
# Least truncation, which is used at once where a pass is short: below, rounding is more.
_LEAST_TRUNCATION = 1e-13
# Truncation of the first pass where one is long: small enough for most plans. By taste.
_FIRST_TRUNCATION = 1e-9
# Truncation, at the largest cost, as a share of epsilon, that is allowed in any case: the blur
# costs about epsilon, and the bounds are as far apart. By taste.
_EPSILON_SHARE = 1e-3
# Largest truncation: the marginals of the plan are off by no more. By taste.
_LARGEST_TRUNCATION = 1e-7
# Excess of the columns, as a share of epsilon over the largest cost, up to which the whole plan is
# scaled down in place of another pass: what is missing then costs little. By taste.
_SHRUNK_SHARE = 3e-2
# Largest sum that is trusted: powers of two are cut off at 2**1020, and right sums are about 1.
_LARGEST_SUM = 2.0**900
# Pairs up to which a pass is short, some milliseconds.
_FEW_PAIRS = 4 * 10**6
# Rows in the sample that tells whether row sums are exact; by taste.
_SAMPLE = 8
# Largest difference of an exact row potential from that of the plan, in bits; by taste.
_EXACT_BITS = 1e-9


def is_cloud_plan(plan: object) -> bool:
    """Whether the plan is a kernel without rest between points of a cost with a code."""
    if not isinstance(plan, ScaledKernelPlan) or not isinstance(plan.cost, PNormCost):
        return False
    positive = plan.row_scale.min() > 0.0 and plan.column_scale.min() > 0.0
    fresh = bool(positive) and not plan.row_rest.any()
    return fresh and metric_of(plan.cost, plan.problem.source.d) is not None


def cloud_plan_upper(
    problem: TransportProblem, plan: ScaledKernelPlan
) -> tuple[ScaledKernelPlan, float, float]:
    """Repaired plan, its cost, and the slack of that cost (Altschuler et al., algorithm 2)."""
    cost = problem.cost
    assert isinstance(cost, PNormCost)
    mass = problem.mass
    found_kernel = cloud_kernel(problem, plan.epsilon)
    if found_kernel is None:
        return plan, math.inf, 0.0
    kernel, rows, columns = found_kernel
    a, b = kernel.a, kernel.b
    metric = kernel.metric if isinstance(kernel, PointKernel) else SQUARED
    # P = a exp((f + g - C) / epsilon) b with masses kept: both weights are in units of the mass.
    bits = LOG2_E / plan.epsilon
    u = np.log2(a * plan.row_scale[rows]) + plan.f[rows] * bits
    v = np.log2(b * plan.column_scale[columns]) + plan.g[columns] * bits
    u += np.log2(mass)
    transposed = _rows_are_exact(kernel, u, v)
    found = _repaired(kernel.transposed(), v, u) if transposed else _repaired(kernel, u, v)
    if found is None:
        return plan, math.inf, 0.0
    row_scale, column_scale, row_rest, column_rest = found[:4]
    if transposed:
        row_scale, column_scale = column_scale, row_scale
        row_rest, column_rest = column_rest, row_rest
    scaled_cost = found.cost / bits
    unit = float(column_rest.sum())
    rest_cost = 0.0
    if unit > 0.0:
        x, y = problem.x[rows], problem.y[columns]
        rest_cost = _product_cost(x, y, row_rest * mass, column_rest / unit, metric=metric)
    value = scaled_cost * mass + rest_cost
    n, m = problem.shape
    unused = column_rest / unit if unit > 0.0 else column_rest
    repaired = ScaledKernelPlan(
        problem=problem,
        f=plan.f,
        g=plan.g,
        epsilon=plan.epsilon,
        row_scale=plan.row_scale * _scatter(row_scale, rows, np.ones(n)),
        column_scale=plan.column_scale * _scatter(column_scale, columns, np.ones(m)),
        row_rest=_scatter(row_rest * mass, rows, np.zeros(n)),
        column_rest=_scatter(unused, columns, np.zeros(m)),
    )
    # An exponent errs by a few u of the largest bits that enter it, and with it an entry and the
    # cost that is taken from it; sums along the axes of a grid err by one u a term.
    # A distance of d coordinates errs by up to d u of itself.
    d = problem.source.d
    size = float(np.abs(u).max() + np.abs(v).max()) + bits * problem.cost_bound() * max(1.0, d / 8)
    terms = float(sum(kernel.x.shape + kernel.y.shape)) if isinstance(kernel, GridKernel) else 0.0
    relative = (cost_rounding(problem) + 24.0 + 8.0 * size + terms) * U
    slack = relative * value
    slack += (4.0 * found.truncation + terms * U) * problem.cost_bound() * mass
    slack += 8.0 * size * U / bits * mass
    return repaired, value, slack


class _Repair(NamedTuple):
    """Factors that make no sum of a plan too large, what is missing then, and the cost.

    The cost is in bits; what pruning left out of a row or column is at most the share `truncation`
    of its weight.
    """

    row_scale: FloatArray
    column_scale: FloatArray
    row_rest: FloatArray
    column_rest: FloatArray
    cost: float
    truncation: float


def _repaired(kernel: PointKernel | GridKernel, u: FloatArray, v: FloatArray) -> _Repair | None:
    """Scale rows that are too large, then columns; in two passes where the columns are exact.

    None where entries are so large that their powers of two were cut off.
    """
    a, b, epsilon = kernel.a, kernel.b, 0.0
    row_sums, row_costs = kernel.row_costs(u, v)
    if not float(row_sums.max()) < _LARGEST_SUM:
        return None
    if isinstance(kernel, PointKernel):
        largest = kernel.largest or 1.0
        share = _TRUNCATION_SHARE * min(1.0, float(row_costs.sum()) / largest)
        epsilon = LOG2_E / largest
        allowed = max(share * float(np.abs(a - row_sums).sum()), _blur_truncation(epsilon))
        if kernel.truncation > max(allowed, _LEAST_TRUNCATION):
            kernel = kernel.with_truncation(max(0.1 * allowed, _LEAST_TRUNCATION))
            row_sums, row_costs = kernel.row_costs(u, v)
    with np.errstate(divide="ignore"):
        row_scale = np.minimum(1.0, a / row_sums)
    row_sums, row_costs = row_sums * row_scale, row_costs * row_scale
    u = u + np.log2(row_scale)
    shift, column_sums = kernel.column_sums(u, v)
    column_sums = column_sums * np.exp2(v - shift)
    column_scale = np.minimum(1.0, b / column_sums)
    truncation = max(kernel.truncation, _LEAST_TRUNCATION)
    least = float(column_scale.min())
    # Columns that were exact before the rows were scaled are too small now, if anything.
    long = a.size * b.size > _FEW_PAIRS
    if long and 1.0 - _SHRUNK_SHARE * epsilon <= least < 1.0 - truncation:
        row_scale, row_sums, row_costs = row_scale * least, row_sums * least, row_costs * least
        column_sums, column_scale = column_sums * least, np.ones_like(column_scale)
    elif least < 1.0 - truncation:
        row_sums, row_costs = kernel.row_costs(u, v + np.log2(column_scale))
    return _Repair(
        row_scale,
        column_scale,
        np.maximum(a - row_sums, 0.0),
        np.maximum(b - column_sums * column_scale, 0.0),
        float(row_costs.sum()),
        truncation,
    )


def _blur_truncation(epsilon: float) -> float:
    """Truncation that costs little beside the blur, where costs are at most one."""
    return min(_EPSILON_SHARE * epsilon, _LARGEST_TRUNCATION)


def _rows_are_exact(kernel: PointKernel | GridKernel, u: FloatArray, v: FloatArray) -> bool:
    """Whether a few rows have their weights as sums, as after a solver that ends with rows."""
    if isinstance(kernel, GridKernel):
        return False
    some = np.linspace(0, u.size - 1, _SAMPLE).astype(np.int64)
    return bool(np.all(np.abs(kernel.exact_rows(some, v) - u[some]) <= _EXACT_BITS))


def cloud_kernel(
    problem: TransportProblem, epsilon: float
) -> tuple[PointKernel | GridKernel, IndexArray, IndexArray] | None:
    """Kernel of the atoms that carry weight, and their numbers in its order.

    None where epsilon or the clouds have such a size that floats cannot relate them.
    """
    cost = problem.cost
    assert isinstance(cost, PNormCost)
    a, b = problem.a / problem.mass, problem.b / problem.mass
    rows, columns = np.flatnonzero(a > 0.0), np.flatnonzero(b > 0.0)
    middle = problem.x[rows].mean(axis=0)
    points = np.concatenate([problem.x[rows], problem.y[columns]])
    length = math.hypot(*(points.max(axis=0) - points.min(axis=0)).tolist()) or 1.0
    with np.errstate(all="ignore"):
        epsilon = float(epsilon / np.float64(length) ** cost.power)
    if not 0.0 < epsilon < math.inf:
        return None
    grids = problem.grids() if cost.power == 2.0 else None
    if grids is not None and worthwhile(*grids, rows.size, columns.size):
        rows = rows[np.argsort(grids[0].cells[rows])]
        columns = columns[np.argsort(grids[1].cells[columns])]
        left = GridMeasure.of(grids[0], rows, a, middle, length)
        right = GridMeasure.of(grids[1], columns, b, middle, length)
        return GridKernel(left, right, epsilon), rows, columns
    x = build_cloud((problem.x[rows] - middle) / length, a[rows])
    y = build_cloud((problem.y[columns] - middle) / length, b[columns])
    few = rows.size * columns.size <= _FEW_PAIRS
    truncation = _LEAST_TRUNCATION if few else max(_FIRST_TRUNCATION, _blur_truncation(epsilon))
    metric = metric_of(cost, problem.source.d)
    assert metric is not None
    kernel = PointKernel(x, y, epsilon, metric=metric, truncation=truncation)
    return kernel, rows[x.order], columns[y.order]


def _product_cost(
    x: FloatArray, y: FloatArray, p: FloatArray, q: FloatArray, *, metric: int
) -> float:
    """Sum over all pairs of p_i q_j times the cost, where the q_j sum to one."""
    if metric != SQUARED:
        return float(rank_one_cost(x, y, p, q, metric))
    # |x - y|² = |x|² + |y|² - 2 x.y; centred, so that nothing is lost that the slack does not hold.
    middle = x.mean(axis=0)
    x, y = x - middle, y - middle
    total = dot(p, np.square(x).sum(axis=1))[0]
    total += float(p.sum()) * dot(q, np.square(y).sum(axis=1))[0]
    return max(0.0, float(total - 2.0 * (p @ x) @ (q @ y)))


def _scatter(values: FloatArray, places: IndexArray, out: FloatArray) -> FloatArray:
    out[places] = values
    return out
