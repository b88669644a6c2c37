"""Laws of unbalanced transport at any scale, and true optima inside the bounds."""

import math
from functools import partial

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import DiscreteMeasure, Status, UnbalancedProblem, unbalanced_transport
from otdiv.costs import CostMatrix
from tests.unbalanced_optima import entropic_optimum, plain_optimum

# Rounding of a value, of its terms, and of what scales it.
ROUNDING = 1e-12

seeds = st.integers(0, 2**32 - 1)
decades = partial(st.floats, allow_nan=False)


def problem(C, a, b, reach):
    p = DiscreteMeasure(points=np.arange(float(len(a))), weights=a)
    q = DiscreteMeasure(points=np.arange(float(len(b))), weights=b)
    return UnbalancedProblem(source=p, target=q, cost=CostMatrix(C), reach=reach)


def draw(rng, most=4):
    """Costs and weights: even ones, ties, or over many powers of ten."""
    n, m = rng.integers(1, most, 2)
    kind = rng.integers(4)
    if kind == 0:
        C = rng.random((n, m))
    elif kind == 1:
        C = 10.0 ** rng.uniform(-8, 0, (n, m))
    elif kind == 2:
        C = 1.0 + rng.integers(0, 3, (n, m))
    else:
        C = np.square(rng.random(n)[:, None] - rng.random(m))
    a, b = (
        rng.random(k) + 1e-3 if rng.random() < 0.5 else 10.0 ** rng.uniform(-12, 0, k)
        for k in (n, m)
    )
    if rng.random() < 0.3:
        b *= a.sum() / b.sum()
    return C, a, b


@settings(max_examples=60, deadline=None)
@given(seed=seeds, cost=decades(-100, 100), mass=decades(-100, 100), ratio=decades(-8, 8))
def test_the_plain_optimum_lies_within_the_bounds(seed, cost, mass, ratio):
    C, a, b = draw(np.random.default_rng(seed))
    C, a, b, reach = C * 10.0**cost, a * 10.0**mass, b * 10.0**mass, 10.0 ** (cost + ratio)
    result = unbalanced_transport(problem(C, a, b, reach), throw=False)
    optimum = plain_optimum(a, b, C, reach)
    assert mp.mpf(result.bounds.lower) <= optimum <= mp.mpf(result.bounds.upper)
    assert result.bounds.lower <= result.value <= result.bounds.upper


@settings(max_examples=60, deadline=None)
@given(seed=seeds, cost=decades(-100, 100), ratio=decades(-8, 8), epsilon=decades(-4, 4))
def test_the_entropic_optimum_lies_within_the_bounds(seed, cost, ratio, epsilon):
    C, a, b = draw(np.random.default_rng(seed))
    C, reach, epsilon = C * 10.0**cost, 10.0 ** (cost + ratio), 10.0 ** (cost + epsilon)
    result = unbalanced_transport(problem(C, a, b, reach), epsilon=epsilon, throw=False)
    optimum = entropic_optimum(a, b, C, reach, epsilon)
    assert mp.mpf(result.bounds.lower) <= optimum <= mp.mpf(result.bounds.upper)
    assert result.bounds.lower <= result.value <= result.bounds.upper


@pytest.mark.parametrize("entropic", [False, True])
def test_the_default_tolerance_is_met_at_nearly_all_scales(entropic):
    """Where it is not, the optimum is nearly 0 beside costs whose plans cost nothing."""
    rng, met, count = np.random.default_rng(1), 0, 300
    for _ in range(count):
        C, a, b = draw(rng, most=12)
        cost, ratio, width = rng.uniform(-100, 100), rng.uniform(-8, 8), rng.uniform(-4, 4)
        a, b = a * 10.0 ** rng.uniform(-50, 50), b * 10.0 ** rng.uniform(-50, 50)
        given = problem(C * 10.0**cost, a, b, 10.0 ** (cost + ratio))
        epsilon = 10.0 ** (cost + width) if entropic else None
        met += unbalanced_transport(given, epsilon=epsilon, throw=False).status is Status.OPTIMAL
    assert met >= 0.99 * count


@settings(max_examples=40, deadline=None)
@given(seed=seeds, power=st.integers(-300, 300), ratio=decades(-3, 3), plain=st.booleans())
def test_units_of_cost_scale_the_value_exactly(seed, power, ratio, plain):
    """Powers of two are exact, so nothing else may change."""
    C, a, b = draw(np.random.default_rng(seed))
    reach, epsilon, unit = 10.0**ratio, None if plain else 0.1, 2.0**power
    base = unbalanced_transport(problem(C, a, b, reach), epsilon=epsilon, throw=False)
    scaled = unbalanced_transport(
        problem(C * unit, a, b, reach * unit),
        epsilon=None if plain else epsilon * unit,
        throw=False,
    )
    assert scaled.value == pytest.approx(base.value * unit, rel=ROUNDING, abs=0.0)
    assert scaled.status is base.status


@settings(max_examples=40, deadline=None)
@given(seed=seeds, power=st.integers(-300, 300), ratio=decades(-3, 3))
def test_units_of_mass_scale_the_plain_value_exactly(seed, power, ratio):
    C, a, b = draw(np.random.default_rng(seed))
    unit = 2.0**power
    base = unbalanced_transport(problem(C, a, b, 10.0**ratio), throw=False)
    scaled = unbalanced_transport(problem(C, a * unit, b * unit, 10.0**ratio), throw=False)
    assert scaled.value == pytest.approx(base.value * unit, rel=ROUNDING, abs=0.0)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, unit=decades(-3, 3), ratio=decades(-2, 2), width=decades(-1, 1))
def test_units_of_mass_move_into_the_costs_of_the_entropic_value(seed, unit, ratio, width):
    """With P = k Q it is k times that of C - epsilon log k, plus epsilon k (k - 1) times both.

    Costs are 2 epsilon log k or more here, so that these differences are costs.
    """
    C, a, b = draw(np.random.default_rng(seed))
    k, epsilon = 10.0**unit, 10.0**width
    more = epsilon * abs(math.log(k))
    C = C + more
    scaled = unbalanced_transport(problem(C, k * a, k * b, 10.0**ratio), epsilon=epsilon)
    moved = problem(C - epsilon * math.log(k), a, b, 10.0**ratio)
    base = unbalanced_transport(moved, epsilon=epsilon)
    constant = epsilon * k * (k - 1.0) * a.sum() * b.sum()
    lower, upper = (k * bound + constant for bound in (base.bounds.lower, base.bounds.upper))
    slack = ROUNDING * (abs(constant) + scaled.value)
    assert lower <= scaled.bounds.upper + slack
    assert scaled.bounds.lower <= upper + slack


@settings(max_examples=40, deadline=None)
@given(seed=seeds, ratio=decades(-6, 6), plain=st.booleans())
def test_exchanging_the_measures_changes_no_bit(seed, ratio, plain):
    C, a, b = draw(np.random.default_rng(seed), most=9)
    epsilon = None if plain else 0.1
    one = unbalanced_transport(problem(C, a, b, 10.0**ratio), epsilon=epsilon, throw=False)
    other = unbalanced_transport(problem(C.T, b, a, 10.0**ratio), epsilon=epsilon, throw=False)
    assert (one.value, one.bounds) == (other.value, other.bounds)
    assert np.array_equal(one.plan.f, other.plan.g)
    assert np.array_equal(one.plan.toarray(), other.plan.toarray().T)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, cost=decades(-50, 50), mass=decades(-100, 100), ratio=decades(-8, 8))
def test_losing_all_and_making_all_is_never_beaten_by_the_value(seed, cost, mass, ratio):
    C, a, b = draw(np.random.default_rng(seed), most=9)
    C, a, b, reach = C * 10.0**cost, a * 10.0**mass, b * 10.0**mass, 10.0 ** (cost + ratio)
    result = unbalanced_transport(problem(C, a, b, reach), throw=False)
    assert result.bounds.lower <= reach * (math.fsum(a) + math.fsum(b))


@settings(max_examples=40, deadline=None)
@given(seed=seeds, scale=decades(-100, 100), mass=decades(-100, 100), ratio=decades(-8, 8))
def test_a_measure_is_at_distance_zero_from_itself(seed, scale, mass, ratio):
    """Whatever the order of its atoms, and with repeated points and atoms without weight."""
    rng = np.random.default_rng(seed)
    x = np.round(4.0 * rng.random((rng.integers(1, 12), 2))) * 10.0**scale
    weights = rng.random(len(x)) * (rng.random(len(x)) < 0.8) * 10.0**mass
    weights[0] = 10.0**mass
    order = rng.permutation(len(x))
    p = DiscreteMeasure(points=x, weights=weights)
    q = DiscreteMeasure(points=x[order], weights=weights[order])
    given = UnbalancedProblem(source=p, target=q, cost="euclidean", reach=10.0 ** (scale + ratio))
    result = unbalanced_transport(given)
    assert result.status is Status.OPTIMAL
    # The square of a rounding of the weights is all that is left.
    assert result.bounds.upper <= 1e-26 * given.reach * p.mass
    assert np.allclose(result.plan.toarray().sum(axis=1), weights, rtol=ROUNDING, atol=0.0)


@settings(max_examples=40, deadline=None)
@given(
    distance=decades(-150, 150),
    masses=st.tuples(decades(-150, 150), decades(-150, 150)),
    ratio=decades(-8, 8),
)
def test_one_atom_against_one_has_its_closed_form(distance, masses, ratio):
    """A + B - 2 sqrt(A B) exp(-C / (2 reach)), times the reach."""
    A, B = (10.0**mass for mass in masses)
    C, reach = 10.0**distance, 10.0 ** (distance + ratio)
    result = unbalanced_transport(problem(np.array([[C]]), [A], [B], reach))
    A, B, C, reach = (mp.mpf(value) for value in (A, B, C, reach))
    with mp.workdps(400):
        value = reach * (A + B - 2 * mp.sqrt(A * B) * mp.exp(-C / (2 * reach)))
        assert mp.mpf(result.bounds.lower) <= value <= mp.mpf(result.bounds.upper)
        assert abs(result.value - value) <= 1e-3 * value
