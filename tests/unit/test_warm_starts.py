"""The answer is right for any warm start: of another scale, problem or support, or of none."""

import itertools

import numpy as np
import pytest

from otdiv import (
    Bounds,
    Potentials,
    SparsePlan,
    Status,
    TransportResult,
    solvers,
    transport,
    transport_matrix,
)

SIMPLEX = solvers.NetworkSimplex()
SCALES = (1e-300, 1e-20, 1.0, 1e20, 1e300)
SHAPES = ((1, 1), (1, 3), (2, 2), (3, 1), (4, 6))


def masses(rng, n):
    weights = rng.random(n) + 0.1
    if n > 1 and rng.random() < 0.5:
        weights[rng.integers(n)] = 0.0
    return weights


def agree(warm, cold, rtol=1e-9):
    assert warm.status is cold.status
    if cold.status is Status.OPTIMAL:
        assert warm.value == pytest.approx(cold.value, rel=rtol)
        assert warm.value in warm.bounds


def test_a_start_of_scale_one_serves_a_problem_of_costs_near_the_smallest():
    start = transport_matrix([[1.0]], solver=SIMPLEX)
    result = transport_matrix([[1e-300]], warm_start=start, solver=SIMPLEX)
    assert result.value == 1e-300


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("forbidden", [0.0, 0.25])
def test_matrices_start_from_any_other_matrix(shape, forbidden):
    rng = np.random.default_rng(0)
    for earlier, later in itertools.product(SCALES, repeat=2):
        problems = []
        for scale in (earlier, later):
            C = scale * rng.random(shape)
            C[rng.random(shape) < forbidden] = np.inf
            weights = {"x_weights": masses(rng, shape[0]), "y_weights": masses(rng, shape[1])}
            problems.append((C, weights))
        (C, weights), (D, others) = problems
        start = transport_matrix(C, **weights, solver=SIMPLEX, throw=False)
        cold = transport_matrix(D, **others, solver=SIMPLEX, throw=False)
        warm = transport_matrix(D, **others, solver=SIMPLEX, throw=False, warm_start=start)
        agree(warm, cold)


SOLVERS = {
    "NetworkSimplex": (lambda scale: SIMPLEX, {}, 1e-9),
    "ColumnGeneration": (lambda scale: solvers.ColumnGeneration(), {}, 1e-9),
    "Sinkhorn to a tolerance": (lambda scale: solvers.Sinkhorn(), {"rtol": 1e-3}, 1e-3),
    "Sinkhorn": (lambda scale: solvers.Sinkhorn(epsilon=0.2 * scale), {}, 1e-5),
}


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("shape", [*SHAPES, (40, 30)])
def test_clouds_start_from_any_other_cloud(name, shape):
    make, options, rtol = SOLVERS[name]
    rng = np.random.default_rng(1)
    for earlier, later in itertools.product((1e-300, 1e-10, 1.0, 1e10, 1e300), repeat=2):
        x, y, u, v = (rng.random((n, 2)) for n in (*shape, *shape))
        weights = {"x_weights": masses(rng, shape[0]), "y_weights": masses(rng, shape[1])}
        start = transport(earlier * x, earlier * y, solver=SIMPLEX)
        given = {**weights, **options, "solver": make(later), "throw": False}
        cold = transport(later * u, later * v, **given)
        warm = transport(later * u, later * v, **given, warm_start=start)
        if cold.entropic is None:
            agree(warm, cold, rtol)
        else:
            assert warm.status is cold.status
            assert warm.entropic.value == pytest.approx(cold.entropic.value, rel=rtol)


@pytest.mark.parametrize("offset", [1e3, 1e15, 1e200, -1e300])
def test_a_constant_between_the_potentials_of_a_start_costs_no_digits(offset):
    rng = np.random.default_rng(2)
    C = rng.random((30, 20))
    cold = transport_matrix(C, solver=SIMPLEX)
    start = TransportResult(
        problem=cold.problem,
        plan=cold.plan,
        potentials=Potentials(f=cold.potentials.f - offset, g=cold.potentials.g + offset),
        value=cold.value,
        bounds=cold.bounds,
        status=Status.OPTIMAL,
        n_iterations=0,
        solver=SIMPLEX,
    )
    agree(transport_matrix(C, solver=SIMPLEX, warm_start=start), cold)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308])
def test_potentials_and_plans_that_mean_nothing_are_left_out(value):
    rng = np.random.default_rng(3)
    x, y = rng.random((6, 2)), rng.random((5, 2))
    cold = transport(x, y, solver=SIMPLEX)
    start = TransportResult(
        problem=cold.problem,
        plan=SparsePlan(rows=[0, 77, -3], columns=[9, 0, 1], mass=[1.0, 1.0, 1.0], shape=(6, 5)),
        potentials=Potentials(f=np.full(6, value), g=[0.0, value, 0.0, 0.0, -1.0]),
        value=0.0,
        bounds=Bounds(0.0, 0.0),
        status=Status.OPTIMAL,
        n_iterations=0,
        solver=SIMPLEX,
    )
    for solver in (SIMPLEX, solvers.ColumnGeneration()):
        agree(transport(x, y, solver=solver, warm_start=start), cold)
    entropic = solvers.Sinkhorn(epsilon=0.1)
    warm = transport(x, y, solver=entropic, warm_start=start)
    first = transport(x, y, solver=entropic)
    assert warm.entropic.value == pytest.approx(first.entropic.value, rel=1e-5)
