"""Certificates of problems with derived costs, brought back from the problem on the ground."""

from __future__ import annotations

import math
from dataclasses import replace

from ..certificates.derived import widened_bounds
from ..costs import Reduced
from ..problems import TransportProblem
from ..results import Bounds
from .record import Certificate

__all__ = ["brought_from_ground"]


def brought_from_ground(
    found: Certificate, problem: TransportProblem, reduced: Reduced
) -> Certificate:
    """The certificate with bounds widened by what the points of the ground problem lose.

    It is in the caller's unit already.
    """
    unit = reduced._replace(
        factor=1.0, lost=reduced.lost * reduced.factor ** (1.0 / reduced.power) * (1.0 + 2.0**-50)
    )
    wider = widened_bounds(problem, found.plan, unit, found.bounds)
    value = found.value
    if value < math.inf:
        value = min(max(value, wider.lower), wider.upper)
    entropic = found.entropic
    if entropic is not None:
        largest = problem.cost_bound()
        off = (unit.widened(0.0, largest, 1.0, 1.0)[1] - largest) * problem.mass
        bounds = Bounds(entropic.bounds.lower - off, entropic.bounds.upper + off)
        entropic = replace(entropic, bounds=bounds)
    return replace(found, problem=problem, value=value, bounds=wider, entropic=entropic)
