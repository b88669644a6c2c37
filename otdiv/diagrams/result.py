"""A distance of diagrams with its proof and its matching."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .._frozen import freeze, restore
from .._typing import FloatArray, IndexArray
from ..results import Bounds, Status, Valued
from .reading import Diagram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DiagramResult", "infinitely_far", "matched_forever", "result_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DiagramResult(Valued):
    """A distance of two persistence diagrams, with the matching that it is the cost of.

    Attributes
    ----------
    value : float
        The distance, a metric: of order p the p-th root of a sum of p-th powers. `inf` where the
        diagrams have different numbers of points at infinity.
    bounds : Bounds
        Proven enclosure of the exact distance.
    status : Status
        OPTIMAL where the bounds are exact, STALLED where floats leave a gap between them, STOPPED
        where a callback or the clock ended the call.
    pairs : array (k, 2)
        Rows of `x` and of `y` that are matched, those at infinity included.
    x_alone, y_alone : arrays
        Rows that go to the diagonal.
    x, y : arrays (n, 2) and (m, 2)
        The diagrams.
    """

    value: float
    bounds: Bounds
    status: Status
    pairs: IndexArray
    x_alone: IndexArray
    y_alone: IndexArray
    x: FloatArray = field(repr=False)
    y: FloatArray = field(repr=False)

    __setstate__ = restore

    def __post_init__(self) -> None:
        names = ("pairs", "x_alone", "y_alone", "x", "y")
        freeze(self, **{name: getattr(self, name) for name in names})

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw both diagrams and the matching; see `otdiv.plotting.plot_diagrams`."""
        from ..plotting.diagrams import plot_diagrams

        return plot_diagrams(self, ax=ax)

    def __repr__(self) -> str:
        return (
            f"DiagramResult(value={self.value:.12g}, bounds=[{self.bounds.lower:.12g}, "
            f"{self.bounds.upper:.12g}], {len(self.pairs)} pairs, status={self.status.name})"
        )


def result_of(
    x: Diagram,
    y: Diagram,
    pairs: IndexArray,
    forever: list[IndexArray],
    value: float,
    bounds: Bounds,
    status: Status,
) -> DiagramResult:
    """A result from the pairs that were found.

    Parameters
    ----------
    x, y : Diagram
    pairs : array (k, 2)
        Numbers of points among the finite ones of each.
    forever : list of arrays (l, 2)
        Rows of pairs at infinity.
    value, bounds, status
        As in `DiagramResult`.
    """
    inside = np.stack([x.rows[pairs[:, 0]], y.rows[pairs[:, 1]]], axis=1)
    matched = np.concatenate([inside, *forever]).astype(np.int64)
    matched = matched[np.argsort(matched[:, 0], kind="stable")]
    return DiagramResult(
        value=value,
        bounds=bounds,
        status=status,
        pairs=matched,
        x_alone=np.setdiff1d(np.arange(x.n), matched[:, 0]),
        y_alone=np.setdiff1d(np.arange(y.n), matched[:, 1]),
        x=x.given,
        y=y.given,
    )


def infinitely_far(x: Diagram, y: Diagram) -> DiagramResult:
    """The result of diagrams with different numbers of points at infinity."""
    nothing, bounds = np.empty((0, 2), np.int64), Bounds(math.inf, math.inf)
    return result_of(x, y, nothing, [], math.inf, bounds, Status.OPTIMAL)


def matched_forever(x: Diagram, y: Diagram) -> tuple[list[IndexArray], list[FloatArray]] | None:
    """Pairs of points at infinity in order, and their distances; None where counts differ.

    On the line matching in order is best for every order of the distance, the largest included.
    """
    pairs, lengths = [], []
    for (left, rows), (right, others) in zip(x.forever, y.forever, strict=True):
        if left.size != right.size:
            return None
        first, second = np.argsort(left, kind="stable"), np.argsort(right, kind="stable")
        pairs.append(np.stack([rows[first], others[second]], axis=1))
        with np.errstate(over="ignore"):
            lengths.append(np.abs(left[first] - right[second]))
    return pairs, lengths
