"""Sliced W1 of states: the mean over their directions, whatever the chunks."""

import pickle

import numpy as np
import pytest

from otdiv import InvalidInputError, wasserstein1
from otdiv.streaming import SampleState, SlicedState, sliced_wasserstein1_bounds

RNG = np.random.default_rng(2)
X, Y = RNG.standard_normal((2000, 3)), RNG.standard_t(3, (1500, 3)) + 0.2


def mean_over_directions(x, y, directions, a=None, b=None):
    return np.mean(
        [wasserstein1(x @ t, y @ t, x_weights=a, y_weights=b) for t in directions], axis=0
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_bounds_hold_the_mean_over_the_directions(weighted):
    a, b = (1.0 + RNG.random(len(z)) if weighted else None for z in (X, Y))
    states = SlicedState(3, seed=5).update(X, a), SlicedState(3, seed=5).update(Y, b)
    bounds = sliced_wasserstein1_bounds(*states)
    truth = mean_over_directions(X, Y, states[0].directions, a, b)
    assert bounds.lower <= truth * (1.0 + 1e-13)
    assert truth * (1.0 - 1e-13) <= bounds.upper
    assert bounds.relative_gap < 1e-2


def test_chunks_order_and_merging_change_nothing():
    whole = SlicedState(3, n_projections=7).update(X)
    shuffled = RNG.permutation(X)
    parts = [SlicedState(3, n_projections=7) for _ in range(3)]
    for index, row in enumerate(np.array_split(shuffled, 50)):
        parts[index % 3].update(row)
    assert parts[2].merge(parts[0]).merge(parts[1]) == whole
    assert pickle.loads(pickle.dumps(whole)) == whole


def test_rows_with_a_missing_coordinate_are_counted():
    state = SlicedState(2).update([[0.0, 1.0], [np.nan, 1.0]])
    assert (state.n, state.n_missing) == (1, 1)


def test_what_is_no_cloud_or_has_other_directions_is_told():
    state = SlicedState(3)
    with pytest.raises(InvalidInputError, match=r"`points` must have shape \(n, 3\)"):
        state.update(X[:, :2])
    with pytest.raises(InvalidInputError, match="finite coordinates"):
        state.update([[np.inf, 0.0, 0.0]])
    with pytest.raises(InvalidInputError, match=r"`weights` must have shape \(2000,\)"):
        state.update(X, [1.0])
    with pytest.raises(InvalidInputError, match="directions of the other state"):
        sliced_wasserstein1_bounds(state.update(X), SlicedState(3, seed=1).update(Y))
    with pytest.raises(InvalidInputError, match="be a SlicedState"):
        state.merge(SampleState())
    with pytest.raises(InvalidInputError, match="bytes of a SlicedState"):
        SlicedState.from_bytes(state.to_bytes()[:-1])
