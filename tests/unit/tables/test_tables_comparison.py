"""`compare_tables`: rows, their order, their failures, and the exports of the report."""

import csv
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from otdiv.errors import InvalidInputError
from otdiv.tables import Verdict, compare_tables

DATA = Path(__file__).parents[3] / "examples" / "data"
JANUARY, JULY = DATA / "flights_2013_01.parquet", DATA / "flights_2013_07.parquet"


@pytest.fixture(scope="module")
def flights():
    return compare_tables(JANUARY, JULY)


def tables(**columns):
    """Two mappings from `name=(values of a, values of b)`."""
    return tuple({name: pair[side] for name, pair in columns.items()} for side in (0, 1))


def row_of(a, b, **options):
    """The row of two columns that are called x."""
    return compare_tables({"x": a}, {"x": b}, n_permutations=0, **options)["x"]


@pytest.mark.slow
def test_departure_delay_moved_most_in_minutes(flights):
    assert flights.rows[0].column == "dep_delay"
    minutes = {row.column: row.effect for row in flights if row.unit == "min"}
    assert max(minutes, key=minutes.get) == "dep_delay"
    assert "dep_delay moved most: W1 = 11.75 min" in str(flights)


def test_missing_values_of_the_flights_are_counted(flights):
    counts = {row.column: (row.missing_a, row.missing_b) for row in flights}
    assert counts["dep_delay"] == (521, 940)
    assert counts["arr_delay"] == counts["air_time"] == (606, 1132)
    assert counts["carrier"] == (0, 0)
    row = flights["dep_delay"]
    assert (row.n_a, row.n_b) == (27004 - 521, 29425 - 940)
    assert row.missing_rate_a == 521 / 27004


def test_rows_are_sorted_by_the_standardised_effect_with_categories_at_their_variation(flights):
    keys = [
        row.standardized if row.standardized is not None else row.effect for row in flights.rows
    ]
    assert keys == sorted(keys, reverse=True)
    assert [row.column for row in flights] == [
        "dep_delay",
        "arr_delay",
        "air_time",
        "dest",
        "distance",
        "carrier",
        "origin",
    ]


def test_categories_have_no_wasserstein_distance(flights):
    for name in ("carrier", "origin", "dest"):
        row = flights[name]
        assert row.measure == "TV"
        assert 0.0 < row.effect < 1.0
        assert row.bounds is row.standardized is row.shift_share is row.unit is None


def test_noise_of_the_flights_lies_below_the_effect_where_the_months_differ(flights):
    row = flights["dep_delay"]
    assert 0.0 < row.noise.median < row.noise.percentile_95 < row.effect
    assert row.noise.sizes == (26483, 28485)
    assert row.noise.n_draws == row.evidence.n_draws == 9999


def test_the_effect_lies_in_its_proven_bounds(flights):
    for row in flights:
        if row.measure == "W1":
            assert row.effect in row.bounds
            assert row.bounds.gap <= 1e-9 * row.effect


def test_the_numeric_columns_are_compared_jointly(flights):
    joint = flights.joint
    assert joint.columns == ("dep_delay", "arr_delay", "air_time", "distance")
    assert (joint.n_a, joint.n_b) == (27004 - 606, 29425 - 1132)
    # A projection of standardised columns cannot move more than they do together.
    largest = math.hypot(*(flights[name].standardized for name in joint.columns))
    assert joint.noise.percentile_95 < joint.effect < largest
    assert 0.0 < joint.standard_error < joint.effect


def test_a_shift_is_all_mean_and_a_spread_is_none():
    x = np.linspace(-1.0, 1.0, 101)
    assert row_of(x, x + 3.0).shift_share == pytest.approx(1.0, abs=1e-12)
    assert row_of(x, 2.0 * x).shift_share == pytest.approx(0.0, abs=1e-12)
    assert row_of(x, x + 3.0).mean_difference == pytest.approx(3.0)
    assert row_of(x, x - 3.0).mean_difference == pytest.approx(-3.0)


def test_equal_columns_have_no_effect_and_no_share():
    row = row_of([1.0, 2.0], [2.0, 1.0])
    assert (row.effect, row.standardized, row.shift_share) == (0.0, 0.0, None)


def test_the_findings_name_what_is_the_same_and_what_is_noise():
    rng = np.random.default_rng(0)
    a = {
        "same": np.arange(400.0)[::-1],
        "noise": rng.normal(size=400),
        "moved": rng.normal(size=400),
    }
    b = {**a, "noise": rng.normal(size=400), "moved": a["moved"] + 3.0}
    text = str(compare_tables(a, b))
    assert "- The same in both tables: same." in text
    assert "- Within noise: noise." in text
    assert "- 1 of 3 columns differs: moved." in text
    assert "- moved: W1 = 3.000 (" in text
    assert "mean up by 3.000; all quantiles up by 3." in text


def test_the_pooled_sd_is_the_root_of_the_mean_variance():
    row = row_of([0.0, 2.0], [0.0, 6.0])  # sds 1 and 3
    assert row.pooled_sd == pytest.approx(math.sqrt(5.0))
    assert row.standardized == row.effect / row.pooled_sd


def test_constant_columns_have_no_scale():
    same, moved = row_of([4.0, 4.0], [4.0]), row_of([4.0, 4.0], [5.0])
    assert (same.effect, same.pooled_sd, same.standardized) == (0.0, 0.0, 0.0)
    assert (moved.effect, moved.pooled_sd, moved.standardized) == (1.0, 0.0, math.inf)


def test_a_constant_column_that_moved_stands_first_and_out_of_the_joint_comparison():
    a, b = tables(x=([0.0, 1.0], [0.0, 2.0]), y=([1.0, 3.0], [1.0, 2.0]), c=([0, 0], [1, 1]))
    report = compare_tables(a, b, n_permutations=2)
    assert report.rows[0].column == "c"
    assert report.joint.columns == ("x", "y")
    assert json.loads(report.to_json())["columns"][0]["standardized"] is None


def test_integers_of_few_values_are_numbers():
    row = row_of([0, 0, 1, 1], [0, 1, 1, 1])
    assert (row.measure, row.effect) == ("W1", 0.25)


def test_booleans_are_categories():
    row = row_of([False, False, True, True], [False, True, True, True])
    assert (row.kind, row.measure, row.effect) == ("booleans", "TV", 0.25)


def test_disjoint_categories_are_at_the_largest_distance():
    row = row_of(["u", "u"], ["v"])
    assert (row.effect, row.js_divergence) == (1.0, pytest.approx(math.log(2.0), rel=1e-15))


def test_datetimes_are_compared_in_seconds_or_in_the_unit_that_is_asked():
    a, b = (np.array([day], dtype="datetime64[ns]") for day in ("2013-01-01", "2013-07-01"))
    row = row_of(a, b)
    assert (row.kind, row.effect, row.unit) == ("datetimes", 181 * 86400.0, "s")
    row = row_of(a, b, units={"x": "d"})
    assert (row.effect, row.unit) == (181.0, "d")
    assert "not in 'weeks'" in row_of(a, b, units={"x": "weeks"}).error


def test_units_of_the_call_win_over_those_of_the_file():
    report = compare_tables(
        JANUARY,
        JULY,
        columns=["distance", "air_time"],
        units={"distance": "mile"},
        n_permutations=0,
    )
    assert report["distance"].unit == "mile"
    assert report["air_time"].unit == "min"


BAD = {
    "infinite": ([1.0, math.inf], [1.0, 2.0], "1 infinite value in A"),
    "mixed": (["u", "v"], [1.0, 2.0], "categories in A, numbers in B"),
    "empty": ([1.0, 2.0], [math.nan, math.nan], "all values are missing in B"),
    "nested": (pa.array([[1], [2]]), pa.array([[1], [2]]), "neither numbers"),
}


def test_bad_columns_fail_in_their_rows_and_leave_the_rest_alone():
    sides = []
    for side in (0, 1):
        columns = {name: pa.array(case[side]) for name, case in BAD.items()}
        sides.append(pa.table({"good": [1.0, 2.0 + side], **columns}))
    report = compare_tables(*sides, n_permutations=2)
    assert report.rows[0].column == "good"
    assert report.rows[0].effect == 0.5
    assert {row.column for row in report.failed} == set(BAD)
    for name, (_, _, reason) in BAD.items():
        row = report[name]
        assert reason in row.error
        assert row.effect is row.noise is row.measure is None
    assert (report["empty"].missing_a, report["empty"].missing_b) == (0, 2)


def test_a_repeated_name_fails_in_its_row():
    twice = pd.DataFrame([[1.0, 2.0, 3.0]], columns=["x", "y", "x"])
    report = compare_tables(twice, {"x": [1.0], "y": [2.0]})
    assert report["x"].error == "2 columns of A have this name"
    assert report["y"].effect == 0.0


def test_no_shared_column_is_an_error_that_lists_both_sides():
    with pytest.raises(InvalidInputError, match="`b` must share a column name with `a`; got v aga"):
        compare_tables({"u": [1.0]}, {"v": [1.0]})


def test_columns_of_one_side_only_are_listed():
    report = compare_tables({"x": [1.0], "u": [1.0]}, {"x": [1.0], "v": [1.0]})
    assert (report.only_a, report.only_b) == (("u",), ("v",))
    assert "Only in A, not compared: u." in str(report)


@pytest.mark.parametrize(
    "options",
    [
        {"columns": ["x", "z"]},
        {"columns": []},
        {"units": {"z": "m"}},
        {"weights": "z"},
        {"weights": "text"},
        {"weights": 3},
        {"weights": ([1.0], None)},
        {"weights": ([1.0, -1.0], None)},
        {"weights": "holes"},
        {"n_permutations": -1},
        {"rng": "seed"},
        {"callback": 3},
    ],
    ids=str,
)
def test_wrong_options_are_refused(options):
    table = {"x": [1.0, 2.0], "text": ["u", "v"], "holes": [1.0, math.nan]}
    with pytest.raises(InvalidInputError):
        compare_tables(table, table, **options)


def test_weights_of_a_column_equal_repeated_rows():
    weighted = compare_tables(
        {"x": [1.0, 2.0], "c": ["u", "v"], "w": [3.0, 1.0]},
        {"x": [1.0, 5.0], "c": ["u", "v"], "w": [1.0, 1.0]},
        weights="w",
        n_permutations=0,
    )
    repeated = compare_tables(
        {"x": [1.0, 1.0, 1.0, 2.0], "c": ["u", "u", "u", "v"]},
        {"x": [1.0, 5.0], "c": ["u", "v"]},
        n_permutations=0,
    )
    assert [row.column for row in weighted] == ["x", "c"]
    for name in ("x", "c"):
        for field in ("effect", "pooled_sd", "mean_difference", "js_divergence"):
            expected = getattr(repeated[name], field)
            if expected is not None:
                expected = pytest.approx(expected, rel=1e-14)
            assert getattr(weighted[name], field) == expected


def test_a_table_without_the_weight_column_weighs_its_rows_alike():
    a, b = {"x": [0.0, 1.0], "w": [1.0, 3.0]}, {"x": [0.0, 1.0]}
    report = compare_tables(a, b, weights="w", n_permutations=0)
    assert report["x"].effect == pytest.approx(0.25, rel=1e-15)
    assert report.only_a == ()


def test_rows_of_weight_zero_take_no_part():
    report = compare_tables(
        {"x": [0.0, 99.0]}, {"x": [0.0]}, weights=([1.0, 0.0], None), n_permutations=0
    )
    assert (report["x"].effect, report["x"].n_a) == (0.0, 1)
    none_left = compare_tables(
        {"x": [math.nan, 1.0]}, {"x": [0.0]}, weights=([1.0, 0.0], None), n_permutations=0
    )
    assert none_left["x"].error == "no value of positive weight in A"


def test_weights_reach_noise_and_joint_comparison():
    rng = np.random.default_rng(5)
    a = {"x": rng.normal(size=80), "y": rng.normal(size=80), "c": rng.choice(list("uv"), 80)}
    report = compare_tables(a, a, weights=(rng.random(80), rng.random(80)))
    assert report.joint.effect > 0.0
    assert all(row.noise.median > 0.0 for row in report)


def test_without_splits_there_is_no_noise_floor():
    report = compare_tables({"x": [0.0, 1.0]}, {"x": [0.0]}, n_permutations=0)
    assert report["x"].noise is None
    assert "Noise" not in str(report)


def test_one_row_of_each_shows_nothing():
    row = compare_tables({"x": [0.0]}, {"x": [1.0]})["x"]
    assert (row.verdict, row.p_value) == (Verdict.WITHIN_NOISE, 1.0)
    assert (row.evidence.low, row.evidence.high) == (0.0, math.inf)


def test_the_same_seed_gives_the_same_report():
    first, second = (compare_tables(JANUARY, JULY, columns=["origin"], rng=3) for _ in range(2))
    other = compare_tables(JANUARY, JULY, columns=["origin"], rng=4)
    assert first.to_json() == second.to_json()
    values = [report["origin"].noise.values.tolist() for report in (first, other)]
    assert values[0] != values[1]


def test_a_columns_noise_does_not_depend_on_the_other_columns(flights):
    alone = compare_tables(JANUARY, JULY, columns=["origin"])
    for name in ("values", "median", "n_draws", "sizes"):
        np.testing.assert_equal(
            getattr(alone["origin"].noise, name), getattr(flights["origin"].noise, name)
        )


def test_a_generator_is_taken_as_it_stands():
    table = {"x": np.arange(50.0) ** 2}
    seeded = [
        compare_tables(table, table, rng=rng)["x"].noise.values.tolist()
        for rng in (7, np.random.default_rng(7), np.random.default_rng(8))
    ]
    assert seeded[0] == seeded[1] != seeded[2]


def test_the_joint_comparison_needs_complete_rows():
    nan = math.nan
    a, b = tables(x=([1.0, nan], [1.0, 2.0]), y=([nan, 1.0], [1.0, 3.0]))
    a["x"], a["y"] = [1.0, 2.0, nan, nan], [nan, nan, 1.0, 2.0]
    report = compare_tables(a, b, n_permutations=0)
    assert not report.failed
    assert report.joint.error == "no row of A has all of these columns"
    assert report.joint.effect is None


def test_one_numeric_column_has_no_joint_comparison():
    assert compare_tables({"x": [1.0], "c": ["u"]}, {"x": [2.0], "c": ["u"]}).joint is None


def test_the_callback_sees_every_column_and_can_stop():
    a, b = tables(x=([1.0, 2.0],) * 2, y=([1.0, 2.0],) * 2, z=([1.0, 2.0],) * 2)
    seen = []
    compare_tables(a, b, callback=seen.append)
    assert [(p.column, p.done, p.total) for p in seen] == [
        ("x", 1, 4),
        ("y", 2, 4),
        ("z", 3, 4),
        ("joint", 4, 4),
    ]
    report = compare_tables(a, b, callback=lambda progress: progress.column == "y")
    assert [row.column for row in report.failed] == ["z"]
    assert "stopped" in report["z"].error
    assert report.joint is None


def test_inputs_are_never_modified():
    frame = pd.DataFrame({"x": [3.0, None, 1.0], "c": ["u", "v", None]})
    array = np.array([[3.0, np.nan], [1.0, 2.0]])
    kept_frame, kept_array = frame.copy(deep=True), array.copy()
    compare_tables(frame, frame)
    compare_tables(array, array)
    pd.testing.assert_frame_equal(frame, kept_frame)
    np.testing.assert_array_equal(array, kept_array)


def test_reports_and_what_they_hold_are_frozen(flights):
    with pytest.raises(dataclasses.FrozenInstanceError):
        flights.rows = ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        flights.rows[0].effect = 0.0
    with pytest.raises(ValueError, match="read-only"):
        flights.rows[0].distributions.a[0] = 1.0


def test_a_report_is_a_collection_of_rows(flights):
    assert len(flights) == 7
    assert list(flights) == list(flights.rows)
    with pytest.raises(KeyError):
        flights["nothing"]


@pytest.mark.parametrize(
    ("make", "library"), [(pd.DataFrame, "pandas"), (pl.DataFrame, "polars"), (pa.table, "pyarrow")]
)
def test_the_frame_of_a_report_is_of_the_first_tables_library(make, library):
    table = {"x": [1.0, 2.0], "c": ["u", "v"]}
    frame = compare_tables(make(table), table).to_frame()
    assert type(frame).__module__.split(".")[0] == library
    other = compare_tables(make(table), table).to_frame("pandas")
    assert other["column"].tolist() == ["x", "c"]
    assert other["measure"].tolist() == ["W1", "TV"]


def test_an_unknown_frame_library_is_refused(flights):
    with pytest.raises(InvalidInputError, match='"pandas", "polars" or "pyarrow"'):
        flights.to_frame("excel")


def test_json_holds_the_unrounded_report(flights):
    document = json.loads(flights.to_json())
    first = document["columns"][0]
    assert first["column"] == "dep_delay"
    assert first["effect"] == flights.rows[0].effect
    assert first["effect_lower"] <= first["effect"] <= first["effect_upper"]
    assert document["a"] == {"name": str(JANUARY), "rows": 27004, "only_here": []}
    assert document["joint"]["effect"] == flights.joint.effect


def test_markdown_is_a_table_of_all_rows(flights):
    lines = [line for line in flights.to_markdown().splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(flights)
    assert len({len(line) for line in lines}) == 1
    assert lines[2].startswith("| dep_delay | differs | 11.75 min | W1 ")


def test_markdown_escapes_what_would_break_the_table():
    table = {"a|b": [1.0, 2.0]}
    lines = compare_tables(table, table).to_markdown().splitlines()
    assert any(line.startswith("| a\\|b ") for line in lines)


def test_records_fit_a_csv(flights, tmp_path):
    records = flights.to_records()
    with (tmp_path / "t.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    assert float(pd.read_csv(tmp_path / "t.csv")["effect"][0]) == flights.rows[0].effect


def test_ecdfs_enclose_the_effect_as_their_area():
    rng = np.random.default_rng(0)
    row = row_of(rng.normal(size=200), rng.normal(1.0, 2.0, size=300))
    curve = row.distributions
    area = float(np.sum(np.abs(curve.a - curve.b)[:-1] * np.diff(curve.values)))
    assert area == pytest.approx(row.effect, rel=1e-12)


def test_long_columns_keep_thinned_ecdfs(flights):
    curve = flights["dep_delay"].distributions
    assert curve.values.size <= 1024
    assert (curve.a[-1], curve.b[-1]) == (1.0, 1.0)
    area = float(np.sum(np.abs(curve.a - curve.b)[:-1] * np.diff(curve.values)))
    # Minutes are whole numbers and the grid has some 2.6-minute gaps in the tails only.
    assert area == pytest.approx(flights["dep_delay"].effect, rel=0.01)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_holds_columns_that_take_no_part(library):
    table = {"id": [f"u{k}" for k in range(30)], "x": [float(k) for k in range(30)]}
    frame = compare_tables(table, table, n_permutations=99).to_frame(library)
    assert len(frame) == 2


@pytest.mark.parametrize("make", [list, np.array], ids=["list", "array"])
def test_texts_do_not_end_at_a_nul_character(make):
    a, b = make(["a\0b", "a"] * 10), make(["a\0c", "a"] * 10)
    row = compare_tables({"x": a}, {"x": b}, n_permutations=0)["x"]
    assert (row.effect, row.new, row.vanished) == (0.5, ("a\0c",), ("a\0b",))


def test_a_tolerance_of_categories_is_a_share_of_the_rows():
    table = {"x": ["a", "b"] * 10}
    with pytest.raises(InvalidInputError, match=r"a share of the rows, as in '2%'; got '5'"):
        compare_tables(table, table, tolerance={"x": 5})


def test_an_error_says_that_no_column_is_left():
    table = {"x": [1.0, 2.0]}
    with pytest.raises(InvalidInputError, match="have a column beside those"):
        compare_tables(table, table, kinds={"x": "ignore"})


def test_the_largest_floats_raise_no_warning():
    a, b = {"x": [1.7e308, -1.7e308] * 10}, {"x": [-1.7e308] * 20}
    assert compare_tables(a, b, n_permutations=99)["x"].error is None
