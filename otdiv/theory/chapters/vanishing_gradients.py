"""Claims about supports that do not meet: perfect discriminators, lost gradients, noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import distances, divergences
from ..._typing import FloatArray
from ...measures import DiscreteMeasure
from ..cases import choices, functional, measures, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .random_networks import random_network
from .sources import PRINCIPLED, QI

TOPIC = Topic("vanishing_gradients", "Supports that do not meet, and noise")


@TOPIC.claim(
    "generated-laws-are-thin",
    item=14,
    title="A generator cannot fill a space of higher dimension",
    statement="near every g(z) the image of a network has dimension at most dim z: local rank",
    source=PRINCIPLED.at("lemma 1"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(
        seeds(), numbers(1, 3, whole=True), choices(["relu", "leaky", "tanh", "softplus"])
    ),
    correction="The singular values beyond dim z of twenty differences g(z + e) - g(z) with "
    "|e| near 1e-9 are below 1e-4 of the first.",
)
def _thin(case: Any) -> float:
    seed, k, name = case
    rng = np.random.default_rng(seed)
    network = random_network(rng, (k, 16, 16, k + 4), name)
    z = rng.normal(size=(1, k))
    # So near that hardly a draw has a kink of a ReLU between them.
    moved = network(z + 1e-9 * rng.normal(size=(20, k))) - network(z)
    values = np.linalg.svd(moved, compute_uv=False)
    return at_most(float(values[k]), 1e-4 * float(values[0]) + 1e-13)


def _separated_clouds() -> Any:
    """Two clouds of points that are at least 1/2 apart in the first coordinate."""

    def draw_case(draw: Any) -> Any:
        d = draw(numbers(1, 3, whole=True))
        sides = []
        for low, high in ((-10, -1), (1, 10)):
            n = draw(numbers(1, 4, whole=True))
            rows = [
                [draw(numbers(low, high, whole=True)) / 4.0]
                + [draw(numbers(-10, 10, whole=True)) / 4.0 for _ in range(d - 1)]
                for _ in range(n)
            ]
            sides.append(np.array(rows))
        return tuple(sides)

    return functional(draw_case)


def _smooth_step(t: FloatArray) -> FloatArray:
    """Infinitely differentiable: 1 for t <= 1, 0 for t >= 2."""

    def flat(s: FloatArray) -> FloatArray:
        return np.asarray(np.where(s > 0.0, np.exp(-1.0 / np.where(s > 0.0, s, 1.0)), 0.0))

    above, below = flat(2.0 - t), flat(t - 1.0)
    return np.asarray(above / (above + below))


@TOPIC.claim(
    "smooth-perfect-discriminator",
    item=15,
    also=(12,),
    title="A smooth perfect discriminator without gradient",
    statement="disjoint compact supports M, P have a smooth D with D = 1 on M, D = 0 on P, and "
    "grad D = 0 on both",
    source=PRINCIPLED.at("theorem 2.1"),
    kind=Kind.EQUALITY,
    cases=_separated_clouds,
    correction="D = bump(dist(x, M) / delta) with delta = dist(M, P) / 3.",
)
def _perfect(case: Any) -> float:
    real, fake = case

    def distance(x: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.norm(x[:, None] - real, axis=2).min(axis=1))

    delta = float(distance(fake).min()) / 3.0
    worst = 1.0
    for points, value in ((real, 1.0), (fake, 0.0)):
        probes = [points]
        for axis in range(points.shape[1]):
            step = np.zeros(points.shape[1])
            step[axis] = 1e-3 * delta
            probes += [points + step, points - step]
        for probe in probes:
            found = _smooth_step(distance(probe) / delta)
            worst = min(worst, equal(float(np.abs(found - value).max()), 0.0))
    return worst


@TOPIC.claim(
    "vanishing-generator-gradient",
    item=16,
    also=(12, 43),
    title="The generator's gradient vanishes with the discriminator's error",
    statement="|D - D*| + |grad D - grad D*| < e, E|J|^2 <= M^2: |grad E log(1 - D(g))| <= "
    "M e / (1 - e)",
    source=PRINCIPLED.at("theorem 2.4 and corollary 2.1"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(seeds(), numbers(0.001, 0.9)),
    correction="On the generated points D* = 0. D = e (1 + sin(w.x)) / 4 with |w| <= 2, an affine "
    "generator, and the gradient taken by differences of the loss.",
)
def _vanishing(case: Any) -> float:
    seed, epsilon = case
    rng = np.random.default_rng(seed)
    n, d, k = (int(size) for size in rng.integers((1, 1, 1), (9, 4, 5)))
    jacobians, offsets = rng.normal(size=(n, d, k)), rng.normal(size=(n, d))
    theta, w = rng.normal(size=k), rng.normal(size=d)
    w *= 2.0 * rng.random() / np.linalg.norm(w)

    def loss(parameters: FloatArray) -> float:
        d_values = 0.25 * epsilon * (1.0 + np.sin((jacobians @ parameters + offsets) @ w))
        return float(np.mean(np.log1p(-d_values)))

    step = 1e-5
    gradient = [
        (loss(theta + step * unit) - loss(theta - step * unit)) / (2.0 * step) for unit in np.eye(k)
    ]
    squares = np.linalg.norm(jacobians, ord=2, axis=(1, 2)) ** 2
    bound = math.sqrt(float(squares.mean())) * epsilon / (1.0 - epsilon)
    return at_most(float(np.linalg.norm(gradient)), bound + 1e-9)


def _segments() -> Any:
    return tuples(seeds(), choices([2, 3]))


@TOPIC.claim(
    "random-curves-do-not-overlap",
    item=17,
    title="Random segments do not overlap",
    statement="two random segments never meet in space, and meet in at most one point in the plane",
    source=PRINCIPLED.at("lemma 2, lemma 3 and theorem 2.2"),
    kind=Kind.STATISTICAL,
    cases=_segments,
    budget=100,
    correction="Coordinates from a continuous law: parallel segments and, in space, meeting ones "
    "have probability zero, in double precision below 1e-12.",
)
def _segments_meet(case: Any) -> float:
    seed, d = case
    a, b, c, e = np.random.default_rng(seed).normal(size=(4, d))
    u, v = b - a, e - c
    # Of a + s u = c + t v; more than one solution only if u and v are parallel.
    values = np.linalg.svd(np.stack([u, v], axis=1), compute_uv=False)
    if d == 2:
        return at_most(1e-12, float(values[1] / values[0]))
    gap = np.linalg.lstsq(np.stack([u, -v], axis=1), c - a, rcond=None)[1]
    return at_most(1e-24, float(gap[0]))


@TOPIC.claim(
    "thin-supports-are-singular-as-printed",
    item=17,
    title="Thin supports do not overlap, as printed",
    statement="laws on curves of the plane have JS = log 2, since their overlap has measure zero",
    source=QI.at("problems with log(1 - D)"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: tuples(numbers(1, 30, whole=True), numbers(0, 30, whole=True)),
    holds=False,
    correction="Only for curves that do not align, which holds almost surely after independent "
    "continuous perturbations (theorem 2.2 there). Here: two segments of one line.",
    witnesses=((3, 1),),
)
def _aligned(case: Any) -> float:
    n, shift = case
    line = np.stack([np.arange(n), np.zeros(n)], axis=1).astype(float)
    p = DiscreteMeasure(points=line)
    q = DiscreteMeasure(points=line + np.array([float(shift), 0.0]))
    return equal(divergences.js_divergence(p, q), math.log(2.0), tolerance=1e-9)


@TOPIC.claim(
    "singular-means-saturated",
    item=17,
    title="What singular supports do to JS, TV and KL",
    statement="no shared atom: JS = log 2, TV = 1, both KL infinite, at any distance",
    source=PRINCIPLED.at("theorem 2.3"),
    kind=Kind.EQUALITY,
    cases=_separated_clouds,
)
def _singular(case: Any) -> float:
    p, q = (DiscreteMeasure(points=points) for points in case)
    return min(
        equal(divergences.js_divergence(p, q), math.log(2.0)),
        equal(divergences.total_variation(p, q), 1.0),
        equal(divergences.kl_divergence(p, q), math.inf),
        equal(divergences.kl_divergence(q, p), math.inf),
    )


@TOPIC.claim(
    "noisy-gradients-are-cauchy",
    item=19,
    title="Instability of the non-saturating gradient",
    statement="with D - D* and its gradient independent centred Gaussian noise, each coordinate of "
    "the averaged -grad log D is centred Cauchy",
    source=PRINCIPLED.at("theorem 2.6"),
    kind=Kind.STATISTICAL,
    cases=seeds,
    budget=5,
    correction="On the generated points D* = 0, so the gradient is a ratio of Gaussians. "
    "Kolmogorov-Smirnov on 20000 averages of 64; 1e-5 false alarms a case, 5e-5 a run. Averaging "
    "over a batch does not help: the mean of Cauchy variables is as spread as one of them.",
)
def _cauchy(case: Any) -> float:
    from scipy.special import kolmogi

    rng = np.random.default_rng(case)
    noise, gradient = 0.1 + rng.random(2)
    ratios = (gradient * rng.normal(size=(20000, 64))) / (noise * rng.normal(size=(20000, 64)))
    means = np.sort(ratios.mean(axis=1))
    law = 0.5 + np.arctan(means * (noise / gradient)) / math.pi
    ranks = np.arange(20001) / 20000.0
    deviation = max(float(np.max(ranks[1:] - law)), float(np.max(law - ranks[:-1])))
    return 1.0 - deviation * math.sqrt(20000.0) / float(kolmogi(1e-5))


def _noisy(law: DiscreteMeasure, noise: DiscreteMeasure) -> DiscreteMeasure:
    """Law of X + e for independent X and e."""
    points = (law.points[:, None] + noise.points).reshape(-1, law.d)
    return DiscreteMeasure(points=points, weights=np.outer(law.weights, noise.weights).ravel())


@TOPIC.claim(
    "noise-moves-little",
    item=75,
    title="Noise of variance V moves a law by at most its root",
    statement="W1(law of X, law of X + e) <= E|e| <= sqrt(V), V = E|e|^2",
    source=PRINCIPLED.at("lemma 4"),
    kind=Kind.INEQUALITY,
    cases=lambda: measures(2, max_size=4),
)
def _noise(case: Any) -> float:
    law, noise = case
    lengths = np.linalg.norm(noise.points, axis=1)
    mean = math.fsum(noise.weights * lengths)
    deviation = math.sqrt(math.fsum(noise.weights * lengths**2))
    moved = distances.wasserstein1(law, _noisy(law, noise))
    size = float(np.abs(law.points).max())
    return min(at_most(moved, mean, scale=size), at_most(mean, deviation))


def _lattice_laws() -> Any:
    def draw_case(draw: Any) -> Any:
        d = draw(numbers(1, 2, whole=True))
        laws = []
        for _ in range(2):
            n = draw(numbers(1, 4, whole=True))
            rows = [[float(draw(numbers(-3, 3, whole=True))) for _ in range(d)] for _ in range(n)]
            counts = np.array([draw(numbers(1, 9, whole=True)) for _ in range(n)], dtype=float)
            laws.append(DiscreteMeasure(points=np.array(rows), weights=counts / counts.sum()))
        # Symmetric noise: plus or minus the same steps.
        steps = [[float(draw(numbers(0, 2, whole=True))) for _ in range(d)] for _ in range(2)]
        points = np.array([[0.0] * d, *steps])
        noise = DiscreteMeasure(points=np.concatenate([points, -points]), weights=np.full(6, 1 / 6))
        return laws[0], laws[1], noise

    return functional(draw_case)


@TOPIC.claim(
    "noisy-js-bounds-w1",
    item=76,
    title="JS of noisy laws bounds W1, as printed and sharper",
    statement="W1(P, Q) <= 2 sqrt V + 2 C sqrt JS(P + e, Q + e); also with C sqrt(2 JS)",
    source=PRINCIPLED.at("theorem 3.3"),
    kind=Kind.INEQUALITY,
    cases=_lattice_laws,
    correction="C is the diameter of the union of the noisy supports. The factor sqrt 2 follows "
    "from TV <= sqrt(2 JS).",
)
def _noisy_js(case: Any) -> float:
    p, q, noise = case
    noisy_p, noisy_q = _noisy(p, noise), _noisy(q, noise)
    variance = math.fsum(noise.weights * (noise.points**2).sum(axis=1))
    union = np.concatenate([noisy_p.points, noisy_q.points])
    diameter = float(np.linalg.norm(union[:, None] - union, axis=2).max())
    divergence = float(divergences.js_divergence(noisy_p, noisy_q))
    bound = 2.0 * math.sqrt(variance) + diameter * math.sqrt(2.0 * divergence)
    printed = 2.0 * math.sqrt(variance) + 2.0 * diameter * math.sqrt(divergence)
    moved = distances.wasserstein1(p, q)
    return min(at_most(moved, bound, scale=1.0), at_most(moved, printed, scale=1.0))


@TOPIC.claim(
    "noisy-density",
    item=77,
    title="The density of a noisy law",
    statement="P(X + e = z) = sum over y of P(y) p_e(z - y)",
    source=PRINCIPLED.at("theorem 3.1"),
    kind=Kind.EQUALITY,
    cases=_lattice_laws,
    correction="On a lattice, where densities are masses; noise fills the space, which is why JS "
    "of noisy laws has a gradient again.",
)
def _noisy_density(case: Any) -> float:
    p, _, noise = case
    noisy, steps = _noisy(p, noise).merged(), noise.merged()
    worst = 1.0
    for z, found in zip(noisy.points, noisy.weights, strict=True):
        gaps = z - p.points
        hit = (gaps[:, None] == steps.points).all(axis=2)
        mass = math.fsum(p.weights * (hit @ steps.weights))
        worst = min(worst, equal(found, mass))
    return worst
