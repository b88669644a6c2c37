"""Claims about plans between spaces that have nothing in common but numbers of pairs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..._typing import FloatArray
from ...gromov import averaging, lower_bounds, matrices
from ..cases import choices, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .sources import DERIVED, MEMOLI

TOPIC = Topic("spaces", "Gromov-Wasserstein: spaces without common coordinates")


def _case() -> Any:
    return tuples(seeds(), numbers(1, 7, whole=True), numbers(1, 7, whole=True))


def _space(rng: np.random.Generator, n: int) -> FloatArray:
    """Distances between points, a graph, or any symmetric numbers."""
    kind = int(rng.integers(3))
    if kind == 0:
        x = rng.normal(size=(n, 2))
        return np.asarray(np.sqrt(np.square(x[:, None] - x[None]).sum(axis=2)))
    full = rng.normal(size=(n, n)) if kind == 1 else (rng.random((n, n)) < 0.4).astype(float)
    return np.asarray(np.triu(full) + np.triu(full, 1).T)


def _plan(rng: np.random.Generator, a: FloatArray, b: FloatArray) -> FloatArray:
    """A plan of these marginals: a mixture of corners of shuffled orders."""
    plan = np.zeros((a.size, b.size))
    for share in rng.dirichlet(np.ones(3)):
        rows, columns = rng.permutation(a.size), rng.permutation(b.size)
        levels_a, levels_b = np.cumsum(a[rows]), np.cumsum(b[columns])
        levels = np.union1d(levels_a, levels_b)
        widths = np.diff(levels, prepend=0.0)
        middles = levels - 0.5 * widths
        i = np.minimum(np.searchsorted(levels_a, middles), a.size - 1)
        j = np.minimum(np.searchsorted(levels_b, middles), b.size - 1)
        np.add.at(plan, (rows[i], columns[j]), share * widths)
    return plan


def _value(x: FloatArray, y: FloatArray, plan: FloatArray) -> float:
    losses = np.square(x[:, None, :, None] - y[None, :, None, :])
    return float(np.einsum("ijkl,ij,kl->", losses, plan, plan))


def _scale(*spaces: FloatArray) -> float:
    return max(float(np.square(space).max()) for space in spaces) + 1e-300


@TOPIC.claim(
    "gromov-lower-bounds-in-order",
    item=82,
    title="What is kept of a row, of all entries, and of every row",
    statement="FLB <= TLB, SLB <= TLB, and TLB <= the value of every plan",
    source=MEMOLI.at("section 6"),
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _bounds(case: Any) -> float:
    seed, n, m = case
    rng = np.random.default_rng(seed)
    x, y = _space(rng, n), _space(rng, m)
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    first, second, third = lower_bounds.gromov_lower_bounds(x, y, x_weights=a, y_weights=b)
    value = _value(x, y, _plan(rng, a, b))
    scale = _scale(x, y)
    return min(
        at_most(first, third, scale=scale, tolerance=1e-10),
        at_most(second, third, scale=scale, tolerance=1e-10),
        at_most(third, value, scale=scale),
    )


@TOPIC.claim(
    "gromov-forgets-names",
    item=82,
    title="Points may change their names, and be split",
    statement="GW(C, C with points renumbered and split) = 0",
    source=MEMOLI.at("section 5"),
    kind=Kind.EQUALITY,
    cases=_case,
)
def _names(case: Any) -> float:
    seed, n, _ = case
    rng = np.random.default_rng(seed)
    x = _space(rng, n)
    copies = rng.integers(1, 3, n)
    order = rng.permutation(np.repeat(np.arange(n), copies))
    a = rng.dirichlet(np.ones(n))
    y = x[np.ix_(order, order)]
    b = a[order] / copies[order]
    plan = np.zeros((n, order.size))
    plan[order, np.arange(order.size)] = b
    below = lower_bounds.gromov_lower_bounds(x, y, x_weights=a, y_weights=b).third
    scale = _scale(x)
    value = _value(x, y, plan)
    return min(equal(value, 0.0, scale=scale), equal(below, 0.0, scale=scale, tolerance=1e-10))


@TOPIC.claim(
    "gromov-of-one-point",
    item=82,
    title="Against one point every plan is the same",
    statement="GW(C, one point) = sum a_i a_k C_ik^2",
    source=DERIVED,
    kind=Kind.EQUALITY,
    cases=_case,
)
def _point(case: Any) -> float:
    seed, n, _ = case
    rng = np.random.default_rng(seed)
    x, a = _space(rng, n), rng.dirichlet(np.ones(n))
    found = matrices.gromov_wasserstein_matrix(x, [[0.0]], x_weights=a, n_starts=1)
    return equal(found.value, float(a @ np.square(x) @ a), scale=_scale(x))


@TOPIC.claim(
    "gromov-glued-pairs",
    item=82,
    title="No space is nearer to several than their pairs allow",
    statement="sum_k w_k E(C, C_k; P_k) >= sum_{k<l} w_k w_l TLB(C_k, C_l)",
    source=DERIVED,
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(seeds(), numbers(1, 5, whole=True), choices([2, 3])),
)
def _glued(case: Any) -> float:
    seed, n, k = case
    rng = np.random.default_rng(seed)
    spaces = [_space(rng, int(rng.integers(1, 6))) for _ in range(k)]
    weights = rng.dirichlet(np.ones(k))
    weights /= math.fsum(weights)
    found = averaging.gromov_barycenter(spaces, size=n, weights=weights, max_iterations=2)
    other, a = _space(rng, n), rng.dirichlet(np.ones(n))
    value = math.fsum(
        w * _value(other, space, _plan(rng, a, np.full(len(space), 1.0 / len(space))))
        for w, space in zip(weights, spaces, strict=True)
    )
    return at_most(found.bounds.lower, value, scale=_scale(other, *spaces), tolerance=1e-10)
