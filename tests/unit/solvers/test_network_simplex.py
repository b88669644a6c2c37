"""NetworkSimplex ends right, or with a clear status, on every kind of awkward problem."""

import math

import numpy as np
import pytest

from otdiv import (
    DiscreteMeasure,
    Euclidean,
    Status,
    TransportProblem,
    _monitor,
    solve,
    solvers,
    transport,
    transport_matrix,
)
from otdiv.errors import ConvergenceError, UnsupportedProblemError

SIMPLEX = solvers.NetworkSimplex()
SIZES = [1, 2, 30, 1300]


def _solve(C, a=None, b=None, **options):
    return transport_matrix(C, x_weights=a, y_weights=b, solver=SIMPLEX, **options)


def _distances(x, y):
    return np.sqrt(((x[:, None] - y) ** 2).sum(-1))


@pytest.mark.parametrize("n", SIZES)
def test_equal_costs_cost_that_cost(n):
    assert _solve(np.full((n, n + 1), 3.0)).value == pytest.approx(3.0, rel=1e-14)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("weighted", [False, True])
def test_identical_clouds_are_at_distance_exactly_zero(n, weighted):
    rng = np.random.default_rng(n)
    x = rng.random((n, 2))
    a = rng.random(n) if weighted else None
    result = _solve(_distances(x, x), a, a)
    assert result.value == 0.0
    assert (result.bounds.lower, result.bounds.upper) == (0.0, 0.0)


@pytest.mark.parametrize("n", SIZES)
def test_translation_by_1e_7_costs_1e_7(n):
    x = np.random.default_rng(n).random((n, 2))
    result = _solve(_distances(x, x + np.array([1e-7, 0.0])))
    # The differences of coordinates carry a rounding of 2**-53 each.
    assert result.value == pytest.approx(1e-7, abs=2e-16)


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 100, 1300])
def test_costs_from_1e_minus_300_to_1e300_in_one_problem_are_all_respected(n):
    C = 10.0 ** np.random.default_rng(n).uniform(-300, 300, (n, n))
    result = _solve(C)
    assert result.status is Status.OPTIMAL
    assert result.bounds.relative_gap < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 100, 1300])
def test_a_tiny_diagonal_is_found_among_huge_costs(n):
    rng = np.random.default_rng(n)
    C = 10.0 ** rng.uniform(-299, 300, (n, n))
    np.fill_diagonal(C, 1e-300)
    assert math.isclose(_solve(C).value, 1e-300, rel_tol=1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
@pytest.mark.parametrize("n", [6, 1300])
def test_the_value_scales_with_the_costs(n, scale):
    C = np.random.default_rng(n).random((n, n))
    assert math.isclose(_solve(C * scale).value, _solve(C).value * scale, rel_tol=1e-11)


@pytest.mark.parametrize("scale", [1e-290, 1e290])
def test_the_value_scales_with_the_masses(scale):
    from otdiv import CostMatrix, DiscreteMeasure

    rng = np.random.default_rng(0)
    C, a, b = rng.random((20, 30)), rng.random(20), rng.random(30)
    a, b = a / a.sum(), b / b.sum()
    values = []
    for s in (1.0, scale):
        problem = TransportProblem(
            source=DiscreteMeasure(points=np.arange(20.0), weights=a * s),
            target=DiscreteMeasure(points=np.arange(30.0), weights=b * s),
            cost=CostMatrix(C),
        )
        values.append(solve(problem, solver=SIMPLEX).value)
    assert math.isclose(values[1], values[0] * scale, rel_tol=1e-12)


def test_masses_of_very_different_sizes_are_carried():
    rng = np.random.default_rng(1)
    a, b = 10.0 ** rng.uniform(-300, 0, 60), 10.0 ** rng.uniform(-300, 0, 50)
    result = _solve(rng.random((60, 50)), a, b)
    assert result.bounds.relative_gap < 1e-9


def test_integers_up_to_2_to_53_are_solved():
    C = np.floor(np.random.default_rng(2).random((80, 80)) * 2.0**53)
    assert _solve(C).bounds.relative_gap < 1e-12


@pytest.mark.parametrize("n", [40, 1300])
def test_a_far_outlier_does_not_spoil_the_rest(n):
    rng = np.random.default_rng(n)
    x, y = rng.random((n, 2)), rng.random((n, 2))
    x[0] = 1e8
    assert _solve(_distances(x, y)).bounds.relative_gap < 1e-9


@pytest.mark.parametrize(("n", "m"), [(7, 200), (200, 7), (1, 50), (50, 1), (1300, 40)])
def test_sides_of_different_size_are_solved(n, m):
    rng = np.random.default_rng(n)
    result = _solve(rng.random((n, m)), rng.random(n) + 0.1, rng.random(m) + 0.1)
    assert result.bounds.relative_gap < 1e-9


@pytest.mark.parametrize("n", [12, 1300])
def test_atoms_without_weight_get_feasible_potentials_and_no_mass(n):
    rng = np.random.default_rng(n)
    C, a, b = rng.random((n, n)), rng.random(n), rng.random(n)
    a[::2] = 0.0
    b[1::3] = 0.0
    result = _solve(C, a, b)
    assert result.bounds.relative_gap < 1e-9
    f, g = result.potentials.f, result.potentials.g
    assert (C - f[:, None] - g).min() > -1e-12
    assert not np.isin(result.plan.rows, np.arange(0, n, 2)).any()


def test_negative_costs_are_costs():
    C = np.random.default_rng(3).random((50, 50))
    assert _solve(C - 10.0).value == pytest.approx(_solve(C).value - 10.0, abs=1e-13)


def test_forbidden_pairs_carry_nothing():
    rng = np.random.default_rng(4)
    C = rng.random((60, 60))
    C[(rng.random((60, 60)) < 0.8) & ~np.eye(60, dtype=bool)] = np.inf
    result = _solve(C)
    assert np.isfinite(C[result.plan.rows, result.plan.columns]).all()
    assert result.bounds.relative_gap < 1e-9


@pytest.mark.parametrize("n", [6, 100])
def test_infeasible_problems_are_proven_so(n):
    rng = np.random.default_rng(n)
    C = rng.random((n, n))
    C[: n // 2, n // 2 - 1 :] = np.inf  # these rows reach one column too few
    with pytest.raises(ConvergenceError) as caught:
        _solve(C)
    result = caught.value.result
    assert result.status is Status.INFEASIBLE
    outside = np.setdiff1d(np.arange(n), result.infeasible_columns)
    assert np.isinf(C[np.ix_(result.infeasible_rows, outside)]).all()
    assert len(result.infeasible_rows) > len(result.infeasible_columns)


def test_rounding_of_weights_is_not_taken_for_infeasibility():
    rng = np.random.default_rng(5)
    n = 40
    C = rng.random((n, n))
    C[: n // 2, : n // 2] = np.inf
    C[n // 2 :, n // 2 :] = np.inf
    a = rng.random(n)
    result = _solve(C, a, np.roll(a, n // 2))
    assert result.bounds.relative_gap < 1e-9


def test_points_and_their_matrix_give_the_same_value():
    rng = np.random.default_rng(6)
    x, y = rng.random((90, 5)), rng.random((70, 5))
    from_points = transport(x, y, solver=SIMPLEX)
    assert from_points.value == pytest.approx(_solve(_distances(x, y)).value, abs=1e-14)


@pytest.mark.parametrize("n", [100, 1300])
def test_max_iterations_stops_with_valid_bounds(n):
    C = np.random.default_rng(7).random((n, n))
    exact = _solve(C).value
    result = transport_matrix(C, solver=solvers.NetworkSimplex(max_iterations=50), throw=False)
    assert result.status is Status.MAX_ITERATIONS
    assert result.n_iterations <= 50
    assert result.bounds.lower <= exact <= result.bounds.upper


@pytest.mark.parametrize("n", [300, 1300])
def test_the_callback_sees_progress_and_can_stop(n, monkeypatch):
    monkeypatch.setattr(_monitor, "SLICE_PIVOTS", 100)
    seen = []
    C = np.random.default_rng(8).random((n, n))
    result = transport_matrix(
        C, solver=SIMPLEX, callback=lambda p: seen.append(p) or len(seen) == 5, throw=False
    )
    assert result.status is Status.STOPPED
    assert len(seen) == 5
    iterations = [p.iteration for p in seen]
    assert iterations == sorted(iterations)
    assert result.bounds.lower <= _solve(C).value <= result.bounds.upper


def test_slices_do_not_change_the_answer(monkeypatch):
    C = np.random.default_rng(9).random((1300, 1250))
    whole = _solve(C)
    monkeypatch.setattr(_monitor, "SLICE_PIVOTS", 37)
    assert _solve(C).value == pytest.approx(whole.value, rel=1e-12)


def test_too_little_memory_is_refused_with_a_way_out():
    x = np.random.default_rng(10).random((200, 3))
    with pytest.raises(UnsupportedProblemError, match="ColumnGeneration"):
        transport(x, x, solver=SIMPLEX, max_memory=1000)


def test_inputs_are_not_written_to():
    C = np.random.default_rng(11).random((30, 30))
    before = C.copy()
    _solve(C)
    np.testing.assert_array_equal(C, before)


def test_the_same_problem_gives_the_same_bits():
    C = np.random.default_rng(12).random((1300, 1300))
    first, second = _solve(C), _solve(C)
    assert first.value == second.value
    np.testing.assert_array_equal(first.plan.mass, second.plan.mass)
    np.testing.assert_array_equal(first.potentials.f, second.potentials.f)


def test_brute_force_reduced_costs_show_no_violation():
    rng = np.random.default_rng(13)
    C = _distances(rng.random((1500, 2)), rng.random((1400, 2)))
    result = _solve(C, rng.random(1500), rng.random(1400))
    reduced = C - result.potentials.f[:, None] - result.potentials.g
    # Both subtractions round, at numbers of about one.
    assert reduced.min() >= -4 * 2.0**-52
    assert math.isclose(result.plan.mass.sum(), 1.0, abs_tol=1e-13)


@pytest.mark.parametrize("rtol", [1e-1, 1e-2, 1e-4])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_tolerance_is_met_with_proof(rtol, weighted):
    rng = np.random.default_rng(14)
    C = _distances(rng.random((900, 2)), rng.random((900, 2)))
    a = rng.random(900) if weighted else None
    exact = _solve(C, a)
    result = _solve(C, a, rtol=rtol)
    assert result.status is Status.OPTIMAL
    assert result.bounds.relative_gap <= rtol
    assert result.bounds.lower <= exact.value <= result.bounds.upper
    assert result.n_iterations <= exact.n_iterations
    np.testing.assert_allclose(result.plan.row_sums(), result.problem.a, atol=1e-12)


def test_a_loose_tolerance_saves_pivots():
    rng = np.random.default_rng(15)
    C = _distances(rng.random((1500, 2)), rng.random((1500, 2)))
    assert _solve(C, rtol=0.2).n_iterations < _solve(C).n_iterations


@pytest.mark.parametrize("n", [50, 900])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_warm_start_from_the_answer_needs_few_pivots(n, weighted):
    rng = np.random.default_rng(n)
    C, a = rng.random((n, n)), rng.random(n)
    if weighted:
        a[::7] = 0.0
    cold = _solve(C, a if weighted else None)
    warm = _solve(C, a if weighted else None, warm_start=cold)
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    assert warm.n_iterations < cold.n_iterations / 5


@pytest.mark.parametrize("n", [50, 900])
def test_a_warm_start_from_another_problem_does_not_change_the_value(n):
    rng = np.random.default_rng(n)
    first = _solve(rng.random((n, n)))
    C, a = rng.random((n, n)), rng.random(n)
    warm = _solve(C, a, warm_start=first)
    assert warm.value == pytest.approx(_solve(C, a).value, rel=1e-12)


def test_a_warm_start_of_another_shape_is_refused():
    rng = np.random.default_rng(16)
    first = _solve(rng.random((5, 5)))
    with pytest.raises(ValueError, match="warm_start"):
        _solve(rng.random((5, 6)), warm_start=first)


@pytest.mark.parametrize("seed", [0, 1])
def test_points_on_a_line_with_their_many_ties_end_soon(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.random(1300), rng.normal(size=1300)
    result = _solve(np.abs(x[:, None] - y))
    expected = np.abs(np.sort(x) - np.sort(y)).mean()
    assert result.value == pytest.approx(expected, rel=1e-12)
    # Rounding of long tree paths must not keep the simplex busy: some dozen pivots a node suffice.
    assert result.n_iterations < 50 * 2600


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 3), (40, 60)])
def test_small_problems_end_alike_with_and_without_the_general_driver(shape):
    rng = np.random.default_rng(3)
    C = rng.normal(size=shape).round(1)
    a, b = rng.random(shape[0]) + 0.1, rng.random(shape[1]) + 0.1
    quick, general = _solve(C, a, b), _solve(C, a, b, callback=lambda progress: None)
    assert quick.value == pytest.approx(general.value, rel=1e-13, abs=1e-15)
    assert general.value in quick.bounds or quick.value in general.bounds


def test_costs_of_points_are_kept_only_while_a_problem_is_solved():
    x = DiscreteMeasure(points=np.random.default_rng(0).random((20, 2)))
    y = x.pushforward(lambda points: points + 1.0)
    problem = TransportProblem(source=x, target=y, cost=Euclidean())
    solve(problem)
    assert problem.known_cost() is problem.cost
    C = problem.matrix()
    assert problem.matrix().base is C
    problem.forget()
    assert problem.known_cost() is problem.cost


def test_costs_without_geometry_start_from_row_minima():
    C = np.random.default_rng(1).integers(0, 10, (700, 700)).astype(float)
    result = _solve(C)
    assert result.value == 0.0
    # The duals of a clustered problem are noise here, and cost ten pivots an atom more.
    assert result.n_iterations < 8 * 700
