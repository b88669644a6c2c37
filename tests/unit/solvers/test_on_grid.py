"""Costs |x - y|_1 on grids: flows between neighbouring cells, and what is no such problem."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import DiscreteMeasure, PNormCost, TransportProblem, solve, solvers
from otdiv._kernels.network_flow.grid_flow import decompose, grid_arcs
from otdiv._monitor import Monitor
from otdiv.results import Status
from otdiv.solvers._columns.on_grid import solve_on_grid

CITYBLOCK = PNormCost(norm=1.0)


def _grid(*shape):
    return np.stack(np.indices(shape), axis=-1).reshape(-1, len(shape)).astype(float)


def _problem(x, y, a=None, b=None, cost=CITYBLOCK):
    return TransportProblem(
        source=DiscreteMeasure.from_samples(x, a),
        target=DiscreteMeasure.from_samples(y, b),
        cost=cost,
    )


def _answer(problem):
    rows, columns = np.arange(problem.shape[0]), np.arange(problem.shape[1])
    masses = np.full(rows.size, columns.size), np.full(columns.size, rows.size)
    return solve_on_grid(problem, rows, columns, masses, 1.0, Monitor())


def test_arcs_lead_to_the_cell_itself_and_to_its_neighbours():
    begin, end, cost = grid_arcs([np.array([0.0, 2.0]), np.array([0.0, 1.0, 4.0])])
    arcs = set(zip(begin.tolist(), end.tolist(), cost.tolist(), strict=True))
    steps = {(0, 1, 1.0), (1, 2, 3.0), (3, 4, 1.0), (4, 5, 3.0), (0, 3, 2.0), (1, 4, 2.0)}
    steps.add((2, 5, 2.0))
    back = {(j, i, c) for i, j, c in steps}
    assert arcs == steps | back | {(i, i, 0.0) for i in range(6)}
    assert begin.size == len(arcs)
    assert (np.diff(begin) >= 0).all()


def test_parcels_leave_in_the_order_in_which_they_came():
    # 0 -> 1 -> 2 -> 3, with supply at 0 and 1 and demand at 2 and 3.
    begin, end, flow = np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([2, 5, 4])
    rows, columns = decompose(begin, end, flow, np.array([2, 3, 0, 0]), np.array([0, 0, 1, 4]))
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) in (
        [(0, 2), (0, 3), (1, 3)],
        [(0, 3), (1, 2), (1, 3)],
    )


@pytest.mark.parametrize("shape", [(7, 5), (1, 9), (4, 3, 5)])
def test_potentials_are_tight_on_the_plan_and_feasible(shape):
    x = _grid(*shape)
    rng = np.random.default_rng(1)
    half = rng.permutation(len(x))[: len(x) // 2 + 1]
    problem = _problem(x, x[half])
    answer = _answer(problem)
    slack = problem.matrix() - answer.f[:, None] - answer.g
    assert slack.min() >= -1e-12


@pytest.mark.parametrize(
    "cost", [PNormCost(norm=1.0, power=2.0), PNormCost(), PNormCost(norm=np.inf)], ids=repr
)
def test_other_costs_are_no_flow_between_neighbours(cost):
    assert _answer(_problem(_grid(4, 4), _grid(4, 4), cost=cost)) is None


def test_points_off_a_grid_and_grids_of_too_many_common_cells_are_left_alone():
    rng = np.random.default_rng(1)
    cloud, grid = rng.random((40, 2)), _grid(3, 3, 3, 3)
    assert _answer(_problem(cloud, cloud)) is None
    # Shifted in four dimensions the common grid has sixteen cells a point.
    assert _answer(_problem(grid, grid + 0.5)) is None


def test_a_callback_stops_the_flow_with_bounds():
    rng = np.random.default_rng(1)
    x = _grid(60, 60)
    problem = _problem(x, x, rng.random(3600), rng.random(3600))
    solver = solvers.ColumnGeneration()
    result = solve(problem, solver=solver, callback=lambda _: True, throw=False)
    assert result.status is Status.STOPPED
    assert result.bounds.lower <= result.value <= result.bounds.upper


def test_equal_measures_stay_where_they_are():
    x, rng = _grid(9, 8), np.random.default_rng(1)
    weights = rng.random(72)
    result = solve(_problem(x, x, weights, weights), solver=solvers.ColumnGeneration())
    assert result.value == 0.0
    np.testing.assert_array_equal(result.plan.rows, result.plan.columns)


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_the_value_is_that_of_the_simplex_on_all_pairs(data):
    d = data.draw(st.integers(2, 3))
    sides = []
    for _ in range(2):
        shape = data.draw(st.lists(st.integers(1, 6), min_size=d, max_size=d))
        step = data.draw(st.sampled_from([1.0, 0.1, 3.0]))
        origin = data.draw(st.sampled_from([0.0, 0.3, 1e3]))
        points = origin + step * _grid(*shape)
        whole = data.draw(
            st.lists(st.integers(0, 3), min_size=len(points), max_size=len(points)).filter(any)
        )
        noise = data.draw(st.sampled_from([0.0, 1e-9, 0.3]))
        rng = np.random.default_rng(len(points))
        sides.append((points, np.array(whole) * (1.0 + noise * rng.random(len(points)))))
    (x, a), (y, b) = sides
    problem = _problem(x, y, a, b)
    result = solve(problem, solver=solvers.ColumnGeneration())
    expected = solve(problem, solver=solvers.NetworkSimplex())
    assert result.status is Status.OPTIMAL
    assert max(result.bounds.lower, expected.bounds.lower) <= min(
        result.bounds.upper, expected.bounds.upper
    )
    assert result.bounds.gap <= 1e-11 * max(result.value, float(problem.matrix().max()))


def test_lists_of_convex_costs_are_not_lengthened_by_the_coarsest_level(monkeypatch):
    """Its lists of nearest atoms place little of two images whose masses lie apart."""
    from otdiv.solvers._columns import run

    lengths = []
    solve_level = run.solve_level

    def spy(state, **options):
        end = solve_level(state, **options)
        lengths.append((state.k, state.useful_k))
        return end

    monkeypatch.setattr(run, "solve_level", spy)
    x = _grid(64, 64) / 64
    a, b = (1.0 / (0.01 + ((x - c) ** 2).sum(1)) ** 1.5 for c in (0.2, 0.8))
    result = solve(_problem(x, x, a, b, PNormCost(power=2.0)), solver=solvers.ColumnGeneration())
    assert result.status is Status.OPTIMAL
    assert lengths[0][0] > 12  # it did try
    assert lengths[-1] == (12, 12)
