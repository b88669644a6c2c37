"""Expansions of boxes: sums that miss no more, and have no more too much, than they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv._gibbs import expansions
from otdiv._gibbs.clouds import build_cloud
from otdiv._gibbs.expansions import OVERCOUNT
from otdiv._gibbs.point_kernel import PointKernel
from otdiv._kernels.exponential import LOG2_E
from otdiv._kernels.gibbs.chebyshev import BOTH, COLUMNS, ROWS

# Sums in double precision of terms whose exponents have up to a few thousand bits.
ROUNDING = 1e-11


def cloud(rng: np.random.Generator, n: int, d: int, family: str):
    points = rng.random((n, d))
    if family == "normal":
        points = rng.normal(size=(n, d)) * rng.uniform(0.05, 1.0, size=d)
    elif family == "clusters":
        points = rng.normal(size=(4, d))[rng.integers(4, size=n)] + 0.03 * points
    elif family == "outliers":
        points[: n // 50 + 1] += 5.0 * rng.normal(size=(n // 50 + 1, d))
    elif family == "repeated":
        points = np.round(4.0 * points) / 4.0
    weights = rng.random(n) + 1e-9 if family != "clusters" else 2.0 ** rng.uniform(-30, 0, size=n)
    return build_cloud(points, weights / weights.sum())


def kernel_and_potentials(seed: int, d: int, families: tuple[str, str], blur: float, noise: float):
    """A kernel, and potentials that make its row sums exact, from a rough guess."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(300, 900, size=2)
    x, y = cloud(rng, n, d, families[0]), cloud(rng, m, d, families[1])
    C = np.square(x.points[:, None] - y.points).sum(axis=2)
    epsilon = blur * C.mean()
    kernel = PointKernel(x, y, epsilon, metric=0, truncation=10.0 ** rng.uniform(-9, -3))
    bits = C * LOG2_E / epsilon
    v = np.log2(y.weights) + rng.normal(size=m) * noise
    for _ in range(3):
        u = np.log2(x.weights) - np.logaddexp2.reduce(v - bits, axis=1)
        v = np.log2(y.weights) - np.logaddexp2.reduce(u[:, None] - bits, axis=0)
    v += rng.normal(size=m) * noise
    u = np.log2(x.weights) - np.logaddexp2.reduce(v - bits, axis=1)
    return kernel, u, v, np.exp2(u[:, None] + v - bits), bits


@pytest.fixture(autouse=True, scope="module")
def always():
    """Boxes are used however few points there are, and all of their ways."""
    costs = {
        "_LEAST_PAIRS": 0.0,
        "_LEAST_GAIN": 1e-9,
        "_EXPANSION_COST": (0.0, 50.0, 50.0, 50.0),
        "_PRODUCT_COST": (0.0, 50.0, 50.0, 50.0),
        "_POINT_COST": (0.0, 2.0, 2.0, 2.0),
        "_POINT_PRODUCT_COST": (0.0, 2.0, 2.0, 2.0),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in costs.items():
            patch.setattr(expansions, name, value)
        yield


FAMILIES = st.sampled_from(["uniform", "normal", "clusters", "outliers", "repeated"])


@pytest.mark.slow
@given(
    seed=st.integers(0, 10**6),
    d=st.integers(1, 3),
    families=st.tuples(FAMILIES, FAMILIES),
    blur=st.sampled_from([1.0, 0.1, 0.01, 1e-3]),
    noise=st.sampled_from([0.0, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_sums_err_by_no_more_than_they_say(seed, d, families, blur, noise):
    kernel, u, v, plan, bits = kernel_and_potentials(seed, d, families, blur, noise)
    for by_column in (False, True):
        shift, sums = kernel.column_sums(u, v) if by_column else kernel.row_sums(u, v)
        exact = plan.sum(axis=0 if by_column else 1)
        sums = sums * np.exp2((v if by_column else u) - shift)
        expected = np.maximum(exact, kernel.b if by_column else kernel.a)
        assert np.all(sums <= exact + (OVERCOUNT * kernel.truncation + ROUNDING) * expected)
        assert np.all(sums >= exact - (kernel.truncation + ROUNDING) * expected)
    sums, costs = kernel.row_costs(u, v)
    largest = bits.max()
    assert np.all(np.abs(sums - kernel.a) <= (kernel.truncation + ROUNDING) * kernel.a)
    error = np.abs(costs - (plan * bits).sum(axis=1))
    assert np.all(error <= (kernel.truncation + ROUNDING) * largest * kernel.a)
    again, cost = kernel.sums_and_cost(u, v, plan.sum(axis=0))
    np.testing.assert_allclose(again, sums, atol=kernel.truncation + ROUNDING)
    # The slope of a polynomial errs by up to P² of itself.
    assert cost == pytest.approx(
        (plan * bits).sum(), abs=(16.0 * kernel.truncation + ROUNDING) * largest
    )


@pytest.mark.parametrize("d", [1, 2, 3])
def test_boxes_and_single_points_meet_in_every_way(d):
    rng = np.random.default_rng(1)
    points = rng.random((2000, d))
    points[:100] = 0.5 + 2.0 * rng.normal(size=(100, d))
    x = build_cloud(points, np.full(2000, 5e-4))
    kernel = PointKernel(x, x, 0.1, metric=0, truncation=1e-6)
    kinds = set()
    with pytest.MonkeyPatch.context() as patch:
        collect = expansions._add_expanded

        def watched(product, plan, weights, out):
            kinds.update(plan.pairs[2].tolist())
            collect(product, plan, weights, out)

        patch.setattr(expansions, "_add_expanded", watched)
        u = np.log2(x.weights)
        kernel.row_sums(u, u)
    assert kernel.overcount > 0.0
    assert kinds == {BOTH, ROWS, COLUMNS}


def test_rows_of_nearly_no_mass_have_no_negative_sums():
    rng = np.random.default_rng(2)
    x = build_cloud(rng.random((1500, 2)), np.full(1500, 1 / 1500))
    kernel = PointKernel(x, x, 0.1, metric=0, truncation=1e-3)
    u = np.log2(x.weights)
    u[::3] -= 200.0
    v = u.copy()
    v[::2] -= 80.0
    sums, costs = kernel.row_costs(u - 30.0, v)
    assert kernel.overcount > 0.0
    assert sums.min() >= 0.0
    assert costs.min() >= 0.0
