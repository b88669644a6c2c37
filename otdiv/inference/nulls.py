"""Statistics of many relabellings, block by block, on any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .._kernels.threads import for_each
from .._monitor import EndOfRun, Monitor
from .._typing import FloatArray, IndexArray
from .relabelling import LANES, Planes, Relabelling

__all__ = ["TIES", "BlockStatistic", "Null", "block_null", "relabelled_null", "show"]

TIES = 1e-12
"""Share of the observed value by which rounding may part it from an equal one; equal ones count."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Null:
    """Statistics as they are compared, and how many reach the observed ones.

    Attributes
    ----------
    observed : float64 array (s,)
    values : float64 array (s, B)
    n_reached : int64 array (s,)
    n_permutations : int
        Relabellings behind `n_reached`; B may be smaller.
    asked : int
        Relabellings that there would have been without a stop.
    every : bool
        Whether those asked are all that there are, the observed one among them.
    sequential : bool
        Whether the last one is there because enough had reached the observed value.
    """

    observed: FloatArray
    values: FloatArray
    n_reached: IndexArray
    n_permutations: int
    asked: int
    every: bool
    sequential: bool = False


class BlockStatistic(Protocol):
    """Statistics of several blocks of 64 relabellings at once."""

    names: tuple[str, ...]
    batch: int
    order: IndexArray | None

    def evaluate(self, planes: Planes) -> FloatArray:
        """Numbers (s, 64 b) to compare, of planes (k, N, b)."""
        ...

    def finish(self, name: str, values: FloatArray) -> FloatArray:
        """Reported numbers of compared ones."""
        ...

    def rounding(self, observed: FloatArray) -> FloatArray:
        """What compared numbers (s,) may be off by beyond `TIES` of them."""
        ...


def show(monitor: Monitor, done: int, n_reached: int, asked: int) -> None:
    """Report the relabellings done, and between which ends the p-value lies by now."""
    monitor.iteration = done
    monitor.lower = (1 + n_reached) / (1 + asked)
    monitor.upper = (1 + n_reached + asked - done) / (1 + asked)
    monitor.tick()


def relabelled_null(
    statistic: BlockStatistic,
    relabelling: Relabelling,
    *,
    n_permutations: int,
    seed: int,
    n_jobs: int,
    monitor: Monitor,
    every: bool,
) -> Null:
    """Evaluate a statistic of rows on random relabellings, or on all of them."""
    if statistic.order is not None:
        relabelling = relabelling.in_order(statistic.order)
    observed = statistic.evaluate(relabelling.observed()[:, :, None])[:, 0]
    written = relabelling.enumerated() if every else None
    n_blocks = -(-n_permutations // LANES)

    def evaluate(number: int) -> FloatArray:
        blocks = range(number * statistic.batch, min(n_blocks, (number + 1) * statistic.batch))
        planes = [
            relabelling.drawn(seed, block) if written is None else written[block]
            for block in blocks
        ]
        return statistic.evaluate(np.stack(planes, axis=2))

    return block_null(
        evaluate,
        observed,
        statistic.rounding(observed),
        width=LANES * statistic.batch,
        n_permutations=n_permutations,
        n_jobs=n_jobs,
        monitor=monitor,
        every=every,
    )


def block_null(
    evaluate: Callable[[int], FloatArray],
    observed: FloatArray,
    rounding: FloatArray,
    *,
    width: int,
    n_permutations: int,
    n_jobs: int,
    monitor: Monitor,
    every: bool,
) -> Null:
    """Evaluate `width` relabellings at a time; a stop keeps those that were done by then."""
    values = np.empty((len(observed), n_permutations))
    done = np.zeros(n_permutations, bool)
    threshold = observed * (1.0 - TIES) - rounding

    def run(number: int) -> None:
        first = number * width
        stop = min(n_permutations, first + width)
        values[:, first:stop] = evaluate(number)[:, : stop - first]
        done[first:stop] = True

    def tick() -> None:
        if monitor.callback is not None:
            n_reached = int(np.count_nonzero(values[0, done] >= threshold[0]))
            show(monitor, int(np.count_nonzero(done)), n_reached, n_permutations)

    try:
        for_each(run, range(-(-n_permutations // width)), n_jobs, tick)
    except EndOfRun:
        values = values[:, done]
    return Null(
        observed=observed,
        values=values,
        n_reached=np.count_nonzero(values >= threshold[:, None], axis=1),
        n_permutations=values.shape[1],
        asked=n_permutations,
        every=every,
    )
