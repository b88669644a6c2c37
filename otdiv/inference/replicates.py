"""Many draws of the same noise: in blocks, on threads, until a callback stops them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import numpy as np

from .._kernels.threads import for_each
from .._monitor import EndOfRun, Monitor
from .._typing import FloatArray
from ..errors import ConvergenceError, InvalidInputError
from ..results import Callback

__all__ = ["block_keys", "check_level", "check_replicates", "in_parts", "upper_quantile"]


def check_level(level: float) -> None:
    """Raise unless a confidence level lies between one half and 1."""
    if not 0.5 <= level < 1.0:
        raise InvalidInputError("level", "lie in [0.5, 1)", level)


def check_replicates(n_replicates: int, level: float) -> None:
    """Raise unless so many draws have a quantile at this level."""
    least = _least(level)
    if n_replicates < least:
        requirement = f"be at least {least} for level={level:g}"
        raise InvalidInputError("n_replicates", requirement, n_replicates)


def _least(level: float) -> int:
    return math.ceil(level / (1.0 - level) - 1e-9)


def upper_quantile(draws: FloatArray, level: float) -> float:
    """Least draw that `level` of B + 1 exchangeable ones do not exceed.

    With the observed value as one more draw this is the critical value of a Monte-Carlo test.

    Raises
    ------
    ConvergenceError
        If a callback left too few draws.
    """
    if draws.size < _least(level):
        raise ConvergenceError(
            f"the callback stopped after {draws.size} draws; level={level:g} takes {_least(level)}"
        )
    place = math.ceil(level * (draws.size + 1) - 1e-9) - 1
    return float(np.partition(draws, place)[place])


def block_keys(rng: np.random.Generator, count: int) -> np.ndarray:
    """One key a block, the same for the first blocks whatever their number."""
    return rng.integers(0, 2**64, size=count, dtype=np.uint64)


def in_parts(
    run: Callable[[int], FloatArray],
    count: int,
    n_jobs: int,
    callback: Callback | None,
    per_part: int = 1,
) -> list[FloatArray]:
    """Return `run(i)` for i < count, without those that a callback left out.

    `Progress.iteration` counts `per_part` for every part that is done. Which parts are done when a
    callback stops depends on the threads; without a stop nothing does.
    """
    found: list[FloatArray | None] = [None] * count

    def work(part: int) -> None:
        found[part] = run(part)

    monitor = Monitor(callback)

    def tick() -> None:
        monitor.iteration = per_part * sum(part is not None for part in found)
        monitor.tick()

    with contextlib.suppress(EndOfRun):
        for_each(work, range(count), n_jobs, None if callback is None else tick)
    return [part for part in found if part is not None]
