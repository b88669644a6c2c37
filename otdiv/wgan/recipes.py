"""Every number of a training run in one object, and the published ones by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .._validation import check_choice, check_positive_integer
from ..critics import (
    Adam,
    Architecture,
    GradientPenalty,
    LeakyReLU,
    LipschitzPenalty,
    ReLU,
    RMSProp,
    WeightClipping,
)
from ..critics.constraints import Constraint
from ..critics.optimizers import Optimizer
from ..errors import InvalidInputError
from .generators import LATENTS
from .losses import LateWeightClipping, Loss, WassersteinGAN

__all__ = [
    "CriticSteps",
    "Recipe",
    "small",
    "tracking",
    "wgan_2017",
    "wgan_2017_code",
    "wgan_gp_2017",
    "wgan_gp_2017_code",
    "wgan_lp_2018",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticSteps:
    """How many critic steps precede each generator step.

    Parameters
    ----------
    usual : int, default 5
    thorough : int, optional
        Taken instead in the first `n_first` generator steps and in every `every`-th; by default
        the usual number.
    n_first, every : int, default 0
        0 for none.

    Examples
    --------
    >>> from otdiv.wgan import CriticSteps
    >>> steps = CriticSteps(usual=5, thorough=100, n_first=25, every=500)
    >>> steps.at(0), steps.at(25), steps.at(500)
    (100, 5, 100)
    """

    usual: int = 5
    thorough: int | None = None
    n_first: int = 0
    every: int = 0

    def __post_init__(self) -> None:
        check_positive_integer("usual", self.usual)
        if self.thorough is not None:
            check_positive_integer("thorough", self.thorough)
        check_positive_integer("n_first", self.n_first, minimum=0)
        check_positive_integer("every", self.every, minimum=0)

    def at(self, step: int) -> int:
        """Return the critic steps before generator step `step`, counted from 0."""
        thorough = step < self.n_first or (self.every > 0 and step % self.every == 0)
        return self.thorough if thorough and self.thorough is not None else self.usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides a training run, but for the data and the seed.

    Parameters
    ----------
    loss : Loss
    generator, critic : Architecture
    generator_optimizer, critic_optimizer : Optimizer
    n_steps : int
        Generator steps.
    batch_size : int
        m, rows of every batch.
    critic_steps : CriticSteps
    latent : {"normal", "uniform"}
    latent_dimension : int
    decay_from : float, default 1.0
        Share of the run after which both learning rates fall linearly to zero; 1 is never.
    averaging : float, default 0.0
        Decay of the running mean of the generator's parameters, which is the generator that is
        measured and returned; 0 is the last generator itself.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from otdiv.wgan import small
    >>> replace(small(), n_steps=100).n_steps
    100
    """

    loss: Loss
    generator: Architecture
    critic: Architecture
    generator_optimizer: Optimizer
    critic_optimizer: Optimizer
    n_steps: int
    batch_size: int
    critic_steps: CriticSteps = CriticSteps()
    latent: str = "normal"
    latent_dimension: int = 2
    decay_from: float = 1.0
    averaging: float = 0.0

    def __post_init__(self) -> None:
        check_positive_integer("n_steps", self.n_steps)
        check_positive_integer("batch_size", self.batch_size)
        check_positive_integer("latent_dimension", self.latent_dimension)
        check_choice("latent", self.latent, LATENTS)
        if not 0.0 <= self.decay_from <= 1.0:
            raise InvalidInputError("decay_from", "lie in [0, 1]", self.decay_from)
        if not 0.0 <= self.averaging < 1.0:
            raise InvalidInputError("averaging", "lie in [0, 1)", self.averaging)

    def learning_rate_scale(self, step: int) -> float:
        """Share of the learning rates at a generator step, counted from 0."""
        if self.decay_from >= 1.0:
            return 1.0
        return min(1.0, (1.0 - step / self.n_steps) / (1.0 - self.decay_from))


def small(constraint: Constraint | None = None, *, loss: Loss | None = None) -> Recipe:
    """Return settings that train plane sets within minutes on a CPU; this library's own.

    Parameters
    ----------
    constraint : Constraint, optional
        Of the critic of a `WassersteinGAN`; by default `GradientPenalty(0.1)`, the weight in the
        code published with WGAN-GP for such sets, whose unit is one.
    loss : Loss, optional
        Instead, any loss with its own constraint.

    Examples
    --------
    >>> from otdiv.wgan import small
    >>> small().loss
    WassersteinGAN(constraint=GradientPenalty(weight=0.1))
    """
    if loss is None:
        loss = WassersteinGAN(GradientPenalty(0.1) if constraint is None else constraint)
    elif constraint is not None:
        raise InvalidInputError("loss", "come without `constraint`: it has its own", loss)
    rule = loss.critic_rule()
    hidden = (128, 128, 128)
    clipped = isinstance(rule, WeightClipping)
    return Recipe(
        loss=loss,
        generator=Architecture(hidden, ReLU()),
        critic=Architecture(hidden, rule.activation),
        generator_optimizer=Adam(learning_rate=5e-4, beta1=0.0 if not clipped else 0.5),
        critic_optimizer=rule.optimizer if clipped else Adam(learning_rate=1e-3),
        n_steps=10_000,
        batch_size=256,
        critic_steps=CriticSteps(usual=5),
        decay_from=0.3,
        averaging=0.998,
    )


def tracking(constraint: Constraint | None = None, *, loss: Loss | None = None) -> Recipe:
    """Return `small` with a critic near its optimum, so that its loss follows the exact distance.

    A critic that still finds its feet says nothing about the distance: 100 critic steps precede
    each of the first five generator steps, the generator is slow, and the generator that is
    measured hardly lags behind the one that the critic meets. On eight Gaussians, until W1 is twice
    its floor, the rank correlation of loss and exact W1 is 0.95 in the median of five seeds. Meant
    for watching the loss; `small` is tuned for the samples.

    Parameters
    ----------
    constraint : Constraint, optional
        As in `small`.
    loss : Loss, optional
        As in `small`.

    Examples
    --------
    >>> from otdiv.wgan import tracking
    >>> tracking().critic_steps.at(0), tracking().critic_steps.at(5)
    (100, 5)
    """
    return replace(
        small(constraint, loss=loss),
        critic_steps=CriticSteps(usual=5, thorough=100, n_first=5),
        generator_optimizer=Adam(learning_rate=2e-4),
        averaging=0.9,
    )


def wgan_2017(*, hidden: tuple[int, ...] = (512, 512, 512), n_steps: int = 100_000) -> Recipe:
    """Return algorithm 1 of the WGAN paper: clip at 0.01, RMSProp at 5e-5, m = 64, n_critic = 5.

    The networks, which the paper has for images, are those of the toy runs of WGAN-GP. On plane
    sets the learning rate is too small to see much before some ten thousand steps.

    Parameters
    ----------
    hidden : tuple of int
        Widths of both networks.
    n_steps : int

    References
    ----------
    Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875, algorithm 1.

    Examples
    --------
    >>> from otdiv.wgan import wgan_2017
    >>> wgan_2017().loss
    WassersteinGAN(constraint=WeightClipping(bound=0.01))
    """
    rmsprop = RMSProp(learning_rate=5e-5)
    return Recipe(
        loss=WassersteinGAN(WeightClipping(0.01)),
        generator=Architecture(hidden, ReLU()),
        critic=Architecture(hidden, ReLU()),
        generator_optimizer=rmsprop,
        critic_optimizer=rmsprop,
        n_steps=n_steps,
        batch_size=64,
    )


def wgan_2017_code(*, hidden: tuple[int, ...] = (512, 512, 512), n_steps: int = 100_000) -> Recipe:
    """Return what the code published with the WGAN paper does, where it differs from the paper.

    It takes 100 critic steps before each of the first 25 generator steps and before every 500th,
    and clips before a critic step, not after it.

    Parameters
    ----------
    hidden : tuple of int
        Widths of both networks.
    n_steps : int

    Examples
    --------
    >>> from otdiv.wgan import wgan_2017_code
    >>> wgan_2017_code().critic_steps.at(24)
    100
    """
    rmsprop = RMSProp(learning_rate=5e-5)
    return Recipe(
        loss=WassersteinGAN(LateWeightClipping(0.01)),
        generator=Architecture(hidden, ReLU()),
        critic=Architecture(hidden, ReLU()),
        generator_optimizer=rmsprop,
        critic_optimizer=rmsprop,
        n_steps=n_steps,
        batch_size=64,
        critic_steps=CriticSteps(usual=5, thorough=100, n_first=25, every=500),
    )


def wgan_gp_2017(*, hidden: tuple[int, ...] = (512, 512, 512), n_steps: int = 100_000) -> Recipe:
    """Return algorithm 1 of WGAN-GP: penalty 10, n_critic = 5, Adam(1e-4, 0, 0.9); m = 256.

    Networks, batch and steps are those of its toy runs.

    Parameters
    ----------
    hidden : tuple of int
        Widths of both networks.
    n_steps : int

    References
    ----------
    Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville (2017), arXiv:1704.00028, algorithm 1.

    Examples
    --------
    >>> from otdiv.wgan import wgan_gp_2017
    >>> wgan_gp_2017().critic_optimizer
    Adam(learning_rate=0.0001, beta1=0.0, beta2=0.9, epsilon=1e-08)
    """
    return _penalised(10.0, 0.0, hidden, n_steps)


def wgan_gp_2017_code(
    *, hidden: tuple[int, ...] = (512, 512, 512), n_steps: int = 100_000
) -> Recipe:
    """Return the toy runs in the code published with WGAN-GP: penalty 0.1, Adam(1e-4, 0.5, 0.9).

    The paper says 10 everywhere.

    Parameters
    ----------
    hidden : tuple of int
        Widths of both networks.
    n_steps : int

    Examples
    --------
    >>> from otdiv.wgan import wgan_gp_2017_code
    >>> wgan_gp_2017_code().loss
    WassersteinGAN(constraint=GradientPenalty(weight=0.1))
    """
    return _penalised(0.1, 0.5, hidden, n_steps)


def _penalised(weight: float, beta1: float, hidden: tuple[int, ...], n_steps: int) -> Recipe:
    adam = Adam(learning_rate=1e-4, beta1=beta1, beta2=0.9)
    return Recipe(
        loss=WassersteinGAN(GradientPenalty(weight)),
        generator=Architecture(hidden, ReLU()),
        critic=Architecture(hidden, ReLU()),
        generator_optimizer=adam,
        critic_optimizer=adam,
        n_steps=n_steps,
        batch_size=256,
    )


def wgan_lp_2018(
    *, weight: float = 10.0, hidden: tuple[int, ...] = (512, 512, 512), n_steps: int = 20_000
) -> Recipe:
    """Return the toy runs of WGAN-LP as reproductions have them: one-sided penalty, RMSProp 5e-5.

    Ten critic steps, 100 in each of the first 25 generator steps; leaky ReLU 0.2; m = 256.

    Parameters
    ----------
    weight : float, default 10.0
        Of the penalty.
    hidden : tuple of int
        Widths of both networks.
    n_steps : int

    References
    ----------
    Petzka, Fischer, Lukovnikov (2018), arXiv:1709.08894, section 6.

    Examples
    --------
    >>> from otdiv.wgan import wgan_lp_2018
    >>> wgan_lp_2018(weight=5.0).loss
    WassersteinGAN(constraint=LipschitzPenalty(weight=5.0))
    """
    rmsprop = RMSProp(learning_rate=5e-5)
    return Recipe(
        loss=WassersteinGAN(LipschitzPenalty(weight)),
        generator=Architecture(hidden, LeakyReLU(0.2)),
        critic=Architecture(hidden, LeakyReLU(0.2)),
        generator_optimizer=rmsprop,
        critic_optimizer=rmsprop,
        n_steps=n_steps,
        batch_size=256,
        critic_steps=CriticSteps(usual=10, thorough=100, n_first=25),
    )
