"""The approximate Cholesky factor of a plan's bipartite graph."""

import numpy as np
import pytest

from otdiv._kernels.gibbs.laplacian_factor import factorise, solve_factor


def edges(P):
    rows, columns = np.nonzero(P)
    return rows.astype(np.uint32), columns.astype(np.uint32), P[rows, columns]


def inverse_of_rows(P, ground):
    """Block of the rows of the approximate inverse."""
    n, m = P.shape
    factor = factorise(*edges(P), n, ground.copy())
    unit = np.eye(n + m)[:n]
    return np.stack([(solve_factor(*factor, column), column)[1] for column in unit])[:, :n]


def schur(P, ground):
    n = P.shape[0]
    rows, columns = P.sum(axis=1) + ground[:n], P.sum(axis=0) + ground[n:]
    return np.diag(rows) - (P / columns) @ P.T


def test_a_tree_is_factorised_exactly():
    rng = np.random.default_rng(0)
    P = np.zeros((8, 8))
    for i in range(8):
        P[i, i] = rng.uniform(1e-6, 1.0)
        if i:
            P[i, rng.integers(i)] = rng.uniform(1e-6, 1.0)
    ground = np.full(16, 1e-3)
    inverse = inverse_of_rows(P, ground)
    # Condition numbers here are below 1e5.
    np.testing.assert_allclose(inverse @ schur(P, ground), np.eye(8), atol=1e-10)


@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_the_approximate_inverse_is_symmetric_and_near_the_inverse(spread):
    rng = np.random.default_rng(1)
    n, m = 60, 50
    P = np.exp2(-spread * rng.random((n, m))) * (rng.random((n, m)) < 0.2)
    P[np.arange(m), np.arange(m)] = 1.0
    P[np.arange(n), 0] = 0.5
    ground = np.full(n + m, 1e-3)
    inverse = inverse_of_rows(P, ground)
    np.testing.assert_allclose(inverse, inverse.T, rtol=1e-9, atol=1e-12 * inverse.max())
    eigenvalues = np.linalg.eigvals(inverse @ schur(P, ground)).real
    # Random cliques keep the spectrum within a small factor of one: no theorem for one draw.
    assert eigenvalues.min() > 0.05
    assert eigenvalues.max() < 20.0


def test_equal_input_gives_equal_output():
    P = np.random.default_rng(2).random((20, 30))
    ground = np.zeros(50)
    first = factorise(*edges(P), 20, ground.copy())
    second = factorise(*edges(P), 20, ground.copy())
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)


def test_parts_without_a_link_are_solved_each_by_itself():
    P = np.zeros((4, 4))
    P[:2, :2], P[2:, 2:] = 0.25, 0.5
    factor = factorise(*edges(P), 4, np.zeros(8))
    x = np.array([1.0, -1.0, 2.0, -2.0, 0.0, 0.0, 0.0, 0.0])
    solve_factor(*factor, x)
    # Solutions are known up to one constant a part.
    wanted = np.array([1.0, -1.0, 2.0, -2.0])
    np.testing.assert_allclose(schur(P, np.zeros(8)) @ x[:4], wanted, atol=1e-14)
