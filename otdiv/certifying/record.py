"""What a certificate says."""

from __future__ import annotations

from dataclasses import dataclass

from .._frozen import restore
from ..plans import BlockPlan, Plan, Potentials
from ..problems import TransportProblem
from ..results import Bounds, Valued
from .wording import sentences

__all__ = ["Certificate", "EntropicCertificate"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EntropicCertificate:
    """What plan and potentials prove of the regularised problem.

    It is ``min <C, P> + epsilon KL(P | a⊗b / m)`` over plans of mass m, as `EntropicSummary` states
    it; numbers are in the unit of the cost times the mass.

    Attributes
    ----------
    epsilon : float
        In the unit of the cost.
    bounds : Bounds
        Proven enclosure of the optimum of this regularised problem.
    dual_value : float or None
        Dual value of both potentials as given, to rounding; None where one was not given.
    potentials : Potentials or None
        The pair behind the lower bound, one side the soft c-transform of the other.
    """

    epsilon: float
    bounds: Bounds
    dual_value: float | None = None
    potentials: Potentials | None = None

    __setstate__ = restore


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Certificate(Valued):
    """How far an answer is from the optimum, whoever found it.

    ``print(certificate)`` says it in sentences. Numbers of plans and of sums are in the unit of the
    cost times the mass, those of potentials in the unit of the cost.

    Attributes
    ----------
    problem : TransportProblem
    value : float
        Cost of the repaired plan, which is feasible; inf without a plan.
    bounds : Bounds
        Proven enclosure of the unregularised optimum. Without a plan its upper end is inf, without
        potentials its lower end is 0, or -inf where costs may be negative.
    plan : SparsePlan, DensePlan, ScaledKernelPlan, BlockPlan or None
        The plan, repaired to the exact marginals.
    potentials : Potentials or None
        Feasible ones, made of those that were given.
    plan_cost : float or None
        <C, P> of the plan as given; None without a plan.
    row_error, column_error : float or None
        What the sums of the given plan miss of the weights: the sum of |sum_j P_ij - a_i| over
        rows, and that over columns; unit of mass.
    negative_mass : float or None
        Sum of the negative entries of the given plan, as a positive number.
    dual_value : float or None
        sum a f + sum b g of both potentials as given; None where one was not given.
    infeasibility : float or None
        The largest f_i + g_j - C_ij of the given potentials: above 0 they are not feasible, and
        `dual_value` bounds nothing.
    entropic : EntropicCertificate or None
        The same for the regularised problem, where an `epsilon` was given.
    stopped : bool
        Whether the callback stopped the work; the bounds hold, and may be wider.
    """

    problem: TransportProblem
    value: float
    bounds: Bounds
    plan: Plan | BlockPlan | None = None
    potentials: Potentials | None = None
    plan_cost: float | None = None
    row_error: float | None = None
    column_error: float | None = None
    negative_mass: float | None = None
    dual_value: float | None = None
    infeasibility: float | None = None
    entropic: EntropicCertificate | None = None
    stopped: bool = False

    __setstate__ = restore

    @property
    def gap(self) -> float:
        """Width of the enclosure of the optimum."""
        return self.bounds.gap

    @property
    def plan_cost_error(self) -> float | None:
        """At most so far is the cost of the plan, as given, from the optimum."""
        if self.plan_cost is None:
            return None
        lower, upper = self.bounds.lower, self.bounds.upper
        if self.plan_cost == lower == upper:
            return 0.0
        return max(abs(self.plan_cost - lower), abs(upper - self.plan_cost))

    def __str__(self) -> str:
        return sentences(self)

    def __repr__(self) -> str:
        bounds = self.bounds
        return (
            f"Certificate(value={self.value:.12g}, bounds=[{bounds.lower:.12g}, "
            f"{bounds.upper:.12g}], relative_gap={bounds.relative_gap:.1e})"
        )
