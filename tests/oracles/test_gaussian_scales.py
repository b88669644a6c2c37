"""Divergences and distances of Gaussians of every scale against arithmetic of many digits."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from otdiv import (
    Gaussian,
    InvalidInputError,
    UnsupportedProblemError,
    chi2_divergence,
    hellinger_distance,
    jeffreys_divergence,
    kl_divergence,
    renyi_divergence,
    wasserstein1,
    wasserstein1_result,
    wasserstein2,
)
from otdiv.distances.laws.distance import law_distance

# Determinants of graded matrices span thousands of digits, and orders of 1e-300 cancel 300 of them.
DIGITS = 1500
ORDERS = [1e-300, 1e-10, 0.1, 0.5, 0.9, 1 - 1e-8, 1 - 2.0**-53, 1.0, 1 + 2.0**-52, 1.1, 3.0]
FLOAT_MAX = mpmath.mpf(np.finfo(float).max)


def normal(mean, covariance):
    return Gaussian(mean=mean, covariance=covariance)


def exact_matrix(rows):
    return mpmath.matrix([[mpmath.mpf(float(v)) for v in row] for row in np.atleast_2d(rows)])


def exact_renyi(alpha, step, A, B):
    """Rényi divergence of N(step, A) and N(0, B), of order 1 the one of Kullback and Leibler."""
    A, B, step = exact_matrix(A), exact_matrix(B), exact_matrix(step).T
    alpha, d = mpmath.mpf(alpha), A.rows
    log_A, log_B = mpmath.log(mpmath.det(A)), mpmath.log(mpmath.det(B))
    if alpha == 1:
        inverse = B**-1
        ratio = inverse * A
        trace = sum(ratio[i, i] for i in range(d))
        return (trace - d - log_A + log_B + (step.T * inverse * step)[0]) / 2
    mixture = alpha * B + (1 - alpha) * A
    try:
        mpmath.cholesky(mixture)
    except ValueError:
        return mpmath.inf
    moved = (step.T * mixture**-1 * step)[0]
    volumes = mpmath.log(mpmath.det(mixture)) - (1 - alpha) * log_A - alpha * log_B
    return alpha / 2 * moved - volumes / (2 * (alpha - 1))


def as_float(value):
    return math.inf if value > FLOAT_MAX else float(value)


def check_all(step, A, B, rel, orders=ORDERS, digits=DIGITS):
    p, q = normal(step, A), normal(np.zeros(len(step)), B)
    with mpmath.workdps(digits):
        exact = {alpha: exact_renyi(alpha, step, A, B) for alpha in {*orders, 0.5, 1.0, 2.0}}
        back = exact_renyi(1.0, -np.asarray(step), B, A)
        for alpha in orders:
            expected = pytest.approx(as_float(exact[alpha]), rel=rel)
            assert renyi_divergence(p, q, alpha=alpha) == expected
        root = mpmath.sqrt(-mpmath.expm1(-exact[0.5] / 2))
        assert kl_divergence(p, q) == pytest.approx(as_float(exact[1.0]), rel=rel)
        assert jeffreys_divergence(p, q) == pytest.approx(as_float(exact[1.0] + back), rel=rel)
        assert hellinger_distance(p, q) == pytest.approx(float(root), rel=rel)
        assert chi2_divergence(p, q) == pytest.approx(as_float(mpmath.expm1(exact[2.0])), rel=rel)


def correlated(rng, d):
    F = rng.normal(size=(d, d + 2))
    C = F @ F.T
    deviations = np.sqrt(np.diag(C))
    return C / np.outer(deviations, deviations)


VARIANCES = [1e-308, 1e-100, 1e-18, 0.3, 1.0, 1.0 + 1e-12, 1e20, 1e308]


@pytest.mark.parametrize("a", [*VARIANCES, 5e-324])
def test_laws_on_the_line_are_right_at_every_ratio_of_scales(a):
    """Beyond 2e-13 only exp amplifies: chi2 of up to 1e308 is exp(709)."""
    for b, step in itertools.product(VARIANCES, (0.0, 1e-8, 1e100)):
        # What overflows by less than a factor of 2 may overflow on the way.
        if not 1e307 < (a + step * step) / b < 1e309:
            check_all([step], [[a]], [[b]], rel=2e-13, digits=1000)


def test_a_narrow_law_is_a_finite_divergence_away_from_a_wide_one():
    narrow, wide = normal(0.0, 1e-18), normal(0.0, 1.0)
    assert kl_divergence(narrow, wide) == pytest.approx(20.2232658369464, rel=1e-14)
    assert kl_divergence(normal(0.0, 1e308), normal(0.0, 1e-308)) == math.inf
    expected = 0.5 * (616 * math.log(10.0) - 1.0)
    assert kl_divergence(normal(0.0, 1e-308), normal(0.0, 1e308)) == pytest.approx(expected)


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1.0, 1e150, 1e300])
def test_frozen_normal_laws_need_no_variance_that_is_a_float(unit):
    p, q = stats.norm(0.0, unit), stats.norm(unit, 2.0 * unit)
    assert kl_divergence(p, q) == pytest.approx(math.log(2.0) + 0.25 - 0.5, rel=1e-14)
    assert renyi_divergence(p, q, alpha=0.5) == pytest.approx(
        renyi_divergence(stats.norm(0, 1), stats.norm(1, 2), alpha=0.5), rel=1e-14
    )


@pytest.mark.parametrize("distance", [1e-5, 1e-10, 1e-15])
def test_deviations_that_differ_in_the_last_digits_keep_their_precision(distance):
    """D = (e - log(1 + e)) / 2 with e = s^2 - 1; the square of s would be rounded."""
    s = 1.0 + distance
    with mpmath.workdps(60):
        excess = mpmath.mpf(s) ** 2 - 1
        expected = float((excess - mpmath.log1p(excess)) / 2)
    assert kl_divergence(stats.norm(0, s), stats.norm()) == pytest.approx(expected, rel=1e-13)
    mixed = kl_divergence(stats.norm(0, s), normal(0.0, 1.0))
    assert mixed == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("d", [2, 3, 5])
@pytest.mark.parametrize("reach", [0, 30, 450])
def test_laws_in_space_are_right_in_any_units(d, reach):
    """1e-12: some ten roundings, times condition numbers of some hundreds."""
    rng = np.random.default_rng(10 * d + reach)
    A, B, step = correlated(rng, d), correlated(rng, d), rng.normal(size=d)
    first, second = (np.ldexp(1.0, rng.integers(-reach, reach + 1, d)) for _ in range(2))
    check_all(step * first, A * np.outer(first, first), B * np.outer(first, first), rel=1e-12)
    # Ratios of scales of up to 2**900 in the same law, in both directions.
    check_all(step * first, A * np.outer(first, first), B * np.outer(second, second), rel=1e-11)


@pytest.mark.parametrize("distance", [1e-3, 1e-8, 1e-12])
def test_laws_in_space_that_almost_coincide_keep_their_precision(distance):
    rng = np.random.default_rng(3)
    B, step = correlated(rng, 4), rng.normal(size=4)
    check_all(distance * step, B + distance * correlated(rng, 4), B, rel=1e-12)


@pytest.mark.parametrize("gap", [1e-6, 1e-10, 1e-13])
def test_nearly_singular_covariances_are_taken_as_they_are(gap):
    """A plain Cholesky factor would err by eps / gap; its repair by eps / sqrt(gap)."""
    S, T = ([[1.0, 1.0 - c], [1.0 - c, 1.0]] for c in (gap, 2.0 * gap))
    for A, B in itertools.permutations((S, T, np.eye(2)), 2):
        check_all([1e-3, 2e-3], A, B, rel=1e-9)


EVERY = [
    kl_divergence,
    jeffreys_divergence,
    hellinger_distance,
    chi2_divergence,
    *(lambda p, q, a=a: renyi_divergence(p, q, alpha=a) for a in (1e-300, 0.3, 0.9, 1.05, 4.0)),
]


@given(
    seed=st.integers(0, 2**32 - 1),
    d=st.integers(1, 6),
    lost=st.integers(0, 3),
    reach=st.integers(1, 450),
)
@settings(max_examples=60, deadline=None)
def test_no_divergence_depends_on_the_units_of_the_coordinates(seed, d, lost, reach):
    """Bit by bit for powers of two, for singular covariances on one subspace and on two as well."""
    rng = np.random.default_rng(seed)
    F, G = (rng.normal(size=(d, max(1, d - lost))) for _ in range(2))
    M = F @ rng.normal(size=(F.shape[1], F.shape[1]))
    step = F @ rng.normal(size=F.shape[1])
    units = np.ldexp(1.0, rng.integers(-reach, reach + 1, d))
    scales = np.outer(units, units)
    for A, B in ((M @ M.T, F @ F.T), (F @ F.T, F @ F.T), (F @ F.T, G @ G.T)):
        p, q = normal(step, A), normal(np.zeros(d), B)
        rescaled = normal(step * units, A * scales), normal(np.zeros(d), B * scales)
        for divergence in EVERY:
            assert divergence(*rescaled) == divergence(p, q)


@given(seed=st.integers(0, 2**32 - 1), d=st.integers(2, 6), reach=st.integers(0, 450))
@settings(max_examples=40, deadline=None)
def test_singular_laws_on_one_subspace_compare_as_on_its_coordinates(seed, d, reach):
    """x = F z is injective, so that the divergence of the laws of z is that of those of x."""
    rng = np.random.default_rng(seed)
    r = int(rng.integers(1, d))
    F = rng.normal(size=(d, r)) * np.ldexp(1.0, rng.integers(-reach, reach + 1, (d, 1)))
    K, L = (np.eye(r) + 0.3 * rng.normal(size=(r, r)) for _ in range(2))
    step = rng.normal(size=r)
    found = kl_divergence(
        normal(F @ step, (F @ K) @ (F @ K).T), normal(np.zeros(d), (F @ L) @ (F @ L).T)
    )
    expected = kl_divergence(normal(step, K @ K.T), normal(np.zeros(r), L @ L.T))
    # Rounding of the covariances, times the condition of the coordinates that were kept.
    condition = np.linalg.cond(L) ** 2 * np.linalg.cond(K) ** 2 * _least_condition(F) ** 2
    assert found == pytest.approx(expected, rel=1e-13 * condition)
    aside = normal(F @ step, F @ F.T), normal(F @ step + F[:, 0] * rng.normal(size=d), F @ F.T)
    assert kl_divergence(*aside) == math.inf


def _least_condition(F):
    """Condition of the best r rows of F in their own units."""
    rows = F / np.linalg.norm(F, axis=1, keepdims=True)
    choices = itertools.combinations(range(len(F)), F.shape[1])
    return min(np.linalg.cond(rows[list(choice)]) for choice in choices)


def test_laws_on_subspaces_that_differ_in_units_only_are_mutually_singular():
    A = np.ones((2, 2))
    for unit in (1.0 + 1e-6, 1e-9, 1e100):
        units = np.array([1.0, unit])
        q = normal([0.0, 0.0], A * np.outer(units, units))
        assert kl_divergence(normal([0.0, 0.0], A), q) == math.inf
        assert hellinger_distance(normal([0.0, 0.0], A), q) == 1.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("n", "d"), [(2, 3), (3, 50), (50, 128), (5, 5), (100, 200)])
def test_sample_covariances_of_few_samples_are_covariances(dtype, n, d):
    rng = np.random.default_rng(n * d)
    reach = 1.0 if dtype == np.float16 else 8.0
    z = (rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-reach, reach, d)).astype(dtype)
    for ddof in (0, 1):
        covariance = np.cov(z.T, dtype=dtype, ddof=ddof)
        p, q = normal(np.zeros(d), covariance), normal(np.zeros(d), covariance * dtype(2.0))
        assert kl_divergence(p, p) == 0.0
        if dtype == np.float16:  # three digits do not tell what the rank is
            continue
        # Half of the rank times -1/2 + log 2: the rank is n - 1.
        expected = 0.5 * min(n - 1, d) * (math.log(2.0) - 0.5)
        assert kl_divergence(p, q) == pytest.approx(expected, rel=1e-9)


def test_an_asymmetry_of_the_size_of_rounding_is_none():
    covariance = np.eye(3, dtype=np.float32) + np.float32(0.3)
    covariance[0, 1] = np.nextafter(covariance[1, 0], np.float32(1.0))
    assert normal(np.zeros(3), covariance).covariance[0, 1] == pytest.approx(0.3)
    with pytest.raises(InvalidInputError, match="be symmetric"):
        normal(np.zeros(3), covariance.astype(float))


@pytest.mark.parametrize(
    ("covariance", "found"),
    [
        ([[1.0, 1.0 + 1e-9], [1.0 + 1e-9, 1.0]], "smallest eigenvalue -1e-09"),
        (np.array([[1.0, 1.001], [1.001, 1.0]], dtype=np.float32), "smallest eigenvalue -0.001"),
        ([[1e-300, 2.0], [2.0, 1e300]], "smallest eigenvalue -0.9"),
        ([[1e-300, 1e300], [1e300, 1e-300]], "far below 0"),
        ([[1.0, 0.0], [0.0, -1e-30]], "a variance of -1e-30 at index 1"),
        ([[0.0, 1e-17], [1e-17, 1.0]], r"a covariance of 1e-17 .* at index \(0, 1\)"),
    ],
)
def test_an_indefinite_matrix_is_refused_with_what_is_negative_in_any_unit(covariance, found):
    with pytest.raises(InvalidInputError, match=f"`covariance` must be positive.*{found}"):
        normal(np.zeros(2), covariance)


def test_the_smallest_variance_is_kept():
    assert normal(0.0, 5e-324).covariance[0, 0] == 5e-324
    assert normal([0.0, 0.0], np.diag([5e-324, 1e308])).covariance[0, 0] == 5e-324


def test_a_law_in_space_does_not_compare_with_one_on_the_line():
    plane, line = normal([0.0, 0.0], np.eye(2)), stats.norm()
    with pytest.raises(InvalidInputError, match=r"`q` must have the dimension of `p` \(2\); got 1"):
        kl_divergence(plane, line)
    with pytest.raises(InvalidInputError, match=r"`q` must have the dimension of `p` \(1\); got 2"):
        hellinger_distance(normal(0.0, 1.0), plane)
    with pytest.raises((InvalidInputError, UnsupportedProblemError)):
        kl_divergence(plane, stats.gamma(2.0))


def exact_wasserstein2(step, A, B):
    """Root of |step|^2 + tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2."""

    def root(S):
        values, vectors = mpmath.eigsy(S)
        roots = [mpmath.sqrt(max(value, 0)) for value in values]
        return vectors * mpmath.diag(roots) * vectors.T

    A, B = exact_matrix(A), exact_matrix(B)
    half = root(A)
    inner = half * B * half
    inner = root((inner + inner.T) / 2)
    traces = sum(A[i, i] + B[i, i] - 2 * inner[i, i] for i in range(A.rows))
    return mpmath.sqrt(sum(mpmath.mpf(float(s)) ** 2 for s in step) + abs(traces))


@pytest.mark.parametrize("lost", [0, 2])
@pytest.mark.parametrize("unit", [1e-300, 1e-18, 1.0, 1e18, 1e300])
def test_wasserstein2_in_space_scales_with_its_unit(lost, unit):
    rng = np.random.default_rng(lost)
    F, G = rng.normal(size=(4, 4 - lost)), rng.normal(size=(4, 4))
    A, B, step = F @ F.T * unit, G @ G.T * unit, rng.normal(size=4) * math.sqrt(unit)
    p, q = normal(step, A), normal(np.zeros(4), B)
    with mpmath.workdps(50):
        expected = exact_wasserstein2(step, A, B)
        found = law_distance(p, q, 2.0)
        assert found.lower <= expected <= found.upper
    # Rounding of a singular matrix moves eigenvalues of 0 by eps, and their roots by 1e-8.
    assert wasserstein2(p, q) == pytest.approx(float(expected), rel=1e-7 if lost else 1e-12)


@pytest.mark.parametrize("a", [1e-308, 1e-18, 1.0, 1.0 + 1e-12, 1e308])
def test_distances_on_the_line_resolve_variances_that_have_one_root(a):
    for b in (np.nextafter(a, math.inf), np.nextafter(a, 0.0), a / 1.5, 1.0):
        if a == b:
            continue
        with mpmath.workdps(50):
            gap = abs(mpmath.sqrt(mpmath.mpf(a)) - mpmath.sqrt(mpmath.mpf(float(b))))
            first = gap * mpmath.sqrt(2 / mpmath.pi)
            for order, expected in ((1.0, first), (2.0, gap)):
                found = law_distance(normal(0.0, a), normal(0.0, b), order)
                assert found.lower <= expected <= found.upper
                assert found.value == pytest.approx(float(expected), rel=1e-14)


def test_means_beyond_the_largest_float_apart_are_infinitely_far():
    far, other = normal([1e308, 0.0], np.eye(2)), normal([-1e308, 0.0], 2.0 * np.eye(2))
    assert wasserstein2(far, other) == math.inf
    assert kl_divergence(far, other) == math.inf
    assert wasserstein1(normal(1e308, 1.0), normal(-1e308, 2.0)) == math.inf
    assert wasserstein1_result(normal(0.0, 1.0), normal(0.0, 1.0)).value == 0.0
