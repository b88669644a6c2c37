"""`CloudState`: what one pass keeps of a cloud, whatever its size."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._kernels._jit import frozen
from .._kernels.streaming.clouds import count_points
from .._typing import FloatArray
from .._validation import as_exact_array, first_index
from ..errors import InvalidInputError
from .encoding import packed, refused, unpacked
from .partitions import CloudCells

__all__ = ["CloudState", "as_rows"]

_SLICE = 2**18
"""Rows of one call of the kernel: a fraction of a second."""

LIGHTEST, HEAVIEST = 2.0**-200, 2.0**200
"""Weights between these have products with squares that neither overflow nor vanish."""


class CloudState:
    """Weight, mean and spread of a cloud in each cell of a partition: one pass, mergeable.

    Parameters
    ----------
    cells : CloudCells
        The same for both samples and all parts of them, as `cloud_cells` makes them.

    Attributes
    ----------
    cells : CloudCells
    counts : int array (k,)
        Rows in each cell, those of weight 0 left out.
    n : int
        Rows in all cells.
    n_missing : int
        Rows with a missing coordinate; no cell holds them.
    weighted : bool or None
        None before the first row.

    See Also
    --------
    otdiv.streaming.cloud_wasserstein1_bounds : bounds of W1 from two states.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.streaming import CloudState, cloud_cells
    >>> rows = np.random.default_rng(0).standard_normal((1000, 2))
    >>> state = CloudState(cloud_cells(rows, 64)).update(rows[:500]).update(rows[500:])
    >>> state
    CloudState(n=1000, d=2, 64 cells)
    >>> CloudState.from_bytes(state.to_bytes()) == state
    True
    """

    __slots__ = (
        "_masses",
        "_merges",
        "_moments",
        "_squares",
        "_weighted",
        "cells",
        "counts",
        "n_missing",
    )
    __hash__ = None  # type: ignore[assignment]  # a state grows

    def __init__(self, cells: CloudCells):
        if not isinstance(cells, CloudCells):
            raise InvalidInputError("cells", "be CloudCells", type(cells).__name__)
        k, d = cells.pivots.shape
        self.cells = cells
        self.counts = np.zeros(k, np.int64)
        self.n_missing = 0
        self._weighted: bool | None = None
        # How many states were merged: each is one more addition to every sum.
        self._merges = 0
        self._masses, self._squares, self._moments = np.zeros(k), np.zeros(k), np.zeros((k, d))

    @property
    def n(self) -> int:
        """Rows that count."""
        return int(self.counts.sum())

    @property
    def weighted(self) -> bool | None:
        """Whether its rows have weights; None before the first one."""
        return self._weighted

    def update(self, points: Any, weights: Any = None) -> CloudState:
        """Add rows.

        Parameters
        ----------
        points : array_like (n, d)
            Rows with NaN are counted as missing; infinite coordinates are refused.
        weights : array_like (n,), optional
            Relative weights, 0 or between 2^-200 and 2^200; all rows of a state have them, or none.

        Returns
        -------
        CloudState
            The state itself.

        Raises
        ------
        InvalidInputError
            If an array is not of this kind.
        """
        rows, masses, n_missing = as_rows(points, weights, self.cells.d)
        for begin in range(0, len(rows), _SLICE):
            part = slice(begin, begin + _SLICE)
            placed = self.cells.placed(rows[part])
            self._settle(masses is not None)
            self._count(placed, None if masses is None else masses[part])
        self.n_missing += n_missing
        return self

    def _settle(self, weighted: bool) -> None:
        if self._weighted is None:
            self._weighted = weighted
        elif self._weighted != weighted:
            requirement = "be given for all rows of a state, or for none"
            raise InvalidInputError("weights", requirement, "some rows with and some without")

    def _count(self, points: FloatArray, weights: FloatArray | None) -> None:
        cells = self.cells
        count_points(
            points,
            None if weights is None else frozen(weights),
            cells.axes,
            cells.cuts,
            cells.children,
            cells.pivots,
            self.counts,
            self._masses,
            self._moments,
            self._squares,
        )

    def sums(self) -> tuple[FloatArray, FloatArray, FloatArray, int]:
        """Masses (k,), moments (k, d), squares (k,), and how many states were merged."""
        return self._masses, self._moments, self._squares, self._merges

    def merge(self, other: CloudState) -> CloudState:
        """Add the rows of another state of the same cells, which stays as it is.

        Raises
        ------
        InvalidInputError
            If its cells are others, or one has weights and the other has not.
        """
        if not isinstance(other, CloudState):
            raise InvalidInputError("other", "be a CloudState", type(other).__name__)
        if not self.cells.same_as(other.cells):
            raise InvalidInputError("other", "have the cells of the other state", repr(other))
        if other._weighted is not None:
            self._settle(other._weighted)
        self._merges += other._merges + 1
        self.counts = self.counts + other.counts
        self.n_missing += other.n_missing
        self._masses = self._masses + other._masses
        self._moments = self._moments + other._moments
        self._squares = self._squares + other._squares
        return self

    def to_bytes(self) -> bytes:
        """Return the state and its cells as bytes; equal states have equal ones."""
        fields = {
            "weighted": self._weighted,
            "n_missing": self.n_missing,
            "merges": self._merges,
        }
        arrays = self.cells.arrays() | {
            "counts": self.counts,
            "masses": self._masses,
            "moments": self._moments,
            "squares": self._squares,
        }
        return packed("CloudState", fields, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> CloudState:
        """Return the state of `to_bytes`.

        Raises
        ------
        InvalidInputError
            If the bytes are of something else or of another version, were cut, or were changed.
        """
        fields, arrays = unpacked("CloudState", data)
        try:
            state = cls(CloudCells.from_arrays(arrays))
            for name in ("counts", "masses", "moments", "squares"):
                mine = state.counts if name == "counts" else getattr(state, f"_{name}")
                if arrays[name].shape != mine.shape or not np.isfinite(arrays[name]).all():
                    raise ValueError
            if (arrays["counts"] < 0).any() or (
                (arrays["counts"] > 0) & (arrays["masses"] <= 0)
            ).any():
                raise ValueError
            state._weighted, state.n_missing = fields["weighted"], fields["n_missing"]
            state._merges = fields["merges"]
        except (KeyError, ValueError, TypeError, IndexError):
            raise refused("CloudState", "cells that no cloud has") from None
        state.counts, state._masses = arrays["counts"], arrays["masses"]
        state._moments, state._squares = arrays["moments"], arrays["squares"]
        return state

    def __reduce__(self) -> tuple[Any, ...]:
        return CloudState.from_bytes, (self.to_bytes(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CloudState) and self.to_bytes() == other.to_bytes()

    def __repr__(self) -> str:
        missing = f", n_missing={self.n_missing}" if self.n_missing else ""
        weighted = ", weighted" if self._weighted else ""
        return (
            f"CloudState(n={self.n}, d={self.cells.d}, {self.cells.n_cells} cells"
            f"{missing}{weighted})"
        )


def as_rows(
    points: Any, weights: Any, d: int | None = None
) -> tuple[FloatArray, FloatArray | None, int]:
    """Rows without missing coordinates, their weights, and how many rows were left out."""
    rows = as_exact_array("points", points)
    if rows.ndim != 2 or rows.shape[1] != (rows.shape[1] if d is None else d) or not rows.shape[1]:
        raise InvalidInputError("points", f"have shape (n, {d or 'd'})", f"shape {rows.shape}")
    if np.isinf(rows).any():
        raise InvalidInputError("points", "have finite coordinates", "an infinite one")
    masses = None
    if weights is not None:
        masses = np.ascontiguousarray(as_exact_array("weights", weights))
        if masses.shape != rows.shape[:1]:
            requirement = f"have shape {rows.shape[:1]}"
            raise InvalidInputError("weights", requirement, f"shape {masses.shape}")
        fit = ((masses >= LIGHTEST) & (masses <= HEAVIEST)) | (masses == 0.0)
        if not fit.all():
            requirement = "be finite, not negative, and 0 or between 2^-200 and 2^200"
            found = float(masses[int(np.argmin(fit))])
            raise InvalidInputError("weights", requirement, found, first_index(~fit))
    missing = np.isnan(rows).any(axis=1)
    n_missing = int(missing.sum())
    if n_missing:
        rows = rows[~missing]
        masses = None if masses is None else masses[~missing]
    return rows, masses, n_missing
