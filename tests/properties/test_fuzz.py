"""A reduced run of the fuzzer, and that its judge lets no lie pass.

`python -m benchmarks fuzz` runs as many cases as one likes, in processes that may hang or die.
"""

import signal
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction

import pytest

from benchmarks.cases import PREAMBLE, Case
from benchmarks.fuzz import KINDS, drawn, verdicts
from benchmarks.judging import FAULTS, exact_answer, judge, judge_answer
from otdiv import (
    Bounds,
    ConvergenceError,
    InvalidInputError,
    Status,
    transport,
    transport_matrix,
    wasserstein1_result,
)

# Cases of each family, of a seed that stays: a new failure is then a change of the library.
_SOLVES, _CERTIFICATES, _SEED = 50, 80, 2026

# No case takes a tenth of this; a first call may have to compile on a busy machine.
_HANGING_SECONDS = 120.0


@contextmanager
def limited(seconds):
    """Raise TimeoutError in a block that takes longer, where the system has alarms."""

    def ring(*_):
        raise TimeoutError(f"no answer in {seconds} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def assert_right(family, cases):
    wrong = []
    for k in range(cases):
        case = drawn(family, k, _SEED)
        with limited(_HANGING_SECONDS):
            verdict = judge(case)
        if verdict.outcome in FAULTS:
            wrong.append((case.size, f"{verdict.outcome}: {verdict.detail}", case.code()))
    if wrong:
        _, what, code = min(wrong)
        pytest.fail(f"{len(wrong)} of {cases}; the smallest: {what}\n{PREAMBLE}\nprint({code})")


@pytest.mark.parametrize("family", KINDS["solves"])
def test_adversarial_solves_are_right_or_say_so(family):
    assert_right(family, _SOLVES)


@pytest.mark.parametrize("family", KINDS["certificates"])
def test_bounds_of_hostile_plans_and_potentials_hold(family):
    assert_right(family, _CERTIFICATES)


def test_entries_outside_of_the_matrix_are_refused():
    # In a process of its own, which may die of them.
    judged = list(verdicts((("plan: misplaced", k) for k in range(_CERTIFICATES)), _SEED))
    wrong = [(drawn(family, k, _SEED).code(), v) for family, k, v in judged if v.outcome in FAULTS]
    assert not wrong, min(wrong, key=lambda pair: len(pair[0]))


def test_a_case_depends_on_seed_family_and_number_only():
    first = drawn("spaces", 3, 7)
    drawn("ties", 5, 7)
    assert drawn("spaces", 3, 7).code() == first.code()
    assert drawn("spaces", 3, 8).code() != first.code()


# One point against two: the plan is forced, f = 0 and g = (3, 5) prove 4.
CASE = Case(family="told", x=[[0.0, 0.0]], y=[[3.0, 0.0], [0.0, 5.0]], call="transport")
SLACK = Fraction(exact_answer(CASE).slack, exact_answer(CASE).denominator)


def told(**changes):
    """Outcome of a result that is changed before it is judged."""
    return judge_answer(CASE, replace(transport(CASE.x, CASE.y), **changes)).outcome


def test_the_oracle_knows_the_forced_plan():
    right = exact_answer(CASE)
    assert right.as_floats()[0] == 4.0
    assert told() == "right"


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"bounds": Bounds(4.0, 4.0 - 8 * float(SLACK))}, "wrong bounds"),
        ({"bounds": Bounds(4.0 + 2 * float(SLACK), 5.0)}, "wrong bounds"),
        ({"bounds": Bounds(3.0, 4.0 - 2 * float(SLACK)), "value": 3.5}, "wrong bounds"),
        ({"bounds": Bounds(3.0, 5.0), "value": 4.5}, "wrong status"),
        ({"bounds": Bounds(4.0, 4.0 + 1e-9), "value": 3.0}, "wrong value"),
        ({"bounds": Bounds(float("nan"), 4.0)}, "NaN"),
        ({"value": float("nan")}, "NaN"),
        ({"bounds": Bounds(float("inf"), float("inf"))}, "wrong bounds"),
        ({"bounds": Bounds(3.0, 5.0), "status": Status.STALLED}, "said so"),
    ],
)
def test_a_false_result_is_seen_through(changes, outcome):
    assert told(**changes) == outcome


def test_a_tolerance_that_was_asked_is_held_to():
    asked = replace(CASE, rtol=1e-3)
    result = transport(CASE.x, CASE.y, rtol=1e-3)
    within, beyond = Bounds(4.0, 4.0 * (1 + 9e-4)), Bounds(4.0, 4.0 * (1 + 1.1e-3))
    assert judge_answer(asked, replace(result, bounds=within)).outcome == "right"
    assert judge_answer(asked, replace(result, bounds=beyond)).outcome == "wrong status"


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (4.0, "right"),
        (4.0 * (1 + 1e-8), "wrong value"),
        (float("nan"), "NaN"),
        (0.0, "wrong value"),
    ],
)
def test_a_false_distance_is_seen_through(value, outcome):
    assert judge_answer(replace(CASE, call="wasserstein1"), value).outcome == outcome


def test_bounds_of_a_distance_are_judged_as_its_powers():
    case = replace(CASE, call="wasserstein1_result")
    result = wasserstein1_result(CASE.x, CASE.y)
    assert judge_answer(case, result).outcome == "right"
    low = replace(result, value=3.9, bounds=Bounds(3.0, 3.9))
    assert judge_answer(case, low).outcome == "wrong bounds"


def test_a_refusal_is_judged_by_its_bounds():
    result = replace(transport(CASE.x, CASE.y), status=Status.STALLED, bounds=Bounds(3.0, 5.0))
    assert judge_answer(CASE, None, ConvergenceError("no", result)).outcome == "said so"
    false = replace(result, bounds=Bounds(4.5, 5.0), value=4.6)
    assert judge_answer(CASE, None, ConvergenceError("no", false)).outcome == "wrong bounds"


def test_good_input_may_not_be_called_bad():
    assert judge_answer(CASE, None, InvalidInputError("x", "be finite")).outcome == "wrong refusal"


def test_infinite_costs_without_a_plan_may_not_get_a_finite_value():
    inf = float("inf")
    case = Case(family="told", C=[[inf]], call="transport_matrix")
    result = transport_matrix(case.C, throw=False)
    assert judge_answer(case, result).outcome == "right"
    finite = replace(result, value=1.0, bounds=Bounds(0.0, 1.0), status=Status.OPTIMAL)
    assert judge_answer(case, finite).outcome == "wrong bounds"
