"""Pictures of many batches against one reference: a heat map, and one column through all."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._text import for_figure
from .._typing import FloatArray
from ..errors import InvalidInputError
from .canvas import BLUE, GREY, VERMILION, axes, drawable, submodule, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_heat_map", "plot_series"]

_ENDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Sizes between the colours, in pooled sd or shares of the rows: about twofold steps around those
that Cohen (1988) calls small, medium and large, 0.2, 0.5 and 0.8 sd."""

_COLORS = ("#d3e4f3", "#aacfe5", "#74b2d8", "#3f8fc5", "#1b69ad", "#084a8c", "#042f5e")
"""From small to large sizes; the first stands off a white ground and the last off a black one."""

_QUIET = (0.6, 0.6, 0.6, 0.16)
"""What does not differ: a grey through which the ground shows."""

_WRITTEN = 16
"""Batches up to which sizes are written into the cells; by taste."""

_NAMED = 40
"""Batches up to which each has its name below; of more every second, third, …"""

_WIDEST = 18.0
"""Inches of a heat map; by taste."""


class _Line(NamedTuple):
    """A column, or its missing values, in all batches: sizes (k,), NaN where there are none."""

    name: str
    sizes: FloatArray
    differs: list[bool]
    texts: list[str]


def plot_heat_map(report: Any, *, ax: Axes | None = None) -> Axes:
    """Draw a report of batches as a heat map of columns by batches.

    A cell has the colour of its effect, W1 over the pooled standard deviation or the total
    variation, if the batch differs from the reference; it is pale where it does not, and empty
    where nothing was compared. A column whose missing values differ somewhere has a second line
    for them.

    Parameters
    ----------
    report : BatchReport
        Of `otdiv.tables.compare_batches`, `compare_groups` or `compare_over`.
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
    >>> from otdiv.plotting import plot_heat_map
    >>> from otdiv.tables import compare_batches
    >>> a = {"height": [float(k) for k in range(50)]}
    >>> report = compare_batches(a, {"monday": a, "tuesday": {"height": [99.0, 98.0]}})
    >>> [label.get_text() for label in plot_heat_map(report).get_xticklabels()]
    ['monday', 'tuesday']
    """
    lines = [line for name in report.columns for line in _lines(name, report.column(name))]
    if not lines:
        raise InvalidInputError("report", "hold a column that could be compared", "none")
    k = len(report.labels)
    width = min(_WIDEST, 3.6 + (0.5 if k <= _WRITTEN else 0.24) * k)
    ax = axes(ax, size=(width, 1.7 + 0.34 * len(lines)))
    ax.imshow(_colours(lines), aspect="auto", interpolation="nearest")
    if k <= _WRITTEN:
        _write_sizes(ax, lines)
    _name_batches(ax, report.labels)
    ax.set_yticks(range(len(lines)), [line.name for line in lines])
    ax.set_xticks(np.arange(k - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(len(lines) - 1) + 0.5, minor=True)
    ax.grid(which="minor", color=ax.get_facecolor(), linewidth=1.5)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(f"against {for_figure(report.reference)}", loc="left")
    _legend(ax, tested=any(one.n_permutations for one in report.reports))
    return ax


def _lines(name: str, rows: Any) -> list[_Line]:
    """Values of a column, and below them its missing values where they differ somewhere."""
    shown = for_figure(name)
    lines = []
    if any(row is not None and row.effect is not None for row in rows):
        sizes = [_nan(None if row is None or row.effect is None else row.sort_key) for row in rows]
        differs = [row is not None and _stands_out(row, row.evidence) for row in rows]
        texts = [_written(size) for size in sizes]
        lines.append(_Line(shown, np.array(sizes), differs, texts))
    missing = [None if row is None else row.missing for row in rows]
    if any(_differs(one) for one in missing):
        changes = [_nan(None if one is None else one.rate_b - one.rate_a) for one in missing]
        texts = ["" if math.isnan(each) else f"{100.0 * each:+.2g} %" for each in changes]
        differs = [_differs(one) for one in missing]
        lines.append(_Line(f"{shown}, missing", np.abs(changes), differs, texts))
    return lines


def _differs(tested: Any) -> bool:
    return tested is not None and tested.verdict is not None and tested.verdict.is_difference


def _stands_out(row: Any, evidence: Any) -> bool:
    """Whether a row differs, or nothing was tested."""
    return row.effect is not None and (evidence is None or _differs(row))


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _written(size: float) -> str:
    if math.isnan(size):
        return ""
    return "∞" if math.isinf(size) else f"{size:.2f}" if size < 9.995 else f"{size:.3g}"


def _colours(lines: list[_Line]) -> FloatArray:
    """Red, green, blue and opacity of each cell, shape (lines, batches, 4)."""
    rgba = submodule("colors").to_rgba_array
    palette = np.vstack([rgba(_COLORS), [_QUIET], [(0.0, 0.0, 0.0, 0.0)]])
    sizes = np.array([line.sizes for line in lines])
    codes = np.searchsorted(_ENDS, sizes, side="right")
    codes[~np.array([line.differs for line in lines])] = len(_COLORS)
    codes[np.isnan(sizes)] = len(_COLORS) + 1
    colours: FloatArray = palette[codes]
    return colours


def _write_sizes(ax: Axes, lines: list[_Line]) -> None:
    dark = _ENDS[2]  # from here on white is read better
    for place, line in enumerate(lines):
        for batch, text in enumerate(line.texts):
            colour = GREY
            if line.differs[batch]:
                colour = "white" if line.sizes[batch] >= dark else "#12304d"
            ax.text(batch, place, text, ha="center", va="center", fontsize=7.5, color=colour)


def _name_batches(ax: Axes, labels: tuple[str, ...]) -> None:
    step = -(-len(labels) // _NAMED)
    places = range(0, len(labels), step)
    names = [for_figure(labels[place]) for place in places]
    upright = max(map(len, names)) > 4 and len(names) > 1
    ax.set_xticks(places, names, rotation=90 if upright else 0)
    if len(names) > _WRITTEN:
        ax.tick_params(axis="x", labelsize=8)


def _legend(ax: Axes, *, tested: bool) -> None:
    patch = submodule("patches").Patch
    ends = ["", *(f"{end:g}" for end in _ENDS), ""]
    words = [f"< {ends[1]}"]
    words += [f"{low}–{high}" for low, high in pairwise(ends[1:-1])]
    words.append(f"≥ {ends[-2]}")
    handles = [patch(color=color, label=word) for color, word in zip(_COLORS, words, strict=True)]
    if tested:
        handles.append(patch(facecolor=_QUIET, label="does not differ"))
    ax.legend(
        handles=handles,
        title="W1 in pooled sd; of categories\nand missing values shares",
        title_fontsize=8,
        fontsize=8,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        frameon=False,
        alignment="left",
    )


def plot_series(report: Any, column: str, *, ax: Axes | None = None) -> Axes:
    """Draw the effect of one column in each batch, over the band of no change.

    Dots are the effects, filled where the batch differs from the reference; bars are their
    intervals. In the grey band lie 95 % of the effects where nothing changed, for batches of that
    size: a small batch has a wide one. Dots may stand above it and not be filled, since in many
    batches one in twenty does by chance.

    Parameters
    ----------
    report : BatchReport
        Of `otdiv.tables.compare_batches`, `compare_groups` or `compare_over`; periods stand on an
        axis of time.
    column : str
        Its name.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    KeyError
        If no batch has this column.
    InvalidInputError
        If it could not be compared in any.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv.plotting import plot_series
    >>> from otdiv.tables import compare_batches
    >>> a = {"height": [float(k) for k in range(50)]}
    >>> report = compare_batches(a, {"monday": a, "tuesday": a}, units={"height": "cm"})
    >>> plot_series(report, "height").get_ylabel()
    'W1, cm'
    """
    rows = report.column(column)
    known = [place for place, row in enumerate(rows) if row is not None and row.effect is not None]
    if not known:
        raise InvalidInputError("column", "have an effect in some batch", repr(column))
    found = [rows[place] for place in known]
    k = len(rows)
    ax = axes(ax, size=(min(14.0, max(6.0, 2.5 + 0.22 * k)), 3.8))
    share = 100.0 if found[0].measure == "TV" else 1.0
    heights = share * _heights(found)
    numbers, scale = drawable(np.nan_to_num(heights))
    effects, low, high, band = np.where(np.isnan(heights), np.nan, numbers)
    places, edges = _places(report, known)
    if np.isfinite(band).any():
        ax.bar(
            places,
            band,
            width=edges,
            color=GREY,
            alpha=0.28,
            linewidth=0,
            label="95 % of no change",
            zorder=1,
        )
    ax.vlines(places, low, high, color=BLUE, linewidth=1.4, alpha=0.75, zorder=2)
    differs = np.array([_stands_out(row, row.evidence) for row in found])
    face = ax.get_facecolor()
    for chosen, colour, label in (
        (differs, VERMILION, "differs"),
        (~differs, face, "does not differ"),
    ):
        if chosen.any():
            ax.scatter(
                places[chosen],
                effects[chosen],
                s=30,
                color=colour,
                edgecolors=VERMILION if label == "differs" else BLUE,
                linewidths=1.3,
                zorder=3,
                label=label if found[0].evidence is not None else None,
            )
    if report.starts is None:
        _name_batches(ax, report.labels)
        ax.set_xlim(-0.6, k - 0.4)
    ax.set_ylim(0.0, None)
    unit = "%" if share != 1.0 else for_figure(found[0].unit or "")
    unit = f"{scale} {unit}".strip()
    ax.set_ylabel(f"{found[0].measure}{f', {unit}' if unit else ''}")
    title = f"{for_figure(column)} against {for_figure(report.reference)}"
    ax.set_title(title, loc="left", pad=22.0, wrap=True)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(
            frameon=False,
            fontsize=8,
            ncol=3,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.1,
            handletextpad=0.3,
            columnspacing=1.0,
        )
    tidy(ax)
    return ax


def _heights(rows: list[Any]) -> FloatArray:
    """Effects, both ends of their intervals and the end of the band, shape (4, k).

    An interval without an end, or a band that is not known, is a NaN.
    """
    found = np.full((4, len(rows)), np.nan)
    for place, row in enumerate(rows):
        found[0, place] = row.effect
        if row.evidence is not None:
            found[1:3, place] = row.evidence.low, row.evidence.high
        if row.noise is not None:
            found[3, place] = row.noise.percentile_95
    found[~np.isfinite(found)] = np.nan
    return found


def _places(report: Any, known: list[int]) -> tuple[Any, Any]:
    """Where batches stand on the axis, and how wide they are."""
    if report.starts is None:
        return np.array(known, dtype=float), 1.0
    starts = np.asarray(report.starts)
    steps = np.diff(starts)
    usual = np.median(steps.astype(np.int64)) if steps.size else 86400e6
    # A period ends where the next begins, unless there is a gap between them.
    widths = np.minimum(np.append(steps.astype(np.int64), usual), 1.5 * usual)
    widths = np.maximum(widths, 1.0).astype(np.int64).astype("timedelta64[us]")
    middles = starts + widths // 2
    return middles[known], widths[known]
