"""A run in its middle: networks, optimisers and random streams, and the steps that move them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._typing import FloatArray, RngLike
from .._validation import as_generator
from ..critics import CriticTrainer, StepReport, Tape
from ..critics.activations import Array
from ..critics.networks import MLP
from .datasets import Dataset
from .generators import Generator, draw_latent
from .losses import LateWeightClipping
from .recipes import Recipe

__all__ = ["Run", "entropy_of"]

_STREAMS = ("weights", "batches", "interpolates", "evaluation")


def entropy_of(rng: RngLike) -> list[int]:
    """Four 32-bit words drawn from `rng`, which seed every stream of a run."""
    return [int(word) for word in as_generator(rng).integers(2**32, size=4)]


class Run:
    """Generator, critic and their optimisers at one step of a training.

    The streams are of one known kind, whatever the caller's generator is, so that a checkpoint can
    hold them.
    """

    def __init__(self, data: Dataset, recipe: Recipe, entropy: list[int]) -> None:
        self.data = data
        self.recipe = recipe
        self.entropy = entropy
        seeds = np.random.SeedSequence(entropy).spawn(len(_STREAMS))
        self.streams = {
            name: np.random.Generator(np.random.PCG64(seed))
            for name, seed in zip(_STREAMS, seeds, strict=True)
        }
        weights = self.streams["weights"]
        self.generator: MLP = recipe.generator.build(
            n_inputs=recipe.latent_dimension, n_outputs=data.d, rng=weights
        )
        self.average = self.generator.parameters.copy()
        self.optimizer = recipe.generator_optimizer.start(self.generator.parameters)
        self.trainer = CriticTrainer(
            recipe.critic.build(n_inputs=data.d, rng=weights),
            recipe.loss.critic_rule(),
            optimizer=recipe.critic_optimizer,
            batch_size=recipe.batch_size,
            rng=self.streams["interpolates"],
        )
        rule = self.trainer.constraint
        self._early_bound = rule.bound if isinstance(rule, LateWeightClipping) else None
        self._tape = Tape(self.generator, recipe.batch_size)
        self._critic_tape = Tape(self.trainer.network, recipe.batch_size)
        self._gradient = np.zeros_like(self.generator.parameters)
        self.step = 0
        self.scale = 1.0

    def set_learning_rates(self) -> None:
        """Let the recipe decide the share of the learning rates at this step."""
        self.scale = self.recipe.learning_rate_scale(self.step)

    def draw_real(self) -> FloatArray:
        """Draw a batch (m, d) of the data."""
        return self.data.sample(self.recipe.batch_size, self.streams["batches"])

    def draw_latent(self) -> Array:
        """Draw a batch (m, k) of latent points."""
        recipe = self.recipe
        return draw_latent(
            recipe.latent, recipe.batch_size, recipe.latent_dimension, self.streams["batches"]
        )

    def clip_early(self) -> None:
        """Clip the critic before its step, for `LateWeightClipping` only."""
        if self._early_bound is not None:
            parameters = self.trainer.network.parameters
            np.clip(parameters, -self._early_bound, self._early_bound, out=parameters)

    def critic_step(self, x: FloatArray, z: Array) -> StepReport:
        """Move the critic up the gradient of its objective on real x and generated g(z)."""
        self.trainer.x[...] = x
        with np.errstate(over="ignore", invalid="ignore"):
            self.trainer.y[...] = self._tape.forward(z)
        return self.trainer.step(learning_rate_scale=self.scale)

    def generator_gradient(self, z: Array) -> tuple[float, Array]:
        """Return the generator's loss, and its gradient in θ, which the next call overwrites."""
        self.trainer.binding.refresh()
        # Overflow is an outcome here, told by the status, not a warning.
        with np.errstate(over="ignore", invalid="ignore"):
            y = self._tape.forward(z)
            loss, in_points = self.recipe.loss.generator_gradient(
                self._critic_tape, self.trainer.x, y
            )
            self._tape.backward(in_points, self._gradient)
        return loss, self._gradient

    def generator_step(self, gradient: Array) -> None:
        """Move the generator against the gradient, and its running mean after it."""
        with np.errstate(over="ignore", invalid="ignore"):
            self.optimizer.step(self.generator.parameters, gradient, self.scale)
            # The mean starts as a plain one, so that the first generators are forgotten.
            decay = min(self.recipe.averaging, self.step / (self.step + 10.0))
            self.average += (1.0 - decay) * (self.generator.parameters - self.average)

    def measured_generator(self) -> Generator:
        """Return a copy of the generator that is measured: the mean one where there is one."""
        parameters = self.average if self.recipe.averaging > 0.0 else self.generator.parameters
        network = MLP(self.generator.sizes, self.generator.activation, parameters.copy())
        return Generator(network, self.recipe.latent)

    def state_dict(self) -> dict[str, Array]:
        """Arrays that continue the run bit for bit; numbers and strings, no pickles."""
        state = {
            "step": np.array(self.step),
            "entropy": np.array(self.entropy, dtype=np.int64),
            "generator": self.generator.parameters.copy(),
            "average": self.average.copy(),
        }
        for key, value in self.optimizer.state_dict().items():
            state[f"optimizer.{key}"] = value
        for key, value in self.trainer.state_dict().items():
            state[f"critic.{key}"] = value
        for name, stream in self.streams.items():
            state[f"stream.{name}"] = np.array(json.dumps(stream.bit_generator.state))
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the arrays of `state_dict`."""
        self.step = int(state["step"])
        self.generator.parameters[...] = state["generator"]
        self.average[...] = state["average"]
        self.optimizer.load_state_dict(_below(state, "optimizer."))
        self.trainer.load_state_dict(_below(state, "critic."))
        for name, stream in self.streams.items():
            stream.bit_generator.state = json.loads(str(state[f"stream.{name}"]))


def _below(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key[len(prefix) :]: state[key] for key in state if key.startswith(prefix)}
