"""Bounds of an unbalanced transport value from any potentials, and the price of a plan.

Both measures have mass one here and costs are not negative. With KL(p | q) = sum p log(p / q) - p +
q, u = 2**-53 and e = epsilon, the objective of a plan P with row sums r and column sums c is

    <C, P> + reach KL(r | a) + reach KL(c | b) + e KL(P | s a⊗b),

where s is `reference`; without the entropic term e is 0.

Lower bound without it. For f + g <= C the dual value is reach (2 - A - B) with A = sum a exp(-f /
reach) and B likewise. The best shift of (f, g) by (t, -t) makes both equal to sqrt(A B), which
gives 2 reach (1 - sqrt(A B)). (f, g) are made feasible by a c-transform, whose rounding is taken
off. Before that both are clipped at L reach, which is feasible too and costs the share exp(-L) of
what the atom is worth, so that pairs from 2 L reach on bind nothing: they are left out as
forbidden.

Lower bound with it. Any f, g give reach (2 - A - B) - e (sum P - s), with P_ij = s a_i b_j exp((f_i
+ g_j - C_ij) / e). Over forbidden pairs this sum is at most the share exp(-L) of s a⊗b, again once
f and g are clipped at L reach, which lowers all the others.

Upper bound. The first is the objective of P itself, summed entry by entry, plus what its sums may
be off by: KL has the derivative log(p / q).

The second, without the entropic term, is that of a plan P* whose sums are exactly r* = a exp(-f /
reach) and c* = b exp(-g / reach) after the best shift, when both have one total T: rows and columns
of P above them are scaled down, and what is lacking then, at most E = |r* - r|+ + |c - c*|+, is
placed at the largest cost. Unlike the first it does not multiply squares of rounding by the reach,
so it holds where marginals are nearly fixed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .._typing import FloatArray
from ..problems import TransportProblem
from .plan_sums import PlanSums, Shares, divergence_of_share, log_mean
from .rounding import U
from .transforms import c_transform, c_transform_back

__all__ = [
    "LEAST_SHARE",
    "Objective",
    "UnbalancedEnclosure",
    "enclose",
    "enclose_fixed",
    "plain_dual",
]

LEAST_SHARE = 40.0
"""L above: exp(-L) is u / 26, so that what an atom keeps beyond it is less than rounding."""
# Rounding of sums of up to 1e9 numbers taken pairwise, of their terms (an exponential, a product of
# weights that were normalised) and of the few operations on them.
_SUM = 64.0 * U


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The numbers of an objective, and how well they are known.

    Attributes
    ----------
    reach : float
    epsilon : float
        0 where there is no entropic term.
    log_reference, reference_error : float
        log s, and what it may be off by; both 0 where there is no entropic term.
    largest : float
        Upper bound of the costs that are not forbidden.
    cost_rounding, cost_error : float
        Rounding of a cost relative to it, in units of u, and absolute.
    """

    reach: float
    epsilon: float
    log_reference: float
    reference_error: float
    largest: float
    cost_rounding: float
    cost_error: float

    @property
    def reference(self) -> float:
        """The number s, as far as that is finite."""
        return math.exp(min(self.log_reference, 700.0))

    def reference_allowance(self, sums: PlanSums) -> float:
        """What a dual value may be off by since s is, the potentials being fixed.

        As a function of log s it has the derivative -e (sum P - s).
        """
        return self.epsilon * self.reference_error * (abs(sums.above) + sums.above_error)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbalancedEnclosure:
    """Bounds, and the terms and sums of the plan that gives the upper one."""

    lower: float
    upper: float
    transport: float
    entropy: float
    rows: Shares
    columns: Shares
    residual: float
    """How much of the gap is owed to potentials that do not meet their own conditions."""


class _Side(NamedTuple):
    """One of both measures: weights, sums of the plan over them and their errors, potentials."""

    weights: FloatArray
    shares: Shares
    errors: FloatArray
    potentials: FloatArray


_Sides = tuple[_Side, _Side]


def enclose(
    problem: TransportProblem,
    sums: PlanSums,
    f: FloatArray,
    g: FloatArray,
    objective: Objective,
) -> UnbalancedEnclosure:
    """Bounds of the optimum, and the better of the two plans.

    Parameters
    ----------
    problem : TransportProblem
        Probability weights that are all positive, and costs; `inf` forbids a pair that costs so
        much that it binds nothing.
    sums : PlanSums
        Of the plan of (f, g).
    f, g : arrays (n,) and (m,)
    objective : Objective
    """
    sides = (
        _Side(problem.a, sums.rows, sums.row_errors, f),
        _Side(problem.b, sums.columns, sums.column_errors, g),
    )
    first = _of_plan_itself(sums, sides, objective)
    first = replace(first, lower=_dual(problem, sums, sides, objective))
    if objective.epsilon > 0.0 or sums.forbidden > 0.0:
        return first
    second = _of_exact_sums(sums, sides, objective)
    if second.upper >= first.upper:
        return first
    return replace(second, lower=first.lower, residual=min(first.residual, second.residual))


def enclose_fixed(
    found: UnbalancedEnclosure,
    upper: float,
    transport: float,
    objective: Objective,
) -> UnbalancedEnclosure:
    """The better of `found` and a plan whose sums are the weights, of mass one.

    `upper` is its <C, P> + e KL(P | a⊗b), at least, and `transport` its cost. With s for its
    reference the entropic term is more by e (s - 1 - log s).
    """
    epsilon, log_reference = objective.epsilon, objective.log_reference
    less = math.expm1(min(log_reference, 700.0))
    more = epsilon * (less - log_reference)
    error = 4.0 * U * (abs(less) + abs(log_reference)) + abs(less) * objective.reference_error
    more += epsilon * error
    total = upper + max(more, 0.0) + objective.cost_error
    if not total < found.upper:
        return found
    one, none = np.ones_like(found.rows.share), np.zeros_like(found.rows.share)
    other, nothing = np.ones_like(found.columns.share), np.zeros_like(found.columns.share)
    return UnbalancedEnclosure(
        lower=found.lower,
        upper=total,
        transport=transport,
        entropy=max(total - transport, 0.0),
        rows=Shares(one, none),
        columns=Shares(other, nothing),
        residual=0.0,
    )


# Lower bounds


def _dual(problem: TransportProblem, sums: PlanSums, sides: _Sides, objective: Objective) -> float:
    if objective.epsilon > 0.0:
        lower = _entropic_dual(sums, sides, objective)
    else:
        f = sides[0].potentials
        lower = plain_dual(problem, f, objective.reach, objective.cost_rounding)
    return lower - (2.0 * objective.reference_allowance(sums) + objective.cost_error)


def plain_dual(
    problem: TransportProblem, f: FloatArray, reach: float, cost_rounding: float
) -> float:
    """Lower bound without an entropic term, and so with any, from f (n,) alone."""
    limit = LEAST_SHARE * reach
    g = np.minimum(c_transform(problem, np.minimum(f, limit)), limit)
    # This can only raise f, and with it the dual value.
    f = np.minimum(c_transform_back(problem, g), limit)
    size = np.abs(f)
    # See `rounding`: the costs that attain the minima are at most |f| + |g|.
    f = f - U * (2.0 * size + (cost_rounding + 1.0) * (size + float(np.abs(g).max())))
    changes = -f / reach, -g / reach
    logs = [log_mean(w, z) for w, z in zip((problem.a, problem.b), changes, strict=True)]
    kept = 0.5 * math.fsum(logs)
    error = 0.0
    for weights, z, log in zip((problem.a, problem.b), changes, logs, strict=True):
        with np.errstate(under="ignore"):
            terms = np.abs(np.expm1(z)) + np.abs(z) * np.exp(z)
        error += float(weights @ terms) * math.exp(-log)
    value = -2.0 * reach * math.expm1(kept)
    return value - _SUM * (reach * math.exp(kept) * error + abs(value))


def _entropic_dual(sums: PlanSums, sides: _Sides, objective: Objective) -> float:
    reach, epsilon = objective.reach, objective.epsilon
    # What the potentials are worth, and the size of what was added up for it.
    limit = LEAST_SHARE * reach if sums.forbidden > 0.0 else math.inf
    value, size = 0.0, 0.0
    for side in sides:
        h = np.minimum(side.potentials, limit)
        with np.errstate(over="ignore"):
            less = -np.expm1(-h / reach)
            moved = float(side.weights @ np.abs(h * np.exp(-h / reach)))
        value += reach * float(side.weights @ less)
        size += reach * float(side.weights @ np.abs(less)) + moved
    size += epsilon * abs(sums.above)
    # What the mass of the plan may be more than was summed.
    errors = sums.above_error + sums.missing
    errors += sums.forbidden * math.exp(-LEAST_SHARE) * objective.reference
    # Rounding of the exponents, times epsilon and the entries.
    held = 0.0
    for side in sides:
        held += float(side.weights @ (side.shares.share * np.abs(side.potentials)))
    held = 4.0 * (held + epsilon * sums.mass)
    held += (objective.cost_rounding + 4.0) * sums.transport
    return value - epsilon * (sums.above + errors) - _SUM * size - 2.0 * U * held


# The first upper bound: the objective of the plan itself


def _of_plan_itself(sums: PlanSums, sides: _Sides, objective: Objective) -> UnbalancedEnclosure:
    penalties = [
        objective.reach * math.fsum(side.weights * divergence_of_share(side.shares))
        for side in sides
    ]
    entropy = objective.epsilon * sums.entropy
    value = math.fsum([sums.transport, entropy, *penalties])
    upper = value
    for allowance in _allowances(sums, sides, objective, value):
        upper += allowance
    return UnbalancedEnclosure(
        lower=0.0,
        upper=upper,
        transport=sums.transport,
        entropy=entropy,
        rows=sums.rows,
        columns=sums.columns,
        residual=upper - value + objective.reach * _distance_from_aims(sides, objective.reach),
    )


def _allowances(
    sums: PlanSums, sides: _Sides, objective: Objective, value: float
) -> Iterator[float]:
    """What the objective of the plan may be more than the computed `value`, cause by cause."""
    # Penalties, where the sums of rows and columns are off.
    yield math.fsum(
        objective.reach * float(side.weights @ _divergence_error(side.shares.share, side.errors))
        for side in sides
    )
    # Costs, their sum, and the sum of all terms.
    yield objective.cost_error
    yield (sums.rounding + objective.cost_rounding * U) * sums.transport + _SUM * value
    # The entropic term, and the reference in it.
    yield objective.epsilon * sums.entropy_error
    if objective.reference_error > 0.0:
        yield _reference_error(sums, sides, objective)
    # Mass that the sums may have left out.
    if sums.missing > 0.0:
        yield from _allowances_of_missing(sums, sides, objective)


def _reference_error(sums: PlanSums, sides: _Sides, objective: Objective) -> float:
    """What the objective may be off by since s is, by the better of two arguments.

    With P fixed it has the derivative e (s - sum P), which is e s times the change away; with P
    over s fixed all of it grows with s.
    """
    error = objective.reference_error
    fixed = 2.0 * objective.reference_allowance(sums)
    fixed += 2.0 * objective.epsilon * error**2 * objective.reference
    logs = math.fsum(
        float(side.weights @ (side.shares.share * _log_sizes(side.shares.share))) for side in sides
    )
    grown = sums.transport + objective.epsilon * sums.entropy + objective.reach * logs
    grown += 2.0 * objective.reach * error * sums.mass
    return min(fixed, 2.0 * error * grown)


def _log_sizes(shares: FloatArray) -> FloatArray:
    return np.abs(np.log(np.maximum(shares, 1e-300)))


def _allowances_of_missing(sums: PlanSums, sides: _Sides, objective: Objective) -> Iterator[float]:
    """The value is that of row and column sums r and c; the plan of the summed pairs has others.

    Scaled down until neither is above r or c it costs less and has up to the surplus less of each.
    With the entropic term its cost is at most R @ f + C @ g - e (its mass less that of s a⊗b),
    where R and C are the sums it has then.
    """
    surplus = _surplus(sums, sides)
    yield sums.missing * objective.largest
    yield objective.reach * math.fsum(_price_of_less(surplus, side) for side in sides)
    if objective.epsilon > 0.0:
        least = 0.0
        for side in sides:
            least += max(-float(side.potentials.min()), 0.0)
        yield surplus * (least + objective.epsilon) + objective.epsilon * sums.missing


def _surplus(sums: PlanSums, sides: _Sides) -> float:
    """What sums may have too much of, against the plan of the pairs that were summed.

    One side was summed over some pairs, the other made exact by sums that may have left out
    something, so the plan of these pairs has other sums.
    """
    if sums.missing <= 0.0:
        return 0.0
    other = math.fsum(sides[1].weights * sums.columns.share)
    return abs(sums.mass - other) + 2.0 * sums.missing


def _price_of_less(taken: float, side: _Side) -> float:
    """By how much KL(r | a) may grow where `taken` is taken away from r.

    It is KL(r - t | a) - KL(r | a) = KL(r - t | r) + sum t log(a / r). The first term is at most
    the sum of t, and the second most where the rows with the least shares r / a are emptied first.
    """
    if taken == 0.0:
        return 0.0
    share = side.shares.share
    order = np.argsort(share)
    with np.errstate(divide="ignore"):
        logs = np.where(share > 0.0, -np.log(share), 0.0)[order]
    held = (side.weights * share)[order]
    before = np.cumsum(held) - held
    emptied = np.clip(taken - before, 0.0, held)
    return taken + float(emptied @ np.maximum(logs, 0.0))


def _divergence_error(share: FloatArray, error: FloatArray) -> FloatArray:
    """By how much `divergence_of_share` may be off where p is off by up to `error`.

    Its derivative is log p, and log p itself moves by at most 2 error / p where error < p / 2.
    """
    least = np.maximum(share, np.maximum(2.0 * error, 1e-300))
    off = error * np.abs(np.log(least)) + 2.0 * error * (error / least)
    nothing = share < 2.0 * error
    return off + np.where(nothing, 6.0 * error * (1.0 + np.abs(np.log(least))), 0.0)


def _distance_from_aims(sides: _Sides, reach: float) -> float:
    """KL(r | a exp(-f / reach)) and the same of the columns, to a few digits."""
    total = 0.0
    with np.errstate(all="ignore"):
        for weights, (share, _), _, h in sides:
            aim = np.exp(-h / reach)
            ratio = np.where(aim > 0.0, share / aim, 1.0)
            total += float(weights @ (aim * divergence_of_share(Shares(ratio, ratio - 1.0))))
    return total if math.isfinite(total) else math.inf


# The second: a plan of exact sums


def _of_exact_sums(sums: PlanSums, sides: _Sides, objective: Objective) -> UnbalancedEnclosure:
    """The plan of what the potentials aim at, or of the weights themselves: the cheaper one."""
    (a, _, _, f), (b, _, _, g) = sides
    s, t = -f / objective.reach, -g / objective.reach
    shift = 0.5 * (log_mean(b, t) - log_mean(a, s))
    aims = _with_sums_changed((s + shift, t - shift), sums, sides, objective)
    weights = _with_sums_changed((np.zeros_like(s), np.zeros_like(t)), sums, sides, objective)
    best = weights if weights.upper < aims.upper else aims
    return replace(best, upper=best.upper + objective.cost_error)


def _with_sums_changed(
    changes: tuple[FloatArray, FloatArray],
    sums: PlanSums,
    sides: _Sides,
    objective: Objective,
) -> UnbalancedEnclosure:
    """The plan repaired to the sums a exp(s) and b exp(t), where `changes` are (s, t)."""
    a, b = sides[0].weights, sides[1].weights
    rows, columns = (Shares(np.exp(change), np.expm1(change)) for change in changes)
    placed = _placed(rows, columns, sums, sides)
    transport = sums.transport + (placed + sums.missing) * objective.largest
    price = objective.reach * (
        math.fsum(a * divergence_of_share(rows)) + math.fsum(b * divergence_of_share(columns))
    )
    upper = (transport + price) * (1.0 + _SUM)
    upper += (sums.rounding + objective.cost_rounding * U) * sums.transport
    return UnbalancedEnclosure(
        lower=0.0,
        upper=upper,
        transport=transport,
        entropy=0.0,
        rows=rows,
        columns=columns,
        residual=placed * objective.largest,
    )


def _placed(rows: Shares, columns: Shares, sums: PlanSums, sides: _Sides) -> float:
    """The most mass E that a repair to these sums places anew."""
    a, b = sides[0].weights, sides[1].weights
    r = a * (rows.excess - sums.rows.best_excess())
    c = b * (columns.excess - sums.columns.best_excess())
    row_lack, row_surplus = math.fsum(np.maximum(r, 0.0)), math.fsum(np.maximum(-r, 0.0))
    column_lack, column_surplus = math.fsum(np.maximum(c, 0.0)), math.fsum(np.maximum(-c, 0.0))
    placed = min(row_lack + column_surplus, column_lack + row_surplus)
    surplus = _surplus(sums, sides)
    placed += float(a @ sums.row_errors) + float(b @ sums.column_errors) + 2.0 * surplus
    # The totals of r* and c* agree to rounding, as do the weights of both sides.
    placed += _SUM * float(a @ np.abs(rows.excess) + b @ np.abs(columns.excess))
    return placed
