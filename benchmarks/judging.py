"""Runs one case and judges the answer against exact arithmetic."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction
from typing import Any, NamedTuple

import otdiv
from otdiv import (
    ConvergenceError,
    InvalidInputError,
    MassMismatchError,
    OtdivError,
    Status,
    TransportProblem,
    TransportResult,
)
from otdiv.distances.dispatch import DistanceResult

from .cases import PREAMBLE, Case
from .exact import Optimum, matrix_costs, optimum, point_costs

__all__ = [
    "FAULTS",
    "HANG",
    "OUTCOMES",
    "RAW",
    "RIGHT",
    "SAID_SO",
    "WARNED",
    "WRONG_REFUSAL",
    "Verdict",
    "exact_answer",
    "judge",
    "judge_answer",
    "library",
]

RIGHT = "right"
SAID_SO = "said so"
WRONG_VALUE = "wrong value"
WRONG_BOUNDS = "wrong bounds"
WRONG_STATUS = "wrong status"
WRONG_REFUSAL = "wrong refusal"
NOT_A_NUMBER = "NaN"
WARNED = "warning"
HANG = "hang"
RAW = "raw exception"
FAULTS = (
    WRONG_VALUE,
    WRONG_BOUNDS,
    WRONG_STATUS,
    WRONG_REFUSAL,
    NOT_A_NUMBER,
    WARNED,
    HANG,
    RAW,
)
OUTCOMES = (RIGHT, SAID_SO, *FAULTS)

# What a value is held to where nothing was asked, relative to it.
_EXACT_RTOL = Fraction(1, 10**9)
# A computed tolerance is rounded a few times before it is compared with.
_ROUNDED = 1 + Fraction(1, 2**40)
# What a sum over a plan of a few atoms may lose where floats end, in least positive floats: each
# product rounds by half of one, and bounds are widened by as much again; chosen by taste.
_LEAST = Fraction(1, 2**1074)
_END_OF_FLOATS = 128 * _LEAST
# Masses of problems agree to this, relatively (`otdiv.problems.MASS_RTOL`).
_MASS_RTOL = Fraction(1, 10**9)
# Shares of a mass below this lose digits, or vanish.
_LEAST_NORMAL = Fraction(1, 2**1022)
_LARGEST = Fraction(math.ldexp(2.0 - 2.0**-52, 1023))
# Roundings of the sum of few normalised weights, relative.
_MASS_ROUNDING = Fraction(1, 2**46)
# A gap of this many w is rounding of weights: either bound is widened by about one w at potentials
# of its own, which need not be those of the oracle.
_ROUNDING_GAPS = 8

_NAMES: dict[str, Any] = {}
exec(PREAMBLE, _NAMES)


class Verdict(NamedTuple):
    """One of `OUTCOMES` and what was found."""

    outcome: str
    detail: str = ""


def exact_answer(case: Case, mass: Fraction = Fraction(1)) -> Optimum:
    """Right answer of the case's transport problem at this mass."""
    if case.C is not None:
        (costs, unit), exact = matrix_costs(case.C), True
    else:
        assert case.x is not None
        assert case.y is not None
        costs, unit, exact = point_costs(case.x, case.y, case.norm, case.power)
    return optimum(*case.weights(), mass, costs, unit, exact_costs=exact)


def judge(case: Case) -> Verdict:
    """Run the case and say what became of it."""
    error: OtdivError | None = None
    answer: Any = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = _evaluate(case)
        except OtdivError as raised:
            error = raised
        except Exception as raised:
            return Verdict(RAW, f"{type(raised).__name__}: {raised}"[:200])
    # Numba speaks of its cache and of threads, never of numbers.
    heard = [one for one in caught if "numba" not in type(one.message).__module__]
    if heard:
        return Verdict(WARNED, f"{heard[0].category.__name__}: {heard[0].message}"[:200])
    return judge_answer(case, answer, error)


def judge_answer(case: Case, answer: Any, error: OtdivError | None = None) -> Verdict:
    """Verdict on what the case's call returned, or on the error that it raised."""
    if isinstance(error, ConvergenceError):
        answer = error.result
        if answer is None:
            return Verdict(SAID_SO, str(error)[:200])
    elif error is not None:
        outcome = SAID_SO if _is_justified(case, error) else WRONG_REFUSAL
        return Verdict(outcome, f"{type(error).__name__}: {error}"[:200])
    refused = error is not None
    if isinstance(answer, float):
        return _judge_value(case, exact_answer(case), answer)
    if isinstance(answer, DistanceResult):
        return _judge_distance(case, answer, refused)
    if case.is_value_only:
        # The refusal of a distance carries the transport that it would have been made of.
        return _judge_inner(answer) or _judge_refusal(case, exact_answer(case), answer.status.name)
    if case.call == "prove":
        problem, proof = answer
        right = exact_answer(case, Fraction(problem.mass))
        return _judge_bounds(right, proof) or _open_ended(proof)
    return _judge_transport(case, answer, refused)


def _evaluate(case: Case) -> Any:
    if case.call == "prove":
        problem = eval(case.problem_code(), _NAMES)
        return problem, eval(case.code(), _NAMES)
    return eval(case.code(), _NAMES)


def _is_number(*values: float) -> bool:
    return not any(math.isnan(value) for value in values)


def _judge_bounds(right: Optimum, answer: Any) -> Verdict | None:
    """Verdict on value and bounds in the unit of the cost, or None where they may be."""
    lower, upper = answer.bounds.lower, answer.bounds.upper
    if not _is_number(answer.value, lower, upper):
        return Verdict(NOT_A_NUMBER, f"value {answer.value}, bounds [{lower}, {upper}]")
    if _is_refuted(right, lower, upper):
        return Verdict(WRONG_BOUNDS, _compared(right, f"[{lower!r}, {upper!r}]"))
    if not lower <= answer.value <= upper:
        return Verdict(WRONG_VALUE, f"{answer.value!r} is outside of [{lower!r}, {upper!r}]")
    return None


def _is_refuted(right: Optimum, lower: float, upper: float) -> bool:
    """Whether [lower, upper] misses OPT ± w; an upper bound of inf and a lower one of -inf hold."""
    if lower > upper or (upper == -math.inf) or (lower == math.inf and right.feasible):
        return True
    return (lower > -math.inf and lower < math.inf and right.is_below(Fraction(lower))) or (
        upper < math.inf and right.is_above(Fraction(upper))
    )


def _compared(right: Optimum, found: str) -> str:
    return f"got {found}; right {right}"


def _open_ended(proof: Any) -> Verdict:
    finite = math.isfinite(proof.bounds.lower) and math.isfinite(proof.bounds.upper)
    return Verdict(RIGHT if finite else SAID_SO)


def _judge_transport(case: Case, result: TransportResult, refused: bool) -> Verdict:
    mass = Fraction(result.problem.mass)
    meant = sum(map(Fraction, case.weights()[0])) if case.call == "measures" else Fraction(1)
    if abs(mass - meant) > _MASS_ROUNDING * meant:
        return Verdict(WRONG_VALUE, f"the problem has mass {float(mass)!r}, not {float(meant)!r}")
    right = exact_answer(case, mass)
    found = _judge_bounds(right, result)
    if found is not None:
        return found
    if result.entropic is not None:
        summary = result.entropic
        numbers = (summary.value, summary.bounds.lower, summary.bounds.upper)
        if not _is_number(*numbers, summary.marginal_error):
            return Verdict(NOT_A_NUMBER, f"the regularised value and bounds are {numbers}")
    if result.status is Status.INFEASIBLE:
        return Verdict(RIGHT)
    if result.status is Status.STOPPED and case.callback:
        return Verdict(RIGHT)
    if result.status is not Status.OPTIMAL:
        return _judge_refusal(case, right, result.status.name)
    if refused:
        return Verdict(WRONG_STATUS, "an error was raised at a status of OPTIMAL")
    asked = case.rtol is not None or case.atol is not None
    if not asked and result.entropic is not None:
        return Verdict(RIGHT)
    if not (math.isfinite(result.bounds.lower) and math.isfinite(result.bounds.upper)):
        return Verdict(WRONG_STATUS, f"OPTIMAL at {result.bounds}")
    return _judge_closed(case, right, result)


def _judge_closed(case: Case, right: Optimum, result: TransportResult) -> Verdict:
    """Whether a result that calls itself OPTIMAL is within the tolerance, as are its bounds."""
    tolerance = _tolerance(case, Fraction(result.bounds.upper))
    gap = Fraction(result.bounds.upper) - Fraction(result.bounds.lower)
    rounding = _LEAST
    if case.rtol is None and case.atol is None:
        tolerance = max(tolerance, _EXACT_RTOL * Fraction(right.size, right.denominator))
        rounding = _ROUNDING_GAPS * Fraction(right.slack, right.denominator) + _END_OF_FLOATS
    if right.feasible and gap > tolerance * _ROUNDED + rounding:
        asked = f"rtol={case.rtol}, atol={case.atol}"
        bounds = f"[{result.bounds.lower!r}, {result.bounds.upper!r}]"
        return Verdict(WRONG_STATUS, _compared(right, f"OPTIMAL at {bounds}") + f"; asked {asked}")
    value, spare = Fraction(result.value), tolerance + _END_OF_FLOATS
    if right.is_below(value - spare) or right.is_above(value + spare):
        return Verdict(WRONG_VALUE, _compared(right, repr(result.value)))
    return Verdict(RIGHT)


def _tolerance(case: Case, value: Fraction) -> Fraction:
    """What was asked of a number of this size, or what it is held to where nothing was."""
    if case.rtol is None and case.atol is None:
        return _EXACT_RTOL * abs(value)
    return max(Fraction(case.atol or 0.0), Fraction(case.rtol or 0.0) * abs(value))


def _judge_value(case: Case, right: Optimum, value: float) -> Verdict:
    """Whether a distance, of order p, is right; OPT is its p-th power."""
    if not _is_number(value):
        return Verdict(NOT_A_NUMBER, _compared(right, "nan"))
    if math.isinf(value):
        overflows = value > 0.0 and not right.is_below(_power(_LARGEST, case.order, -1))
        return Verdict(RIGHT if overflows else WRONG_VALUE, _compared(right, repr(value)))
    spare = _tolerance(case, Fraction(value)) + _END_OF_FLOATS
    if _power_is(right, value, -spare, case.order, below=True) or _power_is(
        right, value, spare, case.order, below=False
    ):
        return Verdict(WRONG_VALUE, _compared(right, f"{value!r} (to the power {case.order})"))
    return Verdict(RIGHT)


def _power_is(right: Optimum, value: float, moved: Fraction, p: float, *, below: bool) -> bool:
    """Whether (value + moved)**p is no lower (`below`), or no upper bound of OPT."""
    base = Fraction(value) + moved
    if base <= 0:
        return not below and (base < 0 or right.is_above(Fraction(0)))
    power = _power(base, p, -1 if below else 1)
    return right.is_below(power) if below else right.is_above(power)


def _power(base: Fraction, p: float, direction: int) -> Fraction:
    """base**p, rounded in `direction` by a relative 2**-100 where p is no whole number."""
    exponent = Fraction(p)
    whole = base**exponent.numerator
    if exponent.denominator == 1:
        return whole
    # Square roots only: fuzzed orders are halves and quarters.
    for _ in range(exponent.denominator.bit_length() - 1):
        shift = 2 * (120 + abs(whole.numerator.bit_length() - whole.denominator.bit_length()))
        root = math.isqrt((whole.numerator << shift) // whole.denominator)
        whole = Fraction(root + (direction > 0), 1 << (shift // 2))
    return whole


def _judge_distance(case: Case, result: DistanceResult, refused: bool) -> Verdict:
    right = exact_answer(case)
    lower, upper = result.bounds.lower, result.bounds.upper
    if not _is_number(result.value, lower, upper):
        return Verdict(NOT_A_NUMBER, f"value {result.value}, bounds [{lower}, {upper}]")
    wrong = lower > upper or (
        math.isfinite(lower) and _power_is(right, lower, Fraction(0), case.order, below=True)
    )
    if math.isfinite(upper):
        wrong = wrong or _power_is(right, upper, Fraction(0), case.order, below=False)
    if wrong:
        found = f"[{lower!r}, {upper!r}] (to the power {case.order})"
        return Verdict(WRONG_BOUNDS, _compared(right, found))
    if refused:
        return _judge_refusal(case, right, "the distance is not proven to the tolerance")
    return _judge_value(case, right, result.value)


def _judge_inner(result: TransportResult) -> Verdict | None:
    """Bounds of the transport behind a distance that was refused."""
    problem: TransportProblem = result.problem
    cost = problem.cost
    case = Case(
        family="inner",
        x=problem.x.tolist(),
        y=problem.y.tolist(),
        a=problem.source.weights.tolist(),
        b=problem.target.weights.tolist(),
        norm=getattr(cost, "norm", 2.0),
        power=getattr(cost, "power", 1.0),
    )
    return _judge_bounds(exact_answer(case, Fraction(problem.mass)), result)


def _judge_refusal(case: Case, right: Optimum, reason: str) -> Verdict:
    """Verdict on bounds that hold and are too wide: right where nothing else could be proven."""
    return Verdict(RIGHT if _is_out_of_reach(case, right) else SAID_SO, reason)


def _is_out_of_reach(case: Case, right: Optimum) -> bool:
    """Whether the right answer itself is about as wide as the tolerance."""
    if not right.feasible or right.size == 0:
        return False
    width = _ROUNDING_GAPS * Fraction(right.slack, right.size)
    if case.rtol is None and case.atol is None:
        return width >= _EXACT_RTOL
    # Of the p-th root of the cost; a relative tolerance r of it is 1 - (1 - r)**p of the cost.
    exponent = (math.log(right.size) - math.log(right.denominator)) / case.order
    share = case.rtol or 0.0
    if case.atol:
        share = max(share, math.exp(min(math.log(case.atol) - exponent, 0.0)))
    return width >= 1.0 - max(0.0, 1.0 - share) ** case.order


def _is_justified(case: Case, error: OtdivError) -> bool:
    """Whether bad input was called bad: other masses, what no float holds, what is no number."""
    a, b = (sum(map(Fraction, weights)) for weights in case.weights())
    if isinstance(error, MassMismatchError):
        apart = abs(a - b) > _MASS_RTOL * (1 - Fraction(1, 10**6)) * max(a, b)
        return case.call in ("measures", "prove") and apart
    if not isinstance(error, InvalidInputError):
        return False
    if min(a, b) == 0:
        return True
    if case.call != "measures" and _least_share(case) < _LEAST_NORMAL:
        return True
    if case.call in ("measures", "prove") and max(a, b) > _LARGEST / 2:
        return True
    if case.x is not None and _overflows(case):
        return True
    return case.call == "prove" and not _is_finite_witness(case)


def _least_share(case: Case) -> Fraction:
    """Least positive weight over the sum of its side."""
    sides = [[Fraction(weight) for weight in weights if weight] for weights in case.weights()]
    return min(min(side) / sum(side) for side in sides)


def _overflows(case: Case) -> bool:
    """Whether a cost between corners of the box of all points is near the end of float64."""
    assert case.x is not None
    assert case.y is not None
    points = [*case.x, *case.y]
    sides = [Fraction(max(values)) - Fraction(min(values)) for values in zip(*points, strict=True)]
    longest = max(sides)
    if longest == 0:
        return False
    length = math.log10(longest.numerator) - math.log10(longest.denominator)
    length += math.log10(len(sides)) / case.norm
    # A distance is scaled before its cost is taken, and a length comes before its root.
    return length * (1.0 if case.is_value_only else max(case.power, 1.0)) > 307.5


def _is_finite_witness(case: Case) -> bool:
    """Whether plan and potentials hold numbers only, each in its place."""
    assert case.plan is not None
    name, arrays = case.plan
    lists = [value for value in arrays.values() if isinstance(value, list)]
    numbers = _flat([*lists, case.f or [], case.g or []])
    placed = True
    if name == "SparsePlan":
        n, m = case.shape
        placed = all(0 <= i < n for i in arrays["rows"]) and len({*map(len, lists)}) == 1
        placed = placed and all(0 <= j < m for j in arrays["columns"])
    return placed and all(math.isfinite(number) for number in numbers)


def _flat(values: list[Any]) -> list[float]:
    """Numbers of nested lists."""
    numbers: list[float] = []
    for value in values:
        numbers += _flat(value) if isinstance(value, list) else [value]
    return numbers


def library() -> str:
    """Where the library that is judged was imported from."""
    return str(otdiv.__file__)
