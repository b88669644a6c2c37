"""Pictures of the rows that a test needs: its power against the size of the samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import FloatArray
from .canvas import BLUE, GREY, VERMILION, axes, submodule, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_power"]

_ROOM = 0.12
"""Share of the width that two numbers below the axis need between them; by taste."""


def plot_power(result: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the power of a test at each size that was tried, and the size that was found.

    Bars are one standard error of the simulation to either side; the grey line is the level of the
    test, the power where nothing differs.

    Parameters
    ----------
    result : RequiredSize
        Of `otdiv.required_size`.
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
    >>> from otdiv import required_size
    >>> from otdiv.plotting import plot_power
    >>> found = required_size(1.0, n_simulations=500, rng=0)
    >>> f"{found.n} rows" in plot_power(found).get_title(loc="left")
    True
    """
    ax = axes(ax, size=(6.0, 3.8))
    rows, power = np.array(result.curve, dtype=np.float64).T
    # All sizes had as many simulations, so one error tells that number and the errors of all.
    spread = math.sqrt(result.power * (1.0 - result.power))
    share = result.standard_error / spread if spread else 0.0
    errors = share * np.sqrt(power * (1.0 - power))
    ax.errorbar(rows, power, yerr=errors, color=BLUE, marker="o", markersize=4, linewidth=1.6)
    ax.plot([result.n, result.n], [0.0, result.power], color=VERMILION, linewidth=1.2)
    ax.plot(result.n, result.power, "o", color=VERMILION, markersize=8, zorder=4)
    ax.axhline(result.alpha, color=GREY, linewidth=1.2, linestyle="--")
    ax.annotate(
        f"level {result.alpha:g}",
        (0.6, result.alpha),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        fontsize="small",
        color="#666666",
    )
    ax.set_xscale("log")
    _mark_sizes(ax, result.n, rows)
    ax.set_ylim(0.0, 1.04)
    even = result.m == result.n
    ax.set_xlabel("rows a side" if even else f"rows of x, with {result.m / result.n:.3g} of y each")
    ax.set_ylabel("power")
    found = f"{result.n} rows a side" if even else f"{result.n} + {result.m} rows"
    ax.set_title(f"{result.statistic}: power {result.power:.3f} with {found}", loc="left")
    tidy(ax)
    return ax


def _mark_sizes(ax: Axes, found: int, rows: FloatArray) -> None:
    """Plain numbers at the size found and at the ends of the curve, unless these are too near."""
    ticker = submodule("ticker")
    width = math.log(rows[-1] / rows[0])
    ends = [end for end in (rows[0], rows[-1]) if abs(math.log(end / found)) > _ROOM * width]
    sizes = [*ends, found]
    ax.xaxis.set_minor_locator(ticker.NullLocator())
    ax.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
