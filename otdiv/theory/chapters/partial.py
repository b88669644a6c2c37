"""Claims about transport of a part of the mass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import linprog

from ... import distances
from ...measures import DiscreteMeasure
from ...partial import norm, profile, transport
from ..cases import numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .sources import DERIVED, FIGALLI, HANIN, PICCOLI

TOPIC = Topic("partial", "Partial transport")


def _case() -> Any:
    return tuples(seeds(), numbers(1, 8, whole=True), numbers(1, 8, whole=True))


def _measure(rng: np.random.Generator, n: int) -> DiscreteMeasure:
    return DiscreteMeasure(rng.normal(size=(n, 2)), weights=rng.uniform(0.1, 2.0, n))


@TOPIC.claim(
    "partial-cost-is-convex",
    item=85,
    title="Each further unit is dearer",
    statement="v((s + t) / 2) <= (v(s) + v(t)) / 2 for the least cost v of moving a mass",
    source=FIGALLI.at("section 2"),
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _convex(case: Any) -> float:
    seed, n, m = case
    rng = np.random.default_rng(seed)
    x, y = _measure(rng, n), _measure(rng, m)
    s, t = rng.uniform(0.01, 1.0, 2) * min(x.mass, y.mass)

    def least(mass: float) -> float:
        return transport.partial_transport(x, y, mass=mass).value

    chord = 0.5 * (least(s) + least(t))
    return at_most(least(0.5 * (s + t)), chord, tolerance=1e-9, scale=1e-3)


@TOPIC.claim(
    "partial-duality",
    item=85,
    title="A price of what stays chooses a mass",
    statement="the value at reach r is min over s of v(s) + r (|a| + |b| - 2 s)",
    source=DERIVED,
    kind=Kind.EQUALITY,
    cases=_case,
)
def _dual(case: Any) -> float:
    seed, n, m = case
    rng = np.random.default_rng(seed)
    x, y = _measure(rng, n), _measure(rng, m)
    reach = float(rng.uniform(0.1, 2.0))
    found = transport.partial_transport(x, y, reach=reach)
    curve = profile.partial_transport_profile(x, y, rtol=1e-9)
    masses = curve.masses
    least = float(np.min(curve.upper + reach * (x.mass + y.mass - 2.0 * masses)))
    return equal(found.value, least, tolerance=1e-7, scale=1.0)


@TOPIC.claim(
    "kantorovich-rubinstein-dual",
    item=85,
    title="The norm of Kantorovich and Rubinstein is a maximum over bounded critics",
    statement="KR_r(a, b) = max of sum a f - sum b f over |f| <= r with Lipschitz constant 1",
    source=HANIN,
    kind=Kind.EQUALITY,
    cases=_case,
)
def _critics(case: Any) -> float:
    seed, n, m = case
    rng = np.random.default_rng(seed)
    x, y = _measure(rng, n), _measure(rng, m)
    reach = float(rng.uniform(0.1, 2.0))
    z = np.concatenate([x.points, y.points])
    k = n + m
    first, second = np.nonzero(~np.eye(k, dtype=bool))
    rows = np.zeros((first.size, k))
    rows[np.arange(first.size), first] = 1.0
    rows[np.arange(first.size), second] = -1.0
    apart = np.linalg.norm(z[first] - z[second], axis=1)
    weights = np.concatenate([x.weights, -y.weights])
    best = linprog(-weights, A_ub=rows, b_ub=apart, bounds=(-reach, reach), method="highs")
    found = norm.kantorovich_rubinstein(x, y, reach=reach)
    return equal(found, -float(best.fun), tolerance=1e-7, scale=1.0)


@TOPIC.claim(
    "kantorovich-rubinstein-between",
    item=85,
    title="Between the whole transport and none",
    statement="KR_r <= min(W1, 2 r TV) and KR_r = W1 from r >= half the diameter on",
    source=PICCOLI.at("section 2"),
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _between(case: Any) -> float:
    seed, n, m = case
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
    reach = float(rng.uniform(0.1, 2.0))
    whole = distances.wasserstein1(x, y)
    found = norm.kantorovich_rubinstein(x, y, reach=reach)
    far = float(np.ptp(np.concatenate([x, y]), axis=0).sum())
    large = norm.kantorovich_rubinstein(x, y, reach=max(far, 1e-9))
    return min(
        at_most(found, min(whole, 2.0 * reach), tolerance=1e-9),
        equal(large, whole, tolerance=1e-9, scale=math.hypot(1.0, whole)),
    )
