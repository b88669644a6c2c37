"""What every picture shares: its Axes, matplotlib imported late, and the colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._optional import import_optional
from .._text import for_figure
from .._typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "BLUE",
    "GREY",
    "PINK",
    "VERMILION",
    "axes",
    "draw_samples",
    "drawable",
    "legend_name",
    "submodule",
    "thinned",
    "tidy",
]

# Chosen by taste, from a palette whose members stay apart for colour-blind readers (Okabe and Ito
# 2008, Color Universal Design).
BLUE = "#0072B2"
VERMILION = "#D55E00"
PINK = "#CC79A7"
GREY = "#999999"

_MAX_POINTS = 1000
"""Atoms of either side that are drawn, evenly spread over the rows; by taste."""

_PLAIN = 1e-100, 1e100
"""Largest values between which an axis shows them as they are: Matplotlib multiplies and divides
by them, and warns or fails near the ends of the floats."""


def submodule(name: str) -> Any:
    """Return matplotlib.`name`, or say how to install it."""
    return import_optional(f"matplotlib.{name}", extra="plot", purpose="drawing")


def axes(ax: Axes | None, *, size: tuple[float, float]) -> Axes:
    """Return `ax`, or that of a new figure of the size in inches."""
    pyplot = submodule("pyplot")
    if ax is not None:
        return ax
    created: Axes = pyplot.subplots(figsize=size, layout="constrained")[1]
    return created


def tidy(ax: Axes) -> None:
    """Take away the frame's upper and right side."""
    ax.spines[["top", "right"]].set_visible(False)


def legend_name(name: str) -> str:
    """A name of the caller's as a legend shows it: Matplotlib hides those with an underscore first.

    Examples
    --------
    >>> legend_name("_id"), legend_name("id")
    (' _id', 'id')
    """
    name = for_figure(name)
    return f" {name}" if name.startswith("_") else name


def thinned(points: FloatArray) -> FloatArray:
    """Return at most 1000 of the points (k, d)."""
    if len(points) <= _MAX_POINTS:
        return points
    return points[np.linspace(0, len(points) - 1, _MAX_POINTS).astype(np.int64)]


def drawable(values: FloatArray) -> tuple[FloatArray, str]:
    """Values in a unit in which Matplotlib can draw them, and that unit if it is not 1."""
    largest = float(np.abs(values).max())
    if largest == 0.0 or _PLAIN[0] < largest < _PLAIN[1]:
        return values, ""
    # Two steps, since neither 1e308 nor 1e-320 has a float for its inverse.
    exponent = math.floor(math.log10(largest))
    first = exponent // 2
    return values / 10.0**first / 10.0 ** (exponent - first), f"1e{exponent}"


def draw_samples(ax: Axes, x: FloatArray | None, y: FloatArray | None) -> None:
    """Mark the points (k, 2) of both sides, with a legend."""
    drawn = False
    for points, color, marker, label in ((x, BLUE, "o", "x"), (y, VERMILION, "s", "y")):
        if points is None:
            continue
        some = thinned(points)
        ax.scatter(
            some[:, 0],
            some[:, 1],
            s=float(np.clip(6000.0 / len(some), 9.0, 32.0)),
            color=color,
            marker=marker,
            edgecolors="white",
            linewidths=0.5,
            label=label,
            zorder=4,
        )
        drawn = True
    if drawn:
        _legend(ax)


def _legend(ax: Axes) -> None:
    """One entry a label, though several pictures may lie on the same Axes."""
    entries = {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    ax.legend(
        list(entries.values()),
        list(entries),
        loc="upper left",
        framealpha=0.85,
        edgecolor="none",
        borderpad=0.35,
        handletextpad=0.2,
    )
