"""Claims about transport of which mass may be lost or made."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import unbalanced
from ...costs import Euclidean
from ..cases import choices, measures, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .shorthand import extent
from .sources import HANIN, LIERO, SEJOURNE

TOPIC = Topic("unbalanced_transport", "Transport of which mass may be lost or made")

# Units of the reach and of epsilon, over the extent of the points.
_SIZES = (0.1, 1.0, 10.0)


@TOPIC.claim(
    "flat-norm",
    item=87,
    title="Duality with bounded functions",
    statement="transport with total variation of a metric cost is the largest E_P f - E_Q f over "
    "1-Lipschitz f with |f| <= reach",
    source=HANIN.at("sections 1 and 2"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(measures(2, max_size=4), choices(_SIZES)),
)
def _flat_norm(case: Any) -> float:
    from scipy.optimize import linprog

    (p, q), size = case
    scale = extent(p, q) or 1.0
    reach = size * scale
    points = np.concatenate([p.points, q.points])
    weights = np.concatenate([p.weights, -q.weights])
    n = len(points)
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    rows = (np.eye(n)[:, None] - np.eye(n)).reshape(-1, n)
    found = linprog(-weights, A_ub=rows, b_ub=distances.ravel(), bounds=(-reach, reach))
    problem = unbalanced.UnbalancedProblem(p, target=q, cost=Euclidean(), reach=reach, penalty="tv")
    value = unbalanced.unbalanced_transport(problem).value
    return equal(value, -float(found.fun), tolerance=1e-7, scale=scale)


@TOPIC.claim(
    "entropy-transport-weak-duality",
    item=87,
    title="Weak duality of entropy-transport",
    statement="reach (sum a (1 - exp(-f / reach)) + sum b (1 - exp(-g / reach))) is at most the "
    "value of transport with KL penalties, where f + g <= C",
    source=LIERO.at("theorem 4.11"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(measures(2, max_size=4), choices(_SIZES), seeds()),
)
def _weak_duality(case: Any) -> float:
    (p, q), size, seed = case
    scale = extent(p, q) or 1.0
    reach = size * scale
    C = np.linalg.norm(p.points[:, None] - q.points, axis=2)
    f = 0.5 * scale * np.random.default_rng(seed).normal(size=len(p.points))
    g = (C - f[:, None]).min(axis=0)
    worth = reach * math.fsum(p.weights * -np.expm1(-f / reach))
    worth += reach * math.fsum(q.weights * -np.expm1(-g / reach))
    problem = unbalanced.UnbalancedProblem(p, target=q, cost=Euclidean(), reach=reach)
    result = unbalanced.unbalanced_transport(problem, throw=False)
    return at_most(worth, result.bounds.upper, scale=reach)


@TOPIC.claim(
    "unbalanced-divergence-is-not-negative",
    item=87,
    title="The unbalanced Sinkhorn divergence is not negative",
    statement="S(P, Q) >= 0: its upper bound is not below zero before it is clipped",
    source=SEJOURNE.at("theorem 3"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(
        measures(2, max_size=4),
        choices(_SIZES),
        choices(("kl", "tv", "squared")),
        numbers(0.25, 4.0),
    ),
    correction="For squared penalties by the same argument: each side's own potentials are a pair "
    "for the dual of the cross term.",
)
def _not_negative(case: Any) -> float:
    (p, q), size, penalty, mass = case
    scale = extent(p, q) or 1.0
    q = type(q)(points=q.points, weights=mass * q.weights)
    found = {
        name: unbalanced.unbalanced_transport(
            unbalanced.UnbalancedProblem(
                first, target=second, cost=Euclidean(), reach=size * scale, penalty=penalty
            ),
            epsilon=0.3 * scale,
            rtol=1e-6,
            throw=False,
        ).bounds
        for name, first, second in (("cross", p, q), ("source", p, p), ("target", q, q))
    }
    upper = found["cross"].upper - 0.5 * (found["source"].lower + found["target"].lower)
    upper += 0.15 * scale * (p.mass - q.mass) ** 2
    return at_most(0.0, upper, scale=scale * (p.mass + q.mass) ** 2)
