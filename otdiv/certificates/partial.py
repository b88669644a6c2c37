"""Bounds of a partial transport from any plan and any potentials, by code that knows no solver.

The problem is that of `PartialProblem`, of weights a and b, for costs of points, which are not
negative. Let u = 2**-53, and let a cost be rounded by a share of k u.

Upper bound. Rows and columns of the plan that are above their weights are scaled down. With prices
p and q, what is left pays them. With a mass s a plan of more is scaled down, and one of less is
given more between atoms that have some left. As in `rounding`, sums within 4 u of a weight, and a
total within 4 u of s, count as met; what else remains is charged with twice the largest cost.

Lower bound with prices. Any f <= p and g <= q with f_i + g_j <= C_ij give

    <C, P> + p.(a - P 1) + q.(b - P' 1) >= (f + g', P) + p.(a - P 1) + q.(b - P' 1) >= f.a + g.b.

f is clipped at p, and g is the least of q and of the c-transform of f. The computed f_i - k u |f_i|
and g_j - (k + 1) u |g_j| are feasible (see `rounding`), and lowering either keeps the clips.

Lower bound with a mass. For any number λ, <C, P> = λ s + <C - λ, P> where P has the mass s, so it
is λ s + sum (f_i - λ/2) a_i + sum (g_j - λ/2) b_j at least, for feasible f, g <= λ/2: f_i - λ/2 and
g_j - λ/2 are feasible for C - λ, and are not above 0, what it costs to stay. The line s' -> value +
λ (s' - s) lies below the optimum for every mass s'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._kernels._jit import frozen
from .._kernels.proofs.repair import fill
from .._kernels.proofs.sums import (
    LEAST,
    MET,
    MET_AFTER_REPAIR,
    UNDERFLOW,
    dot,
    marginal_gaps,
    room,
    shrink,
    weigh,
)
from .._typing import FloatArray
from ..costs import PNormCost
from ..partial_problem import PartialProblem
from ..plans import Potentials, SparsePlan
from ..results import Bounds
from .rounding import U, cost_rounding
from .transforms import c_transform, c_transform_back

__all__ = ["PartialProof", "prove_partial"]

# Gap, as a share of the upper bound, above which another pair of transforms may pay; by taste.
_OPEN = 1e-12
_EVEN = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartialProof:
    """Both bounds, and the feasible plan and potentials that they rest on."""

    plan: SparsePlan
    potentials: Potentials
    """f <= p and g <= q; with a mass, p = q = price / 2."""
    price: float
    """λ above; nan with prices."""
    transport_cost: float
    value: float
    bounds: Bounds


def prove_partial(
    problem: PartialProblem,
    plan: SparsePlan,
    potentials: Potentials,
    price: float = math.nan,
    *,
    enough: float = 0.0,
) -> PartialProof:
    """Make a plan and potentials feasible, and say what they prove.

    Parameters
    ----------
    problem : PartialProblem
        Of points: costs are a PNormCost.
    plan : SparsePlan
        Any plan of shape (n, m).
    potentials : Potentials
        Any finite pair f (n,), g (m,).
    price : float
        λ, any number, where the problem has a mass.
    enough : float
        Gap between the bounds that needs no second transform of the potentials.

    Returns
    -------
    PartialProof
    """
    assert isinstance(problem.cost, PNormCost)
    plan, transport_cost, value, upper = _upper(problem, plan)
    if problem.mass is None:
        price = math.nan
        p, q = problem.prices
    else:
        p, q = np.full(problem.shape[0], 0.5 * price), np.full(problem.shape[1], 0.5 * price)
    f = np.minimum(potentials.f, p)
    g = np.minimum(c_transform(problem.pairs, f), q)
    lower = _lower(problem, f, g, price, derived_f=False)
    if upper - lower > max(_OPEN * upper, enough):
        back = np.minimum(c_transform_back(problem.pairs, g), p)
        second = _lower(problem, back, g, price, derived_f=True)
        if second > lower:
            f, lower = back, second
    # Costs are not negative, so no value is.
    lower = min(max(lower, 0.0), value) if lower == lower else 0.0
    return PartialProof(
        plan=plan,
        potentials=Potentials(f=f, g=g),
        price=price,
        transport_cost=transport_cost,
        value=value,
        bounds=Bounds(lower, upper),
    )


def _upper(problem: PartialProblem, plan: SparsePlan) -> tuple[SparsePlan, float, float, float]:
    """Feasible plan, its transport cost, its value, and an upper bound of the optimum."""
    a, b = problem.a, problem.b
    keep = (plan.mass > 0.0) & (plan.mass < math.inf)
    rows, columns = plan.rows[keep], plan.columns[keep]
    entries = shrink(rows, columns, plan.mass[keep], a, b, _EVEN)
    if problem.mass is not None:
        total = weigh(np.ones(entries.size), frozen(entries))[0]
        if total > problem.mass * (1.0 + MET):
            entries = entries * (problem.mass / total)
    plan = SparsePlan(rows=rows, columns=columns, mass=entries, shape=plan.shape)
    plan = _completed(problem, plan)
    rows, columns, entries = plan.rows, plan.columns, plan.mass
    gaps = marginal_gaps(rows, columns, entries, a, b, _EVEN, MET_AFTER_REPAIR)
    unpaid = gaps.excess + gaps.surplus
    costs = problem.pairs.pair_costs(rows, columns)
    transport_cost, magnitude = dot(entries, costs)
    slack = (cost_rounding(problem.pairs) + 4.0) * U * magnitude
    if magnitude < UNDERFLOW and bool((problem.pairs.x[rows] != problem.pairs.y[columns]).any()):
        mass = max(1.0, float(entries.sum()))
        slack += LEAST * (entries.size + (cost_rounding(problem.pairs) + 4.0) * math.ceil(mass))
    value = transport_cost
    if problem.mass is not None:
        total = weigh(np.ones(entries.size), frozen(entries))[0]
        off = abs(total - problem.mass)
        unpaid += off if off > MET_AFTER_REPAIR * problem.mass else 0.0
    else:
        lefts = (gaps.row_rest, a), (gaps.column_rest, b)
        for (left, weights), prices in zip(lefts, problem.prices, strict=True):
            stays = left > 0.0
            if not stays.any():
                continue
            if not np.isfinite(prices[0]):
                unpaid += float(left.sum())
                continue
            paid, _ = dot(left, prices)
            value += paid
            # What is left is a difference of a weight and a compensated sum.
            slack += 4.0 * U * (paid + dot(weights[stays], prices[stays])[0])
    if unpaid > 0.0:
        slack += 4.0 * unpaid * problem.largest()
    slack += 4.0 * U * value if value > transport_cost else 0.0
    return plan, transport_cost, value, value + slack


def _completed(problem: PartialProblem, plan: SparsePlan) -> SparsePlan:
    """The plan with what it lacks of the mass, or of a side that has to be moved wholly."""
    a, b = problem.a, problem.b
    gaps = marginal_gaps(plan.rows, plan.columns, plan.mass, a, b, _EVEN, MET)
    rows, columns = gaps.row_rest, gaps.column_rest
    if problem.mass is not None:
        lacking = problem.mass - weigh(np.ones(plan.mass.size), frozen(plan.mass))[0]
        if lacking <= MET * problem.mass:
            return plan
        rows, columns = _first(rows, lacking), _first(columns, lacking)
    elif np.isfinite(problem.source_prices[0]) and np.isfinite(problem.target_prices[0]):
        return plan
    elif np.isfinite(problem.target_prices[0]):
        if gaps.missing == 0.0:
            return plan
        columns = columns if gaps.absent > 0.0 else room(gaps.column_sums, b)
    else:
        if gaps.absent == 0.0:
            return plan
        rows = rows if gaps.missing > 0.0 else room(gaps.row_sums, a)
    if not (rows.any() and columns.any()):
        return plan
    placed = fill(frozen(rows), frozen(columns))
    parts = zip((plan.rows, plan.columns, plan.mass), placed, strict=True)
    rows, columns, mass = (np.concatenate(part) for part in parts)
    return SparsePlan(rows=rows, columns=columns, mass=mass, shape=plan.shape)


def _first(rests: FloatArray, most: float) -> FloatArray:
    """The first of these rests, up to a sum of `most`."""
    before = np.cumsum(rests) - rests
    return np.clip(most - before, 0.0, rests)


def _lower(
    problem: PartialProblem, f: FloatArray, g: FloatArray, price: float, *, derived_f: bool
) -> float:
    """What feasible potentials prove; one of them is a computed transform of the other."""
    k = cost_rounding(problem.pairs)
    a, b = problem.a, problem.b
    _, f_size, f_finite = weigh(frozen(a), frozen(f))
    _, g_size, g_finite = weigh(frozen(b), frozen(g))
    if f_finite + g_finite != 0.0:
        return -math.inf
    derived = f_size if derived_f else g_size
    lost = (derived + k * (f_size + g_size)) * U
    constant = 0.0
    if problem.mass is not None:
        constant = price * problem.mass
        f, g = f - 0.5 * price, g - 0.5 * price
    source, source_size, _ = weigh(frozen(a), frozen(f))
    target, target_size, _ = weigh(frozen(b), frozen(g))
    value = math.fsum([constant, source, target])
    # Products and differences, and the sums; the constant is a product.
    rounding = lost + 4.0 * U * (source_size + target_size) + 2.0 * U * abs(constant)
    rounding = rounding * (1.0 + 1e-12) + 4.0 * U * (abs(source) + abs(target) + abs(value))
    if source_size + target_size < UNDERFLOW:
        mass = max(problem.source.mass, problem.target.mass, 1.0)
        rounding += LEAST * (f.size + g.size + (k + 4.0) * math.ceil(mass))
    lower = value - rounding
    return lower if math.isfinite(lower) else -math.inf
