"""Numbers come in many containers, and much else comes in their place: the right number, or a word.

Each object goes in the place of each array of each public call.
"""

import array
import collections
import datetime
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats
from sklearn.mixture import GaussianMixture

import otdiv
from otdiv import InvalidInputError, OtdivError
from tests.public_calls import CASES


class ArrayLike:
    """What knows only how to become an array."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return self.values


class Unreadable:
    """An array of a device, say, that raises where it is read."""

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error


class Lengthless:
    def __len__(self):
        raise RuntimeError("no length")

    def __getitem__(self, index):
        return 1.0


def each(values, convert):
    return [each(v, convert) if isinstance(v, list) else convert(v) for v in values]


def objects(values, convert=lambda v: v):
    found = np.empty(np.shape(values), dtype=object)
    found[...] = np.asarray(values)
    found.flat[:] = [convert(v) for v in np.asarray(values).ravel().tolist()]
    return found


def whole_as_int(v):
    return int(v) if v == int(v) else v


def columns(values):
    return {f"c{j}": column for j, column in enumerate(np.transpose(values).tolist())}


def matrix(values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.matrix(values)


# Containers of the numbers of a list (n,), and of nested lists (n, d).
ANY_SHAPE = {
    "tuple": tuple,
    "array-like": ArrayLike,
    "float32": lambda v: np.array(v, dtype=np.float32),
    "long double": lambda v: np.array(v, dtype=np.longdouble),
    "big-endian": lambda v: np.array(v, dtype=">f8"),
    "strided": lambda v: np.repeat(np.array(v), 2, axis=0)[::2],
    "objects": objects,
    "ints among floats": lambda v: objects(v, whole_as_int),
    "decimals": lambda v: each(v, lambda t: Decimal(str(t))),
    "fractions": lambda v: each(v, Fraction),
    "arrays of arrays": lambda v: [np.array(t) for t in v],
}
ONE_AXIS = {
    "deque": collections.deque,
    "array.array": lambda v: array.array("d", v),
    "memoryview": lambda v: memoryview(np.array(v, dtype=float)),
    "pandas": pd.Series,
    "pandas, other labels": lambda v: pd.Series(v, index=list(range(7, 7 + len(v)))),
    "pandas objects": lambda v: pd.Series(v, dtype=object),
    "pandas Float64": lambda v: pd.Series(v, dtype="Float64"),
    "pandas pyarrow": lambda v: pd.Series(v, dtype="double[pyarrow]"),
    "pandas decimals": lambda v: pd.Series([Decimal(str(t)) for t in v]),
    "pandas sparse": lambda v: pd.Series(pd.arrays.SparseArray(v)),
    "polars": pl.Series,
    "polars decimals": lambda v: pl.Series([Decimal(str(t)) for t in v]),
    "pyarrow": pa.array,
    "pyarrow chunks": lambda v: pa.chunked_array([v[:1], v[1:]]),
    "pyarrow decimals": lambda v: pa.array([Decimal(str(t)) for t in v]),
}
TWO_AXES = {
    "matrix": matrix,
    "pandas frame": lambda v: pd.DataFrame(columns(v)),
    "pandas nullable frame": lambda v: pd.DataFrame(columns(v)).astype("Float64"),
    "pandas frame of objects": lambda v: pd.DataFrame(columns(v), dtype=object),
    "polars frame": lambda v: pl.DataFrame(columns(v)),
    "pyarrow table": lambda v: pa.table(columns(v)),
    "list of series": lambda v: [pd.Series(row) for row in v],
}


def plain(values):
    return np.asarray(values, dtype=float).tolist()


# A critic that is fitted takes a second and reads its samples as the others do.
QUICK = [case for case in CASES if not case.id.startswith("fit_critic")]


@pytest.mark.parametrize(("call", "arrays", "name"), QUICK)
def test_the_container_of_numbers_changes_nothing(call, arrays, name):
    values = plain(arrays[name])
    expected = call(dict(arrays) | {name: values})
    containers = ANY_SHAPE | (TWO_AXES if np.ndim(values) == 2 else ONE_AXIS)
    for kind, container in containers.items():
        found = call(dict(arrays) | {name: container(values)})
        if isinstance(expected, float | np.ndarray):
            np.testing.assert_array_equal(found, expected, err_msg=kind)
        assert type(found) is type(expected), kind


DAYS = ["2020-01-01", "2020-01-02", "2020-01-05"]
# What is no array of numbers, and words that the error must hold.
REFUSED = {
    "generator": (lambda: (t for t in [1.0, 2.0]), r"a generator .*list\(\.\.\.\)"),
    "iterator": (lambda: iter([1.0, 2.0]), r"a list_iterator .*list\(\.\.\.\)"),
    "map": (lambda: map(float, [1, 2]), r"a map .*list\(\.\.\.\)"),
    "zip": (lambda: zip([1], [2], strict=True), r"a zip .*list\(\.\.\.\)"),
    "set": (lambda: {1.0, 2.0}, "a set has no order"),
    "frozen set": (lambda: frozenset([1.0, 2.0]), "a set has no order"),
    "dict": (lambda: {"a": 1.0}, r"list\(d\.values\(\)\)"),
    "values of a dict": (lambda: {"a": 1.0}.values(), r"list\(\.\.\.\)"),
    "text": (lambda: "1.0, 2.0", "'1.0, 2.0'"),
    "bytes": (lambda: b"abc", "b'abc'"),
    "words": (lambda: ["a", "b", "c"], "words have no distance"),
    "numbers as text": (lambda: ["1.0", "2.0", "3.0"], r"`\.astype\(float\)`"),
    "numbers as NumPy's text": (
        lambda: np.array(["1.0"], dtype=np.dtypes.StringDType()),
        r"`\.astype\(float\)`",
    ),
    "numbers as pandas' text": (lambda: pd.Series(["1.0", "2.0"]), r"`\.astype\(float\)`"),
    "numbers as polars' text": (lambda: pl.Series(["1.0", "2.0"]), r"`\.astype\(float\)`"),
    "categories": (lambda: pd.Series(["a", "b"], dtype="category"), "words have no distance"),
    "times": (lambda: np.array(DAYS, dtype="M8[D]"), "origin"),
    "durations": (lambda: np.array([1, 2], dtype="m8[s]"), "seconds"),
    "dates": (lambda: [datetime.date(2020, 1, day) for day in (1, 2)], "origin"),
    "pandas' times": (lambda: pd.Series(pd.to_datetime(DAYS)), "origin"),
    "pandas' times with zones": (lambda: pd.Series(pd.to_datetime(DAYS, utc=True)), "origin"),
    "pandas' durations": (lambda: pd.Series(pd.to_timedelta([1, 2])), "seconds"),
    "pandas' periods": (lambda: pd.Series(pd.period_range("2020", periods=2)), "Period"),
    "polars' dates": (lambda: pl.Series([datetime.date(2020, 1, 1)]), "origin"),
    "complex": (lambda: np.array([1.0 + 2.0j]), "two columns"),
    "complex objects": (lambda: np.array([1.0 + 2.0j], dtype=object), "1"),
    "structured": (lambda: np.zeros(2, dtype=[("a", "f8")]), "structured_to_unstructured"),
    "records": (lambda: np.rec.array([(1.0,)], dtype=[("a", "f8")]), "structured_to_unstructured"),
    "sparse matrix": (lambda: sparse.csr_matrix([[1.0, 2.0]]), r"`\.toarray\(\)`"),
    "sparse array": (lambda: sparse.coo_array([[1.0, 2.0]]), r"`\.toarray\(\)`"),
    "sparse vector": (lambda: sparse.coo_array(np.array([1.0, 2.0])), r"`\.toarray\(\)`"),
    "lazy frame": (lambda: pl.LazyFrame({"a": [1.0]}), r"`\.collect\(\)`"),
    "frame with words": (lambda: pd.DataFrame({"a": [1.0], "b": ["w"]}), "'w' at index"),
    "unreadable": (lambda: Unreadable(ValueError("on a device")), "on a device"),
    "unreadable, of a wrong type": (lambda: Unreadable(TypeError("use .get()")), r"use \.get\(\)"),
    "unreadable at run time": (lambda: Unreadable(RuntimeError("use .detach()")), "detach"),
    "list of the unreadable": (lambda: [Unreadable(RuntimeError("use .cpu()"))], "cpu"),
    "without a length": (Lengthless, "a Lengthless"),
    "object": (object, "an object"),
    "class": (lambda: float, "class 'float'"),
    "function": (lambda: lambda t: t, "a function"),
    "ellipsis": (lambda: [1.0, ..., 2.0], "Ellipsis at index 1"),
    "cost": (lambda: otdiv.Euclidean(), "PNormCost"),
    "density estimate": (lambda: stats.gaussian_kde([1.0, 2.0, 4.0]), "gaussian_kde.*draw samples"),
    "mixture of sklearn": (GaussianMixture, "GaussianMixture.*draw samples"),
    "law in space": (lambda: stats.dirichlet([1.0, 1.0]), "dirichlet_frozen.*draw samples"),
    "laws": (lambda: [stats.norm(), stats.norm()], "rv_continuous_frozen at index 0"),
    "missing": (lambda: [1.0, pd.NA], "missing value at index 1: drop or fill it"),
}


def takes_sparse(call, arrays):
    """Whether costs may be a sparse array: what it does not store is forbidden then."""
    try:
        costs = np.asarray(arrays["C"], dtype=float)
        places = np.nonzero(np.ones_like(costs))
        call(dict(arrays) | {"C": sparse.coo_array((costs[places], places), shape=costs.shape)})
    except OtdivError:
        return False
    return True


@pytest.mark.parametrize(("call", "arrays", "name"), CASES)
def test_what_is_no_array_of_numbers_is_named_with_the_way_out(call, arrays, name):
    for kind, (make, words) in REFUSED.items():
        if name == "C" and kind.startswith("sparse") and takes_sparse(call, arrays):
            continue
        with pytest.raises(OtdivError, match=words) as caught:
            call(dict(arrays) | {name: make()})
        assert f"`{name}`" in str(caught.value), kind


def test_the_error_of_an_unreadable_array_is_chained():
    error = RuntimeError("on a device")
    with pytest.raises(InvalidInputError) as caught:
        otdiv.wasserstein1(Unreadable(error), [1.0])
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([Decimal("NaN"), Decimal(1)], "must be finite; got nan at index 0"),
        ([Decimal("sNaN"), Decimal(1)], "must be finite; got nan at index 0"),
        ([1.0, Decimal("-Infinity")], "must be finite; got -inf at index 1"),
        ([Decimal("1e999999999"), Decimal(1)], "must be finite; got inf at index 0"),
        ([10**5000, 1], "got an int at index 0"),
        ([Fraction(2**60 + 1, 2), 1], r"got Fraction\(1152921504606846977, 2\) at index 0"),
        ([Decimal("9007199254740993.5"), 1], "at index 0"),
    ],
)
def test_decimals_and_fractions_that_are_no_floats_are_refused(values, words):
    with pytest.raises(InvalidInputError, match=words):
        otdiv.wasserstein1(values, [0.0, 1.0])
    with pytest.raises(InvalidInputError, match=words):
        otdiv.js_divergence(values, [0.5, 0.5])


def test_decimals_and_fractions_are_read_as_typed_numbers_are():
    """The nearest float, as of a literal, and whole numbers exactly."""
    assert otdiv.DiscreteMeasure([Decimal("0.1"), Fraction(1, 3)]).points.tolist() == [
        [0.1],
        [1 / 3],
    ]
    assert otdiv.wasserstein1([Decimal(2**60 + 1)], [Decimal(2**60)]) == 1.0
    assert otdiv.js_divergence([Decimal(1), Decimal(3)], [0.25, 0.75]) == 0.0  # counts
    assert otdiv.js_divergence([Fraction(1, 3)] * 3, [1, 1, 1]) == 0.0


@given(
    st.lists(st.floats(-(2.0**52), 2.0**52), min_size=1, max_size=6),
    st.sampled_from([lambda v: Decimal(repr(v)), Fraction, Decimal]),
)
def test_a_decimal_or_fraction_of_a_float_is_that_float(values, typed):
    points = otdiv.DiscreteMeasure([typed(v) for v in values]).points[:, 0]
    np.testing.assert_array_equal(points, values)


def test_a_sequence_among_decimals_is_no_number():
    values = np.empty(2, dtype=object)
    values[:] = [Decimal(1), 0]
    values[1] = [1.0, 2.0]
    with pytest.raises(InvalidInputError, match=r"\[1.0, 2.0\] at index 1"):
        otdiv.wasserstein1(values, [0.0])
