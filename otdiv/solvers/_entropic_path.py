"""From nothing to the potentials at epsilon: coarse to fine, and large epsilon to small.

A large epsilon makes the problem smooth, and a smooth problem is represented by few clusters. So
epsilon falls from the scale of the costs by factors of four, each stage on the centroids of a tree
level whose clusters are small against its blur, and each started from the stage before: potentials
keep their values in units of the cost, and a finer level takes its potentials from the coarser
measures by one exact update at the old epsilon.

References
----------
Schmitzer (2019), Stabilized sparse scaling algorithms for entropy regularized transport problems,
arXiv:1610.06519 (multiscale and epsilon scaling). Chizat (2024), Annealed Sinkhorn for optimal
transport, arXiv:2408.11620.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from .._kernels.clouds import Cloud
from .._kernels.point_plan import Buffer, PointKernel
from .._typing import FloatArray
from ._entropic_gaussian import gaussian_start
from ._entropic_kernels import DenseKernel, Kernel, PlanMatrix
from ._entropic_newton import Stage, StageRules, solve_stage

__all__ = ["Geometry", "MatrixGeometry", "PathOptions", "PointGeometry", "follow_path"]

# A level represents a stage when the mean squared radius of its clusters, in each dimension, is at
# most this share of the squared blur. Measured in the plane: at 0.03 a step with the coarse Newton
# matrix gains about a digit, at 0.25 less than half of one.
_RESOLUTION = 0.03
# Stages on the way only give a start to the next one.
_ROUGH_RESOLUTION = 0.1
# Below this many clusters a stage costs less than its overhead.
_FEWEST = 256
# The level between clusters and points has this many times fewer nodes than points.
_MIDDLE_SHARE = 8
# Stages before the last need only be near: L1 errors of the marginals.
_STAGE_ERROR = 0.02
_COARSE_ERROR = 3e-4
_STAGE_ITERATIONS = 20
# Epsilon falls by at most this factor, which keeps every power of two of a stage inside float64.
_ANNEALING = 3.0
# Epsilon starts at the scale of the costs divided by this, where powers of two are in range yet.
_START = 100.0
# Share of a row that the coarse Newton matrix may lose.
_COARSE_DROP = 1e-3


class Accuracy(NamedTuple):
    """What a kernel may drop of a row, and epsilon / reach of relaxed marginals."""

    drop: float
    tau: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PathOptions:
    """Rules of a path: tolerance (L1, relative to the mass), limits and the monitor."""

    tolerance: float
    max_iterations: int
    max_bytes: float
    reach: float = math.inf
    """Penalty of relaxed marginals, in the unit of epsilon."""
    monitor: Callable[[float, int, float], bool] | None = None
    """Called with epsilon, iteration and marginal error; True stops."""
    buffer: Buffer = field(default_factory=Buffer)
    """Where plans are stored, one after the other."""

    @property
    def drop(self) -> float:
        """Share of a row that pruning may leave out: far below the tolerance."""
        return self.tolerance / 64.0

    def accuracy(self, epsilon: float) -> Accuracy:
        """Accuracy of the kernels at `epsilon`."""
        return Accuracy(self.drop, epsilon / self.reach)


class Level(NamedTuple):
    """Depths of the two trees; None is the points themselves."""

    x: int | None
    y: int | None


FINE = Level(None, None)


class Geometry(Protocol):
    """Kernels of one problem at any epsilon and level."""

    @property
    def scale(self) -> float:
        """Size of the costs, where annealing starts."""
        ...

    def level(self, epsilon: float, *, rough: bool) -> Level:
        """Coarsest level that represents the problem at `epsilon`, or roughly does."""
        ...

    def start(self, epsilon: float, level: Level) -> tuple[FloatArray, FloatArray]:
        """First guess of the potentials (bits) of a level."""
        ...

    def kernel(self, epsilon: float, level: Level, accuracy: Accuracy) -> Kernel:
        """Kernel between the two measures of a level."""
        ...

    def refine(
        self,
        u: FloatArray,
        v: FloatArray,
        old: Level,
        new: Level,
        epsilon: float,
        accuracy: Accuracy,
    ) -> tuple[FloatArray, FloatArray]:
        """Potentials of a finer level by one exact update from the coarser measures."""
        ...

    def between(self, level: Level) -> Level:
        """Level between `level` and the points, or the points where there is none to gain from."""
        ...

    def coarse_columns(
        self, level: Level, u: FloatArray, coarse: Stage, epsilon: float, max_bytes: float
    ) -> PlanMatrix | None:
        """Plan between the rows of a level (potentials u) and the column clusters of `coarse`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class MatrixGeometry:
    """An explicit cost matrix: one level only."""

    C: FloatArray
    a: FloatArray
    b: FloatArray
    scale: float

    def level(self, epsilon: float, *, rough: bool) -> Level:
        """Return the only level there is."""
        return FINE

    def start(self, epsilon: float, level: Level) -> tuple[FloatArray, FloatArray]:
        """See `Geometry.start`."""
        return np.log2(self.a), np.log2(self.b)

    def kernel(self, epsilon: float, level: Level, accuracy: Accuracy) -> Kernel:
        """See `Geometry.kernel`."""
        return DenseKernel(self.C, self.a, self.b, epsilon, accuracy.tau)

    def refine(
        self,
        u: FloatArray,
        v: FloatArray,
        old: Level,
        new: Level,
        epsilon: float,
        accuracy: Accuracy,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the potentials unchanged."""
        return u, v

    def between(self, level: Level) -> Level:
        """Return the only level there is."""
        return FINE

    def coarse_columns(
        self, level: Level, u: FloatArray, coarse: Stage, epsilon: float, max_bytes: float
    ) -> PlanMatrix | None:
        """No clusters, no coarse matrix."""
        return None


class PointGeometry:
    """Two clouds under the squared (or, with `root`, the plain) Euclidean distance."""

    def __init__(self, x: Cloud, y: Cloud, *, root: bool):
        self.x, self.y, self.root = x, y, root
        low = np.minimum(x.points.min(axis=0), y.points.min(axis=0))
        high = np.maximum(x.points.max(axis=0), y.points.max(axis=0))
        squared = float(np.square(high - low).sum())
        self.scale = squared**0.5 if root else squared

    @cached_property
    def _spreads(self) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        return _spreads(self.x), _spreads(self.y)

    def level(self, epsilon: float, *, rough: bool) -> Level:
        """See `Geometry.level`."""
        # The blur is a length: the root of epsilon for squared costs, epsilon itself for plain.
        squared_blur = epsilon * epsilon if self.root else epsilon
        share = _ROUGH_RESOLUTION if rough else _RESOLUTION
        limit = share * self.x.points.shape[1] * squared_blur
        depths = [
            next((h for h, spread in spreads if spread <= limit), None) for spreads in self._spreads
        ]
        return Level(*depths)

    def _clouds(self, level: Level) -> tuple[Cloud, Cloud]:
        x = self.x if level.x is None else self.x.coarse(level.x)
        return x, self.y if level.y is None else self.y.coarse(level.y)

    def start(self, epsilon: float, level: Level) -> tuple[FloatArray, FloatArray]:
        """See `Geometry.start`."""
        return gaussian_start(*self._clouds(level), epsilon, root=self.root)

    def kernel(self, epsilon: float, level: Level, accuracy: Accuracy) -> PointKernel:
        """See `Geometry.kernel`."""
        return PointKernel(*self._clouds(level), epsilon, root=self.root, **accuracy._asdict())

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
            kernel = PointKernel(new_x, y, epsilon, root=self.root, **accuracy._asdict())
            finer_u = _extended(kernel, _inherited(u, x, new_x, old.x, new.x), v)
        if new.y != old.y:
            kernel = PointKernel(new_y, x, epsilon, root=self.root, **accuracy._asdict())
            finer_v = _extended(kernel, _inherited(v, y, new_y, old.y, new.y), u)
        return finer_u, finer_v

    def between(self, level: Level) -> Level:
        """See `Geometry.between`."""
        depths = [
            None if h is None else _middle_depth(cloud.n, h)
            for cloud, h in zip((self.x, self.y), level, strict=True)
        ]
        return FINE if None in depths else Level(*depths)

    def coarse_columns(
        self, level: Level, u: FloatArray, coarse: Stage, epsilon: float, max_bytes: float
    ) -> PlanMatrix | None:
        """See `Geometry.coarse_columns`; None where clusters are not far fewer than the columns."""
        x, y = self._clouds(level)
        if 3 * coarse.v.size > y.n:
            return None
        depth = coarse.v.size.bit_length() - 1
        kernel = PointKernel(x, self.y.coarse(depth), epsilon, root=self.root, drop=_COARSE_DROP)
        # The clusters' potential that belongs to u: their sums, and so the scale of S, are exact.
        v = _extended(kernel.transposed(), coarse.v, u)
        matrix: PlanMatrix = kernel.matrix(
            u, v, drop=_COARSE_DROP, max_bytes=max_bytes, buffer=Buffer(), single=True
        )
        return matrix


def _middle_depth(n: int, depth: int) -> int | None:
    """Depth with about n / 8 nodes, where passes cost little, if it is well above `depth`."""
    middle = (n // _MIDDLE_SHARE).bit_length()
    return middle if middle >= depth + 1 else None


def _spreads(cloud: Cloud) -> list[tuple[int, float]]:
    """Depths with their mean squared radius, coarsest first, while there is something to gain."""
    depths = range(_FEWEST.bit_length() - 1, cloud.depth)
    return [(depth, cloud.spread(depth)) for depth in depths]


def _inherited(
    u: FloatArray, old: Cloud, new: Cloud, old_depth: int | None, new_depth: int | None
) -> FloatArray:
    """First guess of a finer potential: that of the parent, moved to the new weights."""
    assert old_depth is not None
    parents = (
        new.parents(old_depth) if new_depth is None else np.arange(new.n) >> (new_depth - old_depth)
    )
    return np.asarray((u - np.log2(old.weights))[parents] + np.log2(new.weights))


def _extended(kernel: PointKernel, guess: FloatArray, v: FloatArray) -> FloatArray:
    shift, sums = kernel.row_sums(guess, v)
    return np.asarray(np.log2(kernel.a) - (np.log2(sums) - shift) / (1.0 + kernel.tau))


def follow_path(
    geometry: Geometry,
    epsilon: float,
    options: PathOptions,
    start: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[Kernel, Stage]:
    """Kernel and final stage at `epsilon`; `start` are potentials (bits) of a like problem."""
    if start is not None:
        kernel = geometry.kernel(epsilon, FINE, options.accuracy(epsilon))
        return kernel, _solve(kernel, *start, epsilon, options, final=True)
    current = max(epsilon, geometry.scale / _START)
    # Equal factors: a last stage at almost the final epsilon would be work for nothing.
    n_stages = math.ceil(math.log(current / epsilon) / math.log(_ANNEALING))
    factor = (current / epsilon) ** (1.0 / max(n_stages, 1))
    level = geometry.level(current, rough=current > epsilon)
    kernel = geometry.kernel(current, level, options.accuracy(current))
    u, v = geometry.start(current, level)
    n_iterations = 0
    while True:
        final = current == epsilon and level == FINE
        stage = _solve(kernel, u, v, current, options, final=final, last=current == epsilon)
        n_iterations += stage.n_iterations
        stage.n_iterations = n_iterations
        if final or stage.stopped:
            break
        if current == epsilon:
            return _finish(geometry, level, stage, epsilon, options)
        n_stages -= 1
        following = current / factor if n_stages > 0 else epsilon
        finer = geometry.level(following, rough=following > epsilon)
        u, v = geometry.refine(stage.u, stage.v, level, finer, current, options.accuracy(current))
        level = finer
        kernel = geometry.kernel(following, level, options.accuracy(following))
        log_a, log_b = np.log2(kernel.a), np.log2(kernel.b)
        ratio = current / following
        u, v = log_a + (u - log_a) * ratio, log_b + (v - log_b) * ratio
        current = following
    if level != FINE:
        return _unfinished(geometry, level, stage, current, options, n_iterations)
    return kernel, stage


def _finish(
    geometry: Geometry, level: Level, coarse: Stage, epsilon: float, options: PathOptions
) -> tuple[Kernel, Stage]:
    """Take the solution of a level at `epsilon` to the points themselves, by way of a finer level.

    The Newton matrix keeps the columns of the first level throughout.
    """
    accuracy = options.accuracy(epsilon)
    coarse.matrix = None
    stage, n_iterations = coarse, coarse.n_iterations
    middle = geometry.between(level)
    for finer in (middle, FINE) if middle != FINE else (FINE,):
        u, v = geometry.refine(stage.u, stage.v, level, finer, epsilon, accuracy)
        matrix = geometry.coarse_columns(finer, u, coarse, epsilon, options.max_bytes)
        kernel = geometry.kernel(epsilon, finer, accuracy)
        final = finer == FINE
        stage = _solve(kernel, u, v, epsilon, options, final=final, coarse=matrix)
        if final and matrix is not None and stage.stalled and np.isfinite(stage.error):
            stage = _solve(kernel, stage.u, stage.v, epsilon, options, final=True)
        n_iterations += stage.n_iterations
        level = finer
        if stage.stopped and not final:
            return _unfinished(geometry, level, stage, epsilon, options, n_iterations)
    stage.n_iterations = n_iterations
    return kernel, stage


def _unfinished(
    geometry: Geometry,
    level: Level,
    stage: Stage,
    epsilon: float,
    options: PathOptions,
    n_iterations: int,
) -> tuple[Kernel, Stage]:
    """Potentials of all points from a stage that was stopped on the way."""
    accuracy = options.accuracy(epsilon)
    u, v = geometry.refine(stage.u, stage.v, level, FINE, epsilon, accuracy)
    stopped = Stage(u, v, n_iterations=n_iterations, stopped=True)
    return geometry.kernel(epsilon, FINE, accuracy), stopped


def _solve(
    kernel: Kernel,
    u: FloatArray,
    v: FloatArray,
    epsilon: float,
    options: PathOptions,
    *,
    final: bool,
    last: bool = True,
    coarse: PlanMatrix | None = None,
) -> Stage:
    monitor = options.monitor
    intermediate = _COARSE_ERROR if last else _STAGE_ERROR
    rules = StageRules(
        tolerance=options.tolerance if final else max(intermediate, options.tolerance),
        max_iterations=options.max_iterations if final else _STAGE_ITERATIONS,
        max_bytes=options.max_bytes,
        drop=options.drop,
        buffer=options.buffer,
        coarse=coarse,
        monitor=None if monitor is None else lambda n, error: monitor(epsilon, n, error),
    )
    return solve_stage(kernel, u, v, rules)
