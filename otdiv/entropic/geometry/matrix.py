"""The geometry of an explicit cost matrix, which has one level only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._gibbs.dense_kernel import DenseKernel
from ..._gibbs.protocols import Kernel
from ..._typing import FloatArray
from .base import FINE, Accuracy, Level
from .coarse_matrix import CoarseMatrix

__all__ = ["MatrixGeometry"]


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

    def coarse_columns(
        self,
        columns: Level,
        u: FloatArray,
        v: FloatArray,
        epsilon: float,
        accuracy: Accuracy,
        max_bytes: float,
    ) -> CoarseMatrix | None:
        """No clusters, no coarse matrix."""
        return None
