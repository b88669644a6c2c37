"""Fit a critic to two samples, and prove what its number is worth."""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._frozen import restore, seal
from .._typing import ArrayLike, FloatArray, RngLike
from .._validation import (
    as_generator,
    as_points,
    as_weights,
    check_callback,
    check_positive_integer,
)
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..results import Bounds, is_stop
from .activations import Array
from .certification import certify_critic
from .constraints import Constraint, LipschitzPenalty
from .critic import Critic
from .networks import Architecture
from .optimizers import Optimizer
from .training import CriticTrainer, StepReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "CriticFit",
    "FitHistory",
    "FitProgress",
    "FitStatus",
    "fit_critic",
]

# Steps between looks at the weights and calls of the callback; a copy of them is kept each time.
_CHECK_EVERY = 20

# A batch estimate beyond this multiple of the data's spread is no estimate of W1 any more; chosen
# by taste, far above the overestimates of working penalties and semi-duals.
_EXPLODED = 1e6

# A slope that starts with the wrong sign cannot cross zero against a two-sided penalty: in the
# first part of a fit only slopes above one are penalised, so the objective alone chooses the signs.
# The share is by taste; without it fits of N(0, 1) against N(1, 1) end up to 40 % low in the tails.
_ONE_SIDED_SHARE = 0.25

# Default penalty in units of the data's spread. On funnels of known W1 (arXiv:2206.07767) it keeps
# the raw value within 2 % where ten overestimates by 5 to 10 %, at no loss of direction.
_DEFAULT_WEIGHT = 50.0


class FitStatus(enum.Enum):
    """Why a fit ended."""

    FINISHED = "all steps were taken"
    STOPPED = "the callback asked to stop; the critic is that of this moment"
    DIVERGED = (
        "the fit diverged and the last finite critic was kept; lower the learning rate or the "
        "penalty, and see `cause`"
    )

    def __repr__(self) -> str:
        return f"FitStatus.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitProgress:
    """State of a running fit as `callback` sees it; returning True from the callback stops.

    `raw` and `penalty` are means over the steps since the last call, in the unit of the metric.
    """

    iteration: int
    raw: float
    penalty: float
    elapsed: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class FitHistory:
    """Step by step: raw batch estimates, penalties, slopes and parameter gradients (k,) each.

    `raw` and `penalty` are in the unit of the metric; `mean_slope` is the mean norm of the input
    gradient where it is penalised, NaN where nothing is.
    """

    raw: FloatArray
    penalty: FloatArray
    mean_slope: FloatArray
    gradient_norm: FloatArray

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def __repr__(self) -> str:
        return f"FitHistory({self.raw.size} steps)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CriticFit:
    """A fitted critic with what can be proven from it.

    Attributes
    ----------
    critic : Critic
        f, callable on new points.
    raw : float
        E f(x) - E f(y) on the two samples, in the unit of the metric; proves nothing by itself.
    lipschitz : float
        Proven Lipschitz constant of f: the product of the exact spectral norms, rounded up.
    bounds : Bounds
        Proven enclosure of W1 of the two samples. The lower bound is the higher of raw / lipschitz
        (less its rounding) and the value of the c-transform of f; the upper bound is the cost of
        matching both samples in the order of f, rarely sharp.
    status : FitStatus
    cause : str
        What broke, where the fit diverged; else empty.
    n_iterations : int
        Steps taken.
    history : FitHistory
    constraint : Constraint
    """

    critic: Critic
    raw: float
    lipschitz: float
    bounds: Bounds
    status: FitStatus
    cause: str
    n_iterations: int
    history: FitHistory
    constraint: Constraint

    def __call__(self, z: Any) -> FloatArray:
        """Return f (k,) at the points z (k, d), in the unit of the metric."""
        return self.critic(z)

    def plot(
        self,
        x: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        limits: ArrayLike | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the critic: `otdiv.plotting.plot_critic`, which says more.

        Parameters
        ----------
        x, y : array_like, shape (n, d) and (m, d), optional
            Samples to draw; d is 1 or 2.
        limits : array_like, shape (d, 2), optional
            Lowest and highest coordinates.
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        """
        from ..plotting import plot_critic

        return plot_critic(self, x, y, limits=limits, ax=ax)

    def __repr__(self) -> str:
        return (
            f"CriticFit(raw={self.raw:.6g}, lipschitz={self.lipschitz:.6g}, "
            f"bounds=[{self.bounds.lower:.6g}, {self.bounds.upper:.6g}], "
            f"status={self.status.name}, constraint={self.constraint!r})"
        )


class _Sampler:
    """Draws rows of one weighted sample, with replacement."""

    def __init__(self, points: Array, weights: FloatArray, rng: np.random.Generator) -> None:
        self.points = points
        self.rng = rng
        uniform = bool((weights == weights[0]).all())
        self.edges = None if uniform else np.cumsum(weights) / math.fsum(weights)

    def draw(self, out: Array) -> None:
        n = len(self.points)
        if self.edges is None:
            rows = self.rng.integers(n, size=len(out))
        else:
            rows = np.searchsorted(self.edges, self.rng.random(len(out)), side="right")
        # "clip" also guards the last edge, which may round to just below one.
        np.take(self.points, rows, axis=0, out=out, mode="clip")


def fit_critic(
    x: ArrayLike,
    y: ArrayLike,
    *,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    network: Architecture | None = None,
    constraint: Constraint | None = None,
    optimizer: Optimizer | None = None,
    batch_size: int = 256,
    max_iterations: int = 2000,
    rng: RngLike = None,
    callback: Callable[[FitProgress], object] | None = None,
) -> CriticFit:
    """Train a network f to maximise E f(x) - E f(y), and certify the W1 bounds that it proves.

    The proof at the end takes time O(n m) and memory O(n + m).

    Parameters
    ----------
    x, y : array_like, shape (n, d) and (m, d), or (n,) and (m,)
        Samples; f is large on x and small on y.
    x_weights, y_weights : array_like, optional
        Relative frequencies.
    network : Architecture, optional
        By default three hidden layers of 128 with the activation that suits the constraint.
    constraint : Constraint, optional
        How f is kept Lipschitz; by default `LipschitzPenalty` with 50 times the data's standard
        deviation, whatever its unit.
    optimizer : Optimizer, optional
        By default the one that suits the constraint. Its learning rate is kept for half of the
        steps and then falls linearly to zero.
    batch_size : int, default 256
        Rows of x and of y per step, drawn with replacement.
    max_iterations : int, default 2000
        Steps.
    rng : Generator or int, optional
        Draws weights, batches and interpolates: the same seed gives the same fit.
    callback : callable, optional
        Called with a `FitProgress` every 20 steps; returning True stops.

    Returns
    -------
    CriticFit
        Never raises for a diverging fit: its status says so, and the last finite critic is kept.

    Raises
    ------
    InvalidInputError
        For samples that are not finite or differ in their columns.

    References
    ----------
    Arjovsky, Chintala, Bottou (2017), Wasserstein GAN, arXiv:1701.07875, section 3.
    Korotin, Kolesov, Burnaev (2022), Kantorovich strikes back!, arXiv:2206.07767, measure such
    critics against known distances.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.critics import Architecture, fit_critic
    >>> x, y = np.linspace(1.0, 2.0, 50), np.linspace(0.0, 1.0, 50)
    >>> fit = fit_critic(x, y, network=Architecture(hidden=(16, 16)), max_iterations=300, rng=0)
    >>> 0.97 < fit.bounds.lower <= 1.0 <= fit.bounds.upper
    True
    """
    points_x, points_y = as_points("x", x), as_points("y", y)
    if points_x.shape[1] != points_y.shape[1]:
        raise InvalidInputError("y", f"have {points_x.shape[1]} columns", points_y.shape[1])
    n_steps = check_positive_integer("max_iterations", max_iterations)
    check_callback(callback)
    _check_objects(network, constraint, optimizer)
    b = as_weights("y_weights", y_weights, len(points_y), normalize=True)
    a = as_weights("x_weights", x_weights, len(points_x), normalize=True)
    source = DiscreteMeasure(points=points_x, weights=a)
    target = DiscreteMeasure(points=points_y, weights=b)

    centre, scale = _standardisation(points_x, points_y)
    constraint = LipschitzPenalty(_DEFAULT_WEIGHT * scale) if constraint is None else constraint
    architecture = Architecture(activation=constraint.activation) if network is None else network
    generator = as_generator(rng)
    model = architecture.build(n_inputs=points_x.shape[1], rng=generator)
    trainer = CriticTrainer(
        model,
        constraint.rescaled(scale),
        optimizer=optimizer,
        batch_size=batch_size,
        rng=generator,
    )
    samplers = [
        _Sampler(
            ((measure.points - centre) / scale).astype(model.dtype), measure.weights, generator
        )
        for measure in (source, target)
    ]
    reports, status, cause = _train(trainer, samplers, n_steps, scale, callback)
    trainer.binding.finish()

    critic = Critic(model.astype(np.float64), centre, scale)
    raw, lipschitz, bounds = certify_critic(critic, source, target)
    return CriticFit(
        critic=critic,
        raw=raw,
        lipschitz=lipschitz,
        bounds=bounds,
        status=status,
        cause=cause,
        n_iterations=len(reports),
        history=_history(reports, scale),
        constraint=constraint,
    )


def _history(reports: list[StepReport], scale: float) -> FitHistory:
    """What the steps reported, in the unit of the data."""
    table = np.array([(r.raw, r.penalty, r.mean_slope, r.gradient_norm) for r in reports]).T
    return FitHistory(
        raw=scale * table[0],
        penalty=scale * table[1],
        mean_slope=table[2],
        gradient_norm=table[3],
    )


def _check_objects(network: Any, constraint: Any, optimizer: Any) -> None:
    """Raise where a name, a class or a built network stands for one of the option objects."""
    if not isinstance(network, Architecture | None):
        raise InvalidInputError(
            "network", "be an Architecture, as Architecture(hidden=(64, 64))", repr(network)
        )
    if not isinstance(constraint, Constraint | None):
        raise InvalidInputError(
            "constraint", "be an object, as LipschitzPenalty(10.0)", repr(constraint)
        )
    if optimizer is not None and (isinstance(optimizer, type) or not hasattr(optimizer, "start")):
        raise InvalidInputError("optimizer", "be an object, as Adam()", repr(optimizer))


def _standardisation(x: FloatArray, y: FloatArray) -> tuple[FloatArray, float]:
    """Centre of both samples and their mean standard deviation per coordinate; 1 if all are equal.

    The same scale for every coordinate keeps the Euclidean metric up to that factor.
    """
    centre = 0.5 * (x.mean(axis=0) + y.mean(axis=0))
    size = max(float(np.abs(x - centre).max()), float(np.abs(y - centre).max()))
    if size == 0.0:
        return centre, 1.0
    spread = ((x - centre) / size) ** 2
    other = ((y - centre) / size) ** 2
    return centre, size * math.sqrt(0.5 * (float(spread.mean()) + float(other.mean())))


def _train(
    trainer: CriticTrainer,
    samplers: list[_Sampler],
    n_steps: int,
    scale: float,
    callback: Callable[[FitProgress], object] | None,
) -> tuple[list[StepReport], FitStatus, str]:
    reports: list[StepReport] = []
    kept = trainer.state_dict()
    started = time.perf_counter()
    for step in range(n_steps):
        samplers[0].draw(trainer.x)
        samplers[1].draw(trainer.y)
        share = min(1.0, 2.0 * (1.0 - step / n_steps))
        report = trainer.step(
            learning_rate_scale=share, one_sided=step < _ONE_SIDED_SHARE * n_steps
        )
        reports.append(report)
        cause = _breakdown(report, step)
        look = (step + 1) % _CHECK_EVERY == 0 or step + 1 == n_steps
        if look and not cause and not np.isfinite(trainer.network.parameters).all():
            cause = f"the weights left the finite numbers at step {step}"
        if cause:
            trainer.load_state_dict(kept)
            trainer.binding.refresh()
            return reports, FitStatus.DIVERGED, cause
        if not look:
            continue
        kept = trainer.state_dict()
        if callback is not None:
            recent = reports[-_CHECK_EVERY:]
            progress = FitProgress(
                iteration=step + 1,
                raw=scale * math.fsum(r.raw for r in recent) / len(recent),
                penalty=scale * math.fsum(r.penalty for r in recent) / len(recent),
                elapsed=time.perf_counter() - started,
            )
            if is_stop(callback(progress)):
                return reports, FitStatus.STOPPED, ""
    return reports, FitStatus.FINISHED, ""


def _breakdown(report: StepReport, step: int) -> str:
    """What went wrong in a step, in words; empty if nothing did."""
    if not report.finite:
        parts = {
            "the critic's values": report.raw,
            "the gradient penalty": report.penalty,
            "the gradient of the weights": report.gradient_norm,
        }
        broken = [name for name, value in parts.items() if not math.isfinite(value)]
        return f"{' and '.join(broken)} left the finite numbers at step {step}"
    if abs(report.raw) > _EXPLODED:
        return (
            f"the weights exploded: at step {step} the raw estimate was {report.raw:.3g} times "
            "the spread of the data"
        )
    return ""
