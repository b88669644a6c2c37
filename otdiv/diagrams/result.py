"""A distance of diagrams with its proof and its matching."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .._frozen import freeze, restore
from .._typing import FloatArray, IndexArray
from ..results import Bounds, Status, Valued
from .reading import Diagram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DiagramResult", "matched_forever", "matching_of"]


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


def matching_of(
    x: Diagram, y: Diagram, finite: IndexArray, forever: list[IndexArray]
) -> dict[str, IndexArray]:
    """Rows of matched pairs and of those left, from pairs (k, 2) of finite points.

    Parameters
    ----------
    x, y : Diagram
    finite : array (k, 2)
        Numbers of points among the finite ones of each.
    forever : list of arrays (l, 2)
        Rows of pairs at infinity.
    """
    inside = np.stack([x.rows[finite[:, 0]], y.rows[finite[:, 1]]], axis=1)
    pairs = np.concatenate([inside, *forever]).astype(np.int64)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    return {
        "pairs": pairs,
        "x_alone": np.setdiff1d(np.arange(x.n), pairs[:, 0]),
        "y_alone": np.setdiff1d(np.arange(y.n), pairs[:, 1]),
    }


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
