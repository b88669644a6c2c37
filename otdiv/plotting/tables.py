"""Pictures of table reports: the effects, and how one column differs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._text import for_figure
from .._typing import FloatArray
from ..errors import InvalidInputError
from .canvas import BLUE, GREY, PINK, VERMILION, axes, drawable, legend_name, submodule, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_column", "plot_effects", "view_of_ecdfs"]

_VIEW = 0.005
"""Share of the rows on either side that a view of ECDFs may leave out, so that tails do not squash
the bulk; chosen by taste, and said below the picture."""

_LONGEST_BAR = 1e100
"""Effects in sd beyond it are drawn like infinite ones: a little longer than the longest."""

_MAX_CATEGORIES = 12
"""Categories drawn of a column, those that moved most; as many as a figure keeps readable."""


def plot_effects(report: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the effects of a table report as bars, the largest at the top.

    Numbers have the length W1 / pooled sd, categories their total variation; each bar ends in the
    effect in its own unit. A grey mark stands at the 95th percentile of the same-law noise.

    Parameters
    ----------
    report : TableReport
        Of `otdiv.tables.compare_tables`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError
        If no column could be compared.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv.plotting import plot_effects
    >>> from otdiv.tables import compare_tables
    >>> report = compare_tables({"height": [1.0, 2.0, 3.0]}, {"height": [2.0, 3.0, 4.0]})
    >>> [label.get_text() for label in plot_effects(report).get_yticklabels()]
    ['height']
    """
    rows = [row for row in report.rows if row.effect is not None]
    if not rows:
        raise InvalidInputError("report", "hold a column that could be compared", "none")
    ax = axes(ax, size=(7.5, 1.3 + 0.42 * len(rows)))
    drawn = [row.sort_key for row in rows if row.sort_key <= _LONGEST_BAR]
    longest = max(drawn, default=0.0) or 1.0
    reach = longest
    for place, row in enumerate(rows):
        length = min(row.sort_key, 1.1 * longest)
        color = PINK if row.measure == "TV" else BLUE
        ax.barh(place, length, height=0.62, color=color)
        end = length
        scale = 1.0 if row.standardized is None else row.pooled_sd
        noise = row.noise.percentile_95 / scale if row.noise is not None and scale else math.inf
        if noise <= _LONGEST_BAR:
            ax.plot([noise, noise], [place - 0.4, place + 0.4], color=GREY, linewidth=2.5)
            end = max(end, noise)
        reach = max(reach, end)
        ax.annotate(
            for_figure(f"{row.measure} {_effect(row)}"),
            (end, place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.set_yticks(range(len(rows)), [for_figure(row.column) for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(0.0, 1.3 * reach)
    ax.set_xlabel("W1 / pooled sd of numbers, total variation of categories")
    _legend_of_effects(ax, rows)
    tidy(ax)
    ax.tick_params(axis="y", length=0)
    return ax


def plot_column(row: Any, *, labels: tuple[str, str] = ("A", "B"), ax: Axes | None = None) -> Axes:
    """Draw how one column of a table report differs.

    Numbers: both distribution functions; the area between them, which is W1 in the column's unit,
    is shaded, in one colour where B lies higher (to the right) and in another where it lies lower.
    Categories: both frequencies of those that moved most.

    Parameters
    ----------
    row : ColumnComparison
        A row of a `TableReport`.
    labels : tuple of str
        What to call the tables.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError
        If the column could not be compared.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv.plotting import plot_column
    >>> from otdiv.tables import compare_tables
    >>> report = compare_tables({"height": [1.0, 2.0, 3.0]}, {"height": [2.0, 3.0, 4.0]})
    >>> plot_column(report["height"]).get_title(loc="left")
    'height: W1 = 1, the shaded area'
    """
    if row.distributions is None:
        raise InvalidInputError("row", "be of a column that could be compared", row.error)
    ax = axes(ax, size=(7.0, 4.2))
    labels = (legend_name(labels[0]), legend_name(labels[1]))
    name, effect = for_figure(row.column), for_figure(_effect(row))
    if row.measure == "TV":
        _draw_frequencies(ax, row, labels)
        ax.set_title(f"{name}: total variation {effect}", loc="left", wrap=True)
    else:
        _draw_ecdfs(ax, row, labels)
        ax.set_title(f"{name}: W1 = {effect}, the shaded area", loc="left", wrap=True)
    tidy(ax)
    return ax


def _effect(row: Any) -> str:
    """Return an effect as it is read: in the column's unit, a total variation as a share."""
    if row.measure == "TV":
        return f"{100.0 * row.effect:.4g} %"
    return f"{row.effect:.4g} {row.unit}" if row.unit else f"{row.effect:.4g}"


def _draw_ecdfs(ax: Axes, row: Any, labels: tuple[str, str]) -> None:
    values, F, G = row.distributions.values, row.distributions.a, row.distributions.b
    values, scale = drawable(values)
    # Steps begin at 0 and end at 1, a little outside the data.
    low, high = view_of_ecdfs(values, F, G)
    margin = 0.03 * (high - low) or max(0.5, 1e-6 * abs(high))
    values = np.concatenate([[values[0] - margin], values, [values[-1] + margin]])
    F = np.concatenate([[0.0], F, [1.0]])
    G = np.concatenate([[0.0], G, [1.0]])
    name_a, name_b = labels
    # Both ends of every step, so that a region one step wide keeps its area.
    ends, upper, lower = np.repeat(values, 2)[1:], np.repeat(F, 2)[:-1], np.repeat(G, 2)[:-1]
    for higher, color, word in (
        (upper > lower, VERMILION, "higher"),
        (upper < lower, BLUE, "lower"),
    ):
        if higher.any():
            ax.fill_between(
                ends,
                upper,
                lower,
                where=higher,
                color=color,
                linewidth=0,
                alpha=0.3,
                label=f"{name_b} {word}",
            )
    ax.step(values, F, where="post", color=BLUE, linewidth=1.6, label=name_a)
    ax.step(values, G, where="post", color=VERMILION, linewidth=1.6, label=name_b)
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(-0.02, 1.02)
    beyond = low > values[1] or high < values[-2]
    note = f"\nthe view leaves out at most {100.0 * _VIEW:g} % of the rows on either side"
    unit = for_figure(f"{scale} {row.unit or ''}".strip())
    name = for_figure(row.column)
    ax.set_xlabel(f"{name}{f' ({unit})' if unit else ''}{note if beyond else ''}")
    ax.set_ylabel("share of rows at or below")
    ax.legend(frameon=False, loc="lower right")


def view_of_ecdfs(values: FloatArray, F: FloatArray, G: FloatArray) -> tuple[float, float]:
    """Limits beyond which either side has at most a share of `_VIEW` of both tables."""
    first = int(np.searchsorted(np.maximum(F, G), _VIEW, side="right"))
    last = int(np.searchsorted(np.minimum(F, G), 1.0 - _VIEW))
    last = min(last, values.size - 1)
    return float(values[min(first, last)]), float(values[last])


def _draw_frequencies(ax: Axes, row: Any, labels: tuple[str, str]) -> None:
    frequencies = row.distributions
    drawn = min(_MAX_CATEGORIES, len(frequencies.labels))
    places = np.arange(drawn)
    for offset, share, color, label in (
        (-0.2, frequencies.a, BLUE, labels[0]),
        (0.2, frequencies.b, VERMILION, labels[1]),
    ):
        ax.barh(places + offset, 100.0 * share[:drawn], height=0.36, color=color, label=label)
    ax.set_yticks(places, [for_figure(label) for label in frequencies.labels[:drawn]])
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    rest = len(frequencies.labels) - drawn
    note = f" (the {drawn} categories that moved most, of {drawn + rest})" if rest else ""
    ax.set_xlabel(f"share of rows, %{note}")
    ax.legend(frameon=False)


def _legend_of_effects(ax: Axes, rows: list[Any]) -> None:
    lines = submodule("lines")
    patches = submodule("patches")
    handles = []
    if any(row.measure == "W1" for row in rows):
        handles.append(patches.Patch(color=BLUE, label="numbers"))
    if any(row.measure == "TV" for row in rows):
        handles.append(patches.Patch(color=PINK, label="categories"))
    if any(row.noise is not None for row in rows):
        label = "95 % of same-law noise"
        handles.append(lines.Line2D([], [], color=GREY, linewidth=2.5, label=label))
    ax.legend(handles=handles, frameon=False, loc="lower right")
