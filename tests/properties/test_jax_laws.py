"""Laws of the derivatives of otdiv.jax, for clouds of any size, weight and dtype."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402  (after the check for JAX)

import otdiv  # noqa: E402
from otdiv.jax import plan_entries, transport_cost  # noqa: E402

pytestmark = pytest.mark.interop

# Each size is compiled anew, some tenths of a second: so few.
FEW = settings(max_examples=20)


@st.composite
def pairs(draw):
    """Clouds (B, n, d) and (B, m, d) with weights, in single precision, and a cost."""
    size, n, m, d = (draw(st.integers(1, top)) for top in (3, 8, 8, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x, y = rng.normal(size=(size, n, d)), rng.normal(size=(size, m, d))
    a, b = rng.random((size, n)) + 0.1, rng.random((size, m)) + 0.1
    data = tuple(jnp.asarray(part, jnp.float32) for part in (x, y, a, b))
    return data, draw(st.sampled_from(["euclidean", "sqeuclidean", "cityblock"]))


def call_of(cost):
    def call(x, y, a, b):
        return transport_cost(x, y, x_weights=a, y_weights=b, cost=cost)

    return call


@FEW
@given(pairs())
def test_compiled_and_mapped_values_are_those_of_otdiv_rounded_once(case):
    data, cost = case
    found = jax.jit(jax.vmap(call_of(cost)))(*data)
    for k, value in enumerate(found):
        x, y, a, b = (np.asarray(part[k], dtype=np.float64) for part in data)
        exact = otdiv.transport(x, y, x_weights=a, y_weights=b, cost=cost)
        # Plans of a batch and of a call may differ in the last digits of float64.
        assert float(value) == pytest.approx(float(np.float32(exact.value)), rel=2.0**-23)


@FEW
@given(pairs())
def test_a_translation_and_a_factor_of_the_weights_change_nothing(case):
    data, cost = case
    total = jax.jit(jax.grad(lambda *data: call_of(cost)(*data).sum(), argnums=(0, 1, 2, 3)))
    by_x, by_y, by_a, by_b = total(*data)
    # Rounding of single precision, of sums of some ten terms that are at most about 10.
    tolerance = {"atol": 1e-4}
    np.testing.assert_allclose(by_x.sum(axis=1) + by_y.sum(axis=1), 0.0, **tolerance)
    np.testing.assert_allclose((by_a * data[2]).sum(axis=1), 0.0, **tolerance)
    np.testing.assert_allclose((by_b * data[3]).sum(axis=1), 0.0, **tolerance)


@FEW
@given(pairs())
def test_padded_entries_are_a_plan_of_the_value(case):
    (x, y, a, b), _ = case
    found = jax.jit(jax.vmap(lambda x, y, a, b: plan_entries(x, y, x_weights=a, y_weights=b)))(
        x, y, a, b
    )
    value = jax.jit(jax.vmap(call_of("sqeuclidean")))(x, y, a, b)
    for k in range(len(x)):
        rows, columns, mass = (np.asarray(part[k]) for part in found[:3])
        assert mass.size == x.shape[1] + y.shape[1] - 1
        assert (mass >= 0.0).all()
        for side, places in ((a[k], rows), (b[k], columns)):
            sums = np.bincount(places, mass, len(side))
            np.testing.assert_allclose(sums, side / side.sum(), atol=1e-6)
        paid = (mass * np.square(x[k][rows] - y[k][columns]).sum(axis=1)).sum()
        assert paid == pytest.approx(float(value[k]), rel=1e-4, abs=1e-6)
