"""Tables whose rows come in batches: what a comparison of them shares with one in memory."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from otdiv.cli import main
from otdiv.errors import InvalidInputError, UnsupportedProblemError
from otdiv.tables import compare_tables

SMALL = 1
"""Bytes in which no table fits."""


def _numbers(rng, n, law):
    values = {
        "normal": rng.standard_normal(n),
        "far": 1e6 + rng.standard_normal(n),
        "heavy": rng.standard_cauchy(n),
        "counts": rng.poisson(3.0, n).astype(float),
        "tiny": 1e-200 * rng.standard_normal(n),
        "huge": 1e250 * rng.standard_normal(n),
    }[law]
    return np.where(rng.random(n) < 0.1, np.nan, values)


def _table(seed, n, laws, shift=0.0):
    rng = np.random.default_rng(seed)
    columns = {
        law: pa.array(_numbers(rng, n, law) * (1.0 + shift), from_pandas=True) for law in laws
    }
    columns["cat"] = pa.array([[None, "a", "b", "c"][i] for i in rng.integers(0, 4, n)])
    columns["flag"] = pa.array(rng.random(n) < 0.3 + shift)
    columns["day"] = pa.array(rng.integers(0, 10**15, n), pa.timestamp("us"))
    return pa.table(columns)


def _in_batches(table, size):
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=size))


def _is_inside(value, bounds):
    return bounds.lower <= value <= bounds.upper


@pytest.mark.slow
@given(
    seeds=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    sizes=st.tuples(st.integers(2, 400), st.integers(2, 400)),
    batches=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    laws=st.lists(
        st.sampled_from(["normal", "far", "heavy", "counts", "tiny", "huge"]),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    once=st.booleans(),
)
def test_bounds_hold_the_effect_of_memory(seeds, sizes, batches, laws, once):
    tables = [_table(seed, n, laws) for seed, n in zip(seeds, sizes, strict=True)]
    sides = tables
    if once:
        sides = [_in_batches(table, size) for table, size in zip(tables, batches, strict=True)]
    streamed = compare_tables(*sides, max_memory=SMALL, n_permutations=99)
    whole = compare_tables(*tables, n_permutations=99)
    assert streamed.n_passes is not None
    assert whole.n_passes is None
    for row in whole:
        other = streamed[row.column]
        if row.error is None:
            assert (other.kind, other.n_a, other.n_b) == (row.kind, row.n_a, row.n_b)
        assert (other.missing_a, other.missing_b) == (row.missing_a, row.missing_b)
        assert (other.error is None) == (row.error is None)
        if row.error is not None:
            continue
        if row.bounds is None:
            assert other.effect == pytest.approx(row.effect, abs=1e-12)
            assert (other.new, other.vanished) == (row.new, row.vanished)
            assert other.p_value == pytest.approx(row.p_value)
        else:
            assert other.bounds.lower <= row.bounds.upper
            assert row.bounds.lower <= other.bounds.upper
            assert other.pooled_sd == pytest.approx(row.pooled_sd, rel=1e-6)
            if not once:
                close = 1e-3 * row.effect + 1e-3 * row.pooled_sd
                assert abs(other.effect - row.effect) <= close
                for mine, theirs in zip(other.quantiles, row.quantiles, strict=True):
                    assert abs(mine.difference - theirs.difference) <= 0.05 * row.pooled_sd + (
                        2e-3 * max(abs(theirs.a or 0.0), abs(theirs.b or 0.0))
                    )


@pytest.mark.slow
def test_batches_do_not_matter():
    tables = [_table(seed, 5_000, ["normal", "heavy"]) for seed in (1, 2)]
    reports = [
        compare_tables(*(_in_batches(table, size) for table in tables), max_memory=SMALL)
        for size in (37, 1_000, 5_000)
    ]
    first = json.loads(reports[0].to_json())
    for report in reports[1:]:
        assert json.loads(report.to_json()) == first


@pytest.mark.slow
def test_verdicts_are_those_of_memory_where_they_are_clear():
    rng = np.random.default_rng(3)
    n = 20_000
    a = {
        "same": rng.standard_normal(n),
        "moved": rng.standard_normal(n),
        "far": rng.random(n) + 1e9,
    }
    b = {
        "same": rng.standard_normal(n),
        "moved": rng.standard_normal(n) + 0.1,
        "far": rng.random(n) + 1e9 + 0.1,
    }
    streamed, whole = (compare_tables(a, b, max_memory=most) for most in (SMALL, 2**60))
    for row in whole:
        other = streamed[row.column]
        assert other.verdict is row.verdict
        assert other.evidence.low == pytest.approx(row.evidence.low, abs=0.2 * row.noise.median)
        assert other.evidence.high == pytest.approx(row.evidence.high, rel=0.1)
        assert other.noise.median == pytest.approx(row.noise.median, rel=0.1)
        assert other.noise.method == "cells"
    assert streamed.joint.columns == whole.joint.columns
    assert streamed.joint.effect == pytest.approx(whole.joint.effect, rel=0.3)
    assert streamed.joint.drivers[-1].column == "same"


@pytest.mark.slow
@pytest.mark.parametrize("law", ["normal", "far", "heavy", "counts"])
@pytest.mark.parametrize("once", [False, True])
def test_equal_laws_seldom_differ(law, once):
    reached = 0
    for seed in range(60):
        rng = np.random.default_rng([7, seed])
        tables = [pa.table({law: _numbers(rng, n, law)}) for n in (900, 300)]
        if once:
            tables = [_in_batches(table, 100) for table in tables]
        report = compare_tables(*tables, max_memory=SMALL, n_permutations=199)
        reached += report.rows[0].p_value <= 0.05
    # Binomial(60, 0.05) is above 9 with probability 1e-3.
    assert reached <= 9


def test_ranks_dates_durations_and_wide_integers_are_compared():
    rng = np.random.default_rng(5)
    levels = ["low", "middle", "high"]

    def table(shift):
        codes = pa.array(np.minimum(rng.integers(0, 3, 500) + shift, 2), pa.int8())
        return pa.table(
            {
                "level": pa.DictionaryArray.from_arrays(codes, levels, ordered=True),
                "date": pa.array(rng.integers(0, 20_000, 500).astype("M8[D]")),
                "took": pa.array(rng.integers(0, 10**12, 500).astype("m8[ns]")),
                "number": pa.array(2**60 + rng.integers(0, 2**40, 500)),
                "price": pa.array(rng.integers(0, 1000, 500).tolist(), pa.decimal128(9, 2)),
            }
        )

    a, b = table(0), table(1)
    streamed, whole = (compare_tables(a, b, max_memory=most) for most in (SMALL, 2**60))
    assert not streamed.failed
    for row in whole:
        other = streamed[row.column]
        assert (other.kind, other.unit) == (row.kind, row.unit)
        assert _is_inside(row.effect, other.bounds)
        for mine, theirs in zip(other.quantiles, row.quantiles, strict=True):
            assert mine.difference == pytest.approx(theirs.difference, abs=0.05 * row.pooled_sd)


def test_what_names_rows_takes_no_part():
    n = 1_000
    a, b = (
        {
            "id": [f"{side}{i}" for i in range(n)],
            "row": np.arange(n) + start,
            "step": np.arange(n, dtype=float) + start,
            "text": [f"some words of {side} {i}" for i in range(n)],
            "value": np.random.default_rng(start).random(n),
        }
        for side, start in (("a", 0), ("b", 50))
    )
    streamed, whole = (compare_tables(a, b, max_memory=most) for most in (SMALL, 2**60))
    found = {row.column: row.left_out for row in whole}
    assert found == {row.column: row.left_out for row in streamed}
    assert found["row"] == "identifiers"
    assert found["step"] is None


@pytest.mark.parametrize("option", [{"weights": "w"}, {"blocks": 2}, {"paired": True}])
def test_options_that_need_rows_say_so(option):
    table = {"w": [1.0, 2.0], "x": [1.0, 2.0]}
    with pytest.raises(UnsupportedProblemError, match=r"needs all rows in memory.*leave it out"):
        compare_tables(table, table, max_memory=SMALL, **option)


def test_a_limit_is_a_positive_number():
    with pytest.raises(InvalidInputError, match="max_memory"):
        compare_tables({"x": [1.0]}, {"x": [1.0]}, max_memory=0)


def test_bad_columns_do_not_stop_others():
    a = {"x": [1.0, 2.0, np.inf], "y": ["1", "2", "3"], "z": [1.0, 2.0, 3.0], "e": [None] * 3}
    b = {"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0], "z": [1.0, 2.0, 4.0], "e": [None] * 3}
    streamed, whole = (compare_tables(a, b, max_memory=most) for most in (SMALL, 2**60))
    assert {row.column: row.error for row in streamed} == {row.column: row.error for row in whole}


def test_a_callback_ends_a_pass():
    tables = [_in_batches(_table(seed, 100, ["normal"]), 10) for seed in (1, 2)]
    report = compare_tables(*tables, max_memory=SMALL, callback=lambda _: True)
    assert report.rows[0].error is None
    assert all("stopped by the callback" in row.error for row in report.rows[1:])


def test_empty_tables_are_told():
    empty = pa.table({"x": pa.array([], pa.float64())})
    with pytest.raises(InvalidInputError, match="have at least one row"):
        compare_tables({"x": [1.0]}, empty, max_memory=SMALL)


def test_rows_missing_in_some_columns_are_not_joint():
    rng = np.random.default_rng(8)
    a, b = (
        {name: np.where(rng.random(3_000) < 0.2, np.nan, rng.random(3_000)) for name in "xyz"}
        for _ in "ab"
    )
    streamed, whole = (compare_tables(a, b, max_memory=most) for most in (SMALL, 2**60))
    assert (streamed.joint.n_a, streamed.joint.n_b) == (whole.joint.n_a, whole.joint.n_b)
    assert streamed.joint.effect == pytest.approx(whole.joint.effect, rel=1e-3)


@pytest.mark.slow
def test_folders_of_parquet_from_the_command_line(tmp_path, capsys):
    for side in "ab":
        folder = tmp_path / side
        folder.mkdir()
        for part in range(3):
            table = _table(ord(side) + part, 200, ["normal", "counts"])
            parquet.write_table(table, folder / f"{part}.parquet", row_group_size=50)
    argv = ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--permutations", "99"]
    assert main([*argv, "--max-memory", "1000", "--output", str(tmp_path / "r.json")]) == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["passes"] >= 1
    assert report["a"]["rows"] == 600
    assert main([*argv, "--max-memory", "1000"]) == 0
    assert "in batches" in capsys.readouterr().out


@pytest.mark.parametrize("others", [["--by", "g"], ["A", "A"]])
def test_several_tables_take_no_limit(tmp_path, capsys, others):
    path = str(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("x,g\n1,u\n2,u\n3,v\n4,v\n")
    argv = ["compare", path, *(path if other == "A" else other for other in others)]
    assert main([*argv, "--max-memory", "1000"]) == 2
    assert "--max-memory" in capsys.readouterr().err
