"""Bounds of batches against exact rational optima and SciPy's assignments."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from otdiv import PNormCost, Status, transport_batch, transport_matrix_batch
from tests.exact import exact_interval

# Share of sum P|C| up to which a marginal counts as met, twice: see `certificates.rounding`.
MET = Fraction(16, 2**53)
SCALES = (1.0, 1.0, 1.0, 2.0**40, 1e-300, 1e296, 1e-320)


def draw_costs(rng, n, m):
    """A cost matrix of one of many kinds."""
    kind = rng.integers(8)
    if kind == 0:
        C = rng.normal(size=(n, m))
    elif kind == 1:
        C = rng.integers(0, 3, (n, m)).astype(float)
    elif kind == 2:
        C = rng.random((n, 1)) + rng.random(m)
    elif kind == 3:
        C = np.abs(rng.normal(size=(n, 1)) - rng.normal(size=m))
    elif kind == 4:
        C = 10.0 ** rng.integers(-12, 12, (n, m))
    elif kind == 5:
        C = np.zeros((n, m))
    elif kind == 6:
        C = rng.random((n, m))[rng.integers(0, n, n)]
    else:
        C = 1e6 + rng.random((n, m))
    return C * rng.choice(SCALES)


def assert_assignments(rng, cases):
    """Equal counts, uniform weights: the bounds contain the exact cost of SciPy's assignment."""
    sizes = rng.choice([1, 2, 3, 4, 5, 6, 9, 14, 30], cases)
    matrices = [draw_costs(rng, n, n) for n in sizes.tolist()]
    batch = transport_matrix_batch(matrices, n_jobs=1)
    for k, C in enumerate(matrices):
        n = len(C)
        # Powers of two take nothing away, and SciPy overflows and underflows without them.
        top = float(np.abs(C).max())
        scaled = np.ldexp(C, -math.frexp(top)[1]) if top > 0.0 else C
        rows, columns = linear_sum_assignment(scaled)
        pairs = [Fraction(C[i, j]) for i, j in zip(rows, columns, strict=True)]
        exact = sum(pairs) / n
        # SciPy's sums are floats: it may be off by their rounding.
        room = (MET + Fraction(4 * n, 2**53)) * Fraction(top) + Fraction(n, 2**1070)
        assert batch.status[k] is Status.OPTIMAL, (k, C)
        assert Fraction(batch.lower[k]) <= exact + room, (k, C)
        assert Fraction(batch.upper[k]) >= exact - room, (k, C)
        assert batch.lower[k] <= batch.values[k] <= batch.upper[k], (k, C)
        plan = batch.plans[k]
        if isinstance(plan, np.ndarray):
            assert sorted(plan.tolist()) == list(range(n)), (k, C)


def assert_weighted(rng, cases):
    """Any counts and weights, zeros among them: the bounds contain the exact optimum."""
    matrices, a, b = [], [], []
    while len(matrices) < cases:
        n, m = rng.integers(1, 5, 2).tolist()
        weights = [
            rng.integers(0, 4, size).astype(float) if rng.random() < 0.6 else rng.random(size)
            for size in (n, m)
        ]
        if all(w.any() for w in weights):
            matrices.append(draw_costs(rng, n, m))
            a.append(weights[0])
            b.append(weights[1])
    batch = transport_matrix_batch(matrices, x_weights=a, y_weights=b, n_jobs=1)
    for k, C in enumerate(matrices):
        shares = [w / w.sum() for w in (a[k], b[k])]
        exact, met = exact_interval(*(s.tolist() for s in shares), C.tolist())
        room = met + Fraction(len(a[k]) + len(b[k]), 2**1070)
        assert Fraction(batch.lower[k]) <= exact + room, (k, C, shares)
        assert Fraction(batch.upper[k]) >= exact - room, (k, C, shares)
        assert batch.lower[k] <= batch.values[k] <= batch.upper[k], (k, C)


def assert_points(rng, cases):
    """Clouds of any sizes, with ties and repeats: the bounds contain the exact optimum."""
    X, Y = [], []
    for _ in range(cases):
        n, m = rng.integers(1, 5, 2).tolist() if rng.random() < 0.5 else [rng.integers(1, 5)] * 2
        draw = rng.normal if rng.random() < 0.5 else lambda size: rng.integers(0, 2, size) * 1.0
        scale = rng.choice(SCALES[:5])
        X.append(scale * draw(size=(n, 2)))
        Y.append(X[-1][::-1] if n == m and rng.random() < 0.2 else scale * draw(size=(m, 2)))
    for cost in (PNormCost(norm=1.0), PNormCost(norm=math.inf)):
        batch = transport_batch(X, Y, cost=cost, n_jobs=1)
        for k, (x, y) in enumerate(zip(X, Y, strict=True)):
            # Exact costs: sums and maxima of exact differences.
            gaps = [[[abs(Fraction(s) - Fraction(t)) for s, t in zip(p, q, strict=True)] for q in y]
                    for p in x]  # fmt: skip
            costs = [[max(g) if cost.norm == math.inf else sum(g) for g in row] for row in gaps]
            shares = [[1.0 / len(side)] * len(side) for side in (x, y)]
            exact, met = exact_interval(*shares, costs)
            room = met + Fraction(len(x) + len(y), 2**1070)
            assert Fraction(batch.lower[k]) <= exact + room, (k, x, y)
            assert Fraction(batch.upper[k]) >= exact - room, (k, x, y)


@pytest.mark.parametrize("law", [assert_assignments, assert_weighted, assert_points])
def test_the_bounds_of_every_problem_of_a_batch_contain_the_optimum(law):
    law(np.random.default_rng(11), 400)
