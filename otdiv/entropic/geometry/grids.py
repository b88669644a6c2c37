"""The geometry of images: measures on Cartesian grids under the squared Euclidean distance."""

from __future__ import annotations

import numpy as np

from ..._gibbs.grid_kernel import GridKernel, GridMeasure, GridPlan
from ..._gibbs.protocols import NewtonMatrix
from ..._gibbs.soft_c_transform import soft_c_transform
from ..._typing import FloatArray
from .base import FEWER, FEWEST, RESOLUTION, ROUGH_RESOLUTION, Accuracy, Level
from .coarse_matrix import CoarseMatrix

__all__ = ["GridGeometry"]


class GridGeometry:
    """Two grids with levels of merged cells; a level h merges 2**h cells along each axis."""

    def __init__(self, x: GridMeasure, y: GridMeasure):
        self.x, self.y = x, y
        low = [min(p[0], q[0]) for p, q in zip(x.axes, y.axes, strict=True)]
        high = [max(p[-1], q[-1]) for p, q in zip(x.axes, y.axes, strict=True)]
        self.scale = float(np.square(np.subtract(high, low)).sum())
        self._levels = _levels(x), _levels(y)

    def level(self, epsilon: float, *, rough: bool) -> Level:
        """See `Geometry.level`."""
        limit = (ROUGH_RESOLUTION if rough else RESOLUTION) * len(self.x.shape) * epsilon
        depths = [
            max((h for h, (_, spread) in levels.items() if spread <= limit), default=None)
            for levels in self._levels
        ]
        return Level(*depths)

    def _sides(self, level: Level) -> tuple[GridMeasure, GridMeasure]:
        x = self.x if level.x is None else self._levels[0][int(level.x)][0]
        y = self.y if level.y is None else self._levels[1][int(level.y)][0]
        return x, y

    def start(self, epsilon: float, level: Level) -> tuple[FloatArray, FloatArray]:
        """See `Geometry.start`."""
        x, y = self._sides(level)
        return np.log2(x.weights), np.log2(y.weights)

    def kernel(self, epsilon: float, level: Level, accuracy: Accuracy) -> GridKernel:
        """See `Geometry.kernel`."""
        return GridKernel(*self._sides(level), epsilon, accuracy.tau)

    def refine(
        self,
        u: FloatArray,
        v: FloatArray,
        old: Level,
        new: Level,
        epsilon: float,
        accuracy: Accuracy,
    ) -> tuple[FloatArray, FloatArray]:
        """See `Geometry.refine`."""
        x, y = self._sides(old)
        new_x, new_y = self._sides(new)
        finer_u, finer_v = u, v
        if new.x != old.x:
            finer_u = _transformed(GridKernel(new_x, y, epsilon, accuracy.tau), v)
        if new.y != old.y:
            finer_v = _transformed(GridKernel(new_y, x, epsilon, accuracy.tau), u)
        return finer_u, finer_v

    def coarse_columns(
        self,
        columns: Level,
        u: FloatArray,
        v: FloatArray,
        epsilon: float,
        accuracy: Accuracy,
        max_bytes: float,
    ) -> CoarseMatrix | None:
        """See `Geometry.coarse_columns`."""
        clusters = self._sides(columns)[1]
        if FEWER * clusters.n > self.y.n:
            return None
        kernel = GridKernel(self.x, clusters, epsilon, accuracy.tau)

        def make() -> NewtonMatrix:
            columns_v = _transformed(kernel.transposed(), u)
            return NewtonMatrix(GridPlan(kernel, u, columns_v), columns_v, kernel, u, columns_v)

        return CoarseMatrix(make)


def _transformed(kernel: GridKernel, v: FloatArray) -> FloatArray:
    """The soft c-transform of v: the potential at which the row sums are right."""
    shift, sums = kernel.row_sums(np.zeros_like(kernel.a), v)
    return soft_c_transform(np.log2(kernel.a), shift, sums, kernel.tau)


def _levels(fine: GridMeasure) -> dict[int, tuple[GridMeasure, float]]:
    """Merged grids with the mean squared distance of a cell to the one that it is merged into."""
    levels: dict[int, tuple[GridMeasure, float]] = {}
    step, size = 2, fine.size
    while size >= FEWEST:
        merged, spread = _merged(fine, step)
        if size == merged.size:
            break
        size = merged.size
        levels[step.bit_length() - 1] = merged, spread
        step *= 2
    return levels


def _merged(fine: GridMeasure, step: int) -> tuple[GridMeasure, float]:
    weights = fine.spread_out(fine.weights, 0.0).reshape(fine.shape)
    axes, spread = [], 0.0
    for k, (axis, mass) in enumerate(zip(fine.axes, fine.marginals(), strict=True)):
        starts = np.arange(0, axis.size, step)
        weights = np.add.reduceat(weights, starts, axis=k)
        masses = np.add.reduceat(mass, starts)
        # Blocks without mass keep the middle of their coordinates.
        counts = np.diff(np.append(starts, axis.size))
        middles = np.add.reduceat(axis, starts) / counts
        with np.errstate(invalid="ignore", divide="ignore"):
            centres = np.add.reduceat(axis * mass, starts) / masses
        centres = np.where(masses > 0.0, np.clip(centres, axis[starts], None), middles)
        spread += float(np.square(axis - np.repeat(centres, counts)) @ mass)
        axes.append(centres)
    flat = weights.reshape(-1)
    cells = np.flatnonzero(flat > 0.0)
    return GridMeasure(tuple(axes), cells, flat[cells]), spread / float(flat.sum())
