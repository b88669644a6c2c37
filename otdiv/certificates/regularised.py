"""Bounds of the entropic problem from any potentials, by sums over all pairs.

The problem is min <C, P> + epsilon KL(P | a⊗b / m) over plans of the weights a, b of mass m. What
follows is for m = 1, to which all of it is proportional. For potentials f, g let
P_ij = a_i exp((f_i + g_j - C_ij) / epsilon) b_j, and H the objective.

Lower bound. For any plan Q and any pair, q log(q / (a b)) >= q log(P / (a b)) + q - P, so that

    H(Q) >= sum a f + sum b g - epsilon (sum P - 1).

It is also no less than a lower bound of unregularised transport, since KL >= 0.

Upper bound. Rows that hold too much are scaled down by alpha <= 1, then columns by beta <= 1. The
result P2 has the sums R <= a and S <= b, and

    H(P2) = sum R (f + epsilon log alpha) + sum S (g + epsilon log beta).

The rest, rho = 1 - sum R, is placed as the product Q of what both sides lack. H is convex, so

    H(P2 + Q) <= H(P2) - epsilon (1 - rho) log(1 - rho) + rho H(Q / rho),

where -(1 - rho) log(1 - rho) <= rho, and KL(Q / rho | a⊗b) <= 2 log(1 / rho), because what is
lacking is at most a and b. Another upper bound is H of a plan at hand that meets the marginals.

Rounding. Weights that are divided by their sums are within 4u of what they should be, and count as
the weights (`rounding`). A computed entry is the exact one up to a share delta: the error of its
exponent, (k + 6) u (max |f| + max |g| + max C) / epsilon, and some u for its factors and sums. So
alpha and beta, which are any numbers, are taken smaller by 2 delta, after which R <= a and S <= b
hold exactly. Entries that underflow lose less than 1e-300 each.
"""

from __future__ import annotations

import math

import numpy as np

from .._typing import FloatArray
from ..costs import CostMatrix
from ..plans import DensePlan, Plan, SparsePlan
from ..problems import TransportProblem
from ..results import Bounds
from .rounding import U, blocks, cost_rounding

__all__ = ["regularised_bounds"]

# Pairs that are summed over, three times some 30 nanoseconds each: a minute or two. By taste.
_MOST_PAIRS = 10**9
# Share of an entry beyond which its rounding leaves nothing to be proven from sums; by taste.
_COARSE = 1e-3
# Share of a marginal that counts as rounding of a repaired plan; beyond it nothing is said.
_OFF = 1e-10
# Mass that an underflow takes from an entry, with room; and weights beside which that is nothing.
_LOST, _LEAST_SHARE = 1e-300, 1e-280


def regularised_bounds(
    problem: TransportProblem,
    f: FloatArray,
    g: FloatArray,
    epsilon: float,
    *,
    plan: Plan | None = None,
    lower: float = -math.inf,
) -> Bounds:
    """Proven enclosure of min <C, P> + epsilon KL(P | a⊗b / m), as near as f and g make it.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    f, g : arrays (n,), (m,)
        Any potentials, in the unit of the cost.
    epsilon : float
        Positive.
    plan : Plan, optional
        A plan that `primal_bound` repaired, with a finite bound: where it has entries, its
        objective is an upper bound as well.
    lower : float, optional
        A lower bound of unregularised transport.

    Returns
    -------
    Bounds
        In the unit of the cost times mass. Of more than 1e9 pairs, or where rounding leaves
        nothing of the sums, only what needs none: `lower`, and the mass at the largest cost.
    """
    mass, largest = problem.mass, problem.cost_bound()
    forbidden = isinstance(problem.cost, CostMatrix) and bool(np.isinf(problem.cost.values).any())
    limit = math.inf if forbidden else largest
    # The product a⊗b is a plan with KL = 0.
    upper = limit * mass * (1.0 + 16.0 * U)
    found = None
    with np.errstate(all="ignore"):
        if problem.shape[0] * problem.shape[1] <= _MOST_PAIRS and not problem.is_huge:
            found = _from_sums(problem, f, g, epsilon, limit)
        if isinstance(plan, SparsePlan | DensePlan):
            objective = _objective(problem, plan, epsilon, limit)
            upper = min(upper, objective) if math.isfinite(objective) else upper
    if found is not None:
        lower = max(lower, found[0] * mass) if math.isfinite(found[0]) else lower
        upper = min(upper, found[1] * mass) if math.isfinite(found[1]) else upper
    # Both hold, so that rounding alone can make them cross.
    return Bounds(min(lower, upper), max(lower, upper))


def _from_sums(
    problem: TransportProblem, f: FloatArray, g: FloatArray, epsilon: float, largest: float
) -> tuple[float, float] | None:
    """Both bounds of the problem of mass one; None where rounding leaves nothing."""
    n, m = problem.shape
    rows, columns = problem.a > 0.0, problem.b > 0.0
    a, b = (w / math.fsum(w) for w in (problem.a[rows], problem.b[columns]))
    f, g = f[rows], g[columns]
    size = float(np.abs(f).max() + np.abs(g).max()) + problem.cost_bound()
    starts = blocks(n, m)
    roundings = 48.0 + math.log2(max(n, m)) + len(starts)
    delta = ((cost_rounding(problem) + 6.0) * size / epsilon + roundings) * U
    if not (delta <= _COARSE and min(a.min(), b.min()) >= _LEAST_SHARE):
        return None
    alpha, beta = np.ones(a.size), np.ones(b.size)

    def sums() -> tuple[FloatArray, FloatArray]:
        """Sums of the rows and the columns of alpha P beta."""
        row_sums, column_sums = np.zeros(n), np.zeros(b.size)
        potentials, left = np.zeros(n), np.zeros(n)
        potentials[rows], left[rows] = f, a * alpha
        right = b * beta
        for start in starts:
            block = slice(start, start + starts.step)
            costs = problem.block(start, min(n, start + starts.step))[:, columns]
            # Every product is of numbers below the result times 1, so that underflow is harmless.
            P = np.exp((potentials[block, None] + g - costs) / epsilon)
            P *= left[block, None]
            P *= right
            row_sums[block] = P.sum(axis=1)
            # Along rows of memory NumPy sums pairwise.
            column_sums += np.ascontiguousarray(P.T).sum(axis=1)
        return row_sums[rows], column_sums

    lost = n * m * _LOST
    r, _ = sums()
    total = math.fsum(r)
    lower = math.fsum(a * f) + math.fsum(b * g) - epsilon * (total - 1.0)
    lower -= 8.0 * U * math.fsum(a * np.abs(f)) + 8.0 * U * math.fsum(b * np.abs(g))
    lower -= epsilon * (delta * total + lost) + 4.0 * U * (abs(lower) + epsilon * (total + 1.0))
    if largest == math.inf:
        return lower, math.inf
    alpha = np.where(r > a, a / r, 1.0) * (1.0 - 2.0 * delta)
    _, s = sums()
    beta = np.where(s > b, b / s, 1.0) * (1.0 - 2.0 * delta)
    R, S = sums()
    upper = size_of_terms = 0.0
    for weights, potential, factor in ((R, f, alpha), (S, g, beta)):
        shift = epsilon * np.log(factor)
        upper += math.fsum(weights * (potential + shift))
        size_of_terms += math.fsum(weights * (np.abs(potential) + np.abs(shift)))
    held = math.fsum(R)
    rest = max(1.0 - held, 0.0) + delta * held + lost + 8.0 * U
    upper += (delta + 8.0 * U) * size_of_terms + lost * size
    upper += rest * (largest + epsilon) + 2.0 * epsilon * _entropy(rest)
    return lower, upper + 8.0 * U * abs(upper)


def _entropy(mass: float) -> float:
    """The largest -t log t for t up to `mass`: it grows up to 1 / e."""
    return -mass * math.log(mass) if 0.0 < mass < 1.0 / math.e else min(mass, 1.0 / math.e)


def _objective(
    problem: TransportProblem, plan: SparsePlan | DensePlan, epsilon: float, largest: float
) -> float:
    """Objective of a plan that `primal_bound` repaired, rounded up.

    Without forbidden pairs its marginals may be off by rounding: what they are off by is scaled
    down and placed anew as above. With forbidden pairs they are met.
    """
    m = problem.shape[1]
    if isinstance(plan, SparsePlan):
        rows, columns, mass = plan.rows, plan.columns, plan.mass
    else:
        rows, columns = np.nonzero(plan.mass)
        mass = plan.mass[rows, columns]
    used = mass > 0.0
    # Repeats of a pair are one entry.
    pairs, entry = np.unique(rows[used] * m + columns[used], return_inverse=True)
    mass = np.bincount(entry, weights=mass[used], minlength=pairs.size).astype(np.float64)
    rows, columns = np.divmod(pairs, m)
    costs = problem.pair_costs(rows, columns)
    ratio = np.log(mass / problem.a[rows] / problem.b[columns] * problem.mass)
    value = math.fsum(mass * costs) + epsilon * math.fsum(mass * ratio)
    size = math.fsum(mass * np.abs(costs)) + epsilon * math.fsum(mass * (np.abs(ratio) + 8.0))
    # Besides rounding of the terms, marginals that are met to 4u may have 16u of this to pay.
    value += (cost_rounding(problem) + 64.0) * U * size
    if largest == math.inf:
        return value
    share = total = 0.0
    for places, weights in ((rows, problem.a), (columns, problem.b)):
        off = np.abs(np.bincount(places, weights=mass, minlength=weights.size) - weights)
        total += float(off.sum()) / problem.mass
        share = max(share, float(np.max(off[weights > 0.0] / weights[weights > 0.0])))
    if share > _OFF:
        return math.inf
    rest = total * (largest + epsilon) + 2.0 * epsilon * _entropy(total)
    return value + 4.0 * share * size + rest * problem.mass
