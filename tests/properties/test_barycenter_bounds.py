"""Bounds of barycenters against exact optima, also from hostile witnesses."""

from fractions import Fraction
from itertools import accumulate, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from otdiv import DiscreteMeasure, Gaussian, PNormCost, TransportProblem, barycenter
from otdiv.certificates.barycenters import bures_bound, support_bound
from otdiv.testing import discrete_measures

# Twice what atoms are known to, 4 u of each weight, on both sides.
WEIGHTS = Fraction(16, 2**53)


def exact_line_optimum(measures, weights, p):
    """Least objective on the line in rational arithmetic, of weights over their exact sums."""
    total = sum(map(Fraction, weights))
    shares = [Fraction(w) / total for w in weights]
    sides = []
    for measure in measures:
        atoms = sorted(zip(measure.points[:, 0].tolist(), measure.weights.tolist(), strict=True))
        mass = sum(Fraction(w) for _, w in atoms)
        levels = list(accumulate(Fraction(w) / mass for _, w in atoms))
        sides.append((levels, [Fraction(x) for x, _ in atoms]))
    breaks = sorted({level for levels, _ in sides for level in levels if level > 0})
    value = previous = Fraction(0)
    for level in breaks:
        points = [
            next(x for reached, x in zip(*side, strict=True) if reached >= level) for side in sides
        ]
        if p == 2:
            best = sum(s * x for s, x in zip(shares, points, strict=True))
            cost = sum(s * (x - best) ** 2 for s, x in zip(shares, points, strict=True))
        else:
            cost = min(
                sum(s * abs(x - y) for s, x in zip(shares, points, strict=True)) for y in points
            )
        value += (level - previous) * cost
        previous = level
    return value


@st.composite
def families(draw, d=1, most=4):
    measures = draw(st.lists(discrete_measures(d=d, max_size=6), min_size=1, max_size=most))
    counts = draw(st.lists(st.integers(0, 9), min_size=len(measures), max_size=len(measures)))
    counts[0] += 1
    return measures, np.array(counts) / sum(counts)


@settings(max_examples=150, deadline=None)
@given(families(), st.sampled_from([1.0, 2.0]))
def test_the_exact_optimum_on_the_line_lies_within_the_bounds(case, p):
    measures, weights = case
    result = barycenter(measures, weights=weights, p=p)
    optimum = exact_line_optimum(measures, weights.tolist(), p)
    points = np.concatenate([one.points for one in measures])
    # Masses may be off by their rounding, and what they cost is at most the widest pair.
    slack = WEIGHTS * Fraction(float(np.ptp(points))) ** int(p)
    assert Fraction(result.bounds.lower) <= optimum + slack
    assert optimum <= Fraction(result.bounds.upper) + slack
    gap = Fraction(result.bounds.upper) - Fraction(result.bounds.lower)
    assert gap <= Fraction(1, 10**12) * (Fraction(float(np.abs(points).max())) ** int(p) + 1)


@st.composite
def diagonal_families(draw):
    d = draw(st.integers(1, 4))
    k = draw(st.integers(1, 4))
    deviations = st.floats(2.0**-10, 2.0**10)
    rows = draw(st.lists(st.lists(deviations, min_size=d, max_size=d), min_size=k, max_size=k))
    counts = draw(st.lists(st.integers(1, 9), min_size=k, max_size=k))
    return np.array(rows), np.array(counts) / sum(counts)


def exact_diagonal_optimum(deviations, weights):
    """Commuting covariances: axis by axis the deviations are averaged."""
    total = sum(map(Fraction, weights.tolist()))
    shares = [Fraction(w) / total for w in weights.tolist()]
    value = Fraction(0)
    for column in deviations.T.tolist():
        mean = sum(s * Fraction(v) for s, v in zip(shares, column, strict=True))
        value += sum(s * (Fraction(v) - mean) ** 2 for s, v in zip(shares, column, strict=True))
    return value


@settings(max_examples=80, deadline=None)
@given(diagonal_families(), st.integers(0, 2**32 - 1))
def test_the_exact_optimum_of_rotated_gaussians_lies_within_the_bounds(case, seed):
    deviations, weights = case
    d = deviations.shape[1]
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0] if seed else np.eye(d)
    covariances = [(turn * row**2) @ turn.T for row in deviations]
    given = [Gaussian(np.zeros(d), covariance=S) for S in covariances]
    result = barycenter(given, weights=weights)
    optimum = exact_diagonal_optimum(deviations, weights)
    # The turned covariances are rounded: the root of that beside the largest deviation, where they
    # are nearly singular, and itself where not.
    moved = Fraction(64 * d, 2**53) * Fraction(float(deviations.max()) ** 2)
    moved *= Fraction(float(deviations.max() / deviations.min()))
    assert Fraction(result.bounds.lower) <= optimum + (moved if seed else 0)
    assert optimum <= Fraction(result.bounds.upper) + (moved if seed else 0)


@settings(max_examples=150, deadline=None)
@given(diagonal_families(), st.integers(0, 2**32 - 1), st.floats(0.0, 3.0))
def test_no_matrices_prove_more_than_the_optimum(case, seed, noise):
    deviations, weights = case
    k, d = deviations.shape
    rng = np.random.default_rng(seed)
    mean = weights @ deviations
    B = np.array([np.diag(row / mean) for row in deviations])
    noises = noise * rng.normal(size=(k, d, d))
    B += (
        noises @ noises.transpose(0, 2, 1)
        if rng.random() < 0.5
        else 0.1 * (noises + noises.transpose(0, 2, 1))
    )
    covariances = np.array([np.diag(row**2) for row in deviations])
    lower = bures_bound(weights, covariances, B)
    assert lower == -np.inf or Fraction(lower) <= exact_diagonal_optimum(
        deviations, weights
    ) + Fraction(8, 2**53) * Fraction(float(deviations.max()) ** 2)


def test_a_measure_that_is_its_own_neighbour_costs_nothing():
    one = DiscreteMeasure([[0.25], [7.0]], weights=[0.3, 0.7])
    assert barycenter([one, one]).bounds.lower == 0.0


def support_optimum(support, measures, weights, p):
    """Least objective over measures on the support, by HiGHS: plans of all pairs at once."""
    n, sizes = len(support), [one.n for one in measures]
    costs, rows = [], []
    n_pairs = n * sum(sizes)
    start = 0
    right = []
    for weight, one in zip(weights, measures, strict=True):
        C = PNormCost(norm=2.0, power=p).pairwise(support, one.points)
        costs.append(weight * C.ravel())
        index = start + np.arange(C.size).reshape(C.shape)
        for i in range(n):
            row = np.zeros(n_pairs + n)
            row[index[i]], row[n_pairs + i] = 1.0, -1.0
            rows.append(row)
            right.append(0.0)
        for j in range(one.n):
            row = np.zeros(n_pairs + n)
            row[index[:, j]] = 1.0
            rows.append(row)
            right.append(one.weights[j])
        start += C.size
    costs.append(np.zeros(n))
    answer = linprog(np.concatenate(costs), A_eq=np.array(rows), b_eq=right, method="highs")
    return answer.fun


@st.composite
def planar_families(draw, most=3, size=4):
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    k = draw(st.integers(1, most))
    lattice = draw(st.booleans())
    measures = []
    for _ in range(k):
        n = rng.integers(1, size + 1)
        points = rng.integers(0, 4, (n, 2)).astype(float) if lattice else rng.normal(size=(n, 2))
        measures.append(DiscreteMeasure(points, weights=rng.dirichlet(np.ones(n))))
    return rng, measures, rng.dirichlet(np.ones(k))


# What HiGHS may be off by, relative to the extent squared.
HIGHS = 1e-7


@settings(max_examples=60, deadline=None)
@given(planar_families(), st.sampled_from([1.0, 1.5, 2.0]))
def test_the_optimum_on_a_support_lies_within_the_bounds(case, p):
    rng, measures, weights = case
    support = np.unique(rng.normal(size=(rng.integers(1, 7), 2)), axis=0)
    optimum = support_optimum(support, measures, weights, p)
    result = barycenter(measures, weights=weights, support=support, p=p, rtol=1e-9, throw=False)
    assert result.bounds.lower <= optimum * (1 + HIGHS) + HIGHS
    assert optimum <= result.bounds.upper * (1 + HIGHS) + HIGHS
    assert result.value == pytest.approx(optimum, rel=1e-6, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(planar_families(), st.floats(0.0, 30.0))
def test_no_potentials_prove_more_than_the_optimum_on_a_support(case, noise):
    rng, measures, weights = case
    support = rng.normal(size=(rng.integers(1, 7), 2))
    cost = PNormCost(norm=2.0, power=2.0)
    n = len(support)
    everywhere = DiscreteMeasure(support, weights=np.full(n, 1.0 / n))
    problems = [TransportProblem(source=everywhere, target=one, cost=cost) for one in measures]
    potentials = noise * rng.normal(size=(len(measures), n)) * 10.0 ** rng.integers(-9, 9)
    lower, centred = support_bound(weights, problems, potentials)
    assert lower <= support_optimum(support, measures, weights, 2.0) + HIGHS
    size = np.abs(potentials).max(initial=0.0)
    np.testing.assert_allclose(weights @ centred, 0.0, atol=1e-14 * (size + 1.0))


def multi_marginal_optimum(measures, weights):
    """Least objective over all measures, by HiGHS: means of tuples of atoms, one of each."""
    tuples = list(product(*(range(one.n) for one in measures)))
    costs, rows = [], []
    for tuple_ in tuples:
        points = np.array([one.points[i] for one, i in zip(measures, tuple_, strict=True)])
        costs.append(weights @ np.square(points - weights @ points).sum(axis=1))
    for k, one in enumerate(measures):
        rows += [[float(t[k] == i) for t in tuples] for i in range(one.n)]
    right = np.concatenate([one.weights for one in measures])
    return linprog(costs, A_eq=np.array(rows), b_eq=right, method="highs").fun


@settings(max_examples=80, deadline=None)
@given(planar_families())
def test_the_optimum_over_all_measures_lies_within_the_bounds_of_a_free_support(case):
    rng, measures, weights = case
    size = None if rng.random() < 0.5 else int(rng.integers(1, 6))
    result = barycenter(measures, weights=weights, size=size)
    optimum = multi_marginal_optimum(measures, weights)
    assert result.bounds.lower <= optimum * (1 + HIGHS) + HIGHS
    assert optimum <= result.bounds.upper * (1 + HIGHS) + HIGHS
    if len(measures) == 2 and size is None:
        # Pieces are joined where there are more than atoms are wanted.
        assert result.bounds.lower == pytest.approx(optimum, rel=1e-6, abs=1e-7)
