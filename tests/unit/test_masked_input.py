"""Masked entries are not data: every call that takes arrays refuses them and says what to do."""

import importlib
import inspect
import re

import numpy as np
import pytest

import otdiv
from otdiv import InvalidInputError, distances, solvers
from tests.public_calls import CALLS, CASES, MODULES, NOT_INPUT, TAKEN_AS_ARRAYS


def with_mask(arrays, name, hidden):
    values = np.asarray(arrays[name])
    mask = np.zeros(values.shape, dtype=bool)
    mask[(-1,) * values.ndim] = hidden
    return dict(arrays) | {name: np.ma.array(values, mask=mask)}


@pytest.mark.parametrize(("call", "arrays", "name"), CASES)
def test_a_masked_entry_is_refused_by_name_with_the_way_out(call, arrays, name):
    with pytest.raises(
        InvalidInputError, match=rf"`{re.escape(name)}` must hold data only.*\.compressed\(\)"
    ):
        call(with_mask(arrays, name, True))


@pytest.mark.parametrize(("call", "arrays", "name"), CASES)
def test_lists_that_hold_masked_entries_are_refused_too(call, arrays, name):
    masked = with_mask(arrays, name, True)
    masked[name] = list(masked[name])
    with pytest.raises(InvalidInputError, match=rf"`{re.escape(name)}` must hold data only"):
        call(masked)


@pytest.mark.parametrize(("call", "arrays", "name"), CASES)
def test_a_mask_that_hides_nothing_changes_nothing(call, arrays, name):
    found, plain = call(with_mask(arrays, name, False)), call(dict(arrays))
    if isinstance(plain, float | np.ndarray):
        np.testing.assert_array_equal(found, plain)
    assert type(found) is type(plain)


# What they do with masks is tested with the tables.
OF_TABLES = {"compare_tables", "compare_batches", "compare_groups", "compare_over"}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_call_that_takes_arrays_is_among_these(module):
    room = importlib.import_module(module)
    for name in room.__all__:
        value = getattr(room, name)
        if inspect.isfunction(value) or inspect.isclass(value):
            try:
                parameters = set(inspect.signature(value).parameters)
            except (TypeError, ValueError):
                continue
            taken = parameters & TAKEN_AS_ARRAYS
            assert not taken or name in {*CALLS, *NOT_INPUT, *OF_TABLES}, (name, taken)


def test_a_masked_number_is_no_number():
    with pytest.raises(InvalidInputError, match="`epsilon` must hold data only"):
        solvers.Sinkhorn(epsilon=np.ma.masked)
    with pytest.raises(InvalidInputError, match="`p` must hold data only"):
        distances.wasserstein([0.0, 1.0], [1.0, 2.0], p=np.ma.masked)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_masked_entries_are_found_at_any_depth(depth):
    value = np.ma.array([1.0, 2.0], mask=[False, True])
    for _ in range(depth):
        value = [value, [1.0, 2.0]]
    with pytest.raises(InvalidInputError, match="`x` must hold data only"):
        otdiv.wasserstein1_batch(value, [[1.0, 2.0]])


def test_missing_values_of_data_frames_are_named():
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    for missing in (
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1.0, None], dtype="Float64"),
        pd.Series([1, None], dtype="int64[pyarrow]"),
        pl.Series([1, None]),
        pa.array([1, None]),
    ):
        with pytest.raises(InvalidInputError, match=r"`x` must be finite; got nan at index 1"):
            otdiv.wasserstein1(missing, [1.0])
    for missing in (pd.Series([True, None], dtype="boolean"), np.array([1, None], dtype=object)):
        message = r"`x` must hold real numbers.*missing value at index 1: drop or fill it"
        with pytest.raises(InvalidInputError, match=message):
            otdiv.wasserstein1(missing, [1.0])
