"""Pictures of confidence intervals: the values, the intervals and zero, one below the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._text import for_figure
from .._validation import describe
from ..errors import InvalidInputError
from .canvas import BLUE, GREY, VERMILION, axes, drawable, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_intervals"]

_ROOM = 0.08
"""Share of the width that stays free on either side; by taste."""


def plot_intervals(intervals: Any, *, ax: Axes | None = None) -> Axes:
    """Draw confidence intervals below one another, each with its value, beside a line at zero.

    An interval without an upper end is an arrow to the right. All stand on one axis: take
    distances in one unit.

    Parameters
    ----------
    intervals : Interval, sequence of Interval or mapping of str to Interval
        Of `otdiv.confidence_interval`, the first at the top; the keys of a mapping are the names.
        Without names each is called by its distance.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError
        If there is no interval, or something else among them.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv import confidence_interval
    >>> from otdiv.plotting import plot_intervals
    >>> x = range(100)
    >>> found = {s: confidence_interval(x, [k + s for k in x], rng=0) for s in (20, 40)}
    >>> [label.get_text() for label in plot_intervals(found).get_yticklabels()]
    ['20', '40']
    """
    names, rows = _named(intervals)
    ax = axes(ax, size=(7.0, 1.5 + 0.45 * len(rows)))
    ends = np.array([(row.low, row.value, row.high) for row in rows])
    numbers, scale = drawable(np.where(np.isfinite(ends), ends, 0.0))
    reach = float(numbers.max())
    start = min(0.0, float(numbers.min()))
    room = _ROOM * (reach - start) or 1.0
    for place, (row, (low, value, high)) in enumerate(zip(rows, numbers, strict=True)):
        if math.isinf(row.high):
            ax.annotate(
                "",
                (reach + room, place),
                xytext=(low, place),
                arrowprops={"arrowstyle": "->", "color": BLUE, "linewidth": 2.5, "shrinkA": 0},
            )
            ends_at = [low]
        else:
            ax.plot([low, high], [place, place], color=BLUE, linewidth=2.5)
            ends_at = [low, high]
        ax.plot(ends_at, [place] * len(ends_at), "|", color=BLUE, markersize=11, markeredgewidth=2)
        ax.plot(value, place, "o", color=VERMILION, markersize=7, zorder=4)
    ax.axvline(0.0, color=GREY, linewidth=1.2, zorder=0)
    ax.set_yticks(range(len(rows)), [for_figure(name) for name in names])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(start - room, reach + 1.2 * room)
    distances = {row.distance for row in rows}
    measure = distances.pop() if len(distances) == 1 else "distance"
    ax.set_xlabel(f"{measure} of the laws{f' ({scale})' if scale else ''}")
    ax.set_title(_title(rows), loc="left", wrap=True)
    ax.tick_params(axis="y", length=0)
    tidy(ax)
    return ax


def _named(intervals: Any) -> tuple[list[str], list[Any]]:
    from ..inference.intervals import Interval

    if isinstance(intervals, Interval):
        intervals = [intervals]
    if isinstance(intervals, Mapping):
        names, rows = [str(key) for key in intervals], list(intervals.values())
    elif isinstance(intervals, list | tuple):
        rows = list(intervals)
        names = [getattr(row, "distance", "") for row in rows]
    else:
        names, rows = [], []
    strange = next((row for row in rows if not isinstance(row, Interval)), None)
    if not rows or strange is not None:
        found = describe(intervals if not rows else strange)
        raise InvalidInputError("intervals", "be an Interval, or a list or dict of some", found)
    return names, rows


def _title(rows: list[Any]) -> str:
    """What the marks are; of one interval its numbers."""
    levels = sorted({row.level for row in rows})
    percent = " and ".join(f"{100.0 * level:g}" for level in levels)
    if len(rows) > 1:
        return f"dots: of the samples; bars: {percent} % intervals"
    (row,) = rows
    upper = "∞)" if math.isinf(row.high) else f"{row.high:.4g}]"
    return f"{row.distance} = {row.value:.4g}, {percent} % in [{row.low:.4g}, {upper}"
