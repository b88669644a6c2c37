"""Barycenters on a given support: starts, their exact plans and potentials, a linear programme.

The potentials of the plans from a candidate to each measure, extended to all of the support and
less their weighted mean, prove a lower bound (`certificates.barycenters.support_bound`) whose gap
is of second order in how far the candidate is from the best. Where that is not enough, a linear
programme over pairs that are nearly tight goes on from there.
"""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ..costs import PNormCost
from ..errors import UnsupportedProblemError
from .debiased import Start, debiased_start
from .family import Clock, Family
from .known import FixedSupport
from .places import Places
from .restricted import RestrictedProgramme

__all__ = ["entropic_barycenter", "support_barycenter"]

# Share of the mass that may still move in some steps where the entropic barycenter is the answer.
_SETTLED = 1e-9
# ε of the starts in units of the squared extent, and steps of each; measured on images of 50 and
# 128 pixels a side, whose gaps are least at one of the first three.
_STARTS = ((4e-3, 150), (2e-3, 150), (1e-3, 300), (5e-4, 600))


def support_barycenter(
    places: Places, family: Family, cost: PNormCost, rtol: float, max_rounds: int, clock: Clock
) -> FixedSupport:
    """The best measure on the support whose gap is at most `rtol`, if it is found."""
    known = FixedSupport.of(places, family, cost, clock)
    start = Start(places, family, cost)
    seen: list[FloatArray] = []
    for epsilon, n_steps in _STARTS:
        found = known.try_weights(debiased_start(start, epsilon, n_steps, clock), rtol)
        seen.append(known.potentials_of(found.transports))
        known.ascend(seen[-1], rtol)
        if len(seen) > 1 and not known.meets(rtol):
            # The bound is concave: what one start has too much another has too little.
            known.ascend(np.mean(seen, axis=0), rtol)
        if known.meets(rtol) or clock.asks_to_stop() or not start.fits:
            break
    if not known.meets(rtol) and not clock.asks_to_stop():
        RestrictedProgramme(known).run(rtol, max_rounds)
    return known


def entropic_barycenter(
    places: Places,
    family: Family,
    cost: PNormCost,
    epsilon: float,
    max_steps: int,
    clock: Clock,
    *,
    debiased: bool,
) -> FixedSupport:
    """The entropic barycenter at ε, in the unit of the cost, and what its exact plans prove."""
    known = FixedSupport.of(places, family, cost, clock)
    start = Start(places, family, cost)
    if not start.fits:
        raise UnsupportedProblemError(
            f"an entropic barycenter stores all pairs, and {len(places.points)} points of a "
            "support have too many; use a grid, or leave `epsilon` out"
        )
    weights = start.run(epsilon / start.length, max_steps, clock, still=_SETTLED, debiased=debiased)
    found = known.try_weights(weights, 0.0)
    known.ascend(known.potentials_of(found.transports), 0.0)
    return known
