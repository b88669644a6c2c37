"""Pictures of permutation tests: the null, and where the observed value lies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .canvas import BLUE, GREY, VERMILION, axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_null"]

_MOST_BARS = 60
"""Bars of the histogram; by taste."""


def plot_null(result: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the null of a permutation test as a histogram, with its mean and the observed value.

    Parameters
    ----------
    result : TestResult
        Of `otdiv.two_sample_test` or `otdiv.k_sample_test`.
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
    >>> from otdiv import two_sample_test
    >>> from otdiv.plotting import plot_null
    >>> result = two_sample_test([1.0, 2.0, 3.0, 4.0], [4.5, 5.0, 6.0, 7.0])
    >>> plot_null(result).get_title(loc="left")
    'wasserstein1 = 3.125, p = 0.0286'
    """
    ax = axes(ax, size=(7.0, 3.6))
    null = result.null
    # As many bars as the square root of what they count, and of one width also for one value.
    bars = int(np.clip(np.sqrt(null.size), 5, _MOST_BARS))
    low, high = float(null.min()), float(null.max())
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    share = np.full(null.size, 1.0 / null.size)
    ax.hist(null, bins=bars, range=(low, high), weights=share, color=GREY, label=_null_name(result))
    ax.axvline(result.null_mean, color=BLUE, linewidth=1.4, label="mean of the null")
    ax.axvline(result.value, color=VERMILION, linewidth=2.0, label="observed")
    ax.set_xlabel(result.measure)
    ax.set_ylabel("share of relabellings")
    ax.set_title(f"{result.measure} = {result.value:.4g}, p = {result.pvalue:.3g}", loc="left")
    ax.legend(frameon=False)
    tidy(ax)
    return ax


def _null_name(result: Any) -> str:
    return f"null, {result.null.size:,} relabellings"
