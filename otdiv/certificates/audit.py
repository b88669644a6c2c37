"""Whether stated bounds of a transport problem hold: exact arithmetic over all pairs.

This file shares no code with the solvers or with the proofs that it checks. It reads arrays into
lists and works in whole numbers, fractions and, where a root is no whole number, in enclosures of
it that are rounded outwards. It is meant to be read in a quarter of an hour, and slow.

What is proven. Let u = 2**-53, and M the mass of the problem. Floats are rational numbers, but two
lists of them rarely have equal sums, so each side is divided by its exact sum and multiplied by M:
these are the weights a and b below. A marginal within 4u of its weight, relatively, counts as met.
With OPT the optimum for a, b and the exact costs C, and f*, g* its optimal potentials (shifted by
the constant that suits best), the right answer is the interval OPT ± w,

    w = 4u (sum a|f*| + sum b|g*|),

and bounds [L, U] are wrong when they miss it: when L > OPT + w or U < OPT - w.

1. An upper bound is confirmed by a plan. If P >= 0 has marginals r, c within 4u of a, b, then
       <C, P> >= sum r f* + sum c g* >= OPT - w,
   since f*_i + g*_j <= C_ij. So U >= <C, P> is enough. A plan as stored may be off: `_repair`
   makes one with such marginals of it, and all that this costs is in the audited upper number.
   How it does so needs no trust, for `_is_plan` looks at what came out.

2. A lower bound is confirmed by potentials. If f_i + g_j <= C_ij for every pair, then for a plan P
   of a, b
       sum a f + sum b g = sum P (f + g) <= <C, P>,     the best P included.
   So L <= D = sum a f + sum b g is enough. Potentials as stored may break the constraint of some
   pairs: `_lower_potentials` lowers them there, which only makes the audited number lower, and
   `_are_feasible` looks at what came out. Besides, w >= 4u |sum a f* + sum b g*| = 4u |OPT|, so
   that L <= D + 4u |OPT| is enough too; and |OPT| is at least D, and at least -<C, P> - w.

3. A bound is refuted by the other side's number if the contradiction is more than w can explain.
   OPT >= D, so U < D - w is wrong. OPT <= <C, P> + w, by the inequality of 1 from its other side,
   so L > <C, P> + 2w is wrong. As w is not known, `_largest_width` says what it is at most.

4. The value is said to lie between the bounds and to be the plan's cost. It is refuted if it is
   outside, or off the cost by more than rounding and the gap of the bounds explain; off by more
   than rounding alone it is undecided. A NaN, a negative mass, an index out of range are refuted.

What is neither confirmed nor refuted is undecided: the plan or the potentials prove too little.
"""

from __future__ import annotations

import enum
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from ..costs import CostMatrix, PNormCost, SparseCost
from ..errors import InvalidInputError
from ..plans import DensePlan, Plan, SparsePlan
from ..problems import TransportProblem
from ..results import Status, TransportResult
from .proof import Proof

__all__ = ["Audit", "Verdict", "audit"]

# A marginal this near to its weight, relatively, counts as met: 4u.
_MET = Fraction(4, 2**53)
# Bits by which the grid of masses is finer than the weights and the plan: wide enough for rounded
# shares of a mass to be far below 4u of the smallest weight.
_MASS_BITS = 96
# Bits of a cost that is not rational, beyond the smallest distance that the coordinates allow.
_ROOT_BITS = 100
# Roots of whole powers above this one are left to decimals (chosen by taste).
_LARGEST_POWER = 64
# Costs below 2**-2600 are enclosed by 0 and that; every float is far above.
_FINEST = 2600
# The stated value is the plan's cost in floating point: with costs in up to a thousand dimensions
# it errs by less than this share of sum P|C|, and by the other where masses are exponentials of
# large numbers, and the least are pruned (both chosen by taste, 1e-12 and 1e-6). Below the smallest
# float, _TINY, nothing is resolved.
_STORED_ROUNDING, _IMPLICIT_ROUNDING = Fraction(1, 2**40), Fraction(1, 2**20)
_TINY = Fraction(1, 2**1074)

# Digits of powers that are no roots. `Decimal` powers are exact to a unit or two of the last digit.
_DECIMAL = Context(prec=60, Emin=MIN_EMIN, Emax=MAX_EMAX)

# Costs whose values are rational numbers, or roots of them.
_AUDITED = PNormCost | CostMatrix | SparseCost
_INF = math.inf
# From here on a float is infinite.
_LARGEST = 2**1024 - 2**970
# Masses P[i][j] of the pairs that carry any, whole multiples of the unit of mass.
_Masses: TypeAlias = list[dict[int, int]]


class Verdict(enum.Enum):
    """What an audit finds about stated bounds."""

    CONFIRMED = "the bounds hold"
    REFUTED = "something that is stated is false"
    UNDECIDED = "plan and potentials prove too little"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Verdict of exact arithmetic on the bounds and the value of a result.

    Attributes
    ----------
    verdict : Verdict
    reason : str
        Why, in a clause.
    lower, upper : float
        What the potentials and the plan prove, rounded outwards; infinite where they prove nothing
        or were not looked at. The optimum of the exactly normalised weights lies between `lower`
        and `upper + width`.
    width : float
        At most this is w, by which marginals that count as met may move the optimum.
    marginal_deviation : float
        Largest relative deviation of a marginal of the stored plan from its weight; 0 without plan.
    repairs : tuple of str
        What had to be changed in plan and potentials before they could prove anything.
    """

    verdict: Verdict
    reason: str
    lower: float = -_INF
    upper: float = _INF
    width: float = 0.0
    marginal_deviation: float = 0.0
    repairs: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.verdict.name}: {self.reason}"
        if self.lower > -_INF or self.upper < _INF:
            text += f"; in exact arithmetic the potentials prove {self.lower!r}"
            text += f" and the plan {self.upper!r}, give or take {self.width:.1e}"
        if self.marginal_deviation > 0.0:
            text += f"; marginals are off by {self.marginal_deviation:.1e} relatively"
        return text + (f"; repaired: {', '.join(self.repairs)}." if self.repairs else ".")


def audit(result: TransportResult | Proof, *, max_pairs: int = 2**20) -> Audit:
    """Check the bounds and the value of a result in exact arithmetic, without the library's code.

    Parameters
    ----------
    result : TransportResult or Proof
        A solved balanced problem, or what `certificates.prove` returned.
    max_pairs : int, default 2**20
        Problems with more pairs of atoms are left undecided; a million take some ten seconds.

    Returns
    -------
    Audit
        CONFIRMED if both bounds are proven and the value is the plan's cost and between them;
        REFUTED if something that is stated is false: a bound that the other side contradicts, a
        lower bound above the upper, a value that is not between them or not the plan's cost, a NaN,
        a negative mass; UNDECIDED otherwise.

    Raises
    ------
    InvalidInputError
        If `result` is neither of the two.

    Examples
    --------
    >>> from otdiv import certificates, transport
    >>> print(certificates.audit(transport([0.0, 1.0], [0.5, 3.0])))
    CONFIRMED: the bounds hold; in exact arithmetic the potentials prove 1.25 and the plan 1.25, ...
    """
    if not isinstance(result, TransportResult | Proof):
        raise InvalidInputError(
            "result",
            "be a TransportResult or a Proof, as `transport` and `certificates.prove` return them",
            type(result).__name__,
        )
    problem, bounds = result.problem, result.bounds
    if not isinstance(problem.cost, _AUDITED):
        reason = (
            f"the costs of {type(problem.cost).__name__} are not audited: their values are "
            "no roots of rational numbers (a matrix of them, solved as such, is)"
        )
        return Audit(verdict=Verdict.UNDECIDED, reason=reason)
    false = _false_statement(result)
    if false:
        return Audit(verdict=Verdict.REFUTED, reason=false)
    if isinstance(result, TransportResult) and result.status is Status.INFEASIBLE:
        return _audit_infeasible(result)
    if result.plan is None and result.value == bounds.upper == _INF:
        least = 0.0 if _non_negative(problem) else -_INF
        if bounds.lower <= least:
            return Audit(verdict=Verdict.CONFIRMED, reason="nothing is claimed", lower=least)
    n, m = problem.shape
    if n * m > max_pairs:
        reason = f"{n} x {m} pairs are more than the {max_pairs} that are looked at (`max_pairs`)"
        return Audit(verdict=Verdict.UNDECIDED, reason=reason)
    false = _false_mass(result.plan, n, m)
    if false:
        return Audit(verdict=Verdict.REFUTED, reason=false)
    return _audit_bounds(result)


def _false_statement(result: TransportResult | Proof) -> str:
    """What is wrong at first sight, or nothing."""
    value, lower, upper = map(float, (result.value, result.bounds.lower, result.bounds.upper))
    if math.isnan(value) or math.isnan(lower) or math.isnan(upper):
        return "value and bounds must be numbers, and one of them is NaN"
    if lower > upper:
        return f"the lower bound {lower!r} is above the upper bound {upper!r}"
    if not lower <= value <= upper:
        return f"the value {value!r} is outside of its bounds [{lower!r}, {upper!r}]"
    if result.plan is not None and result.plan.shape != result.problem.shape:
        return "the plan is that of another problem"
    if result.potentials is None:
        return ""
    f, g = result.potentials.f.tolist(), result.potentials.g.tolist()
    if (len(f), len(g)) != result.problem.shape:
        return "the potentials are those of another problem"
    return "" if all(map(math.isfinite, chain(f, g))) else "a potential is not finite"


def _false_mass(plan: Plan | None, n: int, m: int) -> str:
    """What no plan holds, or nothing."""
    if isinstance(plan, SparsePlan) and not plan.rows.size == plan.columns.size == plan.mass.size:
        return "the plan has other numbers of rows, columns and masses"
    for i, j, mass in _entries(plan):
        if not (0 <= i < n and 0 <= j < m and 0.0 <= mass < _INF):
            return f"the plan moves {mass!r} from source atom {i} to target atom {j}"
    return ""


def _non_negative(problem: TransportProblem) -> bool:
    cost = problem.cost
    assert isinstance(cost, _AUDITED)
    return isinstance(cost, PNormCost) or all(c >= 0.0 for c in cost.values.ravel().tolist())


def _audit_bounds(result: TransportResult | Proof) -> Audit:
    """Audit a problem that has few enough pairs."""
    problem, plan, potentials = result.problem, result.plan, result.potentials
    # Atoms without weight take no part: the others are numbered anew.
    a, b = problem.a.tolist(), problem.b.tolist()
    rows, columns = ([k for k, weight in enumerate(side) if weight > 0.0] for side in (a, b))
    a, b = [a[i] for i in rows], [b[j] for j in columns]
    f, g = [0.0] * len(rows), [0.0] * len(columns)  # as good as any where there are none
    if potentials is not None:
        f, g = potentials.f.tolist(), potentials.g.tolist()
        f, g = [f[i] for i in rows], [g[j] for j in columns]
    repairs = []

    # Costs and potentials are whole multiples of 2**-exponent, masses of 2**-bits.
    low, high, exponent = _costs(problem, rows, columns, _exponent(chain(f, g)))
    masses = (mass for _, _, mass in _entries(plan))
    bits = _MASS_BITS + _exponent(chain(a, b, [problem.mass], masses))
    A, B = _Weights.of(a, problem.mass, bits), _Weights.of(b, problem.mass, bits)
    unit = Fraction(1, 2 ** (exponent + bits))
    width = unit * _largest_width(low, high, A, B)

    F, G = [_whole(value, exponent) for value in f], [_whole(value, exponent) for value in g]
    if not _are_feasible(F, G, low):
        _lower_potentials(F, G, low, A, B)
        assert _are_feasible(F, G, low)
        if potentials is not None:
            repairs.append("potentials lowered to the costs")
    D = unit * sum(map(operator.mul, chain(A.exact, B.exact), chain(F, G)))
    D = max(D, Fraction(0)) if _non_negative(problem) else D

    P, stray = _as_stored(plan, rows, columns, bits)
    repaired = _repair(P, A, B, low)
    U = None
    if _is_plan(repaired, A, B, low):
        U = unit * sum(p * high[i][j] for i, row in enumerate(repaired) for j, p in row.items())
    deviation: Fraction | float = 0.0
    if plan is not None:
        deviation = _INF if stray else _deviation(P, A, B)
        if stray:
            repairs.append("mass on atoms without weight taken away")
        if repaired != P:
            repairs.append("masses moved to meet the weights")
    error = _value_error(float(result.value), P, high, unit, plan, problem)
    verdict, reason = _judgement(result, D, U, width, error, stray)
    return Audit(
        verdict=verdict,
        reason=reason,
        lower=_outward(D, -_INF),
        upper=_INF if U is None else _outward(U, _INF),
        width=_outward(width, _INF),
        marginal_deviation=_outward(deviation, _INF),
        repairs=tuple(repairs),
    )


def _judgement(
    result: TransportResult | Proof,
    D: Fraction,
    U: Fraction | None,
    width: Fraction,
    error: Fraction | float,
    stray: bool,
) -> tuple[Verdict, str]:
    """The verdict on the bounds of `result`, and why.

    The potentials prove at least D, the plan at most U, if anything; the optimum itself is known to
    `width`, and the value is off the cost of the plan by `error`. Of `stray` mass nothing is known.
    """
    value, lower, upper = map(float, (result.value, result.bounds.lower, result.bounds.upper))
    finite = lower > -_INF and upper < _INF
    gap = Fraction(upper) - Fraction(lower) if finite else Fraction(0)
    if U is not None and lower > U + 2 * width:
        return Verdict.REFUTED, f"the lower bound {lower!r} is above what the plan allows"
    if upper < D - width:
        return Verdict.REFUTED, f"the upper bound {upper!r} is below what the potentials prove"
    if result.plan is not None and error > gap and not stray:
        return Verdict.REFUTED, f"the value {value!r} is not the cost of the plan"
    missing = []
    least_width = _MET * max(D, Fraction(0) if U is None else -U / (1 + _MET), Fraction(0))
    if lower > D + least_width:
        missing.append(f"the potentials do not prove the lower bound {lower!r}")
    if upper < _INF and (U is None or upper < U):
        missing.append(f"the plan does not prove the upper bound {upper!r}")
    if error > 0:
        missing.append(f"the plan does not show the value {value!r}")
    if missing:
        return Verdict.UNDECIDED, " and ".join(missing)
    return Verdict.CONFIRMED, "the bounds hold"


def _value_error(
    value: float,
    P: _Masses,
    high: list[list[Any]],
    unit: Fraction,
    plan: Plan | None,
    problem: TransportProblem,
) -> Fraction | float:
    """How far the value is from the cost of the plan as stored, beyond rounding.

    Mass on forbidden pairs makes the cost infinite, or is rounding and left out.
    """
    pairs = [(P[i][j], high[i][j]) for i, row in enumerate(P) for j in row]
    if value == _INF and (plan is None or any(c == _INF for _, c in pairs)):
        return 0.0
    costs = [p * c for p, c in pairs if c < _INF]
    cost: Fraction = unit * sum(costs)
    share = _STORED_ROUNDING if isinstance(plan, SparsePlan | DensePlan) else _IMPLICIT_ROUNDING
    rounding: Fraction = share * unit * sum(map(abs, costs)) + _TINY * (len(costs) + 1)
    if isinstance(problem.cost, PNormCost):  # a coordinate of a difference errs by as much
        power = min(1.0, problem.cost.power)
        rounding += Fraction(problem.mass) * Fraction((problem.source.d * 2.0**-1074) ** power)
    if math.isinf(value):
        return 0.0 if value > 0.0 and cost + rounding > _LARGEST else _INF  # an overflow
    return max(abs(Fraction(value) - cost) - rounding, Fraction(0))


# --- Numbers --------------------------------------------------------------------------------------


def _exponent(values: Iterable[float]) -> int:
    """Smallest exponent of which all values are whole multiples of 2**-exponent."""
    return max((v.as_integer_ratio()[1].bit_length() - 1 for v in values), default=0)


def _whole(value: float, exponent: int) -> int:
    """How many times 2**-exponent a float is."""
    numerator, denominator = value.as_integer_ratio()
    return (numerator << exponent) // denominator


def _outward(number: Fraction | float, toward: float) -> float:
    """Nearest float that is not on the other side of `number`."""
    try:
        value = float(number)
    except OverflowError:
        value = _INF if number > 0 else -_INF
    short = value < number if toward > 0.0 else value > number
    return math.nextafter(value, toward) if short else value


class _Weights(NamedTuple):
    """Weights of one side in units of mass, and the least and the most that counts as met."""

    exact: list[Fraction]
    least: list[int]
    most: list[int]

    @classmethod
    def of(cls, weights: list[float], mass: float, bits: int) -> _Weights:
        """Divide by the exact sum, multiply by the mass."""
        scale = Fraction(mass) * 2**bits / sum(map(Fraction, weights))
        exact = [Fraction(weight) * scale for weight in weights]
        least = [math.ceil(weight * (1 - _MET)) for weight in exact]
        most = [math.floor(weight * (1 + _MET)) for weight in exact]
        return cls(exact, least, most)


# --- Costs ----------------------------------------------------------------------------------------


def _costs(
    problem: TransportProblem, rows: list[int], columns: list[int], least: int
) -> tuple[list[list[Any]], list[list[Any]], int]:
    """Lower and upper ends of all costs in units of 2**-exponent, and the exponent (>= `least`)."""
    cost = problem.cost
    assert isinstance(cost, _AUDITED)
    if not isinstance(cost, PNormCost):
        every = _table(cost)
        table = [[every[i][j] for j in columns] for i in rows]
        exponent = max(least, _exponent(c for row in table for c in row if c < _INF))
        exact = [[_whole(c, exponent) if c < _INF else _INF for c in row] for row in table]
        return exact, exact, exponent
    x, y = problem.x.tolist(), problem.y.tolist()
    x, y = [x[i] for i in rows], [y[j] for j in columns]
    # Coordinates are whole multiples of 2**-grid, and kept axis by axis.
    grid = _exponent(chain(*x, *y))
    X, Y = (
        [[_whole(t, grid) for t in axis] for axis in zip(*side, strict=True)] for side in (x, y)
    )
    enclose, exponent = _powers(cost, grid, least, len(X))
    low, high = [], []
    for i in range(len(x)):
        sides = [[abs(p[i] - t) for t in q] for p, q in zip(X, Y, strict=True)]
        pairs = [enclose(pair) for pair in zip(*sides, strict=True)]
        low.append([pair[0] for pair in pairs])
        high.append([pair[1] for pair in pairs])
    return low, high, exponent


def _table(cost: CostMatrix | SparseCost) -> list[list[float]]:
    """All costs, row by row; of a sparse cost, pairs without an entry are forbidden."""
    if isinstance(cost, CostMatrix):
        return [list(row) for row in cost.values.tolist()]
    n, m = cost.shape
    table = [[_INF] * m for _ in range(n)]
    pairs = cost.rows.tolist(), cost.columns.tolist()
    for i, j, c in zip(*pairs, cost.values.tolist(), strict=True):
        table[i][j] = c
    return table


def _powers(
    cost: PNormCost, grid: int, least: int, d: int
) -> tuple[Callable[[tuple[int, ...]], tuple[int, int]], int]:
    """Function that encloses the cost of coordinate differences in units of 2**-grid.

    Also the exponent of the unit in which it answers. A distance is at least 2**-grid or zero, so
    an exponent of grid * power and some bits more resolves every cost to those bits.
    """
    power, squares = Fraction(cost.power), cost.norm == 2.0 and d > 1
    # The cost is N ** (quarters / 4), where N is the norm or, of the Euclidean one, its square.
    quarters = power * (2 if squares else 4)
    no_root = quarters.denominator > 1 or quarters > _LARGEST_POWER
    if no_root or (d > 1 and cost.norm not in (1.0, 2.0, _INF)):
        exponent = max(least, min(math.ceil(grid * power), _FINEST) + _ROOT_BITS)
        return _decimal_powers(cost, grid, exponent, d), exponent
    order = 1 if quarters % 4 == 0 else 2 if quarters % 2 == 0 else 4
    whole = int(quarters * order / 4)
    exponent = max(least, math.ceil(grid * power) + (_ROOT_BITS if order > 1 else 0))
    shift = int(order * (exponent - grid * power))

    def enclose(sides: tuple[int, ...]) -> tuple[int, int]:
        if squares:
            N = sum([side * side for side in sides])
        else:
            N = max(sides) if cost.norm == _INF else sum(sides)
        n = N**whole << shift
        root = n
        for _ in range(order // 2):
            root = math.isqrt(root)  # the root of a root rounded down is the fourth root so
        return root, root if root**order == n else root + 1

    return enclose, exponent


def _decimal_powers(
    cost: PNormCost, grid: int, exponent: int, d: int
) -> Callable[[tuple[int, ...]], tuple[int, int]]:
    """The same for powers that are no roots, in decimals of 60 digits.

    With s the sides over the largest, the sum of s**norm lies in [1, d]. Its terms err by about
    (norm + 1) 1e-59, which the root of order `norm` divides by `norm`; the outer power multiplies
    what is there by `power`. All in all less than (power + 1)(d + 10) 1e-59, of which the margin
    is ten thousand times as much.
    """
    norm, power = Decimal(cost.norm), Decimal(cost.power)
    units, scale = Decimal(2**grid), Decimal(2**exponent)  # exact: no operation rounds them

    def enclose(sides: tuple[int, ...]) -> tuple[int, int]:
        largest = max(sides)
        if largest == 0:
            return 0, 0
        with localcontext(_DECIMAL):
            length = Decimal(largest)
            if norm.is_finite() and d > 1:
                shares = [Decimal(side) / length for side in sides]
                length *= sum(share**norm for share in shares) ** (1 / norm)
            value = (length / units) ** power * scale
            margin = (power + 1) * (d + 10) * Decimal("1e-55")
            return int(value * (1 - margin)), int(value * (1 + margin)) + 1

    return enclose


# --- Potentials -----------------------------------------------------------------------------------


def _are_feasible(F: list[int], G: list[int], low: list[list[Any]]) -> bool:
    return all(
        f + g <= c for f, row in zip(F, low, strict=True) for g, c in zip(G, row, strict=True)
    )


def _largest_width(
    low: list[list[Any]], high: list[list[Any]], A: _Weights, B: _Weights
) -> Fraction:
    """Upper bound on w, in units of cost times mass.

    Optimal potentials are tight where a best plan has mass: somewhere in every row and column.
    Shift them to f_k = 0 at the heaviest row k. Then g_j <= C_kj, with equality at some l, and

        f_i <= C_il - g_l = C_il - C_kl,   f_i = min_j C_ij - g_j >= min_j C_ij - C_kj,

    so that |f_i| <= R_i = max_j |C_ij - C_kj|, and min_i C_ij - R_i <= g_j <= C_kj. Where pairs are
    forbidden, some optimal |f_i|, |g_j| are at most n + m costs: sums along trees of tight pairs.
    """
    n, m = len(low), len(low[0])
    allowed = [abs(c) for side in (low, high) for row in side for c in row if c < _INF]
    if len(allowed) < 2 * n * m:
        return _MET * 2 * sum(A.exact) * (n + m) * max(allowed, default=0)
    k = max(range(n), key=A.most.__getitem__)
    below, above = low[k], high[k]
    least, total = list(below), Fraction(0)
    for i in range(n):
        first = max(map(operator.sub, high[i], below))
        reach = max(first, max(map(operator.sub, above, low[i])))
        total += A.exact[i] * reach
        least = [min(t, c - reach) for t, c in zip(least, low[i], strict=True)]
    for weight, t, c in zip(B.exact, least, above, strict=True):
        total += weight * max(abs(t), abs(c))
    return _MET * total


# --- Plans ----------------------------------------------------------------------------------------


def _entries(plan: Plan | None) -> Iterator[tuple[int, int, float]]:
    """Masses of a plan as they are stored or, of an implicit one, as it states its rows."""
    if isinstance(plan, SparsePlan):
        yield from zip(plan.rows.tolist(), plan.columns.tolist(), plan.mass.tolist(), strict=True)
        return
    if plan is None:
        return
    for i in range(plan.shape[0]):
        for j, mass in enumerate(plan.block(i, i + 1)[0].tolist()):
            if mass != 0.0:
                yield i, j, mass


def _as_stored(
    plan: Plan | None, rows: list[int], columns: list[int], bits: int
) -> tuple[_Masses, bool]:
    """Masses between atoms with weight, and whether there are others."""
    P: _Masses = [{} for _ in rows]
    row_of, column_of = ({old: new for new, old in enumerate(side)} for side in (rows, columns))
    stray = False
    for i, j, mass in _entries(plan):
        if mass == 0.0:
            continue
        if i in row_of and j in column_of:
            row, new = P[row_of[i]], column_of[j]
            row[new] = row.get(new, 0) + _whole(mass, bits)
        else:
            stray = True
    return P, stray


def _marginals(P: _Masses, m: int) -> tuple[list[int], list[int]]:
    columns = [0] * m
    for row in P:
        for j, p in row.items():
            columns[j] += p
    return [sum(row.values()) for row in P], columns


def _deviation(P: _Masses, A: _Weights, B: _Weights) -> Fraction:
    """Largest relative deviation of a marginal from its weight."""
    r, c = _marginals(P, len(B.exact))
    pairs = chain(zip(r, A.exact, strict=True), zip(c, B.exact, strict=True))
    return max(abs(total - weight) / weight for total, weight in pairs)


def _is_plan(P: _Masses, A: _Weights, B: _Weights, low: list[list[Any]]) -> bool:
    """Whether masses are non-negative, on allowed pairs only, and meet the weights."""
    r, c = _marginals(P, len(B.exact))
    return (
        all(p >= 0 and low[i][j] < _INF for i, row in enumerate(P) for j, p in row.items())
        and all(map(operator.le, chain(A.least, B.least), chain(r, c)))
        and all(map(operator.le, chain(r, c), chain(A.most, B.most)))
    )


# --- Problems without a plan ----------------------------------------------------------------------


def _audit_infeasible(result: TransportResult) -> Audit:
    """Check that some rows reach only columns that hold less: then there is no plan (Hall)."""
    problem, cost = result.problem, result.problem.cost
    assert isinstance(cost, _AUDITED)
    if isinstance(cost, PNormCost):
        return Audit(verdict=Verdict.REFUTED, reason="no pair is forbidden, so there is a plan")
    if result.bounds.upper < _INF:
        return Audit(verdict=Verdict.REFUTED, reason="without a plan the upper bound is infinite")
    if result.infeasible_rows is None or result.infeasible_columns is None:
        return Audit(verdict=Verdict.UNDECIDED, reason="no rows show that there is no plan")
    a, b = problem.a.tolist(), problem.b.tolist()
    rows = [i for i in set(result.infeasible_rows.tolist()) if 0 <= i < len(a) and a[i] > 0.0]
    columns = set(range(len(b))).intersection(result.infeasible_columns.tolist())
    outside = [j for j in range(len(b)) if b[j] > 0.0 and j not in columns]
    row = _leaving_row(cost, rows, outside)
    if row is not None:
        reason = f"row {row} reaches other columns than `infeasible_columns`"
        return Audit(verdict=Verdict.UNDECIDED, reason=reason)
    supply = sum(Fraction(a[i]) for i in rows) / sum(map(Fraction, a))
    demand = sum(Fraction(b[j]) for j in columns) / sum(map(Fraction, b))
    # Seen from the other side: the columns outside are reached by the other rows alone. What is
    # missing may be much of these where it is little of those.
    left, needed = 1 - supply, 1 - demand
    if needed * (1 - _MET) > left * (1 + _MET) or supply * (1 - _MET) > demand * (1 + _MET):
        reason = f"there is no plan: a share {float(supply):.6g} of the mass may only go where "
        return Audit(
            verdict=Verdict.CONFIRMED,
            reason=reason + f"{float(demand):.6g} of it may arrive",
            lower=_INF,
            upper=_INF,
        )
    reason = "the rows do not hold more mass than the columns that they reach"
    return Audit(verdict=Verdict.UNDECIDED, reason=reason)


def _leaving_row(cost: CostMatrix | SparseCost, rows: list[int], outside: list[int]) -> int | None:
    """One of the rows from which an allowed pair leads to one of the columns `outside`."""
    if isinstance(cost, SparseCost):
        starts, ends = set(rows), set(outside)
        pairs = zip(cost.rows.tolist(), cost.columns.tolist(), cost.values.tolist(), strict=True)
        return next((i for i, j, c in pairs if c < _INF and i in starts and j in ends), None)
    for i in rows:
        costs = cost.values[i].tolist()
        if any(costs[j] < _INF for j in outside):
            return i
    return None


# --- Repairs: nothing below needs trust, for what it makes is looked at ---------------------------


def _lower_potentials(
    F: list[int], G: list[int], low: list[list[Any]], A: _Weights, B: _Weights
) -> None:
    """Make potentials feasible in place; at a violated pair the lighter atom's is lowered.

    What was feasible stays so, since nothing is raised: one pass over the pairs is enough.
    """
    for i, row in enumerate(low):
        f, weight = F[i], A.most[i]
        for j, c in enumerate(row):
            if f + G[j] > c:
                if weight < B.most[j]:
                    f = c - G[j]
                else:
                    G[j] = c - f
        F[i] = f


def _repair(P: _Masses, A: _Weights, B: _Weights, low: list[list[Any]]) -> _Masses:
    """Plan near P on allowed pairs whose marginals are met, if that succeeds.

    Rows, then columns that hold too much are scaled down to the most that counts as met; rounding
    down keeps masses whole. Then atoms that hold less than the least get the rest from partners
    that have room: those that they have already, the nearest ones mostly, then all others.
    """
    P = [{j: p for j, p in row.items() if low[i][j] < _INF} for i, row in enumerate(P)]
    n, m = len(P), len(B.exact)
    r, _ = _marginals(P, m)
    for i in range(n):
        if r[i] > A.most[i]:
            P[i] = {j: p * A.most[i] // r[i] for j, p in P[i].items()}
    _, c = _marginals(P, m)
    for row in P:
        for j in row:
            if c[j] > B.most[j]:
                row[j] = row[j] * B.most[j] // c[j]
    r, c = _marginals(P, m)

    def fill(i: int, j: int, lack: int) -> None:
        mass = min(lack, A.most[i] - r[i], B.most[j] - c[j])
        if mass > 0 and low[i][j] < _INF:
            P[i][j] = P[i].get(j, 0) + mass
            r[i] += mass
            c[j] += mass

    by_room = sorted(range(m), key=lambda j: c[j] - B.most[j])
    for i in range(n):
        if r[i] < A.least[i]:
            partners = sorted(P[i], key=P[i].__getitem__, reverse=True)
            for j in chain(partners, by_room):
                fill(i, j, A.least[i] - r[i])
    by_room = sorted(range(n), key=lambda i: r[i] - A.most[i])
    for j in range(m):
        if c[j] < B.least[j]:
            partners = [i for i in range(n) if j in P[i]]
            partners.sort(key=lambda i: P[i][j], reverse=True)
            for i in chain(partners, by_room):
                fill(i, j, B.least[j] - c[j])
    _reroute(P, A, B, low, r, c)
    return P


def _reroute(
    P: _Masses, A: _Weights, B: _Weights, low: list[list[Any]], r: list[int], c: list[int]
) -> None:
    """Place what is still missing along paths that add and take mass in turn, as far as there are.

    Only forbidden pairs make that necessary. Changes the marginals r, c with P.
    """
    while True:
        rows = [i for i, mass in enumerate(r) if mass < A.least[i]]
        lack, room = A.least, B.most
        if not rows:
            if all(map(operator.ge, c, B.least)):
                return
            rows = [i for i, mass in enumerate(r) if mass < A.most[i]]
            lack, room = A.most, B.least
        path = _path(P, low, rows, {j for j, mass in enumerate(c) if mass < room[j]})
        if not path:
            return
        end, start = path[0][1], path[-1][0]
        taken = [P[i][j] for i, j in path[1::2]]
        mass = min(lack[start] - r[start], room[end] - c[end], *taken)
        for step, (i, j) in enumerate(path):
            P[i][j] = P[i].get(j, 0) + (-mass if step % 2 else mass)
        r[start] += mass
        c[end] += mass


def _path(
    P: _Masses, low: list[list[Any]], starts: list[int], ends: set[int]
) -> list[tuple[int, int]]:
    """Shortest path from one of the rows `starts` to one of the columns `ends`, from its end on.

    Steps from a row to a column use allowed pairs, steps back pairs that carry mass.
    """
    row_before: dict[int, int] = {}
    column_before: dict[int, int] = {}
    queue = list(starts)
    for i in queue:
        for j, c in enumerate(low[i]):
            if j in row_before or c == _INF:
                continue
            row_before[j] = i
            if j in ends:
                path = [(i, j)]
                while i in column_before:
                    j = column_before[i]
                    path += [(i, j), (row_before[j], j)]
                    i = row_before[j]
                return path
            for k, row in enumerate(P):
                if row.get(j) and k not in column_before and k not in starts:
                    column_before[k] = j
                    queue.append(k)
    return []
