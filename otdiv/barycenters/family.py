"""The measures of a barycenter problem, coerced once, and the plans of a candidate to them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .._typing import FloatArray
from .._validation import as_float_array, as_points, describe
from ..certificates.barycenters import weighted_sum
from ..costs import PNormCost
from ..errors import InvalidInputError, MassMismatchError
from ..measures import DiscreteMeasure
from ..problems import MASS_RTOL, TransportProblem
from ..results import Bounds, Callback, Progress, Status, TransportResult, is_stop
from ..solving import solve

__all__ = [
    "Clock",
    "Family",
    "Measured",
    "as_barycenter_weights",
    "as_family",
    "as_sequence",
    "measured",
    "status_of",
]

# Coordinates whose squares and sums of them stay far from the largest float; by taste.
_LARGEST = 1e100
# How far weights may be from a sum of one; rounding of as many as there may be is far less.
_SUM_ATOL = 1e-9
# Masses that agree to this share are equal up to rounding, as in `problems`.
_MASS_ROUNDING = 2.0**-50
# Seconds between two questions to the caller, by taste.
_SILENCE = 0.1


class Family(NamedTuple):
    """Measures of one mass and dimension, with their weights (k,), all of them positive."""

    measures: list[DiscreteMeasure]
    weights: FloatArray

    @property
    def mass(self) -> float:
        """Mass of each measure."""
        return self.measures[0].mass

    @property
    def d(self) -> int:
        """Dimension of the space."""
        return self.measures[0].d


@dataclass(slots=True)
class Clock:
    """Asks the caller now and then whether to stop, and knows when the time is over."""

    callback: Callback | None = None
    max_seconds: float | None = None
    lower: float = -math.inf
    upper: float = math.inf
    iteration: int = 0
    stopped: bool = False
    _begin: float = field(default_factory=time.perf_counter)
    _silent_until: float = 0.0

    def asks_to_stop(self, _: Progress | None = None) -> bool:
        """Whether to stop; also the callback of the transports on the way."""
        now = time.perf_counter()
        elapsed = now - self._begin
        if self.max_seconds is not None and elapsed >= self.max_seconds:
            self.stopped = True
        if self.callback is not None and not self.stopped and now >= self._silent_until:
            self._silent_until = now + _SILENCE
            progress = Progress(
                iteration=self.iteration, lower=self.lower, upper=self.upper, elapsed=elapsed
            )
            self.stopped = is_stop(self.callback(progress))
        return self.stopped

    def left(self) -> float | None:
        """Seconds that are left, if they are limited."""
        if self.max_seconds is None:
            return None
        return self.max_seconds - (time.perf_counter() - self._begin)


def as_barycenter_weights(weights: Any, k: int) -> FloatArray:
    """Coerce weights (k,) of measures: non-negative, of sum one; even ones by default."""
    if weights is None:
        return np.full(k, 1.0 / k)
    array = as_float_array("weights", weights)
    if array.shape != (k,):
        requirement = f"have shape ({k},), one weight a measure"
        raise InvalidInputError("weights", requirement, f"shape {array.shape}")
    if array.min() < 0.0:
        index = int(np.argmin(array))
        raise InvalidInputError("weights", "be non-negative", float(array[index]), f"at {index}")
    total = math.fsum(array)
    if abs(total - 1.0) > _SUM_ATOL:
        raise InvalidInputError("weights", "sum to 1", total)
    return array + 0.0


def as_family(measures: Any) -> list[DiscreteMeasure]:
    """Coerce k samples or discrete measures to measures of one dimension and mass."""
    found: list[DiscreteMeasure] = []
    for index, value in enumerate(as_sequence(measures)):
        name = f"measures[{index}]"
        if not isinstance(value, DiscreteMeasure):
            points = as_points(name, value)
            value = DiscreteMeasure._canonical(points, np.full(len(points), 1.0 / len(points)))
        check_size(name, value.points)
        if found and value.d != found[0].d:
            raise InvalidInputError(name, f"have {found[0].d} columns like measures[0]", value.d)
        found.append(value)
    return of_one_mass(found)


def as_sequence(measures: Any) -> Sequence[Any]:
    """The measures as a list of at least one."""
    is_list = isinstance(measures, Iterable) and not isinstance(measures, str | bytes | dict)
    if not is_list or (isinstance(measures, np.ndarray) and measures.ndim < 2):
        raise InvalidInputError("measures", "be a sequence of measures", describe(measures))
    values = list(measures)
    if not values:
        raise InvalidInputError("measures", "hold at least one measure", "none")
    return values


def check_size(name: str, points: FloatArray) -> None:
    """Raise where squares of coordinates would come near the largest float."""
    largest = float(np.abs(points).max())
    if not largest < _LARGEST:
        requirement = f"have coordinates below {_LARGEST:g}"
        raise InvalidInputError(name, requirement, largest, "(rescale the points)")


def of_one_mass(measures: list[DiscreteMeasure]) -> list[DiscreteMeasure]:
    """Measures of exactly one mass: masses that agree to 1e-9 are brought to that of the first."""
    mass = measures[0].mass
    equal = []
    for measure in measures:
        gap = abs(measure.mass - mass)
        if gap > MASS_RTOL * max(mass, measure.mass):
            raise MassMismatchError(mass, measure.mass)
        if gap > _MASS_ROUNDING * mass:
            measure = replace_weights(measure, measure.weights * (mass / measure.mass))
        equal.append(measure)
    return equal


def replace_weights(measure: DiscreteMeasure, weights: FloatArray) -> DiscreteMeasure:
    """The same atoms with other weights (n,)."""
    return DiscreteMeasure(points=measure.points, weights=weights)


@dataclass(frozen=True, slots=True)
class Measured:
    """A candidate with its transports to all measures."""

    measure: DiscreteMeasure
    transports: list[TransportResult]
    value: float
    lower: float
    """What its objective is at least; no bound of the least objective."""
    upper: float

    @property
    def costs(self) -> FloatArray:
        """Costs to each measure (k,), from above."""
        return np.array([result.bounds.upper for result in self.transports])


def measured(
    candidate: DiscreteMeasure,
    family: Family,
    cost: PNormCost,
    clock: Clock,
    *,
    rtol: float | None = None,
    start: Measured | None = None,
) -> Measured:
    """Transport a candidate to every measure, with bounds of its objective.

    A `start` of as many atoms has plans that are near those that are sought.
    """
    transports = []
    for index, measure in enumerate(family.measures):
        problem = TransportProblem(source=candidate, target=measure, cost=cost)
        warm = None if start is None else start.transports[index]
        usable = warm is not None and warm.plan is not None and warm.problem.shape == problem.shape
        transports.append(
            solve(
                problem,
                rtol=rtol,
                max_seconds=clock.max_seconds and max(1e-3, clock.left() or 0.0),
                callback=clock.asks_to_stop if clock.callback is not None else None,
                warm_start=warm if usable else None,
                throw=False,
            )
        )
    value = weighted_sum(family.weights, [result.value for result in transports])[1]
    lower = weighted_sum(family.weights, [result.bounds.lower for result in transports])[0]
    upper = weighted_sum(family.weights, [result.bounds.upper for result in transports])[1]
    return Measured(candidate, transports, min(value, upper), max(0.0, lower), upper)


def status_of(bounds: Bounds, rtol: float, floor: float, clock: Clock) -> Status:
    """OPTIMAL where a gap meets the tolerance or is rounding of size `floor`."""
    if bounds.meets(rtol, floor):
        return Status.OPTIMAL
    return Status.STOPPED if clock.stopped else Status.STALLED
