"""Laws of transport over some pairs only, against HiGHS and against the matrix with infinities."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from otdiv import Status, certificates, transport_matrix


@st.composite
def instances(draw, sizes=True):
    """Entries with ties, zeros and, where `sizes`, many magnitudes; weights with zeros."""
    n, m = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    keys = draw(st.lists(st.integers(0, n * m - 1), unique=True, max_size=n * m))
    entry = st.integers(-3, 3).map(float)
    if sizes:
        entry = st.one_of(
            entry, st.floats(-1e3, 1e3), st.sampled_from([1e-300, 1e-12, 1e12, 1e250, 5e-324, -1e9])
        )
    costs = draw(st.lists(entry, min_size=len(keys), max_size=len(keys)))
    weight = st.one_of(st.just(0.0), st.integers(1, 4).map(float), st.floats(1e-6, 1.0))
    a, b = (np.array(draw(st.lists(weight, min_size=k, max_size=k).filter(any))) for k in (n, m))
    rows, columns = np.divmod(np.array(keys, dtype=int), m)
    return sparse.coo_array((np.array(costs), (rows, columns)), shape=(n, m)), a, b


def dense(C):
    out = np.full(C.shape, np.inf)
    out[C.row, C.col] = C.data
    return out


def solved(C, a, b):
    # Costs of both signs that cancel to the last digit leave no scale for a status.
    return transport_matrix(C, x_weights=a, y_weights=b, throw=False)


@settings(deadline=None, max_examples=200)
@given(instances())
def test_it_agrees_with_the_matrix_and_the_audit(instance):
    C, a, b = instance
    ours, theirs = solved(C, a, b), solved(dense(C), a, b)
    assert ours.status == theirs.status
    assert ours.bounds.lower <= theirs.bounds.upper
    assert theirs.bounds.lower <= ours.bounds.upper
    assert certificates.audit(ours).verdict is certificates.Verdict.CONFIRMED


@settings(deadline=None, max_examples=100)
@given(instances(sizes=False))
def test_it_agrees_with_highs_on_the_entries(instance):
    C, a, b = instance
    result = solved(C, a, b)
    k, (n, m) = C.nnz, C.shape
    edges = np.arange(k)
    ends = np.concatenate([C.row, n + C.col]), np.concatenate([edges, edges])
    limits = sparse.csr_array((np.ones(2 * k), ends), shape=(n + m, k))
    if k == 0:
        assert result.status is Status.INFEASIBLE
        return
    weights = np.concatenate([a / a.sum(), b / b.sum()])
    answer = linprog(C.data, A_eq=limits, b_eq=weights, bounds=(0.0, None), method="highs")
    # HiGHS lets weights be off by 1e-7, and may accept where little more than that is missing.
    if answer.status == 2:
        assert result.status is Status.INFEASIBLE
    elif result.status is not Status.INFEASIBLE:
        assert abs(answer.fun - result.value) <= 1e-6


@settings(deadline=None, max_examples=100)
@given(instances())
def test_the_transposed_problem_has_the_same_bounds(instance):
    C, a, b = instance
    ours, theirs = solved(C, a, b), solved(C.T.tocoo(), b, a)
    assert ours.status == theirs.status
    assert ours.bounds.lower <= theirs.bounds.upper
    assert theirs.bounds.lower <= ours.bounds.upper


@settings(deadline=None, max_examples=100)
@given(instances())
def test_another_pair_never_makes_it_dearer(instance):
    C, a, b = instance
    before = solved(C, a, b)
    more = dense(C)
    free = np.argwhere(np.isinf(more))
    if not free.size:
        return
    i, j = free[0]
    pairs = np.append(C.row, i), np.append(C.col, j)
    wider = sparse.coo_array((np.append(C.data, 1.0), pairs), shape=C.shape)
    assert solved(wider, a, b).bounds.lower <= before.bounds.upper
