"""What a permutation test promises its caller, through the public door."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import otdiv
from otdiv import (
    DiscreteMeasure,
    Gaussian,
    InvalidInputError,
    UnsupportedProblemError,
    k_sample_test,
    permutation_null,
    two_sample_test,
)
from otdiv.inference import transport_statistics

LINE = ["wasserstein1", "energy", "cramer_von_mises", "kolmogorov_smirnov"]


def normals(n, m, *, d=None, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    if d is None:
        return rng.normal(size=n), rng.normal(size=m) + shift
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) + shift


def same(first, second):
    assert (first.value, first.pvalue) == (second.value, second.pvalue)
    assert (first.method, first.n_permutations) == (second.method, second.n_permutations)
    np.testing.assert_array_equal(first.null, second.null)


@pytest.mark.parametrize("statistic", [*LINE, "wasserstein2", "maximum_mean_discrepancy"])
def test_a_seed_gives_the_same_result_on_any_number_of_threads(statistic):
    x, y = normals(50, 70, shift=0.3)
    results = [
        two_sample_test(x, y, statistic=statistic, n_permutations=999, rng=4, n_jobs=n_jobs)
        for n_jobs in (1, 2, 5)
    ]
    same(results[0], results[1])
    same(results[0], results[2])
    other = two_sample_test(x, y, statistic=statistic, n_permutations=999, rng=5)
    assert not np.array_equal(other.null, results[0].null)


@pytest.mark.parametrize("shift", [0.0, 1.5])
@pytest.mark.parametrize("statistic", ["wasserstein1", "sliced_wasserstein", "energy"])
def test_in_space_too(statistic, shift):
    x, y = normals(20, 25, d=3, shift=shift)
    results = [
        two_sample_test(x, y, statistic=statistic, n_permutations=150, rng=4, n_jobs=n_jobs)
        for n_jobs in (1, 3)
    ]
    same(*results)


def test_several_statistics_are_the_same_as_one_after_the_other():
    x, y = normals(40, 30, shift=0.5)
    together = two_sample_test(x, y, statistic=LINE, n_permutations=499, rng=1)
    assert list(together) == LINE
    for name, result in together.items():
        same(result, two_sample_test(x, y, statistic=name, n_permutations=499, rng=1))


@pytest.mark.parametrize("statistic", [*LINE, "wasserstein2"])
def test_equal_samples_have_p_one(statistic):
    x = np.round(np.random.default_rng(0).normal(size=40), 1)
    result = two_sample_test(x, x[::-1], statistic=statistic, n_permutations=199, rng=0)
    assert (result.value, result.pvalue) == (0.0, 1.0)
    result = two_sample_test([2.0] * 30, [2.0] * 20, statistic=statistic, n_permutations=199)
    assert (result.value, result.pvalue) == (0.0, 1.0)


@pytest.mark.parametrize("statistic", ["energy", "maximum_mean_discrepancy", "sliced_wasserstein"])
def test_equal_clouds_have_p_one(statistic):
    x = np.random.default_rng(0).normal(size=(40, 2))
    result = two_sample_test(x, x[::-1], statistic=statistic, n_permutations=199, rng=0)
    assert result.pvalue == 1.0
    assert result.value < 1e-7


@pytest.mark.parametrize("statistic", [*LINE, "wasserstein2"])
@pytest.mark.parametrize("factor", [1e-250, 1e250])
def test_scale_changes_no_p_value(statistic, factor):
    x, y = normals(30, 20, shift=0.8)
    plain = two_sample_test(x, y, statistic=statistic, n_permutations=299, rng=0)
    scaled = two_sample_test(factor * x, factor * y, statistic=statistic, n_permutations=299, rng=0)
    assert scaled.pvalue == plain.pvalue
    power = {"energy": 0.5, "cramer_von_mises": 0.0, "kolmogorov_smirnov": 0.0}.get(statistic, 1.0)
    assert scaled.value == pytest.approx(plain.value * factor**power, rel=1e-9)


@pytest.mark.parametrize("statistic", ["wasserstein1", "energy", "maximum_mean_discrepancy"])
@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_scale_changes_no_p_value_in_space(statistic, factor):
    x, y = normals(12, 9, d=2, shift=1.0)
    plain = two_sample_test(x, y, statistic=statistic, n_permutations=99, rng=0)
    scaled = two_sample_test(factor * x, factor * y, statistic=statistic, n_permutations=99, rng=0)
    assert scaled.pvalue == plain.pvalue


@pytest.mark.parametrize("statistic", ["wasserstein1", "wasserstein2", "energy"])
def test_the_ends_of_the_floats_are_compared(statistic):
    far = two_sample_test([8e307, -8e307, 0.0], [5e307, -5e307, 1e307], statistic=statistic)
    near = two_sample_test([8.0, -8.0, 0.0], [5.0, -5.0, 1.0], statistic=statistic)
    assert far.pvalue == near.pvalue
    assert 0.0 < far.null_mean < math.inf
    beyond = two_sample_test([1.7e308, -1.7e308], [1.7e308, -1.7e308], statistic=statistic)
    assert (beyond.value, beyond.pvalue) == (0.0, 1.0)
    tiny = two_sample_test([5e-324, 0.0, 1e-323], [1e-320, 1e-310, 3e-310], statistic=statistic)
    assert tiny.pvalue == 0.1
    assert tiny.value > 0.0


def test_p_is_one_plus_the_reached_over_one_plus_all():
    x, y = normals(60, 50, shift=0.35)
    result = two_sample_test(x, y, n_permutations=999, rng=0)
    b = np.count_nonzero(result.null >= result.value * (1.0 - 1e-12))
    assert result.pvalue == (1 + b) / 1000
    p = result.pvalue
    assert result.monte_carlo_error == pytest.approx(math.sqrt(p * (1.0 - p) / 999))
    assert result.method == "random permutations"


def test_random_p_values_come_to_the_exact_ones():
    x, y = normals(6, 6, shift=1.0)
    exact = two_sample_test(x, y, statistic=LINE)
    random = two_sample_test(x, y, statistic=LINE, n_permutations=900, rng=0)
    for name in LINE:
        assert exact[name].method == "exact enumeration"
        assert exact[name].n_permutations == math.comb(12, 6)
        assert exact[name].monte_carlo_error == 0.0
        assert random[name].method == "random permutations"
        room = 5.0 * random[name].monte_carlo_error + 1e-3
        assert random[name].pvalue == pytest.approx(exact[name].pvalue, abs=room)


@pytest.mark.parametrize("statistic", ["wasserstein1", "wasserstein2"])
def test_exact_transports_end_at_the_tenth_that_reaches_the_value(statistic):
    x, y = normals(15, 20, d=2)
    result = two_sample_test(x, y, statistic=statistic, rng=0)
    assert result.method == "Besag-Clifford"
    reached = np.flatnonzero(result.null >= result.value * (1.0 - 1e-12))
    assert len(reached) == transport_statistics.ENOUGH
    assert result.n_permutations == reached[-1] + 1 == len(result.null)
    assert result.pvalue == 10 / result.n_permutations


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_unfinished_solves_decide_as_finished_ones_do(monkeypatch, weighted, p):
    x, y = normals(12, 14, d=2, shift=0.6)
    weights = {}
    if weighted:
        rng = np.random.default_rng(1)
        weights = {"x_weights": rng.uniform(1, 2, 12), "y_weights": rng.uniform(1, 2, 14)}
    options = {"statistic": "wasserstein", "p": p, "rng": 3, **weights}
    null = permutation_null(x, y, n_permutations=299, **options)
    monkeypatch.setattr(transport_statistics, "SOLVED", 20)
    monkeypatch.setattr(transport_statistics, "ENOUGH", 1000)
    monkeypatch.setattr(transport_statistics, "_WATCHED", 0)
    result = two_sample_test(x, y, n_permutations=299, **options)
    assert result.n_permutations == 299
    b = np.count_nonzero(null >= result.value * (1.0 - 1e-12))
    assert result.pvalue == (1 + b) / 300
    np.testing.assert_allclose(result.null, null[:20], rtol=1e-9)


def test_a_plan_along_the_tree_is_never_cheaper_than_the_best():
    from otdiv.costs import Euclidean
    from otdiv.inference.pooling import as_pool
    from otdiv.inference.relabelling import Relabelling, unpacked

    x, y = normals(30, 20, d=3)
    rng = np.random.default_rng(0)
    for weights in ((None, None), (rng.uniform(1, 9, 30), rng.uniform(1, 9, 20))):
        pool = as_pool({"x": x, "y": y}, weights)
        statistic = transport_statistics.TransportStatistic.of("w", pool, 2.0, Euclidean())
        planes = Relabelling.of_rows((30, 20)).in_order(statistic.order).drawn(0, 0)
        labels = unpacked(planes[0][:, None]).astype(bool)
        costs = statistic.upper_bounds(planes)
        best = np.array([statistic.solved(labels[:, j])[0] for j in range(64)])
        assert (costs >= best).all()
        assert np.median(costs / best) < 4.0


def test_the_null_mean_is_that_of_two_samples_of_one_law():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 10)), rng.normal(size=(60, 10))
    fresh = [
        otdiv.wasserstein1(rng.normal(size=(60, 10)), rng.normal(size=(60, 10))) for _ in range(40)
    ]
    result = two_sample_test(x, y, rng=0)
    assert result.null_mean == pytest.approx(np.mean(fresh), rel=0.05)
    assert result.null_quantiles[0.5] == result.null_quantile(0.5)


def test_heavy_tails_are_told_where_w1_is_asked():
    rng = np.random.default_rng(0)
    x, y = rng.standard_t(3, size=2000), rng.standard_t(3, size=2000)
    results = two_sample_test(x, y, statistic=["wasserstein1", "energy"], n_permutations=99, rng=0)
    assert any("energy" in note for note in results["wasserstein1"].notes)
    assert results["energy"].notes == ()
    light = two_sample_test(*normals(2000, 2000), n_permutations=99, rng=0)
    assert light.notes == ()
    skewed = two_sample_test(
        rng.exponential(size=2000), rng.exponential(size=2000), n_permutations=99, rng=0
    )
    assert skewed.notes == ()


def test_too_few_relabellings_and_weights_in_two_units_are_told():
    result = two_sample_test([1.0, 2.0], [3.0, 4.0])
    assert result.pvalue == pytest.approx(2 / 6)
    assert "there are no more" in result.notes[0]
    result = two_sample_test(*normals(50, 50), n_permutations=9, rng=0)
    assert "9 relabellings" in result.notes[0]
    x, y = normals(50, 50)
    result = two_sample_test(x, y, x_weights=np.ones(50), y_weights=np.full(50, 1e-3), rng=0)
    assert "in one unit" in result.notes[0]
    assert two_sample_test(x, y, x_weights=np.full(50, 7.0), rng=0).notes == ()


def test_equal_weights_change_nothing():
    x, y = normals(40, 30, shift=0.4)
    plain = two_sample_test(x, y, statistic=LINE, n_permutations=299, rng=0)
    weighted = two_sample_test(
        x, y, statistic=LINE, n_permutations=299, rng=0, x_weights=np.full(40, 3.0)
    )
    for name in LINE:
        assert weighted[name].pvalue == plain[name].pvalue
        np.testing.assert_allclose(weighted[name].null, plain[name].null, rtol=1e-10)


def test_strata_take_their_differences_out():
    """Two groups far apart, in unlike shares: without strata the samples differ for that alone."""
    rng = np.random.default_rng(0)
    sx, sy = np.repeat([0, 1], [80, 20]), np.repeat([0, 1], [20, 80])
    x, y = rng.normal(size=100) + 5.0 * sx, rng.normal(size=100) + 5.0 * sy
    assert two_sample_test(x, y, n_permutations=999, rng=0).pvalue == 0.001
    assert two_sample_test(x, y, n_permutations=999, rng=0, strata=(sx, sy)).pvalue > 0.05


def test_blocks_take_their_likeness_into_account():
    """Rows of a block nearly agree: 200 rows are 20 facts, and the naive p-value is too small."""
    naive, whole = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        centres = rng.normal(size=20)
        rows = np.repeat(centres, 10) + 0.1 * rng.normal(size=200)
        blocks = np.repeat(np.arange(20), 10)
        options = {"n_permutations": 199, "rng": seed}
        naive.append(two_sample_test(rows[:100], rows[100:], **options).pvalue)
        whole.append(
            two_sample_test(
                rows[:100], rows[100:], blocks=(blocks[:100], blocks[100:]), **options
            ).pvalue
        )
    assert np.mean(np.array(naive) <= 0.05) > 0.3
    assert np.mean(np.array(whole) <= 0.05) < 0.15


def test_pairs_see_small_shifts():
    rng = np.random.default_rng(0)
    x = 10.0 * rng.normal(size=100)
    y = x + 0.3 + 0.1 * rng.normal(size=100)
    assert two_sample_test(x, y, n_permutations=999, rng=0).pvalue > 0.5
    assert two_sample_test(x, y, n_permutations=999, rng=0, paired=True).pvalue == 0.001


def test_a_callback_sees_the_p_value_close_and_stops():
    x, y = normals(2000, 2000, shift=0.05)
    seen = []
    result = two_sample_test(x, y, rng=0, callback=seen.append)
    assert all(p.lower <= result.pvalue <= p.upper for p in seen)
    stopped = two_sample_test(x, y, rng=0, callback=lambda p: p.iteration >= 64)
    assert 64 <= stopped.n_permutations < 9999
    assert any("callback" in note for note in stopped.notes)
    np.testing.assert_array_equal(stopped.null, result.null[: stopped.n_permutations])
    X, Y = normals(30, 30, d=2, shift=1.0)
    stopped = two_sample_test(X, Y, rng=0, callback=lambda p: True)
    assert stopped.n_permutations < 9999


@pytest.mark.parametrize("d", [None, 2])
def test_an_enumeration_that_is_stopped_has_an_upper_bound_of_its_p_value(d):
    x, y = normals(6, 5, d=d, shift=1.5)
    whole = two_sample_test(x, y)
    stopped = two_sample_test(x, y, callback=lambda progress: True)
    assert whole.n_permutations == 462
    assert stopped.method == whole.method == "exact enumeration"
    assert stopped.n_permutations < 462
    assert whole.pvalue < stopped.pvalue <= 1.0
    assert "upper bound" in stopped.notes[-1]


def test_a_result_reads_like_what_it_says():
    x, y = normals(60, 50, shift=0.35)
    result = two_sample_test(x, y, n_permutations=999, rng=0)
    assert float(result) == result.statistic == result.value
    assert result.value == pytest.approx(otdiv.wasserstein1(x, y), rel=1e-14)
    assert f"{result:.2f}" == f"{result.value:.2f}"
    assert "60 and 50 rows" in str(result)
    assert "999 relabellings" in str(result)
    assert "pvalue=" in repr(result)
    assert not result.null.flags.writeable
    copy = pickle.loads(pickle.dumps(result))
    same(copy, result)
    assert not copy.null.flags.writeable
    axes = result.plot()
    assert axes.get_xlabel() == "wasserstein1"
    assert two_sample_test([1.0, 1.0], [1.0]).plot() is not None


def test_null_levels_lie_between_zero_and_one():
    result = two_sample_test([1.0, 2.0], [3.0, 4.0])
    with pytest.raises(InvalidInputError, match="`level` must lie between 0 and 1; got 95"):
        result.null_quantile(95)


def test_labels_of_any_kind_are_categories():
    words = two_sample_test(["a", "b", "a", "a"], ["b", "b", "b"], statistic="total_variation")
    assert words.value == pytest.approx(0.75)
    for kind in (
        lambda labels: [{"a": 1, "b": 2}[label] for label in labels],
        lambda labels: [label == "a" for label in labels],
        lambda labels: pd.Series(labels, dtype="category"),
        lambda labels: [(label, 0) for label in labels],
    ):
        other = two_sample_test(kind(list("abaa")), kind(list("bbb")), statistic="total_variation")
        assert (other.value, other.pvalue) == (words.value, words.pvalue)


def test_categories_of_several_samples_are_the_table_of_scipy():
    rng = np.random.default_rng(0)
    table = rng.multinomial(60, [0.5, 0.3, 0.2], size=3)
    result = k_sample_test(list(table), statistic="g", counts=True, n_permutations=4000, rng=0)
    oracle = stats.chi2_contingency(table, lambda_="log-likelihood")
    assert result.value == pytest.approx(oracle.statistic)
    assert result.pvalue == pytest.approx(oracle.pvalue, abs=0.04)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistic": "wasserstien1"}, r"did you mean wasserstein1"),
        ({"statistic": []}, "a list of names"),
        ({"statistic": ["energy", "energy"]}, "once"),
        ({"statistic": ["energy", "g"]}, "not of both at once"),
        ({"n_permutations": 0}, "`n_permutations` must be at least 1; got 0"),
        ({"n_jobs": 0}, "`n_jobs` must be at least 1"),
        ({"x_weights": [1.0, 0.0, 1.0]}, r"`x_weights` must be positive in a test.*index 1"),
        ({"x_weights": [1.0, -1.0, 1.0]}, "non-negative"),
        ({"x_weights": [1.0, 1.0]}, r"shape \(3,\)"),
        ({"blocks": [1, 2, 3]}, "one sequence of labels a sample"),
        ({"blocks": ([1, 2], [3, 4])}, r"`blocks\[0\]` must have 3 labels"),
        ({"blocks": ([1, 2, 3], [3, 4])}, "lie in one sample.*strata="),
        ({"strata": ([1, 1, 1], [2, 2])}, "two samples at least must meet"),
        ({"strata": ([1, None, 1], [1, 2])}, "a label in every row"),
        ({"paired": True}, "`y` must have 3 rows like `x` where `paired` is set; got 2"),
        ({"paired": 1}, "True or False"),
        ({"counts": True}, "`counts` must be left out"),
        ({"p": 2.0}, "`p` must be left out"),
        ({"statistic": "wasserstein"}, "`p` must be given"),
        ({"statistic": "wasserstein", "p": 0.5}, "`p` must be at least 1"),
        ({"statistic": "wasserstein", "p": math.inf}, "finite"),
        ({"bandwidth": 1.0}, "`bandwidth` must be left out"),
        ({"n_projections": 5}, "`n_projections` must be left out"),
        ({"statistic": "maximum_mean_discrepancy", "bandwidth": 0.0}, "positive"),
        ({"rng": -1}, "non-negative"),
        ({"callback": 3}, "callable"),
        ({"metric": "cosine"}, "metric"),
    ],
)
def test_options_that_do_not_fit_say_why(options, message):
    with pytest.raises(InvalidInputError, match=message):
        two_sample_test([1.0, 2.0, 3.0], [2.0, 4.0], **options)


def test_samples_that_do_not_fit_say_why():
    x = [1.0, 2.0, 3.0]
    with pytest.raises(InvalidInputError, match="`y` must hold at least one point"):
        two_sample_test(x, [])
    with pytest.raises(InvalidInputError, match="`x` must be finite; got nan at index 1"):
        two_sample_test([1.0, math.nan], x)
    with pytest.raises(InvalidInputError, match="`y` must have 1 columns like `x`; got 2"):
        two_sample_test(x, [[1.0, 2.0]])
    with pytest.raises(UnsupportedProblemError, match="`y` is a law"):
        two_sample_test(x, Gaussian(0.0, covariance=1.0))
    with pytest.raises(UnsupportedProblemError, match="`x` is a DiscreteMeasure"):
        two_sample_test(DiscreteMeasure(points=x), x)
    with pytest.raises(UnsupportedProblemError, match="order of the values"):
        two_sample_test([[1.0, 2.0]], [[2.0, 1.0]], statistic="kolmogorov_smirnov")
    with pytest.raises(UnsupportedProblemError, match="two samples"):
        k_sample_test([[[1.0, 2.0]]] * 3)
    with pytest.raises(InvalidInputError, match="`samples` must be a list of two samples or more"):
        k_sample_test([x])
    with pytest.raises(InvalidInputError, match=r"`samples\[1\]` must be finite"):
        k_sample_test([x, [math.inf], x])
    with pytest.raises(InvalidInputError, match="`weights` must be a list of 3"):
        k_sample_test([x, x, x], weights=[None])
    with pytest.raises(UnsupportedProblemError, match="options go by name"):
        two_sample_test(x, x, "energy")


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.5, 2.0], [1.0, 2.0], r"`x` must hold whole numbers.*got 1\.5 at index 0"),
        ([1, -2], [1, 2], "`x` must hold whole numbers"),
        ([0, 0], [1, 2], "`x` must have a positive sum"),
        ([1, 2], [1, 2, 3], "`y` must have 2 entries like `x`"),
        ([[1, 2]], [1, 2], "`x` must be a vector of counts"),
    ],
)
def test_counts_that_are_none_say_why(x, y, message):
    with pytest.raises(InvalidInputError, match=message):
        two_sample_test(x, y, statistic="g", counts=True)


def test_counts_have_no_rows_to_weigh():
    with pytest.raises(InvalidInputError, match="`paired` must be left out where `counts`"):
        two_sample_test([1, 2], [2, 1], statistic="g", counts=True, paired=True)


@pytest.mark.parametrize("labels", ["abc", None, 3.0, [[1], [2]], [1.0, math.nan], ["a", None]])
def test_labels_that_are_none_say_why(labels):
    with pytest.raises(InvalidInputError, match="`x` must"):
        two_sample_test(labels, ["a", "b"], statistic="g")


def test_series_must_have_their_weights_labels():
    x = pd.Series([1.0, 2.0, 3.0], index=["a", "b", "c"])
    w = pd.Series([1.0, 1.0, 1.0], index=["c", "b", "a"])
    with pytest.raises(InvalidInputError, match="labels of `x` in their order"):
        two_sample_test(x, [1.0, 2.0], x_weights=w)
    with pytest.raises(InvalidInputError, match="labels of `x` in their order"):
        two_sample_test(x, pd.Series([1.0, 2.0, 3.0], index=["c", "b", "a"]), paired=True)


def test_large_integers_are_compared_by_their_differences():
    far = 2**60
    x, y = [far + 1, far + 2, far + 3, far + 4], [far + 5, far + 6, far + 7, far + 8]
    near = two_sample_test([1, 2, 3, 4], [5, 6, 7, 8])
    same(two_sample_test(x, y), near)


def test_the_null_of_a_statistic_is_an_array_in_its_unit():
    x, y = normals(30, 30)
    null = permutation_null(x, y, statistic="energy", n_permutations=100, rng=0)
    assert null.shape == (100,)
    result = two_sample_test(x, y, statistic="energy", n_permutations=100, rng=0)
    np.testing.assert_array_equal(null, result.null)
    with pytest.raises(InvalidInputError, match="one name"):
        permutation_null(x, y, statistic=["energy"])
