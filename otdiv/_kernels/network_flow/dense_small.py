"""The dense simplex of a small problem in one call: star basis, pivots, plan and potentials.

A call from Python that hands over a tree takes about as long as ten pivots: for fifty atoms half a
dozen of them would be a large part of the time.
"""

import math

import numpy as np

from .._jit import helper, kernel
from .dense_pricing import dense_simplex
from .first_basis import IntegerMasses, carry_rests
from .spanning_tree import OPTIMAL, Tree, recompute_potentials

__all__ = ["solve_directly"]


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


@kernel
def _solve(
    C, a, b, unit, exponent, least, penalty, rounding_mass, share, relative, max_pivots,
    links, flow, numbers, rest, rows, columns, mass, f, g,
):  # fmt: skip
    """Fill in plan and potentials; returns (entries of the plan or -1, pivots)."""
    n = a.size
    tree = Tree(links[0], links[1], links[2], links[3], links[4], flow, numbers[0], numbers[1])
    _star(tree, a, b, penalty)
    row = np.int64(0)
    n_pivots = 0
    for phase in range(2):
        code = -1
        while code != OPTIMAL:
            code, k, row = dense_simplex(tree, C, row, share, relative, max_pivots - n_pivots)
            n_pivots += k
            if code != OPTIMAL and n_pivots >= max_pivots:
                return -1, n_pivots
        if phase == 0:
            left = np.int64(0)
            for i in range(n):
                if tree.parent[i] == n + b.size:
                    left += tree.flow[i]
            if left > rounding_mass:
                return -1, n_pivots
            if left > 0:
                break
            # The penalty is now one shift common to all sources: without it potentials are sharper.
            for i in range(n):
                if tree.parent[i] == n + b.size:
                    tree.cost[i] = 0.0
            recompute_potentials(tree, n)
    count = _read_off(tree, C, least, unit, exponent, rest, rows, columns, mass, f, g)
    return count, n_pivots


def solve_directly(
    C: np.ndarray,
    whole: IntegerMasses,
    least: float,
    penalty: float,
    rounding_mass: int,
    share: float,
    relative: float,
    max_pivots: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, int] | None:
    """Plan (rows, columns, mass), potentials f (n,) and g (m,), pivots; None if it does not end.

    `whole` are the weights, `least` is that entry of C; `share` and `relative` are those of
    `dense_simplex`. None as well where the `penalty` leaves more than `rounding_mass` units of mass
    on artificial arcs.
    """
    n, m = C.shape
    links, numbers = np.empty((5, n + m + 1), np.uint32), np.empty((2, n + m + 1))
    (flow, rows, columns), mass = np.empty((3, n + m + 1), np.int64), np.empty(n + m)
    f, g = np.empty(n), np.empty(m)
    rest = np.empty(0)
    if whole.a_rest.size:
        rest = np.concatenate([whole.a_rest, -whole.b_rest, np.zeros(1)])
    count, n_pivots = _solve(
        C, whole.a, whole.b, whole.unit, whole.exponent, least, penalty, rounding_mass, share,
        relative, max_pivots, links, flow, numbers, rest, rows, columns, mass, f, g,
    )  # fmt: skip
    return None if count < 0 else (rows[:count], columns[:count], mass[:count], f, g, n_pivots)
