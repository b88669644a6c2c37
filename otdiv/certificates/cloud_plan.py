"""Repair and cost of an entropic plan between point clouds, in O(n + m) memory.

The plan is only seen through sums over kept ranges of pairs; what pruning drops from a row or a
column is at most `_DROP` of its weight and is paid for in the slack.
"""

from __future__ import annotations

import numpy as np

from .._kernels import certify as kernels
from .._kernels.clouds import build_cloud
from .._kernels.exponential import LOG2_E
from .._kernels.point_plan import PointKernel
from .._typing import FloatArray
from ..costs import PNormCost
from ..plans import ScaledKernelPlan
from ..problems import TransportProblem
from .rounding import U, cost_rounding

__all__ = ["cloud_plan_upper", "is_cloud_plan"]

# Far below the marginal errors that solvers stop at (1e-3 to 1e-9), and cheap to keep.
_DROP = 1e-13


def is_cloud_plan(plan: object) -> bool:
    """Whether the plan is a kernel without rest between points of a Euclidean cost."""
    if not isinstance(plan, ScaledKernelPlan) or not isinstance(plan.cost, PNormCost):
        return False
    positive = plan.row_scale.min() > 0.0 and plan.column_scale.min() > 0.0
    fresh = bool(positive) and not plan.row_rest.any()
    return fresh and plan.cost.norm == 2.0 and plan.cost.power in (1.0, 2.0)


def cloud_plan_upper(
    problem: TransportProblem, plan: ScaledKernelPlan
) -> tuple[ScaledKernelPlan, float, float]:
    """Repaired plan, its cost, and the slack of that cost (Altschuler et al., algorithm 2)."""
    cost = problem.cost
    assert isinstance(cost, PNormCost)
    mass = problem.mass
    rows, columns = np.flatnonzero(problem.a > 0.0), np.flatnonzero(problem.b > 0.0)
    middle = problem.x[rows].mean(axis=0)
    points = np.concatenate([problem.x[rows], problem.y[columns]])
    length = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0))) or 1.0
    x = build_cloud((problem.x[rows] - middle) / length, problem.a[rows] / mass)
    y = build_cloud((problem.y[columns] - middle) / length, problem.b[columns] / mass)
    root = cost.power == 1.0
    kernel = PointKernel(x, y, plan.epsilon / length**cost.power, root=root, drop=_DROP)
    # P = a exp((f + g - C) / epsilon) b with masses kept: both weights are in units of the mass.
    bits = LOG2_E / plan.epsilon
    u = np.log2(x.weights * plan.row_scale[rows[x.order]]) + plan.f[rows[x.order]] * bits
    v = np.log2(y.weights * plan.column_scale[columns[y.order]]) + plan.g[columns[y.order]] * bits
    u += np.log2(mass)
    row_sums = _row_sums(kernel, u, v)
    row_scale = np.minimum(1.0, x.weights / row_sums)
    u = u + np.log2(row_scale)
    column_sums = _column_sums(kernel, u, v)
    column_scale = np.minimum(1.0, y.weights / column_sums)
    v = v + np.log2(column_scale)
    row_sums, column_sums = _row_sums(kernel, u, v), column_sums * column_scale
    row_rest = np.maximum(x.weights - row_sums, 0.0)
    column_rest = np.maximum(y.weights - column_sums, 0.0)
    scaled_cost = kernel.cost(u, v, row_sums, column_sums) / (LOG2_E / plan.epsilon)
    unit = float(column_rest.sum())
    rest_cost = 0.0
    if unit > 0.0:
        x_rest, y_rest = row_rest * mass, column_rest / unit
        x_points, y_points = problem.x[rows[x.order]], problem.y[columns[y.order]]
        rest_cost = float(kernels.rank_one_cost(x_points, y_points, x_rest, y_rest, cost.power))
    value = scaled_cost * mass + rest_cost
    repaired = ScaledKernelPlan(
        problem=problem,
        f=plan.f,
        g=plan.g,
        epsilon=plan.epsilon,
        row_scale=plan.row_scale * _scatter(row_scale, rows[x.order], np.ones(problem.shape[0])),
        column_scale=plan.column_scale
        * _scatter(column_scale, columns[y.order], np.ones(problem.shape[1])),
        row_rest=_scatter(row_rest * mass, rows[x.order], np.zeros(problem.shape[0])),
        column_rest=_scatter(
            column_rest / unit if unit > 0.0 else column_rest,
            columns[y.order],
            np.zeros(problem.shape[1]),
        ),
    )
    # An exponent errs by a few u of the largest bits that enter it, and with it an entry; cost and
    # products err by (k + 24) u; the squared cost cancels against squared lengths of at most one.
    size = float(np.abs(u).max() + np.abs(v).max()) + bits * length**cost.power
    relative = (cost_rounding(problem) + 24.0 + 8.0 * size) * U
    bound = problem.cost_bound()
    slack = relative * value + (4.0 * _DROP + (0.0 if root else 64.0 * U)) * bound * mass
    return repaired, value, slack


def _row_sums(kernel: PointKernel, u: FloatArray, v: FloatArray) -> FloatArray:
    shift, sums = kernel.row_sums(u, v)
    return np.asarray(sums * np.exp2(u - shift))


def _column_sums(kernel: PointKernel, u: FloatArray, v: FloatArray) -> FloatArray:
    shift, sums = kernel.column_sums(u, v)
    return np.asarray(sums * np.exp2(v - shift))


def _scatter(values: FloatArray, places: FloatArray, out: FloatArray) -> FloatArray:
    out[places] = values
    return out
