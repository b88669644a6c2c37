"""Exact transport of any dense cost by the network simplex with column generation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from .._kernels._jit import frozen
from .._kernels.network_flow import spanning_tree
from .._kernels.network_flow.dense_pricing import extent
from .._kernels.network_flow.first_basis import IntegerMasses
from .._kernels.proofs.repair import transform_matrix, transform_matrix_columns
from .._memory import room_for
from .._monitor import Monitor
from .._typing import FloatArray, IndexArray
from ..certificates.transforms import point_transform
from ..costs import CostMatrix, PNormCost, ShapedCost, SparseCost
from ..errors import InvalidInputError
from ..plans import Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Forecast, Solution, SolveOptions, Status, TransportResult
from ._dense.rounds import Run
from ._dense.small import solve_small
from ._sparse.run import solve_sparse, sparse_memory

__all__ = ["NetworkSimplex"]

# Seconds of any solve, and of a pair of atoms: measured on one core of a 2023 server, n = 200 to
# 4000, planar and in ten dimensions.
_SECONDS = 1.1e-4
_PAIR_SECONDS = 1.8e-8
# Seconds of an entry of a sparse cost, and of an atom: measured with 3e5 and 1e6 entries.
_ENTRY_SECONDS = 8e-6
# Share of the time after which a proof to 1e-3 ended the solve (dense costs of 2000 atoms).
_EARLY_SHARE = 0.7

# Sum of costs along a path of n + m arcs above which they are scaled by a power of two: their
# products with masses of up to 2**62 units must not overflow, with some room for penalties.
_LARGEST_SUM = 2.0**900
# Largest cost below which they are scaled too: subnormal numbers lose digits.
_SMALLEST = 2.0**-900
# Spread of the potentials of a warm start over that of the costs above which it is not used; by
# taste.
_FAR = 1e3

# What the kernel `extent` returns.
_Limits: TypeAlias = tuple[float, float, bool, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSimplex:
    """Exact solver for any cost: a primal network simplex on few of the n·m pairs.

    Of a sparse cost the entries are the pairs, in memory proportional to them.

    Masses become integers of 2**-60 of the total (or multiples of a common unit where there is
    one), so flows are exact and ties cannot cycle. Small problems and problems with forbidden pairs
    pivot on all pairs, or are assigned along shortest augmenting paths where that is faster (equal
    counts, uniform weights; iterations are rows scanned then); others start from the duals of a
    clustered problem and pivot on the pairs of least reduced cost, to which scans of the matrix add
    every violated pair until none is left.

    Time grows about like n m to (n m)^1.1 on clouds of points of 1000 to 8000 atoms. Memory is
    about 2.6 n m + 1000 (n + m) bytes beside the matrix, and the matrix of 8 n m bytes is made for
    a cost of points.

    Attributes
    ----------
    max_iterations : int or None
        Limit of pivots; None sets none.

    References
    ----------
    Ahuja, Magnanti, Orlin (1993), Network Flows, chapter 11. Cunningham (1976), A network simplex
    method, doi:10.1007/BF01580379. Schmitzer (2016), A sparse multiscale algorithm for dense
    optimal transport, arXiv:1510.05466 (coarse-to-fine duals). Jonker & Volgenant (1987), A
    shortest augmenting path algorithm for dense and sparse linear assignment problems,
    doi:10.1007/BF02278710.

    Examples
    --------
    >>> from otdiv import solvers, transport_matrix
    >>> result = transport_matrix([[0.0, 2.0], [2.0, 1.0]], solver=solvers.NetworkSimplex())
    >>> result.value, result.status.name
    (0.5, 'OPTIMAL')
    """

    max_iterations: int | None = None

    def forecast(self, problem: TransportProblem, *, early: bool) -> Forecast:
        """Time and memory for any problem; points first need their matrix."""
        # Atoms without weight take no part in a solve.
        n, m = int(np.count_nonzero(problem.a)), int(np.count_nonzero(problem.b))
        share = _EARLY_SHARE if early else 1.0
        if isinstance(problem.cost, SparseCost):
            k = problem.cost.n_entries
            return Forecast(
                reason=f"a sparse cost of {n} x {m} pairs, of which {k} are allowed",
                seconds=_SECONDS + share * _ENTRY_SECONDS * (k + n + m),
                bytes=sparse_memory(problem.cost),
            )
        with_matrix = isinstance(problem.cost, PNormCost | ShapedCost)
        return Forecast(
            reason=f"a dense cost of {n} x {m} pairs",
            seconds=_SECONDS + share * _PAIR_SECONDS * n * m,
            bytes=memory_needed(n, m, with_matrix=with_matrix),
        )

    def run(self, problem: TransportProblem, *, options: SolveOptions) -> Solution:
        """Solve on the atoms of positive weight; the others take what feasibility allows."""
        n, m = problem.shape
        cost = problem.cost
        if isinstance(cost, SparseCost):
            needed, what = sparse_memory(cost), f"NetworkSimplex on {cost.n_entries} pairs"
            with room_for(needed, what, "fewer entries would fit", options.max_memory):
                return solve_sparse(problem, options, self.max_iterations)
        needed = self.forecast(problem, early=False).bytes
        way_out = "ColumnGeneration needs some kilobytes an atom, Sinkhorn less"
        with room_for(needed, f"NetworkSimplex on {n} x {m} atoms", way_out, options.max_memory):
            return self._solved(problem, options)

    def _solved(self, problem: TransportProblem, options: SolveOptions) -> Solution:
        live = _Live.of(problem)
        is_plain = live.is_all and self._is_plain(options)
        solution = solve_small(live.C, live.a, live.b, problem.mass) if is_plain else None
        if solution is not None:
            return solution
        live, limits = live.in_range()
        if is_plain and live.shift:
            # The same answer as in any other unit: potentials are not unique.
            solution = solve_small(live.C, live.a, live.b, problem.mass)
            if solution is not None:
                return _shifted_back(solution, live.shift)
        masses = spanning_tree.integer_masses(live.a, live.b, problem.mass)
        monitor = Monitor(callback=options.callback, max_iterations=self.max_iterations)
        run = _prepared(live, limits, masses, monitor, options)
        if options.warm_start is not None:
            run.start = _start(problem, options.warm_start, live, limits)
        run.solve()
        if run.infeasible is not None:
            return _infeasible(run.infeasible, live, monitor.iteration)
        i, j, mass = _moved(run, masses)
        f, g = _potentials(run, live, nothing_moves=limits[0] == 0.0 and not live.C[i, j].any())
        if not live.is_all:
            f, g = _extended(problem, live.rows, live.columns, f, g)
        i, j = live.rows[i], live.columns[j]
        return Solution(
            plan=SparsePlan(rows=i, columns=j, mass=mass, shape=problem.shape),
            potentials=Potentials(f=f, g=g),
            n_iterations=monitor.iteration,
            status=monitor.status,
        )

    def _is_plain(self, options: SolveOptions) -> bool:
        """Whether nothing is asked that needs more than one uninterrupted run."""
        asked = (self.max_iterations, options.rtol, options.atol)
        others = (options.callback, options.warm_start)
        return all(option is None for option in (*asked, *others))


def _shifted_back(solution: Solution, shift: int) -> Solution:
    """The solution of costs that were multiplied by 2**shift, in the caller's unit."""
    assert solution.potentials is not None
    with np.errstate(over="ignore"):
        f, g = (np.ldexp(h, -shift) for h in (solution.potentials.f, solution.potentials.g))
    return replace(solution, potentials=Potentials(f=f, g=g))


def memory_needed(n: int, m: int, *, with_matrix: bool = True) -> int:
    """Bytes for n and m atoms, by measurement, with or without those of the cost matrix."""
    return 13 * n * m // 5 + 1000 * (n + m) + (8 * n * m if with_matrix else 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Live:
    """The atoms of positive weight."""

    C: FloatArray
    """Costs (n, m) times 2**shift."""
    a: FloatArray
    b: FloatArray
    rows: IndexArray
    """Their numbers in the problem (n,)."""
    columns: IndexArray
    is_all: bool
    """Whether the problem has no others."""
    shift: int = 0

    @classmethod
    def of(cls, problem: TransportProblem) -> _Live:
        a, b = problem.a, problem.b
        rows, columns = np.flatnonzero(a > 0.0), np.flatnonzero(b > 0.0)
        is_all = rows.size == a.size and columns.size == b.size
        if is_all:
            C = problem.matrix()
        elif isinstance(problem.cost, CostMatrix):
            C = problem.cost.values[np.ix_(rows, columns)]
        else:
            assert isinstance(problem.cost, PNormCost)
            C = problem.cost.pairwise(problem.x[rows], problem.y[columns])
        if not is_all:
            a, b = a[rows], b[columns]
        return cls(C=C, a=a, b=b, rows=rows, columns=columns, is_all=is_all)

    def in_range(self) -> tuple[_Live, _Limits]:
        """The same with costs whose sums along paths stay within float64, and their extent."""
        limits = extent(self.C)
        shift = _shift(limits, sum(self.C.shape))
        if not shift:
            return self, limits
        C = np.ldexp(self.C, shift)
        return replace(self, C=C, shift=shift), extent(C)


def _prepared(
    live: _Live, limits: _Limits, masses: IntegerMasses, monitor: Monitor, options: SolveOptions
) -> Run:
    """The run of a problem in integer masses, to the tolerance that is asked for."""
    run = Run(live.C, masses.a, masses.b, monitor, limits)
    if masses.a_rest.size:
        # Rounded masses may disagree by about 2**8 units an atom; counts are exact.
        run.rounding_mass = 2**8 * sum(live.C.shape)
    exponent = masses.exponent - live.shift
    if -900 < exponent < 900:
        run.scale = math.ldexp(masses.unit, exponent)
        if options.rtol is not None or options.atol is not None:
            run.tolerance = (options.rtol or 0.0, (options.atol or 0.0) / run.scale)
    return run


def _moved(run: Run, masses: IntegerMasses) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Rows, columns and masses of the plan, among atoms of positive weight."""
    entries = spanning_tree.masses(run.tree, masses)
    if run.repair is None:
        return entries
    *pairs, flow = run.repair
    repair = (*pairs, np.ldexp(flow * masses.unit, masses.exponent))
    i, j, mass = (np.concatenate(both) for both in zip(entries, repair, strict=True))
    return i, j, mass


def _potentials(run: Run, live: _Live, *, nothing_moves: bool) -> tuple[FloatArray, FloatArray]:
    """Potentials of the atoms of positive weight.

    Where nothing moves, and no cost is negative, those of zero prove it without rounding.
    """
    n, m = live.C.shape
    if nothing_moves:
        return np.zeros(n), np.zeros(m)
    f, g = spanning_tree.potentials(run.tree, n) if run.best is None else run.best
    if live.shift:
        with np.errstate(over="ignore"):
            f, g = np.ldexp(f, -live.shift), np.ldexp(g, -live.shift)
    return f, g


def _infeasible(nodes: np.ndarray, live: _Live, n_iterations: int) -> Solution:
    """No plan: the `nodes` (n + m,) are rows that hold more than all columns that they reach."""
    n = live.rows.size
    return Solution(
        plan=None,
        potentials=None,
        n_iterations=n_iterations,
        status=Status.INFEASIBLE,
        infeasible_rows=live.rows[np.flatnonzero(nodes[:n])],
        infeasible_columns=live.columns[np.flatnonzero(nodes[n:])],
    )


def _start(
    problem: TransportProblem, warm: TransportResult, live: _Live, limits: _Limits
) -> tuple[FloatArray, np.ndarray, np.ndarray] | None:
    """Potentials g and pairs of the plan of an earlier result, among atoms of positive weight.

    None where its potentials are of no use here. A pair of atoms has optimal potentials that differ
    by at most as much as their costs do: what differs by far more is of a problem of another scale.
    """
    if warm.problem.shape != problem.shape:
        raise InvalidInputError(
            "warm_start", f"have the shape {problem.shape} of the problem", warm.problem.shape
        )
    if warm.potentials is None:
        return None
    g = warm.potentials.g
    i = j = np.empty(0, np.int64)
    if isinstance(warm.plan, SparsePlan):
        i, j = warm.plan.rows, warm.plan.columns
        inside = (i >= 0) & (i < problem.shape[0]) & (j >= 0) & (j < problem.shape[1])
        i, j = i[inside], j[inside]
    if not live.is_all:
        rows, columns = live.rows, live.columns
        g = g[columns]
        row_place, column_place = (np.full(size, -1) for size in problem.shape)
        row_place[rows] = np.arange(rows.size)
        column_place[columns] = np.arange(columns.size)
        i, j = row_place[i], column_place[j]
        kept = (i >= 0) & (j >= 0)
        i, j = i[kept], j[kept]
    with np.errstate(over="ignore", invalid="ignore"):
        g = np.ldexp(g, live.shift)
        # From zero: an offset would cost the potentials of the other side digits.
        g = g - g.min()
    if not g.max() <= _FAR * (limits[1] - limits[0]):
        return None
    order = spanning_tree.leaf_order(i, j, *problem.shape)
    return g, i[order], j[order]


def _shift(limits: _Limits, size: int) -> int:
    """Exponent k such that path sums of costs times 2**k stay within float64; mostly 0."""
    least, largest = limits[:2]
    top = max(abs(least), abs(largest)) if least < math.inf else 0.0
    limit = _LARGEST_SUM / size
    if top == 0.0 or _SMALLEST < top < limit:
        return 0
    return math.frexp(limit)[1] - 1 - math.frexp(top)[1]


def _extended(
    problem: TransportProblem,
    rows: np.ndarray,
    columns: np.ndarray,
    f: FloatArray,
    g: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Potentials of all atoms from those of positive weight, by c-transforms.

    Atoms without weight stay some roundings below what feasibility allows: that costs nothing, and
    a proof that recomputes one side from the other then finds the weighted atoms untouched.
    """
    n, m = problem.shape
    all_f, all_g = np.full(n, -np.inf), np.full(m, np.inf)
    all_f[rows] = f
    cost = problem.cost
    assert isinstance(cost, CostMatrix | PNormCost)
    if isinstance(cost, CostMatrix):
        # Rows without weight have no say yet.
        transform_matrix(cost.values, all_f, all_g)
    else:
        all_g = point_transform(problem.x[rows], problem.y, f, cost)
    all_g = _below(all_g, f)
    all_g[columns] = g
    if isinstance(cost, CostMatrix):
        least = transform_matrix_columns(cost.values, frozen(all_g))
    else:
        least = point_transform(problem.y, problem.x, all_g, cost)
    all_f = _below(least, all_g)
    all_f[rows] = f
    return all_f, all_g


def _below(least: FloatArray, others: FloatArray) -> FloatArray:
    """Minima of C - others, less some roundings; 0 where all pairs are forbidden."""
    least = np.where(np.isfinite(least), least, 0.0)
    return np.asarray(least - 2.0**-50 * (np.abs(least) + np.abs(others).max()))
