"""Cells of space that clouds are counted into: a tree of cuts, made of a first sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._frozen import restore, seal
from .._typing import FloatArray, IndexArray
from .._validation import as_points, check_positive_integer
from ..errors import InvalidInputError

__all__ = ["CloudCells", "cloud_cells"]

N_CELLS = 1024
"""By default: states of some 50 kB, and transport between cells in about a second."""

_MOST_CELLS = 2**15
"""Transport between more cells takes longer than one pass saves; by taste."""

FARTHEST = 2.0**300
"""Coordinates up to so many times the extent of the first sample have squares, and sums of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CloudCells:
    """A partition of space by a tree of cuts across the axes, which both samples share.

    Any partition gives bounds that hold. Those of small cells are close, so a sample that lies
    where the rows lie makes the better ones (`cloud_cells`).

    Attributes
    ----------
    origin : array (d,)
        Taken off every row first.
    unit : float
        Power of two that rows are multiplied with then, so that squares are floats.
    axes, cuts : arrays (k - 1,)
        Of each node the axis that it cuts, and where.
    children : int array (k - 1, 2)
        Nodes at most at the cut and beyond it; c below zero is the cell -1 - c.
    pivots : array (k, d)
        A point near the rows of each cell, about which its moments are taken.
    """

    origin: FloatArray
    unit: float
    axes: IndexArray
    cuts: FloatArray
    children: IndexArray
    pivots: FloatArray

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.pivots)

    @property
    def d(self) -> int:
        """Columns of the points."""
        return int(self.pivots.shape[1])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that tells these cells from others."""
        return {
            "origin": self.origin,
            "unit": np.array([self.unit]),
            "axes": self.axes,
            "cuts": self.cuts,
            "children": self.children,
            "pivots": self.pivots,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> CloudCells:
        """Return the cells of `arrays()`; a ValueError or KeyError where they are no such thing."""
        origin, unit, axes, cuts, children, pivots = (
            arrays[name] for name in ("origin", "unit", "axes", "cuts", "children", "pivots")
        )
        k, d = pivots.shape
        nodes = np.arange(k - 1)
        sound = (
            origin.shape == (d,)
            and unit.shape == (1,)
            and axes.shape == cuts.shape == (k - 1,)
            and children.shape == (k - 1, 2)
            and math.frexp(float(unit[0]))[0] == 0.5
            and bool(((axes >= 0) & (axes < d)).all())
            # A child stands behind its parent, so that no walk is endless.
            and bool(((children > nodes[:, None]) | (children < 0)).all())
            and bool((children < k - 1).all())
            and bool((children >= -k).all())
            and bool(np.isfinite(pivots).all() and np.isfinite(origin).all())
        )
        if not sound:
            raise ValueError("these arrays are no tree of cuts")
        return cls(
            origin=origin,
            unit=float(unit[0]),
            axes=axes,
            cuts=cuts,
            children=children,
            pivots=pivots,
        )

    def same_as(self, other: CloudCells) -> bool:
        """Whether these are the same cells."""
        if self is other:
            return True
        theirs = other.arrays()
        return all(np.array_equal(array, theirs[name]) for name, array in self.arrays().items())

    def placed(self, rows: FloatArray) -> FloatArray:
        """Rows (n, d) less the origin, times the unit: each coordinate errs by U of itself."""
        with np.errstate(over="ignore"):
            points = np.ascontiguousarray((rows - self.origin) * self.unit)
        if not (np.abs(points) <= FARTHEST).all():
            requirement = "have coordinates within 2^300 extents of the sample that made the cells"
            raise InvalidInputError("points", requirement, "one that is farther")
        return points

    def __repr__(self) -> str:
        return f"CloudCells({self.n_cells} cells, d={self.d})"


def cloud_cells(sample: Any, n_cells: int = N_CELLS) -> CloudCells:
    """Make cells by nested medians of a sample: each cut halves the rows along their longest side.

    Parameters
    ----------
    sample : array_like (n, d)
        Rows of both samples, some ten for each cell; more make no better cells.
    n_cells : int, default 1024
        At most 32768; fewer where the sample has fewer distinct rows.

    Returns
    -------
    CloudCells

    Raises
    ------
    InvalidInputError
        If the sample is no finite cloud.

    Examples
    --------
    >>> from otdiv.streaming import cloud_cells
    >>> cloud_cells([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]], n_cells=2)
    CloudCells(2 cells, d=2)
    """
    rows = as_points("sample", sample)
    n_cells = check_positive_integer("n_cells", n_cells)
    if n_cells > _MOST_CELLS:
        raise InvalidInputError("n_cells", f"be at most {_MOST_CELLS}", n_cells)
    low, high = rows.min(axis=0), rows.max(axis=0)
    origin = np.median(rows * 0.5, axis=0) * 2.0  # a mean of two huge values would overflow
    extent = float(np.maximum(high * 0.5 - origin * 0.5, origin * 0.5 - low * 0.5).max())
    exponent = min(max(math.frexp(extent)[1] + 1, -1000), 1020) if extent > 0.0 else 0
    unit = math.ldexp(1.0, -exponent)
    with np.errstate(over="ignore"):
        points = np.clip((rows - origin) * unit, -2.0, 2.0)
    axes: list[int] = []
    cuts: list[float] = []
    children: list[list[int]] = []
    pivots: list[FloatArray] = []
    # Of each part: its rows, how many cells it may have, and the place in `children` that leads
    # to it.
    parts: list[tuple[FloatArray, int, tuple[int, int] | None]] = [(points, n_cells, None)]
    while parts:
        inside, share, place = parts.pop()
        axis, cut = _cut(inside, share)
        number = -1 - len(pivots) if axis < 0 else len(axes)
        if place is not None:
            children[place[0]][place[1]] = number
        if axis < 0:
            pivots.append(inside.mean(axis=0))
            continue
        axes.append(axis)
        cuts.append(cut)
        children.append([0, 0])
        near = inside[:, axis] <= cut
        parts.append((inside[~near], share - share // 2, (number, 1)))
        parts.append((inside[near], share // 2, (number, 0)))
    return CloudCells.from_arrays(
        {
            "origin": origin,
            "unit": np.array([unit]),
            "axes": np.array(axes, dtype=np.int64),
            "cuts": np.array(cuts, dtype=np.float64),
            "children": np.array(children, dtype=np.int64).reshape(-1, 2),
            "pivots": np.array(pivots),
        }
    )


def _cut(points: FloatArray, share: int) -> tuple[int, float]:
    """Axis and place of the cut of some rows into `share` cells; -1 where there is none."""
    if share < 2 or len(points) < 2:
        return -1, 0.0
    axis = int(np.argmax(points.max(axis=0) - points.min(axis=0)))
    values = np.sort(points[:, axis])
    if values[0] == values[-1]:
        return -1, 0.0
    cut = values[max(len(values) * (share // 2) // share - 1, 0)]
    if cut == values[-1]:
        cut = values[np.searchsorted(values, cut) - 1]
    return axis, float(cut)
