"""Every bad input has its own clear error: argument, requirement, value; nothing is modified."""

import numpy as np
import pytest

from otdiv import (
    CostMatrix,
    DiscreteMeasure,
    Euclidean,
    Gaussian,
    InvalidInputError,
    MassMismatchError,
    PNormCost,
    TransportProblem,
    solve,
    transport,
    transport_matrix,
    wasserstein,
    wasserstein1,
    wasserstein1_batch,
    wasserstein1_histogram,
)

good = [0.0, 1.0, 2.0]

BAD_SAMPLES = [
    ([0.0, np.nan, 1.0], r"`x` must be finite; got nan at index 1"),
    ([0.0, 1.0, np.inf], r"`x` must be finite; got inf at index 2"),
    ([[0.0, np.nan], [1.0, 1.0]], r"`x` must be finite; got nan at index \(0, 1\)"),
    ([], r"`x` must hold at least one point"),
    (3.0, r"`x` must be an array of shape \(n,\) or \(n, d\); got a scalar"),
    (np.zeros((2, 2, 2)), r"`x` must have shape \(n,\) or \(n, d\); got shape \(2, 2, 2\)"),
    (np.zeros((3, 0)), r"`x` must have at least one column"),
    (["a", "b"], r"`x` must hold real numbers; got dtype <U1"),
    ([1.0 + 2.0j], r"`x` must hold real numbers; got dtype complex128"),
    (np.array([1.0, None], dtype=object), r"`x` must hold real numbers; got dtype object"),
    ([[1.0], [1.0, 2.0]], r"`x` must be a rectangular array of numbers; got ragged rows"),
]

CALLS = [wasserstein1, transport, lambda x, y, **options: wasserstein(x, y, p=2.0, **options)]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("x", "message"), BAD_SAMPLES)
def test_bad_samples_are_named(call, x, message):
    with pytest.raises(InvalidInputError, match=message):
        call(x, good)
    with pytest.raises(InvalidInputError, match=message.replace("`x`", "`y`")):
        call(good, x)


BAD_WEIGHTS = [
    ([0.5, -0.2, 0.7], r"`x_weights` must be non-negative; got -0.2 at index 1"),
    ([0.0, 0.0, 0.0], r"`x_weights` must have a positive sum; got 0.0"),
    ([1.0, np.nan, 1.0], r"`x_weights` must be finite; got nan at index 1"),
    ([1.0, np.inf, 1.0], r"`x_weights` must be finite; got inf at index 1"),
    ([1.0, 1.0], r"`x_weights` must have shape \(3,\), one weight a point; got shape \(2,\)"),
    (["a", "b", "c"], r"`x_weights` must hold real numbers"),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("weights", "message"), BAD_WEIGHTS)
def test_bad_weights_are_named(call, weights, message):
    with pytest.raises(InvalidInputError, match=message):
        call(good, good, x_weights=weights)


def test_unequal_columns_are_named():
    with pytest.raises(InvalidInputError, match=r"`y` must have 2 columns like `x`; got 3"):
        wasserstein1(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(InvalidInputError, match="dimension 2"):
        transport(np.zeros((2, 2)), np.zeros((2, 3)))


def test_unequal_masses_of_measures_are_named_with_both_totals():
    light, heavy = DiscreteMeasure(points=good), DiscreteMeasure(points=good, weights=[1, 1, 1])
    with pytest.raises(MassMismatchError, match=r"3\.0 against 1\.0") as caught:
        TransportProblem(source=light, target=heavy, cost=Euclidean())
    assert (caught.value.source_mass, caught.value.target_mass) == (1.0, 3.0)


def test_a_cost_matrix_of_the_wrong_shape_is_named():
    measure = DiscreteMeasure(points=good)
    with pytest.raises(InvalidInputError, match=r"`C` must have shape \(3, 3\)"):
        TransportProblem(source=measure, target=measure, cost=CostMatrix(np.zeros((2, 3))))
    with pytest.raises(InvalidInputError, match=r"`C` must have shape \(n, m\)"):
        transport_matrix(np.zeros(3))
    with pytest.raises(InvalidInputError, match=r"`C` must hold numbers or \+inf.*index \(0, 1\)"):
        transport_matrix([[0.0, np.nan]])


def test_support_points_to_the_histogram_call():
    with pytest.raises(TypeError, match="wasserstein1_histogram"):
        wasserstein1([0.2, 0.8], [0.8, 0.2], support=[0.0, 1.0])


@pytest.mark.parametrize("p", [0.5, 0.0, -1.0, np.nan, "two"])
def test_orders_below_one_are_refused(p):
    with pytest.raises(InvalidInputError, match="`p` must be"):
        wasserstein(good, good, p=p)


@pytest.mark.parametrize(("name", "value"), [("rtol", -1.0), ("atol", np.nan), ("rtol", "small")])
def test_bad_tolerances_are_named(name, value):
    with pytest.raises(InvalidInputError, match=f"`{name}` must be"):
        transport(good, good, **{name: value})
    with pytest.raises(InvalidInputError, match=f"`{name}` must be"):
        wasserstein1(good, good, **{name: value})


@pytest.mark.parametrize("solver", ["sinkhorn", 3, Euclidean])
def test_a_solver_is_an_object(solver):
    with pytest.raises(InvalidInputError, match="`solver` must be a solver object"):
        transport(good, good, solver=solver)


def test_unknown_metrics_are_refused_with_the_list():
    with pytest.raises(InvalidInputError, match="'euclidean', 'cityblock', 'chebyshev'"):
        wasserstein1(good, good, metric="sqeuclidean")
    with pytest.raises(InvalidInputError, match="`cost` must be a PNormCost"):
        transport(good, good, cost="manhattan")


def test_solve_wants_a_problem():
    with pytest.raises(InvalidInputError, match="`problem` must be a TransportProblem"):
        solve([[0.0]])


@pytest.mark.parametrize(
    "options", [{"norm": 0.5}, {"power": 0.0}, {"power": np.inf}, {"norm": "l2"}]
)
def test_bad_norms_and_powers_are_refused(options):
    with pytest.raises(InvalidInputError):
        PNormCost(**options)


def test_costs_that_overflow_are_refused():
    with pytest.raises(InvalidInputError, match="rescale the points"):
        transport([[1e200, 0.0]], [[-1e200, 0.0]], cost="sqeuclidean")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": [0.0, 0.0], "covariance": [[1.0]]}, r"`covariance` must have shape \(2, 2\)"),
        ({"mean": [0.0, 0.0], "covariance": [[1, 2], [0, 1]]}, "symmetric"),
        ({"mean": 0.0, "covariance": -1.0}, "positive semi-definite"),
        ({"mean": [0.0, 0.0], "covariance": [[1, 2], [2, 1]]}, "positive semi-definite"),
    ],
)
def test_bad_gaussians_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        Gaussian(**options)


def test_batches_and_histograms_check_their_shapes():
    with pytest.raises(InvalidInputError, match="broadcast"):
        wasserstein1_batch(np.zeros((2, 3)), np.zeros((4, 3)))
    with pytest.raises(InvalidInputError, match=r"`p` must have shape \(3,\)"):
        wasserstein1_histogram([0.5, 0.5], [0.5, 0.5], support=good)


VARIANTS = [
    [0, 1, 2],
    np.array([0, 1, 2], dtype=np.int32),
    np.array([0, 1, 2], dtype=np.float32),
    np.array([0, 9, 1, 9, 2, 9], dtype=float)[::2],
    np.array([2.0, 1.0, 0.0])[::-1],
    np.array([[0.0], [1.0], [2.0]]),
    np.array([False, True, True]).astype(np.uint8) + np.array([0, 0, 1], dtype=np.uint8),
]


@pytest.mark.parametrize("x", VARIANTS)
def test_other_types_and_layouts_give_the_same_value_and_stay_untouched(x):
    before = np.array(x, copy=True)
    if isinstance(x, np.ndarray):
        x.flags.writeable = False
    assert wasserstein1(x, [1.0, 2.0, 5.0]) == wasserstein1([0.0, 1.0, 2.0], [1.0, 2.0, 5.0])
    assert transport(x, [1.0, 2.0, 5.0]).value == pytest.approx(5 / 3, rel=1e-15)
    np.testing.assert_array_equal(before, x)


def test_measures_do_not_change_when_the_caller_does():
    points = np.array([[0.0], [1.0]])
    measure = DiscreteMeasure(points=points)
    points[0] = 7.0
    assert measure.points[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        measure.points[0] = 3.0
