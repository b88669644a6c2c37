"""What a batch returns: values, bounds, plans and status of every problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from .._frozen import restore, seal
from .._typing import FloatArray, IndexArray
from .._validation import check_positive_integer
from ..errors import InvalidInputError
from ..plans import DensePlan, Plan, Potentials, ScaledKernelPlan, SparsePlan
from ..results import Status

__all__ = ["BatchPlan", "BatchResult", "as_batch_plan"]

BatchPlan: TypeAlias = IndexArray | Plan | None


def as_batch_plan(plan: Plan | None, one_to_one: bool) -> BatchPlan:
    """Return the columns (n,) of a plan that gives each row one of its own, if it may be one."""
    if not one_to_one or not isinstance(plan, SparsePlan):
        return plan
    n = plan.shape[0]
    used = plan.mass > 0.0
    columns = np.full(n, -1)
    columns[plan.rows[used]] = plan.columns[used]
    is_pairing = np.count_nonzero(used) == n and (np.sort(columns) == np.arange(n)).all()
    return columns if is_pairing else plan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BatchResult:
    """Certified transports of B problems, in their order.

    Attributes
    ----------
    values : array (B,)
        Cost of each plan, inside its bounds; inf where there is no plan, NaN where the callback
        stopped before.
    lower, upper : arrays (B,)
        Proven enclosure of each optimum.
    plans : array (B, n) or tuple of B
        Columns: row i goes to column ``plans[k][i]``, where all problems have as many rows as
        columns, n of them, with uniform weights. Otherwise a tuple that has such an array (n,) for
        each problem of equal counts and uniform weights, and a `SparsePlan` for each other one.
        None stands for a problem without a plan.
    status : tuple of B Status
        OPTIMAL where the bounds are exact to rounding.
    """

    values: FloatArray
    lower: FloatArray
    upper: FloatArray
    plans: IndexArray | tuple[BatchPlan, ...]
    status: tuple[Status, ...]
    _shapes: IndexArray = field(repr=False)
    _masses: FloatArray = field(repr=False)
    _starts: IndexArray = field(repr=False)
    _f: FloatArray = field(repr=False)
    _g: FloatArray = field(repr=False)
    _known: tuple[bool, ...] = field(repr=False)

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def __len__(self) -> int:
        return int(self.values.size)

    def plan(self, k: int) -> SparsePlan | DensePlan | ScaledKernelPlan:
        """Plan of problem k with its masses, also where `plans` holds columns alone."""
        k = self._number(k)
        found = self.plans[k]
        if found is None:
            raise InvalidInputError("k", "be the number of a problem with a plan", k)
        if isinstance(found, np.ndarray):
            n = found.size
            mass = np.full(n, self._masses[k] / n)
            return SparsePlan(rows=np.arange(n), columns=found, mass=mass, shape=(n, n))
        return found

    def potentials(self, k: int) -> Potentials:
        """Feasible potentials of problem k, which prove its lower bound."""
        k = self._number(k)
        if not self._known[k]:
            raise InvalidInputError("k", "be the number of a problem with potentials", k)
        (n, m), (f, g) = self._shapes[k], self._starts[k]
        return Potentials(f=self._f[f : f + n], g=self._g[g : g + m])

    def _number(self, k: int) -> int:
        number = check_positive_integer("k", k, -len(self))
        if number >= len(self):
            raise InvalidInputError("k", f"be a number below {len(self)}", number)
        return number % len(self)

    def __repr__(self) -> str:
        optimal = sum(status is Status.OPTIMAL for status in self.status)
        return f"BatchResult(n_problems={len(self)}, n_optimal={optimal})"
