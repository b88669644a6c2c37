"""Statistics of samples in space that are cheap for many relabellings at once.

Energy distance and maximum mean discrepancy are quadratic forms of the labels. With D the pooled
distances (or kernels) and w the masses of the rows,

    H = D - r 1ᵀ - 1 rᵀ + s,    r = D w / W,    s = wᵀ D w / W²,

has H w = 0, so that for labels l of mass A = wᵀl both are ∓ (W / (A (W - A)))² (w l)ᵀ H (w l): one
matrix product for hundreds of relabellings, of which symmetry saves half. The sliced distance is
the mean of walks along the projections, through the same words in the order of each.
"""

from __future__ import annotations

import math

import numpy as np

from .._kernels import pair_sums as pair_kernels
from .._kernels.line.sorting import sorted_with
from .._kernels.pair_sums import project
from .._kernels.resampling import permutations as kernels
from .._memory import check_room
from .._typing import FloatArray, IndexArray
from ..costs import PNormCost
from ..distances.discrepancy import median_distance
from ..distances.samples import of_extent_one
from ..distances.sliced import directions
from .pooling import Pool
from .relabelling import LANES, Planes, unpacked

__all__ = [
    "QuadraticStatistic",
    "SlicedStatistic",
    "energy_form",
    "kernel_form",
    "unit_points",
]

# Blocks of 64 relabellings in one matrix product: 1024 columns.
_BLOCKS = 16
# Entries of a panel of rows: 32 MB, well under a second of work.
_PANEL = 2**22
# Entries of the triangle that are kept from one product to the next: 512 MB.
_KEPT = 2**26


class QuadraticStatistic:
    """(w l)ᵀ H (w l) for the labels l of many relabellings.

    Parameters
    ----------
    name : str
    pool : Pool
    points : float64 array (N, d)
        In the units of the kernel `pair_sums.fill_rows`.
    form, norm : int and float
        What that kernel makes of a pair.
    scale : float
        Unit of the points for distances; 1 for kernels.
    """

    batch = _BLOCKS
    order: IndexArray | None = None

    def __init__(
        self,
        name: str,
        pool: Pool,
        points: FloatArray,
        *,
        form: int,
        norm: float,
        scale: float,
    ) -> None:
        self.names: tuple[str, ...] = (name,)
        self._pool, self._points, self._scale = pool, points, scale
        self._columns = np.ascontiguousarray(points.T)
        self._form, self._norm = form, norm
        self._sign = -1.0 if form == pair_kernels.DISTANCE else 1.0
        n = len(points)
        self._weights = np.ones(n) if pool.weights is None else pool.weights
        self._total = float(self._weights.sum())
        rows = max(16, min(n, _PANEL // n))
        self._panels = [(first, min(n, first + rows)) for first in range(0, n, rows)]
        is_kept = n * n // 2 <= _KEPT
        check_room(
            8 * (n * n // 2 if is_kept else 2 * _PANEL) + 8 * n * LANES * _BLOCKS,
            f"relabelling {n} rows",
            "take a part of the rows",
        )
        self._kept: list[FloatArray] | None = [] if is_kept else None
        self._means = np.empty(n)
        for first, stop in self._panels:
            panel = self._filled(first, stop, n)
            self._means[first:stop] = panel @ self._weights / self._total
            if self._kept is not None:
                self._kept.append(panel[:, :stop].copy())
        self._mean = float(self._weights @ self._means) / self._total
        if self._kept is not None:
            for (first, stop), panel in zip(self._panels, self._kept, strict=True):
                self._centre(panel, first, stop)
        # Diagonal of H, which rounding is measured by; a kernel is 1 there, a distance 0.
        own = 0.0 if form == pair_kernels.DISTANCE else 1.0
        self._diagonal = np.abs(own - 2.0 * self._means + self._mean)

    def _filled(self, first: int, stop: int, columns: int) -> FloatArray:
        """Distances or kernels (stop - first, columns) of some rows and the first columns."""
        out = np.empty((stop - first, columns))
        y = np.ascontiguousarray(self._columns[:, :columns])
        pair_kernels.fill_rows(self._points[first:stop], y, self._form, self._norm, out)
        return out

    def _centre(self, panel: FloatArray, first: int, stop: int) -> None:
        panel -= self._means[first:stop, None]
        panel -= self._means[None, :stop]
        panel += self._mean

    def _panel(self, place: int) -> FloatArray:
        """Rows of the lower triangle of H, with the whole square on the diagonal."""
        if self._kept is not None:
            return self._kept[place]
        first, stop = self._panels[place]
        panel = self._filled(first, stop, stop)
        self._centre(panel, first, stop)
        return panel

    def evaluate(self, planes: Planes) -> FloatArray:
        """Squares of the statistic (1, 64 b)."""
        sizes = self._pool.sizes
        if len(sizes) == 2:
            return self._square(planes[0])[0][None]
        total = np.zeros(LANES * planes.shape[2])
        for plane in planes:
            square, share = self._square(plane)
            total += share * (1.0 - share) ** 2 * square
        return total[None]

    def _square(self, words: Planes) -> tuple[FloatArray, FloatArray]:
        """Square for one sample against the rest, and its share of the mass."""
        masses = unpacked(words).astype(np.float64)
        if self._pool.weights is not None:
            masses *= self._weights[:, None]
        total = np.zeros(masses.shape[1])
        for place, (first, stop) in enumerate(self._panels):
            panel = self._panel(place)
            products = panel[:, first:stop] @ masses[first:stop]
            if first:
                products += 2.0 * (panel[:, :first] @ masses[:first])
            total += np.einsum("ij,ij->j", masses[first:stop], products)
        A = masses.sum(axis=0)
        factor = self._total / (A * (self._total - A))
        square = np.maximum(self._sign * factor * factor * total, 0.0)
        return square, A / self._total

    def finish(self, name: str, values: FloatArray) -> FloatArray:
        """The root, in the unit of the rows."""
        return np.asarray(np.sqrt(values * self._scale))

    def rounding(self, observed: FloatArray) -> FloatArray:
        """A square of labels without meaning is near f² Σ w² |H_ii|; 1e-12 of it in all."""
        A = self._total * self._pool.sizes[0] / sum(self._pool.sizes)
        factor = self._total / (A * (self._total - A))
        typical = factor * factor * float((self._weights**2 * self._diagonal).sum())
        return np.full_like(observed, 1e-12 * typical)


def energy_form(pool: Pool, metric: PNormCost) -> QuadraticStatistic:
    """The energy distance in a metric."""
    points, scale = of_extent_one(pool.points.reshape(len(pool.points), -1))
    return QuadraticStatistic(
        "energy", pool, points, form=pair_kernels.DISTANCE, norm=metric.norm, scale=scale
    )


def kernel_form(pool: Pool, kernel: str, bandwidth: float | None) -> QuadraticStatistic:
    """The maximum mean discrepancy; its bandwidth is by default that of all rows together."""
    rows = pool.points.reshape(len(pool.points), -1)
    if bandwidth is None:
        bandwidth = median_distance(np.unique(rows, axis=0))
    is_gaussian = kernel == "gaussian"
    # Units in which the kernel is 2^(-r²) or 2^(-r) of the distance r.
    unit = math.sqrt(0.5 * math.log2(math.e)) if is_gaussian else math.log2(math.e)
    with np.errstate(over="ignore"):
        points = (rows - rows.min(axis=0)) / bandwidth * unit
    # Distances beyond 1e150 bandwidths: their kernel is 0, and their square must fit.
    points = np.ascontiguousarray(np.minimum(points, 1e150))
    form = pair_kernels.GAUSSIAN if is_gaussian else pair_kernels.LAPLACE
    return QuadraticStatistic(
        "maximum_mean_discrepancy", pool, points, form=form, norm=2.0, scale=1.0
    )


class SlicedStatistic:
    """Sliced W1: the mean over directions of W1 of the projections."""

    batch = 1
    order: IndexArray | None = None

    def __init__(
        self,
        pool: Pool,
        n_projections: int,
        rng: np.random.Generator,
        *,
        sizes_vary: bool,
    ) -> None:
        self.names: tuple[str, ...] = ("sliced_wasserstein",)
        self._sizes = pool.sizes
        points, self._scale = of_extent_one(pool.points.reshape(len(pool.points), -1))
        n = len(points)
        check_room(
            16 * n * n_projections,
            f"{n_projections} projections of {n} rows",
            "take fewer by `n_projections`",
        )
        rows = np.ascontiguousarray((points - points.min(axis=0)).T)
        self._orders = np.empty((n_projections, n), np.int64)
        self._gaps = np.zeros((n_projections, n))
        projected = np.empty(n)
        for k, direction in enumerate(directions(rng, n_projections, len(rows))):
            project(rows, direction, projected)
            values, self._orders[k] = sorted_with(projected)
            self._gaps[k, :-1] = np.diff(values)
        self._weights = pool.weights
        if sizes_vary and self._weights is None:
            self._weights = np.ones(n)
        self._ends = np.zeros(n)

    def evaluate(self, planes: Planes) -> FloatArray:
        """Means over the directions (1, 64) of one block."""
        if len(self._sizes) == 2:
            return self._mean(planes[0, :, 0], self._sizes[0])[0][None]
        total = np.zeros(LANES)
        for plane, n in zip(planes, self._sizes, strict=True):
            mean, share = self._mean(plane[:, 0], n)
            total += share * (1.0 - share) * mean
        return total[None]

    def _mean(self, words: Planes, n: int) -> tuple[FloatArray, FloatArray]:
        """Sliced W1 of one sample and the rest, and its share of the mass."""
        sums, masses = np.zeros(LANES), np.full(LANES, float(n))
        m = words.size - n
        for order, gaps in zip(self._orders, self._gaps, strict=True):
            ordered = words[order]
            if self._weights is None:
                kernels.walk_counts(
                    ordered, float(m), -float(n), gaps, self._ends, sums, None, None, None
                )
                continue
            kernels.walk_masses(
                ordered, self._weights[order], gaps, self._ends, masses, sums, None, None, None
            )
        if self._weights is None:
            return sums / (float(n) * m * len(self._orders)), masses / words.size
        total = float(self._weights.sum())
        factor = total / (masses * (total - masses))
        return sums * factor / len(self._orders), masses / total

    def finish(self, name: str, values: FloatArray) -> FloatArray:
        """In the unit of the rows."""
        return values * self._scale

    def rounding(self, observed: FloatArray) -> FloatArray:
        """Nothing beyond the digits of the numbers: they are sums of positive terms."""
        return np.zeros_like(observed)


def unit_points(pool: Pool) -> tuple[FloatArray, float]:
    """Points (N, d) of extent near one, from the corner of all, and their unit."""
    points, scale = of_extent_one(pool.points.reshape(len(pool.points), -1))
    return points - points.min(axis=0), scale if math.isfinite(scale) else 1.0
