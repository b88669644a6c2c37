"""The interface of a geometry: one problem as kernels at any epsilon and any level of clusters."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ..._gibbs.protocols import Kernel
from ..._typing import FloatArray
from .coarse_matrix import CoarseMatrix

__all__ = [
    "FEWER",
    "FEWEST",
    "FINE",
    "RESOLUTION",
    "ROUGH_RESOLUTION",
    "Accuracy",
    "Geometry",
    "Level",
]

# Largest mean squared radius of a cluster, in each dimension, as a share of the squared blur, at
# which a level represents the last stage. Measured in the plane: at 0.03 a step with the coarse
# Newton matrix gains about a digit, at 0.25 less than half of one.
RESOLUTION = 0.03
# The same on the way, where a stage only gives a start to the next one; by taste.
ROUGH_RESOLUTION = 0.1
# Clusters of the coarsest level at least: with fewer a stage costs less than its overhead.
FEWEST = 256
# Points for each cluster from which clusters of columns save most of the work of a stage; by taste.
FEWER = 3


class Accuracy(NamedTuple):
    """What a kernel may leave out of a row, and epsilon / reach of relaxed marginals."""

    truncation: float
    tau: float


class Level(NamedTuple):
    """How far the atoms of each measure are merged, in the geometry's own terms; None: not at all.

    Smaller numbers are finer levels.
    """

    x: float | None
    y: float | None

    def no_coarser_than(self, other: Level) -> Level:
        """Return the finer of the two levels, for each side."""
        pairs = zip(self, other, strict=True)
        return Level(*(None if None in pair else min(pair) for pair in pairs))  # type: ignore[type-var]


FINE = Level(None, None)


class Geometry(Protocol):
    """Kernels of one problem at any epsilon and level."""

    @property
    def scale(self) -> float:
        """Upper bound of the costs, from which annealing starts."""
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
        """Potentials of a finer level: soft c-transforms of those of the coarser measures."""
        ...

    def coarse_columns(
        self,
        columns: Level,
        u: FloatArray,
        v: FloatArray,
        epsilon: float,
        accuracy: Accuracy,
        max_bytes: float,
    ) -> CoarseMatrix | None:
        """The plan of all points near (u, v) with the clusters of a level as its columns.

        None where these are too many to save much: then the plan itself serves.
        """
        ...
