"""What the entropic iteration asks of a problem: kernels at any epsilon and level."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ..._gibbs.protocols import Kernel
from ..._typing import FloatArray
from .coarse_matrix import CoarseMatrix

__all__ = ["FEWEST", "FINE", "RESOLUTION", "ROUGH_RESOLUTION", "Accuracy", "Geometry", "Level"]

# A level represents a stage when the mean squared radius of each cluster, in each dimension, is at
# most this share of the squared blur. Measured in the plane: at 0.03 a step with the coarse Newton
# matrix gains about a digit, at 0.25 less than half of one.
RESOLUTION = 0.03
# Stages on the way only give a start to the next one.
ROUGH_RESOLUTION = 0.1
# Below this many clusters a stage costs less than its overhead.
FEWEST = 256


class Accuracy(NamedTuple):
    """What a kernel may leave out of a row, and epsilon / reach of relaxed marginals."""

    truncation: float
    tau: float


class Level(NamedTuple):
    """What the two measures are merged to, in the geometry's own terms; None is not at all.

    The smaller the finer.
    """

    x: float | None
    y: float | None

    def no_coarser_than(self, other: Level) -> Level:
        """Return the finer of the two, for each side."""
        pairs = zip(self, other, strict=True)
        return Level(*(None if None in pair else min(pair) for pair in pairs))  # type: ignore[type-var]


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
        self,
        level: Level,
        u: FloatArray,
        v: FloatArray,
        columns: Level,
        epsilon: float,
        accuracy: Accuracy,
        max_bytes: float,
        *,
        added: bool = False,
    ) -> CoarseMatrix | None:
        """The plan of a level at (u, v) with its columns merged to those of a coarser level.

        Clusters may stand for their columns if these must not be `added` up. None where the plan
        itself serves as well.
        """
        ...
