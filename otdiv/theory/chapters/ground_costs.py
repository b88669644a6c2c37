"""Claims about costs other than norms: circles, spheres, angles, and truncated distances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import distances, solving
from ..._typing import FloatArray
from ...costs import Cosine, Euclidean, Geodesic, Huber, Periodic, Truncated
from ..cases import choices, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .sources import CIRCLE, DERIVED, VILLANI

TOPIC = Topic("ground_costs", "Circles, spheres and truncated distances")


def _case() -> Any:
    return tuples(seeds(), numbers(1, 9, whole=True), numbers(1, 9, whole=True))


def _on_sphere(rng: np.random.Generator, n: int) -> FloatArray:
    """Longitudes and latitudes (n, 2) in degrees, uniform on the sphere."""
    heights = np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, n)))
    return np.stack([rng.uniform(-180.0, 180.0, n), heights], axis=1)


def _vectors(points: FloatArray) -> FloatArray:
    longitude, latitude = np.radians(points).T
    across = np.cos(latitude)
    columns = across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)
    return np.stack(columns, axis=1)


@TOPIC.claim(
    "w1-on-the-circle",
    item=81,
    title="W1 on the circle is a distance of distribution functions from a median",
    statement="W1 = min over c of the integral of |F - G - c| around the circle, at c = the median",
    source=CIRCLE.at("section 3"),
    kind=Kind.EQUALITY,
    cases=_case,
)
def _median(case: Any) -> float:
    seed, n, m = case
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.0, 24.0, n), rng.uniform(0.0, 24.0, m)
    places = np.sort(np.concatenate([x, y]))
    F, G = (np.searchsorted(np.sort(side), places, side="right") / side.size for side in (x, y))
    widths = np.diff(places, append=places[0] + 24.0)
    least = min(float(np.abs(F - G - c) @ widths) for c in F - G)
    found = distances.wasserstein1(x, y, metric=Periodic(24.0))
    return equal(found, least, tolerance=1e-11, scale=24.0)


@TOPIC.claim(
    "circle-is-not-farther-than-the-line",
    item=81,
    title="Going round can only be shorter",
    statement="W_p on the circle <= W_p on the line, for orders 1 and 2",
    source=DERIVED,
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _line(case: Any) -> float:
    seed, n, m = case
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.0, 1.0, n), rng.uniform(0.0, 1.0, m)
    ring = Periodic(1.0)
    return min(
        at_most(
            distances.wasserstein(x, y, p=p, metric=ring),
            distances.wasserstein(x, y, p=p),
            scale=1.0,
            tolerance=1e-8,
        )
        for p in (1.0, 2.0)
    )


@TOPIC.claim(
    "arcs-and-chords",
    item=81,
    title="Distances on a sphere and through it",
    statement="W1(chords) <= W1(arcs) <= pi / 2 W1(chords)",
    source=DERIVED,
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _chords(case: Any) -> float:
    seed, n, m = case
    rng = np.random.default_rng(seed)
    x, y = _on_sphere(rng, n), _on_sphere(rng, m)
    arcs = distances.wasserstein1(x, y, metric=Geodesic())
    chords = distances.wasserstein1(_vectors(x), _vectors(y))
    return min(at_most(chords, arcs), at_most(arcs, 0.5 * math.pi * chords))


@TOPIC.claim(
    "cosine-is-half-a-square",
    item=81,
    title="Cosine costs are squared distances of directions",
    statement="the optimum for 1 - cos(x, y) is W2^2(x/|x|, y/|y|) / 2",
    source=DERIVED,
    kind=Kind.EQUALITY,
    cases=_case,
)
def _cosine(case: Any) -> float:
    seed, n, m = case
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    directions = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    half = 0.5 * solving.transport(*directions, cost="sqeuclidean").value
    return equal(solving.transport(x, y, cost=Cosine()).value, half)


@TOPIC.claim(
    "truncated-wasserstein-is-a-metric",
    item=81,
    title="Truncated distances stay a metric",
    statement="with the ground metric min(d, t), W1(P, R) <= W1(P, Q) + W1(Q, R)",
    source=VILLANI.at("chapter 6"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(seeds(), numbers(1, 6, whole=True), choices([0.1, 0.5, 2.0])),
)
def _truncated(case: Any) -> float:
    seed, n, limit = case
    rng = np.random.default_rng(seed)
    p, q, r = (rng.normal(size=(n + k, 2)) for k in range(3))
    metric = Truncated(Euclidean(), limit=limit)
    way = distances.wasserstein1(p, q, metric=metric) + distances.wasserstein1(q, r, metric=metric)
    return at_most(distances.wasserstein1(p, r, metric=metric), way)


@TOPIC.claim(
    "huber-below-both",
    item=81,
    title="Huber's cost lies below both of its ends",
    statement="the optimum for Huber's cost is at most delta W1 and at most W2^2 / 2",
    source=DERIVED,
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(seeds(), numbers(1, 8, whole=True), choices([0.01, 0.3, 3.0])),
)
def _huber(case: Any) -> float:
    seed, n, delta = case
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(n + 1, 2))
    found = solving.transport(x, y, cost=Huber(delta)).value
    first = delta * distances.wasserstein1(x, y)
    second = 0.5 * solving.transport(x, y, cost="sqeuclidean").value
    return min(at_most(found, first), at_most(found, second))
