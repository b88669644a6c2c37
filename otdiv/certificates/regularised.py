"""Bounds of the regularised optimum, from any potentials and from any feasible plan.

The problem, with weights a, b of mass s, is min <C, P> + e KL(P | a⊗b / s) over plans of a and b.

Lower bound. For any f let g_j = -e log sum_i (a_i / s) exp((f_i - C_ij) / e), the soft c-transform.
Then sum a f + sum b g, the dual value at (f, g), is at most the optimum. What is computed for g_j
differs from it by at most an `error`, so that s times that is taken off. Two ways to the sums:

1. Over all pairs, in blocks of rows. With t_ij = log(a_i / s) + (f_i - C_ij) / e, computed with an
   absolute error h, each power exp(t_ij - max) is off by the relative error h, and the power and
   the sum by some roundings more. Where t_ij - max is -r, its own rounding is u r, and the sum of
   r exp(-r) over n terms is at most log n times their sum. With k u for the relative error of a
   cost, h <= u (8 max|log(a / s)| + ((k + 8) max|C| + 8 max|f|) / e).
2. By pruned sums (`_gibbs.pruned_sums`). They leave out at most the share `truncation` of a
   marginal, and expansions add at most `OVERCOUNT` of that. Sums that are less than 2**-6 of their
   marginals are taken from all pairs, so that of each sum at most 2**7 times that share is wrong.

The optimal f spans at most twice the largest cost, as it is a soft minimum of costs. So potentials
farther from their median are brought that near: any may be taken, and rounding grows with them.

Upper bound, of a plan P with marginals r, c and of mass p. Let f, g be the optimal potentials, Q
their plan. As sum P log(P / Q) >= p log(p / s) >= p - s,

    <C, P> + e sum P log(P s / (a b)) = sum r f + sum c g + e sum P log(P / Q)
                                     >= optimum + sum (r - a) f + sum (c - b) g + e (p - s).

With costs of size B at most, f may be shifted into [-B, B], and then g is in [-2B, 2B]. So what the
marginals miss costs at most 2 B times it, and e times the difference of the masses. Where pairs are
forbidden, marginals that are met to 4 u count as met (`rounding`), as they do without e.

Upper bound, of potentials (`repaired_objective`). Let P_ij = a_i b_j exp((f_i + g_j - C_ij) / e)
have the row sums R and column sums C, which are about those that were computed, r and c, for s = 1.
A feasible plan is made of it in three steps.

1. Rows are scaled down to alpha_i min(r_i, R_i), alpha_i = min(1, a_i / r_i). With the numbers
   H(P) is a sum of potentials, so the plan P1 has H(P1) <= sum_i R1_i (f_i + e log alpha_i)
   + sum_j C1_j g_j.
2. Columns that are still above b are scaled down to it. What that takes away, t, is at most the
   `surplus` in all; it lowers H(P1) but for e sum t log(t / a⊗b) >= e s log s with s the sum of t
   (the log-sum inequality, and costs are not negative).
3. What the marginals lack now, the mass `rest`, is placed as the product Q of both lacks. H is
   convex, so the result is at most (1 - rest) H(P2 / (1 - rest)) + rest H(Q / rest), and
   KL(Q / rest | a⊗b) <= 2 log(1 / rest), because the lacks are at most a and b.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._gibbs.expansions import OVERCOUNT
from .._gibbs.metrics import metric_of
from .._gibbs.point_kernel import PointKernel
from .._kernels.exponential import LOG2_E
from .._kernels.proofs.sums import dot
from .._typing import FloatArray, IndexArray
from ..costs import CostMatrix, PNormCost, SparseCost
from ..plans import BlockPlan, DensePlan, Plan, Potentials, ScaledKernelPlan, SparsePlan
from ..problems import TransportProblem
from ..results import Bounds
from .cloud_plan import cloud_kernel
from .primal import forbids, primal_bound
from .rounding import U, blocks, cost_rounding
from .transforms import Tick

__all__ = [
    "SoftPair",
    "objective_bound",
    "plan_in_factors",
    "potentials_bound",
    "regularised_bounds",
    "repaired_objective",
    "soft_pair",
]

# Pairs up to which sums are taken over all of them; by taste.
_FEW_PAIRS = 2**22
# Share of the mass that the columns of potentials may miss for the rows not to be asked too; by
# taste.
_NEARLY = 0.1
# Truncation of pruned sums: epsilon times 2**7 of it is lost of the bound. By taste.
_TRUNCATION = 1e-11
# Factor of the share of its marginal that a pruned sum may be wrong by; see above.
_LEAST_SUM = 2.0**7
# Rounding of an exponent of pruned sums relative to the largest cost and potentials: coordinates
# are scaled, squares are taken apart. Twice that of `entropic.iteration.marginals`.
_EXPONENT_ROUNDING = 2.0**-48
# In up to this many dimensions; it grows with the number of terms of a cost.
_FEW_DIMENSIONS = 16.0
# Rounding of a power of two (1e-15) and of a sum in blocks.
_POWER_ROUNDING = 2e-14
# Relative rounding of sums of terms of the size of a |f| and b |g|: below 90 u of that.
_SUM_ROUNDING = 1e-14


@dataclass(frozen=True, slots=True)
class SoftPair:
    """Potentials one side of which is the soft c-transform of the other, up to rounding.

    Attributes
    ----------
    f, g : arrays (n,), (m,)
        Of all atoms; those without weight have some number.
    lower : float
        Proven lower bound of the regularised optimum, unit of cost times mass.
    upper : float
        Proven upper bound, of the repaired plan of these potentials.
    """

    f: FloatArray
    g: FloatArray
    lower: float
    upper: float


class _Active:
    """The atoms that carry weight, with weights of mass one."""

    def __init__(self, problem: TransportProblem, epsilon: float, tick: Tick) -> None:
        self.problem, self.epsilon, self.tick = problem, epsilon, tick
        self.rows, self.columns = np.flatnonzero(problem.a), np.flatnonzero(problem.b)
        self.a, self.b = problem.a[self.rows] / problem.mass, problem.b[self.columns] / problem.mass
        self.bound = problem.cost_bound()

    def part(self, f: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        return f[self.rows], g[self.columns]

    def whole(self, f: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Potentials of all atoms; those without weight get the least of their side."""
        n, m = self.problem.shape
        all_f, all_g = np.full(n, f.min()), np.full(m, g.min())
        all_f[self.rows], all_g[self.columns] = f, g
        return all_f, all_g

    def look(self) -> None:
        if self.tick is not None:
            self.tick()


class _AllPairs(_Active):
    """Sums over all pairs, in blocks of rows."""

    def _block(self, start: int, stop: int) -> FloatArray:
        self.look()
        n, m = self.problem.shape
        if self.rows.size == n and self.columns.size == m:
            return self.problem.block(start, stop)
        kept = self.rows[start:stop]
        if isinstance(self.problem.cost, PNormCost):
            return self.problem.cost.pairwise(self.problem.x[kept], self.problem.y[self.columns])
        block = self.problem.block(kept[0], kept[-1] + 1)
        return np.asarray(block[np.ix_(kept - kept[0], self.columns)])

    def columns_of(self, f: FloatArray) -> FloatArray:
        n, m = self.rows.size, self.columns.size
        top, total = np.full(m, -np.inf), np.zeros(m)
        starts, log_a = blocks(n, m), np.log(self.a)
        for start in starts:
            some = slice(start, min(n, start + starts.step))
            exponents = f[some, None] - self._block(some.start, some.stop)
            exponents /= self.epsilon
            exponents += log_a[some, None]
            higher = np.maximum(top, exponents.max(axis=0))
            higher[higher == -np.inf] = 0.0
            exponents -= higher
            total *= np.exp(top - higher)
            total += np.exp(exponents, out=exponents).sum(axis=0)
            top = higher
        return np.asarray(-self.epsilon * (top + np.log(total)))

    def rows_of(self, g: FloatArray) -> FloatArray:
        n, m = self.rows.size, self.columns.size
        out, starts, log_b = np.empty(n), blocks(n, m), np.log(self.b)
        for start in starts:
            some = slice(start, min(n, start + starts.step))
            exponents = g - self._block(some.start, some.stop)
            exponents /= self.epsilon
            exponents += log_b
            top = exponents.max(axis=1)
            top[top == -np.inf] = 0.0
            exponents -= top[:, None]
            sums = np.exp(exponents, out=exponents).sum(axis=1)
            out[some] = -self.epsilon * (top + np.log(sums))
        return out

    def _error(self, weights: FloatArray, potential: FloatArray) -> float:
        n, m = self.rows.size, self.columns.size
        k = cost_rounding(self.problem)
        relative = 48.0 + 4.0 * math.log2(n + m) + 4.0 * len(blocks(n, m))
        relative += 10.0 * float(np.abs(np.log(weights)).max())
        size = (k + 10.0) * self.bound + 10.0 * float(np.abs(potential).max())
        return U * (self.epsilon * relative + size)

    def columns_and_error(self, f: FloatArray, guess: FloatArray) -> tuple[FloatArray, float]:
        with np.errstate(all="ignore"):
            return self.columns_of(f), self._error(self.a, f)

    def rows_and_error(self, g: FloatArray, guess: FloatArray) -> tuple[FloatArray, float]:
        with np.errstate(all="ignore"):
            return self.rows_of(g), self._error(self.b, g)


class _Pruned(_Active):
    """Sums of many points over the pairs that weigh anything."""

    def __init__(
        self,
        problem: TransportProblem,
        epsilon: float,
        tick: Tick,
        kernel: PointKernel,
        rows: IndexArray,
        columns: IndexArray,
    ) -> None:
        super().__init__(problem, epsilon, tick)
        self.kernel = kernel.with_truncation(_TRUNCATION)
        self.rows, self.columns = rows, columns
        self.a, self.b = kernel.a, kernel.b
        self._log_a, self._log_b = np.log2(kernel.a), np.log2(kernel.b)
        self._bits = LOG2_E / epsilon

    def columns_and_error(self, f: FloatArray, guess: FloatArray) -> tuple[FloatArray, float]:
        self.look()
        u, v = self._log_a + f * self._bits, self._log_b + guess * self._bits
        return self._transformed(*self.kernel.column_sums(u, v), u)

    def rows_and_error(self, g: FloatArray, guess: FloatArray) -> tuple[FloatArray, float]:
        self.look()
        u, v = self._log_a + guess * self._bits, self._log_b + g * self._bits
        return self._transformed(*self.kernel.row_sums(u, v), v)

    def _transformed(
        self, shift: FloatArray, sums: FloatArray, given: FloatArray
    ) -> tuple[FloatArray, float]:
        with np.errstate(all="ignore"):
            found = (shift - np.log2(sums)) / self._bits
        dimensions = max(1.0, self.problem.source.d / _FEW_DIMENSIONS)
        bits = self._bits * (self.bound * dimensions + float(np.abs(found).max()))
        bits += float(np.abs(given).max()) + float(np.abs(shift).max())
        relative = _LEAST_SUM * (1.0 + OVERCOUNT) * _TRUNCATION
        relative += _EXPONENT_ROUNDING * bits + _POWER_ROUNDING
        relative += U * max(self.a.size, self.b.size)
        # -log(1 - x) <= 2 x for x <= 1/2.
        error = 2.0 * self.epsilon * relative if relative < 0.5 else math.inf
        return found, error


def _soft_transforms(problem: TransportProblem, epsilon: float, tick: Tick) -> _AllPairs | _Pruned:
    n, m = problem.shape
    cost = problem.cost
    has_code = isinstance(cost, PNormCost) and metric_of(cost, problem.source.d) is not None
    if has_code and n * m > _FEW_PAIRS:
        found = cloud_kernel(problem, epsilon)
        if found is not None and isinstance(found[0], PointKernel):
            return _Pruned(problem, epsilon, tick, found[0], found[1], found[2])
    return _AllPairs(problem, epsilon, tick)


def soft_pair(
    problem: TransportProblem,
    epsilon: float,
    f: FloatArray | None,
    g: FloatArray | None,
    *,
    tick: Tick = None,
) -> tuple[SoftPair | None, float, float]:
    """The best pair that soft c-transforms make of any potentials, and what the given pair proves.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    epsilon : float
        Positive, in the unit of the cost.
    f, g : array (n,), array (m,), or None
        At least one of them; finite numbers.

    Returns
    -------
    pair : SoftPair or None
        With both bounds; None where floats cannot relate epsilon to the costs.
    dual_value : float
        sum a f + sum b g - epsilon (sum P - s) of the given pair, to rounding; -inf where that is
        beyond float64. NaN where a side is not given.
    column_error : float
        What the columns of the given pair's plan miss of b: the sum of |sum_i P_ij - b_j|, to
        rounding; NaN likewise.
    """
    soft = _soft_transforms(problem, epsilon, tick)
    pairs, dual_value, column_error = [], math.nan, math.nan
    given_f = None if f is None else f[soft.rows]
    given_g = None if g is None else g[soft.columns]
    if given_f is not None:
        middle = float(np.median(given_f))
        kept = _near(given_f - middle, soft, problem)
        guess = np.zeros(soft.columns.size) if given_g is None else given_g + middle
        derived, error = soft.columns_and_error(kept, _near(guess, soft, problem, free=True))
        pairs.append((_lower(soft, kept, derived, error), kept, derived, error, True))
        if given_g is not None:
            pair = given_f - middle, given_g + middle
            made = derived if np.array_equal(pair[0], kept) else soft.columns_and_error(*pair)[0]
            dual_value, column_error = _given_value(soft, *pair, made)
    # Where the columns nearly have their sums the other side says much the same.
    if given_g is not None and not column_error <= _NEARLY * problem.mass:
        middle = float(np.median(given_g))
        kept = _near(given_g - middle, soft, problem)
        guess = np.zeros(soft.rows.size) if given_f is None else given_f + middle
        derived, error = soft.rows_and_error(kept, _near(guess, soft, problem, free=True))
        pairs.append((_lower(soft, derived, kept, error), derived, kept, error, False))
    lower, first, second, error, by_columns = max(pairs, key=lambda pair: pair[0])
    if not math.isfinite(lower):
        return None, dual_value, column_error
    if by_columns:
        better, again = soft.rows_and_error(second, first)
        upper = _upper(soft, soft.a, soft.b, first, better, second, error + again)
        improved = (better, second)
    else:
        better, again = soft.columns_and_error(first, second)
        upper = _upper(soft, soft.b, soft.a, second, better, first, error + again)
        improved = (first, better)
    second_lower = _lower(soft, *improved, again)
    if second_lower > lower:
        lower, (first, second) = second_lower, improved
    whole = soft.whole(first, second)
    return SoftPair(*whole, lower, upper), dual_value, column_error


def regularised_bounds(
    problem: TransportProblem,
    potentials: Potentials,
    epsilon: float,
    *,
    plan: Plan | None = None,
    lower: float = -math.inf,
) -> Bounds:
    """Proven enclosure of min <C, P> + epsilon KL(P | a⊗b / m), as near as the potentials make it.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    potentials : Potentials
        Any f (n,), g (m,), in the unit of the cost.
    epsilon : float
        Positive.
    plan : Plan, optional
        A plan that `primal_bound` repaired, with a finite bound: where it has entries, its
        objective is an upper bound as well.
    lower : float, optional
        A lower bound of unregularised transport, which is one here.

    Returns
    -------
    Bounds
        In the unit of the cost times mass; at worst `lower`, and the mass at the largest cost.
    """
    f, g = potentials.f, potentials.g
    # The product a⊗b / m is a plan with KL = 0.
    upper = math.inf if forbids(problem) else problem.cost_bound() * problem.mass * (1.0 + 16.0 * U)
    with np.errstate(all="ignore"):
        if np.isfinite(f).all() and np.isfinite(g).all():
            pair = soft_pair(problem, epsilon, f, g)[0]
            if pair is not None:
                lower = max(lower, pair.lower)
                upper = min(upper, potentials_bound(problem, epsilon, pair))
        if isinstance(plan, SparsePlan | DensePlan):
            upper = min(upper, objective_bound(problem, epsilon, plan))
    # Both hold, so that rounding alone can make them cross.
    return Bounds(min(lower, upper), max(lower, upper))


def _near(
    potential: FloatArray, soft: _Active, problem: TransportProblem, *, free: bool = False
) -> FloatArray:
    """A potential whose median is about 0 without what no optimal one has.

    Where pairs are forbidden, no bound is known. A `free` one is shifted, being a guess.
    """
    middle = float(np.median(potential)) if free else 0.0
    if forbids(problem) or not math.isfinite(middle):
        return potential
    reach = 2.0 * soft.bound
    return np.asarray(np.clip(potential, middle - 2.0 * reach, middle + 2.0 * reach))


def _lower(soft: _Active, f: FloatArray, g: FloatArray, error: float) -> float:
    """Dual value of a pair, one side of which is the other's soft c-transform up to `error`."""
    if not (np.isfinite(f).all() and np.isfinite(g).all() and math.isfinite(error)):
        return -math.inf
    problem = soft.problem
    (first, size), (second, other) = dot(soft.a, f), dot(soft.b, g)
    small, smaller, _ = problem.defects()
    # Exact weights differ by these shares, in sums and in the reference measure.
    apart = abs(small) + abs(smaller) + 4.0 * U
    rounding = (apart + 8.0 * U) * (size + other) + soft.epsilon * apart * 2.0
    return problem.mass * (first + second - rounding - error * (1.0 + 1e-9)) - 1e-300


def _given_value(
    soft: _Active, f: FloatArray, g: FloatArray, derived: FloatArray
) -> tuple[float, float]:
    """Dual value of a pair as given, and what its plan's columns miss of b; to rounding.

    `derived` (m,) would make the column sums exact.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        more = soft.b * np.expm1((g - derived) / soft.epsilon)
    value = float(soft.a @ f + soft.b @ g) - soft.epsilon * float(more.sum())
    if not math.isfinite(value):
        return -math.inf, math.inf
    return soft.problem.mass * value, soft.problem.mass * float(np.abs(more).sum())


def _upper(
    soft: _Active,
    a: FloatArray,
    b: FloatArray,
    f: FloatArray,
    exact_f: FloatArray,
    g: FloatArray,
    error: float,
) -> float:
    """More than the objective of a plan made of (f, g), whose column sums are exact.

    `exact_f` would make the row sums exact. Both are so up to `error` together.
    """
    problem, epsilon = soft.problem, soft.epsilon
    cost = problem.cost
    least = 0.0
    if not isinstance(cost, PNormCost):
        if forbids(problem):
            return math.inf
        assert isinstance(cost, CostMatrix | SparseCost)
        least = min(float(cost.values.min()), 0.0)
    if not (math.isfinite(error) and error <= 0.25 * epsilon and np.isfinite(exact_f).all()):
        return math.inf
    # Costs less the least one are not negative: that takes it off the value, and off f.
    small, smaller, _ = problem.defects()
    apart = abs(small) + abs(smaller) + 4.0 * U
    with np.errstate(over="ignore"):
        total = float(a @ np.exp(np.minimum((f - exact_f) / epsilon, 700.0)))
        kept = a * np.exp(np.minimum((f - exact_f) / epsilon, 0.0))
    errors = (2.0 * error / epsilon + apart + _SUM_ROUNDING) * max(total, 1.0)
    rows = np.minimum(f, exact_f) - least
    value = repaired_objective(
        a,
        b,
        kept,
        rows,
        g,
        epsilon=epsilon,
        largest=soft.bound - least,
        surplus=max(total - 1.0, 0.0) + 2.0 * errors,
        errors=errors,
    )
    size = float(a @ (np.abs(rows) + abs(least)) + b @ np.abs(g))
    rounding = (_SUM_ROUNDING + 2.0 * apart) * size + 2.0 * epsilon * apart
    upper = problem.mass * (value + least + rounding)
    return upper if math.isfinite(upper) else math.inf


def repaired_objective(
    a: FloatArray,
    b: FloatArray,
    kept: FloatArray,
    rows: FloatArray,
    g: FloatArray,
    *,
    epsilon: float,
    largest: float,
    surplus: float,
    errors: float,
) -> float:
    """The three steps above: more than the objective of a feasible plan.

    Parameters
    ----------
    a, b : arrays (n,), (m,)
        Weights of mass one.
    kept, rows, g : arrays (n,), (n,), (m,)
        Row sums alpha r that are at most a, potentials f + epsilon log alpha of these rows, and
        those of the columns, whose sums were b.
    epsilon, largest : float
        Regularisation, and no less than any cost; costs are not negative.
    surplus, errors : float
        Mass by which columns may be too large, and by which sums may be off.
    """
    unplaced = float((a - kept).sum())
    rest = min(unplaced + errors + surplus, 1.0)
    least = float(g.min())
    value = float(kept @ rows + b @ g) - unplaced * least
    value += errors * max(-float(rows.min()) - least, 0.0)
    value += surplus * (float(g.max()) - least) + rest * largest
    # The last term is more than -(1 - rest) log(1 - rest).
    return value + epsilon * (_entropy(surplus) + 2.0 * _entropy(rest) + rest)


def _entropy(mass: float) -> float:
    """More than -t log t for every t up to `mass`, which grows up to 1 / e."""
    if mass == 0.0:
        return 0.0
    return -mass * math.log(mass) if mass < 1.0 / math.e else 1.0 / math.e


def objective_bound(
    problem: TransportProblem, epsilon: float, plan: Plan | BlockPlan, *, tick: Tick = None
) -> float:
    """More than the regularised optimum: the objective of a repaired plan, less what it may miss.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    epsilon : float
        Positive, in the unit of the cost.
    plan : SparsePlan, DensePlan, ScaledKernelPlan or BlockPlan
        What `primal_bound` returned with a finite bound: its marginals are met, up to rounding.

    Returns
    -------
    float
        In the unit of the cost times the mass.
    """
    with np.errstate(all="ignore"):
        if isinstance(plan, SparsePlan):
            value, size, missed, excess = _sparse_sums(problem, epsilon, plan)
        else:
            value, size, missed, excess = _block_sums(problem, epsilon, plan, tick)
        small, smaller, _ = problem.defects()
        apart = abs(small) + abs(smaller) + 4.0 * U
        upper = value + U * size + epsilon * (excess + 4.0 * apart * problem.mass)
        if not forbids(problem):
            upper += 2.0 * problem.cost_bound() * (missed + 2.0 * apart * problem.mass)
    return upper if math.isfinite(upper) else math.inf


def potentials_bound(
    problem: TransportProblem, epsilon: float, pair: SoftPair, *, tick: Tick = None
) -> float:
    """The better of the pair's own upper bound and that of its repaired plan, written out."""
    n, m = problem.shape
    if n * m > _FEW_PAIRS:
        return pair.upper
    plan = plan_in_factors(problem, epsilon, pair.f, pair.g)
    repaired, _, upper = primal_bound(problem, plan)
    if upper == math.inf:
        return pair.upper
    return min(pair.upper, objective_bound(problem, epsilon, repaired, tick=tick))


def plan_in_factors(
    problem: TransportProblem, epsilon: float, f: FloatArray, g: FloatArray
) -> ScaledKernelPlan:
    """P = a exp((f + g - C) / epsilon) b / m, as factors."""
    n, m = problem.shape
    return ScaledKernelPlan(
        problem=problem,
        f=f,
        g=g,
        epsilon=epsilon,
        row_scale=np.full(n, 1.0 / problem.mass),
        column_scale=np.ones(m),
        row_rest=np.zeros(n),
        column_rest=np.zeros(m),
    )


def _sparse_sums(
    problem: TransportProblem, epsilon: float, plan: SparsePlan
) -> tuple[float, float, float, float]:
    """Objective, sizes of its terms in roundings, missed marginals, and difference of masses."""
    m = problem.shape[1]
    # A pair may occur repeatedly.
    pairs, places = np.unique(plan.rows * m + plan.columns, return_inverse=True)
    mass = np.bincount(places, weights=plan.mass, minlength=pairs.size)
    kept = mass > 0.0
    rows, columns, mass = pairs[kept] // m, pairs[kept] % m, mass[kept]
    costs = problem.pair_costs(rows, columns)
    logs = np.log(mass), np.log(problem.a[rows]), np.log(problem.b[columns])
    unit = math.log(problem.mass)
    ratio = logs[0] - logs[1] - logs[2] + unit
    value = math.fsum(mass * costs) + epsilon * math.fsum(mass * ratio)
    most = int(plan.rows.size - pairs.size) + 4.0
    logs_size = sum(np.abs(log) for log in logs) + abs(unit) + np.abs(ratio) + most
    size = (cost_rounding(problem) + most + 4.0) * float(mass @ np.abs(costs))
    size += 8.0 * epsilon * float(mass @ logs_size) + 8.0 * abs(value)
    r, c = np.bincount(rows, mass, problem.shape[0]), np.bincount(columns, mass, m)
    # Sums of k positive terms one after the other err by k u of themselves.
    longest = max(np.bincount(rows).max(initial=0), np.bincount(columns).max(initial=0)) + most
    total = math.fsum(mass)
    missed = math.fsum(np.abs(r - problem.a)) + math.fsum(np.abs(c - problem.b))
    missed += 2.0 * float(longest) * U * total
    return value, size, missed, abs(total - problem.mass) + most * U * total


def _block_sums(
    problem: TransportProblem,
    epsilon: float,
    plan: DensePlan | ScaledKernelPlan | BlockPlan,
    tick: Tick,
) -> tuple[float, float, float, float]:
    """As `_sparse_sums`, of a plan that is looked at in blocks of rows."""
    n, m = problem.shape
    a, b, unit = problem.a, problem.b, math.log(problem.mass)
    log_a, log_b = (np.log(np.where(weights > 0.0, weights, 1.0)) for weights in (a, b))
    r, c, values, size = np.empty(n), np.zeros(m), [], 0.0
    k, starts = cost_rounding(problem), blocks(n, m)
    depth = 24.0 + math.log2(m + 1)
    stray = 0.0
    for start in starts:
        some = slice(start, min(n, start + starts.step))
        mass, costs = plan.block(some.start, some.stop), problem.block(some.start, some.stop)
        used = (mass > 0.0) & (b > 0.0) & (a[some, None] > 0.0)
        # Between atoms without weight there is nothing to compare with.
        stray += float(mass.sum() - mass.sum(where=used))
        mass = np.where(used, mass, 0.0)
        r[some] = mass.sum(axis=1)
        c += mass.sum(axis=0)
        costs = np.where(used, costs, 0.0)
        logs = np.log(np.where(used, mass, 1.0))
        ratio = logs - log_a[some, None]
        ratio -= log_b
        ratio += unit
        values.extend((mass * (costs + epsilon * ratio)).sum(axis=1))
        sizes = (k + depth + 4.0) * np.abs(costs) + (8.0 + depth) * epsilon * (
            np.abs(logs)
            + np.abs(log_a[some, None])
            + np.abs(log_b)
            + np.abs(ratio)
            + abs(unit)
            + 1.0
        )
        size += float((mass * sizes).sum())
        if tick is not None:
            tick()
    value, total = math.fsum(values), math.fsum(r)
    missed = math.fsum(np.abs(r - a)) + math.fsum(np.abs(c - b)) + 2.0 * abs(stray)
    rounding = (2.0 * depth + len(starts) + 4.0) * U * total
    return value, size + 8.0 * abs(value), missed + rounding, abs(total - problem.mass) + rounding
