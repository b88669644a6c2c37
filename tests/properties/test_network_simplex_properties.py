"""Laws of the optimal value that NetworkSimplex must obey on any input."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from otdiv import solvers, transport_matrix

SIMPLEX = solvers.NetworkSimplex()


@st.composite
def instances(draw):
    """Cost matrices with ties and many magnitudes, and weights with zeros."""
    n, m = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    entry = st.one_of(
        st.integers(-3, 3).map(float),
        st.floats(-1e3, 1e3),
        st.floats(-(2.0**40), 2.0**40, width=32),
    )
    C = draw(arrays(float, (n, m), elements=entry))
    weight = st.one_of(st.just(0.0), st.integers(1, 4).map(float), st.floats(1e-6, 1.0))
    a = draw(arrays(float, n, elements=weight).filter(lambda w: w.sum() > 0.0))
    b = draw(arrays(float, m, elements=weight).filter(lambda w: w.sum() > 0.0))
    return C, a, b


def _solve(C, a, b):
    # Costs of both signs that cancel to the last digit leave no scale for a status.
    return transport_matrix(C, x_weights=a, y_weights=b, solver=SIMPLEX, throw=False)


@settings(deadline=None, max_examples=150)
@given(instances())
def test_bounds_close_and_marginals_hold(instance):
    C, a, b = instance
    result = _solve(C, a, b)
    size = np.abs(C).max()
    # A dual bound is a sum of n + m rounded products of numbers up to twice the largest cost.
    assert result.bounds.gap <= 1e-13 * size
    np.testing.assert_allclose(result.plan.row_sums(), a / a.sum(), atol=1e-12)
    np.testing.assert_allclose(result.plan.column_sums(), b / b.sum(), atol=1e-12)
    assert result.plan.mass.min() >= 0.0


@settings(deadline=None, max_examples=60)
@given(instances())
def test_the_transposed_problem_has_the_same_value(instance):
    C, a, b = instance
    size = np.abs(C).max()
    difference = _solve(C, a, b).value - _solve(np.ascontiguousarray(C.T), b, a).value
    assert abs(difference) <= 1e-13 * size


@settings(deadline=None, max_examples=60)
@given(instances(), st.integers(0, 2**32 - 1))
def test_order_of_rows_and_columns_does_not_matter(instance, seed):
    C, a, b = instance
    rng = np.random.default_rng(seed)
    p, q = rng.permutation(len(a)), rng.permutation(len(b))
    size = np.abs(C).max()
    difference = _solve(C, a, b).value - _solve(C[np.ix_(p, q)], a[p], b[q]).value
    assert abs(difference) <= 1e-13 * size


@settings(deadline=None, max_examples=60)
@given(instances(), st.integers(-20, 20))
def test_row_and_column_constants_shift_the_value_by_their_mean(instance, shift):
    C, a, b = instance
    rows = shift * np.arange(len(a))
    value = _solve(C + rows[:, None], a, b).value
    size = np.abs(C).max() + np.abs(rows).max()
    assert abs(value - _solve(C, a, b).value - rows @ (a / a.sum())) <= 1e-12 * size
