"""Claims about mixtures of Gaussians and the maps between them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import distances
from ...distances.laws import maps, mixtures
from ...measures import Gaussian
from ...mixtures import GaussianMixture
from ..cases import numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .sources import BURES, DELON, GELBRICH

TOPIC = Topic("mixtures", "Mixtures of Gaussians")


def _case() -> Any:
    return tuples(seeds(), numbers(1, 4, whole=True), numbers(1, 3, whole=True))


def _mixture(rng: np.random.Generator, d: int) -> GaussianMixture:
    k = int(rng.integers(1, 5))
    roots = rng.normal(size=(k, d, d))
    return GaussianMixture(
        3.0 * rng.normal(size=(k, d)),
        covariances=roots @ roots.transpose(0, 2, 1) + 0.01 * np.eye(d),
        weights=rng.dirichlet(np.ones(k)),
    )


def _gaussian(rng: np.random.Generator, d: int) -> Gaussian:
    root = rng.normal(size=(d, d))
    return Gaussian(rng.normal(size=d), covariance=root @ root.T + 0.01 * np.eye(d))


@TOPIC.claim(
    "mixture-distance-above-w2",
    item=84,
    title="Plans of components are plans",
    statement="W2 <= MW2 between mixtures on the line",
    source=DELON.at("section 4"),
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _above(case: Any) -> float:
    rng = np.random.default_rng(case[0])
    x, y = _mixture(rng, 1), _mixture(rng, 1)
    return at_most(
        distances.wasserstein2(x, y), mixtures.gaussian_mixture_distance(x, y), tolerance=1e-8
    )


@TOPIC.claim(
    "mixture-distance-not-far-above",
    item=84,
    title="How far transport of components is above",
    statement="MW2 <= W2 + sum over both of sqrt(2 sum_k w_k tr(S_k)), on the line",
    source=DELON.at("proposition 6"),
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _not_far(case: Any) -> float:
    rng = np.random.default_rng(case[0])
    x, y = _mixture(rng, 1), _mixture(rng, 1)
    room = math.fsum(
        math.sqrt(2.0 * float(law.weights @ law.covariances[:, 0, 0])) for law in (x, y)
    )
    found = mixtures.gaussian_mixture_distance(x, y)
    return at_most(found, distances.wasserstein2(x, y) + room, tolerance=1e-8)


@TOPIC.claim(
    "gelbrich-bound",
    item=84,
    title="Gaussians of the same moments are not farther",
    statement="W2(N(m, S), N(m', S')) <= MW2 for mixtures of these means and covariances",
    source=GELBRICH,
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _moments(case: Any) -> float:
    seed, _, d = case
    rng = np.random.default_rng(seed)
    x, y = _mixture(rng, d), _mixture(rng, d)
    normal = (Gaussian(law.mean, covariance=law.covariance) for law in (x, y))
    below = distances.wasserstein2(*normal)
    return at_most(below, mixtures.gaussian_mixture_distance(x, y), tolerance=1e-7)


@TOPIC.claim(
    "monge-map-of-gaussians",
    item=84,
    title="A linear map moves one Gaussian onto another at their distance",
    statement="E|X - T(X)|^2 = W2^2(N(m, S), N(m', S')) for T(x) = m' + A (x - m)",
    source=BURES,
    kind=Kind.EQUALITY,
    cases=_case,
)
def _map(case: Any) -> float:
    seed, _, d = case
    rng = np.random.default_rng(seed)
    x, y = _gaussian(rng, d), _gaussian(rng, d)
    apart = np.eye(d) - maps.monge_map(x, y).matrix
    square = float(np.square(x.mean - y.mean).sum() + np.trace(apart @ x.covariance @ apart))
    return equal(square, distances.wasserstein2(x, y) ** 2, tolerance=1e-7)
