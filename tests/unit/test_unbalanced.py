"""Unbalanced transport: closed forms, limits, bounds and terms."""

import math

import numpy as np
import pytest

from otdiv import (
    ConvergenceError,
    DiscreteMeasure,
    InvalidInputError,
    Status,
    UnbalancedProblem,
    UnsupportedProblemError,
    transport,
    unbalanced_transport,
)
from otdiv.costs import CostMatrix
from otdiv.solvers import Sinkhorn
from tests.unbalanced_optima import entropic_optimum, plain_optimum


def measures(n=40, m=30, mass=1.5, seed=0):
    rng = np.random.default_rng(seed)
    p = DiscreteMeasure(points=rng.random((n, 2)), weights=mass * rng.dirichlet(np.ones(n)))
    q = DiscreteMeasure(points=rng.random((m, 2)) + 0.2, weights=rng.dirichlet(np.ones(m)))
    return p, q


def problem(reach=0.1, cost="sqeuclidean", **options):
    p, q = measures(**options)
    return UnbalancedProblem(source=p, target=q, cost=cost, reach=reach)


@pytest.mark.parametrize("distance", [0.0, 0.5, 3.0])
def test_two_atoms_keep_the_mass_of_the_closed_form(distance):
    """min over m of C m + 2 reach (m log m - m + 1) is at m = exp(-C / (2 reach))."""
    p, q = DiscreteMeasure(points=[0.0]), DiscreteMeasure(points=[distance])
    reach = 0.7
    one = UnbalancedProblem(source=p, target=q, cost="euclidean", reach=reach)
    result = unbalanced_transport(one, rtol=1e-6)
    mass = math.exp(-distance / (2 * reach))
    assert 2 * reach * (1 - mass) in result.bounds
    # The objective is 2 reach / mass-convex: a gap of 1e-6 moves the mass by its root.
    assert result.mass == pytest.approx(mass, abs=2e-3)


def test_two_atoms_with_entropy_have_their_closed_form():
    """C m + 2 reach KL(m | 1) + epsilon KL(m | 1) is least at m = exp(-C / (2 reach + epsilon))."""
    p, q = DiscreteMeasure(points=[0.0]), DiscreteMeasure(points=[2.0])
    one = UnbalancedProblem(source=p, target=q, cost="euclidean", reach=0.5)
    result = unbalanced_transport(one, epsilon=0.25)
    assert result.mass == pytest.approx(math.exp(-2.0 / 1.25), rel=1e-6)
    assert 1.25 * (1 - math.exp(-2.0 / 1.25)) in result.bounds


@pytest.mark.parametrize("cost", ["sqeuclidean", "euclidean", "cityblock"])
@pytest.mark.parametrize("epsilon", [0.1, 0.01])
def test_plan_satisfies_the_optimality_conditions(cost, epsilon):
    given = problem(cost=cost)
    result = unbalanced_transport(given, epsilon=epsilon)
    plan = result.plan.toarray()
    for sums, potential, weights in (
        (plan.sum(axis=1), result.plan.f, given.a),
        (plan.sum(axis=0), result.plan.g, given.b),
    ):
        aim = weights * np.exp(-potential / given.reach)
        assert np.abs(sums - aim).sum() <= 2e-6 * aim.sum()


def test_value_is_the_objective_of_the_plan_term_by_term():
    given, epsilon = problem(), 0.05
    result = unbalanced_transport(given, epsilon=epsilon)
    plan, C = result.plan.toarray(), given.normalized().matrix()

    def kl(p, q):
        return float((p * np.log(p / q) - p + q).sum())

    assert result.terms["transport"] == pytest.approx((plan * C).sum(), rel=1e-6)
    assert result.terms["source"] == pytest.approx(
        given.reach * kl(plan.sum(axis=1), given.a), rel=1e-5
    )
    assert result.terms["target"] == pytest.approx(
        given.reach * kl(plan.sum(axis=0), given.b), rel=1e-5
    )
    entropy = epsilon * kl(plan, given.a[:, None] * given.b)
    assert result.terms["entropy"] == pytest.approx(entropy, rel=1e-5)
    assert result.value == pytest.approx(sum(result.terms.values()), rel=1e-14)


def test_no_term_is_negative():
    for reach in (0.01, 1.0, 100.0):
        result = unbalanced_transport(problem(reach=reach), epsilon=0.05)
        assert min(result.terms.values()) >= 0.0


def test_plain_bounds_close_to_the_tolerance():
    result = unbalanced_transport(problem(), rtol=1e-4)
    assert result.status is Status.OPTIMAL
    assert result.terms["entropy"] == 0.0
    assert result.bounds.gap <= 1e-4 * result.bounds.upper


def test_bounds_of_different_epsilons_overlap():
    """The plain objective has one optimum: bounds of any accuracy contain it."""
    tight = unbalanced_transport(problem(), rtol=1e-5).bounds
    loose = unbalanced_transport(problem(), rtol=0.3).bounds
    assert loose.lower <= tight.upper
    assert tight.lower <= loose.upper


def test_large_reach_is_balanced_transport():
    p, q = measures(mass=1.0)
    exact = transport(p, q, cost="sqeuclidean").value
    given = UnbalancedProblem(source=p, target=q, cost="sqeuclidean", reach=1e3)
    result = unbalanced_transport(given, rtol=1e-3)
    # The penalties give way by about C² / reach.
    assert result.value == pytest.approx(exact, rel=2e-3)


def test_small_reach_moves_nothing_and_costs_both_masses():
    p, q = measures()
    far = DiscreteMeasure(points=q.points + 100.0, weights=q.weights)
    given = UnbalancedProblem(source=p, target=far, cost="euclidean", reach=0.1)
    result = unbalanced_transport(given, epsilon=0.01, throw=False)
    assert result.terms["source"] == pytest.approx(0.1 * p.mass, rel=1e-3)
    assert result.terms["target"] == pytest.approx(0.1 * q.mass, rel=1e-3)


def test_exchanging_the_measures_exchanges_the_terms_exactly():
    p, q = measures()
    one = unbalanced_transport(
        UnbalancedProblem(source=p, target=q, cost="euclidean", reach=0.2), epsilon=0.02
    )
    other = unbalanced_transport(
        UnbalancedProblem(source=q, target=p, cost="euclidean", reach=0.2), epsilon=0.02
    )
    assert np.array_equal(one.plan.f, other.plan.g)


def test_equal_measures_at_zero_distance_cost_nothing():
    p, _ = measures()
    given = UnbalancedProblem(source=p, target=p, cost="sqeuclidean", reach=0.5)
    result = unbalanced_transport(given, epsilon=1e-4)
    assert result.bounds.lower >= 0.0
    assert result.terms["transport"] < 1e-3


def test_matrix_costs_are_not_shifted():
    """Unlike in balanced transport, a constant added to the costs changes the plan."""
    C = np.random.default_rng(0).random((8, 6)) + 1.0
    p = DiscreteMeasure(points=np.arange(8.0))
    q = DiscreteMeasure(points=np.arange(6.0))
    low = UnbalancedProblem(source=p, target=q, cost=CostMatrix(C - 1.0), reach=1.0)
    high = UnbalancedProblem(source=p, target=q, cost=CostMatrix(C), reach=1.0)
    assert (
        unbalanced_transport(high, epsilon=0.1).mass < unbalanced_transport(low, epsilon=0.1).mass
    )


def test_units_of_cost_and_mass_scale_the_value():
    p, q = measures()
    base = unbalanced_transport(
        UnbalancedProblem(source=p, target=q, cost="euclidean", reach=0.2), epsilon=0.02
    )
    wide = [DiscreteMeasure(points=1e3 * z.points, weights=z.weights) for z in (p, q)]
    scaled = unbalanced_transport(
        UnbalancedProblem(source=wide[0], target=wide[1], cost="euclidean", reach=200.0),
        epsilon=20.0,
    )
    assert scaled.value == pytest.approx(1e3 * base.value, rel=1e-6)


def test_forbidden_pairs_are_refused():
    p = DiscreteMeasure(points=[0.0, 1.0])
    forbidden = CostMatrix(np.array([[0.0, np.inf], [1.0, 0.0]]))
    with pytest.raises(UnsupportedProblemError, match="finite"):
        unbalanced_transport(UnbalancedProblem(source=p, target=p, cost=forbidden, reach=1.0))


@pytest.mark.parametrize("reach", [0.0, -1.0, math.inf, math.nan])
def test_reach_must_be_positive_and_finite(reach):
    p = DiscreteMeasure(points=[0.0])
    with pytest.raises(InvalidInputError, match="reach"):
        UnbalancedProblem(source=p, target=p, cost="euclidean", reach=reach)


def test_unmet_tolerance_raises_with_the_result():
    with pytest.raises(ConvergenceError) as caught:
        unbalanced_transport(problem(), rtol=1e-17)
    assert caught.value.result.status is Status.STALLED


def test_rtol_is_met_whatever_the_marginal_tolerance():
    loose = unbalanced_transport(problem(), epsilon=0.02, marginal_tolerance=0.1, rtol=1e-4)
    assert loose.bounds.relative_gap <= 1e-4


def test_an_epsilon_that_float64_does_not_resolve_is_said_to_be_one():
    with pytest.raises(ConvergenceError, match=r"epsilon is below .*e-09") as caught:
        unbalanced_transport(problem(), epsilon=1e-12)
    assert caught.value.result.plan.epsilon > 1e-12


def test_nothing_to_pay_is_optimal():
    zeros = DiscreteMeasure(points=np.zeros((100, 2)))
    free = UnbalancedProblem(source=zeros, target=zeros, cost="sqeuclidean", reach=1.0)
    for epsilon in (None, 0.1):
        result = unbalanced_transport(free, epsilon=epsilon)
        assert result.value == 0.0
        assert result.bounds.upper < 1e-9


def test_atoms_without_mass_change_no_bound():
    """Far away, their potentials would overflow the exponential of the dual."""
    x, y = [[0.0], [30.0]], [[0.0], [30.0]]
    q = DiscreteMeasure(points=y, weights=[1.0, 1.0])
    given = [
        UnbalancedProblem(source=p, target=q, cost="sqeuclidean", reach=1.0)
        for p in (
            DiscreteMeasure(points=x, weights=[1.0, 0.0]),
            DiscreteMeasure(points=x[:1], weights=[1.0]),
        )
    ]
    for epsilon in (None, 0.5):
        dead, live = (unbalanced_transport(one, epsilon=epsilon) for one in given)
        assert dead.bounds.lower <= live.bounds.upper
        assert live.bounds.lower <= dead.bounds.upper
        assert dead.bounds.relative_gap < 1e-3


def solve(x, y, *, a=None, b=None, cost="sqeuclidean", reach=1.0, **options):
    p, q = DiscreteMeasure(points=x, weights=a), DiscreteMeasure(points=y, weights=b)
    given = UnbalancedProblem(source=p, target=q, cost=cost, reach=reach)
    return unbalanced_transport(given, **options)


def test_what_lies_too_far_is_lost_on_one_side_and_made_on_the_other():
    """exp(-800) is no number: both masses are paid for."""
    result = solve([0.0], [40.0])
    assert result.value == 2.0
    assert result.bounds.relative_gap <= 1e-14
    assert result.mass == 0.0
    assert not result.plan.toarray().any()


def test_an_outlier_does_not_blur_the_rest():
    """In units of the costs of an atom 1e4 away all others would be one place."""
    x, y = [0.0, 1.0, 1e4], [0.0, 1.2]
    C = [[(s - t) ** 2 for t in y] for s in x]
    # What the outlier keeps is exp(-1e8), in that many digits.
    optimum = float(plain_optimum([1 / 3] * 3, [0.5] * 2, C, 1.0, digits=100))
    assert optimum == pytest.approx(0.3831745536874, rel=1e-13)
    for rtol in (1e-3, 1e-6):
        result = solve(x, y, rtol=rtol)
        assert result.bounds.lower <= optimum <= result.bounds.upper
        assert result.bounds.relative_gap <= rtol


@pytest.mark.parametrize("n", [30, 300])
def test_masses_may_be_numbers_of_atoms(n):
    rng = np.random.default_rng(0)
    x, y, ones = rng.random((n, 2)), rng.random((n, 2)), np.ones(n)
    counted, shared = solve(x, y, a=ones, b=ones), solve(x, y)
    assert counted.status is Status.OPTIMAL
    assert counted.bounds.lower <= n * shared.bounds.upper * (1.0 + 1e-12)
    assert n * shared.bounds.lower <= counted.bounds.upper * (1.0 + 1e-12)


def test_different_masses_at_a_large_reach_settle_at_once():
    """Potentials shift by reach / 2 log(mass / other mass) and more: the slow mode of updates."""
    x = np.linspace(-5.0, 5.0, 100)
    a, b = np.exp(-(x**2) / 2), np.exp(-((x - 1) ** 2) / 0.5)
    points, a, b = x / math.sqrt(2.0), 3.0 * a / a.sum(), 0.5 * b / b.sum()
    result = solve(points, points, a=a, b=b, reach=1000.0, epsilon=0.03125)
    assert result.value == pytest.approx(1051.3480523, rel=1e-10)
    assert result.bounds.relative_gap <= 1e-9
    assert result.n_iterations < 50


@pytest.mark.parametrize("reach", [1e3, 1e6, 1e9, 1e12, 1e30, 1e200])
def test_the_default_tolerance_is_met_at_any_reach(reach):
    """Squares of the rounding of marginals, times the reach, are in no bound."""
    rng = np.random.default_rng(0)
    # Weights that add up to one exactly: a reach of 1e200 would see the rounding of others.
    x, y = rng.random(64), rng.random(32)
    result = solve(x, y, reach=reach)
    balanced = transport(x, y, cost="sqeuclidean").value
    assert result.status is Status.OPTIMAL
    assert result.bounds.lower <= balanced * (1.0 + 1e-9)
    assert result.bounds.upper >= balanced * (1.0 - 2.0 / reach)


@pytest.mark.parametrize("reach", [1e6, 1e12, 1e30, 1e200])
@pytest.mark.parametrize("epsilon", [0.01, 10.0])
def test_the_entropic_value_is_that_of_fixed_marginals_at_any_large_reach(reach, epsilon):
    rng = np.random.default_rng(0)
    x, y = rng.random(64), rng.random(32)
    result = solve(x, y, reach=reach, epsilon=epsilon)
    solver = Sinkhorn(epsilon=epsilon)
    balanced = transport(x, y, cost="sqeuclidean", solver=solver).entropic
    assert result.status is Status.OPTIMAL
    assert result.bounds.lower <= balanced.bounds.upper
    # The default tolerance.
    assert result.value == pytest.approx(balanced.value, rel=1e-3)


@pytest.mark.parametrize("cost", ["sqeuclidean", "euclidean", "cityblock"])
@pytest.mark.parametrize("reach", [1e-6, 0.1, 1e6])
def test_a_measure_costs_nothing_against_itself(cost, reach):
    p, _ = measures()
    order = np.random.default_rng(0).permutation(p.n)
    result = solve(
        p.points, p.points[order], a=p.weights, b=p.weights[order], cost=cost, reach=reach
    )
    assert result.status is Status.OPTIMAL
    assert (result.value, result.bounds.lower, result.bounds.upper) == (0.0, 0.0, 0.0)
    assert result.mass == pytest.approx(p.mass, rel=1e-14)


def test_weights_that_differ_on_the_same_points_are_settled_in_place():
    """Within the reach of its neighbours no atom of these has anything to gain."""
    p, _ = measures()
    changed = p.weights * (1.0 + 1e-9 * np.random.default_rng(0).random(p.n))
    result = solve(p.points, p.points, a=p.weights, b=changed, cost="euclidean", reach=1e-3)
    exact = 1e-3 * math.fsum(np.square((p.weights - changed) / 2.0) / p.weights)
    assert result.status is Status.OPTIMAL
    assert result.value == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-9])
def test_one_target_is_solved_to_any_tolerance(rtol):
    """g alone is free: the best is reach / 2 log(b / sum a exp(-C / reach))."""
    x = np.random.default_rng(0).random((70, 2))
    result = solve(x, [[0.3, 0.2]], reach=0.1, rtol=rtol)
    C = np.square(x - [0.3, 0.2]).sum(axis=1)
    exact = 0.2 * (1.0 - math.sqrt(np.exp(-C / 0.1).mean()))
    assert result.bounds.relative_gap <= rtol
    assert result.bounds.lower * (1.0 - 1e-14) <= exact <= result.bounds.upper * (1.0 + 1e-14)


@pytest.mark.slow
def test_atoms_without_weight_may_be_anywhere():
    x, y = np.random.default_rng(0).random((2, 20, 2))
    far = np.vstack([x, [[1e150, 0.0]]])
    weights = np.append(np.full(20, 0.05), 0.0)
    with_it, without = solve(far, y, a=weights, reach=0.1), solve(x, y, reach=0.1)
    assert with_it.bounds.lower <= without.bounds.upper
    assert without.bounds.lower <= with_it.bounds.upper
    assert np.isfinite(with_it.plan.f).all()


def test_clusters_out_of_reach_add_up():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 30, 2))
    one = solve(x, y, reach=0.1)
    x2, y2 = (np.vstack([z, z + 1e8]) for z in (x, y))
    two = solve(x2, y2, a=np.full(60, 1 / 30), b=np.full(60, 1 / 30), reach=0.1)
    # Coordinates of 1e8 are rounded to 1e-8.
    assert two.value == pytest.approx(2.0 * one.value, rel=2e-3)
    assert two.status is Status.OPTIMAL


def test_bounds_hold_also_where_epsilon_is_not_resolved():
    """They are of the problem that was asked, whatever epsilon was solved."""
    C = np.array([[0.1, 1.0], [0.9, 0.3]])
    p, q = (DiscreteMeasure(points=np.arange(2.0)) for _ in range(2))
    given = UnbalancedProblem(source=p, target=q, cost=CostMatrix(C), reach=0.5)
    result = unbalanced_transport(given, epsilon=1e-14, throw=False)
    optimum = entropic_optimum([0.5, 0.5], [0.5, 0.5], C, 0.5, 1e-14)
    assert result.status is Status.STALLED
    assert result.bounds.lower <= optimum <= result.bounds.upper


def test_the_plan_has_the_sums_that_are_reported():
    for reach, epsilon in ((0.01, None), (1.0, 0.1), (0.1, 0.01)):
        given = problem(reach=reach)
        result = unbalanced_transport(given, epsilon=epsilon)
        plan = result.plan.toarray()
        assert np.allclose(plan.sum(axis=1), result.plan.row_sums, rtol=1e-10, atol=0.0)
        assert np.allclose(plan.sum(axis=0), result.plan.column_sums, rtol=1e-10, atol=0.0)
        assert plan.sum() == pytest.approx(result.mass, rel=1e-10)


def test_many_points_with_outliers_are_solved_without_a_matrix():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 1500, 2))
    x[:5] *= 1e4
    result = solve(x, y, reach=0.1, max_memory=10**7)
    lost = 0.1 * 5 / 1500
    assert result.status is Status.OPTIMAL
    assert lost < result.terms["source"]
    assert not result.plan.row_sums[:5].any()


def test_a_value_beyond_float64_is_refused():
    with pytest.raises(InvalidInputError, match="within float64"):
        solve([0.0], [1.0], a=[1e300], b=[1.0], reach=1e300)
    with pytest.raises(InvalidInputError, match="within float64"):
        solve([0.0], [1.0], a=[1e300], b=[1e300], epsilon=1.0)
