"""Other penalties, unequal reaches, negative costs, references: closed forms, errors, results."""

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
    partial_transport,
    solvers,
    transport,
    unbalanced_sinkhorn_divergence,
    unbalanced_sinkhorn_divergence_result,
    unbalanced_transport,
)
from otdiv.costs import CostMatrix
from otdiv.plans import SparsePlan

ONE = DiscreteMeasure([0.0])


def two_atoms(cost, reach, penalty, masses=(1.0, 1.0)):
    p, q = (DiscreteMeasure([0.0], weights=[mass]) for mass in masses)
    return UnbalancedProblem(p, target=q, cost=CostMatrix([[cost]]), reach=reach, penalty=penalty)


def clouds(n=60, m=50, mass=2.0, seed=0):
    rng = np.random.default_rng(seed)
    p = DiscreteMeasure(rng.random((n, 2)), weights=rng.dirichlet(np.ones(n)))
    q = DiscreteMeasure(rng.random((m, 2)) + 0.2, weights=mass * rng.dirichlet(np.ones(m)))
    return p, q


def test_kl_of_two_reaches_moves_the_weighted_geometric_mean():
    """min C m + p KL(m | A) + q KL(m | B) is at m = (A^p B^q exp(-C))^(1 / (p + q))."""
    (A, B), (p, q), C = (2.0, 0.5), (0.3, 1.2), -0.4
    result = unbalanced_transport(two_atoms(C, (p, q), "kl", (A, B)), rtol=1e-11)
    m = (A**p * B**q * math.exp(-C)) ** (1 / (p + q))
    assert p * A + q * B - (p + q) * m in result.bounds
    assert result.mass == pytest.approx(m, rel=1e-5)


def test_squares_of_two_reaches_have_their_closed_form():
    """min C m + p (m - A)² + q (m - B)² is at m = (2 p A + 2 q B - C) / (2 (p + q))."""
    (A, B), (p, q), C = (2.0, 0.5), (0.3, 1.2), 0.7
    result = unbalanced_transport(two_atoms(C, (p, q), "squared", (A, B)), rtol=1e-11)
    m = (2 * p * A + 2 * q * B - C) / (2 * (p + q))
    assert C * m + p * (m - A) ** 2 + q * (m - B) ** 2 in result.bounds
    assert result.mass == pytest.approx(m, rel=1e-5)


@pytest.mark.parametrize(("cost", "moved"), [(0.7, 1.0), (0.9, 0.0), (-0.75, 1.0)])
def test_total_variation_moves_what_costs_less_than_both_prices(cost, moved):
    result = unbalanced_transport(two_atoms(cost, (0.3, 0.5), "tv"))
    assert result.mass == moved
    assert result.value == pytest.approx(moved * cost + (1 - moved) * 0.8)


def test_total_variation_makes_mass_where_that_is_cheaper():
    """A target of 2 gets all of it: what the source lacks is made there for 0.1 and moved for 1."""
    result = unbalanced_transport(two_atoms(1.0, (0.1, 5.0), "tv", (0.5, 2.0)))
    assert result.value == pytest.approx(2.0 + 0.1 * 1.5)
    assert result.source_excess.tolist() == pytest.approx([1.5])
    assert result.target_left.tolist() == [0.0]


def test_equal_prices_of_total_variation_are_partial_transport():
    p, q = clouds()
    given = UnbalancedProblem(p, target=q, cost="euclidean", reach=0.2, penalty="tv")
    result = unbalanced_transport(given)
    partial = partial_transport(p, q, reach=0.2)
    assert result.value == pytest.approx(partial.value, rel=1e-13)
    assert isinstance(result.plan, SparsePlan)
    assert np.allclose(result.source_left, partial.source_left)


@pytest.mark.parametrize("penalty", ["kl", "tv", "squared"])
def test_dear_reaches_of_equal_masses_are_balanced_transport(penalty):
    p, q = clouds(mass=1.0)
    given = UnbalancedProblem(
        p, target=q, cost="sqeuclidean", reach=(1e5, math.inf), penalty=penalty
    )
    exact = transport(p, q, cost="sqeuclidean").value
    result = unbalanced_transport(given, rtol=1e-7)
    assert result.value == pytest.approx(exact, rel=1e-3)
    given = UnbalancedProblem(
        p, target=q, cost="sqeuclidean", reach=(1e5, math.inf), penalty=penalty
    )
    blurred = transport(p, q, cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=0.1), throw=False)
    value = unbalanced_transport(given, epsilon=0.1).value
    assert value == pytest.approx(blurred.entropic.value, rel=1e-3)


@pytest.mark.parametrize("penalty", ["kl", "tv", "squared"])
@pytest.mark.parametrize("epsilon", [None, 0.05])
def test_value_is_the_objective_of_the_plan_term_by_term(penalty, epsilon):
    p, q = clouds()
    given = UnbalancedProblem(p, target=q, cost="sqeuclidean", reach=(0.2, 0.1), penalty=penalty)
    result = unbalanced_transport(given, epsilon=epsilon)
    P = result.plan.toarray()
    C = ((p.points[:, None] - q.points) ** 2).sum(axis=2)
    r, c = P.sum(axis=1), P.sum(axis=0)
    penalties = {
        "kl": lambda s, w: (s * np.log(s / w) - s + w).sum(),
        "tv": lambda s, w: np.abs(s - w).sum(),
        "squared": lambda s, w: ((s - w) ** 2).sum(),
    }
    assert result.terms["transport"] == pytest.approx((P * C).sum(), rel=1e-9)
    assert result.terms["source"] == pytest.approx(0.2 * penalties[penalty](r, p.weights), rel=1e-9)
    assert result.terms["target"] == pytest.approx(0.1 * penalties[penalty](c, q.weights), rel=1e-9)
    if epsilon is not None:
        R = np.outer(p.weights, q.weights)
        entropy = epsilon * (P * np.log(P / R) - P + R).sum()
        assert result.terms["entropy"] == pytest.approx(entropy, rel=1e-9)
    assert result.mass == pytest.approx(P.sum(), rel=1e-12)
    assert result.source_left == pytest.approx(np.maximum(p.weights - r, 0.0), abs=1e-15)
    assert result.target_excess == pytest.approx(np.maximum(c - q.weights, 0.0), abs=1e-15)


def test_potentials_of_a_plan_without_epsilon_are_feasible_and_worth_the_lower_bound():
    p, q = clouds()
    given = UnbalancedProblem(p, target=q, cost="sqeuclidean", reach=(0.2, 0.1))
    result = unbalanced_transport(given)
    C = ((p.points[:, None] - q.points) ** 2).sum(axis=2)
    f, g = result.potentials.f, result.potentials.g
    assert (f[:, None] + g - C).max() <= 1e-14
    worth = 0.2 * (p.weights * -np.expm1(-f / 0.2)).sum()
    worth += 0.1 * (q.weights * -np.expm1(-g / 0.1)).sum()
    assert worth == pytest.approx(result.bounds.lower, rel=1e-12)


def test_ones_as_reference_are_the_entropy_of_the_plan():
    p, q = clouds(8, 6)
    given = UnbalancedProblem(p, target=q, cost="sqeuclidean", reach=0.3)
    ones = np.ones(8), np.ones(6)
    result = unbalanced_transport(given, epsilon=0.1, reference=ones, rtol=1e-9)
    P = result.plan.toarray()
    entropy = 0.1 * (P * np.log(P) - P).sum()
    assert result.terms["entropy"] - 0.1 * 48 == pytest.approx(entropy, rel=1e-9)


def test_the_weights_as_reference_are_the_default():
    p, q = clouds(30, 20)
    given = UnbalancedProblem(p, target=q, cost="sqeuclidean", reach=0.3)
    ours = unbalanced_transport(given, epsilon=0.1, rtol=1e-9)
    same = unbalanced_transport(given, epsilon=0.1, rtol=1e-9, reference=(p.weights, q.weights))
    assert same.value == pytest.approx(ours.value, rel=1e-9)


def test_a_matrix_as_reference_is_a_change_of_the_costs():
    rng = np.random.default_rng(3)
    p, q = clouds(7, 5)
    C, r, c = rng.random((7, 5)), rng.random(7) + 0.2, rng.random(5) + 0.2
    given = UnbalancedProblem(p, target=q, cost=CostMatrix(C), reach=(0.3, 0.6))
    direct = unbalanced_transport(given, epsilon=0.1, rtol=1e-10, reference=(r, c))
    product = np.outer(p.weights, q.weights)
    changed = CostMatrix(C - 0.1 * np.log(np.outer(r, c) / product))
    other = UnbalancedProblem(p, target=q, cost=changed, reach=(0.3, 0.6))
    shift = 0.1 * (r.sum() * c.sum() - product.sum())
    value = unbalanced_transport(other, epsilon=0.1, rtol=1e-10).value + shift
    assert value == pytest.approx(direct.value, rel=1e-9)


def test_an_atom_without_weight_pays_for_a_reference_there():
    p = DiscreteMeasure([0.0, 1.0], weights=[1.0, 0.0])
    q = DiscreteMeasure([0.5])
    given = UnbalancedProblem(p, target=q, cost="euclidean", reach=1.0)
    result = unbalanced_transport(given, epsilon=0.5, reference=([1.0, 3.0], [2.0]))
    alone = UnbalancedProblem(ONE, target=q, cost="euclidean", reach=1.0)
    rest = unbalanced_transport(alone, epsilon=0.5, reference=([1.0], [2.0]))
    assert result.value == pytest.approx(rest.value + 0.5 * 6.0, rel=1e-9)


@pytest.mark.parametrize("penalty", ["kl", "tv", "squared"])
def test_negative_costs_are_taken(penalty):
    rng = np.random.default_rng(0)
    p, q = clouds(20, 15)
    C = rng.random((20, 15)) - 0.15
    given = UnbalancedProblem(p, target=q, cost=CostMatrix(C), reach=0.1, penalty=penalty)
    for epsilon in (None, 0.01):
        result = unbalanced_transport(given, epsilon=epsilon, rtol=1e-6)
        assert result.status is Status.OPTIMAL
        assert result.terms["transport"] < 0.0


# Maps


def test_the_barycentric_map_divides_by_what_is_moved():
    p, q = clouds()
    given = UnbalancedProblem(p, target=q, cost="sqeuclidean", reach=(0.2, 0.1))
    for epsilon in (None, 0.05):
        result = unbalanced_transport(given, epsilon=epsilon)
        P = result.plan.toarray()
        assert np.allclose(result.barycentric_map(), P @ q.points / P.sum(axis=1)[:, None])
    matrix = UnbalancedProblem(ONE, target=ONE, cost=CostMatrix([[1.0]]), reach=1.0)
    with pytest.raises(UnsupportedProblemError, match="no points"):
        unbalanced_transport(matrix).barycentric_map()


# Errors and limits


@pytest.mark.parametrize(
    ("reach", "match"),
    [
        ((1.0, -1.0), "be positive; got -1.0"),
        ((math.inf, math.inf), "be finite on one side"),
        ((1.0, 2.0, 3.0), "a pair of them; got 3 numbers"),
        ((1.0, math.nan), "be positive"),
        (math.inf, "be positive and finite"),
    ],
)
def test_reaches_that_are_none(reach, match):
    with pytest.raises(InvalidInputError, match=match):
        two_atoms(1.0, reach, "kl")


def test_a_pair_below_both_prices_is_named():
    with pytest.raises(InvalidInputError, match=r"-0.7 \(reach 0.2 and 0.5\); got -0.8 at index"):
        two_atoms(-0.8, (0.2, 0.5), "tv")
    two_atoms(-0.8, (0.2, math.inf), "tv")
    two_atoms(-0.8, (0.2, 0.5), "kl")


def test_penalties_and_references_are_checked():
    with pytest.raises(InvalidInputError, match="penalty"):
        two_atoms(1.0, 1.0, "l2")
    given = two_atoms(1.0, 1.0, "kl")
    with pytest.raises(InvalidInputError, match="come with an `epsilon`"):
        unbalanced_transport(given, reference=([1.0], [1.0]))
    with pytest.raises(InvalidInputError, match="pair of arrays"):
        unbalanced_transport(given, epsilon=1.0, reference=1.0)
    with pytest.raises(InvalidInputError, match="shape"):
        unbalanced_transport(given, epsilon=1.0, reference=([1.0, 2.0], [1.0]))
    two = UnbalancedProblem(clouds(2, 2)[0], target=ONE, cost=CostMatrix([[1.0], [1.0]]), reach=1.0)
    with pytest.raises(InvalidInputError, match="be positive"):
        unbalanced_transport(two, epsilon=1.0, reference=([1.0, 0.0], [1.0]))


@pytest.mark.parametrize("penalty", ["kl", "tv", "squared"])
@pytest.mark.parametrize("epsilon", [None, 1e-3])
def test_a_callback_and_seconds_end_the_search(penalty, epsilon):
    p, q = clouds(150, 150)
    given = UnbalancedProblem(p, target=q, cost="euclidean", reach=(0.2, 0.1), penalty=penalty)
    seen = []

    def stop(progress):
        seen.append(progress)
        return len(seen) >= 2

    result = unbalanced_transport(given, epsilon=epsilon, rtol=1e-9, callback=stop, throw=False)
    assert result.status in (Status.STOPPED, Status.OPTIMAL)
    assert seen
    with pytest.raises(ConvergenceError, match="STOPPED"):
        unbalanced_transport(
            UnbalancedProblem(*clouds(400, 400)[:1], target=q, cost="euclidean", reach=(0.2, 0.1)),
            epsilon=1e-4,
            rtol=1e-13,
            max_seconds=1e-3,
        )


def test_kl_of_one_reach_stops_too():
    p, q = clouds()
    given = UnbalancedProblem(p, target=q, cost="euclidean", reach=0.2)
    result = unbalanced_transport(given, callback=lambda progress: True, throw=False)
    assert result.status is Status.STOPPED
    assert result.value in result.bounds


def test_matrices_of_plans_are_forecast():
    p, q = clouds()
    given = UnbalancedProblem(p, target=q, cost="euclidean", reach=(0.2, 0.1))
    with pytest.raises(UnsupportedProblemError, match="an `epsilon` needs no matrices"):
        unbalanced_transport(given, max_memory=1000)


# The divergence


@pytest.mark.parametrize("penalty", ["kl", "tv", "squared"])
def test_the_divergence_is_zero_at_equality_symmetric_and_positive(penalty):
    p, q = clouds(12, 9)
    options = {"epsilon": 0.1, "reach": 0.5, "penalty": penalty}
    order = np.arange(p.n)[::-1]
    same = DiscreteMeasure(p.points[order], weights=p.weights[order])
    assert unbalanced_sinkhorn_divergence(p, same, **options) == 0.0
    forth = unbalanced_sinkhorn_divergence_result(p, q, **options)
    back = unbalanced_sinkhorn_divergence_result(q, p, **options)
    assert forth.value == back.value > 0.0
    assert forth.value in forth.bounds
    assert forth.bounds.lower > 0.0


def test_the_divergence_of_two_masses_at_one_point_is_a_closed_form():
    """With one atom all terms are min of (2 reach) KL-like functions of the mass alone."""
    A, B, reach, epsilon = 1.5, 0.4, 0.8, 0.3

    def least(a, b):
        # min over m of reach (KL(m | a) + KL(m | b)) + epsilon KL(m | a b).
        total = 2 * reach + epsilon
        m = math.exp((reach * math.log(a * b) + epsilon * math.log(a * b)) / total)
        return reach * (a + b) + epsilon * a * b - total * m

    expected = least(A, B) - (least(A, A) + least(B, B)) / 2 + epsilon / 2 * (A - B) ** 2
    p, q = DiscreteMeasure([0.0], weights=[A]), DiscreteMeasure([0.0], weights=[B])
    found = unbalanced_sinkhorn_divergence_result(p, q, epsilon=epsilon, reach=reach, rtol=1e-12)
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert found.bounds.lower <= expected + 1e-15
    assert expected - 1e-15 <= found.bounds.upper
    assert float(found) == found.value


def test_a_large_reach_gives_the_balanced_divergence():
    from otdiv import sinkhorn_divergence

    rng = np.random.default_rng(0)
    x, y = rng.random((20, 2)), rng.random((15, 2)) + 0.5
    balanced = sinkhorn_divergence(x, y, epsilon=0.1)
    ours = unbalanced_sinkhorn_divergence(x, y, epsilon=0.1, reach=1e4)
    assert ours == pytest.approx(balanced, rel=1e-3)
