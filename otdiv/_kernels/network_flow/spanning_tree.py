"""The spanning-tree simplex of the uncapacitated transportation problem: state, pivot, sparse loop.

Nodes are the sources 0..n-1, the targets n..n+m-1 and one root n+m. Only tree arcs carry flow, and
every node but the root owns exactly one tree arc, the one to its parent. A `Tree` therefore needs
no array over the arcs of the problem at all; it holds, for N = n + m + 1 nodes,

- ``parent, after, before, size, last`` (uint32): the parent; successor and predecessor in preorder
  (a circular list through the root); number of nodes of the subtree; its last node in preorder;
- ``flow`` (int64) and ``cost`` (float64) of the arc to the parent;
- ``pi`` (float64): the potential of the node. Source i has f_i = pi[root] - pi[i] and target j has
  g_j = pi[n + j] - pi[root], so the reduced cost c_ij - f_i - g_j is ``c + pi[i] - pi[n + j]``.

The direction of an arc needs no storage: the arc of a source points up, that of a target down. The
arcs at the root are artificial, source -> root and root -> target; they cost an estimate of the
dual plus `penalty`, carry what is not yet transported, and never re-enter once they left.

Masses are integers (see `integer_masses`): flows are then exact, ties stay ties, and the strongly
feasible basis (every arc with zero flow points to the root; Cunningham 1976) excludes cycling.
It requires targets of positive mass. Node numbers are unsigned because Numba tests signed indices
for wrap-around.

References
----------
Ahuja, Magnanti, Orlin (1993), Network Flows, chapter 11. Cunningham (1976), A network simplex
method, doi:10.1007/BF01580379.
"""

from typing import NamedTuple

import numpy as np

from .._jit import helper, kernel
from .first_basis import (
    IntegerMasses,
    carry_rests,
    integer_masses,
    leaf_order,
    recompute_potentials,
    start_basis,
)

__all__ = [
    "OPTIMAL",
    "PIVOT_LIMIT",
    "Tree",
    "artificial_flow",
    "flows",
    "integer_masses",
    "leaf_order",
    "masses",
    "new_tree",
    "pivot",
    "potentials",
    "raise_penalty",
    "recompute_potentials",
    "release",
    "sparse_simplex",
    "start_basis",
]

# Codes that tell why a stretch of pivots ended.
OPTIMAL = 0
PIVOT_LIMIT = 1

# More than any flow: masses sum to about 2**60, so sums of two flows fit in int64.
_NO_FLOW_LIMIT = np.int64(2**62)


class Tree(NamedTuple):
    """The basis: one spanning tree, its flows and its potentials; every array has N entries."""

    parent: np.ndarray
    after: np.ndarray
    before: np.ndarray
    size: np.ndarray
    last: np.ndarray
    flow: np.ndarray
    cost: np.ndarray
    pi: np.ndarray


def new_tree(n: int, m: int) -> Tree:
    """Allocate a tree for n sources and m targets; `start_basis` gives it its content."""
    nodes = n + m + 1
    links = np.empty((5, nodes), np.uint32)
    return Tree._make([*links, np.empty(nodes, np.int64), *np.empty((2, nodes))])


@helper
def pivot(tree, n, i, j, c, reduced_cost):
    """Bring arc (i, j) of cost c into the tree: new flows, new tree, new potentials.

    `n` (uint32) is the number of sources, `i` and `j` (uint32) are nodes, `reduced_cost` < 0.
    """
    parent, after, before = tree.parent, tree.after, tree.before
    size, last, flow, cost, pi = tree.size, tree.last, tree.flow, tree.cost, tree.pi
    nodes = np.uint32(parent.size)
    root = np.uint32(nodes - np.uint32(1))

    # The cycle runs join -> ... -> i -> j -> ... -> join. On the side of i only arcs of sources
    # lose flow, on the side of j only arcs of targets. The last blocking arc in this direction
    # leaves, which keeps the basis strongly feasible.
    p, q = i, j
    out_i, out_j = i, j
    slack_i = slack_j = _NO_FLOW_LIMIT
    while p != q:
        if size[p] < size[q]:
            if p < n and flow[p] < slack_i:
                slack_i = flow[p]
                out_i = p
            p = parent[p]
        else:
            if q >= n and flow[q] <= slack_j:
                slack_j = flow[q]
                out_j = q
            q = parent[q]
    join = p
    if slack_j <= slack_i:
        delta, out, inner, outer, shift = slack_j, out_j, j, i, reduced_cost
    else:
        delta, out, inner, outer, shift = slack_i, out_i, i, j, -reduced_cost
    if delta > 0:
        p = i
        while p != join:
            flow[p] += -delta if p < n else delta
            p = parent[p]
        q = j
        while q != join:
            flow[q] += delta if q < n else -delta
            q = parent[q]

    # Cut the subtree of `out` off the rest.
    moved = size[out]
    head, tail = before[out], last[out]
    rest = after[tail]
    after[head] = rest
    before[rest] = head
    x = parent[out]
    while x != join:
        size[x] -= moved
        x = parent[x]
    x = parent[out]
    while last[x] == tail:
        last[x] = head
        if x == root:
            break
        x = parent[x]

    # Turn it round so that `inner` is its root. Along the stem inner = s_0, s_1, ..., out the node
    # s_k becomes the last child of s_(k-1), and brings what its subtree holds outside s_(k-1):
    # in preorder a piece before s_(k-1) and a piece after it.
    x = inner
    middle, middle_place = inner, np.uint32(0)
    x_before, x_last = before[x], last[x]
    x_rest = after[x_last]
    tail = x_last
    new_parent, new_flow, new_cost, taken = outer, delta, c, np.uint32(0)
    while True:
        y, y_flow, y_cost, y_taken = parent[x], flow[x], cost[x], size[x]
        parent[x] = new_parent
        flow[x] = new_flow
        cost[x] = new_cost
        size[x] = moved - taken
        if x == out:
            break
        # In the new preorder of the piece, y follows all that hung below x: its place is y_taken.
        if y_taken <= moved >> np.uint32(1) or x == inner:
            middle, middle_place = y, y_taken
        y_before, y_last = before[y], last[y]
        y_rest = x_rest if y_last == x_last else after[y_last]
        after[tail] = y
        before[y] = tail
        tail = x_before
        if y_last != x_last:
            after[tail] = x_rest
            before[x_rest] = tail
            tail = y_last
        new_parent, new_flow, new_cost, taken = x, y_flow, y_cost, y_taken
        x, x_before, x_last, x_rest = y, y_before, y_last, y_rest
    while x != outer:
        last[x] = tail
        x = parent[x]

    # Hang it below `outer`, as its first child.
    rest = after[outer]
    after[outer] = inner
    before[inner] = outer
    after[tail] = rest
    before[rest] = tail
    x = outer
    while x != join:
        size[x] += moved
        x = parent[x]
    x = outer
    while last[x] == outer:
        last[x] = tail
        if x == root:
            break
        x = parent[x]

    # Shift the potentials of the smaller of the two parts, each contiguous in preorder. Walks from
    # both ends, and from the middle where a node near it is known, give the processor independent
    # chains of loads.
    x, y, count = inner, tail, moved
    if moved > nodes - moved:
        x, y, count, shift = rest, outer, nodes - moved, -shift
    elif middle_place > 0:
        z, w = before[middle], middle
        steps = min(middle_place, moved - middle_place) >> np.uint32(1)
        for _ in range(steps):
            pi[x] += shift
            pi[y] += shift
            pi[z] += shift
            pi[w] += shift
            x = after[x]
            y = before[y]
            z = before[z]
            w = after[w]
        # Left are x..z and w..y; the shorter has one node at most.
        count = middle_place - np.uint32(2) * steps
        other = moved - middle_place - np.uint32(2) * steps
        if count >= other:
            if other > 0:
                pi[w] += shift
            y = z
        else:
            if count > 0:
                pi[x] += shift
            x, count = w, other
    for _ in range(count >> np.uint32(1)):
        pi[x] += shift
        pi[y] += shift
        x = after[x]
        y = before[y]
    if count & np.uint32(1):
        pi[x] += shift


@helper
def _rename(old, new, label):
    """Write the tree `old` into `new` with node x called label[x]."""
    for x in range(label.size):
        y = label[x]
        new.parent[y] = label[old.parent[x]]
        new.after[y] = label[old.after[x]]
        new.before[y] = label[old.before[x]]
        new.last[y] = label[old.last[x]]
        new.size[y] = old.size[x]
        new.flow[y] = old.flow[x]
        new.cost[y] = old.cost[x]
        new.pi[y] = old.pi[x]


@kernel
def _renumbered_search(
    tree, work, label, back, ends, n, source, target, cost, start, floor, relative, max_pivots
):
    """`sparse_simplex` for one stretch: renumber, pivot, number as before.

    `work`, `label`, `back` and `ends` are work space: a tree, (N,), (N,) and (2, arcs).
    """
    # New node numbers: sources, then targets, each by preorder, the root; `back` undoes it.
    first = np.uint32(n)
    root = np.uint32(label.size - 1)
    next_source, next_target = np.uint32(0), first
    x = tree.after[root]
    while x != root:
        y = next_source if x < first else next_target
        if x < first:
            next_source += np.uint32(1)
        else:
            next_target += np.uint32(1)
        label[x] = y
        back[y] = x
        x = tree.after[x]
    label[root] = root
    back[root] = root
    _rename(tree, work, label)
    new_source, new_target = ends[0], ends[1]
    n_arcs = source.size
    for k in range(n_arcs):
        new_source[k] = label[source[k]]
        new_target[k] = label[target[k]]

    pi = work.pi
    block = int(np.sqrt(n_arcs)) + 50
    position = start if start < n_arcs else 0
    n_pivots = 0
    idle = 0
    is_fresh = True  # every caller hands over potentials that were just recomputed
    code = OPTIMAL
    while True:
        if n_pivots >= max_pivots:
            code = PIVOT_LIMIT
            recompute_potentials(work, n)
            break
        best = -floor
        entering = -1
        stop = min(position + block, n_arcs)
        for k in range(np.uint64(position), np.uint64(stop)):
            c, from_pi, to_pi = cost[k], pi[new_source[k]], pi[new_target[k]]
            reduced = c + from_pi - to_pi
            if reduced < best and reduced < -relative * (abs(c) + abs(from_pi) + abs(to_pi)):
                best = reduced
                entering = np.int64(k)
        idle += stop - position
        position = stop if stop < n_arcs else 0
        if entering >= 0:
            pivot(work, first, new_source[entering], new_target[entering], cost[entering], best)
            n_pivots += 1
            idle = 0
            is_fresh = False
        elif idle >= n_arcs:
            if is_fresh:
                break
            recompute_potentials(work, n)
            is_fresh = True
            idle = 0
    _rename(work, tree, back)
    return code, n_pivots, position


def sparse_simplex(
    tree: Tree,
    n: int,
    source: np.ndarray,
    target: np.ndarray,
    cost: np.ndarray,
    start: int,
    floor: float,
    relative: float,
    max_pivots: int,
) -> tuple[int, int, int]:
    """Pivot on the listed arcs until none is eligible or `max_pivots` pivots are done.

    Arc k goes from node ``source[k]`` to node ``target[k]`` (uint32; a target is n + j) and costs
    ``cost[k]``. It is eligible when its reduced cost is below ``-floor`` and below ``-relative``
    times the sum of the magnitudes that it is computed from. Arcs are searched in blocks, the best
    of a block enters. The list may change between calls: tree arcs need not be in it.

    Most of the time goes into walks along the tree. So from time to time the nodes are renumbered
    in preorder, on copies, which puts what is near in the tree near in memory. The arcs keep their
    order: where neighbours in the list were neighbours in space, a block would see little choice.

    Returns (code, number of pivots, position at which a next call resumes).
    """
    nodes = tree.parent.size
    # Renumbering costs about as much as some hundred pivots; shorter stretches gain little.
    stretch = max(2000, nodes)
    work = new_tree(n, nodes - n - 1)
    label, back = np.empty(nodes, np.uint32), np.empty(nodes, np.uint32)
    ends = np.empty((2, source.size), np.uint32)
    position, n_pivots = start, 0
    while True:
        code, k, position = _renumbered_search(
            tree, work, label, back, ends, n, source, target, cost, position, floor, relative,
            min(stretch, max_pivots - n_pivots),
        )  # fmt: skip
        n_pivots += k
        if code == OPTIMAL or n_pivots >= max_pivots:
            return code, n_pivots, position


def artificial_flow(tree: Tree, n: int) -> int:
    """Mass that is not transported yet: what the sources send to the root."""
    return int(tree.flow[:n][tree.parent[:n] == tree.parent.size - 1].sum())


def raise_penalty(tree: Tree, n: int, increase: float) -> None:
    """Add `increase` to the cost of every artificial arc of the tree and recompute potentials."""
    tree.cost[tree.parent == tree.parent.size - 1] += increase
    recompute_potentials(tree, n)


def release(tree: Tree, n: int, f: np.ndarray) -> None:
    """Take the penalty off once no mass is artificial: then it is one shift common to all sources.

    Only sources are joined to the root then; giving their arcs the costs f_i themselves, not a
    difference of large numbers, keeps their digits.
    """
    hangs = np.flatnonzero(tree.parent[:n] == tree.parent.size - 1)
    tree.cost[hangs] = f[hangs]
    recompute_potentials(tree, n)


def potentials(tree: Tree, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the dual of the tree: f (n,) and g (m,)."""
    pi = tree.pi
    return pi[-1] - pi[:n], pi[n:-1] - pi[-1]


@kernel
def _carry_rests(tree, n, rest):
    carry_rests(tree, n, rest)


def masses(tree: Tree, whole: IntegerMasses) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries of the plan of a tree as (rows, columns, mass), corrected for rounded integers.

    Marginals are met to the rounding of each entry, and atoms of less than a unit to 2**-50 of it.
    """
    n, m = whole.a.size, whole.b.size
    parent = tree.parent
    flow = tree.flow.astype(np.float64)
    if whole.a_rest.size:
        # Integers beyond 2**53 lose digits as floats.
        rest = np.concatenate([whole.a_rest, -whole.b_rest, np.zeros(1)])
        _carry_rests(tree, n, rest)
        rest += (tree.flow - flow.astype(np.int64)).astype(np.float64)
        flow += np.where(np.abs(rest) > (n + m) * 2.0**-50, rest, 0.0)
    nodes = np.flatnonzero((flow > 0.0) & (parent != parent.size - 1))
    above = parent[nodes].astype(np.int64)
    mass = np.ldexp(flow[nodes] * whole.unit, whole.exponent)
    return np.minimum(nodes, above), np.maximum(nodes, above) - n, mass


def flows(tree: Tree, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positive flows of real tree arcs as (rows, columns, integer mass), by the node below."""
    parent = tree.parent
    nodes = np.flatnonzero((tree.flow > 0) & (parent != parent.size - 1))
    above = parent[nodes].astype(np.int64)
    return np.minimum(nodes, above), np.maximum(nodes, above) - n, tree.flow[nodes]
