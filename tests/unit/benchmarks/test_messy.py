"""The fuzz of messy texts: where pandas and polars agree, so do we, or better, or we refuse."""

import pytest

from benchmarks.messy import OUTCOMES, WRONG, draw, judge, messy


def test_a_case_depends_on_its_number_alone():
    assert draw(7, 0).data == draw(7, 0).data
    assert draw(7, 0).data != draw(7, 1).data


@pytest.mark.slow
def test_no_column_of_some_cases_is_wrong(tmp_path):
    found = [verdict for number in range(60) for verdict in judge(draw(number, 5), tmp_path)]
    assert {outcome for _, outcome, _, _ in found} <= set(OUTCOMES) - {WRONG}


def test_one_case_is_shown_and_not_recorded(capsys):
    assert messy(1, 0, only=3) == 0
    assert "--rng 0 --only 3" in capsys.readouterr().out
