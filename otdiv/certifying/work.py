"""The work of a certificate: price the plan, bound by the potentials, and both regularised."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._kernels.threads import thread_limit
from .._monitor import EndOfRun, Monitor
from .._typing import FloatArray
from ..certificates import c_transform
from ..certificates.dual import derived_value, usable
from ..certificates.primal import primal_bound
from ..certificates.proof import is_non_negative, vague_slack
from ..certificates.regularised import (
    SoftPair,
    objective_bound,
    plan_in_factors,
    potentials_bound,
    soft_pair,
)
from ..costs import PNormCost
from ..plans import BlockPlan, Plan, Potentials, ScaledKernelPlan, SparsePlan
from ..problems import TransportProblem
from ..results import Bounds
from .record import Certificate, EntropicCertificate
from .witnesses import Given, GivenPlan, measured, sum_of, widest_excess

__all__ = ["needed_bytes", "proven"]

# Share of the optimum up to which a gap is not worth another c-transform.
_CLOSED = 1e-12
# Bytes: of an entry of a plan with all its copies; of a block of rows and what is made of it; of an
# atom, with trees and sums over them. Measured, and rounded up.
_ENTRY, _BLOCKS, _ATOM = 150, 8 * 2**25, 2000
# Pairs beyond which a plan in factors is not summed pair by pair where its potentials say enough.
_MANY_PAIRS = 2**22


def needed_bytes(problem: TransportProblem, given: GivenPlan | None, epsilon: float | None) -> int:
    """Bytes that the work allocates, about."""
    n, m = problem.shape
    d = problem.source.d if isinstance(problem.cost, PNormCost) else 0
    entries = given.plan.n_entries if given and isinstance(given.plan, SparsePlan) else 0
    in_blocks = epsilon is not None or (given is not None and not entries)
    blocks = min(_BLOCKS, 64 * n * m) if in_blocks else 0
    return blocks + _ENTRY * entries + (_ATOM + 60 * d) * (n + m)


def proven(
    problem: TransportProblem,
    given: GivenPlan | None,
    pair: Given | None,
    epsilon: float | None,
    monitor: Monitor,
) -> Certificate:
    """The certificate of a problem of moderate costs; where the callback stops, of what is done."""
    work = _Work(problem, monitor)
    try:
        monitor.tick(force=True)
        soft, column_error = None, None
        if epsilon is not None and pair is not None:
            soft = work.soften(epsilon, *pair)
            if given is None:
                given = _plan_of_potentials(problem, epsilon, *pair, soft)
                column_error = work.column_error
        if given is not None:
            work.price(given, column_error)
        if epsilon is not None and soft is not None and work.upper == math.inf:
            work.reprice(plan_in_factors(problem, epsilon, soft.f, soft.g))
        if pair is not None:
            work.bound(*pair)
        if epsilon is not None:
            work.regularise(epsilon, soft)
    except EndOfRun:
        work.found["stopped"] = True
    return work.certificate()


def _plan_of_potentials(
    problem: TransportProblem,
    epsilon: float,
    f: FloatArray | None,
    g: FloatArray | None,
    soft: SoftPair | None,
) -> GivenPlan | None:
    """The plan whose potentials were given; a side that was not is made from the other."""
    if f is None or g is None:
        if soft is None:
            return None
        f, g = soft.f, soft.g
    return GivenPlan(plan_in_factors(problem, epsilon, f, g))


class _Work:
    """What is known so far of a problem, from the plan and from the potentials."""

    def __init__(self, problem: TransportProblem, monitor: Monitor) -> None:
        self.problem, self.monitor = problem, monitor
        self.value, self.upper = math.inf, math.inf
        self.floor = 0.0 if is_non_negative(problem) else -math.inf
        self.lower = self.floor
        self.slack = vague_slack(problem)
        self.found: dict[str, Any] = {}
        self.soft_dual: float | None = None
        self.column_error: float | None = None

    def tick(self) -> None:
        """Tell the callback what is proven."""
        self.monitor.lower, self.monitor.upper = self.lower, self.upper
        self.monitor.tick()

    def price(self, given: GivenPlan, column_error: float | None) -> None:
        """Measure a plan, repair it, and bound the optimum from above.

        `column_error` is what the columns are known to miss of their weights, if it is.
        """
        errors = measured(given, self.problem, column_error=column_error, tick=self.tick)
        repaired, value, upper = primal_bound(self.problem, given.plan)
        self.found |= {
            "plan": repaired,
            "plan_cost": errors.cost,
            "row_error": errors.rows,
            "column_error": errors.columns,
            "negative_mass": errors.negative,
        }
        self.value, self.upper = value, upper + self.slack
        self.tick()

    def reprice(self, plan: ScaledKernelPlan) -> None:
        """Bound the optimum by another plan, where the given one is beyond float64."""
        repaired, value, upper = primal_bound(self.problem, plan)
        if upper < math.inf:
            self.found["plan"] = repaired
            self.value, self.upper = value, upper + self.slack

    def bound(self, f: FloatArray | None, g: FloatArray | None) -> None:
        """Measure potentials, make them feasible, and bound the optimum from below."""
        problem = self.problem
        a, b = problem.a, problem.b
        if f is None:
            assert g is not None
            self._derive(np.zeros(problem.shape[0]), g, from_columns=True)
        elif g is None:
            self._derive(f, np.zeros(problem.shape[1]))
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                shift = 0.5 * (float(a @ f) - float(b @ g)) / problem.mass
                shift = shift if math.isfinite(shift) else 0.0
                first, second = f - shift, g + shift
                self.found["dual_value"] = sum_of(a, first) + sum_of(b, second)
            kept, derived = self._derive(first, second)
            self.found["infeasibility"] = self._excess(first, second, kept, derived)
            self.tick()
            if not self._is_closed():
                self._derive(first, second, from_columns=True)
        self.tick()
        best = self.found.get("potentials")
        if best is None or self._is_closed():
            return
        # A side that was derived may leave room to the one that it was derived from.
        self._derive(best.f, best.g, from_columns=not self._from_columns)

    _from_columns = False

    def _derive(
        self, f: FloatArray, g: FloatArray, *, from_columns: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Keep one side, derive the other, and keep the pair if it proves more."""
        options: dict[str, Any] = {"threads": thread_limit(), "tick": self.tick}
        options["from_columns"] = from_columns
        first, second, lower, _ = derived_value(self.problem, f, g, **options)
        if lower == -math.inf:
            usable_pair = usable(self.problem, Potentials(f=f, g=g))
            first, second, lower, _ = derived_value(self.problem, *usable_pair, **options)
        better = lower - self.slack > self.lower
        if better or (self.found.get("potentials") is None and lower > -math.inf):
            self.found["potentials"] = Potentials(f=first, g=second)
            self._from_columns = from_columns
            self.lower = max(self.lower, lower - self.slack)
        return first, second

    def _excess(self, f: FloatArray, g: FloatArray, kept: FloatArray, derived: FloatArray) -> float:
        used: Any = slice(None)
        if not isinstance(self.problem.cost, PNormCost):
            # Columns that no row may reach have no say.
            used = c_transform(self.problem, np.zeros(self.problem.shape[0])) < math.inf
            if not used.any():
                return -math.inf
        return widest_excess(f, g, kept, derived, used)

    def _is_closed(self) -> bool:
        return self.upper - self.lower <= _CLOSED * abs(self.upper)

    def soften(self, epsilon: float, f: FloatArray | None, g: FloatArray | None) -> SoftPair | None:
        """The pair that soft c-transforms make of the potentials."""
        pair, dual_value, missed = soft_pair(self.problem, epsilon, f, g, tick=self.tick)
        self.soft_dual = None if math.isnan(dual_value) else dual_value
        self.column_error = missed if math.isfinite(missed) else None
        return pair

    def regularise(self, epsilon: float, soft: SoftPair | None) -> None:
        """Bound the regularised optimum by all that is known."""
        # It is no less than the optimum, as KL is not negative.
        lower, upper = self.lower, math.inf
        potentials = None
        if soft is not None:
            lower = max(lower, soft.lower - self.slack)
            potentials = Potentials(f=soft.f, g=soft.g)
            upper = potentials_bound(self.problem, epsilon, soft, tick=self.tick)
        repaired = self.found.get("plan")
        if repaired is not None and self.upper < math.inf and self._may_be_summed(repaired):
            upper = min(upper, objective_bound(self.problem, epsilon, repaired, tick=self.tick))
        # Where each is rounded on its own, they may cross by that.
        lower, upper = min(lower, upper), upper + self.slack
        self.found["entropic"] = EntropicCertificate(
            epsilon=epsilon,
            bounds=Bounds(lower, upper),
            dual_value=self.soft_dual,
            potentials=potentials,
        )

    def _may_be_summed(self, plan: Plan | BlockPlan) -> bool:
        """Whether the objective of a plan is worth its sum over all pairs."""
        n, m = self.problem.shape
        known = "entropic" in self.found or self.soft_dual is not None
        return not (isinstance(plan, ScaledKernelPlan) and known and n * m > _MANY_PAIRS)

    def certificate(self) -> Certificate:
        """What is known by now."""
        upper = max(self.upper, self.value) if self.value < math.inf else math.inf
        lower = min(self.lower, self.value)
        return Certificate(
            problem=self.problem, value=self.value, bounds=Bounds(lower, upper), **self.found
        )
