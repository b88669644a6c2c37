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
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .._kernels.exponential import LOG2_E, exponentiate
from .._kernels.gibbs.relaxed_sums import ROW_SUMS, add_plan
from .._typing import FloatArray, IndexArray
from ..costs import CostMatrix
from ..problems import TransportProblem
from .rounding import U, blocks
from .transforms import c_transform, c_transform_back

__all__ = [
    "LEAST_SHARE",
    "PlanSums",
    "Shares",
    "UnbalancedEnclosure",
    "divergence_of_share",
    "enclose",
    "enclose_fixed",
    "log_mean",
    "plain_dual",
    "stay_put",
    "sum_plan",
]

LEAST_SHARE = 40.0
"""L above: exp(-L) is u / 26, so that what an atom keeps beyond it is less than rounding."""
# Rounding of sums of up to 1e9 numbers taken pairwise, of their terms (an exponential, a product of
# weights that were normalised) and of the few operations on them.
_SUM = 64.0 * U
# The terms k of z^k / (k (k - 1)), the series of (1 + z) log(1 + z) - z, below this |z|.
_SERIES, _SMALL = 14, 0.1


class Shares(NamedTuple):
    """Sums over weights, r / a, and what they exceed one by: neither has the other's digits."""

    share: FloatArray
    excess: FloatArray

    def best_excess(self) -> FloatArray:
        """The excess from whichever has its digits."""
        return np.where(self.share < 0.5, self.share - 1.0, self.excess)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanSums:
    """Sums of a plan relative to the weights."""

    rows: Shares
    row_errors: FloatArray
    """What the shares of rows may be off by (n,)."""
    columns: Shares
    column_errors: FloatArray
    transport: float
    entropy: float
    """KL(P | s a⊗b)."""
    mass: float
    above: float
    """Mass of the plan less s."""
    above_error: float
    forbidden: float
    """Share of a⊗b that lies on forbidden pairs."""
    entropy_error: float
    rounding: float
    """Relative rounding of `transport` and `mass`."""
    missing: float = 0.0
    """Mass that the sums may have left out, or have too much of."""


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


def sum_plan(
    problem: TransportProblem,
    f: FloatArray,
    g: FloatArray,
    epsilon: float,
    log_reference: float = 0.0,
    *,
    careful: bool = True,
) -> PlanSums:
    """Sums of P_ij = s a_i b_j exp((f_i + g_j - C_ij) / epsilon) over all pairs, one by one.

    With `careful` they have their digits also where P is hardly different from a⊗b, which takes
    some ten times as long.
    """
    n, m = problem.shape
    starts = blocks(n, m)
    parts = [slice(start, min(start + starts.step, n)) for start in starts]
    add = _careful_sums if careful else _quick_sums
    return add(problem, f, g, epsilon, log_reference, parts)


def _careful_sums(
    problem: TransportProblem,
    f: FloatArray,
    g: FloatArray,
    epsilon: float,
    log_reference: float,
    parts: list[slice],
) -> PlanSums:
    n, m = problem.shape
    a, b = problem.a, problem.b
    rows, columns = np.empty((n, ROW_SUMS)), np.zeros((m, 3))
    for part in parts:
        C = problem.block(part.start, part.stop)
        add_plan(C, f[part], g, a[part], b, epsilon, log_reference, rows[part], columns)
    rounding = (m + 32.0) * U
    mass, excess, size, above, apart = (math.fsum(a * rows[:, k]) for k in (0, 1, 2, 6, 7))
    return PlanSums(
        rows=Shares(rows[:, 0].copy(), rows[:, 1].copy()),
        row_errors=(m + 16.0) * U * np.where(rows[:, 0] < 0.5, rows[:, 0], rows[:, 2]),
        columns=Shares(columns[:, 0].copy(), columns[:, 1].copy()),
        column_errors=(n + 16.0) * U * np.where(columns[:, 0] < 0.5, columns[:, 0], columns[:, 2]),
        transport=math.fsum(a * rows[:, 3]),
        entropy=math.fsum(a * rows[:, 4]),
        entropy_error=rounding * math.fsum(a * rows[:, 4]),
        mass=mass,
        **_above(mass, excess, size, log_reference, rounding, (above, apart)),
        forbidden=math.fsum(a * rows[:, 5]),
        rounding=rounding,
    )


def _above(
    mass: float,
    excess: float,
    size: float,
    log_reference: float,
    rounding: float,
    over: tuple[float, float] | None = None,
) -> dict[str, float]:
    """Mass of a plan less s, from whichever has the most digits, and its error.

    That is from the mass, from the mass less one (`excess`, the sum of magnitudes `size`), or from
    the mass over s less one (`over` with its magnitudes).
    """
    s, less = math.exp(min(log_reference, 700.0)), math.expm1(min(log_reference, 700.0))
    ways = [
        (rounding * mass + U * s, mass - s),
        (rounding * size + U * abs(less), excess - less),
    ]
    if over is not None:
        ways.append((rounding * s * over[1], s * over[0]))
    error, above = min(ways)
    return {"above": above, "above_error": error}


def _quick_sums(
    problem: TransportProblem,
    f: FloatArray,
    g: FloatArray,
    epsilon: float,
    log_reference: float,
    parts: list[slice],
) -> PlanSums:
    """The plan is that of the entries as computed; sum P log(P / (s a⊗b)) is led back to sums."""
    (n, m), a, b = problem.shape, problem.a, problem.b
    bits = LOG2_E / epsilon
    u = np.log2(a) + f * bits + log_reference * LOG2_E
    v = np.log2(b) + g * bits
    r, c, costs, forbidden = np.empty(n), np.zeros(m), np.empty(n), np.zeros(n)
    for part in parts:
        C = problem.block(part.start, part.stop)
        P = C * -bits
        P += u[part, None]
        P += v
        exponentiate(P.reshape(-1))
        r[part] = P.sum(axis=1)
        c += P.sum(axis=0)
        far = np.isinf(C)
        if far.any():
            forbidden[part] = far @ b
            C = np.where(far, 0.0, C)
        costs[part] = np.einsum("ij,ij->i", P, C)
    mass, transport = math.fsum(r), math.fsum(costs)
    moved = math.fsum(r * f) + math.fsum(c * g)
    reference = math.exp(min(log_reference, 700.0))
    rounding = (m + n + 64.0) * U
    size = math.fsum(r * np.abs(f)) + math.fsum(c * np.abs(g)) + transport
    size = size / epsilon + (1.0 + abs(log_reference)) * mass + reference
    rows, columns = r / a, c / b
    return PlanSums(
        rows=Shares(rows, rows - 1.0),
        row_errors=(m + 16.0) * U * (rows + (rows >= 0.5)),
        columns=Shares(columns, columns - 1.0),
        column_errors=(n + 16.0) * U * (columns + (columns >= 0.5)),
        transport=transport,
        entropy=max((moved - transport) / epsilon - (mass - reference), 0.0),
        entropy_error=rounding * size,
        mass=mass,
        **_above(mass, mass - 1.0, mass + 1.0, log_reference, rounding),
        forbidden=math.fsum(a * forbidden),
        rounding=rounding,
    )


def log_mean(weights: FloatArray, change: FloatArray) -> float:
    """Return log sum w exp(change) for weights that add up to one, to full digits also near 0."""
    largest = float(np.abs(change).max())
    if largest < 1.0:
        return math.log1p(float(weights @ np.expm1(change)))
    top = float(change.max())
    with np.errstate(under="ignore"):
        return top + math.log(float(weights @ np.exp(change - top)))


def divergence_of_share(shares: Shares) -> FloatArray:
    """Return p log p - p + 1 for the shares p (n,), to full digits near 0 and near 1."""
    share, excess = shares
    small = np.abs(excess) < _SMALL
    z = np.where(small, excess, 0.0)
    series = np.zeros_like(z)
    for k in range(_SERIES, 1, -1):
        series = 1.0 / (k * (k - 1)) - z * series
    near = z * z * series
    p = np.where(share > 0.0, share, 1.0)
    middle = np.where(excess > -0.5, (1.0 + excess) * np.log1p(np.maximum(excess, -0.5)), 0.0)
    middle -= excess
    far = np.where(share > 0.0, p * np.log(p), 0.0) - share + 1.0
    return np.where(small, near, np.where(excess > -0.5, middle, far))


def _divergence_error(share: FloatArray, error: FloatArray) -> FloatArray:
    """By how much the above may be off where p is off by up to `error`.

    Its derivative is log p, and log p itself moves by at most 2 error / p where error < p / 2.
    """
    least = np.maximum(share, np.maximum(2.0 * error, 1e-300))
    off = error * np.abs(np.log(least)) + 2.0 * error * (error / least)
    nothing = share < 2.0 * error
    return off + np.where(nothing, 6.0 * error * (1.0 + np.abs(np.log(least))), 0.0)


def _price_of_less(taken: float, weights: FloatArray, shares: Shares) -> float:
    """By how much KL(r | a) may grow where `taken` is taken away from r.

    The value is that of row and column sums r and c. One side was summed over some pairs, the other
    made exact by sums that may have left out something, so the plan P of these pairs has other
    sums. Scaled down until neither is above r or c it costs less and has up to `surplus` less of
    each; with the entropic term its cost is at most R @ f + C @ g - epsilon (its mass less that of
    s a⊗b), where R and C are the sums it has then. Now KL(r - t | a) - KL(r | a) = KL(r - t | r) +
    sum t log(a / r). The first term is at most the sum of t, and the second most where the rows
    with the least shares r / a are emptied first.
    """
    if taken == 0.0:
        return 0.0
    share = shares.share
    order = np.argsort(share)
    with np.errstate(divide="ignore"):
        logs = np.where(share > 0.0, -np.log(share), 0.0)[order]
    held = (weights * share)[order]
    before = np.cumsum(held) - held
    emptied = np.clip(taken - before, 0.0, held)
    return taken + float(emptied @ np.maximum(logs, 0.0))


def enclose(
    problem: TransportProblem,
    sums: PlanSums,
    f: FloatArray,
    g: FloatArray,
    *,
    reach: float,
    epsilon: float,
    log_reference: float,
    reference_error: float,
    largest: float,
    cost_rounding: float,
    cost_error: float,
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
    reach : float
    epsilon : float
        Of the objective; 0 where it has no entropic term.
    log_reference, reference_error : float
        log s, and what it may be off by.
    largest : float
        Upper bound of the costs that are not forbidden.
    cost_rounding, cost_error : float
        Rounding of a cost relative to it, in units of u, and absolute.
    """
    a, b = problem.a, problem.b
    if epsilon > 0.0:
        lower = _entropic_dual(a, b, sums, f, g, reach, epsilon, log_reference, cost_rounding)
    else:
        lower = plain_dual(problem, f, reach, cost_rounding)
        reference_error = 0.0
    # As a function of log s the dual value has the derivative -e (sum P - s), f and g being fixed.
    apart = epsilon * reference_error * (abs(sums.above) + sums.above_error)
    lower -= 2.0 * apart + cost_error
    sides = (a, sums.rows, sums.row_errors), (b, sums.columns, sums.column_errors)
    penalties = [reach * math.fsum(w * divergence_of_share(shares)) for w, shares, _ in sides]
    errors = [reach * float(w @ _divergence_error(shares[0], off)) for w, shares, off in sides]
    entropy = epsilon * sums.entropy
    value = math.fsum([sums.transport, entropy, *penalties])
    upper = value + math.fsum(errors) + cost_error
    upper += (sums.rounding + cost_rounding * U) * sums.transport + _SUM * value
    upper += epsilon * sums.entropy_error
    if reference_error > 0.0:
        # With P fixed its objective has the derivative e (s - sum P), which is e s times the change
        # away; with P over s fixed all of it grows with s.
        reference = math.exp(min(log_reference, 700.0))
        grown = (
            sums.transport
            + entropy
            + reach
            * math.fsum(
                float(w @ (shares.share * np.abs(np.log(np.maximum(shares.share, 1e-300)))))
                for w, shares, _ in sides
            )
        )
        grown += 2.0 * reach * reference_error * sums.mass
        upper += min(
            2.0 * apart + 2.0 * epsilon * reference_error**2 * reference,
            2.0 * reference_error * grown,
        )
    surplus = 0.0
    if sums.missing > 0.0:
        other = math.fsum(b * sums.columns.share)
        surplus = abs(sums.mass - other) + 2.0 * sums.missing
        upper += sums.missing * largest
        upper += reach * math.fsum(_price_of_less(surplus, w, shares) for w, shares, _ in sides)
        if epsilon > 0.0:
            least = max(-float(f.min()), 0.0) + max(-float(g.min()), 0.0)
            upper += surplus * (least + epsilon) + epsilon * sums.missing
    owed = upper - value + reach * _distance_from_aims(a, b, sums, f, g, reach)
    first = UnbalancedEnclosure(
        lower=lower,
        upper=upper,
        transport=sums.transport,
        entropy=entropy,
        rows=sums.rows,
        columns=sums.columns,
        residual=owed,
    )
    if epsilon > 0.0 or sums.forbidden > 0.0:
        return first
    second = _repaired(a, b, sums, f, g, reach, largest, cost_rounding, surplus)
    if second.upper + cost_error >= upper:
        return first
    return UnbalancedEnclosure(
        lower=lower,
        upper=second.upper + cost_error,
        transport=second.transport,
        entropy=0.0,
        rows=second.rows,
        columns=second.columns,
        residual=min(owed, second.residual),
    )


def enclose_fixed(
    found: UnbalancedEnclosure,
    upper: float,
    transport: float,
    *,
    epsilon: float,
    log_reference: float,
    reference_error: float,
    cost_error: float,
) -> UnbalancedEnclosure:
    """The better of `found` and a plan whose sums are the weights, of mass one.

    `upper` is its <C, P> + e KL(P | a⊗b), at least, and `transport` its cost. With s for its
    reference the entropic term is more by e (s - 1 - log s).
    """
    less = math.expm1(min(log_reference, 700.0))
    more = epsilon * (less - log_reference)
    more += epsilon * (4.0 * U * (abs(less) + abs(log_reference)) + abs(less) * reference_error)
    total = upper + max(more, 0.0) + cost_error
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


def _distance_from_aims(
    a: FloatArray, b: FloatArray, sums: PlanSums, f: FloatArray, g: FloatArray, reach: float
) -> float:
    """KL(r | a exp(-f / reach)) and the same of the columns, to a few digits."""
    total = 0.0
    with np.errstate(all="ignore"):
        for w, share, h in ((a, sums.rows.share, f), (b, sums.columns.share, g)):
            aim = np.exp(-h / reach)
            ratio = np.where(aim > 0.0, share / aim, 1.0)
            total += float(w @ (aim * divergence_of_share(Shares(ratio, ratio - 1.0))))
    return total if math.isfinite(total) else math.inf


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


def _entropic_dual(
    a: FloatArray,
    b: FloatArray,
    sums: PlanSums,
    f: FloatArray,
    g: FloatArray,
    reach: float,
    epsilon: float,
    log_reference: float,
    cost_rounding: float,
) -> float:
    limit = LEAST_SHARE * reach if sums.forbidden > 0.0 else math.inf
    value, size = 0.0, 0.0
    for w, h in ((a, np.minimum(f, limit)), (b, np.minimum(g, limit))):
        with np.errstate(over="ignore"):
            less = -np.expm1(-h / reach)
            moved = float(w @ np.abs(h * np.exp(-h / reach)))
        value += reach * float(w @ less)
        size += reach * float(w @ np.abs(less)) + moved
    errors = sums.above_error + sums.missing
    errors += sums.forbidden * math.exp(-LEAST_SHARE) * math.exp(min(log_reference, 700.0))
    size += epsilon * abs(sums.above)
    # Rounding of the exponents, times epsilon and the entries.
    held = float(a @ (sums.rows.share * np.abs(f)))
    held += float(b @ (sums.columns.share * np.abs(g)))
    held = 4.0 * (held + epsilon * sums.mass) + (cost_rounding + 4.0) * sums.transport
    return value - epsilon * (sums.above + errors) - _SUM * size - 2.0 * U * held


def _repaired(
    a: FloatArray,
    b: FloatArray,
    sums: PlanSums,
    f: FloatArray,
    g: FloatArray,
    reach: float,
    largest: float,
    cost_rounding: float,
    surplus: float,
) -> UnbalancedEnclosure:
    """The plan of exact sums: both of what the potentials aim at, or of the weights themselves."""
    s, t = -f / reach, -g / reach
    shift = 0.5 * (log_mean(b, t) - log_mean(a, s))
    best: UnbalancedEnclosure | None = None
    for changes in ((s + shift, t - shift), (np.zeros_like(s), np.zeros_like(t))):
        rows, columns = (Shares(np.exp(change), np.expm1(change)) for change in changes)
        r = a * (rows.excess - sums.rows.best_excess())
        c = b * (columns.excess - sums.columns.best_excess())
        lacks = math.fsum(np.maximum(r, 0.0)), math.fsum(np.maximum(c, 0.0))
        lacks_less = math.fsum(np.maximum(-c, 0.0)), math.fsum(np.maximum(-r, 0.0))
        placed = min(lacks[0] + lacks_less[0], lacks[1] + lacks_less[1])
        placed += float(a @ sums.row_errors) + float(b @ sums.column_errors) + 2.0 * surplus
        # The totals of r* and c* agree to rounding, as do the weights of both sides.
        placed += _SUM * float(a @ np.abs(rows.excess) + b @ np.abs(columns.excess))
        transport = sums.transport + (placed + sums.missing) * largest
        price = reach * (
            math.fsum(a * divergence_of_share(rows)) + math.fsum(b * divergence_of_share(columns))
        )
        upper = (transport + price) * (1.0 + _SUM)
        upper += (sums.rounding + cost_rounding * U) * sums.transport
        found = UnbalancedEnclosure(
            lower=0.0,
            upper=upper,
            transport=transport,
            entropy=0.0,
            rows=rows,
            columns=columns,
            residual=placed * largest,
        )
        best = found if best is None or found.upper < best.upper else best
    assert best is not None
    return best


def stay_put(
    problem: TransportProblem, reach: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, PlanSums] | None:
    """The plan that moves nothing, where atoms of both sides coincide; None where none do.

    A place with the masses A and B keeps sqrt(A B), which belongs to the potentials f = reach / 2
    log(A / B) and g = -f there. It is optimal where these are feasible, as between equal measures.
    Returns (f, g), the logarithms (p, q) of factors such that the plan is a_i b_j exp(p_i + q_j)
    on pairs without cost, and its sums.
    """
    places = _places(problem)
    if places is None:
        return None
    (mine, others), k = places, int(max(places[0].max(), places[1].max())) + 1
    A, B = _masses(mine, problem.a, k), _masses(others, problem.b, k)
    both = (A > 0.0) & (B > 0.0)
    if not both.any():
        return None
    count = np.bincount(mine, minlength=k) + np.bincount(others, minlength=k)
    with np.errstate(all="ignore"):
        half = 0.5 * np.where(np.abs(B - A) < 0.5 * A, np.log1p((B - A) / A), np.log(B) - np.log(A))
        factor = np.where(both, -0.25 * (np.log(A) + np.log(B)), 0.0)
    limit = LEAST_SHARE
    sides = []
    for place, change in ((mine, half), (others, -half)):
        kept, change = both[place], change[place]
        safe = np.where(kept, change, 0.0)
        shares = Shares(np.where(kept, np.exp(safe), 0.0), np.where(kept, np.expm1(safe), -1.0))
        # One atom each, of equal weights: then the sums are exact.
        exact = ~kept | ((change == 0.0) & (count[place] == 2))
        sides.append(
            (
                reach * np.where(kept, -safe, limit),
                shares,
                np.where(exact, 0.0, _SUM * shares.share),
            )
        )
    (f, rows, row_errors), (g, columns, column_errors) = sides
    mass = math.fsum(problem.a * rows.share)
    sums = PlanSums(
        rows=rows,
        row_errors=row_errors,
        columns=columns,
        column_errors=column_errors,
        transport=0.0,
        entropy=0.0,
        entropy_error=0.0,
        mass=mass,
        above=mass - 1.0,
        above_error=0.0,
        forbidden=1.0,
        rounding=0.0,
    )
    return f, g, factor[mine], factor[others], sums


def _masses(places: IndexArray, weights: FloatArray, k: int) -> FloatArray:
    """Mass of each of k places (k,): the same whatever the order of the atoms."""
    order = np.lexsort((weights, places))
    sums = np.zeros(k)
    np.add.at(sums, places[order], weights[order])
    return sums


def _places(problem: TransportProblem) -> tuple[IndexArray, IndexArray] | None:
    """Number of the place of every atom: those without cost between them share one.

    None where a matrix has costs of 0 that do not make places.
    """
    n, m = problem.shape
    if not isinstance(problem.cost, CostMatrix):
        both = np.concatenate([problem.x, problem.y])
        _, places = np.unique(both, axis=0, return_inverse=True)
        places = places.reshape(-1)
        return places[:n], places[n:]
    rows, columns = np.nonzero(problem.cost.values == 0.0)
    graph = coo_array((np.ones(rows.size), (rows, columns + n)), shape=(n + m, n + m))
    k, places = connected_components(graph, directed=False)
    places = places.astype(np.int64)
    sizes = np.bincount(places[:n], minlength=k) * np.bincount(places[n:], minlength=k)
    if not np.array_equal(sizes, np.bincount(places[rows], minlength=k)):
        return None
    return places[:n], places[n:]
