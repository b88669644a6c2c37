"""Gradients of entropic values in the points: averages of cost gradients over the plan."""

from __future__ import annotations

import numpy as np

from .._gibbs.clouds import build_cloud
from .._gibbs.point_kernel import PointKernel
from .._kernels.exponential import LOG2_E, SQUARED
from .._typing import FloatArray
from ..costs import PNormCost
from ..problems import TransportProblem
from .solve import EntropicSolve

__all__ = ["cost_gradient_sums"]

# Share of a row that pruning may leave out of an average.
_TRUNCATION = 1e-12
# Numbers in a block of pairs, about: 8 MB.
_BLOCK = 2**20


def cost_gradient_sums(problem: TransportProblem, solve: EntropicSolve) -> FloatArray:
    """Return sum_j P_ij times the gradient of c(x_i, y_j) in x_i (n, d); 0 where x_i = y_j."""
    cost = problem.cost
    assert isinstance(cost, PNormCost)
    if cost.norm == 2.0 and cost.power == 2.0:
        return _squared(problem, solve)
    n, m = problem.shape
    out = np.empty_like(problem.x)
    step = max(1, _BLOCK // (m * problem.source.d))
    for start in range(0, n, step):
        stop = min(n, start + step)
        exponent = solve.f[start:stop, None] + solve.g - problem.block(start, stop)
        plan = np.exp(exponent / solve.summary.epsilon)
        plan *= problem.a[start:stop, None] * (problem.b / problem.mass)
        difference = problem.x[start:stop, None] - problem.y
        gradient = _gradient(difference, cost)
        out[start:stop] = np.einsum("ij,ijk->ik", plan, gradient)
    return out


def _squared(problem: TransportProblem, solve: EntropicSolve) -> FloatArray:
    """2 (r_i x_i - sum_j P_ij y_j) by the pruned kernel."""
    rows, columns = np.flatnonzero(problem.a > 0.0), np.flatnonzero(problem.b > 0.0)
    middle = problem.x[rows].mean(axis=0)
    points = np.concatenate([problem.x[rows], problem.y[columns]])
    length = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0))) or 1.0
    x = build_cloud((problem.x[rows] - middle) / length, problem.a[rows] / problem.mass)
    y = build_cloud((problem.y[columns] - middle) / length, problem.b[columns] / problem.mass)
    epsilon = solve.summary.epsilon / length**2
    kernel = PointKernel(x, y, epsilon, metric=SQUARED, truncation=_TRUNCATION)
    bits = LOG2_E / solve.summary.epsilon
    u = np.log2(x.weights) + solve.f[rows[x.order]] * bits
    v = np.log2(y.weights) + solve.g[columns[y.order]] * bits
    weights = np.concatenate([np.ones((1, y.n)), y.points.T])
    sums = kernel.row_products(u, v, weights)
    pull = np.zeros_like(problem.x)
    scale = 2.0 * length * problem.mass
    pull[rows[x.order]] = scale * (sums[:, :1] * x.points - sums[:, 1:])
    return pull


def _gradient(difference: FloatArray, cost: PNormCost) -> FloatArray:
    """Gradient of |z|_norm ** power along the last axis, 0 at z = 0."""
    size = np.abs(difference)
    largest = size.max(axis=-1, keepdims=True)
    safe = np.where(largest > 0.0, largest, 1.0)
    if np.isinf(cost.norm):
        first = size.argmax(axis=-1)[..., None]
        direction = np.zeros_like(difference)
        np.put_along_axis(direction, first, np.sign(np.take_along_axis(difference, first, -1)), -1)
        length = largest
    else:
        relative = ((size / safe) ** cost.norm).sum(axis=-1, keepdims=True) ** (1.0 / cost.norm)
        relative = np.where(relative > 0.0, relative, 1.0)
        direction = np.sign(difference) * (size / safe / relative) ** (cost.norm - 1.0)
        length = safe * relative
    gradient = direction * cost.power * length ** (cost.power - 1.0)
    return np.where(largest > 0.0, gradient, 0.0)
