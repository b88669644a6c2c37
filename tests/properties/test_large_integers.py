"""Integers beyond 2**53 and long doubles: exact differences, or an error, never rounded ones."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otdiv
from otdiv import (
    CostMatrix,
    DiscreteMeasure,
    Gaussian,
    InvalidInputError,
    PNormCost,
    SparsePlan,
    barycentric_map,
    gradient,
    kl_divergence,
    solvers,
    transport,
    transport_matrix,
    wasserstein1,
    wasserstein1_batch,
    wasserstein1_histogram,
    wasserstein1_result,
)

FAR = 6651867801273162 * 256  # a float64, whose neighbours are 256 away
LONG = np.finfo(np.longdouble).nmant > 62  # elsewhere a long double is a float64, or holds more

KINDS = {
    "int64": lambda values: np.array(values, dtype=np.int64),
    "uint64": lambda values: np.array(values, dtype=np.uint64),
    "python": list,
    "object": lambda values: np.array(values, dtype=object),
    "tuple": tuple,
}
if LONG:
    KINDS["longdouble"] = lambda values: np.array(values, dtype=np.longdouble)

PAIRS = {
    "wasserstein1": wasserstein1,
    "wasserstein2": otdiv.wasserstein2,
    "wasserstein(p=3)": lambda x, y: otdiv.wasserstein(x, y, p=3.0),
    "wasserstein(p=inf)": lambda x, y: otdiv.wasserstein(x, y, p=np.inf),
    "wasserstein1_result": lambda x, y: wasserstein1_result(x, y).value,
    "solver": lambda x, y: wasserstein1(x, y, solver=solvers.NetworkSimplex()),
    "rtol": lambda x, y: wasserstein1(x, y, rtol=1e-3),
    "transport": lambda x, y: transport(x, y).value,
    "sliced": lambda x, y: otdiv.sliced_wasserstein(x, y, rng=0),
    "energy": otdiv.energy_distance,
    "mmd": otdiv.maximum_mean_discrepancy,
    "sinkhorn": lambda x, y: otdiv.sinkhorn_divergence(x, y, epsilon=50.0),
    "batch": lambda x, y: float(wasserstein1_batch(x, y)),
    "pairwise": lambda x, y: float(PNormCost().pairwise(x, y).sum()),
    "between": lambda x, y: float(PNormCost().between(x, y).sum()),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PAIRS)
def test_a_far_origin_changes_no_distance(name, kind):
    x, y = [0, 5, 11, 18], [3, 4, 40, 1]
    far_x, far_y = ([FAR + value for value in side] for side in (x, y))
    near = PAIRS[name](np.array(x, dtype=float), np.array(y, dtype=float))
    assert PAIRS[name](KINDS[kind](far_x), KINDS[kind](far_y)) == pytest.approx(near, rel=1e-12)


def test_one_integer_against_another_is_their_difference():
    result = wasserstein1_result(np.array([1702878157125929618]), np.array([1702878157125929600]))
    assert result.value == 18.0
    assert result.value in result.bounds
    assert result.bounds.relative_gap < 1e-14


@pytest.mark.parametrize(
    ("x", "y", "distance"),
    [
        (np.array([-(2**63)]), np.array([-(2**63) + 1]), 1.0),
        (np.array([2**64 - 1], dtype=np.uint64), np.array([2**64 - 2], dtype=np.uint64), 1.0),
        (np.array([2**63 - 1]), np.array([2**63], dtype=np.uint64), 1.0),
        ([10**30 + 7], [10**30], 7.0),
        ([10**400 + 7], [10**400], 7.0),
        # Floats are exact numbers: the one given, not the one that was meant.
        (np.array([FAR + 18]), np.array([float(FAR)]), 18.0),
        ([2**53 + 1], np.array([2.0**53]), 1.0),
        # Exact as they are: nothing is moved.
        (np.array([2**60]), np.array([2**60 - 2**10]), 2.0**10),
        (np.array([2**62]), np.array([0.5]), 2.0**62 - 0.5),
    ],
)
def test_the_ends_of_every_type_are_exact(x, y, distance):
    assert wasserstein1(x, y) == distance == wasserstein1(y, x)


@pytest.mark.skipif(not LONG, reason="long doubles of this machine are no wider")
def test_long_doubles_keep_their_differences():
    one = np.longdouble(1)
    near = np.array([one + np.ldexp(one, -60)])
    assert wasserstein1(near, np.array([one])) == 2.0**-60
    assert wasserstein1(near, np.array([1.0])) == 2.0**-60
    with pytest.raises(InvalidInputError, match="`points` must hold numbers that float64 holds"):
        DiscreteMeasure(points=near)
    with pytest.raises(InvalidInputError, match="`p` must hold numbers that float64 holds"):
        kl_divergence(near / 2, near / 2)
    with pytest.raises(InvalidInputError, match="`x` must be finite; got inf at index 0"):
        wasserstein1(np.array([np.inf], dtype=np.longdouble), [0.0])
    huge = np.array([np.ldexp(one, 2000)])
    assert wasserstein1(huge, huge) == 0.0


@pytest.mark.parametrize("name", PAIRS)
def test_differences_that_float64_does_not_hold_are_refused(name):
    x, y = np.array([2**53 + 1]), np.array([0])
    with pytest.raises(
        InvalidInputError, match=r"`x` must differ.*got 9007199254740993 at index 0"
    ):
        PAIRS[name](x, y)
    with pytest.raises(
        InvalidInputError, match=r"`y` must differ.*got 9007199254740993 at index 0"
    ):
        PAIRS[name](y, x)


def test_each_axis_has_its_own_origin():
    x, y = np.array([[FAR + 3, -7], [FAR, 2]]), np.array([[FAR + 3, -3], [FAR, 6]])
    assert wasserstein1(x, y) == 4.0
    assert wasserstein1(x, y, metric="chebyshev") == 4.0
    x[:, 1] = 2**53 + 1
    y[:, 1] = 0
    with pytest.raises(InvalidInputError, match="`x` must differ"):
        wasserstein1(x, y)


def test_rows_of_a_batch_have_their_own_origins():
    x = np.array([[FAR + 3, FAR], [-FAR, -FAR + 1]])
    np.testing.assert_array_equal(wasserstein1_batch(x, x + 2), [2.0, 2.0])
    np.testing.assert_array_equal(wasserstein1_batch(x[:1], np.array([FAR, FAR])), [1.5])


def test_the_positions_of_a_histogram_have_an_origin():
    assert wasserstein1_histogram([1, 0], [0, 1], support=[FAR, FAR + 3]) == 3.0
    assert wasserstein1_histogram([1, 0], [0, 1], support=[[FAR, 0], [FAR, 3]]) == 3.0


def test_integers_beside_floats_in_a_list_are_not_rounded_by_numpy():
    assert wasserstein1([2**53 + 1, float(2**53)], [2**53 + 1, 2**53 + 1]) == 0.5
    assert wasserstein1([2**63 + 1, -1 + 2**63], [2**63]) == 1.0
    with pytest.raises(InvalidInputError, match="got 9007199254740993"):
        wasserstein1([2**53 + 1, 0.5], [0.0])


def test_mixed_data_frames_are_not_rounded():
    for module in ("pandas", "polars"):
        frames = pytest.importorskip(module)
        frame = frames.DataFrame({"id": [2**53 + 1, 3], "value": [1.0, 2.0]})
        with pytest.raises(InvalidInputError, match=r"the frame rounded to .* in column 0"):
            wasserstein1(frame, frame)
        assert wasserstein1(frame[["value"]], frame[["value"]]) == 0.0


SINGLES = {
    "points": lambda value: DiscreteMeasure(points=value),
    "x": lambda value: DiscreteMeasure.from_samples(value),
    "weights": lambda value: DiscreteMeasure(points=[0.0], weights=value),
    "mean": lambda value: Gaussian(mean=value, covariance=1.0),
    "covariance": lambda value: Gaussian(mean=0.0, covariance=value),
    "C": lambda value: CostMatrix([list(value)]),
    "x_weights": lambda value: wasserstein1([0.0], [1.0], x_weights=value),
    "y_weights": lambda value: transport([0.0], [1.0], y_weights=value),
    "p": lambda value: kl_divergence(value, [1]),
    "q": lambda value: otdiv.js_divergence([1], value),
    "mass": lambda value: SparsePlan(rows=[0], columns=[0], mass=value, shape=(1, 1)),
    "f": lambda value: otdiv.Potentials(f=value, g=[0.0]),
}


@pytest.mark.parametrize("name", SINGLES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_second_side_refuses_what_float64_does_not_hold(name, kind):
    with pytest.raises(InvalidInputError, match=rf"`{name}` must hold numbers.*9007199254740993"):
        SINGLES[name](KINDS[kind]([2**53 + 1]))
    if not (kind == "longdouble" and name in ("p", "q")):  # floats are masses, which sum to 1
        SINGLES[name](KINDS[kind]([2**54]))


def test_a_sample_against_a_law_is_one_sample():
    with pytest.raises(InvalidInputError, match="`x` must hold numbers that float64 holds exactly"):
        wasserstein1([2**53 + 1], Gaussian(mean=0.0, covariance=1.0))


def test_plans_potentials_gradients_and_maps_keep_their_meaning():
    near_x, near_y = np.array([[0, 1], [5, 2]]), np.array([[7, 0], [2, 2], [4, 9]])
    shift = np.array([FAR, 3])
    near = transport(near_x, near_y, cost="sqeuclidean")
    far = transport(near_x + shift, near_y + shift, cost="sqeuclidean")
    assert far.problem.origin == (FAR, 0)
    assert near.problem.origin is None
    np.testing.assert_array_equal(far.plan.toarray(), near.plan.toarray())
    f, g = far.potentials.f, far.potentials.g
    costs = PNormCost(power=2.0).pairwise(near_x, near_y)
    assert (f[:, None] + g <= costs * (1.0 + 1e-12) + 1e-12).all()
    np.testing.assert_allclose(gradient(far).x, gradient(near).x, rtol=1e-14)
    # Images are computed numbers: the nearest float64 to where they are.
    images = barycentric_map(far)
    exact = [
        [float(Fraction(z) + int(o)) for z, o in zip(row, shift, strict=True)]
        for row in barycentric_map(near).tolist()
    ]
    np.testing.assert_allclose(images, exact, rtol=2.0**-52)
    np.testing.assert_allclose(barycentric_map(far, near_x + shift), exact, rtol=2.0**-52)


def test_measures_stay_and_samples_move_towards_them():
    measure = DiscreteMeasure(points=np.array([float(FAR)]), weights=[1.0])
    result = transport([FAR + 18], measure)
    assert result.value == 18.0
    assert measure.points[0, 0] == float(FAR)


def test_floats_of_the_caller_are_not_written_to():
    x, y = np.array([FAR + 18]), np.array([float(FAR)])
    wasserstein1(x, y)
    assert (x[0], y[0]) == (FAR + 18, float(FAR))


WHOLE = st.integers(-(2**70), 2**70)


@settings(max_examples=300, deadline=None)
@given(WHOLE, st.lists(st.integers(0, 2**40), min_size=1, max_size=6), st.data())
def test_the_distance_on_the_line_is_that_of_exact_arithmetic(origin, steps, data):
    others = data.draw(st.lists(st.integers(0, 2**40), min_size=len(steps), max_size=len(steps)))
    x, y = [origin + step for step in steps], [origin + step for step in others]
    exact = Fraction(sum(abs(a - b) for a, b in zip(sorted(x), sorted(y), strict=True)), len(x))
    result = wasserstein1_result(x, y)
    assert Fraction(result.bounds.lower) <= exact <= Fraction(result.bounds.upper)
    assert result.value == pytest.approx(float(exact), rel=1e-14)


@settings(max_examples=200, deadline=None)
@given(st.lists(WHOLE, min_size=1, max_size=4), st.lists(WHOLE, min_size=1, max_size=4))
def test_any_integers_give_the_exact_distance_or_an_error(x, y):
    size = len(x) * len(y)
    left, right = sorted(x * len(y)), sorted(y * len(x))
    exact = Fraction(sum(abs(a - b) for a, b in zip(left, right, strict=True)), size)
    try:
        result = wasserstein1_result(x, y)
    except InvalidInputError:
        assert any(int(float(value)) != value for value in (*x, *y))
        return
    assert Fraction(result.bounds.lower) <= exact <= Fraction(result.bounds.upper)


def test_costs_given_as_integers_are_exact():
    assert CostMatrix([[2**54, 2**54 + 4]]).values.tolist() == [[2.0**54, 2.0**54 + 4.0]]
    with pytest.raises(InvalidInputError, match=r"`C` must hold numbers.*at index \(0, 1\)"):
        transport_matrix([[2**54, 2**54 + 1]])


def test_divergences_take_counts_of_any_exact_size():
    counts = np.array([2**60, 2**60], dtype=np.int64)
    assert kl_divergence(counts, [1, 1]) == 0.0
    with pytest.raises(InvalidInputError, match="counts below"):
        kl_divergence([2**70, 2**70], [1, 1])


def test_indices_of_plans_are_whole_numbers():
    with pytest.raises(InvalidInputError, match=r"`rows` must hold whole numbers; got 0.7"):
        SparsePlan(rows=[0.7], columns=[0], mass=[1.0], shape=(1, 1))
    assert SparsePlan(rows=[0.0], columns=[0], mass=[1.0], shape=(1, 1)).rows.dtype == np.int64
