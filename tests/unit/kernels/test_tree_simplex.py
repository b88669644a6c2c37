"""The tree simplex keeps a true spanning tree and reaches the optimum of its candidate list."""

import numpy as np
import pytest
from scipy.optimize import linprog

from otdiv._kernels.network_flow import spanning_tree as ts


def _instance(seed, n, m, *, ties=False, uniform=False):
    rng = np.random.default_rng(seed)
    C = np.floor(rng.random((n, m)) * 4) if ties else rng.random((n, m)) - 0.3
    a = np.ones(n) if uniform else rng.random(n) + 0.1
    b = np.ones(m) if uniform else rng.random(m) + 0.1
    return C, a / a.sum(), b / b.sum()


def _list_all(C):
    n, m = C.shape
    source = np.repeat(np.arange(n, dtype=np.uint32), m)
    target = np.tile(np.arange(n, n + m, dtype=np.uint32), n)
    return source, target, C.ravel()


def _start(C, a, b, penalty):
    n, m = C.shape
    arcs = _list_all(C)
    f = C.min(axis=1)
    g = (C - f[:, None]).min(axis=0)
    a, b, unit, exponent, *_ = ts.integer_masses(a, b, float(a.sum()))
    order = np.argsort((C - f[:, None] - g).ravel(), kind="stable")
    tree = ts.new_tree(n, m)
    ts.start_basis(tree, a, b, f, g, *arcs, order, penalty)
    return tree, arcs, a, b, np.ldexp(unit, exponent)


def _solve(C, a, b, max_pivots=10**6, penalty=0.25):
    tree, arcs, a, b, unit = _start(C, a, b, penalty)
    n, position = len(a), 0
    for _ in range(10**5):
        code, _, position = ts.sparse_simplex(tree, n, *arcs, position, 1e-13, 1e-15, max_pivots)
        if code == ts.OPTIMAL:
            if ts.artificial_flow(tree, n) == 0:
                break
            ts.raise_penalty(tree, n, 3 * penalty)
            penalty *= 4
    return tree, a, b, unit


def _assert_tree_is_sound(tree, a, b):
    n, m = len(a), len(b)
    root = n + m
    order = [root]
    while tree.after[order[-1]] != root:
        assert tree.before[tree.after[order[-1]]] == order[-1]
        order.append(int(tree.after[order[-1]]))
    assert sorted(order) == list(range(root + 1))
    place = {x: k for k, x in enumerate(order)}
    size = dict.fromkeys(order, 1)
    balance = np.zeros(root + 1, dtype=np.int64)
    for x in reversed(order[1:]):
        parent = int(tree.parent[x])
        assert place[parent] < place[x]
        size[parent] += size[x]
        sign = 1 if x < n else -1
        balance[x] += sign * tree.flow[x]
        balance[parent] -= sign * tree.flow[x]
        assert tree.flow[x] > 0 or (x < n and tree.flow[x] == 0), "strongly feasible"
    for x in order:
        assert tree.size[x] == size[x]
        assert tree.last[x] == order[place[x] + size[x] - 1]
    np.testing.assert_array_equal(balance[:n], a)
    np.testing.assert_array_equal(balance[n:root], -b)


@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("ties", [True, False])
def test_every_pivot_leaves_a_strongly_feasible_spanning_tree(ties, uniform):
    C, a, b = _instance(1, 9, 12, ties=ties, uniform=uniform)
    tree, arcs, a, b, _ = _start(C, a, b, 10.0)
    _assert_tree_is_sound(tree, a, b)
    code, position, pivots = ts.PIVOT_LIMIT, 0, 0
    while code == ts.PIVOT_LIMIT:
        code, k, position = ts.sparse_simplex(tree, 9, *arcs, position, 1e-13, 1e-15, 1)
        pivots += k
        _assert_tree_is_sound(tree, a, b)
    assert 0 < pivots < 10_000


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (5, 1), (12, 12), (20, 13)])
@pytest.mark.parametrize("ties", [True, False])
def test_value_and_potentials_agree_with_the_linear_program(n, m, ties):
    C, a, b = _instance(n + m, n, m, ties=ties)
    tree, a_int, _, unit = _solve(C, a, b)
    rows, columns, mass = ts.flows(tree, n)
    f, g = ts.potentials(tree, n)
    A = np.zeros((n + m, n * m))
    for i in range(n):
        A[i, i * m : (i + 1) * m] = 1
    for j in range(m):
        A[n + j, j::m] = 1
    expected = linprog(C.ravel(), A_eq=A, b_eq=np.r_[a, b], method="highs").fun
    # Rounding of at most n + m products of numbers below 1.
    assert C[rows, columns] @ mass * unit == pytest.approx(expected, abs=1e-12)
    assert a @ f + b @ g == pytest.approx(expected, abs=1e-12)
    assert (C - f[:, None] - g).min() >= -1e-12
    sums = np.zeros(n, dtype=np.int64)
    np.add.at(sums, rows, mass)
    np.testing.assert_array_equal(sums, a_int)


def test_slices_of_a_few_pivots_reach_the_same_value_as_one_call():
    C, a, b = _instance(5, 40, 30)
    values = []
    for max_pivots in (1, 7, 10**6):
        tree, _, _, unit = _solve(C, a, b, max_pivots=max_pivots)
        rows, columns, mass = ts.flows(tree, 40)
        values.append(C[rows, columns] @ mass * unit)
    assert values[0] == pytest.approx(values[2], abs=1e-13)
    assert values[1] == pytest.approx(values[2], abs=1e-13)


def test_appended_arcs_continue_from_the_same_tree():
    C, a, b = _instance(6, 30, 30)
    tree, arcs, _, _, unit = _start(C, a, b, 100.0)
    half = np.random.default_rng(0).random(arcs[0].size) < 0.3
    few = tuple(x[half] for x in arcs)
    ts.sparse_simplex(tree, 30, *few, 0, 1e-13, 1e-15, 10**6)
    ts.sparse_simplex(tree, 30, *arcs, 0, 1e-13, 1e-15, 10**6)
    assert ts.artificial_flow(tree, 30) == 0
    rows, columns, mass = ts.flows(tree, 30)
    reference, _, _, _ = _solve(C, a, b)
    r, c, w = ts.flows(reference, 30)
    assert C[rows, columns] @ mass * unit == pytest.approx(C[r, c] @ w * unit, abs=1e-13)


@pytest.mark.parametrize(
    ("a", "b", "expected_a", "expected_b"),
    [
        (np.ones(3) / 3, np.ones(7) / 7, [7, 7, 7], [3] * 7),
        (np.array([0.2, 0.8]), np.array([0.5, 0.5]), [2, 8], [5, 5]),
    ],
)
def test_commensurable_weights_become_small_whole_numbers(a, b, expected_a, expected_b):
    a_int, b_int, *_ = ts.integer_masses(a, b, float(np.sum(a)))
    assert a_int.tolist() == expected_a
    assert b_int.tolist() == expected_b


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e300])
def test_integer_masses_balance_and_reproduce_the_weights(scale):
    rng = np.random.default_rng(3)
    a = rng.random(50)
    b = rng.random(70)
    a[7] = 0.0
    b[3] = 1e-20
    a, b = a / a.sum() * scale, b / b.sum() * scale
    a_int, b_int, unit, exponent, *_ = ts.integer_masses(a, b, float(a.sum()))
    assert a_int.sum() == b_int.sum()
    assert a_int[7] == 0
    assert b_int.min() > 0
    # One unit is 2**-60 of the total (rounded up); the heaviest of b takes up the mismatch of sums.
    np.testing.assert_allclose(np.ldexp(a_int * unit, exponent), a, atol=2.0**-59 * scale)
    np.testing.assert_allclose(np.ldexp(b_int * unit, exponent), b, atol=2.0**-45 * scale)
