"""ColumnGeneration ends right, or with a clear status, on every kind of awkward cloud."""

import dataclasses
import math
import threading

import numpy as np
import pytest

from otdiv import (
    DiscreteMeasure,
    PNormCost,
    Status,
    TransportProblem,
    solve,
    solvers,
    transport,
    transport_matrix,
)
from otdiv.errors import InvalidInputError, UnsupportedProblemError
from otdiv.plans import Potentials
from otdiv.results import SolveOptions
from otdiv.solvers._columns import restricted
from otdiv.solvers._columns.restricted import RestrictedProblem
from otdiv.solvers._columns.run import ColumnRun

SOLVER = solvers.ColumnGeneration()
NAMES = {1.0: "euclidean", 2.0: "sqeuclidean"}


def _solve(x, y, a=None, b=None, power=1.0, **options):
    return transport(x, y, x_weights=a, y_weights=b, cost=NAMES[power], solver=SOLVER, **options)


def _direct(x, y, a=None, b=None, power=1.0):
    C = PNormCost(power=power).pairwise(x, y)
    return transport_matrix(C, x_weights=a, y_weights=b, solver=solvers.NetworkSimplex()).value


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("n", [1, 2, 30, 1300])
@pytest.mark.parametrize("weighted", [False, True])
def test_identical_clouds_cost_exactly_zero(n, weighted, power):
    rng = np.random.default_rng(n)
    x = rng.random((n, 2))
    a = rng.random(n) if weighted else None
    result = _solve(x, x, a, a, power)
    assert result.value == 0.0
    assert result.bounds.upper == 0.0


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_a_cloud_moved_by_1e_7_costs_the_move(power):
    x = np.random.default_rng(1).random((1500, 2))
    y = x + np.array([1e-7, 0.0])
    # The shift as it is after rounding of y.
    moved = PNormCost(power=power).between(x, y).mean()
    assert _solve(x, y, power=power).value == pytest.approx(moved, rel=1e-9)


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 7), (7, 1), (2, 3), (40, 900), (900, 40)])
def test_sizes_may_differ(n, m, power):
    rng = np.random.default_rng(n + m)
    x, y, a, b = rng.random((n, 2)), rng.random((m, 2)), rng.random(n), rng.random(m)
    value = _solve(x, y, a, b, power).value
    assert value == pytest.approx(_direct(x, y, a, b, power), rel=1e-11)


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize(
    "name", ["duplicates", "collinear", "clusters", "grid", "far", "one place", "heavy tails"]
)
def test_awkward_clouds_have_the_value_of_the_dense_simplex(name, power):
    rng = np.random.default_rng(2)
    x, y = rng.random((600, 2)), rng.normal(size=(500, 2))
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), -1).reshape(-1, 2)
    centres = rng.random((5, 2))
    x, y = {
        "duplicates": (np.repeat(x[:20], 30, axis=0), np.repeat(y[:15], 40, axis=0)),
        "collinear": (x[:, :1] * [1.0, 2.0], y[:, :1] * [1.0, 2.0]),
        "clusters": (
            centres[rng.integers(0, 5, 600)] + 1e-3 * rng.normal(size=(600, 2)),
            centres[rng.integers(0, 5, 500)] + 1e-3 * rng.normal(size=(500, 2)),
        ),
        "grid": (grid, grid[::-1] + np.array([3.0, 1.0])),
        "far": (x, y + 1000.0),
        "one place": (np.zeros((50, 2)), y),
        "heavy tails": (rng.standard_cauchy((600, 2)), rng.standard_cauchy((500, 2))),
    }[name]
    assert _solve(x, y, power=power).value == pytest.approx(_direct(x, y, power=power), rel=1e-10)


def test_one_far_outlier_does_not_spoil_the_rest():
    rng = np.random.default_rng(3)
    x, y = rng.random((400, 2)), rng.random((400, 2))
    near = _solve(x[1:], y[1:]).value * 399 / 400
    x[0] = y[0] = 1e6
    # Potentials of the outlier reach 1e6: the rounding of 2.2e-16 * 1e6, some ten times.
    assert _solve(x, y).value == pytest.approx(near, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-140, 1e-70, 1e70, 1e140])
def test_units_do_not_matter(scale):
    rng = np.random.default_rng(4)
    x, y = rng.random((300, 2)), rng.random((350, 2))
    for power in (1.0, 2.0):
        plain, scaled = _solve(x, y, power=power), _solve(x * scale, y * scale, power=power)
        assert scaled.value == pytest.approx(plain.value * scale**power, rel=1e-11)


def test_atoms_without_weight_carry_nothing_and_keep_feasible_potentials():
    rng = np.random.default_rng(5)
    x, y, a, b = rng.random((300, 2)), rng.random((280, 2)), rng.random(300), rng.random(280)
    a[rng.random(300) < 0.5] = 0.0
    b[rng.random(280) < 0.5] = 0.0
    problem = TransportProblem(
        source=DiscreteMeasure.from_samples(x, a),
        target=DiscreteMeasure.from_samples(y, b),
        cost="euclidean",
    )
    solution = SOLVER.run(problem, options=SolveOptions())
    f, g = solution.potentials.f, solution.potentials.g
    assert not solution.plan.row_sums()[a == 0.0].any()
    assert not solution.plan.column_sums()[b == 0.0].any()
    assert (problem.matrix() - f[:, None] - g).min() >= -1e-14


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "power"), [(1.0, 1.0), (np.inf, 1.0), (3.0, 1.5), (2.0, 0.5)])
@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_other_norms_powers_and_dimensions_have_the_value_of_the_dense_simplex(norm, power, d):
    rng = np.random.default_rng(d)
    x, y = rng.random((150, d)), rng.random((210, d))
    cost = PNormCost(norm=norm, power=power)
    dense = transport_matrix(cost.pairwise(x, y), solver=solvers.NetworkSimplex()).value
    assert transport(x, y, cost=cost, solver=SOLVER).value == pytest.approx(dense, rel=1e-11)


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_marginals_are_met_to_1e_12(power, weighted):
    rng = np.random.default_rng(6)
    x, y = rng.random((2000, 2)), rng.random((2000, 2))
    a, b = (rng.random((2, 2000)) + 0.05) if weighted else (None, None)
    result = _solve(x, y, a, b, power)
    assert np.abs(result.plan.row_sums() - result.problem.a).max() <= 1e-12
    assert np.abs(result.plan.column_sums() - result.problem.b).max() <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("rtol", [1e-1, 1e-2, 1e-3])
def test_early_stop_meets_the_tolerance_that_was_asked(rtol):
    rng = np.random.default_rng(7)
    x, y = rng.random((12_000, 2)), rng.normal(0.5, 0.25, (12_000, 2))
    result = _solve(x, y, rtol=rtol)
    assert result.status is Status.OPTIMAL
    assert result.bounds.relative_gap <= rtol


@pytest.mark.slow
def test_two_threads_give_the_result_of_one_bit_for_bit():
    rng = np.random.default_rng(8)
    x, y = rng.random((6000, 2)), rng.random((6000, 2))
    one = transport(x, y, cost="euclidean", solver=solvers.ColumnGeneration(n_jobs=1))
    two = transport(x, y, cost="euclidean", solver=solvers.ColumnGeneration(n_jobs=2))
    assert one.value == two.value
    assert np.array_equal(one.potentials.f, two.potentials.f)
    assert np.array_equal(one.plan.rows, two.plan.rows)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [1, 3, 20])
def test_the_callback_stops_the_solve_with_a_feasible_plan(calls):
    rng = np.random.default_rng(9)
    x, y = rng.random((8000, 2)), rng.random((8000, 2))
    seen = []

    def callback(progress):
        seen.append(progress)
        return len(seen) >= calls

    result = _solve(x, y, callback=callback, throw=False)
    if result.status is Status.STOPPED:
        assert len(seen) == calls
        assert np.abs(result.plan.row_sums() - result.problem.a).max() <= 1e-12
        assert result.bounds.lower <= _solve(x, y).value <= result.bounds.upper
    else:
        assert len(seen) < calls


def test_progress_brackets_the_value_ever_closer():
    rng = np.random.default_rng(10)
    x, y = rng.random((3000, 2)), rng.random((3000, 2))
    seen = []
    value = _solve(x, y, callback=lambda progress: seen.append(progress) and None).value
    lowers, uppers = [p.lower for p in seen], [p.upper for p in seen]
    assert lowers == sorted(lowers)
    assert uppers == sorted(uppers, reverse=True)
    # Plain sums of 3000 terms on both sides.
    assert lowers[-1] <= value * (1 + 1e-12)
    assert uppers[-1] >= value * (1 - 1e-12)
    assert math.isfinite(uppers[-1])


def test_the_iteration_limit_is_reported():
    rng = np.random.default_rng(11)
    x, y = rng.random((5000, 2)), rng.normal(size=(5000, 2))
    solver = solvers.ColumnGeneration(max_iterations=1, n_candidates=2)
    result = transport(x, y, cost="euclidean", solver=solver, throw=False)
    assert result.status is Status.MAX_ITERATIONS
    assert result.bounds.lower <= result.value


def test_a_matrix_is_refused_with_the_way_out():
    with pytest.raises(UnsupportedProblemError, match="NetworkSimplex"):
        transport_matrix([[0.0, 1.0], [1.0, 0.0]], solver=SOLVER)


def test_too_little_memory_is_refused_before_anything_starts():
    x = np.zeros((1000, 2))
    with pytest.raises(UnsupportedProblemError, match="max_memory"):
        _solve(x, x, max_memory=1000)


@pytest.mark.parametrize("option", ["n_candidates", "max_iterations", "n_jobs"])
def test_options_must_be_positive_integers(option):
    with pytest.raises(InvalidInputError, match=option):
        solvers.ColumnGeneration(**{option: 0})


def test_concurrent_solves_do_not_disturb_each_other():
    rng = np.random.default_rng(12)
    x, y = rng.random((1000, 2)), rng.random((1000, 2))
    expected, values = _solve(x, y).value, []
    threads = [threading.Thread(target=lambda: values.append(_solve(x, y).value)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values == [expected] * 3


def test_inputs_are_left_alone():
    rng = np.random.default_rng(13)
    x, y = rng.random((500, 2)), rng.random((500, 2))
    before = x.copy(), y.copy()
    solve(
        TransportProblem(
            source=DiscreteMeasure.from_samples(x),
            target=DiscreteMeasure.from_samples(y),
            cost="sqeuclidean",
        ),
        solver=SOLVER,
    )
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def _clouds(n, m, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, 2)), rng.normal(0.5, 0.25, (m, 2)), rng


@pytest.mark.slow
@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_warm_start_from_the_answer_needs_few_pivots(power, weighted):
    x, y, rng = _clouds(900, 1000)
    a, b = (rng.random(900), rng.random(1000)) if weighted else (None, None)
    cold = _solve(x, y, a, b, power)
    warm = _solve(x, y, a, b, power, warm_start=cold)
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    assert warm.n_iterations < 0.02 * cold.n_iterations


@pytest.mark.slow
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_whatever_the_warm_start_the_answer_is_right(power):
    x, y, rng = _clouds(700, 800)
    a, b = rng.random(700), rng.random(800)
    a[:30] = b[-40:] = 0.0
    near = _solve(x + 0.001 * rng.normal(size=x.shape), y, power=power)
    smaller = _solve(x[:300], y[:500], power=power)
    other_cost = _solve(x, y, power=3.0 - power)
    far = _solve(1e9 * (x + 1.0), -1e9 * y, power=power)
    elsewhere = _solve(rng.normal(size=x.shape), 3.0 * rng.random(y.shape), power=power)
    plan, nonsense = near.plan, rng.normal(size=700)
    wild = dataclasses.replace(near, potentials=Potentials(f=nonsense, g=y[:, 0]), plan=plan)
    expected = _direct(x, y, a, b, power)
    for warm in (near, smaller, other_cost, far, elsewhere, wild):
        result = _solve(x, y, a, b, power, warm_start=warm)
        assert result.status is Status.OPTIMAL
        assert result.value == pytest.approx(expected, rel=1e-11)


def test_a_warm_start_without_points_or_in_another_dimension_is_refused():
    x, y, rng = _clouds(30, 30)
    for other in (transport_matrix(rng.random((30, 30))), transport(x[:, 0], y[:, 0])):
        with pytest.raises(InvalidInputError, match="warm_start"):
            _solve(x, y, warm_start=other)


@pytest.mark.parametrize("rtol", [1e-2, 1e-3])
def test_an_early_stop_in_many_dimensions_has_the_bounds_that_it_claims(rtol):
    rng = np.random.default_rng(0)
    x = rng.random((2000, 10))
    y = np.where(rng.random(2000) < 0.5, 0.3, 0.7)[:, None] + 0.1 * rng.normal(size=(2000, 10))
    result = transport(x, y, cost="sqeuclidean", solver=solvers.ColumnGeneration(), rtol=rtol)
    assert result.bounds.relative_gap <= rtol


@pytest.mark.parametrize("max_memory", [None, 10_000_000])
def test_clouds_that_lie_apart_are_solved_with_and_without_memory_for_all_pairs(max_memory):
    # On these short lists leave half of the mass artificial for many rounds.
    rng = np.random.default_rng(5)
    x = rng.random((900, 2))
    y = rng.random((900, 2)) + np.array([5.0, 0.0])
    result = transport(x, y, solver=solvers.ColumnGeneration(), max_memory=max_memory)
    assert result.value == pytest.approx(
        transport(x, y, solver=solvers.NetworkSimplex()).value, rel=1e-12
    )


@pytest.mark.parametrize("max_memory", [None, 40_000_000])
def test_an_early_stop_holds_with_and_without_memory_for_the_leftover_pairs(max_memory):
    rng = np.random.default_rng(6)
    x, y = rng.random((3000, 2)), rng.normal(0.5, 0.25, (3000, 2)) + 0.1
    result = transport(x, y, solver=solvers.ColumnGeneration(), rtol=1e-2, max_memory=max_memory)
    assert result.status is Status.OPTIMAL
    assert result.bounds.relative_gap <= 1e-2


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0, 10.0, 100.0])
def test_clouds_that_lie_apart_take_as_few_pivots_as_others(shift):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(3000, 2)), rng.normal([shift, 0.0], size=(3000, 2))
    result = _solve(x, y)
    assert result.status is Status.OPTIMAL
    # With lists of 12 throughout: 35, 135 and 18 an atom at the last three.
    assert result.n_iterations < 12 * 6000


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("pairs", [0, 10**9])
def test_a_bridge_places_all_mass_at_once(weighted, pairs, monkeypatch):
    monkeypatch.setattr(restricted, "_BRIDGED_PAIRS", pairs)
    rng = np.random.default_rng(6)
    a, b = rng.random((2, 500)) if weighted else (None, None)
    problem = TransportProblem(
        source=DiscreteMeasure.from_samples(rng.normal(size=(500, 2)), a),
        target=DiscreteMeasure.from_samples(rng.normal([8.0, 0.0], size=(500, 2)), b),
        cost="euclidean",
    )
    run = ColumnRun(problem, SolveOptions(), n_candidates=2, max_iterations=10**4, n_jobs=1)
    state = RestrictedProblem(run.finest, run.context, None, None)
    state.pivot_to_optimum(0.0)
    # Most of the mass has no place, or the test says nothing.
    assert state.artificial > 0.5 * state.mass
    state.bridge()
    while not state.pivot_to_optimum(0.0) and state.artificial > 0:
        assert state.raise_penalty()
    rows, columns, mass = state.plan()
    assert np.array_equal(np.bincount(rows, mass, 500), run.finest.a)
    assert np.array_equal(np.bincount(columns, mass, 500), run.finest.b)


def test_a_number_of_candidates_that_is_asked_for_is_kept():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(400, 2)), rng.normal([8.0, 0.0], size=(400, 2))
    solver = solvers.ColumnGeneration(n_candidates=4)
    problem = TransportProblem(
        source=DiscreteMeasure.from_samples(x),
        target=DiscreteMeasure.from_samples(y),
        cost="euclidean",
    )
    run = ColumnRun(problem, SolveOptions(), n_candidates=4, max_iterations=10**4, n_jobs=1)
    state = RestrictedProblem(run.finest, run.context, None, None)
    assert not state.widen()
    assert state.k == 4
    assert solve(problem, solver=solver).value == pytest.approx(_direct(x, y), rel=1e-12)
