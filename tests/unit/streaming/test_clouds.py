"""States of clouds: cells, merging, bytes, and W1 in passes."""

import pickle

import numpy as np
import pytest

from otdiv import InvalidInputError
from otdiv.streaming import (
    CloudState,
    PotentialMean,
    SampleState,
    cloud_cells,
    cloud_lower,
    cloud_potential,
    cloud_wasserstein1_bounds,
    wasserstein1_clouds,
)

RNG = np.random.default_rng(3)
X, Y = RNG.standard_normal((3000, 2)), RNG.standard_normal((2500, 2)) * [2.0, 1.0]
CELLS = cloud_cells(np.concatenate([X, Y]), 100)


def test_cells_are_as_many_as_asked_and_hold_about_as_many_rows():
    assert CELLS.n_cells == 100
    state = CloudState(CELLS).update(X).update(Y)
    assert state.n == 5500
    assert state.counts.min() >= 40
    assert state.counts.max() <= 80


def test_rows_of_one_place_make_one_cell():
    assert cloud_cells(np.ones((50, 3)), 8).n_cells == 1
    # A cut keeps equal rows together, and leaves none of its sides empty.
    ties = cloud_cells(np.repeat([[0.0], [1.0], [1.0], [1.0]], 5, axis=0), 4)
    assert ties.n_cells == 2


@pytest.mark.parametrize("weighted", [False, True])
def test_merged_states_are_those_of_all_rows(weighted):
    a = RNG.random(len(X)) if weighted else None
    whole = CloudState(CELLS).update(X, a)
    parts = [
        CloudState(CELLS).update(X[part], None if a is None else a[part])
        for part in (slice(0, 700), slice(700, None))
    ]
    merged = parts[0].merge(parts[1])
    assert (merged.counts == whole.counts).all()
    for mine, theirs in zip(merged.sums()[:3], whole.sums()[:3], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)
    other = CloudState(CELLS).update(Y, None if a is None else np.ones(len(Y)))
    first, second = (cloud_wasserstein1_bounds(each, other) for each in (merged, whole))
    assert first.lower == pytest.approx(second.lower, rel=1e-9)
    assert first.upper == pytest.approx(second.upper, rel=1e-9)


def test_bytes_and_pickles_give_the_state_back_and_nothing_else():
    state = CloudState(CELLS).update(X)
    data = state.to_bytes()
    assert CloudState.from_bytes(data) == state == pickle.loads(pickle.dumps(state))
    again = CloudState.from_bytes(data).update(Y)
    assert again == CloudState(CELLS).update(X).update(Y)
    for broken in (data[:-1], data[:200] + b"x" + data[201:], SampleState().to_bytes()):
        with pytest.raises(InvalidInputError, match="bytes of a CloudState"):
            CloudState.from_bytes(broken)


def test_rows_that_cross_a_cut_are_no_distance():
    """Transport between the means of cells alone is 0.5 here, and W1 is 0.005."""
    cells = cloud_cells([[0.99], [1.0]], n_cells=2)
    for n_passes in (1, 2):
        result = wasserstein1_clouds(
            [[0.0], [1.0]], [[0.0], [0.99]], cells=cells, n_passes=n_passes
        )
        assert result.bounds.lower <= 0.005 * (1.0 + 1e-9)
        assert result.bounds.upper >= 0.005 * (1.0 - 1e-9)


def test_a_sample_is_no_distance_from_itself():
    result = wasserstein1_clouds(X, np.repeat(X, 2, axis=0))
    assert result.bounds.lower <= 1e-12


def test_the_bounds_hold_w1_of_a_known_map_and_a_second_pass_raises_the_lower_one():
    # |z_1| is 1-Lipschitz and proves that stretching the first axis is optimal.
    stretched, exact = X * [2.0, 1.0], np.abs(X[:, 0]).mean()
    one, two = (wasserstein1_clouds(X, stretched, n_passes=n) for n in (1, 2))
    assert one.bounds.upper == two.bounds.upper
    assert one.bounds.lower < two.bounds.lower <= exact * (1.0 + 1e-12)
    assert exact * (1.0 - 1e-12) <= two.bounds.upper
    assert two.bounds.relative_gap < 0.1
    assert (two.n_x, two.n_y, two.n_passes, two.n_cells) == (3000, 3000, 2, 1024)


def test_batches_of_a_function_are_the_rows_of_an_array():
    a = RNG.random(len(X))
    whole = wasserstein1_clouds(X, Y, x_weights=a, cells=CELLS)
    parts = np.array_split(np.arange(len(X)), 7)
    batches = wasserstein1_clouds(lambda: ((X[p], a[p]) for p in parts), Y, cells=CELLS)
    assert batches.bounds.lower == pytest.approx(whole.bounds.lower, rel=1e-9)
    assert batches.bounds.upper == pytest.approx(whole.bounds.upper, rel=1e-9)


def test_parts_of_a_second_pass_merge():
    potential = cloud_potential(CloudState(CELLS).update(X), CloudState(CELLS).update(Y))
    whole = PotentialMean(potential).update(X)
    merged = PotentialMean(potential).update(X[:5]).merge(PotentialMean(potential).update(X[5:]))
    other = PotentialMean(potential).update(Y)
    assert cloud_lower(merged, other) == pytest.approx(cloud_lower(whole, other), rel=1e-9)
    assert repr(merged) == "PotentialMean(n=3000)"


def test_samples_that_change_between_passes_are_told():
    reads = iter([X, X, X[:-1]])
    with pytest.raises(InvalidInputError, match="same rows in every pass"):
        wasserstein1_clouds(lambda: [next(reads)], Y)


def test_what_is_no_cloud_is_told():
    state = CloudState(CELLS)
    with pytest.raises(InvalidInputError, match=r"`points` must have shape \(n, 2\)"):
        state.update(X[:, :1])
    with pytest.raises(InvalidInputError, match="finite coordinates"):
        state.update([[np.inf, 0.0]])
    with pytest.raises(InvalidInputError, match="between 2"):
        state.update(X[:1], [-1.0])
    with pytest.raises(InvalidInputError, match=r"`weights` must have shape \(3000,\)"):
        state.update(X, [1.0])
    with pytest.raises(InvalidInputError, match="within 2"):
        state.update([[1e200, 0.0]])
    with pytest.raises(InvalidInputError, match="for all rows"):
        CloudState(CELLS).update(X).update(X, np.ones(len(X)))
    with pytest.raises(InvalidInputError, match="cells of the other state"):
        state.update(X).merge(CloudState(cloud_cells(X, 5)))
    with pytest.raises(InvalidInputError, match="at least one row"):
        cloud_wasserstein1_bounds(state, CloudState(CELLS))
    with pytest.raises(InvalidInputError, match="be CloudCells"):
        CloudState(X)
    with pytest.raises(InvalidInputError, match="be at most 32768"):
        cloud_cells(X, 10**6)
    with pytest.raises(InvalidInputError, match="be 1 or 2"):
        wasserstein1_clouds(X, Y, n_passes=3)
    with pytest.raises(InvalidInputError, match="`y` must have 2 columns"):
        wasserstein1_clouds(X, Y[:, :1])
    with pytest.raises(InvalidInputError, match="no missing coordinates"):
        wasserstein1_clouds(np.concatenate([X, [[np.nan, 0.0]]]), Y)
    with pytest.raises(InvalidInputError, match="they hold their weights"):
        wasserstein1_clouds(lambda: [X], Y, x_weights=np.ones(len(X)))


def test_rows_with_a_missing_coordinate_are_counted():
    state = CloudState(CELLS).update([[0.0, 1.0], [np.nan, 1.0]])
    assert (state.n, state.n_missing) == (1, 1)
    assert repr(state) == "CloudState(n=1, d=2, 100 cells, n_missing=1)"
