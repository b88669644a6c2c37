"""What is known of a barycenter on a support: the best candidate and the best potentials."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray
from ..certificates.barycenters import support_bound
from ..certificates.transforms import c_transform, c_transform_back
from ..costs import PNormCost
from ..measures import DiscreteMeasure
from ..problems import TransportProblem
from ..results import TransportResult
from .family import Clock, Family, Measured, measured
from .places import Places

__all__ = ["FixedSupport"]

# Weights below this share of the largest are dropped from a candidate: they are what is left of
# the entropic term.
_DUST = 1e-7
# Steps of coordinate ascent: six take off a third of the gap, as many more a tenth of that.
_ASCENTS = 6
# Share of what is asked that the plans of a candidate may leave open.
_SHARE = 0.1


@dataclass(slots=True)
class FixedSupport:
    """What is known of a barycenter on a support: the best candidate and the best potentials."""

    places: Places
    family: Family
    cost: PNormCost
    clock: Clock
    problems: list[TransportProblem]
    best: Measured | None = None
    lower: float = 0.0
    potentials: FloatArray | None = None

    @classmethod
    def of(cls, places: Places, family: Family, cost: PNormCost, clock: Clock) -> FixedSupport:
        """Nothing known yet; the problems go from all of the support to each measure."""
        n = len(places.points)
        everywhere = DiscreteMeasure(points=places.points, weights=np.full(n, family.mass / n))
        problems = [
            TransportProblem(source=everywhere, target=measure, cost=cost)
            for measure in family.measures
        ]
        return cls(places, family, cost, clock, problems)

    @property
    def upper(self) -> float:
        """Objective of the best candidate."""
        return math.inf if self.best is None else self.best.upper

    def meets(self, rtol: float) -> bool:
        """Whether the bounds are as near as is asked."""
        return self.upper - self.lower <= rtol * self.upper

    def try_weights(self, weights: FloatArray, rtol: float) -> Measured:
        """Transport a candidate of weights (n,) to each measure, and keep what is better."""
        kept = weights > _DUST * weights.max()
        shares = weights[kept] / math.fsum(weights[kept])
        candidate = DiscreteMeasure(
            points=self.places.points[kept], weights=shares * self.family.mass
        )
        found = measured(
            candidate, self.family, self.cost, self.clock, rtol=_SHARE * rtol if rtol else None
        )
        if found.upper < self.upper:
            self.best = found
        self._tell()
        return found

    def try_potentials(self, potentials: FloatArray) -> bool:
        """Prove a lower bound by potentials (k, n); whether it is the best so far."""
        lower, centred = support_bound(self.family.weights, self.problems, potentials)
        if self.potentials is not None and not lower > self.lower:
            return False
        self.lower, self.potentials = max(self.lower, lower), centred
        self._tell()
        return True

    def ascend(self, potentials: FloatArray, rtol: float) -> None:
        """Prove a lower bound by potentials (k, n), and better ones by what follows from them.

        The largest potentials that are feasible with their own c-transforms are no smaller, and so
        is the bound of them less their mean: a step of coordinate ascent, which a few suffice for.
        """
        for _ in range(_ASCENTS):
            self.try_potentials(potentials)
            if self.meets(rtol) or self.clock.asks_to_stop():
                return
            pairs = zip(self.problems, potentials, strict=True)
            rows = [c_transform_back(problem, c_transform(problem, F)) for problem, F in pairs]
            potentials = np.array(rows)
            potentials -= self.family.weights @ potentials
        self.try_potentials(potentials)

    def potentials_of(self, transports: list[TransportResult]) -> FloatArray:
        """Potentials of transports, extended to the whole support (k, n)."""
        rows = []
        for problem, transport in zip(self.problems, transports, strict=True):
            if transport.potentials is None:  # stopped before it had any
                rows.append(np.zeros(problem.shape[0]))
            else:
                rows.append(c_transform_back(problem, transport.potentials.g))
        return np.array(rows)

    def _tell(self) -> None:
        self.clock.lower, self.clock.upper = self.lower, self.upper
