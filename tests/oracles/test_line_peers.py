"""One-dimensional values agree with SciPy, POT and rational arithmetic."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from otdiv._kernels.line.distances import energy_line, wasserstein_line
from otdiv._kernels.line.histogram import histogram_rows, wasserstein1_rows

EPS = np.finfo(float).eps


def samples():
    """Pairs of samples with weights: smooth, tied, heavy-tailed, of equal and unequal counts."""
    rng = np.random.default_rng(2)
    for n, m in [(1, 1), (3, 3), (1, 6), (100, 100), (70, 33), (3000, 3000), (2500, 4000)]:
        for x, y in [
            (rng.normal(size=n), rng.normal(size=m) + 0.2),
            (rng.integers(0, 9, n) * 1.0, rng.integers(0, 9, m) * 1.0),
            (rng.standard_cauchy(n), rng.standard_cauchy(m) * 3.0),
        ]:
            yield x, y, None, None
            yield x, y, rng.random(n), rng.random(m)
            yield x, y, rng.integers(1, 9, n) * 1.0, None
            yield x, y, None, rng.integers(1, 9, m) * 1.0


def extent(x, y):
    return max(x.max(), y.max()) - min(x.min(), y.min())


def exact_w1(x, y, a, b):
    """W1 in rationals: the integral of |F - G| over the sorted atoms."""
    a = [1] * len(x) if a is None else a
    b = [1] * len(y) if b is None else b
    total_a, total_b = sum(map(Fraction, a)), sum(map(Fraction, b))
    atoms = sorted(
        [(Fraction(v), Fraction(w) / total_a) for v, w in zip(x, a, strict=True)]
        + [(Fraction(v), -Fraction(w) / total_b) for v, w in zip(y, b, strict=True)]
    )
    level, total = Fraction(0), Fraction(0)
    for (here, jump), (there, _) in itertools.pairwise(atoms):
        level += jump
        total += abs(level) * (there - here)
    return total


def test_w1_is_that_of_scipy():
    for x, y, a, b in samples():
        value, _ = wasserstein_line(x, y, a, b)
        expected = stats.wasserstein_distance(x, y, a, b)
        assert abs(value - expected) <= 1e-12 * expected + 4 * EPS * extent(x, y)


def test_w1_is_within_its_slack_of_rational_arithmetic():
    for x, y, a, b in samples():
        if x.size > 200:
            continue
        value, slack = wasserstein_line(x, y, a, b)
        assert abs(Fraction(value) - exact_w1(x, y, a, b)) <= Fraction(slack)


def test_energy_distance_is_that_of_scipy():
    for x, y, a, b in samples():
        value, slack = energy_line(x, y, a, b)
        expected = stats.energy_distance(x, y, a, b)
        # SciPy's plain sums of n rounded terms are the less accurate side.
        assert abs(value**2 - expected**2) <= 1e-11 * expected**2 + 8 * EPS * extent(x, y)
        assert slack <= 1e-6 * math.sqrt(extent(x, y))


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, 7.0])
def test_powers_are_those_of_pot(p):
    ot = pytest.importorskip("ot")
    for x, y, a, b in samples():
        value, _ = wasserstein_line(x, y, a, b, p)
        weights = [
            np.full(v.size, 1.0 / v.size) if w is None else w / w.sum() for v, w in [(x, a), (y, b)]
        ]
        expected = ot.wasserstein_1d(x, y, *weights, p=p)
        # POT's levels are rounded at each cumulative sum, so slivers of n eps move by the extent.
        tolerance = 1e-10 * expected + 4 * EPS * (x.size + y.size) * extent(x, y) ** p
        assert abs(value**p - expected) <= tolerance


def test_largest_distance_is_that_of_the_sorted_matching():
    for x, y, a, b in samples():
        if x.size == y.size and a is None and b is None:
            value, slack = wasserstein_line(x, y, p=math.inf)
            assert value == np.abs(np.sort(x) - np.sort(y)).max()
            assert slack <= EPS * value


def test_rows_of_samples_are_those_of_scipy():
    rng = np.random.default_rng(6)
    for n, m in [(1, 1), (4, 4), (6, 9), (1600, 1500)]:
        X, Y = rng.normal(size=(7, n)), rng.normal(size=(7, m))
        A, B = rng.random((7, n)), rng.random((7, m))
        for weights in ((None, None), (A, None), (None, B), (A, B)):
            expected = [
                stats.wasserstein_distance(
                    X[i], Y[i], *(None if w is None else w[i] for w in weights)
                )
                for i in range(7)
            ]
            np.testing.assert_allclose(wasserstein1_rows(X, Y, *weights), expected, rtol=1e-11)


def test_histograms_are_those_of_scipy_on_any_order_of_the_support():
    rng = np.random.default_rng(7)
    for k in (1, 2, 30, 400):
        support = rng.integers(0, 50, k) / 4.0
        p, q = rng.random((5, k)), rng.random((5, k))
        values, slacks = histogram_rows(p, q, support)
        for i in range(5):
            expected = stats.wasserstein_distance(support, support, p[i], q[i])
            assert abs(values[i] - expected) <= 1e-12 * expected + 4 * EPS * np.ptp(support)
            assert abs(Fraction(values[i]) - exact_w1(support, support, p[i], q[i])) <= slacks[i]
