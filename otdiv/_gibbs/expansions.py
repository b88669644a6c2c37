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
"""Share of what may be missing from a sum by which it may be too large."""

# Work, in pairs of points that are summed directly (1.2 ns): of the look at a pair of boxes; and by
# dimension of a pair of boxes and its product with each of the weights, of a point that meets an
# expanded box likewise, and of the moments of a point.
_LOOK_COST = 8.0
_EXPANSION_COST, _PRODUCT_COST = (0.0, 250.0, 450.0, 800.0), (0.0, 80.0, 450.0, 1e4)
_POINT_COST, _POINT_PRODUCT_COST = (0.0, 20.0, 35.0, 60.0), (0.0, 5.0, 30.0, 500.0)
_MOMENT_COST = (0.0, 10.0, 30.0, 800.0)
# From this many pairs on boxes are looked at, and from this gain on they are used.
_LEAST_PAIRS, _LEAST_GAIN = 4e6, 1.5
# No other size is looked for beyond this gain, nor for the other sums with the same kernel.
_ENOUGH_GAIN = 20.0
# Half widths that are tried: first that at which interpolation errs by this share of what may be
# too much, then each this part of the one before. About so many boxes of rows tell what suits.
_FIRST_SHARE, _SHRINKING, _SIZES = 2e-3, 0.7, 4
_SAMPLE = 24
# What rounding takes off a share of the mass at most.
_LEAST_MASS = 2.0**-50
# Bytes that the numbers at nodes may take, those of one box being large in three dimensions.
_MOST_BYTES = 5e7
# Pairs of boxes that one call of a kernel treats (0.2 s), so that Ctrl-C is prompt.
_SLICE = 2e5


class PlanProduct(NamedTuple):
    """Sums of the plan over rows of x, for so many weights: potentials without the clouds' weights.

    Of a row at most `truncation` times its budget (n,) may be missing. Where single rows meet
    expanded columns there may be more weights.
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

    `pairs` are the first pair of each row box (L + 1,), and column box and kind of each pair; a
    sample has the work of all but the pairs of a part.
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
    """The products of one kernel of squared distances, where boxes pay.

    The size of boxes that suits one pair of potentials suits the next, and is remembered.

    Attributes
    ----------
    possible : bool, whether there are dimensions few and pairs many enough
    used : bool, whether any sum came this way
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
        """sum_j P_ij weights_kj (n, k) for weights (k, m), or None where boxes do not pay.

        With the number of pairs of points that would take as long. Of a row of P at most what the
        product allows is missing, and at most that times `OVERCOUNT` is too much. Boxes pay where
        they are faster than direct sums over `count()` pairs; `v` (m,) are the columns' potentials
        with their weights.
        """
        plan = self._pairs_for(product, count)
        if plan is None:
            return None
        out = np.zeros((product.phi.size, product.n_weights))
        _add_direct(product, plan, v, weights, out)
        _add_expanded(product, plan, weights * product.y.weights, out)
        out *= product.x.weights[:, None]
        return out, plan.work

    def mixed(
        self, product: PlanProduct, v: FloatArray, count: Callable[[], float]
    ) -> FloatArray | None:
        """Sums of P_ij and of -2 P_ij x_i . y_j, (n, 2), or None where boxes do not pay.

        The second ones follow from the slope of the first: d/dx 2**-|x - y|² is proportional to
        y - x times the same. No more is known of their error than that a polynomial's slope errs by
        P² / half width times what the polynomial does.
        """
        plan = self._pairs_for(product, count)
        if plan is None:
            return None
        out = np.zeros((product.phi.size, 2))
        _add_direct_mixed(product, plan, v, out)
        _add_expanded_mixed(product, plan, out)
        out *= product.x.weights[:, None]
        return out

    def _pairs_for(self, product: PlanProduct, count: Callable[[], float]) -> _BoxPairs | None:
        """Boxes of the size that suits, or None where direct sums over `count()` pairs do."""
        if not self.possible:
            return None
        plan, key = None, (id(product.x), product.n_weights, product.truncation)
        if key not in self._halves and product.truncation in self._suiting:
            self._halves[key] = self._suiting[product.truncation]
        elif key not in self._halves:
            self._halves[key], plan = self._best_size(product, count())
        if self._halves[key] == 0.0:
            return None
        if plan is None or plan.is_sample:
            plan = self._box_pairs(product, self._halves[key])
        if plan.work == math.inf:
            return None
        self.used = True
        return plan

    def _best_size(self, product: PlanProduct, n_direct: float) -> tuple[float, _BoxPairs | None]:
        """The half width of boxes that takes the least work, or 0 where direct sums take less."""
        half = _half_width(_FIRST_SHARE * OVERCOUNT * product.truncation)
        best, found, least = 0.0, None, n_direct / _LEAST_GAIN
        for _ in range(_SIZES):
            n_rows, n_columns = (
                self._nodes_of(side).count(half) for side in (product.x, product.y)
            )
            if _LOOK_COST * n_rows * n_columns > least:
                break
            plan = self._box_pairs(product, half, sampled=True)
            if plan.work < least:
                best, found, least = half, plan, plan.work
            elif found is not None:
                break
            if _ENOUGH_GAIN * least < n_direct:
                self._suiting[product.truncation] = best
                break
            half *= _SHRINKING
        return best, found

    def _nodes_of(self, side: Side) -> Nodes:
        if id(side) not in self._nodes:
            self._nodes[id(side)] = Nodes(side.points)
        return self._nodes[id(side)]

    def _box_pairs(self, product: PlanProduct, half: float, *, sampled: bool = False) -> _BoxPairs:
        """Boxes and pairs; `sampled` has but a part of the rows' where these are many."""
        x, y, phi, psi, budgets, truncation, k, row_k = product
        d, rows, columns = x.points.shape[0], self._nodes_of(x), self._nodes_of(y)
        left, right = rows.boxes(phi, half), columns.boxes(psi, half)
        too_many = _bytes(left.n_boxes + right.n_boxes, product) > _MOST_BYTES
        smallest = (1.0 - OVERCOUNT) * truncation * np.minimum.reduceat(budgets, left.edges[:-1])
        masses = np.add.reduceat(y.weights, right.edges[:-1])
        # Differences of the sums up to each box are not to be less than its own mass.
        masses = np.append(0.0, np.cumsum(masses + _LEAST_MASS * masses.sum()))
        step = max(1, left.n_boxes // _SAMPLE) if sampled else 1
        some = (slice(None, None, step),)
        pairs, near, work = chebyshev_errors.pair_lists(
            tuple(np.ascontiguousarray(part[..., *some]) for part in left.bounds),
            np.ascontiguousarray(left.sizes[some]),
            np.ascontiguousarray(smallest[some]),
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
    product: PlanProduct, plan: _BoxPairs, v: FloatArray, weights: FloatArray, out: FloatArray
) -> None:
    """Add the sums over pairs of boxes that are not expanded to out (n, k)."""
    x, y = product.x, product.y
    row, column = product.phi - x.lengths, v - y.lengths
    for part in plan.near.slices():
        if product.n_weights == 1:
            point_sums.row_sums(x.rows, row, y.columns, column, *part, False, out[:, 0])
        else:
            point_sums.row_products(x.rows, row, y.columns, column, *part, False, weights, out)


def _add_direct_mixed(
    product: PlanProduct, plan: _BoxPairs, v: FloatArray, out: FloatArray
) -> None:
    """Add the sums of P and of -2 P x . y over the same pairs to out (n, 2)."""
    x, y = product.x, product.y
    row, column = product.phi - x.lengths, v - y.lengths
    sums, mixed = np.empty(row.size), np.empty(row.size)
    for part in plan.near.slices():
        # An exponent is row + column + 2 x . y.
        point_sums.row_costs(x.rows, row, y.columns, column, *part, False, row, column, sums, mixed)
    out += np.column_stack([sums, mixed])


def _add_expanded(
    product: PlanProduct, plan: _BoxPairs, weights: FloatArray, out: FloatArray
) -> None:
    """Add the sums over pairs of boxes that are expanded to out (n, k)."""
    parts = _Passes(product, plan)
    for some in parts.chunks(product.n_weights):
        sources = parts.sources(weights[some])
        out[:, some] += parts.collected(sources)
        out[:, some] += parts.evaluated(parts.sums(weights[some], sources))


def _add_expanded_mixed(product: PlanProduct, plan: _BoxPairs, out: FloatArray) -> None:
    """Add the sums of P and of -2 P x . y over the same pairs to out (n, 2)."""
    x, d, parts = product.x, product.x.points.shape[0], _Passes(product, plan)
    weights = product.y.weights[None, :]
    sources = parts.sources(weights)
    # Single points meet nodes of columns, whose places are known.
    places = np.concatenate([np.ones_like(sources), parts.column_places()], axis=1)
    for some in parts.chunks(d + 1):
        found = parts.collected(sources * places[:, some])
        for k, values in zip(range(d + 1)[some], found.T, strict=True):
            if k == 0:
                out[:, 0] += values
            else:
                out[:, 1] -= x.rows[:, k - 1] * values
    polynomials = parts.sums(weights, sources)
    near = parts.evaluated(polynomials)[:, 0]
    out[:, 0] += near
    for k in range(d):
        # Their slope is that of the plan times the affine function of the box.
        slopes, halves = parts.of_rows(plan.x.bounds[2][k]), parts.of_rows(plan.x.bounds[1][k])
        slope = parts.evaluated(chebyshev.derivatives(polynomials, k, d))[:, 0] / halves
        towards = 0.5 * (slope / math.log(2.0) - slopes * near)
        out[:, 1] -= x.rows[:, k] * (x.points[k] * near + towards)


class _Passes:
    """The ways through the nodes of boxes."""

    def __init__(self, product: PlanProduct, plan: _BoxPairs):
        self.product, self.plan, self.d = product, plan, product.x.points.shape[0]
        self.row_slots, self.column_slots = plan.row_slots(), plan.column_slots()
        self._row_tiles = chebyshev.tiles(plan.x.edges, self.row_slots)

    def chunks(self, count: int) -> Iterator[slice]:
        """So many weights in parts whose numbers at the nodes fit into the memory allowed."""
        n_slots = int(self.row_slots.max() + self.column_slots.max()) + 2
        step = max(1, int(_MOST_BYTES / max(_bytes(n_slots, self.product), 1.0)))
        return (slice(k, min(k + step, count)) for k in range(0, count, step))

    def of_rows(self, values: FloatArray) -> FloatArray:
        """Values of the boxes of rows (L,) for each of their points (n,)."""
        return np.repeat(values, self.plan.x.sizes)

    def column_places(self) -> FloatArray:
        """Coordinates of the nodes of columns (slot, d, P**d)."""
        used = np.flatnonzero(self.column_slots >= 0)
        centres, halves = (part[:, used] for part in self.plan.y.bounds[:2])
        grid = np.stack(np.meshgrid(*[NODES] * self.d, indexing="ij")).reshape(self.d, -1)
        return np.asarray(centres.T[:, :, None] + halves.T[:, :, None] * grid)

    def sources(self, weights: FloatArray) -> FloatArray:
        """Weights at the nodes of columns (slot, k, P**d) for weights (k, m) of points."""
        y, plan = self.product.y, self.plan
        moments = np.zeros((self.column_slots.max() + 1, weights.shape[0], P**self.d))
        tiles = chebyshev.tiles(plan.y.edges, self.column_slots)
        chebyshev.moments(
            y.points,
            self.product.psi,
            weights,
            plan.y.bounds,
            *tiles,
            self.column_slots,
            moments,
            NODES,
        )
        return chebyshev.node_weights(moments, self.d)

    def sums(self, weights: FloatArray, sources: FloatArray) -> FloatArray:
        """Polynomials of the sums over others in the boxes of rows (slot, k, P**d)."""
        y, (rows, columns), pairs = self.product.y, self._bounds, self.plan.pairs
        sums = np.zeros((self.row_slots.max() + 1, *sources.shape[1:]))
        target = sums, self.row_slots
        for run in self.plan.slices():
            chebyshev.transfer(rows, columns, pairs, *run, sources, self.column_slots, *target)
            chebyshev.transfer_points(
                rows,
                pairs,
                y.points,
                self.product.psi,
                weights,
                self.plan.y.edges,
                *run,
                *target,
                NODES,
            )
        return chebyshev.coefficients(sums, self.d)

    def collected(self, sources: FloatArray) -> FloatArray:
        """Sums over the nodes of columns at single points (n, k)."""
        x, (_, columns), plan = self.product.x, self._bounds, self.plan
        out = np.zeros((self.product.phi.size, sources.shape[1]))
        given = columns, plan.pairs, x.points, self.product.phi, plan.x.edges
        for run in plan.slices():
            chebyshev.collect(*given, *run, sources, self.column_slots, out, NODES)
        return out

    def evaluated(self, polynomials: FloatArray) -> FloatArray:
        """Polynomials of the boxes of rows at their points (n, k)."""
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
        return self.plan.x.bounds, self.plan.y.bounds


def _bytes(n_boxes: int, product: PlanProduct) -> float:
    """Bytes of the numbers at the nodes of so many boxes, for one of the weights."""
    return float(8.0 * n_boxes * P ** product.x.points.shape[0])


def _half_width(error: float) -> float:
    """Half width (root of bits) at which a Gaussian of height one is interpolated to `error`.

    By Cramér's inequality its derivatives are at most 1.09 (2 log 2)**(P/2) sqrt(P!).
    """
    decay = math.log(error / 2.18) + 0.5 * math.lgamma(P + 1)
    return math.exp(decay / P) / math.sqrt(0.5 * math.log(2.0))
