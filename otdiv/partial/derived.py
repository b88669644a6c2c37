"""Partial problems of costs that come down to others: solved there, and brought back.

A plan costs |factor^(1/p) d' - d| more or less a pair, as `Reduced` says; what stays costs the same
in both. With T of the value V of a plan for moving and the rest for staying, T grows to at most
(T^(1/p) + l)^p where a whole V would grow to (V^(1/p) + l)^p, and that adds more to V than to T:
`Reduced.widened` of the values is on the safe side.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._derived import brought_to_ground, on_ground
from .._typing import FloatArray
from ..certificates.rounding import U
from ..costs import CostMatrix
from ..measures import DiscreteMeasure
from ..partial_problem import PartialProblem
from ..plans import Potentials, SparsePlan
from ..results import Bounds, SolveOptions, Status
from .result import PartialResult

__all__ = ["of_derived_cost"]


def of_derived_cost(
    problem: PartialProblem,
    options: SolveOptions,
    solved: Callable[[PartialProblem, SolveOptions], PartialResult],
) -> PartialResult:
    """Solve on the ground of a derived cost, and widen the bounds by what that loses."""
    pairs, reduced = on_ground(problem.pairs, takes_shapes=False)
    source, target = problem.source, problem.target
    if not isinstance(reduced.cost, CostMatrix):
        source = DiscreteMeasure(pairs.source.points, weights=problem.a)
        target = DiscreteMeasure(pairs.target.points, weights=problem.b)
    reach: Any = None
    if problem.mass is None:
        reach = tuple(_price(prices, reduced.factor) for prices in problem.prices)
    ground = PartialProblem(
        source, target=target, cost=reduced.cost, mass=problem.mass, reach=reach
    )
    found = solved(ground, brought_to_ground(options, pairs, reduced))
    bounds = found.bounds
    if found.plan is not None:
        mass = min(problem.source.mass, problem.target.mass)
        lower, upper = reduced.widened(bounds.lower, bounds.upper, mass, found.moved)
        # Prices are rounded where they are brought into another unit.
        slack = 4.0 * U * abs(upper) if reach is not None and reduced.factor != 1.0 else 0.0
        bounds = Bounds(lower - slack, upper + slack)
    potentials = found.potentials
    if potentials is not None:
        f, g = potentials.f * reduced.factor, potentials.g * reduced.factor
        if problem.mass is None:
            f, g = np.minimum(f, problem.source_prices), np.minimum(g, problem.target_prices)
        potentials = Potentials(f=f, g=g)
    transport_cost = found.transport_cost
    if isinstance(found.plan, SparsePlan):
        costs = problem.pairs.pair_costs(found.plan.rows, found.plan.columns)
        transport_cost = math.fsum(costs * found.plan.mass)
    status = found.status
    if status is Status.OPTIMAL and (options.rtol is not None or options.atol is not None):
        met = bounds.meets(options.rtol or 0.0, options.atol or 0.0)
        status = Status.OPTIMAL if met else Status.STALLED
    return dataclasses.replace(
        found,
        problem=problem,
        value=min(max(found.value * reduced.factor, bounds.lower), bounds.upper),
        transport_cost=transport_cost,
        bounds=bounds,
        status=status,
        potentials=potentials,
        price=found.price * reduced.factor,
    )


def _price(prices: FloatArray, factor: float) -> Any:
    """Prices in the unit of the ground: a number where they are all the same."""
    if prices.min() == prices.max():
        return float(prices[0]) / factor
    return prices / factor
