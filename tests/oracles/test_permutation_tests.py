"""Permutation tests against SciPy's, and against every relabelling written out in Python."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import otdiv
from otdiv import k_sample_test, permutation_null, two_sample_test

LINE = ("wasserstein1", "energy", "cramer_von_mises", "kolmogorov_smirnov", "wasserstein2")
SPACE = ("wasserstein1", "wasserstein2", "energy", "maximum_mean_discrepancy")


def cramer_von_mises(x, y, a=None, b=None):
    """N m / N times the mean of (F - G)² over the pooled law, from its definition."""
    a = np.ones(len(x)) if a is None else np.asarray(a)
    b = np.ones(len(y)) if b is None else np.asarray(b)
    z, w = np.concatenate([x, y]), np.concatenate([a, b])
    F = np.array([a[np.asarray(x) <= t].sum() for t in z]) / a.sum()
    G = np.array([b[np.asarray(y) <= t].sum() for t in z]) / b.sum()
    n, m = len(x), len(y)
    return n * m / (n + m) * float(w @ (F - G) ** 2) / w.sum()


def kolmogorov_smirnov(x, y, a=None, b=None):
    a = np.ones(len(x)) if a is None else np.asarray(a)
    b = np.ones(len(y)) if b is None else np.asarray(b)
    z = np.concatenate([x, y])
    F = np.array([a[np.asarray(x) <= t].sum() for t in z]) / a.sum()
    G = np.array([b[np.asarray(y) <= t].sum() for t in z]) / b.sum()
    return float(np.abs(F - G).max())


def of_house(function, **options):
    def call(x, y, a=None, b=None):
        return float(function(x, y, x_weights=a, y_weights=b, **options))

    return call


BANDWIDTH = 1.3
DEFINITIONS = {
    "wasserstein1": of_house(otdiv.wasserstein1),
    "wasserstein2": of_house(otdiv.wasserstein2),
    "energy": of_house(otdiv.energy_distance),
    "cramer_von_mises": cramer_von_mises,
    "kolmogorov_smirnov": kolmogorov_smirnov,
    "maximum_mean_discrepancy": of_house(otdiv.maximum_mean_discrepancy, bandwidth=BANDWIDTH),
}


def options_of(name):
    return {"bandwidth": BANDWIDTH} if name == "maximum_mean_discrepancy" else {}


def written_out(name, z, w, labels):
    """The statistic for every one of the labels (L, N)."""
    z = np.asarray(z)
    call = DEFINITIONS[name]
    return np.array(
        [
            call(z[held], z[~held], None if w is None else w[held], None if w is None else w[~held])
            for held in np.asarray(labels, bool)
        ]
    )


def all_labels(n, m):
    rows = []
    for chosen in itertools.combinations(range(n + m), n):
        held = np.zeros(n + m, bool)
        held[list(chosen)] = True
        rows.append(held)
    return rows


def share_reached(values, observed):
    """Share of values at or above the observed one, ties to the rounding of other formulas."""
    room = 1e-7 * max(1.0, abs(observed))
    return np.mean(values >= observed - room), np.mean(values >= observed + room)


def check(result, name, z, w, labels):
    values = written_out(name, z, w, labels)
    held = np.repeat([True, False], result.sizes)
    observed = written_out(name, z, w, [held])[0]
    assert result.method == "exact enumeration"
    assert result.n_permutations == len(labels)
    assert result.value == pytest.approx(observed, rel=1e-9, abs=2e-8)
    np.testing.assert_allclose(np.sort(result.null), np.sort(values), rtol=1e-9, atol=2e-8)
    most, least = share_reached(values, observed)
    assert least <= result.pvalue <= most


few = settings(max_examples=25)
numbers = st.integers(-8, 8).map(lambda k: 0.5 * k)
line_samples = st.tuples(
    st.lists(numbers, min_size=2, max_size=4), st.lists(numbers, min_size=1, max_size=4)
)
masses = st.integers(1, 5).map(float)


@pytest.mark.parametrize("name", LINE)
@few
@given(samples=line_samples)
def test_exact_enumeration_on_the_line_is_every_subset(name, samples):
    x, y = samples
    result = two_sample_test(x, y, statistic=name)
    check(result, name, x + y, None, all_labels(len(x), len(y)))


@pytest.mark.parametrize("name", LINE)
@few
@given(samples=line_samples, data=st.data())
def test_weights_travel_with_their_rows(name, samples, data):
    x, y = samples
    n, m = len(x), len(y)
    w = np.array(data.draw(st.lists(masses, min_size=n + m, max_size=n + m)))
    result = two_sample_test(x, y, x_weights=w[:n], y_weights=w[n:], statistic=name)
    check(result, name, x + y, w, all_labels(n, m))


@pytest.mark.parametrize("name", SPACE)
@few
@given(seed=st.integers(0, 1000), n=st.integers(2, 4), m=st.integers(1, 4), weighted=st.booleans())
def test_exact_enumeration_in_space_is_every_subset(name, seed, n, m, weighted):
    rng = np.random.default_rng(seed)
    z = rng.integers(-3, 4, size=(n + m, 2)).astype(float)
    w = rng.integers(1, 4, size=n + m).astype(float) if weighted else None
    weights = {} if w is None else {"x_weights": w[:n], "y_weights": w[n:]}
    result = two_sample_test(z[:n], z[n:], statistic=name, **weights, **options_of(name))
    check(result, name, z, w, all_labels(n, m))


@pytest.mark.parametrize("name", LINE)
@few
@given(x=st.lists(numbers, min_size=1, max_size=5), data=st.data())
def test_pairs_keep_or_swap_their_rows(name, x, data):
    n = len(x)
    y = data.draw(st.lists(numbers, min_size=n, max_size=n))
    labels = [
        [*(not s for s in swaps), *swaps] for swaps in itertools.product([False, True], repeat=n)
    ]
    check(two_sample_test(x, y, statistic=name, paired=True), name, x + y, None, labels)


@pytest.mark.parametrize("name", ["wasserstein1", "energy", "kolmogorov_smirnov"])
@few
@given(data=st.data())
def test_blocks_stay_whole_and_strata_apart(name, data):
    """Blocks of one to three rows, in two strata; sizes of samples change with the blocks."""
    blocks = []  # (stratum, sample, rows)
    for stratum in range(2):
        for sample in (0, 1):
            for _ in range(data.draw(st.integers(1, 2))):
                blocks.append(
                    (stratum, sample, data.draw(st.lists(numbers, min_size=1, max_size=3)))
                )
    sides = ([], [])
    for number, (stratum, sample, rows) in enumerate(blocks):
        sides[sample].extend((value, number, stratum) for value in rows)
    (x, bx, sx), (y, by, sy) = (zip(*side, strict=True) for side in sides)
    result = two_sample_test(
        list(x), list(y), statistic=name, blocks=(list(bx), list(by)), strata=(list(sx), list(sy))
    )
    block_of_row = np.array(bx + by)
    deals = []
    for stratum in range(2):
        units = [i for i, block in enumerate(blocks) if block[0] == stratum]
        k = sum(blocks[i][1] == 0 for i in units)
        deals.append(list(itertools.combinations(units, k)))
    labels = [np.isin(block_of_row, first + second) for first, second in itertools.product(*deals)]
    check(result, name, [*x, *y], None, labels)


@pytest.mark.parametrize("name", LINE[:4])
@few
@given(data=st.data())
def test_several_samples_are_held_against_their_pool(name, data):
    sizes = data.draw(st.sampled_from([(1, 2, 2), (2, 2, 1), (1, 1, 1, 2)]))
    samples = [data.draw(st.lists(numbers, min_size=k, max_size=k)) for k in sizes]
    result = k_sample_test(samples, statistic=name)
    pool, n_rows = list(itertools.chain(*samples)), sum(sizes)
    permutations = math.factorial(n_rows) // math.prod(map(math.factorial, sizes))
    assert result.n_permutations == permutations
    parts = []
    for sample in samples:
        share = len(sample) / n_rows
        if name == "cramer_von_mises":
            F = np.array([(np.array(sample) <= t).mean() for t in pool])
            H = np.array([(np.array(pool) <= t).mean() for t in pool])
            parts.append(len(sample) * float(np.mean((F - H) ** 2)))
        elif name == "kolmogorov_smirnov":
            parts.append(math.sqrt(share) * kolmogorov_smirnov(sample, pool))
        else:
            distance = DEFINITIONS[name](sample, pool)
            parts.append(share * (distance**2 if name == "energy" else distance))
    expected = max(parts) if name == "kolmogorov_smirnov" else sum(parts)
    expected = math.sqrt(expected) if name == "energy" else expected
    assert result.value == pytest.approx(expected, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("statistic", ["energy", "maximum_mean_discrepancy", "sliced_wasserstein"])
def test_two_of_several_samples_are_the_two_sample_test(statistic):
    """Samples that are two have the statistic between them, not that to the pool."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(20, 3)) + 0.4
    two = two_sample_test(x, y, statistic=statistic, n_permutations=499, rng=1)
    same = k_sample_test([x, y], statistic=statistic, n_permutations=499, rng=1)
    assert (same.value, same.pvalue) == (two.value, two.pvalue)


def scipy_exact(x, y, statistic):
    return stats.permutation_test(
        (x, y), statistic, n_resamples=np.inf, alternative="greater", vectorized=False
    )


@pytest.mark.parametrize("seed", range(6))
def test_exact_p_values_are_those_of_scipys_permutation_test(seed):
    rng = np.random.default_rng(seed)
    n, m = ((4, 4), (3, 6), (5, 4))[seed % 3]
    x, y = rng.normal(size=n), rng.normal(size=m) + 0.8
    if seed >= 3:
        x, y = np.round(x, 0), np.round(y, 0)
    for name, statistic in (
        ("wasserstein1", stats.wasserstein_distance),
        ("energy", stats.energy_distance),
        ("kolmogorov_smirnov", lambda x, y: stats.ks_2samp(x, y, method="asymp").statistic),
    ):
        ours, theirs = two_sample_test(x, y, statistic=name), scipy_exact(x, y, statistic)
        assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-12, abs=1e-12)
        assert ours.pvalue == pytest.approx(theirs.pvalue, rel=1e-12)


def test_paired_p_values_are_those_of_scipys_permutation_test():
    rng = np.random.default_rng(3)
    x = rng.normal(size=7)
    y = x + rng.normal(0.4, 0.5, size=7)
    theirs = stats.permutation_test(
        (x, y),
        stats.wasserstein_distance,
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="greater",
        vectorized=False,
    )
    assert two_sample_test(x, y, paired=True).pvalue == pytest.approx(theirs.pvalue, rel=1e-12)


def test_statistics_without_ties_are_scipys():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=80), rng.normal(size=50) + 0.3
    results = two_sample_test(x, y, statistic=LINE[:4], n_permutations=99, rng=0)
    oracles = {
        "wasserstein1": stats.wasserstein_distance(x, y),
        "energy": stats.energy_distance(x, y),
        "cramer_von_mises": stats.cramervonmises_2samp(x, y).statistic,
        "kolmogorov_smirnov": stats.ks_2samp(x, y).statistic,
    }
    assert {name: result.value for name, result in results.items()} == pytest.approx(oracles)


def test_random_p_values_agree_with_scipys_asymptotic_ones():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=400), rng.normal(size=300) + 0.12
    results = two_sample_test(
        x, y, statistic=["cramer_von_mises", "kolmogorov_smirnov"], n_permutations=20_000, rng=0
    )
    for name, p in (
        ("cramer_von_mises", stats.cramervonmises_2samp(x, y).pvalue),
        ("kolmogorov_smirnov", stats.ks_2samp(x, y).pvalue),
    ):
        assert results[name].pvalue == pytest.approx(p, abs=0.02)


def test_counts_are_tested_as_their_labels_and_as_scipys_table():
    x, y = np.array([30, 12, 8, 0]), np.array([18, 20, 10, 3])
    names = ["g", "jensen_shannon", "total_variation"]
    of_counts = two_sample_test(x, y, statistic=names, counts=True, n_permutations=20_000, rng=0)
    labels = [np.repeat(list("abcd"), side) for side in (x, y)]
    of_labels = two_sample_test(*labels, statistic=names, n_permutations=20_000, rng=0)
    p, q = x / x.sum(), y / y.sum()
    oracles = {
        "g": stats.chi2_contingency(np.array([x, y]), lambda_="log-likelihood").statistic,
        "jensen_shannon": float(otdiv.js_divergence(p, q)),
        "total_variation": float(otdiv.total_variation(p, q)),
    }
    for name, result in of_counts.items():
        assert result.value == pytest.approx(oracles[name], rel=1e-12)
        assert (result.value, result.pvalue) == (of_labels[name].value, of_labels[name].pvalue)
        weighted = two_sample_test(
            *labels, statistic=name, x_weights=np.ones(50), n_permutations=20_000, rng=1
        )
        assert weighted.value == pytest.approx(result.value, rel=1e-12)
        assert weighted.pvalue == pytest.approx(result.pvalue, abs=0.02)


def test_few_counts_are_enumerated():
    x, y = [3, 0, 1], [0, 2, 2]
    result = two_sample_test(x, y, statistic="total_variation", counts=True)
    codes = np.array([0, 0, 0, 2, 1, 1, 2, 2])
    values = []
    for held in all_labels(4, 4):
        p, q = (np.bincount(codes[side], minlength=3) / 4 for side in (held, ~held))
        values.append(0.5 * np.abs(p - q).sum())
    assert result.method == "exact enumeration"
    assert result.pvalue == np.mean(np.array(values) >= result.value - 1e-9)


def test_the_null_of_one_point_against_many_is_every_point():
    """With one row in y the distances are those of each point to the rest."""
    z = np.random.default_rng(0).normal(size=60)
    null = permutation_null(z[:-1], z[-1:])
    expected = [np.abs(np.delete(z, i) - z[i]).mean() for i in range(60)]
    np.testing.assert_allclose(np.sort(null), np.sort(expected), rtol=1e-12)
