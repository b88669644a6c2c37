"""All pairs of two penalised sides at unit scale: costs, and the reference of an entropic term."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .._kernels.costs import pairwise, relative_rounding
from .._typing import FloatArray
from ..costs import CostMatrix, PNormCost
from .penalties import Side
from .rounding import blocks

__all__ = ["PenalisedPairs"]

# Pairs up to which costs of points are stored (32 MB); by taste.
_STORED_PAIRS = 2**22


@dataclass(eq=False)
class PenalisedPairs:
    """Two sides and the costs C (n, m) between their atoms, times a power of two.

    Attributes
    ----------
    source, target : Side
    points : pair of arrays, or None
        Atoms (n, d) and (m, d) where the cost is one of points.
    cost : PNormCost or CostMatrix
        A matrix has the caller's values of these atoms.
    bits : int
        Costs here are the caller's times 2**bits.
    """

    source: Side
    target: Side
    points: tuple[FloatArray, FloatArray] | None
    cost: PNormCost | CostMatrix
    bits: int
    is_transposed: bool = False
    _stored: FloatArray | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of atoms of both sides."""
        return self.source.weights.size, self.target.weights.size

    @property
    def rounding(self) -> float:
        """Relative rounding of a cost in units of u."""
        if isinstance(self.cost, CostMatrix):
            return 0.0
        assert self.points is not None
        d = self.points[0].shape[1]
        return float(relative_rounding(d, self.cost.norm, self.cost.power))

    def parts(self) -> list[slice]:
        """Runs of rows whose costs are held at a time."""
        n, m = self.shape
        starts = blocks(n, m)
        return [slice(start, min(start + starts.step, n)) for start in starts]

    def block(self, part: slice) -> FloatArray:
        """Costs of some rows (k, m)."""
        n, m = self.shape
        if isinstance(self.cost, CostMatrix) or n * m <= _STORED_PAIRS:
            return self.matrix()[part]
        return self._computed(part)

    def matrix(self) -> FloatArray:
        """All costs (n, m)."""
        if self._stored is None:
            self._stored = self._computed(slice(None))
        return self._stored

    def _computed(self, part: slice) -> FloatArray:
        if isinstance(self.cost, CostMatrix):
            values = self.cost.values.T if self.is_transposed else self.cost.values
            return np.ascontiguousarray(np.ldexp(values[part], self.bits))
        assert self.points is not None
        x, y = self.points
        values = np.asarray(pairwise(x[part], y, self.cost.norm, self.cost.power))
        return np.ldexp(values, self.bits)

    def transposed(self) -> PenalisedPairs:
        """The same with the sides exchanged."""
        points = None if self.points is None else self.points[::-1]
        return PenalisedPairs(
            source=self.target,
            target=self.source,
            points=points,
            cost=self.cost,
            bits=self.bits,
            is_transposed=not self.is_transposed,
            _stored=None if self._stored is None else np.ascontiguousarray(self._stored.T),
        )

    # Transforms

    def transform(self, f: FloatArray) -> FloatArray:
        """The largest g (m,) with f_i + g_j <= C_ij, up to rounding."""
        g = np.full(self.shape[1], math.inf)
        for part in self.parts():
            np.minimum(g, (self.block(part) - f[part, None]).min(axis=0), out=g)
        return g

    def transform_back(self, g: FloatArray) -> FloatArray:
        """The largest f (n,) with f_i + g_j <= C_ij, up to rounding."""
        f = np.empty(self.shape[0])
        for part in self.parts():
            f[part] = (self.block(part) - g).min(axis=1)
        return f
