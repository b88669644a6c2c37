"""The sorts of the one-dimensional kernels agree with NumPy's on every kind of data."""

import numpy as np
import pytest

from otdiv._kernels import threads
from otdiv._kernels.line import sorting


def samples(n):
    rng = np.random.default_rng(5)
    return {
        "normal": rng.normal(size=n),
        "uniform": rng.random(n),
        "heavy tails": rng.standard_cauchy(n),
        "many scales": rng.normal(size=n) * 10.0 ** rng.integers(-300, 300, n),
        "whole numbers": rng.integers(-9, 9, n).astype(float),
        "tenths": np.round(rng.exponential(30.0, n), 1),
        "clusters": rng.integers(0, 5, n) + 1e-9 * rng.normal(size=n),
        "clusters with ties": rng.integers(0, 3, n) + 1e-13 * rng.integers(0, 400, n),
        "neighbouring floats": 1.0 + 2.0**-52 * rng.integers(0, 2**30, n),
        "one outlier": np.append(rng.random(n - 1), 1e18),
        "subnormals": 5e-324 * rng.integers(-1000, 1000, n),
        "whole float range": np.append(rng.normal(size=n - 2), [1.7e308, -1.7e308]),
        "signed zeros": np.where(rng.random(n) < 0.5, -0.0, rng.integers(-1, 2, n)),
        "sorted": np.sort(rng.normal(size=n)),
        "reversed": np.sort(rng.normal(size=n))[::-1].copy(),
        "constant": np.full(n, 3.25),
        "ramp with a step back": np.append(np.arange(n - 1.0), 0.5),
    }


@pytest.mark.parametrize("n", [3, 1499, 1500, 6007])
@pytest.mark.parametrize("kind", samples(3))
def test_sorted_values_are_those_of_numpy(n, kind):
    values = samples(n)[kind]
    np.testing.assert_array_equal(sorting.sorted_values(values), np.sort(values))


@pytest.mark.parametrize("n", [3, 1499, 1500, 6007])
@pytest.mark.parametrize("kind", samples(3))
def test_order_is_the_stable_one(n, kind):
    values = samples(n)[kind]
    ordered, order = sorting.sorted_with(values)
    np.testing.assert_array_equal(order, np.argsort(values, kind="stable"))
    np.testing.assert_array_equal(ordered, values[order])


@pytest.mark.parametrize("n", [7, 5000])
def test_payload_follows_its_value(n):
    values = samples(n)["heavy tails"]
    weights = np.random.default_rng(1).random(n)
    _, carried = sorting.sorted_with(values, weights)
    np.testing.assert_array_equal(carried, weights[np.argsort(values, kind="stable")])


def test_negative_zero_leaves_as_zero():
    for n in (4, 4000):
        values = sorting.sorted_values(np.full(n, -0.0))
        assert not np.signbit(values).any()


def test_empty_and_single_samples_are_sorted():
    assert sorting.sorted_values(np.empty(0)).size == 0
    assert sorting.sorted_values(np.array([2.0])).tolist() == [2.0]


@pytest.mark.parametrize("n", [50, 5000])
def test_inputs_are_not_written_to_and_may_be_read_only(n):
    values = samples(n)["normal"]
    weights = np.arange(float(n))
    before = values.copy()
    values.flags.writeable = weights.flags.writeable = False
    sorting.sorted_values(values)
    sorting.sorted_with(values, weights)
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(weights, np.arange(float(n)))


def test_two_threads_give_the_bits_of_one():
    n = 2 * threads._THREAD_SIZE
    x, y = samples(n)["normal"], samples(n)["clusters"]
    for one, two in zip(sorting.sort_pair(x, y, 1), sorting.sort_pair(x, y, 2), strict=True):
        assert one.tobytes() == two.tobytes()


def test_an_error_in_the_second_thread_reaches_the_caller():
    def fail(flag):
        if flag:
            raise RuntimeError("second job")

    with pytest.raises(RuntimeError, match="second job"):
        threads.both(fail, (False,), (True,), 10**9, 2)
