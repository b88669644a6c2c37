"""Pictures of critics: level sets with the gradient field in the plane, the graph on the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .._typing import ArrayLike, FloatArray
from .._validation import as_points
from ..critics import Critic, CriticFit, KantorovichPotential
from ..errors import InvalidInputError, UnsupportedProblemError
from .canvas import BLUE, GREY, VERMILION, axes, draw_samples, submodule, thinned, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_critic"]

# From low, where the y are, to high, where the x are; the ends are tints of their colours, so that
# points and arrows stay readable on top. By taste, like all counts below.
_LEVELS = ("#E39A66", "#F3D0B5", "#F7F6F3", "#B9D5E8", "#5FA3CF")

_N_LEVELS = 14
_N_ARROWS = 19
"""Arrows along the longer side."""
_N_GRID = 220
"""Points along the longer side at which the critic is evaluated."""
_MARGIN = 0.12
"""Of the samples' longer side, left free around them."""
_SPREAD = 3.0
"""Half the view in units of a critic's scale, where no points say what to show."""


class _Differentiable(Protocol):
    def __call__(self, z: Any, /) -> FloatArray: ...

    def gradient(self, z: Any, /) -> FloatArray: ...


def plot_critic(
    critic: CriticFit | Critic | KantorovichPotential | _Differentiable,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    limits: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a critic: in the plane its level sets and gradient field, on the line its graph.

    The gradient norm of the longest arrow stands below the picture, and the others are in
    proportion; a perfect critic has norm one between the samples. On the line the slope is drawn in
    grey, by the scale on the right.

    Parameters
    ----------
    critic : CriticFit, Critic or KantorovichPotential
        Or any f with `f(z)` (k,) and `f.gradient(z)` (k, d), for d = 1 or 2.
    x, y : array_like, shape (n, d) and (m, d), optional
        Samples to draw, at most 1000 of each; by default those of a `KantorovichPotential`.
    limits : array_like, shape (d, 2), optional
        Lowest and highest coordinates; by default around the samples, else around the critic's
        centre.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnsupportedProblemError
        If d is larger than 2.
    InvalidInputError
        If nothing says where to look: neither `limits`, nor samples, nor the critic; or if the
        samples differ in their columns.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv.critics import KantorovichPotential
    >>> from otdiv.plotting import plot_critic
    >>> f = KantorovichPotential([[2.0, 0.0], [5.0, 1.0]], [[0.0, 0.0], [4.0, 1.0]])
    >>> plot_critic(f).get_title(loc="left")
    'W1 = 1.5'
    """
    f: Any = critic.critic if isinstance(critic, CriticFit) else critic
    if isinstance(f, KantorovichPotential):
        x = f.problem.x if x is None else x
        y = f.problem.y if y is None else y
    points_x = None if x is None else as_points("x", x)
    points_y = None if y is None else as_points("y", y)
    if points_x is not None and points_y is not None and points_x.shape[1] != points_y.shape[1]:
        raise InvalidInputError("y", f"have {points_x.shape[1]} columns", points_y.shape[1])
    box = _box(f, points_x, points_y, limits)
    if len(box) > 2:
        raise UnsupportedProblemError(
            f"a critic of {len(box)} variables has no picture; draw its restriction to a plane, an "
            "object with f(z) and f.gradient(z) for z of shape (k, 2)"
        )
    if len(box) == 1:
        ax = axes(ax, size=(7.0, 4.2))
        _draw_graph(ax, f, box[0])
        _draw_rugs(ax, points_x, points_y)
    else:
        width, height = box[:, 1] - box[:, 0]
        size = (6.8, float(np.clip(5.6 * height / width, 3.2, 7.0)) + 0.4)
        ax = axes(ax, size=size)
        _draw_levels(ax, f, box)
        _draw_field(ax, f, box)
        draw_samples(ax, points_x, points_y)
        ax.set_aspect("equal")
        ax.set(xlim=box[0], ylim=box[1])
    ax.set_title(_proof(critic), loc="left")
    return ax


def _proof(critic: Any) -> str:
    """What is proven about the number behind the picture, in a line."""
    if isinstance(critic, KantorovichPotential):
        return f"W1 = {critic.result.value:.6g}"
    if isinstance(critic, CriticFit):
        bounds = critic.bounds
        return f"raw {critic.raw:.4g}, W1 in [{bounds.lower:.4g}, {bounds.upper:.4g}]"
    return ""


def _box(f: Any, x: FloatArray | None, y: FloatArray | None, limits: Any) -> FloatArray:
    """Lowest and highest coordinates (d, 2) of the view."""
    if limits is not None:
        box = np.atleast_2d(np.asarray(limits, dtype=np.float64))
        sound = box.ndim == 2 and box.shape[1] == 2 and np.isfinite(box).all()
        if not sound or not (box[:, 0] < box[:, 1]).all():
            raise InvalidInputError("limits", "hold (lowest, highest) of each coordinate", limits)
        return box
    drawn = [points for points in (x, y) if points is not None]
    if drawn:
        points = np.concatenate(drawn)
        low, high = points.min(axis=0), points.max(axis=0)
        margin = _MARGIN * float((high - low).max()) or 1.0
        return np.stack([low - margin, high + margin], axis=1)
    if isinstance(f, Critic):
        reach = _SPREAD * f.scale
        return np.stack([f.centre - reach, f.centre + reach], axis=1)
    raise InvalidInputError("limits", "be given where no samples say what to show", limits)


def _grid(box: FloatArray, along: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centres of square cells, `along` on the longer side: axes (p,), (q,) and points (p q, 2)."""
    lengths = box[:, 1] - box[:, 0]
    cell = lengths.max() / along
    sides = []
    for (low, high), length in zip(box, lengths, strict=True):
        count = max(2, round(length / cell))
        sides.append(low + (np.arange(count) + 0.5) * (high - low) / count)
    columns, rows = np.meshgrid(*sides)
    return sides[0], sides[1], np.column_stack([columns.ravel(), rows.ravel()])


def _draw_levels(ax: Axes, f: Any, box: FloatArray) -> None:
    # The outer cells reach past the view, so that it is filled to its edges.
    edge = 0.5 * (box[:, 1] - box[:, 0]).max() / _N_GRID
    horizontal, vertical, points = _grid(np.add(box, [-2.0 * edge, 2.0 * edge]), _N_GRID)
    values = f(points).reshape(len(vertical), len(horizontal))
    low, high = float(values.min()), float(values.max())
    if not high > low:
        low, high = low - 0.5, high + 0.5
    levels = submodule("ticker").MaxNLocator(_N_LEVELS).tick_values(low, high)
    colors = submodule("colors").LinearSegmentedColormap.from_list("critic", _LEVELS)
    filled = ax.contourf(horizontal, vertical, values, levels=levels, cmap=colors, zorder=0)
    if values.min() < values.max():
        ax.contour(
            horizontal,
            vertical,
            values,
            levels=levels,
            colors="white",
            linewidths=0.8,
            linestyles="solid",
            zorder=1,
        )
    ax.figure.colorbar(filled, ax=ax, label="critic f", fraction=0.046, pad=0.02)


def _draw_field(ax: Axes, f: Any, box: FloatArray) -> None:
    _, _, points = _grid(box, _N_ARROWS)
    gradient = f.gradient(points)
    longest = float(np.sqrt((gradient**2).sum(axis=1)).max())
    if not longest > 0.0:
        return
    spacing = (box[:, 1] - box[:, 0]).max() / _N_ARROWS
    ax.quiver(
        *points.T,
        *gradient.T,
        angles="xy",
        scale_units="xy",
        scale=longest / (0.8 * spacing),
        pivot="mid",
        color="#333333",
        alpha=0.75,
        width=0.0024,
        headwidth=4.5,
        headlength=5.0,
        headaxislength=4.5,
        zorder=2,
    )
    # A label, which every layout keeps free; a `quiverkey` may be cut off.
    ax.set_xlabel(f"longest arrow: $|\\nabla f|$ = {longest:.3g}", loc="right", fontsize="small")


def _draw_graph(ax: Axes, f: Any, interval: FloatArray) -> None:
    z = np.linspace(interval[0], interval[1], 4 * _N_GRID + 1)
    side = ax.twinx()
    slopes = f.gradient(z[:, None])[:, 0]
    side.plot(z, slopes, color=GREY, linewidth=1.0, drawstyle="steps-mid")
    reach = 1.15 * max(1.0, float(np.abs(slopes).max()))
    side.set(ylim=(-reach, reach), ylabel="slope f' (grey)")
    side.yaxis.label.set_color("#777777")
    side.tick_params(axis="y", colors="#777777")
    side.spines[["top", "left", "right"]].set_visible(False)
    for slope in (-1.0, 1.0):
        side.axhline(slope, color=GREY, linewidth=0.7, linestyle=(0, (2, 4)))
    ax.plot(z, f(z[:, None]), color="#222222", linewidth=2.0)
    ax.set(xlim=interval, xlabel="z", ylabel="critic f")
    # The graph above the slope, whose background would hide it.
    ax.set_zorder(side.get_zorder() + 1)
    ax.patch.set_visible(False)
    tidy(ax)


def _draw_rugs(ax: Axes, x: FloatArray | None, y: FloatArray | None) -> None:
    for points, color, place, label in ((x, BLUE, 0.985, "x"), (y, VERMILION, 0.015, "y")):
        if points is None:
            continue
        some = thinned(points)[:, 0]
        ax.plot(
            some,
            np.full(len(some), place),
            transform=ax.get_xaxis_transform(),
            linestyle="none",
            marker="|",
            markersize=11,
            markeredgewidth=1.2,
            color=color,
            alpha=float(np.clip(60.0 / len(some), 0.25, 0.9)),
        )
        ax.text(
            0.008,
            place,
            label,
            transform=ax.transAxes,
            color=color,
            va="top" if place > 0.5 else "bottom",
        )
