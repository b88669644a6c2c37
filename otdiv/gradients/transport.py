"""Transport costs and Wasserstein distances of points, with gradients from their proven plans."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray, IndexArray
from ..costs import PNormCost
from ..errors import ConvergenceError
from ..many.batch import transport_batch
from ..many.results import BatchResult
from ..maps import gathered, gradient, point_gradient
from ..plans import SparsePlan
from ..results import Status
from ..solving import transport
from .record import Gradients, centred, rooted

__all__ = ["check_solved", "potentials_of", "transport_gradients", "transport_values"]


def transport_values(
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    *,
    norm: float,
    power: float,
    root: bool,
) -> FloatArray:
    """Least mean cost |x - y|_norm ** power, or its root of order `power`; (), or (B,)."""
    cost = PNormCost(norm=norm, power=power)
    if x.ndim == 3:
        result = transport_batch(x, y, x_weights=a, y_weights=b, cost=cost)
        check_solved(result)
        value = result.values
    else:
        value = np.asarray(transport(x, y, x_weights=a, y_weights=b, cost=cost).value)
    return np.asarray(value ** (1.0 / power)) if root else value


def transport_gradients(
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    *,
    norm: float,
    power: float,
    root: bool,
) -> Gradients:
    """`transport_values` with gradients.

    In the points: sum_j P_ij times the gradient of the cost at (x_i, y_j), of an optimal plan P,
    where that of a pair that coincides counts as 0. In the weights: potentials.
    """
    cost = PNormCost(norm=norm, power=power)
    found = _of_batch(x, y, a, b, cost) if x.ndim == 3 else _of_one(x, y, a, b, cost)
    return rooted(found, power) if root and power != 1.0 else found


def _of_one(
    x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None, cost: PNormCost
) -> Gradients:
    result = transport(x, y, x_weights=a, y_weights=b, cost=cost)
    found = gradient(result)
    assert found.x is not None
    assert found.y is not None
    return Gradients(
        value=np.asarray(result.value),
        x=found.x.reshape(x.shape),
        y=found.y.reshape(y.shape),
        a=centred(found.a, a),
        b=centred(found.b, b),
    )


def _of_batch(
    x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None, cost: PNormCost
) -> Gradients:
    result = transport_batch(x, y, x_weights=a, y_weights=b, cost=cost)
    check_solved(result)
    _, n, d = x.shape
    rows, columns, mass = _entries(result, n, y.shape[1])
    # Entries of all plans together, in the rows of all clouds together.
    X, Y = x.reshape(-1, d), y.reshape(-1, d)
    pull = point_gradient(X[rows] - Y[columns], cost) * mass[:, None]
    x_gradient, y_gradient = gathered(rows, pull, len(X)), gathered(columns, -pull, len(Y))
    f, g = potentials_of(result) if a is not None or b is not None else (None, None)
    return Gradients(
        value=result.values,
        x=x_gradient.reshape(x.shape),
        y=y_gradient.reshape(y.shape),
        a=None if f is None else centred(f, a),
        b=None if g is None else centred(g, b),
    )


def _entries(result: BatchResult, n: int, m: int) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Rows, columns and masses of all plans; those of problem k from row k n and column k m on."""
    if isinstance(result.plans, np.ndarray):
        size = len(result)
        columns = result.plans + m * np.arange(size)[:, None]
        return np.arange(size * n), columns.reshape(-1), np.full(size * n, 1.0 / n)
    plans = [_sparse(result, k) for k in range(len(result))]
    rows = np.concatenate([plan.rows + k * n for k, plan in enumerate(plans)])
    columns = np.concatenate([plan.columns + k * m for k, plan in enumerate(plans)])
    return rows, columns, np.concatenate([plan.mass for plan in plans])


def _sparse(result: BatchResult, k: int) -> SparsePlan:
    plan = result.plan(k)
    assert isinstance(plan, SparsePlan)  # exact solvers return no other
    return plan


def potentials_of(result: BatchResult) -> tuple[FloatArray, FloatArray]:
    """Potentials f (B, n) and g (B, m) of problems of equal sizes."""
    found = [result.potentials(k) for k in range(len(result))]
    return np.stack([pair.f for pair in found]), np.stack([pair.g for pair in found])


def check_solved(result: BatchResult) -> None:
    """Raise unless every problem of a batch was solved."""
    for k, status in enumerate(result.status):
        if status is not Status.OPTIMAL:
            raise ConvergenceError(f"pair {k} ended with {status.name}: {status.value}", result)
