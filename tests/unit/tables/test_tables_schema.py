"""The JSON of a report is what its schema says, whatever the tables hold."""

import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from otdiv.tables import Verdict, compare_tables
from otdiv.tables.columns import Kind
from otdiv.tables.gate import CHECKS
from otdiv.tables.records import FIELDS, SCHEMA_VERSION
from otdiv.tables.roles import FREE_TEXT, IDENTIFIERS
from otdiv.tables.verdicts import CORRECTIONS

SCHEMA = json.loads(
    resources.files("otdiv.tables").joinpath("report.schema.json").read_text("utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)


def check(report):
    document = json.loads(report.to_json())
    VALIDATOR.validate(document)
    return document


def objects(schema):
    """Every object that a schema describes."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)


def test_the_schema_is_one_and_of_the_version_that_reports_state():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schema_version"] == {"const": SCHEMA_VERSION}
    assert SCHEMA["$id"].endswith(f":{SCHEMA_VERSION}")


def test_every_object_is_closed_and_every_name_always_there():
    found = list(objects(SCHEMA))
    assert len(found) == 7
    for each in found:
        assert each["additionalProperties"] is False
        assert sorted(each["required"]) == sorted(each["properties"])


def test_the_words_of_the_schema_are_those_of_the_code():
    words = SCHEMA["$defs"]
    assert set(words["verdict"]["enum"]) == {*Verdict, None}
    assert set(words["kind"]["enum"]) == {*Kind, "unknown"}
    assert set(words["column"]["properties"]["left_out"]["enum"]) == {IDENTIFIERS, FREE_TEXT, None}
    assert set(SCHEMA["properties"]["correction"]["enum"]) == set(CORRECTIONS)


def test_types_of_records_are_those_of_the_schema():
    json_types = {str: "string", float: "number", int: "integer", bool: "boolean"}
    for name, type_ in FIELDS.items():
        part = SCHEMA["$defs"]["column"]["properties"][name]
        part = SCHEMA["$defs"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
        types = part.get("type", "string")  # an enumeration of words
        assert json_types[type_] in ([types] if isinstance(types, str) else types), name


NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-1e3, 1e3).map(lambda value: round(value, 1)),
)
TEXTS = st.one_of(st.sampled_from(["u", "v", "1", ""]), st.text(max_size=3))
CELLS = [
    NUMBERS,
    st.one_of(st.none(), NUMBERS),
    st.one_of(st.none(), TEXTS),
    st.booleans(),
    st.none(),
    st.integers(-(2**62), 2**62),
    st.integers(-(10**17), 10**17).map(lambda value: np.datetime64(value, "us")),
    st.integers(-(10**17), 10**17).map(lambda value: np.timedelta64(value, "us")),
]


@st.composite
def tables(draw):
    """Two tables of the same names, whose columns are mostly of one kind in both."""
    sizes = draw(st.tuples(st.integers(1, 30), st.integers(1, 30)))
    pair = {}, {}
    for name in draw(st.lists(st.sampled_from(["x", "y", "Größe", "<b>", "\x1b"]), unique=True)):
        cells = draw(st.sampled_from(CELLS))
        for table, size in zip(pair, sizes, strict=True):
            if draw(st.integers(0, 9)) == 0:
                cells = draw(st.sampled_from(CELLS))
            table[name] = draw(st.lists(cells, min_size=size, max_size=size))
    for table, size in zip(pair, sizes, strict=True):
        table["shared"] = list(range(size))
    if draw(st.booleans()):
        pair[1]["more"] = pair[1]["shared"]
    return pair


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(
    pair=tables(),
    n_permutations=st.sampled_from([0, 19, 99]),
    tolerance=st.sampled_from([None, 0.0, "0.1sd,2%"]),
    missing_tolerance=st.sampled_from([None, "2%"]),
    correction=st.sampled_from(sorted(CORRECTIONS)),
)
@pytest.mark.slow
def test_reports_of_any_tables_are_valid(pair, n_permutations, **options):
    report = compare_tables(*pair, n_permutations=n_permutations, **options)
    document = check(report)
    assert [row["column"] for row in document["columns"]] == [row.column for row in report]
    checks = [check for check in CHECKS if check != "tolerance"] if n_permutations else ["schema"]
    gate = report.gate(*checks)
    assert gate.passed == (not gate.failures)
    assert {failure.check for failure in gate.failures} <= set(checks)


def test_weights_blocks_and_pairs_are_valid():
    rng = np.random.default_rng(0)
    a, b = (
        {"x": rng.normal(size=80), "y": rng.normal(size=80), "day": np.arange(80) // 4}
        for _ in range(2)
    )
    weights = rng.random(80), None
    for options in ({"weights": weights}, {"blocks": "day"}, {"blocks": 8}, {"paired": True}):
        assert check(compare_tables(a, b, n_permutations=99, **options))["joint"] is not None


def test_columns_left_out_failed_and_far_away_are_valid():
    names = [f"customer {i} of {i % 7} shops" for i in range(40)]
    a = {"id": names, "kind": [1.0] * 40, "far": [0.0] * 40, "big": [1e300] * 40}
    b = {"id": names[::-1], "kind": ["u"] * 40, "far": [1.0] * 40, "big": [-1e308] * 40}
    document = check(compare_tables(a, b, n_permutations=99))
    rows = {row["column"]: row for row in document["columns"]}
    assert rows["id"]["left_out"] == FREE_TEXT
    assert rows["kind"]["error"] is not None
    assert rows["far"]["standardized"] is None  # infinite


@pytest.mark.parametrize("change", ["surplus", "lacking", "version"])
def test_what_a_report_never_says_is_not_valid(change):
    document = check(compare_tables({"x": [1.0, 2.0]}, {"x": [1.0, 3.0]}, n_permutations=19))
    if change == "surplus":
        document["columns"][0]["speed"] = 1.0
    elif change == "lacking":
        del document["columns"][0]["verdict"]
    else:
        document["schema_version"] = SCHEMA_VERSION + 1
    assert not VALIDATOR.is_valid(document)
