"""Whatever solver answers, the result proves itself and agrees with the others."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otdiv import (
    ConvergenceError,
    DiscreteMeasure,
    Status,
    TransportProblem,
    UnsupportedProblemError,
    barycentric_map,
    gradient,
    preflight,
    select_solver,
    solve,
    solvers,
    transport,
)
from otdiv.testing import assert_optimal, solved_problems, transport_problems
from tests.exact import exact_transport

ANY_PROBLEM = [None, solvers.NetworkSimplex(), solvers.LinearProgram()]
POINTS = [None, solvers.NetworkSimplex(), solvers.ColumnGeneration()]


@pytest.mark.parametrize("solver", POINTS, ids=repr)
@given(case=solved_problems())
def test_known_answers_are_found(solver, case):
    assert_optimal(solve(case.problem, solver=solver), value=case.value)


@pytest.mark.parametrize("solver", ANY_PROBLEM[:2], ids=repr)
@given(problem=transport_problems())
def test_value_is_that_of_the_linear_program(solver, problem):
    ours = solve(problem, solver=solver, throw=False)
    oracle = solve(problem, solver=solvers.LinearProgram(), throw=False)
    if ours.status is Status.OPTIMAL:
        assert_optimal(ours)
    else:
        # Where much mass stays in place and a millionth moves, floats prove less than 1e-9 of that.
        rounding = 2.0**-50 * problem.cost_bound() * problem.mass
        assert 1e-9 * ours.bounds.upper < ours.bounds.gap <= rounding
    scale = max(problem.cost_bound(), 1e-300) * problem.mass
    # HiGHS's tolerance on costs scaled to one.
    assert ours.value <= oracle.value + 1e-12 * scale
    assert ours.value >= oracle.value - 1e-7 * scale


@st.composite
def whole_problems(draw):
    """Whole weights and costs, some pairs forbidden: solved exactly in rationals."""
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    entry = st.one_of(st.integers(-30, 30), st.none())
    costs = [[draw(entry) for _ in range(m)] for _ in range(n)]
    supplies = [draw(st.integers(0, 6)) for _ in range(n)]
    supplies[draw(st.integers(0, n - 1))] += 1
    total = sum(supplies)
    cuts = sorted(draw(st.lists(st.integers(0, total), min_size=m - 1, max_size=m - 1)))
    demands = [hi - lo for lo, hi in zip([0, *cuts], [*cuts, total], strict=True)]
    return supplies, demands, costs


@pytest.mark.parametrize("solver", ANY_PROBLEM, ids=repr)
@given(case=whole_problems())
def test_bounds_contain_the_rational_optimum_or_infeasibility_is_proven(solver, case):
    supplies, demands, costs = case
    C = [[math.inf if entry is None else float(entry) for entry in row] for row in costs]
    assume(any(entry is not None for row in costs for entry in row))
    exact = exact_transport(supplies, demands, costs)
    problem = TransportProblem.from_matrix(C, supplies, demands)
    result = solve(problem, solver=solver, throw=False)
    if exact is None:
        assert result.status is Status.INFEASIBLE
        assert result.value == math.inf
        rows, columns = result.infeasible_rows, result.infeasible_columns
        assert problem.a[rows].sum() > problem.b[columns].sum()
    else:
        assert result.status is Status.OPTIMAL
        value = exact / sum(supplies)
        assert Fraction(result.bounds.lower) <= value <= Fraction(result.bounds.upper)


@pytest.mark.parametrize("solver", [None, solvers.NetworkSimplex(), solvers.ColumnGeneration()])
@pytest.mark.parametrize("d", [1, 2, 3, 7])
def test_a_cloud_against_itself_is_exactly_zero(solver, d):
    x = np.random.default_rng(d).normal(size=(60, d))
    result = transport(x, x[::-1], solver=solver)
    assert result.value == 0.0
    assert result.status is Status.OPTIMAL


def test_a_tolerance_is_met_and_named_when_it_is_not():
    rng = np.random.default_rng(0)
    x, y = rng.random((400, 2)), rng.random((400, 2))
    loose = transport(x, y, rtol=1e-2)
    assert loose.bounds.relative_gap <= 1e-2
    with pytest.raises(ConvergenceError, match="rtol=1e-09") as caught:
        transport(x, y, cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=0.1), rtol=1e-9)
    assert caught.value.result.value in caught.value.result.bounds


def test_the_callback_stops_a_solve_with_bounds_that_hold():
    rng = np.random.default_rng(0)
    x, y = rng.random((3000, 2)), rng.random((3000, 2))
    exact = transport(x, y).value
    result = transport(x, y, callback=lambda progress: True, throw=False)
    assert result.status in (Status.STOPPED, Status.OPTIMAL)
    assert result.bounds.lower <= exact <= result.bounds.upper


def test_memory_limits_choose_another_solver_or_say_what_would_fit():
    rng = np.random.default_rng(0)
    p, q = (DiscreteMeasure(points=rng.random((2000, 5))) for _ in range(2))
    problem = TransportProblem(source=p, target=q, cost="euclidean")
    everything = preflight(problem)
    assert len(everything) >= 2
    least = min(choice.bytes for choice in everything)
    assert select_solver(problem, max_memory=least).bytes == least
    with pytest.raises(UnsupportedProblemError, match=f"needs about {least} bytes"):
        select_solver(problem, max_memory=least - 1)


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", "cityblock"])
def test_gradients_are_finite_differences(cost):
    rng = np.random.default_rng(3)
    x, y, a = rng.normal(size=(6, 2)), rng.normal(size=(7, 2)), rng.random(6) + 0.5
    a /= a.sum()
    result = transport(x, y, x_weights=a, cost=cost)
    derivative = gradient(result)
    h = 1e-6
    for i, k in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i, k] = h
        above = transport(x + step, y, x_weights=a, cost=cost).value
        below = transport(x - step, y, x_weights=a, cost=cost).value
        # The optimal plan stays the same within h, and second derivatives are of order one.
        assert derivative.x[i, k] == pytest.approx((above - below) / (2 * h), abs=1e-7)
    for i in range(1, 6):
        shift = np.zeros(6)
        shift[0], shift[i] = h, -h
        above = transport(x, y, x_weights=a + shift, cost=cost).value
        below = transport(x, y, x_weights=a - shift, cost=cost).value
        slope = derivative.a[0] - derivative.a[i]
        assert slope == pytest.approx((above - below) / (2 * h), abs=1e-7)


def test_the_barycentric_map_of_a_translation_is_the_translation():
    x = np.random.default_rng(4).normal(size=(30, 3))
    result = transport(x, x + 0.25, cost="sqeuclidean")
    np.testing.assert_allclose(barycentric_map(result), x + 0.25, atol=1e-12)
    new = np.random.default_rng(5).normal(size=(5, 3))
    np.testing.assert_allclose(barycentric_map(result, new), new + 0.25, atol=1e-12)
