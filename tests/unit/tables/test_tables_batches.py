"""Many batches against one reference: each is what `compare_tables` says, judged together."""

import json
import pickle
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from otdiv.errors import InvalidInputError
from otdiv.sources import Batch, Source
from otdiv.tables import Verdict, compare_batches, compare_groups, compare_over, compare_tables

DATA = Path(__file__).parents[3] / "examples" / "data"
JANUARY, JULY = DATA / "flights_2013_01.parquet", DATA / "flights_2013_07.parquet"
FEW = {"n_permutations": 199}


def mixed(n=120, seed=0):
    """A frame with every kind of column, missing values, and groups of unequal sizes."""
    rng = np.random.default_rng(seed)
    group = np.sort(rng.choice(["u", "v", "w"], n, p=[0.5, 0.3, 0.2]))
    x = rng.normal(size=n) + (group == "v")
    return pd.DataFrame(
        {
            "group": group,
            "x": np.where(rng.random(n) < 0.1, np.nan, x),
            "whole": rng.integers(0, 5, n),
            "huge": rng.integers(0, 5, n) + np.where(group == "u", 2**60, 0),
            "flag": rng.random(n) < 0.5,
            "name": pd.Series(rng.choice(["a", "b", "c"], n)).where(rng.random(n) < 0.9),
            "size": pd.Categorical(rng.choice(["s", "m", "l"], n), ["s", "m", "l"], ordered=True),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 9, n), "D"),
            "weight": rng.random(n),
        }
    )


def facts(report):
    """All that a report says of its columns, but for what looks at other reports."""
    judged = ("p_adjusted", "verdict", "permutations_limited")
    return {
        record["column"]: {
            name: value for name, value in record.items() if not name.endswith(judged)
        }
        for record in report.to_records()
    }


def assert_same(found, expected, but=()):
    found, expected = facts(found), facts(expected)
    for name in but:
        expected.pop(name, None)
    assert repr(found) == repr({name: expected[name] for name in found})
    assert found.keys() == expected.keys()


def converted(frame, library):
    if library == "pandas":
        return frame
    if library == "polars":
        return pl.from_pandas(frame)
    return pa.Table.from_pandas(frame, preserve_index=False)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("options", [{}, {"weights": "weight"}, {"blocks": 4}, {"blocks": "day"}])
def test_a_group_against_the_rest_is_what_the_two_parts_are(library, options):
    frame = mixed()
    report = compare_groups(converted(frame, library), by="group", **options, **FEW)
    assert report.labels == ("u", "v", "w")
    for label in report.labels:
        inside = frame["group"] == label
        parts = converted(frame[~inside], library), converted(frame[inside], library)
        assert_same(report[label], compare_tables(*parts, **options, **FEW), but=["group"])


def test_a_group_against_another_leaves_out_all_others():
    frame = mixed()
    report = compare_groups(frame, by="group", reference="u", **FEW)
    assert report.labels == ("v", "w")
    assert report.reference == "group = u"
    for label in report.labels:
        parts = [frame[frame["group"] == name] for name in ("u", label)]
        assert_same(report[label], compare_tables(*parts, **FEW), but=["group"])


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["p", "q", None]),
            st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(2.0**60)),
            st.one_of(st.none(), st.sampled_from(["a", "b", "1", "1.0"])),
        ),
        min_size=4,
        max_size=40,
    ).filter(lambda rows: all(sum(row[0] == g for row in rows) >= 2 for g in ("p", "q")))
)
def test_rows_of_a_table_are_decoded_as_they_are_alone(rows):
    def table(kept):
        names = ("group", "x", "name")
        columns = zip(*kept, strict=True)
        types = (pa.string(), pa.float64(), pa.string())
        arrays = [pa.array(c, t) for c, t in zip(columns, types, strict=True)]
        return pa.table(dict(zip(names, arrays, strict=True)))

    report = compare_groups(table(rows), by="group", n_permutations=19)
    parts = [table([row for row in rows if row[0] == group]) for group in ("q", "p")]
    assert_same(report["p"], compare_tables(*parts, n_permutations=19), but=["group"])
    assert report.unassigned == sum(row[0] is None for row in rows)


def test_batches_are_what_each_pair_of_tables_is():
    a, *batches = (mixed(seed=seed) for seed in range(4))
    report = compare_batches(a, batches, **FEW)
    assert report.labels == ("batches[0]", "batches[1]", "batches[2]")
    for found, batch in zip(report, batches, strict=True):
        assert_same(found, compare_tables(a, batch, **FEW))


def test_other_batches_and_their_order_change_nothing_but_the_correction():
    a, *batches = (mixed(seed=seed) for seed in range(4))
    named = dict(zip("pqr", batches, strict=True))
    report = compare_batches(a, named, **FEW)
    turned = compare_batches(a, {name: named[name] for name in "rpq"}, **FEW)
    assert turned.labels == ("r", "p", "q")
    assert turned.columns == report.columns
    np.testing.assert_array_equal(turned.matrix(), report.matrix()[:, [2, 0, 1]])
    for name in named:
        assert repr(turned[name].to_records()) == repr(report[name].to_records())


def test_verdicts_are_corrected_over_all_columns_of_all_batches():
    a, *batches = (mixed(seed=seed) for seed in range(4))
    report = compare_batches(a, batches, correction="holm", **FEW)
    records = [record for one in report for record in one.to_records()]
    p = sorted(
        value
        for record in records
        for value in (record["p_value"], record["missing_p_value"])
        if value is not None
    )
    least = min(record["p_adjusted"] for record in records if record["p_value"] is not None)
    missing = [record["missing_p_adjusted"] for record in records if record["missing_p_value"]]
    assert min(least, *missing) == min(1.0, p[0] * len(p))


@pytest.mark.slow
@pytest.mark.parametrize("correction", ["bh", "none"])
def test_false_alarms_of_twenty_null_batches_are_controlled(correction):
    """A false "differs" anywhere in at most 5 % of the reports; without a correction in most."""
    rng = np.random.default_rng(0)
    repetitions = 40
    alarms = 0
    for _ in range(repetitions):
        a = {"x": rng.normal(size=200), "c": rng.choice(list("abcd"), 200)}
        batches = [{"x": rng.normal(size=30), "c": rng.choice(list("abcd"), 30)} for _ in range(20)]
        report = compare_batches(
            a, batches, correction=correction, rng=int(rng.integers(2**31)), n_permutations=1999
        )
        alarms += bool(report.differing)
    most = binom(repetitions, 0.05).ppf(0.999)
    assert (alarms <= most) == (correction == "bh"), alarms


@pytest.mark.slow
def test_the_months_of_the_flights_name_the_departure_delays_of_july():
    options = {"columns": ["dep_delay", "distance"], "n_permutations": 999}
    report = compare_batches(JANUARY, [JANUARY, JULY], **options)
    assert report.labels == ("flights_2013_01", "flights_2013_07")
    assert report.differing == ("flights_2013_07",)
    assert report.columns[0] == "dep_delay"
    assert report.effects("dep_delay") == pytest.approx([0.0, 11.75], abs=0.005)
    months = []
    for month, path in ((1, JANUARY), (7, JULY)):
        table = pq.read_table(path)
        begins = np.full(table.num_rows, np.datetime64(f"2013-{month:02d}-01"))
        months.append(table.append_column("day", pa.array(begins)))
    year = pa.concat_tables(months)
    over = compare_over(year, time="day", every="1mo", **options)
    assert (over.reference, over.labels) == ("2013-01", ("2013-07",))
    assert_same(over["2013-07"], report["flights_2013_07"])


def timed(n=400, days=8, seed=0):
    """Rows of some days, of which the sixth is another."""
    rng = np.random.default_rng(seed)
    day = rng.integers(0, days, n)
    return pd.DataFrame(
        {
            "time": pd.Timestamp("2024-03-01")
            + pd.to_timedelta(day * 24 + rng.random(n) * 24, "h"),
            "x": rng.normal(size=n) + 3.0 * (day == 5),
        }
    )


def test_a_chunk_against_the_reference_period_is_what_the_two_parts_are():
    frame = timed()
    report = compare_over(frame, time="time", every="1d", reference="2024-03-01..2024-03-03", **FEW)
    day = frame["time"].dt.strftime("%Y-%m-%d")
    assert report.labels == tuple(f"2024-03-0{k}" for k in range(4, 9))
    for label in report.labels:
        parts = frame[day <= "2024-03-03"], frame[day == label]
        assert_same(report[label], compare_tables(*parts, **FEW), but=["time"])
    assert report.differing == ("2024-03-06",)
    assert report.starts.astype(str)[0] == "2024-03-04T00:00:00.000000"


def test_without_a_period_the_first_chunks_are_the_reference():
    frame = timed()
    first = compare_over(frame, time="time", every="1d", **FEW)
    assert (first.reference, first.labels[0], len(first)) == ("2024-03-01", "2024-03-02", 7)
    three = compare_over(frame, time="time", every="1d", reference=3, **FEW)
    named = compare_over(frame, time="time", every="1d", reference="..2024-03-03", **FEW)
    assert repr(three.to_records()) == repr(named.to_records())
    assert three.reference == "2024-03-01..2024-03-03"


def test_a_stream_is_compared_with_a_table_that_needs_no_time():
    frame = timed()
    a = {"x": np.random.default_rng(1).normal(size=300)}
    report = compare_over(frame, time="time", every="2d", against=a, **FEW)
    assert len(report) == 4
    assert report.differing == ("2024-03-05",)
    assert_same(report["2024-03-01"], compare_tables(a, frame[frame["time"] < "2024-03-03"], **FEW))


def test_so_many_rows_are_a_chunk_in_the_order_of_time():
    frame = timed(n=250).sample(frac=1.0, random_state=0)
    report = compare_over(frame, time="time", every=100, **FEW)
    ordered = frame.sort_values("time", kind="stable")
    assert [one.rows_b for one in report] == [100, 50]
    for report_of, part in zip(report, (ordered[100:200], ordered[200:]), strict=True):
        assert report_of["x"].effect == compare_tables(ordered[:100], part, **FEW)["x"].effect


def test_rows_without_a_group_or_time_and_groups_of_one_row_take_no_part():
    table = {"g": ["a", "a", "a", "b", "b", None, "c"], "x": [1.0, 2.0, 3.0, 2.0, 3.0, 9.0, 5.0]}
    report = compare_groups(table, by="g", **FEW)
    assert report.labels == ("a", "b")
    assert report.skipped == (("c", 1),)
    assert report.unassigned == 1
    assert report["a"].rows_a == 3
    text = str(report)
    assert "Too few rows to be compared: c." in text
    assert "1 row has no g and took no part." in text


def test_groups_stand_in_the_order_of_their_values():
    numbers = compare_groups({"g": [10, 2, 2, 10, 3, 3], "x": [1.0] * 6}, by="g", **FEW)
    assert numbers.labels == ("2", "3", "10")
    sizes = pd.Categorical(["s", "m", "l"] * 3, ["s", "m", "l"], ordered=True)
    ordered = compare_groups(pd.DataFrame({"g": sizes, "x": range(9)}), by="g", **FEW)
    assert ordered.labels == ("s", "m", "l")
    flags = compare_groups({"g": [True, False] * 3, "x": [1.0] * 6}, by="g", reference=True, **FEW)
    assert flags.labels == ("False",)
    days = pd.to_datetime(["2024-01-02", "2024-01-01"] * 2)
    dated = compare_groups(pd.DataFrame({"g": days, "x": range(4)}), by="g", **FEW)
    assert dated.labels == ("2024-01-01", "2024-01-02")


def test_an_infinite_value_stops_only_the_groups_that_have_it():
    table = {"g": ["a", "b", "c"] * 2, "x": [1.0, 2.0, np.inf, 3.0, 4.0, 5.0]}
    report = compare_groups(table, by="g", reference="a", **FEW)
    assert report["b"]["x"].error is None
    assert "1 infinite value in B" in report["c"]["x"].error
    assert [row.column for row in report.failed] == ["x"]


def test_a_column_that_counts_rows_takes_no_part_though_no_group_counts():
    table = {"id": range(100), "g": ["u", "v", "v", "u"] * 25, "x": [1.0, 2.0, 3.0, 4.0] * 25}
    report = compare_groups(table, by="g", **FEW)
    assert [one["id"].left_out for one in report] == ["identifiers"] * 2
    assert report.columns == ("x", "id")
    assert "Identifiers, not compared: id." in str(report)


def test_kinds_that_are_told_divide_a_table_too():
    table = {"t": [0, 1, 3600, 3601, 7200, 7201], "x": [1.0, 2.0, 1.0, 2.0, 8.0, 9.0]}
    report = compare_over(table, time="t", every="1h", kinds={"t": "time:s"}, **FEW)
    assert report.labels == ("1970-01-01 01:00", "1970-01-01 02:00")
    with pytest.raises(InvalidInputError, match="`time` must hold times; say so by kinds"):
        compare_over(table, time="t", every="1h")


def test_the_reference_is_read_once_and_batches_one_after_the_other():
    read = []

    def source(name, shift):
        def make():
            read.append(name)
            yield Batch(n_rows=30, columns=(np.arange(30.0) + shift,))

        return Source(name=name, columns=("x",), make=make)

    def told(progress):
        read.append(f"{progress.batch} {progress.done} of {progress.total}")

    batches = [source("p", 0.0), source("q", 5.0)]
    compare_batches(source("a", 0.0), batches, callback=told, **FEW)
    assert read == ["a", "p", "p 1 of 2", "q", "q 2 of 2"]


def test_a_callback_that_returns_true_leaves_the_rest_uncompared():
    frame = mixed()
    report = compare_groups(frame, by="group", callback=lambda _: True, **FEW)
    compared = [row for one in report for row in one.rows if row.error is None]
    assert len(compared) == 1
    assert all("stopped by the callback" in row.error for row in report.failed)


def test_columns_that_a_batch_does_not_have_are_not_compared_there():
    x = np.arange(30.0) % 7
    a = {"x": x, "y": x}
    report = compare_batches(a, {"p": {"x": x}, "q": a}, units={"y": "cm"}, **FEW)
    assert report.column("y")[0] is None
    assert report.columns == ("x", "y")
    assert np.isnan(report.matrix()[1, 0])
    assert report.verdicts()[1] == (None, Verdict.WITHIN_NOISE)
    assert report["p"].only_a == ("y",)
    with pytest.raises(KeyError):
        report.column("z")
    with pytest.raises(KeyError):
        report["r"]


def test_missing_rates_that_differ_are_said_apart():
    a = {"x": [1.0, 2.0, 3.0, 4.0] * 50}
    gaps = {"x": [1.0, None, 3.0, None] * 50}
    report = compare_batches(a, {"whole": a, "gaps": gaps}, **FEW)
    np.testing.assert_array_equal(report.missing_matrix(), [[0.0, 0.5]])
    assert report.missing_verdicts() == ((None, Verdict.DIFFERS),)
    assert report.differing == ("gaps",)
    assert "Missing values of x differ in gaps: 0 % → 50.0 %." in str(report)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: compare_batches({"x": [1.0]}, []), "at least one table"),
        (lambda: compare_batches({"x": [1.0]}, {"x": [1.0]}.keys()), "be a list of tables"),
        (lambda: compare_batches({"x": [1.0]}, [{"y": [1.0]}]), "share a column"),
        (lambda: compare_batches("-", ["-"]), "standard input is read once"),
        (lambda: compare_batches({"x": [1.0]}, [{"x": [1.0]}] * 3, max_batches=2), "max_batches"),
        (lambda: compare_batches({"x": [1.0]}, [{"x": [1.0]}], columns=["z"]), "share a column"),
        (lambda: compare_batches({"x": [1.0]}, [{"x": [1.0]}], units={"z": "m"}), "`units` must"),
        (lambda: compare_batches({"x": [1.0]}, [{"x": [1.0]}], kinds={"z": "number"}), "`kinds`"),
        (lambda: compare_batches({"x": [1.0]}, [{"x": [1.0]}], weights=[1.0]), "`weights` must"),
        (lambda: compare_groups({"x": range(300)}, by="x"), "at most .* 200 groups"),
        (lambda: compare_groups({"x": range(9)}, by="y"), "`by` must name one column"),
        (lambda: compare_groups({"g": [1, 1, 1], "x": [1, 2, 3]}, by="g"), "two groups"),
        (lambda: compare_groups({"g": [1, 2, 3], "x": [1, 2, 3]}, by="g"), "two groups"),
        (lambda: compare_groups({"g": [1, 1, 2], "x": [1, 2, 3]}, by="g", reference=5), "(1, 2)"),
        (lambda: compare_groups({"g": [1, 1, 2], "x": [1, 2, 3]}, by="g", reference=2), "2 rows"),
        (lambda: compare_over(timed(), time="time", every="fortnight"), "`every` must"),
        (lambda: compare_over(timed(), time="time", every=1), "two rows or more"),
        (lambda: compare_over(timed(), time="x", every="1d"), "hold times"),
        (lambda: compare_over(timed(), time="time", every="1min"), "rows or more"),
        (lambda: compare_over(timed(), time="time", every="1y"), "beside the reference"),
        (lambda: compare_over(timed(), time="time", every="1d", reference="soon"), "be a period"),
        (lambda: compare_over(timed(), time="time", every="1d", reference="2023"), "rows or more"),
        (lambda: compare_over(timed(), time="time", every="1d", reference="2024-13"), "a period"),
        (lambda: compare_over(timed(), time="time", every="1d", reference=0), "`reference`"),
        (
            lambda: compare_over(timed(), time="time", every="1d", reference=1, against=timed()),
            "left out where `against`",
        ),
        (
            lambda: compare_over(timed(), time="time", every="1d", max_batches=3),
            "at most .* 3 chunks",
        ),
    ],
)
def test_what_cannot_be_divided_or_compared_is_an_error_that_says_why(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


def test_exports_hold_every_column_of_every_batch():
    report = compare_over(timed(), time="time", every="1d", **FEW)
    records = report.to_records()
    assert [record["batch"] for record in records] == list(report.labels)
    assert records[0]["start"] == "2024-03-02T00:00:00"
    assert [record["effect"] for record in records] == report.effects("x").tolist()
    for library in ("pandas", "polars", "pyarrow"):
        frame = report.to_frame(library)
        assert type(frame).__module__.partition(".")[0] == library
        assert len(frame) == len(records)
    document = json.loads(report.to_json())
    assert document["schema_version"] == 1
    assert (document["kind"], document["by"], document["every"]) == ("periods", "time", "1d")
    assert [batch["label"] for batch in document["batches"]] == list(report.labels)
    assert document["batches"][4]["differing"] == ["x"]
    alone = json.loads(report["2024-03-06"].to_json())
    assert document["batches"][4]["report"] == alone


def test_a_report_of_batches_has_a_short_repr_and_survives_pickle():
    report = compare_over(timed(), time="time", every="1d", **FEW)
    assert repr(report) == ("BatchReport(7 periods against '2024-03-01', 1 column; 1 differ)")
    again = pickle.loads(pickle.dumps(report))
    assert again.to_json() == report.to_json()
    assert not again.starts.flags.writeable


def test_markdown_holds_names_as_texts():
    a = {"x|y": [1.0, 2.0], "*z*": ["u", "v"]}
    text = compare_batches(a, {"<b>": a, "p|q": a}, **FEW).to_markdown()
    assert "<b>" not in text
    assert "x\\|y" in text
    assert "p\\|q" in text
    assert "\\*z\\*" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in table}) == 1


def test_the_json_is_what_its_schema_says():
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    alone, many = (
        json.loads(resources.files("otdiv.tables").joinpath(name).read_text("utf-8"))
        for name in ("report.schema.json", "batches.schema.json")
    )
    registry = referencing.Registry().with_resources(
        [(alone["$id"], referencing.Resource.from_contents(alone))]
    )
    jsonschema.Draft202012Validator.check_schema(many)
    validator = jsonschema.Draft202012Validator(many, registry=registry)
    a = {"x": [1.0, np.inf, 2.0], "y": [1.0, None, 3.0]}
    tables = compare_batches(a, [a, {"y": [4.0, 5.0]}], **FEW)
    groups = compare_groups(mixed(), by="group", jointly=True, **FEW)
    for report in (tables, groups, compare_over(timed(), time="time", every="1d", **FEW)):
        document = json.loads(report.to_json())
        validator.validate(document)
        assert document.keys() == many["properties"].keys()


def test_a_gate_fails_where_one_batch_does():
    rng = np.random.default_rng(0)
    a, same = ({"x": rng.normal(size=300), "y": rng.normal(size=300)} for _ in range(2))
    far = {"x": a["x"] + 3.0}
    report = compare_batches(a, {"same": same, "far": far}, tolerance={"y": 9.0}, **FEW)
    assert report.gate("tolerance").passed
    gate = report.gate("differs", "schema")
    assert [(each.check, each.column) for each in gate.failures] == [
        ("differs", "x in far"),
        ("schema", "y in far"),
    ]
    assert gate.failures[1].sentence == "far: y is a column of A only"
    assert "x in far" in gate.summary
    assert compare_batches(a, {"same": same}, **FEW).gate("differs", "missing", "schema")
    with pytest.raises(InvalidInputError, match="come with a `tolerance`"):
        compare_batches(a, {"same": same}, **FEW).gate("tolerance")


def test_a_summary_begins_with_the_outcome_and_folds_the_table():
    report = compare_over(timed(), time="time", every="1d", **FEW)
    lines = report.to_summary("Gate failed: differs (x in 2024-03-06).").splitlines()
    assert lines[0] == "**1 of 7 periods differs from 2024-03-01: 2024-03-06.**"
    assert lines[2].startswith("Gate failed: differs")
    assert "<details>" in lines[-len(report.columns) - 8]
    assert lines[-1] == "</details>"


def test_rows_that_follow_each_other_are_said_to():
    walk = np.cumsum(np.random.default_rng(0).normal(size=600))
    table = {"day": np.repeat(np.arange(6), 100), "x": walk}
    told = "Neighbouring rows are alike in x: p-values take rows for exchangeable; --blocks"
    assert told in str(compare_groups(table, by="day", **FEW))
    assert told not in str(compare_groups(table, by="day", blocks=50, **FEW))
