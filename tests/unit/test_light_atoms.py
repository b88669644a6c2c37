"""Light atoms are data: marginals are met relatively, and mass in the wrong place is paid for."""

import math

import numpy as np
import pytest

from otdiv import (
    DensePlan,
    PNormCost,
    Potentials,
    SparsePlan,
    TransportProblem,
    certificates,
    energy_distance,
    solvers,
    transport,
    transport_matrix,
    wasserstein,
    wasserstein1,
    wasserstein1_batch,
    wasserstein1_histogram,
    wasserstein2,
)

U = 2.0**-53
SOLVERS = [
    solvers.NetworkSimplex(),
    solvers.ColumnGeneration(),
    solvers.LinearProgram(),
    solvers.PotNetworkSimplex(),
]


def names(solver):
    return type(solver).__name__


@pytest.mark.parametrize("solver", SOLVERS, ids=names)
@pytest.mark.parametrize(
    ("x", "y", "a", "b", "right"),
    [
        ([[0, 0]], [[0, 0], [1e20, 0]], [1.0], [1 - 5e-14, 5e-14], 5e6),
        ([[0, 0], [1e16, 0]], [[0, 0]], [1.0, 1e-16], [1.0], 1.0),
        ([[0, 0], [1e19, 0]], [[0, 0]], [1.0, 1e-19], [1.0], 1.0),
        ([[0, 0], [1e40, 0]], [[0, 0], [0, 1e40]], [1.0, 1e-40], [1.0, 1e-40], math.sqrt(2.0)),
        ([[0, 0], [1e40, 0]], [[1, 0], [1e40, 1e38]], [1.0, 1e-40], [1.0, 1e-40], 1.01),
    ],
)
def test_a_light_atom_far_away_costs_what_it_costs(solver, x, y, a, b, right):
    result = transport(x, y, x_weights=a, y_weights=b, solver=solver)
    assert result.value == pytest.approx(right, rel=1e-9)
    assert result.bounds.lower <= right * (1 + 1e-12)
    assert result.bounds.upper >= right * (1 - 1e-12)


@pytest.mark.parametrize("share", 10.0 ** np.arange(-40.0, -9.0))
@pytest.mark.parametrize("plan", ["sparse", "dense"])
@pytest.mark.parametrize("side", ["rows", "columns"])
def test_mass_misplaced_within_one_side_is_paid_for(share, plan, side):
    C, weights = np.array([[0.0, 1.0]]), [1.0 - share, share]
    mass = np.array([[1.0, 0.0]])
    if side == "rows":
        problem = TransportProblem.from_matrix(C.T, weights, [1.0])
        dense, potentials = DensePlan(mass=mass.T), Potentials(f=[0.0, 1.0], g=[0.0])
        sparse = SparsePlan(rows=[0], columns=[0], mass=[1.0], shape=(2, 1))
    else:
        problem = TransportProblem.from_matrix(C, [1.0], weights)
        dense, potentials = DensePlan(mass=mass), Potentials(f=[0.0], g=[0.0, 1.0])
        sparse = SparsePlan(rows=[0], columns=[0], mass=[1.0], shape=(1, 2))
    proof = certificates.prove(problem, sparse if plan == "sparse" else dense, potentials)
    assert proof.bounds.lower == pytest.approx(share, rel=1e-12)
    assert proof.bounds.upper == pytest.approx(share, rel=1e-12)
    sums = proof.plan.row_sums() if side == "rows" else proof.plan.column_sums()
    np.testing.assert_allclose(sums, weights, rtol=4 * U)


@pytest.mark.parametrize("excess", [1e-16, 1e-14, 1e-12, 1e-3])
def test_excess_on_negative_costs_earns_nothing(excess):
    problem = TransportProblem.from_matrix([[-1.0, 0.0], [0.0, 0.0]])
    plan = SparsePlan(rows=[0, 1], columns=[0, 1], mass=[0.5 + excess, 0.5], shape=(2, 2))
    bounds = certificates.prove(problem, plan, Potentials(f=[-1.0, 0.0], g=[0.0, 0.0])).bounds
    assert bounds.upper >= -0.5 * (1.0 + 4 * U)


@pytest.mark.parametrize("solver", [*SOLVERS, solvers.Line()], ids=names)
@pytest.mark.parametrize("decades", [3, 12, 20, 40])
def test_marginals_of_an_exact_plan_are_the_weights_relatively(solver, decades):
    rng = np.random.default_rng(decades)
    d = 1 if isinstance(solver, solvers.Line) else 2
    x, y = rng.normal(size=(30, d)), rng.normal(size=(25, d))
    a, b = 10.0 ** -rng.uniform(0, decades, 30), 10.0 ** -rng.uniform(0, decades, 25)
    plan = transport(x, y, x_weights=a, y_weights=b, solver=solver).plan
    for index, weights, n in ((plan.rows, a, 30), (plan.columns, b, 25)):
        sums = [math.fsum(plan.mass[index == i]) for i in range(n)]
        shares = weights / math.fsum(weights)
        # 4 u of the weight, and the division above.
        np.testing.assert_allclose(sums, shares, rtol=5 * U)


def test_tails_of_a_gaussian_histogram_are_transported_exactly():
    x = np.linspace(-12.0, 12.0, 400)
    a, b = np.exp(-(x**2) / 2), np.exp(-((x - 1.0) ** 2) / 2)
    for solver in (None, solvers.NetworkSimplex()):
        plan = transport(x, x, x_weights=a, y_weights=b, solver=solver).plan
        sums = [math.fsum(plan.mass[plan.rows == i]) for i in range(400)]
        np.testing.assert_allclose(sums, a / math.fsum(a), rtol=5 * U)


def test_optimal_means_that_the_tolerance_is_proven():
    x, a = [[0.0, 0.0], [1e12, 0.0]], [1.0, 1e-12]
    result = transport(x, [[0.0, 0.0]], x_weights=a, rtol=1e-6)
    assert result.bounds.gap <= 1e-6 * result.bounds.upper
    result = transport(x, [[0.0, 0.0]], x_weights=a, rtol=1e-17, throw=False)
    assert result.status.name == "STALLED"


def test_value_only_functions_keep_light_atoms():
    assert wasserstein2([[0, 0], [1e9, 0]], [[1e-3, 0]], x_weights=[1, 1e-30]) == pytest.approx(
        math.sqrt(1e-6 + 1e-12), rel=1e-9
    )
    assert wasserstein1([[0, 0], [1e19, 0]], [[0, 0]], x_weights=[1, 1e-19]) == pytest.approx(1.0)
    light = [1.0, 1e-19]
    assert wasserstein1([0, 1e19], [0.0], x_weights=light) == pytest.approx(1.0, rel=1e-9)
    assert wasserstein([0, 1e19], [0.0], p=2, x_weights=light) == pytest.approx(1e19 * 1e-19**0.5)
    assert wasserstein1_histogram(light, [1.0, 0.0], support=[0, 1e19]) == pytest.approx(1.0)
    batch = wasserstein1_batch([[0, 1e19]], [[0.0]], x_weights=[light])
    np.testing.assert_allclose(batch, 1.0, rtol=1e-9)
    energy = energy_distance([0, 1e19], [0.0], x_weights=light)
    assert energy == pytest.approx(math.sqrt(2.0) * 1e-19 * 1e19**0.5, rel=1e-9)


@pytest.mark.parametrize("decades", [1, 15, 30, 100, 300])
def test_weights_over_many_decades_have_closed_bounds(decades):
    rng = np.random.default_rng(decades)
    for cost in ("euclidean", "sqeuclidean"):
        a, b = 10.0 ** -rng.uniform(0, decades, 12), 10.0 ** -rng.uniform(0, decades, 9)
        # Light atoms so far away that they cost as much as heavy ones nearby.
        x = rng.normal(size=(12, 2)) * (a ** -(0.5 if decades < 200 else 0.2))[:, None]
        y = rng.normal(size=(9, 2))
        for solver in SOLVERS[:3]:
            result = transport(x, y, x_weights=a, y_weights=b, cost=cost, solver=solver)
            assert result.bounds.relative_gap <= 1e-9


@pytest.mark.parametrize("solver", [SOLVERS[0], SOLVERS[2]], ids=names)
@pytest.mark.parametrize(
    ("a", "b", "status"),
    [
        ([0.5 + 1e-9, 0.5 - 1e-9], [0.5, 0.5], "INFEASIBLE"),
        ([0.5 + 1e-15, 0.5 - 1e-15], [0.5, 0.5], "INFEASIBLE"),
        ([1.0, 1e-20], [1.0, 2e-20], "INFEASIBLE"),
        ([1.0, 2e-20], [1.0, 1e-20], "OPTIMAL"),
        ([0.1 + 0.2, 0.7], [0.3, 0.7], "OPTIMAL"),
    ],
)
def test_forbidden_pairs_take_no_mass_however_little(solver, a, b, status):
    C = [[0.0, math.inf], [1.0, 0.0]]
    result = transport_matrix(C, x_weights=a, y_weights=b, solver=solver, throw=False)
    assert result.status.name == status
    assert not math.isnan(result.value)


def test_subnormal_costs_are_enclosed():
    assert transport_matrix([[5e-324, 0.0]]).bounds.upper == 5e-324
    root = transport([[0.0]], [[5e-324]], cost=PNormCost(power=0.5))
    assert math.sqrt(5e-324) in root.bounds
    # The cubic norm has a length between two subnormal numbers, and its root more digits.
    cube = transport([[0.0, 0.0]], [[2e-322, 9e-323]], cost=PNormCost(norm=3, power=0.5))
    ratio = 9e-323 / 2e-322
    right = math.sqrt(2e-322) * (1.0 + ratio**3) ** (1 / 6)
    assert cube.bounds.lower <= right * (1 + 4 * U)
    assert cube.bounds.upper >= right * (1 - 4 * U)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_leave_an_enclosure(wrong):
    problem = TransportProblem.from_matrix([[0.0, 1.0], [1.0, 0.5]])
    good = SparsePlan(rows=[0, 1], columns=[0, 1], mass=[0.5, 0.5], shape=(2, 2))
    bad = SparsePlan(rows=[0, 1], columns=[0, 1], mass=[wrong, 0.5], shape=(2, 2))
    potentials = Potentials(f=[wrong, 0.5], g=[0.0, 0.0])
    for plan in (good, bad, DensePlan(mass=bad.toarray())):
        for pair in (potentials, Potentials(f=[0.0, 0.5], g=[wrong, wrong])):
            bounds = certificates.prove(problem, plan, pair).bounds
            assert bounds.lower <= 0.25 <= bounds.upper


@pytest.mark.parametrize(
    "entries",
    [([0], [2], [1.0]), ([-1], [0], [1.0]), ([0, 1], [0], [1.0]), ([0], [0], [0.5, 0.5])],
)
def test_a_plan_with_entries_outside_of_it_is_refused(entries):
    problem = TransportProblem.from_matrix([[0.0, 1.0], [1.0, 0.0]])
    rows, columns, mass = entries
    plan = SparsePlan(rows=rows, columns=columns, mass=mass, shape=(2, 2))
    with pytest.raises(ValueError, match="`plan"):
        certificates.prove(problem, plan, Potentials(f=[0.0, 0.0], g=[0.0, 0.0]))


def test_whole_costs_of_both_signs_may_have_the_optimum_zero():
    result = transport_matrix([[0.0, -1.0], [5.0, 0.0]])
    assert (result.bounds.lower, result.bounds.upper) == (0.0, 0.0)


def test_an_atom_too_light_for_floats_proves_nothing_from_below():
    # The share of the first column is 10**-438.3, which no float holds.
    result = transport_matrix([[1.0, 0.0]], y_weights=[1e-279, 2e159], throw=False)
    assert result.bounds.lower == 0.0
    assert 0.0 < result.bounds.upper <= 1e-300
