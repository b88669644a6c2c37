"""What `python -m benchmarks inference` counts."""

from types import SimpleNamespace

import pytest

from benchmarks import inference
from benchmarks.inference import NULLS, error_rates


def test_false_alarms_are_counted_for_every_case_and_statistic():
    rows = list(error_rates(repetitions=4, seed=0))
    assert [row.case for row in rows] == [case.name for case in NULLS for _ in case.statistics]
    assert all(row.value in (0.0, 0.25, 0.5, 0.75, 1.0) for row in rows)


@pytest.mark.parametrize(("p", "fault"), [(0.01, "too many"), (0.5, "too few")])
def test_a_test_that_alarms_always_or_never_is_at_fault(monkeypatch, p, fault):
    def broken(x, y, *, statistic, **options):
        return {name: SimpleNamespace(pvalue=p) for name in statistic}

    monkeypatch.setattr(inference, "two_sample_test", broken)
    for row in error_rates(repetitions=2000, seed=0):
        case = next(case for case in NULLS if case.name == row.case)
        may_be_few = not case.continuous or row.statistic == "kolmogorov_smirnov"
        assert row.fault == ("" if p == 0.5 and may_be_few else fault)


@pytest.mark.slow
def test_few_repetitions_find_no_fault():
    assert not [row for row in error_rates(repetitions=400, seed=1) if row.fault]
