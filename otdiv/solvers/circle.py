"""Exact transport on a circle: both sides in order, turned against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._kernels.line.circle import best_turn, walk
from .._kernels.network_flow.first_basis import IntegerMasses, integer_masses
from .._tree_search import shaped_c_transform
from .._typing import FloatArray, IndexArray
from ..costs import ShapedCost
from ..errors import UnsupportedProblemError
from ..plans import Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Forecast, Solution, SolveOptions, Status

__all__ = ["Circle"]

# Seconds of any solve, and of an atom; bytes of an atom: measured on one core of a 2023 server,
# n = 1000 to 1,000,000. With the proof, which takes most of it.
_SECONDS = 3e-4
_ATOM_SECONDS = 1e-6
_ATOM_BYTES = 400

_Entries = tuple[IndexArray, IndexArray, FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """Solver for points on a circle: a `Periodic` cost in one dimension, of power 1 or more.

    The optimal plan couples both samples in the order in which they go round. By how much mass one
    of them is turned is found by bisection, in whole numbers; the whole takes O((n + m) log(n + m))
    time and O(n + m) memory.

    References
    ----------
    Delon, Salomon & Sobolevski (2010), Fast transport optimization for Monge costs on the circle,
    arXiv:0902.3527. Rabin, Delon & Gousseau (2011), Transportation distances on the circle,
    arXiv:0906.5499.

    Examples
    --------
    >>> from otdiv import Periodic, solvers, transport
    >>> result = transport([23.0, 1.0], [0.0, 2.0], cost=Periodic(24), solver=solvers.Circle())
    >>> result.value, result.plan.n_entries
    (1.0, 2)
    """

    takes_shapes: ClassVar[bool] = True

    def forecast(self, problem: TransportProblem, *, early: bool) -> Forecast | None:
        """Time and memory of the sort and the proof; None where it is no convex circle."""
        if _complaint(problem):
            return None
        size = sum(problem.shape)
        return Forecast(
            reason="points on a circle with a convex cost: two orders, turned, are optimal",
            seconds=_SECONDS + _ATOM_SECONDS * size,
            bytes=_ATOM_BYTES * size,
        )

    def run(self, problem: TransportProblem, *, options: SolveOptions) -> Solution:
        """Return the plan of the best turn and its potentials; there is nothing to stop."""
        complaint = _complaint(problem)
        if complaint:
            raise UnsupportedProblemError(f"Circle needs {complaint}; leave `solver` None")
        cost = problem.cost
        assert isinstance(cost, ShapedCost)
        rows, columns = np.flatnonzero(problem.a > 0.0), np.flatnonzero(problem.b > 0.0)
        rows = rows[np.argsort(problem.x[rows, 0], kind="stable")]
        columns = columns[np.argsort(problem.y[columns, 0], kind="stable")]
        x, y = problem.x[rows, 0], problem.y[columns, 0]
        whole = integer_masses(problem.a[rows], problem.b[columns], problem.mass)
        (i, j, mass), f, g = _turned(x, y, whole, float(cost.periods[0]), cost.power)
        f_all, g_all = np.empty(problem.shape[0]), np.empty(problem.shape[1])
        f_all[rows], g_all[columns] = f, g
        _extend(problem, cost, rows, columns, f_all, g_all)
        return Solution(
            plan=SparsePlan(rows=rows[i], columns=columns[j], mass=mass, shape=problem.shape),
            potentials=Potentials(f=f_all, g=g_all),
            n_iterations=1,
            status=Status.OPTIMAL,
        )


def _complaint(problem: TransportProblem) -> str:
    """What a problem lacks to be one on a circle."""
    cost = problem.cost
    if isinstance(cost, ShapedCost) and cost.is_circle:
        return ""
    return "the cost Periodic(period, power=p) of points of one dimension, p >= 1 and no limit"


def _turned(
    x: FloatArray, y: FloatArray, whole: IntegerMasses, period: float, power: float
) -> tuple[_Entries, FloatArray, FloatArray]:
    """Plan and potentials of the best turn, of sorted positions.

    Where both sides end an atom together, potentials may go on along the next row or the next
    column. Both ways are feasible on the line that goes on around, with a gain f(x + period) - f(x)
    of one sign each, as the turn is optimal. Of their means one has no gain: that is the circle's.
    """
    size = x.size + y.size
    _, start = best_turn(x, y, whole.a, whole.b, period, power)
    if start[0] < 0:
        start = (0, 0, 0)  # no plan of a turn: what comes of it is proven to be what it is
    i, j, flow = (np.empty(size, np.int64) for _ in range(3))
    found = []
    for column_first in (False, True):
        f, g = np.empty(x.size), np.empty(y.size)
        count, gain = walk(
            x, y, whole.a, whole.b, period, power, start, column_first, i, j, flow, f, g
        )
        found.append((f, g, gain))
    (f, g, gain), (other_f, other_g, other_gain) = found
    spread = gain - other_gain
    share = min(max(gain / spread, 0.0), 1.0) if spread != 0.0 else 0.0
    f, g = f + share * (other_f - f), g + share * (other_g - g)
    mass = np.ldexp(flow[:count] * whole.unit, whole.exponent)
    return (i[:count], j[:count], mass), f, g


def _extend(
    problem: TransportProblem,
    cost: ShapedCost,
    rows: IndexArray,
    columns: IndexArray,
    f: FloatArray,
    g: FloatArray,
) -> None:
    """Give atoms without weight the largest potentials that no pair forbids."""
    dead_rows, dead_columns = np.flatnonzero(problem.a <= 0.0), np.flatnonzero(problem.b <= 0.0)
    shape = cost.shape
    if dead_rows.size:
        f[dead_rows] = shaped_c_transform(
            problem.x[dead_rows], problem.y[columns], g[columns], shape
        )
    if dead_columns.size:
        g[dead_columns] = shaped_c_transform(problem.y[dead_columns], problem.x, f, shape)
