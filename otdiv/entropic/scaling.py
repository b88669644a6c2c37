"""A problem on its support, at unit size and in canonical orientation, and the way back.

Swapping source and target must give exactly the swapped answer, so the pair is put into an order
that does not depend on which is which.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from .._gibbs.clouds import build_cloud, flat_cloud
from .._gibbs.dense_kernel import DenseKernel
from .._gibbs.grid_kernel import GridKernel, GridMeasure, worthwhile
from .._gibbs.metrics import metric_of
from .._gibbs.point_kernel import PointKernel
from .._gibbs.protocols import Kernel
from .._kernels.exponential import LOG2_E, SQUARED
from .._kernels.gibbs.grids import Grid
from .._memory import check_room
from .._typing import FloatArray, IndexArray
from ..costs import CostMatrix, PNormCost
from ..problems import TransportProblem
from .felt_costs import cost_limits, costs_less, reduced_costs
from .geometry.base import Geometry
from .geometry.grids import GridGeometry
from .geometry.matrix import MatrixGeometry
from .geometry.points import PointGeometry
from .iteration.marginals import Stage

__all__ = ["ScaledProblem", "comes_later"]

# Bytes that a stored plan may take where the caller sets no limit: in few dimensions computing the
# entries again is about as fast as reading them. By taste.
_PLAN_BYTES = 2.4e8
# In many dimensions it is not, and 1e8 numbers in single precision are allowed.
_WIDE_PLAN_BYTES = 4.1e8
# Dimensions up to which they are few.
_WIDE = 4
# Where the blur is less than this many cells, plans are sparse and points are faster than passes
# over all cells: 2 to 7 times at half and a quarter of a cell, images of 64 and 128 pixels a side.
_LEAST_BLUR = 0.7
# Arrays of the size of an explicit cost matrix that a solve of it needs, about.
_MATRIX_COPIES = 6
# Spread of potentials, in units of the largest cost, above which no solve starts from them: optimal
# ones spread no wider than costs. By taste.
_FAR = 4.0
# Size of potentials, in the same units, above which none does; by taste.
_FARTHEST = 1e6
# Bytes that an explicit cost matrix may need where the caller sets no limit; by taste.
_MATRIX_BYTES = 8 * 10**9
# Share of epsilon that no cost can be felt below: far less than rounding.
_UNFELT = 1e-200
# Pairs that cost so many epsilon beside the potentials carry nothing, exp(-64) of a row.
_ABSORBED = 64.0
# Relative rounding of weights that are normalised, and of the sum of their products.
_SHIFT_ROUNDING = 2.0**-49


class ScaledProblem:
    """Atoms of positive weight with costs of size one.

    Attributes
    ----------
    unit : float
        One unit of the scaled cost in the caller's unit.
    shift : float
        What was taken off the cost of every plan of mass 1, in the caller's unit.
    shift_error : float
        What its rounding is at most.
    geometry : Geometry
        Kernels of the scaled problem; source and target exchanged where `swapped`.
    symmetric : bool
        Whether both measures are the same, bit by bit.
    forbidden : bool
        Whether some pair has infinite cost, or is left out like one.
    ignored : array (n, m) of bool or None
        Pairs of the kernel whose costs were lowered to a limit.
    reduced : bool
        Whether rows and columns were brought down by numbers of their own.
    """

    geometry: Geometry

    def __init__(
        self,
        problem: TransportProblem,
        a: FloatArray,
        b: FloatArray,
        max_memory: int | None,
        *,
        shift_costs: bool = True,
        sort: bool = True,
        epsilon: float = math.inf,
    ):
        self.problem, self._epsilon = problem, epsilon
        self.swapped = comes_later(problem, a, b)
        self.x, self.y = (problem.y, problem.x) if self.swapped else (problem.x, problem.y)
        self.a, self.b = (b, a) if self.swapped else (a, b)
        self.symmetric = (
            isinstance(problem.cost, PNormCost)
            and np.array_equal(self.a, self.b)
            and np.array_equal(self.x, self.y)
        )
        self.forbidden, self.reduced = False, False
        self.shift, self.shift_error, self._least = 0.0, 0.0, 0.0
        self.ignored: NDArray[np.bool_] | None = None
        self._row_shift, self._column_shift = np.zeros(self.a.size), np.zeros(self.b.size)
        rows, columns = np.flatnonzero(self.a > 0.0), np.flatnonzero(self.b > 0.0)
        cost = problem.cost
        metric = None
        if isinstance(cost, PNormCost):
            metric = metric_of(cost, problem.source.d)
        if isinstance(cost, PNormCost) and metric is not None:
            self._points(cost, metric, rows, columns, sort)
        else:
            self._matrix(rows, columns, max_memory, shift_costs)

    def _points(
        self, cost: PNormCost, metric: int, rows: IndexArray, columns: IndexArray, sort: bool
    ) -> None:
        coordinates = np.ascontiguousarray(np.concatenate([self.x[rows], self.y[columns]]).T)
        low, high = coordinates.min(axis=1), coordinates.max(axis=1)
        # In units of the longest side no square leaves the range of floats.
        sides = high - low
        longest = float(sides.max()) or 1.0
        self._length = longest * (float(np.linalg.norm(sides / longest)) or 1.0)
        self._middle = 0.5 * low + 0.5 * high
        self.unit = self._length**cost.power or 1.0
        self._grids = self._grid_pair(rows.size, columns.size) if metric == SQUARED else None
        if self._grids is not None:
            source, target = self._grids
            # In the order of the cells, which need then not be looked up where all carry weight.
            self._rows = rows[np.argsort(source.cells[rows])]
            self._columns = columns[np.argsort(target.cells[columns])]
            frame = self._middle, self._length
            self.geometry = GridGeometry(
                GridMeasure.of(source, self._rows, self.a, *frame),
                GridMeasure.of(target, self._columns, self.b, *frame),
            )
            return
        self._rows, self._columns = rows, columns
        x = flat_cloud(self._shrunk(self.x[rows]), self.a[rows])
        y = flat_cloud(self._shrunk(self.y[columns]), self.b[columns])
        self.geometry = PointGeometry(x, y, metric=metric)
        if sort:
            self.sort()

    def sort(self) -> None:
        """Put points into the order of trees, which levels and pruning need."""
        flat = self.geometry
        if isinstance(flat, PointGeometry):
            x = build_cloud(flat.x.points, flat.x.weights)
            y = build_cloud(flat.y.points, flat.y.weights)
            self._rows, self._columns = self._rows[x.order], self._columns[y.order]
            self.geometry = PointGeometry(x, y, metric=flat.metric)

    def _grid_pair(self, n: int, m: int) -> tuple[Grid, Grid] | None:
        """Grids of source and target, where passes over all their cells pay."""
        grids = self.problem.grids()
        if grids is None:
            return None
        x, y = grids[::-1] if self.swapped else grids
        if self._epsilon**0.5 < _LEAST_BLUR * min(_spacing(x), _spacing(y)):
            return None
        return (x, y) if worthwhile(x, y, n, m) else None

    def _shrunk(self, points: FloatArray) -> FloatArray:
        return np.asarray((points - self._middle) / self._length)

    def _matrix(
        self, rows: IndexArray, columns: IndexArray, max_memory: int | None, shift_costs: bool
    ) -> None:
        needed = _MATRIX_COPIES * 8 * rows.size * columns.size
        check_room(
            needed,
            "the stored cost matrix of Sinkhorn",
            "SquaredEuclidean(), and norms 1, 2 and inf with power 1, need none",
            _MATRIX_BYTES if max_memory is None else max_memory,
        )
        self._rows, self._columns = rows, columns
        C = self._costs()[np.ix_(rows, columns)]
        if shift_costs:
            reduction = None
            if isinstance(self.problem.cost, CostMatrix):
                reduction = reduced_costs(C, self._epsilon)
            if reduction is not None:
                C, self._row_shift[rows], self._column_shift[columns] = reduction
                self.reduced = True
            self._take_off_least(C)
        self._shifted = C
        self.limit_costs(math.inf)

    def _take_off_least(self, C: FloatArray) -> None:
        """Shift reduced costs in place so that the least is 0, and sum up what was taken off."""
        least = float(np.min(C, where=np.isfinite(C), initial=np.inf))
        self._least = least if math.isfinite(least) else 0.0
        C -= self._least
        parts = self.a * self._row_shift, self.b * self._column_shift
        self.shift = math.fsum(itertools.chain(*parts)) + self._least
        if self.reduced:
            self.shift_error = _SHIFT_ROUNDING * sum(float(np.abs(p).sum()) for p in parts)

    def absorb(self, kernel: Kernel, stage: Stage, epsilon: float) -> None:
        """Take the potentials of a stage at a scaled epsilon off the costs of the matrix.

        Pairs that have nothing at this epsilon get a limit, for a smaller one is to follow.
        """
        unit, bit = self.unit, epsilon * self.unit / LOG2_E
        self._row_shift[self._rows] += (stage.u - np.log2(kernel.a)) * bit
        self._column_shift[self._columns] += (stage.v - np.log2(kernel.b)) * bit
        self.reduced = True
        C = self._costs()[np.ix_(self._rows, self._columns)]
        C = costs_less(C, self._row_shift[self._rows], self._column_shift[self._columns])
        self._take_off_least(C)
        self._shifted = C
        self.limit_costs(max(-self._least, 0.0) + _ABSORBED * epsilon * unit)

    def cost_limits(self, tolerance: float) -> list[float]:
        """Limits of shifted costs that are worth a try, the last of them infinite."""
        if not isinstance(self.problem.cost, CostMatrix):
            return [math.inf]
        return cost_limits(self._shifted, self._epsilon, self._epsilon / _floor(tolerance))

    def limit_costs(self, limit: float) -> None:
        """Make the kernels those of costs that are at most `limit`."""
        C = self._shifted
        finite = np.isfinite(C)
        self.forbidden = not finite.all()
        largest = float(np.max(C, where=finite, initial=0.0))
        self.ignored = finite & (limit < C) if limit < largest else None
        self.unit = min(largest, limit)
        scale = 1.0
        epsilon = self._epsilon if math.isfinite(self._epsilon) else 1.0
        if self.unit < _UNFELT * epsilon or self.unit == 0.0:
            # Costs that are equal, or nothing beside epsilon, are not felt, and in units of epsilon
            # that has its digits.
            self.unit, scale = epsilon, self.unit / epsilon
        C = C / self.unit
        if self.ignored is not None:
            self.forbidden = True
            C[self.ignored] = 1.0
        self.geometry = MatrixGeometry(C, self.a[self._rows], self.b[self._columns], scale)

    def _costs(self) -> FloatArray:
        C = self.problem.matrix()
        return C.T if self.swapped else C

    def plan_bytes(self, max_memory: int | None) -> float:
        """Limit of a stored plan."""
        usual = _WIDE_PLAN_BYTES if self.x.shape[1] > _WIDE else _PLAN_BYTES
        return usual if max_memory is None else min(usual, 0.5 * max_memory)

    def floor(self, tolerance: float) -> float:
        """Least epsilon (scaled) that float64 resolves to a marginal error of `tolerance`.

        Exponents have the size of scale / epsilon in bits; their rounding shows in the marginals,
        and below this epsilon float64 does not tell the plan from its neighbours.
        """
        return self.geometry.scale * _floor(tolerance)

    def in_bits(
        self, start: tuple[FloatArray, FloatArray] | None, epsilon: float
    ) -> tuple[FloatArray, FloatArray] | None:
        """Potentials (f, g) of all atoms as those of the kernel at a scaled epsilon.

        None where they are of a problem of another scale: optimal ones spread no wider than costs.
        """
        if start is None:
            return None
        f, g = (start[1], start[0]) if self.swapped else start
        half = 0.5 * self._least
        with np.errstate(over="ignore", invalid="ignore"):
            f, g = (
                (potential[some] - shift[some] - half) / self.unit
                for potential, shift, some in (
                    (f, self._row_shift, self._rows),
                    (g, self._column_shift, self._columns),
                )
            )
            size = max(np.abs(f).max(), np.abs(g).max())
            if not (size <= _FARTHEST and max(np.ptp(f), np.ptp(g)) <= _FAR):
                return None
        bits = LOG2_E / epsilon
        return (
            np.log2(self.a[self._rows]) + f * bits,
            np.log2(self.b[self._columns]) + g * bits,
        )

    def potentials(
        self, kernel: Kernel, u: FloatArray, v: FloatArray, epsilon: float, tau: float = 0.0
    ) -> tuple[FloatArray, FloatArray]:
        """Potentials of all atoms in the caller's order and unit; where free, sum a f = sum b g.

        Before what is taken off rows and columns by themselves, which others must not pay for.
        """
        bit = epsilon * self.unit / LOG2_E
        f, g = np.zeros(self.a.size), np.zeros(self.b.size)
        f[self._rows] = (u - np.log2(kernel.a)) * bit
        g[self._columns] = (v - np.log2(kernel.b)) * bit
        dead_rows, dead_columns = self.a == 0.0, self.b == 0.0
        if dead_rows.any():
            f[dead_rows] = self._softmin(dead_rows, kernel, v, by_column=False) * bit / (1.0 + tau)
        if dead_columns.any():
            g[dead_columns] = (
                self._softmin(dead_columns, kernel, u, by_column=True) * bit / (1.0 + tau)
            )
        f, g = f + 0.5 * self._least, g + 0.5 * self._least
        if tau == 0.0 and not self.symmetric:
            surplus = 0.5 * float(self.a @ f / self.a.sum() - self.b @ g / self.b.sum())
            f, g = f - surplus, g + surplus
        f, g = f + self._row_shift, g + self._column_shift
        return (g, f) if self.swapped else (f, g)

    def marginals(self, rows: FloatArray, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Row and column sums of the kernel's plan for all atoms in the caller's order."""
        r, c = np.zeros(self.a.size), np.zeros(self.b.size)
        r[self._rows], c[self._columns] = rows, columns
        return (c, r) if self.swapped else (r, c)

    def _softmin(
        self, dead: FloatArray, kernel: Kernel, values: FloatArray, *, by_column: bool
    ) -> FloatArray:
        """Potentials in bits of atoms without weight: what one exact update gives them."""
        if isinstance(kernel, PointKernel):
            if by_column:
                return np.asarray(
                    kernel.transposed().row_softmin(self._shrunk(self.y[dead]), values)
                )
            return np.asarray(kernel.row_softmin(self._shrunk(self.x[dead]), values))
        if isinstance(kernel, GridKernel):
            assert self._grids is not None
            grid = self._grids[1 if by_column else 0]
            logs = (kernel.transposed() if by_column else kernel).log_sums(values)
            return np.asarray(-logs[grid.cells[dead]])
        assert isinstance(kernel, DenseKernel)
        C = self._costs()
        if by_column:
            C, shift = C[self._rows][:, dead].T, self._row_shift[self._rows]
        else:
            C, shift = C[dead][:, self._columns], self._column_shift[self._columns]
        return kernel.softmin(((C - shift) - self._least) / self.unit, values)

    def scattered(self, plan: FloatArray) -> FloatArray:
        """The plan of the kernel (n', m') as one of all atoms (n, m) in the caller's order."""
        whole = np.zeros((self.a.size, self.b.size))
        whole[np.ix_(self._rows, self._columns)] = plan
        return np.ascontiguousarray(whole.T) if self.swapped else whole


def _floor(tolerance: float) -> float:
    """Least epsilon, in units of the largest cost, that float64 resolves to this accuracy."""
    return LOG2_E * 2.0**-50 / tolerance


def _spacing(grid: Grid) -> float:
    """Mean distance of neighbouring cells along the axis where it is least."""
    axes = [axis for axis in grid.axes if axis.size > 1]
    return min((float(np.ptp(axis)) / (axis.size - 1) for axis in axes), default=0.0)


def comes_later(problem: TransportProblem, a: FloatArray, b: FloatArray) -> bool:
    """Whether source and target are not in canonical order."""
    n, m = problem.shape
    if n != m:
        return n > m
    for first, second in ((a, b), (problem.x, problem.y)):
        if not np.array_equal(first, second):
            different = np.flatnonzero(first.ravel() != second.ravel())[0]
            return bool(first.flat[different] > second.flat[different])
    if isinstance(problem.cost, CostMatrix):
        C = problem.cost.values
        different = np.flatnonzero((C != C.T).ravel())
        if different.size:
            return bool(C.flat[different[0]] > C.T.flat[different[0]])
    return False
