"""Bounds of regularised problems from any potentials enclose what closed forms and solves say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import (
    DensePlan,
    DiscreteMeasure,
    Potentials,
    TransportProblem,
    solvers,
    transport,
    transport_matrix,
)
from otdiv.certificates import regularised_bounds


def two_points(cost, epsilon, mass):
    """Optimum and potentials of two points each, of even weights, of which half the pairs cost.

    The plan is (t, 1/2 - t; 1/2 - t, t) with t / (1/2 - t) = exp(cost / epsilon), so that
    f + g = -epsilon log((1 + exp(-cost / epsilon)) / 2) on the diagonal.
    """
    level = -epsilon * (math.log1p(math.exp(-cost / epsilon)) - math.log(2.0))
    return mass * level, np.full(2, level / 2.0)


@given(
    st.floats(1e-3, 1e3),
    st.floats(1e-2, 1e2),
    st.sampled_from([1.0, 3.0, 1e-6]),
    st.floats(-1.0, 1.0),
    st.floats(-1.0, 1.0),
)
@settings(max_examples=200)
def test_two_points_have_their_closed_form_between_the_bounds(cost, share, mass, one, other):
    epsilon = share * cost
    optimum, f = two_points(cost, epsilon, mass)
    measure = DiscreteMeasure([0.0, cost], weights=np.full(2, mass / 2.0))
    problem = TransportProblem(measure, target=measure, cost="euclidean")
    sharp = regularised_bounds(problem, Potentials(f=f, g=f), epsilon)
    rounding = 1e-13 * mass * (cost + epsilon)
    assert sharp.lower - rounding <= optimum <= sharp.upper + rounding
    assert sharp.gap <= 1e-11 * mass * (cost + epsilon)
    f, g = np.add(f, [one * cost, 0.0]), np.add(f, [0.0, other * cost])
    off = regularised_bounds(problem, Potentials(f=f, g=g), epsilon)
    assert off.lower - rounding <= optimum <= off.upper + rounding


@st.composite
def solved(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, m = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    solver = solvers.Sinkhorn(
        epsilon=draw(st.sampled_from([0.03, 0.3, 3.0])), marginal_tolerance=1e-12
    )
    a, b = rng.dirichlet(np.full(n, 0.5)) + 1e-8, rng.dirichlet(np.full(m, 0.5)) + 1e-8
    if draw(st.booleans()):
        a[0] = 0.0 if n > 1 else a[0]
    options = {"x_weights": a, "y_weights": b, "solver": solver, "throw": False}
    if draw(st.booleans()):
        return transport_matrix(rng.normal(size=(n, m)), **options)
    return transport(rng.random((n, 2)), rng.random((m, 2)), cost="sqeuclidean", **options)


@given(solved(), st.integers(0, 2**32), st.sampled_from([0.0, 1e-8, 1e-3, 1.0, 100.0]))
@settings(max_examples=150)
def test_any_potentials_leave_the_optimum_between_the_bounds(result, seed, size):
    sharp, rng = result.entropic, np.random.default_rng(seed)
    f = sharp.f + size * rng.normal(size=sharp.f.size)
    g = sharp.g + size * rng.normal(size=sharp.g.size)
    found = regularised_bounds(result.problem, Potentials(f=f, g=g), sharp.epsilon)
    assert found.lower <= sharp.bounds.upper
    assert found.upper >= sharp.bounds.lower
    scale = result.problem.cost_bound() + sharp.epsilon
    if size == 0.0 and sharp.marginal_error <= 1e-11:
        assert found.gap <= 1e-8 * scale


@given(solved())
@settings(max_examples=100)
def test_the_objective_of_a_plan_is_an_upper_bound(result):
    plan = DensePlan(result.plan.toarray())
    nothing = Potentials(f=np.zeros(result.problem.shape[0]), g=np.zeros(result.problem.shape[1]))
    found = regularised_bounds(result.problem, nothing, result.entropic.epsilon, plan=plan)
    assert found.upper >= result.entropic.bounds.lower
    assert found.upper - result.entropic.value <= 1e-6 * (
        result.problem.cost_bound() + result.entropic.epsilon
    )


def test_forbidden_pairs_leave_both_bounds():
    C = np.array([[0.0, 1.0, np.inf], [np.inf, 0.0, 1.0], [1.0, np.inf, 0.0]])
    result = transport_matrix(C, solver=solvers.Sinkhorn(epsilon=0.5))
    sharp = result.entropic
    found = regularised_bounds(result.problem, Potentials(f=sharp.f, g=sharp.g), 0.5)
    assert found.lower == pytest.approx(sharp.value, rel=1e-12)
    assert found.lower <= sharp.bounds.upper
    assert found.upper >= sharp.bounds.lower
    closed = regularised_bounds(
        result.problem, Potentials(f=sharp.f, g=sharp.g), 0.5, plan=result.plan
    )
    assert closed.gap <= 1e-11


@pytest.mark.parametrize("potential", [math.nan, math.inf, -math.inf, 1e300, -1e300], ids=str)
def test_potentials_of_any_size_leave_the_optimum_between_the_bounds(potential):
    problem = TransportProblem.from_matrix([[0.0, 1.0], [2.0, 0.5]])
    f = np.array([potential, 0.0])
    found = regularised_bounds(problem, Potentials(f=f, g=np.zeros(2)), 0.1, lower=0.25)
    optimum = transport_matrix(
        [[0.0, 1.0], [2.0, 0.5]], solver=solvers.Sinkhorn(epsilon=0.1)
    ).entropic
    assert 0.25 <= found.lower <= optimum.bounds.upper
    assert optimum.bounds.lower <= found.upper <= 2.0 * (1.0 + 1e-12)
