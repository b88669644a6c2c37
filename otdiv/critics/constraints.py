"""Ways of keeping a critic Lipschitz, each a small frozen object with one face.

A constraint says which penalty enters the loss, which objective of the batch is maximised, and, by
its *binding* to a network, which vector the optimiser moves and what happens after each move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from otdiv._kernels import networks as kernels
from otdiv._validation import check_positive, check_positive_integer
from otdiv.errors import InvalidInputError

from .activations import Activation, Array, LeakyReLU, MaxMin
from .networks import MLP
from .optimizers import Adam, Optimizer, RMSProp

__all__ = [
    "Binding",
    "Constraint",
    "GradientPenalty",
    "LipschitzPenalty",
    "Orthonormal",
    "SpectralNormalization",
    "Unconstrained",
    "WeightClipping",
]


class Binding:
    """A constraint at work on one network.

    `trainable` is the vector that the optimiser moves; by default the network's own parameters.
    """

    def __init__(self, network: MLP) -> None:
        self.network = network
        self.trainable = network.parameters

    def refresh(self) -> None:
        """Bring the network's parameters up to date with `trainable`, before a step."""

    def pull_back(self, gradient: Array) -> None:
        """Turn the gradient in the network's parameters into that in `trainable`, in place."""

    def project(self) -> None:
        """Restore the constraint after the optimiser's move."""

    def finish(self) -> None:
        """Bring the network to its final form, after the last step."""

    def state_dict(self) -> dict[str, Array]:
        """Arrays that resume the binding, besides the network's parameters."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the arrays of `state_dict`."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """What every constraint answers; by itself it constrains nothing (see `Unconstrained`)."""

    @property
    def penalty(self) -> float:
        """Weight of the penalty on the input gradient; 0 for none."""
        return 0.0

    @property
    def one_sided(self) -> bool:
        """Whether only gradients longer than one are penalised."""
        return False

    @property
    def activation(self) -> Activation:
        """Activation that suits the constraint, taken where the caller names none."""
        return LeakyReLU()

    @property
    def optimizer(self) -> Optimizer:
        """Optimiser that suits the constraint, taken where the caller names none."""
        return Adam()

    def check(self, network: MLP) -> None:
        """Raise unless the constraint can serve this network."""

    def rescaled(self, scale: float) -> Constraint:
        """Return the same constraint for data divided by `scale` (critic divided likewise)."""
        return self

    def bind(self, network: MLP) -> Binding:
        """Start constraining `network`."""
        return Binding(network)

    def objective(self, x: Array, y: Array, values: Array, coefficients: Array) -> float:
        """Return the estimate of W1 from a batch, and its negative gradient in the critic's values.

        `x` (k, d), `y` (l, d); `values` (k + l,) are f(x) then f(y); `coefficients` (k + l,) is
        written to.
        """
        k = len(x)
        coefficients[:k] = -1.0 / k
        coefficients[k:] = 1.0 / len(y)
        return float(values[:k].mean(dtype=np.float64) - values[k:].mean(dtype=np.float64))


class Unconstrained(Constraint):
    """No constraint: the critic grows without bound unless something else holds it."""


@dataclass(frozen=True, slots=True)
class WeightClipping(Constraint):
    """Clip every weight and bias to [-bound, bound] after each step, as the first WGAN did.

    The critic's Lipschitz constant is then at most the product of bound * sqrt(rows * columns), and
    its raw estimate speaks of W1 only after division by the true constant.

    References
    ----------
    Arjovsky, Chintala, Bottou (2017), Wasserstein GAN, arXiv:1701.07875, algorithm 1.
    """

    bound: float = 0.01

    def __post_init__(self) -> None:
        check_positive("bound", self.bound)

    @property
    def optimizer(self) -> Optimizer:
        """RMSProp, as in the paper; momentum makes clipping unstable there."""
        return RMSProp(learning_rate=5e-4)

    def bind(self, network: MLP) -> Binding:
        """Clip at once and after each step."""
        binding = _Clipped(network, self.bound)
        binding.project()
        return binding


class _Clipped(Binding):
    def __init__(self, network: MLP, bound: float) -> None:
        super().__init__(network)
        self.bound = network.dtype.type(bound)

    def project(self) -> None:
        kernels.clip(self.network.parameters, self.bound)


@dataclass(frozen=True, slots=True)
class _Penalty(Constraint):
    weight: float = 10.0

    def __post_init__(self) -> None:
        check_positive("weight", self.weight)

    @property
    def penalty(self) -> float:
        """Weight of the penalty on the input gradient."""
        return self.weight

    def rescaled(self, scale: float) -> Constraint:
        """Divide the weight, so that objective and penalty keep their ratio."""
        return type(self)(self.weight / scale)


@dataclass(frozen=True, slots=True)
class GradientPenalty(_Penalty):
    """Penalise weight * (|grad f| - 1)^2 at random points between x and y (WGAN-GP).

    The optimum of the penalised problem *overestimates* W1. In one dimension, with h = F_y - F_x
    and rho the density of the points between, its critic difference is
    W1 + (1 / (2 weight)) ∫ h^2 / rho. Read W1 off the fit's certified bound, not off the raw value.

    Parameters
    ----------
    weight : float, default 10.0
        In the unit of the metric.

    References
    ----------
    Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville (2017), arXiv:1704.00028, equation (3).
    """


@dataclass(frozen=True, slots=True)
class LipschitzPenalty(_Penalty):
    """Penalise weight * max(|grad f| - 1, 0)^2: the one-sided penalty (WGAN-LP).

    Overestimates W1 by the same amount as `GradientPenalty`, but leaves slopes below one in peace
    where no mass travels.

    Parameters
    ----------
    weight : float, default 10.0
        In the unit of the metric.

    References
    ----------
    Petzka, Fischer, Lukovnikov (2018), arXiv:1709.08894, equation (8).
    """

    @property
    def one_sided(self) -> bool:
        """Only gradients longer than one are penalised."""
        return True


@dataclass(frozen=True, slots=True)
class SpectralNormalization(Constraint):
    """Divide each weight by its spectral norm, estimated by power iteration.

    The estimate is from below, so the critic is certified with exact norms afterwards. With ReLU
    this is a weak critic: gradients shrink from layer to layer.

    Parameters
    ----------
    n_power_iterations : int, default 1
        Steps of the power iteration per update; its vector persists between updates.

    References
    ----------
    Miyato, Kataoka, Koyama, Yoshida (2018), arXiv:1802.05957, algorithm 1.
    """

    n_power_iterations: int = 1

    def __post_init__(self) -> None:
        check_positive_integer("n_power_iterations", self.n_power_iterations)

    def bind(self, network: MLP) -> Binding:
        """Keep the raw weights apart; the network gets the normalised ones."""
        return _SpectrallyNormalized(network, self.n_power_iterations)


class _SpectrallyNormalized(Binding):
    # Power steps before the first update; the vector only has to leave its arbitrary start.
    _WARM_UP = 20

    def __init__(self, network: MLP, n_power_iterations: int) -> None:
        super().__init__(network)
        self.trainable = network.parameters.copy()
        self.n_power_iterations = n_power_iterations
        self._raw, self._raw_biases = network.split(self.trainable)
        # The start is fixed, not drawn: the same network gives the same fit.
        self._left = [np.cos(np.arange(len(weight), dtype=network.dtype)) for weight in self._raw]
        self._right = [np.zeros(weight.shape[1], dtype=network.dtype) for weight in self._raw]
        self._sigma = [1.0] * len(self._raw)
        self._iterate(self._WARM_UP)
        self._realise()

    def _iterate(self, n_steps: int) -> None:
        tiny = np.finfo(self.network.dtype).tiny
        for layer, weight in enumerate(self._raw):
            left = self._left[layer]
            for _ in range(n_steps):
                right = left @ weight
                right /= max(float(np.linalg.norm(right)), tiny)
                left = weight @ right
                sigma = max(float(np.linalg.norm(left)), tiny)
                left /= sigma
            self._left[layer], self._right[layer], self._sigma[layer] = left, right, sigma

    def _realise(self) -> None:
        for layer, weight in enumerate(self._raw):
            np.divide(weight, self._sigma[layer], out=self.network.weights[layer])
            self.network.biases[layer][...] = self._raw_biases[layer]

    def refresh(self) -> None:
        self._iterate(self.n_power_iterations)
        self._realise()

    def pull_back(self, gradient: Array) -> None:
        # With W = V / sigma(V): dL/dV = (G - <G, W> u v') / sigma, by d sigma = u' dV v.
        for layer, block in enumerate(self.network.split(gradient)[0]):
            inner = float(np.vdot(block, self.network.weights[layer]))
            block -= inner * np.outer(self._left[layer], self._right[layer])
            block /= self._sigma[layer]

    def finish(self) -> None:
        self._iterate(self._WARM_UP)
        self._realise()

    def state_dict(self) -> dict[str, Array]:
        state = {"trainable": self.trainable.copy()}
        for layer, left in enumerate(self._left):
            state[f"left_{layer}"] = left.copy()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.trainable[...] = state["trainable"]
        for layer, left in enumerate(self._left):
            left[...] = state[f"left_{layer}"]


@dataclass(frozen=True, slots=True)
class Orthonormal(Constraint):
    """Keep the rows (or columns) of every weight orthonormal by Björck steps after each update.

    With `GroupSort` such a critic has gradient norm one almost everywhere a path of full rank
    leads, and its proven Lipschitz constant is 1 up to rounding.

    Parameters
    ----------
    n_steps : int, default 2
        Steps W <- 3/2 W - 1/2 W W' W after each update; each squares the distance to the
        orthonormal matrices.

    References
    ----------
    Anil, Lucas, Grosse (2019), Sorting out Lipschitz function approximation, arXiv:1811.05381.
    Björck, Bowie (1971), doi:10.1137/0708036.
    """

    n_steps: int = 2

    def __post_init__(self) -> None:
        check_positive_integer("n_steps", self.n_steps)

    @property
    def activation(self) -> Activation:
        """Sorted pairs: they keep gradient norms."""
        return MaxMin()

    def bind(self, network: MLP) -> Binding:
        """Make the weights orthonormal at once and after each step."""
        return _Orthonormalized(network, self.n_steps)


class _Orthonormalized(Binding):
    def __init__(self, network: MLP, n_steps: int) -> None:
        super().__init__(network)
        self.n_steps = n_steps
        self.finish()

    def project(self) -> None:
        for weight in self.network.weights:
            wide = weight.shape[0] <= weight.shape[1]
            for _ in range(self.n_steps):
                # The smaller of the two Gram matrices first.
                gram = weight @ weight.T if wide else weight.T @ weight
                correction = gram @ weight if wide else weight @ gram
                correction *= -0.5
                weight *= 1.5
                weight += correction

    def finish(self) -> None:
        # The polar factor is the nearest orthonormal matrix; it also serves any start.
        for weight in self.network.weights:
            if not np.isfinite(weight).all():
                raise InvalidInputError("network", "have finite weights", "NaN or infinity")
            left, _, right = np.linalg.svd(weight.astype(np.float64), full_matrices=False)
            weight[...] = left @ right
