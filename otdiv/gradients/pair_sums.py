"""Energy distance and maximum mean discrepancy, with gradients of their sums over pairs.

Both are roots of a quadratic form of the signed weights w = (a, -b) of all points z = (x, y),

    s = sum_ij w_i w_j k(z_i, z_j),

of which 2 w_i sum_j w_j ∂k(z_i, z_j) / ∂z_i is the derivative in z_i and 2 sum_j w_j k(z_i, z_j)
that in w_i.
"""

from __future__ import annotations

import math

import numpy as np

from .._kernels import pair_sums as forms
from .._kernels.pair_gradients import gradient_rows
from .._typing import FloatArray
from ..costs import PNormCost
from ..distances.discrepancy import KernelName, maximum_mean_discrepancy
from ..distances.energy import energy_distance
from ..distances.samples import of_extent_one
from .record import Gradients, centred, each, root_factor

__all__ = [
    "discrepancy_gradients",
    "discrepancy_values",
    "energy_gradients",
    "energy_values",
]

_LOG2_E = math.log2(math.e)
# Pairs of one slice: some 50 ms of work, so that Ctrl-C is heard.
_SLICE = 2.0**24


def energy_values(
    x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None, norm: float
) -> FloatArray:
    """Energy distance in a norm: (), or (B,)."""
    metric = PNormCost(norm=norm)
    return np.asarray(energy_distance(x, y, x_weights=a, y_weights=b, metric=metric))


def energy_gradients(
    x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None, norm: float
) -> Gradients:
    """`energy_values` with gradients; pairs that coincide pull nowhere. All are 0 at distance 0."""

    def of_one(
        x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None
    ) -> Gradients:
        value = energy_values(x, y, a, b, norm)
        z, w = _joined(x, y, a, b)
        z, scale = of_extent_one(z)
        sums, pulls = _on_line(z, w) if z.shape[1] == 1 else _sums(z, w, forms.DISTANCE, norm)
        # k = -|z - z'|; the derivative in the unscaled points has the unit of k / z: none.
        return _of_square(value, x, a, b, w, -sums * scale, -pulls)

    return each(of_one, x, y, a, b)


def discrepancy_values(
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    kernel: KernelName,
    bandwidth: float,
) -> FloatArray:
    """Maximum mean discrepancy (the V-statistic) of a kernel of given bandwidth: (), or (B,)."""
    return np.asarray(
        maximum_mean_discrepancy(x, y, x_weights=a, y_weights=b, kernel=kernel, bandwidth=bandwidth)
    )


def discrepancy_gradients(
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    kernel: KernelName,
    bandwidth: float,
) -> Gradients:
    """`discrepancy_values` with gradients, all 0 at discrepancy 0."""
    # The kernels are powers of two of points in this unit.
    form, unit = (
        (forms.GAUSSIAN, math.sqrt(0.5 * _LOG2_E))
        if kernel == "gaussian"
        else (forms.LAPLACE, _LOG2_E)
    )
    factor = unit / bandwidth

    def of_one(
        x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None
    ) -> Gradients:
        value = discrepancy_values(x, y, a, b, kernel, bandwidth)
        z, w = _joined(x, y, a, b)
        sums, pulls = _sums((z - z.min(axis=0)) * factor, w, form, 2.0)
        return _of_square(value, x, a, b, w, sums, pulls * factor)

    return each(of_one, x, y, a, b)


def _joined(
    x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """All points (n + m, d) and their signed shares (n + m,)."""
    shares = [
        np.full(len(z), 1.0 / len(z)) if w is None else w / w.sum() for z, w in ((x, a), (y, b))
    ]
    return np.concatenate([x, y]), np.concatenate([shares[0], -shares[1]])


def _sums(z: FloatArray, w: FloatArray, form: int, norm: float) -> tuple[FloatArray, FloatArray]:
    """sum_j w_j phi(|z_i - z_j|) (k,) and its derivative with respect to z_i (k, d)."""
    z = np.ascontiguousarray(z)
    columns = np.ascontiguousarray(z.T)
    sums, pulls = np.empty(len(z)), np.empty(z.shape)
    step = max(1, int(_SLICE / len(z)))
    for first in range(0, len(z), step):
        stop = min(len(z), first + step)
        gradient_rows(z, columns, w, first, stop, form, norm, sums, pulls)
    return sums, pulls


def _on_line(z: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`_sums` of distances on the line, from sums over the points below and above."""
    points = z[:, 0]
    order = np.argsort(points, kind="stable")
    t, v = points[order], w[order]
    mass, moment = np.cumsum(v), np.cumsum(v * t)
    # Masses strictly below and strictly above: those at the same place pull nowhere.
    first, last = np.searchsorted(t, t, "left"), np.searchsorted(t, t, "right")
    below, above = np.append(0.0, mass)[first], mass[-1] - np.append(0.0, mass)[last]
    sums, pulls = np.empty(len(z)), np.empty(z.shape)
    sums[order] = t * (2.0 * mass - mass[-1]) - (2.0 * moment - moment[-1])
    pulls[order, 0] = below - above
    return sums, pulls


def _of_square(
    value: FloatArray,
    x: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    w: FloatArray,
    sums: FloatArray,
    pulls: FloatArray,
) -> Gradients:
    """Gradients of the root of the quadratic form whose value is given."""
    n = len(x)
    factor = 2.0 * root_factor(value * value, 2.0)
    by_points = factor * w[:, None] * pulls
    by_weights = factor * sums
    return Gradients(
        value=value,
        x=by_points[:n],
        y=by_points[n:],
        a=centred(by_weights[:n], a),
        b=centred(-by_weights[n:], b),
    )
