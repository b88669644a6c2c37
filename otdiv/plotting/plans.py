"""Pictures of transport plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._typing import FloatArray, IndexArray
from ..errors import UnsupportedProblemError
from ..partial import PartialResult
from ..plans import Plan, SparsePlan
from ..results import TransportResult
from ..unbalanced import UnbalancedPlan, UnbalancedResult
from .canvas import BLUE, VERMILION, axes, submodule, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_plan"]

_ENTRIES_PER_POINT = 20
"""Plan entries drawn per point of either side: an exact plan has at most one, an entropic one has
all, of which the largest make the picture."""

_BLOCK = 2**20
"""Plan entries looked at together, 8 MB."""


_RING = 260.0
"""Area in square points of the largest ring of mass that stays; by taste."""

_LEAST_RING = 1e-3
"""Share of the largest below which there is none."""


def plot_plan(
    result: TransportResult | PartialResult | UnbalancedResult, *, ax: Axes | None = None
) -> Axes:
    """Draw where a transport plan moves the mass, and what of it stays.

    Points in the plane are joined by lines, as dark as they are heavy. Points on the line give the
    coupling, a dot at (x_i, y_j) with an area in proportion to its mass; so do bare cost matrices
    and points of more dimensions, by their indices.

    Partial and unbalanced plans in the plane have rings around points in proportion to the mass
    that is lost there (source) or made there (target), dashed ones to what is moved beyond the
    weight; the title says which share of the source is moved.

    Parameters
    ----------
    result : TransportResult, PartialResult or UnbalancedResult
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
    ax = axes(ax, size=(6.0, 5.5))
    rows, columns, mass = _heaviest(result.plan)
    order = np.argsort(mass)  # the heaviest last, on top
    rows, columns, mass = rows[order], columns[order], mass[order]
    source, target = result.problem.source, result.problem.target
    x, y = source.points, target.points
    relative = mass / mass.max() if mass.size else mass
    by_points = hasattr(result.problem.cost, "norm")
    if by_points and x.shape[1] == 2:
        _draw_lines(ax, x, y, rows, columns, relative)
        if not isinstance(result, TransportResult):
            _draw_rings(ax, result)
    elif by_points and x.shape[1] == 1:
        _draw_dots(ax, x[rows, 0], y[columns, 0], relative)
        ax.set(xlabel="source x", ylabel="target y")
    else:
        _draw_dots(ax, rows, columns, relative)
        ax.set(xlabel="source index", ylabel="target index")
    if isinstance(result, TransportResult):
        title, moved = f"transport cost {result.value:.6g}", source.mass
    else:
        moved = result.moved if isinstance(result, PartialResult) else result.mass
        title = f"value {result.value:.6g}, {100.0 * moved / source.mass:.3g} % of the source moved"
    drawn = float(mass.sum()) / moved if moved > 0.0 else 1.0
    if drawn < 0.999:
        title += f", {100.0 * drawn:.1f} % of the mass drawn"
    ax.set_title(title)
    return ax


def _draw_rings(ax: Axes, result: PartialResult | UnbalancedResult) -> None:
    """What stays around each point, on the scale of the largest such mass."""
    source, target = result.problem.source, result.problem.target
    rings = [
        (source.points, result.source_left, BLUE, "o", "-"),
        (target.points, result.target_left, VERMILION, "s", "-"),
    ]
    if isinstance(result, UnbalancedResult):
        rings += [
            (source.points, result.source_excess, BLUE, "o", ":"),
            (target.points, result.target_excess, VERMILION, "s", ":"),
        ]
    largest = max(float(mass.max()) for _, mass, *_ in rings)
    heaviest = max(float(source.weights.max()), float(target.weights.max()))
    if largest <= _LEAST_RING * heaviest:
        return
    for points, mass, color, marker, style in rings:
        shown = mass > _LEAST_RING * largest
        ax.scatter(
            points[shown, 0],
            points[shown, 1],
            s=_RING * mass[shown] / largest,
            marker=marker,
            facecolors="none",
            edgecolors=color,
            linestyles=style,
            linewidths=1.2,
            zorder=4,
        )


def _heaviest(plan: Plan | UnbalancedPlan) -> tuple[IndexArray, IndexArray, FloatArray]:
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
    collections = submodule("collections")
    colors = np.zeros((rows.size, 4))
    colors[:, 3] = 0.05 + 0.55 * relative
    segments = np.stack([x[rows], y[columns]], axis=1)
    ax.add_collection(collections.LineCollection(segments, colors=colors, linewidths=1.0))
    ax.scatter(x[:, 0], x[:, 1], s=18, color=BLUE, label="source x", zorder=3)
    ax.scatter(y[:, 0], y[:, 1], s=18, color=VERMILION, marker="s", label="target y", zorder=3)
    ax.set_aspect("equal", adjustable="datalim")
    ax.legend(frameon=False)
    tidy(ax)


def _draw_dots(
    ax: Axes, x: FloatArray | IndexArray, y: FloatArray | IndexArray, relative: FloatArray
) -> None:
    ax.scatter(x, y, s=1.0 + 40.0 * relative, color=BLUE, alpha=0.7, linewidths=0)
    tidy(ax)
