"""Scans of a dense cost matrix: dual estimates, candidate arcs, pricing, and the direct simplex.

The reduced cost of pair (i, j) is C_ij - f_i - g_j. Rows of C are contiguous, so everything runs
along rows: minima of blocks of columns with vector instructions first, then a scalar pass over the
few blocks whose minimum matters. C_ij = inf forbids a pair: it is never listed and never enters.
"""

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from .._jit import frozen, helper, kernel
from .spanning_tree import OPTIMAL, PIVOT_LIMIT, pivot, recompute_potentials

__all__ = [
    "PATH_ROUNDING",
    "PIVOTS_A_NODE",
    "ROUNDING",
    "best_per_row_and_column",
    "block_minimum",
    "dense_simplex",
    "extent",
    "hanging_gap",
    "merge_columns",
    "merge_rows",
    "minimum",
    "price_rows",
    "reduce_columns",
    "reduce_rows",
]

# Columns whose minimum is taken at once: long enough for the vector units, short enough for the
# scalar pass that follows. Chosen by measuring 32 ... 256.
BLOCK = 64
# Blocks by which the starts of the scans of neighbouring rows differ: a prime, so that they fall on
# all blocks.
STRIDE = 7919
# Pairs that one call of the dense simplex scans, about a tenth of a second.
ENTRIES = 2**28
# Ratio of the largest cost to most others above which costs count as spread: a penalty of the
# largest leaves most others less than half of their digits.
WIDE = 1e9
# Share of the sizes of its three terms up to which a reduced cost is rounding.
ROUNDING = 2.0**-47
# The same share of the largest potential, for sums along paths of some hundred arcs.
PATH_ROUNDING = 2.0**-48
# Pivots for every node after which reduced costs are trusted less: hundreds have not been seen.
PIVOTS_A_NODE = 300
# Entries whose range is found at once: 256 kB.
RANGE_ENTRIES = 2**15


@intrinsic
def minimum(typingctx, x, y):
    """Smaller of two floats, neither NaN; unlike `min`, LLVM turns a loop of it into vectors."""
    signature = x(x, x)

    def codegen(context, builder, sig, args):
        kind = args[0].type
        function = builder.module.declare_intrinsic(
            "llvm.minnum", [kind], ir.FunctionType(kind, [kind, kind])
        )
        return builder.call(function, args, fastmath=("nnan", "nsz"))

    return signature, codegen


@helper
def block_minimum(row, g):
    best = row[0] - g[0]
    for j in range(row.size):
        best = minimum(best, row[j] - g[j])
    return best


@helper
def _lower(out, row, f):
    for j in range(row.size):
        out[j] = minimum(out[j], row[j] - f)


@kernel
def reduce_columns(C, rows, f, g):
    """Lower g_j to min over the given rows i of C_ij - f_i; ``f[k]`` belongs to ``rows[k]``."""
    for k in range(rows.size):
        _lower(g, C[rows[k]], f[k])


@kernel
def reduce_rows(C, g, f, improved):
    """One pass: f_i = min_j C_ij - g_j, then improved_j = min_i C_ij - f_i, feasible with f."""
    for i in range(C.shape[0]):
        f[i] = block_minimum(C[i], g)
        _lower(improved, C[i], f[i])


@helper
def _add(out, row, scale):
    for j in range(row.size):
        out[j] += scale * row[j]


@kernel
def _merge_rows(C, order, depth, out):
    """Fill in the zeros `out` (2**depth, m) as `merge_rows` says."""
    n = C.shape[0]
    for q in range(out.shape[0]):
        start, stop = (q * n) >> depth, ((q + 1) * n) >> depth
        for t in range(start, stop):
            _add(out[q], C[order[t]], 1.0 / (stop - start))


def merge_rows(C: np.ndarray, order: np.ndarray, depth: int) -> np.ndarray:
    """Mean rows (2**depth, m) of clusters: cluster q holds the rows at q n >> depth of `order`."""
    out = np.zeros((1 << depth, C.shape[1]))
    _merge_rows(frozen(C), order, depth, out)
    return out


@kernel
def _merge_columns(C, order, first, extra, width, weight, scale, out):
    """Fill in `out` (n, clusters): means of `width` columns from `first` on, and `weight` extra."""
    for i in range(C.shape[0]):
        row = C[i]
        for q in range(first.size):
            total = weight[q] * row[extra[q]]
            for t in range(first[q], first[q] + width):
                total += row[order[t]]
            out[i, q] = total * scale[q]


def merge_columns(C: np.ndarray, order: np.ndarray, depth: int) -> np.ndarray:
    """Mean columns (n, 2**depth) of clusters, as in `merge_rows`."""
    n, m = C.shape
    clusters = 1 << depth
    width = m >> depth
    starts = (np.arange(clusters + 1) * m) >> depth
    sizes = np.diff(starts)
    out = np.empty((n, clusters))
    # Every cluster has `width` columns or one more: a fixed trip count and a weight of 0 or 1
    # for the last spare the processor a wrong guess a cluster.
    _merge_columns(
        frozen(C), order, starts[:-1], order[starts[1:] - 1], width,
        (sizes - width).astype(np.float64), 1.0 / sizes, out,
    )  # fmt: skip
    return out


@helper
def _insert(values, keys, value, key):
    """Put (value, key) into the ascending list `values`, whose last entry falls out."""
    k = values.size - 1
    while k > 0 and values[k - 1] > value:
        values[k] = values[k - 1]
        keys[k] = keys[k - 1]
        k -= 1
    values[k] = value
    keys[k] = key


@helper
def _excess(row, g, f, ceiling):
    """Least of row_j - f - g_j - ceiling_j."""
    best = row[0] - g[0] - f - ceiling[0]
    for j in range(row.size):
        best = minimum(best, row[j] - g[j] - f - ceiling[j])
    return best


@kernel
def _best_lists(
    C, f, g, rows, relative, row_values, row_keys, column_values, column_keys, ceiling, both
):
    """Insert the pairs of these rows into the list of the row (rows, k) and of the column (m, k).

    The lists come filled with values above which nothing is wanted; `ceiling` (m,) holds the last
    value of every column's list. A pair is for its row's list if it is eligible as in
    `sparse_simplex`. The columns have lists only if `both` says so.

    The scan begins at a column that depends on the row, so that among ties, of which the first are
    kept, different rows take different columns.
    """
    m = C.shape[1]
    last = row_keys.shape[1] - 1
    blocks = (m + BLOCK - 1) // BLOCK
    for e in range(rows.size):
        i = rows[e]
        shift = f[i]
        values, keys = row_values[e], row_keys[e]
        turn = i * STRIDE
        block, offset = turn % blocks, turn // blocks
        for _ in range(blocks):
            begin = block * BLOCK
            end = min(begin + BLOCK, m)
            row, h = C[i, begin:end], g[begin:end]
            if block_minimum(row, h) - shift < values[last]:
                j = offset % row.size
                for _ in range(row.size):
                    reduced = row[j] - h[j] - shift
                    if reduced < values[last]:
                        local = abs(row[j]) + abs(h[j]) + abs(shift)
                        if reduced <= -relative * local:
                            _insert(values, keys, reduced, begin + j)
                    j += 1
                    if j == row.size:
                        j = 0
            if both:
                limit = ceiling[begin:end]
                if _excess(row, h, shift, limit) < 0.0:
                    for j in range(row.size):
                        reduced = row[j] - h[j] - shift
                        if reduced < limit[j]:
                            _insert(column_values[begin + j], column_keys[begin + j], reduced, i)
                            limit[j] = column_values[begin + j, last]
            block += 1
            if block == blocks:
                block = 0


def best_per_row_and_column(
    C: np.ndarray, f: np.ndarray, g: np.ndarray, n_best: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of least reduced cost, up to `n_best` of every row and of every column.

    Pairs of unusually large reduced cost are left out, never tight ones: a ceiling known in advance
    saves most of the insertions into the lists.

    Returns (source, target) nodes, uint32, target j as n + j, ordered by source, and the costs.
    """
    n, m = C.shape
    # The value below which half of the rows of a sample have 8 n_best pairs, above rounding.
    sample = np.arange(0, n, max(1, n // 32))
    reduced = C[sample] - g - f[sample, None]
    depth = min(8 * n_best, m) - 1
    rounding = 2.0**-44 * float((np.abs(f[sample]) + np.abs(g).max()).max())
    top = max(float(np.median(np.partition(reduced, depth, axis=1)[:, depth])), rounding, 1e-300)
    top = min(top, 1e308)
    row_values, column_values = np.full((n, n_best), top), np.full((m, n_best), top)
    row_keys, column_keys = np.full((n, n_best), -1), np.full((m, n_best), -1)
    # Not even rounding is excluded here: any reduced cost below a list's last will do.
    _best_lists(
        C, f, g, np.arange(n), -1e300, row_values, row_keys, column_values, column_keys,
        np.full(m, top), np.int64(1),
    )  # fmt: skip
    rows, places = np.nonzero(row_keys >= 0)
    columns = row_keys[rows, places]
    # A pair below its row's last entry stands in the row's list already.
    known = column_values < row_values[column_keys, -1]
    more_columns, places = np.nonzero((column_keys >= 0) & ~known)
    source = np.concatenate([rows, column_keys[more_columns, places]])
    target = np.concatenate([columns, more_columns])
    # Ordered by row the simplex needs a third fewer pivots than with the two lists one by one.
    order = np.argsort(source, kind="stable")
    source, target = source[order], target[order]
    return source.astype(np.uint32), (target + n).astype(np.uint32), C[source, target]


def price_rows(
    C: np.ndarray,
    f: np.ndarray,
    g: np.ndarray,
    rows: np.ndarray,
    floor: float,
    relative: float,
    n_best: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Up to `n_best` eligible pairs of each of the given rows: source, target, cost; and `least`.

    Eligible as in `sparse_simplex`. ``least[k]`` is the least reduced cost of ``rows[k]`` that is
    eligible, or -floor, so ``f[rows] + least`` is feasible up to rounding.
    """
    values, keys = np.full((rows.size, n_best), -floor), np.full((rows.size, n_best), -1)
    _best_lists(
        C, f, g, rows, relative, values, keys, np.empty((0, 1)), np.empty((0, 1), np.int64),
        np.empty(0), np.int64(0),
    )  # fmt: skip
    places, ranks = np.nonzero(keys >= 0)
    source, target = rows[places], keys[places, ranks]
    cost = C[source, target]
    target += C.shape[0]
    return source.astype(np.uint32), target.astype(np.uint32), cost, values[:, 0]


def extent(C: np.ndarray) -> tuple[float, float, bool, bool]:
    """Least and largest finite entry (inf, -inf where none is), and two facts.

    Whether any entry is inf, and whether most entries are so much smaller than the largest that a
    penalty above them all would drown them. The last is estimated on a sample of at most 128 x 128
    entries where all are finite.
    """
    n, m = C.shape
    # Blocks that stay in a cache: memory is read once.
    height = max(1, RANGE_ENTRIES // m)
    blocks = [C] if n <= height else [C[i : i + height] for i in range(0, n, height)]
    least, largest = np.inf, -np.inf
    for block in blocks:
        least = min(least, float(block.min()))
        largest = max(largest, float(block.max()))
    forbidden = largest == np.inf
    if forbidden:
        allowed = np.isfinite(C)
        largest = float(np.max(C, where=allowed, initial=-np.inf))
        sizes = np.abs(C[allowed & (C != 0.0)])
        n_positive = sizes.size
    elif least >= (largest - least) / WIDE:
        return least, largest, False, False
    else:
        sizes = np.abs(C[:: max(1, n // 64), :: max(1, m // 64)])
        n_positive = np.count_nonzero(sizes)
    spread = 2 * np.count_nonzero(sizes >= (largest - least) / WIDE) < n_positive
    return least, largest, forbidden, spread


@kernel
def hanging_gap(tree, C):
    """Least reduced cost from components that hang from the root by a source to the other ones.

    Those hang by a target. Raising the penalty of both by half of it makes the first such pair
    eligible. It is inf where every such pair is forbidden: then the sources of the components that
    hang by a source reach only the targets of these, and hold more than they do, by the artificial
    flow. Returns (gap, by_source) with by_source (n + m,).
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
def dense_simplex(tree, C, start, share, relative, max_pivots):
    """Pivot on all pairs of C, row by row, until none is eligible or `max_pivots` are done.

    Eligible as in `sparse_simplex` with a floor of `share` times the largest potential. A call also
    ends after scanning about ENTRIES pairs. Returns (code, number of pivots, row at which to
    resume).
    """
    n, m = C.shape
    pi = tree.pi
    g = pi[n : n + m]
    first = np.uint32(n)
    floor = 0.0
    for x in range(n + m):
        floor = max(floor, share * abs(pi[x]))
    i = start
    idle = 0
    n_pivots = 0
    scans_left = max(2 * n + 2, ENTRIES // m)
    is_fresh = True  # every caller hands over potentials that were just recomputed
    while n_pivots < max_pivots and scans_left > 0:
        scans_left -= 1
        shift = -pi[i]
        least = -floor
        entering = -1
        for begin in range(0, m, BLOCK):
            end = min(begin + BLOCK, m)
            row, h = C[i, begin:end], g[begin:end]
            if block_minimum(row, h) - shift < least:
                for j in range(row.size):
                    reduced = row[j] - h[j] - shift
                    if reduced < least:
                        local = abs(row[j]) + abs(h[j]) + abs(shift)
                        if reduced <= -relative * local:
                            least = reduced
                            entering = begin + j
        if entering >= 0:
            pivot(tree, first, np.uint32(i), np.uint32(n + entering), C[i, entering], least)
            n_pivots += 1
            idle = 0
            is_fresh = False
        else:
            idle += 1
            if idle >= n:
                if is_fresh:
                    return OPTIMAL, n_pivots, i
                recompute_potentials(tree, n)
                is_fresh = True
                idle = 0
        i += 1
        if i == n:
            i = 0
    recompute_potentials(tree, n)
    return PIVOT_LIMIT, n_pivots, i
