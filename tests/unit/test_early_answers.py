"""Coarse levels answer early, and seconds that are over leave what was proven."""

import numpy as np
import pytest

from otdiv import Gaussian, solvers, transport, transport_matrix, wasserstein1, wasserstein2
from otdiv._kernels.network_flow.candidates import corner_fill, spread
from otdiv.distances import wasserstein1_result
from otdiv.errors import ConvergenceError, InvalidInputError
from otdiv.results import Status

SOLVER = solvers.ColumnGeneration()


def _clouds(n, m, shift, seed=0, d=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal([shift] + [0.0] * (d - 1), size=(m, d))


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_of_nodes_spreads_to_a_plan_of_atoms_with_the_same_flows(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(8, 60, 2)
    sizes = int(rng.choice([1, 2, 4, 8, n])), int(rng.choice([1, 2, 4, 8, m]))
    a, b = rng.integers(1, 50, n), rng.integers(1, 50, m)
    a[0] += max(0, b.sum() - a.sum())
    b[0] += max(0, a.sum() - b.sum())
    edges = [np.arange(k) * side.size // k for k, side in zip(sizes, (a, b), strict=True)]
    node_a, node_b = np.add.reduceat(a, edges[0]), np.add.reduceat(b, edges[1])
    order = rng.permutation(sizes[0]), rng.permutation(sizes[1])
    rows, columns, mass = corner_fill(node_a[order[0]], node_b[order[1]])
    rows, columns = order[0][rows], order[1][columns]
    fine_rows, fine_columns, fine = spread((rows, columns, mass), sizes, a, b)
    assert fine.min() > 0
    assert np.array_equal(np.bincount(fine_rows, fine, n), a)
    assert np.array_equal(np.bincount(fine_columns, fine, m), b)
    flows = np.zeros(sizes, np.int64)
    np.add.at(flows, (rows, columns), mass)
    found = np.zeros(sizes, np.int64)
    node_rows = np.searchsorted(edges[0], fine_rows, "right") - 1
    node_columns = np.searchsorted(edges[1], fine_columns, "right") - 1
    np.add.at(found, (node_rows, node_columns), fine)
    assert np.array_equal(found, flows)


@pytest.mark.parametrize("power", ["euclidean", "sqeuclidean", "cityblock"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_tolerance_is_met_on_a_coarse_level(power, weighted):
    x, y = _clouds(3000, 2500, 8.0)
    rng = np.random.default_rng(1)
    a, b = (rng.random(3000), rng.random(2500)) if weighted else (None, None)
    if weighted:
        a[::7] = b[::5] = 0.0
    given = {"x_weights": a, "y_weights": b, "cost": power, "solver": SOLVER}
    exact = transport(x, y, **given)
    early = transport(x, y, rtol=1e-2, **given)
    assert early.status is Status.OPTIMAL
    assert early.bounds.relative_gap <= 1e-2
    assert early.n_iterations < 0.3 * exact.n_iterations
    assert early.bounds.lower <= exact.bounds.upper
    assert early.bounds.upper >= exact.bounds.lower
    assert np.abs(early.plan.row_sums() - early.problem.a).max() <= 1e-12
    assert np.abs(early.plan.column_sums() - early.problem.b).max() <= 1e-12


@pytest.mark.parametrize("d", [2, 5])
def test_the_callback_sees_bounds_of_the_first_level(d):
    x, y = _clouds(3000, 3000, 2.0, d=d)
    seen = []
    exact = transport(x, y, solver=SOLVER, callback=lambda progress: seen.append(progress) and None)
    first = next(p for p in seen if p.upper < np.inf)
    assert 0.0 < first.lower <= exact.value * (1.0 + 1e-12)
    assert exact.value <= first.upper * (1.0 + 1e-12)
    # Rounds of the finest level are what counts as an iteration.
    assert first.iteration == 0


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4, 6, 9])
def test_a_stop_keeps_the_best_plan_and_potentials_so_far(stop_at):
    x, y = _clouds(4000, 4000, 3.0)
    seen = []

    def callback(progress):
        seen.append(progress)
        return len(seen) >= stop_at

    result = transport(x, y, solver=SOLVER, callback=callback, throw=False)
    exact = transport(x, y, solver=SOLVER)
    assert result.bounds.lower <= exact.bounds.upper
    assert result.bounds.upper >= exact.bounds.lower
    assert result.bounds.upper <= seen[-1].upper * (1.0 + 1e-12)
    assert result.bounds.lower >= seen[-1].lower - 1e-12


MATRIX = np.random.default_rng(2).random((60, 60))


@pytest.mark.parametrize(
    ("solver", "rtol"),
    [
        (solvers.NetworkSimplex(), None),
        (solvers.NetworkSimplex(), 1e-6),
        (solvers.Sinkhorn(epsilon=1e-3), None),
        (solvers.LinearProgram(), None),
    ],
)
def test_a_matrix_stops_when_the_seconds_are_over(solver, rtol):
    value = transport_matrix(MATRIX).value
    result = transport_matrix(MATRIX, solver=solver, rtol=rtol, max_seconds=1e-9, throw=False)
    assert result.status in (Status.STOPPED, Status.OPTIMAL)
    assert result.bounds.lower <= value <= result.bounds.upper


@pytest.mark.parametrize(
    "solver", [SOLVER, solvers.NetworkSimplex(), solvers.Sinkhorn(), solvers.Sinkhorn(epsilon=1e-2)]
)
@pytest.mark.parametrize("seconds", [1e-9, 0.05])
def test_points_stop_when_the_seconds_are_over(solver, seconds):
    x, y = _clouds(1500, 1500, 1.0)
    value = transport(x, y).value
    result = transport(x, y, solver=solver, rtol=1e-9, max_seconds=seconds, throw=False)
    assert result.status in (Status.STOPPED, Status.OPTIMAL)
    assert result.bounds.lower <= value * (1.0 + 1e-12)
    assert value * (1.0 - 1e-12) <= result.bounds.upper < np.inf
    if seconds < 1e-6:
        assert result.status is Status.STOPPED


def test_enough_seconds_change_nothing():
    x, y = _clouds(700, 700, 1.0)
    plain, timed = (transport(x, y, max_seconds=s) for s in (None, 1000.0))
    assert plain.value == pytest.approx(timed.value, rel=1e-12)
    assert timed.status is Status.OPTIMAL


def test_the_callback_is_asked_beside_the_clock():
    x, y = _clouds(2000, 2000, 1.0)
    seen = []
    result = transport(
        x,
        y,
        solver=SOLVER,
        max_seconds=1000.0,
        callback=lambda p: seen.append(p) or True,
        throw=False,
    )
    assert result.status is Status.STOPPED
    assert len(seen) == 1


@pytest.mark.parametrize("bad", [0, -1.0, float("nan"), float("inf"), "1"])
def test_seconds_must_be_positive_numbers(bad):
    for call in (
        lambda: transport([0.0], [1.0], max_seconds=bad),
        lambda: transport_matrix([[1.0]], max_seconds=bad),
        lambda: wasserstein1([0.0], [1.0], max_seconds=bad),
    ):
        with pytest.raises(InvalidInputError, match="max_seconds"):
            call()


def test_a_distance_that_is_stopped_raises_with_its_bounds():
    x, y = _clouds(1200, 1200, 1.0)
    value = wasserstein1(x, y)
    with pytest.raises(ConvergenceError, match="max_seconds") as error:
        wasserstein1_result(x, y, solver=SOLVER, max_seconds=1e-9)
    bounds = error.value.result.bounds
    assert bounds.lower <= value <= bounds.upper
    assert wasserstein1(x, y, max_seconds=1000.0) == pytest.approx(value, rel=1e-12)
    assert wasserstein2(x, y, rtol=0.5, max_seconds=1000.0) > 0.0


def test_laws_take_no_seconds():
    law = Gaussian(mean=0.0, covariance=1.0)
    with pytest.raises(InvalidInputError, match="max_seconds"):
        wasserstein1(law, law, max_seconds=1.0)
