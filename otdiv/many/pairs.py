"""One-to-one pairings of two samples of the same size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import certificates
from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._frozen import restore, seal
from .._typing import FloatArray, IndexArray
from .._validation import as_real_array
from ..costs import PNormCost, as_point_cost
from ..errors import ConvergenceError, InvalidInputError
from ..measures import as_measures
from ..plans import SparsePlan
from ..problems import TransportProblem
from ..results import Status
from ..solving import solve
from .batch import transport_batch

__all__ = ["PairingResult", "pairing", "pairing_result"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PairingResult:
    """An optimal pairing with its proof; arrays (B,) and columns (B, n) for a batch.

    Attributes
    ----------
    columns : array (n,)
        ``y[columns]`` are the partners of the rows of x, in their order.
    value : float
        Mean cost of the pairs.
    lower, upper : float
        Proven enclosure of the least mean cost of any pairing.
    """

    columns: IndexArray
    value: float | FloatArray
    lower: float | FloatArray
    upper: float | FloatArray

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def __repr__(self) -> str:
        return f"PairingResult(n={self.columns.shape[-1]}, value={self.value})"


@keeps_arrays()
@explains_calls("costs of pairs go to transport_matrix(C)")
def pairing(x: Any, y: Any, *, cost: Any = "euclidean") -> IndexArray:
    """Partner in y of every row of x, one to one, at the least total cost.

    Parameters
    ----------
    x, y : array_like, shapes (n, d) or (n,), or with a leading axis (B, n, d)
        As many points on both sides.
    cost : PNormCost or str, default "euclidean"
        Cost of a pair, as in `transport`.

    Returns
    -------
    array (n,) or (B, n)
        Columns: ``y[pairing(x, y)]`` are the partners, in the order of x. Of several best pairings
        the one returned depends on x, y and the cost alone: rows that share equal points of y take
        them in increasing order, as do equal rows of x on the line; other ties are broken as the
        algorithm meets them, always in the same way.

    Raises
    ------
    InvalidInputError
        If the numbers of points differ, or an input is invalid.
    ConvergenceError
        If no pairing could be proven best to rounding.

    Examples
    --------
    >>> from otdiv import pairing
    >>> pairing([[0.0, 0.0], [5.0, 0.0]], [[6.0, 0.0], [1.0, 0.0]])
    array([1, 0])
    """
    return pairing_result(x, y, cost=cost).columns


@keeps_arrays()
@explains_calls("costs of pairs go to transport_matrix(C)")
def pairing_result(x: Any, y: Any, *, cost: Any = "euclidean") -> PairingResult:
    """`pairing` with its mean cost and proven bounds of the least one.

    Parameters are those of `pairing`.

    Returns
    -------
    PairingResult

    Examples
    --------
    >>> from otdiv import pairing_result
    >>> result = pairing_result([[0.0, 0.0], [5.0, 0.0]], [[6.0, 0.0], [1.0, 0.0]])
    >>> result.value, bool(result.lower <= 1.0 <= result.upper)
    (1.0, True)
    """
    cost = as_point_cost(cost)
    x, y = as_real_array("x", x), as_real_array("y", y)
    if x.ndim != y.ndim:
        raise InvalidInputError("y", f"have {x.ndim} axes like `x`", y.ndim)
    if x.ndim < 3:
        columns, value, lower, upper = _of_one(x, y, cost, ("x", "y"))
        return PairingResult(columns=columns, value=value, lower=lower, upper=upper)
    if x.ndim > 3:
        raise InvalidInputError("x", "have shape (n, d), (n,) or (B, n, d)", f"shape {x.shape}")
    if len(x) != len(y):
        raise InvalidInputError("y", f"hold {len(x)} samples like `x`", len(y))
    _check_counts(x.shape[1], y.shape[1], "y")
    batch = transport_batch(x, y, cost=cost)
    found = np.empty(x.shape[:2], np.int64)
    numbers = np.stack([batch.values, batch.lower, batch.upper], axis=1)
    for k, plan in enumerate(batch.plans):
        if isinstance(plan, np.ndarray):
            found[k] = _in_order(plan, y[k])
        else:
            found[k], *rest = _of_one(x[k], y[k], cost, (f"x[{k}]", f"y[{k}]"))
            numbers[k] = rest
    return PairingResult(
        columns=found,
        value=numbers[:, 0].copy(),
        lower=numbers[:, 1].copy(),
        upper=numbers[:, 2].copy(),
    )


def _check_counts(n: int, m: int, name: str) -> None:
    if n != m:
        hint = "(for unequal counts use `transport`, whose plan splits the weight of points)"
        raise InvalidInputError(name, f"have {n} points, a partner for each of the other", m, hint)


def _of_one(
    x: Any, y: Any, cost: PNormCost, names: tuple[str, str]
) -> tuple[IndexArray, float, float, float]:
    """Columns, value and bounds of one pairing."""
    source, target, _ = as_measures(x, y)
    _check_counts(source.n, target.n, names[1])
    problem = TransportProblem(source=source, target=target, cost=cost)
    n = source.n
    result = solve(problem, throw=False)
    if result.plan is None or result.potentials is None:
        raise ConvergenceError("no pairing was found: " + result.status.value, result)
    if source.d == 1 and cost.power >= 1.0:
        columns = np.empty(n, np.int64)
        orders = (np.argsort(side.points[:, 0], kind="stable") for side in (source, target))
        rows, places = orders
        columns[rows] = places
    else:
        columns = _in_order(_matching(result.plan), target.points)
    pairs = SparsePlan(
        rows=np.arange(n), columns=columns, mass=np.full(n, problem.mass / n), shape=(n, n)
    )
    proof = certificates.prove(problem, pairs, result.potentials)
    lower = max(proof.bounds.lower, min(result.bounds.lower, proof.value))
    if result.status is not Status.OPTIMAL:
        raise ConvergenceError(f"no pairing was proven best: {result.status.value}", result)
    return columns, proof.value, lower, proof.bounds.upper


def _matching(plan: Any) -> IndexArray:
    """A pairing among the pairs of a plan of uniform weights; one exists, by Birkhoff's theorem.

    Of an optimal plan it is optimal too: all of its pairs are tight.
    """
    n = plan.shape[0]
    rows, columns = plan.rows[plan.mass > 0.0], plan.columns[plan.mass > 0.0]
    found = np.full(n, -1)
    found[rows] = columns
    if rows.size == n and (np.sort(found) == np.arange(n)).all():
        return found
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    support = csr_array((np.ones(rows.size), (rows, columns)), shape=(n, n))
    found = np.asarray(maximum_bipartite_matching(support, perm_type="column"), dtype=np.int64)
    if (found < 0).any():
        # Pairs lost to rounding: the lightest may be missing.
        raise ConvergenceError("the plan holds no pairing to rounding")
    return found


def _in_order(columns: IndexArray, points: Any) -> IndexArray:
    """The pairing where rows that share equal points take them in increasing order."""
    _, kinds = np.unique(points, axis=0, return_inverse=True)
    kinds = kinds.ravel()
    n = columns.size
    if kinds.max(initial=-1) == n - 1:
        return columns
    found = np.empty(n, np.int64)
    rows = np.argsort(kinds[columns], kind="stable")
    found[rows] = np.argsort(kinds, kind="stable")
    return found
