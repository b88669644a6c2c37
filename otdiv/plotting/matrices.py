"""Pictures of distances between many samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._text import for_figure
from .._typing import ArrayLike, FloatArray
from .._validation import as_float_array, check_choice
from ..errors import InvalidInputError
from .canvas import GREY, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_distance_matrix"]

_METHODS = ("average", "complete", "single", "weighted")
# Samples up to which each has its name at the side, and height of the dendrogram as a share of the
# matrix; by taste.
_NAMED, _TREE_HEIGHT = 60, 0.22


def plot_distance_matrix(
    distances: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    method: str = "average",
    ax: Axes | None = None,
) -> Axes:
    """Draw distances of all pairs as a heat map, in the order of a dendrogram above it.

    Samples that are near to each other stand side by side, so that groups are dark squares on the
    diagonal; the dendrogram joins two groups at their distance.

    Parameters
    ----------
    distances : array_like, shapes (k (k - 1) / 2,) or (k, k)
        Condensed, as `pairwise_distances` returns them, or square and symmetric.
    labels : sequence of k str, optional
        Names of the samples; their numbers by default. More than 60 are not written.
    method : {"average", "complete", "single", "weighted"}, default "average"
        Distance of two groups, as in `scipy.cluster.hierarchy.linkage`.
    ax : matplotlib Axes, optional
        Where to draw the heat map; the dendrogram lies above it. A new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        That of the heat map.

    Raises
    ------
    InvalidInputError
        If distances are negative, not all known or not symmetric, or are those of fewer than two
        samples.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv import pairwise_distances
    >>> from otdiv.plotting import plot_distance_matrix
    >>> ax = plot_distance_matrix(pairwise_distances([[0.0], [9.0], [1.0]]), labels="abc")
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['b', 'a', 'c']
    """
    square = _square(distances)
    k = len(square)
    names = [str(i) for i in range(k)] if labels is None else [for_figure(n) for n in labels]
    if len(names) != k:
        raise InvalidInputError("labels", f"hold {k} names, one a sample", len(names))
    from scipy.cluster.hierarchy import dendrogram, linkage
    from scipy.spatial.distance import squareform

    method = check_choice("method", method, _METHODS)
    tree = dendrogram(linkage(squareform(square, checks=False), method), no_plot=True)
    order = tree["leaves"]
    ax = axes(ax, size=(6.2, 6.6))
    image = ax.imshow(
        square[np.ix_(order, order)], cmap="viridis", interpolation="nearest", aspect="equal"
    )
    _draw_tree(ax, tree, k)
    if k <= _NAMED:
        written = [names[i] for i in order]
        ax.set_xticks(range(k), written, rotation=90)
        ax.set_yticks(range(k), written)
    else:
        ax.set(xticks=[], yticks=[], xlabel=f"{k} samples, in the order of the dendrogram")
    ax.tick_params(length=0, labelsize=9 if k <= 25 else 6)
    ax.figure.colorbar(image, ax=ax, label="distance", shrink=0.75)
    return ax


def _draw_tree(ax: Axes, tree: dict[str, Any], k: int) -> None:
    """Joins of groups above the heat map, leaf by leaf over its columns."""
    above = ax.inset_axes((0.0, 1.01, 1.0, _TREE_HEIGHT))
    for places, heights in zip(tree["icoord"], tree["dcoord"], strict=True):
        # SciPy's leaves stand at 5, 15, 25, ...
        above.plot(np.array(places) / 10.0 - 0.5, heights, color=GREY, linewidth=1.0)
    above.set(xlim=(-0.5, k - 0.5), ylim=(0.0, None), xticks=[])
    above.spines[["top", "right", "bottom"]].set_visible(False)
    above.tick_params(labelsize=8)


def _square(distances: ArrayLike) -> FloatArray:
    """Distances (k, k)."""
    from scipy.spatial.distance import squareform

    array = as_float_array("distances", distances)
    k = (1 + math.isqrt(1 + 8 * array.size)) // 2 if array.ndim == 1 else len(array)
    expected = (k * (k - 1) // 2,) if array.ndim == 1 else (k, k)
    if array.shape != expected or k < 2:
        requirement = "have shape (k (k - 1) / 2,) or (k, k), of two samples or more"
        raise InvalidInputError("distances", requirement, f"shape {array.shape}")
    if (array < 0.0).any():
        raise InvalidInputError("distances", "be non-negative", float(array.min()))
    if array.ndim == 1:
        return np.asarray(squareform(array))
    if not np.allclose(array, array.T) or np.diag(array).any():
        raise InvalidInputError("distances", "be symmetric, with zeros on the diagonal")
    return 0.5 * (array + array.T)
