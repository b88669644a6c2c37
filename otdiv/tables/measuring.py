"""The numbers of a row: effect, spread, shift and noise, from decoded values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray, IndexArray
from ..distances.sliced import sliced_wasserstein_result
from ..distances.wasserstein_distance import wasserstein1, wasserstein1_result
from ..divergences import js_divergence, total_variation
from .report import ColumnComparison, Ecdfs, Frequencies, JointComparison, NoiseFloor

__all__ = ["compare_categories", "compare_jointly", "compare_numbers"]

N_PROJECTIONS = 100
"""Projections of the joint distance: about 1 % to 10 % Monte-Carlo error, which is reported."""

N_NOISE_PROJECTIONS = 10
"""Projections a split of the joint noise floor: the splits average over more of them."""

N_DRAWN = 512
"""Quantiles, and as many evenly spaced values, at which ECDFs are kept: finer than a screen."""


def compare_numbers(
    row: ColumnComparison,
    x: FloatArray,
    y: FloatArray,
    x_weights: FloatArray | None,
    y_weights: FloatArray | None,
    n_splits: int,
    rng: np.random.Generator,
) -> ColumnComparison:
    """Fill the row of a numeric column with values x of A, shape (n,), and y of B, shape (m,)."""
    distance_ab = wasserstein1_result(x, y, x_weights=x_weights, y_weights=y_weights)
    effect = distance_ab.value
    mean_a, sd_a = _mean_and_sd(x, x_weights)
    mean_b, sd_b = _mean_and_sd(y, y_weights)
    pooled = float(np.hypot(sd_a, sd_b)) / 2.0**0.5
    difference = mean_b - mean_a
    constant = np.inf if effect > 0.0 else 0.0
    standardized = effect / pooled if pooled > 0.0 else constant

    def distance(one: IndexArray, other: IndexArray) -> float:
        a, b = _halves(x_weights, one, other)
        return float(wasserstein1(x[one], x[other], x_weights=a, y_weights=b))

    return replace(
        row,
        effect=effect,
        bounds=distance_ab.bounds,
        pooled_sd=pooled,
        standardized=float(standardized),
        mean_difference=difference,
        # The ratio is at most 1 (|E x - E y| <= W1), but both sides are rounded.
        shift_share=min(1.0, abs(difference) / effect) if effect > 0.0 else None,
        noise=_noise_floor(distance, x.size, n_splits, rng),
        distributions=_ecdfs(x, y, x_weights, y_weights),
    )


def compare_categories(
    row: ColumnComparison,
    x: IndexArray,
    y: IndexArray,
    labels: tuple[str, ...],
    x_weights: FloatArray | None,
    y_weights: FloatArray | None,
    n_splits: int,
    rng: np.random.Generator,
) -> ColumnComparison:
    """Fill the row of a category column with codes x of A and y of B into `labels`."""
    k = len(labels)
    p, q = _frequencies(x, x_weights, k), _frequencies(y, y_weights, k)

    def distance(one: IndexArray, other: IndexArray) -> float:
        a, b = _halves(x_weights, one, other)
        return float(total_variation(_frequencies(x[one], a, k), _frequencies(x[other], b, k)))

    moved_most = np.argsort(-np.abs(p - q), kind="stable")
    return replace(
        row,
        unit=None,
        effect=float(total_variation(p, q)),
        js_divergence=float(js_divergence(p, q)),
        noise=_noise_floor(distance, x.size, n_splits, rng),
        distributions=Frequencies(
            labels=tuple(labels[index] for index in moved_most),
            a=_read_only(p[moved_most]),
            b=_read_only(q[moved_most]),
        ),
    )


def compare_jointly(
    columns: tuple[str, ...],
    x: FloatArray,
    y: FloatArray,
    x_weights: FloatArray | None,
    y_weights: FloatArray | None,
    n_splits: int,
    rng: np.random.Generator,
) -> JointComparison:
    """Compare standardised columns x, shape (n, d), and y, shape (m, d), on their complete rows."""
    x, x_weights = _complete(x, x_weights)
    y, y_weights = _complete(y, y_weights)
    joint = JointComparison(
        columns=columns, n_a=x.shape[0], n_b=y.shape[0], n_projections=N_PROJECTIONS
    )
    for side, rows in (("A", x), ("B", y)):
        if rows.shape[0] == 0:
            return replace(joint, error=f"no row of {side} has all of these columns")
    result = sliced_wasserstein_result(
        x,
        y,
        x_weights=x_weights,
        y_weights=y_weights,
        p=1,
        n_projections=N_PROJECTIONS,
        rng=rng,
    )

    def distance(one: IndexArray, other: IndexArray) -> float:
        a, b = _halves(x_weights, one, other)
        between = sliced_wasserstein_result(
            x[one],
            x[other],
            x_weights=a,
            y_weights=b,
            p=1,
            n_projections=N_NOISE_PROJECTIONS,
            rng=rng,
        )
        return float(between.value)

    return replace(
        joint,
        effect=result.value,
        standard_error=result.standard_error,
        noise=_noise_floor(distance, x.shape[0], n_splits, rng),
    )


def _complete(x: FloatArray, weights: FloatArray | None) -> tuple[FloatArray, FloatArray | None]:
    """Rows without NaN and of positive weight."""
    kept = ~np.isnan(x).any(axis=1)
    if weights is None:
        return x[kept], None
    kept &= weights > 0.0
    return x[kept], weights[kept]


def _halves(
    weights: FloatArray | None, one: IndexArray, other: IndexArray
) -> tuple[FloatArray | None, FloatArray | None]:
    """Weights of two halves of the rows."""
    return (None, None) if weights is None else (weights[one], weights[other])


def _noise_floor(
    distance: Callable[[IndexArray, IndexArray], float],
    n: int,
    n_splits: int,
    rng: np.random.Generator,
) -> NoiseFloor | None:
    """Median and 95th percentile of a distance between random halves of n rows."""
    half = n // 2
    if half == 0 or n_splits == 0:
        return None
    values = []
    for _ in range(n_splits):
        order = rng.permutation(n)
        values.append(distance(order[:half], order[half:]))
    median, high = np.percentile(values, [50.0, 95.0])
    return NoiseFloor(
        median=float(median),
        percentile_95=float(high),
        n_splits=n_splits,
        sizes=(half, n - half),
    )


def _mean_and_sd(x: FloatArray, weights: FloatArray | None) -> tuple[float, float]:
    """Weighted mean and standard deviation of finite values, without overflow of squares."""
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
    even = np.linspace(low, high, N_DRAWN)
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
