"""The whole-number oracle of the fuzzer is right: values, roots, widths, and what has no plan."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.exact import (
    least_flow,
    matrix_costs,
    nearly_feasible,
    optimum,
    point_costs,
)
from tests.exact import exact_transport

sizes = st.integers(1, 5)


@st.composite
def whole_problems(draw):
    """Whole supplies, demands and costs, some pairs forbidden."""
    n, m = draw(sizes), draw(sizes)
    cost = st.one_of(st.integers(-9, 9), st.integers(-9, 9), st.none())
    costs = [[draw(cost) for _ in range(m)] for _ in range(n)]
    supplies = [draw(st.integers(0, 9)) for _ in range(n)]
    supplies[draw(st.integers(0, n - 1))] += 1
    total = sum(supplies)
    cuts = sorted(draw(st.lists(st.integers(0, total), min_size=m - 1, max_size=m - 1)))
    demands = [hi - lo for lo, hi in zip([0, *cuts], [*cuts, total], strict=True)]
    return supplies, demands, costs


@given(whole_problems())
def test_optimum_is_that_of_augmenting_paths_and_its_potentials_prove_it(case):
    supplies, demands, costs = case
    expected = exact_transport(supplies, demands, costs)
    found = optimum(supplies, demands, Fraction(sum(supplies)), costs, Fraction(1))
    assert found.feasible == (expected is not None)
    if expected is None:
        return
    assert found.low == found.high == expected * found.denominator
    flow = found.flow
    live = [(i, j) for i, p in enumerate(supplies) for j, q in enumerate(demands) if p and q]
    assert all(costs[i][j] is None or flow.f[i] + flow.g[j] <= costs[i][j] for i, j in live)
    dual = sum(p * f for p, f in zip(supplies, flow.f, strict=True))
    assert dual + sum(q * g for q, g in zip(demands, flow.g, strict=True)) == expected


@given(whole_problems())
def test_every_feasible_problem_is_nearly_feasible_and_whole_gaps_are_not(case):
    supplies, demands, costs = case
    rows = [i for i, p in enumerate(supplies) if p]
    columns = [j for j, q in enumerate(demands) if q]
    live = [[costs[i][j] for j in columns] for i in rows]
    supplies, demands = [supplies[i] for i in rows], [demands[j] for j in columns]
    # Whole weights below 50 that have no plan miss one by a unit, which is far more than 4u.
    assert nearly_feasible(supplies, demands, live) == (
        least_flow(supplies, demands, live) is not None
    )


@pytest.mark.parametrize(("off", "doubtful"), [(2.0**-52, True), (2.0**-48, False)])
def test_blocks_whose_masses_differ_by_rounding_may_have_a_plan(off, doubtful):
    C = [[0.0, math.inf], [math.inf, 0.0]]
    costs, unit = matrix_costs(C)
    right = optimum([0.5, 0.5], [0.5 * (1 + off), 0.5], Fraction(1), costs, unit)
    assert not right.feasible
    assert right.doubtful == doubtful


@pytest.mark.parametrize("norm", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("power", [0.5, 0.75, 1.0, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e200])
def test_costs_of_points_are_low_by_less_than_their_stated_share(norm, power, unit):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(3, 2)) * unit).tolist(), (rng.normal(size=(2, 2)) * unit).tolist()
    costs, cost_unit, exact = point_costs(x, y, norm, power)
    with mpmath.workprec(4000):
        for i, p in enumerate(x):
            for j, q in enumerate(y):
                moved = [abs(mpmath.mpf(s) - mpmath.mpf(t)) for s, t in zip(p, q, strict=True)]
                if norm == math.inf:
                    length = max(moved)
                else:
                    length = mpmath.root(sum(s ** int(norm) for s in moved), int(norm))
                expected = length ** mpmath.mpf(power)
                found = mpmath.mpf(costs[i][j]) * cost_unit.numerator / cost_unit.denominator
                share = (expected - found) / expected
                # 4000 bits of working precision leave their own rounding.
                assert -(mpmath.mpf(2) ** -3900) <= share <= mpmath.mpf(2) ** -150
                if exact:
                    assert abs(share) <= mpmath.mpf(2) ** -3900


def test_right_answer_of_a_light_atom_far_away_is_its_weight_times_its_way():
    costs, unit, exact = point_costs([[0.0, 0.0]], [[0.0, 0.0], [1e20, 0.0]], 2.0, 1.0)
    right = optimum([1.0], [1 - 5e-14, 5e-14], Fraction(1), costs, unit, exact_costs=exact)
    value, slack = right.as_floats()
    assert value == pytest.approx(5e6, rel=1e-12)
    # The one potential of weight is that of the far atom: w = 4u times the value.
    assert slack == pytest.approx(2.0**-51 * 5e6, rel=1e-12)
    assert right.is_above(Fraction(0))
    assert not right.is_above(Fraction(value))
    assert not right.is_below(Fraction(value))
    assert right.is_below(Fraction(value * (1 + 1e-15)))


@given(whole_problems())
def test_width_scales_with_mass_is_that_of_either_side_and_at_least_4u_of_the_value(case):
    supplies, demands, costs = case
    one = optimum(supplies, demands, Fraction(1), costs, Fraction(1))
    if not one.feasible:
        return
    width = Fraction(one.slack, one.denominator)
    three = optimum(supplies, demands, Fraction(3), costs, Fraction(1))
    assert Fraction(three.slack, three.denominator) == 3 * width
    transposed = [list(column) for column in zip(*costs, strict=True)]
    other = optimum(demands, supplies, Fraction(1), transposed, Fraction(1))
    assert Fraction(other.slack, other.denominator) == width
    # OPT = sum a f + sum b g is at most the sum of the sizes, whatever the shift.
    assert width >= abs(Fraction(one.low, one.denominator)) / 2**51


def test_width_takes_the_best_shift_of_the_potentials():
    # Every cost is 10: f = 10 - t and g = t weigh 10 for t between 0 and 10, and more outside.
    flat = optimum([1, 1], [1, 1], Fraction(1), [[10, 10], [10, 10]], Fraction(1))
    assert Fraction(flat.slack, flat.denominator) == Fraction(10, 2**51)
    # Costs f_i + g_j of f = (0, -200), g = (0, 200): shifted by 100 all have size 100, and shifts
    # are all that is free.
    steep = optimum([1, 1], [1, 1], Fraction(1), [[0, 200], [-200, 0]], Fraction(1))
    assert Fraction(steep.slack, steep.denominator) == Fraction(200, 2**51)


def test_what_any_optimal_potentials_allow_is_not_called_wrong():
    # Equal laws on the points 1 and 2: potentials 0 prove the optimum 0, and so do those that price
    # a step from 1 to 2, by which it moves where weights are read a rounding otherwise.
    costs, unit = matrix_costs([[0.0, 1.0], [1.0, 0.0]])
    right = optimum([2.0, 1.0], [2.0, 1.0], Fraction(1), costs, unit)
    assert right.slack == 0
    # The atom of a third on each side: w = 4u (1/3 + 1/3).
    assert Fraction(right.widest(), right.denominator) == Fraction(2, 3 * 2**51)
    assert not right.is_below(Fraction(1, 2**52))
    assert right.is_below(Fraction(1, 2**51))


@given(whole_problems())
def test_an_optimum_of_weights_read_4u_higher_lies_inside_the_right_answer(case):
    supplies, demands, costs = case
    right = optimum(supplies, demands, Fraction(sum(supplies)), costs, Fraction(1))
    if not right.feasible:
        return
    assert right.widest() >= right.slack
    # One row and one column read 4u higher have an optimum within w.
    scale = 2**51
    rows, columns = [p * scale for p in supplies], [q * scale for q in demands]
    step = min(max(supplies), max(demands))
    rows[supplies.index(max(supplies))] += step
    columns[demands.index(max(demands))] += step
    other = exact_transport(rows, columns, costs)
    if other is not None:
        assert not right.is_below(other / scale)
