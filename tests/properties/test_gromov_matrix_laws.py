"""Laws of plans between spaces given by matrices, against exact arithmetic and all permutations."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otdiv.gromov import (
    gromov_barycenter,
    gromov_lower_bounds,
    gromov_wasserstein_matrix,
)
from otdiv.plans import SparsePlan


def exact_value(Cx, Cy, plan: SparsePlan, M=None, alpha: float = 1.0) -> Fraction:
    """The objective of a plan in rational arithmetic, entry by entry."""
    entries = [
        (int(i), int(j), Fraction(float(mass)))
        for i, j, mass in zip(plan.rows, plan.columns, plan.mass, strict=True)
    ]
    total = Fraction(0)
    for i, j, mass in entries:
        for k, other, weight in entries:
            difference = Fraction(float(Cx[i, k])) - Fraction(float(Cy[j, other]))
            total += mass * weight * difference * difference
    total *= Fraction(alpha)
    if M is not None:
        linear = sum(mass * Fraction(float(M[i, j])) for i, j, mass in entries)
        total += (1 - Fraction(alpha)) * linear
    return total


@st.composite
def spaces(draw, most: int = 6, symmetric: bool | None = None):
    n = draw(st.integers(1, most))
    numbers = st.one_of(st.integers(-4, 4).map(float), st.floats(-1e3, 1e3, allow_subnormal=False))
    C = np.array(draw(st.lists(numbers, min_size=n * n, max_size=n * n))).reshape(n, n)
    if draw(st.booleans()) if symmetric is None else symmetric:
        C = np.triu(C) + np.triu(C, 1).T
    return C


@st.composite
def weighted(draw, n: int):
    weights = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    assume(sum(weights) > 0)
    return np.array(weights, dtype=float)


def random_plan(rng, a, b) -> np.ndarray:
    """Some plan of these marginals: a mixture of corners of shuffled orders."""
    plan = np.zeros((a.size, b.size))
    for share in rng.dirichlet(np.ones(3)):
        rows, columns = rng.permutation(a.size), rng.permutation(b.size)
        levels = np.union1d(np.cumsum(a[rows]), np.cumsum(b[columns]))
        widths = np.diff(levels, prepend=0.0)
        middles = levels - 0.5 * widths
        i = np.minimum(np.searchsorted(np.cumsum(a[rows]), middles), a.size - 1)
        j = np.minimum(np.searchsorted(np.cumsum(b[columns]), middles), b.size - 1)
        np.add.at(plan, (rows[i], columns[j]), share * widths)
    return plan


def value_of(Cx, Cy, plan) -> float:
    losses = (Cx[:, None, :, None] - Cy[None, :, None, :]) ** 2
    return float(np.einsum("ijkl,ij,kl->", losses, plan, plan))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_value_and_bounds_hold_in_exact_arithmetic(data):
    Cx, Cy = data.draw(spaces()), data.draw(spaces())
    a, b = data.draw(weighted(len(Cx))), data.draw(weighted(len(Cy)))
    result = gromov_wasserstein_matrix(Cx, Cy, x_weights=a, y_weights=b)
    exact = exact_value(Cx, Cy, result.plan)
    scale = max(np.abs(Cx).max(), np.abs(Cy).max(), 1e-300) ** 2
    assert abs(float(exact) - result.value) <= 1e-12 * scale
    assert float(exact) <= result.bounds.upper + 1e-15 * scale
    assert result.bounds.lower <= result.value <= result.bounds.upper
    assert np.allclose(result.plan.row_sums(), a / a.sum(), atol=1e-15)
    assert np.allclose(result.plan.column_sums(), b / b.sum(), atol=1e-15)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_no_plan_is_below_the_lower_bound(data, seed):
    Cx, Cy = data.draw(spaces()), data.draw(spaces())
    a, b = data.draw(weighted(len(Cx))), data.draw(weighted(len(Cy)))
    result = gromov_wasserstein_matrix(Cx, Cy, x_weights=a, y_weights=b, n_starts=1)
    rng = np.random.default_rng(seed)
    scale = (np.abs(Cx).max() + np.abs(Cy).max()) ** 2
    for _ in range(20):
        plan = random_plan(rng, a / a.sum(), b / b.sum())
        assert result.bounds.lower <= value_of(Cx, Cy, plan) + 1e-12 * scale


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_best_permutation_is_between_the_bounds_where_it_is_best_of_all(data):
    """With negative type of both, the objective is concave and a permutation is optimal."""
    n = data.draw(st.integers(2, 5))
    coordinates = st.lists(st.integers(-5, 5), min_size=2 * n, max_size=2 * n)
    clouds = [np.array(data.draw(coordinates), float).reshape(n, 2) for _ in range(2)]
    Cx, Cy = (np.square(x[:, None] - x[None]).sum(axis=2) for x in clouds)
    best = min(
        np.square(Cx - Cy[np.ix_(order, order)]).sum() / n**2
        for order in map(list, itertools.permutations(range(n)))
    )
    result = gromov_wasserstein_matrix(Cx, Cy, n_starts=8)
    slack = 1e-12 * (Cx.max() + Cy.max()) ** 2
    assert result.bounds.lower <= best + slack
    assert best <= result.bounds.upper + slack


@settings(max_examples=40, deadline=None)
@given(C=spaces(symmetric=True), seed=st.integers(0, 2**32))
def test_a_space_in_another_order_is_no_distance_away(C, seed):
    order = np.random.default_rng(seed).permutation(len(C))
    result = gromov_wasserstein_matrix(C, C[np.ix_(order, order)], n_starts=2)
    assert result.bounds.lower <= 1e-9 * max(1.0, np.abs(C).max() ** 2)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_lower_bounds_come_in_order(data):
    Cx, Cy = data.draw(spaces(symmetric=True)), data.draw(spaces(symmetric=True))
    a, b = data.draw(weighted(len(Cx))), data.draw(weighted(len(Cy)))
    first, second, third = gromov_lower_bounds(Cx, Cy, x_weights=a, y_weights=b)
    slack = 1e-10 * (np.abs(Cx).max() + np.abs(Cy).max()) ** 2
    assert 0.0 <= first <= third + slack
    assert 0.0 <= second <= third + slack


@settings(max_examples=40, deadline=None)
@given(data=st.data(), alpha=st.sampled_from([0.1, 0.5, 1.0]))
def test_costs_of_pairs_count_by_their_share(data, alpha):
    Cx, Cy = data.draw(spaces(most=4)), data.draw(spaces(most=4))
    numbers = st.lists(st.integers(-3, 9), min_size=len(Cx) * len(Cy), max_size=len(Cx) * len(Cy))
    M = np.array(data.draw(numbers), dtype=float).reshape(len(Cx), len(Cy))
    result = gromov_wasserstein_matrix(Cx, Cy, feature_costs=M, alpha=alpha)
    exact = float(exact_value(Cx, Cy, result.plan, M, alpha))
    scale = max(np.abs(Cx).max(), np.abs(Cy).max()) ** 2 + np.abs(M).max()
    assert abs(exact - result.value) <= 1e-12 * max(scale, 1e-300)
    assert result.bounds.lower <= result.value <= result.bounds.upper


@settings(max_examples=30, deadline=None)
@given(data=st.data(), relax=st.sampled_from(["y", 0.3, 0.8]), seed=st.integers(0, 2**32))
def test_relaxed_plans_are_what_they_must_be_and_none_is_below_the_bound(data, relax, seed):
    Cx, Cy = data.draw(spaces(most=5)), data.draw(spaces(most=5))
    n, m = len(Cx), len(Cy)
    result = gromov_wasserstein_matrix(Cx, Cy, relax=relax)
    rows, columns = result.plan.row_sums(), result.plan.column_sums()
    if relax == "y":
        assert np.allclose(rows, 1.0 / n)
    else:
        assert (rows <= 1.0 / n + 1e-12).all()
        assert (columns <= 1.0 / m + 1e-12).all()
        assert result.plan.mass.sum() == pytest.approx(relax)
    scale = (np.abs(Cx).max() + np.abs(Cy).max()) ** 2
    rng = np.random.default_rng(seed)
    for _ in range(20):
        if relax == "y":
            plan = np.zeros((n, m))
            plan[np.arange(n), rng.integers(m, size=n)] = 1.0 / n
        else:
            full = random_plan(rng, np.full(n, 1.0 / n), np.full(m, 1.0 / m))
            keep = full * rng.random((n, m))
            short = relax - keep.sum()
            if short > 0.0:
                keep += (full - keep) * short / (full - keep).sum()
            plan = keep * (relax / keep.sum())
        assert result.bounds.lower <= value_of(Cx, Cy, plan) + 1e-12 * scale


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_relative_entropies_of_entries_are_bounded_too(data):
    n, m = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    Cx, Cy = rng.integers(0, 4, (n, n)).astype(float), rng.integers(1, 5, (m, m)).astype(float)
    result = gromov_wasserstein_matrix(Cx, Cy, loss="kl")
    u, v = Cx[:, None, :, None], Cy[None, :, None, :]
    losses = np.where(u > 0.0, u * np.log(np.where(u > 0.0, u, 1.0) / v), 0.0) - u + v
    plan = result.plan.toarray()
    value = np.einsum("ijkl,ij,kl->", losses, plan, plan)
    assert value == pytest.approx(result.value, abs=1e-12)
    for _ in range(10):
        other = random_plan(rng, np.full(n, 1.0 / n), np.full(m, 1.0 / m))
        assert result.bounds.lower <= np.einsum("ijkl,ij,kl->", losses, other, other) + 1e-12


@settings(max_examples=25, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_no_space_is_nearer_to_several_than_the_bound_of_their_pairs(data, seed):
    matrices = [data.draw(spaces(most=4, symmetric=True)) for _ in range(3)]
    weights = np.array([0.5, 0.25, 0.25])
    result = gromov_barycenter(matrices, size=3, weights=weights)
    assert result.bounds.lower <= result.value <= result.bounds.upper
    total = sum(
        weight * float(exact_value(result.matrix, C, plan))
        for weight, C, plan in zip(weights, matrices, result.plans, strict=True)
    )
    scale = max(np.abs(C).max() for C in matrices) ** 2
    assert total == pytest.approx(result.value, abs=1e-12 * max(scale, 1e-300))
    rng = np.random.default_rng(seed)
    for C in matrices:
        other = rng.normal(size=(2, 2)) * np.sqrt(scale)
        even = np.full(2, 0.5)
        value = sum(
            weight * value_of(other, D, random_plan(rng, even, np.full(len(D), 1.0 / len(D))))
            for weight, D in zip(weights, matrices, strict=True)
        )
        assert result.bounds.lower <= value + 1e-9 * max(scale, 1.0), C
