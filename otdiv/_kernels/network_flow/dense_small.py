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

__all__ = ["LEFT", "WEIGHTED", "solve_plain"]

LEFT, WEIGHTED = -1, -2
"""Codes: out of the ordinary, for others to solve; weights whose integers have to be found."""

# Largest cost up to which sums along any path are far from overflow, at 1.8e308, and the least one
# down to which digits are far from subnormal numbers, below 2.2e-308.
LARGEST, SMALLEST = 1e290, 1e-260

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
def _by_simplex(tree, C, a, b, penalty, rounding_mass, max_pivots):
    """Fill `tree` with an optimal basis; returns whether it was found, and the pivots."""
    n = a.size
    _star(tree, a, b, penalty)
    row = np.int64(0)
    n_pivots = 0
    for phase in range(2):
        code = -1
        while code != OPTIMAL:
            code, k, row = dense_simplex(
                tree, C, row, PATH_ROUNDING, ROUNDING, max_pivots - n_pivots
            )
            n_pivots += k
            if code != OPTIMAL and n_pivots >= max_pivots:
                return False, n_pivots
        if phase == 0:
            left = np.int64(0)
            for i in range(n):
                if tree.parent[i] == n + b.size:
                    left += tree.flow[i]
            if left > rounding_mass:
                return False, n_pivots
            if left > 0:
                break
            # The penalty is now one shift common to all sources: without it potentials are sharper.
            for i in range(n):
                if tree.parent[i] == n + b.size:
                    tree.cost[i] = 0.0
            recompute_potentials(tree, n)
    return True, n_pivots


@helper
def _by_assignment(C, least, share, rows, columns, mass, f, g, integers, numbers):
    """Plan and potentials of n rows to n columns; returns their number, or -1, and the scans.

    -1 where the network simplex is expected to be faster, or turned out to be.
    """
    n = C.shape[0]
    v, distance, reached, scan = g, numbers[0, :n], numbers[1, :n], f
    column_of, row_of, free = integers[0, :n], integers[1, :n], integers[2, :n]
    before, done = integers[3, :n], integers[4, :n]
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
            return -1, 0
        most = PATIENCE * n
    scans = assign(
        C, v, column_of, row_of, free, count, distance, reached, scan, before, done, most
    )
    if scans == UNSOLVED:
        return -1, most
    # Where nothing moves and no cost is negative, potentials of 0 prove it without rounding.
    moved = least != 0.0
    for i in range(n):
        j = column_of[i]
        rows[i] = i
        columns[i] = j
        mass[i] = share
        f[i] = C[i, j] - v[j]
        moved = moved or C[i, j] != 0.0
    if not moved:
        f[:] = 0.0
        g[:] = 0.0
    return n, scans


@helper
def _extent(C):
    """Least and largest cost, and whether a penalty above the largest would drown most others."""
    least = largest = C[0, 0]
    for i in range(C.shape[0]):
        row = C[i]
        for j in range(row.shape[0]):
            value = row[j]
            least = value if value < least else least
            largest = value if value > largest else largest
    limit = (largest - least) / WIDE
    if least >= limit or largest == np.inf:
        return least, largest, False
    large = positive = 0
    for i in range(C.shape[0]):
        row = C[i]
        for j in range(row.shape[0]):
            large += abs(row[j]) >= limit
            positive += row[j] != 0.0
    return least, largest, 2 * large < positive


@kernel
def solve_plain(
    C, a, b, mass, whole, rest, unit, exponent,
    rows, columns, entries, f, g, links, integers, numbers,
):  # fmt: skip
    """Plan (rows, columns, entries) and potentials f (n,), g (m,) for costs C and weights a, b.

    `whole` (n + m,) are the masses as integers with their `rest`, `unit` and `exponent`, as
    `IntegerMasses` has them. Where `whole` is empty they are counts of a common unit, if both sides
    are uniform. Work space: `links` (5, N) uint32, `integers` (5, N), `numbers` (2, N) for the
    N = n + m + 1 nodes; rows, columns and entries have the length n + m.

    Returns (entries of the plan or a code below 0, pivots or rows scanned).
    """
    n, m = C.shape
    least, largest, spread = _extent(C)
    top = max(-least, largest)
    if spread or not top < LARGEST or 0.0 < top < SMALLEST:
        return LEFT, 0
    uniform = whole.size == 0
    for i in range(n):
        if not a[i] > 0.0:
            return LEFT, 0
        uniform = uniform and a[i] == a[0]
    for j in range(m):
        if not b[j] > 0.0:
            return LEFT, 0
        uniform = uniform and b[j] == b[0]
    if whole.size == 0 and not uniform:
        return WEIGHTED, 0
    common = np.int64(1)
    if uniform:
        common, x = n, m
        while x > 0:
            common, x = x, common % x
        exponent = np.int64(np.floor(np.log2(mass))) + 1  # the mass <= 2**exponent
        unit = math.ldexp(mass, -exponent) / (n * (m // common))
        if n == m:
            share = math.ldexp(unit, exponent)
            count, scans = _by_assignment(
                C, least, share, rows, columns, entries, f, g, integers, numbers
            )
            if count > 0:
                return count, scans
    supply, demand = integers[0, :n], integers[1, :m]
    for i in range(n):
        supply[i] = m // common if uniform else whole[i]
    for j in range(m):
        demand[j] = n // common if uniform else whole[n + j]
    # As in `Run`: positive for any costs, also where all are equal or 0.
    penalty = max(largest - least, 2.0**-40 * abs(least))
    penalty = penalty if penalty > 0.0 else 1.0
    # Rounded masses may disagree by about 2**8 units an atom; counts are exact.
    rounding_mass = 2**8 * (n + m) if rest.size > 0 else 0
    tree = Tree(
        links[0], links[1], links[2], links[3], links[4], integers[2], numbers[0], numbers[1]
    )
    found, n_pivots = _by_simplex(
        tree, C, supply, demand, penalty, rounding_mass, PIVOTS_A_NODE * (n + m + 100)
    )
    if not found:
        return LEFT, n_pivots
    count = _read_off(tree, C, least, unit, exponent, rest, rows, columns, entries, f, g)
    return count, n_pivots
