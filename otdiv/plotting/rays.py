"""Pictures of transport rays: where an exact plan moves mass, and how its potential falls there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import FloatArray
from ..costs import Euclidean
from ..critics import KantorovichPotential
from ..errors import UnsupportedProblemError
from ..plans import SparsePlan
from ..results import TransportResult
from .canvas import BLUE, PINK, VERMILION, axes, draw_samples, submodule, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_rays"]

# From low, where the y are, to high, where the x are; by taste, like the counts below.
_ALONG = (VERMILION, PINK, BLUE)

_DUST = 1e-12
"""Share of the mass below which an entry of a plan is rounding."""
_N_SHADES = 24
"""Pieces of constant colour of a ray."""
_MAX_HEADS = 40
"""Rays up to which each carries an arrowhead; more would cover each other."""


def plot_rays(result: TransportResult | KantorovichPotential, *, ax: Axes | None = None) -> Axes:
    """Draw the transport rays of an exact plan in the plane, coloured by the potential.

    Mass moves from x_i to y_j along the segment between them, on which every Kantorovich potential
    falls with slope one: its gradient points back along the ray. Lines are as wide as their mass,
    relative to the heaviest. Drawn on the Axes of `plot_critic`, the rays cross its level sets at
    right angles.

    Parameters
    ----------
    result : TransportResult or KantorovichPotential
        Exact, of the Euclidean cost.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure, with a scale of the potential.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnsupportedProblemError
        If the points are not in the plane, the cost is not Euclidean or the plan not sparse;
        `plot_plan` draws these.
    MissingDependencyError
        If matplotlib is not installed.

    References
    ----------
    Gulrajani et al. (2017), arXiv:1704.00028, proposition 1.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv import transport
    >>> from otdiv.plotting import plot_rays
    >>> result = transport([[0.0, 0.0], [1.0, 1.0]], [[2.0, 0.0], [3.0, 1.0]], cost="euclidean")
    >>> plot_rays(result).get_title(loc="left")
    '2 rays, W1 = 2'
    """
    f = result if isinstance(result, KantorovichPotential) else None
    exact: TransportResult = f.result if f is not None else result  # type: ignore[assignment]  # one of two
    dual = f.potentials if f is not None else exact.potentials
    problem, plan = exact.problem, exact.plan
    if (
        not isinstance(plan, SparsePlan)
        or dual is None
        or problem.cost != Euclidean()
        or problem.x.shape[1] != 2
    ):
        raise UnsupportedProblemError(
            "transport rays are drawn of an exact plan in the plane with the Euclidean cost; "
            "plot_plan draws any other"
        )
    kept = plan.mass > _DUST * problem.mass
    rows, columns, mass = plan.rows[kept], plan.columns[kept], plan.mass[kept]
    alone = ax is None
    ax = axes(ax, size=(6.8, 5.6))
    starts, ends = problem.x[rows], problem.y[columns]
    lines = _shaded(starts, ends, dual.f[rows], -dual.g[columns], 0.6 + 1.4 * mass / mass.max())
    ax.add_collection(lines)
    if len(rows) <= _MAX_HEADS:
        _draw_heads(ax, starts, ends)
    draw_samples(ax, problem.x, problem.y)
    ax.set_aspect("equal", adjustable="datalim" if alone else None)
    if alone:
        ax.figure.colorbar(lines, ax=ax, label="Kantorovich potential", fraction=0.046, pad=0.02)
    count = f"{len(rows)} ray{'s' if len(rows) > 1 else ''}"
    ax.set_title(f"{count}, W1 = {exact.value:.6g}", loc="left")
    tidy(ax)
    return ax


def _shaded(
    starts: FloatArray, ends: FloatArray, high: FloatArray, low: FloatArray, widths: FloatArray
) -> Any:
    """Segments whose colour follows the potential, linear along each."""
    t = np.linspace(0.0, 1.0, _N_SHADES + 1)
    corners = starts[:, None] + t[:, None] * (ends - starts)[:, None]
    segments = np.stack([corners[:, :-1], corners[:, 1:]], axis=2).reshape(-1, 2, 2)
    middle = 0.5 * (t[1:] + t[:-1])
    values = high[:, None] + middle * (low - high)[:, None]
    colors = submodule("colors").LinearSegmentedColormap.from_list("ray", _ALONG)
    return submodule("collections").LineCollection(
        list(segments),
        array=values.ravel(),
        cmap=colors,
        linewidths=np.repeat(widths, _N_SHADES),
        capstyle="round",
        zorder=3,
    )


def _draw_heads(ax: Axes, starts: FloatArray, ends: FloatArray) -> None:
    """Triangles in the middle of the rays that have room for them, pointing where mass moves."""
    both = np.concatenate([starts, ends])
    size = 0.011 * float(np.ptp(both, axis=0).max())
    way = ends - starts
    length = np.sqrt((way**2).sum(axis=1))
    roomy = length > 4.0 * size
    if not roomy.any():
        return
    u = way[roomy] / length[roomy, None]
    across = np.stack([-u[:, 1], u[:, 0]], axis=1)
    middle = 0.5 * (starts + ends)[roomy]
    back = middle - size * u
    corners = np.stack(
        [middle + size * u, back + 0.7 * size * across, back - 0.7 * size * across], axis=1
    )
    heads = submodule("collections").PolyCollection(
        list(corners), facecolors="#555555", linewidths=0, zorder=3.5
    )
    ax.add_collection(heads)
