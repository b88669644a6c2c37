"""Pictures of partial transport: what is moved, what stays, and what each share costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import FloatArray
from ..costs import CostMatrix, SparseCost
from ..errors import UnsupportedProblemError
from .canvas import BLUE, GREY, VERMILION, axes, submodule, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_partial", "plot_profile"]

_MOVED = 0.5
"""Share of an atom from which on it counts as moved; by taste."""


def plot_partial(result: Any, *, ax: Axes | None = None) -> Axes:
    """Draw what a partial plan moves and, hollow, the points that stay.

    Points in the plane are joined by lines, as dark as they are heavy. Points on the line and those
    of matrices give the coupling, a dot at (x_i, y_j), with marks at the edges for what stays.

    Parameters
    ----------
    result : PartialResult
        Of `partial_transport` or `partial_transport_matrix`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnsupportedProblemError
        If the result has no plan.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv import partial_transport
    >>> from otdiv.plotting import plot_partial
    >>> ax = plot_partial(partial_transport([0.0, 1.0, 9.0], [0.5, 1.5, 2.5], mass=0.5))
    >>> ax.get_title(loc="left")
    '0.5 of 1 moved at a cost of 0.25'
    """
    if result.plan is None:
        raise UnsupportedProblemError("an infeasible problem has no plan to draw")
    ax = axes(ax, size=(6.0, 5.5))
    problem, plan = result.problem, result.plan
    x, y = problem.pairs.x, problem.pairs.y
    kept = plan.mass > 0.0
    rows, columns, mass = plan.rows[kept], plan.columns[kept], plan.mass[kept]
    order = np.argsort(mass)  # the heaviest last, on top
    rows, columns, mass = rows[order], columns[order], mass[order]
    relative = mass / mass.max() if mass.size else mass
    lefts = [
        left > _MOVED * weights
        for left, weights in ((result.source_left, problem.a), (result.target_left, problem.b))
    ]
    if not isinstance(problem.cost, CostMatrix | SparseCost) and x.shape[1] == 2:
        colors = np.zeros((rows.size, 4))
        colors[:, 3] = 0.05 + 0.55 * relative
        segments = np.stack([x[rows], y[columns]], axis=1)
        lines = submodule("collections").LineCollection(segments, colors=colors, linewidths=1.0)
        ax.add_collection(lines)
        _points(ax, x, lefts[0], BLUE, "o", "x")
        _points(ax, y, lefts[1], VERMILION, "s", "y")
        ax.set_aspect("equal", adjustable="datalim")
        ax.legend(frameon=False)
    else:
        on_line = not isinstance(problem.cost, CostMatrix | SparseCost) and x.shape[1] == 1
        u = x[:, 0] if on_line else np.arange(len(x), dtype=np.float64)
        v = y[:, 0] if on_line else np.arange(len(y), dtype=np.float64)
        ax.scatter(u[rows], v[columns], s=1.0 + 40.0 * relative, color=BLUE, linewidths=0)
        for places, left, vertical in ((u, lefts[0], False), (v, lefts[1], True)):
            _stays(ax, places[left], vertical=vertical)
        words = ("x", "y") if on_line else ("row", "column")
        ax.set(xlabel=words[0], ylabel=words[1])
    tidy(ax)
    most = min(problem.source.mass, problem.target.mass)
    title = f"{result.moved:.4g} of {most:.4g} moved at a cost of {result.transport_cost:.4g}"
    ax.set_title(title, loc="left")
    return ax


def _points(ax: Any, points: FloatArray, stays: Any, color: str, marker: str, name: str) -> None:
    u, v = points[~stays].T
    ax.scatter(u, v, s=18, color=color, marker=marker, label=f"{name} moved", zorder=3)
    if stays.any():
        u, v = points[stays].T
        ax.scatter(
            u, v, s=22, facecolors="none", edgecolors=color, marker=marker,
            label=f"{name} stays", zorder=3,
        )  # fmt: skip


def _stays(ax: Any, places: FloatArray, *, vertical: bool) -> None:
    """Marks at the edge of the axes."""
    if not places.size:
        return
    transform = ax.get_yaxis_transform() if vertical else ax.get_xaxis_transform()
    edge = np.full(places.size, 0.985)
    u, v = (edge, places) if vertical else (places, edge)
    color = VERMILION if vertical else BLUE
    marker = "<" if vertical else "v"
    ax.scatter(u, v, s=24, transform=transform, facecolors="none", edgecolors=color, marker=marker)


def plot_profile(profile: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the least cost of each mass, its proven band, the kink, and the price of the last unit.

    Parameters
    ----------
    profile : PartialProfile
        Of `partial_transport_profile`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Of the cost; the price has a second axis at the right.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv import partial_transport_profile
    >>> from otdiv.plotting import plot_profile
    >>> ax = plot_profile(partial_transport_profile([0.0, 1.0, 90.0], [0.5, 1.5, 2.5]))
    >>> ax.get_ylabel()
    'least cost'
    """
    ax = axes(ax, size=(6.4, 4.2))
    s = np.union1d(np.linspace(0.0, float(profile.masses[-1]), 513), profile.masses)
    lower, upper = profile.band(s)
    ax.fill_between(s, lower, upper, color=BLUE, alpha=0.35, linewidth=0, label="proven band")
    ax.plot(s, 0.5 * (lower + upper), color=BLUE, linewidth=1.6, label="least cost")
    kink = profile.kink
    ax.axvline(kink, color=GREY, linewidth=1.2, linestyle="--")
    ax.annotate(
        f"kink at {kink:.3g}",
        (kink, 0.62),
        xycoords=("data", "axes fraction"),
        xytext=(-4, 0),
        textcoords="offset points",
        ha="right",
        fontsize="small",
        color="#555555",
    )
    ax.set(xlabel="mass moved", ylabel="least cost", xlim=(0.0, s[-1]))
    ax.set_ylim(bottom=0.0)
    other = ax.twinx()
    other.step(
        profile.masses, np.append(profile.prices, profile.prices[-1]), where="post",
        color=VERMILION, linewidth=1.2,
    )  # fmt: skip
    other.set_ylabel("price of the last unit", color=VERMILION)
    other.set_ylim(bottom=0.0)
    other.spines[["top"]].set_visible(False)
    ax.spines[["top"]].set_visible(False)
    ax.legend(frameon=False, loc="upper left")
    return ax
