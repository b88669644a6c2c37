"""`solvers.Line` and its kernels: plan, potentials, c-transform and refusals."""

import numpy as np
import pytest

from otdiv import (
    CostMatrix,
    DiscreteMeasure,
    Euclidean,
    PNormCost,
    SquaredEuclidean,
    Status,
    TransportProblem,
    UnsupportedProblemError,
    solve,
    solvers,
    transport,
)
from otdiv._kernels.line.monotone_plan import line_transform, monotone_plan

POWERS = [1.0, 1.5, 2.0, 3.0]
EPS = np.finfo(float).eps


def cases():
    """Samples with and without ties, zero weights, unequal counts and single atoms."""
    rng = np.random.default_rng(11)
    for n, m in [(1, 1), (1, 4), (5, 1), (6, 6), (9, 6), (20, 13), (2100, 1700)]:
        for ties in (False, True):
            x = rng.integers(0, 6, n) / 2.0 if ties else rng.normal(size=n)
            y = rng.integers(0, 6, m) / 2.0 if ties else rng.normal(size=m) + 0.5
            a, b = rng.integers(0, 4, n) * 1.0, rng.integers(0, 4, m) * 1.0
            a[-1] += 1.0
            b[0] += 1.0
            yield x, y, a / a.sum(), b / b.sum()
            yield x, y, np.full(n, 1.0 / n), np.full(m, 1.0 / m)


def sorted_cases():
    for x, y, a, b in cases():
        yield np.sort(x), np.sort(y), a, b


@pytest.mark.parametrize("power", POWERS)
def test_plan_has_the_weights_as_marginals(power):
    for x, y, a, b in sorted_cases():
        rows, columns, mass, _, _ = monotone_plan(x, y, a, b, float(a.sum()), power)
        assert (mass > 0.0).all()
        assert rows.size <= x.size + y.size - 1
        # Each cell is one subtraction away from the weights; the last ones gather the rest.
        np.testing.assert_allclose(np.bincount(rows, mass, x.size), a, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(np.bincount(columns, mass, y.size), b, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("power", POWERS)
def test_potentials_are_feasible_and_tight_on_the_plan(power):
    for x, y, a, b in sorted_cases():
        rows, columns, _, f, g = monotone_plan(x, y, a, b, float(a.sum()), power)
        costs = np.abs(x[:, None] - y) ** power
        # Each of at most n + m steps rounds a difference of costs, a few ulps of the largest cost.
        tolerance = 4.0 * EPS * costs.max() * (4.0 + (x.size + y.size) ** 0.5)
        assert (f[:, None] + g <= costs + tolerance).all()
        np.testing.assert_allclose(
            (f[:, None] + g)[rows, columns], costs[rows, columns], atol=tolerance
        )


def test_plan_of_equal_counts_is_a_matching_of_the_sorted_samples():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=40), rng.normal(size=40)
    result = transport(x, y, solver=solvers.Line())
    matched = result.plan.columns[np.argsort(result.plan.rows)]
    np.testing.assert_array_equal(np.argsort(y)[np.argsort(np.argsort(x))], matched)
    assert set(result.plan.mass) == {1.0 / 40}


def test_even_weights_of_unequal_counts_leave_no_slivers():
    rows, columns, mass, _, _ = monotone_plan(
        np.arange(6.0), np.arange(4.0), np.full(6, 1 / 6), np.full(4, 1 / 4), 1.0, 1.0
    )
    assert rows.tolist() == [0, 1, 1, 2, 3, 4, 4, 5]
    assert columns.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    np.testing.assert_allclose(mass * 12, [2, 1, 1, 2, 2, 1, 1, 2], rtol=4 * EPS)


@pytest.mark.slow
@pytest.mark.parametrize("power", POWERS)
def test_transform_is_the_brute_minimum(power):
    rng = np.random.default_rng(8)
    for x, y, _, _ in cases():
        f = rng.normal(size=x.size)
        costs = np.abs(x[:, None] - y) ** power
        exact = (costs - f[:, None]).min(axis=0)
        size = costs.max() + np.abs(f).max()
        found = line_transform(x, y, f, power)
        # The documented slack: one rounding above, 4 (1 + log2 m) below for powers above 1.
        rounding = (power + 5.0) * EPS * size
        assert (found <= exact + rounding).all()
        assert (found >= exact - rounding * 4.0 * (1.0 + np.log2(y.size) + 1.0)).all()


def test_transform_of_power_one_attains_the_exact_minimum_despite_cancellation():
    # x + f of both rows round to the same float; only the exact comparison tells them apart.
    x, f = np.array([1.0, 2.0]), np.array([1e16, 1e16 - 2.0])
    assert line_transform(x, np.array([2.0]), f, 1.0)[0] == 1.0 - 1e16
    assert line_transform(x[::-1].copy(), np.array([2.0]), f[::-1].copy(), 1.0)[0] == 1.0 - 1e16


@pytest.mark.parametrize("cost", [Euclidean(), SquaredEuclidean(), PNormCost(norm=1, power=3)])
def test_solve_certifies_the_optimum(cost):
    for x, y, a, b in cases():
        problem = TransportProblem(
            source=DiscreteMeasure(points=x, weights=a),
            target=DiscreteMeasure(points=y, weights=b),
            cost=cost,
        )
        result = solve(problem, solver=solvers.Line())
        assert result.status is Status.OPTIMAL
        assert result.value in result.bounds


@pytest.mark.parametrize("weighted", [False, True])
def test_the_number_of_threads_does_not_change_the_result(weighted):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=50_000), rng.normal(size=45_000)
    weights = {"x_weights": rng.random(50_000), "y_weights": rng.random(45_000)} if weighted else {}
    one, two = (transport(x, y, solver=solvers.Line(n_jobs=n_jobs), **weights) for n_jobs in (1, 2))
    assert (one.value, one.bounds) == (two.value, two.bounds)
    assert one.plan.columns.tobytes() == two.plan.columns.tobytes()
    assert one.potentials.f.tobytes() == two.potentials.f.tobytes()


@pytest.mark.parametrize("power", POWERS)
def test_the_order_of_the_atoms_changes_nothing_but_their_numbers(power):
    for x, y, a, b in cases():
        rows, columns = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
        given = TransportProblem(
            source=DiscreteMeasure(points=x, weights=a),
            target=DiscreteMeasure(points=y, weights=b),
            cost=PNormCost(norm=2, power=power),
        )
        ordered = TransportProblem(
            source=DiscreteMeasure(points=x[rows], weights=a[rows]),
            target=DiscreteMeasure(points=y[columns], weights=b[columns]),
            cost=PNormCost(norm=2, power=power),
        )
        result, plain = (solve(problem, solver=solvers.Line()) for problem in (given, ordered))
        assert result.problem is given
        assert (result.value, result.bounds) == (plain.value, plain.bounds)
        np.testing.assert_array_equal(result.plan.rows, rows[plain.plan.rows])
        np.testing.assert_array_equal(result.plan.columns, columns[plain.plan.columns])
        np.testing.assert_array_equal(result.potentials.f[rows], plain.potentials.f)
        np.testing.assert_array_equal(result.potentials.g[columns], plain.potentials.g)


@pytest.mark.parametrize("power", POWERS)
def test_known_orders_change_nothing(power):
    for x, y, _, _ in cases():
        f = np.cos(x)
        orders = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
        np.testing.assert_array_equal(
            line_transform(x, y, f, power), line_transform(x, y, f, power, orders=orders)
        )


@pytest.mark.parametrize(
    ("cost", "d", "match"),
    [
        (CostMatrix([[0.0, 1.0], [1.0, 0.0]]), 1, "cost matrix"),
        (Euclidean(), 2, "dimension 1"),
        (PNormCost(power=0.5), 1, "convex"),
    ],
)
def test_problems_beyond_the_line_are_refused_with_a_way_out(cost, d, match):
    measure = DiscreteMeasure(points=np.zeros((2, d)))
    problem = TransportProblem(source=measure, target=measure, cost=cost)
    with pytest.raises(UnsupportedProblemError, match=match):
        solve(problem, solver=solvers.Line())
