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
    plan = result.plan.to_dense()
    for sums, potential, weights in (
        (plan.sum(axis=1), result.plan.f, given.a),
        (plan.sum(axis=0), result.plan.g, given.b),
    ):
        aim = weights * np.exp(-potential / given.reach)
        assert np.abs(sums - aim).sum() <= 2e-6 * aim.sum()


def test_value_is_the_objective_of_the_plan_term_by_term():
    given, epsilon = problem(), 0.05
    result = unbalanced_transport(given, epsilon=epsilon)
    plan, C = result.plan.to_dense(), given.normalized().matrix()

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


def test_forbidden_pairs_and_negative_costs_are_refused():
    p = DiscreteMeasure(points=[0.0, 1.0])
    forbidden = CostMatrix(np.array([[0.0, np.inf], [1.0, 0.0]]))
    with pytest.raises(UnsupportedProblemError, match="finite"):
        unbalanced_transport(UnbalancedProblem(source=p, target=p, cost=forbidden, reach=1.0))
    with pytest.raises(InvalidInputError, match="non-negative"):
        UnbalancedProblem(source=p, target=p, cost=CostMatrix(-np.eye(2)), reach=1.0)


@pytest.mark.parametrize("reach", [0.0, -1.0, math.inf, math.nan])
def test_reach_must_be_positive_and_finite(reach):
    p = DiscreteMeasure(points=[0.0])
    with pytest.raises(InvalidInputError, match="reach"):
        UnbalancedProblem(source=p, target=p, cost="euclidean", reach=reach)


def test_unmet_tolerance_raises_with_the_result():
    with pytest.raises(ConvergenceError) as caught:
        unbalanced_transport(problem(), rtol=1e-12)
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
