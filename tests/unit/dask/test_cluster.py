"""On a cluster: the same states, distances and divergences as on one machine, also after a loss."""

import contextlib
import os
import signal

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

import otdiv
from otdiv import ConvergenceError, InvalidInputError, dask, streaming
from otdiv.streaming import CategoryState, SampleState, SlicedState

pytestmark = [pytest.mark.dask, pytest.mark.slow]

DIVERGENCES = (
    *("kl_divergence", "jeffreys_divergence", "js_divergence", "js_distance", "total_variation"),
    *("hellinger_distance", "chi2_divergence", "population_stability_index"),
)


# Seconds after which a cluster that does not come back to life fails its test; a loaded machine
# takes half a minute to start a worker.
PATIENCE = 300.0


@contextlib.contextmanager
def two_workers():
    """Processes with a thread each, which are started again when they die."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client():
    with two_workers() as client:
        yield client


@pytest.fixture
def mortal():
    """A client of workers that no other test needs."""
    with two_workers() as client:
        yield client


def out_of_patience(progress):
    return progress.elapsed > PATIENCE


def draw(seed, n):
    """Samples that are hard in one way or another."""
    rng = np.random.default_rng(seed)
    kinds = [
        rng.standard_normal(n),
        rng.standard_cauchy(n),
        rng.pareto(0.7, n) + 1.0,
        np.round(rng.standard_normal(n), 1),
        1e9 + rng.standard_normal(n),
        np.where(rng.random(n) < 0.1, np.nan, rng.standard_normal(n)),
    ]
    return kinds[seed % len(kinds)]


def in_chunks(values, rng, most=9):
    """A Dask array with chunks of any sizes, some of them empty."""
    cuts = np.sort(rng.integers(0, len(values) + 1, rng.integers(0, most)))
    sizes = tuple(int(size) for size in np.diff([0, *cuts, len(values)]))
    if len(sizes) == 1:
        return da.from_array(values, chunks=(sizes, *values.shape[1:]))
    parts = [
        da.from_array(values[end - size : end], chunks=-1)
        for size, end in zip(sizes, np.cumsum(sizes), strict=True)
    ]
    return da.concatenate(parts)


def on_one_machine(x, y, **options):
    return streaming.wasserstein1_result(lambda: iter([x]), lambda: iter([y]), **options)


@pytest.mark.parametrize("seed", range(12))
def test_without_weights_a_distance_is_that_of_one_machine_to_the_bit(client, seed):
    rng = np.random.default_rng(100 + seed)
    x, y = draw(seed, int(rng.integers(1, 20_000))), draw(seed + 6 * (seed % 2) + 1, 10_000)
    options = {"missing": "drop"} | ({"rtol": 1e-2} if seed % 3 == 0 else {})
    result = dask.wasserstein1_result(
        in_chunks(x, rng), in_chunks(y, rng), client=client, **options
    )
    assert result == on_one_machine(x, y, **options)
    known = x[~np.isnan(x)], y[~np.isnan(y)]
    assert otdiv.wasserstein1(*known) == pytest.approx(result.value, rel=1e-2)


def test_little_memory_takes_the_passes_that_it_takes_on_one_machine(client):
    x, y = np.random.default_rng(0).standard_normal((2, 60_000))
    options = {"max_memory": 10**6, "bits": 6}
    dasks = (da.from_array(z, chunks=7_000) for z in (x, y))
    result = dask.wasserstein1_result(*dasks, client=client, **options)
    assert result == on_one_machine(x, y, **options)
    assert result.n_passes > 2
    assert result.bounds.relative_gap < 1e-9
    assert result.value == pytest.approx(otdiv.wasserstein1(x, y), rel=1e-12)


def test_states_are_equal_to_those_of_one_machine(client):
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.standard_cauchy(20_000), [np.nan, np.inf, -0.0]])
    state = dask.sample_state(in_chunks(values, rng), client=client, bits=7)
    assert state == SampleState(bits=7).update(values)
    points = rng.standard_normal((3_000, 4))
    sliced = dask.sliced_state(
        da.from_array(points, chunks=(700, 3)), client=client, n_projections=5, seed=3
    )
    assert sliced == SlicedState(4, n_projections=5, seed=3).update(points)


def test_sums_with_weights_are_the_same_in_every_run_and_hold_the_distance(client):
    rng = np.random.default_rng(2)
    x, y = rng.lognormal(size=9_000), rng.lognormal(size=8_000) * 1.1
    a, b = rng.random(9_000), rng.random(8_000)
    sides = [(in_chunks(z, rng), da.from_array(w, chunks=1_000)) for z, w in ((x, a), (y, b))]
    first, second = (dask.wasserstein1_result(*sides, client=client) for _ in range(2))
    assert first == second
    certified = otdiv.wasserstein1_result(x, y, x_weights=a, y_weights=b).bounds
    assert first.bounds.lower <= certified.upper
    assert certified.lower <= first.bounds.upper
    frames = [
        dd.from_pandas(pd.DataFrame({"v": z, "w": w}), npartitions=4) for z, w in ((x, a), (y, b))
    ]
    result = dask.wasserstein1_result(*frames, column="v", weights="w", client=client)
    assert result.value == pytest.approx(first.value, rel=1e-13)


def test_columns_of_frames_count_their_missing_values(client):
    x = pd.Series([1, 2, None, 7, 9, None], dtype="Int64", name="v")
    y = pd.Series([2.0, 3.0, 8.0, 10.0], name="v")
    frames = [
        dd.from_pandas(pd.DataFrame({"v": z, "other": "text"}), npartitions=2) for z in (x, y)
    ]
    with pytest.raises(InvalidInputError, match="2 that are missing"):
        dask.wasserstein1(*frames, column="v", client=client)
    for sides, column in ((frames, "v"), ([frame["v"] for frame in frames], None)):
        result = dask.wasserstein1_result(*sides, column=column, missing="drop", client=client)
        assert (result.value, result.n_missing_x, result.n_missing_y) == (1.0, 2, 0)


def test_bounds_of_one_pass_are_those_of_states(client):
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal(5_000), rng.standard_normal(4_000) + 0.5
    X, Y = in_chunks(x, rng), in_chunks(y, rng)
    states = SampleState().update(x), SampleState().update(y)
    for name, options in (
        ("wasserstein1_bounds", {}),
        ("kolmogorov_smirnov_bounds", {}),
        ("energy_distance_bounds", {}),
        ("cramer_von_mises_bounds", {}),
        ("wasserstein_bounds", {"p": 2}),
    ):
        found = getattr(dask, name)(X, Y, client=client, **options)
        assert found == getattr(streaming, name)(*states, **options), name
    for name in ("cdf_bounds", "quantile_bounds"):
        found = getattr(dask, name)(X, [0.1, 0.5], client=client)
        assert np.array_equal(found, getattr(streaming, name)(states[0], [0.1, 0.5])), name
    points = [rng.standard_normal((500, 3)) + shift for shift in (0.0, 1.0)]
    found = dask.sliced_wasserstein1_bounds(
        *(da.from_array(cloud, chunks=100) for cloud in points), client=client
    )
    sliced = [SlicedState(3).update(cloud) for cloud in points]
    assert found == streaming.sliced_wasserstein1_bounds(*sliced)


@pytest.mark.parametrize("kind", ["texts", "whole numbers", "truth values", "categorical"])
def test_divergences_of_categories_are_those_of_all_counts(client, kind):
    rng = np.random.default_rng(4)
    p, q = rng.choice(5, 3_000, p=[0.1, 0.2, 0.3, 0.3, 0.1]), rng.choice(5, 2_000)
    make = {
        "texts": lambda z: pd.Series(np.array(["a", "b", "ü", "d", "e"])[z]),
        "whole numbers": pd.Series,
        "truth values": lambda z: pd.Series(z > 2),
        "categorical": lambda z: pd.Series(z).map(str).astype("category"),
    }[kind]
    first, second = make(p), make(q)
    P, Q = (dd.from_pandas(z, npartitions=5) for z in (first, second))
    counts = streaming.category_counts(
        *(CategoryState().update(z.tolist()) for z in (first, second))
    )
    found = dask.category_counts(P, Q, client=client)
    assert found[2] == counts[2]
    assert all(np.array_equal(a, b) for a, b in zip(found[:2], counts[:2], strict=True))
    for name in DIVERGENCES:
        expected = getattr(otdiv, name)(*counts[:2])
        assert getattr(dask, name)(P, Q, client=client) == expected, name
    expected = otdiv.renyi_divergence(*counts[:2], alpha=0.5, base=2.0)
    assert dask.renyi_divergence(P, Q, alpha=0.5, base=2.0, client=client) == expected


def test_missing_categories_are_counted(client):
    column = pd.Series(["a", None, "b", "a"], name="c")
    frame = dd.from_pandas(column.to_frame(), npartitions=2)
    state = dask.category_state(frame, column="c", client=client)
    assert (state.counts, state.n_missing) == ({"a": 2, "b": 1}, 1)


def dying(values, place, deaths):
    """An array one of whose chunks kills its worker on some of the times that it is computed."""

    def run(block, block_info=None):
        if block_info[None]["chunk-location"] == (3,):
            calls = len(os.listdir(place))
            (place / str(calls)).touch()
            if calls in deaths:
                os.kill(os.getpid(), signal.SIGKILL)
        return block

    return da.from_array(values, chunks=1_000).map_blocks(run, dtype=np.float64)


@pytest.mark.filterwarnings("ignore")
def test_workers_that_die_in_both_passes_change_nothing_but_time(mortal, tmp_path):
    x, y = np.random.default_rng(5).standard_normal((2, 8_000))
    # Its first time, which is in the first pass; and the first of the second pass.
    X = dying(x, tmp_path, (0, 2))
    result = dask.wasserstein1_result(
        X, da.from_array(y, chunks=1_000), client=mortal, callback=out_of_patience
    )
    assert len(os.listdir(tmp_path)) >= 4
    assert result == on_one_machine(x, y)
    assert result.n_passes == 2


@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_dies_among_pairs_changes_nothing(mortal, tmp_path):
    samples = np.random.default_rng(6).standard_normal((12, 50))

    def distance(x, y):
        if x[0] == samples[7, 0] and not os.listdir(tmp_path):
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return otdiv.wasserstein1(x, y)

    blocks = da.from_array(samples, chunks=(3, 20))
    found = dask.pairwise_distances(
        blocks, distance=distance, client=mortal, callback=out_of_patience
    )
    assert os.listdir(tmp_path) == ["died"]
    expected = otdiv.pairwise_distances(samples, distance=otdiv.wasserstein1)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("distance", ["wasserstein1", "wasserstein2", "energy_distance"])
def test_pairs_of_samples_of_one_size_are_those_of_one_machine_to_the_bit(client, distance):
    rng = np.random.default_rng(7)
    samples, others = rng.standard_normal((40, 30)), rng.standard_normal((7, 30))
    blocks = da.from_array(samples, chunks=(9, 11))
    found = dask.pairwise_distances(blocks, distance=distance, client=client)
    assert np.array_equal(found, otdiv.pairwise_distances(samples, distance=distance))
    found = dask.pairwise_distances(blocks, other=others, distance=distance, client=client)
    assert np.array_equal(found, otdiv.pairwise_distances(samples, other=others, distance=distance))


def test_pairs_of_samples_of_many_sizes_histograms_vectors_and_clouds(client):
    rng = np.random.default_rng(8)
    samples = [rng.standard_normal(n) for n in rng.integers(1, 40, 37)]
    mixed = [da.from_array(z, chunks=3) if i % 2 else z for i, z in enumerate(samples)]
    found = dask.pairwise_distances(mixed, client=client)
    assert found == pytest.approx(otdiv.pairwise_distances(samples), rel=1e-13)
    rows = rng.random((20, 6))
    support = rng.standard_normal(6)
    found = dask.pairwise_distances(da.from_array(rows, chunks=7), support=support, client=client)
    assert np.array_equal(found, otdiv.pairwise_distances(rows, support=support))
    rows /= rows.sum(axis=1, keepdims=True)
    blocks = da.from_array(rows, chunks=7)
    found = dask.pairwise_distances(blocks, distance="js_distance", client=client)
    assert found == pytest.approx(otdiv.pairwise_distances(rows, distance="js_distance"), rel=1e-12)
    clouds = rng.standard_normal((6, 9, 2))
    found = dask.pairwise_distances(da.from_array(clouds, chunks=(2, 3, 1)), client=client)
    assert found == pytest.approx(otdiv.pairwise_distances(clouds), rel=1e-12)


def test_pairs_are_written_to_a_file_as_far_as_the_callback_lets(client, tmp_path):
    samples = np.random.default_rng(9).standard_normal((20, 10))
    blocks = da.from_array(samples, chunks=(4, 10))
    out = np.memmap(tmp_path / "distances", np.float32, "w+", shape=(190,))
    assert dask.pairwise_distances(blocks, out=out, client=client) is out
    assert np.array_equal(out, otdiv.pairwise_distances(samples).astype(np.float32))
    dask.pairwise_distances(blocks, out=out, client=client, callback=lambda progress: True)
    assert np.isnan(out).any()


def test_the_sample_that_is_wrong_is_named_as_the_caller_counts(client):
    samples = np.zeros((9, 4))
    samples[7, 2] = np.nan
    blocks = da.from_array(samples, chunks=(4, 4))
    with pytest.raises(InvalidInputError, match=r"`samples\[7\]`"):
        dask.pairwise_distances(blocks, client=client)
    with pytest.raises(InvalidInputError, match=r"`other\[7\]`"):
        dask.pairwise_distances(np.ones((2, 4)), other=blocks, client=client)
    for wrong in ([], da.zeros(3), 4.0, "ab"):
        with pytest.raises(InvalidInputError, match="`samples` must"):
            dask.pairwise_distances(wrong, client=client)
    with pytest.raises(InvalidInputError, match="`distance` must"):
        dask.pairwise_distances(samples, distance="W1", client=client)


def test_a_callback_cancels_what_runs(client):
    x, y = (da.from_array(np.random.default_rng(k).standard_normal(10_000)) for k in (0, 1))

    def slow(block):
        import time

        time.sleep(0.5)
        return block

    with pytest.raises(ConvergenceError, match="stopped in the first pass") as stopped:
        dask.wasserstein1(x.map_blocks(slow), y, client=client, callback=lambda progress: True)
    assert stopped.value.result is None
    with pytest.raises(ConvergenceError, match="the callback stopped") as stopped:
        dask.wasserstein1(
            x.map_blocks(slow), y, client=client, callback=lambda p: p.bounds is not None
        )
    assert stopped.value.result.bounds.lower > 0.0


def test_data_that_change_between_passes_are_told(client):
    def drawn(block):
        return np.random.default_rng().standard_normal(block.size)

    x = da.zeros(40_000, chunks=10_000).map_blocks(drawn, dtype=float)
    with pytest.raises(InvalidInputError, match="the same rows whenever it is read"):
        dask.wasserstein1(x, -x, client=client)


def test_what_is_none_of_dask_is_refused(client):
    x = da.arange(10, chunks=5)
    frame = dd.from_pandas(pd.DataFrame({"v": [1.0, 2.0], "t": ["a", "b"]}), npartitions=1)
    for call, words in (
        (lambda: dask.wasserstein1(x, x, client=None), "`client` must be a distributed.Client"),
        (lambda: dask.wasserstein1(x, np.arange(3.0), client=client), "`y` must be a Dask array"),
        (lambda: dask.wasserstein1(x, x, column="v", client=client), "`column` must be None"),
        (lambda: dask.wasserstein1(frame, frame, client=client), "`column` must name one"),
        (
            lambda: dask.wasserstein1(frame, frame, column="z", client=client),
            "got 'z', where there are v, t",
        ),
        (
            lambda: dask.wasserstein1(frame, frame, column="v", weights="z", client=client),
            "`weights` must name one",
        ),
        (lambda: dask.wasserstein1(frame, frame, column="t", client=client), "column of numbers"),
        (lambda: dask.wasserstein1(x, da.zeros((2, 2)), client=client), r"have shape \(n,\)"),
        (lambda: dask.wasserstein1((x, x[:5]), x, client=client), "shape of their values"),
        (lambda: dask.wasserstein1((x, -x), x, client=client), "`weights` must be finite"),
        (lambda: dask.wasserstein1(x, da.zeros(0), client=client), "`y` must have at least one"),
        (lambda: dask.wasserstein1(x, x / 0.0, client=client), "`y` must have finite values"),
        (lambda: dask.sample_state(x, bits=40, client=client), "`bits` must be"),
        (lambda: dask.js_divergence((x, x), x, client=client), "`p` must have no weights"),
        (lambda: dask.js_divergence(x / 3, x, client=client), "`values` must hold texts"),
        (lambda: dask.sliced_state(x, client=client), r"`points` must be a Dask array of shape"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            call()


def test_an_asynchronous_client_is_refused():
    async def ask():
        cluster = LocalCluster(
            n_workers=1, processes=False, dashboard_address=":0", asynchronous=True
        )
        async with cluster, Client(cluster, asynchronous=True) as client:
            with pytest.raises(InvalidInputError, match="be a synchronous"):
                dask.sample_state(da.zeros(3), client=client)

    import asyncio

    asyncio.run(ask())
