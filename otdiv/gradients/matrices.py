"""Transport costs of cost matrices, with gradients: the plan itself, which is sparse."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._typing import FloatArray, IndexArray
from ..errors import ConvergenceError
from ..many.batch import transport_matrix_batch
from ..maps import sparse_entries
from ..plans import Plan
from ..solving import transport_matrix
from .record import centred
from .transport import check_solved, potentials_of

__all__ = ["MatrixGradients", "matrix_gradients", "matrix_values", "padded_entries"]

# Share of the mass that an optimal plan may hold in more than n + m - 1 pairs: what repair of the
# marginals adds to a plan that is a vertex otherwise. The least that a float of the whole loses.
_DUST = 1e-12


class MatrixGradients(NamedTuple):
    """A value with the plan, which is its derivative with respect to the cost matrix.

    Attributes
    ----------
    value : array, shape () or (B,)
    rows, columns : integer arrays, shape (n + m - 1,) or (B, n + m - 1)
        Pairs of the plan; those that it does not need are (0, 0).
    mass : array of the same shape
        What they move; 0 for those that are not needed.
    a, b : arrays or None
        With respect to the weights, where they were given.
    """

    value: FloatArray
    rows: IndexArray
    columns: IndexArray
    mass: FloatArray
    a: FloatArray | None
    b: FloatArray | None


def matrix_values(C: FloatArray, a: FloatArray | None, b: FloatArray | None) -> FloatArray:
    """Least cost of a cost matrix (n, m), or of each of many (B, n, m)."""
    if C.ndim == 3:
        result = transport_matrix_batch(C, x_weights=a, y_weights=b)
        check_solved(result)
        return result.values
    return np.asarray(transport_matrix(C, x_weights=a, y_weights=b).value)


def matrix_gradients(C: FloatArray, a: FloatArray | None, b: FloatArray | None) -> MatrixGradients:
    """`matrix_values` with plan and gradients; the potentials are those with respect to weights."""
    if C.ndim == 3:
        return _of_batch(C, a, b)
    result = transport_matrix(C, x_weights=a, y_weights=b)
    assert result.plan is not None
    assert result.potentials is not None
    rows, columns, mass = padded_entries(result.plan)
    f, g = result.potentials.f, result.potentials.g
    value = np.asarray(result.value)
    return MatrixGradients(value, rows, columns, mass, centred(f, a), centred(g, b))


def _of_batch(C: FloatArray, a: FloatArray | None, b: FloatArray | None) -> MatrixGradients:
    result = transport_matrix_batch(C, x_weights=a, y_weights=b)
    check_solved(result)
    entries = [padded_entries(result.plan(k)) for k in range(len(result))]
    rows, columns, mass = zip(*entries, strict=True)
    f, g = potentials_of(result)
    return MatrixGradients(
        value=result.values,
        rows=np.stack(rows),
        columns=np.stack(columns),
        mass=np.stack(mass),
        a=centred(f, a),
        b=centred(g, b),
    )


def padded_entries(plan: Plan) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Rows, columns and masses (n + m - 1,) of a plan of at most as many pairs.

    Raises
    ------
    ConvergenceError
        If more of them carry mass than any vertex of the polytope of plans has.
    """
    n, m = plan.shape
    size = n + m - 1
    rows, columns, mass = sparse_entries(plan)
    if mass.size > size:
        keys, places = np.unique(rows * m + columns, return_inverse=True)
        mass = np.asarray(np.bincount(places, mass, keys.size), dtype=np.float64)
        rows, columns = keys // m, keys % m
    if mass.size > size:
        kept: IndexArray = np.sort(np.argsort(-mass, kind="stable")[:size])
        if mass.sum() - mass[kept].sum() > _DUST * mass.sum():
            raise ConvergenceError(f"the plan has {mass.size} pairs, and a vertex at most {size}")
        rows, columns, mass = rows[kept], columns[kept], mass[kept]
    missing = size - mass.size
    return np.pad(rows, (0, missing)), np.pad(columns, (0, missing)), np.pad(mass, (0, missing))
