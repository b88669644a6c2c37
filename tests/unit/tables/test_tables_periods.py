"""Chunks of a calendar are those of pandas, and periods hold both of their ends."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otdiv.errors import InvalidInputError
from otdiv.tables import compare_over
from otdiv.tables.batches.periods import as_every, chunks_of_times, within

MOMENTS = st.lists(
    st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2099-12-31")), min_size=1, max_size=30
)
PERIODS = {"1mo": "M", "1q": "Q", "1y": "Y", "1w": "W-SUN", "1d": "D", "1h": "h", "1min": "min"}
PERIODS |= {"1s": "s"}


def times(moments):
    return np.array(moments, dtype="datetime64[us]")


@given(MOMENTS, st.sampled_from(list(PERIODS)))
def test_chunks_of_one_unit_begin_where_those_of_pandas_do(moments, every):
    chunks = chunks_of_times(times(moments), as_every(every))
    expected = pd.DatetimeIndex(moments).to_period(PERIODS[every]).start_time
    np.testing.assert_array_equal(chunks.starts[chunks.codes], expected.to_numpy("datetime64[us]"))
    assert len(set(chunks.labels)) == len(chunks.labels) == len(chunks.starts)
    assert (np.diff(chunks.starts) > np.timedelta64(0)).all()


@given(MOMENTS, st.sampled_from(["6h", "8h", "15min", "30s"]))
def test_what_divides_a_day_begins_at_midnight(moments, every):
    chunks = chunks_of_times(times(moments), as_every(every))
    expected = pd.DatetimeIndex(moments).floor(every)
    np.testing.assert_array_equal(chunks.starts[chunks.codes], expected.to_numpy("datetime64[us]"))


@given(MOMENTS, st.sampled_from(["5d", "3w", "7h", "5mo"]))
def test_other_chunks_begin_with_the_first_and_hold_their_rows(moments, every):
    chunks = chunks_of_times(times(moments), as_every(every))
    begins = chunks.starts[chunks.codes]
    assert (begins <= times(moments)).all()
    unit = chunks_of_times(times(moments), as_every(every.lstrip("0123456789")))
    assert chunks.starts[0] == unit.starts[0]


@pytest.mark.parametrize(
    ("every", "labels"),
    [
        ("1d", ("2024-02-29", "2024-03-01")),
        ("d", ("2024-02-29", "2024-03-01")),
        ("6h", ("2024-02-29 18:00", "2024-03-01 00:00")),
        ("1mo", ("2024-02", "2024-03")),
        ("1q", ("2024-Q1",)),
        ("1y", ("2024",)),
        ("1w", ("2024-02-26",)),
    ],
)
def test_labels_are_as_precise_as_the_unit(every, labels):
    moments = times(["2024-02-29T23:59", "2024-03-01T00:00"])
    assert chunks_of_times(moments, as_every(every)).labels == labels


@pytest.mark.parametrize(
    ("period", "kept"),
    [
        ("2024-01..2024-02", [True, True, True, False]),
        ("2024-02", [False, True, True, False]),
        ("2024-02-29", [False, False, True, False]),
        ("2024-02-29T12..", [False, False, True, True]),
        ("..2024-02-01 00:00", [True, True, False, False]),
        ("2024-Q1", [True, True, True, True]),
        ("2023 .. 2024", [True, True, True, True]),
    ],
)
def test_periods_hold_both_of_their_ends(period, kept):
    moments = ["2024-01-31T23:59:59.999999", "2024-02-01", "2024-02-29T12:00:00.5", "2024-03-01"]
    assert within(times(moments), period).tolist() == kept


@pytest.mark.parametrize("period", ["", "..", "2024-1", "2024-02-30", "2024-Q5", "a..b", "24"])
def test_what_is_no_period_is_refused(period):
    with pytest.raises(InvalidInputError, match="be a period as in"):
        within(times(["2024-01-01"]), period)


@pytest.mark.parametrize("every", ["", "0d", "1.5h", "-1d", "day", "1 fortnight", None, True, 1])
def test_what_is_no_length_is_refused(every):
    with pytest.raises(InvalidInputError, match="`every` must"):
        as_every(every)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_days_are_those_of_the_clock_of_the_zone(library):
    moments = pd.to_datetime(["2024-07-01 21:59", "2024-07-01 22:01", "2024-07-03 00:00"] * 2)
    frame = pd.DataFrame(
        {"time": moments.tz_localize("UTC").tz_convert("Europe/Berlin"), "x": range(6)}
    )
    table = frame if library == "pandas" else pl.from_pandas(frame)
    report = compare_over(table, time="time", every="1d", n_permutations=19)
    assert report.reference == "2024-07-01"
    assert report.labels == ("2024-07-02", "2024-07-03")
