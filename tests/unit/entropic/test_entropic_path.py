"""The last stage of a path: with clusters for the columns of Newton's matrix."""

import numpy as np
import pytest

from otdiv._gibbs.clouds import build_cloud
from otdiv._gibbs.protocols import NewtonMatrix
from otdiv._gibbs.stored_plans import DensePlanMatrix
from otdiv._kernels.exponential import LOG2_E
from otdiv.entropic.geometry.coarse_matrix import CoarseMatrix
from otdiv.entropic.geometry.points import PointGeometry
from otdiv.entropic.iteration.annealing import AnnealingOptions, anneal
from otdiv.entropic.iteration.marginals import final_sums
from otdiv.entropic.iteration.newton import _changes


def geometry(n, m, root=False, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0.5, 0.1, (n, 2)), rng.normal(0.55, 0.12, (m, 2))
    return PointGeometry(
        *(build_cloud(z, np.full(len(z), 1.0 / len(z))) for z in (x, y)), metric=int(root)
    )


def options(tolerance):
    return AnnealingOptions(tolerance=tolerance, max_iterations=200, max_bytes=2.4e8)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6])
@pytest.mark.parametrize(("root", "epsilon"), [(False, 2e-3), (True, 8e-3)])
def test_the_cost_is_that_of_the_plan(root, epsilon, tolerance):
    problem = geometry(2200, 2000, root)
    kernel, stage = anneal(problem, epsilon, options(tolerance))
    assert stage.converged
    rows, cost = final_sums(kernel, stage)
    costs = np.square(problem.x.points[:, None] - problem.y.points).sum(axis=-1)
    bits = (np.sqrt(costs) if root else costs) * (LOG2_E / epsilon)
    P = np.exp2(stage.u[:, None] + stage.v - bits)
    # Pruning leaves out at most 1/64 of the tolerance.
    np.testing.assert_allclose(rows, P.sum(axis=1), rtol=tolerance / 32.0)
    assert cost == pytest.approx(float((P * bits).sum()), rel=tolerance / 32.0)
    assert np.abs(P.sum(axis=1) - problem.x.weights).sum() <= 1.1 * tolerance
    # A stored plan in single precision may have given the columns.
    assert np.abs(P.sum(axis=0) - problem.y.weights).sum() <= 0.1 * tolerance


def test_few_long_changes_do_not_shorten_the_others():
    delta = np.array([0.5, -1.0, 0.25, 60.0])
    weights = np.array([0.5, 0.25, 0.25, 0.0])
    middle = weights @ delta
    clipped, *shorter = _changes(delta, weights, coarse=True)
    np.testing.assert_array_equal(clipped[:3], delta[:3])
    assert 0.0 < clipped[3] - middle < 8.0
    sizes = [np.abs(change).max() for change in (clipped, *shorter)]
    assert sizes == sorted(sizes, reverse=True)
    # Short steps are tried as they are, and all steps with the matrix of the plan itself.
    for step, coarse in ((delta[:3], True), (delta, False)):
        first = next(_changes(step, weights[: step.size], coarse=coarse))
        np.testing.assert_array_equal(first, step)


def test_a_coarse_matrix_is_made_once_and_follows_the_rows():
    rng = np.random.default_rng(0)
    P, u, v, made = rng.random((6, 3)) + 0.1, rng.random(6), rng.random(3), []

    def make():
        made.append(True)
        return NewtonMatrix(DensePlanMatrix(P, u, v), v, None, u, v)

    coarse = CoarseMatrix(make)
    assert not made
    for moves in (rng.uniform(-1.0, 1.0, 6), np.zeros(6), np.full(6, 50.0)):
        _, r, c = coarse.near(u + moves)
        # Its column sums stay what they were; its rows have followed, by two bits at most.
        np.testing.assert_allclose(c, P.sum(axis=0), rtol=1e-12)
        Q = np.exp2(np.clip(moves, -2.0, 2.0))[:, None] * P
        np.testing.assert_allclose(r, (Q * (c / Q.sum(axis=0))).sum(axis=1), rtol=1e-12)
    assert len(made) == 1
