"""Kinds that are told, ranks of ordered categories, labels that are numbers, days of dates."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from otdiv.errors import InvalidInputError
from otdiv.tables import compare_tables

SIZES = ["small", "medium", "large"]


def row_of(a, b, **options):
    a, b = (side if hasattr(side, "columns") else {"x": side} for side in (a, b))
    return compare_tables(a, b, n_permutations=0, **options)["x"]


def pandas_ordered(values, categories=SIZES):
    return pd.DataFrame({"x": pd.Categorical(values, categories=categories, ordered=True)})


def arrow_ordered(values, categories=SIZES):
    codes = pa.array([None if v is None else categories.index(v) for v in values], pa.int8())
    return pa.table({"x": pa.DictionaryArray.from_arrays(codes, categories, ordered=True)})


def enum(values, categories=SIZES):
    return pl.DataFrame({"x": values}, schema={"x": pl.Enum(categories)})


cells = st.lists(st.sampled_from([*SIZES, None]), min_size=1, max_size=9).filter(any)


@pytest.mark.parametrize("make", [pandas_ordered, arrow_ordered, enum])
@given(cells, cells)
def test_ordered_categories_are_compared_by_their_ranks(make, a, b):
    told = {"kinds": {"x": "ordered"}} if make is enum else {}
    row = row_of(make(a), make(b), **told)
    ranks = [[SIZES.index(value) for value in side if value is not None] for side in (a, b)]
    assert (row.kind, row.unit, row.measure) == ("ordered categories", "ranks", "W1")
    assert row.effect == pytest.approx(wasserstein_distance(*ranks), abs=1e-12)
    assert row.missing_a == a.count(None)


def test_an_order_of_names_alone_is_none_unless_it_is_told():
    assert row_of(enum(["small"]), enum(["large"])).measure == "TV"
    told = row_of(pandas_ordered(["small"]), pandas_ordered(["large"]), kinds={"x": "category"})
    assert (told.measure, told.effect) == ("TV", 1.0)
    row = row_of(["u", "v"], ["v", "u"], kinds={"x": "ordered"})
    assert row.error == "told to be ordered, but no order of its categories is stated in A"


def test_texts_stand_in_the_order_of_the_other_table_or_not_at_all():
    assert row_of(pandas_ordered(["small"]), ["large"]).effect == 2.0
    error = row_of(pandas_ordered(["small"]), ["huge"]).error
    assert error == "'huge' in B has no place in the other table's order"


def test_orders_agree_or_are_refused():
    fewer = pandas_ordered(["large"], ["small", "large"])
    assert row_of(pandas_ordered(["small"]), fewer).effect == 2.0
    error = row_of(pandas_ordered(["small"]), pandas_ordered(["small"], SIZES[::-1])).error
    assert error == "categories that stand in different orders in A and B"


def test_ranks_are_no_part_of_the_joint_comparison():
    sides = [pandas_ordered(SIZES).assign(y=[1.0, 2.0, 3.0 + k], z=[0, 1, k]) for k in range(2)]
    assert compare_tables(*sides, n_permutations=0).joint.columns == ("y", "z")


@pytest.mark.parametrize(
    ("a", "b", "effect"),
    [
        ([1, 2], [1.0, 2.0], 0.0),
        ([1, 2], ["1", "3"], 0.5),
        ([1, 2], ["1.0", "2.0"], 0.0),
        (["1", "2"], ["1.00", "2"], 0.0),
        (["1.5", "-0"], [1.5, 0.0], 0.0),
        (["007"], [7], 1.0),
        (["1.1", "1.10"], ["1.1", "1.1"], 0.5),
        (["1", "u"], ["1.0", "u"], 0.5),
        ([True], ["True"], 0.0),
        ([2**62 + 1], [2**62], 1.0),
    ],
    ids=str,
)
def test_categories_that_are_numbers_are_equal_where_the_numbers_are(a, b, effect):
    row = row_of(a, b, kinds={"x": "category"})
    assert (row.kind, row.effect) == ("categories", effect)


@pytest.mark.parametrize(
    ("a", "b", "kind", "effect", "unit"),
    [
        ([True, False], [True, True], "number", 0.5, None),
        (["1", "2"], ["2", "3"], "number", 1.0, None),
        (["1,5", "-"], ["2,5", ""], "number", 1.0, None),
        ([1, 2], [2, 3], "number", 1.0, None),
        (["2024-01-01"], ["2024-01-03"], "time", 2.0, "d"),
        (["2024-01-01T10:00"], ["2024-01-01T10:01"], "time", 60.0, "s"),
        (["31.12.2024"], ["1.1.2025"], "time:%d.%m.%Y", 1.0, "d"),
        (["20241231 10"], ["20241231 11"], "time:%Y%m%d %H", 3600.0, "s"),
        ([10], [12], "time:s", 2.0, "s"),
        ([10.0], [12.0], "time:ms", 2e-3, "s"),
        ([10], [12], "time:us", 2e-6, "s"),
        ([10], [12], "time:ns", 2e-9, "s"),
        ([dt.datetime(2024, 1, 1)], [dt.datetime(2024, 1, 2)], "time", 86400.0, "s"),
    ],
    ids=str,
)
def test_a_column_is_what_it_is_told_to_be(a, b, kind, effect, unit):
    row = row_of(a, b, kinds={"x": kind})
    assert row.error is None
    assert (row.measure, row.effect, row.unit) == ("W1", pytest.approx(effect, rel=1e-12), unit)


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        (["u", "1"], "number", "told to be numbers, but holds 'u' in A; say na='u'"),
        (["1,500"], "number", "1,500 may be 1500 or 1.500 in A; say decimal="),
        ([dt.datetime(2024, 1, 1)], "number", "told to be numbers, but holds datetimes in A"),
        ([dt.datetime(2024, 1, 1)], "category", "told to be a category, but holds datetimes in A"),
        ([True], "time", "told to be times, but holds booleans in A"),
        ([1], "time", "told to be times, but holds numbers in A; say time:s"),
        ([1.5], "time:s", "some are no whole numbers"),
        ([2**62], "time:s", "64 bits"),
        (["u"], "time", "say time:FORMAT"),
        (["u"], "time:%Y", "are not as %Y"),
        (["01/02/2024"], "time", "its month first in A; say"),
    ],
    ids=str,
)
def test_what_it_cannot_be_is_said_in_its_row(values, kind, reason):
    assert reason in row_of(values, values, kinds={"x": kind}).error


def test_ignored_columns_are_not_mentioned():
    a, b = {"x": [1.0], "id": [1], "old": [1]}, {"x": [1.0], "id": [2], "new": [2]}
    report = compare_tables(a, b, kinds=dict.fromkeys(("id", "old"), "ignore"), n_permutations=0)
    assert [row.column for row in report] == ["x"]
    assert (report.only_a, report.only_b) == ((), ("new",))


@pytest.mark.parametrize(
    "kinds",
    [
        {"z": "number"},
        {"x": "cat"},
        {"x": 3},
        {"x": "number:3"},
        {"x": "time:"},
        ["x"],
        {3: "time"},
    ],
    ids=str,
)
def test_wrong_kinds_are_refused(kinds):
    with pytest.raises(InvalidInputError, match="`kinds` must"):
        compare_tables({"x": [1.0]}, {"x": [1.0]}, kinds=kinds)


def test_dates_count_in_days_and_other_times_in_seconds():
    days = [dt.date(2024, 1, 1)], [dt.date(2024, 1, 11)]
    row = row_of(*days)
    assert (row.kind, row.effect, row.unit) == ("datetimes", 10.0, "d")
    assert row_of(*days, units={"x": "h"}).effect == 240.0
    row = row_of(days[0], np.array(["2024-01-11"], "M8[us]"))
    assert (row.effect, row.unit) == (864000.0, "s")


def test_options_of_texts_help_with_texts_in_frames():
    a, b = ["1,5", "?"], ["1,500", "2"]
    row = row_of(a, b, kinds={"x": "number"}, decimal=",", na="?")
    assert (row.effect, row.missing_a) == (0.25, 1)
