"""What a certificate says, in numbers and in sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .._frozen import restore
from ..plans import BlockPlan, Plan, Potentials
from ..problems import TransportProblem
from ..results import Bounds, Valued

__all__ = ["Certificate", "EntropicCertificate"]

# Digits of a number, least and most, and digits of a gap that are shown: by taste.
_FEWEST, _MOST, _GAP_DIGITS = 4, 15, 2
# Relative gap below which one number is shown, by its twelve digits.
_ONE_NUMBER = 1e-12
# Share from which a multiple reads better than a percentage; by taste.
_MULTIPLE = 10.0


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
        return _sentences(self)

    def __repr__(self) -> str:
        bounds = self.bounds
        return (
            f"Certificate(value={self.value:.12g}, bounds=[{bounds.lower:.12g}, "
            f"{bounds.upper:.12g}], relative_gap={bounds.relative_gap:.1e})"
        )


def _sentences(certificate: Certificate) -> str:
    """Two to four sentences: the optimum, the plan, the potentials, the regularised optimum."""
    parts = [_optimum(certificate), _plan(certificate), _potentials(certificate)]
    entropic = certificate.entropic
    if entropic is not None:
        parts.append(
            f"The optimum of the problem regularised with epsilon = {entropic.epsilon:.6g} "
            f"{_between(entropic.bounds)}."
        )
    if certificate.stopped:
        parts.append("The callback stopped the work: bounds may be wider than they need be.")
    return " ".join(part for part in parts if part)


def _between(bounds: Bounds) -> str:
    """What lies there: "is 2.5" or "lies between 1.2 and 1.3", with the digits that are known."""
    lower, upper = bounds.lower, bounds.upper
    if lower == upper or bounds.relative_gap < _ONE_NUMBER:
        return f"is {upper:.12g}, to {_share(bounds.relative_gap)}"
    digits = _FEWEST
    if 0.0 < bounds.relative_gap < 1.0:
        digits = math.ceil(-math.log10(bounds.relative_gap)) + _GAP_DIGITS
    digits = min(max(digits, _FEWEST), _MOST)
    text = f"lies between {lower:.{digits}g} and {upper:.{digits}g}"
    return f"{text}, a gap of {_share(bounds.relative_gap)}" if bounds.gap < math.inf else text


def _share(number: float) -> str:
    """A share as a percentage, as a power of ten where it is very small, or as a multiple."""
    if number >= _MULTIPLE:
        return f"{number:.3g} times the optimum"
    return f"{number:.1e}" if 0.0 < number < 1e-4 else f"{100.0 * number:.3g} %"


def _optimum(certificate: Certificate) -> str:
    bounds = certificate.bounds
    if certificate.plan is None:
        known = f"is at least {bounds.lower:.6g}"
        return f"The optimum {known}; without a plan nothing bounds it from above."
    if certificate.potentials is None:
        text = f"The optimum is at most {bounds.upper:.6g}; without potentials nothing bounds it "
        return text + ("from below but 0." if bounds.lower == 0.0 else "from below.")
    return f"The optimum {_between(bounds)}."


def _plan(certificate: Certificate) -> str:
    cost = certificate.plan_cost
    if cost is None:
        return ""
    errors = certificate.row_error or 0.0, certificate.column_error or 0.0
    text = "The given plan has its row sums and its column sums"
    if any(errors):
        text = (
            f"The given plan misses {errors[0]:.2g} of its row sums and {errors[1]:.2g} of its "
            f"column sums, of a mass of {certificate.problem.mass:.6g}"
        )
    if certificate.negative_mass:
        text += f", has {certificate.negative_mass:.2g} of negative mass"
    text += f", and costs {cost:.6g} as it is"
    error, lower = certificate.plan_cost_error, certificate.bounds.lower
    if certificate.potentials is None or error is None or not error < math.inf:
        return text + "."
    if lower > 0.0:
        return f"{text}: its true error is at most {_share(error / lower)}."
    return f"{text}: at most {error:.2g} from the optimum."


def _potentials(certificate: Certificate) -> str:
    excess, value = certificate.infeasibility, certificate.dual_value
    if excess is None or value is None:
        return ""
    if excess > 0.0:
        return (
            f"The given potentials exceed costs by up to {excess:.2g}: their dual value "
            f"{value:.6g} is a bound only once they are lowered."
        )
    return f"The given potentials are feasible, with the dual value {value:.6g}."
