"""The gate fails what it is asked to look at, and nothing else."""

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otdiv.errors import InvalidInputError
from otdiv.tables import Gate, Verdict, compare_tables
from otdiv.tables.gate import CHECKS


def normal(shift=0.0, n=200, seed=0, missing=0):
    values = np.random.default_rng(seed).normal(shift, size=n)
    values[:missing] = np.nan
    return values


def compare(a, b, **options):
    return compare_tables(a, b, n_permutations=199, **options)


@pytest.fixture(scope="module")
def moved():
    """A column that moved by 2, one that did not, one that lost values."""
    a = {"moved": normal(), "still": normal(seed=1), "lost": normal(seed=2)}
    b = {"moved": normal(2.0, seed=3), "still": normal(seed=4), "lost": normal(seed=5, missing=100)}
    return compare(a, b)


def failing(report, *checks):
    return [(failure.check, failure.column) for failure in report.gate(*checks).failures]


def test_each_check_names_the_columns_that_fail_it(moved):
    assert failing(moved, "differs") == [("differs", "moved")]
    assert failing(moved, "missing") == [("missing", "lost")]
    assert failing(moved, "schema") == []
    both = [("missing", "lost"), ("differs", "moved")]
    assert failing(moved, "missing", "differs", "missing") == both


def test_a_gate_is_true_where_it_passes_and_says_so(moved):
    gate = moved.gate("schema")
    assert gate
    assert gate.passed
    assert str(gate) == "passed: schema"
    assert gate.summary == "Gate passed: schema."
    gate = moved.gate("differs", "missing", "schema")
    assert not gate
    assert not gate.passed
    assert gate.summary == "Gate failed: differs (moved), missing (lost)."


def test_sentences_have_the_numbers_of_the_report(moved):
    (failure,) = moved.gate("differs").failures
    row = moved["moved"]
    assert failure.sentence == (
        f"moved differs by W1 = {row.effect:.3f} (corrected p = {row.p_adjusted:.2g})"
    )
    (failure,) = moved.gate("missing").failures
    assert failure.sentence.startswith("lost is missing in 0 % of A and 50.0 % of B (corrected p =")


def test_a_gate_is_frozen_and_survives_pickle(moved):
    gate = moved.gate("differs", "schema")
    assert pickle.loads(pickle.dumps(gate)) == gate
    with pytest.raises(dataclasses.FrozenInstanceError):
        gate.failures = ()


def test_a_column_that_differs_by_less_than_its_tolerance_passes():
    a, b = {"x": normal()}, {"x": normal(1.0, seed=1)}
    report = compare(a, b, tolerance=3.0)
    assert report["x"].verdict is Verdict.DIFFERS_LITTLE
    assert report.gate("differs", "tolerance").passed
    assert failing(compare(a, b), "differs") == [("differs", "x")]


@pytest.mark.parametrize("delta", [0.0, 0.5, 1.0, 2.0])
def test_tolerance_fails_where_the_lower_end_is_above_it(delta):
    a, b = {"x": normal()}, {"x": normal(1.0, seed=1)}
    report = compare(a, b, tolerance={"x": delta})
    above = report["x"].evidence.low > delta
    assert failing(report, "tolerance") == ([("tolerance", "x")] if above else [])
    assert (delta <= 0.5) == above


def test_tolerances_of_categories_are_shares():
    a, b = {"c": ["u"] * 300 + ["v"] * 100}, {"c": ["u"] * 100 + ["v"] * 300}
    (failure,) = compare(a, b, tolerance="2%").gate("tolerance").failures
    assert failure.sentence.startswith("c differs by TV = ")
    assert failure.sentence.endswith(" % or more, above the tolerance of 2.0 %")


def test_a_star_is_the_tolerance_of_all_columns_without_their_own():
    a = {"x": normal(), "y": normal(seed=1)}
    b = {"x": normal(1.0, seed=2), "y": normal(1.0, seed=3)}
    report = compare(a, b, tolerance={"x": 5, "*": "0.1sd"})
    assert report["x"].evidence.tolerance == 5.0
    assert report["y"].evidence.tolerance == pytest.approx(0.1 * report["y"].pooled_sd)
    assert failing(report, "tolerance") == [("tolerance", "y")]


@pytest.mark.parametrize(("tolerance", "passes"), [("10%", False), ("80%", True)])
def test_missing_values_may_have_a_tolerance(tolerance, passes):
    a, b = {"x": normal()}, {"x": normal(seed=1, missing=100)}
    report = compare(a, b, missing_tolerance=tolerance)
    gate = report.gate("missing")
    assert gate.passed == passes
    for failure in gate.failures:
        assert failure.sentence.endswith("or more apart, above the tolerance of 10.0 %")


def test_missing_values_of_a_column_that_became_empty_fail():
    report = compare({"x": normal(), "y": normal()}, {"x": [np.nan] * 200, "y": normal()})
    assert report["x"].error is not None
    assert failing(report, "missing") == [("missing", "x")]
    assert failing(report, "schema") == []


def test_schema_fails_columns_added_lost_and_of_another_type():
    a = {"x": normal(), "old": normal(), "kind": [1.0] * 200}
    b = {"x": normal(), "new": normal(), "kind": ["u"] * 200}
    gate = compare(a, b).gate("schema", "differs")
    assert [failure.sentence for failure in gate.failures] == [
        "old is a column of A only",
        "new is a column of B only",
        "kind holds numbers in A and categories in B",
    ]


def test_a_column_that_could_not_be_compared_is_not_judged():
    a, b = {"x": normal(), "bad": [1.0] * 200}, {"x": normal(), "bad": ["u"] * 200}
    gate = compare(a, b, tolerance={"bad": 5}).gate("differs", "tolerance")
    assert gate.passed
    assert gate.not_judged == ("bad",)
    assert str(gate) == "passed: differs, tolerance\nnot judged: bad"


@pytest.mark.parametrize(
    ("checks", "options", "reason"),
    [
        ((), {}, "be of differs, tolerance, missing, schema; got none"),
        (("drift",), {}, "be of differs, tolerance, missing, schema; got 'drift'"),
        (("tolerance",), {}, "come with a `tolerance`"),
        (("tolerance",), {"tolerance": "5 furlongs"}, "come with a `tolerance`"),
        (("schema", "differs"), {"n_permutations": 0}, "be schema alone"),
    ],
    ids=str,
)
def test_checks_that_nothing_could_fail_are_refused(checks, options, reason):
    report = compare_tables({"x": [1.0, 2.0]}, {"x": [1.0, 2.0]}, **options)
    with pytest.raises(InvalidInputError, match=reason):
        report.gate(*checks)


def test_schema_needs_no_verdicts():
    a, b = {"x": [1.0, 2.0]}, {"x": [1.0, 2.0], "y": [1, 2]}
    assert failing(compare_tables(a, b, n_permutations=0), "schema") == [("schema", "y")]


def test_long_lists_of_columns_are_cut_in_the_summary():
    a = {"x": [1.0]}
    b = a | {f"new {i}": [1.0] for i in range(9)}
    line = compare(a, b).gate("schema").summary
    assert line == ("Gate failed: schema (new 0, new 1, new 2, new 3, new 4, new 5 and 3 more).")


@given(checks=st.lists(st.sampled_from(sorted(CHECKS)), min_size=1))
def test_a_gate_of_several_checks_fails_what_each_fails(moved_with_tolerance, checks):
    report = moved_with_tolerance
    together = set(report.gate(*checks).failures)
    assert together == {failure for check in checks for failure in report.gate(check).failures}
    assert isinstance(report.gate(*checks), Gate)


@pytest.fixture(scope="module")
def moved_with_tolerance():
    a = {"moved": normal(), "old": normal(), "lost": normal(seed=2)}
    b = {"moved": normal(2.0, seed=3), "lost": normal(seed=5, missing=100)}
    return compare(a, b, tolerance=0.5)


def test_differences_of_columns_that_all_failed_are_not_passed():
    gate = compare({"x": [1.0] * 200}, {"x": ["u"] * 200}).gate("differs", "schema")
    assert [failure.check for failure in gate.failures] == ["differs", "schema"]
    assert gate.failures[0].sentence == "no column could be compared"
    assert gate.not_judged == ("x",)
