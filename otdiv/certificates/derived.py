"""Bounds of problems with derived costs, from those of the problem on the ground."""

from __future__ import annotations

import numpy as np

from ..costs import Reduced
from ..plans import BlockPlan, Plan, SparsePlan
from ..problems import TransportProblem
from ..results import Bounds

__all__ = ["widened_bounds"]


def widened_bounds(
    problem: TransportProblem, plan: Plan | BlockPlan | None, reduced: Reduced, bounds: Bounds
) -> Bounds:
    """Bounds of the optimum of `problem` from those on the ground, and the plan behind them."""
    moved = _moved_mass(problem, plan)
    return Bounds(*reduced.widened(bounds.lower, bounds.upper, problem.mass, moved))


def _moved_mass(problem: TransportProblem, plan: Plan | BlockPlan | None) -> float:
    """Upper bound on the mass that a plan moves between points that differ.

    The sum of k masses errs by less than k u of itself, and k is below 2**40.
    """
    if not isinstance(plan, SparsePlan):
        return problem.mass
    moved = (problem.x[plan.rows] != problem.y[plan.columns]).any(axis=1)
    return float(np.sum(plan.mass, where=moved)) * (1.0 + 2.0**-12)
