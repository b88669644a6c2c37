"""Ways of keeping a critic Lipschitz, each a small frozen object with one face.

A constraint says which penalty enters the loss, which objective of the batch is maximised, and, by
its *binding* to a network, which vector the optimiser moves and what happens after each move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._kernels import neural as kernels
from .._validation import check_positive
from .activations import Activation, Array, LeakyReLU
from .networks import MLP
from .optimizers import Adam, Optimizer, RMSProp

__all__ = [
    "Binding",
    "Constraint",
    "GradientPenalty",
    "LipschitzPenalty",
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

    The critic's Lipschitz constant is then at most the product of bound * sqrt(rows * columns) over
    the layers. The bound fixes the size of the raw estimate, which speaks of W1 only after division
    by the true constant.

    Parameters
    ----------
    bound : float, default 0.01
        Largest size of a parameter.

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

    `fit_critic` penalises slopes below one only after the first quarter of its steps: a slope that
    starts with the wrong sign could not cross zero against the two-sided penalty.

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

    Overestimates W1 by the same amount as `GradientPenalty`, but does not pull slopes up to one
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
