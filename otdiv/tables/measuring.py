"""The numbers of a row from decoded values: effect, spread, shift, quantiles and what they show."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray, IndexArray
from ..distances.wasserstein_distance import wasserstein1_result
from ..divergences import js_divergence, total_variation
from ..results import Bounds
from .columns import BoolArray, ColumnError, CommonNumbers
from .evidence import Kept, Question, category_evidence, line_evidence
from .moves import appeared, quantile_moves
from .rows import (
    ColumnComparison,
    Ecdfs,
    Evidence,
    Frequencies,
    MissingComparison,
    NoiseFloor,
)

__all__ = ["compare_categories", "compare_missing", "compare_numbers", "effects_in_unit"]

N_DRAWN = 512
"""Quantiles, and as many evenly spaced values, at which ECDFs are kept: finer than a screen."""

_LARGEST = sys.float_info.max
_LEAST = math.ulp(0.0)


def compare_numbers(
    row: ColumnComparison,
    both: CommonNumbers,
    ticks: float,
    sides: tuple[FloatArray | None, FloatArray | None],
    kept: Kept,
    question: Question,
    rng: np.random.Generator,
) -> tuple[ColumnComparison, tuple[FloatArray, FloatArray] | None]:
    """Fill the row of a numeric column with values x of A, shape (n,), and y of B, shape (m,).

    Values are counted in ticks, of which the row's unit has `ticks`; `sides` are the weights of the
    rows `kept` of both tables. The standardised values come with the row, in sd from the mean of A,
    for the joint comparison; None where both columns are constant, or where the sd is too small for
    them to be floats.

    Raises
    ------
    ColumnError
        If W1 exceeds the largest float64.
    """
    scale = _Scale.of(both, ticks)
    x, y = (side if scale.factor == 1.0 else side * scale.factor for side in (both.x, both.y))
    distance_ab = wasserstein1_result(x, y, x_weights=sides[0], y_weights=sides[1])
    effect = distance_ab.value
    if effect / scale.per_unit > _LARGEST:
        raise ColumnError("values so far apart that W1 exceeds the largest float64, 1.8e308")
    mean_a, sd_a = _mean_and_sd(x, sides[0])
    mean_b, sd_b = _mean_and_sd(y, sides[1])
    pooled = float(np.hypot(sd_a, sd_b)) / 2.0**0.5
    difference = mean_b - mean_a
    constant = np.inf if effect > 0.0 else 0.0

    evidence = noise = None
    if question.n_permutations:
        evidence, noise = line_evidence(x, y, effect, kept, question, rng)
        evidence, noise = effects_in_unit(evidence, noise, scale.per_unit)
    row = replace(
        row,
        effect=scale.in_unit(effect),
        bounds=scale.bounds_in_unit(distance_ab.bounds),
        pooled_sd=scale.in_unit(pooled),
        standardized=effect / pooled if pooled > 0.0 else constant,
        mean_difference=scale.in_unit(difference),
        # The ratio is at most 1 (|E x - E y| <= W1), but both sides are rounded.
        shift_share=min(1.0, abs(difference) / effect) if effect > 0.0 else None,
        noise=noise,
        evidence=evidence,
        quantiles=quantile_moves(both, ticks, sides),
        distributions=_ecdfs(both.x / ticks, both.y / ticks, sides[0], sides[1]),
    )
    return row, _standardized(x, y, mean_a, pooled)


class _Scale(NamedTuple):
    """How values are counted: a power of two times ticks, so that no sum overflows or loses digits.

    `lost` bounds what all roundings of the values may have changed of W1.
    """

    factor: float
    per_unit: float
    lost: float

    @classmethod
    def of(cls, both: CommonNumbers, ticks: float) -> _Scale:
        sides = both.x, both.y
        largest = max(max(-float(side.min()), float(side.max())) for side in sides)
        if largest < 2.0**-400:
            # The inverse of a subnormal may not be a float.
            factor = math.ldexp(1.0, min(-math.frexp(largest)[1], 1022)) if largest else 1.0
        else:
            factor = 0.25 if largest > 2.0**1021 else 1.0
        # Where values are not those of the column, each is off by half an ulp.
        lost = 0.0 if both.exact else 2.0**-52 * largest * factor
        if factor < 1.0 and any((side * factor / factor != side).any() for side in sides):
            # Beside the largest floats subnormal ones lose half of the least float.
            lost += _LEAST
        return cls(factor, ticks * factor, lost)

    def in_unit(self, value: float) -> float:
        """Round a number in the row's unit, but neither to 0 nor to infinity."""
        if value == 0.0:
            return value
        return math.copysign(min(max(abs(value) / self.per_unit, _LEAST), _LARGEST), value)

    def bounds_in_unit(self, bounds: Bounds) -> Bounds:
        """Bounds in the row's unit, rounded outwards where they are rounded."""
        if self.per_unit == 1.0 and self.lost == 0.0:
            return bounds
        lower, upper = max(0.0, bounds.lower - self.lost), bounds.upper + self.lost
        least, most = lower / self.per_unit, upper / self.per_unit
        if lower > 0.0:
            least = max(0.0, math.nextafter(least, -math.inf))
        if upper > 0.0:
            most = math.nextafter(most, math.inf)
        return Bounds(least, most)


def effects_in_unit(
    evidence: Evidence, noise: NoiseFloor, per_unit: float
) -> tuple[Evidence, NoiseFloor]:
    """What the rows say, in the row's unit."""
    if per_unit == 1.0:
        return evidence, noise
    with np.errstate(over="ignore"):
        values = noise.values / per_unit
    values.flags.writeable = False
    return (
        replace(
            evidence,
            low=evidence.low / per_unit,
            high=evidence.high / per_unit,
            at_most=evidence.at_most / per_unit,
        ),
        replace(
            noise,
            median=noise.median / per_unit,
            percentile_95=noise.percentile_95 / per_unit,
            values=values,
        ),
    )


def _standardized(
    x: FloatArray, y: FloatArray, centre: float, sd: float
) -> tuple[FloatArray, FloatArray] | None:
    if sd == 0.0:
        return None
    farthest = max(abs(float(pick(side)) - centre) for side in (x, y) for pick in (np.min, np.max))
    # Half of the largest float, so that differences do not overflow either.
    if farthest / sd > 0.5 * _LARGEST:
        return None
    return (x - centre) / sd, (y - centre) / sd


def compare_categories(
    row: ColumnComparison,
    x: IndexArray,
    y: IndexArray,
    labels: tuple[str, ...],
    sides: tuple[FloatArray | None, FloatArray | None],
    kept: Kept,
    question: Question,
    rng: np.random.Generator,
) -> ColumnComparison:
    """Fill the row of a category column with codes x of A and y of B into `labels`."""
    k = len(labels)
    p, q = _frequencies(x, sides[0], k), _frequencies(y, sides[1], k)
    evidence = noise = None
    if question.n_permutations:
        evidence, noise = category_evidence(x, y, k, kept, question, rng)
    new, vanished = appeared(labels, p, q)
    moved_most = np.argsort(-np.abs(p - q), kind="stable")
    return replace(
        row,
        unit=None,
        effect=float(total_variation(p, q)),
        js_divergence=float(js_divergence(p, q)),
        noise=noise,
        evidence=evidence,
        new=new,
        vanished=vanished,
        distributions=Frequencies(
            labels=tuple(labels[index] for index in moved_most),
            a=_read_only(p[moved_most]),
            b=_read_only(q[moved_most]),
        ),
    )


def compare_missing(
    present_a: BoolArray,
    present_b: BoolArray,
    question: Question,
    rng: np.random.Generator,
) -> MissingComparison | None:
    """Compare the shares of missing values; None where there are none, or nothing is tested."""
    if not question.n_permutations or (present_a.all() and present_b.all()):
        return None
    x, y = ((~side).astype(np.int64) for side in (present_a, present_b))
    everyone = Kept(np.ones(x.size, bool), np.ones(y.size, bool))
    evidence, _ = category_evidence(x, y, 2, everyone, question, rng, weighted=False)
    return MissingComparison(
        rate_a=float(np.count_nonzero(x)) / x.size,
        rate_b=float(np.count_nonzero(y)) / y.size,
        evidence=evidence,
    )


def _mean_and_sd(x: FloatArray, weights: FloatArray | None) -> tuple[float, float]:
    """Weighted mean and sd of values below a quarter of the largest float; squares may overflow."""
    centre = float(x[0])
    scale = float(np.max(np.abs(x - centre)))
    if scale == 0.0:
        return centre, 0.0
    z = (x - centre) / scale
    mean = float(np.average(z, weights=weights))
    variance = float(np.average((z - mean) ** 2, weights=weights))
    return centre + scale * mean, scale * variance**0.5


def _frequencies(codes: IndexArray, weights: FloatArray | None, k: int) -> FloatArray:
    counts = np.bincount(codes, weights=weights, minlength=k)
    shares: FloatArray = counts / counts.sum()
    return shares


def _ecdfs(
    x: FloatArray, y: FloatArray, x_weights: FloatArray | None, y_weights: FloatArray | None
) -> Ecdfs:
    """Both ECDFs at quantiles of the pooled values, for the bulk, and evenly spaced, for tails."""
    xs, F = _sorted_ecdf(x, x_weights)
    ys, G = _sorted_ecdf(y, y_weights)
    low, high = min(xs[0], ys[0]), max(xs[-1], ys[-1])
    halves = [
        values[np.linspace(0, values.size - 1, N_DRAWN // 2).astype(np.int64)]
        for values in (xs, ys)
    ]
    # Quarters, whose difference is a float even if that of the values is not.
    even = 4.0 * np.linspace(0.25 * low, 0.25 * high, N_DRAWN)
    if xs.size + ys.size <= 2 * N_DRAWN:
        values = np.union1d(xs, ys)
    else:
        values = np.union1d(np.concatenate(halves), even)
    return Ecdfs(
        values=_read_only(values),
        a=_read_only(F[np.searchsorted(xs, values, side="right")]),
        b=_read_only(G[np.searchsorted(ys, values, side="right")]),
    )


def _sorted_ecdf(x: FloatArray, weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Sorted values, shape (n,), and the share at or below k of them, shape (n + 1,)."""
    if weights is None:
        return np.sort(x), np.arange(x.size + 1) / x.size
    order = np.argsort(x)
    shares = np.concatenate([[0.0], np.cumsum(weights[order])])
    return x[order], shares / shares[-1]


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
