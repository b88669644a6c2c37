"""What the divergences accept, what they refuse, and the shapes they return."""

import math

import numpy as np
import pytest
from scipy import stats

from otdiv import (
    DiscreteMeasure,
    Gaussian,
    InvalidInputError,
    UnsupportedProblemError,
    chi2_divergence,
    f_divergence,
    hellinger_distance,
    jeffreys_divergence,
    js_distance,
    js_divergence,
    js_divergence_unhalved,
    kl_divergence,
    kl_divergence_result,
    population_stability_index,
    renyi_divergence,
    total_variation,
)

ALL = {
    "kl": kl_divergence,
    "jeffreys": jeffreys_divergence,
    "js": js_divergence,
    "js_distance": js_distance,
    "js_unhalved": js_divergence_unhalved,
    "tv": total_variation,
    "hellinger": hellinger_distance,
    "chi2": chi2_divergence,
    "psi": population_stability_index,
    "renyi_half": lambda p, q, axis=-1: renyi_divergence(p, q, alpha=0.5, axis=axis),
    "renyi_3": lambda p, q, axis=-1: renyi_divergence(p, q, alpha=3, axis=axis),
    "f": lambda p, q, axis=-1: f_divergence(
        p, q, lambda t: (t - 1) ** 2, slope_at_infinity=math.inf, axis=axis
    ),
}
each = pytest.mark.parametrize("divergence", ALL.values(), ids=ALL)


def rows(shape, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), size=shape[:-1])


@each
def test_a_single_pair_gives_a_python_float(divergence):
    assert type(divergence([0.25, 0.75], (0.5, 0.5))) is float


@each
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_equal_rows_give_exactly_zero_in_any_dtype(divergence, dtype):
    p = rows((40, 7)).astype(dtype)
    np.testing.assert_array_equal(divergence(p, p.copy()), np.zeros(40))


@each
def test_rows_do_not_depend_on_the_batch_they_came_in(divergence):
    p, q = rows((300, 130)), rows((300, 130), 1)
    together = divergence(p, q)
    alone = [divergence(p[i], q[i]) for i in (0, 1, 125, 126, 299)]
    assert together[[0, 1, 125, 126, 299]].tolist() == alone


@each
def test_a_long_row_is_summed_across_blocks(divergence):
    """A row of 5 blocks against the same masses in four pieces: the terms are additive."""
    n = 70_000
    p, q = rows((n,)), rows((n,), 1)
    pairs = np.stack([p, q])
    strided = np.repeat(pairs, 2, axis=1)[:, ::2]
    assert not strided.flags.c_contiguous
    assert divergence(*strided) == divergence(p, q)


@each
def test_axis_selects_the_masses(divergence):
    p, q = rows((3, 4, 5)), rows((3, 4, 5), 1)
    expected = divergence(p, q)
    np.testing.assert_array_equal(divergence(p.swapaxes(1, 2), q.swapaxes(1, 2), axis=1), expected)
    np.testing.assert_array_equal(
        divergence(np.moveaxis(p, -1, 0), np.moveaxis(q, -1, 0), axis=0), expected
    )


@each
def test_leading_axes_broadcast(divergence):
    p, q = rows((3, 1, 5)), rows((4, 5), 1)
    values = divergence(p, q)
    assert values.shape == (3, 4)
    assert values[2, 1] == divergence(p[2, 0], q[1])


@each
def test_no_rows_give_an_empty_array(divergence):
    assert divergence(np.empty((0, 3)), np.empty((0, 3))).shape == (0,)


@each
def test_inputs_are_read_only_safe_and_never_written_to(divergence):
    p, q = rows((6, 9)), rows((6, 9), 1)
    before = p.copy(), q.copy()
    p.flags.writeable = q.flags.writeable = False
    divergence(p, q)
    np.testing.assert_array_equal(p, before[0])
    np.testing.assert_array_equal(q, before[1])


@each
def test_integer_counts_are_relative(divergence):
    counts = np.array([[1, 2, 3], [4, 0, 2]])
    p = counts / counts.sum(axis=1, keepdims=True)
    q = np.array([0.25, 0.25, 0.5])
    np.testing.assert_array_equal(divergence(counts, q), divergence(p, q))
    np.testing.assert_array_equal(divergence(counts, 10 * counts), np.zeros(2))


@each
@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, math.nan], r"`p` must be finite; got nan at index 1"),
        ([[0.5, 0.5], [math.inf, 0.0]], r"`p` must be finite; got inf at index \(1, 0\)"),
        ([1.2, -0.2], r"`p` must be non-negative; got -0.2 at index 1"),
        ([3, -1], r"`p` must be non-negative; got -1 at index 1"),
        ([0, 0], r"`p` must have a positive sum; got 0.0"),
        ([], r"`p` must hold at least one mass"),
        (0.5, r"`p` must be a vector of masses or a law; got a scalar"),
        (["a", "b"], r"`p` must hold real numbers"),
        ([0.5, 0.5j], r"`p` must hold real numbers"),
        (np.array([0.5, None]), r"`p` must hold real numbers"),
        ([[0.5], [0.2, 0.3]], r"`p` must be a rectangular array"),
    ],
)
def test_each_bad_input_has_its_own_error(divergence, p, message):
    with pytest.raises(InvalidInputError, match=message):
        divergence(p, [0.5, 0.5])


SUMS = [name for name in ALL if name != "f"]  # f_divergence divides by the sums


@pytest.mark.parametrize("name", SUMS)
def test_probabilities_must_sum_to_one(name):
    with pytest.raises(InvalidInputError, match=r"`q` must sum to 1 within 1e-6 .* in row 1"):
        ALL[name]([0.5, 0.5], [[0.5, 0.5], [0.5, 0.6]])


def test_probabilities_in_float32_are_close_enough_to_one():
    p = rows((100, 1000)).astype(np.float32)
    assert np.all(js_divergence(p, p[::-1].copy()) < math.log(2))


@each
def test_lengths_must_agree(divergence):
    with pytest.raises(InvalidInputError, match=r"`q` must have as many masses as `p` \(2\)"):
        divergence([0.5, 0.5], [0.5, 0.25, 0.25])
    with pytest.raises(InvalidInputError, match=r"`q` must broadcast against `p`"):
        divergence(rows((3, 5)), rows((2, 5)))
    with pytest.raises(InvalidInputError, match=r"`axis` must be an axis of `p`"):
        divergence([0.5, 0.5], [0.5, 0.5], axis=4)


@pytest.mark.parametrize("base", [1, 0.5, -2, 0, math.inf, math.nan, "e"])
def test_the_base_is_a_number_above_one(base):
    with pytest.raises(InvalidInputError, match="`base` must be a number above 1"):
        js_divergence([0.5, 0.5], [1.0, 0.0], base=base)


@pytest.mark.parametrize("alpha", [0, -1, math.inf, math.nan, "two"])
def test_alpha_is_positive_and_finite(alpha):
    with pytest.raises(InvalidInputError, match="`alpha` must be a positive finite number"):
        renyi_divergence([0.5, 0.5], [1.0, 0.0], alpha=alpha)


def test_measures_of_different_mass_are_refused():
    p = DiscreteMeasure(points=[0.0, 1.0], weights=[1.0, 1.0])
    with pytest.raises(InvalidInputError, match="`q` must carry the mass of `p`"):
        js_divergence(p, DiscreteMeasure(points=[0.0], weights=[1.0]))
    with pytest.raises(InvalidInputError, match="`q` must have the dimension of `p`"):
        js_divergence(p, DiscreteMeasure(points=[[0.0, 1.0]], weights=[2.0]))


def test_an_axis_makes_no_sense_for_laws():
    p = DiscreteMeasure(points=[0.0])
    with pytest.raises(InvalidInputError, match="`axis` must stay at -1"):
        js_divergence(p, p, axis=0)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([0.5, 0.5], stats.norm()),
        (stats.poisson(2), DiscreteMeasure(points=[0.0])),
        (stats.multivariate_normal([0, 0]), Gaussian(mean=[0, 0], covariance=np.eye(2))),
        (stats.gaussian_kde([1.0, 2.0, 4.0]), stats.norm()),
        (stats.norm, stats.norm()),
    ],
)
def test_laws_that_do_not_compare_are_named(p, q):
    with pytest.raises(UnsupportedProblemError, match="pass"):
        js_divergence(p, q)


def test_several_laws_at_once_are_refused():
    with pytest.raises(InvalidInputError, match="freeze it with scalar parameters"):
        js_divergence(stats.expon([0.0, 1.0]), stats.expon())
    with pytest.raises(InvalidInputError, match="valid parameters"):
        js_divergence(stats.gamma(-1.0), stats.expon())


def test_js_of_gaussians_in_the_plane_says_what_has_a_closed_form():
    p = Gaussian(mean=[0.0, 0.0], covariance=np.eye(2))
    with pytest.raises(UnsupportedProblemError, match="hellinger_distance and chi2_divergence"):
        js_divergence(p, Gaussian(mean=[1.0, 0.0], covariance=np.eye(2)))


def test_off_support_atoms_of_vectors_are_named():
    result = kl_divergence_result([[0.5, 0.5], [0.2, 0.8]], [[1.0, 0.0], [0.5, 0.5]])
    assert result.value[0] == math.inf
    assert math.isfinite(result.value[1])
    assert result.off_support.tolist() == [[0, 1]]
    assert result.off_support_mass == 0.5


def test_off_support_atoms_follow_the_axis_and_the_counts():
    result = kl_divergence_result([[3, 1], [1, 1]], [[1, 1], [0, 1]], axis=0)
    assert result.off_support.tolist() == [[1, 0]]
    assert result.off_support_mass == 0.25


def test_off_support_points_of_measures_are_named():
    p = DiscreteMeasure(points=[[0.0, 1.0], [2.0, 3.0], [2.0, 3.0]], weights=[2.0, 1.0, 1.0])
    result = kl_divergence_result(p, DiscreteMeasure(points=[[0.0, 1.0]], weights=[4.0]))
    assert result.value == math.inf
    assert result.off_support.tolist() == [[2.0, 3.0]]
    assert result.off_support_mass == 0.5
    assert not result.off_support.flags.writeable


def test_off_support_of_frozen_laws_is_named():
    result = kl_divergence_result(stats.uniform(0, 10), stats.uniform(1, 2))
    np.testing.assert_array_equal(result.off_support, [[0.0, 1.0], [3.0, 10.0]])
    assert result.off_support_mass == pytest.approx(0.8, rel=1e-12)
    result = kl_divergence_result(stats.binom(4, 0.5), stats.binom(2, 0.5))
    np.testing.assert_array_equal(result.off_support, [3.0, 4.0])
    assert result.off_support_mass == pytest.approx(5 / 16, rel=1e-12)


def test_nothing_is_off_support_where_the_divergence_is_finite():
    for p, q in [
        ([0.5, 0.5], [0.25, 0.75]),
        (DiscreteMeasure(points=[1.0]), DiscreteMeasure(points=[1.0])),
        (stats.norm(), stats.t(3)),
        (Gaussian(mean=0.0, covariance=1.0), Gaussian(mean=1.0, covariance=2.0)),
        (stats.poisson(2), stats.geom(0.2, loc=-1)),
    ]:
        result = kl_divergence_result(p, q)
        assert math.isfinite(result.value)
        assert result.off_support.size == 0
        assert result.off_support_mass == 0.0


def test_a_pseudocount_is_added_to_every_bin_of_both_sides():
    p, q = np.array([30, 70, 0]), np.array([20, 70, 10])
    first, second = (p + 0.5) / 101.5, (q + 0.5) / 101.5
    expected = float(np.sum((first - second) * np.log(first / second)))
    assert population_stability_index(p, q) == math.inf
    found = population_stability_index(p, q, pseudocount=0.5)
    assert found == pytest.approx(expected, rel=1e-14)


def test_a_pseudocount_does_not_hide_a_negative_bin():
    with pytest.raises(InvalidInputError, match="`p` must be non-negative"):
        population_stability_index([-1, 3], [1, 1], pseudocount=2)
    with pytest.raises(InvalidInputError, match="`pseudocount` must be non-negative"):
        population_stability_index([1, 3], [1, 1], pseudocount=-2)
    with pytest.raises(InvalidInputError, match="`p` must be a vector of bin masses"):
        population_stability_index(stats.norm(), stats.norm())


def test_f_divergence_says_when_the_slope_at_infinity_is_missing():
    with pytest.raises(InvalidInputError, match="`slope_at_infinity` must be given"):
        f_divergence([0.5, 0.5], [1.0, 0.0], lambda t: (t - 1) ** 2)
    assert f_divergence([1.0, 0.0], [0.5, 0.5], lambda t: (t - 1) ** 2) == 1.0


SQUARE = {
    "array": lambda t: (t - 1) ** 2,
    "list": lambda t: [float(value - 1) ** 2 for value in t],
    "objects": lambda t: np.array([float(value - 1) ** 2 for value in t], dtype=object),
    "in place": lambda t: np.subtract(t, 1.0, out=t) ** 2,
}
PAIRS_OF_LAWS = {
    "vectors": ([0.5, 0.5, 0.0], [0.25, 0.25, 0.5]),
    "rows": ([[0.5, 0.5, 0.0]], [[0.25, 0.25, 0.5]]),
    "measures": (
        DiscreteMeasure(points=[0.0, 1.0], weights=[0.5, 0.5]),
        DiscreteMeasure(points=[0.0, 1.0], weights=[0.25, 0.75]),
    ),
    "continuous": (stats.norm(), stats.norm(1.0, 1.0)),
    "discrete": (stats.binom(3, 0.4), stats.binom(3, 0.5)),
}
each_pair = pytest.mark.parametrize("pair", PAIRS_OF_LAWS.values(), ids=PAIRS_OF_LAWS)


@each_pair
@pytest.mark.parametrize("f", SQUARE.values(), ids=SQUARE)
def test_f_may_give_its_numbers_in_any_form(pair, f):
    found = f_divergence(*pair, f, slope_at_infinity=math.inf)
    assert found == pytest.approx(chi2_divergence(*pair), rel=1e-9)


def raising(t):
    raise ZeroDivisionError("no ratio will do")


@each_pair
@pytest.mark.parametrize(
    ("f", "message"),
    [
        (3, "`f` must be callable; got int"),
        ("t - 1", "`f` must be callable; got str"),
        (lambda t: t, "`f` must be 0 at 1; got 1.0"),
        (lambda t: 0.0, "`f` must map an array to an array of its shape"),
        (lambda t: (t - 1)[:1], "`f` must map an array to an array of its shape"),
        (lambda t: (t - 1)[None], "`f` must map an array to an array of its shape"),
        (lambda t: (t - 1) * 1j, "`f` must give real numbers; got dtype complex128"),
        (lambda t: (t - 1) ** 2 + 0j, "`f` must give real numbers; got dtype complex128"),
        (lambda t: np.full(t.shape, "0"), "`f` must give real numbers; got dtype <U1"),
        (lambda t: None, r"`f` must give real numbers; got None \(NoneType\)"),
        (lambda t: [None for _ in t], r"`f` must give real numbers; got dtype object \(list\)"),
        (lambda t: [[0.0], [0.0, 1.0]], "`f` must give real numbers; got ragged rows"),
        (lambda t: {}, r"`f` must give real numbers; got {} \(dict\)"),
        (lambda t, u: t, "`f` must map an array of ratios .* got TypeError"),
        (math.log, "`f` must map an array of ratios .* got TypeError"),
        (raising, "`f` must map an array of ratios .* got ZeroDivisionError: no ratio will do"),
        (lambda t: np.where(t == 1, 0, math.nan), "`f` must give numbers for every ratio.*NaN at"),
    ],
)
def test_f_divergence_says_what_is_wrong_with_the_function(pair, f, message):
    with pytest.raises(InvalidInputError, match=message):
        f_divergence(*pair, f, slope_at_infinity=math.inf)


def test_a_function_without_a_value_at_zero_is_named_with_the_place():
    with pytest.raises(InvalidInputError, match=r"`f` must give numbers.*got NaN at t = 0"):
        f_divergence([0.5, 0.5, 0.0], [0.25, 0.25, 0.5], lambda t: t * np.log(t))


def test_what_the_function_raises_is_the_cause_of_the_error():
    with pytest.raises(InvalidInputError) as caught:
        f_divergence([1.0], [1.0], raising)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("slope", ["steep", 1j, [1.0], math.nan, -math.inf])
def test_the_slope_at_infinity_is_a_number_or_infinity(slope):
    with pytest.raises(InvalidInputError, match="`slope_at_infinity` must be a"):
        f_divergence([1.0], [1.0], lambda t: t - 1, slope_at_infinity=slope)


@each
@pytest.mark.parametrize("axis", [1.5, 1.0, "1", True, np.True_, None, (0,), [0], 1j, np.ones(2)])
def test_an_axis_is_an_integer(divergence, axis):
    for p, q in (([0.5, 0.5], [0.25, 0.75]), ([[0.5, 0.5]] * 2, [[0.25, 0.75]] * 2)):
        with pytest.raises(InvalidInputError, match="`axis` must be an integer"):
            divergence(p, q, axis=axis)


@each
@pytest.mark.parametrize("axis", [2, -3, 2**70])
def test_an_axis_is_one_of_the_array(divergence, axis):
    with pytest.raises(InvalidInputError, match=r"`axis` must be an axis of `p`; got .*\(2, 2\)"):
        divergence([[0.5, 0.5]] * 2, [[0.25, 0.75]] * 2, axis=axis)


@each
@pytest.mark.parametrize("axis", [np.int64(0), np.uint8(0), np.array(0)])
def test_an_integer_of_numpy_is_an_axis(divergence, axis):
    p, q = rows((3, 4)).T, rows((3, 4), seed=1).T
    np.testing.assert_array_equal(divergence(p, q, axis=axis), divergence(p, q, axis=0))


@pytest.mark.parametrize("axis", [0, 1.5, None, "1"])
def test_no_law_of_any_kind_has_an_axis(axis):
    for name in ("measures", "continuous", "discrete"):
        for divergence in (ALL["kl"], ALL["js"], ALL["renyi_half"], ALL["renyi_3"], ALL["f"]):
            with pytest.raises(InvalidInputError, match="`axis` must"):
                divergence(*PAIRS_OF_LAWS[name], axis=axis)


@pytest.mark.parametrize("number", [10**400, -(10**400)])
def test_an_order_or_a_base_beyond_float64_is_refused(number):
    with pytest.raises(InvalidInputError, match="`alpha` must stay within float64"):
        renyi_divergence([0.5, 0.5], [1.0, 0.0], alpha=number)
    with pytest.raises(InvalidInputError, match="`base` must stay within float64"):
        kl_divergence([0.5, 0.5], [1.0, 0.0], base=number)
