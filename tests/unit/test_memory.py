"""What does not fit into memory is an error with the forecast, raised before anything is made."""

from dataclasses import replace

import numpy as np
import pytest

from otdiv import (
    CostMatrix,
    DensePlan,
    DiscreteMeasure,
    PNormCost,
    SparsePlan,
    TransportProblem,
    UnbalancedProblem,
    UnsupportedProblemError,
    _memory,
    energy_distance,
    gradient,
    maximum_mean_discrepancy,
    solvers,
    transport,
    transport_matrix,
    unbalanced_transport,
)
from otdiv.plans import ScaledKernelPlan

N = 1_000_000
CLOUD = np.random.default_rng(0).random((N, 2))
MEASURE = DiscreteMeasure(points=CLOUD)
PROBLEM = TransportProblem(source=MEASURE, target=MEASURE, cost="euclidean")
ZEROS = np.zeros(N)
ONE = DiscreteMeasure(points=[0.0])
LOOSE = unbalanced_transport(UnbalancedProblem(source=ONE, target=ONE, cost="euclidean", reach=1.0))

TOO_LARGE = {
    "NetworkSimplex": lambda: transport(CLOUD, CLOUD, solver=solvers.NetworkSimplex()),
    "LinearProgram": lambda: transport(CLOUD, CLOUD, solver=solvers.LinearProgram()),
    "Sinkhorn": lambda: transport(
        CLOUD, CLOUD, cost=PNormCost(norm=3), solver=solvers.Sinkhorn(epsilon=1.0)
    ),
    "pairwise": lambda: PNormCost().pairwise(CLOUD, CLOUD),
    "matrix": PROBLEM.matrix,
    "SparsePlan": SparsePlan(rows=[0], columns=[0], mass=[1.0], shape=(N, N)).toarray,
    "ScaledKernelPlan": ScaledKernelPlan.from_potentials(PROBLEM, ZEROS, ZEROS, 1.0).toarray,
    "UnbalancedPlan": replace(LOOSE.plan, f=ZEROS, g=ZEROS).toarray,
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_trillion_pairs_are_refused_with_the_bytes_that_they_need(name):
    with pytest.raises(UnsupportedProblemError, match=r"needs about \d{13,} bytes, more than"):
        TOO_LARGE[name]()


def test_pot_is_refused_likewise():
    pytest.importorskip("ot")
    with pytest.raises(UnsupportedProblemError, match=r"needs about \d{13,} bytes, more than"):
        transport(CLOUD, CLOUD, solver=solvers.PotNetworkSimplex())


@pytest.mark.parametrize(
    ("solver", "bytes_a_pair"),
    [(solvers.NetworkSimplex(), 2.6), (solvers.LinearProgram(), 1100.0)],
)
def test_max_memory_is_respected_by_solvers_of_matrices(solver, bytes_a_pair):
    C = np.ones((100, 100))
    with pytest.raises(UnsupportedProblemError, match="`max_memory`=20000"):
        transport_matrix(C, solver=solver, max_memory=20000)
    with pytest.raises(UnsupportedProblemError) as caught:
        transport_matrix(C, solver=solver, max_memory=1)
    forecast = int(str(caught.value).split("needs about ")[1].split()[0])
    assert forecast >= bytes_a_pair * C.size
    assert transport_matrix(C, solver=solver, max_memory=forecast).value == 1.0


def test_what_is_left_of_the_machine_is_the_limit(monkeypatch):
    C = np.ones((400, 400))
    monkeypatch.setattr(_memory, "available_bytes", lambda: 10**8)
    with pytest.raises(UnsupportedProblemError, match="more than the 100000000 that this machine"):
        transport_matrix(C, solver=solvers.LinearProgram())
    monkeypatch.setattr(_memory, "available_bytes", lambda: None)
    assert transport_matrix(C, solver=solvers.NetworkSimplex()).value == 1.0


def test_an_allocation_that_fails_all_the_same_is_the_same_error(monkeypatch):
    def fail(*_):
        raise MemoryError("Allocation failed (probably too large).")

    monkeypatch.setattr(solvers.NetworkSimplex, "_solved", fail)
    with pytest.raises(UnsupportedProblemError, match="more than could be allocated"):
        transport_matrix([[1.0, 2.0]], solver=solvers.NetworkSimplex())


@pytest.mark.slow
def test_entries_of_a_plan_in_factors_are_counted_as_they_are_found(monkeypatch):
    points = np.random.default_rng(1).random((2000, 1))
    result = transport(points, points, cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=1.0))
    monkeypatch.setattr(_memory, "available_bytes", lambda: 10**8)
    with pytest.raises(UnsupportedProblemError, match="raise `threshold`"):
        gradient(result)


def test_the_machine_says_what_it_has():
    available = _memory.available_bytes()
    assert available is None or 10**6 < available < 10**15


def test_sums_over_pairs_need_no_matrix(monkeypatch):
    monkeypatch.setattr(_memory, "available_bytes", lambda: 0)
    x = CLOUD[:4000]
    assert energy_distance(x, x + 1.0) > 0.0
    assert maximum_mean_discrepancy(x, x + 1.0) > 0.0


def test_small_plans_are_dense_whatever_is_left(monkeypatch):
    monkeypatch.setattr(_memory, "available_bytes", lambda: 0)
    assert SparsePlan(rows=[0], columns=[1], mass=[1.0], shape=(1, 2)).toarray().tolist() == [
        [0.0, 1.0]
    ]
    assert DensePlan(mass=[[1.0]]).toarray().tolist() == [[1.0]]
    assert CostMatrix([[1.0]]).shape == (1, 1)
