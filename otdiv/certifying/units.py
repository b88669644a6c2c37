"""Problems whose sums of costs overflow, in a unit in which they do not, and back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..plans import Potentials
from ..problems import TransportProblem
from ..results import Bounds
from .record import Certificate, EntropicCertificate
from .witnesses import Given

__all__ = ["brought_back", "brought_down"]

# The least float above zero.
_LEAST = 5e-324


def brought_down(
    pair: Given | None, epsilon: float | None, factor: float
) -> tuple[Given | None, float | None]:
    """Potentials and epsilon where costs are multiplied by a factor."""
    if pair is not None:
        f, g = (None if side is None else side * factor for side in pair)
        pair = f, g
    return pair, None if epsilon is None else epsilon * factor or _LEAST


def brought_back(certificate: Certificate, problem: TransportProblem, factor: float) -> Certificate:
    """The certificate of a problem whose costs were multiplied by a factor, in its own unit."""
    largest = float(np.finfo(np.float64).max)
    # Costs that lost digits lost this at most.
    lost = _LEAST / factor * problem.mass

    def number(value: float | None) -> float | None:
        with np.errstate(over="ignore"):
            return None if value is None else float(np.float64(value) / factor)

    def bounds(found: Bounds) -> Bounds:
        with np.errstate(over="ignore"):
            lower, upper = (float(np.float64(end) / factor) for end in (found.lower, found.upper))
            least = -math.inf if found.lower == -math.inf else -largest
            lower = lower if found.lower == 0.0 else min(max(lower - lost, least), largest)
            return Bounds(lower, upper + lost)

    def pair(found: Potentials | None) -> Potentials | None:
        if found is None:
            return None
        with np.errstate(over="ignore"):
            f, g = (np.clip(side / factor, -largest, largest) for side in (found.f, found.g))
        return Potentials(f=f, g=g)

    entropic = certificate.entropic
    if entropic is not None:
        entropic = EntropicCertificate(
            epsilon=float(number(entropic.epsilon) or 0.0),
            bounds=bounds(entropic.bounds),
            dual_value=number(entropic.dual_value),
            potentials=pair(entropic.potentials),
        )
    return replace(
        certificate,
        problem=problem,
        value=float(number(certificate.value) or 0.0),
        bounds=bounds(certificate.bounds),
        potentials=pair(certificate.potentials),
        plan_cost=number(certificate.plan_cost),
        dual_value=number(certificate.dual_value),
        infeasibility=number(certificate.infeasibility),
        entropic=entropic,
    )
