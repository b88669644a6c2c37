"""Progress within a column that takes long, and stopping there."""

import numpy as np
import pytest

from otdiv.tables import TableProgress, compare_tables, progress


@pytest.fixture
def eager(monkeypatch):
    """Every beat is told, so that small tables take long."""
    monkeypatch.setattr(progress, "SECONDS", 0.0)


@pytest.fixture
def sides():
    rng = np.random.default_rng(0)
    return [
        {
            "x": rng.normal(shift, size=200),
            "y": rng.normal(size=200),
            "c": rng.choice(["u", "v", "w"], 200),
        }
        for shift in (0.0, 1.0)
    ]


def test_a_long_column_is_named_with_its_draws(eager, sides):
    seen = []
    compare_tables(*sides, n_permutations=999, callback=seen.append)
    within = [one for one in seen if one.column == "x" and one.done == 0]
    draws = [one.draws for one in within if one.draws]
    assert draws == sorted(set(draws))
    assert 0 < draws[-1] < 999
    assert {one.column for one in seen if one.draws} >= {"x", "c", "joint"}
    ends = [(one.column, one.done) for one in seen if one.draws == 0]
    assert [end for end in ends if end in (("x", 1), ("y", 2), ("c", 3), ("joint", 4))] == [
        ("x", 1),
        ("y", 2),
        ("c", 3),
        ("joint", 4),
    ]
    assert all(isinstance(one, TableProgress) and one.total == 4 for one in seen)


def test_being_watched_changes_no_number(eager, sides):
    watched = compare_tables(*sides, n_permutations=99, callback=lambda _: None)
    assert watched.to_json() == compare_tables(*sides, n_permutations=99).to_json()


def test_a_callback_stops_within_a_column(eager, sides):
    report = compare_tables(*sides, callback=lambda told: told.column == "y" and told.draws > 0)
    assert report["x"].verdict is not None
    assert "stopped by the callback within this column" in report["y"].error
    assert "stopped by the callback before this column" in report["c"].error
    assert report.joint is None


def test_a_callback_stops_within_the_joint_comparison(eager, sides):
    report = compare_tables(*sides, callback=lambda told: told.column == "joint")
    assert report.joint is None
    assert not report.failed


def test_a_short_column_is_told_once(sides, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS", 1e9)
    seen = []
    compare_tables(*sides, n_permutations=99, callback=seen.append)
    assert [one.done for one in seen] == [1, 2, 3, 4]
