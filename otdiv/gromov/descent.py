"""Conditional gradient: go to the plan that is best for the gradient, as far as it pays."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from scipy.sparse import csr_array

from .._typing import FloatArray
from ..costs import CostMatrix
from ..measures import DiscreteMeasure
from ..partial.transport import solve_partial
from ..partial_problem import PartialProblem
from ..problems import TransportProblem
from ..results import SolveOptions
from ..solvers.network_simplex import NetworkSimplex
from .objective import Objective

__all__ = ["Balanced", "Descent", "FreeTarget", "Part", "Step", "descend"]

# Decrease, relative to the value, below which a descent has ended; by taste, as in POT.
_LITTLE = 1e-9
# Rounding of a slope, relative to what it is the difference of.
_ROUNDING = 1e-14
# Steps after which what is updated is computed anew.
_RENEWAL = 50


class Step(Protocol):
    """Finds a vertex of the feasible plans that is least for given costs (n, m)."""

    def __call__(self, costs: FloatArray) -> csr_array:
        """Return a vertex of least <costs, P>."""
        ...


class Balanced:
    """Plans with both marginals given: transport."""

    def __init__(self, a: FloatArray, b: FloatArray, options: SolveOptions):
        self.source, self.target = _numbered(a), _numbered(b)
        self.options = options

    def __call__(self, costs: FloatArray) -> csr_array:
        """Solve a transport."""
        problem = TransportProblem(self.source, target=self.target, cost=CostMatrix(costs))
        plan = NetworkSimplex().run(problem, options=self.options).plan
        assert plan is not None
        coo = plan.tocoo()
        return csr_array(coo)


class FreeTarget:
    """Plans whose marginal on x is given: each point goes where it costs least."""

    def __init__(self, a: FloatArray, m: int):
        self.a, self.m = a, m

    def __call__(self, costs: FloatArray) -> csr_array:
        """Take the least of each row."""
        n = self.a.size
        columns = np.argmin(costs, axis=1)
        return csr_array((self.a, columns, np.arange(n + 1)), shape=(n, self.m))


class Part:
    """Plans of a given mass with marginals of at most the weights: partial transport."""

    def __init__(self, a: FloatArray, b: FloatArray, mass: float, options: SolveOptions):
        self.source, self.target, self.mass = _numbered(a), _numbered(b), mass
        self.options = options

    def __call__(self, costs: FloatArray) -> csr_array:
        """Solve a partial transport."""
        problem = PartialProblem(
            self.source, target=self.target, cost=CostMatrix(costs), mass=self.mass
        )
        plan = solve_partial(problem, callback=self.options.callback, throw=False).plan
        assert plan is not None
        return csr_array(plan.tocoo())


def _numbered(weights: FloatArray) -> DiscreteMeasure:
    return DiscreteMeasure(np.arange(weights.size, dtype=np.float64)[:, None], weights=weights)


class Descent(NamedTuple):
    """Where a descent ended: a plan, its value but for rounding, and how many steps it took."""

    plan: csr_array
    value: float
    n_steps: int
    stopped: bool


def descend(
    objective: Objective,
    step: Step,
    costs: FloatArray,
    max_iterations: int,
    asks_to_stop: Callable[[], bool],
) -> Descent:
    """Start at the plan that is least for some costs, and descend until little is gained.

    On the way from P to S the objective is a parabola in t: its slope at 0 is <G, S - P>, its
    curvature that of the sum over two plans, so the best t in [0, 1] is known.
    """
    alpha = objective.alpha
    plan = step(costs)
    image = objective.image(plan)
    value = _value(objective, image, plan)
    for iteration in range(max_iterations):
        if asks_to_stop():
            return Descent(plan, value, iteration, True)
        gradient = objective.gradient(image)
        vertex = step(gradient)
        paid = objective.at(gradient, plan)
        slope = objective.at(gradient, vertex) - paid
        if slope >= -_ROUNDING * abs(paid):
            return Descent(plan, value, iteration, False)
        other = objective.image(vertex)
        turn = objective.turning(image, other, vertex) - objective.turning(image, other, plan)
        curvature = alpha * turn
        t = 1.0 if curvature <= 0.0 else min(1.0, -slope / (2.0 * curvature))
        if t == 1.0:
            plan, image = vertex, other
        else:
            plan = csr_array((1.0 - t) * plan + t * vertex)
            image += t * (other - image)
            if iteration % _RENEWAL == _RENEWAL - 1:
                image = objective.image(plan)
        before, value = value, _value(objective, image, plan)
        if before - value <= _LITTLE * abs(value):
            return Descent(plan, value, iteration + 1, False)
    return Descent(plan, value, max_iterations, True)


def _value(objective: Objective, image: FloatArray, plan: csr_array) -> float:
    value = objective.at(image, plan)
    if objective.M is None:
        return value
    return objective.alpha * value + (1.0 - objective.alpha) * objective.at(objective.M, plan)
