"""Laws of partial transport: exact optima inside the bounds, and what the theory says of it."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import DiscreteMeasure, PartialProblem, Potentials, SparsePlan, transport
from otdiv.certificates.partial import prove_partial
from otdiv.partial.transport import solve_partial
from tests.partial_optima import partial_interval

seeds = st.integers(0, 2**32 - 1)
# Of a value, for laws between two of them.
ROUNDING = 1e-12


def draw(rng, most=5):
    """Points on a coarse lattice or spread out, weights even, skewed or over many powers of ten."""
    n, m = rng.integers(1, most + 1, 2)
    d = int(rng.integers(1, 3))
    # Differences of such numbers are exact, and so are their sums.
    x, y = (rng.integers(-8, 9, (k, d)) / 8.0 for k in (n, m))
    if rng.random() < 0.3:
        y[:, 0] += 100.0
    if rng.random() < 0.2:
        y[0] = x[0]
    a, b = (
        np.full(k, 1.0 / k)
        if rng.random() < 0.4
        else rng.random(k) + 1e-3
        if rng.random() < 0.6
        else 10.0 ** rng.uniform(-12, 0, k)
        for k in (n, m)
    )
    return x, y, a, b


def exact_costs(x, y, cost):
    differences = [
        [[abs(Fraction(s) - Fraction(t)) for s, t in zip(p, q, strict=True)] for q in y] for p in x
    ]
    combine = {
        "cityblock": sum,
        "chebyshev": max,
        "sqeuclidean": lambda sides: sum(side * side for side in sides),
    }[cost]
    return [[combine(sides) for sides in row] for row in differences]


def draw_problem(rng, *, infinite=True):
    x, y, a, b = draw(rng)
    cost = ["cityblock", "chebyshev", "sqeuclidean"][rng.integers(3)]
    source, target = DiscreteMeasure(x, weights=a), DiscreteMeasure(y, weights=b)
    kind = int(rng.integers(4 if infinite else 3))
    options = {}
    if kind == 0:
        share = rng.choice([1.0, 0.5, rng.random(), 1e-6])
        options["mass"] = share * min(source.mass, target.mass)
    elif kind == 1:
        options["reach"] = float(10.0 ** rng.uniform(-3, 3))
    elif kind == 2:
        options["reach"] = rng.random(a.size), rng.random(b.size)
    else:
        wholly = source.mass <= target.mass
        options["reach"] = (math.inf, 0.5) if wholly else (0.5, math.inf)
    problem = PartialProblem(source, target=target, cost=cost, **options)
    return problem, exact_costs(x, y, cost)


def truth(problem, costs):
    prices = None if problem.mass is not None else problem.prices
    found = partial_interval(problem.a, problem.b, costs, mass=problem.mass, prices=prices)
    assert found is not None
    return found


@settings(max_examples=150, deadline=None)
@given(seed=seeds)
def test_the_exact_optimum_lies_within_the_bounds_and_they_close(seed):
    problem, costs = draw_problem(np.random.default_rng(seed))
    result = solve_partial(problem)
    value, width = truth(problem, costs)
    lower, upper = Fraction(result.bounds.lower), Fraction(result.bounds.upper)
    assert lower - width <= value <= upper + width
    assert result.bounds.lower <= result.value <= result.bounds.upper


@settings(max_examples=200, deadline=None)
@given(seed=seeds)
def test_any_plan_and_potentials_give_bounds_of_the_exact_optimum(seed):
    rng = np.random.default_rng(seed)
    problem, costs = draw_problem(rng)
    n, m = problem.shape
    size = int(rng.integers(0, 12))
    plan = SparsePlan(
        rows=rng.integers(0, n, size),
        columns=rng.integers(0, m, size),
        mass=rng.random(size) * 10.0 ** rng.uniform(-9, 1),
        shape=(n, m),
    )
    f, g = rng.normal(size=n) * 10.0 ** rng.uniform(-9, 3), rng.normal(size=m)
    price = float(rng.normal() * 10.0 ** rng.uniform(-3, 3))
    proof = prove_partial(problem, plan, Potentials(f=f, g=g), price)
    value, width = truth(problem, costs)
    assert Fraction(proof.bounds.lower) - width <= value <= Fraction(proof.bounds.upper) + width
    # The plan that is returned keeps within the weights and has the value.
    rows, columns = proof.plan.row_sums(), proof.plan.column_sums()
    assert (rows <= problem.a * (1 + 1e-15)).all()
    assert (columns <= problem.b * (1 + 1e-15)).all()
    exact = np.array([[float(c) for c in row] for row in costs])
    f, g = proof.potentials.f, proof.potentials.g
    size = np.abs(f)[:, None] + np.abs(g) + exact
    assert (f[:, None] + g <= exact + 1e-14 * size).all()


@settings(max_examples=60, deadline=None)
@given(seed=seeds, share=st.floats(0.01, 1.0))
def test_a_price_of_half_the_slope_asks_for_the_same_plan(seed, share):
    """Lagrange: the optimum of a mass s is that of the prices λ/2, less what stays costs there."""
    rng = np.random.default_rng(seed)
    x, y, a, b = draw(rng)
    source, target = DiscreteMeasure(x, weights=a), DiscreteMeasure(y, weights=b)
    mass = share * min(source.mass, target.mass)
    first = solve_partial(PartialProblem(source, target=target, cost="cityblock", mass=mass))
    assert first.price >= -1e-9
    reach = max(0.5 * first.price, 0.0)
    second = solve_partial(PartialProblem(source, target=target, cost="cityblock", reach=reach))
    stays = reach * (source.mass + target.mass - 2.0 * mass)
    size = max(first.value + stays, reach * (source.mass + target.mass), 1e-300)
    assert abs(second.value - (first.value + stays)) <= 1e-9 * size


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_the_optimum_is_convex_in_the_mass_and_its_slope_is_the_price(seed):
    rng = np.random.default_rng(seed)
    x, y, a, b = draw(rng)
    source, target = DiscreteMeasure(x, weights=a), DiscreteMeasure(y, weights=b)
    most = min(source.mass, target.mass)
    masses = np.sort(rng.random(4)) * most
    masses = masses[masses > 1e-9 * most]
    results = [
        solve_partial(PartialProblem(source, target=target, cost="sqeuclidean", mass=s))
        for s in masses
    ]
    for at, result in zip(masses, results, strict=True):
        for s, other in zip(masses, results, strict=True):
            line = result.bounds.lower + result.price * (s - at)
            size = abs(result.price) * most + other.value
            assert line <= other.value + ROUNDING * size


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_all_of_the_mass_is_ordinary_transport(seed):
    x, y, a, b = draw(np.random.default_rng(seed))
    b = b * (a.sum() / b.sum())
    source, target = DiscreteMeasure(x, weights=a), DiscreteMeasure(y, weights=b)
    mass = min(source.mass, target.mass)
    whole = transport(source, target, cost="euclidean")
    part = solve_partial(PartialProblem(source, target=target, cost="euclidean", mass=mass))
    assert abs(part.value - whole.value) <= ROUNDING * max(whole.value, 1e-300)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, factor=st.integers(-40, 40))
def test_units_of_points_and_masses_change_nothing_else(seed, factor):
    rng = np.random.default_rng(seed)
    x, y, a, b = draw(rng)
    reach = float(rng.random() + 0.1)
    unit = 2.0**factor

    def value(scale, weight):
        source = DiscreteMeasure(x * scale, weights=a * weight)
        target = DiscreteMeasure(y * scale, weights=b * weight)
        problem = PartialProblem(source, target=target, cost="cityblock", reach=reach * scale)
        return solve_partial(problem).value

    expected = value(1.0, 1.0)
    assert abs(value(unit, 1.0) / unit - expected) <= ROUNDING * expected
    assert abs(value(1.0, unit) / unit - expected) <= ROUNDING * expected
