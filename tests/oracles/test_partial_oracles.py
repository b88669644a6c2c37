"""Partial transport against HiGHS and POT."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from otdiv import DiscreteMeasure, partial_transport, partial_transport_matrix

# HiGHS solves to feasibility of 1e-9 or better on problems of unit size.
HIGHS = 1e-8


def linear_program(C, a, b, *, mass=None, p=0.0, q=0.0):
    """Optimum by HiGHS."""
    n, m = C.shape
    row_sums = sp.kron(sp.eye(n), np.ones((1, m)))
    column_sums = sp.kron(np.ones((1, n)), sp.eye(m))
    limits = {"A_ub": sp.vstack([row_sums, column_sums]).tocsr(), "b_ub": np.r_[a, b]}
    if mass is not None:
        total = {"A_eq": np.ones((1, n * m)), "b_eq": [mass]}
        return linprog(C.ravel(), **limits, **total, method="highs").fun
    reduced = C - np.reshape(p, (-1, 1)) - q
    stay = np.sum(p * a) + np.sum(q * b)
    return linprog(reduced.ravel(), **limits, method="highs").fun + stay


def case(seed):
    rng = np.random.default_rng(seed)
    n, m, d = *rng.integers(1, 90, 2), rng.integers(1, 4)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + rng.normal()
    even = rng.random() < 0.5
    a, b = (np.full(k, 1.0 / k) if even else rng.random(k) + 1e-3 for k in (n, m))
    cost = ["euclidean", "sqeuclidean", "cityblock", "chebyshev"][rng.integers(4)]
    return rng, x, y, a, b, cost


@pytest.mark.parametrize("seed", range(40))
def test_values_are_those_of_the_linear_program(seed):
    rng, x, y, a, b, cost = case(seed)
    source, target = DiscreteMeasure(x, weights=a), DiscreteMeasure(y, weights=b)
    C = cdist(x, y, cost)
    mass = min(source.mass, target.mass) * rng.choice([0.2, 0.5, 0.9, 1.0, rng.random()])
    result = partial_transport(source, target, mass=mass, cost=cost)
    assert result.value == pytest.approx(linear_program(C, a, b, mass=mass), rel=HIGHS)
    reach = float(rng.choice([0.1, 1.0, 10.0]))
    result = partial_transport(source, target, reach=reach, cost=cost)
    assert result.value == pytest.approx(
        linear_program(C, a, b, p=np.full(a.size, reach), q=reach), rel=HIGHS
    )
    p, q = rng.random(a.size), rng.random(b.size)
    result = partial_transport(source, target, reach=(p, q), cost=cost)
    assert result.value == pytest.approx(linear_program(C, a, b, p=p, q=q), rel=HIGHS)


@pytest.mark.peers
@pytest.mark.parametrize("seed", range(20))
def test_values_are_those_of_pot(seed):
    ot = pytest.importorskip("ot")
    rng, x, y, a, b, cost = case(seed)
    a, b = a / a.sum(), b / b.sum()
    C, mass = cdist(x, y, cost), float(rng.uniform(0.1, 0.95))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ot.partial.partial_wasserstein2(a, b, C, m=mass, nb_dummies=3)
    result = partial_transport_matrix(C, x_weights=a, y_weights=b, mass=mass)
    assert result.value == pytest.approx(expected, rel=1e-11)
    result = partial_transport(x, y, x_weights=a, y_weights=b, mass=mass, cost=cost)
    assert result.value == pytest.approx(expected, rel=1e-11)
