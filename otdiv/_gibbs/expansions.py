"""Sums over the plan of two clouds by Chebyshev expansions, where these are cheaper than pruning.

Boxes of points that are small against the blur interact through the Chebyshev nodes of the boxes,
as in a fast multipole method (`_kernels.gibbs.chebyshev` names the steps P2M, M2L, P2L, M2P, L2P).
The work then grows with the numbers of points and of pairs of boxes, not with that of pairs of
points. A pair of boxes that holds too few points to profit, or whose interpolation error would be
more than its part of the budget (`_kernels.gibbs.chebyshev_errors`), is summed directly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .._kernels.gibbs import chebyshev, chebyshev_errors, point_sums
from .._kernels.gibbs.chebyshev import COLUMNS, NODES, ROWS, P
from .._typing import FloatArray, IndexArray
from .boxes import BoxBounds, Boxes, Nodes
from .ranges import Ranges
from .sides import Side

__all__ = ["OVERCOUNT", "Expansion", "PlanProduct"]

OVERCOUNT = 2.0**-5
"""Share by which a sum may be too large, relative to the share that may be missing from it."""

# Costs are estimated times, in units of the time of one pair of points that is summed directly
# (1.2 ns); where they depend on it, by dimension 0 to 3.

# Time to decide about a pair of boxes.
_LOOK_COST = 8.0
# Time of a pair of boxes with expansions of both (M2L), whatever the number of weights,
_EXPANSION_COST = (0.0, 250.0, 450.0, 800.0)
# and for each of the weights.
_PRODUCT_COST = (0.0, 80.0, 450.0, 1e4)
# Time of a point with an expansion of the other box (P2L, M2P), whatever the number of weights,
_POINT_COST = (0.0, 20.0, 35.0, 60.0)
# and for each of the weights.
_POINT_PRODUCT_COST = (0.0, 5.0, 30.0, 500.0)
# Time of a point in the expansion of its own box (P2M, L2P), for each of the weights.
_MOMENT_COST = (0.0, 10.0, 30.0, 800.0)
# Pairs of points from which expansions are considered; by taste.
_LEAST_PAIRS = 4e6
# Least time of direct sums over that of expansions at which these are used; by taste.
_LEAST_GAIN = 1.5
# The same at which the size of boxes is good enough: no other is tried, not for other sums with the
# same kernel either. By taste.
_GOOD_GAIN = 20.0
# Interpolation error of the largest boxes that are tried, as a share of the allowed overcount; by
# taste.
_FIRST_SHARE = 2e-3
# Half width of the boxes that are tried next over that of those before; by taste.
_SHRINKING = 0.7
# Sizes that are tried; by taste.
_SIZES = 4
# Boxes of rows, about, in the sample that estimates the time of a size; by taste.
_SAMPLE = 24
# Rounding of a cumulated mass, relative to the whole.
_LEAST_MASS = 2.0**-50
# Bytes that the numbers at nodes may take at a time: those of one box are 32 kB in three
# dimensions. By taste.
_MOST_BYTES = 5e7
# Pairs of boxes that one call of a compiled function treats, 0.2 s, so that Ctrl-C is prompt.
_SLICE = 2e5


class PlanProduct(NamedTuple):
    """Sums that are wanted: of the plan over the rows of x, times one or more vectors of weights.

    `phi` and `psi` are the potentials less the logarithms of the clouds' weights. Of a row at most
    `truncation` times its budget (n,) may be missing. `n_weights` vectors meet most expansions, and
    `n_row_weights`, which may be more, single rows that meet expanded columns (M2P).
    """

    x: Side
    y: Side
    phi: FloatArray
    psi: FloatArray
    budgets: FloatArray
    truncation: float
    n_weights: int
    n_row_weights: int


class _BoxPairs(NamedTuple):
    """Boxes of rows and of columns, their pairs to expand, and the ranges to sum directly.

    `pairs` are the first pair of each row box (L + 1,), and the column box and the kind (BOTH, ROWS
    or COLUMNS) of each pair. A sample has the pairs of a part of the row boxes, and `work` for all.
    """

    x: Boxes
    y: Boxes
    pairs: tuple[IndexArray, IndexArray, IndexArray]
    near: Ranges
    work: float
    """In pairs of points; infinite where the numbers at nodes take too much memory."""
    is_sample: bool

    def row_slots(self) -> FloatArray:
        """Numbers (L,) of the boxes of rows that are expanded, -1 for the others."""
        first, _, kinds = self.pairs
        owners = np.repeat(np.arange(self.x.n_boxes), np.diff(first))
        return _numbered(self.x.n_boxes, owners[kinds != COLUMNS])

    def column_slots(self) -> FloatArray:
        """Numbers (M,) of the boxes of columns likewise."""
        _, partners, kinds = self.pairs
        return _numbered(self.y.n_boxes, partners[kinds != ROWS])

    def slices(self) -> Iterator[tuple[int, int]]:
        """Runs of row boxes with a bounded number of pairs."""
        first = self.pairs[0]
        cuts = np.searchsorted(first, np.arange(_SLICE, first[-1], _SLICE))
        edges = np.unique(np.concatenate([[0], cuts, [first.size - 1]]))
        return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def _numbered(count: int, used: FloatArray) -> FloatArray:
    slots = np.full(count, -1)
    used = np.unique(used)
    slots[used] = np.arange(used.size)
    return slots


class Expansion:
    """Products with the plans of one kernel of squared distances, where expansions pay.

    The best size of boxes for one pair of potentials is good for the next, and is remembered.

    Attributes
    ----------
    possible : bool, whether dimensions are few and pairs many enough
    used : bool, whether any sum was taken by expansions
    """

    def __init__(self, x: Side, y: Side):
        d, n_pairs = x.points.shape[0], float(x.weights.size) * y.weights.size
        self.possible = d < len(_MOMENT_COST) and n_pairs >= _LEAST_PAIRS
        self._nodes: dict[int, Nodes] = {}
        self._halves: dict[tuple[int, int, float], float] = {}
        self._suiting: dict[float, float] = {}
        self.used = False

    def products(
        self, product: PlanProduct, v: FloatArray, weights: FloatArray, count: Callable[[], float]
    ) -> tuple[FloatArray, float] | None:
        """sum_j P_ij weights_kj (n, k) for weights (k, m), or None where expansions do not pay.

        Returned with the number of pairs of points that would take as long. Of a row of P at most
        what the product allows is missing, and at most that times `OVERCOUNT` is too much.
        Expansions pay where they are faster than direct sums over `count()` pairs; `v` (m,) are the
        columns' potentials, their weights included.
        """
        boxes = self._pairs_for(product, count)
        if boxes is None:
            return None
        out = np.zeros((product.phi.size, product.n_weights))
        _add_direct(product, boxes, v, weights, out)
        _add_expanded(product, boxes, weights * product.y.weights, out)
        out *= product.x.weights[:, None]
        return out, boxes.work

    def mixed(
        self, product: PlanProduct, v: FloatArray, count: Callable[[], float]
    ) -> FloatArray | None:
        """Sums of P_ij and of -2 P_ij x_i . y_j, (n, 2), or None where expansions do not pay.

        The second ones follow from the slope of the first: d/dx 2**-|x - y|² is proportional to
        y - x times the same. No more is known of their error than that a polynomial's slope errs by
        P² / half width times what the polynomial does.
        """
        boxes = self._pairs_for(product, count)
        if boxes is None:
            return None
        out = np.zeros((product.phi.size, 2))
        _add_direct_mixed(product, boxes, v, out)
        _add_expanded_mixed(product, boxes, out)
        out *= product.x.weights[:, None]
        return out

    def _pairs_for(self, product: PlanProduct, count: Callable[[], float]) -> _BoxPairs | None:
        """Boxes of the best size, or None where direct sums over `count()` pairs are faster."""
        if not self.possible:
            return None
        boxes, key = None, (id(product.x), product.n_weights, product.truncation)
        if key not in self._halves and product.truncation in self._suiting:
            self._halves[key] = self._suiting[product.truncation]
        elif key not in self._halves:
            self._halves[key], boxes = self._best_size(product, count())
        if self._halves[key] == 0.0:
            return None
        if boxes is None or boxes.is_sample:
            boxes = self._box_pairs(product, self._halves[key])
        if boxes.work == math.inf:
            return None
        self.used = True
        return boxes

    def _best_size(self, product: PlanProduct, n_direct: float) -> tuple[float, _BoxPairs | None]:
        """The half width of boxes that takes the least work, or 0 where direct sums take less."""
        half = _half_width(_FIRST_SHARE * OVERCOUNT * product.truncation)
        best, best_boxes, least = 0.0, None, n_direct / _LEAST_GAIN
        for _ in range(_SIZES):
            n_rows, n_columns = (
                self._nodes_of(side).count(half) for side in (product.x, product.y)
            )
            if _LOOK_COST * n_rows * n_columns > least:
                break
            boxes = self._box_pairs(product, half, sampled=True)
            if boxes.work < least:
                best, best_boxes, least = half, boxes, boxes.work
            elif best_boxes is not None:
                break
            if _GOOD_GAIN * least < n_direct:
                self._suiting[product.truncation] = best
                break
            half *= _SHRINKING
        return best, best_boxes

    def _nodes_of(self, side: Side) -> Nodes:
        if id(side) not in self._nodes:
            self._nodes[id(side)] = Nodes(side.points)
        return self._nodes[id(side)]

    def _box_pairs(self, product: PlanProduct, half: float, *, sampled: bool = False) -> _BoxPairs:
        """Boxes of half width at most `half` and their pairs; `sampled`: of a part of the rows."""
        x, y, phi, psi, budgets, truncation, k, row_k = product
        d, rows, columns = x.points.shape[0], self._nodes_of(x), self._nodes_of(y)
        left, right = rows.boxes(phi, half), columns.boxes(psi, half)
        too_many = _bytes(left.n_boxes + right.n_boxes, product) > _MOST_BYTES
        smallest = (1.0 - OVERCOUNT) * truncation * np.minimum.reduceat(budgets, left.edges[:-1])
        masses = np.add.reduceat(y.weights, right.edges[:-1])
        # Cumulated masses are rounded: what is added keeps each difference at least the box's mass.
        masses = np.append(0.0, np.cumsum(masses + _LEAST_MASS * masses.sum()))
        step = max(1, left.n_boxes // _SAMPLE) if sampled else 1
        sample = slice(None, None, step)
        pairs, near, work = chebyshev_errors.pair_lists(
            tuple(np.ascontiguousarray(part[..., sample]) for part in left.bounds),
            np.ascontiguousarray(left.sizes[sample]),
            np.ascontiguousarray(smallest[sample]),
            right.bounds,
            right.edges,
            masses,
            _EXPANSION_COST[d] + k * _PRODUCT_COST[d],
            _POINT_COST[d] + k * _POINT_PRODUCT_COST[d],
            _POINT_COST[d] + row_k * _POINT_PRODUCT_COST[d],
            OVERCOUNT / (1.0 - OVERCOUNT),
        )
        work *= left.n_boxes / (pairs[0].size - 1)
        work += _LOOK_COST * left.n_boxes * right.n_boxes + k * _MOMENT_COST[d] * (
            rows.n + columns.n
        )
        work = math.inf if too_many else work
        return _BoxPairs(left, right, pairs, Ranges(left.edges, *near), work, step > 1)


def _add_direct(
    product: PlanProduct, boxes: _BoxPairs, v: FloatArray, weights: FloatArray, out: FloatArray
) -> None:
    """Add the sums over pairs of boxes that are not expanded to out (n, k)."""
    x, y = product.x, product.y
    row, column = product.phi - x.lengths, v - y.lengths
    for part in boxes.near.slices():
        if product.n_weights == 1:
            point_sums.row_sums(x.rows, row, y.columns, column, *part, False, out[:, 0])
        else:
            point_sums.row_products(x.rows, row, y.columns, column, *part, False, weights, out)


def _add_direct_mixed(
    product: PlanProduct, boxes: _BoxPairs, v: FloatArray, out: FloatArray
) -> None:
    """Add the sums of P and of -2 P x . y over the same pairs to out (n, 2)."""
    x, y = product.x, product.y
    row, column = product.phi - x.lengths, v - y.lengths
    sums, mixed = np.empty(row.size), np.empty(row.size)
    for part in boxes.near.slices():
        # An exponent is row + column + 2 x . y.
        point_sums.row_costs(x.rows, row, y.columns, column, *part, False, row, column, sums, mixed)
    out += np.column_stack([sums, mixed])


def _add_expanded(
    product: PlanProduct, boxes: _BoxPairs, weights: FloatArray, out: FloatArray
) -> None:
    """Add the sums over pairs of boxes that are expanded to out (n, k)."""
    steps = _Steps(product, boxes)
    for chunk in steps.chunks(product.n_weights):
        sources = steps.sources(weights[chunk])
        out[:, chunk] += steps.collected(sources)
        out[:, chunk] += steps.evaluated(steps.sums(weights[chunk], sources))


def _add_expanded_mixed(product: PlanProduct, boxes: _BoxPairs, out: FloatArray) -> None:
    """Add the sums of P and of -2 P x . y over the same pairs to out (n, 2)."""
    x, d, steps = product.x, product.x.points.shape[0], _Steps(product, boxes)
    weights = product.y.weights[None, :]
    sources = steps.sources(weights)
    # Where single points meet nodes of columns, these stand for y with their own coordinates.
    places = np.concatenate([np.ones_like(sources), steps.column_places()], axis=1)
    for chunk in steps.chunks(d + 1):
        collected = steps.collected(sources * places[:, chunk])
        for k, values in zip(range(d + 1)[chunk], collected.T, strict=True):
            if k == 0:
                out[:, 0] += values
            else:
                out[:, 1] -= x.rows[:, k - 1] * values
    polynomials = steps.sums(weights, sources)
    sums = steps.evaluated(polynomials)[:, 0]
    out[:, 0] += sums
    for k in range(d):
        # The polynomial is the sum of the plan without the affine function of the box, whose slope
        # is taken off its own.
        slopes, halves = steps.of_rows(boxes.x.bounds[2][k]), steps.of_rows(boxes.x.bounds[1][k])
        slope = steps.evaluated(chebyshev.derivatives(polynomials, k, d))[:, 0] / halves
        towards = 0.5 * (slope / math.log(2.0) - slopes * sums)
        out[:, 1] -= x.rows[:, k] * (x.points[k] * sums + towards)


class _Steps:
    """The steps P2M, M2L, P2L, M2P and L2P over the expanded pairs of boxes."""

    def __init__(self, product: PlanProduct, boxes: _BoxPairs):
        self.product, self.boxes, self.d = product, boxes, product.x.points.shape[0]
        self.row_slots, self.column_slots = boxes.row_slots(), boxes.column_slots()
        self._row_tiles = chebyshev.tiles(boxes.x.edges, self.row_slots)

    def chunks(self, count: int) -> Iterator[slice]:
        """Slices of `count` weights whose numbers at the nodes fit into the memory allowed."""
        n_slots = int(self.row_slots.max() + self.column_slots.max()) + 2
        step = max(1, int(_MOST_BYTES / max(_bytes(n_slots, self.product), 1.0)))
        return (slice(k, min(k + step, count)) for k in range(0, count, step))

    def of_rows(self, values: FloatArray) -> FloatArray:
        """Values of the boxes of rows (L,) for each of their points (n,)."""
        return np.repeat(values, self.boxes.x.sizes)

    def column_places(self) -> FloatArray:
        """Coordinates of the nodes of columns (slot, d, P**d)."""
        used = np.flatnonzero(self.column_slots >= 0)
        centres, halves = (part[:, used] for part in self.boxes.y.bounds[:2])
        grid = np.stack(np.meshgrid(*[NODES] * self.d, indexing="ij")).reshape(self.d, -1)
        return np.asarray(centres.T[:, :, None] + halves.T[:, :, None] * grid)

    def sources(self, weights: FloatArray) -> FloatArray:
        """P2M: weights at the nodes of column boxes (slot, k, P**d) for the points' (k, m)."""
        y, boxes = self.product.y, self.boxes
        moments = np.zeros((self.column_slots.max() + 1, weights.shape[0], P**self.d))
        tiles = chebyshev.tiles(boxes.y.edges, self.column_slots)
        chebyshev.moments(
            y.points,
            self.product.psi,
            weights,
            boxes.y.bounds,
            *tiles,
            self.column_slots,
            moments,
            NODES,
        )
        return chebyshev.node_weights(moments, self.d)

    def sums(self, weights: FloatArray, sources: FloatArray) -> FloatArray:
        """M2L and P2L: polynomials in the row boxes (slot, k, P**d) of the sums over columns."""
        y, (rows, columns), pairs = self.product.y, self._bounds, self.boxes.pairs
        sums = np.zeros((self.row_slots.max() + 1, *sources.shape[1:]))
        target = sums, self.row_slots
        for run in self.boxes.slices():
            chebyshev.transfer(rows, columns, pairs, *run, sources, self.column_slots, *target)
            chebyshev.transfer_points(
                rows,
                pairs,
                y.points,
                self.product.psi,
                weights,
                self.boxes.y.edges,
                *run,
                *target,
                NODES,
            )
        return chebyshev.coefficients(sums, self.d)

    def collected(self, sources: FloatArray) -> FloatArray:
        """M2P: sums over the nodes of columns at single points (n, k)."""
        x, (_, columns), boxes = self.product.x, self._bounds, self.boxes
        out = np.zeros((self.product.phi.size, sources.shape[1]))
        rows = columns, boxes.pairs, x.points, self.product.phi, boxes.x.edges
        for run in boxes.slices():
            chebyshev.collect(*rows, *run, sources, self.column_slots, out, NODES)
        return out

    def evaluated(self, polynomials: FloatArray) -> FloatArray:
        """L2P: polynomials of the row boxes at their points (n, k)."""
        x, (rows, _) = self.product.x, self._bounds
        out = np.zeros((self.product.phi.size, polynomials.shape[1]))
        chebyshev.evaluate(
            x.points,
            self.product.phi,
            rows,
            *self._row_tiles,
            polynomials,
            self.row_slots,
            out,
            NODES,
        )
        return out

    @property
    def _bounds(self) -> tuple[BoxBounds, BoxBounds]:
        return self.boxes.x.bounds, self.boxes.y.bounds


def _bytes(n_boxes: int, product: PlanProduct) -> float:
    """Bytes of the numbers at the nodes of `n_boxes` boxes, for one vector of weights."""
    return float(8.0 * n_boxes * P ** product.x.points.shape[0])


def _half_width(error: float) -> float:
    """Half width (root of bits) at which a Gaussian of height one is interpolated to `error`.

    By Cramér's inequality its derivatives are at most 1.09 (2 log 2)**(P/2) sqrt(P!).
    """
    decay = math.log(error / 2.18) + 0.5 * math.lgamma(P + 1)
    return math.exp(decay / P) / math.sqrt(0.5 * math.log(2.0))
