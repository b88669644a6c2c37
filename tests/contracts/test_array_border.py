"""No public distance or divergence escapes the border of arrays: what comes in also comes out."""

import numpy as np
import pytest

import otdiv
from otdiv import InvalidInputError, distances, divergences
from tests.tables import ROWS


class Array:
    """The least that is an array of the standard: no library has to be installed for it."""

    made = 0
    device = "cpu"

    def __init__(self, values):
        self.values = np.array(values, dtype=np.float64)
        self.dtype, self.ndim = self.values.dtype, self.values.ndim

    def __array_namespace__(self, api_version=None):
        return Namespace

    def __dlpack__(self, **options):
        return self.values.__dlpack__()

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()

    def __float__(self):
        return float(self.values)


class Namespace:
    float32, float64, int64 = map(np.dtype, ("float32", "float64", "int64"))

    @staticmethod
    def asarray(values, dtype=None, device=None):
        Array.made += 1
        return Array(values)


DATA = {
    "points": ([[0.0, 0.0], [1.0, 3.0], [2.0, 5.0]], [[1.0, 0.0], [0.0, 3.0], [4.0, 5.0]]),
    "line": ([0.0, 1.0, 5.0], [1.0, 2.0, 4.0]),
    "vectors": ([0.5, 0.125, 0.125, 0.125, 0.125], [0.25, 0.25, 0.25, 0.125, 0.125]),
}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_distance_or_divergence_of_arrays_is_an_array(row):
    x, y = DATA[row.data]
    before = Array.made
    found = row.call(Array(x), Array(y))
    assert float(found) == row.call(np.array(x), np.array(y))
    # A result that is an object holds NumPy's numbers.
    assert (Array.made > before) == (not row.function.endswith("_result"))


def test_the_table_has_every_public_function():
    names = {*distances.__all__, *divergences.__all__}
    public = {name for name in names if not isinstance(getattr(otdiv, name), type)}
    assert {row.function for row in ROWS} == public


def test_devices_are_not_mixed():
    other = Array([1.0])
    other.device = "elsewhere"
    with pytest.raises(InvalidInputError, match="`y` must be on the device cpu of `x`"):
        otdiv.wasserstein1(Array([0.0]), other)


def test_an_array_that_cannot_be_read_is_named():
    class Broken(Array):
        def __dlpack__(self, **options):
            raise RuntimeError("on a device")

    with pytest.raises(InvalidInputError, match=r"`x` must be a readable array.*on a device"):
        otdiv.wasserstein1(Broken([0.0]), [1.0])


def test_parts_of_results_have_arrays_too():
    like = Array([0.0])
    result = otdiv.transport([0.0, 1.0], [2.0, 4.0])
    assert isinstance(result.plan.to(like=like).mass, Array)
    assert isinstance(result.potentials.to(like=like).f, Array)
    assert isinstance(otdiv.gradient(result).to(like=like).x, Array)
