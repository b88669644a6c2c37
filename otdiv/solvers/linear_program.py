"""The transport problem as a plain linear program, solved by HiGHS: slow, general, an oracle."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._memory import room_for
from .._rescaling import in_moderate_units
from .._typing import FloatArray
from ..certificates import infeasibility_holds
from ..plans import Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Solution, SolveOptions, Status
from ._settling import settled

__all__ = ["LinearProgram"]

# Gap over the value below which an answer is not refined: most answers are that good.
_REFINED_RTOL = 1e-10
# Solves of reduced costs at most; by taste: each gains about six digits.
_REFINEMENTS = 8
# Units of the gap at which reduced costs are cut: HiGHS resolves 1e-7 of the largest.
_LARGEST_REDUCED = 1e4
# Least time limit that HiGHS is given, in seconds: 0 is none.
_LEAST_SECONDS = 1e-3
# Bytes a pair at the peak with SciPy 1.17, measured at 300 x 300 to 1000 x 1000 and 3000 x 60
# pairs: 1130 to 1300, 1510 with costs over twenty orders, 1880 where there is no plan.
_BYTES_PER_PAIR = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearProgram:
    """Solve min <C, P>, P 1 = a, Pᵀ 1 = b, P >= 0 with HiGHS through `scipy.optimize.linprog`.

    Costs are shifted and scaled to [0, 1] and weights to mean one before HiGHS sees them, since its
    tolerances are absolute (1e-7): unscaled costs of 1e-9 all look like zero to it. Where a gap is
    left, as with one cost of 1e8 among small ones, reduced costs are solved again. Memory is 1100
    to 1500 bytes a pair, 1900 where forbidden pairs leave no plan, nearly all of it inside HiGHS;
    time grows faster than n³: for oracles and small problems.

    Attributes
    ----------
    max_iterations : int or None
        Limit of simplex iterations; None leaves it to HiGHS.

    References
    ----------
    Huangfu & Hall (2018), Parallelizing the dual revised simplex method,
    doi:10.1007/s12532-017-0130-5. Gleixner, Steffy, Wolter (2016), Iterative refinement for linear
    programming, doi:10.1287/ijoc.2016.0692.

    Examples
    --------
    >>> from otdiv import solvers, transport_matrix
    >>> transport_matrix([[0.0, 1.0], [1.0, 0.0]], solver=solvers.LinearProgram()).value
    0.0
    """

    max_iterations: int | None = None

    def run(self, problem: TransportProblem, *, options: SolveOptions) -> Solution:
        """Build the program over the allowed pairs of positive weight and read plan and duals."""
        n, m = problem.shape
        way_out = "NetworkSimplex needs some ten bytes a pair, ColumnGeneration none"
        needed = _BYTES_PER_PAIR * n * m
        with room_for(needed, f"LinearProgram on {n} x {m} atoms", way_out, options.max_memory):
            return in_moderate_units(problem, options, self._solved)

    def _solved(self, problem: TransportProblem, options: SolveOptions) -> Solution:
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        a, b = problem.a, problem.b
        live_rows, live_columns = np.flatnonzero(a > 0.0), np.flatnonzero(b > 0.0)
        C = problem.matrix()[np.ix_(live_rows, live_columns)]
        rows, columns = np.nonzero(math.inf > C)
        n, m, k = live_rows.size, live_columns.size, rows.size
        if k == 0:
            return _infeasible(C, a[live_rows], b[live_columns], live_rows, live_columns)
        costs = C[rows, columns]
        shift, scale = float(costs.min()), float(costs.max() - costs.min())
        scale = scale if scale > 0.0 else 1.0
        unit = problem.mass / max(n, m)
        edges = np.arange(k)
        constraints = csr_array(
            (np.ones(2 * k), (np.concatenate([rows, n + columns]), np.concatenate([edges, edges]))),
            shape=(n + m, k),
        )
        weights = np.concatenate([a[live_rows], b[live_columns]]) / unit
        limit: dict[str, float] = {}
        if self.max_iterations is not None:
            limit["maxiter"] = self.max_iterations
        if options.deadline is not None:
            limit["time_limit"] = max(options.deadline - time.perf_counter(), _LEAST_SECONDS)
        # The last constraint follows from the others; rounding would contradict them.
        program = functools.partial(
            linprog,
            A_eq=constraints[:-1],
            b_eq=weights[:-1],
            bounds=(0.0, None),
            method="highs",
            options=limit,
        )
        answer = program((costs - shift) / scale)
        failed = answer.x is None or answer.status not in (0, 1)
        if answer.status == 2:
            proof = _infeasible(C, a[live_rows], b[live_columns], live_rows, live_columns)
            assert proof.infeasible_rows is not None
            assert proof.infeasible_columns is not None
            if infeasibility_holds(problem, proof.infeasible_rows, proof.infeasible_columns):
                return proof
        if failed and answer.status != 1:
            # Weights and costs below the tolerances of HiGHS.
            exact = settled(problem)
            if exact is not None:
                return exact
        late = options.deadline is not None and time.perf_counter() >= options.deadline
        limited = Status.STOPPED if late else Status.MAX_ITERATIONS
        if failed:
            return Solution(
                plan=None,
                potentials=None,
                n_iterations=int(answer.nit or 0),
                status=limited if answer.status == 1 else Status.NUMERICAL_ERROR,
                message=str(answer.message),
            )
        duals = np.append(answer.eqlin.marginals, 0.0) * scale
        f, g = duals[:n] + shift, duals[n:]
        n_iterations = int(answer.nit)
        if answer.status == 0:
            answer, f, g, more = _refined(program, C, rows, columns, answer, f, g)
            n_iterations += more
        potentials = _extended(problem, live_rows, live_columns, f, g)
        used = answer.x > 0.0
        plan = SparsePlan(
            rows=live_rows[rows[used]],
            columns=live_columns[columns[used]],
            mass=answer.x[used] * unit,
            shape=problem.shape,
        )
        return Solution(
            plan=plan,
            potentials=potentials,
            n_iterations=n_iterations,
            status=Status.OPTIMAL if answer.status == 0 else limited,
        )


def _refined(
    program: Callable[..., Any],
    C: FloatArray,
    rows: np.ndarray,
    columns: np.ndarray,
    answer: Any,
    f: FloatArray,
    g: FloatArray,
) -> tuple[Any, FloatArray, FloatArray, int]:
    """Solve again for the reduced costs while the answer leaves a gap; counts the iterations.

    HiGHS works to a tolerance of 1e-7 of the largest cost, below which all pairs look alike. The
    reduced costs C - f - g have the same optimal plans; in units of the gap they show what is left,
    and entries that no good plan could use much of need not be told apart.
    """
    costs = C[rows, columns]
    n_iterations = 0
    best = math.inf
    kept = answer, f, g
    for _ in range(_REFINEMENTS):
        # An atom whose partners all are forbidden has the infinite potential that it may have.
        with np.errstate(invalid="ignore"):
            f = (C - g).min(axis=1)
            g = (C - f[:, None]).min(axis=0)
        reduced = np.maximum(costs - f[rows] - g[columns], 0.0)
        gap = float(reduced @ answer.x)
        if not gap < best:
            break
        best, kept = gap, (answer, f, g)
        unit = gap / float(answer.x.sum())
        if gap <= _REFINED_RTOL * abs(float(costs @ answer.x)) or not 0.0 < unit < math.inf:
            break
        with np.errstate(over="ignore"):  # what is too large for a float is cut as well
            remaining = np.minimum(reduced / unit, _LARGEST_REDUCED)
        answer = program(remaining)
        n_iterations += int(answer.nit or 0)
        if answer.status != 0:
            break
        duals = np.append(answer.eqlin.marginals, 0.0) * unit
        f, g = f + duals[: f.size], g + duals[f.size :]
    return *kept, n_iterations


def _extended(
    problem: TransportProblem,
    live_rows: np.ndarray,
    live_columns: np.ndarray,
    f: FloatArray,
    g: FloatArray,
) -> Potentials:
    """Potentials of all atoms: those without weight take what feasibility allows."""
    C = problem.matrix()
    all_g = np.full(problem.shape[1], -math.inf)
    all_g[live_columns] = g
    dead = np.ones(problem.shape[1], dtype=bool)
    dead[live_columns] = False
    if dead.any():
        lowest = (C[np.ix_(live_rows, np.flatnonzero(dead))] - f[:, None]).min(axis=0)
        all_g[dead] = np.where(np.isfinite(lowest), lowest, 0.0)
    all_f = np.empty(problem.shape[0])
    all_f[live_rows] = f
    dead = np.ones(problem.shape[0], dtype=bool)
    dead[live_rows] = False
    if dead.any():
        lowest = (C[dead] - all_g).min(axis=1)
        all_f[dead] = np.where(np.isfinite(lowest), lowest, 0.0)
    return Potentials(f=all_f, g=all_g)


def _infeasible(
    C: FloatArray,
    a: FloatArray,
    b: FloatArray,
    live_rows: np.ndarray,
    live_columns: np.ndarray,
) -> Solution:
    """Find rows that hold more than all columns they reach: the source side of a minimum cut."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, hstack, vstack

    n, m = C.shape
    rows, columns = np.nonzero(math.inf > C)
    k = rows.size
    # Hall's condition as a program: choose rows s_i and columns t_j in [0, 1] with t_j >= s_i on
    # allowed pairs; sum a s - sum b t is largest at a vertex, which is a set of rows and its reach.
    edges = np.arange(k)
    ones = np.ones(k)
    limits = hstack(
        [
            coo_array((ones, (edges, rows)), shape=(k, n)),
            coo_array((-ones, (edges, columns)), shape=(k, m)),
        ]
    )
    objective = np.concatenate([-a, b]) / a.sum()
    answer = linprog(
        objective,
        A_ub=vstack([limits]) if k else None,
        b_ub=np.zeros(k) if k else None,
        bounds=(0.0, 1.0),
        method="highs",
    )
    chosen = answer.x[:n] > 0.5
    reached = (C[chosen] < math.inf).any(axis=0)
    return Solution(
        plan=None,
        potentials=None,
        n_iterations=int(answer.nit),
        status=Status.INFEASIBLE,
        infeasible_rows=live_rows[chosen],
        infeasible_columns=live_columns[reached],
    )
