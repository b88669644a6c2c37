"""Intervals of rows in blocks and in pairs."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from otdiv import (
    InvalidInputError,
    confidence_interval,
    equivalence_test,
    total_variation,
    wasserstein1,
)
from otdiv.inference.bands import Draws
from otdiv.inference.category_units import CategoryUnits
from otdiv.inference.dependence import Units
from otdiv.inference.pooled_line import pool

RNG = np.random.default_rng(31)
X, Y = RNG.normal(size=240), RNG.normal(0.3, 1.2, size=180)


def stretches(n, length, first=0):
    return first + np.arange(n) // length


def two_blocks(length, n=240, m=180):
    return stretches(n, length), stretches(m, length, 1000)


def made(x=X, y=Y, **options):
    return confidence_interval(x, y, **({"rng": 1, "n_replicates": 200} | options))


def test_blocks_of_one_row_are_rows():
    singles = made(blocks=two_blocks(1), n_replicates=8000)
    plain = made(n_replicates=8000)
    # Signs of other rows: the standard error of either quantile is some .7 % of it.
    assert singles.high == pytest.approx(plain.high, rel=0.03)
    assert singles.method == plain.method == "selective"


def test_copies_in_a_block_count_once():
    """Every row five times, in blocks, is the interval of the rows."""
    plain = made(n_replicates=8000, method="triangle")
    blocks = np.repeat(np.arange(240), 5), np.repeat(np.arange(180), 5) + 1000
    copied = made(np.repeat(X, 5), np.repeat(Y, 5), blocks=blocks, n_replicates=8000,
                  method="triangle")  # fmt: skip
    assert copied.value == pytest.approx(plain.value, rel=1e-12)
    assert copied.length == pytest.approx(plain.length, rel=0.04)


def test_the_names_and_the_order_of_blocks_change_nothing():
    first = made(blocks=two_blocks(4))
    order_x, order_y = (np.random.default_rng(2).permutation(k) for k in (240, 180))
    codes_x, codes_y = two_blocks(4)
    shuffled = made(X[order_x], Y[order_y], blocks=(codes_x[order_x], codes_y[order_y]))
    assert shuffled.high == pytest.approx(first.high, rel=1e-9)
    words = [[f"{code:05d}" for code in side] for side in (codes_x, codes_y)]
    assert made(blocks=tuple(words)) == first


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", ["blocks", "pairs", "common blocks"])
def test_the_variance_of_the_noise_is_that_of_a_sign_a_unit(case, weighted):
    rng = np.random.default_rng(3)
    x, y = np.round(rng.normal(size=60), 1), np.round(rng.normal(size=60), 1)
    a, b = rng.random(60) + 0.1, rng.random(60) + 0.1
    a, b = (a / a.sum(), b / b.sum()) if weighted else (None, None)
    units = {
        "blocks": Units(stretches(60, 4), stretches(60, 7, 100)),
        "pairs": Units.of_pairs(60),
        "common blocks": Units(rng.integers(0, 9, 60), rng.integers(0, 9, 60)),
    }[case]
    line = pool(x, y, a, b, units)
    # By the definition: what a unit adds to F - G at each place, centred, squared and summed.
    a, b = (np.full(60, 1 / 60) if side is None else side for side in (a, b))
    of_x = line.steps > 0
    variance = np.zeros(120)
    for unit in np.unique(np.concatenate(units)):
        added = np.zeros(120)
        for mine, w, codes, level, sign in (
            (of_x, a, units.x, line.F, 1.0),
            (~of_x, b, units.y, line.G, -1.0),
        ):
            steps = np.zeros(120)
            rows = line.order[mine] if sign > 0 else line.order[mine] - 60
            steps[mine] = np.where(codes == unit, w, 0.0)[rows]
            added += sign * (np.cumsum(steps) - level * steps.sum())
        variance += added**2
    assert line.sd() ** 2 == pytest.approx(variance, abs=1e-15)


@pytest.mark.parametrize(
    "units", [Units.of_pairs(150), Units(stretches(150, 6), stretches(150, 4))]
)
def test_draws_of_units_have_that_variance(units):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=150), rng.normal(size=150)
    line = pool(x, y, None, None, units)
    # One place at a time: the gap there alone, so that ∫ |Z| is |Z| times it.
    for place in (20, 150, 270):
        gaps = np.zeros(300)
        gaps[place] = 1.0
        alone = line._replace(gaps=gaps)
        everywhere = np.ones(300, np.int8)
        signed = alone.signed_noise([everywhere], Draws(0.95, 8000, rng, 1, None))[0]
        expected = line.sd()[place] / line.unit
        assert np.std(signed) == pytest.approx(expected, rel=6.0 / math.sqrt(16000))
        assert abs(signed.mean()) < 6.0 * np.std(signed) / math.sqrt(8000)


def test_a_sample_paired_with_itself_has_no_noise():
    interval = made(X, X, paired=True)
    assert (interval.low, interval.value) == (0.0, 0.0)
    assert interval.high < 1e-12
    moved = made(X, X + 1.0, paired=True, n_replicates=400)
    assert moved.value == pytest.approx(1.0)
    # Where single rows are all that F and G differ by, no sign is certain, and their noise stays.
    assert moved.length < 0.1 * made(X, X + 1.0, n_replicates=400).length


def test_opposite_partners_make_the_band_longer():
    """Pairs that rise and fall together have less noise than strangers, opposite ones more."""
    common = np.random.default_rng(5).normal(size=400)
    lengths = [
        made(common, sign * common + 9.0, paired=paired, n_replicates=2000).length
        for sign, paired in ((1.0, True), (1.0, False), (-1.0, True))
    ]
    assert lengths[0] < 0.15 * lengths[1]
    # The mean difference of opposite ones has twice the variance of independent ones.
    assert lengths[2] == pytest.approx(math.sqrt(2.0) * lengths[1], rel=0.08)


def test_blocks_of_pairs_have_one_sign():
    x, y = np.repeat(X[:100], 3), np.repeat(X[:100] + Y[:100], 3)
    blocks = np.repeat(np.arange(100), 3)
    tripled = made(x, y, paired=True, blocks=blocks, n_replicates=8000, method="triangle")
    single = made(X[:100], X[:100] + Y[:100], paired=True, n_replicates=8000, method="triangle")
    assert tripled.length == pytest.approx(single.length, rel=0.04)


def test_rows_without_weight_leave_their_block_and_their_pair():
    weights = np.ones(180)
    weights[::7] = 0.0
    kept = weights > 0.0
    partners = X[:180]
    blocks = stretches(180, 3)
    for options in ({"paired": True}, {"blocks": (blocks, blocks + 1000)}):
        found = made(partners, Y, x_weights=weights, **options)
        part = {"blocks": (blocks[kept], blocks + 1000)} if "blocks" in options else None
        if part:
            assert made(partners[kept], Y, **part).high == pytest.approx(found.high, rel=1e-9)
        assert found.value == pytest.approx(wasserstein1(partners[kept], Y), rel=1e-12)


def test_the_order_of_rows_is_noted_unless_blocks_are_given():
    series = lfilter([1.0], [1.0, -0.9], np.random.default_rng(6).normal(size=3000))
    other = np.random.default_rng(7).normal(size=3000)
    assert any("neighbouring" in note for note in made(series, other).notes)
    blocks = stretches(3000, 50), stretches(3000, 50, 1000)
    assert made(series, other, blocks=blocks).notes == ()
    fewer = made(series, other, blocks=(blocks[0] // 2, blocks[1])).notes
    assert any("30 blocks" in note for note in fewer)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"blocks": stretches(240, 4)}, "blocks"),
        ({"blocks": (stretches(240, 4), stretches(10, 2))}, "blocks"),
        ({"paired": True}, "y"),
        ({"paired": 1}, "paired"),
        ({"blocks": two_blocks(4), "distance": "energy"}, "blocks"),
        ({"blocks": two_blocks(4), "method": "percentile"}, "blocks"),
        ({"blocks": two_blocks(4), "distance": "wasserstein2"}, "blocks"),
    ],
)
def test_what_cannot_be_is_refused(options, name):
    with pytest.raises(InvalidInputError, match=name):
        made(**options)


def test_categories_know_blocks_where_rows_are_given():
    labels = RNG.integers(0, 3, 300).tolist(), RNG.integers(0, 3, 300).tolist()
    blocks = two_blocks(5, 300, 300)
    for options in ({"distance": "jensen_shannon"}, {"method": "concentration"}):
        with pytest.raises(InvalidInputError, match="blocks"):
            made(*labels, blocks=blocks, **({"distance": "total_variation"} | options))
    counts = {"a": 20, "b": 30}, {"a": 25, "b": 25}
    with pytest.raises(InvalidInputError, match="one label a row"):
        made(*counts, distance="total_variation", paired=True)
    found = made(*labels, distance="total_variation", blocks=blocks)
    assert found == made(*labels, distance="total_variation", blocks=blocks, n_jobs=3)
    shares = [np.bincount(side) for side in labels]
    assert found.value == pytest.approx(total_variation(*shares), rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_noise_of_categories_has_the_variance_of_its_units(weighted):
    rng = np.random.default_rng(8)
    codes = rng.integers(0, 4, 90), rng.integers(0, 4, 60)
    a, b = rng.random(90), rng.random(60)
    weights = (a / a.sum(), b / b.sum()) if weighted else (np.full(90, 1 / 90), np.full(60, 1 / 60))
    units = Units(rng.integers(0, 20, 90), rng.integers(10, 30, 60))
    found = CategoryUnits.of_codes(codes, weights if weighted else (None, None), units, 4)
    laws = np.array([np.bincount(c, w, 4) for c, w in zip(codes, weights, strict=True)])
    expected = np.zeros(4)
    for unit in range(30):
        mine = np.zeros(4)
        for code, weight, of_row, law, sign in zip(
            codes, weights, units, laws, (1.0, -1.0), strict=True
        ):
            w = np.where(of_row == unit, weight, 0.0)
            mine += sign * (np.bincount(code, w, 4) - law * w.sum())
        expected += mine**2
    assert found.variances(laws) == pytest.approx(expected, rel=1e-9)
    noise = found.noise(laws, Draws(0.95, 8000, rng, 1, None))
    assert noise.shape == (8000, 4)
    assert noise.sum(axis=1) == pytest.approx(0.0, abs=1e-12)
    assert np.std(noise, axis=0) == pytest.approx(np.sqrt(expected), rel=6.0 / math.sqrt(16000))


def test_equal_units_are_drawn_as_one_kind_with_the_sum_of_their_signs():
    """Many pairs of few labels, beside the same pairs with weights that tell all of them apart."""
    rng = np.random.default_rng(12)
    codes = rng.integers(0, 3, 600), rng.integers(0, 3, 600)
    even = np.full(600, 1 / 600)
    uneven = even * (1.0 + 1e-9 * rng.random(600))
    units = Units.of_pairs(600)
    kinds = CategoryUnits.of_codes(codes, (None, None), units, 3)
    apart = CategoryUnits.of_codes(codes, (uneven / uneven.sum(), even), units, 3)
    # Pairs of one label, whichever, add nothing to p - q and are one kind.
    assert (kinds.times.size, apart.times.size) == (7, 600)
    assert kinds.times.sum() == 600
    laws = np.array([np.bincount(c, minlength=3) / 600 for c in codes])
    assert kinds.variances(laws) == pytest.approx(apart.variances(laws), rel=1e-6)
    draws = [one.noise(laws, Draws(0.95, 8000, rng, 1, None)) for one in (kinds, apart)]
    ends = [np.quantile(np.abs(noise).sum(axis=1), 0.95) for noise in draws]
    assert ends[0] == pytest.approx(ends[1], rel=0.04)


def test_equivalence_knows_blocks_and_pairs():
    x = np.random.default_rng(9).normal(size=300)
    y = x + 0.01
    paired = equivalence_test(x, y, margin=0.02, paired=True, rng=0)
    assert paired.equivalent
    assert not equivalence_test(x, y, margin=0.02, rng=0).equivalent
    blocks = stretches(300, 10), stretches(300, 10, 1000)
    assert equivalence_test(x, y, margin=0.02, blocks=blocks, rng=0).ruled_out > paired.ruled_out


@pytest.mark.slow
def test_blocks_cover_series_that_single_rows_do_not():
    """AR(1) of .9: stretches of 50 leave out 19 % of the variance of a mean, rows 95 %."""
    rng = np.random.default_rng(10)
    n, repetitions = 3000, 100
    blocks = stretches(n, 50), stretches(n, 50, 1000)
    held = np.zeros(2)
    for _ in range(repetitions):
        noise = math.sqrt(1.0 - 0.81) * rng.normal(size=(2, n + 200))
        x, y = lfilter([1.0], [1.0, -0.9], noise, axis=1)[:, 200:]
        for i, given in enumerate((blocks, None)):
            interval = made(x, y + 0.5, blocks=given, n_replicates=80, rng=rng)
            held[i] += 0.5 in interval
    assert held[0] / repetitions > 0.92 - 3.0 * math.sqrt(0.92 * 0.08 / repetitions)
    assert held[1] / repetitions < 0.6
