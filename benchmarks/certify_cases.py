"""The problems on which peers are certified: clouds, images and words, small to large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .problems import clouds, images


@dataclass(frozen=True)
class Case:
    """A family of problems, its sizes, and the epsilons as shares of the mean cost."""

    name: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...] = ()
    shares: tuple[float, ...] = (0.05, 0.005)


def words(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Two texts in one vocabulary: n unit vectors in 50 dimensions around 40 topics, Zipf weights.

    Frequencies of the second text are those of the first with the words of a topic exchanged for
    those of others, as where two texts speak of other things in the same language.
    """
    topics, topic = rng.normal(size=(40, 50)), rng.integers(40, size=n)
    vectors = topics[topic] + 0.7 * rng.normal(size=(n, 50))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shares = 1.0 / (rng.permutation(n) + 1.0)
    tilts = rng.lognormal(0.0, 1.5, (2, 40))
    a, b = shares * tilts[0][topic], shares * tilts[1][topic]
    return {"x": vectors, "y": vectors, "a": a / a.sum(), "b": b / b.sum(), "cost": "euclidean"}


MAKERS = {
    "clouds, d = 2": clouds("uniform against normal", 2, "uniform", "sqeuclidean"),
    "clouds, d = 3, random weights": clouds("uniform against normal", 3, "random", "sqeuclidean"),
    "clouds, d = 10": clouds("uniform against normal", 10, "uniform", "sqeuclidean"),
    "clouds, d = 50, random weights": clouds("uniform against normal", 50, "random", "sqeuclidean"),
    "images, shapes": images("shapes"),
    "images, Cauchy densities": images("Cauchy density"),
    "words, d = 50": words,
}
# One epsilon, and fewer sizes, where a call of a peer takes its whole time limit.
_LARGE = (10_000, 50_000)
CASES = [
    Case("clouds, d = 2", (1000,), (200,)),
    Case("clouds, d = 2", _LARGE, shares=(0.05,)),
    Case("clouds, d = 3, random weights", (1000, *_LARGE), shares=(0.05,)),
    Case("clouds, d = 10", (1000, *_LARGE), (200,), shares=(0.05,)),
    Case("clouds, d = 50, random weights", (1000, *_LARGE), shares=(0.05,)),
    Case("images, shapes", (1024,), (256,), shares=(0.05,)),
    Case("images, Cauchy densities", (1024, 4096), shares=(0.05,)),
    Case("words, d = 50", (1000,), (200,), shares=(0.05,)),
]
# Pairs from which the mean cost is taken: epsilon needs no more.
_MEAN_ATOMS = 2000


def make_case(name: str, n: int, share: float | None) -> tuple[dict[str, Any], float]:
    """Data of a case, and its epsilon in the unit of the cost."""
    data = MAKERS[name](np.random.default_rng([7, n]), n)
    return data, 0.0 if share is None else share * _mean_cost(data)


def _mean_cost(data: dict[str, Any]) -> float:
    """Mean of the costs over pairs of the first atoms."""
    x, y = data["x"][:_MEAN_ATOMS], data["y"][:_MEAN_ATOMS]
    squares = np.square(x).sum(1)[:, None] + np.square(y).sum(1) - 2.0 * x @ y.T
    costs = squares if data["cost"] == "sqeuclidean" else np.sqrt(np.maximum(squares, 0.0))
    return float(costs.mean())
