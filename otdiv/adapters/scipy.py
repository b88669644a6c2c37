"""Results of SciPy's optimisers as plans and potentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._validation import as_indices
from ..costs import Cost
from ..errors import InvalidInputError
from .answer import PeerAnswer, PeerPotentials
from .reading import as_array, as_number_or_none, as_potential, not_a_result

__all__ = ["from_scipy"]

_EXPECTED = (
    "what `linear_sum_assignment` returns for a square matrix, a pair (rows, columns), or what "
    "`linprog` returns (a distance alone has nothing to certify)"
)
# How far the dual value that marginals have may be from the optimum, relative to the larger of
# their parts: wide beside HiGHS's tolerance of 1e-7, narrow beside constraints in another order.
_DUAL_AGREES = 1e-5


def from_scipy(
    result: Any, *, shape: tuple[int, int] | None = None, cost: str | Cost | None = None
) -> PeerAnswer:
    """Read what `scipy.optimize.linear_sum_assignment` or `linprog` returned.

    An assignment (rows, columns) of a square cost matrix is the permutation that sends all of row i
    to its column: it moves the row's weight, which the assignment takes to be the same everywhere.
    It has no potentials.

    A `linprog` result is that of ``linprog(C.ravel(), A_eq=…, b_eq=…)`` for the mass P, row after
    row (C order), whose constraints are the n row sums first and then the m column sums, or the
    first m - 1 of these. HiGHS's `eqlin.marginals` are derivatives of the optimum by `b_eq`: f, and
    then g, with f_i + g_j <= C_ij; they have the sign of this library and no centring; a column
    sum that is left out has g = 0.

    Parameters
    ----------
    result : tuple of arrays, or OptimizeResult
    shape : pair of int, optional
        (n, m); needed for a `linprog` result, which is flat.
    cost : str or cost, optional
        What the cost matrix held, by this library's name; SciPy's results do not say.

    Returns
    -------
    PeerAnswer

    Raises
    ------
    InvalidInputError
        If the object is neither, holds no solution, or has its constraints in another order.

    Examples
    --------
    >>> from scipy.optimize import linear_sum_assignment
    >>> from otdiv.adapters import from_scipy
    >>> from_scipy(linear_sum_assignment([[4, 1], [2, 3]])).plan
    array([1, 0])
    """
    if isinstance(result, Mapping) and "x" in result:
        return _from_linprog(result, shape, cost)
    if isinstance(result, tuple) and len(result) == 2:
        return _from_assignment(result, cost)
    raise not_a_result("result", _EXPECTED, result)


def _from_assignment(result: tuple[Any, Any], cost: str | Cost | None) -> PeerAnswer:
    rows, columns = (as_indices("result", as_array("result", side)) for side in result)
    n = rows.size
    every = np.arange(n)
    if rows.ndim != 1 or any(not np.array_equal(np.sort(side), every) for side in (rows, columns)):
        raise not_a_result("result", _EXPECTED, result)
    plan = np.empty(n, dtype=np.int64)
    plan[rows] = columns
    return PeerAnswer(
        library="SciPy", plan=plan, cost=cost, note="The assignment moves all of each row's weight."
    )


def _from_linprog(
    result: Mapping[str, Any], shape: tuple[int, int] | None, cost: str | Cost | None
) -> PeerAnswer:
    if result["x"] is None:
        message = result.get("message", "")
        raise InvalidInputError("result", "hold a solution", "None", f"({message})")
    mass = as_potential("x", result["x"])
    if not (isinstance(shape, tuple) and len(shape) == 2 and shape[0] * shape[1] == mass.size):
        raise InvalidInputError("shape", f"be (n, m) with n m = {mass.size}", shape)
    plan, value = mass.reshape(shape), as_number_or_none(result.get("fun"))
    marginals = result.get("eqlin", {}).get("marginals")
    potentials = None
    if marginals is not None:
        potentials = _of_marginals(as_potential("marginals", marginals), plan, value)
    success = result.get("success")
    return PeerAnswer(
        library="SciPy",
        plan=plan,
        potentials=potentials,
        cost=cost,
        value=value,
        converged=None if success is None else bool(success),
        note="f and g are the marginals of the row sums and of the column sums.",
    )


def _of_marginals(marginals: Any, plan: Any, value: float | None) -> PeerPotentials:
    """Marginals (n + m,) or (n + m - 1,) as potentials, if their dual value is the optimum."""
    n, m = plan.shape
    if marginals.size not in (n + m, n + m - 1):
        found = f"{marginals.size} of them for shape {(n, m)}"
        raise InvalidInputError("result", "have n + m or n + m - 1 equality constraints", found)
    f, g = marginals[:n].copy(), np.zeros(m)
    g[: marginals.size - n] = marginals[n:]
    parts = np.concatenate([f * plan.sum(axis=1), g * plan.sum(axis=0)])
    if value is not None:
        scale = max(float(np.abs(parts).sum()), abs(value))
        if abs(float(parts.sum()) - value) > _DUAL_AGREES * scale:
            found = f"a dual value of {float(parts.sum()):.6g} beside an optimum of {value:.6g}"
            requirement = "have the row sums first among its constraints, then the column sums"
            raise InvalidInputError("result", requirement, found)
    return f, g
