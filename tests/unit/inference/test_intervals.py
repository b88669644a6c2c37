"""Confidence intervals: what they hold, say and refuse."""

import math
import pickle
from collections import Counter

import numpy as np
import pytest
from scipy import stats

import otdiv
from otdiv import (
    ConvergenceError,
    InvalidInputError,
    UnsupportedProblemError,
    confidence_interval,
    energy_distance,
    js_divergence,
    sliced_wasserstein,
    total_variation,
    wasserstein,
    wasserstein1,
    wasserstein2,
)
from otdiv.estimators.noncentral import noncentral_interval
from otdiv.inference.bands import as_rows
from otdiv.inference.pooled_line import pool

RNG = np.random.default_rng(20261130)
X, Y = RNG.normal(size=300), RNG.normal(0.7, 1.3, size=200)
CLOUD_X, CLOUD_Y = RNG.normal(size=(80, 3)), RNG.normal(0.5, 1.0, size=(60, 3))
LABELS_X, LABELS_Y = RNG.integers(0, 5, 300), RNG.integers(0, 4, 250)
CASES = {
    "wasserstein1": (X, Y),
    "wasserstein2": (X, Y),
    "sliced_wasserstein": (X, Y),
    "energy": (X, Y),
    "mean_shift_share": (X, Y),
    "wasserstein1 of points": (CLOUD_X, CLOUD_Y),
    "sliced_wasserstein of points": (CLOUD_X, CLOUD_Y),
    "energy of points": (CLOUD_X, CLOUD_Y),
    "total_variation": (LABELS_X, LABELS_Y),
    "jensen_shannon": (LABELS_X, LABELS_Y),
}


def made(case, **options):
    x, y = CASES[case]
    options = {"n_replicates": 200, "rng": 1} | options
    return confidence_interval(x, y, distance=case.split(" ")[0], **options)


@pytest.mark.parametrize("case", CASES)
def test_the_same_seed_gives_the_same_interval_for_any_number_of_threads(case):
    assert made(case) == made(case, n_jobs=3)


@pytest.mark.parametrize("case", CASES)
def test_the_distance_of_the_samples_lies_in_the_interval(case):
    interval = made(case)
    assert interval.low <= interval.value <= interval.high
    assert interval.value in interval
    assert interval.length == interval.high - interval.low
    assert float(interval) == interval.value


@pytest.mark.parametrize("case", CASES)
def test_a_higher_level_is_a_longer_interval(case):
    narrow, wide = made(case, level=0.8), made(case, level=0.95)
    assert wide.low <= narrow.low <= narrow.high <= wide.high


def test_the_value_is_the_distance_of_the_samples():
    shares = [np.bincount(labels, minlength=5) for labels in (LABELS_X, LABELS_Y)]
    expected = {
        "wasserstein1": wasserstein1(X, Y),
        "wasserstein2": wasserstein2(X, Y),
        "energy": energy_distance(X, Y),
        "mean_shift_share": abs(X.mean() - Y.mean()) / wasserstein1(X, Y),
        "wasserstein1 of points": wasserstein1(CLOUD_X, CLOUD_Y),
        "energy of points": energy_distance(CLOUD_X, CLOUD_Y),
        "total_variation": total_variation(*shares),
        "jensen_shannon": js_divergence(*shares),
    }
    for case, value in expected.items():
        assert made(case).value == pytest.approx(value, rel=1e-12), case
    sliced = sliced_wasserstein(CLOUD_X, CLOUD_Y, n_projections=2000, rng=0)
    assert made("sliced_wasserstein of points").value == pytest.approx(sliced, rel=0.15)
    third = confidence_interval(X, Y, distance="wasserstein", p=3, rng=0, n_replicates=50)
    assert third.value == pytest.approx(wasserstein(X, Y, p=3.0), rel=1e-12)


def test_w1_by_quantiles_and_by_distribution_functions_agree():
    """The same norm of the same noise, drawn by Poisson counts and by signs."""
    options = {"n_replicates": 4000, "rng": 2}
    one = confidence_interval(X, Y, method="triangle", **options)
    other = confidence_interval(X, Y, distance="wasserstein", p=1, **options)
    # The standard error of a 95 % quantile of 4000 draws is some 1 % of it.
    assert other.high - other.value == pytest.approx(one.high - one.value, rel=0.06)


def test_noise_of_the_energy_distance_is_one_on_the_line_and_of_points():
    """By a walk over the line, and by the matrix of all distances in a plane that holds it."""
    options = {"distance": "energy", "n_replicates": 4000}
    line = confidence_interval(X, Y, rng=0, **options)
    flat = [np.column_stack([side, np.zeros(side.size)]) for side in (X, Y)]
    plane = confidence_interval(*flat, rng=1, **options)
    assert plane.value == pytest.approx(line.value, rel=1e-9)
    assert plane.high - plane.value == pytest.approx(line.high - line.value, rel=0.06)


def test_the_selective_band_is_within_the_triangle():
    far = Y + 3.0
    triangle = confidence_interval(X, far, method="triangle", rng=0)
    selective = confidence_interval(X, far, rng=0)
    assert triangle.low < selective.low < selective.high < triangle.high
    assert (selective.kind, triangle.kind) == ("measured", "asymptotic")


def test_far_from_equal_laws_the_band_is_that_of_the_mean_difference():
    """Where all signs are certain W1 is the difference of the means, with its normal error."""
    interval = confidence_interval(X, Y + 20.0, n_replicates=4000, rng=0)
    error = math.sqrt(X.var() / X.size + Y.var() / Y.size)
    assert interval.length == pytest.approx(2.0 * 1.96 * error, rel=0.06)


def test_weights_that_are_equal_change_nothing():
    plain = confidence_interval(X, Y, rng=0)
    weighted = confidence_interval(X, Y, x_weights=np.full(300, 2.0), y_weights=[3] * 200, rng=0)
    assert weighted.low == pytest.approx(plain.low, rel=1e-9)
    assert weighted.high == pytest.approx(plain.high, rel=1e-9)


def test_rows_without_weight_are_no_rows():
    more = np.concatenate([X, [100.0, 200.0]])
    weights = np.concatenate([np.ones(300), [0.0, 0.0]])
    for distance in ("wasserstein1", "wasserstein2", "energy"):
        plain = confidence_interval(X, Y, distance=distance, rng=0, n_replicates=100)
        found = confidence_interval(
            more, Y, x_weights=weights, distance=distance, rng=0, n_replicates=100
        )
        assert found.high == pytest.approx(plain.high, rel=1e-9)


def test_the_variance_of_the_noise_is_that_of_signs():
    weights = np.random.default_rng(3).random(300)
    line = pool(X, Y, weights / weights.sum(), None)
    draws = np.random.default_rng(4).choice([-1.0, 1.0], size=(4000, 500))
    Z = np.zeros((4000, 500))
    for side in (line.steps > 0, line.steps < 0):
        w = np.abs(line.steps) * side
        Z += np.cumsum(w * draws, axis=1) - np.cumsum(w) * (draws @ w)[:, None]
    # Six standard errors of a standard deviation from 4000 draws.
    inner = slice(5, -5)
    assert np.std(Z, axis=0)[inner] == pytest.approx(line.sd()[inner], rel=6.0 / math.sqrt(8000))


def test_percentiles_come_with_their_warning_and_miss_equal_laws():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(20):
        x, y = rng.normal(size=(2, 200))
        usual = confidence_interval(x, y, method="percentile", rng=rng, n_replicates=100)
        held += 0.0 in usual
        assert "near equal laws" in usual.notes[0]
    assert held == 0


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_bands_hold_the_distance_of_the_laws(shift):
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        x, y = rng.normal(size=100), rng.normal(shift, 1.0, size=100)
        held += shift in confidence_interval(x, y, rng=rng, n_replicates=200)
    # 95 % less five standard errors.
    assert held > 400 * (0.95 - 5.0 * math.sqrt(0.95 * 0.05 / 400))


def test_points_have_a_lower_end_alone():
    interval = made("wasserstein1 of points")
    assert interval.high == math.inf
    assert 0.0 <= interval.low <= interval.value
    assert "lower end" in interval.notes[-1]
    rng = np.random.default_rng(0)
    far = confidence_interval(rng.normal(size=(100, 2)), rng.normal(size=(100, 2)) + 3.0, rng=0)
    assert 3.5 < far.low < 3.0 * math.sqrt(2.0) + 0.3


def test_a_pure_shift_has_all_of_its_share():
    rng = np.random.default_rng(6)
    x = rng.normal(size=2000)
    moved = confidence_interval(x, rng.normal(1.0, 1.0, 2000), distance="mean_shift_share", rng=0)
    assert moved.low > 0.9
    assert moved.high == 1.0
    spread = confidence_interval(x, rng.normal(0.0, 2.0, 2000), distance="mean_shift_share", rng=0)
    assert spread.low == 0.0
    assert spread.high < 0.3


def test_near_equal_laws_nothing_is_said_of_the_share_of_a_shift():
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(2, 200))
    found = confidence_interval(x, y, distance="mean_shift_share", rng=0)
    assert (found.low, found.high) == (0.0, 1.0)


def test_heavy_tails_are_told_with_the_share_of_the_width_and_w1_of_the_middle():
    rng = np.random.default_rng(8)
    found = confidence_interval(rng.standard_t(2, 2000), rng.standard_t(2, 2000) + 0.3, rng=0)
    assert found.tail_share > 0.2
    assert found.central_value < found.value
    assert any(f"{100 * found.tail_share:.0f} % of the width" in note for note in found.notes)
    light = confidence_interval(X, Y, rng=0)
    assert light.tail_share < 0.15
    assert light.notes == ()


def test_w1_between_central_quantiles_is_that_of_their_levels():
    levels = (np.arange(100_000) + 0.5) / 100_000
    kept = levels[(levels > 0.01) & (levels < 0.99)]
    gap = np.abs(
        np.quantile(X, kept, method="inverted_cdf") - np.quantile(Y, kept, method="inverted_cdf")
    )
    found = confidence_interval(X, Y, rng=0).central_value
    assert found == pytest.approx(gap.sum() / 100_000, rel=1e-4)


def test_rows_that_follow_each_other_are_told():
    rng = np.random.default_rng(9)
    walk = np.cumsum(rng.normal(size=500))
    notes = confidence_interval(walk, X, rng=0).notes
    assert any("neighbouring rows of `x`" in note for note in notes)


@pytest.mark.parametrize("share", [0.005, 0.05, 0.3, 0.49, 0.51, 0.9])
def test_independent_rows_with_many_zeros_do_not_follow_each_other(share):
    rng = np.random.default_rng(10)
    for _ in range(20):
        # Half of all rows at the median, or two neighbours that alone are not 0.
        rows = rng.exponential(size=400) * (rng.random(400) < share)
        rows[100:102] = 1.0
        notes = confidence_interval(rows, X, rng=0, n_replicates=20).notes
        assert not any("neighbouring" in note for note in notes)


def test_few_rows_equal_rows_and_uneven_weights_are_told():
    assert "20 rows" in confidence_interval(X[:20], Y, rng=0).notes[0]
    assert "equal rows" in confidence_interval(X, Y, x_weights=np.geomspace(1, 1e9, 300)).notes[0]
    assert "show no noise" in confidence_interval(np.ones(60), Y, rng=0).notes[0]


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_units_at_the_ends_of_the_floats_scale_the_interval(scale):
    for distance in ("wasserstein1", "wasserstein2"):
        plain = confidence_interval(X, Y, distance=distance, rng=0, n_replicates=50)
        found = confidence_interval(scale * X, scale * Y, distance=distance, rng=0, n_replicates=50)
        assert found.high == pytest.approx(scale * plain.high, rel=1e-9)


def test_equal_samples_have_an_interval_from_zero():
    for distance in ("wasserstein1", "wasserstein2", "energy"):
        found = confidence_interval(X, X[::-1], distance=distance, rng=0, n_replicates=50)
        assert found.value == found.low == 0.0
        assert found.high > 0.0
    with pytest.raises(InvalidInputError, match="differ from `x`"):
        confidence_interval(X, X, distance="mean_shift_share")


def test_labels_and_their_counts_are_the_same_sample():
    words = [f"c{label}" for label in LABELS_X], [f"c{label}" for label in LABELS_Y]
    for distance in ("total_variation", "jensen_shannon"):
        for sides in (words, tuple(map(Counter, words))):
            found = confidence_interval(*sides, distance=distance, rng=3)
            plain = confidence_interval(LABELS_X, LABELS_Y, distance=distance, rng=3)
            assert found.value == pytest.approx(plain.value, rel=1e-12)
            # Labels in another order are other draws.
            assert found.length == pytest.approx(plain.length, rel=0.15)


def test_equal_weights_of_labels_are_no_weights_in_all_but_the_draws():
    for distance in ("total_variation", "jensen_shannon"):
        plain = confidence_interval(LABELS_X, LABELS_Y, distance=distance, rng=0)
        weighted = confidence_interval(
            LABELS_X, LABELS_Y, distance=distance, x_weights=[2.0] * 300, rng=0
        )
        assert weighted.value == pytest.approx(plain.value, rel=1e-12)
        assert weighted.length == pytest.approx(plain.length, rel=0.15)


def test_the_proven_interval_of_total_variation_is_mcdiarmids():
    found = confidence_interval(
        LABELS_X, LABELS_Y, distance="total_variation", method="concentration"
    )
    c = 1 / 300 + 1 / 250
    half = 0.5 * math.sqrt(4 * c) + math.sqrt(0.5 * c * math.log(20.0))
    assert found.kind == "proven"
    assert found.high - found.value == pytest.approx(half, rel=1e-12)


def test_few_rows_for_each_category_widen_the_interval():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 100, 200), rng.integers(0, 100, 200)
    divergence = confidence_interval(x, y, distance="jensen_shannon", rng=0)
    assert (divergence.low, divergence.high) == (0.0, math.log(2.0))
    assert "only the lower end" in divergence.notes[0]
    variation = confidence_interval(x, y, distance="total_variation", rng=0)
    assert variation.low == 0.0
    assert "join categories" in variation.notes[0]


def test_the_noncentral_interval_inverts_scipys_law():
    rng = np.random.default_rng(1)
    for freedom, scale, value in ((3.0, 0.01, 0.2), (19.0, 0.002, 0.1), (1.0, 1.0, 30.0)):
        null = scale * rng.chisquare(freedom, size=5000)
        low, high = noncentral_interval(value, null, 0.9)
        c, df = 0.5 * null.var(ddof=1) / null.mean(), 2 * null.mean() ** 2 / null.var(ddof=1)
        assert stats.ncx2.sf(value / c, df, low / c) == pytest.approx(0.05, abs=1e-6)
        assert stats.ncx2.cdf(value / c, df, high / c) == pytest.approx(0.05, abs=1e-6)


def test_the_noncentral_interval_of_large_values_is_the_normal_one():
    null = np.random.default_rng(1).chisquare(5.0, size=5000)
    low, high = noncentral_interval(1e6, null, 0.95)
    # The variance of a noncentral chi-square is 2 (df + 2 λ).
    assert low == pytest.approx(1e6 - 1.96 * 2e3, rel=1e-3)
    assert high == pytest.approx(1e6 + 1.96 * 2e3, rel=1e-3)


def test_a_callback_sees_the_draws_and_stops_them():
    seen = []
    stopped = confidence_interval(
        X, Y, n_replicates=1000, rng=0, callback=lambda p: bool(seen.append(p.iteration)) or True
    )
    assert seen == [64]
    assert stopped == confidence_interval(X, Y, n_replicates=64, rng=0)
    with pytest.raises(ConvergenceError, match=r"stopped after 64 draws.*takes 99"):
        confidence_interval(X, Y, level=0.99, rng=0, callback=lambda p: True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 1.0}, "`level` must lie in"),
        ({"level": "high"}, "`level` must be a real number"),
        ({"distance": "w1"}, "`distance` must be one of"),
        ({"method": "bayes"}, "`method` must be one of 'selective'"),
        ({"n_replicates": 10}, "`n_replicates` must be at least 19"),
        ({"n_replicates": 30, "method": "percentile"}, "`n_replicates` must be at least 39"),
        ({"p": 2}, "`p` must be None unless"),
        ({"distance": "wasserstein"}, "`p` must be given"),
        ({"distance": "wasserstein", "p": math.inf}, "`p` must be finite"),
        ({"n_jobs": 0}, "`n_jobs` must be at least 1"),
        ({"callback": 1}, "`callback` must be callable"),
        ({"x_weights": [1.0]}, "`x_weights` must have shape"),
        ({"distance": "total_variation"}, "`x` must hold categories"),
    ],
)
def test_what_does_not_fit_is_told(options, words):
    with pytest.raises(InvalidInputError, match=words):
        confidence_interval(X, Y, **options)


def test_one_row_a_law_and_missing_labels_are_refused():
    with pytest.raises(InvalidInputError, match="`y` must hold at least two rows"):
        confidence_interval(X, [1.0])
    with pytest.raises(InvalidInputError, match="`y` must be a sample"):
        confidence_interval(X, stats.norm())
    with pytest.raises(InvalidInputError, match="`x` must be a sample"):
        confidence_interval(otdiv.DiscreteMeasure.from_samples(X), Y)
    for missing in (None, float("nan")):
        with pytest.raises(InvalidInputError, match="at index 1"):
            confidence_interval(["a", missing, "b"], ["a", "b"], distance="total_variation")
    with pytest.raises(InvalidInputError, match="two categories"):
        confidence_interval(["a", "a"], ["a", "a"], distance="total_variation")
    with pytest.raises(InvalidInputError, match="mapping of counts"):
        confidence_interval({"a": 3}, ["a", "b"], distance="total_variation")


def test_distances_without_an_interval_for_points_say_which_have_one():
    for distance in ("wasserstein2", "mean_shift_share"):
        with pytest.raises(UnsupportedProblemError, match="'sliced_wasserstein'"):
            confidence_interval(CLOUD_X, CLOUD_Y, distance=distance)


def test_an_interval_has_the_manners_of_results():
    interval = made("wasserstein1")
    assert pickle.loads(pickle.dumps(interval)) == interval
    assert f"{interval:.3f}" == f"{interval.value:.3f}"
    assert "\n" not in repr(interval)
    assert interval.high + 1.0 not in interval


def test_weights_go_with_their_rows():
    pair = as_rows(X, Y, np.arange(300) + 1.0, None)
    line = pool(pair.x[:, 0], pair.y[:, 0], pair.a, pair.b)
    first = int(np.argmin(X))
    place = int(np.flatnonzero(line.order == first)[0])
    assert line.steps[place] == pytest.approx((first + 1.0) / (300 * 301 / 2))
