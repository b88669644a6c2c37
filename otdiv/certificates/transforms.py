"""The c-transform: the largest potential that is feasible with a given one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from .._gibbs.metrics import metric_of
from .._kernels import costs as cost_kernels
from .._kernels.exponential import EUCLIDEAN, SQUARED
from .._kernels.gibbs import grids
from .._kernels.line.monotone_plan import line_transform
from .._kernels.proofs import repair
from .._kernels.proofs.tiled_transform import MOST_RATIO, tiled_transform
from .._tree_search import pruned_c_transform, shaped_c_transform
from .._typing import FloatArray, IndexArray
from ..costs import CostMatrix, DerivedCost, PNormCost, ShapedCost, SparseCost
from ..problems import TransportProblem
from .rounding import U, blocks

__all__ = ["c_transform", "c_transform_back", "point_transform"]

# From how many pairs on a cleverer c-transform beats brute force (0.3 to 0.7 ns a pair measured).
_LINE_PAIRS = 10**5
_PRUNED_PAIRS = 10**9
_GRID_PAIRS = 10**6
# The same of powers of norms that have no kernel of their own, whose pairs take 50 ns, and the
# least largest cost for which they are scaled safely; the latter by taste.
_SLOW_PAIRS, _LEAST_BOUND = 10**5, 1e-200
# The same of costs with a shape, whose pairs take 2 to 5 ns.
_SHAPED_PAIRS = 10**6
# From how many dimensions and pairs on single precision tells which pairs are worth a second look.
_TILED_DIMENSION, _TILED_PAIRS = 6, 10**7
# Pairs between two looks at the caller: a few seconds of the dearest costs.
_SLICE_PAIRS = 10**8

# What distances of a few coordinates lose where their squares underflow, and below which size of a
# potential that is more than its rounding.
_LOST, _TINY = 1e-160, 1e-144


Tick: TypeAlias = Callable[[], object] | None


def _plain_metric(cost: PNormCost, d: int, bound: float) -> int | None:
    """Code of a cost that needs no scaling: squares of differences stay inside float64.

    Differences below 1e-140 underflow when squared, an error of `_LOST` at most in a distance.
    Sums and the largest of differences need nothing.
    """
    metric = metric_of(cost, d)
    if metric in (SQUARED, EUCLIDEAN):
        return metric if 1e-100 < bound ** (1.0 / cost.power) < 1e140 else None
    return metric


def point_transform(
    x: FloatArray,
    y: FloatArray,
    f: FloatArray,
    cost: PNormCost,
    orders: tuple[IndexArray | slice, IndexArray | slice] | None = None,
    *,
    threads: int = 1,
    tick: Tick = None,
) -> FloatArray:
    """min_i |x_i - y_j|_norm**power - f_i for every y_j (m,), by the way that suits the size.

    All pairs one by one is the reference; the line has a sweep, boxes prune most pairs of many
    points in few dimensions, and in many single precision tells which pairs to look at. These err
    by no more than the reference does. `orders` sort points on the line. The result does not depend
    on the number of threads; `tick` is called between parts of the work and may raise.
    """
    pairs, d = x.shape[0] * y.shape[0], x.shape[1]
    if d == 1 and cost.power >= 1.0 and pairs > _LINE_PAIRS:
        values = line_transform(x[:, 0], y[:, 0], f, cost.power, orders=orders)
        return np.asarray(values)
    if d <= 3 and cost.norm == 2.0 and cost.power in (1.0, 2.0) and pairs > _PRUNED_PAIRS:
        return np.asarray(pruned_c_transform(y, x, f, cost.norm, cost.power, threads, tick))
    bound = float(cost_kernels.bounding_cost(x, y, cost.norm, cost.power))
    metric = _plain_metric(cost, d, bound)
    is_slow = metric is None and _LEAST_BOUND < bound < 1.0 / _LEAST_BOUND
    if is_slow and d <= 3 and pairs > _SLOW_PAIRS:
        return np.asarray(pruned_c_transform(y, x, f, cost.norm, cost.power, threads, tick))
    tiled = d >= _TILED_DIMENSION and pairs >= _TILED_PAIRS and metric in (SQUARED, EUCLIDEAN)
    if tiled and float(np.abs(f).max()) <= MOST_RATIO * bound:
        assert metric is not None
        g = tiled_transform(x, y, f, metric, threads=threads, tick=tick)
    else:
        step = x.shape[0] if tick is None else max(1, _SLICE_PAIRS // y.shape[0])
        g = np.full(y.shape[0], np.inf)
        for start in range(0, x.shape[0], step):
            part = slice(start, start + step)
            repair.transform_points(x[part], y, f[part], cost.norm, cost.power, metric, g)
            if tick is not None:
                tick()
    if metric not in (SQUARED, EUCLIDEAN):
        return g
    tiny = (g != 0.0) & (np.abs(g) < _TINY)
    return np.where(tiny, g - _LOST, g) if tiny.any() else g


def _circle_transform(x: FloatArray, y: FloatArray, f: FloatArray, cost: ShapedCost) -> FloatArray:
    """The same on a circle, by the sweep of the line past three laps of the points.

    Where the nearest of the three is across the end, its position is rounded by u of two periods:
    what the cost of points on a circle counts as lost has room for that.
    """
    period = float(cost.periods[0])
    laps = np.concatenate([x - period, x, x + period])
    orders = np.argsort(laps, kind="stable"), np.argsort(y, kind="stable")
    return np.asarray(line_transform(laps, y, np.tile(f, 3), cost.power, orders=orders))


def shaped_transform(
    x: FloatArray,
    y: FloatArray,
    f: FloatArray,
    cost: ShapedCost,
    *,
    threads: int = 1,
    tick: Tick = None,
) -> FloatArray:
    """min_i c(x_i, y_j) - f_i for every y_j (m,) of a cost with a shape; each is a computed one."""
    n, m = x.shape[0], y.shape[0]
    if cost.is_circle and n * m > _LINE_PAIRS:
        return _circle_transform(x[:, 0], y[:, 0], f, cost)
    if x.shape[1] <= 3 and n * m > _SHAPED_PAIRS:
        return np.asarray(shaped_c_transform(y, x, f, cost.shape, threads, tick))
    g = np.full(m, np.inf)
    starts = blocks(n, m)
    for start in starts:
        part = slice(start, start + starts.step)
        repair.transform_matrix(cost.pairwise(x[part], y), np.ascontiguousarray(f[part]), g)
        if tick is not None:
            tick()
    return g


def _orders(problem: TransportProblem) -> tuple[IndexArray | slice, IndexArray | slice] | None:
    n, m = problem.shape
    return problem.line_orders() if problem.source.d == 1 and n * m > _LINE_PAIRS else None


def _grids(problem: TransportProblem) -> tuple[grids.Grid, grids.Grid] | None:
    """Grids of a problem whose c-transform is a pass along each axis."""
    cost = problem.cost
    assert isinstance(cost, PNormCost)
    n, m = problem.shape
    separable = cost.norm == 2.0 and cost.power == 2.0 and problem.source.d > 1
    return problem.grids() if separable and n * m > _GRID_PAIRS else None


def grid_transform(source: grids.Grid, target: grids.Grid, f: FloatArray) -> FloatArray:
    """min_i |x_i - y_j|² - f_i for every atom of `target` (m,), one axis after the other.

    The order of additions is not that of the cost: adding a squared difference to a partial minimum
    t errs by u |t|, and |t| <= 2 |g_j| + |f_i|, so that d of them and the squares (3 u each) err by
    at most (d |g_j| + max|f|) u more than the pairs one by one. The values are lowered by that.
    """
    costs = [np.square(q[:, None] - p) for p, q in zip(source.axes, target.axes, strict=True)]
    values = np.full(source.size, -np.inf)
    values[source.cells] = f
    g = grids.transform(costs, values)[target.cells]
    more = (len(costs) + 2.0) * U
    return np.asarray(g - more * (np.abs(g) + float(np.abs(f).max())))


def c_transform(
    problem: TransportProblem, f: FloatArray, *, threads: int = 1, tick: Tick = None
) -> FloatArray:
    """Largest g (m,) that is feasible with `f` (n,): g_j = min_i C_ij - f_i, up to rounding.

    Takes O(n + m) memory for points, whatever their number. For `threads` and `tick` see
    `point_transform`.
    """
    cost = problem.known_cost()
    if isinstance(cost, SparseCost):
        return cost.least_of_columns(f)
    if isinstance(cost, CostMatrix):
        g = np.full(problem.shape[1], np.inf)
        repair.transform_matrix(cost.values, f, g)
        return g
    if isinstance(cost, ShapedCost):
        return shaped_transform(problem.x, problem.y, f, cost, threads=threads, tick=tick)
    if isinstance(cost, DerivedCost):
        ground, reduced = problem.ground()
        factor = reduced.factor
        return c_transform(ground, f / factor, threads=threads, tick=tick) * factor
    pair = _grids(problem)
    if pair is not None:
        return grid_transform(*pair, f)
    orders = _orders(problem)
    return point_transform(problem.x, problem.y, f, cost, orders, threads=threads, tick=tick)


def c_transform_back(
    problem: TransportProblem, g: FloatArray, *, threads: int = 1, tick: Tick = None
) -> FloatArray:
    """Largest f (n,) that is feasible with `g` (m,)."""
    cost = problem.known_cost()
    if isinstance(cost, SparseCost):
        return cost.least_of_rows(g)
    if isinstance(cost, CostMatrix):
        return np.asarray(repair.transform_matrix_columns(cost.values, g))
    if isinstance(cost, ShapedCost):
        return shaped_transform(problem.y, problem.x, g, cost, threads=threads, tick=tick)
    if isinstance(cost, DerivedCost):
        ground, reduced = problem.ground()
        factor = reduced.factor
        return c_transform_back(ground, g / factor, threads=threads, tick=tick) * factor
    pair = _grids(problem)
    if pair is not None:
        return grid_transform(pair[1], pair[0], g)
    orders = _orders(problem)
    back = orders and orders[::-1]
    return point_transform(problem.y, problem.x, g, cost, back, threads=threads, tick=tick)
