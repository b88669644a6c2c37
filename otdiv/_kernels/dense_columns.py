"""Scans of a dense cost matrix: dual estimates, candidate arcs, pricing, and the direct simplex.

The reduced cost of pair (i, j) is C_ij - f_i - g_j. Rows of C are contiguous, so everything runs
along rows: minima of blocks of columns with vector instructions first, then a scalar pass over the
few blocks whose minimum matters. C_ij = inf forbids a pair: it is never listed and never enters.
"""

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from ._jit import fast_kernel, kernel
from .tree_simplex import OPTIMAL, PIVOT_LIMIT, pivot, recompute_potentials

__all__ = [
    "best_per_row_and_column",
    "dense_simplex",
    "extent",
    "hanging_gap",
    "is_spread",
    "merge_columns",
    "merge_rows",
    "price_rows",
    "reduce_columns",
    "reduce_rows",
]

# Columns whose minimum is taken at once: long enough for the vector units, short enough for the
# scalar pass that follows. Chosen by measuring 32 ... 256.
BLOCK = 64


@intrinsic
def _minimum(typingctx, x, y):
    """Smaller of two floats, neither NaN; unlike `min`, LLVM turns a loop of it into vectors."""
    signature = x(x, x)

    def codegen(context, builder, sig, args):
        kind = args[0].type
        function = builder.module.declare_intrinsic(
            "llvm.minnum", [kind], ir.FunctionType(kind, [kind, kind])
        )
        return builder.call(function, args, fastmath=("nnan", "nsz"))

    return signature, codegen


@kernel
def _block_minimum(row, g):
    best = row[0] - g[0]
    for j in range(row.size):
        best = _minimum(best, row[j] - g[j])
    return best


@kernel
def _block_minimum_negated(row):
    best = -row[0]
    for j in range(row.size):
        best = _minimum(best, -row[j])
    return best


@kernel
def _lower(out, row, f):
    for j in range(row.size):
        out[j] = _minimum(out[j], row[j] - f)


@kernel
def reduce_columns(C, rows, f, g):
    """Lower g_j to min over the given rows i of C_ij - f_i; ``f[k]`` belongs to ``rows[k]``."""
    for k in range(rows.size):
        _lower(g, C[rows[k]], f[k])


@kernel
def reduce_rows(C, g, f, improved):
    """One pass: f_i = min_j C_ij - g_j, then improved_j = min_i C_ij - f_i, feasible with f."""
    for i in range(C.shape[0]):
        f[i] = _block_minimum(C[i], g)
        _lower(improved, C[i], f[i])


@fast_kernel
def _add(out, row):
    for j in range(row.size):
        out[j] += row[j]


@kernel
def merge_rows(C, order, depth):
    """Mean rows (2**depth, m) of clusters: cluster q holds the rows at q n >> depth of `order`."""
    n, m = C.shape
    clusters = 1 << depth
    out = np.zeros((clusters, m))
    for q in range(clusters):
        start, stop = (q * n) >> depth, ((q + 1) * n) >> depth
        for t in range(start, stop):
            _add(out[q], C[order[t]])
        out[q] *= 1.0 / (stop - start)
    return out


@kernel
def merge_columns(C, order, depth):
    """Mean columns (n, 2**depth) of clusters, as in `merge_rows`."""
    n, m = C.shape
    clusters = 1 << depth
    width = m >> depth
    out = np.empty((n, clusters))
    # Every cluster has `width` columns or one more: a fixed trip count and a weight of 0 or 1
    # for the last spare the processor a wrong guess a cluster.
    first = np.empty(clusters, np.int64)
    extra = np.empty(clusters, np.int64)
    weight = np.empty(clusters)
    scale = np.empty(clusters)
    for q in range(clusters):
        start, stop = (q * m) >> depth, ((q + 1) * m) >> depth
        first[q] = start
        extra[q] = order[stop - 1]
        weight[q] = stop - start - width
        scale[q] = 1.0 / (stop - start)
    for i in range(n):
        row = C[i]
        for q in range(clusters):
            total = weight[q] * row[extra[q]]
            for t in range(first[q], first[q] + width):
                total += row[order[t]]
            out[i, q] = total * scale[q]
    return out


@kernel
def _insert(values, keys, value, key):
    """Put (value, key) into the ascending list `values`, dropping its last entry."""
    k = values.size - 1
    while k > 0 and values[k - 1] > value:
        values[k] = values[k - 1]
        keys[k] = keys[k - 1]
        k -= 1
    values[k] = value
    keys[k] = key


@kernel
def _excess(row, g, f, ceiling):
    """Least of row_j - f - g_j - ceiling_j."""
    best = np.inf
    for j in range(row.size):
        best = _minimum(best, row[j] - g[j] - f - ceiling[j])
    return best


@kernel
def _usual_ceiling(C, f, g, n_best):
    """Reduced cost below which about half of the rows have 2 n_best pairs: estimated on 32 rows."""
    n, m = C.shape
    count = min(n, 32)
    rounding = 0.0
    depth = min(8 * n_best, m)
    tops = np.empty(count)
    values = np.empty(depth)
    keys = np.empty(depth, np.int64)
    for k in range(count):
        i = k * n // count
        values[:] = 1e308
        for j in range(m):
            reduced = C[i, j] - g[j] - f[i]
            if reduced < values[depth - 1]:
                _insert(values, keys, reduced, j)
        tops[k] = values[depth - 1]
        rounding = max(rounding, abs(f[i]) + abs(C[i, 0]))
    tops.sort()
    return max(tops[count // 2], 2.0**-44 * rounding, 1e-300)


@kernel
def best_per_row_and_column(C, f, g, n_best):
    """Pairs of least reduced cost, up to `n_best` of every row and of every column.

    Pairs of unusually large reduced cost are left out, never tight ones: a ceiling known in advance
    saves most of the insertions into the lists.

    Returns (source, target) nodes, uint32, target j as n + j, ordered by source, and the costs.
    """
    n, m = C.shape
    top = _usual_ceiling(C, f, g, n_best)
    column_values = np.full((m, n_best), top)
    column_keys = np.full((m, n_best), -1, np.int64)
    ceiling = np.full(m, top)
    row_values = np.empty((n, n_best))
    row_keys = np.full((n, n_best), -1, np.int64)
    for i in range(n):
        values, keys = row_values[i], row_keys[i]
        values[:] = top
        shift = f[i]
        for start in range(0, m, BLOCK):
            stop = min(start + BLOCK, m)
            row, h = C[i, start:stop], g[start:stop]
            if _block_minimum(row, h) - shift < values[n_best - 1]:
                for j in range(row.size):
                    reduced = row[j] - h[j] - shift
                    if reduced < values[n_best - 1]:
                        _insert(values, keys, reduced, start + j)
            if _excess(row, h, shift, ceiling[start:stop]) < 0.0:
                for j in range(row.size):
                    reduced = row[j] - h[j] - shift
                    if reduced < ceiling[start + j]:
                        _insert(column_values[start + j], column_keys[start + j], reduced, i)
                        ceiling[start + j] = column_values[start + j, n_best - 1]
    return _by_row(C, row_values, row_keys, column_values, column_keys)


@kernel
def _by_row(C, row_values, row_keys, column_values, column_keys):
    """Merge the lists of rows and columns into one, ordered by row: far fewer pivots that way."""
    n, m = C.shape
    n_best = row_keys.shape[1]
    offset = np.zeros(n + 1, np.int64)
    for i in range(n):
        for k in range(n_best):
            offset[i + 1] += row_keys[i, k] >= 0
    for j in range(m):
        for k in range(n_best):
            i = column_keys[j, k]
            if i >= 0:
                # A pair below the row's last entry stands in the row's list already.
                if column_values[j, k] >= row_values[i, n_best - 1]:
                    offset[i + 1] += 1
                else:
                    column_keys[j, k] = -1
    for i in range(n):
        offset[i + 1] += offset[i]
    count = offset[n]
    source = np.empty(count, np.uint32)
    target = np.empty(count, np.uint32)
    cost = np.empty(count)
    for i in range(n):
        for k in range(n_best):
            j = row_keys[i, k]
            if j >= 0:
                e = offset[i]
                source[e] = i
                target[e] = n + j
                cost[e] = C[i, j]
                offset[i] = e + 1
    for j in range(m):
        for k in range(n_best):
            i = column_keys[j, k]
            if i >= 0:
                e = offset[i]
                source[e] = i
                target[e] = n + j
                cost[e] = C[i, j]
                offset[i] = e + 1
    return source, target, cost


@kernel
def price_rows(C, f, g, start, stop, relative, n_best, source, target, cost, count, least):
    """Append up to `n_best` eligible pairs of each of the rows start..stop-1 to the arc lists.

    Eligible as in `sparse_simplex` with floor 0. The lists must have room for
    ``(stop - start) * n_best`` more. ``least[i]`` becomes the least reduced cost of row i that is
    eligible, or 0, so ``f + least`` is feasible up to rounding. Returns the new count.
    """
    n, m = C.shape
    values = np.empty(n_best)
    keys = np.empty(n_best, np.int64)
    for i in range(start, stop):
        values[:] = 0.0
        keys[:] = -1
        shift = f[i]
        for begin in range(0, m, BLOCK):
            end = min(begin + BLOCK, m)
            row, h = C[i, begin:end], g[begin:end]
            if _block_minimum(row, h) - shift < values[n_best - 1]:
                for j in range(row.size):
                    reduced = row[j] - h[j] - shift
                    if reduced < values[n_best - 1]:
                        local = abs(row[j]) + abs(h[j]) + abs(shift)
                        if reduced < -relative * local:
                            _insert(values, keys, reduced, begin + j)
        least[i] = values[0]
        for k in range(n_best):
            if keys[k] >= 0:
                source[count] = i
                target[count] = n + keys[k]
                cost[count] = C[i, keys[k]]
                count += 1
    return count


@kernel
def extent(C):
    """Least and largest finite entry (inf, -inf where none is), and whether any entry is inf."""
    least = np.inf
    largest = -np.inf
    forbidden = False
    zero = np.zeros(C.shape[1])
    for i in range(C.shape[0]):
        row = C[i]
        least = min(least, _block_minimum(row, zero))
        top = -_block_minimum_negated(row)
        if top == np.inf:
            forbidden = True
            for j in range(row.size):
                if row[j] < np.inf:
                    largest = max(largest, row[j])
        else:
            largest = max(largest, top)
    return least, largest, forbidden


@kernel
def is_spread(C, small):
    """Whether most of the non-zero entries (of a sample) are below `small`."""
    n, m = C.shape
    below = 0
    above = 0
    for i in range(0, n, max(1, n // 64)):
        for j in range(0, m, max(1, m // 64)):
            size = abs(C[i, j])
            if size >= small:
                above += 1
            elif size > 0.0:
                below += 1
    return below > above


@kernel
def hanging_gap(tree, C):
    """Least reduced cost from components that hang by a source to ones that hang by a target.

    Raising the penalty of both by half of it makes the first such pair eligible. It is inf where
    every such pair is forbidden: then the sources that hang by a source reach only the targets that
    do, and their excess is the artificial flow. Returns (gap, by_source) with by_source (n + m,).
    """
    n, m = C.shape
    root = np.uint32(n + m)
    by_source = np.zeros(n + m, np.bool_)
    x = tree.after[root]
    while x != root:
        y = tree.parent[x]
        by_source[x] = x < n if y == root else by_source[y]
        x = tree.after[x]
    g = tree.pi[n:root]
    gap = np.inf
    for i in range(n):
        if by_source[i]:
            shift = tree.pi[i]
            for j in range(m):
                if not by_source[n + j]:
                    gap = min(gap, C[i, j] - g[j] + shift)
    return gap, by_source


@kernel
def dense_simplex(tree, C, start, floor, relative, max_pivots):
    """Pivot on all pairs of C, row by row, until none is eligible or `max_pivots` are done.

    Eligible as in `sparse_simplex`. Returns (code, number of pivots, row at which to resume).
    """
    n, m = C.shape
    pi = tree.pi
    g = pi[n : n + m]
    first = np.uint32(n)
    i = start
    idle = 0
    n_pivots = 0
    fresh = False
    while n_pivots < max_pivots:
        shift = pi[i]
        best = -floor
        entering = -1
        for begin in range(0, m, BLOCK):
            end = min(begin + BLOCK, m)
            row, h = C[i, begin:end], g[begin:end]
            if _block_minimum(row, h) + shift < best:
                for j in range(row.size):
                    reduced = row[j] - h[j] + shift
                    if reduced < best:
                        local = abs(row[j]) + abs(h[j]) + abs(shift)
                        if reduced < -relative * local:
                            best = reduced
                            entering = begin + j
        if entering >= 0:
            pivot(tree, first, np.uint32(i), np.uint32(n + entering), C[i, entering], best)
            n_pivots += 1
            idle = 0
            fresh = False
        else:
            idle += 1
            if idle >= n:
                if fresh:
                    return OPTIMAL, n_pivots, i
                recompute_potentials(tree, n)
                fresh = True
                idle = 0
        i += 1
        if i == n:
            i = 0
    recompute_potentials(tree, n)
    return PIVOT_LIMIT, n_pivots, i
