"""Start of the network simplex: integer masses, a greedy basis, the order of an earlier plan."""

import math
from typing import Any, NamedTuple

import numpy as np

from .._jit import frozen, helper, kernel
from ..proofs.sums import defect

__all__ = [
    "IntegerMasses",
    "carry_rests",
    "integer_masses",
    "integer_masses_of",
    "leaf_order",
    "recompute_potentials",
    "start_basis",
]


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


@helper
def _closest(weights, counts, total, mass):
    """Whether counts are proportional to the weights within 3 u, as those of a histogram are."""
    unit = mass / np.float64(total)
    small = defect(weights, mass)[0]
    for i in range(weights.size):
        w = weights[i]
        if abs(w - np.float64(counts[i]) * unit + small * w) > 3.0 * 2.0**-53 * w:
            return False
    return True


@helper
def _rounded(weights, mass, shift, whole, rest):
    """Fill in the multiples of 2**-shift nearest to the weights, and what they lack of them."""
    small = defect(weights, mass)[0]
    for i in range(weights.size):
        scaled = math.ldexp(weights[i], shift)
        nearest = np.rint(scaled)
        if nearest == 0.0 and weights[i] > 0.0:
            nearest = 1.0
        whole[i] = np.int64(nearest)
        rest[i] = (scaled - nearest) + scaled * small


@kernel
def integer_masses_of(a, b, mass):
    """`integer_masses` of any weights."""
    n, m = a.size, b.size
    exponent = np.int64(np.floor(np.log2(mass))) + 1  # mass <= 2**exponent
    a_counts, a_total = _common_unit(a)
    if a_total > 0:
        b_counts, b_total = _common_unit(b)
        exact = b_total > 0 and _closest(a, a_counts, a_total, mass)
        if exact and _closest(b, b_counts, b_total, mass):
            x, y = a_total, b_total
            while y > 0:
                x, y = y, x % y
            a_factor, b_factor = b_total // x, a_total // x
            for i in range(n):
                a_counts[i] *= a_factor
            for j in range(m):
                b_counts[j] *= b_factor
            unit = math.ldexp(mass, -exponent) / np.float64(a_total * a_factor)
            return a_counts, b_counts, unit, exponent, np.empty(0), np.empty(0)
    a_mass, b_mass = np.empty(n, np.int64), np.empty(m, np.int64)
    a_rest, b_rest = np.empty(n), np.empty(m)
    _rounded(a, mass, 60 - exponent, a_mass, a_rest)
    _rounded(b, mass, 60 - exponent, b_mass, b_rest)
    difference = np.int64(0)
    for i in range(n):
        difference += a_mass[i]
    heaviest = 0
    for j in range(m):
        difference -= b_mass[j]
        if b_mass[j] > b_mass[heaviest]:
            heaviest = j
    b_mass[heaviest] += difference
    b_rest[heaviest] -= np.float64(difference)
    return a_mass, b_mass, 2.0**-60, exponent, a_rest, b_rest


class IntegerMasses(NamedTuple):
    """Weights as integers; the mass of the integer k is ``ldexp(k * unit, exponent)``."""

    a: np.ndarray
    b: np.ndarray
    unit: float
    exponent: int
    a_rest: np.ndarray
    """What each integer lacks of the weight, in units (n,); empty where the integers are exact."""
    b_rest: np.ndarray


def integer_masses(a: np.ndarray, b: np.ndarray, mass: float) -> IntegerMasses:
    """Integers proportional to the weights `a` (n,), `b` (m,) >= 0 up to rounding at 2**-61.

    Each side's weights count as shares of `mass`. Where each side is a multiple of a unit of its
    own (uniform weights, counts) the ratios are kept exactly, so ties between partial sums survive;
    else both sides are scaled by one power of two, so equal weights stay equal, and the difference
    of the totals goes to the largest atom of `b`. Positive weights stay positive.
    """
    n, m = a.size, b.size
    # The common case needs no kernel, which would have to be compiled first.
    uniform = a[0] == a[-1] > 0.0 and b[0] == b[-1] > 0.0 and max(n, m) <= 2**30
    if uniform and (a == a[0]).all() and (b == b[0]).all():
        exponent = math.floor(math.log2(mass)) + 1  # the mass <= 2**exponent
        common = math.gcd(n, m)
        unit = math.ldexp(mass, -exponent) / (n * (m // common))
        none = np.empty(0)
        whole = np.full(n, m // common), np.full(m, n // common)
        return IntegerMasses(*whole, unit, exponent, none, none)
    return IntegerMasses._make(integer_masses_of(frozen(a), frozen(b), mass))


@kernel
def _grow(n, source, target, order, left, first, end, following, chosen, flow, arc,
          parent, size, after, before, last, preorder, stack):  # fmt: skip
    """Give arcs as much flow as they can take, in this order, and join their forest to the root.

    `left` (N,), the masses of the nodes, becomes what no arc has taken of them. Arc ``chosen[e]``
    gets the flow ``flow[e]``; the half-arcs 2e and 2e + 1 are in linked lists, from ``first[x]`` of
    their node on, and end at the other one. ``arc[x]`` becomes the e of the arc to the parent; it
    comes filled with -1, as `first` does, and `size` with 0.
    """
    root = left.size - 1
    half = 0
    for e in range(order.size):
        k = order[e]
        i, j = source[k], target[k]
        amount = min(left[i], left[j])
        if amount > 0:
            left[i] -= amount
            left[j] -= amount
            flow[half >> 1] = amount
            chosen[half >> 1] = k
            end[half] = j
            following[half] = first[i]
            first[i] = half
            half += 1
            end[half] = i
            following[half] = first[j]
            first[j] = half
            half += 1

    preorder[0] = root
    count = 1
    # First the live nodes; then the sources, which reaches every component without a live node.
    for sweep in range(2):
        for node in range(root if sweep == 0 else n):
            if size[node] > 0 or (sweep == 0 and left[node] == 0):
                continue
            parent[node] = root
            stack[0] = node
            depth = 1
            while depth > 0:
                depth -= 1
                x = stack[depth]
                size[x] = 1
                preorder[count] = x
                count += 1
                half = first[x]
                while half >= 0:
                    y = end[half]
                    if y != parent[x]:
                        parent[y] = x
                        arc[y] = half >> 1
                        stack[depth] = y
                        depth += 1
                    half = following[half]
    for k in range(root, 0, -1):
        x = preorder[k]
        size[parent[x]] += size[x]
    size[root] = root + 1
    y = preorder[0]
    for k in range(root, -1, -1):
        x = preorder[k]
        after[x] = y
        before[y] = x
        last[x] = preorder[k + np.int64(size[x]) - 1]
        y = x


@kernel
def recompute_potentials(tree, n):
    """Potentials from the tree's costs alone: forgets the rounding of all shifts since the last."""
    parent, after, cost, pi = tree.parent, tree.after, tree.cost, tree.pi
    root = np.uint32(parent.size - 1)
    pi[root] = 0.0
    x = after[root]
    while x != root:
        pi[x] = pi[parent[x]] - cost[x] if x < n else pi[parent[x]] + cost[x]
        x = after[x]


@helper
def carry_rests(tree, n, rest):
    """Turn what the integer masses of nodes lack (N,) into what the flows of their arcs lack.

    In place. `rest` holds weight less integer for sources, and the negative of that for targets.
    """
    parent, before = tree.parent, tree.before
    root = np.uint32(parent.size - 1)
    x = before[root]
    while x != root:
        rest[parent[x]] += rest[x]
        x = before[x]
    for x in range(n, parent.size - 1):
        rest[x] = -rest[x]


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
    """Fill `tree` greedily from candidate arcs, best first; artificial arcs carry what is left.

    Parameters: integer masses `a` (n,) and `b` (m,), all of b positive, equal totals; estimates
    `f`, `g` of the dual; candidate arcs as in `sparse_simplex`; `order`, the candidates to try,
    by increasing reduced cost. Every fill exhausts one of its two ends, so the arcs form a forest
    with at most one live node in a component; that node, or any source where there is none, hangs
    from the root by an artificial arc of cost f_i + penalty or g_j + penalty.
    """
    n, nodes = a.size, a.size + b.size + 1
    root = nodes - 1
    left = np.concatenate([a, b, np.zeros(1, np.int64)])
    first, arc = np.full((2, nodes), -1)
    end, following = np.empty((2, 2 * nodes), np.int64)
    chosen, flow = np.empty((2, nodes), np.int64)
    preorder, stack = np.empty((2, nodes), np.uint32)
    tree.parent[root] = root
    tree.size[:] = 0
    _grow(
        n, source, target, order, left, first, end, following, chosen, flow, arc,
        tree.parent, tree.size, tree.after, tree.before, tree.last, preorder, stack,
    )  # fmt: skip
    # What takes little time in NumPy is not compiled.
    below = np.flatnonzero(arc >= 0)
    arc = arc[below]
    tree.flow[:] = left
    tree.flow[below] = flow[arc]
    tree.cost[:n], tree.cost[n:root], tree.cost[root] = penalty + f, penalty + g, 0.0
    tree.cost[below] = cost[chosen[arc]]
    recompute_potentials(tree, n)


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
