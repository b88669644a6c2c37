"""LinearProgram ends at the optimum whatever the spread of the costs."""

import numpy as np
import pytest

from otdiv import solvers, transport_matrix

PROGRAM = solvers.LinearProgram()


@pytest.mark.parametrize("largest", [1e4, 1e8, 1e12])
def test_one_huge_cost_does_not_hide_the_others(largest):
    result = transport_matrix([[1.0, 1.0, 1.0], [1.0, 10.0, largest]], solver=PROGRAM)
    # Row 2 holds 1/2: it sends 1/3 at cost 1 and 1/6 at cost 10; row 1 sends all at cost 1.
    assert result.value == pytest.approx(0.5 + 1.0 / 3.0 + 10.0 / 6.0, rel=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_costs_over_many_orders_agree_with_the_network_simplex(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 9, 2)
    C = 10.0 ** rng.uniform(-10.0, 10.0, (n, m))
    a, b = rng.random(n) + 0.01, rng.random(m) + 0.01
    program = transport_matrix(C, x_weights=a, y_weights=b, solver=PROGRAM)
    simplex = transport_matrix(C, x_weights=a, y_weights=b)
    assert program.value == pytest.approx(simplex.value, rel=1e-9)
