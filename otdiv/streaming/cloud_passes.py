"""W1 of two clouds that do not fit: one pass for both bounds, a second for a closer lower one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._typing import FloatArray
from .._validation import as_exact_array, check_positive_integer
from ..errors import InvalidInputError
from ..results import Bounds, Valued
from .cloud_bounds import (
    PotentialMean,
    bounds_of_pass,
    cloud_lower,
    cloud_potential,
)
from .clouds import CloudState, as_rows
from .partitions import N_CELLS, CloudCells, cloud_cells

__all__ = ["CloudDistance", "wasserstein1_clouds"]

Batches: TypeAlias = Callable[[], Iterable[Any]]

_SAMPLED = 8
"""Rows of each sample that make a cell: more make no better cells. By taste."""

_BATCH = 2**18


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudDistance(Valued):
    """W1 of clouds that were read in passes.

    Attributes
    ----------
    value : float
        The middle of the bounds.
    bounds : Bounds
        Proven enclosure of W1 of the two samples.
    n_cells : int
        Cells that both were counted into.
    n_passes : int
        How often both were read, but for the first batch that makes the cells.
    n_x, n_y : int
        Rows that count.
    """

    value: float
    bounds: Bounds
    n_cells: int
    n_passes: int
    n_x: int
    n_y: int


def wasserstein1_clouds(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    n_cells: int = N_CELLS,
    n_passes: int = 2,
    cells: CloudCells | None = None,
) -> CloudDistance:
    """Proven bounds of the Euclidean W1 of two clouds of any size.

    Rows are counted into cells, which bounds W1 from above by transport between cells; a second
    pass bounds it from below by a 1-Lipschitz function. The gap is some widths of cells, the
    clouds' extent times n_cells^(-1/d): a percent or two in two dimensions; in ten the bounds
    tell little more than the order of magnitude.

    Parameters
    ----------
    x, y : array_like (n, d), or a function that returns a new iterator of batches
        A batch is an array (m, d), or a pair of that and its rows' weights (m,). The function is
        called once for each pass, and once more for the batch that makes the cells.
    x_weights, y_weights : array_like (n,), optional
        Relative weights of the rows of arrays.
    n_cells : int, default 1024
        Cells, at most 32768; transport between them takes a second for thousands.
    n_passes : int, default 2
        1 leaves the second pass out; its lower bound is mostly the distance of the means.
    cells : CloudCells, optional
        Instead of those of the first batches.

    Returns
    -------
    CloudDistance

    Raises
    ------
    InvalidInputError
        For batches that are no clouds of one dimension, empty samples, missing or infinite
        coordinates, and samples that differ from one pass to the next.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.streaming import wasserstein1_clouds
    >>> x = np.random.default_rng(0).standard_normal((10_000, 2))
    >>> result = wasserstein1_clouds(lambda: iter([x[:5000], x[5000:]]), x + [3.0, 4.0])
    >>> 5.0 in result.bounds, result.bounds.relative_gap < 0.01
    (True, True)
    """
    if check_positive_integer("n_passes", n_passes) > 2:
        raise InvalidInputError("n_passes", "be 1 or 2", n_passes)
    sides = _batches("x", x, x_weights), _batches("y", y, y_weights)
    if cells is None:
        n_cells = check_positive_integer("n_cells", n_cells)
        first = [_sample(name, side, n_cells) for name, side in zip("xy", sides, strict=True)]
        if first[0].shape[1] != first[1].shape[1]:
            requirement = f"have {first[0].shape[1]} columns as x has"
            raise InvalidInputError("y", requirement, first[1].shape[1])
        cells = cloud_cells(np.concatenate(first), n_cells)
    states = [_read(side, CloudState(cells)) for side in sides]
    for name, state in zip("xy", states, strict=True):
        if state.n_missing:
            raise InvalidInputError(name, "have no missing coordinates", f"{state.n_missing} rows")
    potential = cloud_potential(*states)
    bounds = bounds_of_pass(states[0], states[1], potential)
    if n_passes > 1:
        means = [_read(side, PotentialMean(potential)) for side in sides]
        for name, state, mean in zip("xy", states, means, strict=True):
            if state.n != mean.n:
                found = f"{state.n} rows and then {mean.n}"
                raise InvalidInputError(name, "have the same rows in every pass", found)
        bounds = Bounds(max(bounds.lower, cloud_lower(*means)), bounds.upper)
    return CloudDistance(
        value=0.5 * bounds.lower + 0.5 * bounds.upper,
        bounds=bounds,
        n_cells=cells.n_cells,
        n_passes=n_passes,
        n_x=states[0].n,
        n_y=states[1].n,
    )


def _batches(name: str, side: Any, weights: Any) -> Batches:
    """A function that returns a new iterator of pairs (points, weights)."""
    if callable(side):
        if weights is not None:
            requirement = "be left out where a function gives batches; they hold their weights"
            raise InvalidInputError(f"{name}_weights", requirement, "some")

        def read() -> Iterator[Any]:
            for batch in side():
                yield batch if isinstance(batch, tuple) else (batch, None)

        return read
    rows = as_exact_array(name, side)
    if rows.ndim != 2:
        raise InvalidInputError(name, "have shape (n, d)", f"shape {rows.shape}")
    masses = None if weights is None else as_exact_array(f"{name}_weights", weights)
    if masses is not None and masses.shape != rows.shape[:1]:
        requirement = f"have shape {rows.shape[:1]}"
        raise InvalidInputError(f"{name}_weights", requirement, f"shape {masses.shape}")

    def cut() -> Iterator[Any]:
        for begin in range(0, len(rows), _BATCH):
            part = slice(begin, begin + _BATCH)
            yield rows[part], None if masses is None else masses[part]

    return cut


def _sample(name: str, batches: Batches, n_cells: int) -> FloatArray:
    """Some rows of the first batch that has any, evenly from it."""
    for points, weights in batches():
        rows, masses, _ = as_rows(points, weights)
        if masses is not None:
            rows = rows[masses > 0.0]
        if len(rows):
            return rows[:: max(1, len(rows) // (_SAMPLED * n_cells))]
    raise InvalidInputError(name, "have at least one row", "none")


def _read(batches: Batches, kept: Any) -> Any:
    for points, weights in batches():
        kept.update(points, weights)
    return kept
