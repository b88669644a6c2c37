"""Problems near the ends of float64, solved in moderate units and brought back.

Plans do not see the unit of the costs nor the origin of the points, potentials scale with the unit.
The proof is made in the caller's units from what comes back, so rounding here costs no more than
a wider gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable as Function
from dataclasses import replace

import numpy as np

from .costs import CostMatrix, PNormCost, SparseCost
from .measures import DiscreteMeasure
from .plans import Potentials, ScaledKernelPlan
from .problems import TransportProblem
from .results import Bounds, Callback, EntropicSummary, Progress, Solution, SolveOptions

__all__ = ["in_callers_units", "in_moderate_units", "moderate_callback", "moderate_problem"]

# Powers of two between which squares of costs, and their sums over all pairs, are safe; and of the
# coordinates, whose rounding is multiplied by their size.
_SMALL, _LARGE = 2.0**-250, 2.0**250
_FAR = 2.0**400
# Binary logarithm of what the largest cost of a matrix is brought down to.
_LARGEST_BITS = 240


def moderate_problem(problem: TransportProblem) -> tuple[TransportProblem, float]:
    """Return the problem in units in which its costs are moderate, and the factor of the costs.

    Mostly the problem itself and 1.
    """
    bound = problem.cost_bound()
    cost = problem.cost
    if not isinstance(cost, PNormCost):
        if bound == 0.0 or _SMALL < bound < _LARGE:
            return problem, 1.0
        assert isinstance(cost, CostMatrix | SparseCost)
        # Large costs stay as large as is safe: small ones beside them, and epsilon, keep digits.
        size = 0 if bound < 1.0 else _LARGEST_BITS
        factor = math.ldexp(1.0, _within(size - math.frexp(bound)[1]))
        scaled = (
            CostMatrix(cost.values * factor) if isinstance(cost, CostMatrix) else cost.times(factor)
        )
        return TransportProblem(source=problem.source, target=problem.target, cost=scaled), factor
    x, y = problem.x, problem.y
    largest = max(float(x.max()), -float(x.min()), float(y.max()), -float(y.min()))
    if largest == 0.0 or (largest < _FAR and _SMALL < bound < _LARGE):
        return problem, 1.0
    # The factor of the costs must be a float as well.
    exponent = _within(round(-math.frexp(bound)[1] / cost.power), 1000.0 / max(cost.power, 1.0))
    # Where no cost differs from 0 no distance counts.
    unit = math.ldexp(1.0, exponent) if bound > 0.0 else 0.0
    corner = np.minimum(x.min(axis=0), y.min(axis=0))
    source, target = (
        DiscreteMeasure(points=(side.points - corner) * unit, weights=side.weights)
        for side in (problem.source, problem.target)
    )
    factor = unit**cost.power if bound > 0.0 else 1.0
    return TransportProblem(source=source, target=target, cost=cost), factor


def _within(exponent: int, limit: float = 1000.0) -> int:
    return int(max(min(exponent, limit), -limit))


def moderate_callback(callback: Callback | None, factor: float) -> Callback | None:
    """Return the callback in the caller's units."""
    if callback is None:
        return None

    def translated(progress: Progress) -> object:
        assert callback is not None
        epsilon = None if progress.epsilon is None else progress.epsilon / factor
        lower, upper = progress.lower / factor, progress.upper / factor
        return callback(replace(progress, lower=lower, upper=upper, epsilon=epsilon))

    return translated


def in_callers_units(summary: EntropicSummary, factor: float) -> EntropicSummary:
    """Return the summary of a moderate problem in the caller's units."""
    bounds = Bounds(summary.bounds.lower / factor, summary.bounds.upper / factor)
    # Potentials spread up to twice as far as costs: beyond float64 they are infinite.
    with np.errstate(over="ignore", under="ignore"):
        f, g = summary.f / factor, summary.g / factor
    return replace(
        summary,
        epsilon=summary.epsilon / factor,
        value=summary.value / factor,
        bounds=bounds,
        terms={name: value / factor for name, value in summary.terms.items()},
        f=f,
        g=g,
    )


def in_moderate_units(
    problem: TransportProblem,
    options: SolveOptions,
    run: Function[[TransportProblem, SolveOptions], Solution],
) -> Solution:
    """Run a solver on the moderate problem; tolerances, warm start and callback go with it."""
    moderate, factor = moderate_problem(problem)
    if moderate is problem:
        return run(problem, options)
    # A warm start is in other units, and rare enough here to be left out.
    given = replace(
        options,
        atol=None if options.atol is None else min(options.atol * factor, 1e300),
        callback=moderate_callback(options.callback, factor),
        warm_start=None,
    )
    solution = run(moderate, given)
    with np.errstate(over="ignore"):
        if solution.potentials is not None:
            f, g = solution.potentials.f / factor, solution.potentials.g / factor
            solution = replace(solution, potentials=Potentials(f=f, g=g))
        plan = solution.plan
        if isinstance(plan, ScaledKernelPlan):
            f, g, epsilon = plan.f / factor, plan.g / factor, plan.epsilon / factor
            solution = replace(
                solution, plan=replace(plan, problem=problem, f=f, g=g, epsilon=epsilon)
            )
    if solution.entropic is not None:
        solution = replace(solution, entropic=in_callers_units(solution.entropic, factor))
    return solution
