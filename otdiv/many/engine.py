"""Many problems through one compiled loop, and those that it leaves one by one through `solve`."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from .._kernels._jit import frozen
from .._kernels.costs import relative_rounding
from .._kernels.network_flow.many_small import COLUMNS, UNDONE, solve_many, work_space
from .._kernels.threads import for_each, thread_limit
from .._monitor import EndOfRun, Monitor
from .._typing import FloatArray, IndexArray
from .._validation import check_positive_integer
from ..costs import PNormCost
from ..results import TransportResult
from ..solving import EXACT_RTOL

__all__ = ["LARGEST", "Problems", "even_mass", "even_weights", "n_threads"]

# Atoms a side up to which a problem is solved in the loop: where the simplex on all pairs ends to
# be the fastest way.
LARGEST = 600
# Pairs of atoms in one call of the loop: some 10 ms, so that Ctrl-C and callbacks are heard.
_SLICE_PAIRS = 2**18
# Time of a problem beside its pairs, as pairs.
_EXTRA_PAIRS = 500

_NO_FLOATS, _NO_NUMBERS, _NO_POINTS = np.empty(0), np.empty(0, np.int64), np.empty((0, 1))


@lru_cache(maxsize=64)
def even_mass(n: int) -> float:
    """Sum of n uniform weights, rounded once."""
    return math.fsum(np.full(n, 1.0 / n))


def n_threads(n_jobs: Any) -> int:
    """Threads for `n_jobs`: as many as there are processors for None."""
    return thread_limit() if n_jobs is None else check_positive_integer("n_jobs", n_jobs)


def even_weights(sizes: IndexArray) -> tuple[FloatArray, IndexArray]:
    """Uniform weights of every size that occurs, joined, and where those of each problem begin."""
    distinct, place = np.unique(sizes, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(distinct)[:-1]])
    weights = np.concatenate([np.full(n, 1.0 / n) for n in distinct.tolist()])
    return weights, np.asarray(starts[place], dtype=np.int64)


@dataclass(slots=True, kw_only=True)
class Problems:
    """B problems on common arrays of points (N, d), (M, d), or with costs joined to one array.

    `table` (B, 10) has the columns of the kernel; `alone` solves problem t by itself.
    """

    table: IndexArray
    masses: FloatArray
    weights: FloatArray
    alone: Callable[[int], TransportResult | None]
    one_to_one: bool
    cost: PNormCost | None = None
    costs: FloatArray = field(default_factory=lambda: _NO_FLOATS)
    x: FloatArray = field(default_factory=lambda: _NO_POINTS)
    y: FloatArray = field(default_factory=lambda: _NO_POINTS)
    values: FloatArray = field(init=False)
    """Value and bounds (B, 3)."""
    counts: IndexArray = field(init=False)
    """Entries of each plan, or UNDONE, and steps of the solver (B, 2)."""
    rows: IndexArray = field(init=False)
    columns: IndexArray = field(init=False)
    mass: FloatArray = field(init=False)
    f: FloatArray = field(init=False)
    g: FloatArray = field(init=False)
    others: dict[int, TransportResult | None] = field(init=False, default_factory=dict)
    """What `alone` said of the problems that the loop left."""

    def column(self, name: str) -> IndexArray:
        """One column (B,) of the table."""
        return self.table[:, COLUMNS.index(name)]

    def keep_answers(self) -> None:
        """Make room for plans and potentials of all problems, instead of dropping them."""
        n, m = self.column("n"), self.column("m")
        sizes = n if self.one_to_one else n + m
        for name, size in (("plan_start", sizes), ("f_start", n), ("g_start", m)):
            self.column(name)[:] = np.cumsum(size) - size
        total = int(sizes.sum())
        self.columns = np.empty(total, np.int64)
        self.rows = np.empty(0 if self.one_to_one else total, np.int64)
        self.mass = np.empty(0 if self.one_to_one else total)
        self.f, self.g = np.empty(int(n.sum())), np.empty(int(m.sum()))

    def solve(self, threads: int, callback: Any) -> bool:
        """Solve all, report to the callback; returns whether it let the run come to its end."""
        size = len(self.table)
        self.values, self.counts = np.full((size, 3), np.nan), np.full((size, 2), UNDONE)
        if self.column("plan_start")[0] < 0:
            self.rows = self.columns = _NO_NUMBERS
            self.mass = self.f = self.g = _NO_FLOATS
        monitor = Monitor(callback=callback)
        slices = self._slices()
        spaces: list[Any] = []
        lock = threading.Lock()

        def run(number: int) -> None:
            space = spaces.pop() if spaces else self._space()
            try:
                self._run(*slices[number], space)
            finally:
                spaces.append(space)
            solved = int(np.count_nonzero(self.counts[slice(*slices[number]), 0] != UNDONE))
            with lock:
                monitor.iteration += solved

        try:
            for_each(run, range(len(slices)), min(threads, len(slices)), monitor.tick)
            for t in np.flatnonzero(self.counts[:, 0] == UNDONE).tolist():
                self._solve_alone(t)
                monitor.iteration += 1
                monitor.tick()
            monitor.tick(force=True)
        except EndOfRun:
            return False
        return True

    def _solve_alone(self, t: int) -> None:
        result = self.others[t] = self.alone(t)
        if result is not None:
            self.values[t] = result.value, result.bounds.lower, result.bounds.upper

    def _slices(self) -> list[tuple[int, int]]:
        """Ranges of problems of about the same work each."""
        pairs = self.column("n") * self.column("m") * self.column("inside")
        work = np.cumsum(pairs + _EXTRA_PAIRS)
        total = int(work[-1])
        bounds = np.searchsorted(work, np.arange(_SLICE_PAIRS, total, _SLICE_PAIRS))
        ends = np.unique(np.concatenate([bounds + 1, [len(work)]])).tolist()
        return list(zip([0, *ends[:-1]], ends, strict=True))

    def _space(self) -> tuple[Any, ...]:
        inside = self.column("inside") == 1
        n, m = (int(self.column(name)[inside].max(initial=1)) for name in ("n", "m"))
        return work_space(n, m, self.x.shape[1], pivots=not self.one_to_one)

    def _run(self, first: int, last: int, space: tuple[Any, ...]) -> None:
        cost, d = self.cost, self.x.shape[1]
        norm, power, k = 0.0, 0.0, 0.0
        if cost is not None:
            norm, power = cost.norm, cost.power
            k = float(relative_rounding(d, norm, power))
        solve_many(
            frozen(self.costs), frozen(self.x), frozen(self.y), norm, power, k,
            frozen(self.weights), frozen(self.masses), self.table, first, last, EXACT_RTOL,
            self.values, self.counts, self.rows, self.columns, self.mass, self.f, self.g, *space,
        )  # fmt: skip
