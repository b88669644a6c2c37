"""The plan of entropic potentials."""

from __future__ import annotations

import numpy as np

from ..certificates import regularised
from ..costs import PNormCost
from ..plans import DensePlan, Plan, ScaledKernelPlan
from ..problems import TransportProblem
from ..results import EntropicSummary

__all__ = ["DENSE_PAIRS", "entropic_plan", "plan_in_factors"]

DENSE_PAIRS = 10**7
"""Up to this many pairs the plan of a cost matrix is handed back as an array (80 MB)."""


def entropic_plan(problem: TransportProblem, summary: EntropicSummary) -> Plan:
    """Plan of the potentials: in factors for points, an array for a small matrix."""
    n, m = problem.shape
    plan = plan_in_factors(problem, summary)
    if isinstance(problem.cost, PNormCost) or n * m > DENSE_PAIRS:
        return plan
    with np.errstate(under="ignore"):
        return DensePlan(mass=plan.toarray())


def plan_in_factors(problem: TransportProblem, summary: EntropicSummary) -> ScaledKernelPlan:
    """P = a exp((f + g - C) / epsilon) b / m, as factors."""
    return regularised.plan_in_factors(problem, summary.epsilon, summary.f, summary.g)
