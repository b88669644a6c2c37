"""What critic and generator play for: the losses of the first GAN, its variant, and the WGAN.

A loss tells the critic's trainer what to maximise (as a `Constraint`, which also keeps the critic
Lipschitz) and gives the generator its gradient at generated points.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, field

import numpy as np

from .._kernels import neural as kernels
from .._validation import check_positive
from ..critics import (
    CTransform,
    EntropicCTransform,
    GradientPenalty,
    StepReport,
    Tape,
    Unconstrained,
    WeightClipping,
)
from ..critics.activations import Activation, Array
from ..critics.constraints import Binding, Constraint
from ..critics.networks import MLP
from ..critics.optimizers import Optimizer
from ..errors import InvalidInputError

__all__ = ["LateWeightClipping", "Loss", "MinimaxGAN", "NonSaturatingGAN", "WassersteinGAN"]


@dataclass(frozen=True, slots=True)
class LateWeightClipping(WeightClipping):
    """Clip *before* each critic step instead of after it, as the code published with WGAN did.

    The generator then meets a critic that has left the box by one step.

    References
    ----------
    Code published with Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875; its algorithm 1 clips
    after the step.
    """

    def bind(self, network: MLP) -> Binding:
        """Leave the clipping to the training loop."""
        return Binding(network)


class Loss(abc.ABC):
    """What a loss answers to the training loop."""

    __slots__ = ()
    label: str
    """What the critic's number estimates, for reports."""

    @abc.abstractmethod
    def critic_rule(self) -> Constraint:
        """Objective of the critic, with what keeps it Lipschitz."""

    @abc.abstractmethod
    def generator_values(self, values: Array) -> tuple[float, Array]:
        """Return the generator's loss and its derivative (k,) in the critic's values (k,)."""

    def generator_gradient(self, critic: Tape, x: Array, y: Array) -> tuple[float, Array]:
        """Return the generator's loss, and its gradient (k, d) in the generated points y (k, d).

        `x` (k, d) are real points, for losses that pair the batches.
        """
        loss, slope = self.generator_values(critic.forward(y)[:, 0])
        return loss, critic.backward(slope[:, None])

    def reading(self, report: StepReport) -> float:
        """Return the estimate that a critic step gives, in the unit of `label`."""
        return report.objective


def _sigmoid(z: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0.0, -z)))


@dataclass(frozen=True, slots=True)
class _Discrimination(Constraint):
    """Maximise mean log D(x) + mean log(1 - D(y)) with D = sigmoid(f), f kept by `inner`."""

    inner: Constraint

    @property
    def penalty(self) -> float:
        return self.inner.penalty

    @property
    def one_sided(self) -> bool:
        return self.inner.one_sided

    @property
    def activation(self) -> Activation:
        return self.inner.activation

    @property
    def optimizer(self) -> Optimizer:
        return self.inner.optimizer

    def check(self, network: MLP) -> None:
        self.inner.check(network)

    def rescaled(self, scale: float) -> Constraint:
        return _Discrimination(self.inner.rescaled(scale))

    def bind(self, network: MLP) -> Binding:
        return self.inner.bind(network)

    def objective(self, x: Array, y: Array, values: Array, coefficients: Array) -> float:
        k, m = len(x), len(y)
        f, h = values[:k], values[k:]
        # The coefficients are the negative gradient: d log sigmoid(f) = sigmoid(-f) df.
        coefficients[:k] = _sigmoid(-f) / -k
        coefficients[k:] = _sigmoid(h) / m
        real = -np.logaddexp(0.0, -f).mean(dtype=np.float64)
        generated = -np.logaddexp(0.0, h).mean(dtype=np.float64)
        return float(real + generated)


@dataclass(frozen=True, slots=True)
class MinimaxGAN(Loss):
    """The first GAN: D maximises E log D(x) + E log(1 - D(y)), the generator minimises it.

    At the best D this is 2 JS - 2 log 2, so half the objective plus log 2 is a lower bound of JS,
    which is what the critic's number is here.

    Parameters
    ----------
    constraint : Constraint, optional
        What keeps log D / (1 - D) Lipschitz; by default nothing does.

    References
    ----------
    Goodfellow et al. (2014), Generative adversarial nets, arXiv:1406.2661, algorithm 1, theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.wgan import MinimaxGAN
    >>> loss, slope = MinimaxGAN().generator_values(np.array([-50.0, 50.0]))
    >>> round(loss, 6), slope.round(6).tolist()
    (-25.0, [-0.0, -0.5])
    """

    constraint: Constraint = field(default_factory=Unconstrained)
    label = "JS (lower bound)"

    def __post_init__(self) -> None:
        if isinstance(self.constraint, CTransform | EntropicCTransform | LateWeightClipping):
            raise InvalidInputError(
                "constraint", "be one that leaves the critic's objective alone", self.constraint
            )

    def critic_rule(self) -> Constraint:
        """Discrimination under the constraint."""
        return _Discrimination(self.constraint)

    def generator_values(self, values: Array) -> tuple[float, Array]:
        """Mean log(1 - D), whose derivative vanishes where the critic is sure (D near 0)."""
        loss = -float(np.logaddexp(0.0, values).mean(dtype=np.float64))
        return loss, -_sigmoid(values) / len(values)

    def reading(self, report: StepReport) -> float:
        """Half the objective plus log 2: at most JS, in nats."""
        return 0.5 * report.objective + math.log(2.0)


@dataclass(frozen=True, slots=True)
class NonSaturatingGAN(MinimaxGAN):
    """The first GAN with the generator's loss -E log D(y), whose gradient does not vanish.

    At the best D its gradient is that of KL(generated | real) - 2 JS.

    Parameters
    ----------
    constraint : Constraint, optional
        What keeps log D / (1 - D) Lipschitz; by default nothing does.

    References
    ----------
    Goodfellow et al. (2014), arXiv:1406.2661, section 3; Arjovsky, Bottou (2017), arXiv:1701.04862,
    theorem 2.5.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.wgan import NonSaturatingGAN
    >>> loss, slope = NonSaturatingGAN().generator_values(np.array([-50.0, 50.0]))
    >>> round(loss, 6), slope.round(6).tolist()
    (25.0, [-0.5, -0.0])
    """

    def generator_values(self, values: Array) -> tuple[float, Array]:
        """Mean -log D, whose derivative vanishes only where the critic is fooled (D near 1)."""
        loss = float(np.logaddexp(0.0, -values).mean(dtype=np.float64))
        return loss, -_sigmoid(-values) / len(values)


@dataclass(frozen=True, slots=True)
class WassersteinGAN(Loss):
    """The WGAN: a Lipschitz critic maximises E f(x) - E f(y), the generator minimises it.

    With a plain (entropic) c-transform as constraint the critic on generated points is the
    transform -f^c of the network on a real batch, not the network itself, and the generator follows
    its gradient.

    Parameters
    ----------
    constraint : Constraint, default GradientPenalty(10.0)
        Any of `otdiv.critics`.

    References
    ----------
    Arjovsky, Chintala, Bottou (2017), Wasserstein GAN, arXiv:1701.07875, algorithm 1.
    Gulrajani et al. (2017), arXiv:1704.00028.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.wgan import WassersteinGAN
    >>> WassersteinGAN().generator_values(np.array([1.0, 3.0]))
    (-2.0, array([-0.5, -0.5]))
    """

    constraint: Constraint = field(default_factory=lambda: GradientPenalty(10.0))
    label = "W1 (estimate)"

    def critic_rule(self) -> Constraint:
        """Return the constraint as it is: its objective estimates W1."""
        return self.constraint

    def generator_values(self, values: Array) -> tuple[float, Array]:
        """Minus the mean value."""
        slope = np.full_like(values, -1.0 / len(values))
        return -float(values.mean(dtype=np.float64)), slope

    def generator_gradient(self, critic: Tape, x: Array, y: Array) -> tuple[float, Array]:
        """Return the gradient of -mean f(y), or that of mean f^c(y) for a c-transform."""
        constraint = self.constraint
        plain = isinstance(constraint, CTransform | EntropicCTransform) and not constraint.safeguard
        if not plain:
            loss, slope = self.generator_values(critic.forward(y)[:, 0])
            return loss, critic.backward(slope[:, None])
        f = critic.forward(x)[:, 0].copy()
        if isinstance(constraint, EntropicCTransform):
            return _soft_transform_gradient(x, y, f, constraint.epsilon)
        values, nearest = kernels.nearest_shifted(x, y, f)
        return float(values.mean()), _directions(y - x[nearest]) / y.dtype.type(len(y))


def _directions(difference: Array) -> Array:
    """Unit vectors along the last axis; zero stays zero."""
    norms = np.sqrt((difference**2).sum(axis=-1, keepdims=True))
    return np.asarray(difference / np.where(norms > 0.0, norms, 1.0).astype(difference.dtype))


def _soft_transform_gradient(x: Array, y: Array, f: Array, epsilon: float) -> tuple[float, Array]:
    """Gradient in y of mean_j -epsilon log mean_i exp((f_i - |x_i - y_j|) / epsilon)."""
    check_positive("epsilon", epsilon)
    difference = y[:, None, :] - x
    exponent = (f - np.sqrt((difference**2).sum(axis=2))) / epsilon
    largest = exponent.max(axis=1, keepdims=True)
    share = np.exp(exponent - largest)
    total = share.sum(axis=1, keepdims=True)
    value = -epsilon * float((largest + np.log(total / len(x))).mean())
    weights = (share / total).astype(y.dtype)
    gradient = (weights[:, :, None] * _directions(difference)).sum(axis=1)
    return value, gradient / y.dtype.type(len(y))
