"""Certificates of other people's answers hold, whatever the answers are worth."""

import contextlib
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import Potentials, SparsePlan, certify, certify_matrix
from otdiv._kernels.proofs.repair import transform_points
from otdiv._kernels.proofs.tiled_transform import tiled_transform
from otdiv.certificates import regularised
from otdiv.certifying import witnesses
from tests.exact import exact_potentials, exact_solution, exact_transport
from tests.regularised_optima import regularised_optimum

FORMS = ("dense", "entries", "coo", "csr", "blocks", "SparsePlan", "permutation")
DTYPES = (np.float16, np.float32, np.float64, np.longdouble)
noises = st.sampled_from([0.0, 1e-16, 1e-12, 1e-8, 1e-4, 1e-2, 1.0, 1e3, 1e8])
lattice = st.integers(-12, 12).map(lambda k: k / 4)
EXPONENT = {"cityblock": (1.0, 1.0), "sqeuclidean": (2.0, 2.0)}


@st.composite
def weights(draw, n, m):
    """Whole weights of the rows and of the columns, with one sum."""
    a = [draw(st.integers(1, 9)) for _ in range(n)]
    a[draw(st.integers(0, n - 1))] *= draw(st.sampled_from([1, 1, 10**6]))
    total = sum(a)
    cuts = sorted(draw(st.lists(st.integers(0, total), min_size=m - 1, max_size=m - 1)))
    return a, [hi - lo for lo, hi in zip([0, *cuts], [*cuts, total], strict=True)]


@st.composite
def problems(draw, forbidden=False):
    """Costs (n, m), some of them None where they may be, and weights."""
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    numbers = st.integers(-9, 30) if draw(st.booleans()) else st.integers(0, 30)
    if forbidden:
        numbers = st.one_of(numbers, numbers, numbers, st.none())
    costs = [[draw(numbers) for _ in range(m)] for _ in range(n)]
    return costs, *draw(weights(n, m))


@st.composite
def witness(draw, plan, f, g):
    """A plan and potentials made worse in all the ways in which answers are wrong."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise, other = draw(noises), draw(noises)
    plan = np.asarray(plan, float)
    if draw(st.booleans()):
        plan = plan + noise * rng.normal(size=plan.shape) * (plan.max() or 1.0)
    plan = plan * draw(st.sampled_from([1.0, 1.0, 0.5, 2.0, 1e-9, 1e9, 0.0]))
    f, g = (np.asarray(side, float) + other * rng.normal(size=len(side)) for side in (f, g))
    dtype = draw(st.sampled_from(DTYPES))
    with np.errstate(over="ignore"):
        plan, f, g = (np.nan_to_num(part.astype(dtype)) for part in (plan, f, g))
    shown = draw(st.sampled_from(["both", "f", "g", "neither"]))
    pair = {"both": (f, g), "f": (f, None), "g": (None, g), "neither": None}[shown]
    form = draw(st.sampled_from(FORMS))
    return formed(plan, form, rng) if shown == "neither" or draw(st.booleans()) else None, pair


def formed(plan, form, rng):
    """A plan (n, m) in one of the forms that plans come in."""
    n, m = plan.shape
    rows, columns = np.nonzero(plan)
    if form == "entries":
        return rows, columns, plan[rows, columns]
    if form == "SparsePlan":
        mass = plan[rows, columns].astype(float)
        return SparsePlan(rows=rows, columns=columns, mass=mass, shape=(n, m))
    if form in ("coo", "csr"):
        return scipy.sparse.coo_array(plan.astype(float)).asformat(form)
    if form == "blocks":
        return lambda start, stop: plan[start:stop]
    if form == "permutation" and n == m:
        return rng.permutation(n)
    return plan


def as_matrix(costs):
    return np.array([[math.inf if c is None else c for c in row] for row in costs], float)


def holds(bounds, exact):
    lower, upper = bounds.lower, bounds.upper
    below = lower == -math.inf or Fraction(lower) <= exact
    return below and (upper == math.inf or exact <= Fraction(upper))


PATHS = pytest.mark.parametrize("in_blocks", [False, True])


@contextlib.contextmanager
def path(in_blocks):
    """Plans taken apart, or looked at in blocks; sums over all pairs, or over pruned ones."""
    with pytest.MonkeyPatch.context() as patch:
        if in_blocks:
            patch.setattr(witnesses, "_FEW_PAIRS", 0)
            patch.setattr(witnesses, "_SPARSE", 10**9)
            patch.setattr(regularised, "_FEW_PAIRS", 0)
        yield


def solved(a, b, costs):
    """Exact optimum, plan and potentials, of weights divided by their sums."""
    total = sum(a)
    a, b = ([Fraction(w, total) for w in side] for side in (a, b))
    found = exact_solution(a, b, costs)
    if found is None:
        return None
    f, g = exact_potentials(costs, found[1])
    return a, b, found[0], [[float(p) for p in row] for row in found[1]], f, g


@PATHS
@given(problems(), st.data())
@settings(max_examples=80)
def test_bounds_of_any_answer_contain_the_exact_optimum(in_blocks, case, data):
    costs, a, b = case
    _, _, exact, plan, f, g = solved(a, b, costs)
    plan, pair = data.draw(witness(plan, list(map(float, f)), list(map(float, g))))
    with path(in_blocks):
        found = certify_matrix(
            as_matrix(costs), plan=plan, potentials=pair, x_weights=a, y_weights=b
        )
    assert holds(found.bounds, exact)
    assert found.value in found.bounds
    assert (found.plan is None) == (plan is None)
    if pair is None:
        assert found.potentials is None
    else:
        room = found.potentials.f[:, None] + found.potentials.g - as_matrix(costs)
        assert room.max() <= 1e-6 * max(1.0, np.abs(found.potentials.f).max())


@given(problems(forbidden=True), st.data())
@settings(max_examples=60)
def test_bounds_hold_where_pairs_are_forbidden(case, data):
    costs, a, b = case
    answer = solved(a, b, costs)
    if answer is None:
        return
    _, _, exact, plan, f, g = answer
    plan, pair = data.draw(witness(plan, list(map(float, f)), list(map(float, g))))
    found = certify_matrix(as_matrix(costs), plan=plan, potentials=pair, x_weights=a, y_weights=b)
    assert holds(found.bounds, exact)


@PATHS
@given(st.data(), st.sampled_from(sorted(EXPONENT)), st.integers(1, 8))
@settings(max_examples=60)
def test_bounds_of_answers_about_points_contain_the_exact_optimum(in_blocks, data, cost, d):
    n, m = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    x, y = (data.draw(st.lists(st.tuples(*[lattice] * d), min_size=k, max_size=k)) for k in (n, m))
    a, b = data.draw(weights(n, m))
    power = EXPONENT[cost][1]
    costs = [
        [
            sum(abs(Fraction(s) - Fraction(t)) ** int(power) for s, t in zip(p, q, strict=True))
            for q in y
        ]
        for p in x
    ]
    _, _, exact, plan, f, g = solved(a, b, costs)
    plan, pair = data.draw(witness(plan, list(map(float, f)), list(map(float, g))))
    with path(in_blocks):
        found = certify(x, y, cost=cost, plan=plan, potentials=pair, x_weights=a, y_weights=b)
    assert holds(found.bounds, exact)


@PATHS
@given(problems(), st.sampled_from([4.0, 10.0, 100.0]), st.data())
@settings(max_examples=30, deadline=None)
def test_regularised_bounds_contain_the_optimum_of_fifty_digits(in_blocks, case, epsilon, data):
    costs, a, b = case
    shares_a, shares_b, _, plan, f, g = solved(a, b, costs)
    kept = [j for j, w in enumerate(shares_b) if w]
    exact = regularised_optimum(
        shares_a, [shares_b[j] for j in kept], [[row[j] for j in kept] for row in costs], epsilon
    )
    plan, pair = data.draw(witness(plan, list(map(float, f)), list(map(float, g))))
    with path(in_blocks):
        found = certify_matrix(
            as_matrix(costs), plan=plan, potentials=pair, x_weights=a, y_weights=b, epsilon=epsilon
        )
    with mpmath.workdps(50):
        bounds = found.entropic.bounds
        assert mpmath.mpf(bounds.lower) <= exact + 1e-28 * abs(exact)
        assert mpmath.mpf(bounds.upper) >= exact - 1e-28 * abs(exact)


@PATHS
@given(st.data(), st.sampled_from(["euclidean", "sqeuclidean", "cityblock"]), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_regularised_bounds_of_points_contain_the_optimum_of_fifty_digits(in_blocks, data, cost, d):
    n, m = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    x, y = (data.draw(st.lists(st.tuples(*[lattice] * d), min_size=k, max_size=k)) for k in (n, m))
    a, b = data.draw(weights(n, m))
    if not all(b):
        b = [max(w, 1) for w in b]
        a = [w * sum(b) for w in a]
        b = [w * (sum(a) // sum(b)) for w in b]
    epsilon = data.draw(st.sampled_from([4.0, 20.0])) * (d if cost != "sqeuclidean" else 36.0)
    with mpmath.workdps(50):
        costs = []
        for p in x:
            apart = [
                [abs(mpmath.mpf(s) - mpmath.mpf(t)) for s, t in zip(p, q, strict=True)] for q in y
            ]
            squares = [sum(t * t for t in row) for row in apart]
            rows = {"cityblock": [sum(row) for row in apart], "sqeuclidean": squares}
            rows["euclidean"] = [mpmath.sqrt(t) for t in squares]
            costs.append(rows[cost])
    total = sum(a)
    exact = regularised_optimum(
        [Fraction(w, total) for w in a], [Fraction(w, total) for w in b], costs, epsilon
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    noise = data.draw(noises)
    pair = noise * rng.normal(size=n), noise * rng.normal(size=m)
    plan = data.draw(st.sampled_from([None, "product"]))
    if plan:
        plan = np.outer(a, b) / total**2 * (1.0 + min(noise, 10.0) * rng.normal(size=(n, m)))
    with path(in_blocks):
        found = certify(
            x, y, cost=cost, plan=plan, potentials=pair, x_weights=a, y_weights=b, epsilon=epsilon
        )
    with mpmath.workdps(50):
        bounds = found.entropic.bounds
        assert mpmath.mpf(bounds.lower) <= exact + 1e-28
        assert mpmath.mpf(bounds.upper) >= exact - 1e-28
    # Any potentials of a blur this large say nearly all.
    if noise <= 1.0:
        assert bounds.lower >= float(exact) - 2.0 * (1.0 + noise)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.sampled_from([0, 1]),
    st.sampled_from([1e-60, 1e-9, 1.0, 1e12]),
    st.sampled_from(["normal", "clusters", "outliers", "lattice", "one point", "far away"]),
    st.sampled_from([0.0, 1e-9, 0.1, 1.0, 1e6]),
)
@settings(max_examples=40, deadline=None)
def test_single_precision_finds_the_same_minima(seed, d, metric, scale, kind, noise):
    """The tiled transform is that of double precision, to the bit."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 700)), int(rng.integers(1, 700))
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    if kind == "clusters":
        x, y = 1e-6 * x + rng.integers(0, 2, (n, 1)), 1e-6 * y + rng.integers(0, 2, (m, 1))
    elif kind == "outliers":
        x[0] *= 1e6
        y[-1] *= -1e7
    elif kind == "lattice":
        x, y = np.round(x), np.round(y)
    elif kind == "one point":
        x, y = np.ones((n, d)), np.ones((m, d)) + (rng.random((m, 1)) < 0.5)
    elif kind == "far away":
        x, y = x + 1e8, y + 1e8
    x, y = scale * x, scale * y
    power = 2.0 if metric == 0 else 1.0
    f = noise * scale**power * rng.normal(size=n)
    expected = transform_points(x, y, f, 2.0, power, metric)
    for threads in (1, 2):
        np.testing.assert_array_equal(tiled_transform(x, y, f, metric, threads=threads), expected)


def test_feasible_potentials_and_an_optimal_plan_close():
    rng = np.random.default_rng(5)
    costs = rng.integers(0, 50, (6, 7)).tolist()
    _, _, exact, plan, f, g = solved([7] * 6, [6] * 7, costs)
    found = certify_matrix(
        costs, plan=plan, potentials=Potentials(f=list(map(float, f)), g=list(map(float, g)))
    )
    assert found.bounds.relative_gap < 1e-13
    assert float(exact) in found.bounds
    assert found.infeasibility <= 1e-13
    assert found.row_error < 1e-15
    assert found.column_error < 1e-15
    assert exact_transport([Fraction(1, 6)] * 6, [Fraction(1, 7)] * 7, costs) == exact
