"""A start on a given support: the debiased entropic barycenter by scaling.

With K = exp(-C / ε) algorithm 1 of Janati, Cuturi & Gramfort (2020, arXiv:2006.02575),

    v_k = b_k / K'u_k,   a = d Π_k (K v_k)^λ_k,   u_k = a / K v_k,   d = sqrt(d a / K d),

finds the measure of least mean Sinkhorn divergence; without d it is spread by ε (iterative Bregman
projections, Benamou et al. 2015, arXiv:1412.5154). Nothing is proven of it: its exact plans prove
what it costs, and bound the best. Costs beyond 460 ε are capped: no factor leaves float64.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._typing import FloatArray
from ..costs import PNormCost
from .family import Clock, Family
from .places import Places, cells_of

__all__ = ["Start", "debiased_start"]

# Least factor of a pair, the product of those of its axes: it and its quotients stay in float64.
_LEAST = 1e-200
# The least number by which is divided.
_TINY = 1e-290
# Share of the mass that may still move in a step, at which a start is good enough; and steps
# between two looks. By taste.
_STILL, _LOOK = 1e-4, 20
# Pairs whose factors are stored: 160 MB.
_MOST_PAIRS = 2 * 10**7


class Start:
    """K as an operator between a support and the measures, one row of numbers a measure."""

    def __init__(self, places: Places, family: Family, cost: PNormCost):
        self.places, self.family, self.cost = places, family, cost
        self.on_grid = places.axes is not None and cost.power == 2.0
        self.length = _extent(places, family) ** cost.power
        n = len(places.points)
        if self.on_grid:
            self.b = np.zeros((len(family.weights), n))
            for row, measure in zip(self.b, family.measures, strict=True):
                row[cells_of(places, measure)] = measure.weights / family.mass
        else:
            self.columns = np.cumsum([0, *(measure.n for measure in family.measures)])
            self.b = np.concatenate([measure.weights for measure in family.measures])
            self.b = self.b / family.mass

    @property
    def fits(self) -> bool:
        """Whether the factors of all pairs can be stored."""
        n = len(self.places.points)
        return self.on_grid or n * (n + self.b.size) <= _MOST_PAIRS

    def run(
        self,
        epsilon: float,
        max_steps: int,
        clock: Clock,
        *,
        still: float = _STILL,
        debiased: bool = True,
    ) -> FloatArray:
        """Weights (n,) of the support after at most so many steps, at ε in units of the extent."""
        operator = self._grid(epsilon) if self.on_grid else self._pairs(epsilon)
        to_measures, to_support, between = operator
        k, n = len(self.family.weights), len(self.places.points)
        u, d, a = np.ones((k, n)), np.ones(n), np.full(n, 1.0 / n)
        for step in range(max_steps):
            v = self.b / np.maximum(to_measures(u), _TINY)
            sums = np.maximum(to_support(v), _TINY)
            before, a = a, d * np.exp(self.family.weights @ np.log(sums))
            u = a / sums
            if debiased:
                d = np.sqrt(d * a / np.maximum(between(d), _TINY))
            clock.iteration += 1
            if step % _LOOK == _LOOK - 1:
                moved = float(np.abs(a - before).sum())
                if not moved > still * float(a.sum()) or clock.asks_to_stop():
                    break
        total = float(a.sum())
        return a / total if 0.0 < total < np.inf else np.full(n, 1.0 / n)

    def _grid(self, epsilon: float) -> tuple[Callable[[FloatArray], FloatArray], ...]:
        assert self.places.axes is not None
        least = _LEAST ** (1.0 / len(self.places.axes))
        factors = [
            np.maximum(np.exp(-np.square(axis[:, None] - axis) / (epsilon * self.length)), least)
            for axis in self.places.axes
        ]

        def apply(values: FloatArray) -> FloatArray:
            rows = values.reshape(-1, values.shape[-1])
            passed: FloatArray = rows
            for factor in factors:
                passed = passed.reshape(len(rows), len(factor), -1)
                passed = (factor @ passed).transpose(0, 2, 1)
            return np.ascontiguousarray(passed).reshape(values.shape)

        return apply, apply, apply

    def _pairs(self, epsilon: float) -> tuple[Callable[[FloatArray], FloatArray], ...]:
        z, cost, scale = self.places.points, self.cost, epsilon * self.length
        inner = np.maximum(np.exp(-cost.pairwise(z, z) / scale), _LEAST)
        outer = [
            np.maximum(np.exp(-cost.pairwise(z, measure.points) / scale), _LEAST)
            for measure in self.family.measures
        ]

        def to_measures(u: FloatArray) -> FloatArray:
            return np.concatenate([row @ K for row, K in zip(u, outer, strict=True)])

        def to_support(v: FloatArray) -> FloatArray:
            ends = zip(self.columns[:-1], self.columns[1:], outer, strict=True)
            return np.array([K @ v[start:stop] for start, stop, K in ends])

        return to_measures, to_support, lambda d: inner @ d


def _extent(places: Places, family: Family) -> float:
    """Longest side of the box around everything."""
    points = [places.points, *(measure.points for measure in family.measures)]
    low = np.min([p.min(axis=0) for p in points], axis=0)
    high = np.max([p.max(axis=0) for p in points], axis=0)
    return float((high - low).max()) or 1.0


def debiased_start(start: Start, epsilon: float, max_steps: int, clock: Clock) -> FloatArray:
    """Weights (n,) of a start, or even ones where there is no room for its factors."""
    n = len(start.places.points)
    return start.run(epsilon, max_steps, clock) if start.fits else np.full(n, 1.0 / n)
