"""Adam and RMSProp on one flat vector: frozen options, and a state that a checkpoint can store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .._kernels import neural as kernels
from .._validation import check_positive
from ..errors import InvalidInputError
from .activations import Array

__all__ = ["Adam", "Optimizer", "OptimizerState", "RMSProp"]


class OptimizerState(Protocol):
    """Running averages of one optimiser; `state_dict` and `load_state_dict` resume bit-equal."""

    def step(self, parameters: Array, gradient: Array, scale: float = 1.0) -> None:
        """Move `parameters` in place against `gradient`, at `scale` times the learning rate."""
        ...

    def state_dict(self) -> dict[str, Array]:
        """Arrays of the state, copied."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the arrays of `state_dict`."""
        ...


class Optimizer(Protocol):
    """Options of an optimiser; `start` makes its state."""

    def start(self, parameters: Array) -> OptimizerState:
        """State for a vector like `parameters`, before the first step."""
        ...


def _check_share(name: str, value: float) -> None:
    if not 0.0 <= value < 1.0:
        raise InvalidInputError(name, "lie in [0, 1)", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam:
    """Adam with the corrections of its paper (Kingma, Ba 2015, arXiv:1412.6980).

    Parameters
    ----------
    learning_rate : float, default 1e-3
    beta1, beta2 : float, default 0.0 and 0.9
        Decay of the first and second moment; the defaults are those of WGAN-GP
        (Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1).
    epsilon : float, default 1e-8
        Added to the root of the second moment.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, -1.0])
    >>> Adam(learning_rate=0.5).start(w).step(w, np.array([3.0, -3.0]))
    >>> w.round(6)
    array([ 0.5, -0.5])
    """

    learning_rate: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        check_positive("learning_rate", self.learning_rate)
        _check_share("beta1", self.beta1)
        _check_share("beta2", self.beta2)
        check_positive("epsilon", self.epsilon)

    def start(self, parameters: Array) -> OptimizerState:
        """State for a vector like `parameters`, before the first step."""
        return _AdamState(self, parameters)


class _AdamState:
    def __init__(self, options: Adam, parameters: Array) -> None:
        self.options = options
        self.first = np.zeros_like(parameters)
        self.second = np.zeros_like(parameters)
        self.n_steps = 0

    def step(self, parameters: Array, gradient: Array, scale: float = 1.0) -> None:
        self.n_steps += 1
        options = self.options
        kernels.adam(
            parameters,
            gradient,
            self.first,
            self.second,
            options.learning_rate * scale,
            options.beta1,
            options.beta2,
            1.0 - options.beta1**self.n_steps,
            1.0 - options.beta2**self.n_steps,
            options.epsilon,
        )

    def state_dict(self) -> dict[str, Array]:
        return {
            "first": self.first.copy(),
            "second": self.second.copy(),
            "n_steps": np.array(self.n_steps),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.first[...] = state["first"]
        self.second[...] = state["second"]
        self.n_steps = int(state["n_steps"])


@dataclass(frozen=True, slots=True, kw_only=True)
class RMSProp:
    """RMSProp without momentum, the optimiser of WGAN (arXiv:1701.07875, algorithm 1).

    Parameters
    ----------
    learning_rate : float, default 1e-3
        The paper's 5e-5 suits its long image runs.
    decay : float, default 0.99
        Decay of the mean square gradient.
    epsilon : float, default 1e-8
        Added to its root.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0])
    >>> RMSProp(learning_rate=0.1).start(w).step(w, np.array([2.0]))
    >>> w.round(6)
    array([0.])
    """

    learning_rate: float = 1e-3
    decay: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        check_positive("learning_rate", self.learning_rate)
        _check_share("decay", self.decay)
        check_positive("epsilon", self.epsilon)

    def start(self, parameters: Array) -> OptimizerState:
        """State for a vector like `parameters`, before the first step."""
        return _RMSPropState(self, parameters)


class _RMSPropState:
    def __init__(self, options: RMSProp, parameters: Array) -> None:
        self.options = options
        self.second = np.zeros_like(parameters)

    def step(self, parameters: Array, gradient: Array, scale: float = 1.0) -> None:
        options = self.options
        rate = options.learning_rate * scale
        kernels.rmsprop(parameters, gradient, self.second, rate, options.decay, options.epsilon)

    def state_dict(self) -> dict[str, Array]:
        return {"second": self.second.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.second[...] = state["second"]
