"""Start of the tree simplex: integer masses, a greedy basis, the order of an earlier plan."""

import math
from typing import Any

import numpy as np

from ._jit import frozen, helper, kernel

__all__ = ["integer_masses", "leaf_order", "start_basis"]


@helper
def _common_unit(weights):
    """Whole numbers proportional to `weights` and their sum, or a sum of 0 where there are none.

    Counts and uniform weights are recognised by being multiples of their least positive entry.
    """
    least = np.inf
    for w in weights:
        if 0.0 < w < least:
            least = w
    counts = np.zeros(weights.size, np.int64)
    total = np.int64(0)
    for i in range(weights.size):
        ratio = weights[i] / least
        whole = np.rint(ratio)
        if not ratio < 2.0**30 or abs(ratio - whole) > 2.0**-50 * ratio:
            return counts, np.int64(0)
        counts[i] = np.int64(whole)
        total += counts[i]
    if total > 2**30:
        total = np.int64(0)
    return counts, total


@kernel
def _integer_masses(a, b):
    """`integer_masses` of any weights."""
    n, m = a.size, b.size
    total = 0.0
    for i in range(n):
        total += a[i]
    exponent = np.int64(np.floor(np.log2(total))) + 1  # total <= 2**exponent
    a_counts, a_total = _common_unit(a)
    if a_total > 0:
        b_counts, b_total = _common_unit(b)
        if b_total > 0:
            x, y = a_total, b_total
            while y > 0:
                x, y = y, x % y
            a_factor, b_factor = b_total // x, a_total // x
            heaviest = 0
            for i in range(n):
                if a_counts[i] > a_counts[heaviest]:
                    heaviest = i
            unit = math.ldexp(a[heaviest], -exponent) / np.float64(a_counts[heaviest])
            for i in range(n):
                a_counts[i] *= a_factor
            for j in range(m):
                b_counts[j] *= b_factor
            return a_counts, b_counts, unit / np.float64(a_factor), exponent
    a_mass = np.empty(n, np.int64)
    b_mass = np.empty(m, np.int64)
    difference = np.int64(0)
    for i in range(n):
        a_mass[i] = np.int64(np.rint(math.ldexp(a[i], 60 - exponent)))
        if a_mass[i] == 0 and a[i] > 0.0:
            a_mass[i] = 1
        difference += a_mass[i]
    heaviest = 0
    for j in range(m):
        b_mass[j] = np.int64(np.rint(math.ldexp(b[j], 60 - exponent)))
        if b_mass[j] == 0 and b[j] > 0.0:
            b_mass[j] = 1
        difference -= b_mass[j]
        if b_mass[j] > b_mass[heaviest]:
            heaviest = j
    b_mass[heaviest] += difference
    return a_mass, b_mass, 2.0**-60, exponent


def integer_masses(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Integers proportional to the weights `a` (n,), `b` (m,) >= 0 up to rounding at 2**-61.

    Where each side is a multiple of a unit of its own (uniform weights, counts) the ratios are
    kept exactly, so ties between partial sums survive; else both sides are scaled by one power of
    two, so equal weights stay equal, and the difference of the totals goes to the largest atom of
    `b`. Positive weights stay positive.

    Returns (a, b, unit, exponent): the mass of the integer k is ``ldexp(k * unit, exponent)``.
    """
    n, m = a.size, b.size
    if max(n, m) <= 2**30 and a.min() == a.max() > 0.0 and b.min() == b.max() > 0.0:
        # The common case needs no kernel, which would have to be compiled first.
        exponent = math.floor(math.log2(float(a.sum()))) + 1  # the total <= 2**exponent
        common = math.gcd(n, m)
        unit = math.ldexp(float(a[0]), -exponent) / (m // common)
        return np.full(n, m // common), np.full(m, n // common), unit, exponent
    return _integer_masses(frozen(a), frozen(b))


@kernel
def _start_basis(
    tree, n, estimate, source, target, cost, order, penalty, left, work, links, numbers, arc_cost
):
    """`start_basis` for masses `left` (N,) and `estimate` of both sides.

    Work space: (3, N) and (2, 2 N) int64, (2, N) uint32, (N,) float64; N = n + m + 1 nodes.
    """
    nodes = left.size
    root = np.uint32(nodes - 1)
    # Adjacency of the forest: half-arcs 2e and 2e + 1 in linked lists.
    first, arc_flow, place, following, end = work[0], work[1], work[2], links[0], links[1]
    preorder, stack = numbers[0], numbers[1]
    for x in range(nodes):
        first[x] = -1
        place[x] = 0  # not hung yet; the root is at place 0
    n_chosen = 0
    for e in range(order.size):
        k = order[e]
        i, j = source[k], target[k]
        if left[i] > 0 and left[j] > 0:
            amount = min(left[i], left[j])
            left[i] -= amount
            left[j] -= amount
            arc_flow[n_chosen] = amount
            arc_cost[n_chosen] = cost[k]
            half = 2 * n_chosen
            end[half] = j
            following[half] = first[i]
            first[i] = half
            end[half + 1] = i
            following[half + 1] = first[j]
            first[j] = half + 1
            n_chosen += 1

    parent, after, before = tree.parent, tree.after, tree.before
    size, last, flow, arc, pi = tree.size, tree.last, tree.flow, tree.cost, tree.pi
    parent[root] = root
    flow[root] = 0
    arc[root] = 0.0
    pi[root] = 0.0
    preorder[0] = root
    count = 1
    # First the live nodes; then the sources, which reaches every component without a live node.
    for sweep in range(2):
        for node in range(nodes - 1 if sweep == 0 else n):
            if place[node] > 0 or (sweep == 0 and left[node] == 0):
                continue
            parent[node] = root
            flow[node] = left[node]
            arc[node] = penalty + estimate[node]
            pi[node] = -arc[node] if node < n else arc[node]
            stack[0] = node
            depth = 1
            while depth > 0:
                depth -= 1
                x = stack[depth]
                place[x] = count
                preorder[count] = x
                count += 1
                half = first[x]
                while half >= 0:
                    y = np.uint32(end[half])
                    if y != parent[x]:
                        parent[y] = x
                        flow[y] = arc_flow[half >> 1]
                        arc[y] = arc_cost[half >> 1]
                        pi[y] = pi[x] - arc[y] if y < n else pi[x] + arc[y]
                        stack[depth] = y
                        depth += 1
                    half = following[half]
    for k in range(nodes):
        size[k] = 1
    for k in range(nodes - 1, 0, -1):
        x = preorder[k]
        size[parent[x]] += size[x]
    for k in range(nodes):
        x = preorder[k]
        y = preorder[k + 1 if k + 1 < nodes else 0]
        after[x] = y
        before[y] = x
        last[x] = preorder[k + np.int64(size[x]) - 1]


def start_basis(
    tree: Any,
    a: np.ndarray,
    b: np.ndarray,
    f: np.ndarray,
    g: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    cost: np.ndarray,
    order: np.ndarray,
    penalty: float,
) -> None:
    """Fill `tree` greedily from candidate arcs, best first, and hang what is left from the root.

    Parameters: integer masses `a` (n,) and `b` (m,), all of b positive, equal totals; estimates
    `f`, `g` of the dual; candidate arcs as in `sparse_simplex`; `order`, the candidates to try,
    by increasing reduced cost. Every fill exhausts one of its two ends, so the arcs form a forest
    with at most one live node in a component; that node, or any source where there is none, hangs
    from the root by an artificial arc of cost f_i + penalty or g_j + penalty.
    """
    nodes = a.size + b.size + 1
    left = np.concatenate([a, b, np.zeros(1, np.int64)])
    _start_basis(
        tree, a.size, np.concatenate([f, g]), source, target, cost, order, float(penalty), left,
        np.empty((3, nodes), np.int64), np.empty((2, 2 * nodes), np.int64),
        np.empty((2, nodes), np.uint32), np.empty(nodes),
    )  # fmt: skip


@kernel
def leaf_order(rows, columns, n, m):
    """Order of the pairs of a plan in which each is the last that one of its ends still needs.

    Filling a forest greedily in this order gives its flows back, whatever the weights. Pairs on
    cycles come last.
    """
    degree = np.zeros(n + m, np.int64)
    incident = np.zeros(n + m, np.int64)  # exclusive or of the numbers of the pairs at a node
    for e in range(rows.size):
        for node in (rows[e], n + columns[e]):
            degree[node] += 1
            incident[node] ^= e
    done = np.zeros(rows.size, np.bool_)
    order = np.empty(rows.size, np.int64)
    count = 0
    for start in range(n + m):
        node = start
        while degree[node] == 1:
            e = incident[node]
            done[e] = True
            order[count] = e
            count += 1
            degree[node] = 0
            node = n + columns[e] if node == rows[e] else rows[e]
            degree[node] -= 1
            incident[node] ^= e
    for e in range(rows.size):
        if not done[e]:
            order[count] = e
            count += 1
    return order
