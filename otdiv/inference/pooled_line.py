"""Two samples on the line in their pooled order, and the noise of F - G there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels.line.distances import range_unit
from .._kernels.line.sorting import sorted_with
from .._kernels.resampling import signs as kernels
from .._typing import FloatArray, IndexArray
from .bands import Draws
from .dependence import Units
from .replicates import block_keys, in_parts

__all__ = [
    "PooledLine",
    "decided_signs",
    "noise_sd",
    "pool",
    "signed_and_absolute",
    "squared_noise",
    "tails",
    "totals_of",
]

# Pooled rows of one call of a kernel: some 50 ms, so that Ctrl-C is heard.
_SLICE = 2**19
# Share of the rows at both ends together that counts as the tails.
_OUTERMOST = 0.01


class PooledLine(NamedTuple):
    """Pooled order of samples x (n,) and y (m,).

    Attributes
    ----------
    order : (n + m,) rows of x, then of y, in the order of their values
    steps : (n + m,) weight of each, negative for rows of y
    gaps : (n + m,) distance to the next value times `unit`; the last is 0
    F, G : (n + m,) distribution functions after each row; what stands within ties has no gap
    squares : (2, n + m) running sums of the squared weights of either side
    unit : power of two by which the values were scaled
    units : (n + m,) unit of each row that shares a sign with others, ~unit for rows of y; or None
    """

    order: IndexArray
    steps: FloatArray
    gaps: FloatArray
    F: FloatArray
    G: FloatArray
    squares: FloatArray
    unit: float
    units: IndexArray | None = None

    @property
    def difference(self) -> FloatArray:
        """H = F - G."""
        return self.F - self.G

    def sd(self) -> FloatArray:
        """Standard deviation of Z given the data: F (1 - F) / n + G (1 - G) / m for equal weights.

        The sum over x_i <= z of a_i² (1 - F)² and over the others of a_i² F², and the same of y.
        Rows of one unit are added before they are squared.
        """
        if self.units is not None:
            return _sd_of_units(self, self.units)
        return noise_sd(self.F, self.G, self.squares)

    def undecided(self) -> NDArray[np.int8]:
        """No place where Z counts with a sign: the triangle band."""
        return np.zeros(self.steps.size, np.int8)

    def decided(self, threshold: float) -> NDArray[np.int8]:
        """Signs of H where it is more than `threshold` standard deviations from 0, else 0."""
        return decided_signs(self.difference, self.sd(), threshold)

    def signed_noise(self, choices: list[NDArray[np.int8]], draws: Draws) -> FloatArray:
        """Draws of the integrals of Z for each choice of places K: (2 choices, draws).

        Two rows a choice: ∫_K sgn Z over the places where it is not 0, and ∫ |Z| elsewhere. All of
        them are of the same noise.
        """
        keys = _keys(draws)

        def run(block: int) -> FloatArray:
            key = keys[block]
            totals = totals_of(self.steps, key, self.units)
            return np.concatenate(
                [signed_and_absolute(self, certain, self.units, key, totals) for certain in choices]
            )

        parts = in_parts(run, keys.size, draws.n_jobs, draws.callback, kernels.LANES)
        found = np.concatenate([np.empty((2 * len(choices), 0)), *parts], axis=1)
        return np.asarray(found[:, : draws.n_replicates])


def noise_sd(F: FloatArray, G: FloatArray, squares: FloatArray) -> FloatArray:
    """Standard deviation of Z at places with these levels and running sums of squared weights."""
    variance = np.zeros(F.size)
    for level, running in zip((F, G), squares, strict=True):
        variance += running * (1.0 - 2.0 * level) + level * level * running[-1]
    return np.sqrt(np.maximum(variance, 0.0))


def decided_signs(difference: FloatArray, sd: FloatArray, threshold: float) -> NDArray[np.int8]:
    """Signs of a difference where it exceeds so many standard deviations, else 0."""
    sure = np.abs(difference) > threshold * sd
    return np.where(sure, np.sign(difference), 0.0).astype(np.int8)


def _sd_of_units(line: PooledLine, units: IndexArray) -> FloatArray:
    """Standard deviation of Z where all rows of a unit have one sign.

    With R_u(z) the sum of the steps of unit u up to z, and X_u and Y_u its weights of either side,
    Z(z) is the sum of e_u (R_u(z) - F X_u + G Y_u): its variance is a sum of squares and products,
    of which those with R_u change at a row by what that row adds.
    """
    codes = np.where(units < 0, ~units, units)
    X = np.bincount(codes, np.maximum(line.steps, 0.0))
    Y = np.bincount(codes, np.maximum(-line.steps, 0.0))
    order = np.argsort(codes, kind="stable")
    steps = line.steps[order]
    before = np.cumsum(steps) - steps
    first = np.diff(codes[order], prepend=-1) != 0
    before -= np.repeat(before[first], np.diff(np.flatnonzero(first), append=codes.size))
    added = np.empty_like(steps)
    added[order] = steps * (2.0 * before + steps)
    F, G = line.F, line.G
    variance = np.cumsum(added)
    variance -= 2.0 * F * np.cumsum(line.steps * X[codes])
    variance += 2.0 * G * np.cumsum(line.steps * Y[codes])
    variance += F * F * float(X @ X) + G * G * float(Y @ Y) - 2.0 * F * G * float(X @ Y)
    return np.sqrt(np.maximum(variance, 0.0))


def pool(
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    units: Units | None = None,
) -> PooledLine:
    """Sort two samples together; weights None are equal ones."""
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    unit = range_unit(float(low), float(high))
    both = np.concatenate([x, y])
    if unit != 1.0:
        both *= unit
    values, order = sorted_with(both)
    rows = order.astype(np.int64, copy=False)
    shares = np.empty(both.size)
    shares[: x.size] = 1.0 / x.size if a is None else a
    shares[x.size :] = -1.0 / y.size if b is None else -b
    steps = shares[rows]
    of_x = np.maximum(steps, 0.0)
    of_y = of_x - steps
    gaps = np.zeros(both.size)
    np.subtract(values[1:], values[:-1], out=gaps[:-1])
    return PooledLine(
        order=rows,
        steps=steps,
        gaps=gaps,
        F=np.cumsum(of_x),
        G=np.cumsum(of_y),
        squares=np.stack([np.cumsum(of_x * of_x), np.cumsum(of_y * of_y)]),
        unit=unit,
        units=None if units is None else np.concatenate([units.x, ~units.y])[rows],
    )


def _slices(size: int) -> list[tuple[int, int]]:
    return [(first, min(first + _SLICE, size)) for first in range(0, size, _SLICE)]


def _keys(draws: Draws) -> NDArray[np.uint64]:
    return block_keys(draws.rng, -(-draws.n_replicates // kernels.LANES))


def totals_of(steps: FloatArray, key: np.uint64, rows: IndexArray | None = None) -> FloatArray:
    """Sums (2, 64) of the weights of x and of y whose bit is set."""
    totals = np.zeros((2, kernels.LANES))
    for first, last in _slices(steps.size):
        kernels.count_signs(steps, rows, first, last, key, totals)
    return totals


def signed_and_absolute(
    line: PooledLine,
    certain: NDArray[np.int8],
    rows: IndexArray | None,
    key: np.uint64,
    totals: FloatArray,
) -> FloatArray:
    """Signed integral of Z where its sign counts, and the absolute one elsewhere: (2, 64)."""
    levels, sums = np.zeros(2), np.zeros((3, kernels.LANES))
    for first, last in _slices(line.steps.size):
        kernels.walk_signs(
            line.steps, rows, line.gaps, certain, first, last, key, totals, levels, sums
        )
    # The kernel has bits for signs, hence halves.
    return np.asarray(2.0 / line.unit * sums[1:])


def squared_noise(line: PooledLine, draws: Draws) -> FloatArray:
    """Draws of ∫ Z²."""
    keys = _keys(draws)

    def run(block: int) -> FloatArray:
        key = keys[block]
        totals = totals_of(line.steps, key)
        levels, sums = np.zeros(2), np.zeros((2, kernels.LANES))
        for first, last in _slices(line.steps.size):
            kernels.walk_squares(line.steps, line.gaps, first, last, key, totals, levels, sums)
        return np.asarray(4.0 / line.unit * sums[1])

    parts = in_parts(run, keys.size, draws.n_jobs, draws.callback, kernels.LANES)
    return np.concatenate([np.empty(0), *parts])[: draws.n_replicates]


def tails(line: PooledLine) -> tuple[float, float]:
    """Share of the noise in the outermost rows, and W1 between central quantiles.

    The share is that of ∫ sd(Z), to which E ∫ |Z| is nearly proportional. W1 between quantiles is
    ∫ |F⁻¹ - G⁻¹| over levels from 1 % to 99 %, which is ∫ |F' - G'| of the functions clipped to
    these levels.
    """
    noise = line.sd() * line.gaps
    total = float(noise.sum())
    middle = 0.5 * (line.F + line.G)
    outer = np.abs(middle - 0.5) > 0.5 - 0.5 * _OUTERMOST
    share = float(noise[outer].sum()) / total if total > 0.0 else 0.0
    clipped = np.clip(line.F, _OUTERMOST, 1.0 - _OUTERMOST)
    clipped -= np.clip(line.G, _OUTERMOST, 1.0 - _OUTERMOST)
    return share, float(np.abs(clipped) @ line.gaps) / line.unit
