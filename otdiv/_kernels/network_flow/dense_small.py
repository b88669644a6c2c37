"""A small dense problem in one call: augmenting paths or pivots, then plan and potentials.

A call from Python that hands over a tree takes about as long as ten pivots: for fifty atoms half a
dozen of them would be a large part of the time. As many rows as columns with uniform weights are an
assignment problem, for shortest augmenting paths; everything else starts from the star basis.
"""

import math

import numpy as np

from .._jit import helper, kernel
from .assignment import UNSOLVED, assign, bid, reduce_to_columns
from .dense_pricing import PATH_ROUNDING, PIVOTS_A_NODE, ROUNDING, WIDE, dense_simplex
from .first_basis import carry_rests
from .spanning_tree import OPTIMAL, Tree, recompute_potentials

__all__ = ["LARGEST", "LEFT", "PIVOTS", "assign_plain", "pivot_plain"]

LEFT, PIVOTS = -1, -2
"""Codes: out of the ordinary, for others to solve; and better or only solved by pivots."""

LARGEST, SMALLEST = 1e290, 2.0**-900
"""Largest cost up to which sums along any path are far from overflow, at 1.8e308, and the least one
down to which digits are far from subnormal numbers, below 2.2e-308."""

# Equal counts up to which augmenting paths are not slower than the simplex by much for any costs;
# the size up to which they are faster where bids leave less than a quarter of the rows free, beyond
# it a sixteenth. Scans a row that they may take then; all measured, on clouds and random costs.
ALWAYS, MOSTLY, PATIENCE = 64, 256, 24


@helper
def _star(tree, a, b, penalty):
    """Fill `tree` with the basis where every atom hangs from the root, at cost `penalty`."""
    n = a.size
    nodes = tree.parent.size
    root = np.uint32(nodes - 1)
    for x in range(nodes):
        source = x < n
        tree.parent[x] = root
        tree.after[x] = x + 1
        tree.before[x] = x - 1
        tree.last[x] = x
        tree.size[x] = 1
        tree.cost[x] = penalty
        tree.pi[x] = -penalty if source else penalty
        if x < root:
            tree.flow[x] = a[x] if source else b[x - n]
    tree.after[root] = 0
    tree.before[0] = root
    tree.last[root] = root - 1
    tree.size[root] = nodes
    tree.cost[root] = tree.pi[root] = 0.0
    tree.flow[root] = 0


@helper
def _read_off(tree, C, least, unit, exponent, rest, rows, columns, mass, f, g):
    """Fill in the plan and the potentials of an optimal tree; returns the entries of the plan.

    `rest` (N,) is that of `carry_rests`, or empty.
    """
    n, m = C.shape
    if rest.size > 0:
        carry_rests(tree, n, rest)
    root = tree.parent.size - 1
    count = 0
    # Where nothing moves and no cost is negative, potentials of 0 prove it without rounding.
    moved = least != 0.0
    for x in range(root):
        y = np.int64(tree.parent[x])
        flow = np.float64(tree.flow[x])
        if rest.size > 0:
            # Integers beyond 2**53 lose digits as floats.
            lacking = rest[x] + np.float64(tree.flow[x] - np.int64(flow))
            if abs(lacking) > (n + m) * 2.0**-50:
                flow += lacking
        if y != root and flow > 0.0:
            i, j = min(x, y), max(x, y) - n
            rows[count] = i
            columns[count] = j
            mass[count] = math.ldexp(flow * unit, exponent)
            moved = moved or C[i, j] != 0.0
            count += 1
    for i in range(n):
        f[i] = tree.pi[root] - tree.pi[i] if moved else 0.0
    for j in range(m):
        g[j] = tree.pi[n + j] - tree.pi[root] if moved else 0.0
    return count


@helper
def _extent(C):
    """Least and largest cost, and whether they are ordinary: finite, moderate and not spread.

    Costs are spread where a penalty above the largest would drown most others.
    """
    least = largest = C[0, 0]
    for i in range(C.shape[0]):
        row = C[i]
        for j in range(row.shape[0]):
            value = row[j]
            least = value if value < least else least
            largest = value if value > largest else largest
    top = max(-least, largest)
    if not top < LARGEST or 0.0 < top < SMALLEST:
        return least, largest, False
    limit = (largest - least) / WIDE
    if least >= limit:
        return least, largest, True
    large = positive = 0
    for i in range(C.shape[0]):
        row = C[i]
        for j in range(row.shape[0]):
            large += abs(row[j]) >= limit
            positive += row[j] != 0.0
    return least, largest, 2 * large >= positive


@kernel
def assign_plain(C, a, b, mass, rows, columns, entries, f, g, integers, numbers):
    """Plan (rows, columns, entries) and potentials f, g (n,) of n rows to n columns.

    Work space: `integers` (5, n), `numbers` (2, n). Returns (n, or a code below 0; rows scanned).
    """
    n = C.shape[0]
    for i in range(n):
        if a[i] != a[0] or b[i] != a[0] or not a[i] > 0.0:
            return np.int64(PIVOTS), np.int64(0)
    least, _, ordinary = _extent(C)
    if not ordinary:
        return np.int64(LEFT), np.int64(0)
    v, distance, reached, scan = g, numbers[0], numbers[1], f
    column_of, row_of, free, before, done = (
        integers[0], integers[1], integers[2], integers[3], integers[4],
    )  # fmt: skip
    reduce_to_columns(C, v, column_of, row_of, before)
    count = np.int64(0)
    for i in range(n):
        if column_of[i] < 0:
            free[count] = i
            count += 1
    count = bid(C, v, column_of, row_of, free, count, n)
    most = n * n
    if n > ALWAYS:
        if count > (n // 4 if n <= MOSTLY else n // 16):
            return np.int64(PIVOTS), np.int64(0)
        most = PATIENCE * n
    scans = assign(
        C, v, column_of, row_of, free, count, distance, reached, scan, before, done, most
    )
    if scans == UNSOLVED:
        return np.int64(PIVOTS), most
    # Where nothing moves and no cost is negative, potentials of 0 prove it without rounding.
    moved = least != 0.0
    for i in range(n):
        j = column_of[i]
        rows[i] = i
        columns[i] = j
        entries[i] = mass / n
        f[i] = C[i, j] - v[j]
        moved = moved or C[i, j] != 0.0
    if not moved:
        for i in range(n):
            f[i] = g[i] = 0.0
    return n, scans


@kernel
def pivot_plain(
    C, a, b, unit, exponent, rest, rows, columns, entries, f, g, links, flow, numbers
):  # fmt: skip
    """Plan (rows, columns, entries) and potentials f (n,), g (m,) by the simplex from the star.

    `a`, `b` are masses as integers, with their `rest`, `unit` and `exponent`, as `IntegerMasses`
    has them. Work space: `links` (5, N) uint32, `flow` (N,), `numbers` (2, N) for the N = n + m + 1
    nodes; rows, columns and entries have that length. Returns (entries of the plan or LEFT,
    pivots).
    """
    n, m = C.shape
    least, largest, ordinary = _extent(C)
    if not ordinary:
        return np.int64(LEFT), np.int64(0)
    # As in `Run`: positive for any costs, also where all are equal or 0.
    penalty = max(largest - least, 2.0**-40 * abs(least))
    penalty = penalty if penalty > 0.0 else 1.0
    # Rounded masses may disagree by about 2**8 units an atom; counts are exact.
    rounding_mass = 2**8 * (n + m) if rest.size > 0 else 0
    max_pivots = PIVOTS_A_NODE * (n + m + 100)
    tree = Tree(links[0], links[1], links[2], links[3], links[4], flow, numbers[0], numbers[1])
    _star(tree, a, b, penalty)
    row = n_pivots = np.int64(0)
    for phase in range(2):
        code = -1
        while code != OPTIMAL:
            code, k, row = dense_simplex(
                tree, C, row, PATH_ROUNDING, ROUNDING, max_pivots - n_pivots
            )
            n_pivots += k
            if code != OPTIMAL and n_pivots >= max_pivots:
                return np.int64(LEFT), n_pivots
        if phase == 0:
            left = np.int64(0)
            for i in range(n):
                if tree.parent[i] == n + m:
                    left += tree.flow[i]
            if left > rounding_mass:
                return np.int64(LEFT), n_pivots
            if left > 0:
                break
            # The penalty is now one shift common to all sources: without it potentials are sharper.
            for i in range(n):
                if tree.parent[i] == n + m:
                    tree.cost[i] = 0.0
            recompute_potentials(tree, n)
    count = _read_off(tree, C, least, unit, exponent, rest, rows, columns, entries, f, g)
    return count, n_pivots
