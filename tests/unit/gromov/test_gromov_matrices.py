"""Gromov-Wasserstein of matrices through the public door: answers, statuses, errors, stops."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from otdiv import ConvergenceError, InvalidInputError, UnsupportedProblemError
from otdiv.gromov import (
    gromov_barycenter,
    gromov_lower_bounds,
    gromov_wasserstein_matrix,
)

PATH = [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
TRIANGLE = [[0, 1, 1], [1, 0, 1], [1, 1, 0]]


def distances(x):
    return np.sqrt(np.square(x[:, None] - x[None]).sum(axis=2))


def cloud(n, d=2, seed=0):
    return distances(np.random.default_rng(seed).normal(size=(n, d)))


def test_a_moved_and_renumbered_cloud_is_found_again():
    C = cloud(40)
    order = np.random.default_rng(1).permutation(40)
    result = gromov_wasserstein_matrix(C, C[np.ix_(order, order)])
    assert result.value == 0.0
    assert result.bounds.lower == result.bounds.upper == 0.0
    assert result.status.name == "OPTIMAL"
    assert (order[result.plan.columns] == result.plan.rows).all()


def test_a_path_and_a_triangle():
    result = gromov_wasserstein_matrix(PATH, TRIANGLE)
    # Any bijection changes one distance, of two ordered pairs among nine.
    assert result.value == pytest.approx(2.0 / 9.0)
    assert result.status.name == "OPTIMAL"
    assert result.bounds.lower == pytest.approx(2.0 / 9.0)


def test_one_point_against_many_is_a_second_moment():
    C = cloud(7)
    result = gromov_wasserstein_matrix(C, [[0.0]])
    assert result.value == pytest.approx(np.square(C).mean())
    assert result.status.name == "OPTIMAL"


def test_points_that_are_split_are_no_distance_away():
    """Two points of half the weight in the place of one."""
    C = cloud(6)
    twice = np.repeat(np.repeat(C, 2, axis=0), 2, axis=1)
    weights = np.arange(1.0, 7.0)
    result = gromov_wasserstein_matrix(
        C, twice, x_weights=weights, y_weights=np.repeat(weights, 2), n_starts=8
    )
    assert result.value <= 1e-12 * np.square(C).max()


def test_more_starts_are_never_worse():
    Cx, Cy = cloud(60, 3), cloud(50, 2, seed=3)
    values = [gromov_wasserstein_matrix(Cx, Cy, n_starts=k).value for k in (1, 2, 6)]
    assert values[0] >= values[1] >= values[2]


def test_a_seed_gives_one_answer():
    Cx, Cy = cloud(30, 3), cloud(30, 2, seed=3)
    first, second = (gromov_wasserstein_matrix(Cx, Cy, rng=7, n_starts=5) for _ in range(2))
    assert first.values == second.values
    assert (first.plan.columns == second.plan.columns).all()


def test_half_of_a_space_is_found_in_the_whole():
    C = cloud(30)
    part = C[:15, :15]
    result = gromov_wasserstein_matrix(part, C, relax="y", n_starts=8)
    assert result.value <= 0.05
    assert gromov_wasserstein_matrix(part, C).value > result.value


def test_outliers_may_be_left_out():
    C = cloud(20)
    far = np.full((22, 22), 50.0)
    far[:20, :20] = C
    np.fill_diagonal(far, 0.0)
    whole = gromov_wasserstein_matrix(C, far)
    part = gromov_wasserstein_matrix(C, far, relax=0.9, n_starts=8)
    assert part.value < 0.05 * whole.value
    assert (part.plan.columns < 20).all()


def test_features_decide_between_symmetric_matchings():
    square = distances(np.array([[0.0, 0], [0, 1], [1, 1], [1, 0]]))
    M = 1.0 - np.eye(4)[[2, 3, 0, 1]]
    result = gromov_wasserstein_matrix(square, square, feature_costs=M)
    assert result.value == 0.0
    assert result.plan.columns[np.argsort(result.plan.rows)].tolist() == [2, 3, 0, 1]


def test_alpha_near_one_forgets_the_features():
    Cx, Cy, M = cloud(10), cloud(10, seed=1), np.random.default_rng(0).random((10, 10))
    fused = gromov_wasserstein_matrix(Cx, Cy, feature_costs=M, alpha=1.0, n_starts=3)
    plain = gromov_wasserstein_matrix(Cx, Cy, n_starts=3)
    assert fused.value == pytest.approx(plain.value, rel=0.2)
    assert fused.bounds.lower == pytest.approx(plain.bounds.lower)


def test_a_tolerance_that_is_not_proven_raises_with_the_result():
    Cx, Cy = cloud(12, 3), cloud(12, 2, seed=3)
    with pytest.raises(ConvergenceError, match=r"asked rtol=0\.001") as caught:
        gromov_wasserstein_matrix(Cx, Cy, rtol=1e-3)
    assert caught.value.result.status.name == "STALLED"
    assert gromov_wasserstein_matrix(Cx, Cy, rtol=1e-3, throw=False).status.name == "STALLED"
    assert gromov_wasserstein_matrix(Cx, Cy, rtol=0.9).status.name == "OPTIMAL"


def test_a_callback_stops_with_what_there_is():
    told = []
    result = gromov_wasserstein_matrix(
        cloud(40, 3), cloud(40, 2, seed=1), callback=lambda p: told.append(p) or len(told) > 3
    )
    assert result.status.name == "STOPPED"
    assert math.isfinite(result.value)
    assert result.bounds.lower <= result.value <= result.bounds.upper
    assert result.plan.row_sums() == pytest.approx(np.full(40, 1.0 / 40))


def test_seconds_end_a_search():
    begin = time.perf_counter()
    result = gromov_wasserstein_matrix(
        cloud(150, 3), cloud(150, 2, seed=1), n_starts=10**6, max_seconds=0.3
    )
    assert time.perf_counter() - begin < 30.0
    assert result.status.name == "STOPPED"


def test_memory_is_forecast():
    with pytest.raises(UnsupportedProblemError, match="Gromov-Wasserstein of 40 x 40 points"):
        gromov_wasserstein_matrix(cloud(40), cloud(40), max_memory=1000)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([[0, 1]], PATH), {}, r"`Cx` must be square.*shape \(1, 2\)"),
        ((PATH, [1, 2]), {}, r"`Cy` must have shape"),
        ((PATH, [[0, np.nan], [1, 0]]), {}, r"`Cy` must hold numbers.*index \(0, 1\)"),
        (([[0, np.inf], [1, 0]], PATH), {}, r"`Cx` must be finite; got inf at index \(0, 1\)"),
        ((PATH, TRIANGLE), {"loss": "kl"}, r"`Cy` must be positive with loss=.kl."),
        (([[0, -1], [1, 0]], [[1.0]]), {"loss": "kl"}, r"`Cx` must be at least 0"),
        ((PATH, TRIANGLE), {"loss": "l1"}, r"`loss` must be"),
        ((PATH, TRIANGLE), {"alpha": 0.5}, r"`alpha` must come with `feature_costs`"),
        ((PATH, TRIANGLE), {"feature_costs": PATH, "alpha": 0.0}, r"`alpha` must be in \(0, 1\]"),
        ((PATH, TRIANGLE), {"feature_costs": [[1, 2]]}, r"`feature_costs` must have shape"),
        ((PATH, TRIANGLE), {"relax": "x"}, r"`relax` must be None"),
        ((PATH, TRIANGLE), {"relax": 1.5}, r"`relax` must be None"),
        ((PATH, TRIANGLE), {"relax": "y", "y_weights": [1, 1, 1]}, r"`y_weights` must be left"),
        ((PATH, TRIANGLE), {"x_weights": [1, 1]}, r"`x_weights` must have shape \(3,\)"),
        ((PATH, TRIANGLE), {"n_starts": 0}, r"`n_starts` must be"),
        (([], PATH), {}, r"`Cx` must have shape"),
    ],
)
def test_bad_input_is_named(arguments, options, message):
    with pytest.raises(InvalidInputError, match=message):
        gromov_wasserstein_matrix(*arguments, **options)


@pytest.mark.parametrize("scale", [1e-200, 1e-120, 1e120])
def test_units_do_not_matter(scale):
    Cx, Cy = cloud(12), cloud(10, seed=1)
    plain = gromov_wasserstein_matrix(Cx, Cy)
    scaled = gromov_wasserstein_matrix(2.0**400 * Cx, 2.0**400 * Cy)
    assert scaled.value == plain.value * 2.0**800
    tiny = gromov_wasserstein_matrix(scale * Cx, scale * Cy, loss="square")
    if scale > 1e-150:
        assert tiny.value == pytest.approx(plain.value * scale * scale, rel=1e-9)
        bounds = gromov_lower_bounds(scale * Cx, scale * Cy)
        assert bounds.third == pytest.approx(plain.bounds.lower * scale * scale, rel=1e-9)
        barycenter = gromov_barycenter([scale * Cx, scale * Cy], size=10)
        assert barycenter.value == pytest.approx(
            gromov_barycenter([Cx, Cy], size=10).value * scale * scale, rel=1e-6
        )


def test_losses_beyond_float64_are_an_error():
    with pytest.raises(InvalidInputError, match="an overflow"):
        gromov_wasserstein_matrix([[0.0, 1e200], [1e200, 0.0]], [[0.0, 1.0], [1.0, 0.0]])


def test_lower_bounds_of_a_space_and_itself_are_nothing():
    assert gromov_lower_bounds(PATH, PATH) == (0.0, 0.0, 0.0)


def test_the_barycenter_of_one_space_is_that_space():
    C = cloud(8)
    result = gromov_barycenter([C], size=8)
    assert result.value == 0.0
    assert gromov_wasserstein_matrix(result.matrix, C).value == 0.0


def test_the_barycenter_is_no_farther_than_any_of_the_spaces():
    matrices = [cloud(12, 2, seed) for seed in range(3)]
    result = gromov_barycenter(matrices, size=12)
    for C in matrices:
        others = [gromov_wasserstein_matrix(C, D, n_starts=1).value for D in matrices]
        assert result.value <= np.mean(others) + 1e-12
    assert result.bounds.lower > 0.0
    assert len(result.plans) == 3


@pytest.mark.parametrize(
    ("matrices", "options", "message"),
    [
        ([], {}, "`matrices` must hold at least one"),
        (3, {}, "`matrices` must be a sequence"),
        ([PATH, [[1, 2]]], {}, r"`matrices\[1\]` must be square"),
        ([PATH, PATH], {"weights": [0.5, 0.6]}, "`weights` must sum to one; got 1.1"),
        ([PATH, PATH], {"weights": [1.5, -0.5]}, "`weights` must be non-negative"),
        ([PATH, PATH], {"weights": [1.0]}, r"`weights` must have shape \(2,\)"),
        ([PATH], {"point_weights": [[1, 1, 1], [1]]}, "`point_weights` must hold 1 arrays"),
        ([PATH], {"size_weights": [1, 0]}, "`size_weights` must be positive"),
    ],
)
def test_bad_lists_are_named(matrices, options, message):
    with pytest.raises(InvalidInputError, match=message):
        gromov_barycenter(matrices, size=2, **options)
