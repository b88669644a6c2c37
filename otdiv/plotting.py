"""Pictures: transport plans, and what a table report says; each function returns its Axes.

Matplotlib is imported when something is drawn, never before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ._optional import import_optional
from ._typing import FloatArray, IndexArray
from .errors import InvalidInputError, UnsupportedProblemError
from .plans import Plan, SparsePlan
from .results import TransportResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_column", "plot_effects", "plot_plan"]

# Chosen by taste, from a palette whose members stay apart for colour-blind readers (Okabe and Ito
# 2008, Color Universal Design).
_COLOR_A = "#0072B2"
_COLOR_B = "#D55E00"
_CATEGORY = "#CC79A7"
_NOISE = "#999999"

_VIEW = 0.005
"""Share of the rows on either side that a view of ECDFs may leave out, so that tails do not squash
the bulk; chosen by taste, and said below the picture."""

_MAX_CATEGORIES = 12
"""Categories drawn of a column, those that moved most; as many as a figure keeps readable."""

_ENTRIES_PER_POINT = 20
"""Plan entries drawn per point of either side: an exact plan has at most one, an entropic one has
all, of which the largest make the picture."""


_BLOCK = 2**20
"""Plan entries looked at together, 8 MB."""


def plot_plan(result: TransportResult, *, ax: Axes | None = None) -> Axes:
    """Draw where a transport plan moves the mass.

    Points in the plane are joined by lines, as dark as they are heavy. Points on the line give the
    coupling, a dot at (x_i, y_j) with an area in proportion to its mass; so do bare cost matrices
    and points of more dimensions, by their indices.

    Parameters
    ----------
    result : TransportResult
        Of any solver. Of a dense or entropic plan the heaviest entries are drawn, and the title
        says which share of the mass they hold where it is not all.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnsupportedProblemError
        If the result has no plan, because the problem is infeasible.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv import transport
    >>> from otdiv.plotting import plot_plan
    >>> ax = plot_plan(transport([0.0, 1.0], [2.0, 4.0], cost="euclidean"))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('source x', 'target y')
    """
    if result.plan is None:
        raise UnsupportedProblemError("an infeasible problem has no plan to draw")
    ax = _axes(ax, size=(6.0, 5.5))
    rows, columns, mass = _heaviest(result.plan)
    order = np.argsort(mass)  # the heaviest last, on top
    rows, columns, mass = rows[order], columns[order], mass[order]
    x, y = result.problem.x, result.problem.y
    relative = mass / mass.max() if mass.size else mass
    by_points = hasattr(result.problem.cost, "norm")
    if by_points and x.shape[1] == 2:
        _draw_lines(ax, x, y, rows, columns, relative)
    elif by_points and x.shape[1] == 1:
        _draw_dots(ax, x[rows, 0], y[columns, 0], relative)
        ax.set(xlabel="source x", ylabel="target y")
    else:
        _draw_dots(ax, rows, columns, relative)
        ax.set(xlabel="source index", ylabel="target index")
    title = f"transport cost {result.value:.6g}"
    drawn = float(mass.sum()) / result.problem.mass
    if drawn < 0.999:
        title += f", {100.0 * drawn:.1f} % of the mass drawn"
    ax.set_title(title)
    return ax


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
    """
    rows = [row for row in report.rows if row.effect is not None]
    if not rows:
        raise InvalidInputError("report", "hold a column that could be compared", "none")
    ax = _axes(ax, size=(7.5, 1.3 + 0.42 * len(rows)))
    finite = [row.sort_key for row in rows if math.isfinite(row.sort_key)]
    longest = max(finite, default=0.0) or 1.0
    reach = longest
    for place, row in enumerate(rows):
        length = min(row.sort_key, 1.1 * longest)
        color = _CATEGORY if row.measure == "TV" else _COLOR_A
        ax.barh(place, length, height=0.62, color=color)
        end = length
        scale = 1.0 if row.standardized is None else row.pooled_sd
        if row.noise is not None and scale:
            noise = row.noise.percentile_95 / scale
            ax.plot([noise, noise], [place - 0.4, place + 0.4], color=_NOISE, linewidth=2.5)
            end = max(end, noise)
        reach = max(reach, end)
        ax.annotate(
            f"{row.measure} {_effect(row)}",
            (end, place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.set_yticks(range(len(rows)), [row.column for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(0.0, 1.3 * reach)
    ax.set_xlabel("W1 / pooled sd of numbers, total variation of categories")
    _legend_of_effects(ax, rows)
    _tidy(ax)
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
    """
    if row.distributions is None:
        raise InvalidInputError("row", "be of a column that could be compared", row.error)
    ax = _axes(ax, size=(7.0, 4.2))
    if row.measure == "TV":
        _draw_frequencies(ax, row, labels)
        ax.set_title(f"{row.column}: total variation {_effect(row)}", loc="left")
    else:
        _draw_ecdfs(ax, row, labels)
        ax.set_title(f"{row.column}: W1 = {_effect(row)}, the shaded area", loc="left")
    _tidy(ax)
    return ax


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="drawing")
    if ax is not None:
        return ax
    created: Axes = pyplot.subplots(figsize=size, layout="constrained")[1]
    return created


def _tidy(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)


def _effect(row: Any) -> str:
    """Return an effect as it is read: in the column's unit, a total variation as a share."""
    if row.measure == "TV":
        return f"{100.0 * row.effect:.4g} %"
    return f"{row.effect:.4g} {row.unit}" if row.unit else f"{row.effect:.4g}"


def _heaviest(plan: Plan) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Rows, columns and masses of the entries to draw; blockwise, never all n·m at once."""
    if isinstance(plan, SparsePlan):
        kept = plan.mass > 0.0
        return plan.rows[kept], plan.columns[kept], plan.mass[kept]
    n, m = plan.shape
    limit = min(n * m, _ENTRIES_PER_POINT * (n + m))
    flat, mass = np.empty(0, dtype=np.int64), np.empty(0)
    step = max(1, _BLOCK // m)
    for start in range(0, n, step):
        block = plan.block(start, min(n, start + step)).ravel()
        flat = np.concatenate([flat, np.arange(start * m, start * m + block.size)])
        mass = np.concatenate([mass, block])
        if mass.size > limit:
            heaviest = np.argpartition(mass, -limit)[-limit:]
            flat, mass = flat[heaviest], mass[heaviest]
    flat, mass = flat[mass > 0.0], mass[mass > 0.0]
    return flat // m, flat % m, mass


def _draw_lines(
    ax: Axes,
    x: FloatArray,
    y: FloatArray,
    rows: IndexArray,
    columns: IndexArray,
    relative: FloatArray,
) -> None:
    collections = import_optional("matplotlib.collections", extra="plot", purpose="drawing")
    colors = np.zeros((rows.size, 4))
    colors[:, 3] = 0.05 + 0.55 * relative
    segments = np.stack([x[rows], y[columns]], axis=1)
    ax.add_collection(collections.LineCollection(segments, colors=colors, linewidths=1.0))
    ax.scatter(x[:, 0], x[:, 1], s=18, color=_COLOR_A, label="source x", zorder=3)
    ax.scatter(y[:, 0], y[:, 1], s=18, color=_COLOR_B, marker="s", label="target y", zorder=3)
    ax.set_aspect("equal", adjustable="datalim")
    ax.legend(frameon=False)
    _tidy(ax)


def _draw_dots(
    ax: Axes, x: FloatArray | IndexArray, y: FloatArray | IndexArray, relative: FloatArray
) -> None:
    ax.scatter(x, y, s=1.0 + 40.0 * relative, color=_COLOR_A, alpha=0.7, linewidths=0)
    _tidy(ax)


def _draw_ecdfs(ax: Axes, row: Any, labels: tuple[str, str]) -> None:
    values, F, G = row.distributions.values, row.distributions.a, row.distributions.b
    # Steps begin at 0 and end at 1, a little outside the data.
    low, high = _view(values, F, G)
    margin = 0.03 * (high - low) or 0.5
    values = np.concatenate([[values[0] - margin], values, [values[-1] + margin]])
    F = np.concatenate([[0.0], F, [1.0]])
    G = np.concatenate([[0.0], G, [1.0]])
    name_a, name_b = labels
    # Both ends of every step, so that a region one step wide keeps its area.
    ends, upper, lower = np.repeat(values, 2)[1:], np.repeat(F, 2)[:-1], np.repeat(G, 2)[:-1]
    for higher, color, word in (
        (upper > lower, _COLOR_B, "higher"),
        (upper < lower, _COLOR_A, "lower"),
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
    ax.step(values, F, where="post", color=_COLOR_A, linewidth=1.6, label=name_a)
    ax.step(values, G, where="post", color=_COLOR_B, linewidth=1.6, label=name_b)
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(-0.02, 1.02)
    beyond = low > values[1] or high < values[-2]
    note = f"\nthe view leaves out at most {100.0 * _VIEW:g} % of the rows on either side"
    unit = f" ({row.unit})" if row.unit else ""
    ax.set_xlabel(f"{row.column}{unit}{note if beyond else ''}")
    ax.set_ylabel("share of rows at or below")
    ax.legend(frameon=False, loc="lower right")


def _view(values: FloatArray, F: FloatArray, G: FloatArray) -> tuple[float, float]:
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
        (-0.2, frequencies.a, _COLOR_A, labels[0]),
        (0.2, frequencies.b, _COLOR_B, labels[1]),
    ):
        ax.barh(places + offset, 100.0 * share[:drawn], height=0.36, color=color, label=label)
    ax.set_yticks(places, list(frequencies.labels[:drawn]))
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    rest = len(frequencies.labels) - drawn
    note = f" (the {drawn} categories that moved most, of {drawn + rest})" if rest else ""
    ax.set_xlabel(f"share of rows, %{note}")
    ax.legend(frameon=False)


def _legend_of_effects(ax: Axes, rows: list[Any]) -> None:
    lines = import_optional("matplotlib.lines", extra="plot", purpose="drawing")
    patches = import_optional("matplotlib.patches", extra="plot", purpose="drawing")
    handles = []
    if any(row.measure == "W1" for row in rows):
        handles.append(patches.Patch(color=_COLOR_A, label="numbers"))
    if any(row.measure == "TV" for row in rows):
        handles.append(patches.Patch(color=_CATEGORY, label="categories"))
    if any(row.noise is not None for row in rows):
        label = "95 % of same-law noise"
        handles.append(lines.Line2D([], [], color=_NOISE, linewidth=2.5, label=label))
    ax.legend(handles=handles, frameon=False, loc="lower right")
