"""The plan of entropic potentials."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._rescaling import in_callers_units, moderate_problem
from ..costs import PNormCost
from ..plans import DensePlan, Plan, ScaledKernelPlan
from ..problems import TransportProblem
from .solve import EntropicSolve

__all__ = ["entropic_plan"]

# Up to this many pairs the plan of a cost matrix is handed back as an array (80 MB).
_DENSE_PAIRS = 10**7


def entropic_plan(problem: TransportProblem, solved: EntropicSolve) -> Plan:
    """Plan of the potentials: in factors for points, an array for a small matrix.

    Near the ends of float64 it is an array for points as well, computed in moderate units.
    """
    if solved.plan is not None:
        return DensePlan(mass=solved.plan)
    n, m = problem.shape
    moderate, factor = moderate_problem(problem)
    if moderate is not problem and n * m <= _DENSE_PAIRS:
        scaled = replace(solved, summary=in_callers_units(solved.summary, 1.0 / factor))
        with np.errstate(under="ignore"):
            return DensePlan(mass=_in_factors(moderate, scaled).to_dense())
    plan = _in_factors(problem, solved)
    if isinstance(problem.cost, PNormCost) or n * m > _DENSE_PAIRS:
        return plan
    with np.errstate(under="ignore"):
        return DensePlan(mass=plan.to_dense())


def _in_factors(problem: TransportProblem, solved: EntropicSolve) -> ScaledKernelPlan:
    n, m = problem.shape
    return ScaledKernelPlan(
        problem=problem,
        f=solved.f,
        g=solved.g,
        epsilon=solved.summary.epsilon,
        # The solve is one of unit mass: a and b each carry the mass once.
        row_scale=np.full(n, 1.0 / problem.mass),
        column_scale=np.ones(m),
        row_rest=np.zeros(n),
        column_rest=np.zeros(m),
    )
