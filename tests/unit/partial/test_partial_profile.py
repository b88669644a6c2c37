"""The profile of partial transport, the norm of Kantorovich and Rubinstein, and other costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from otdiv import (
    ConvergenceError,
    Cosine,
    DiscreteMeasure,
    FunctionCost,
    Geodesic,
    Huber,
    InvalidInputError,
    Mahalanobis,
    Periodic,
    kantorovich_rubinstein,
    kantorovich_rubinstein_result,
    partial_transport,
    partial_transport_matrix,
    partial_transport_profile,
    wasserstein1,
)


def clouds(n, m, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + 0.5


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", "cityblock"])
@pytest.mark.parametrize("rtol", [0.1, 1e-3])
def test_the_band_holds_the_least_cost_of_any_mass(cost, rtol):
    x, y = clouds(60, 45)
    profile = partial_transport_profile(x, y, cost=cost, rtol=rtol)
    assert profile.status.name == "OPTIMAL"
    assert profile.gap <= rtol * profile.upper[-1]
    for mass in (1e-6, 0.1, 0.33, 0.5, 0.77, 0.95, 1.0):
        exact = partial_transport(x, y, cost=cost, mass=mass).bounds
        band = profile.at(mass)
        assert band.lower <= exact.upper
        assert exact.lower <= band.upper
        assert band.gap <= rtol * profile.upper[-1] * (1.0 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 7), m=st.integers(1, 7))
def test_no_band_misses_a_linear_programme(seed, n, m):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(-4, 5, (n, 2)) / 2.0, rng.integers(-4, 5, (m, 2)) / 2.0
    a, b = rng.integers(1, 5, n) * 1.0, rng.integers(1, 5, m) * 1.0
    source, target = DiscreteMeasure(x, weights=a), DiscreteMeasure(y, weights=b)
    profile = partial_transport_profile(source, target, rtol=1e-2)
    C = np.linalg.norm(x[:, None] - y[None], axis=2).ravel()
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    for share in (0.2, 0.6, 1.0):
        mass = share * min(a.sum(), b.sum())
        found = linprog(
            C, A_ub=np.vstack([rows, columns]), b_ub=np.concatenate([a, b]),
            A_eq=np.ones((1, n * m)), b_eq=[mass], method="highs",
        )  # fmt: skip
        band = profile.at(mass)
        assert band.lower <= found.fun + 1e-9
        assert found.fun - 1e-9 <= band.upper


def test_it_is_convex_and_begins_at_nothing():
    profile = partial_transport_profile(*clouds(40, 40))
    assert profile.masses[0] == profile.upper[0] == 0.0
    assert (np.diff(profile.masses) > 0.0).all()
    assert (np.diff(profile.prices) >= -1e-12).all()
    assert (profile.lower <= profile.upper).all()


def test_the_kink_is_the_share_that_is_no_outlier():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    y = np.concatenate([rng.normal(size=(180, 2)), rng.normal(size=(20, 2)) + 40.0])
    profile = partial_transport_profile(x, y)
    assert profile.kink == pytest.approx(0.9, abs=0.01)


def test_equal_samples_cost_nothing_whatever_is_moved():
    x, _ = clouds(20, 1)
    profile = partial_transport_profile(x, x)
    assert profile.upper[-1] == 0.0
    assert profile.at(0.5).upper == 0.0


def test_masses_of_measures_are_absolute():
    x = DiscreteMeasure([[0.0], [1.0]], weights=[2.0, 2.0])
    profile = partial_transport_profile(x, DiscreteMeasure([[0.5], [9.0]], weights=[1.0, 2.0]))
    assert profile.masses[-1] == 3.0
    assert profile.at(1.0).upper == pytest.approx(0.5)


def test_masses_beyond_the_curve_are_errors():
    profile = partial_transport_profile([0.0], [1.0])
    with pytest.raises(InvalidInputError, match=r"`mass` must be in \[0, 1\]; got 1.5"):
        profile.at(1.5)
    with pytest.raises(InvalidInputError, match="`mass` must be in"):
        profile.at(-0.1)


def test_negative_costs_have_no_profile():
    cost = FunctionCost(lambda x, y: x - y.T)
    with pytest.raises(InvalidInputError, match=r"non-negative for a profile; got -2.* \(0, 1\)"):
        partial_transport_profile([0.0, 1.0], [0.0, 2.0], cost=cost)


def test_a_callback_stops_with_what_is_known():
    x, y = clouds(300, 300)
    told = []
    with pytest.raises(ConvergenceError) as caught:
        partial_transport_profile(
            x, y, rtol=1e-4, callback=lambda p: told.append(p) or p.iteration >= 4
        )
    profile = caught.value.result
    assert profile.status.name == "STOPPED"
    exact = partial_transport(x, y, mass=0.6).value
    assert profile.at(0.6).lower <= exact <= profile.at(0.6).upper * (1.0 + 1e-12)


COSTS = [
    Cosine(),
    Mahalanobis([[2.0, 0.3], [0.3, 1.0]]),
    Periodic(3.0),
    Geodesic(),
    Huber(0.5),
    FunctionCost(lambda x, y: np.abs(x[:, :1] - y[:, 0])),
]


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: type(cost).__name__)
@pytest.mark.parametrize("how", [{"mass": 0.6}, {"reach": 0.3}, {"reach": (0.2, math.inf)}])
def test_costs_of_points_are_those_of_their_matrix(cost, how):
    x, y = clouds(30, 25)
    result = partial_transport(x, y, cost=cost, **how)
    matrix = partial_transport_matrix(cost.pairwise(x, y), **how)
    assert result.status.name == "OPTIMAL"
    assert result.value == pytest.approx(matrix.value, rel=1e-9)
    assert result.bounds.lower <= matrix.bounds.upper
    assert matrix.bounds.lower <= result.bounds.upper
    assert result.transport_cost == pytest.approx(matrix.transport_cost, rel=1e-9)
    C = cost.pairwise(x, y)
    f, g = result.potentials.f, result.potentials.g
    assert (f[:, None] + g <= C + 1e-12).all()


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: type(cost).__name__)
def test_profiles_of_costs_of_points(cost):
    x, y = clouds(30, 25)
    profile = partial_transport_profile(x, y, cost=cost, rtol=1e-2)
    exact = partial_transport(x, y, cost=cost, mass=0.7).value
    assert profile.at(0.7).lower <= exact * (1.0 + 1e-9)
    assert exact <= profile.at(0.7).upper * (1.0 + 1e-9)


def test_mass_goes_where_it_is_cheaper_than_twice_the_reach():
    x = DiscreteMeasure([[0.0], [9.0]], weights=[1.0, 1.0])
    assert kantorovich_rubinstein(x, DiscreteMeasure([[1.0]]), reach=2.0) == 3.0
    assert kantorovich_rubinstein(x, DiscreteMeasure([[1.0]]), reach=0.25) == 0.75


def test_a_long_reach_is_wasserstein1():
    x, y = clouds(40, 30)
    assert kantorovich_rubinstein(x, y, reach=1e3) == pytest.approx(wasserstein1(x, y))
    result = kantorovich_rubinstein_result(x, y, reach=0.2)
    assert result.value < wasserstein1(x, y)
    assert result.value > result.transport_cost


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_norm_is_a_metric_of_measures(seed):
    rng = np.random.default_rng(seed)
    p, q, r = (DiscreteMeasure(rng.normal(size=(k, 2)), weights=rng.random(k)) for k in (3, 5, 4))

    def distance(u, v):
        return kantorovich_rubinstein(u, v, reach=0.7)

    assert distance(p, p) == 0.0
    assert distance(p, q) == pytest.approx(distance(q, p))
    assert distance(p, r) <= distance(p, q) + distance(q, r) + 1e-9


@pytest.mark.parametrize("reach", [0.0, -1.0, math.inf, math.nan, "far"])
def test_bad_reaches_are_named(reach):
    with pytest.raises(InvalidInputError, match="`reach` must"):
        kantorovich_rubinstein([0.0], [1.0], reach=reach)
