"""The regularised problem as it is documented: its potentials, and its value for any mass."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import (
    DiscreteMeasure,
    PNormCost,
    TransportProblem,
    UnbalancedProblem,
    sinkhorn_divergence_result,
    solve,
    solvers,
    unbalanced_transport,
)
from otdiv.costs import CostMatrix

COSTS = ("sqeuclidean", "euclidean", "cityblock", "chebyshev", PNormCost(norm=3, power=1.5))
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(7, 2)), RNG.normal(size=(9, 2))
A, B = RNG.random(7) + 0.1, RNG.random(9) + 0.1
A, B = A / A.sum(), B / B.sum()
EPSILON = 0.3


def problem(cost, mass=1.0):
    source = DiscreteMeasure(points=X, weights=A * mass)
    target = DiscreteMeasure(points=Y, weights=B * mass)
    if cost == "matrix":
        cost = CostMatrix(PNormCost(norm=2, power=2).pairwise(X, Y))
    return TransportProblem(source=source, target=target, cost=cost)


def entropic(given, tolerance=1e-12):
    solver = solvers.Sinkhorn(epsilon=EPSILON, marginal_tolerance=tolerance)
    return solve(given, solver=solver).entropic


@pytest.mark.parametrize("cost", [*COSTS, "matrix"])
@pytest.mark.parametrize("mass", [1e-9, 1.0, 7.0])
def test_the_potentials_give_the_plan_and_the_plan_the_value(cost, mass):
    given = problem(cost, mass)
    found = entropic(given)
    C, product = given.matrix(), np.outer(given.a, given.b) / mass
    P = np.exp((found.f[:, None] + found.g - C) / EPSILON) * product
    # Marginals were solved to 1e-12, and float64 resolves 1e-15 of exponents up to 100.
    np.testing.assert_allclose(P.sum(axis=1), given.a, rtol=1e-9)
    np.testing.assert_allclose(P.sum(axis=0), given.b, rtol=1e-9)
    transport, entropy = (P * C).sum(), EPSILON * (P * np.log(P / product)).sum()
    assert found.terms["transport"] == pytest.approx(transport, rel=1e-9)
    assert found.terms["entropy"] == pytest.approx(entropy, rel=1e-8)
    assert found.value == pytest.approx(transport + entropy, rel=1e-9)
    assert found.bounds.lower <= found.value * (1.0 + 1e-12)
    assert transport + entropy <= found.bounds.upper + 1e-9 * mass
    assert given.a @ found.f == pytest.approx(given.b @ found.g, rel=1e-9)


@pytest.mark.parametrize("trip", [pickle.dumps, None])
def test_the_potentials_stay_frozen(trip):
    found = entropic(problem("matrix"))
    again = copy.deepcopy(found) if trip is None else pickle.loads(trip(found))
    for summary in (found, again):
        assert not summary.f.flags.writeable
        assert not summary.g.flags.writeable
    np.testing.assert_array_equal(found.f, again.f)
    np.testing.assert_array_equal(found.g, again.g)


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-100, 1e100), st.sampled_from([*COSTS, "matrix"]))
def test_value_bounds_and_terms_grow_with_the_mass(mass, cost):
    unit, heavy = entropic(problem(cost), 1e-9), entropic(problem(cost, mass), 1e-9)
    for one, other in (
        (unit.value, heavy.value),
        (unit.bounds.lower, heavy.bounds.lower),
        (unit.bounds.upper, heavy.bounds.upper),
        *((unit.terms[name], heavy.terms[name]) for name in ("transport", "entropy")),
    ):
        # Weights are rounded; the bounds are 1e-9 apart.
        assert other / mass == pytest.approx(one, rel=1e-7)
    np.testing.assert_allclose(heavy.f, unit.f, atol=1e-6)


@pytest.mark.parametrize("mass", [1e-9, 7.0])
def test_the_divergence_grows_with_the_mass(mass):
    unit, heavy = (
        sinkhorn_divergence_result(
            DiscreteMeasure(points=X, weights=A * m),
            DiscreteMeasure(points=Y, weights=B * m),
            epsilon=EPSILON,
        )
        for m in (1.0, mass)
    )
    assert heavy.value / mass == pytest.approx(unit.value, rel=1e-7)
    assert heavy.bounds.lower <= mass * unit.value <= heavy.bounds.upper


@pytest.mark.parametrize("mass", [1e-3, 1.0, 7.0])
def test_the_unbalanced_value_is_the_documented_formula_for_any_mass(mass):
    p = DiscreteMeasure(points=X, weights=A * mass)
    q = DiscreteMeasure(points=Y, weights=B * (2.0 * mass))
    given = UnbalancedProblem(source=p, target=q, cost="sqeuclidean", reach=1.0)
    found = unbalanced_transport(given, epsilon=EPSILON)
    P, C = found.plan.toarray(), PNormCost(norm=2, power=2).pairwise(X, Y)

    def kl(p, q):
        return float((p * np.log(p / q) - p + q).sum())

    entropy = EPSILON * kl(P, np.outer(p.weights, q.weights))
    rows, columns = kl(P.sum(axis=1), p.weights), kl(P.sum(axis=0), q.weights)
    assert found.terms["entropy"] == pytest.approx(entropy, rel=1e-7, abs=1e-9 * mass)
    value = (P * C).sum() + rows + columns + entropy
    assert found.value == pytest.approx(value, rel=1e-7)
