"""The geometry of point clouds: kernels between the atoms and between clusters of them."""

from __future__ import annotations

from functools import cached_property, partial

import numpy as np

from ..._gibbs.buffers import Buffer
from ..._gibbs.clouds import Cloud
from ..._gibbs.metrics import cost_of_sides, steepness
from ..._gibbs.point_kernel import PointKernel
from ..._gibbs.protocols import NewtonMatrix, PlanMatrix
from ..._gibbs.soft_c_transform import soft_c_transform
from ..._kernels.exponential import SQUARED
from ..._kernels.kdtree import cuts
from ..._typing import FloatArray, IndexArray
from .base import FEWER, FEWEST, RESOLUTION, ROUGH_RESOLUTION, Accuracy, Level
from .coarse_matrix import CoarseMatrix
from .gaussian_start import gaussian_start

__all__ = ["PointGeometry"]

# Mean squared radius, as a share of that of all points, up to which points are in one place.
_SAME_PLACE = 1e-12
# Points for each cluster from which a level of clusters is worth a stage; by taste.
_GAIN = 1.5
# Share of a row that the coarse Newton matrix may leave out: its steps gain about one digit each.
_COARSE_TRUNCATION = 1e-3


class _ClusterHierarchy:
    """A cloud and its clusters of bounded radius."""

    def __init__(self, cloud: Cloud):
        self.fine = cloud
        self._cuts: dict[float, IndexArray] = {}
        self._clouds: dict[float, Cloud] = {}

    @cached_property
    def _radii(self) -> FloatArray:
        # Rounding may make the radius of points in one place negative.
        radii = cuts.squared_radii(np.ascontiguousarray(self.fine.points.T))
        return np.asarray(np.maximum(radii, 0.0))

    def _cut(self, limit: float) -> IndexArray:
        if limit not in self._cuts:
            self._cuts[limit] = cuts.cut_at_radius(self._radii, self.fine.n, limit)
        return self._cuts[limit]

    def count(self, limit: float | None) -> int:
        """Number of clusters whose mean squared radius is at most `limit`."""
        return self.fine.n if limit is None else self._cut(limit).size - 1

    @cached_property
    def _coarsest(self) -> float:
        """Largest limit that is worth a stage of its own: one that leaves enough clusters."""
        # All nodes of this level are small enough, and no more than wanted.
        first = min(1 << (FEWEST.bit_length() - 1), self._radii.size // 2)
        largest, limit = float(self._radii[1]), float(self._radii[first : 2 * first].max())
        while limit > _SAME_PLACE * largest and self.count(limit) < min(FEWEST, self.fine.n):
            limit *= 0.5
        return limit

    def largest(self, limit: float) -> float | None:
        """`limit`, or less where that gives too few clusters; None where clusters save nothing.

        A smaller `limit` never gives coarser clusters.
        """
        limit = min(limit, self._coarsest)
        return limit if _GAIN * self.count(limit) <= self.fine.n else None

    def cloud(self, limit: float | None) -> Cloud:
        """The clusters as points."""
        if limit is None:
            return self.fine
        if limit not in self._clouds:
            self._clouds[limit] = self.fine.coarse(self._cut(limit))
        return self._clouds[limit]

    def parents(self, old: float | None, new: float | None) -> IndexArray:
        """Cluster of `old` that each one of the finer `new` belongs to."""
        assert old is not None
        starts = np.arange(self.fine.n) if new is None else self._cut(new)[:-1]
        return np.searchsorted(self._cut(old), starts, side="right") - 1


class PointGeometry:
    """Two clouds under a cost that has a code in `_gibbs.metrics`.

    A level is the largest mean squared radius of the clusters of each.
    """

    def __init__(self, x: Cloud, y: Cloud, *, metric: int):
        self.x, self.y, self.metric = x, y, metric
        self._hierarchies = _ClusterHierarchy(x), _ClusterHierarchy(y)
        coordinates = np.ascontiguousarray(np.concatenate([x.points, y.points]).T)
        self.scale = cost_of_sides(np.ptp(coordinates, axis=1), metric)

    def level(self, epsilon: float, *, rough: bool) -> Level:
        """See `Geometry.level`."""
        limit = self._limit(epsilon, ROUGH_RESOLUTION if rough else RESOLUTION)
        return Level(*(side.largest(limit) for side in self._hierarchies))

    def _clouds(self, level: Level) -> tuple[Cloud, Cloud]:
        x, y = self._hierarchies
        return x.cloud(level.x), y.cloud(level.y)

    def start(self, epsilon: float, level: Level) -> tuple[FloatArray, FloatArray]:
        """See `Geometry.start`."""
        return gaussian_start(*self._clouds(level), epsilon, metric=self.metric)

    def kernel(self, epsilon: float, level: Level, accuracy: Accuracy) -> PointKernel:
        """See `Geometry.kernel`."""
        return PointKernel(*self._clouds(level), epsilon, metric=self.metric, **accuracy._asdict())

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
        (x, y), (new_x, new_y), finer_u, finer_v = self._clouds(old), self._clouds(new), u, v
        if new.x != old.x:
            kernel = PointKernel(new_x, y, epsilon, metric=self.metric, **accuracy._asdict())
            parents = self._hierarchies[0].parents(old.x, new.x)
            finer_u = _transformed(kernel, _inherited(u, x, new_x, parents), v)
        if new.y != old.y:
            kernel = PointKernel(new_y, x, epsilon, metric=self.metric, **accuracy._asdict())
            parents = self._hierarchies[1].parents(old.y, new.y)
            finer_v = _transformed(kernel, _inherited(v, y, new_y, parents), u)
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
        if columns.y is None:
            return None
        hierarchy = self._hierarchies[1]
        n_clusters = hierarchy.count(columns.y)
        if FEWER * n_clusters > self.y.n:
            return None
        parents = hierarchy.parents(columns.y, None)
        starts = np.searchsorted(parents, np.arange(n_clusters + 1))
        coarse = accuracy._replace(truncation=_COARSE_TRUNCATION)._asdict()
        clusters = hierarchy.cloud(columns.y)
        kernel = PointKernel(self.x, clusters, epsilon, metric=self.metric, **coarse)
        return CoarseMatrix(partial(_with_few_columns, kernel, starts, max_bytes, u, v))

    def _limit(self, epsilon: float, share: float) -> float:
        """Mean squared radius of clusters that is `share` of the squared blur in each dimension."""
        # The blur is a length: the root of epsilon for squared costs, and for plain ones how far a
        # point moves in the plane of radii where its cost changes by epsilon.
        d = self.x.points.shape[1]
        plain = epsilon / steepness(self.metric, d)
        squared_blur = epsilon if self.metric == SQUARED else plain * plain
        return float(share * d * squared_blur)


def _inherited(u: FloatArray, old: Cloud, new: Cloud, parents: IndexArray) -> FloatArray:
    """First guess of a finer potential: that of the parent, moved to the new weights."""
    return np.asarray((u - np.log2(old.weights))[parents] + np.log2(new.weights))


def _transformed(kernel: PointKernel, guess: FloatArray, v: FloatArray) -> FloatArray:
    shift, sums = kernel.row_sums(guess, v)
    return soft_c_transform(np.log2(kernel.a), shift, sums, kernel.tau)


def _with_few_columns(
    kernel: PointKernel, starts: IndexArray, max_bytes: float, u: FloatArray, v: FloatArray
) -> NewtonMatrix:
    """The plan at u between the points and the clusters themselves."""
    # The clusters' potential that belongs to u: their sums, and so the scale of S, are exact.
    v = _transformed(kernel.transposed(), np.logaddexp2.reduceat(v, starts[:-1]), u)
    matrix: PlanMatrix = kernel.matrix(
        u, v, truncation=_COARSE_TRUNCATION, max_bytes=max_bytes, buffer=Buffer(), single=True
    )
    return NewtonMatrix(matrix, v, kernel, u, v)
