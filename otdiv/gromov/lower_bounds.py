"""Lower bounds between two spaces: eccentricities, distributions of entries, local distributions.

For every plan P of weights a and b the value sum_ijkl L(Cx_ik, Cy_jl) P_ij P_kl is

    sum_ij P_ij [sum_kl L(Cx_ik, Cy_jl) P_kl] >= sum_ij P_ij D_ij,

where D_ij is the least cost of moving row i of Cx, of weights a, onto row j of Cy, of weights b: a
problem on the line, since P_kl is one of its plans. The least of the right side over P is a
transport problem again, the third bound. The couplings that P and these rows make together couple
all entries of Cx with all of Cy, so the second bound, transport between the distributions of all
entries, is at most the third; so is the first, which keeps one number a row. The same holds for
columns.

Where only a part of the mass has a partner, D_ij is the least cost of that part, and where the
weights of y are free, each entry of row i goes to the nearest one of row j.

Mémoli (2011), Gromov-Wasserstein distances and the metric approach to object matching,
doi:10.1007/s10208-011-9093-5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._calling import explains_calls
from .._kernels.level_means import level_means
from .._typing import FloatArray
from .._validation import as_weights
from ..certificates.rounding import U
from ..solving import transport_matrix
from .losses import Unit, as_spaces, losses_between, separated

__all__ = [
    "GromovLowerBounds",
    "gromov_lower_bounds",
    "local_costs",
    "nearest_costs",
    "part_costs",
    "third_bound",
]

# Levels at which quantiles are compared in any case; the time of a product of matrices grows with
# them. By taste.
_MOST_LEVELS = 1024
# Steps of the bisection for the price of a part; each halves what is lost by a wrong one.
_HALVINGS = 12


class GromovLowerBounds(NamedTuple):
    """Lower bounds of the Gromov-Wasserstein value; rounding is taken off.

    Attributes
    ----------
    first : float
        From one number a point, its eccentricity.
    second : float
        From the distributions of all entries; at most `third`, but for rounding.
    third : float
        From the distributions of the rows, or of the columns if that is more.
    """

    first: float
    second: float
    third: float


@explains_calls()
def gromov_lower_bounds(
    Cx: Any,
    Cy: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    loss: str = "square",
) -> GromovLowerBounds:
    """Three lower bounds of `gromov_wasserstein_matrix`, each by transport that is solved exactly.

    The first two take n² log n operations, the third n m (n + m).

    Parameters
    ----------
    Cx, Cy : array_like, shapes (n, n) and (m, m)
        Numbers of all pairs of points of either space.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies of the points, each normalised to 1; uniform by default.
    loss : {"square", "kl"}
        (u - v)², or u log(u / v) - u + v.

    Returns
    -------
    GromovLowerBounds

    Raises
    ------
    InvalidInputError
        If a matrix is not square or not finite, or the loss is not defined on it.

    References
    ----------
    Mémoli (2011), Gromov-Wasserstein distances and the metric approach to object matching,
    doi:10.1007/s10208-011-9093-5: FLB, SLB and TLB for p = 2, and four times as large there, as
    distances have a factor of a half.

    Examples
    --------
    A path of three points and a triangle:

    >>> from otdiv.gromov import gromov_lower_bounds
    >>> path, triangle = [[0, 1, 2], [1, 0, 1], [2, 1, 0]], [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    >>> [round(bound, 3) for bound in gromov_lower_bounds(path, triangle)]
    [0.15, 0.222, 0.222]
    """
    x, y = as_spaces(Cx, Cy, loss)
    a = as_weights("x_weights", x_weights, x.shape[0], normalize=True)
    b = as_weights("y_weights", y_weights, y.shape[0], normalize=True)
    unit = Unit.of((x, y), loss)
    x, y = unit.numbers(x), unit.numbers(y)
    found = _first(x, y, a, b, loss), _second(x, y, a, b, loss), third_bound(x, y, a, b, loss)
    return GromovLowerBounds(*(unit.back(max(0.0, bound)) for bound in found))


def third_bound(x: FloatArray, y: FloatArray, a: FloatArray, b: FloatArray, loss: str) -> float:
    """Transport between the distributions of the rows, or of the columns if that is more."""
    return max(0.0, *(_least(D, a, b) - slack for D, slack in local_costs(x, y, a, b, loss)))


def _least(D: FloatArray, a: FloatArray, b: FloatArray) -> float:
    return transport_matrix(D, x_weights=a, y_weights=b, throw=False).bounds.lower


def _first(x: FloatArray, y: FloatArray, a: FloatArray, b: FloatArray, loss: str) -> float:
    """One number a row: for squares its norm, by Minkowski, else its mean, by Jensen."""
    square = loss == "square"
    u = np.sqrt((x * x) @ a) if square else x @ a
    v = np.sqrt((y * y) @ b) if square else y @ b
    costs, off = losses_between(u[:, None], v, loss)
    scale = 1.01 * separated(x, y, loss).scale() + _squares(x, y)
    slack = 8.0 * (x.shape[0] + y.shape[0]) * U * scale + float(off.max())
    return float(_least(costs, a, b) - slack)


def _squares(x: FloatArray, y: FloatArray) -> float:
    return float(np.abs(x).max() + np.abs(y).max()) ** 2


def _second(x: FloatArray, y: FloatArray, a: FloatArray, b: FloatArray, loss: str) -> float:
    """All entries of both in order."""
    rows = [
        _rows_in_order(part.reshape(1, -1), np.outer(w, w).reshape(1, -1))
        for part, w in ((x, a), (y, b))
    ]
    costs, slack = _coupled(rows[0], rows[1], loss)
    return float(costs[0, 0]) - slack


class _Rows(NamedTuple):
    """Rows in order of their entries, and their cumulated weights."""

    values: FloatArray
    levels: FloatArray
    is_even: bool
    """Whether all weights are the same, so that every row has the same levels."""


def _rows_in_order(matrix: FloatArray, weights: FloatArray) -> _Rows:
    """Rows of a matrix (n, p), each with the weights (1, p)."""
    order = np.argsort(matrix, axis=1, kind="stable")
    ordered = np.take_along_axis(np.broadcast_to(weights, matrix.shape), order, axis=1)
    levels = np.cumsum(ordered, axis=1)
    levels /= levels[:, -1:]
    levels[:, -1] = 1.0
    values = np.take_along_axis(matrix, order, axis=1)
    return _Rows(values, levels, bool(weights.min() == weights.max()))


def _coupled(x_rows: _Rows, y_rows: _Rows, loss: str) -> tuple[FloatArray, float]:
    """Cost of every row of x onto every one of y by the couplings in order, and its slack.

    Couplings in order join quantiles of one level. Where the levels of the rows are not all the
    same, quantiles are averaged between common levels: the loss is convex, so that the loss of
    means is at most the mean loss (Jensen). A cumulated weight of p terms errs by (p + 1) u, which
    moves so much of the mass; the sums err by k roundings of terms of the scale at most.
    """
    p, q = x_rows.values.shape[1], y_rows.values.shape[1]
    levels = np.concatenate(
        [rows.levels[0] if rows.is_even else rows.levels.ravel() for rows in (x_rows, y_rows)]
    )
    few = max(_MOST_LEVELS, p + q)
    levels = np.unique(levels[levels > 0.0]) if levels.size <= few else np.arange(1, few + 1) / few
    widths = np.diff(levels, prepend=0.0)
    means = []
    for rows in (x_rows, y_rows):
        out = np.empty((rows.values.shape[0], levels.size))
        level_means(np.ascontiguousarray(rows.values), rows.levels, levels, out)
        means.append(out)
    parts = separated(means[0], means[1], loss)
    own = parts.f1 @ widths, parts.f2 @ widths
    crossed = (parts.h1 * widths) @ parts.h2.T
    slack = 16.0 * (p + q + levels.size) * U * 1.01 * parts.scale()
    return own[0][:, None] + own[1] - crossed, slack


def local_costs(
    x: FloatArray, y: FloatArray, a: FloatArray, b: FloatArray, loss: str
) -> list[tuple[FloatArray, float]]:
    """D (n, m) of the third bound with its slack: by rows, and by columns where they differ."""
    found = []
    for turned in (False, True):
        if turned and np.array_equal(x, x.T) and np.array_equal(y, y.T):
            break
        left, right = (np.ascontiguousarray(x.T), np.ascontiguousarray(y.T)) if turned else (x, y)
        x_rows, y_rows = _rows_in_order(left, a[None]), _rows_in_order(right, b[None])
        found.append(_coupled(x_rows, y_rows, loss))
    return found


def nearest_costs(
    x: FloatArray, y: FloatArray, a: FloatArray, loss: str, beat: Callable[[], None]
) -> tuple[FloatArray, float]:
    """D (n, m) where the weights of y are free: entries of a row of x go to the nearest ones."""
    return _by_nearest(x, y, loss, beat, lambda losses: losses @ a)


def part_costs(
    x: FloatArray, y: FloatArray, a: FloatArray, mass: float, loss: str, beat: Callable[[], None]
) -> tuple[FloatArray, float]:
    """D (n, m) where only `mass` has a partner: the cheapest entries of a row of x.

    The least of sum_k c_k p_k over p <= a of that mass is the largest over prices t of
    t mass - sum_k a_k max(t - c_k, 0): every t gives a lower bound.
    """

    def least(losses: FloatArray) -> FloatArray:
        low, high = np.zeros(losses.shape[0]), losses.max(axis=1)
        best = np.zeros(losses.shape[0])
        for _ in range(_HALVINGS):
            t = 0.5 * (low + high)
            under = np.maximum(t[:, None] - losses, 0.0)
            np.maximum(best, t * mass - under @ a, out=best)
            enough = (losses <= t[:, None]) @ a >= mass
            high, low = np.where(enough, t, high), np.where(enough, low, t)
        return best

    return _by_nearest(x, y, loss, beat, least)


def _by_nearest(
    x: FloatArray,
    y: FloatArray,
    loss: str,
    beat: Callable[[], None],
    summed: Callable[[FloatArray], FloatArray],
) -> tuple[FloatArray, float]:
    """D (n, m) from the losses (n, n) of all entries of x against the nearest in a row of y.

    L(u, .) falls up to v = u and rises after it, so one of both neighbours is the nearest.
    """
    flat = x.reshape(-1)
    order = np.argsort(flat, kind="stable")
    values = flat[order]
    D = np.empty((x.shape[0], y.shape[0]))
    losses = np.empty(flat.size)
    off = 0.0
    for j, row in enumerate(np.sort(y, axis=1)):
        beat()
        place = np.searchsorted(row, values)
        nearest = None
        for side in (np.maximum(place - 1, 0), np.minimum(place, row.size - 1)):
            found, slack = losses_between(values, row[side], loss)
            nearest = found if nearest is None else np.minimum(nearest, found)
            off = max(off, float(slack.max()))
        losses[order] = nearest
        D[:, j] = summed(losses.reshape(x.shape))
    scale = 1.01 * separated(x, y, loss).scale()
    return D, 1.01 * off + 8.0 * (x.shape[0] + 4) * U * scale
