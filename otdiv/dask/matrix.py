"""Distances between all pairs of many samples, a task a pair of blocks of samples."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from otdiv import many
from otdiv._memory import room_for
from otdiv._monitor import EndOfRun, Monitor
from otdiv._optional import import_optional
from otdiv._typing import FloatArray
from otdiv._validation import check_callback, describe
from otdiv.dask.cluster import check_client, delayed
from otdiv.dask.partitions import is_array
from otdiv.errors import InvalidInputError
from otdiv.many.layout import PairLayout
from otdiv.many.matrix import check_out
from otdiv.results import Callback

__all__ = ["pairwise_distances"]

_BLOCKS = 16
"""Blocks of a sequence of samples: 136 tasks; by taste."""

_MOST_SAMPLES = 2048
"""Samples of a block, so that the distances of two blocks take 32 MB at most."""

_GLANCE = 0.1
"""Seconds between two looks at whether the caller wants to stop, by taste."""


class Block(NamedTuple):
    """Samples first, ..., last - 1, which a task holds."""

    first: int
    last: int
    samples: Any


def pairwise_distances(
    samples: Any,
    *,
    client: Any,
    distance: str | Callable[[Any, Any], Any] = "wasserstein1",
    other: Any = None,
    support: Any = None,
    out: Any = None,
    callback: Callback | None = None,
) -> Any:
    """Distances between all pairs of samples, computed on a cluster block by block.

    They are those of `otdiv.pairwise_distances`: to the bit where all samples have one size, and
    to rounding where sizes differ, since blocks of one size take a quicker way.

    Parameters
    ----------
    samples : Dask array (k, n) or (k, n, d), or a sequence of k samples
        One sample a row; or samples (n,) or (n, d), each an array or a Dask array, which are sent
        with the graph if they are held here.
    client : distributed.Client
        Where to run.
    distance, support
        As in `otdiv.pairwise_distances`; a function is sent to the workers.
    other : like `samples`, optional
        Distances go from `samples` to these.
    out : array of float64 or float32, optional
        Where to write the distances: whatever has `shape`, `dtype` and slices. It is filled with
        NaN first.
    callback : callable, optional
        Called with a `Progress` whose `iteration` counts pairs; returning True cancels the rest,
        which stays NaN.

    Returns
    -------
    array
        Shape (k (k - 1) / 2,), condensed as SciPy's `pdist` has them; (k, l) with `other`.

    Raises
    ------
    InvalidInputError
        Names the sample, as ``samples[17]``.

    Examples
    --------
    >>> from distributed import Client
    >>> from otdiv.dask import pairwise_distances
    >>> samples = [[0.0, 1.0], [1.0, 2.0], [4.0, 5.0, 6.0]]
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     pairwise_distances(samples, client=client)
    array([1. , 4.5, 3.5])
    """
    check_client(client)
    check_callback(callback)
    left = _blocks("samples", samples)
    right = left if other is None else _blocks("other", other)
    layout = PairLayout(left[-1].last, right[-1].last, other is None)
    if out is None:
        needed = 8 * math.prod(layout.shape)
        with room_for(needed, f"{needed // 8} distances", "pass an array in a file as `out`"):
            out = np.full(layout.shape, math.nan)
    else:
        check_out(out, layout.shape)
        layout.clear(out)
    measure = delayed(_measured)
    pairs = [
        (x, y)
        for i, x in enumerate(left)
        for y in (right if other is not None else left[i:])
        if other is not None or x is not y or x.last - x.first > 1
    ]
    tasks = [
        measure(
            x.samples,
            None if other is None and x is y else y.samples,
            distance=distance,
            support=support,
            firsts=(x.first, y.first),
            names=("samples", "samples" if other is None else "other"),
        )
        for x, y in pairs
    ]
    monitor = Monitor(callback=callback)
    try:
        for place, values in _as_they_come(tasks, client, monitor):
            _write(out, layout, *pairs[place], values)
            monitor.iteration += values.size
        monitor.tick(force=True)
    except EndOfRun:
        pass
    return out


def _as_they_come(
    tasks: list[Any], client: Any, monitor: Monitor
) -> Iterator[tuple[int, FloatArray]]:
    """Results with their places, each let go on the cluster once it is here."""
    distributed = import_optional("distributed", extra="dask", purpose="`otdiv.dask`")
    waiting = dict(enumerate(client.compute(tasks)))
    try:
        while waiting:
            monitor.tick()
            try:
                futures = list(waiting.values())
                distributed.wait(futures, timeout=_GLANCE, return_when="FIRST_COMPLETED")
            except TimeoutError:
                continue
            for place in [place for place, future in waiting.items() if future.done()]:
                # What was lost with its worker meanwhile is computed again here.
                yield place, waiting.pop(place).result()
    finally:
        if waiting:
            client.cancel(list(waiting.values()))


def _blocks(name: str, samples: Any) -> list[Block]:
    """Samples in blocks, of which a Dask array has its own."""
    if is_array(samples):
        return _blocks_of_array(name, samples)
    if isinstance(samples, str | bytes) or not isinstance(samples, Iterable):
        requirement = "be a Dask array (k, n) or (k, n, d), or a sequence of samples"
        raise InvalidInputError(name, requirement, describe(samples))
    found = list(samples)
    if not found:
        raise InvalidInputError(name, "hold at least one sample", "none")
    size = min(math.ceil(len(found) / _BLOCKS), _MOST_SAMPLES)
    hold = delayed(list)
    return [
        Block(first, min(first + size, len(found)), hold(found[first : first + size]))
        for first in range(0, len(found), size)
    ]


def _blocks_of_array(name: str, samples: Any) -> list[Block]:
    if samples.ndim not in (2, 3):
        raise InvalidInputError(name, "have shape (k, n) or (k, n, d)", f"shape {samples.shape}")
    if any(math.isnan(size) for size in samples.shape):
        requirement = "have chunks of known sizes (`samples.compute_chunk_sizes()`)"
        raise InvalidInputError(name, requirement, f"shape {samples.shape}")
    if samples.shape[0] == 0:
        raise InvalidInputError(name, "hold at least one sample", "none")
    whole = dict.fromkeys(range(1, samples.ndim), -1)
    if max(samples.chunks[0]) > _MOST_SAMPLES:
        whole[0] = _MOST_SAMPLES
    samples = samples.rechunk(whole)
    ends = np.cumsum(samples.chunks[0]).tolist()
    parts = np.ravel(np.array(samples.to_delayed(), dtype=object))
    return [
        Block(end - size, end, part)
        for size, end, part in zip(samples.chunks[0], ends, parts, strict=True)
        if size
    ]


def _measured(
    x: Any,
    y: Any,
    *,
    distance: str | Callable[[Any, Any], Any],
    support: Any,
    firsts: tuple[int, int],
    names: tuple[str, str],
) -> FloatArray:
    """Distances of two blocks, or of the pairs within one."""
    try:
        found = many.pairwise_distances(x, other=y, distance=distance, support=support, n_jobs=1)
    except InvalidInputError as error:
        at = re.fullmatch(r"(samples|other)\[(\d+)\](.*)", error.argument)
        if at is None:
            raise
        side = ("samples", "other").index(at[1])
        argument = f"{names[side]}[{firsts[side] + int(at[2])}]{at[3]}"
        raise InvalidInputError(argument, error.requirement, error.value, error.where) from None
    return np.asarray(found, dtype=np.float64)


def _write(out: Any, layout: PairLayout, x: Block, y: Block, values: FloatArray) -> None:
    """Put the distances of two blocks in their place."""
    if out.dtype == np.float32:
        with np.errstate(over="ignore", under="ignore"):
            values = values.astype(np.float32)
    if not layout.condensed:
        out[x.first : x.last, y.first : y.last] = values
        return
    inner = PairLayout(x.last - x.first, y.last - y.first, x is y)
    pairs = values.reshape(-1)
    end = 0
    for i in range(inner.n):
        n = inner.size(i, i + 1)
        row = x.first + i
        begin = layout.size(0, row) + (y.last - n) - (row + 1)
        out[begin : begin + n] = pairs[end : end + n]
        end += n
