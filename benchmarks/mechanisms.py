"""What each mechanism of the engines brings: the large solves with it and without it.

A mechanism is switched off by putting a plain stand-in in the place of its code, in one process,
with and without in turn. It earns its place where it brings 1.15 in time or 1.5 in memory on some
solve, or where a solve fails without it; what earns none goes.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from .run import PeakMemory
from .solves import LARGE, Solve

# A solve without the mechanism is given up after so many times the seconds with it, and a second.
MOST_TIMES = 4.0


class TooSlowError(BaseException):
    """A solve without a mechanism takes too long; no handler for errors may catch it."""


@dataclass(frozen=True)
class Mechanism:
    """`places` are dotted names under otdiv with what stands in for them.

    A stand-in that is a `Wrapped` is called with the code that it replaces.
    """

    name: str
    places: tuple[tuple[str, Any], ...]
    solves: str
    """Part of the names of the solves that it can matter to; "entropic" or "exact" for all."""


@dataclass(frozen=True)
class Wrapped:
    """A stand-in that is made from the code that it replaces."""

    make: Callable[[Any], Any]


def _none(*args: Any, **kwargs: Any) -> None:
    return None


def _without_ranges(stored: Any) -> Any:
    def compressed(self: Any, *args: Any, **kwargs: Any) -> Any:
        from otdiv._gibbs.stored_plans import StoredPlan

        plan = stored(self, *args, **kwargs)
        return None if isinstance(plan, StoredPlan) else plan

    return compressed


def _anything_fits(matrix: Any) -> Any:
    def stored(self: Any, *args: Any, **kwargs: Any) -> Any:
        return matrix(self, *args, **{**kwargs, "max_bytes": math.inf})

    return stored


def _zero_start(*args: Any, **kwargs: Any) -> Any:
    x, y = args[0], args[1]
    return np.log2(x.weights), np.log2(y.weights)


def _annealed(*args: Any, **kwargs: Any) -> Any:
    from otdiv.entropic.iteration.annealing import anneal

    return anneal(*args, **kwargs)


def _untouched(expansion_init: Any) -> Any:
    def init(self: Any, x: Any, y: Any) -> None:
        expansion_init(self, x, y)
        self.possible = False

    return init


def _minima_only(self: Any) -> Any:
    return self._extended(np.zeros(self.C.shape[1]))


def _finest_only(finest: Any, smallest: int) -> Any:
    return [finest]


MECHANISMS = (
    Mechanism("annealing", (("entropic.iteration.annealing._START", math.inf),), "entropic"),
    Mechanism(
        "levels of clusters",
        (
            ("entropic.geometry.points._ClusterHierarchy.largest", _none),
            ("entropic.geometry.grids._levels", lambda fine: {}),
        ),
        "entropic",
    ),
    Mechanism(
        "coarse Newton matrix",
        (
            ("entropic.geometry.points.PointGeometry.coarse_columns", _none),
            ("entropic.geometry.grids.GridGeometry.coarse_columns", _none),
        ),
        "entropic",
    ),
    Mechanism("smooth road", (("entropic.solve.solve_smooth", _none),), "entropic"),
    Mechanism("symmetric road", (("entropic.solve.solve_symmetric", _annealed),), "divergence"),
    Mechanism(
        "Gaussian start", (("entropic.geometry.points.gaussian_start", _zero_start),), "entropic"
    ),
    Mechanism(
        "ranges of columns",
        (("_gibbs.point_kernel.PointKernel._stored", Wrapped(_without_ranges)),),
        "entropic",
    ),
    Mechanism("compressed rows", (("_gibbs.point_kernel.PointKernel._sparse", _none),), "entropic"),
    Mechanism(
        "fused products and limit of memory",
        (("_gibbs.point_kernel.PointKernel.matrix", Wrapped(_anything_fits)),),
        "entropic",
    ),
    Mechanism(
        "single precision of stored plans",
        (("entropic.iteration.marginals._SINGLE_TOLERANCE", math.inf),),
        "entropic",
    ),
    Mechanism(
        "expansions", (("_gibbs.expansions.Expansion.__init__", Wrapped(_untouched)),), "entropic"
    ),
    Mechanism(
        "expansions of the cost (mixed)",
        (("_gibbs.expansions.Expansion.mixed", _none),),
        "entropic",
    ),
    Mechanism(
        "preconditioner", (("_gibbs.point_kernel.PointKernel.preconditioning", _none),), "entropic"
    ),
    Mechanism(
        "damping",
        (
            ("entropic.iteration.newton._DAMPING", 0.0),
            ("entropic.iteration.newton._LEAST_DAMPING", 0.0),
        ),
        "entropic",
    ),
    Mechanism(
        "clipped steps",
        (
            ("entropic.iteration.newton._SPOILING_STEP", math.inf),
            ("entropic.iteration.newton._CLIPPED_STEP", math.inf),
        ),
        "entropic",
    ),
    Mechanism(
        "steps of reduced length", (("entropic.iteration.newton._STEP_LENGTHS", ()),), "entropic"
    ),
    Mechanism(
        "rows far off mended before the next stage",
        (("entropic.iteration.newton._START_PATIENCE", 0),),
        "entropic",
    ),
    Mechanism("grids", (("entropic.scaling.ScaledProblem._grid_pair", _none),), "entropic"),
    Mechanism(
        "levels of column generation",
        (("solvers._columns.run.coarse_levels", _finest_only),),
        "exact",
    ),
    Mechanism(
        "duals of the clustered matrix",
        (("solvers._dense.rounds.Run._first_duals", _minima_only),),
        "exact",
    ),
    Mechanism(
        "rounds on lists of pairs",
        (("solvers._dense.rounds.DIRECT_SIZE", 2**62),),
        "exact",
    ),
    Mechanism("c-transform on grids", (("certificates.transforms._grids", _none),), "photographs"),
    Mechanism(
        "pruned c-transform",
        (("certificates.transforms._PRUNED_PAIRS", 2**62),),
        "exact",
    ),
)


def mechanisms(*, only: str = "", solves: str = "", repeats: int = 1) -> None:
    """Print one row a mechanism: the largest and the least of its ratios over the solves."""
    chosen = [mechanism for mechanism in MECHANISMS if only in mechanism.name]
    print("| without | time | on | memory | on | least time | solves that differ |")
    print("|---|---|---|---|---|---|---|", flush=True)
    found: dict[str, list[tuple[str, float, float, str]]] = {m.name: [] for m in chosen}
    for solve in LARGE:
        if solves not in solve.name:
            continue
        mine = [mechanism for mechanism in chosen if _concerns(mechanism, solve)]
        if mine:
            data = solve.prepare()
            solve.call(data)
            for mechanism in mine:
                row = _compare(solve, data, mechanism, repeats)
                found[mechanism.name].append((solve.name, *row))
                print(f"# {mechanism.name} | {solve.name} | {row}", flush=True)
    for name, rows in found.items():
        if rows:
            slowest, widest = max(rows, key=lambda row: row[1]), max(rows, key=lambda row: row[2])
            least = min(rows, key=lambda row: row[1])
            failed = "; ".join(f"{row[0]}: {row[3]}" for row in rows if row[3])
            print(
                f"| {name} | {slowest[1]:.2f} | {slowest[0]} | {widest[2]:.2f} | {widest[0]} "
                f"| {least[1]:.2f} ({least[0]}) | {failed} |",
                flush=True,
            )


def _is_entropic(solve: Solve) -> bool:
    return any(word in solve.name for word in ("er=", "Sinkhorn"))


def _concerns(mechanism: Mechanism, solve: Solve) -> bool:
    if mechanism.solves == "entropic":
        return _is_entropic(solve) or "to 1e-3" in solve.name
    if mechanism.solves == "exact":
        return not _is_entropic(solve) or "Sinkhorn()" in solve.name
    return mechanism.solves in solve.name


def _compare(
    solve: Solve, data: dict[str, Any], mechanism: Mechanism, repeats: int
) -> tuple[float, float, str]:
    """Time without over time with, memory likewise, and what differs in the answers."""
    times, memories, said = [], [], ""
    for _ in range(repeats):
        seconds, memory, answer = _measured(solve, data, math.inf)
        with _switched_off(mechanism):
            limit = MOST_TIMES * seconds + 1.0
            without, more, other = _measured(solve, data, limit)
        times.append(without / seconds)
        memories.append((more + 2.0**20) / (memory + 2.0**20))
        said = said or _difference(answer, other)
    return statistics.median(times), statistics.median(memories), said


def _measured(solve: Solve, data: dict[str, Any], limit: float) -> tuple[float, int, Any]:
    import signal

    def ring(*_: Any) -> None:
        raise TooSlowError

    if limit < math.inf:
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, limit)
    start = time.process_time()
    try:
        with PeakMemory() as memory:
            try:
                answer = solve.call(data)
            except TooSlowError:
                answer = "given up"
            except Exception as error:
                answer = f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    return time.process_time() - start, memory.bytes, answer


def _difference(answer: Any, other: Any) -> str:
    if isinstance(other, str):
        return other
    status, others = (getattr(result, "status", None) for result in (answer, other))
    if status != others:
        return f"{others.name} instead of {status.name}"
    return ""


@contextlib.contextmanager
def _switched_off(mechanism: Mechanism) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for place, stand_in in mechanism.places:
            owner, name = _owner(place)
            if isinstance(stand_in, Wrapped):
                stand_in = stand_in.make(getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, stand_in))
        yield


def _owner(place: str) -> tuple[Any, str]:
    """The module or class that a dotted name under otdiv ends in, and the last part."""
    *parts, name = place.split(".")
    owner: Any = importlib.import_module("otdiv")
    path = "otdiv"
    for part in parts:
        path = f"{path}.{part}"
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(path)
        owner = getattr(owner, part)
    return owner, name
