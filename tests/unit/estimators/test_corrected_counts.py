"""Divergences of counts: corrections against exact biases, intervals, two samples or more."""

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy import stats

from otdiv import InvalidInputError, js_divergence, kl_divergence
from otdiv.estimators import js_from_counts, kl_from_counts
from otdiv.estimators.counts import as_counts

A, B, C = {"a": 60, "b": 30, "c": 10}, {"a": 40, "b": 40, "c": 20}, {"a": 20, "b": 30, "c": 50}


def exact_mean(estimate, p, q, n, m):
    """Expectation over all samples of two categories, by their binomial laws."""
    total = 0.0
    for i, j in product(range(n + 1), range(m + 1)):
        chance = stats.binom.pmf(i, n, p) * stats.binom.pmf(j, m, q)
        total += chance * estimate({0: i, 1: n - i}, {0: j, 1: m - j})
    return total


def js_value(correction):
    return lambda x, y: js_from_counts(x, y, correction=correction, n_replicates=20, rng=0).value


@pytest.mark.parametrize("q", [0.4, 0.6])
def test_miller_and_madow_take_most_of_the_bias(q):
    truth = js_divergence([0.4, 0.6], [q, 1.0 - q])
    plain = exact_mean(js_value("none"), 0.4, q, 12, 16) - truth
    corrected = exact_mean(js_value("miller_madow"), 0.4, q, 12, 16) - truth
    assert abs(corrected) < 0.15 * plain


def test_the_plain_value_is_that_of_the_divergences():
    p, q = (np.array(list(c.values())) for c in (A, B))
    assert js_from_counts(A, B, correction="none", rng=0).value == pytest.approx(
        js_divergence(p, q), rel=1e-12
    )
    assert kl_from_counts(A, B, correction="none", rng=0).value == pytest.approx(
        kl_divergence(p, q), rel=1e-12
    )
    assert kl_from_counts(A, B, rng=0).value == pytest.approx(
        kl_divergence((p + 0.5) / 101.5, (q + 0.5) / 101.5), rel=1e-12
    )


def test_three_samples_have_the_information_of_a_row_on_its_sample():
    shares = np.array([list(c.values()) for c in (A, B, C)]) / 100.0
    joint = shares / 3.0
    independent = joint.sum(axis=1)[:, None] * joint.sum(axis=0)
    information = float((joint * np.log(joint / independent)).sum())
    found = js_from_counts(A, B, C, correction="none", rng=0)
    assert found.value == pytest.approx(information, rel=1e-12)
    assert found.low < information < found.high


def test_disjoint_samples_have_the_logarithm_of_their_number():
    found = js_from_counts({"a": 50}, {"b": 50}, {"c": 50}, {"d": 50}, correction="none", rng=0)
    assert found.value == pytest.approx(math.log(4.0), rel=1e-12)
    assert found.high <= math.log(4.0)


def test_labels_are_counted():
    rows = [[key for key, count in c.items() for _ in range(count)] for c in (A, B)]
    assert js_from_counts(*rows, rng=0) == js_from_counts(*map(Counter, rows), rng=0)


@pytest.mark.slow
@pytest.mark.parametrize("tilt", [0.0, 0.3, 1.0])
def test_intervals_hold_the_divergence_of_the_laws(tilt):
    scores = np.linspace(-1.0, 1.0, 6)
    p, q = np.exp(-tilt * scores), np.exp(tilt * scores)
    p, q = p / p.sum(), q / q.sum()
    rng = np.random.default_rng(0)
    held = np.zeros(2)
    for _ in range(300):
        x, y = (dict(enumerate(rng.multinomial(200, law).tolist())) for law in (p, q))
        for i, (estimate, truth) in enumerate(
            ((js_from_counts, js_divergence(p, q)), (kl_from_counts, kl_divergence(p, q)))
        ):
            found = estimate(x, y, n_replicates=200, rng=rng)
            held[i] += found.low - 1e-12 <= truth <= found.high
    # 95 % less four standard errors.
    assert held.min() >= 300 * (0.95 - 4.0 * math.sqrt(0.95 * 0.05 / 300))


def test_a_category_of_x_alone_is_finite_with_jeffreys_halves_only():
    x, y = {"a": 50, "b": 50}, {"a": 100}
    found = kl_from_counts(x, y, rng=0)
    assert math.isfinite(found.value)
    assert "infinite" in found.notes[-1]
    for correction in ("none", "miller_madow"):
        assert kl_from_counts(x, y, correction=correction, rng=0).value == math.inf


def test_few_rows_for_each_category_are_told():
    x = dict.fromkeys(range(20), 1)
    assert "20 rows for 20 categories" in js_from_counts(x, x, rng=0).notes[0]
    assert js_from_counts(A, B, rng=0).notes == ()


def test_the_same_seed_gives_the_same_interval():
    assert js_from_counts(A, B, C, rng=4) == js_from_counts(A, B, C, rng=4)


def test_weights_of_labels_count_as_equal_rows():
    counts = as_counts(["a", "b"], ["a", "b"], weights=([3.0, 1.0], None), names=("x", "y"))
    np.testing.assert_allclose(counts.shares, [[0.75, 0.25], [0.5, 0.5]])
    np.testing.assert_allclose(counts.sizes, [1.0 / (0.75**2 + 0.25**2), 2.0])


def test_numbers_and_words_are_different_labels():
    assert as_counts([1, "1"], [1, 1]).n_categories == 2
    assert as_counts([1, 2], [1.0, 2.0]).n_categories == 2
    assert as_counts([("a", 1), ("b", 2)], [("a", 1)]).n_categories == 2


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ((A,), "`samples` must be two or more"),
        ((A, {"a": -1}), r"`sample 1\['a'\]` must be at least 0"),
        ((A, {"a": 0.5}), r"`sample 1\['a'\]` must be an integer"),
        ((A, {"a": 0}), "`sample 1` must count at least one row"),
        ((A, ["a"]), "`sample 1` must be a mapping of counts"),
        (("words", ["w"]), "`sample 0` must be a sequence of labels"),
        (([], ["a"]), "`sample 0` must be a sequence of labels"),
        ((np.linspace(0, 1, 30), np.linspace(2, 3, 30)), "at least 2 rows for each on average"),
        ((np.ma.array(["a", "b"], mask=[0, 1]), ["a"]), "`sample 0` must hold data only"),
    ],
)
def test_what_is_no_count_is_told(samples, words):
    with pytest.raises(InvalidInputError, match=words):
        js_from_counts(*samples)
