"""Batches, pairings and matrices of distances: what they promise beside the numbers."""

import signal
import time

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, squareform
from scipy.stats import wasserstein_distance

import otdiv
from otdiv import (
    InvalidInputError,
    PNormCost,
    Status,
    pairing,
    pairing_result,
    pairwise_distances,
    transport,
    transport_batch,
    transport_matrix,
    transport_matrix_batch,
    wasserstein,
    wasserstein1_histogram,
    wasserstein_batch,
)

INF = np.inf


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def clouds(rng, sizes, d=2):
    return [rng.normal(size=(n, d)) for n in sizes]


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_a_batch_does_not_depend_on_the_number_of_threads(rng, n_jobs):
    X, Y = rng.normal(size=(300, 40, 2)), rng.normal(size=(300, 40, 2))
    first, other = transport_batch(X, Y, n_jobs=3), transport_batch(X, Y, n_jobs=n_jobs)
    for name in ("values", "lower", "upper", "plans"):
        np.testing.assert_array_equal(getattr(first, name), getattr(other, name))


def test_a_problem_has_the_same_answer_alone_and_in_any_batch(rng):
    X, Y = clouds(rng, (3, 5, 30, 700)), clouds(rng, (3, 4, 30, 700))
    whole = transport_batch(X, Y)
    for k in range(4):
        alone, result = transport_batch(X[k : k + 1], Y[k : k + 1]), transport(X[k], Y[k])
        assert alone.values[0] == whole.values[k]
        assert whole.values[k] == pytest.approx(result.value, rel=1e-14)
        assert whole.lower[k] <= result.bounds.upper
        assert whole.upper[k] >= result.bounds.lower


def test_plans_are_columns_where_counts_are_equal_and_uniform(rng):
    X, Y = clouds(rng, (4, 6)), clouds(rng, (4, 7))
    plans = transport_batch(X, Y, x_weights=[None, np.arange(1.0, 7.0)]).plans
    assert sorted(plans[0]) == [0, 1, 2, 3]
    assert isinstance(plans[1], otdiv.SparsePlan)
    square = transport_batch(rng.random((5, 4, 3)), rng.random((5, 4, 3))).plans
    assert square.shape == (5, 4)
    assert square.dtype == np.int64


def test_plan_and_potentials_of_a_problem_prove_its_bounds(rng):
    X, Y = clouds(rng, (4, 6)), clouds(rng, (4, 7))
    batch = transport_batch(X, Y)
    for k in (0, 1, -1):
        plan, potentials, C = batch.plan(k), batch.potentials(k), cdist(X[k], Y[k])
        np.testing.assert_allclose(plan.row_sums(), 1.0 / len(X[k]))
        np.testing.assert_allclose(plan.column_sums(), 1.0 / len(Y[k]))
        assert (potentials.f[:, None] + potentials.g <= C + 1e-14).all()
        dual = potentials.f.mean() + potentials.g.mean()
        assert dual == pytest.approx(batch.values[k], rel=1e-12)
    with pytest.raises(InvalidInputError, match="`k` must be a number below 2"):
        batch.plan(2)


@pytest.mark.parametrize(
    ("X", "Y", "options", "words"),
    [
        ([[[0.0]]] * 3, [[[0.0]], [[np.nan]], [[0.0]]], {}, r"`Y\[1\]` must be finite"),
        ([[[0.0]]] * 3, [[[0.0]], [[0.0, 1.0]], [[0.0]]], {}, r"`Y\[1\]` must have 1 columns"),
        ([[[0.0]]] * 3, [[[0.0]]] * 2, {}, "`Y` must hold 3 samples like `X`; got 2"),
        ([[[0.0]], []], [[[0.0]]] * 2, {}, r"`X\[1\]` must hold at least one point"),
        ([], [], {}, "`X` must hold at least one sample"),
        (0.0, [], {}, "`X` must be a sequence of samples"),
        ([[[0.0]]], [[[0.0]]], {"x_weights": [[-1.0]]}, r"`x_weights\[0\]` must be non-negative"),
        ([[[0.0]]], [[[0.0]]], {"y_weights": [[1.0, 1.0]]}, r"`y_weights\[0\]` must have shape"),
        ([[[0.0]]], [[[0.0]]], {"n_jobs": 0}, "`n_jobs` must be at least 1"),
        ([[[0.0]]], [[[0.0]]], {"cost": "l3"}, "`cost` must be"),
        ([[[-1e308]]], [[[1e308]]], {}, r"`X\[0\]` must be near to `Y\[0\]`"),
        (
            [np.zeros((9, 2)), np.array([[0.0, -1e308], [0.0, 0.0]])],
            [np.zeros((9, 2)), np.array([[0.0, 0.0], [0.0, 1e308]])],
            {},
            r"`X\[1\]` must be near to `Y\[1\]`",
        ),
    ],
)
def test_errors_name_the_sample(X, Y, options, words):
    with pytest.raises(InvalidInputError, match=words):
        transport_batch(X, Y, **options)


def test_bad_entries_of_a_large_array_are_named():
    X = np.zeros((20, 3, 2))
    X[17, 1, 0] = np.nan
    with pytest.raises(InvalidInputError, match=r"`X\[17\]` must be finite; got nan at index"):
        transport_batch(X, np.zeros((20, 3, 2)))
    with pytest.raises(InvalidInputError, match=r"`C\[17\]` must hold numbers or \+inf"):
        transport_matrix_batch(X)


def test_an_infeasible_matrix_is_told_in_its_place():
    C = np.array([[[0.0, 1.0], [1.0, 0.0]], [[INF, INF], [1.0, 0.0]], [[INF, 2.0], [1.0, 0.0]]])
    batch = transport_matrix_batch(C)
    assert [status.name for status in batch.status] == ["OPTIMAL", "INFEASIBLE", "OPTIMAL"]
    np.testing.assert_array_equal(batch.values, [0.0, INF, 1.5])
    assert batch.plans[1] is None
    with pytest.raises(InvalidInputError, match="with potentials"):
        batch.potentials(1)


def test_a_callback_stops_a_batch_and_what_was_solved_stands(rng):
    X, Y = rng.normal(size=(2000, 40, 2)), rng.normal(size=(2000, 40, 2))
    seen = []

    def stop(progress):
        seen.append(progress.iteration)
        return True

    batch = transport_batch(X, Y, n_jobs=1, callback=stop)
    done = [status is Status.OPTIMAL for status in batch.status]
    assert 0 < sum(done) == seen[-1] < 2000
    assert batch.status[-1] is Status.STOPPED
    assert np.isfinite(batch.values[0])
    assert np.isnan(batch.values[-1])
    assert (batch.lower[-1], batch.upper[-1]) == (-INF, INF)
    assert batch.plans[-1] is None


def test_a_callback_hears_of_all_problems(rng):
    seen = []
    transport_batch(rng.normal(size=(50, 4, 2)), rng.normal(size=(50, 4, 2)), callback=seen.append)
    assert seen[-1].iteration == 50


def interrupted_after(seconds, call):
    """Seconds that a call goes on after an interrupt."""

    def interrupt(number, frame):
        times.append(time.perf_counter())
        raise KeyboardInterrupt

    times = []
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    return time.perf_counter() - times[0]


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no timers here")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_ends_a_batch_and_a_matrix_within_a_second(rng, n_jobs):
    X, rows = rng.normal(size=(20_000, 60, 2)), rng.normal(size=(3000, 3000))
    transport_batch(X[:2], X[2:4])  # compiled before
    pairwise_distances(rows[:2])
    for call in (
        lambda: transport_batch(X, X[::-1], n_jobs=n_jobs),
        lambda: pairwise_distances(X[:500], n_jobs=n_jobs),
        lambda: pairwise_distances(rows, n_jobs=n_jobs),
    ):
        assert interrupted_after(0.2, call) < 1.0


@pytest.mark.parametrize("n", [1, 2, 3, 17, 64, 65, 100, 200, 256, 300])
@pytest.mark.parametrize("kind", ["plane", "far", "products", "whole numbers", "permutation"])
def test_the_assignment_is_that_of_scipy(rng, n, kind):
    C = {
        "plane": lambda: cdist(rng.normal(size=(n, 2)), rng.normal(size=(n, 2))),
        "far": lambda: cdist(rng.normal(size=(n, 2)), 9.0 + rng.normal(size=(n, 2))) ** 2,
        "products": lambda: -np.outer(np.arange(n), np.arange(n)) * 1.0,
        "whole numbers": lambda: rng.integers(-3, 4, (n, n)).astype(float),
        "permutation": lambda: 1.0 - np.eye(n)[rng.permutation(n)],
    }[kind]()
    rows, columns = linear_sum_assignment(C)
    expected, result = C[rows, columns].mean(), transport_matrix(C)
    size = np.abs(C).max()
    assert result.value == pytest.approx(expected, abs=1e-13 * size)
    assert result.bounds.lower <= expected + 1e-13 * size
    assert result.bounds.upper >= expected - 1e-13 * size
    batch = transport_matrix_batch(C[None])
    assert sorted(batch.plans[0]) == list(range(n))
    assert batch.values[0] == pytest.approx(expected, abs=1e-13 * size)


def test_the_proof_of_a_small_problem_is_that_of_a_large_one(rng, monkeypatch):
    from otdiv.certificates import proof

    for n, m in ((1, 1), (2, 3), (20, 20), (31, 17)):
        C = rng.normal(size=(n, m))
        a, b = rng.random(n), rng.random(m)
        result = transport_matrix(C, x_weights=a, y_weights=b)
        quick = proof.prove(result.problem, result.plan, result.potentials)
        with monkeypatch.context() as patch:
            patch.setattr(proof, "_SMALL", 0)
            slow = proof.prove(result.problem, result.plan, result.potentials)
        assert (quick.value, quick.bounds, quick.slack) == (slow.value, slow.bounds, slow.slack)
        np.testing.assert_array_equal(quick.potentials.f, slow.potentials.f)
        np.testing.assert_array_equal(quick.potentials.g, slow.potentials.g)


# Pairings.


@pytest.mark.parametrize("d", [1, 2, 7])
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", PNormCost(norm=1.0, power=0.5)])
def test_a_pairing_costs_no_more_than_scipys(rng, d, cost):
    x, y = rng.normal(size=(2, 30, d))
    columns, result = pairing(x, y, cost=cost), pairing_result(x, y, cost=cost)
    C = otdiv.TransportProblem(
        source=otdiv.DiscreteMeasure(x), target=otdiv.DiscreteMeasure(y), cost=cost
    ).matrix()
    rows, best = linear_sum_assignment(C)
    assert sorted(columns) == list(range(30))
    assert C[np.arange(30), columns].mean() == pytest.approx(C[rows, best].mean(), rel=1e-13)
    assert result.lower <= C[rows, best].mean() * (1 + 1e-14)
    assert result.upper >= C[rows, best].mean() * (1 - 1e-14)
    assert result.value == pytest.approx(C[rows, best].mean(), rel=1e-13)


def test_a_pairing_along_a_leading_axis(rng):
    x, y = rng.normal(size=(2, 6, 5, 2))
    batch = pairing_result(x, y)
    for k in range(6):
        np.testing.assert_array_equal(batch.columns[k], pairing(x[k], y[k]))
        assert batch.value[k] == pytest.approx(transport(x[k], y[k]).value)


def test_equal_points_are_taken_in_increasing_order():
    y = [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    x = [[0.0, 0.1], [0.9, 1.0], [0.0, 0.0], [1.0, 1.0]]
    np.testing.assert_array_equal(pairing(x, y), [1, 0, 3, 2])
    np.testing.assert_array_equal(pairing(x, x), range(4))
    np.testing.assert_array_equal(pairing([2.0, 1.0, 2.0, 1.0], [5.0, 0.0, 5.0, 0.0]), [0, 1, 2, 3])
    np.testing.assert_array_equal(pairing(np.zeros((9, 2)), np.zeros((9, 2))), range(9))


def test_unequal_counts_have_no_pairing():
    with pytest.raises(InvalidInputError, match=r"`y` must have 2 points.*use `transport`"):
        pairing([[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0]])
    with pytest.raises(InvalidInputError, match="use `transport`"):
        pairing(np.zeros((2, 3, 1)), np.zeros((2, 4, 1)))
    with pytest.raises(InvalidInputError, match="`y` must have 2 axes"):
        pairing([[0.0, 0.0]], [0.0])


def test_a_large_or_far_pairing_is_one_to_one(rng):
    x = rng.normal(size=(700, 2))
    assert sorted(pairing(x, rng.normal(size=(700, 2)))) == list(range(700))
    assert sorted(pairing(1e300 * x[:50], 1e300 * x[50:100])) == list(range(50))
    assert sorted(pairing(1e-300 * x[:50], 1e-300 * x[50:100])) == list(range(50))


# Matrices of distances.


def matrix_of(samples, other, distance):
    return np.array([[distance(x, y) for y in other] for x in samples])


@pytest.mark.parametrize("sizes", [(10,) * 9, (1, 2, 3, 4, 5, 6, 10, 7, 1), (4, 8, 4, 8, 12, 6, 3)])
@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300])
def test_distances_on_the_line_are_those_of_pairs(rng, sizes, scale):
    samples = [rng.normal(size=n) for n in sizes]
    other = [rng.normal(size=n) for n in (sizes[0], sizes[1])]
    expected = scale * matrix_of(samples, samples, wasserstein_distance)
    scaled = [scale * sample for sample in samples]
    condensed = pairwise_distances(scaled)
    np.testing.assert_allclose(squareform(condensed), expected, rtol=1e-13)
    found = pairwise_distances(scaled, other=[scale * sample for sample in other])
    np.testing.assert_allclose(
        found, scale * matrix_of(samples, other, wasserstein_distance), rtol=1e-13
    )


def test_distances_of_many_rows_reach_over_all_tiles(rng):
    samples = rng.normal(size=(150, 300))
    expected = squareform(
        cdist(np.sort(samples), np.sort(samples), "cityblock") / 300, checks=False
    )
    np.testing.assert_allclose(pairwise_distances(samples), expected, rtol=1e-12)


def test_distances_of_histograms(rng):
    rows, positions = rng.random((8, 5)), rng.normal(size=5)
    expected = matrix_of(rows, rows, lambda p, q: wasserstein1_histogram(p, q, support=positions))
    found = squareform(pairwise_distances(rows, support=positions))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    with pytest.raises(InvalidInputError, match=r"`samples\[1\]` must have shape \(5,\)"):
        pairwise_distances([np.ones(5), np.ones(4)], support=positions)


@pytest.mark.parametrize("name", ["wasserstein1", "wasserstein2", "energy_distance"])
def test_distances_of_clouds_are_those_of_pairs(rng, name):
    samples = clouds(rng, (1, 4, 4, 9, 3))
    samples.append(samples[1])
    single = getattr(otdiv, name)
    expected = matrix_of(samples, samples, single)
    np.fill_diagonal(expected, 0.0)
    found = squareform(pairwise_distances(samples, distance=name, n_jobs=2))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    found = pairwise_distances(samples, distance=name, other=samples[:2])
    np.testing.assert_allclose(found, matrix_of(samples, samples[:2], single), atol=1e-12)


def test_divergences_and_functions_of_ones_own(rng):
    p = rng.random((4, 3))
    expected = matrix_of(p, p, lambda x, y: otdiv.js_distance(x / x.sum(), y / y.sum()))
    shares = p / p.sum(axis=1, keepdims=True)
    found = squareform(pairwise_distances(shares, distance="js_distance"))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    found = pairwise_distances(["a", "bbb", "cc"], distance=lambda x, y: abs(len(x) - len(y)))
    np.testing.assert_array_equal(found, [2.0, 1.0, 1.0])


def test_distances_go_into_a_file_and_into_a_dendrogram(rng, tmp_path):
    samples = rng.normal(size=(12, 7))
    out = np.memmap(tmp_path / "distances", dtype=np.float64, mode="w+", shape=(66,))
    assert pairwise_distances(samples, out=out) is out
    np.testing.assert_array_equal(out, pairwise_distances(samples))
    assert linkage(out, "average").shape == (11, 4)
    with pytest.raises(InvalidInputError, match=r"`out` must have shape \(66,\)"):
        pairwise_distances(samples, out=np.zeros(65))
    with pytest.raises(InvalidInputError, match="`out` must have dtype float64 or float32"):
        pairwise_distances(samples, out=np.zeros(66, np.float16))


def test_a_callback_stops_a_matrix_and_the_rest_is_nan(rng):
    samples = rng.normal(size=(600, 2000))
    found = pairwise_distances(samples, callback=lambda progress: True, n_jobs=1)
    assert np.isfinite(found[0])
    assert np.isnan(found[-1])


@pytest.mark.parametrize(
    ("samples", "options", "words"),
    [
        ([[0.0], [np.nan]], {}, r"`samples\[1\]` must be finite"),
        ([[0.0]], {"other": [[0.0], []]}, r"`other\[1\]` must hold at least one"),
        ([[0.0], [[0.0, 1.0]]], {}, "`samples` must all have the same number of columns"),
        ([0.0, 1.0], {}, r"`samples\[0\]` must be an array"),
        (np.zeros(3), {}, "`samples` must hold one sample a row"),
        ([[0.0]], {"distance": "cosine"}, "`distance` must be callable or one of"),
        ([[0.0]], {"distance": "wasserstein2", "support": [0.0]}, "`support` must be None"),
    ],
)
def test_errors_of_a_matrix_name_the_sample(samples, options, words):
    with pytest.raises(InvalidInputError, match=words):
        pairwise_distances(samples, **options)


def test_one_sample_has_no_pairs():
    assert pairwise_distances([[0.0, 1.0]]).shape == (0,)


# Rows of samples and of histograms.


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, INF])
def test_a_batch_on_the_line_is_that_of_its_rows(rng, p):
    x, y, a = rng.normal(size=(3, 2, 5)), rng.normal(size=(2, 4)), rng.random((3, 2, 5))
    found = wasserstein_batch(x, y, p=p, x_weights=a)
    assert found.shape == (3, 2)
    for i in range(3):
        for j in range(2):
            expected = wasserstein(x[i, j], y[j], p=p, x_weights=a[i, j])
            assert found[i, j] == pytest.approx(expected, rel=1e-13)
    np.testing.assert_array_equal(
        wasserstein_batch(x.T, y.T[:, :, None], p=p, axis=0, x_weights=a.T), found.T
    )


def test_one_histogram_against_many(rng):
    p, q, support = rng.random(4), rng.random((3, 2, 4)), rng.normal(size=4)
    found = wasserstein1_histogram(p, q, support=support)
    for index in np.ndindex(3, 2):
        assert found[index] == wasserstein1_histogram(p, q[index], support=support)
    points = rng.normal(size=(4, 2))
    found = wasserstein1_histogram(q, p, support=points)
    assert found[2, 1] == wasserstein1_histogram(q[2, 1], p, support=points)
    with pytest.raises(InvalidInputError, match="`q` must broadcast with `p`"):
        wasserstein1_histogram(np.ones((2, 4)), np.ones((3, 4)), support=support)
    with pytest.raises(InvalidInputError, match=r"`q\[1\]` must be non-negative"):
        wasserstein1_histogram(p, [[1.0] * 4, [-1.0] * 4], support=support)
