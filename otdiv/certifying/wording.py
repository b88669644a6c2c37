"""A certificate in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..results import Bounds
    from .record import Certificate

__all__ = ["between", "sentences", "share"]

# Digits of a number, least and most, and digits of a gap that are shown: by taste.
_FEWEST, _MOST, _GAP_DIGITS = 4, 15, 2
# Relative gap below which one number is shown, by its twelve digits.
_ONE_NUMBER = 1e-12


def sentences(certificate: Certificate) -> str:
    """Two to four sentences: the optimum, the plan, the potentials, the regularised optimum."""
    parts = [_optimum(certificate), _plan(certificate), _potentials(certificate)]
    entropic = certificate.entropic
    if entropic is not None:
        parts.append(
            f"The optimum of the problem regularised with epsilon = {entropic.epsilon:.6g} "
            f"{between(entropic.bounds)}."
        )
    if certificate.stopped:
        parts.append("The callback stopped the work: bounds may be wider than they need be.")
    return " ".join(part for part in parts if part)


def between(bounds: Bounds) -> str:
    """What lies there: "is 2.5" or "lies between 1.2 and 1.3", with the digits that are known."""
    lower, upper = bounds.lower, bounds.upper
    if lower == upper or bounds.relative_gap < _ONE_NUMBER:
        return f"is {upper:.12g}, to {share(bounds.relative_gap)}"
    digits = _FEWEST
    if 0.0 < bounds.relative_gap < 1.0:
        digits = math.ceil(-math.log10(bounds.relative_gap)) + _GAP_DIGITS
    digits = min(max(digits, _FEWEST), _MOST)
    text = f"lies between {lower:.{digits}g} and {upper:.{digits}g}"
    return f"{text}, a gap of {share(bounds.relative_gap)}" if bounds.gap < math.inf else text


def share(number: float) -> str:
    """A share as a percentage, or as a power of ten where it is very small."""
    return f"{number:.1e}" if 0.0 < number < 1e-4 else f"{100.0 * number:.3g} %"


def _optimum(certificate: Certificate) -> str:
    bounds = certificate.bounds
    if certificate.plan is None:
        known = f"is at least {bounds.lower:.6g}"
        return f"The optimum {known}; without a plan nothing bounds it from above."
    if certificate.potentials is None:
        text = f"The optimum is at most {bounds.upper:.6g}; without potentials nothing bounds it "
        return text + ("from below but 0." if bounds.lower == 0.0 else "from below.")
    return f"The optimum {between(bounds)}."


def _plan(certificate: Certificate) -> str:
    cost = certificate.plan_cost
    if cost is None:
        return ""
    errors = certificate.row_error or 0.0, certificate.column_error or 0.0
    text = (
        f"The given plan misses {errors[0]:.2g} of its row sums and {errors[1]:.2g} of its column "
        f"sums, of a mass of {certificate.problem.mass:.6g}"
    )
    if certificate.negative_mass:
        text += f", has {certificate.negative_mass:.2g} of negative mass"
    text += f", and costs {cost:.6g} as it is"
    error, lower = certificate.plan_cost_error, certificate.bounds.lower
    if certificate.potentials is None or error is None or not error < math.inf:
        return text + "."
    if lower > 0.0:
        return f"{text}: its true error is at most {share(error / lower)}."
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
