"""The support that a caller gives: points, or a grid whose cells the measures are images on."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .._typing import FloatArray, IndexArray
from .._validation import as_float_array, as_points, describe
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from .family import as_sequence, check_size

__all__ = ["Places", "as_images", "as_places", "is_grid"]


class Places(NamedTuple):
    """Points (n, d) where a barycenter may have atoms; `axes` if they are the cells of a grid."""

    points: FloatArray
    axes: tuple[FloatArray, ...] | None

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of the grid."""
        return None if self.axes is None else tuple(axis.size for axis in self.axes)


def is_grid(support: Any) -> bool:
    """Whether a support is given as a grid: by name, or as a tuple of axes."""
    return isinstance(support, tuple) or (isinstance(support, str) and support == "grid")


def as_places(support: Any, d: int) -> Places:
    """Coerce points (n, d) or (n,) of a support."""
    if isinstance(support, str):
        requirement = 'be "free", "grid", points or a tuple of axes'
        raise InvalidInputError("support", requirement, describe(support))
    points = as_points("support", support)
    if points.shape[1] != d:
        raise InvalidInputError("support", f"have {d} columns like the measures", points.shape[1])
    check_size("support", points)
    return Places(np.unique(points + 0.0, axis=0), None)


def as_images(measures: Any, support: Any) -> tuple[list[DiscreteMeasure], Places]:
    """Coerce k arrays of masses of one shape, each normalised to mass one, and their grid.

    Cells stand at their indices, or where a tuple of axes says.
    """
    images: list[FloatArray] = []
    for index, value in enumerate(as_sequence(measures)):
        name = f"measures[{index}]"
        if isinstance(value, DiscreteMeasure):
            found = "a DiscreteMeasure"
            raise InvalidInputError(name, "be an array of masses for a grid", found)
        image = as_float_array(name, value)
        if image.ndim == 0 or image.size == 0 or (images and image.shape != images[0].shape):
            shape = images[0].shape if images else "of a grid"
            raise InvalidInputError(name, f"have the shape {shape}", f"shape {image.shape}")
        if image.min() < 0.0:
            raise InvalidInputError(name, "be non-negative", float(image.min()))
        if not image.any():
            raise InvalidInputError(name, "have a positive sum", 0.0)
        images.append(image)
    axes = _axes(support, images[0].shape)
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    found_measures = []
    for image in images:
        # A power of two keeps the sum finite.
        mass = np.ldexp(image.ravel(), -math.frexp(float(image.max()))[1])
        cells = np.flatnonzero(mass)
        shares = mass[cells] / math.fsum(mass)
        found_measures.append(DiscreteMeasure(points=points[cells], weights=shares))
    return found_measures, Places(points, axes)


def _axes(support: Any, shape: tuple[int, ...]) -> tuple[FloatArray, ...]:
    if isinstance(support, str):
        return tuple(np.arange(n, dtype=np.float64) for n in shape)
    if len(support) != len(shape):
        requirement = f"be a tuple of {len(shape)} axes, one an axis of the images"
        raise InvalidInputError("support", requirement, f"{len(support)}")
    axes = []
    for k, (axis, n) in enumerate(zip(support, shape, strict=True)):
        name = f"support[{k}]"
        values = as_float_array(name, axis) + 0.0
        if values.shape != (n,):
            raise InvalidInputError(name, f"have shape ({n},)", f"shape {values.shape}")
        if (np.diff(values) <= 0.0).any():
            raise InvalidInputError(name, "increase", "an axis that does not")
        check_size(name, values)
        axes.append(values)
    return tuple(axes)


def cells_of(places: Places, measure: DiscreteMeasure) -> IndexArray:
    """Cells (m,) of the atoms of a measure whose points are among those of the grid."""
    assert places.axes is not None
    cells = np.zeros(measure.n, dtype=np.int64)
    for axis, column in zip(places.axes, measure.points.T, strict=True):
        cells = cells * axis.size + np.searchsorted(axis, column)
    return cells
