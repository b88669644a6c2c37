"""The search of `c_transform` where boxes prune little: all pairs, in tiles of single precision.

In many dimensions every pair is looked at. Squared distances come from products of centred
coordinates, |x|² + |y|² - 2 x·y, in float32: a matrix product a tile. A pair can only matter to a
row with threshold T if c(x, y) - g(y) < T, so for distances

    |x - y|² < max(T + g(y), 0)²,

which needs no root, and for squared ones |x - y|² < T + g(y). What is not below that by more than
the rounding of float32 may make of it is out; all others are computed in float64 as `search` does,
so that the answer is the same to the last digit, whatever BLAS made the products.

**Rounding.** With u = 2**-24, coordinates rounded once, r and s the norms of x and y: the product
errs by at most (d + 2) u r s, each square by 2 u, the sums by u of what they add up, so that the
squared distance errs by less than (d + 8) u (r + s)². T + g errs by 3 u (|T| + |g|) and its square
by less than 8 u (|T| + |g|)², the float64 value that is compared in the end by far less than what
these are rounded up. Points are centred in float64, where the coordinates before that may be large:
that adds 2**-50 max|x| (r + s). Squares that underflow in float32 add 1e-30 in units in which the
largest norm is at most 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .._jit import kernel
from ..threads import for_each
from .lower_bounds import EUCLIDEAN
from .tree import KDTree

__all__ = ["search_tiles"]

# Rows and columns of a tile: a megabyte of float32, which stays in the cache.
_ROWS, _COLUMNS = 128, 2048
# Columns that are looked at closely where one of them may matter.
_CHUNK = 64
# Rounding of float32.
_U = 2.0**-24
# Size of potentials, in units of the points, up to which float32 is of use.
LARGEST_POTENTIAL = 1e5


@kernel
def _sift(
    products, first_row, first_column, squares_x, squares_y, potentials, margins, middle, unit,
    is_distance, points_x, points, values, limits, columns, found, counts, work, x,
):  # fmt: skip
    """Put the pairs of a tile that matter into the lists of their rows.

    products : (rows, columns) float32, x·y in units of the points; squares_x, squares_y :
    (n,), (m,) float32; potentials : (m,) float32, (g - middle) unit; margins : (n, 2), the rounding
    of squared distances and the largest of those potentials; unit : factor of the costs; work :
    (_CHUNK,) float32; x : (d,). The others are those of `search`.
    """
    d = points.shape[0]
    size = columns.shape[1]
    n_columns = products.shape[1]
    for r in range(products.shape[0]):
        i = first_row + r
        for k in range(d):
            x[k] = points_x[k, i]
        best_values, best_columns = found[i], columns[i]
        count = counts[i]
        threshold = best_values[size - 1] if count == size else limits[i]
        square = squares_x[i]
        for start in range(0, n_columns, work.size):
            stop = min(start + work.size, n_columns)
            scaled = (threshold + middle) * unit
            reach = abs(scaled) + margins[i, 1]
            if is_distance:
                margin = np.float32(margins[i, 0] + 9.0 * 2.0**-24 * reach * reach)
            else:
                margin = np.float32(margins[i, 0] + 9.0 * 2.0**-24 * reach)
            top = np.float32(scaled)
            out = work[: stop - start]
            row, others = products[r, start:stop], squares_y[first_column + start :]
            held = potentials[first_column + start :]
            hits = 0
            if is_distance:
                for t in range(out.size):
                    near = max(top + held[t], np.float32(0.0))
                    out[t] = square + others[t] - np.float32(2.0) * row[t] - near * near
                    hits += out[t] <= margin
            else:
                for t in range(out.size):
                    near = top + held[t]
                    out[t] = square + others[t] - np.float32(2.0) * row[t] - near
                    hits += out[t] <= margin
            if hits == 0:
                continue
            for t in range(out.size):
                if out[t] > margin:
                    continue
                j = first_column + start + t
                total = 0.0
                for k in range(d):
                    z = x[k] - points[k, j]
                    total += z * z
                value = (math.sqrt(total) if is_distance else total) - values[j]
                if value < threshold:
                    # Insert into an ascending list of at most K.
                    at = min(count, size - 1)
                    while at > 0 and best_values[at - 1] > value:
                        best_values[at] = best_values[at - 1]
                        best_columns[at] = best_columns[at - 1]
                        at -= 1
                    best_values[at] = value
                    best_columns[at] = j
                    count = min(count + 1, size)
                    if count == size:
                        threshold = best_values[size - 1]
        counts[i] = count


def search_tiles(
    tree_x: KDTree,
    tree_y: KDTree,
    values: np.ndarray,
    mode: int,
    limits: np.ndarray,
    k: int,
    n_threads: int = 1,
    tick: Callable[[], object] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What `search_all` returns for the modes SQUARED and EUCLIDEAN, from all pairs.

    None where the potentials are too large beside the distances for float32 to tell pairs apart.
    """
    (d, n), m = tree_x.points.shape, tree_y.points.shape[1]
    is_distance = mode == EUCLIDEAN
    low = np.minimum(tree_x.lower[:, 1], tree_y.lower[:, 1])
    high = np.maximum(tree_x.upper[:, 1], tree_y.upper[:, 1])
    centre = 0.5 * (low + high)
    largest = max(float(np.abs(low).max()), float(np.abs(high).max()))
    centred = [tree.points - centre[:, None] for tree in (tree_x, tree_y)]
    norms = [np.sqrt(np.square(points).sum(axis=0)) for points in centred]
    reach = max(float(norm.max()) for norm in norms)
    if not 0.0 < reach < math.inf:
        return None
    # A power of two, so that nothing is rounded, by which norms are at most 1.
    scale = math.ldexp(1.0, -math.frexp(reach)[1])
    unit = scale if is_distance else scale * scale
    # Whatever is added to g is taken off the thresholds.
    middle = 0.5 * (float(values.min()) + float(values.max()))
    potentials = (values - middle) * unit
    most = float(np.abs(potentials).max())
    far = max(float(np.abs(limits).max()), float(np.abs(values).max())) * unit
    if not far < LARGEST_POTENTIAL:
        return None
    small_x, small_y = ((points * scale).astype(np.float32) for points in centred)
    norm_x, norm_y = (norm * scale for norm in norms)
    squares_x, squares_y = (np.square(norm).astype(np.float32) for norm in (norm_x, norm_y))
    both = norm_x + float(norm_y.max())
    margins = np.empty((n, 2))
    margins[:, 0] = (d + 8.0) * _U * 1.01 * both * both + 1e-30
    margins[:, 0] += 2.0**-50 * largest * scale * both
    # Centring g rounds it in float64, and so does the sum with the threshold.
    margins[:, 1] = most + 2.0**-28 * far
    columns = np.empty((n, k), np.int64)
    found = np.empty((n, k))
    counts = np.zeros(n, np.int64)
    rows_x = np.ascontiguousarray(small_x.T)
    tiles_y = [np.ascontiguousarray(small_y[:, j : j + _COLUMNS]) for j in range(0, m, _COLUMNS)]
    potentials = potentials.astype(np.float32)

    def run(first: int) -> None:
        rows = rows_x[first : first + _ROWS]
        space = np.empty(len(rows) * min(_COLUMNS, m), np.float32)
        work, x = np.empty(_CHUNK, np.float32), np.empty(d)
        for t, tile in enumerate(tiles_y):
            shape = len(rows), tile.shape[1]
            products = space[: shape[0] * shape[1]].reshape(shape)
            np.dot(rows, tile, out=products)
            _sift(
                products, first, t * _COLUMNS, squares_x, squares_y, potentials, margins,
                middle, unit, is_distance, tree_x.points, tree_y.points, values, limits, columns,
                found, counts, work, x,
            )  # fmt: skip

    for_each(run, range(0, n, _ROWS), n_threads, tick)
    return columns, found, counts
