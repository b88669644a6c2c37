"""Claims about networks as critics: clipping, spectral norms, and what any network proves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import critics, distances
from ..._typing import FloatArray
from ..cases import choices, functional, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .random_networks import random_network
from .sources import BOXES, HERRMANN, QI, READING, WGAN, ZHANG

TOPIC = Topic("lipschitz_critics", "Lipschitz critics")


def _network_cases() -> Any:
    """Seed, input width, hidden widths, activation; no hidden layer is an affine critic."""
    return tuples(
        seeds(),
        numbers(1, 3, whole=True),
        choices([(), (4,), (4, 6), (8, 2, 4)]),
        choices(["relu", "leaky", "tanh", "maxmin"]),
    )


def _network(case: Any, bound: float | None = None) -> tuple[Any, np.random.Generator]:
    """Random network in double precision, clipped to [-bound, bound] if that is given."""
    seed, d, hidden, name = case
    rng = np.random.default_rng(seed)
    network = random_network(rng, (d, *hidden, 1), name)
    if bound is not None:
        critics.WeightClipping(bound).bind(network)
    return network, rng


def _pairs(network: Any, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Pairs of points; half of them along the gradient, where a network is steepest."""
    x = rng.normal(size=(8, network.n_inputs))
    y = rng.normal(size=(8, network.n_inputs))
    y[:4] = x[:4] + 1e-3 * network.input_gradient(x[:4])
    return x, y


@TOPIC.claim(
    "spectral-norms-bound-slopes",
    item=25,
    title="Spectral norms bound the slope",
    statement="|f(x) - f(y)| <= prod_l |W_l|_2 |x - y| for 1-Lipschitz activations; an affine f "
    "attains it",
    source=QI.at("WGAN; section 3 of arXiv:1701.07875"),
    kind=Kind.INEQUALITY,
    cases=_network_cases,
)
def _spectral(case: Any) -> float:
    network, rng = _network(case)
    x, y = _pairs(network, rng)
    bound = critics.lipschitz_bound(network)
    rises = np.abs(network(x) - network(y))[:, 0]
    steps = np.linalg.norm(x - y, axis=1)
    return min(
        at_most(rise, bound * step, tolerance=1e-9, scale=1e-3)
        for rise, step in zip(rises, steps, strict=True)
    )


@TOPIC.claim(
    "clipping-bounds-the-slope",
    item=25,
    also=(43, 57),
    title="Clipping bounds the slope",
    statement="weights in [-c, c]: |f|_L <= prod_l |W_l|_2 <= prod_l c sqrt(m_l n_l), and f grows "
    "at most linearly",
    source=QI.at("WGAN; section 3 of arXiv:1701.07875"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(_network_cases(), choices([0.01, 0.1, 1.0])),
)
def _clipping(case: Any) -> float:
    network_case, c = case
    network, rng = _network(network_case, c)
    bound = critics.lipschitz_bound(network)
    coarse = math.prod(c * math.sqrt(weight.size) for weight in network.weights)
    x, y = _pairs(network, rng)
    rises = np.abs(network(x) - network(y))[:, 0]
    growth = np.abs(network(x))[:, 0]
    zero = abs(float(network(np.zeros((1, network.n_inputs)))[0, 0]))
    largest = max(float(np.abs(w).max()) for w in (*network.weights, *network.biases))
    size = 1e-12 + bound
    return min(
        at_most(largest, c, tolerance=0.0),
        at_most(bound, coarse, tolerance=1e-8),
        *(
            at_most(rise, bound * step, tolerance=1e-9, scale=size)
            for rise, step in zip(rises, np.linalg.norm(x - y, axis=1), strict=True)
        ),
        *(
            at_most(value, zero + bound * length, tolerance=1e-9, scale=size)
            for value, length in zip(growth, np.linalg.norm(x, axis=1), strict=True)
        ),
    )


@TOPIC.claim(
    "clipping-constant-attained",
    item=25,
    title="The constant of the common critic",
    statement="2-512-512-512-1 with weights in [-c, c]: K = c^4 512^3 sqrt 2 = 1.898e-4, 1.898, "
    "1.898e4 for c = .001, .01, .1, attained by all weights c",
    source=WGAN.at("section 3; the toy networks of arXiv:1704.00028"),
    kind=Kind.EQUALITY,
    cases=lambda: choices([0.01]),
    budget=1,
    correction="Computed for c = .01; the network is homogeneous of degree 4 in c.",
)
def _attained(case: Any) -> float:
    architecture = critics.Architecture(
        hidden=(512, 512, 512), activation=critics.ReLU(), dtype="float64"
    )
    network = architecture.build(n_inputs=2, rng=0)
    for weight in network.weights:
        weight[...] = case
    constant = case**4 * 512.0**3 * math.sqrt(2.0)
    slope = float(np.linalg.norm(network.input_gradient(np.ones((1, 2)))))
    return min(
        equal(critics.lipschitz_bound(network), constant, tolerance=1e-8, scale=constant),
        equal(slope, constant, tolerance=1e-10, scale=constant),
    )


@TOPIC.claim(
    "clipping-is-one-lipschitz-as-printed",
    item=67,
    also=(36,),
    title="Clipping makes a critic 1-Lipschitz, as printed",
    statement="a network with weights clipped to [-c, c] has |grad f| <= 1",
    source=HERRMANN.at("final remark on clamping"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: tuples(_network_cases(), choices([0.1, 1.0])),
    holds=False,
    correction="K-Lipschitz for some K that depends on the architecture, from 1e-4 to 1e4 for one "
    "and the same network: see clipping-constant-attained.",
)
def _one_lipschitz(case: Any) -> float:
    network_case, c = case
    network, rng = _network(network_case, c)
    slopes = np.linalg.norm(network.input_gradient(rng.normal(size=(8, network.n_inputs))), axis=1)
    return at_most(float(slopes.max()), 1.0)


@TOPIC.claim(
    "clipping-the-gradient-as-printed",
    item=36,
    title="What clipping clips, as printed",
    statement="clipping keeps the discriminator's gradient in the range of the weights: "
    "|df/dx_k| <= c",
    source=BOXES.at("Wasserstein distance, on the loss of WGAN"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: tuples(_network_cases(), choices([0.1, 1.0])),
    holds=False,
    correction='It clips the weights, not "the weights of the gradient"; the gradient is a sum of '
    "products of weights.",
)
def _gradient_range(case: Any) -> float:
    network_case, c = case
    network, rng = _network(network_case, c)
    slopes = network.input_gradient(rng.normal(size=(8, network.n_inputs)))
    return at_most(float(np.abs(slopes).max()), c)


@TOPIC.claim(
    "universal-weak-duality",
    item=26,
    also=(57, 68, 70),
    title="What any network proves about W1",
    statement="mean f(X) - mean f(Y) <= prod_l |W_l|_2 W1(X, Y), for every network and batch",
    source=ZHANG.at("section 3.3, (3.28); from the duality formula"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(_network_cases(), numbers(1, 8, whole=True)),
    correction="No training is needed. An affine critic attains it on points moved along its "
    "gradient. (3.28) prints max over x in P_x for the maximum over weights.",
)
def _universal(case: Any) -> float:
    network_case, n = case
    network, rng = _network(network_case)
    x = rng.normal(size=(n, network.n_inputs))
    y = x - rng.random() * network.input_gradient(x)
    if rng.random() < 0.5:
        y = y + rng.normal(size=y.shape)
    raw = float(network(x).mean() - network(y).mean())
    bound = critics.lipschitz_bound(network) * distances.wasserstein1(x, y)
    return at_most(raw, bound, tolerance=1e-9, scale=1.0)


@TOPIC.claim(
    "certificates-of-critics",
    item=26,
    also=(70,),
    title="The certified bounds of a critic",
    statement="lower(f) <= W1(X, Y) <= upper(f) for every network f",
    source=ZHANG.at("section 3.3; theorem 5.10 of Villani (2009)"),
    kind=Kind.INEQUALITY,
    cases=lambda: tuples(_network_cases(), numbers(1, 8, whole=True)),
)
def _certified(case: Any) -> float:
    from ...measures import DiscreteMeasure

    network_case, n = case
    network, rng = _network(network_case)
    x, y = rng.normal(size=(2, n, network.n_inputs))
    critic = critics.Critic(network, np.zeros(network.n_inputs), 1.0)
    bounds = critics.certify_critic(critic, DiscreteMeasure(points=x), DiscreteMeasure(points=y))[2]
    moved = distances.wasserstein1(x, y)
    return min(at_most(bounds.lower, moved, scale=1.0), at_most(moved, bounds.upper, scale=1.0))


@TOPIC.claim(
    "clipping-projects",
    item=27,
    also=(37, 42),
    title="The projection step of Algorithm 1",
    statement="w <- clip(w, -c, c) changes only the weights outside [-c, c], and these to +-c",
    source=WGAN.at("algorithm 1, line 7"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(_network_cases(), choices([0.01, 0.1, 1.0])),
    correction='The loop "for t = 0, …, n_critic" of the printed algorithm means n_critic steps, '
    "one fewer than it says.",
)
def _projection(case: Any) -> float:
    network_case, c = case
    network, rng = _network(network_case)
    network.parameters[...] = 2.0 * c * rng.normal(size=network.parameters.shape)
    before = network.parameters.copy()
    critics.WeightClipping(c).bind(network).project()
    after = network.parameters
    wanted = np.minimum(np.maximum(before, -c), c)
    return equal(float(np.abs(after - wanted).max()), 0.0)


@TOPIC.claim(
    "affine-pair-is-exact",
    item=26,
    title="Where the bound of a network is attained",
    statement="f(x) = w.x, Y = X - t w: mean f(X) - mean f(Y) = |w| W1(X, Y) = t |w|^2",
    source=READING.at("section 3"),
    kind=Kind.EQUALITY,
    cases=lambda: functional(
        lambda draw: (draw(seeds()), draw(numbers(1, 4, whole=True)), draw(numbers(0.1, 3.0)))
    ),
)
def _affine(case: Any) -> float:
    seed, d, t = case
    network, rng = _network((seed, d, (), "relu"))
    x = rng.normal(size=(5, d))
    y = x - t * network.weights[0]
    raw = float(network(x).mean() - network(y).mean())
    square = float(np.vdot(network.weights[0], network.weights[0]))
    bound = critics.lipschitz_bound(network) * distances.wasserstein1(x, y)
    scale = 1.0 + t * square
    return min(
        equal(raw, bound, tolerance=1e-9, scale=scale),
        equal(raw, t * square, tolerance=1e-11, scale=scale),
    )
