"""ColumnGeneration against POT and against the reduced costs of all pairs."""

import numpy as np
import pytest

from otdiv import DiscreteMeasure, PNormCost, TransportProblem, solvers
from otdiv.results import SolveOptions, Status

ot = pytest.importorskip("ot")


def _problem(n, d, power, weighted, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.random((n, d)), rng.normal(0.6, 0.25, (n, d))
    a, b = (rng.random((2, n)) + 0.05) if weighted else (None, None)
    return TransportProblem(
        source=DiscreteMeasure.from_samples(x, a),
        target=DiscreteMeasure.from_samples(y, b),
        cost=PNormCost(power=power),
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_value_is_that_of_pot(d, power, weighted):
    problem = _problem(700, d, power, weighted, d)
    solution = solvers.ColumnGeneration().run(problem, options=SolveOptions())
    costs = problem.pair_costs(solution.plan.rows, solution.plan.columns)
    value = float(costs @ solution.plan.mass)
    expected = ot.emd2(problem.a, problem.b, problem.matrix(), numItermax=1_000_000)
    assert solution.status is Status.OPTIMAL
    assert value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_no_pair_of_25_million_violates_the_duals_and_they_attain_the_plan(power, weighted):
    problem = _problem(5000, 2, power, weighted, 1)
    solution = solvers.ColumnGeneration().run(problem, options=SolveOptions())
    f, g = solution.potentials.f, solution.potentials.g
    least = min(
        float((problem.block(i, i + 500) - f[i : i + 500, None] - g).min())
        for i in range(0, 5000, 500)
    )
    # One evaluation: cost, f and g of size at most three.
    assert least >= -2e-15
    costs = problem.pair_costs(solution.plan.rows, solution.plan.columns)
    value = float(costs @ solution.plan.mass)
    dual = float(f @ problem.a + g @ problem.b)
    assert value - dual <= 1e-12 * value
