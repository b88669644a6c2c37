"""Noise by random signs: against its definition, one row and one draw after the other."""

import math

import numpy as np
import pytest

from otdiv._kernels.resampling import signs

MASK = (1 << 64) - 1


def word(key, row):
    """SplitMix64 in whole numbers of Python."""
    z = (key + (row + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def pooled(seed, weighted):
    """Steps, gaps and both samples, with ties within and between them."""
    rng = np.random.default_rng(seed)
    x, y = np.round(rng.normal(size=17), 1), np.round(rng.normal(size=11), 1)
    a = rng.random(17) if weighted else np.ones(17)
    b = rng.random(11) if weighted else np.ones(11)
    a, b = a / a.sum(), b / b.sum()
    both = np.concatenate([x, y])
    order = np.argsort(both, kind="stable")
    gaps = np.append(np.diff(both[order]), 0.0)
    return np.concatenate([a, -b])[order], gaps, order


def noise(steps, rows, key, lane):
    """Z after every pooled row, by its definition."""
    bits = [word(key, int(row)) >> lane & 1 for row in rows]
    e = np.array([2 * bit - 1 for bit in bits])
    Z = np.zeros(steps.size)
    for side in (steps > 0, steps < 0):
        w = np.abs(steps) * side
        Z += np.cumsum(w * e) - np.cumsum(w) * (w @ e)
    return Z


def integrals(steps, rows, gaps, certain, key, cut):
    """The kernel's, in two slices."""
    totals, levels, sums = np.zeros((2, 64)), np.zeros(2), np.zeros((3, 64))
    for first, last in ((0, cut), (cut, steps.size)):
        signs.count_signs(steps, rows, first, last, np.uint64(key), totals)
    for first, last in ((0, cut), (cut, steps.size)):
        signs.walk_signs(
            steps, rows, gaps, certain, first, last, np.uint64(key), totals, levels, sums
        )
    return 2.0 * sums[1:], totals


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("by_row", [False, True])
def test_integrals_of_the_noise_are_those_of_its_definition(weighted, by_row):
    steps, gaps, order = pooled(3, weighted)
    rng = np.random.default_rng(4)
    certain = rng.integers(-1, 2, size=steps.size).astype(np.int8)
    key = 0xDEADBEEF12345678
    rows = order.astype(np.int64) if by_row else None
    found, _ = integrals(steps, rows, gaps, certain, key, 9)
    for lane in (0, 1, 31, 63):
        Z = noise(steps, order if by_row else np.arange(steps.size), key, lane)
        assert found[0, lane] == pytest.approx((certain * Z) @ gaps, abs=1e-13)
        assert found[1, lane] == pytest.approx((np.abs(Z) * (certain == 0)) @ gaps, abs=1e-13)


def test_squares_of_the_noise_are_those_of_its_definition():
    steps, gaps, _ = pooled(5, True)
    key = 12345
    totals, levels, sums = np.zeros((2, 64)), np.zeros(2), np.zeros((2, 64))
    signs.count_signs(steps, None, 0, steps.size, np.uint64(key), totals)
    signs.walk_squares(steps, gaps, 0, steps.size, np.uint64(key), totals, levels, sums)
    for lane in (0, 40):
        Z = noise(steps, np.arange(steps.size), key, lane)
        assert 4.0 * sums[1, lane] == pytest.approx(Z**2 @ gaps, rel=1e-12)


def test_slices_change_no_bit():
    steps, gaps, _ = pooled(3, True)
    none = np.zeros(steps.size, np.int8)
    whole = integrals(steps, None, gaps, none, 99, 0)
    parts = integrals(steps, None, gaps, none, 99, 13)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_signs_are_fair_and_independent_of_each_other():
    # Means of ±1 and of products of neighbours in row and in lane, of 2^18 signs each: six standard
    # errors are 6 * 2^-9.
    bits = np.array([[word(7, row) >> lane & 1 for lane in range(64)] for row in range(4096)])
    e = 2.0 * bits - 1.0
    for product in (e, e[1:] * e[:-1], e[:, 1:] * e[:, :-1]):
        assert abs(product.mean()) < 6.0 * 2.0**-9


def test_drawn_counts_are_poisson_with_mean_one():
    n = 200_000
    drawn = np.empty(n)
    signs.draw_counts(np.full(n, 1.0 / n), np.uint64(5), 0, drawn)
    counts = np.rint(drawn / drawn[drawn > 0].min()).astype(int)
    assert drawn.sum() == pytest.approx(1.0, rel=1e-12)
    shares = np.bincount(counts, minlength=12)[:12] / n
    expected = [math.exp(-1.0) / math.factorial(k) for k in range(12)]
    # Six standard errors of a share.
    assert np.all(np.abs(shares - expected) < 6.0 * np.sqrt(np.array(expected) / n) + 6.0 / n)


def test_a_handful_of_rows_of_which_none_is_drawn_stays_as_it_is():
    weights = np.array([0.25, 0.75])
    drawn = np.empty(2)
    for key in range(100):
        signs.draw_counts(weights, np.uint64(key), 0, drawn)
        assert drawn.sum() == pytest.approx(1.0)


def quantile(values, weights, levels):
    places = np.searchsorted(np.cumsum(weights), levels - 1e-12)
    return values[np.minimum(places, values.size - 1)]


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_noise_of_quantiles_is_its_integral_over_all_levels(p):
    rng = np.random.default_rng(8)
    for _ in range(20):
        n, m = rng.integers(2, 9, size=2)
        x, y = np.sort(rng.normal(size=n)), np.sort(rng.normal(size=m))
        weights = []
        for size in (n, m, n, m):
            w = rng.integers(0, 3, size=size) + 0.0
            w[rng.integers(size)] += 1.0
            weights.append(w / w.sum())
        a, b, new_a, new_b = weights
        levels = np.unique(np.concatenate([[0.0], *map(np.cumsum, weights)]).clip(0.0, 1.0))
        middles = 0.5 * (levels[1:] + levels[:-1])
        Z = quantile(x, new_a, middles) - quantile(x, a, middles)
        Z -= quantile(y, new_b, middles) - quantile(y, b, middles)
        expected = np.diff(levels) @ np.abs(Z) ** p
        found = signs.quantile_noise(x, y, a, b, new_a, new_b, p)
        assert found == pytest.approx(expected, abs=1e-9)
