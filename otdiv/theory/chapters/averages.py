"""Claims about barycenters: the measure that is near several others on average."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np

from ... import barycenters, distances
from ..._typing import FloatArray
from ...measures import DiscreteMeasure, Gaussian
from ..cases import numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .sources import AGUEH, DERIVED

TOPIC = Topic("averages", "Barycenters")


def _case() -> Any:
    return tuples(seeds(), numbers(2, 4, whole=True), numbers(1, 6, whole=True))


def _pairs(weights: FloatArray, squares: Any) -> float:
    """sum_{i<j} w_i w_j W2²."""
    pairs = combinations(range(len(weights)), 2)
    return math.fsum(float(weights[i] * weights[j]) * squares(i, j) for i, j in pairs)


def _shares(rng: np.random.Generator, k: int) -> FloatArray:
    weights = rng.dirichlet(np.ones(k))
    return np.asarray(weights / math.fsum(weights))


@TOPIC.claim(
    "multi-marginal-identity",
    item=86,
    title="On the line the pairs say what the barycenter costs",
    statement="on the line min_a sum_k w_k W2^2(a, b_k) = sum_{i<j} w_i w_j W2^2(b_i, b_j)",
    source=AGUEH.at("section 4"),
    kind=Kind.EQUALITY,
    cases=_case,
)
def _identity(case: Any) -> float:
    seed, k, n = case
    rng = np.random.default_rng(seed)
    samples = [rng.normal(size=n + j) for j in range(k)]
    weights = _shares(rng, k)
    found = barycenters.barycenter(samples, weights=weights)
    apart = _pairs(weights, lambda i, j: distances.wasserstein2(samples[i], samples[j]) ** 2)
    return equal(found.value, apart, tolerance=1e-9)


@TOPIC.claim(
    "multi-marginal-bound",
    item=86,
    title="Elsewhere they say what it costs at least",
    statement="sum_k w_k W2^2(a, b_k) >= sum_{i<j} w_i w_j W2^2(b_i, b_j) for every law a",
    source=AGUEH.at("section 4"),
    kind=Kind.INEQUALITY,
    cases=_case,
)
def _bound(case: Any) -> float:
    seed, k, n = case
    rng = np.random.default_rng(seed)
    samples = [rng.normal(size=(n + j, 2)) for j in range(k)]
    weights = _shares(rng, k)
    other = DiscreteMeasure(rng.normal(size=(n, 2)), weights=rng.dirichlet(np.ones(n)))
    other = DiscreteMeasure(other.points, weights=other.weights / other.mass)
    value = math.fsum(
        float(w) * distances.wasserstein2(other, sample) ** 2
        for w, sample in zip(weights, samples, strict=True)
    )
    apart = _pairs(weights, lambda i, j: distances.wasserstein2(samples[i], samples[j]) ** 2)
    return at_most(apart, value, tolerance=1e-9)


@TOPIC.claim(
    "bures-dual",
    item=86,
    title="The barycenter of Gaussians has a closed-form dual",
    statement="the least sum_k w_k W2^2(a, N_k) lies within 1e-9 of quadratic potentials' bound",
    source=DERIVED,
    kind=Kind.EQUALITY,
    cases=_case,
)
def _bures(case: Any) -> float:
    seed, k, n = case
    rng = np.random.default_rng(seed)
    d = 1 + n % 3
    laws = []
    for _ in range(k):
        root = rng.normal(size=(d, d))
        laws.append(Gaussian(rng.normal(size=d), covariance=root @ root.T + 0.1 * np.eye(d)))
    weights = _shares(rng, k)
    found = barycenters.barycenter(laws, weights=weights)
    value = math.fsum(
        float(w) * distances.wasserstein2(found.measure, law) ** 2
        for w, law in zip(weights, laws, strict=True)
    )
    return equal(value, found.bounds.lower, tolerance=1e-7)


@TOPIC.claim(
    "barycenter-of-shifts",
    item=86,
    title="Of shifted copies the barycenter is the copy at the mean shift",
    statement="sum_k w_k W2^2(a, b + t_k) is least at b + mean t, the variance of the shifts",
    source=DERIVED,
    kind=Kind.EQUALITY,
    cases=_case,
)
def _shifts(case: Any) -> float:
    seed, k, n = case
    rng = np.random.default_rng(seed)
    points, shifts = rng.normal(size=(n, 2)), rng.normal(size=(k, 2))
    found = barycenters.barycenter([points + shift for shift in shifts])
    variance = float(np.square(shifts - shifts.mean(axis=0)).sum(axis=1).mean())
    return equal(found.value, variance, tolerance=1e-9)
