"""Many rows on the line as some thousand cells, from which noise is drawn in O(cells) a draw.

Both kinds of noise are sums along the pooled order: c(z), the labels up to z less their share of
all, of a relabelling, and Z(z), the signs of `_kernels/resampling/signs.py`. A *segment* is a run
of pooled rows; after its last row stands a *stop* with the gaps of a whole cell of rows, and
integrals of |c| and |Z| are sums over the stops.

*Segments.* The increment of a segment of many rows is normal with the variance of its rows:
labels of a uniform subset are hypergeometric, so the normal increments of counts are conditioned on
their sum. Where few rows decide they are not normal, and nothing is put in their place: the
outermost rows of either sample, and those that weigh much, are segments of their own with a sign of
+1 or -1; of the rarer sample the outermost labels of a relabelling, or all where they are few, are
drawn row by row, a uniform subset of their tail given its number, which is hypergeometric.

*Stops.* The gaps of a cell are joined at their mean place. Where Z keeps its sign within the cell
that changes its integral by noise of mean 0 and a variance of at most (gaps)² (variance of the
cell) / 12; of ∫ |Z| over K cells this is some 2 / K² of the variance. Where it does not keep it,
which is so in one of sqrt(K) cells, |Z| there is itself of the size of the cell's noise: 1 / K of
the integral. A gap that is alone in its cell, as between values with many rows, is where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .._kernels.resampling.permutations import LANES, draw_labels
from .._typing import FloatArray, IndexArray
from ..results import Callback
from .bands import Draws
from .pooled_line import PooledLine, decided_signs, noise_sd, pool
from .replicates import block_keys, in_parts

__all__ = ["ROW_BUDGET", "LineCells", "cell_starts", "tail_places"]

# Pooled rows from which intervals are made of cells. A thousand draws of so many take a quarter of
# a second, as long as sorting a few million; those of cells take a tenth, whatever the rows.
ROW_BUDGET = 2**17
# Cells of the bulk, were all as wide as the widest. The integral is off by 1 / K in the mean (see
# above), below the noise of 10,000 draws.
_CELLS = 1024
# A cell is at most this share of the rows between it and the nearer end: the standard deviation of
# Z there is a root of their number, which changes by half of the share across the cell.
_GRADED = 1.0 / 32.0
# Outermost rows of the pool, and of either sample, that keep signs of their own. A sum of k signs
# has an excess kurtosis of -2 / k and a mean absolute value below the normal one by 1 / 4 k.
_OUTERMOST = 256
_OUTERMOST_OF_SIDE = 64
# Rows with more than this share of the sum of the squared weights of their sample keep a sign or
# label of their own: there can only be as many. By taste.
_HEAVY = 1.0 / 256.0
# Labels of the rarer sample that are drawn as rows in each tail, on average. Beyond them a count is
# near normal: the mean absolute deviation of a Poisson variable of mean λ is 1 / 12 λ below.
_TAIL_LABELS = 64
# Labels of the rarer sample up to which all are drawn as rows, which takes as long as the cells;
# with weights as many as have the same noise as so many equal ones, and at most `_MOST_LABELS`.
_FEW_LABELS = 512
_MOST_LABELS = 2**14
# Mass that a relabelled sample has at least, as a share of its mean: normal sums of uneven weights
# know no 0. By taste.
_LEAST_MASS = 1.0 / 16.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LineCells:
    """Samples x (n,) and y (m,) on the line in P segments of their pooled order.

    Attributes
    ----------
    sizes : (n, m)
    unit : float, power of two by which gaps are scaled
    ends : int64 array (P,), one past the last pooled row of each segment
    gaps : float64 array (P,), gaps of the stop behind each segment; 0 where there is none
    F, G : float64 arrays (P,), distribution functions at the ends
    squares : float64 array (2, P), running sums of the squared weights of either side there
    masses : float64 array (N,) or None, of the pooled rows, in one unit; None is 1 for all
    """

    sizes: tuple[int, int]
    unit: float
    ends: IndexArray
    gaps: FloatArray
    F: FloatArray
    G: FloatArray
    squares: FloatArray
    masses: FloatArray | None
    _tails: tuple[int, int] = field(repr=False)

    @classmethod
    def of(
        cls,
        x: FloatArray,
        y: FloatArray,
        x_weights: FloatArray | None = None,
        y_weights: FloatArray | None = None,
        *,
        n_cells: int = _CELLS,
    ) -> LineCells:
        """Cells of two samples with positive weights, in one unit where both have some.

        A side without weights weighs its rows like the mean row of the other.
        """
        if x_weights is None and y_weights is None:
            return cls.of_line(pool(x, y, None, None), n_cells=n_cells)
        if x_weights is None and y_weights is not None:
            x_weights = np.full(x.size, y_weights.mean())
        elif x_weights is not None and y_weights is None:
            y_weights = np.full(y.size, x_weights.mean())
        assert x_weights is not None
        assert y_weights is not None
        of_x, of_y = float(x_weights.sum()), float(y_weights.sum())
        line = pool(x, y, x_weights / of_x, y_weights / of_y)
        return cls.of_line(
            line, line.steps * np.where(line.steps > 0.0, of_x, -of_y), n_cells=n_cells
        )

    @classmethod
    def of_line(
        cls, line: PooledLine, masses: FloatArray | None = None, *, n_cells: int = _CELLS
    ) -> LineCells:
        """Cells of samples that are sorted; `masses` (N,) of the pooled rows are for `null`."""
        of_x = line.steps > 0.0
        sizes = int(np.count_nonzero(of_x)), int(of_x.size - np.count_nonzero(of_x))
        starts = cell_starts(of_x.size, n_cells)
        heights = np.add.reduceat(line.gaps, starts)
        places = np.arange(of_x.size) - np.repeat(starts, np.diff(starts, append=of_x.size))
        moments = np.add.reduceat(line.gaps * places, starts)
        open_cells = heights > 0.0
        heights, starts = heights[open_cells], starts[open_cells]
        stops = 1 + starts + np.rint(moments[open_cells] / heights).astype(np.int64)
        kept = _kept_rows(line, of_x, masses)
        first, last = tail_places(sizes, masses)
        ends = np.unique(np.concatenate([stops, kept, kept + 1, [first, last, of_x.size]]))
        ends = ends[ends > 0]
        gaps = np.zeros(ends.size)
        gaps[np.searchsorted(ends, stops)] = heights
        return cls(
            sizes=sizes,
            unit=line.unit,
            ends=ends,
            gaps=gaps,
            F=line.F[ends - 1],
            G=line.G[ends - 1],
            squares=line.squares[:, ends - 1],
            masses=masses,
            _tails=(
                int(np.searchsorted(ends, first, side="right")),
                int(np.searchsorted(ends, last, side="right")),
            ),
        )

    def undecided(self) -> NDArray[np.int8]:
        """No stop where Z counts with a sign: the triangle band."""
        return np.zeros(self.ends.size, np.int8)

    def decided(self, threshold: float) -> NDArray[np.int8]:
        """Signs of F - G at the stops where it is more than so many standard deviations from 0."""
        return decided_signs(self.F - self.G, noise_sd(self.F, self.G, self.squares), threshold)

    def signed_noise(self, choices: list[NDArray[np.int8]], draws: Draws) -> FloatArray:
        """Draws of the integrals of Z for each choice of stops; as `PooledLine.signed_noise`."""
        variances = np.diff(self.squares, axis=1, prepend=0.0)
        alone = np.diff(self.ends, prepend=0) == 1
        sides = []
        for variance in variances:
            where = np.flatnonzero(variance > 0.0)
            sides.append((where, np.sqrt(variance[where])[:, None], alone[where]))
        weights = [
            ((certain * self.gaps) / self.unit, np.where(certain == 0, self.gaps, 0.0) / self.unit)
            for certain in choices
        ]
        keys = block_keys(draws.rng, -(-draws.n_replicates // LANES))

        def run(block: int) -> FloatArray:
            rng = np.random.default_rng(int(keys[block]))
            Z = np.zeros((self.ends.size, LANES))
            totals = []
            for sign, (where, scale, of_one_row) in zip((1.0, -1.0), sides, strict=True):
                noise = rng.standard_normal((where.size, LANES))
                # The sign of a normal number is a fair one.
                noise[of_one_row] = np.copysign(1.0, noise[of_one_row])
                noise *= sign * scale
                Z[where] += noise
                totals.append(noise.sum(axis=0))
            np.cumsum(Z, axis=0, out=Z)
            Z -= self.F[:, None] * totals[0]
            Z -= self.G[:, None] * totals[1]
            signed = [with_sign @ Z for with_sign, _ in weights]
            np.abs(Z, out=Z)
            absolute = [without @ Z for _, without in weights]
            return np.array([row for both in zip(signed, absolute, strict=True) for row in both])

        found = self._in_blocks(run, keys.size, draws.n_jobs, draws.callback, 2 * len(choices))
        return np.asarray(found[:, : draws.n_replicates])

    def null(
        self,
        n_draws: int,
        rng: np.random.Generator,
        *,
        n_jobs: int = 1,
        callback: Callback | None = None,
    ) -> FloatArray:
        """W1 (n_draws,) between random parts of the pooled rows of n and m rows, with their masses.

        The same for any `n_jobs`; fewer where the callback returned True. N is below 1e9.
        """
        keys = block_keys(rng, -(-n_draws // LANES))
        labels = _Labels.of(self)

        def run(block: int) -> FloatArray:
            return labels.drawn(np.random.default_rng(int(keys[block])))[None]

        return np.asarray(self._in_blocks(run, keys.size, n_jobs, callback, 1)[0, :n_draws])

    def _in_blocks(
        self,
        run: Callable[[int], FloatArray],
        count: int,
        n_jobs: int,
        callback: Callback | None,
        rows: int,
    ) -> FloatArray:
        parts = in_parts(run, count, n_jobs, callback, LANES)
        return np.concatenate([np.empty((rows, 0)), *parts], axis=1)


def cell_starts(n_rows: int, n_cells: int) -> IndexArray:
    """First row of each cell: cells of one row at the ends, wider ones towards the middle."""
    widest = max(1, n_rows // n_cells)
    starts = [0]
    middle = -(-n_rows // 2)
    while starts[-1] < middle:
        starts.append(starts[-1] + max(1, min(widest, int(_GRADED * starts[-1]))))
    # The other end is the same, seen from there.
    left = np.minimum(starts, middle)
    return np.unique(np.concatenate([left, n_rows - left[left > 0]]))


def _heavy(squares: FloatArray) -> IndexArray:
    return np.flatnonzero(squares > _HEAVY * float(squares.sum()))


def _kept_rows(line: PooledLine, of_x: NDArray[np.bool_], masses: FloatArray | None) -> IndexArray:
    """Rows that are segments of their own."""
    n_rows = of_x.size
    squares = line.steps * line.steps
    kept = [np.arange(min(_OUTERMOST, n_rows)), np.arange(max(0, n_rows - _OUTERMOST), n_rows)]
    for side in (of_x, ~of_x):
        rows = np.flatnonzero(side)
        kept += [rows[:_OUTERMOST_OF_SIDE], rows[-_OUTERMOST_OF_SIDE:]]
        kept.append(_heavy(np.where(side, squares, 0.0)))
    if masses is not None:
        kept.append(_heavy(masses * masses))
    return np.concatenate(kept)


def tail_places(sizes: tuple[int, int], masses: FloatArray | None) -> tuple[int, int]:
    """The rows from which, and up to which, labels of the rarer sample are drawn by counts."""
    n_rows, rarer = sum(sizes), min(sizes)
    few: float = rarer
    if masses is not None and rarer <= _MOST_LABELS:
        few *= float(masses.sum()) ** 2 / (n_rows * float(masses @ masses))
    outer = -(-_TAIL_LABELS * n_rows // rarer)
    if few <= _FEW_LABELS or 2 * outer >= n_rows:
        return n_rows, n_rows
    return outer, n_rows - outer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labels:
    """How labels of the rarer sample fall into segments; W1 does not ask which of both it is.

    Of the `middle` segments `alone` are single rows whose label is drawn by itself and `wide` have
    normal counts, with `masses` (N_c, W_c, what the masses vary within the segment) each.
    """

    cells: LineCells
    rarer: int
    n_rows: int
    outer: tuple[int, int]
    alone: IndexArray
    wide: IndexArray
    counts: FloatArray
    sums: FloatArray
    spreads: FloatArray
    levels: FloatArray
    total: float

    @classmethod
    def of(cls, cells: LineCells) -> _Labels:
        first, last = cells._tails
        ends = cells.ends
        counts = np.diff(ends, prepend=0).astype(np.float64)
        sums, spreads = counts, np.zeros(ends.size)
        alone = np.empty(0, np.int64)
        middle = np.arange(first, last)
        if cells.masses is not None:
            sums = np.add.reduceat(cells.masses, np.append(0, ends[:-1]))
            squares = np.add.reduceat(cells.masses**2, np.append(0, ends[:-1]))
            spreads = np.sqrt(np.maximum(squares - sums * sums / counts, 0.0))
            heavy = (counts == 1.0) & (squares > _HEAVY * float(squares.sum()))
            alone, middle = middle[heavy[middle]], middle[~heavy[middle]]
        reached = np.cumsum(sums)
        return cls(
            cells=cells,
            rarer=min(cells.sizes),
            n_rows=sum(cells.sizes),
            outer=(
                int(ends[first - 1]) if first else 0,
                int(ends[-1] - ends[last - 1]) if last < ends.size else 0,
            ),
            alone=alone,
            wide=middle,
            counts=counts,
            sums=sums,
            spreads=spreads,
            levels=reached / reached[-1],
            total=float(reached[-1]),
        )

    def drawn(self, rng: np.random.Generator) -> FloatArray:
        """W1 (64,) of as many relabellings."""
        parts = np.zeros((self.levels.size, LANES))
        left = np.full(LANES, self.rarer)
        rows = self.n_rows
        for size, (first, last) in zip(
            self.outer,
            ((0, self.cells._tails[0]), (self.cells._tails[1], self.levels.size)),
            strict=True,
        ):
            if size:
                wanted = rng.hypergeometric(left, rows - left, size)
                self._draw_rows(rng, first, last, wanted, parts)
                left = left - wanted
                rows -= size
        rows = self._draw_alone(rng, rows, left, parts)
        if self.wide.size:
            self._draw_counts(rng, rows, left, parts)
        mass = parts.sum(axis=0)
        mean = self.total * self.rarer / self.n_rows
        mass = np.clip(mass, _LEAST_MASS * mean, self.total - _LEAST_MASS * (self.total - mean))
        np.cumsum(parts, axis=0, out=parts)
        if self.cells.masses is None:
            # Counts are whole numbers, and so W1 of few values has the ties that it has of rows.
            np.rint(parts, out=parts)
        parts -= self.levels[:, None] * mass
        np.abs(parts, out=parts)
        factor = self.total / (mass * (self.total - mass) * self.cells.unit)
        return np.asarray(factor * (self.cells.gaps @ parts))

    def _draw_rows(
        self,
        rng: np.random.Generator,
        first: int,
        last: int,
        wanted: IndexArray,
        parts: FloatArray,
    ) -> None:
        state = rng.integers(0, 2**64, 4, np.uint64)
        cells = self.cells
        if cells.masses is None:
            none = np.empty(0, np.int64)
            draw_labels(state, None, cells.ends, first, last, wanted, none, none, none, parts, None)
            return
        most = int(wanted.max())
        heads, links, rows = (np.empty(k, np.int64) for k in (parts.shape[0], most, most))
        counts = np.zeros_like(parts)
        draw_labels(
            state, cells.masses, cells.ends, first, last, wanted, heads, links, rows, counts, parts
        )

    def _draw_alone(
        self, rng: np.random.Generator, rows: int, left: IndexArray, parts: FloatArray
    ) -> int:
        """Labels of single rows one after the other; what is left changes."""
        for segment in self.alone:
            hit = rng.random(LANES) * rows < left
            parts[segment] = self.sums[segment] * hit
            left -= hit
            rows -= 1
        return rows

    def _draw_counts(
        self, rng: np.random.Generator, rows: int, left: IndexArray, parts: FloatArray
    ) -> None:
        """Normal masses of the wide segments, whose counts have the sum that is left.

        With p = left / rows the counts of all have the covariances q (N_c [c = d] - N_c N_d / rows)
        with q = p (1 - p) rows / (rows - 1), and so do masses with W_c and the sums of squares:
        independent normal numbers less what their sum predicts.
        """
        wide = self.wide
        counts, sums = self.counts[wide, None], self.sums[wide, None]
        normal = rng.standard_normal((wide.size, LANES))
        normal *= np.sqrt(counts)
        surplus = normal.sum(axis=0) / rows
        share = left / rows
        scale = np.sqrt(share * (1.0 - share) * rows / max(rows - 1, 1))
        if self.cells.masses is not None:
            normal *= sums / counts
            normal += self.spreads[wide, None] * rng.standard_normal(normal.shape)
        normal *= scale
        normal += sums * (share - scale * surplus)
        parts[wide] = normal
