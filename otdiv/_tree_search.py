"""Minima of c(x_i, y_j) - g_j over j by branch and bound on trees of both clouds.

Everything that column generation asks of the points is one search: for each row i, the (at most) K
columns with the smallest c(x_i, y_j) - g_j below a bound T_i. With K = 1 it is the c-transform,
with T = f it is pricing, with T from a first guess it is the list of candidates. Rows are treated
one leaf of the tree of x at a time: one descent of the tree of y lists the leaves that may matter
to any row of the group, then each row tests that list in one vectorised sweep. That sweep is
compiled (`_kernels/kdtree/search.py`); here are its first guesses, its slices and its threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._kernels import costs
from ._kernels.kdtree.arc_search import arc_search, fit_caps
from ._kernels.kdtree.lower_bounds import EUCLIDEAN, GENERAL, SLACK, SQUARED, fit_planes
from ._kernels.kdtree.search import search
from ._kernels.kdtree.shaped_search import shaped_search
from ._kernels.kdtree.tiled_search import search_tiles
from ._kernels.kdtree.tree import KDTree, build_tree
from ._kernels.shaped import ARC, HUBER, Shape, numbers_of
from ._kernels.threads import for_each

# Points of a leaf: its rows share one descent, its columns one vectorised loop. Measured: the
# fastest of 8 to 64.
LEAF_SIZE = 32

# Boxes prune enough in up to so many dimensions; in more, all pairs are compared in tiles. Measured
# at n = 20,000: boxes take half of the time in five dimensions, twice as long in ten.
_PRUNED_DIMENSIONS = 5

# Size of nonzero coordinates above which their differences have squares far from underflow.
_TINY = 1e-120


# Pairs of rows and seeds whose costs are computed at once for a first guess: 4 MB.
_SEED_PAIRS = 2**19


class Field(NamedTuple):
    """Values on the points of a tree with upper bounds on every node (heap index).

    Attributes
    ----------
    values : (n,) in tree order
    planes : (d + 2, 2 * n_leaves), the rows of the three below
    top : (2 * n_leaves,) largest value of the node
    slope : (d, 2 * n_leaves), offset : (2 * n_leaves,)
        value(y) <= slope . (y - centre) + offset for every point y of the node
    """

    values: np.ndarray
    planes: np.ndarray

    @property
    def top(self) -> np.ndarray:
        """Largest value of each node."""
        top: np.ndarray = self.planes[-2]
        return top

    @property
    def slope(self) -> np.ndarray:
        """Slopes of the planes."""
        return self.planes[:-2]

    @property
    def offset(self) -> np.ndarray:
        """Heights of the planes at the nodes' centres."""
        offset: np.ndarray = self.planes[-1]
        return offset

    def padded(self, steepest: float, reach: float) -> np.ndarray:
        """Planes with the rounding of the tangent bound added to their offsets."""
        planes = self.planes.copy()
        offset = planes[-1]
        more = np.abs(planes[:-2]).sum(axis=0) + steepest * (len(planes) - 2)
        more *= 6.0 * reach
        more += np.abs(offset)
        more *= SLACK
        np.add(offset, more, out=offset, where=np.isfinite(offset))
        return planes


def cost_mode(norm: float, power: float) -> int:
    """Code of the cost: the two common ones have vectorised loops."""
    if norm == 2.0 and power == 2.0:
        return SQUARED
    if norm == 2.0 and power == 1.0:
        return EUCLIDEAN
    return GENERAL


def field(tree: KDTree, values: np.ndarray, first: int = 0) -> Field:
    """Bound `values` (n,), given in tree order, on the nodes of `tree` from level `first` on."""
    d = tree.points.shape[0]
    planes = np.zeros((d + 2, 2 << tree.depth))
    fit_planes(tree.points, tree.boxes, first, tree.depth, values, planes, np.empty((d, d + 2)))
    return Field(values, planes)


def _lengths(differences: np.ndarray, norm: float, power: float, mode: int) -> np.ndarray:
    """|differences|_norm ** power over the first axis, in the order in which `search` adds up."""
    if mode == GENERAL:
        sizes = np.abs(differences)
        largest = sizes.max(axis=0)
        if norm < np.inf and len(sizes) > 1:
            with np.errstate(under="ignore"):
                ratios = (sizes / np.where(largest > 0.0, largest, 1.0)) ** norm
            largest = largest * ratios.sum(axis=0) ** (1.0 / norm)
        return np.asarray(largest**power)
    total = differences[0] * differences[0]
    for row in differences[1:]:
        total = total + row * row
    return np.sqrt(total) if mode == EUCLIDEAN else np.asarray(total)


def _shaped_lengths(differences: np.ndarray, shape: Shape) -> np.ndarray:
    """Costs of differences over the first axis, to about eight digits near the largest arc."""
    axes = (-1,) + (1,) * (differences.ndim - 1)
    sizes = np.abs(differences)
    sizes = np.minimum(sizes, np.abs(shape.periods.reshape(axes) - sizes))
    if shape.norm == 2.0:
        r = np.sqrt((sizes * sizes).sum(axis=0))
    else:
        r = sizes.sum(axis=0) if shape.norm == 1.0 else sizes.max(axis=0)
    if shape.code == HUBER:
        costs = np.where(r <= shape.delta, 0.5 * r * r, shape.delta * (r - 0.5 * shape.delta))
    else:
        costs = 2.0 * np.arcsin(np.minimum(0.5 * r, 1.0)) if shape.code == ARC else r
        costs = costs**shape.power
    return np.asarray(np.minimum(costs, shape.cap))


def _first_limits(
    tree_x: KDTree,
    tree_y: KDTree,
    bounded: Field,
    cost_of: Callable[[np.ndarray], np.ndarray],
    relative: float,
    k: int,
) -> np.ndarray:
    """Limits (n,) below which every row has at least k reduced costs.

    From the centre of every leaf a greedy descent leads to a node of at least k points that looks
    best; the k best of them for the centre are seeds for the rows of the leaf. `cost_of` takes
    differences (d, ...) and errs by the share `relative` of the largest cost.
    """
    (d, n), m = tree_x.points.shape, tree_y.points.shape[1]
    leaves = 1 << tree_x.depth
    centres = tree_x.boxes[:d, leaves:]
    depth = tree_y.depth
    while (m >> depth) < k:
        depth -= 1
    node = np.ones(leaves, np.int64)
    for _ in range(depth):
        children = 2 * node + np.arange(2)[:, None]
        boxes = tree_y.boxes[:, children]
        gaps = np.maximum(np.abs(centres[:, None] - boxes[:d]) - boxes[d:], 0.0)
        bounds = cost_of(gaps) - bounded.top[children]
        node = children[0] + (bounds[1] < bounds[0])
    starts = ((node - (1 << depth)) * m) >> depth
    places = starts[:, None] + np.arange(m >> depth)
    first_rows = (np.arange(leaves + 1) * n) >> tree_x.depth
    # A rectangle: leaves that are a row short have their last row twice.
    width = int(np.diff(first_rows).max())
    rows_of = np.minimum(first_rows[:-1, None] + np.arange(width), first_rows[1:, None] - 1)
    limits = np.empty(n)
    step = max(1, _SEED_PAIRS // (width * places.shape[1]))
    for begin in range(0, leaves, step):
        some = slice(begin, min(begin + step, leaves))
        seeds = places[some]
        if seeds.shape[1] > k:
            differences = centres[:, some, None] - tree_y.points[:, seeds]
            reduced = cost_of(differences) - bounded.values[seeds]
            seeds = np.take_along_axis(seeds, np.argpartition(reduced, k - 1)[:, :k], axis=1)
        # Seeds by leaves by rows: extremes over the first axis are quick.
        rows, seeds = rows_of[some], np.ascontiguousarray(seeds.T)
        differences = tree_x.points[:, None, rows] - tree_y.points[:, seeds, None]
        lengths = cost_of(differences)
        held = bounded.values[seeds]
        rounding = relative * (lengths.max(axis=0) + np.abs(held).max(axis=0)[:, None])
        # Above them all, so that they count themselves, in spite of the rounding of any of them.
        lengths -= held[:, :, None]
        limits[rows] = np.nextafter(lengths.max(axis=0) + rounding, np.inf)
    return limits


def search_all(
    tree_x: KDTree,
    tree_y: KDTree,
    values: np.ndarray,
    norm: float,
    power: float,
    k: int,
    bounds: np.ndarray | None = None,
    n_threads: int = 1,
    tick: Callable[[], object] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`search` over all rows, in slices of well under a second, on `n_threads` threads.

    Everything is in tree order. `bounds` (n,) are the T_i; None asks for the k best of every row.
    Returns (columns (n, k), reduced costs (n, k) ascending, counts (n,)); entries beyond a row's
    count are not set. The result does not depend on the number of threads. `tick` is called between
    slices, on the calling thread, and may raise.
    """
    d, n, m = *tree_x.points.shape, tree_y.points.shape[1]
    k = min(k, m)
    mode = _search_mode(tree_x, tree_y, norm, power)
    bounded = field(tree_y, values)

    def cost_of(differences: np.ndarray) -> np.ndarray:
        return _lengths(differences, norm, power, mode)

    relative = 1e-15 if mode != GENERAL else 1e-13 * (d + 4.0) * (power + 2.0)
    limits = (
        _first_limits(tree_x, tree_y, bounded, cost_of, relative, k)
        if bounds is None
        else np.ascontiguousarray(bounds, dtype=np.float64)
    )
    if d > _PRUNED_DIMENSIONS and mode != GENERAL:
        answer = search_tiles(tree_x, tree_y, values, mode, limits, k, n_threads, tick)
        if answer is not None:
            return answer
    columns = np.empty((n, k), np.int64)
    found = np.empty((n, k))
    counts = np.zeros(n, np.int64)
    reach = max(
        abs(corner)
        for box in (tree_x.lower, tree_x.upper, tree_y.lower, tree_y.upper)
        for corner in box[:, 1].tolist()
    )
    steepest = 4.0 * reach if mode == SQUARED else 1.0
    planes_x = field(tree_x, limits, tree_x.depth).padded(steepest, reach)
    planes = bounded.padded(steepest, reach)
    leaves = 1 << tree_x.depth
    # Rows of a slice: 50 microseconds a row is slow, and 20 million pairs take about 20 ms.
    rows = max(1, min(4096, 200_000_000 // m))
    step = max(1, rows * leaves // n)
    # What only other norms need is not compiled where there is none.
    other_norm = float(norm) if mode == GENERAL else None
    leaves_y = 1 << tree_y.depth

    def run(first: int) -> None:
        packed, listed = np.empty((3 * d + 5, leaves_y)), np.empty(2 * leaves_y, np.int64)
        near = np.empty((3, d + m // leaves_y + 2))
        search(
            first, min(first + step, leaves), tree_x.points, tree_x.boxes, planes_x, limits,
            tree_y.points, tree_y.boxes, planes, tree_y.depth, bounded.values,
            mode, other_norm, float(power), columns, found, counts, packed, listed, near,
        )  # fmt: skip

    for_each(run, range(0, leaves, step), n_threads, tick)
    return columns, found, counts


# Share of the largest cost by which `_shaped_lengths` may err: the root of a rounding near pi.
_SHAPED_ERROR = 1e-6


def shaped_search_all(
    tree_x: KDTree,
    tree_y: KDTree,
    values: np.ndarray,
    shape: Shape,
    k: int,
    bounds: np.ndarray | None = None,
    n_threads: int = 1,
    tick: Callable[[], object] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`search_all` for a cost with a shape, of points of about unit size or near it."""
    d, n, m = *tree_x.points.shape, tree_y.points.shape[1]
    k = min(k, m)
    bounded = field(tree_y, values)

    def cost_of(differences: np.ndarray) -> np.ndarray:
        return _shaped_lengths(differences, shape)

    limits = (
        _first_limits(tree_x, tree_y, bounded, cost_of, _SHAPED_ERROR, k)
        if bounds is None
        else np.ascontiguousarray(bounds, dtype=np.float64)
    )
    columns, found = np.empty((n, k), np.int64), np.empty((n, k))
    counts = np.zeros(n, np.int64)
    corners = (tree_x.lower, tree_x.upper, tree_y.lower, tree_y.upper)
    reach = max(float(np.abs(box[:, 1:]).max()) for box in corners)
    steepest = shape.steepest(2.0 * reach * math.sqrt(d))
    planes_x = field(tree_x, limits, tree_x.depth).padded(steepest, reach)
    planes = bounded.padded(steepest, reach)
    leaves, leaves_y = 1 << tree_x.depth, 1 << tree_y.depth
    rows = max(1, min(4096, 200_000_000 // m))
    step = max(1, rows * leaves // n)
    convex = shape.is_convex and d <= 3
    if shape.code == ARC:
        caps_x, fields_x = _caps(tree_x, planes_x, tree_x.depth)
        caps, fields = _caps(tree_y, planes, 0)

    def run_arcs(first: int) -> None:
        packed, listed = np.empty((16, leaves_y)), np.empty(2 * leaves_y, np.int64)
        arc_search(
            first, min(first + step, leaves), tree_x.points, caps_x, fields_x, limits,
            tree_y.points, caps, fields, tree_y.depth, bounded.values, float(shape.power),
            float(shape.cap), columns, found, counts, packed, listed,
            np.empty(m // leaves_y + 2),
        )  # fmt: skip

    def run(first: int) -> None:
        packed, listed = np.empty((3 * d + 7, leaves_y)), np.empty(2 * leaves_y, np.int64)
        near = np.empty((3, d + m // leaves_y + 2))
        shaped_search(
            first, min(first + step, leaves), tree_x.points, tree_x.boxes, planes_x, limits,
            tree_y.points, tree_y.boxes, planes, tree_y.depth, bounded.values,
            *numbers_of(shape), convex, columns, found, counts, packed, listed, near,
        )  # fmt: skip

    for_each(run_arcs if shape.code == ARC else run, range(0, leaves, step), n_threads, tick)
    return columns, found, counts


def _caps(tree: KDTree, planes: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """What `fit_caps` says of the nodes from level `first` on, and their fields for `arc_search`.

    Heights of planes come padded, for slopes as a whole: their parts are no steeper.
    """
    caps = np.zeros((8, 2 << tree.depth))
    fit_caps(tree.points, tree.boxes, first, tree.depth, caps)
    directions, slopes = caps[:3], planes[:3]
    along = (slopes * directions).sum(axis=0)
    across = slopes - along * directions
    more = np.maximum(along * caps[4], along * caps[5])
    top, offset = planes[-2:]
    fields = np.vstack([across, (across * across).sum(axis=0), top, offset + more])
    return caps, fields


def _search_mode(tree_x: KDTree, tree_y: KDTree, norm: float, power: float) -> int:
    """`cost_mode`, but the general one where squares of coordinates may underflow."""
    mode = cost_mode(norm, power)
    if mode != GENERAL and min(_least_magnitude(tree_x), _least_magnitude(tree_y)) < _TINY:
        return GENERAL
    return mode


def _least_magnitude(tree: KDTree) -> float:
    """Smallest absolute value of the coordinates that are not zero."""
    magnitudes = np.abs(tree.points)
    least = float(magnitudes.min())
    if least == 0.0:
        least = float(np.min(magnitudes, where=magnitudes > 0.0, initial=np.inf))
    return least


def safe_scale(x: np.ndarray, y: np.ndarray) -> float:
    """Power of two that brings clouds x (n, d), y (m, d) to where squares are safe; mostly 1."""
    with np.errstate(over="ignore"):
        low = np.minimum(x.min(axis=0), y.min(axis=0))
        extent = float((np.maximum(x.max(axis=0), y.max(axis=0)) - low).max())
    if extent == 0.0 or 1e-60 < extent < 1e60:
        return 1.0
    exponent = math.frexp(min(extent, 1.7e308))[1]
    return math.ldexp(1.0, min(-exponent, 1000))


def pruned_c_transform(
    x: np.ndarray,
    y: np.ndarray,
    g: np.ndarray,
    norm: float,
    power: float,
    n_threads: int = 1,
    tick: Callable[[], object] | None = None,
) -> np.ndarray:
    """min_j |x_i - y_j|_norm ** power - g_j for every row i: (n,) values.

    x is (n, d), y (m, d), g (m,). Bounds are conservative in floating point: each value is the
    computed c(x_i, y_j) - g_j of some j, less twice the rounding of that cost where it is not a
    Euclidean one or its square, and no j has a smaller one.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    y = np.ascontiguousarray(y, dtype=np.float64)
    g = np.asarray(g, dtype=np.float64)
    scale = safe_scale(x, y)
    unit = scale**power
    tree_x, tree_y = build_tree(x * scale, LEAF_SIZE), build_tree(y * scale, LEAF_SIZE)
    values = np.ascontiguousarray(g[tree_y.order]) * unit
    columns, _, _ = search_all(tree_x, tree_y, values, norm, power, 1, None, n_threads, tick)
    best = np.empty(x.shape[0], np.int64)
    best[tree_x.order] = tree_y.order[columns[:, 0]]
    rows = np.arange(x.shape[0])
    lowest: np.ndarray = costs.gathered(x, y, rows, best, norm, power) - g[best]
    if _search_mode(tree_x, tree_y, norm, power) != GENERAL:
        return lowest
    # The search computed this cost in another way, and chose by it.
    more = 2.0**-52 * costs.relative_rounding(x.shape[1], norm, power)
    lowest -= more * (np.abs(lowest) + np.abs(g[best]))
    return lowest


def shaped_c_transform(
    x: np.ndarray,
    y: np.ndarray,
    g: np.ndarray,
    shape: Shape,
    n_threads: int = 1,
    tick: Callable[[], object] | None = None,
) -> np.ndarray:
    """min_j c(x_i, y_j) - g_j (n,) of a cost with a shape; each is the computed one of some j."""
    tree_x, tree_y = build_tree(x, LEAF_SIZE), build_tree(y, LEAF_SIZE)
    values = np.ascontiguousarray(g[tree_y.order])
    found = shaped_search_all(tree_x, tree_y, values, shape, 1, None, n_threads, tick)[1]
    least = np.empty(x.shape[0])
    least[tree_x.order] = found[:, 0]
    return least
