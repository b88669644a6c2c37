"""Any penalty, unequal reaches, negative costs, any reference: nothing gets between the bounds."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from otdiv import DiscreteMeasure, Status, UnbalancedProblem, unbalanced_transport
from otdiv.costs import CostMatrix
from tests.penalised_optima import dual, entropic_pair, primal

PENALTIES = ("kl", "tv", "squared")
seeds = st.integers(0, 2**32 - 1)
penalties = st.sampled_from(PENALTIES)


def draw(rng, penalty, *, most=4, kept=True):
    """Costs of either sign, weights over some powers of ten or none, and reaches of any kind."""
    n, m = rng.integers(1, most + 1, 2)
    a, b = (10.0 ** rng.uniform(-3, 0, k) for k in (n, m))
    p, q = 10.0 ** rng.uniform(-2, 1, 2)
    kind = rng.integers(4)
    reach = (p, q) if kind else p
    if kept and kind == 1:
        reach = (math.inf, q) if rng.random() < 0.5 else (p, math.inf)
    C = rng.random((n, m)) - 0.4 * (rng.random() < 0.6)
    if penalty == "tv" and not (kept and kind == 1):
        C = np.maximum(C, -(p + q if kind else 2 * p))
    if penalty == "squared" and isinstance(reach, float):
        reach = reach * 10.0
    for w in (a, b):
        if w.size > 1 and rng.random() < 0.3:
            w[rng.integers(w.size)] = 0.0
    return C, a, b, reach


def problem(C, a, b, reach, penalty):
    p = DiscreteMeasure(points=np.arange(float(len(a))), weights=a)
    q = DiscreteMeasure(points=np.arange(float(len(b))), weights=b)
    return UnbalancedProblem(source=p, target=q, cost=CostMatrix(C), reach=reach, penalty=penalty)


def with_exact_sums(plan, given):
    """The plan in many digits, with the rows (columns) of a side that is kept wholly exact."""
    with mp.workdps(40):
        P = [[mp.mpf(float(entry)) for entry in row] for row in plan]
        for by_column, reach, weights in zip(
            (False, True), given.reaches, (given.a, given.b), strict=True
        ):
            if reach < math.inf:
                continue
            lines = [list(line) for line in zip(*P, strict=True)] if by_column else P
            for k, weight in enumerate(weights):
                total = mp.fsum(lines[k])
                factor = mp.mpf(weight) / total if total else 1
                lines[k] = [entry * factor for entry in lines[k]]
            P = [list(line) for line in zip(*lines, strict=True)] if by_column else lines
        return P


@settings(max_examples=80, deadline=None)
@given(seed=seeds, penalty=penalties, epsilon=st.floats(-2, 1))
def test_the_entropic_optimum_lies_within_the_bounds(seed, penalty, epsilon):
    """Plans and potentials of 40 digits are bounds themselves; mostly they agree."""
    rng = np.random.default_rng(seed)
    C, a, b, reach = draw(rng, penalty)
    given, epsilon = problem(C, a, b, reach, penalty), 10.0**epsilon
    reference = None
    if rng.random() < 0.4:
        reference = rng.random(a.size) + 0.1, rng.random(b.size) + 0.1
    result = unbalanced_transport(
        given, epsilon=epsilon, reference=reference, rtol=1e-9, throw=False
    )
    loose = unbalanced_transport(
        given, epsilon=epsilon, reference=reference, rtol=0.5, marginal_tolerance=0.5, throw=False
    )
    setting = (a, b, C, penalty, given.reaches, epsilon, reference)
    f, g, plan = entropic_pair(result.potentials.f, result.potentials.g, *setting, rounds=20)
    least, most = dual(f, g, *setting), primal(plan, *setting)
    with mp.workdps(40):
        assert least - most <= mp.mpf(10) ** -32 * (1 + abs(most))
    for found in (result, loose):
        assert mp.mpf(found.bounds.lower) <= most
        assert least <= mp.mpf(found.bounds.upper)
        assert found.bounds.lower <= found.value <= found.bounds.upper
    size = 1 + abs(float(most))
    assert result.status is Status.OPTIMAL or result.bounds.gap <= 1e-7 * size


@settings(max_examples=80, deadline=None)
@given(seed=seeds, penalty=penalties)
def test_the_plain_optimum_lies_within_the_bounds(seed, penalty):
    """The plan and the potentials of a close solve bound the optimum for those of all others."""
    rng = np.random.default_rng(seed)
    C, a, b, reach = draw(rng, penalty)
    given = problem(C, a, b, reach, penalty)
    close = unbalanced_transport(given, rtol=1e-11, throw=False)
    setting = (a, b, C, penalty, given.reaches)
    f, g = close.potentials.f, close.potentials.g
    if penalty == "tv":
        # Rounding must not make a potential worth nothing.
        f, g = (
            np.clip(h, -r, np.inf) if r < math.inf else h
            for h, r in zip((f, g), given.reaches, strict=True)
        )
    least = dual(f, g, *setting)
    most = primal(with_exact_sums(close.plan.toarray(), given), *setting)
    assert least <= most
    for rtol in (0.5, 1e-3, 1e-11):
        found = unbalanced_transport(given, rtol=rtol, throw=False)
        assert mp.mpf(found.bounds.lower) <= most
        assert least <= mp.mpf(found.bounds.upper)
        assert found.bounds.lower <= found.value <= found.bounds.upper
        assert found.status is Status.OPTIMAL or found.bounds.gap <= 1e-7 * (1 + abs(found.value))


@settings(max_examples=60, deadline=None)
@given(seed=seeds, penalty=penalties, entropic=st.booleans())
def test_no_random_plan_or_potential_gets_between_the_bounds(seed, penalty, entropic):
    rng = np.random.default_rng(seed)
    C, a, b, reach = draw(rng, penalty, kept=False)
    given, epsilon = problem(C, a, b, reach, penalty), 0.1 if entropic else None
    result = unbalanced_transport(given, epsilon=epsilon, rtol=1e-6, throw=False)
    setting = (a, b, C, penalty, given.reaches, epsilon)
    P = result.plan.toarray()
    near = P * (1 + 0.1 * rng.normal(size=P.shape) * (rng.random(P.shape) < 0.5))
    for plan in (np.abs(near), np.zeros_like(P), np.outer(a, b) * rng.random()):
        assert primal(plan, *setting) >= mp.mpf(result.bounds.lower)
    for width in (1e-3, 0.1, 1.0):
        f, g = (
            h + width * rng.normal(size=h.shape) for h in (result.potentials.f, result.potentials.g)
        )
        assert dual(f, g, *setting) <= mp.mpf(result.bounds.upper)


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_total_variation_is_the_linear_programme(seed):
    """HiGHS on P, and the parts of the marginals above and below the weights."""
    rng = np.random.default_rng(seed)
    C, a, b, reach = draw(rng, "tv", most=6)
    given = problem(C, a, b, reach, "tv")
    n, m = C.shape
    p, q = given.reaches
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    parts, costs = [np.vstack([rows, columns])], [C.ravel()]
    for price, first, size in ((p, 0, n), (q, n, m)):
        if price < math.inf:
            block = np.zeros((n + m, size))
            block[first : first + size] = np.eye(size)
            parts += [block, -block]
            costs += [np.full(2 * size, price)]
    found = linprog(
        np.concatenate(costs), A_eq=np.hstack(parts), b_eq=np.concatenate([a, b]), method="highs"
    )
    result = unbalanced_transport(given)
    size = 1e-9 * (1 + abs(found.fun))
    assert result.bounds.lower - size <= found.fun <= result.bounds.upper + size
    assert result.bounds.gap <= 1e-11 * (1 + abs(found.fun))


@settings(max_examples=40, deadline=None)
@given(seed=seeds, penalty=penalties, power=st.integers(-60, 60), entropic=st.booleans())
def test_units_of_cost_scale_the_value_exactly(seed, penalty, power, entropic):
    C, a, b, reach = draw(np.random.default_rng(seed), penalty)
    unit, epsilon = 2.0**power, 0.25 if entropic else None
    reaches = reach if isinstance(reach, tuple) else (reach, reach)
    scaled = tuple(unit * r for r in reaches)
    one = unbalanced_transport(problem(C, a, b, reaches, penalty), epsilon=epsilon, throw=False)
    many = unbalanced_transport(
        problem(unit * C, a, b, scaled, penalty),
        epsilon=None if epsilon is None else unit * epsilon,
        throw=False,
    )
    for ours, theirs in zip(
        (one.bounds.lower, one.bounds.upper), (many.bounds.lower, many.bounds.upper), strict=True
    ):
        assert theirs == pytest.approx(unit * ours, rel=1e-9, abs=1e-9 * unit * C.max())


@settings(max_examples=40, deadline=None)
@given(seed=seeds, penalty=penalties, entropic=st.booleans())
def test_exchanging_the_measures_changes_no_bit(seed, penalty, entropic):
    C, a, b, reach = draw(np.random.default_rng(seed), penalty, kept=False)
    epsilon = 0.1 if entropic else None
    back = reach[::-1] if isinstance(reach, tuple) else reach
    one = unbalanced_transport(problem(C, a, b, reach, penalty), epsilon=epsilon, throw=False)
    two = unbalanced_transport(problem(C.T, b, a, back, penalty), epsilon=epsilon, throw=False)
    if penalty == "tv" and not entropic:
        # The simplex has no order of its own.
        assert one.value == pytest.approx(two.value, rel=1e-12, abs=1e-12)
    else:
        assert (one.bounds, one.value) == (two.bounds, two.value)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, penalty=penalties)
def test_a_dearer_reach_costs_no_less(seed, penalty):
    rng = np.random.default_rng(seed)
    C, a, b, reach = draw(rng, penalty, kept=False)
    p, q = reach if isinstance(reach, tuple) else (reach, reach)
    cheap = unbalanced_transport(problem(C, a, b, (p, q), penalty), throw=False)
    dear = unbalanced_transport(problem(C, a, b, (2 * p, q), penalty), throw=False)
    assert cheap.bounds.lower <= dear.bounds.upper


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_a_side_of_infinite_reach_has_its_weights(seed):
    rng = np.random.default_rng(seed)
    for penalty in PENALTIES:
        C, a, b, _ = draw(rng, penalty, kept=False)
        C = np.abs(C)
        for reach in ((math.inf, 0.3), (0.3, math.inf)):
            for epsilon in (None, 0.1):
                result = unbalanced_transport(
                    problem(C, a, b, reach, penalty), epsilon=epsilon, throw=False
                )
                sums = result.plan.toarray().sum(axis=1 if reach[0] == math.inf else 0)
                weights = a if reach[0] == math.inf else b
                assert np.allclose(sums, weights, rtol=1e-9, atol=0.0)
