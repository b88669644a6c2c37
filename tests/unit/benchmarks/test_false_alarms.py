"""What `python -m benchmarks false_alarms` counts, and when a case is at fault."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import false_alarms as command
from benchmarks.false_alarms import (
    CASES,
    COPIES,
    LAWS,
    MISSING,
    Case,
    fault_of,
    highest,
    laws,
    limit,
    measure,
    series,
    table,
)
from benchmarks.verdicts import VALUES

pytest.importorskip("pandas")

SMALL = (Case(name="small", sizes=(60, 40)), Case(name="alike", sizes=(60, 40), honest=False))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(command, "CASES", SMALL)


def judged_by(p, verdict):
    """A comparison that says the same of all columns."""

    def compare(a, b, **options):
        missing = SimpleNamespace(p_value=p, verdict=verdict)
        rows = [
            SimpleNamespace(column=name, error=None, p_value=p, verdict=verdict, missing=missing)
            for name in a.columns
        ]
        return SimpleNamespace(rows=rows)

    return compare


def test_every_law_is_among_the_columns_with_and_without_missing_values():
    named = list(laws())
    assert len({name for name, _, _ in named}) == COPIES == 40
    for law in LAWS:
        rates = [rate for _, which, rate in named if which == law]
        assert min(rates) == 0.0 < max(rates)
    drawn = table(np.random.default_rng(0), 500)
    rates = drawn.isna().mean()
    for name, _, rate in named:
        assert (rates[name] == 0.0) if rate == 0.0 else abs(rates[name] - rate) < 0.06


def test_series_are_stationary():
    drawn = series(np.random.default_rng(0), 4000)
    variance = 1.0 / (1.0 - command.COEFFICIENT**2)
    starts = np.array([x[0] for x in drawn.values()])
    assert 0.3 < np.mean(starts**2) / variance < 2.5
    assert 0.5 < np.mean([np.var(x) for x in drawn.values()]) / variance < 1.5


@pytest.mark.parametrize(
    ("p", "verdict", "fault"),
    [
        (0.5, "within noise", ""),
        (0.01, "within noise", "too many columns (values); too many columns (missing)"),
        (0.5, "differs", "too many reports"),
    ],
)
def test_who_alarms_too_often_is_at_fault(monkeypatch, small, p, verdict, fault):
    monkeypatch.setattr(command, "compare_tables", judged_by(p, verdict))
    row = measure(0, 4, 0, 60.0, map, 1)
    assert row.fault == fault
    assert row.total(VALUES) == (160 * (p < 0.05), 160)
    assert row.total(MISSING) == (160 * (p < 0.05), 160)
    assert row.alarms == 4 * (verdict == "differs")
    assert not measure(1, 4, 0, 60.0, map, 1).fault


def test_a_column_that_fails_is_a_fault():
    row = command.Row(
        case="", seed=0, repetitions=1, alarms=0, failed=2, by_law={}, cpu_seconds=0.0
    )
    assert fault_of(row, honest=False) == "2 columns failed"


def test_limits_of_chance():
    assert limit(200) == 18  # binomial: P(X <= 18) = 0.9905, P(X <= 17) = 0.981
    assert highest(8000) == 0.058
    assert highest(100) == 0.11


@pytest.mark.slow
def test_counts_do_not_depend_on_the_number_of_processes(small):
    alone, four = (measure(0, 4, 7, 60.0, map, jobs) for jobs in (1, 4))
    assert alone.by_law == four.by_law
    assert (alone.alarms, alone.failed) == (four.alarms, 0)


def test_time_that_is_over_is_said(monkeypatch, small):
    monkeypatch.setattr(command, "compare_tables", judged_by(0.5, "within noise"))
    row = measure(0, 10, 0, 0.0, map, 2)
    assert row.repetitions == 2
    assert row.note == "time was over after 2 of 10"


def test_series_are_asked_for_in_blocks_and_row_by_row():
    asked = [command.options_of(case) for case in CASES if case.draw is command.series]
    assert asked == [{"blocks": command.BLOCK_ROWS}, {}]
