"""Claims about batches instead of laws: biased gradients, means, medians and centres."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ... import distances
from ..._typing import FloatArray
from ...measures import DiscreteMeasure
from ..cases import choices, functional, measures, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, condition, equal
from .shorthand import law
from .sources import BELLEMARE, STANCZUK, ZHENG

TOPIC = Topic("minibatches", "Minibatches, medians and k-means")


def _dirac_cases() -> Any:
    return tuples(measures(1), seeds())


@TOPIC.claim(
    "distance-to-a-point",
    item=71,
    title="The distance to a point",
    statement="W1(P, d_m) = E|x - m| and W2(P, d_m)^2 = E|x - m|^2",
    source=ZHENG.at("reason 2"),
    kind=Kind.EQUALITY,
    cases=_dirac_cases,
)
def _to_a_point(case: Any) -> float:
    (p,), seed = case
    m = 3.0 * np.random.default_rng(seed).normal(size=(1, p.d))
    lengths = np.linalg.norm(p.points - m, axis=1)
    point, scale = DiscreteMeasure(points=m), 4.0 + float(np.abs(p.points).max())
    square = distances.wasserstein2(p, point) ** 2
    return min(
        equal(distances.wasserstein1(p, point), math.fsum(p.weights * lengths), scale=scale),
        equal(square, math.fsum(p.weights * lengths**2), scale=16.0 * scale**2),
    )


@TOPIC.claim(
    "mean-is-nearest-in-w1",
    item=72,
    also=(71,),
    title="The mean as the nearest point in W1",
    statement="W1(P, d_mean) <= W1(P, d_c) for every c",
    source=ZHENG.at("reasons 2 and 3, mean sample and k-means centres"),
    kind=Kind.COUNTEREXAMPLE,
    cases=_dirac_cases,
    holds=False,
    correction="The geometric median is nearest in W1; the mean is nearest in W2. So the likeness "
    "to k-means is exact for the squared cost only.",
    witnesses=(((law([0.0, 0.0, 1.0]),), 0),),
)
def _mean_nearest(case: Any) -> float:
    (p,), _ = case
    mean = DiscreteMeasure(points=(p.weights @ p.points)[None] / p.weights.sum())
    at_mean = distances.wasserstein1(p, mean)
    atoms = [distances.wasserstein1(p, DiscreteMeasure(points=x[None])) for x in p.points]
    return at_most(at_mean, min(atoms), tolerance=1e-9)


@TOPIC.claim(
    "mean-is-nearest-in-w2",
    item=72,
    title="The mean is nearest in W2",
    statement="W2(P, d_c)^2 = W2(P, d_mean)^2 + |c - mean|^2",
    source=STANCZUK.at("on the cost function"),
    kind=Kind.EQUALITY,
    cases=_dirac_cases,
)
def _mean_nearest_w2(case: Any) -> float:
    (p,), seed = case
    mean = (p.weights @ p.points)[None] / p.weights.sum()
    c = mean + np.random.default_rng(seed).normal(size=mean.shape)
    left = distances.wasserstein2(p, DiscreteMeasure(points=c)) ** 2
    right = distances.wasserstein2(p, DiscreteMeasure(points=mean)) ** 2
    scale = (4.0 + float(np.abs(p.points).max())) ** 2
    return equal(left, right + float(((c - mean) ** 2).sum()), scale=16.0 * scale)


@TOPIC.claim(
    "batches-farther-than-means-as-printed",
    item=71,
    also=(74,),
    title="Real batches are farther than their mean, as printed",
    statement="E W1(batch, batch') > W1(batch, copies of the mean sample)",
    source=ZHENG.at("reason 2"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: tuples(seeds(), choices([1, 2, 5])),
    holds=False,
    correction="True in high dimension with small batches only: for 64 points of N(0, I_d) it "
    "reverses near d = 20.",
    witnesses=((0, 1),),
)
def _batches_printed(case: Any) -> float:
    between, to_mean = _batch_distances(*case)
    return at_most(to_mean, between)


def _batch_distances(seed: int, d: int) -> tuple[float, float]:
    """W1 between two batches of 64 normal points, and to the mean of a training set of 1024."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 64, d))
    mean = rng.normal(size=(1024, d)).mean(axis=0)
    return distances.wasserstein1(x, y), float(np.linalg.norm(x - mean, axis=1).mean())


@TOPIC.claim(
    "batches-farther-than-means",
    item=71,
    also=(74,),
    title="Real batches against their mean, corrected",
    statement="64 points of N(0, I_d): E W1(batch, batch') exceeds E W1(batch, mean) by 15 % for "
    "d >= 100, and stays 15 % below it for d <= 5",
    source=ZHENG.at("reason 2, corrected"),
    kind=Kind.STATISTICAL,
    cases=lambda: tuples(seeds(), choices([1, 2, 3, 5, 100, 200])),
    budget=12,
    correction="Means of eight pairs of batches; measured, every margin is at least 15 standard "
    "errors wide.",
)
def _batches(case: Any) -> float:
    seed, d = case
    pairs = [_batch_distances(seed + k, d) for k in range(8)]
    between, to_mean = np.mean(pairs, axis=0)
    if d >= 100:
        return at_most(1.15 * to_mean, between)
    return at_most(between, 0.85 * to_mean)


def _biased_loss(real: Fraction, fake: Fraction, m: int) -> Fraction:
    """E |K/m - fake| for K binomial (m, real): W1 of an empirical Bernoulli law to B(fake)."""
    return sum(
        (
            math.comb(m, k) * real**k * (1 - real) ** (m - k) * abs(Fraction(k, m) - fake)
            for k in range(m + 1)
        ),
        Fraction(0),
    )


@TOPIC.claim(
    "biased-minibatch-loss",
    item=71,
    title="The expected W1 of one sample",
    statement="E W1(one draw of B(s), B(t)) = s + t (1 - 2 s), whose minimiser is 0 or 1, not s",
    source=BELLEMARE.at("section 3, Bernoulli laws"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(numbers(0, 40, whole=True), numbers(0, 40, whole=True)),
)
def _one_draw(case: Any) -> float:
    s, t = Fraction(case[0], 40), Fraction(case[1], 40)
    if _biased_loss(s, t, 1) != s + t * (1 - 2 * s):
        return -1.0
    # The library's distance of two laws on {0, 1}, averaged over the draw.
    law = [1.0 - float(t), float(t)]
    mean = float(1 - s) * distances.wasserstein1([0.0], [0.0, 1.0], y_weights=law)
    mean += float(s) * distances.wasserstein1([1.0], [0.0, 1.0], y_weights=law)
    return equal(mean, float(s + t * (1 - 2 * s)))


@TOPIC.claim(
    "minibatch-w1-unbiased",
    item=71,
    title="Minibatch gradients of W1 point to the data, as one might believe",
    statement="E W1(batch of m draws of B(s), B(t)) is least at t = s",
    source=BELLEMARE.at("section 3, Bernoulli laws"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: tuples(numbers(1, 39, whole=True), numbers(1, 9, whole=True)),
    holds=False,
    correction="It is least at the median of K/m: at t = 0 for s = .3, m = 1, and .2 for m = 5.",
    witnesses=((12, 1),),
)
def _unbiased(case: Any) -> float:
    s, m = Fraction(case[0], 40), case[1]
    least = min(_biased_loss(s, Fraction(k, m), m) for k in range(m + 1))
    return 1.0 if _biased_loss(s, s, m) <= least else -1.0


@TOPIC.claim(
    "minibatch-w1-minimiser",
    item=71,
    title="Where the expected W1 of a batch is least",
    statement="E W1(batch of m draws of B(s), B(t)) = E|K/m - t| is least at the median of K/m",
    source=BELLEMARE.at("section 3, for batches of m"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(
        numbers(1, 39, whole=True), numbers(1, 9, whole=True), numbers(0, 40, whole=True)
    ),
)
def _minimiser(case: Any) -> float:
    s, m, t = Fraction(case[0], 40), case[1], Fraction(case[2], 40)
    below, median = Fraction(0), 0
    while True:
        below += math.comb(m, median) * s**median * (1 - s) ** (m - median)
        if below >= Fraction(1, 2):
            break
        median += 1
    excess = _biased_loss(s, t, m) - _biased_loss(s, Fraction(median, m), m)
    return 1.0 if excess >= 0 else -1.0


@TOPIC.claim(
    "batch-distance-is-positive",
    item=71,
    title="A batch of the data is not at distance zero from the data",
    statement="E W1(batch, batch') >= E W1(batch, law) > 0 even when both come from the law",
    source=STANCZUK.at("on batches"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(numbers(1, 39, whole=True), numbers(1, 6, whole=True)),
    correction="Exact for Bernoulli laws: E|K - K'|/m >= E|K/m - s|, by Jensen's inequality.",
)
def _positive(case: Any) -> float:
    s, m = Fraction(case[0], 40), case[1]
    chances = [math.comb(m, k) * s**k * (1 - s) ** (m - k) for k in range(m + 1)]
    pairs = sum(
        a * b * abs(Fraction(j - k, m))
        for j, a in enumerate(chances)
        for k, b in enumerate(chances)
    )
    return 1.0 if pairs >= _biased_loss(s, s, m) > 0 else -1.0


def _centres_case() -> Any:
    return functional(
        lambda draw: (
            *draw(measures(1, d=2)),
            draw(seeds()),
            draw(numbers(1, 3, whole=True)),
        )
    )


def _cells(case: Any) -> tuple[DiscreteMeasure, FloatArray, FloatArray, Any]:
    """The law, centres, distances (n, k) to them, and the masses of their Voronoi cells."""
    p, seed, k = case
    centres = 3.0 * np.random.default_rng(seed).normal(size=(k, 2))
    lengths = np.linalg.norm(p.points[:, None] - centres, axis=2)
    masses = np.bincount(lengths.argmin(axis=1), weights=p.weights, minlength=k)
    return p, centres, lengths, masses


@TOPIC.claim(
    "k-means-is-w2",
    item=72,
    title="The best k points in W2 are those of k-means",
    statement="min over weights of W2(P, sum_j w_j d_{c_j})^2 = E min_j |x - c_j|^2, at the masses "
    "of the Voronoi cells",
    source=ZHENG.at("reason 3"),
    kind=Kind.EQUALITY,
    cases=_centres_case,
)
def _k_means(case: Any) -> float:
    p, centres, lengths, masses = _cells(case)
    inertia = math.fsum(p.weights * lengths.min(axis=1) ** 2)
    best = DiscreteMeasure(points=centres, weights=masses)
    other = DiscreteMeasure(points=centres, weights=np.full(len(centres), 1.0 / len(centres)))
    scale = 16.0 * (4.0 + float(np.abs(p.points).max())) ** 2
    return min(
        equal(distances.wasserstein2(p, best) ** 2, inertia, scale=scale),
        condition(at_most(inertia, distances.wasserstein2(p, other) ** 2, scale=scale)),
    )


@TOPIC.claim(
    "k-medians-is-w1",
    item=72,
    title="The analogue in W1 is k-medians",
    statement="min over weights of W1(P, sum_j w_j d_{c_j}) = E min_j |x - c_j|, at these masses",
    source=ZHENG.at("reason 3, corrected"),
    kind=Kind.EQUALITY,
    cases=_centres_case,
)
def _k_medians(case: Any) -> float:
    p, centres, lengths, masses = _cells(case)
    cost = math.fsum(p.weights * lengths.min(axis=1))
    best = DiscreteMeasure(points=centres, weights=masses)
    other = DiscreteMeasure(points=centres, weights=np.full(len(centres), 1.0 / len(centres)))
    scale = 4.0 + float(np.abs(p.points).max())
    return min(
        equal(distances.wasserstein1(p, best), cost, scale=scale),
        condition(at_most(cost, distances.wasserstein1(p, other), scale=scale)),
    )
