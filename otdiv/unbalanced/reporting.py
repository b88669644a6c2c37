"""Results in the caller's units, from bounds and potentials of the normal form."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._typing import FloatArray
from ..certificates.plan_sums import Shares, divergence_of_share
from ..certificates.unbalanced import UnbalancedEnclosure
from ..entropic.unbalanced_form import NormalForm
from ..errors import InvalidInputError
from ..plans import Potentials
from ..results import Bounds, Status
from .problem import UnbalancedProblem
from .result import UnbalancedPlan, UnbalancedResult

__all__ = ["Report"]

# Rounding of the few operations between the bounds of the form and those of the caller; and that of
# a few weights that are added, whose square times the reach is all that equal measures may differ
# by: a gap of that size is none.
_ROUNDING, _WEIGHT_ROUNDING = 2.0**-49, 2.0**-45


class _Side(NamedTuple):
    """Potentials of one side, exponents of the plan that they give, and its sums."""

    potentials: FloatArray
    exponents: FloatArray
    sums: FloatArray


class Report:
    """Makes the results of one call.

    Parameters
    ----------
    problem : UnbalancedProblem
    form : NormalForm
        Of the problem.
    rtol : float
        Relative gap at which a result is optimal.
    """

    def __init__(self, problem: UnbalancedProblem, form: NormalForm, rtol: float):
        self.problem, self.form, self.rtol = problem, form, rtol
        moving = form.problem is not None
        # Plans have the mass of the geometric mean, and sums that differ by exp of the ratio.
        self._mean = form.mean_mass() if moving else 0.0
        self._ratio = form.log_ratio() if moving else 0.0
        self._difference = form.mass_difference() if moving else 0.0

    def nothing_moved(self) -> UnbalancedResult:
        """Result where no pair is worth moving: all mass is lost on one side, made on the other."""
        none = np.empty(0)
        nothing = Shares(none, none)
        enclosure = UnbalancedEnclosure(
            lower=0.0,
            upper=0.0,
            transport=0.0,
            entropy=0.0,
            rows=nothing,
            columns=nothing,
            residual=0.0,
        )
        form = self.form
        return self.result(enclosure, none, none, form.epsilon or form.reach, cutoff=form.cutoff)

    def result(
        self,
        enclosure: UnbalancedEnclosure,
        f: FloatArray,
        g: FloatArray,
        epsilon: float,
        *,
        cutoff: float,
        n_iterations: int = 0,
        otherwise: Status = Status.STALLED,
        is_lost: bool = False,
    ) -> UnbalancedResult:
        """Result in the caller's units from one in the unit of the form.

        `f`, `g` and `epsilon` make the plan, which has the mass of the geometric mean. `is_lost`
        says that its epsilon is not the one that was asked for, `otherwise` what the status is
        where the bounds do not meet what was asked.
        """
        form = self.form
        # Entropy of the pairs that are kept out, which hold nothing.
        apart = 0.0
        if form.epsilon is not None:
            apart = (epsilon if is_lost else form.epsilon) * form.lost_pairs()

        lower, upper = self._bounds(enclosure, apart, is_lost=is_lost)
        if not math.isfinite(upper) or math.isnan(lower):
            lower, upper, status = 0.0, math.inf, Status.NUMERICAL_ERROR
        else:
            met = Bounds(lower, upper).meets(self.rtol, self._no_gap())
            status = Status.OPTIMAL if met and not is_lost else otherwise

        terms = self._terms(enclosure, apart)
        value = math.fsum(terms.values())
        if math.isinf(value):
            raise InvalidInputError(
                "reach",
                "keep the value within float64 for these masses",
                "an overflow (rescale the costs or the masses)",
            )
        bounds = Bounds(
            min(max(_next_below(form.value_from_unit(lower)), 0.0), value),
            max(_next_above(form.value_from_unit(upper)) if upper > 0.0 else 0.0, value),
        )
        kept = math.fsum(form.source.shares * enclosure.rows.share)
        plan = self._plan(enclosure, f, g, epsilon, cutoff)
        return UnbalancedResult(
            problem=self.problem,
            value=value,
            terms=terms,
            bounds=bounds,
            mass=_ldexp(self._mean * kept, form.mass_bits),
            plan=plan,
            potentials=Potentials(f=plan.f, g=plan.g),
            status=status,
            n_iterations=n_iterations,
        )

    def _terms(self, enclosure: UnbalancedEnclosure, apart: float) -> dict[str, float]:
        """Terms of the objective of the plan, in the caller's unit."""
        form = self.form
        penalties = [
            form.reach * math.fsum([mass * _divergence(side.shares, shares, change), lost])
            for side, shares, change, mass, lost in zip(
                (form.source, form.target),
                (enclosure.rows, enclosure.columns),
                (self._ratio, -self._ratio),
                form.masses,
                form.lost,
                strict=True,
            )
        ]
        source, target = reversed(penalties) if form.swapped else penalties
        terms = {
            "transport": self._mean * enclosure.transport,
            "source": source,
            "target": target,
            "entropy": self._mean * enclosure.entropy + apart,
        }
        return {name: form.value_from_unit(term) for name, term in terms.items()}

    def _bounds(
        self, enclosure: UnbalancedEnclosure, apart: float, *, is_lost: bool
    ) -> tuple[float, float]:
        """Bounds of the optimum of the caller's problem, in the unit of the form."""
        form, reach = self.form, self.form.reach
        roots = math.sqrt(form.masses[0]) + math.sqrt(form.masses[1])
        # What no plan changes: unequal masses, and the atoms without a partner.
        unequal = self._difference / roots if form.problem is not None else 0.0
        lost = form.lost
        fixed = math.fsum([reach * unequal * unequal, reach * lost[0], reach * lost[1], apart])
        least = fixed - apart if is_lost else fixed
        lower = (self._mean * max(enclosure.lower, 0.0) + least) * (1.0 - _ROUNDING)
        upper = (self._mean * enclosure.upper + fixed) * (1.0 + _ROUNDING)
        return lower, upper

    def _no_gap(self) -> float:
        """A gap that equal measures may have by the rounding of their weights alone."""
        form = self.form
        largest = form.reach + (form.epsilon or 0.0)
        return largest * (sum(form.masses) + sum(form.lost)) * _WEIGHT_ROUNDING**2

    def _plan(
        self,
        enclosure: UnbalancedEnclosure,
        f: FloatArray,
        g: FloatArray,
        epsilon: float,
        cutoff: float,
    ) -> UnbalancedPlan:
        form = self.form
        rows = self._side(enclosure.rows, f, g, epsilon, by_column=False)
        columns = self._side(enclosure.columns, g, f, epsilon, by_column=True)
        source, target = (columns, rows) if form.swapped else (rows, columns)
        return UnbalancedPlan(
            problem=self.problem,
            f=source.potentials,
            g=target.potentials,
            epsilon=float(form.from_unit(np.array(epsilon))),
            row_sums=source.sums,
            column_sums=target.sums,
            cutoff=float(form.from_unit(np.array(cutoff))),
            _form=form,
            _exponents=(source.exponents, target.exponents, epsilon, cutoff),
        )

    def _side(
        self,
        shares: Shares,
        h: FloatArray,
        other: FloatArray,
        epsilon: float,
        *,
        by_column: bool,
    ) -> _Side:
        """All atoms of one side, of which the plan has the potentials `h` and the sums `shares`."""
        form = self.form
        side, sign = (form.target, 1.0) if by_column else (form.source, -1.0)
        reference = form.log_reference if form.epsilon is not None else 0.0
        n = form.size(by_column=by_column)
        exponents, sums = np.full(n, -np.inf), np.zeros(n)
        exponents[side.kept] = (
            np.log(side.shares) + h / epsilon + 0.5 * (form.log_reference + reference)
        )
        with np.errstate(over="ignore", under="ignore"):
            sums[side.kept] = np.ldexp(side.shares * shares.share * self._mean, form.mass_bits)
        potentials = form.extended(h, other, by_column=by_column)
        offset = 0.5 * (form.log_reference - reference)
        potentials = potentials + sign * self._ratio * form.reach - offset * epsilon
        return _Side(form.from_unit(potentials), exponents, sums)


def _divergence(weights: FloatArray, shares: Shares, change: float) -> float:
    """KL(r | a) over the mass of a, where r are the shares of equal masses times exp(change)."""
    with np.errstate(over="ignore", invalid="ignore"):
        factor = np.exp(change)
        moved = Shares(shares.share * factor, shares.excess * factor + np.expm1(change))
    return math.fsum(weights * divergence_of_share(moved))


def _ldexp(value: float, bits: int) -> float:
    try:
        return math.ldexp(value, bits)
    except OverflowError:
        return math.inf


def _next_below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def _next_above(value: float) -> float:
    return math.nextafter(value, math.inf)
