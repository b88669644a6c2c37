"""Pictures of a training: samples beside the data, and the losses along the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._text import for_figure
from .._typing import RngLike
from .._validation import as_generator
from ..plotting.canvas import BLUE, VERMILION, submodule, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .training import Training

__all__ = ["picture_history", "picture_samples"]

_REAL, _GENERATED = BLUE, VERMILION
# Of the same palette.
_GOOD = "#009E73"

_N_DRAWN = 1500
_N_IMAGES = 10
"""Images a side of a mosaic, for data that are square images."""


def picture_samples(training: Training, *, rng: RngLike = 0) -> Figure:
    """Draw held-out and generated points: in the plane, or as images where d is a square."""
    generator = as_generator(rng)
    data, d = training.data, training.data.d
    side = round(d**0.5)
    n = _N_DRAWN if d == 2 else _N_IMAGES**2
    if data.largest_held_out is not None:
        n = min(n, data.largest_held_out)
    real = data.held_out(n, generator)
    generated = training.generator.sample(n, rng=generator)
    figure, axes = submodule("pyplot").subplots(1, 2, figsize=(9.0, 4.6), layout="constrained")
    for ax, points, title, color in (
        (axes[0], real, "real, held out", _REAL),
        (axes[1], generated, "generated", _GENERATED),
    ):
        ax.set_title(title, loc="left")
        if d > 2 and side * side == d:
            ax.imshow(_mosaic(points, side), cmap="gray_r")
            ax.set_axis_off()
        else:
            ax.scatter(points[:, 0], points[:, -1], s=3, color=color, linewidths=0, alpha=0.6)
            margin = 0.1 * np.ptp(real, axis=0).max()
            ax.set_xlim(real[:, 0].min() - margin, real[:, 0].max() + margin)
            ax.set_ylim(real[:, -1].min() - margin, real[:, -1].max() + margin)
            ax.set_aspect("equal")
    result: Figure = figure
    return result


def _mosaic(points: Any, side: int) -> Any:
    rows = int(len(points) ** 0.5)
    images = points[: rows * rows].reshape(rows, rows, side, side)
    return images.transpose(0, 2, 1, 3).reshape(rows * side, rows * side)


def picture_history(training: Training) -> Figure:
    """Draw the critic's estimate beside the exact W1, and below it the quality of the samples."""
    history = training.history
    figure, (top, bottom) = submodule("pyplot").subplots(
        2, 1, figsize=(7.5, 6.5), layout="constrained", sharex=True
    )
    top.plot(history.step, history.w1, color=_REAL, label="exact W1, held-out data")
    top.axhline(training.w1_floor, color=_REAL, linestyle=":", label="W1 of two real samples")
    label = f"critic: {for_figure(training.recipe.loss.label)}"
    top.plot(history.step, history.critic_loss, color=_GENERATED, label=label)
    top.set_ylabel("distance")
    if history.w1.min() > 0.0 and np.nanmin(history.critic_loss[1:], initial=1.0) > 0.0:
        top.set_yscale("log")
    top.legend(frameon=False)
    bottom.plot(history.step, history.share_good, color=_GOOD, label="share of good samples")
    bottom.plot(
        history.step,
        history.n_covered / training.data.n_modes,
        color=_GENERATED,
        label=f"modes covered, of {training.data.n_modes}",
    )
    bottom.set(xlabel="generator steps", ylabel="share", ylim=(0.0, 1.05))
    bottom.legend(frameon=False, loc="lower right")
    for ax in (top, bottom):
        tidy(ax)
    result: Figure = figure
    return result
