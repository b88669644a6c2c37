"""Claims about distances between persistence diagrams."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import diagrams
from ..._typing import FloatArray
from ..cases import choices, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most
from .sources import DIVOL, STABILITY

TOPIC = Topic("diagrams", "Persistence diagrams")


def _case() -> Any:
    return tuples(seeds(), numbers(0, 12, whole=True), choices([1.0, 2.0, math.inf]))


def _diagram(rng: np.random.Generator, n: int) -> FloatArray:
    births = rng.normal(size=n)
    return np.stack([births, births + rng.exponential(size=n)], axis=1)


def _of_path(values: FloatArray) -> FloatArray:
    """Pairs of the components of the sets {f <= t} of a function on a path.

    A component that meets an older one dies there.
    """
    parent: dict[int, int] = {}
    pairs = []

    def oldest(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i in np.argsort(values, kind="stable").tolist():
        parent[i] = i
        for beside in (i - 1, i + 1):
            if beside in parent:
                old, young = sorted((oldest(i), oldest(beside)), key=lambda k: values[k])
                if old != young:
                    pairs.append((values[young], values[i]))
                    parent[young] = old
    return np.array([*pairs, (values.min(), math.inf)])


@TOPIC.claim(
    "bottleneck-stability",
    item=83,
    title="Diagrams are stable",
    statement="W_inf(diagram of f, diagram of g) <= max |f - g|",
    source=STABILITY.at("the main theorem"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(seeds(), numbers(1, 30, whole=True), numbers(0.0, 3.0)),
)
def _stability(case: Any) -> float:
    seed, n, size = case
    rng = np.random.default_rng(seed)
    f = rng.normal(size=n).cumsum()
    g = f + rng.uniform(-size, size, n)
    moved = diagrams.bottleneck_distance(_of_path(f), _of_path(g))
    return at_most(moved, float(np.abs(f - g).max()), scale=float(np.abs(f).max()))


@TOPIC.claim(
    "diagram-distances-are-metrics",
    item=83,
    title="The diagonal does not spoil the metric",
    statement="W_p(D, F) <= W_p(D, E) + W_p(E, F) for diagrams, p = 1, 2 and inf",
    source=DIVOL.at("section 2"),
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _triangle(case: Any) -> float:
    seed, n, p = case
    rng = np.random.default_rng(seed)
    first, second, third = (_diagram(rng, int(rng.integers(0, n + 1))) for _ in range(3))

    def distance(x: FloatArray, y: FloatArray) -> float:
        return diagrams.persistence_distance(x, y, p=p)

    way = distance(first, second) + distance(second, third)
    return at_most(distance(first, third), way, tolerance=1e-9)


@TOPIC.claim(
    "diagram-orders",
    item=83,
    title="The bottleneck is the limit of the orders",
    statement="W_inf <= W_p <= k^(1/p) W_inf for k points in both",
    source=DIVOL.at("section 2"),
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _orders(case: Any) -> float:
    seed, n, _ = case
    rng = np.random.default_rng(seed)
    x, y = _diagram(rng, n), _diagram(rng, int(rng.integers(0, 12)))
    longest = diagrams.bottleneck_distance(x, y)
    middle = diagrams.persistence_distance(x, y, p=4.0)
    most = longest * max(1, len(x) + len(y)) ** 0.25
    return min(at_most(longest, middle, tolerance=1e-9), at_most(middle, most, tolerance=1e-9))
