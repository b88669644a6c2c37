"""Claims about laws that a generator makes: continuity and derivatives in its parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from ... import critics, distances
from ..._typing import FloatArray
from ..cases import choices, functional, numbers, seeds, tuples
from ..claim import Kind, Topic
from ..slacks import at_most, equal
from .sources import WGAN, ZHANG

TOPIC = Topic("generators", "Generators: continuity and gradients")


def _cases() -> Any:
    return tuples(seeds(), numbers(0.001, 2.0))


def _two_generators(case: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Real points, and the images of the same z under two networks."""
    seed, distance = case
    rng = np.random.default_rng(seed)
    d, n = int(rng.integers(1, 4)), int(rng.integers(1, 9))
    architecture = critics.Architecture(hidden=(6,), activation=critics.Tanh(), dtype="float64")
    network = architecture.build(n_inputs=2, n_outputs=d, rng=rng)
    other = network.copy()
    other.parameters[...] += distance * rng.normal(size=other.parameters.shape)
    z = rng.normal(size=(n, 2))
    return rng.normal(size=(6, d)), network(z), other(z)


@TOPIC.claim(
    "generator-continuity",
    item=50,
    title="W1 is continuous in the generator",
    statement="|W(P_r, P_t) - W(P_r, P_s)| <= W(P_t, P_s) <= E_z |g_t(z) - g_s(z)|",
    source=ZHANG.at("theorem 3.1 (1), (3.1)-(3.3); theorem 1 of arXiv:1701.07875"),
    kind=Kind.INEQUALITY,
    cases=_cases,
    correction="(3.3) prints W(P_s, P_s) for W(P_t, P_s).",
)
def _continuity(case: Any) -> float:
    real, fake, other = _two_generators(case)
    change = abs(distances.wasserstein1(real, fake) - distances.wasserstein1(real, other))
    between = distances.wasserstein1(fake, other)
    coupled = float(np.linalg.norm(fake - other, axis=1).mean())
    return min(at_most(change, between, scale=1.0), at_most(between, coupled, scale=1.0))


@TOPIC.claim(
    "generator-continuity-as-printed",
    item=50,
    title="The bound (3.3), as printed",
    statement="|W(P_r, P_t) - W(P_r, P_s)| <= W(P_s, P_s)",
    source=ZHANG.at("theorem 3.1, (3.3)"),
    kind=Kind.INEQUALITY,
    cases=_cases,
    holds=False,
    correction="A misprint: the right side is zero; it should be W(P_t, P_s).",
)
def _continuity_printed(case: Any) -> float:
    real, fake, other = _two_generators(case)
    change = abs(distances.wasserstein1(real, fake) - distances.wasserstein1(real, other))
    return at_most(change, distances.wasserstein1(other, other), tolerance=1e-9)


@TOPIC.claim(
    "translations-attain-the-bound",
    item=50,
    title="Translations attain the bound",
    statement="g_s = g_t + v: W(P_t, P_s) = E_z |g_t(z) - g_s(z)| = |v|",
    source=ZHANG.at("theorem 3.1 (1)"),
    kind=Kind.EQUALITY,
    cases=lambda: tuples(seeds(), numbers(-5, 5)),
)
def _translations(case: Any) -> float:
    seed, length = case
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(int(rng.integers(1, 9)), int(rng.integers(1, 4))))
    v = rng.normal(size=x.shape[1])
    v *= length / np.linalg.norm(v)
    return equal(distances.wasserstein1(x, x + v), abs(length), scale=10.0)


@TOPIC.claim(
    "generator-lipschitz",
    item=51,
    title="W1 is Lipschitz in the parameters",
    statement="|W(P_r, P_t) - W(P_r, P_s)| <= E_z[Lip_t g(z)] |t - s|, for affine generators",
    source=ZHANG.at("theorem 3.1 (2), (3.4)-(3.6)"),
    kind=Kind.INEQUALITY,
    cases=_cases,
    correction='The assumption meant by "assumption 1" is never stated there: E_z L(t, z) < inf. '
    "(3.5) prints g_s(z') for g_s(z).",
)
def _lipschitz(case: Any) -> float:
    seed, distance = case
    rng = np.random.default_rng(seed)
    n, d, k = (int(size) for size in rng.integers((2, 1, 1), (9, 4, 5)))
    jacobians, theta = rng.normal(size=(n, d, k)), rng.normal(size=k)
    other = theta + distance * rng.normal(size=k)
    real = rng.normal(size=(5, d))
    change = abs(
        distances.wasserstein1(real, jacobians @ theta)
        - distances.wasserstein1(real, jacobians @ other)
    )
    constant = float(np.linalg.norm(jacobians, ord=2, axis=(1, 2)).mean())
    return at_most(change, constant * float(np.linalg.norm(theta - other)), scale=1.0)


@TOPIC.claim(
    "w1-differentiable-as-printed",
    item=51,
    title="Differentiability of W1, as the summary prints it",
    statement="W(P_0, P_theta) is differentiable everywhere: both one-sided derivatives agree",
    source=ZHANG.at("section 3, summary"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: choices([0.0, 1.0, -1.0, 0.5]),
    holds=False,
    correction="Only almost everywhere (Rademacher): in Example 1 it is |theta|, with a kink at 0. "
    "Nor is W 1-Lipschitz in general: the constant is E_z L(theta, z).",
    witnesses=(0.0,),
)
def _differentiable(case: Any) -> float:
    step = 1e-6
    here = distances.wasserstein1([0.0], [case])
    right = (distances.wasserstein1([0.0], [case + step]) - here) / step
    left = (here - distances.wasserstein1([0.0], [case - step])) / step
    return equal(left, right, tolerance=1e-4)


@TOPIC.claim(
    "w1-one-lipschitz-as-printed",
    item=51,
    title="The constant of W1, as the summary prints it",
    statement="|W(P_r, P_t) - W(P_r, P_s)| <= |t - s| for every generator",
    source=ZHANG.at("section 3, summary: 1-Lipschitz"),
    kind=Kind.COUNTEREXAMPLE,
    cases=lambda: numbers(1, 100),
    holds=False,
    correction="g_t(z) = 2 t z has constant 2 E|z|.",
    witnesses=(2.0,),
)
def _constant_one(case: Any) -> float:
    at_zero, at_one = distances.wasserstein1([0.0], [0.0]), distances.wasserstein1([0.0], [case])
    return at_most(abs(at_one - at_zero), 1.0)


def _affine_case() -> Any:
    return tuples(seeds(), numbers(1, 6, whole=True), numbers(1, 3, whole=True))


def _theorem_3(case: Any) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Real points, Jacobians and offsets of an affine generator of the plane, its parameters."""
    seed, n, share = case
    rng, m = np.random.default_rng(seed), n * share
    return (
        2.0 * rng.normal(size=(n, 2)),
        rng.normal(size=(m, 2, 3)),
        rng.normal(size=(m, 2)),
        rng.normal(size=3),
    )


def _loss_gradient(case: Any) -> FloatArray:
    real, jacobians, offsets, theta = _theorem_3(case)
    step = 1e-8  # so small that hardly a case has a change of plan inside it
    return np.array(
        [
            (
                distances.wasserstein1(real, jacobians @ (theta + step * unit) + offsets)
                - distances.wasserstein1(real, jacobians @ (theta - step * unit) + offsets)
            )
            / (2.0 * step)
            for unit in np.eye(3)
        ]
    )


def _by_critic(case: Any, slopes: FloatArray) -> FloatArray:
    """-E_z[grad_theta f(g_theta(z))] for the gradients of f at the generated points."""
    jacobians = _theorem_3(case)[1]
    return np.asarray(-np.einsum("md,mdk->k", slopes, jacobians) / len(jacobians))


@TOPIC.claim(
    "theorem-3",
    item=46,
    also=(42,),
    title="Theorem 3: the gradient of W1 through an optimal critic",
    statement="grad_theta W(P_r, P_theta) = -E_z[grad_theta f(g_theta(z))] for an optimal f that "
    "is differentiable at the generated points",
    source=WGAN.at("theorem 3"),
    kind=Kind.EQUALITY,
    cases=_affine_case,
    correction="f = max_i (f_i - |y - x_i|) of a strictly complementary dual has no kink at a "
    "generated point whose mass goes to one real point only, as here, where there are n real and "
    "k n generated points. A point whose mass is split makes a kink in every optimal f.",
)
def _theorem_3_holds(case: Any) -> float:
    real, jacobians, offsets, theta = _theorem_3(case)
    fake = jacobians @ theta + offsets
    slopes = critics.KantorovichPotential(real, fake).gradient(fake, extension="lower")
    gap = _by_critic(case, slopes) - _loss_gradient(case)
    return equal(float(np.abs(gap).max()), 0.0, tolerance=1e-5)


@TOPIC.claim(
    "theorem-3-any-dual",
    item=46,
    title="Theorem 3 with any optimal critic",
    statement="grad_theta W(P_r, P_theta) = -E_z[grad_theta f(g_theta(z))] for every optimal "
    "1-Lipschitz f, also for f = min_j (|y - y_j| - g_j)",
    source=WGAN.at("theorem 3, overlooking when both sides are well-defined"),
    kind=Kind.COUNTEREXAMPLE,
    cases=_affine_case,
    holds=False,
    correction="This f has a kink at every generated point y_j. So has, at many of them, the other "
    "extension of a vertex of the dual, as solvers return it: it holds n + m - 1 pairs tight.",
)
def _theorem_3_vertex(case: Any) -> float:
    real, jacobians, offsets, theta = _theorem_3(case)
    fake = jacobians @ theta + offsets
    exact = critics.KantorovichPotential(real, fake)
    slopes = exact.gradient(fake, extension="upper")
    gap = _by_critic(case, slopes) - _loss_gradient(case)
    return equal(float(np.abs(gap).max()), 0.0, tolerance=1e-3)


_Map: TypeAlias = Callable[[FloatArray], Any]
# Name -> the function, its derivative, its Lipschitz constant.
_ACTIVATIONS: dict[str, tuple[_Map, _Map, float]] = {
    "tanh": (np.tanh, lambda x: 1.0 - np.tanh(x) ** 2, 1.0),
    "relu": (lambda x: np.maximum(x, 0.0), lambda x: (x > 0.0).astype(float), 1.0),
    "leaky": (lambda x: np.maximum(x, 0.2 * x), lambda x: np.where(x > 0.0, 1.0, 0.2), 1.0),
    "softplus": (
        lambda x: np.logaddexp(0.0, x),
        lambda x: 1.0 / (1.0 + np.exp(-x)),
        1.0,
    ),
    "sigmoid": (
        lambda x: 1.0 / (1.0 + np.exp(-x)),
        lambda x: 0.25 / np.cosh(0.5 * x) ** 2,
        0.25,
    ),
}


def _network_case(names: tuple[str, ...]) -> Any:
    return functional(
        lambda draw: (
            draw(seeds()),
            tuple(draw(numbers(1, 4, whole=True)) for _ in range(draw(numbers(2, 4, whole=True)))),
            draw(choices(names)),
            draw(choices([0.1, 0.5, 1.0])),
        )
    )


def _jacobian_norm(case: Any, biased: bool) -> tuple[float, float, float]:
    """Norm of the full Jacobian in (z, theta), the printed bound, and the bound with biases."""
    seed, sizes, name, spread = case
    function, slope, constant = _ACTIVATIONS[name]
    rng = np.random.default_rng(seed)
    z = spread * rng.normal(size=sizes[0])
    weights = [spread * rng.normal(size=(n_out, n_in)) for n_in, n_out in pairwise(sizes)]
    biases = [biased * spread * rng.normal(size=len(w)) for w in weights]
    inputs, slopes = [z], []
    for w, b in zip(weights, biases, strict=True):
        pre = w @ inputs[-1] + b
        slopes.append(np.asarray(slope(pre)))
        inputs.append(np.asarray(function(pre)))
    blocks, outer = [], np.eye(sizes[-1])
    for k in range(len(weights) - 1, -1, -1):
        outer = outer * slopes[k]
        blocks.append(np.kron(outer, inputs[k]))
        if biased:
            blocks.append(outer)
        outer = outer @ weights[k]
    blocks.append(outer)
    exact = float(np.linalg.norm(np.concatenate(blocks, axis=1), ord=2))

    norms = [float(np.linalg.norm(w, ord=2)) for w in weights]
    depth, total = len(norms), math.prod(norms)
    length = float(np.linalg.norm(z))
    printed = constant**depth * total
    corrected = constant**depth * total
    # |f_{1:k}| <= L (|W_k| |f_{1:k-1}| + |b_k|) + |s(0)| sqrt(width).
    reach = length
    at_zero = abs(float(function(np.zeros(1))[0]))
    for k in range(depth):
        before, after = math.prod(norms[:k]), math.prod(norms[k + 1 :])
        printed += length * constant**depth * before * after
        corrected += constant ** (depth - k) * after * (reach + float(biased))
        size = norms[k] * reach + float(np.linalg.norm(biases[k]))
        reach = constant * size + at_zero * math.sqrt(len(biases[k]))
    return exact, printed, corrected


@TOPIC.claim(
    "corollary-1",
    item=52,
    title="The Corollary's bound, with its hidden hypotheses",
    statement="|grad_{z,theta} g| <= L^H prod |W_i| + |z| L^H sum_k prod_{i != k} |W_i|, for "
    "activations with s(0) = 0 and no biases",
    source=ZHANG.at("corollary 1, (3.7)-(3.11)"),
    kind=Kind.INEQUALITY,
    cases=lambda: _network_case(("tanh", "relu", "leaky")),
    correction="Slips: (3.8) writes the factors in reverse order, (3.9) and (3.10) lost a bracket, "
    "f_{i:k-1} in (3.10) is f_{1:k-1}.",
)
def _corollary(case: Any) -> float:
    exact, bound, _ = _jacobian_norm(case, False)
    return at_most(exact, bound)


@TOPIC.claim(
    "corollary-1-any-activation",
    item=52,
    title="The Corollary's bound for any activation, as printed",
    statement="the same bound for every L-Lipschitz activation, softplus and sigmoid included",
    source=ZHANG.at("corollary 1, (3.10)"),
    kind=Kind.INEQUALITY,
    cases=lambda: _network_case(("softplus", "sigmoid")),
    holds=False,
    correction="|f_{1:k-1}(z)| <= |z| L^(k-1) prod |W_i| needs s(0) = 0 and no biases. The "
    "expectation stays finite, with a further constant.",
)
def _corollary_printed(case: Any) -> float:
    exact, bound, _ = _jacobian_norm(case, False)
    return at_most(exact, bound)


@TOPIC.claim(
    "corollary-1-corrected",
    item=52,
    title="The Corollary's bound, for biases and any activation",
    statement="|grad g| <= L^H prod |W_i| + sum_k L^(H-k+1) prod_{i>k} |W_i| (r_{k-1} + 1), with "
    "r_0 = |z| and r_k = L (|W_k| r_{k-1} + |b_k|) + |s(0)| sqrt(width_k)",
    source=ZHANG.at("corollary 1, corrected"),
    kind=Kind.INEQUALITY,
    cases=lambda: _network_case(tuple(_ACTIVATIONS)),
)
def _corollary_corrected(case: Any) -> float:
    exact, _, bound = _jacobian_norm(case, True)
    return at_most(exact, bound)


@TOPIC.claim(
    "corollary-1-equality",
    item=52,
    title="The last line of the Corollary, as printed",
    statement="|grad_{z,theta} g| = C_1 + C_2 |z|",
    source=ZHANG.at("corollary 1, (3.11)"),
    kind=Kind.EQUALITY,
    cases=lambda: _network_case(("tanh", "relu", "leaky")),
    holds=False,
    correction="It is <=, with C_1 = L^H prod |W_i| and C_2 = L^H sum_k prod_{i != k} |W_i|.",
)
def _corollary_equality(case: Any) -> float:
    exact, bound, _ = _jacobian_norm(case, False)
    return equal(exact, bound, tolerance=1e-6, scale=1.0 + bound)
