"""Pictures of barycenters beside the measures that they are between."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import FloatArray
from ..errors import InvalidInputError, UnsupportedProblemError
from ..measures import DiscreteMeasure, Gaussian
from .canvas import BLUE, GREY, axes, submodule, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_barycenter"]

_DEVIATIONS = 2.0
"""Standard deviations of the ellipse of a Gaussian; by taste."""

_ACROSS = 6
"""Images in a row; by taste."""


def plot_barycenter(result: Any, *, ax: Axes | None = None) -> Axes:
    """Draw a barycenter beside its measures, with the proven gap in the title.

    Images stand around the barycenter, each with its weight; points of the plane lie over those of
    the measures; on the line there are distribution functions; Gaussians in the plane are ellipses
    of two standard deviations.

    Parameters
    ----------
    result : BarycenterResult
        Of `otdiv.barycenter`, on an image, on the line or in the plane.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnsupportedProblemError
        In more than two dimensions.
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv import barycenter
    >>> from otdiv.plotting import plot_barycenter
    >>> plot_barycenter(barycenter([[0.0, 1.0], [2.0, 5.0]])).get_title(loc="left")
    'mean of W2² 2.5, gap 0 %'
    """
    measure, measures = result.measure, result.measures
    if not measures:
        raise InvalidInputError("result", "know its measures", "one that was made by hand")
    d = measure.d
    if result.shape is not None and len(result.shape) == 2:
        ax = axes(ax, size=(8.0, 5.0))
        _images(ax, result)
    elif d == 1 and isinstance(measure, DiscreteMeasure):
        ax = axes(ax, size=(6.4, 4.0))
        for other in measures:
            _steps(ax, other, GREY, 1.0)
        _steps(ax, measure, BLUE, 2.2)
        ax.set(xlabel="x", ylabel="F")
        tidy(ax)
    elif d == 2:
        ax = axes(ax, size=(6.0, 5.5))
        draw = _ellipse if isinstance(measure, Gaussian) else _cloud
        for other in measures:
            draw(ax, other, GREY, 0.55)
        draw(ax, measure, BLUE, 1.0)
        ax.set_aspect("equal", adjustable="datalim")
        ax.autoscale_view()
        tidy(ax)
    else:
        raise UnsupportedProblemError(
            f"a barycenter in {d} dimensions has no picture; draw two of its coordinates"
        )
    gap = 100.0 * result.bounds.relative_gap
    told = "0" if gap < 1e-6 else f"{gap:.2g}"
    ax.set_title(f"mean of W2² {result.value:.4g}, gap {told} %", loc="left")
    return ax


def _steps(ax: Any, measure: DiscreteMeasure, color: str, width: float) -> None:
    x = measure.points[:, 0]
    order = np.argsort(x, kind="stable")
    levels = np.concatenate([[0.0], np.cumsum(measure.weights[order]) / measure.mass])
    places = np.concatenate([x[order[:1]], x[order]])
    ax.step(places, levels, where="post", color=color, linewidth=width)


def _cloud(ax: Any, measure: DiscreteMeasure, color: str, alpha: float) -> None:
    share = measure.weights / measure.weights.max()
    u, v = measure.points.T
    ax.scatter(u, v, s=2.0 + 10.0 * share, color=color, alpha=alpha, linewidths=0)


def _ellipse(ax: Any, law: Gaussian, color: str, alpha: float) -> None:
    values, vectors = np.linalg.eigh(law.covariance)
    radii = _DEVIATIONS * np.sqrt(np.maximum(values, 0.0))
    angle = math.degrees(math.atan2(vectors[1, 1], vectors[0, 1]))
    patch = submodule("patches").Ellipse(
        law.mean, 2.0 * radii[1], 2.0 * radii[0], angle=angle, fill=False, edgecolor=color,
        alpha=alpha, linewidth=1.6,
    )  # fmt: skip
    ax.add_patch(patch)
    ax.plot(*law.mean, "+", color=color, alpha=alpha)


def _images(ax: Any, result: Any) -> None:
    """The barycenter large, the images small at its right in rows."""
    ax.set_axis_off()
    images = [_image_of(measure, result) for measure in result.measures]
    canvas = ax.inset_axes([0.0, 0.0, 0.46, 1.0])
    _show(canvas, result.image())
    across = min(_ACROSS, max(1, math.ceil(math.sqrt(len(images)))))
    down = math.ceil(len(images) / across)
    width, height = 0.5 / across, 1.0 / down
    for index, (image, weight) in enumerate(zip(images, result.weights, strict=True)):
        row, column = divmod(index, across)
        corner = 0.5 + column * width, 1.0 - (row + 1) * height
        small = ax.inset_axes([*corner, 0.94 * width, 0.94 * height])
        _show(small, image)
        if float(np.ptp(result.weights)) > 0.0:
            small.set_title(f"{weight:.2g}", fontsize="x-small", pad=1)


def _image_of(measure: DiscreteMeasure, result: Any) -> FloatArray:
    """Masses of a measure on the cells of the barycenter's grid."""
    image = np.zeros(result.shape)
    cells = tuple(
        np.searchsorted(axis, column)
        for axis, column in zip(result.grid, measure.points.T, strict=True)
    )
    np.add.at(image, cells, measure.weights)
    return image


def _show(ax: Any, image: FloatArray) -> None:
    ax.imshow(image, cmap="Blues", interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_color("#cccccc")
