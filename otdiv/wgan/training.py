"""The training loop of algorithm 1, for any loss, with the exact distance logged beside its own."""

from __future__ import annotations

import enum
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .._frozen import restore, seal
from .._typing import FloatArray, IndexArray, RngLike
from .._validation import check_callback, check_positive_integer
from ..critics.networks import MLP
from ..errors import InvalidInputError
from ..results import is_stop
from .datasets import Dataset
from .generators import Generator
from .monitoring import COLUMNS, Monitor
from .recipes import Recipe, small
from .running import Run, entropy_of

__all__ = ["Training", "TrainingHistory", "TrainingProgress", "TrainingStatus", "train"]

# Checkpoints are written at most this often, in seconds; by taste.
_CHECKPOINT_SECONDS = 5.0


class TrainingStatus(enum.Enum):
    """Why a training ended."""

    FINISHED = "all steps were taken"
    STOPPED = "the callback asked to stop; the generator is that of this moment"
    DIVERGED = (
        "the training diverged and the last finite generator was kept; lower the learning rates, "
        "and see `cause`"
    )

    def __repr__(self) -> str:
        return f"TrainingStatus.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress:
    """State of a running training as `callback` sees it; returning True from the callback stops.

    `critic_loss` is what the critic estimates (see `Loss.label`), `w1` the exact distance.
    """

    step: int
    n_steps: int
    critic_loss: float
    w1: float
    n_covered: int
    share_good: float
    elapsed: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TrainingHistory:
    """What was measured along a training; each field (k,), one entry per log.

    Attributes
    ----------
    step : ndarray of int
        Generator steps taken.
    critic_loss : ndarray
        What the critic estimates (see `Loss.label`), mean over the last critic step before each
        generator step since the log before; NaN before the first step.
    penalty, slope : ndarray
        Mean penalty and mean norm of the critic's input gradient where it is penalised, likewise.
    generator_loss : ndarray
        Mean of the generator's loss, likewise.
    w1 : ndarray
        Exact W1 between held-out real and generated points.
    share_good : ndarray
        Share of good generated points.
    n_covered : ndarray of int
        Modes covered.
    """

    step: IndexArray
    critic_loss: FloatArray
    penalty: FloatArray
    slope: FloatArray
    generator_loss: FloatArray
    w1: FloatArray
    share_good: FloatArray
    n_covered: IndexArray

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def __repr__(self) -> str:
        return f"TrainingHistory({len(self.step)} logs up to step {self.step[-1]})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Training:
    """A finished training.

    Attributes
    ----------
    generator : Generator
        The averaged one where the recipe averages.
    critic : MLP
        The critic's network, float32.
    history : TrainingHistory
    w1_floor : float
        Median exact W1 of 20 pairs of real samples of the size that the log uses: what a perfect
        generator would show.
    status : TrainingStatus
    cause : str
        What broke, where the training diverged; else empty.
    n_steps : int
        Generator steps taken.
    recipe : Recipe
    data : Dataset
    """

    generator: Generator
    critic: MLP
    history: TrainingHistory
    w1_floor: float
    status: TrainingStatus
    cause: str
    n_steps: int
    recipe: Recipe
    data: Dataset

    def __repr__(self) -> str:
        history = self.history
        return (
            f"Training({self.data.name}, w1={history.w1[-1]:.4g} (floor {self.w1_floor:.4g}), "
            f"modes={int(history.n_covered[-1])}/{self.data.n_modes}, "
            f"good={history.share_good[-1]:.3f}, status={self.status.name})"
        )


def train(
    data: Dataset,
    *,
    recipe: Recipe | None = None,
    n_steps: int | None = None,
    log_every: int = 100,
    n_held_out: int = 1000,
    rng: RngLike = None,
    callback: Callable[[TrainingProgress], object] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> Training:
    """Train a generator against a critic, and measure it against the exact distance on the way.

    Parameters
    ----------
    data : Dataset
        The law to imitate, such as `gaussians_8()`.
    recipe : Recipe, optional
        Networks, loss, optimisers; by default `small()`, a WGAN-GP of moderate size.
    n_steps : int, optional
        Generator steps, instead of the recipe's.
    log_every : int, default 100
        Generator steps between measurements.
    n_held_out : int, default 1000
        Real points, which training never sees, and generated ones whose W1 is measured.
    rng : Generator or int, optional
        The same seed gives the same weights, bit for bit, on the same machine.
    callback : callable, optional
        Called with a `TrainingProgress` after each measurement; returning True stops.
    checkpoint : path, optional
        An .npz file, rewritten every few seconds: all that continues the run.
    resume : bool, default False
        Continue from the file `checkpoint`, to the same numbers as an unbroken run.

    Returns
    -------
    Training
        Never raises for a diverging run: its status says so, and the last finite generator is kept.

    Raises
    ------
    InvalidInputError
        If the checkpoint is of another run: other data, recipe, seed or measurements.

    References
    ----------
    Arjovsky, Chintala, Bottou (2017), Wasserstein GAN, arXiv:1701.07875, algorithm 1.

    Examples
    --------
    >>> from otdiv.wgan import gaussians_8, train
    >>> training = train(gaussians_8(), n_steps=4, log_every=2, n_held_out=64, rng=0)
    >>> training.status, len(training.history.w1)
    (TrainingStatus.FINISHED, 3)
    """
    recipe = small() if recipe is None else recipe
    if n_steps is not None:
        recipe = replace(recipe, n_steps=n_steps)
    log_every = check_positive_integer("log_every", log_every)
    n_held_out = check_positive_integer("n_held_out", n_held_out)
    if data.largest_held_out is not None:
        n_held_out = min(n_held_out, data.largest_held_out)
    check_callback(callback)
    if resume and checkpoint is None:
        raise InvalidInputError("checkpoint", "be a path where `resume` is asked for", "None")

    log = _Log(callback, checkpoint, log_every)
    run, monitor = Run(data, recipe, entropy_of(rng)), Monitor(data, n_held_out, log_every)
    if resume and checkpoint is not None:
        run, monitor = monitor.load(checkpoint, run, seeded=rng is not None)
    else:
        monitor.start(run)
    cause, stopped = monitor.cause, False
    #                                                            Algorithm 1 of arXiv:1701.07875
    while run.step < recipe.n_steps and not (cause or stopped):  # 1: while θ has not converged do
        run.set_learning_rates()
        for _ in range(recipe.critic_steps.at(run.step)):  #      2:   for t = 1, …, n_critic do
            x = run.draw_real()  #                                3:     {x} ~ P_r, a batch
            z = run.draw_latent()  #                              4:     {z} ~ p(z), a batch
            run.clip_early()  #                                          (the published code)
            report = run.critic_step(x, z)  #                     5–7:   g_w, RMSProp or Adam, clip
        #                                                         8:   end for
        z = run.draw_latent()  #                                  9:   {z} ~ p(z), a batch
        loss, gradient = run.generator_gradient(z)  #            10:   g_θ = -∇_θ mean f(g_θ(z))
        run.generator_step(gradient)  #                          11:   θ <- θ - α RMSProp(θ, g_θ)
        cause = monitor.watch(run, report, loss)
        run.step += 1
        if cause or log.is_due(run):
            cause, stopped = log.measure(monitor, run, cause)
    #                                                            12: end while
    status = TrainingStatus.FINISHED
    if cause or stopped:
        status = TrainingStatus.DIVERGED if cause else TrainingStatus.STOPPED
    return Training(
        generator=run.measured_generator(),
        critic=run.trainer.network,
        history=_history(monitor),
        w1_floor=monitor.w1_floor,
        status=status,
        cause=cause,
        n_steps=run.step,
        recipe=recipe,
        data=data,
    )


class _Log:
    """Measures every so many steps, tells the callback, and writes checkpoints."""

    def __init__(
        self,
        callback: Callable[[TrainingProgress], object] | None,
        checkpoint: str | os.PathLike[str] | None,
        every: int,
    ) -> None:
        self.callback, self.checkpoint, self.every = callback, checkpoint, every
        self.started, self.saved = time.perf_counter(), -math.inf

    def is_due(self, run: Run) -> bool:
        return run.step % self.every == 0 or run.step >= run.recipe.n_steps

    def measure(self, monitor: Monitor, run: Run, cause: str) -> tuple[str, bool]:
        """Why the run has to end, if it does, and whether the callback asks to stop it."""
        cause = cause or monitor.measure(run)
        if cause:
            monitor.restore(run)
        stop = False
        if not cause and self.callback is not None:
            stop = is_stop(self.callback(_progress(monitor, run, self.started)))
        now = time.perf_counter()
        ends = run.step == run.recipe.n_steps or bool(cause) or stop
        if self.checkpoint is not None and (ends or now - self.saved > _CHECKPOINT_SECONDS):
            monitor.save(self.checkpoint, run, cause)
            self.saved = now
        return cause, stop


def _history(monitor: Monitor) -> TrainingHistory:
    columns = dict(zip(COLUMNS, np.array(monitor.rows).T, strict=True))
    for counted in ("step", "n_covered"):
        columns[counted] = columns[counted].astype(np.int64)
    return TrainingHistory(**columns)


def _progress(monitor: Monitor, run: Run, started: float) -> TrainingProgress:
    row = dict(zip(COLUMNS, monitor.rows[-1], strict=True))
    return TrainingProgress(
        step=run.step,
        n_steps=run.recipe.n_steps,
        critic_loss=row["critic_loss"],
        w1=row["w1"],
        n_covered=int(row["n_covered"]),
        share_good=row["share_good"],
        elapsed=time.perf_counter() - started,
    )
