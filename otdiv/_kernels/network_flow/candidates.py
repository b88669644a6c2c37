"""Lists of candidate arcs for the sparse simplex: merging them, and extending them by pricing."""

import numpy as np

from .._jit import kernel
from .spanning_tree import Tree


@kernel
def _merge(row_columns, row_counts, column_rows, column_counts, place, rows, columns):
    """Fill in the arcs of `merge_lists`, with work space `place` (n,) of zeros; their number."""
    total = 0
    for fill in range(2):
        for i in range(row_counts.size):
            for e in range(row_counts[i]):
                if fill:
                    rows[place[i]] = i
                    columns[place[i]] = row_columns[i, e]
                place[i] += 1
        for j in range(column_counts.size):
            for t in range(column_counts[j]):
                i = column_rows[j, t]
                known = False
                for e in range(row_counts[i]):
                    known |= row_columns[i, e] == j
                if known:
                    continue
                if fill:
                    rows[place[i]] = i
                    columns[place[i]] = j
                place[i] += 1
        if not fill:
            # Numbers of arcs become the places of the first.
            for i in range(place.size):
                size = place[i]
                place[i] = total
                total += size
    return total


def merge_lists(
    row_columns: np.ndarray,
    row_counts: np.ndarray,
    column_rows: np.ndarray,
    column_counts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Arcs (rows, columns) of both K-best lists without repetition, sorted by row.

    row_columns (n, K), row_counts (n,): columns listed by rows; column_rows (m, L),
    column_counts (m,): rows listed by columns.
    """
    arcs = np.empty((2, row_columns.size + column_rows.size), np.int64)
    place = np.zeros(row_counts.size, np.int64)
    total = _merge(row_columns, row_counts, column_rows, column_counts, place, arcs[0], arcs[1])
    return arcs[0, :total], arcs[1, :total]


def violating_arcs(
    columns: np.ndarray,
    differences: np.ndarray,
    counts: np.ndarray,
    f: np.ndarray,
    g: np.ndarray,
    relative: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Arcs whose reduced cost c - f - g is negative beyond rounding, given `differences` c - g.

    Returns (rows, columns) of those below -relative (|c| + |f| + |g|).
    """
    rows = np.flatnonzero(counts)
    # What lies beyond a row's count was never set.
    listed = np.arange(columns.shape[1]) < counts[rows, None]
    places, entries = np.nonzero(listed)
    rows = rows[places]
    values, columns = differences[rows, entries], columns[rows, entries]
    f, g = f[rows], g[columns]
    below = values - f < -relative * (np.abs(values + g) + np.abs(f) + np.abs(g))
    return rows[below], columns[below]


@kernel
def corner_fill(a, b):
    """Plan (rows, columns, integer mass) that fills rows and columns in order: the corner rule."""
    n, m = a.shape[0], b.shape[0]
    rows = np.empty(n + m, np.int64)
    columns = np.empty(n + m, np.int64)
    mass = np.empty(n + m, np.int64)
    size, i, j = 0, 0, 0
    left_a, left_b = np.int64(0), np.int64(0)
    while True:
        while left_a == 0 and i < n:
            left_a = a[i]
            i += 1
        while left_b == 0 and j < m:
            left_b = b[j]
            j += 1
        moved = min(left_a, left_b)
        if moved == 0:
            return rows[:size].copy(), columns[:size].copy(), mass[:size].copy()
        rows[size] = i - 1
        columns[size] = j - 1
        mass[size] = moved
        size += 1
        left_a -= moved
        left_b -= moved


@kernel
def _spread(rows, columns, mass, left_a, left_b, next_a, next_b, fine_rows, fine_columns, fine):
    """Fill in the plan of `spread`; the number of its entries. Work space is overwritten."""
    size = 0
    for e in range(rows.size):
        left = mass[e]
        i, j = next_a[rows[e]], next_b[columns[e]]
        while left > 0:
            while left_a[i] == 0:
                i += 1
            while left_b[j] == 0:
                j += 1
            moved = min(left, left_a[i], left_b[j])
            fine_rows[size], fine_columns[size], fine[size] = i, j, moved
            size += 1
            left -= moved
            left_a[i] -= moved
            left_b[j] -= moved
        next_a[rows[e]], next_b[columns[e]] = i, j
    return size


def spread(
    plan: tuple[np.ndarray, np.ndarray, np.ndarray],
    sizes: tuple[int, int],
    a: np.ndarray,
    b: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plan of atoms from a plan of nodes of their trees: each node's atoms in tree order.

    `plan` are rows, columns and integer masses between as many nodes as `sizes` says; `a` (n,) and
    `b` (m,) are the masses of the atoms, of which node q of k holds q * n // k to (q + 1) * n // k.
    """
    rows, columns, mass = plan
    order = np.lexsort((columns, rows))
    room = order.size + a.size + b.size
    fine_rows, fine_columns, fine = (np.empty(room, np.int64) for _ in range(3))
    first_a, first_b = (
        np.arange(k, dtype=np.int64) * side.size // k for k, side in zip(sizes, (a, b), strict=True)
    )
    size = _spread(
        rows[order], columns[order], mass[order], a.copy(), b.copy(), first_a, first_b,
        fine_rows, fine_columns, fine,
    )  # fmt: skip
    return fine_rows[:size], fine_columns[:size], fine[:size]


def artificial_masses(tree: Tree, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Integer masses (n,), (m,) that sources send to the root and targets receive from it."""
    root = tree.parent.size - 1
    mass = np.where(tree.parent[:root] == root, tree.flow[:root], 0)
    return mass[:n], mass[n:]
