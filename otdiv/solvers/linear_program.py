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
from .._typing import FloatArray, IndexArray
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
# What `scipy.optimize.linprog` calls these ends.
_OPTIMAL, _AT_LIMIT, _NO_PLAN = 0, 1, 2


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
        live = _Live.of(problem)
        if live.rows.size == 0:
            return _infeasible(live)
        program = _program(live, self._limits(options))
        shift, scale = _origin_and_width(live.costs)
        answer = program((live.costs - shift) / scale)
        # What is no optimum, or is one by the tolerances of HiGHS alone.
        if answer.status == _NO_PLAN:
            proof = _infeasible(live)
            assert proof.infeasible_rows is not None
            assert proof.infeasible_columns is not None
            if infeasibility_holds(problem, proof.infeasible_rows, proof.infeasible_columns):
                return proof
        late = options.deadline is not None and time.perf_counter() >= options.deadline
        limited = Status.STOPPED if late else Status.MAX_ITERATIONS
        if answer.x is None or answer.status not in (_OPTIMAL, _AT_LIMIT):
            return self._failed(problem, answer, limited)
        # The answer, and more digits of it.
        duals = np.append(answer.eqlin.marginals, 0.0) * scale
        n = live.sources.size
        f, g = duals[:n] + shift, duals[n:]
        n_iterations = int(answer.nit)
        if answer.status == _OPTIMAL:
            answer, f, g, more = _refined(program, live, answer, f, g)
            n_iterations += more
        return Solution(
            plan=live.plan(answer.x),
            potentials=_extended(problem, live.sources, live.targets, f, g),
            n_iterations=n_iterations,
            status=Status.OPTIMAL if answer.status == _OPTIMAL else limited,
        )

    def _limits(self, options: SolveOptions) -> dict[str, float]:
        """The options of HiGHS that end it early."""
        limits: dict[str, float] = {}
        if self.max_iterations is not None:
            limits["maxiter"] = self.max_iterations
        if options.deadline is not None:
            limits["time_limit"] = max(options.deadline - time.perf_counter(), _LEAST_SECONDS)
        return limits

    def _failed(self, problem: TransportProblem, answer: Any, limited: Status) -> Solution:
        """No plan from HiGHS; the exact one where weights and costs are below its tolerances."""
        at_limit = answer.status == _AT_LIMIT
        exact = None if at_limit else settled(problem)
        if exact is not None:
            return exact
        return Solution(
            plan=None,
            potentials=None,
            n_iterations=int(answer.nit or 0),
            status=limited if at_limit else Status.NUMERICAL_ERROR,
            message=str(answer.message),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Live:
    """The atoms of positive weight, and the k pairs of them that are allowed."""

    sources: IndexArray
    """Numbers in the problem (n,)."""
    targets: IndexArray
    C: FloatArray
    weights: FloatArray
    """Of sources and targets (n + m,)."""
    unit: float
    """Weight that counts as one: their mean on the larger side."""
    shape: tuple[int, int]
    """Of the problem."""
    rows: IndexArray
    """Of the allowed pairs among the sources (k,)."""
    columns: IndexArray
    costs: FloatArray

    @classmethod
    def of(cls, problem: TransportProblem) -> _Live:
        sources, targets = np.flatnonzero(problem.a > 0.0), np.flatnonzero(problem.b > 0.0)
        C = problem.matrix()[np.ix_(sources, targets)]
        rows, columns = np.nonzero(math.inf > C)
        return cls(
            sources=sources,
            targets=targets,
            C=C,
            weights=np.concatenate([problem.a[sources], problem.b[targets]]),
            unit=problem.mass / max(C.shape),
            shape=problem.shape,
            rows=rows,
            columns=columns,
            costs=C[rows, columns],
        )

    def plan(self, x: FloatArray) -> SparsePlan:
        """Plan of the masses x (k,) of the pairs, in units."""
        used = x > 0.0
        return SparsePlan(
            rows=self.sources[self.rows[used]],
            columns=self.targets[self.columns[used]],
            mass=x[used] * self.unit,
            shape=self.shape,
        )


def _program(live: _Live, limits: dict[str, float]) -> Callable[[FloatArray], Any]:
    """What HiGHS answers, as a function of the costs (k,) of the pairs."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    (n, m), k = live.C.shape, live.rows.size
    edges = np.arange(k)
    nodes = np.concatenate([live.rows, n + live.columns]), np.concatenate([edges, edges])
    constraints = csr_array((np.ones(2 * k), nodes), shape=(n + m, k))
    # The last constraint follows from the others; rounding would contradict them.
    return functools.partial(
        linprog,
        A_eq=constraints[:-1],
        b_eq=(live.weights / live.unit)[:-1],
        bounds=(0.0, None),
        method="highs",
        options=limits,
    )


def _origin_and_width(costs: FloatArray) -> tuple[float, float]:
    """The least of the costs, and what they span; 1 where all are equal."""
    shift, width = float(costs.min()), float(costs.max() - costs.min())
    return shift, width if width > 0.0 else 1.0


def _refined(
    program: Callable[[FloatArray], Any],
    live: _Live,
    answer: Any,
    f: FloatArray,
    g: FloatArray,
) -> tuple[Any, FloatArray, FloatArray, int]:
    """Solve again for the reduced costs while the answer leaves a gap; counts the iterations.

    HiGHS works to a tolerance of 1e-7 of the largest cost, below which all pairs look alike. The
    reduced costs C - f - g have the same optimal plans; in units of the gap they show what is left,
    and entries that no good plan could use much of need not be told apart.
    """
    C, costs, rows, columns = live.C, live.costs, live.rows, live.columns
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
        if answer.status != _OPTIMAL:
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


def _infeasible(live: _Live) -> Solution:
    """Find rows that hold more than all columns they reach: the source side of a minimum cut."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, hstack, vstack

    (n, m), k = live.C.shape, live.rows.size
    a, b = live.weights[:n], live.weights[n:]
    # Hall's condition as a program: choose rows s_i and columns t_j in [0, 1] with t_j >= s_i on
    # allowed pairs; sum a s - sum b t is largest at a vertex, which is a set of rows and its reach.
    edges = np.arange(k)
    ones = np.ones(k)
    limits = hstack(
        [
            coo_array((ones, (edges, live.rows)), shape=(k, n)),
            coo_array((-ones, (edges, live.columns)), shape=(k, m)),
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
    reached = (live.C[chosen] < math.inf).any(axis=0)
    return Solution(
        plan=None,
        potentials=None,
        n_iterations=int(answer.nit),
        status=Status.INFEASIBLE,
        infeasible_rows=live.sources[chosen],
        infeasible_columns=live.targets[reached],
    )
