"""Bounds hold whatever plan and potentials they are made from."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import (
    DensePlan,
    DiscreteMeasure,
    Euclidean,
    PNormCost,
    Potentials,
    SparsePlan,
    SquaredEuclidean,
    TransportProblem,
    certificates,
    solve,
    solvers,
)
from tests.exact import exact_transport

sizes = st.integers(1, 5)


@st.composite
def integer_problems(draw):
    """Whole weights and costs: the exact optimum is known in rationals."""
    n, m = draw(sizes), draw(sizes)
    costs = [[draw(st.integers(-40, 40)) for _ in range(m)] for _ in range(n)]
    supplies = [draw(st.integers(0, 9)) for _ in range(n)]
    supplies[draw(st.integers(0, n - 1))] += 1
    total = sum(supplies)
    cuts = sorted(draw(st.lists(st.integers(0, total), min_size=m - 1, max_size=m - 1)))
    demands = [hi - lo for lo, hi in zip([0, *cuts], [*cuts, total], strict=True)]
    return supplies, demands, costs


def as_problem(supplies, demands, costs):
    return TransportProblem.from_matrix(np.array(costs, float), supplies, demands)


finite = st.floats(-60, 60, allow_subnormal=False)


@given(integer_problems(), st.data())
def test_any_plan_and_any_potentials_bound_the_exact_optimum(case, data):
    supplies, demands, costs = case
    problem = as_problem(*case)
    n, m = problem.shape
    exact = exact_transport(supplies, demands, costs) / sum(supplies)
    f = data.draw(st.lists(finite, min_size=n, max_size=n))
    g = data.draw(st.lists(finite, min_size=m, max_size=m))
    mass = data.draw(
        st.lists(st.floats(0, 1, allow_subnormal=False), min_size=n * m, max_size=n * m)
    )
    dense = DensePlan(mass=np.reshape(mass, (n, m)))
    rows, columns = np.divmod(np.arange(n * m), m)
    sparse = SparsePlan(rows=rows, columns=columns, mass=np.array(mass), shape=(n, m))
    for plan in (dense, sparse):
        proof = certificates.prove(problem, plan, Potentials(f=f, g=g))
        assert Fraction(proof.bounds.lower) <= exact <= Fraction(proof.bounds.upper)
        assert proof.value in proof.bounds
        np.testing.assert_allclose(proof.plan.row_sums(), problem.a, atol=1e-12)
        np.testing.assert_allclose(proof.plan.column_sums(), problem.b, atol=1e-12)
        slack = proof.potentials.f[:, None] + proof.potentials.g - problem.matrix()
        assert slack.max() <= 1e-13


@given(integer_problems())
def test_solved_bounds_contain_the_exact_optimum_and_close(case):
    supplies, demands, costs = case
    result = solve(as_problem(*case), solver=solvers.LinearProgram())
    exact = exact_transport(supplies, demands, costs) / sum(supplies)
    assert Fraction(result.bounds.lower) <= exact <= Fraction(result.bounds.upper)
    assert result.bounds.gap <= 1e-9 * 40


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_bounds_scale_with_the_costs(scale):
    C = np.array([[3.0, 1.0, 2.0], [1.0, 4.0, 3.0]])
    result = solve(TransportProblem.from_matrix(C * scale), solver=solvers.LinearProgram())
    exact = exact_transport([3, 3], [2, 2, 2], [[3, 1, 2], [1, 4, 3]]) / 6
    assert result.bounds.lower / scale <= float(exact) * (1 + 1e-14)
    assert result.bounds.upper / scale >= float(exact) * (1 - 1e-14)
    assert result.bounds.relative_gap <= 1e-12


lattice = st.integers(-20, 20).map(lambda k: k / 4)


@given(
    st.lists(st.tuples(lattice, lattice), min_size=1, max_size=6),
    st.lists(st.tuples(lattice, lattice), min_size=1, max_size=6),
    st.sampled_from([(2.0, 1.0), (2.0, 2.0), (1.0, 1.0), (math.inf, 1.0), (3.0, 1.5)]),
)
@settings(max_examples=60)
def test_c_transform_is_the_minimum_over_all_pairs(x, y, norm_power):
    cost = PNormCost(norm=norm_power[0], power=norm_power[1])
    problem = TransportProblem(
        source=DiscreteMeasure(points=x), target=DiscreteMeasure(points=y), cost=cost
    )
    f = np.linspace(-1.0, 2.0, len(x))
    g = certificates.c_transform(problem, f)
    # Two evaluations of one cost may differ by its rounding.
    np.testing.assert_allclose(
        g, (problem.matrix() - f[:, None]).min(axis=0), rtol=1e-13, atol=1e-13
    )


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_c_transform_survives_squares_that_leave_the_range_of_floats(scale):
    rng = np.random.default_rng(0)
    x, y = rng.random((5, 3)), rng.random((7, 3))
    small = TransportProblem(
        source=DiscreteMeasure(points=x), target=DiscreteMeasure(points=y), cost=Euclidean()
    )
    large = TransportProblem(
        source=DiscreteMeasure(points=x * scale),
        target=DiscreteMeasure(points=y * scale),
        cost=Euclidean(),
    )
    expected = certificates.c_transform(small, np.zeros(5)) * scale
    np.testing.assert_allclose(certificates.c_transform(large, np.zeros(5)), expected, rtol=1e-14)


@pytest.mark.parametrize("kind", ["upper", "lower", "mean"])
def test_extension_is_1_lipschitz_and_attains_w1(kind):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 2)), rng.normal(size=(9, 2)) + 0.5
    problem = TransportProblem(
        source=DiscreteMeasure(points=x), target=DiscreteMeasure(points=y), cost=Euclidean()
    )
    result = solve(problem, solver=solvers.LinearProgram())
    phi = certificates.LipschitzExtension(problem, result.potentials, kind=kind)
    z = rng.normal(size=(60, 2)) * 3
    values = phi(z)
    distances = Euclidean().pairwise(z, z)
    slopes = np.abs(values[:, None] - values) - distances
    assert slopes.max() <= 1e-14 * 10
    assert phi(x).mean() - phi(y).mean() == pytest.approx(result.value, rel=1e-12)


def test_infeasible_is_proven_by_rows_that_reach_too_little():
    C = np.array([[0.0, np.inf, np.inf], [1.0, np.inf, np.inf], [0.0, 0.0, 0.0]])
    result = solve(TransportProblem.from_matrix(C), solver=solvers.LinearProgram(), throw=False)
    assert result.status.name == "INFEASIBLE"
    assert result.value == math.inf
    assert list(result.infeasible_rows) == [0, 1]
    assert list(result.infeasible_columns) == [0]


def test_a_plan_of_another_shape_is_refused():
    problem = TransportProblem.from_matrix([[0.0, 1.0]])
    plan = SparsePlan(rows=[0], columns=[0], mass=[1.0], shape=(1, 1))
    with pytest.raises(ValueError, match=r"`plan` must have shape \(1, 2\)"):
        certificates.primal_bound(problem, plan)


def test_squared_costs_of_a_solved_problem_have_a_closed_gap():
    rng = np.random.default_rng(2)
    problem = TransportProblem(
        source=DiscreteMeasure(points=rng.random((20, 3))),
        target=DiscreteMeasure(points=rng.random((30, 3))),
        cost=SquaredEuclidean(),
    )
    assert solve(problem, solver=solvers.LinearProgram()).bounds.relative_gap < 1e-13
