"""POT and GeomLoss beside unbalanced transport: the same numbers, or a stated convention."""

import importlib
import math
import warnings

import numpy as np
import pytest

from otdiv import (
    DiscreteMeasure,
    UnbalancedProblem,
    unbalanced_sinkhorn_divergence_result,
    unbalanced_transport,
)
from otdiv.costs import CostMatrix

pytestmark = pytest.mark.peers

# POT's names, ours, and our reach over its `reg_m`: its squares are halved.
PENALTIES = [("kl", "kl", 1.0), ("l2", "squared", 0.5), ("tv", "tv", 1.0)]


@pytest.fixture
def unbalanced():
    return pytest.importorskip("ot").unbalanced


def case(seed, n=25, m=20):
    rng = np.random.default_rng(seed)
    a, b = rng.dirichlet(np.ones(n)), 1.3 * rng.dirichlet(np.ones(m))
    x, y = rng.random((n, 2)), rng.random((m, 2)) + 0.2
    C = ((x[:, None] - y) ** 2).sum(axis=2)
    return a, b, C / C.max()


def ours(a, b, C, reach, penalty, **options):
    p = DiscreteMeasure(np.arange(float(a.size)), weights=a)
    q = DiscreteMeasure(np.arange(float(b.size)), weights=b)
    problem = UnbalancedProblem(p, target=q, cost=CostMatrix(C), reach=reach, penalty=penalty)
    return unbalanced_transport(problem, rtol=1e-9, throw=False, **options)


def objective(P, a, b, C, reach, penalty, epsilon=0.0, reference=None):
    """The objective of a plan; `reference` is a matrix."""
    value = float((P * C).sum())
    for sums, w, r in ((P.sum(1), a, reach[0]), (P.sum(0), b, reach[1])):
        if r == math.inf:
            continue
        if penalty == "kl":
            s = np.where(sums > 0, sums, 1.0)
            value += r * float((sums * np.log(s / w) - sums + w).sum())
        else:
            value += r * float(np.abs(sums - w).sum() if penalty == "tv" else ((sums - w) ** 2).sum())
    if epsilon:
        Q = np.where(P > 0, P, 1.0)
        value += epsilon * float((P * np.log(Q / reference) - P + reference).sum())
    return value


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("reg_m", [0.5, (0.3, 2.0), (0.4, math.inf)])
@pytest.mark.parametrize("reg_type", ["kl", "entropy"])
def test_sinkhorn_unbalanced_has_our_value(unbalanced, seed, reg_m, reg_type):
    """`reg_type="entropy"` is the reference of ones, but for the constant reg n m."""
    a, b, C = case(seed)
    reach = reg_m if isinstance(reg_m, tuple) else (reg_m, reg_m)
    reference = (np.ones(a.size), np.ones(b.size)) if reg_type == "entropy" else None
    with warnings.catch_warnings():
        # It says that it takes ones.
        warnings.simplefilter("ignore")
        P = unbalanced.sinkhorn_unbalanced(
            a, b, C, 0.05, reg_m, reg_type=reg_type, numItermax=20_000, stopThr=1e-13
        )
    matrix = np.ones_like(C) if reference else np.outer(a, b)
    theirs = objective(P, a, b, C, reach, "kl", 0.05, matrix)
    result = ours(a, b, C, reg_m, "kl", epsilon=0.05, reference=reference)
    assert theirs == pytest.approx(result.value, rel=1e-8)
    assert np.abs(P - result.plan.toarray()).max() <= 1e-4 * P.max()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("div", "penalty", "factor"), PENALTIES[:2])
@pytest.mark.parametrize("reg_m", [0.5, (0.3, 2.0)])
def test_mm_unbalanced_comes_down_to_our_value(unbalanced, seed, div, penalty, factor, reg_m):
    """Its objective is never below our lower bound, and after many steps near our value."""
    a, b, C = case(seed)
    pair = reg_m if isinstance(reg_m, tuple) else (reg_m, reg_m)
    reach = tuple(factor * r for r in pair)
    P = unbalanced.mm_unbalanced(a, b, C, reg_m, div=div, numItermax=20_000, stopThr=1e-15)
    theirs = objective(P, a, b, C, reach, penalty)
    result = ours(a, b, C, reach, penalty)
    assert theirs >= result.bounds.lower
    assert theirs == pytest.approx(result.value, rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("div", "penalty", "factor"), PENALTIES)
@pytest.mark.parametrize("reg", [0.0, 0.1])
def test_lbfgsb_unbalanced_is_never_below_our_bound(unbalanced, seed, div, penalty, factor, reg):
    """Total variation has kinks, where L-BFGS-B stops early: up to some per cent above."""
    a, b, C = case(seed)
    reach = (0.3 * factor, 0.8 * factor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        P = unbalanced.lbfgsb_unbalanced(
            a, b, C, reg, (0.3, 0.8), reg_div="kl", regm_div=div, numItermax=5000, stopThr=1e-13
        )
    theirs = objective(P, a, b, C, reach, penalty, reg, np.outer(a, b))
    result = ours(a, b, C, reach, penalty, epsilon=reg or None)
    assert theirs >= result.bounds.lower
    if penalty != "tv":
        assert theirs == pytest.approx(result.value, rel=1e-3)


@pytest.mark.parametrize("p", [1, 2])
def test_the_divergence_is_that_of_geomloss(p):
    """GeomLoss's cost is |x - y|^p / p, its epsilon blur^p and its reach is a length, rho^p."""
    torch = pytest.importorskip("torch")
    geomloss = importlib.import_module("geomloss") if _has("geomloss") else None
    if geomloss is None:
        pytest.skip("needs geomloss")
    rng = np.random.default_rng(0)
    x, y = rng.random((30, 2)), rng.random((25, 2)) + 0.3
    a, b = rng.dirichlet(np.ones(30)), 0.6 * rng.dirichlet(np.ones(25))
    blur, reach = 0.3, 0.8
    loss = geomloss.SamplesLoss(
        "sinkhorn", p=p, blur=blur, reach=reach, scaling=0.99, debias=True, backend="tensorized"
    )
    theirs = float(loss(*(torch.from_numpy(array) for array in (a, x, b, y))))
    result = unbalanced_sinkhorn_divergence_result(
        DiscreteMeasure(x, weights=a),
        DiscreteMeasure(y, weights=b),
        epsilon=p * blur**p,
        reach=p * reach**p,
        cost="euclidean" if p == 1 else "sqeuclidean",
    )
    # Ours are p times theirs, and so is the term of the masses.
    assert p * theirs == pytest.approx(result.value, rel=2e-3)


def _has(name):
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True
