"""Intervals and tests of two samples of which only states are kept: counts of cells.

*Test.* Values are put to the middle of their cell, which depends on all rows together and not on
who has which: relabelling rows that were rounded so is a permutation test like any other, of the
rounded statistic. The rows of x among those of each cell are then multivariate hypergeometric.

*Interval.* As in `line_bands`, with the noise of a cell's count n_c taken as normal of variance
n_c, which the signs of as many rows sum up to, and the proven bounds of W1 in place of its value.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .._monitor import EndOfRun, Monitor
from .._typing import FloatArray, IndexArray
from ..errors import InvalidInputError, UnsupportedProblemError
from ..streaming.comparison import Comparison, compared
from ..streaming.state import SampleState
from .bands import Band, Draws
from .line_bands import SIGNS_CERTAIN
from .replicates import upper_quantile
from .testing_result import TestResult, p_value

__all__ = ["are_states", "relabelled_states", "state_band"]

_CELLS = 1024
"""Cells of a test or of an interval's noise, at most; the next coarser ones are taken. By taste:
the noise of F - G is known to a thousandth of the range of its levels."""

_MOST_ROWS = 10**9
"""Rows of both samples for which NumPy draws relabellings."""

_BATCH = 64
"""Draws between two looks at the callback."""

_MEASURED_FROM = 50
"""Rows of a side from which coverage was measured."""


def are_states(x: Any, y: Any) -> bool:
    """Whether both samples are states; raise where only one is.

    Raises
    ------
    InvalidInputError
        If the other one is no state.
    """
    found = [isinstance(side, SampleState) for side in (x, y)]
    if any(found) and not all(found):
        name = "xy"[found.index(False)]
        kind = type((x, y)[found.index(False)]).__name__
        raise InvalidInputError(name, "be a SampleState as the other sample is", kind)
    return all(found)


def _in_cells(x: SampleState, y: SampleState) -> Comparison:
    """Two states in few cells."""
    for name, state in (("x", x), ("y", y)):
        if state.weighted:
            raise UnsupportedProblemError(
                f"`{name}` is a state of weighted rows, which does not keep how uneven they are; "
                "pass the rows"
            )
        if state.n < 2:
            raise InvalidInputError(name, "hold at least two rows", state.n)
    bits = min(x.bits, y.bits)
    comparison = compared(x, y)
    while comparison.cells.starts.size > _CELLS and bits:
        bits -= 1
        comparison = compared(x.coarsened(bits), y.coarsened(bits))
    return comparison


def state_band(x: SampleState, y: SampleState, name: str, method: str | None, draws: Draws) -> Band:
    """The interval of W1 from two states.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        For other distances and methods, weighted states and states of fewer than two rows.
    """
    if name != "wasserstein1" or method not in (None, "selective", "triangle"):
        raise UnsupportedProblemError(
            "two states have an interval of distance='wasserstein1' by the methods 'selective' and "
            "'triangle'; pass the rows for others"
        )
    proven = compared(x, y).wasserstein1
    cells = _in_cells(x, y).cells
    if cells.starts.size == 1:
        # All values of both are one float, or in one cell: nothing tells noise from its width.
        gaps = np.array([cells.right[0] - cells.left[0]])
        levels = np.zeros(1)
    else:
        middles = 0.5 * cells.left + 0.5 * cells.right
        gaps, levels = np.diff(middles), cells.d[1:-1]
    gaps = gaps / cells.unit
    n, m = float(cells.counts_x.sum()), float(cells.counts_y.sum())
    F = np.cumsum(cells.counts_x)[: gaps.size] / n
    G = np.cumsum(cells.counts_y)[: gaps.size] / m
    spread = np.sqrt(F * (1.0 - F) / n + G * (1.0 - G) / m)
    certain = np.abs(levels) > SIGNS_CERTAIN * spread
    if method == "triangle":
        certain = np.zeros(gaps.size, bool)
    signed = np.where(certain, np.sign(levels), 0.0) * gaps
    absolute = np.where(certain, 0.0, 1.0) * gaps
    sides = (cells.counts_x, n, 1.0), (cells.counts_y, m, -1.0)
    found = []
    for noise in _noise(sides, gaps.size, draws):
        found.append(np.abs(noise @ signed) + np.abs(noise) @ absolute)
    half = upper_quantile(np.concatenate(found or [np.empty(0)]), draws.level)
    notes = tuple(
        f"`{side}` has {int(size)} rows; coverage was measured from {_MEASURED_FROM} on"
        for side, size in (("x", n), ("y", m))
        if size < _MEASURED_FROM
    )
    return Band(
        value=min(max(0.5 * proven.lower + 0.5 * proven.upper, proven.lower), proven.upper),
        low=max(0.0, proven.lower - half),
        high=proven.upper + half,
        method="triangle" if method == "triangle" else "selective",
        kind="asymptotic" if method == "triangle" else "measured",
        notes=notes,
    )


def _noise(
    sides: tuple[tuple[IndexArray, float, float], ...], n_levels: int, draws: Draws
) -> Iterator[FloatArray]:
    """Draws (b, k) of the noise of F - G at levels, batch by batch."""
    monitor = Monitor(draws.callback)
    with contextlib.suppress(EndOfRun):
        for begin in range(0, draws.n_replicates, _BATCH):
            size = min(_BATCH, draws.n_replicates - begin)
            total = np.zeros((size, n_levels))
            for counts, n, sign in sides:
                steps = draws.rng.standard_normal((size, counts.size)) * np.sqrt(counts) / n
                sums = np.cumsum(steps, axis=1)
                share = np.cumsum(counts) / n
                total += sign * (sums - share * sums[:, -1:])[:, :n_levels]
            yield total
            monitor.iteration += size
            monitor.tick()


def _wasserstein1(H: FloatArray, gaps: FloatArray, counts: FloatArray) -> FloatArray:
    return np.asarray(np.abs(H[:, :-1]) @ gaps)


def _energy(H: FloatArray, gaps: FloatArray, counts: FloatArray) -> FloatArray:
    return np.sqrt(2.0 * ((H[:, :-1] ** 2) @ gaps))


def _smirnov(H: FloatArray, gaps: FloatArray, counts: FloatArray) -> FloatArray:
    return np.asarray(np.abs(H).max(axis=1))


def _mises(H: FloatArray, gaps: FloatArray, counts: FloatArray) -> FloatArray:
    return np.asarray((H**2) @ counts)


_STATISTICS: dict[str, Callable[[FloatArray, FloatArray, FloatArray], FloatArray]] = {
    "wasserstein1": _wasserstein1,
    "energy": _energy,
    "kolmogorov_smirnov": _smirnov,
    "cramer_von_mises": _mises,
}


def relabelled_states(
    x: SampleState,
    y: SampleState,
    *,
    names: tuple[str, ...],
    n_permutations: int,
    rng: np.random.Generator,
    monitor: Monitor,
) -> dict[str, TestResult]:
    """Test two states by random relabellings of their rows.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        For other statistics, weighted states, states of fewer than two rows, and more than 10^9
        rows.
    """
    unknown = [name for name in names if name not in _STATISTICS]
    if unknown:
        raise UnsupportedProblemError(
            f"two states have no test by {unknown[0]!r}: {', '.join(_STATISTICS)} need no more"
        )
    cells = _in_cells(x, y).cells
    pooled = cells.counts_x + cells.counts_y
    n, m = int(cells.counts_x.sum()), int(cells.counts_y.sum())
    if n + m >= _MOST_ROWS:
        raise UnsupportedProblemError(
            f"relabellings of {n + m} rows are not drawn; `confidence_interval` takes such states"
        )
    gaps = np.asarray(np.diff(0.5 * cells.left + 0.5 * cells.right) / cells.unit, dtype=np.float64)
    counts = np.asarray(pooled * (n / (n + m) * (m / (n + m))), dtype=np.float64)

    def values(of_x: IndexArray) -> dict[str, FloatArray]:
        F = np.cumsum(of_x, axis=1)
        H = F / n - (np.cumsum(pooled) - F) / m
        return {name: _STATISTICS[name](H, gaps, counts) for name in names}

    observed = {name: float(found[0]) for name, found in values(cells.counts_x[None]).items()}
    nulls: dict[str, list[FloatArray]] = {name: [] for name in names}
    with contextlib.suppress(EndOfRun):
        for begin in range(0, n_permutations, _BATCH):
            size = min(_BATCH, n_permutations - begin)
            drawn = rng.multivariate_hypergeometric(pooled, n, size=size, method="marginals")
            for name, found in values(drawn).items():
                nulls[name].append(found)
            monitor.iteration += size
            monitor.tick()
    return {name: _result(name, observed[name], nulls[name], (n, m)) for name in names}


def _result(name: str, value: float, parts: list[FloatArray], sizes: tuple[int, ...]) -> TestResult:
    null = np.concatenate(parts or [np.empty(0)])
    reached = int((null >= value * (1.0 - 1e-12)).sum())
    p, error = p_value(reached, null.size, "random permutations")
    return TestResult(
        value=value,
        measure=name,
        pvalue=p,
        monte_carlo_error=error,
        n_permutations=null.size,
        method="random permutations",
        null=null,
        sizes=sizes,
        notes=("The statistic is that of values put to the middles of cells.",),
    )
