"""Problems with derived costs: the problem that each comes down to, and its answer brought back."""

from __future__ import annotations

import dataclasses

from ._rescaling import in_callers_units, moderate_callback
from .certificates.derived import widened_bounds
from .costs import DerivedCost, Reduced, ShapedCost
from .plans import Potentials
from .problems import TransportProblem
from .results import Bounds, SolveOptions, TransportResult

__all__ = ["brought_to_ground", "on_ground", "result_of"]


def on_ground(problem: TransportProblem, *, takes_shapes: bool) -> tuple[TransportProblem, Reduced]:
    """Return the problem that a derived cost comes down to, with all costs written down if need be.

    `takes_shapes` says whether costs may be a `ShapedCost`.
    """
    ground, reduced = problem.ground()
    if isinstance(ground.cost, ShapedCost) and not takes_shapes:
        reduced = reduced.as_matrix()
        # The points are of no use to a matrix; its problem has the atoms of the caller's.
        ground = TransportProblem(problem.source, target=problem.target, cost=reduced.cost)
    return ground, reduced


def brought_to_ground(
    options: SolveOptions, ground: TransportProblem, reduced: Reduced
) -> SolveOptions:
    """Return tolerance, callback and warm start in the unit of the problem on the ground."""
    factor = 1.0 / reduced.factor
    warm = options.warm_start
    if warm is not None and isinstance(warm.problem.cost, DerivedCost):
        warm = _warm_start(warm, ground)
    return dataclasses.replace(
        options,
        atol=None if options.atol is None else options.atol * factor,
        callback=options.callback
        if reduced.factor == 1.0
        else moderate_callback(options.callback, factor),
        warm_start=warm,
    )


def _warm_start(warm: TransportResult, ground: TransportProblem) -> TransportResult:
    problem, reduced = on_ground(warm.problem, takes_shapes=isinstance(ground.cost, ShapedCost))
    potentials = warm.potentials and _scaled(warm.potentials, 1.0 / reduced.factor)
    return dataclasses.replace(warm, problem=problem, potentials=potentials)


def _scaled(potentials: Potentials, factor: float) -> Potentials:
    if factor == 1.0:
        return potentials
    return Potentials(f=potentials.f * factor, g=potentials.g * factor)


def result_of(
    found: TransportResult, problem: TransportProblem, reduced: Reduced
) -> TransportResult:
    """Return the answer of the problem on the ground as one of `problem`, its bounds widened."""
    if found.plan is None or found.potentials is None:
        return dataclasses.replace(found, problem=problem)
    bounds = widened_bounds(problem, found.plan, reduced, found.bounds)
    entropic = found.entropic
    if entropic is not None:
        # A cost is off by at most what the largest is; the entropy does not see it.
        largest = problem.cost_bound()
        _, more = reduced.widened(0.0, largest / reduced.factor, 1.0, 1.0)
        off = (more - largest) * problem.mass
        entropic = in_callers_units(entropic, 1.0 / reduced.factor)
        widened = Bounds(entropic.bounds.lower - off, entropic.bounds.upper + off)
        entropic = dataclasses.replace(entropic, bounds=widened)
    return dataclasses.replace(
        found,
        problem=problem,
        potentials=_scaled(found.potentials, reduced.factor),
        value=min(max(found.value * reduced.factor, bounds.lower), bounds.upper),
        bounds=bounds,
        entropic=entropic,
    )
