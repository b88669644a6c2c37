"""One critic in training: a network, its constraint, its optimiser, one step at a time.

`fit_critic` and adversarial training both drive this object; its state can be stored and resumed
bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .._kernels import neural as kernels
from .._typing import RngLike
from .._validation import as_generator, check_positive_integer
from .activations import Array
from .constraints import Constraint
from .double_backward import CriticPass
from .networks import MLP
from .optimizers import Optimizer

__all__ = ["CriticTrainer", "StepReport"]


class StepReport(NamedTuple):
    """What one step saw, before its update.

    `raw` is the batch's mean f(x) - mean f(y), `objective` what is maximised (the same, or a
    semi-dual), `penalty` what is subtracted, `mean_slope` the mean norm of the input gradient where
    it is penalised, `gradient_norm` that of the parameters' gradient.
    """

    raw: float
    objective: float
    penalty: float
    mean_slope: float
    gradient_norm: float

    @property
    def finite(self) -> bool:
        """Whether the step was taken; otherwise the parameters are as they were."""
        return math.isfinite(self.raw + self.penalty + self.gradient_norm)


class CriticTrainer:
    """Steps of a critic that maximises objective - penalty under a constraint.

    Parameters
    ----------
    network : MLP
        One output; its parameters are moved in place.
    constraint : Constraint
    optimizer : Optimizer, optional
        By default the one that suits the constraint.
    batch_size : int, default 256
        Rows of x and of y in every step.
    rng : Generator or int, optional
        Draws the points between x and y of a gradient penalty.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.critics import Architecture, CriticTrainer, GradientPenalty
    >>> network = Architecture(hidden=(16,)).build(n_inputs=1, rng=0)
    >>> trainer = CriticTrainer(network, GradientPenalty(10.0), batch_size=8, rng=0)
    >>> report = trainer.step(np.ones((8, 1)), np.zeros((8, 1)))
    >>> report.finite
    True
    """

    def __init__(
        self,
        network: MLP,
        constraint: Constraint,
        *,
        optimizer: Optimizer | None = None,
        batch_size: int = 256,
        rng: RngLike = None,
    ) -> None:
        batch_size = check_positive_integer("batch_size", batch_size)
        self.network = network
        self.constraint = constraint
        self.rng = as_generator(rng)
        self.binding = constraint.bind(network)
        self.optimizer = (optimizer or constraint.optimizer).start(self.binding.trainable)
        self.gradient = np.zeros_like(network.parameters)
        self._pass = CriticPass(network, 2 * batch_size, batch_size if constraint.penalty else 0)
        self._coefficients = np.zeros(2 * batch_size, dtype=network.dtype)
        self.x = self._pass.pair_input[:batch_size]
        """Where the batch of x may be written instead of passing it to `step`; (batch_size, d)."""
        self.y = self._pass.pair_input[batch_size:]
        """The same for y."""

    def step(
        self,
        x: Array | None = None,
        y: Array | None = None,
        *,
        learning_rate_scale: float = 1.0,
        one_sided: bool = False,
    ) -> StepReport:
        """Take one step on a batch x, y (batch_size, d each).

        `one_sided` lets a two-sided gradient penalty act on long gradients only, for this step.
        """
        if x is not None:
            self.x[...] = x
        if y is not None:
            self.y[...] = y
        # Overflow is an outcome here, told by the report, not a warning.
        with np.errstate(over="ignore", invalid="ignore"):
            return self._step(learning_rate_scale, one_sided)

    def _step(self, learning_rate_scale: float, one_sided: bool) -> StepReport:
        constraint, step = self.constraint, self._pass
        if constraint.penalty:
            share = self.rng.random(len(self.x), dtype=self.network.dtype.type)
            kernels.interpolate(self.x, self.y, share, step.penalty_input)
        self.binding.refresh()
        values = step.forward()
        raw = float(values[: len(self.x)].mean()) - float(values[len(self.x) :].mean())
        objective = constraint.objective(self.x, self.y, values, self._coefficients)
        penalty, slope = step.backward(
            self._coefficients,
            self.gradient,
            weight=constraint.penalty,
            one_sided=one_sided or constraint.one_sided,
        )
        self.binding.pull_back(self.gradient)
        norm = math.sqrt(float(np.dot(self.gradient, self.gradient)))
        report = StepReport(raw, objective, penalty, slope, norm)
        if report.finite:
            self.optimizer.step(self.binding.trainable, self.gradient, learning_rate_scale)
            self.binding.project()
        return report

    def state_dict(self) -> dict[str, Array]:
        """Arrays that resume the training bit for bit, given the same generator state."""
        state = {"parameters": self.network.parameters.copy()}
        for prefix, part in (("optimizer", self.optimizer), ("binding", self.binding)):
            for key, value in part.state_dict().items():
                state[f"{prefix}_{key}"] = value
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the arrays of `state_dict`."""
        self.network.parameters[...] = state["parameters"]
        for prefix, part in (("optimizer_", self.optimizer), ("binding_", self.binding)):
            part.load_state_dict(
                {key[len(prefix) :]: state[key] for key in state if key.startswith(prefix)}
            )
