"""NetworkSimplex against HiGHS, POT, the assignment solver and exact rational arithmetic."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import ot
import pytest
from scipy.optimize import linear_sum_assignment

from otdiv import solvers, transport_matrix
from otdiv.solvers._dense import rounds

SIMPLEX = solvers.NetworkSimplex()


def _clouds(seed, n, m, d, power, uniform):
    rng = np.random.default_rng(seed)
    x, y = rng.random((n, d)), rng.normal(0.6, 0.25, (m, d))
    C = ((x[:, None] - y) ** 2).sum(-1) ** (power / 2)
    a = np.ones(n) if uniform else rng.random(n) + 0.05
    b = np.ones(m) if uniform else rng.random(m) + 0.05
    return C, a / a.sum(), b / b.sum()


@pytest.fixture(params=[600, 40], ids=["direct", "rounds"])
def both_ways(request, monkeypatch):
    """Run small problems directly and by rounds of column generation."""
    monkeypatch.setattr(rounds, "DIRECT_SIZE", request.param)


@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize(("n", "m", "d"), [(60, 60, 2), (120, 90, 10), (60, 90, 1)])
def test_value_agrees_with_pot_and_highs(both_ways, n, m, d, power, uniform):
    C, a, b = _clouds(n, n, m, d, power, uniform)
    result = transport_matrix(C, x_weights=a, y_weights=b, solver=SIMPLEX)
    # POT stops at reduced costs of 1e-15 relative; HiGHS at 1e-7 of the scaled costs.
    assert result.value == pytest.approx(ot.emd2(a, b, C), rel=1e-11)
    highs = transport_matrix(
        C, x_weights=a, y_weights=b, solver=solvers.LinearProgram(), throw=False
    )
    assert result.value == pytest.approx(highs.value, rel=1e-7)
    assert result.bounds.relative_gap < 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_value_agrees_with_pot_by_rounds_at_a_thousand_and_more(seed):
    d, power, uniform = [(2, 1, True), (2, 2, False), (10, 1, False), (3, 1, False)][seed]
    C, a, b = _clouds(seed, 1400, 1300, d, power, uniform)
    result = transport_matrix(C, x_weights=a, y_weights=b, solver=SIMPLEX)
    assert result.value == pytest.approx(ot.emd2(a, b, C, numItermax=10**7), rel=1e-11)
    assert result.bounds.relative_gap < 1e-12


def test_uniform_weights_give_an_optimal_assignment(both_ways):
    C = np.random.default_rng(0).random((100, 100))
    result = transport_matrix(C, solver=SIMPLEX)
    rows, columns = linear_sum_assignment(C)
    assert result.value == pytest.approx(C[rows, columns].mean(), rel=1e-13)
    assert result.plan.n_entries == 100


@pytest.mark.parametrize("seed", range(20))
def test_bounds_contain_the_exact_rational_optimum(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    C = rng.normal(size=(n, n)) * 10.0 ** rng.integers(-5, 6, (n, n))
    exact = (
        min(
            sum((Fraction(float(C[i, p[i]])) for i in range(n)), Fraction(0))
            for p in permutations(range(n))
        )
        / n
    )
    bounds = transport_matrix(C, solver=SIMPLEX).bounds
    assert Fraction(bounds.lower) <= exact <= Fraction(bounds.upper)


@pytest.mark.parametrize("levels", [2, 5])
def test_ties_on_integer_costs_end_at_the_value_of_pot(both_ways, levels):
    rng = np.random.default_rng(levels)
    C = np.floor(rng.random((120, 100)) * levels)
    a, b = np.ones(120) / 120, np.ones(100) / 100
    assert transport_matrix(C, solver=SIMPLEX).value == pytest.approx(ot.emd2(a, b, C), abs=1e-13)


def test_grid_clouds_with_duplicates_end_at_the_value_of_pot(both_ways):
    rng = np.random.default_rng(1)
    x, y = np.floor(rng.random((150, 2)) * 6), np.floor(rng.random((130, 2)) * 6)
    C = np.abs(x[:, None] - y).sum(-1)
    a, b = np.ones(150) / 150, np.ones(130) / 130
    assert transport_matrix(C, solver=SIMPLEX).value == pytest.approx(ot.emd2(a, b, C), abs=1e-13)
