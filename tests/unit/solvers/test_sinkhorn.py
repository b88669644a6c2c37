"""The entropic solver keeps its promises, also where other libraries break."""

import itertools
import math

import numpy as np
import pytest

from otdiv import (
    ConvergenceError,
    InvalidInputError,
    Status,
    UnsupportedProblemError,
    solvers,
    transport,
    transport_matrix,
)
from otdiv.costs import PNormCost


def clouds(n, m, d=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n, d)), 0.5 + 0.2 * rng.normal(size=(m, d))


def entropic(x, y, epsilon, cost="sqeuclidean", tolerance=1e-6, **options):
    solver = solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=tolerance)
    return transport(x, y, cost=cost, solver=solver, **options)


def log_domain_plan(C, a, b, epsilon, rounds):
    """Textbook Sinkhorn in the log domain: slow, dense, and independent of the library."""
    from scipy.special import logsumexp

    f, g = np.zeros(len(a)), np.zeros(len(b))
    for _ in range(rounds):
        f = -epsilon * logsumexp((g - C) / epsilon + np.log(b), axis=1)
        g = -epsilon * logsumexp((f[:, None] - C) / epsilon + np.log(a)[:, None], axis=0)
    return np.exp((f[:, None] + g - C) / epsilon) * a[:, None] * b


@pytest.mark.slow
@pytest.mark.parametrize("cost", ["sqeuclidean", "euclidean", "cityblock"])
@pytest.mark.parametrize("epsilon", [1.0, 0.03])
def test_plan_is_that_of_the_textbook_iteration(cost, epsilon):
    x, y = clouds(60, 45)
    result = entropic(x, y, epsilon, cost, tolerance=1e-10)
    C = result.problem.matrix()
    expected = log_domain_plan(C, np.full(60, 1 / 60), np.full(45, 1 / 45), epsilon, 3000)
    # Both plans have marginals within 1e-10; near the solution the plan moves by a multiple of it.
    assert np.abs(result.plan.toarray() - expected).sum() < 1e-7


@pytest.mark.parametrize("epsilon", [1e-1, 1e-2, 1e-3, 1e-4])
def test_marginal_error_is_below_the_tolerance(epsilon):
    x, y = clouds(300, 280)
    result = entropic(x, y, epsilon)
    assert result.status is Status.OPTIMAL
    assert result.entropic.marginal_error <= 1e-6


def test_entropic_value_lies_in_its_bounds_and_is_the_sum_of_its_terms():
    x, y = clouds(100, 90)
    summary = entropic(x, y, 0.05).entropic
    assert summary.value in summary.bounds
    assert summary.bounds.relative_gap < 1e-4
    assert sum(summary.terms.values()) == pytest.approx(summary.value, rel=1e-12)


def test_entropic_bounds_contain_the_value_of_a_tighter_solve():
    x, y = clouds(120, 100)
    loose = entropic(x, y, 0.02, tolerance=1e-3).entropic
    tight = entropic(x, y, 0.02, tolerance=1e-11).entropic
    assert loose.bounds.lower <= tight.value <= loose.bounds.upper


def test_bounds_contain_the_exact_optimum():
    x, y = clouds(80, 80)
    exact = transport(x, y, cost="sqeuclidean").value
    for epsilon in (1.0, 0.1, 0.01, 0.001):
        bounds = entropic(x, y, epsilon).bounds
        assert bounds.lower <= exact * (1 + 1e-12)
        assert exact * (1 - 1e-12) <= bounds.upper


def test_small_epsilon_reaches_the_exact_optimum():
    x, y = clouds(60, 60)
    exact = transport(x, y, cost="sqeuclidean").value
    # <C, P> exceeds the optimum by at most epsilon log n (Shannon entropies of the plans).
    assert entropic(x, y, 1e-4).value - exact <= 1e-4 * math.log(60) + 1e-6


def test_large_epsilon_gives_the_product_plan():
    x, y = clouds(40, 30)
    plan = entropic(x, y, 1e6).plan.toarray()
    # (f + g - C) / epsilon is at most 1e-5 in size here.
    assert np.abs(plan - 1 / 1200).max() < 1e-4 / 1200


def test_weights_are_relative_frequencies_and_zero_ones_change_nothing():
    x, y = clouds(50, 40)
    weights = np.random.default_rng(1).random(50)
    weights[::7] = 0.0
    full = entropic(x, y, 0.02, x_weights=weights)
    live = entropic(x[weights > 0], y, 0.02, x_weights=weights[weights > 0])
    assert full.entropic.value == pytest.approx(live.entropic.value, rel=1e-10)
    assert np.isfinite(full.potentials.f).all()
    assert full.plan.toarray()[weights == 0.0].max() == 0.0


def test_zero_weights_work_for_a_matrix_too():
    C = np.random.default_rng(0).random((6, 5))
    weights = [1.0, 0.0, 2.0, 1.0, 0.0, 1.0]
    result = transport_matrix(C, x_weights=weights, solver=solvers.Sinkhorn(epsilon=0.1))
    assert result.status is Status.OPTIMAL
    assert np.isfinite(result.potentials.f).all()


def test_exchanging_the_measures_gives_exactly_the_transposed_answer():
    x, y = clouds(90, 90)
    one, other = entropic(x, y, 0.01), entropic(y, x, 0.01)
    assert one.entropic.value == other.entropic.value
    assert np.array_equal(one.plan.f, other.plan.g)
    assert np.array_equal(one.plan.g, other.plan.f)


def test_exchanging_rows_and_columns_of_a_matrix_gives_exactly_the_transposed_answer():
    C = np.random.default_rng(3).random((20, 20))
    solver = solvers.Sinkhorn(epsilon=0.05)
    one, other = transport_matrix(C, solver=solver), transport_matrix(C.T, solver=solver)
    assert one.entropic.value == other.entropic.value


def test_equal_measures_have_equal_potentials():
    x, _ = clouds(200, 1)
    result = entropic(x, x, 0.01)
    assert np.array_equal(result.plan.f, result.plan.g)
    assert result.bounds.lower == 0.0


def test_forbidden_pairs_carry_no_mass():
    C = np.array([[0.0, 1.0, np.inf], [1.0, 0.0, 1.0], [np.inf, 1.0, 0.0]])
    result = transport_matrix(C, solver=solvers.Sinkhorn(epsilon=0.5))
    assert result.status is Status.OPTIMAL
    plan = result.plan.toarray()
    assert plan[0, 2] == plan[2, 0] == 0.0
    assert math.isfinite(result.bounds.upper)


def test_forbidden_pairs_without_a_plan_are_proven_infeasible():
    C = np.array([[0.0, np.inf, np.inf], [0.0, np.inf, np.inf], [1.0, 1.0, 0.0]])
    result = transport_matrix(C, solver=solvers.Sinkhorn(epsilon=0.5), throw=False)
    assert result.status is Status.INFEASIBLE
    assert set(result.infeasible_rows) == {0, 1}
    assert result.value == math.inf


def test_a_row_without_any_allowed_pair_is_infeasible():
    C = np.array([[np.inf, np.inf], [0.0, 1.0]])
    result = transport_matrix(C, solver=solvers.Sinkhorn(epsilon=0.5), throw=False)
    assert result.status is Status.INFEASIBLE


def test_epsilon_below_float64_stalls_and_names_the_exact_solver():
    x, y = clouds(20, 20)
    result = entropic(x, y, 1e-15, throw=False)
    assert result.status is Status.STALLED
    assert "ColumnGeneration" in result.message
    assert math.isfinite(result.value)


def test_iteration_limit_is_a_status_with_finite_bounds():
    x, y = clouds(100, 100)
    solver = solvers.Sinkhorn(epsilon=1e-4, max_iterations=1)
    result = transport(x, y, cost="sqeuclidean", solver=solver, throw=False)
    assert result.status is Status.MAX_ITERATIONS
    assert result.bounds.lower <= result.value <= result.bounds.upper < math.inf


def test_unmet_rtol_raises_with_the_result():
    x, y = clouds(50, 50)
    with pytest.raises(ConvergenceError) as caught:
        entropic(x, y, 0.1, rtol=1e-6)
    assert caught.value.result.bounds.upper > caught.value.result.bounds.lower


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1e9, 1e150])
def test_units_do_not_matter(scale):
    x, y = clouds(60, 50)
    reference = entropic(x, y, 0.02, "euclidean")
    scaled = entropic(scale * x, scale * y, scale * 0.02, "euclidean")
    assert scaled.entropic.value == pytest.approx(scale * reference.entropic.value, rel=1e-9)


def test_translation_of_both_changes_nothing():
    x, y = clouds(60, 50)
    moved = entropic(x + 1e3, y + 1e3, 0.02)
    # Adding 1e3 rounds coordinates by 1e-13.
    assert moved.entropic.value == pytest.approx(entropic(x, y, 0.02).entropic.value, rel=1e-9)


def test_a_constant_added_to_the_costs_is_added_to_the_value():
    C = np.random.default_rng(0).random((12, 9))
    solver = solvers.Sinkhorn(epsilon=0.1)
    plain, raised = transport_matrix(C, solver=solver), transport_matrix(C - 5.0, solver=solver)
    assert raised.entropic.value == pytest.approx(plain.entropic.value - 5.0, abs=1e-12)


def test_the_value_scales_with_the_mass():
    from otdiv import DiscreteMeasure

    x, y = clouds(30, 30)
    heavy = [DiscreteMeasure(points=z, weights=np.full(30, 0.1)) for z in (x, y)]
    assert entropic(*heavy, 0.05).entropic.value == pytest.approx(
        3.0 * entropic(x, y, 0.05).entropic.value, rel=1e-9
    )


def test_float32_points_are_solved_in_float64():
    x, y = (z.astype(np.float32) for z in clouds(80, 70))
    result = entropic(x, y, 0.01)
    assert result.status is Status.OPTIMAL
    expected = entropic(x.astype(float), y.astype(float), 0.01).entropic.value
    assert result.entropic.value == expected


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.ones((1, 3))])
def test_all_points_in_one_place_is_solved(points):
    result = entropic(points, points, 0.1)
    assert result.value == 0.0
    assert result.status is Status.OPTIMAL


def test_far_clusters_do_not_underflow():
    x, y = clouds(100, 100)
    result = entropic(x, np.concatenate([y[:50], y[50:] + 100.0]), 1e-2)
    assert result.status is Status.OPTIMAL
    assert result.entropic.marginal_error <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 6000])
@pytest.mark.parametrize("matrix", [False, True])
def test_bounds_hold_wherever_a_solve_is_stopped(n, matrix):
    """Also on the way, where epsilon is larger than the one asked and points are clusters."""
    if matrix and n > 1000:
        n = 1000
    x, y = clouds(n, n)
    options = {"epsilon": 1e-4, "marginal_tolerance": 1e-3}
    if matrix:
        C = np.square(x[:, None] - y).sum(axis=2)

        def solve(callback=None):
            solver = solvers.Sinkhorn(**options)
            return transport_matrix(C, solver=solver, callback=callback, throw=False)
    else:

        def solve(callback=None):
            solver = solvers.Sinkhorn(**options)
            return transport(
                x, y, cost="sqeuclidean", solver=solver, callback=callback, throw=False
            )

    whole = solve().entropic.bounds
    for stop in (1, 4, 9):
        count = itertools.count(1)
        result = solve(lambda progress, count=count, stop=stop: next(count) >= stop)
        assert result.status is Status.STOPPED
        assert result.entropic.bounds.lower <= whole.upper
        assert whole.lower <= result.entropic.bounds.upper
        assert result.entropic.epsilon == pytest.approx(1e-4, rel=1e-12)


def test_callback_sees_progress_and_stops():
    seen = []

    def callback(progress):
        seen.append(progress)
        return len(seen) == 4

    x, y = clouds(100, 100)
    result = entropic(x, y, 1e-3, callback=callback, throw=False)
    assert result.status is Status.STOPPED
    assert len(seen) == 4
    assert seen[0].epsilon > seen[-1].epsilon or seen[-1].iteration > 0
    assert result.bounds.lower <= result.value <= result.bounds.upper


def test_warm_start_needs_fewer_steps():
    x, y = clouds(200, 200)
    cold = entropic(x, y, 1e-3)
    warm = entropic(x + 1e-5, y, 1e-3, warm_start=cold)
    assert warm.status is Status.OPTIMAL
    assert warm.n_iterations < cold.n_iterations


@pytest.mark.slow
def test_many_points_take_the_coarse_matrix_and_agree_with_the_dense_kernel():
    x, y = clouds(1500, 1400)
    fused = entropic(x, y, 0.02, tolerance=1e-9)
    C = PNormCost(norm=2, power=2).pairwise(x, y)
    solver = solvers.Sinkhorn(epsilon=0.02, marginal_tolerance=1e-9)
    dense = transport_matrix(C, solver=solver)
    assert fused.entropic.value == pytest.approx(dense.entropic.value, rel=1e-9)


def test_other_costs_need_memory_and_say_so():
    x, y = clouds(100, 100)
    with pytest.raises(UnsupportedProblemError, match="max_memory"):
        entropic(x, y, 0.1, PNormCost(norm=3.0), max_memory=1000)


@pytest.mark.parametrize(
    ("option", "value"),
    [("epsilon", 0.0), ("epsilon", -1.0), ("epsilon", math.nan), ("marginal_tolerance", 0.0)],
)
def test_nonsense_options_are_refused(option, value):
    with pytest.raises(InvalidInputError, match=option):
        solvers.Sinkhorn(**{"epsilon": 1.0, option: value})


@pytest.mark.parametrize("cost", ["sqeuclidean", "euclidean"])
@pytest.mark.parametrize("d", [2, 3])
def test_tails_that_hang_on_little_mass_converge(cost, d):
    # Student's t with three degrees of freedom: some atoms are hundreds of blurs from all others.
    rng = np.random.default_rng(0)
    x, y = rng.standard_t(3.0, (400, d)), rng.standard_t(3.0, (400, d)) + 0.5
    mean = float(PNormCost(norm=2.0, power=2.0).pairwise(x, y).mean())
    epsilon = 1e-3 * (mean if cost == "sqeuclidean" else mean**0.5)
    result = entropic(x, y, epsilon, cost)
    assert result.status is Status.OPTIMAL
    plan = result.plan.toarray()
    assert np.abs(plan.sum(axis=1) - 1.0 / 400).sum() <= 1e-6
    assert np.abs(plan.sum(axis=0) - 1.0 / 400).sum() <= 1e-6
    exact = transport(x, y, cost=cost)
    assert result.bounds.lower <= exact.bounds.upper
    assert exact.bounds.lower <= result.bounds.upper


@pytest.mark.slow
def test_gaussian_tails_take_few_iterations():
    # Without care for weakly linked atoms the last epsilon alone took ninety iterations.
    rng = np.random.default_rng(1)
    x, y = rng.normal(0.0, 1.0, (3000, 2)), rng.normal(0.5, 1.2, (3000, 2))
    result = entropic(x, y, 5e-4)
    assert result.status is Status.OPTIMAL
    assert result.n_iterations <= 40


@pytest.mark.slow
def test_many_atoms_at_few_places_are_solved():
    rng = np.random.default_rng(2)
    x, y = rng.random((30, 2))[rng.integers(30, size=3000)], rng.random((2500, 2))
    result = entropic(x, y, 1e-2)
    assert result.status is Status.OPTIMAL
    same = entropic(x, np.repeat(x[:5], 500, axis=0), 1e-2)
    assert same.status is Status.OPTIMAL


@pytest.mark.parametrize("epsilon", [0.1, 0.01, 1e-3, 1e-4])
def test_long_tails_on_the_line_converge(epsilon):
    rng = np.random.default_rng(5)
    x, y = np.exp(1.5 * rng.normal(size=(2, 1500, 1)))
    epsilon *= float(np.square(x - y.T).mean())
    result = transport(x, y, cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=epsilon))
    exact = transport(x, y, cost="sqeuclidean")
    assert result.status is Status.OPTIMAL
    assert result.entropic.marginal_error <= 1e-6
    # Stages that pass on rows which are far off need hundreds of iterations.
    assert result.n_iterations <= 120
    assert result.bounds.lower <= exact.bounds.upper
    assert exact.bounds.lower <= result.bounds.upper


@pytest.mark.slow
def test_a_loose_tolerance_needs_no_more_than_it_asks():
    rng = np.random.default_rng(6)
    x, y = rng.standard_t(3.0, (6000, 2)), rng.standard_t(3.0, (6000, 2)) + 0.3
    epsilon = 1e-3 * float(x.var(axis=0).sum() + y.var(axis=0).sum())
    for tolerance in (1e-2, 1e-3):
        solver = solvers.Sinkhorn(epsilon=epsilon, marginal_tolerance=tolerance)
        result = transport(x, y, cost="sqeuclidean", solver=solver)
        assert result.status is Status.OPTIMAL
        assert result.entropic.marginal_error <= tolerance
        assert result.bounds.lower <= result.value <= result.bounds.upper
