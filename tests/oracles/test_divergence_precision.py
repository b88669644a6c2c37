"""The divergences of vectors against 60-digit arithmetic, in units of the last place."""

import math

import mpmath
import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from otdiv import (
    DiscreteMeasure,
    chi2_divergence,
    hellinger_distance,
    jeffreys_divergence,
    js_distance,
    js_divergence,
    kl_divergence,
    renyi_divergence,
    total_variation,
)
from otdiv._kernels.divergence import log_ratios
from otdiv._kernels.logarithm import atanh_remainder

LOG_2 = math.log(2.0)


def kl_term(p, q):
    if q == 0:
        return mpmath.inf if p > 0 else 0
    return (p * mpmath.log(p / q) if p > 0 else 0) - p + q


def js_term(p, q):
    middle = (p + q) / 2
    return sum(side * mpmath.log(side / middle) for side in (p, q) if side > 0) / 2


def jeffreys_term(p, q):
    if p == q:
        return 0
    return (p - q) * mpmath.log(p / q) if p * q > 0 else mpmath.inf


def chi2_term(p, q):
    return (p - q) ** 2 / q if q > 0 else (mpmath.inf if p > 0 else 0)


def hellinger_term(p, q):
    return (mpmath.sqrt(p) - mpmath.sqrt(q)) ** 2 / 2


TERMS = {
    "kl": (kl_divergence, kl_term),
    "js": (js_divergence, js_term),
    "jeffreys": (jeffreys_divergence, jeffreys_term),
    "tv": (total_variation, lambda p, q: abs(p - q) / 2),
    "chi2": (chi2_divergence, chi2_term),
    "hellinger": (hellinger_distance, hellinger_term),
}
each = pytest.mark.parametrize("name", TERMS)


def exact(name, p, q):
    """Sum the terms of the rows as they are, divided by the mean of their totals."""
    with mpmath.workdps(60):
        first, second = ([mpmath.mpf(float(mass)) for mass in side] for side in (p, q))
        mean = (mpmath.fsum(first) + mpmath.fsum(second)) / 2
        terms = [TERMS[name][1](x, y) for x, y in zip(first, second, strict=True)]
        value = mpmath.inf if mpmath.inf in terms else mpmath.fsum(terms) / mean
        return mpmath.sqrt(value) if name == "hellinger" else value


def units_off(name, p, q):
    found, expected = TERMS[name][0](p, q), exact(name, p, q)
    if found == float(expected):
        return 0.0
    with mpmath.workdps(60):
        return float(abs(found - expected) / float(np.spacing(float(expected))))


def dirichlet(rng, n):
    return rng.dirichlet(np.full(n, rng.choice([0.05, 1.0, 10.0])))


@each
@pytest.mark.parametrize("n", [1, 2, 3, 10, 100, 3000])
def test_random_rows_are_right_to_4_units(name, n):
    rng = np.random.default_rng(n)
    for _ in range(4 if n > 1000 else 25):
        assert units_off(name, dirichlet(rng, n), dirichlet(rng, n)) <= 4.0


@each
@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_nearly_equal_rows_are_right_to_4_units(name, n):
    """Where the textbook formulas subtract nearly equal numbers."""
    rng = np.random.default_rng(n)
    for exponent in np.linspace(-15.5, -1.0, 30):
        p = dirichlet(rng, n)
        q = np.abs(p * (1.0 + 10.0**exponent * rng.standard_normal(n)))
        assert units_off(name, p, q / q.sum()) <= 4.0


@each
@pytest.mark.parametrize("n", [1, 2, 10, 100])
def test_rows_one_unit_apart_are_right_to_4_units(name, n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        p = dirichlet(rng, n)
        q = np.nextafter(p, rng.integers(0, 2, n).astype(float))
        assert units_off(name, p, q) <= 4.0


@each
def test_pairs_at_the_seams_of_the_formulas_are_right_to_4_units(name):
    """Ratios around 1/3, 1/2, 2 and 3, where one series hands over to the other."""
    for seam in (1 / 3, 0.5, math.sqrt(0.5), 1.0, math.sqrt(2.0), 2.0, 3.0):
        for ratio in seam * (1.0 + np.array([-1e-3, -1e-15, 0.0, 1e-15, 1e-3])):
            for x in (0.1, 0.17, 0.25, 0.3):
                assert units_off(name, [x, 1 - x], [x * ratio, 1 - x * ratio]) <= 4.0


@pytest.mark.parametrize("name", ["kl", "js", "jeffreys", "tv", "chi2"])
def test_subnormal_masses_are_right_to_4_units(name):
    """A root cannot resolve squares of subnormal numbers, so the Hellinger distance is left out."""
    for tiny in (5e-324, 1e-323, 1.5e-320, 2.2e-308, 1e-300):
        for other in (5e-324, 2.5e-323, 1e-310, 3e-308, 0.0, 0.25):
            pair = [1.0 - tiny, tiny], [1.0 - other, other]
            assert units_off(name, *pair) <= 4.0
            assert units_off(name, *pair[::-1]) <= 4.0


@each
def test_distant_ratios_are_right_to_4_units(name):
    for exponent in range(0, 300, 13):
        a = 10.0**-exponent / 3
        assert units_off(name, [1 - a, a], [a, 1 - a]) <= 4.0


def test_equal_float32_rows_and_their_multiples_are_zero_where_scipy_is_not():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(10), 1000).astype(np.float32)
    assert not js_divergence(p, p.copy()).any()
    counts = rng.integers(1, 1000, (1000, 10))
    assert not js_divergence(counts, 7 * counts).any()
    assert not kl_divergence(counts, 7 * counts).any()


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100, 2000])
def test_disjoint_rows_give_exactly_log_2(n):
    rng = np.random.default_rng(n)
    p, q = np.zeros((20, 2 * n)), np.zeros((20, 2 * n))
    p[:, :n], q[:, n:] = rng.dirichlet(np.ones(n), 20), rng.dirichlet(np.ones(n), 20)
    order = rng.permutation(2 * n)
    p, q = p[:, order], q[:, order]
    assert set(js_divergence(p, q)) == {LOG_2}
    assert set(js_divergence(p, q, base=2)) == {1.0}
    assert set(total_variation(p, q)) == {1.0}
    assert set(hellinger_distance(p, q)) == {1.0}
    assert set(kl_divergence(p, q)) == {math.inf}


@pytest.mark.parametrize("theta", [1e-300, -1e-300, 5e-324, 1e-9, -0.5, 1.0, 1e6])
def test_parallel_segments_are_log_2_apart_however_near(theta):
    """Example 1 of Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875, on one grid of heights."""
    z = np.linspace(0.0, 1.0, 257)
    p = DiscreteMeasure(points=np.column_stack([np.zeros_like(z), z]))
    q = DiscreteMeasure(points=np.column_stack([np.full_like(z, theta), z]))
    assert js_divergence(p, q) == LOG_2
    assert total_variation(p, q) == 1.0
    assert kl_divergence(p, q) == kl_divergence(q, p) == math.inf


@pytest.mark.parametrize("theta", [0.0, -0.0])
def test_parallel_segments_at_distance_zero_are_equal(theta):
    z = np.linspace(0.0, 1.0, 257)
    p = DiscreteMeasure(points=np.column_stack([np.zeros_like(z), z]))
    q = DiscreteMeasure(points=np.column_stack([np.full_like(z, theta), z]))
    for divergence in (js_divergence, kl_divergence, total_variation, hellinger_distance):
        assert divergence(p, q) == 0.0


@pytest.mark.parametrize("n", [2, 5, 100])
def test_uniform_laws_that_share_one_of_n_atoms(n):
    """JS = (1 - 1/n) log 2."""
    p = DiscreteMeasure(points=np.arange(n))
    q = DiscreteMeasure(points=np.arange(n) + n - 1.0)
    assert js_divergence(p, q) == pytest.approx((1 - 1 / n) * LOG_2, rel=4e-16)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9, 1.2, 2.0, 7.0, 150.0])
def test_renyi_agrees_with_its_sum_in_60_digits(alpha):
    rng = np.random.default_rng(3)
    for _ in range(20):
        p, q = dirichlet(rng, 9), dirichlet(rng, 9) + 1e-300
        p[0] = 0.0
        p /= p.sum()
        with mpmath.workdps(60):
            a, one = mpmath.mpf(alpha), mpmath.mpf(1)
            masses = [(mpmath.mpf(x), mpmath.mpf(y)) for x, y in zip(p, q, strict=True) if x > 0]
            mean = (mpmath.fsum(map(mpmath.mpf, p)) + mpmath.fsum(map(mpmath.mpf, q))) / 2
            total = mpmath.fsum(x**a * y ** (one - a) for x, y in masses) / mean
            expected = float(mpmath.log(total) / (a - 1))
        # Rows sum to 1 only to an ulp or two, which enters divided by |alpha - 1|.
        assert renyi_divergence(p, q, alpha=alpha) == pytest.approx(expected, rel=1e-13, abs=4e-15)


def test_the_vectorised_logarithm_is_right_to_2_units():
    rng = np.random.default_rng(1)
    x = np.concatenate([10.0 ** rng.uniform(-320, 300, 300), 1 + rng.uniform(-0.6, 1.2, 300)])
    y = np.concatenate([10.0 ** rng.uniform(-320, 300, 300), np.ones(300)])
    out = np.empty(x.size)
    log_ratios(x, y, out)
    with mpmath.workdps(60):
        for a, b, found in zip(x.tolist(), y.tolist(), out.tolist(), strict=True):
            expected = mpmath.log(mpmath.mpf(a) / mpmath.mpf(b))
            assert abs(found - expected) <= 2 * np.spacing(abs(float(expected)))


def test_the_series_of_atanh_is_right_on_its_interval():
    with mpmath.workdps(60):
        for r in np.linspace(1e-8, 1 / 3, 200):
            exact_r = mpmath.mpf(r)
            expected = (mpmath.atanh(exact_r) - exact_r) / exact_r**3
            assert abs(atanh_remainder(r * r) / expected - 1) <= 3e-16


def test_values_agree_with_scipy_where_it_is_sound():
    rng = np.random.default_rng(2)
    p, q = rng.dirichlet(np.ones(50), 200), rng.dirichlet(np.ones(50), 200)
    # SciPy's own error is that of a sum of 50 terms of either sign.
    np.testing.assert_allclose(kl_divergence(p, q), entropy(p, q, axis=1), rtol=1e-13)
    np.testing.assert_allclose(kl_divergence(p, q, base=2), entropy(p, q, 2, axis=1), rtol=1e-13)
    np.testing.assert_allclose(js_distance(p, q), jensenshannon(p, q, axis=1), rtol=1e-12)
