"""Images, as weights on Cartesian grids, against POT and HiGHS."""

import numpy as np
import pytest

from otdiv import DiscreteMeasure, PNormCost, TransportProblem, solve, solvers
from otdiv.results import Status

COSTS = {
    "euclidean": PNormCost(power=1.0),
    "sqeuclidean": PNormCost(power=2.0),
    "cityblock": PNormCost(norm=1.0, power=1.0),
    "chebyshev": PNormCost(norm=np.inf, power=1.0),
}


def _grid(shape, step=(1.0, 1.0), origin=(0.0, 0.0)):
    axes = [o + s * np.arange(n) for n, s, o in zip(shape, step, origin, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(shape))


def _random(rng, n):
    return rng.random(n) + 0.01


def _counts(rng, n):
    """Small counts: many partial sums are equal."""
    return rng.integers(1, 4, n).astype(float)


def _sparse(rng, n):
    """Most pixels empty."""
    return rng.random(n) * (rng.random(n) < 0.3) + (np.arange(n) == n // 2)


def _kinds(side):
    """Pairs of grids: (source points, target points)."""
    square = _grid((side, side))
    return {
        "same": (square, square),
        "shifted": (square, _grid((side, side), origin=(0.3, -7.7))),
        "non-square cells": (_grid((side, side), (1.0, 0.1)), _grid((side, side), (1.0, 0.1))),
        "unequal": (square, _grid((side // 2, side + 3), (2.0, 1.0))),
        "a row against a column": (_grid((1, side)), _grid((side, 1))),
    }


def _problem(x, y, a, b, cost):
    return TransportProblem(
        source=DiscreteMeasure.from_samples(x, a),
        target=DiscreteMeasure.from_samples(y, b),
        cost=COSTS[cost],
    )


def _is_optimal(problem, expected):
    result = solve(problem, solver=solvers.ColumnGeneration())
    assert result.status is Status.OPTIMAL
    assert result.bounds.gap <= 1e-9 * result.value
    assert result.value == pytest.approx(expected, rel=1e-9, abs=1e-12)
    # The proof does not need the solver: weights of the plan, and no pair violates the potentials.
    plan = result.plan.toarray()
    np.testing.assert_allclose(plan.sum(axis=1), problem.a, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(plan.sum(axis=0), problem.b, rtol=1e-12, atol=1e-15)
    C = problem.matrix()
    slack = C - result.potentials.f[:, None] - result.potentials.g
    assert slack.min() >= -1e-12 * C.max()


@pytest.mark.parametrize("weights", [_random, _counts, _sparse])
@pytest.mark.parametrize("kind", _kinds(16))
@pytest.mark.parametrize("cost", COSTS)
def test_small_images_have_the_value_of_pot(cost, kind, weights):
    ot = pytest.importorskip("ot")
    rng = np.random.default_rng(3)
    x, y = _kinds(16)[kind]
    problem = _problem(x, y, weights(rng, len(x)), weights(rng, len(y)), cost)
    expected = ot.emd2(problem.a, problem.b, problem.matrix(), numItermax=10**7)
    _is_optimal(problem, expected)


@pytest.mark.parametrize("weights", [_random, _counts])
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", "cityblock"])
def test_images_of_32_pixels_a_side_have_the_value_of_pot(cost, weights):
    ot = pytest.importorskip("ot")
    rng = np.random.default_rng(4)
    x = _grid((32, 32))
    problem = _problem(x, x, weights(rng, len(x)), weights(rng, len(x)), cost)
    _is_optimal(problem, ot.emd2(problem.a, problem.b, problem.matrix(), numItermax=10**7))


@pytest.mark.parametrize("cost", ["sqeuclidean", "cityblock"])
def test_small_images_have_the_value_of_highs(cost):
    rng = np.random.default_rng(5)
    x, y = _kinds(12)["unequal"]
    problem = _problem(x, y, _random(rng, len(x)), _counts(rng, len(y)), cost)
    _is_optimal(problem, solve(problem, solver=solvers.LinearProgram()).value)
