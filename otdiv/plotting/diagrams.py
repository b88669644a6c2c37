"""Pictures of persistence diagrams and their matchings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import FloatArray
from .canvas import BLUE, GREY, VERMILION, axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_diagrams"]

_ROOM = 0.06
"""Share of the range that stays free beyond the points, and above it for points at infinity."""

_FEW = 100
"""Points of a diagram up to which they are drawn large; by taste."""


def plot_diagrams(result: Any, *, ax: Axes | None = None) -> Axes:
    """Draw two persistence diagrams and the matching that is their distance.

    Lines join matched points, and points that go to the diagonal with its nearest place. Points at
    infinity stand on a line of their own above the others, or left of them where they were always
    there.

    Parameters
    ----------
    result : DiagramResult
        Of `persistence_distance_result` or `bottleneck_distance_result`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv import persistence_distance_result
    >>> from otdiv.plotting import plot_diagrams
    >>> ax = plot_diagrams(persistence_distance_result([[0.0, 4.0], [1.0, 2.0]], [[0.0, 5.0]]))
    >>> ax.get_title(loc="left")
    'distance 1.5'
    """
    ax = axes(ax, size=(5.6, 5.6))
    low, high = _range(result.x, result.y)
    room = _ROOM * (high - low)
    x, y = (_inside(points, low - room, high + room) for points in (result.x, result.y))
    ax.plot([low - room, high + room], [low - room, high + room], color=GREY, linewidth=1.0)
    for left, right in result.pairs:
        _join(ax, x[left], y[right])
    for points, alone in ((x, result.x_alone), (y, result.y_alone)):
        for i in alone:
            _join(ax, points[i], np.full(2, points[i].mean()))
    size = 22.0 if max(len(x), len(y)) <= _FEW else 7.0
    for points, color, marker, name in ((x, BLUE, "o", "x"), (y, VERMILION, "s", "y")):
        ax.scatter(
            points[:, 0], points[:, 1], s=size, color=color, marker=marker, label=name, zorder=3
        )
    given = np.concatenate([result.x, result.y])
    if (given[:, 1] == np.inf).any():
        ax.axhline(high + room, color=GREY, linewidth=1.0, linestyle=":")
        ax.annotate(
            "never dies",
            (1.0, high + room),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            fontsize="small",
            color=GREY,
        )
    ax.set(xlabel="birth", ylabel="death", aspect="equal")
    ax.set_title(f"distance {result.value:.4g}", loc="left")
    ax.legend(loc="lower right", frameon=False)
    tidy(ax)
    return ax


def _range(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Ends of the finite numbers."""
    numbers = np.concatenate([x.ravel(), y.ravel()])
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _inside(points: FloatArray, low: float, high: float) -> FloatArray:
    """Points with infinity brought to the edge."""
    return np.clip(points, low, high)


def _join(ax: Any, u: FloatArray, v: FloatArray) -> None:
    ax.plot([u[0], v[0]], [u[1], v[1]], color=GREY, linewidth=1.0, zorder=2)
