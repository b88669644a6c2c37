"""Claims about gradient penalties: what they are, and by how much they overestimate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import critics
from ..._typing import FloatArray
from ..cases import choices, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, condition, equal
from .random_networks import ACTIVATIONS
from .sources import DERIVED, QI, WGAN_GP, WGAN_LP, ZHANG

TOPIC = Topic("penalties", "Gradient penalties")


def _cases() -> Any:
    return tuples(
        seeds(),
        numbers(1, 3, whole=True),
        choices([(4,), (4, 6), (8, 4)]),
        choices(["relu", "tanh", "leaky"]),
        choices([0.1, 1.0, 10.0]),
    )


def _network(case: Any) -> tuple[Any, FloatArray, float, np.random.Generator]:
    seed, d, hidden, name, weight = case
    rng = np.random.default_rng(seed)
    architecture = critics.Architecture(
        hidden=hidden, activation=ACTIVATIONS[name], dtype="float64"
    )
    network = architecture.build(n_inputs=d, rng=rng)
    network.parameters[...] += 0.3 * rng.normal(size=network.parameters.shape)
    return network, rng.normal(size=(6, d)), weight, rng


def _penalty(
    network: Any, points: FloatArray, weight: float, one_sided: bool = False
) -> tuple[float, FloatArray]:
    """Return the library's penalty at these points and its gradient in the parameters."""
    step = critics.CriticPass(network, 2, len(points))
    step.forward(points[:2], points)
    gradient = np.zeros_like(network.parameters)
    value, _ = step.backward(np.zeros(2), gradient, weight=weight, one_sided=one_sided)
    return float(value), gradient


@TOPIC.claim(
    "gradient-penalty",
    item=59,
    also=(28,),
    title="The gradient penalty",
    statement="penalty = lambda mean (|grad f(x^)| - 1)^2, gradients taken by differences of f",
    source=ZHANG.at("(4.1) and (4.2); equation (3) of arXiv:1704.00028"),
    kind=Kind.EQUALITY,
    cases=_cases,
    correction="x^ = e x + (1 - e) y with e ~ U[0, 1], printed U[0.1], and y ~ P_g, printed P_a. "
    "The 1 is the target of the norm; the coefficient lambda is 10.",
)
def _gradient_penalty(case: Any) -> float:
    network, points, weight, _ = _network(case)
    lengths = np.linalg.norm(_differences(network, points), axis=1)
    exact = weight * float(np.mean((lengths - 1.0) ** 2))
    value, _ = _penalty(network, points, weight)
    return equal(value, exact, tolerance=1e-5, scale=weight * (1.0 + float(lengths.max()) ** 2))


def _differences(network: Any, points: FloatArray) -> FloatArray:
    # So small that hardly a point has a kink of a ReLU inside it; rounding leaves 1e-6.
    step = 1e-9
    columns = [
        (network(points + step * unit) - network(points - step * unit))[:, 0] / (2.0 * step)
        for unit in np.eye(points.shape[1])
    ]
    return np.stack(columns, axis=1)


@TOPIC.claim(
    "lipschitz-penalty",
    item=59,
    title="The one-sided penalty",
    statement="lambda mean max(|grad f| - 1, 0)^2 <= the two-sided one, equal where all slopes "
    "exceed 1",
    source=WGAN_LP.at("equation (8)"),
    kind=Kind.INEQUALITY,
    cases=_cases,
)
def _lipschitz_penalty(case: Any) -> float:
    network, points, weight, _ = _network(case)
    lengths = np.linalg.norm(network.input_gradient(points), axis=1)
    exact = weight * float(np.mean(np.maximum(lengths - 1.0, 0.0) ** 2))
    value, _ = _penalty(network, points, weight, one_sided=True)
    two_sided, _ = _penalty(network, points, weight)
    scale = weight * (1.0 + float(lengths.max()) ** 2)
    return min(equal(value, exact, scale=scale), at_most(value, two_sided, scale=scale))


@TOPIC.claim(
    "penalty-derivative",
    item=59,
    title="Differentiating through the gradient",
    statement="the derivative of the penalty along a direction of the parameters, by differences",
    source=WGAN_GP.at("algorithm 1"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(
        seeds(),
        numbers(1, 3, whole=True),
        choices([(4,), (4, 6)]),
        choices(["tanh"]),
        choices([0.1, 1.0, 10.0]),
    ),
)
def _penalty_derivative(case: Any) -> float:
    network, points, weight, rng = _network(case)
    direction = rng.normal(size=network.parameters.shape)
    _, gradient = _penalty(network, points, weight)
    start, step = network.parameters.copy(), 1e-6
    values = []
    for sign in (1.0, -1.0):
        network.parameters[...] = start + sign * step * direction
        values.append(_penalty(network, points, weight)[0])
    slope = (values[0] - values[1]) / (2.0 * step)
    scale = 1.0 + weight + float(np.linalg.norm(gradient)) * float(np.linalg.norm(direction))
    return equal(float(gradient @ direction), slope, tolerance=1e-5, scale=scale)


@TOPIC.claim(
    "penalty-leaves-parameters-free",
    item=28,
    title="A penalty does not bound the parameters",
    statement="(t W_1, W_2 / t) gives the same critic and penalty for every t > 0 (ReLU)",
    source=QI.at("WGAN-GP"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(seeds(), numbers(0.01, 100.0)),
    correction='The text says that the penalty "restricts the parameters of the network"; it '
    "restricts the gradient in the input, and the parameters may be as large as one likes.",
)
def _parameters_free(case: Any) -> float:
    seed, t = case
    network, points, weight, _ = _network((seed, 2, (6,), "relu", 10.0))
    values, (before, _) = network(points).copy(), _penalty(network, points, weight)
    network.weights[0][...] *= t
    network.biases[0][...] *= t
    network.weights[1][...] /= t
    after, _ = _penalty(network, points, weight)
    off = float(np.abs(network(points) - values).max())
    return min(
        equal(after, before, tolerance=1e-10, scale=1.0 + before),
        equal(off, 0.0, tolerance=1e-10, scale=1.0 + float(np.abs(values).max())),
    )


@TOPIC.claim(
    "penalised-dirac-pair",
    item=59,
    title="How much a penalty overestimates: two Diracs",
    statement="at distance a the best slope is 1 + a/(2 lambda): difference a + a^2/(2 lambda), "
    "penalised objective a + a^2/(4 lambda)",
    source=DERIVED,
    kind=Kind.EQUALITY,
    cases=lambda: tuples(numbers(0.01, 10.0), choices([0.1, 1.0, 10.0, 100.0])),
    correction="The raw estimate is above W1 by W1/(2 lambda) relative: six times W1 for lambda = "
    ".1 and a = 1. Dividing a critic's difference by its Lipschitz constant repairs it.",
)
def _dirac_pair(case: Any) -> float:
    a, weight = case
    best = 1.0 + a / (2.0 * weight)

    def objective(slope: float) -> float:
        return float(slope * a - weight * (slope - 1.0) ** 2)

    value = a + a * a / (4.0 * weight)
    step = 1e-3
    return min(
        equal(objective(best), value, scale=1.0 + value),
        equal(best * a, a + a * a / (2.0 * weight), scale=1.0 + best * a),
        condition(at_most(max(objective(best - step), objective(best + step)), value)),
    )


def _line_gap(case: Any) -> tuple[FloatArray, FloatArray, float]:
    """Return h = F_y - F_x and rho on the cells of random densities on [0, 1], and the cell."""
    seed, k = case
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k))
    return np.cumsum(q - p)[:-1], 0.05 + rng.random(k - 1), 1.0 / k


@TOPIC.claim(
    "penalised-optimum-on-the-line",
    item=59,
    title="How much a penalty overestimates on the line",
    statement="max over f of int f' h - lambda int rho (|f'| - 1)^2 = W + int h^2/(4 lambda rho), "
    "at f' = sgn(h) (1 + |h|/(2 lambda rho))",
    source=DERIVED,
    kind=Kind.EQUALITY,
    cases=lambda: tuples(tuples(seeds(), numbers(2, 12, whole=True)), choices([0.1, 1.0, 10.0])),
    correction="h is the difference of the distribution functions, W = int |h|, rho the density of "
    "the interpolates. Random other slopes do worse.",
)
def _line_optimum(case: Any) -> float:
    (seed, k), weight = case
    h, rho, cell = _line_gap((seed, k))

    def objective(slopes: FloatArray) -> float:
        return float(np.sum(slopes * h - weight * rho * (np.abs(slopes) - 1.0) ** 2)) * cell

    best = np.sign(h) * (1.0 + np.abs(h) / (2.0 * weight * rho))
    value = float(np.sum(np.abs(h) + h * h / (4.0 * weight * rho))) * cell
    other = best + np.random.default_rng(seed).normal(size=h.shape)
    return min(
        equal(objective(best), value, scale=1.0 + value + weight),
        condition(at_most(objective(other), value, scale=1.0 + value + weight)),
    )


@TOPIC.claim(
    "penalised-value-bounds-w1",
    item=59,
    title="Reading W1 off the raw value of a penalised critic, as is done",
    statement="the critic difference of the best penalised critic of two Diracs is their distance",
    source=WGAN_GP.at("section 5, negative critic loss as an estimate"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: tuples(numbers(0.01, 10.0), choices([0.1, 1.0, 10.0])),
    holds=False,
    correction="It overestimates by a^2/(2 lambda), see penalised-dirac-pair.",
    witnesses=((1.0, 10.0),),
)
def _raw_value(case: Any) -> float:
    a, weight = case
    return equal(a * (1.0 + a / (2.0 * weight)), a, tolerance=1e-6, scale=math.sqrt(1.0 + a))
