"""Points on grids whose distances add up along the axes: a flow between neighbouring cells."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..._kernels.costs import gathered
from ..._kernels.network_flow import spanning_tree
from ..._kernels.network_flow.grid_flow import decompose, grid_arcs
from ..._kernels.network_flow.spanning_tree import Tree
from ..._monitor import Monitor, interruptible
from ..._typing import FloatArray, IndexArray
from ...costs import PNormCost
from ...problems import TransportProblem

__all__ = ["GridAnswer", "solve_on_grid"]

# Cells of the common grid for each atom of the larger side at most: with more, as of grids that are
# shifted against each other in three dimensions, levels are quicker. By taste.
_SPARSEST = 8
# Bits of all masses together, so that sums of two flows fit in int64.
_BITS = 60
# First penalty of artificial arcs, in longest steps between cells, and the factor by which it
# grows; by taste.
_PENALTY, _PENALTY_GROWTH = 4.0, 4.0
# Share of the sizes of its terms below which a reduced cost counts as 0.
_REDUCED_RTOL = 2.0**-49
# Pivots a cell after which the flow is given up, as kept going by rounding; 2 to 4 are usual.
_PIVOTS_PER_CELL = 100
# Pivots between two looks at the clock,
_PIVOTS = 8192
# and cells from which they may take over a second.
_LONG_SLICES = 500_000


class GridAnswer(NamedTuple):
    """An optimal basis, and potentials of all points in units of the scaled coordinates."""

    tree: Tree
    """Of the atoms that take part, in the order in which they were given."""
    f: FloatArray
    """Of every source of the problem."""
    g: FloatArray
    """Of every target of the problem."""
    n_pivots: int


class _Flow(NamedTuple):
    """Optimal potentials (cells,), and pairs of cells that mass is moved between."""

    f: FloatArray
    begins: IndexArray
    ends: IndexArray
    n_pivots: int


def solve_on_grid(
    problem: TransportProblem,
    rows: IndexArray,
    columns: IndexArray,
    masses: tuple[IndexArray, IndexArray],
    scale: float,
    monitor: Monitor,
) -> GridAnswer | None:
    """Solve a problem on grids with costs |x - y|_1 as a flow; None where it is not one.

    `rows` (n,) and `columns` (m,) are the atoms that take part, with whole numbers as masses;
    coordinates count in units of 1 / `scale`. The flow may round masses, as it needs room for what
    passes through a cell; its pairs then get the masses themselves. Where they cannot take all of
    them the answer is None too.
    """
    cost = problem.cost
    if not (isinstance(cost, PNormCost) and cost.norm == cost.power == 1.0):
        return None
    grids = problem.grids() if problem.source.d > 1 else None
    if grids is None:
        return None
    axes = [np.union1d(*pair) * scale for pair in zip(grids[0].axes, grids[1].axes, strict=True)]
    n_cells = math.prod(axis.size for axis in axes)
    if n_cells > _SPARSEST * max(rows.size, columns.size):
        return None
    x_cells, y_cells = (_cells_of(points * scale, axes) for points in (problem.x, problem.y))
    row_of, column_of = np.full((2, n_cells), -1)
    row_of[x_cells[rows]] = np.arange(rows.size)
    column_of[y_cells[columns]] = np.arange(columns.size)
    here, there = np.zeros((2, n_cells), np.int64)
    here[x_cells[rows]], there[y_cells[columns]] = masses
    flow = _moved(axes, *_excess(here, there), monitor)
    if flow is None:
        return None
    f, g = flow.f[x_cells], -flow.f[y_cells]
    staying = np.flatnonzero((row_of >= 0) & (column_of >= 0))
    begins = row_of[np.concatenate([staying, flow.begins])]
    ends = column_of[np.concatenate([staying, flow.ends])]
    order = spanning_tree.leaf_order(begins, ends, rows.size, columns.size)
    costs = gathered(
        problem.x[rows] * scale, problem.y[columns] * scale, begins, ends, cost.norm, cost.power
    )
    tree = spanning_tree.new_tree(rows.size, columns.size)
    targets = (ends + rows.size).astype(np.uint32)
    spanning_tree.start_basis(
        tree, *masses, f[rows], g[columns], begins.astype(np.uint32), targets, costs, order, 0.0
    )
    if spanning_tree.artificial_flow(tree, rows.size) > 0:
        return None
    return GridAnswer(tree, f, g, flow.n_pivots)


def _cells_of(points: FloatArray, axes: list[FloatArray]) -> IndexArray:
    """Cells (n,) of points (n, d) in C order."""
    places = tuple(np.searchsorted(axis, points[:, k]) for k, axis in enumerate(axes))
    return np.asarray(np.ravel_multi_index(places, tuple(axis.size for axis in axes)))


def _excess(here: IndexArray, there: IndexArray) -> tuple[IndexArray, IndexArray]:
    """What cells have too much and too little of, rounded to units of which all cells have room."""
    difference = here - there
    total = int(np.maximum(difference, 0).sum())
    shift = max(0, total.bit_length() + (here.size + 2).bit_length() - _BITS)
    if shift:
        difference = (difference + (1 << (shift - 1))) >> shift
        difference[np.abs(difference).argmax()] -= difference.sum()
    return np.maximum(difference, 0), np.maximum(-difference, 0)


def _moved(
    axes: list[FloatArray], supply: IndexArray, demand: IndexArray, monitor: Monitor
) -> _Flow | None:
    """Optimal flow from cells of supply to cells of demand; None where rounding keeps it going."""
    n = supply.size
    # More than can pass, so that the arc of a cell to itself has mass and is in every basis: then
    # the potentials of its two ends are opposite.
    passing = int(supply.sum()) + 1
    begin, end, cost = grid_arcs(axes)
    source, target = begin.astype(np.uint32), (end + n).astype(np.uint32)
    penalty = _PENALTY * (float(cost.max()) or 1.0)
    zeros = np.zeros(n)
    tree = spanning_tree.new_tree(n, n)
    spanning_tree.start_basis(
        tree, supply + passing, demand + passing, zeros, zeros, source, target, cost,
        np.argsort(cost, kind="stable"), penalty,
    )  # fmt: skip

    position = n_pivots = 0

    def pivots() -> tuple[int, int, int]:
        return spanning_tree.sparse_simplex(
            tree, n, source, target, cost, position, 0.0, _REDUCED_RTOL, _PIVOTS
        )

    while n_pivots <= _PIVOTS_PER_CELL * n:
        code, done, position = interruptible(pivots) if n > _LONG_SLICES else pivots()
        n_pivots += done
        monitor.tick()
        if code != spanning_tree.OPTIMAL:
            continue
        if spanning_tree.artificial_flow(tree, n) == 0:
            spanning_tree.raise_penalty(tree, n, -penalty)
            begins, ends, flow = spanning_tree.flows(tree, n)
            moves = begins != ends
            begins, ends = decompose(begins[moves], ends[moves], flow[moves], supply, demand)
            return _Flow(spanning_tree.potentials(tree, n)[0], begins, ends, n_pivots)
        # Every cell can be reached, so that no mass stays artificial at a high price.
        spanning_tree.raise_penalty(tree, n, (_PENALTY_GROWTH - 1.0) * penalty)
        penalty *= _PENALTY_GROWTH
        n_pivots += 1
    return None
