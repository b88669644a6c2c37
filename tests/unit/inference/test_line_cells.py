"""Noise from cells of many rows: it is that of the rows, at any number of them."""

import math

import numpy as np
import pytest
from scipy import stats

from otdiv import confidence_interval, equivalence_test, permutation_null, wasserstein1
from otdiv.inference.bands import Draws, as_rows
from otdiv.inference.line_bands import SIGNS_CERTAIN, upper_end, wasserstein1_band
from otdiv.inference.line_cells import ROW_BUDGET, LineCells
from otdiv.inference.pooled_line import pool

LAWS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "Pareto 1.5": lambda rng, n: rng.pareto(1.5, n),
    "few values": lambda rng, n: np.rint(rng.standard_normal(n)),
}


def samples(law, n, m, weighted, seed=0):
    rng = np.random.default_rng([seed, n, m])
    x, y = LAWS[law](rng, n), LAWS[law](rng, m)
    weights = (rng.lognormal(size=n), rng.lognormal(size=m)) if weighted else (None, None)
    return x, y, *weights


def drawn(count, seed, n_jobs=1, level=0.95):
    return Draws(level, count, np.random.default_rng(seed), n_jobs, None)


def quantile_errors(values, level=0.95):
    """A quantile of draws and its standard error, by the binomial law of ranks."""
    spread = math.sqrt(level * (1.0 - level) / values.size)
    low, middle, high = np.quantile(values, [level - spread, level, level + spread])
    return middle, 0.5 * (high - low)


def assert_same_law(found, expected, share):
    """Means and 95 % quantiles agree to five standard errors and a share of them."""
    error = math.hypot(*(np.std(v) / math.sqrt(v.size) for v in (found, expected)))
    assert abs(found.mean() - expected.mean()) <= 5.0 * error + share * expected.mean()
    (q, q_error), (r, r_error) = quantile_errors(found), quantile_errors(expected)
    assert abs(q - r) <= 5.0 * math.hypot(q_error, r_error) + share * r


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("n", "m"), [(2000, 2000), (20_000, 200)])
def test_the_null_is_that_of_relabelled_rows(law, n, m, weighted):
    x, y, a, b = samples(law, n, m, weighted)
    expected = permutation_null(x, y, n_permutations=20_000, x_weights=a, y_weights=b, rng=1)
    found = LineCells.of(x, y, a, b).null(4096, np.random.default_rng(2))
    assert_same_law(found, np.asarray(expected), 0.005)


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("n", "m"), [(2000, 1500), (9000, 200)])
def test_the_noise_is_that_of_the_signs_of_all_rows(law, n, m, weighted):
    x, y, a, b = samples(law, n, m, weighted)
    if weighted:
        a, b = a / a.sum(), b / b.sum()
    # Moved by two standard errors of a mean: some signs are certain, others are not.
    line = pool(x, y + 2.0 / math.sqrt(min(n, m)), a, b)
    cells = LineCells.of_line(line)
    noises = []
    for source, seed in ((cells, 1), (line, 2)):
        choices = [source.decided(SIGNS_CERTAIN), source.undecided()]
        noises.append(source.signed_noise(choices, drawn(4096, seed)))
    (signed, absolute, _, whole), (row_signed, row_absolute, _, row_whole) = noises
    assert_same_law(whole, row_whole, 0.005)
    # Where a few gaps make much of ∫, whether the sign of one is certain counts: their stop is at
    # the row of the gap, so the choice is that of the rows.
    assert_same_law(np.abs(signed) + absolute, np.abs(row_signed) + row_absolute, 0.01)


def test_relabellings_of_few_rows_are_every_subset_alike():
    """All 15 ways to choose 2 of 6 rows, with values that tell them apart."""
    x, y = np.array([0.0, 1.0]), np.array([3.0, 7.0, 15.0, 31.0])
    every = np.asarray(permutation_null(x, y, n_permutations=15))
    found = LineCells.of(x, y).null(15_000, np.random.default_rng(0))
    values, counts = np.unique(np.round(found, 9), return_counts=True)
    expected, times = np.unique(np.round(every, 9), return_counts=True)
    assert values == pytest.approx(expected, rel=1e-9)
    assert stats.chisquare(counts, times * 1000.0).pvalue > 1e-4


def test_masses_travel_with_their_rows():
    """All 10 ways to choose 2 of 5 rows of unlike masses, by direct calls."""
    values, masses = np.array([0.0, 1.0, 4.0, 9.0, 20.0]), np.array([1.0, 5.0, 2.0, 0.5, 3.0])
    expected = []
    for i in range(5):
        for j in range(i):
            first = np.isin(np.arange(5), [i, j])
            weights = {"x_weights": masses[first], "y_weights": masses[~first]}
            expected.append(wasserstein1(values[first], values[~first], **weights))
    cells = LineCells.of(values[:2], values[2:], masses[:2], masses[2:])
    found = np.unique(np.round(cells.null(2000, np.random.default_rng(0)), 9))
    assert found == pytest.approx(np.unique(np.round(expected, 9)), rel=1e-9)


def test_a_side_without_weights_weighs_like_the_mean_row_of_the_other():
    x, y, _, b = samples("normal", 300, 200, True)
    one_sided = LineCells.of(x, y, None, b)
    both = LineCells.of(x, y, np.full(300, b.mean()), b)
    draws = [cells.null(200, np.random.default_rng(3)) for cells in (one_sided, both)]
    assert draws[0] == pytest.approx(draws[1], rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_the_same_seed_gives_the_same_draws_for_any_number_of_threads(weighted):
    cells = LineCells.of(*samples("Cauchy", 3000, 1000, weighted))
    nulls = [cells.null(300, np.random.default_rng(4), n_jobs=jobs) for jobs in (1, 3)]
    assert (nulls[0] == nulls[1]).all()
    assert nulls[0].shape == (300,)
    more = cells.null(500, np.random.default_rng(4))
    assert (more[:256] == nulls[0][:256]).all()


def test_a_callback_ends_the_drawing():
    cells = LineCells.of(*samples("normal", 3000, 1000, False))
    seen = []
    found = cells.null(
        6400, np.random.default_rng(0), callback=lambda p: seen.append(p.iteration) or True
    )
    assert found.size < 6400
    assert seen


@pytest.mark.parametrize("shift", [0.0, 1e9])
@pytest.mark.parametrize("factor", [1e-200, 1.0, 1e200])
def test_draws_have_the_unit_of_the_rows(factor, shift):
    if shift and factor != 1.0:
        pytest.skip("one change at a time")
    x, y, *_ = samples("Pareto 1.5", 800, 700, False)
    plain = LineCells.of(x, y).null(64, np.random.default_rng(5))
    found = LineCells.of(factor * x + shift, factor * y + shift).null(64, np.random.default_rng(5))
    # A shift by 1e9 takes ten digits off the gaps between neighbours.
    assert found == pytest.approx(factor * plain, rel=1e-4 if shift else 1e-9)


def test_equal_rows_have_no_noise():
    cells = LineCells.of(np.ones(3000), np.ones(2000))
    assert not cells.null(100, np.random.default_rng(0)).any()
    assert not cells.signed_noise([cells.undecided()], drawn(100, 0)).any()


def test_two_values_are_a_hypergeometric_count():
    """One gap; the labels above it are counted as whole numbers, so that ties are ties."""
    x, y = np.repeat([0.0, 1.0], [2500, 500]), np.repeat([0.0, 1.0], [1700, 300])
    found = LineCells.of(x, y).null(20_000, np.random.default_rng(6))
    # W1 = |k / n - (800 - k) / m| of k ones among 3000 of 5000 rows.
    k = np.arange(801)
    values = np.abs(k / 3000 - (800 - k) / 2000)
    probabilities = stats.hypergeom(5000, 800, 3000).pmf(k)
    assert np.abs(found[:, None] - values[(probabilities > 1e-12)]).min(axis=1).max() < 1e-12
    for level in (0.5, 0.9, 0.95, 0.99):
        at = values[np.argsort(values)][np.searchsorted(
            np.cumsum(probabilities[np.argsort(values)]), level)]  # fmt: skip
        expected = float(probabilities[values >= at - 1e-12].sum())
        error = math.sqrt(expected * (1.0 - expected) / found.size)
        assert np.mean(found >= at - 1e-12) == pytest.approx(expected, abs=5.0 * error)


def test_a_value_with_many_rows_keeps_its_place():
    """Half of the rows at 0 between two normal halves: the gaps beside it are where they were."""
    rng = np.random.default_rng(7)
    values = np.concatenate([-1.0 - rng.random(2500), np.zeros(5000), 1.0 + rng.random(2500)])
    rng.shuffle(values)
    cells = LineCells.of(values[:5000], values[5000:])
    wide = np.flatnonzero(cells.gaps > 0.9 * cells.gaps.max())
    assert cells.ends[wide].tolist() == [2500, 7500]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "n", "m", "weighted"),
    [
        ("Cauchy", 1500, 700, False),
        ("Pareto 1.5", 2000, 60, True),
        ("few values", 1000, 600, False),
    ],
)
def test_equal_laws_are_rejected_as_often_as_asked(law, n, m, weighted):
    repetitions, rejected = 200, 0
    for seed in range(repetitions):
        x, y, a, b = samples(law, n, m, weighted, 100 + seed)
        value = wasserstein1(x, y, x_weights=a, y_weights=b) * (1.0 - 1e-12)
        null = LineCells.of(x, y, a, b).null(59, np.random.default_rng(seed))
        rejected += (1 + np.count_nonzero(null >= value)) / 60 <= 0.05
    assert rejected / repetitions == pytest.approx(
        0.05, abs=4.0 * math.sqrt(0.05 * 0.95 / repetitions)
    )


@pytest.mark.parametrize("method", ["triangle", "selective"])
def test_a_band_from_cells_is_that_of_the_rows(method):
    x, y, *_ = samples("normal", 3000, 2000, False)
    pair = as_rows(x, y + 0.05, None, None)
    from_cells, from_rows = (
        wasserstein1_band(pair, method, drawn(2000, 1), cells=cells) for cells in (True, False)
    )
    assert from_cells.value == from_rows.value == wasserstein1(x, y + 0.05)
    # The standard error of each of both quantiles is some 1.4 % of it.
    half = from_rows.high - from_rows.value
    assert from_cells.high - from_cells.value == pytest.approx(half, rel=0.1)
    assert "cells" in from_cells.notes[-1]
    assert from_rows.notes == ()
    one_sided = upper_end(pair, drawn(2000, 1), cells=True)
    assert one_sided.notes == from_cells.notes
    assert one_sided.noise.size == 2000


def test_many_rows_are_drawn_from_cells_and_the_interval_says_so():
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=ROW_BUDGET), rng.normal(0.5, 1.0, 1000)
    interval = confidence_interval(x, y, rng=0, n_replicates=200)
    assert "cells" in interval.notes[-1]
    assert interval.value == wasserstein1(x, y)
    assert 0.5 in interval
    assert "cells" in equivalence_test(x, y, margin=1.0, rng=0).notes[-1]
    few = confidence_interval(x[: ROW_BUDGET - 1000], y, rng=0, n_replicates=200)
    assert few.notes == ()
    assert few.high - few.value == pytest.approx(interval.high - interval.value, rel=0.2)
