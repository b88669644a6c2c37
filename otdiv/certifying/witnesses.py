"""Plans and potentials as other people have them: coerced, and measured before they are repaired.

NaN and infinities are errors. Everything else that is wrong with them is measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._kernels.proofs.sums import dot
from .._typing import FloatArray, IndexArray
from .._validation import as_indices, as_nearest_array, as_real_array, check_finite, describe
from ..certificates.cloud_plan import cloud_kernel, is_cloud_plan
from ..certificates.primal import forbids
from ..certificates.rounding import blocks
from ..costs import PNormCost
from ..errors import InvalidInputError
from ..plans import BlockPlan, DensePlan, Plan, Potentials, ScaledKernelPlan, SparsePlan
from ..problems import TransportProblem
from ..results import TransportResult

__all__ = [
    "Given",
    "GivenPlan",
    "PlanErrors",
    "as_given_plan",
    "as_given_potentials",
    "measured",
    "sum_of",
    "widest_excess",
]

_Plan: TypeAlias = Plan | BlockPlan
_Blocks: TypeAlias = Callable[[int, int], FloatArray]

Given: TypeAlias = tuple[FloatArray | None, FloatArray | None]
"""Potentials of rows and columns, at least one of them."""

# Plans up to this size are taken apart into entries, whatever share of them is 0: 24 MB.
_FEW_PAIRS = 2**20
# A larger one, where at most one pair in so many carries mass.
_SPARSE = 8
# Pairs from which sums of a plan in factors are taken from the pairs that weigh anything.
_MANY_PAIRS = 2**22

_FORMS = (
    "be an array of shape (n, m), a SciPy sparse array, (rows, columns, mass), a permutation, a "
    "plan or a result of otdiv, or a function blocks(start, stop) that returns rows"
)


@dataclass(frozen=True, slots=True)
class GivenPlan:
    """A plan to be repaired, and its rows as they were given where it is looked at in blocks."""

    plan: _Plan
    rows: _Blocks | None = None


@dataclass(frozen=True, slots=True)
class PlanErrors:
    """How far a plan is from one, before it is repaired.

    Attributes
    ----------
    rows, columns : float
        Sum of |sum_j P_ij - a_i|, and that of the columns; unit of mass.
    negative : float
        Sum of what is below 0, as a positive number.
    cost : float
        <C, P>.
    """

    rows: float
    columns: float
    negative: float
    cost: float


def as_given_plan(value: Any, problem: TransportProblem) -> GivenPlan:
    """Coerce any form of a plan; the shape must be that of the problem.

    Raises
    ------
    InvalidInputError
        For shapes that do not fit, and for entries that are not finite numbers.
    """
    n, m = problem.shape
    if isinstance(value, TransportResult):
        if value.plan is None:
            raise InvalidInputError("plan", "be a result that has a plan", value.status.name)
        value = value.plan
    if isinstance(value, SparsePlan | DensePlan | ScaledKernelPlan | BlockPlan):
        return _own(value, problem)
    if hasattr(value, "tocoo") and hasattr(value, "nnz"):
        _check_shape(tuple(value.shape), problem)
        entries = value.tocoo()
        return GivenPlan(_entries(problem, entries.row, entries.col, entries.data))
    if isinstance(value, tuple):
        if len(value) != 3:
            raise InvalidInputError("plan", _FORMS, f"a tuple of {len(value)}")
        return GivenPlan(_entries(problem, *value))
    if callable(value) and not hasattr(value, "__array__"):
        rows = _checked_rows(value, problem)
        return GivenPlan(BlockPlan.from_blocks(rows, (n, m)), rows)
    array = as_real_array("plan", value)
    if array.ndim == 1 and array.dtype.kind in "iu":
        return GivenPlan(_permutation(array, problem))
    if array.ndim != 2:
        raise InvalidInputError("plan", _FORMS, describe(value))
    _check_shape(array.shape, problem)
    return _dense(array, problem)


def _check_shape(shape: tuple[int, ...], problem: TransportProblem) -> None:
    if shape == problem.shape:
        return
    n, m = problem.shape
    hint = ""
    if shape == (m, n):
        hint = "(rows are atoms of the source: this one is transposed, pass `plan.T`)"
    requirement = f"have shape ({n}, {m}), one row a source atom and one column a target atom"
    raise InvalidInputError("plan", requirement, f"shape {shape}", hint)


def _own(plan: _Plan, problem: TransportProblem) -> GivenPlan:
    _check_shape(plan.shape, problem)
    if isinstance(plan, SparsePlan):
        return GivenPlan(_entries(problem, plan.rows, plan.columns, plan.mass))
    if isinstance(plan, DensePlan):
        return _dense(plan.mass, problem)
    if isinstance(plan, ScaledKernelPlan) and _is_of(plan, problem):
        for name in ("f", "g", "row_scale", "column_scale", "row_rest", "column_rest"):
            check_finite(f"plan.{name}", getattr(plan, name))
        return GivenPlan(plan)
    rows = _checked_rows(plan.block, problem)
    return GivenPlan(BlockPlan.from_blocks(rows, plan.shape), rows)


def _is_of(plan: ScaledKernelPlan, problem: TransportProblem) -> bool:
    """Whether the plan's own costs and weights are those of the problem."""
    own = plan.problem
    if own is problem:
        return True
    if not (isinstance(own.cost, PNormCost) and isinstance(problem.cost, PNormCost)):
        return False
    pairs = ((own.x, problem.x), (own.y, problem.y), (own.a, problem.a), (own.b, problem.b))
    return own.cost == problem.cost and all(np.array_equal(p, q) for p, q in pairs)


def _entries(problem: TransportProblem, rows: Any, columns: Any, mass: Any) -> SparsePlan:
    """Plan of entries that are not 0."""
    n, m = problem.shape
    rows, columns = as_indices("plan.rows", rows), as_indices("plan.columns", columns)
    mass = as_nearest_array("plan.mass", mass)
    shapes = rows.shape, columns.shape, mass.shape
    if len(set(shapes)) > 1 or mass.ndim != 1:
        raise InvalidInputError("plan", "have one row, one column and one mass an entry", shapes)
    for name, places, size in (("rows", rows, n), ("columns", columns, m)):
        outside = (places < 0) | (places >= size)
        if outside.any():
            e = int(np.argmax(outside))
            requirement = f"be numbers from 0 to {size - 1}"
            raise InvalidInputError(f"plan.{name}", requirement, int(places[e]), f"at index {e}")
    used = mass != 0.0
    if not used.all():
        rows, columns, mass = rows[used], columns[used], mass[used]
    return SparsePlan(rows=rows, columns=columns, mass=mass, shape=(n, m))


def _permutation(array: Any, problem: TransportProblem) -> SparsePlan:
    n, m = problem.shape
    if n != m:
        requirement = f"have shape ({n}, {m}), as a permutation needs as many rows as columns"
        raise InvalidInputError("plan", requirement, f"shape {array.shape}")
    if array.shape != (n,):
        raise InvalidInputError("plan", f"have shape ({n},) as a permutation", f"{array.shape}")
    return _entries(problem, np.arange(n), array, problem.a)


def _dense(array: Any, problem: TransportProblem) -> GivenPlan:
    """Plan of an array (n, m) of real numbers, in entries where there are few of them."""
    n, m = problem.shape
    if array.dtype.kind == "O":
        array = as_nearest_array("plan", array)
    check_finite("plan", array)
    few = n * m <= _FEW_PAIRS or forbids(problem)
    if not few:
        few = int(np.count_nonzero(array)) <= n * m // _SPARSE
    if few:
        rows, columns = np.nonzero(array)
        return GivenPlan(_entries(problem, rows, columns, array[rows, columns]))
    kept = _checked_rows(lambda start, stop: array[start:stop], problem)
    return GivenPlan(BlockPlan.from_blocks(kept, (n, m)), kept)


def _checked_rows(blocks_of: Callable[[int, int], Any], problem: TransportProblem) -> _Blocks:
    """Rows of a function of the caller's, as finite float64."""
    m = problem.shape[1]

    def rows(start: int, stop: int) -> FloatArray:
        name = f"plan({start}, {stop})"
        array = as_nearest_array(name, blocks_of(start, stop))
        if array.shape != (stop - start, m):
            requirement = f"have shape ({stop - start}, {m})"
            raise InvalidInputError(name, requirement, f"shape {array.shape}")
        return array

    return rows


def as_given_potentials(
    value: Any, problem: TransportProblem, epsilon: float | None = None
) -> Given:
    """Coerce potentials (f, g), one of which may be None, of any float dtype.

    Of a result those of its regularised problem are taken where `epsilon` is its own.

    Raises
    ------
    InvalidInputError
        For lengths that do not fit, and for entries that are not finite.
    """
    if isinstance(value, TransportResult):
        value = _of_result(value, epsilon)
    if isinstance(value, Potentials):
        value = value.f, value.g
    try:
        f, g = value
    except (TypeError, ValueError):
        requirement = "be a pair (f, g), one of which may be None"
        raise InvalidInputError("potentials", requirement, describe(value)) from None
    if f is None and g is None:
        raise InvalidInputError("potentials", "hold f, g or both", "(None, None)")
    sides: list[FloatArray | None] = []
    for place, (side, size) in enumerate(zip((f, g), problem.shape, strict=True)):
        if side is None:
            sides.append(None)
            continue
        name = f"potentials[{place}]"
        array = as_nearest_array(name, side)
        if array.shape != (size,):
            requirement = f"have shape ({size},), one number {'row' if place == 0 else 'column'}"
            raise InvalidInputError(name, requirement, f"shape {array.shape}")
        sides.append(array)
    return sides[0], sides[1]


def _of_result(result: TransportResult, epsilon: float | None) -> Any:
    """Potentials of a result: the entropic ones where they are those of `epsilon`."""
    summary = result.entropic
    if summary is not None and summary.epsilon == epsilon:
        return summary.f, summary.g
    if result.potentials is None:
        requirement = "be a result that has potentials"
        raise InvalidInputError("potentials", requirement, result.status.name)
    return result.potentials


def measured(
    given: GivenPlan,
    problem: TransportProblem,
    *,
    column_error: float | None = None,
    tick: Callable[[], object],
) -> PlanErrors:
    """What a plan misses of its marginals, what is negative, and what it costs; to rounding.

    `column_error` is what its columns miss, where that is known and would take another pass.
    """
    plan = given.plan
    with np.errstate(over="ignore", invalid="ignore"):
        if isinstance(plan, SparsePlan):
            return _measured_entries(plan, problem)
        n, m = problem.shape
        if isinstance(plan, ScaledKernelPlan) and is_cloud_plan(plan) and n * m > _MANY_PAIRS:
            found = _measured_sums(plan, problem, column_error)
            if found is not None:
                return found
        assert isinstance(plan, BlockPlan | ScaledKernelPlan)
        return _measured_rows(given.rows or plan.block, problem, tick)


def _apart(sums: FloatArray, weights: FloatArray) -> float:
    return float(np.abs(sums - weights).sum())


def _cost(total: float) -> float:
    """A sum of costs, some of which may be infinite."""
    return math.inf if math.isnan(total) else total


def _measured_entries(plan: SparsePlan, problem: TransportProblem) -> PlanErrors:
    costs = problem.pair_costs(plan.rows, plan.columns)
    return PlanErrors(
        rows=_apart(plan.row_sums(), problem.a),
        columns=_apart(plan.column_sums(), problem.b),
        negative=float(-np.minimum(plan.mass, 0.0).sum()) + 0.0,
        cost=_cost(dot(plan.mass, costs)[0]),
    )


def _measured_rows(
    rows: _Blocks, problem: TransportProblem, tick: Callable[[], object]
) -> PlanErrors:
    n, m = problem.shape
    row_sums, column_sums = np.empty(n), np.zeros(m)
    negative, costs = 0.0, []
    starts = blocks(n, m)
    for start in starts:
        stop = min(n, start + starts.step)
        mass, block = rows(start, stop), problem.block(start, stop)
        row_sums[start:stop] = mass.sum(axis=1)
        column_sums += mass.sum(axis=0)
        negative -= float(np.minimum(mass, 0.0).sum())
        costs.extend(np.where(mass != 0.0, mass * block, 0.0).sum(axis=1))
        tick()
    return PlanErrors(
        rows=_apart(row_sums, problem.a),
        columns=_apart(column_sums, problem.b),
        negative=negative + 0.0,
        cost=_cost(float(np.sum(costs))),
    )


def _measured_sums(
    plan: ScaledKernelPlan, problem: TransportProblem, column_error: float | None
) -> PlanErrors | None:
    """Of a plan in factors between many points, from the pairs that weigh anything."""
    found = cloud_kernel(problem, plan.epsilon)
    if found is None:
        return None
    kernel, rows, columns = found
    bits = np.log2(np.e) / plan.epsilon
    u = np.log2(kernel.a * plan.row_scale[rows]) + plan.f[rows] * bits + np.log2(problem.mass)
    v = np.log2(kernel.b * plan.column_scale[columns]) + plan.g[columns] * bits
    row_sums, row_costs = kernel.row_costs(u, v)
    if column_error is None:
        shift, column_sums = kernel.column_sums(u, v)
        column_error = problem.mass * _apart(column_sums * np.exp2(v - shift), kernel.b)
    return PlanErrors(
        rows=problem.mass * _apart(row_sums, kernel.a),
        columns=column_error,
        negative=0.0,
        cost=float(row_costs.sum()) / bits * problem.mass,
    )


def sum_of(weights: FloatArray, potential: FloatArray) -> float:
    """Weighted sum of a potential, compensated."""
    return dot(weights, potential)[0]


def widest_excess(
    f: FloatArray, g: FloatArray, kept: FloatArray, derived: FloatArray, used: IndexArray | slice
) -> float:
    """Largest f_i + g_j - C_ij; `derived` is the c-transform of `kept`, which is f but shifted."""
    with np.errstate(over="ignore", invalid="ignore"):
        shift = float(np.median(f - kept))
        return float((g - derived)[used].max()) + shift
