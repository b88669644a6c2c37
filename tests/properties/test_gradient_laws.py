"""Laws that gradients inherit from their distances, on clouds with ties and repeated points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv.gradients.pair_sums import discrepancy_gradients, energy_gradients
from otdiv.gradients.sinkhorn import SinkhornOptions, sinkhorn_gradients
from otdiv.gradients.sliced import sliced_gradients
from otdiv.gradients.transport import transport_gradients

AXES = np.random.default_rng(0).normal(size=(4, 2))
OPTIONS = SinkhornOptions(1.0, 2.0, 2.0, 1e-10, 10_000)
# Gradients, and the exponent e of D(cx, cy) = c^e D(x, y) where the distance has one.
CALLS = {
    "w1": (lambda *data: transport_gradients(*data, norm=2.0, power=1.0, root=False), 1.0),
    "w2": (lambda *data: transport_gradients(*data, norm=2.0, power=2.0, root=True), 1.0),
    "w2²": (lambda *data: transport_gradients(*data, norm=2.0, power=2.0, root=False), 2.0),
    "cityblock": (lambda *data: transport_gradients(*data, norm=1.0, power=1.0, root=False), 1.0),
    "cube": (lambda *data: transport_gradients(*data, norm=np.inf, power=3.0, root=False), 3.0),
    "sinkhorn": (lambda *data: sinkhorn_gradients(*data, OPTIONS), None),
    "sliced": (lambda *data: sliced_gradients(*data, AXES, 2.0), 1.0),
    "energy": (lambda *data: energy_gradients(*data, 2.0), 0.5),
    "discrepancy": (lambda *data: discrepancy_gradients(*data, "gaussian", 2.0), None),
}
# Points on a grid of few values tie and repeat often.
POINTS = st.tuples(st.integers(-3, 3), st.integers(-3, 3))


@st.composite
def clouds(draw):
    x, y = (np.array(draw(st.lists(POINTS, min_size=1, max_size=7)), float) for _ in range(2))
    a, b = (
        np.array(draw(st.lists(st.integers(1, 4), min_size=len(z), max_size=len(z))), float)
        for z in (x, y)
    )
    return x, y, a, b


def apart(found):
    """Whether the root of a sum of squares has digits left: elsewhere its slope has none."""
    return float(found.value) > 1e-6


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=40)
@given(data=clouds())
def test_no_force_moves_both_clouds_together(name, data):
    found = CALLS[name][0](*data)
    if apart(found):
        total = found.x.sum(axis=0) + found.y.sum(axis=0)
        size = max(np.abs(found.x).max(), np.abs(found.y).max())
        np.testing.assert_allclose(total, 0.0, atol=1e-6 * size + 1e-9)


@pytest.mark.parametrize("name", [name for name, (_, power) in CALLS.items() if power])
@settings(max_examples=40)
@given(data=clouds())
def test_homogeneous_values_are_their_gradients_along_the_points(name, data):
    """Euler: sum x ∂D/∂x + sum y ∂D/∂y = e D, of subgradients too."""
    gradients, power = CALLS[name]
    x, y, _, _ = data
    found = gradients(*data)
    if apart(found):
        moved = float((x * found.x).sum() + (y * found.y).sum())
        assert moved == pytest.approx(power * float(found.value), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=30)
@given(data=clouds())
def test_weights_have_no_derivative_along_themselves(name, data):
    found = CALLS[name][0](*data)
    _, _, a, b = data
    for weights, part in ((a, found.a), (b, found.b)):
        size = float(np.abs(part).max() * weights.sum())
        assert float(part @ weights) == pytest.approx(0.0, abs=1e-9 * size + 1e-12)


@settings(max_examples=60)
@given(data=clouds(), other=st.data())
def test_potentials_lie_below_a_convex_function_of_the_weights(data, other):
    """W(a') >= W(a) + <∂W/∂a, a' - a> for shares, with ties as without."""
    gradients = CALLS["w1"][0]
    x, y, a, b = data
    more = st.lists(st.integers(1, 4), min_size=len(a), max_size=len(a))
    shares = a / a.sum()
    moved = np.array(other.draw(more), float)
    moved /= moved.sum()
    found = gradients(x, y, shares, b)
    tangent = float(found.value) + float(found.a @ (moved - shares))
    assert float(gradients(x, y, moved, b).value) >= tangent - 1e-9
