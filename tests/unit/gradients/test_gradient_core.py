"""Gradients are those of the value: finite differences of the exact value say so."""

import numpy as np
import pytest

from otdiv import (
    InvalidInputError,
    energy_distance,
    maximum_mean_discrepancy,
    sinkhorn_divergence,
    sliced_wasserstein,
    transport,
    transport_matrix,
    wasserstein1_histogram,
    wasserstein2,
)
from otdiv.distances.sliced import directions
from otdiv.gradients.histograms import histogram_gradients, histogram_values
from otdiv.gradients.matrices import matrix_gradients, matrix_values, padded_entries
from otdiv.gradients.pair_sums import (
    discrepancy_gradients,
    discrepancy_values,
    energy_gradients,
    energy_values,
)
from otdiv.gradients.sinkhorn import SinkhornOptions, sinkhorn_gradients, sinkhorn_values
from otdiv.gradients.sliced import sliced_gradients, sliced_values
from otdiv.gradients.transport import transport_gradients, transport_values
from otdiv.plans import SparsePlan

# Central differences err by step² and by the rounding of the value over the step.
STEP, TOLERANCE = 1e-5, 1e-6


def differences(value, array):
    """Central differences of a function of one array, in each of its entries."""
    found = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        moved = [array.copy(), array.copy()]
        moved[0][index] += STEP
        moved[1][index] -= STEP
        found[index] = (value(moved[0]) - value(moved[1])) / (2.0 * STEP)
    return found


def clouds(seed, n=6, m=5, d=2):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, d)),
        rng.normal(size=(m, d)) + 0.5,
        rng.uniform(0.5, 2.0, n),
        rng.uniform(0.5, 2.0, m),
    )


AXES = directions(np.random.default_rng(0), 7, 2)
OPTIONS = SinkhornOptions(0.7, 2.0, 2.0, 1e-11, 10_000)
CALLS = {
    "w1": (transport_values, transport_gradients, {"norm": 2.0, "power": 1.0, "root": False}),
    "w2": (transport_values, transport_gradients, {"norm": 2.0, "power": 2.0, "root": True}),
    "w2²": (transport_values, transport_gradients, {"norm": 2.0, "power": 2.0, "root": False}),
    "w3, 3": (transport_values, transport_gradients, {"norm": 3.0, "power": 3.0, "root": True}),
    "w1, 1": (transport_values, transport_gradients, {"norm": 1.0, "power": 1.0, "root": False}),
    "w1, inf": (
        transport_values,
        transport_gradients,
        {"norm": np.inf, "power": 1.0, "root": False},
    ),
    "sinkhorn": (sinkhorn_values, sinkhorn_gradients, {"options": OPTIONS}),
    "sinkhorn, 1": (
        sinkhorn_values,
        sinkhorn_gradients,
        {"options": OPTIONS._replace(power=1.0)},
    ),
    "sliced 1": (sliced_values, sliced_gradients, {"directions": AXES, "p": 1.0}),
    "sliced 2": (sliced_values, sliced_gradients, {"directions": 3.0 * AXES, "p": 2.0}),
    "energy": (energy_values, energy_gradients, {"norm": 2.0}),
    "energy, 1": (energy_values, energy_gradients, {"norm": 1.0}),
    "energy, inf": (energy_values, energy_gradients, {"norm": np.inf}),
    "energy, 3": (energy_values, energy_gradients, {"norm": 3.0}),
    "gaussian": (
        discrepancy_values,
        discrepancy_gradients,
        {"kernel": "gaussian", "bandwidth": 1.3},
    ),
    "laplace": (
        discrepancy_values,
        discrepancy_gradients,
        {"kernel": "laplace", "bandwidth": 0.8},
    ),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_are_finite_differences_of_the_value(name, seed):
    value, gradients, options = CALLS[name]
    data = clouds(seed)
    found = gradients(*data, **options)
    assert found.value == pytest.approx(value(*data, **options), rel=1e-12)
    for k in range(4):

        def of_one(array, k=k):
            return float(value(*data[:k], array, *data[k + 1 :], **options))

        np.testing.assert_allclose(found[k + 1], differences(of_one, data[k]), atol=TOLERANCE)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("m", [6, 5])
def test_uniform_weights_may_be_left_out(name, m):
    value, gradients, options = CALLS[name]
    x, y, *_ = clouds(3, m=m)
    found = gradients(x, y, None, None, **options)
    assert found.a is None
    assert found.b is None
    for k, array in enumerate((x, y)):

        def of_one(moved, k=k):
            return float(value(*((moved, y) if k == 0 else (x, moved)), None, None, **options))

        np.testing.assert_allclose(found[k + 1], differences(of_one, array), atol=TOLERANCE)


@pytest.mark.parametrize("name", CALLS)
def test_points_on_the_line_have_gradients_too(name):
    value, gradients, options = CALLS[name]
    if "directions" in options:
        options = options | {"directions": np.ones((1, 1))}
    data = clouds(4, d=1)
    found = gradients(*data, **options)
    for k in range(4):

        def of_one(array, k=k):
            return float(value(*data[:k], array, *data[k + 1 :], **options))

        np.testing.assert_allclose(found[k + 1], differences(of_one, data[k]), atol=TOLERANCE)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("m", [6, 5])
def test_a_batch_is_a_loop(name, weighted, m):
    value, gradients, options = CALLS[name]
    parts = [clouds(seed, m=m) for seed in range(3)]
    stacked = [np.stack(side) for side in zip(*parts, strict=True)]
    if not weighted:
        parts = [(x, y, None, None) for x, y, _, _ in parts]
        stacked[2:] = None, None
    found = gradients(*stacked, **options)
    np.testing.assert_allclose(found.value, value(*stacked, **options), rtol=1e-12)
    for k, part in enumerate(parts):
        for batched, alone in zip(found, gradients(*part, **options), strict=True):
            if alone is None:
                assert batched is None
            else:
                np.testing.assert_allclose(batched[k], alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CALLS)
def test_the_gradient_of_weights_sees_only_their_ratios(name):
    """Along the weights themselves the value is constant; a factor divides the derivative."""
    _, gradients, options = CALLS[name]
    x, y, a, b = clouds(5)
    found, scaled = gradients(x, y, a, b, **options), gradients(x, y, 4.0 * a, b, **options)
    assert float(found.a @ a) == pytest.approx(0.0, abs=1e-12)
    assert float(found.b @ b) == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(4.0 * scaled.a, found.a, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CALLS)
def test_a_law_is_at_the_bottom_of_its_distance_to_itself(name):
    _, gradients, options = CALLS[name]
    x, _, a, _ = clouds(6)
    order = np.array([3, 0, 5, 1, 4, 2])
    found = gradients(x, x[order], a, a[order], **options)
    # The root of what rounding leaves of a sum of squares; the public calls say so too.
    assert found.value == pytest.approx(0.0, abs=1e-7)
    if found.value == 0.0:
        for part in found:
            np.testing.assert_allclose(part, 0.0, atol=1e-12)


def test_values_are_those_of_the_public_calls():
    x, y, a, b = clouds(7)
    weights = {"x_weights": a, "y_weights": b}
    found = transport_values(x, y, a, b, norm=2.0, power=2.0, root=True)
    assert found == pytest.approx(wasserstein2(x, y, **weights), rel=1e-14)
    axes = directions(np.random.default_rng(3), 20, 2)
    expected = sliced_wasserstein(x, y, **weights, p=2.0, n_projections=20, rng=3)
    assert sliced_values(x, y, a, b, axes, 2.0) == pytest.approx(expected, rel=1e-12)
    assert energy_values(x, y, a, b, 2.0) == energy_distance(x, y, **weights)
    expected = maximum_mean_discrepancy(x, y, **weights, kernel="laplace", bandwidth=2.0)
    assert discrepancy_values(x, y, a, b, "laplace", 2.0) == expected
    options = OPTIONS._replace(marginal_tolerance=1e-6, max_iterations=1000)
    expected = sinkhorn_divergence(x, y, **weights, epsilon=0.7)
    assert sinkhorn_values(x, y, a, b, options) == expected


@pytest.mark.parametrize("dimension", [1, 2])
@pytest.mark.parametrize("batch", [False, True])
def test_gradients_of_histograms_are_finite_differences(dimension, batch):
    rng = np.random.default_rng(8)
    shape = (3, 6) if batch else (6,)
    p, q = rng.uniform(0.5, 2.0, shape), rng.uniform(0.5, 2.0, shape)
    support = rng.normal(size=(6, dimension))
    found = histogram_gradients(p, q, support)
    np.testing.assert_allclose(found.value, histogram_values(p, q, support), rtol=1e-12)
    np.testing.assert_allclose(
        found.a, differences(lambda v: histogram_values(v, q, support).sum(), p), atol=TOLERANCE
    )
    np.testing.assert_allclose(
        found.b, differences(lambda v: histogram_values(p, v, support).sum(), q), atol=TOLERANCE
    )
    moved = found.x.sum(axis=0) if batch else found.x
    expected = differences(lambda v: histogram_values(p, q, v).sum(), support)
    np.testing.assert_allclose(moved, expected, atol=TOLERANCE)


def test_gradients_of_equal_histograms_are_zero():
    p = np.array([0.1, 0.2, 0.3, 0.4])
    found = histogram_gradients(p, 4.0 * p, np.array([0.0, 2.0, 1.0, 5.0]))
    assert found.value == wasserstein1_histogram(p, p, support=[0.0, 2.0, 1.0, 5.0]) == 0.0
    for part in (found.a, found.b, found.x):
        np.testing.assert_array_equal(part, np.zeros(part.shape))


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_of_cost_matrices_are_finite_differences(batch, weighted):
    rng = np.random.default_rng(9)
    C = rng.normal(size=(2, 4, 5) if batch else (4, 5))
    a, b = (rng.uniform(0.5, 2.0, (*C.shape[:-2], k)) for k in (4, 5))
    if not weighted:
        a = b = None
    found = matrix_gradients(C, a, b)
    np.testing.assert_allclose(found.value, matrix_values(C, a, b), rtol=1e-12)
    assert found.mass.shape == (*C.shape[:-2], 8)
    plan = np.zeros_like(C)
    places = (np.arange(2)[:, None],) if batch else ()
    np.add.at(plan, (*places, found.rows, found.columns), found.mass)
    expected = differences(lambda v: matrix_values(v, a, b).sum(), C)
    np.testing.assert_allclose(plan, expected, atol=TOLERANCE)
    if weighted:
        for k, side in ((0, a), (1, b)):

            def of_one(v, k=k):
                return matrix_values(C, *((v, b) if k == 0 else (a, v))).sum()

            np.testing.assert_allclose(found[4 + k], differences(of_one, side), atol=TOLERANCE)


def test_entries_are_padded_to_those_of_a_vertex():
    plan = SparsePlan([0, 1], columns=[1, 0], mass=[0.5, 0.5], shape=(2, 2))
    rows, columns, mass = padded_entries(plan)
    assert rows.tolist() == [0, 1, 0]
    assert columns.tolist() == [1, 0, 0]
    assert mass.tolist() == [0.5, 0.5, 0.0]


def test_a_pair_that_occurs_repeatedly_is_one_entry():
    plan = SparsePlan([0, 0, 0, 1], columns=[0, 0, 1, 1], mass=[0.2, 0.3, 0.1, 0.4], shape=(2, 2))
    rows, columns, mass = padded_entries(plan)
    assert rows.tolist() == [0, 0, 1]
    assert columns.tolist() == [0, 1, 1]
    np.testing.assert_allclose(mass, [0.5, 0.1, 0.4])


def test_matched_points_that_coincide_pull_nowhere():
    x = np.array([[0.0, 0.0], [3.0, 0.0]])
    y = np.array([[0.0, 0.0], [4.0, 0.0]])
    found = transport_gradients(x, y, None, None, norm=2.0, power=1.0, root=False)
    np.testing.assert_array_equal(found.x, [[0.0, 0.0], [-0.5, 0.0]])


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_gradient_of_a_weight_of_zero_is_what_mass_there_would_cost(power):
    rng = np.random.default_rng(10)
    x, y, a, b = rng.normal(size=(6, 2)), rng.normal(size=(5, 2)), rng.random(6), rng.random(5)
    a[2] = 0.0
    options = {"norm": 2.0, "power": power, "root": False}
    found = transport_gradients(x, y, a, b, **options)
    more = a.copy()
    more[2] = 1e-6
    rise = float(transport_values(x, y, more, b, **options) - found.value) / 1e-6
    assert found.a[2] == pytest.approx(rise, abs=1e-4)
    assert transport(x, y, x_weights=a, y_weights=b, cost="sqeuclidean").plan is not None


def test_errors_of_the_calls_come_through():
    x, y, a, b = clouds(11)
    a[1] = -1.0
    with pytest.raises(InvalidInputError, match=r"`x_weights` must be non-negative; got -1\.0"):
        transport_gradients(x, y, a, b, norm=2.0, power=1.0, root=False)


def test_a_forbidden_pair_has_no_share_of_the_gradient():
    C = np.array([[np.inf, 1.0], [1.0, 2.0]])
    found = matrix_gradients(C, None, None)
    assert found.value == transport_matrix(C).value == 1.0
    assert found.mass[(found.rows == 0) & (found.columns == 0)].sum() == 0.0
