"""W1 of two samples on a cluster, in as many passes over the partitions as the tolerance takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otdiv._optional import import_optional
from otdiv._validation import (
    check_callback,
    check_choice,
    check_positive_integer,
    check_tolerance,
)
from otdiv.dask.cluster import check_client, gathered
from otdiv.dask.partitions import Partitions, as_partitions
from otdiv.dask.states import details_task, sample_task
from otdiv.errors import ConvergenceError
from otdiv.streaming.passes import (
    LEAST_MEMORY,
    MEMORY,
    Missing,
    Passes,
    PassProgress,
    StoppedError,
    StreamedDistance,
    checked,
    finish,
)
from otdiv.streaming.state import BITS, SampleState, check_bits
from otdiv.streaming.windows import Detail

__all__ = ["wasserstein1", "wasserstein1_result"]


class ClusterPasses(Passes):
    """Two samples in partitions, each pass one graph that a cluster runs."""

    def __init__(
        self,
        x: Partitions,
        y: Partitions,
        *,
        client: Any,
        missing: Missing,
        bits: int,
        callback: Callable[[PassProgress], object] | None,
    ):
        super().__init__(once=False, missing=missing, bits=bits, callback=callback)
        self.sides = x, y
        self.client = client

    def _gather(self, x: Any, y: Any) -> None:
        if isinstance(x, SampleState):
            tasks = [sample_task(side, x.bits) for side in self.sides]
        else:
            dask = import_optional("dask", extra="dask", purpose="`otdiv.dask`")
            # In the graph, and not scattered: what is scattered is lost with its workers.
            windows = dask.delayed(x.windows, traverse=False, pure=False)
            tasks = [details_task(side, windows) for side in self.sides]
        found = gathered(tasks, self.client, self._tell)
        for name, kept, read in zip(self.names, (x, y), found, strict=True):
            kept.merge(read)
            if isinstance(kept, SampleState):
                self._check(name, kept)
                self.n_rows += kept.n + kept.n_missing
        if isinstance(x, Detail):
            self.n_rows = self.total or 0


def wasserstein1(
    x: Any,
    y: Any,
    *,
    client: Any,
    column: str | None = None,
    weights: str | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    missing: Missing = "raise",
    bits: int = BITS,
    max_memory: int | None = None,
    callback: Callable[[PassProgress], object] | None = None,
) -> float:
    """W1 of two samples on a cluster; `wasserstein1_result` has its bounds.

    Parameters are those of `wasserstein1_result`.

    Returns
    -------
    float
        In the unit of the values.

    Raises
    ------
    InvalidInputError, ConvergenceError
        As in `wasserstein1_result`.

    Examples
    --------
    >>> import dask.array
    >>> from distributed import Client
    >>> from otdiv.dask import wasserstein1
    >>> x = dask.array.arange(1000, chunks=100)
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     wasserstein1(x, x + 2, client=client)
    2.0
    """
    return wasserstein1_result(
        x,
        y,
        client=client,
        column=column,
        weights=weights,
        rtol=rtol,
        atol=atol,
        missing=missing,
        bits=bits,
        max_memory=max_memory,
        callback=callback,
    ).value


def wasserstein1_result(
    x: Any,
    y: Any,
    *,
    client: Any,
    column: str | None = None,
    weights: str | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    missing: Missing = "raise",
    bits: int = BITS,
    max_memory: int | None = None,
    callback: Callable[[PassProgress], object] | None = None,
) -> StreamedDistance:
    """W1 of two samples on a cluster, with bounds, in as many passes as the tolerance takes.

    Without weights it is, to the bit, what `otdiv.streaming.wasserstein1_result` gives of the same
    rows on one machine, however they are divided. Each pass computes the partitions anew where
    they are not held in memory (`client.persist`).

    Parameters
    ----------
    x, y : Dask array (n,), pair of arrays (values, weights), series or frame of dask.dataframe
        Samples.
    client : distributed.Client
        Where to run.
    column, weights : str, optional
        Of frames: names of the column, and of that of the rows' weights.
    rtol, atol : float, optional
        Passes end where upper - lower <= max(atol, rtol * upper); exact by default.
    missing : {"raise", "drop"}
        Whether rows without a value are an error, or left out and counted.
    bits : int, default 12
        Cells an octave, as a power of two, in the first pass.
    max_memory : int, optional
        Bytes for what a further pass keeps, of all partitions together; 2^28 by default. Less of
        it takes more passes.
    callback : callable, optional
        Receives a `PassProgress` some times a second, in which rows are counted when a pass is
        over; returning True cancels what runs. Dask's own displays show the tasks.

    Returns
    -------
    StreamedDistance

    Raises
    ------
    InvalidInputError
        For data that are none of Dask or not of numbers, infinite values, missing ones unless they
        are dropped, weights that are negative, empty samples, and samples that differ from one
        pass to the next.
    ConvergenceError
        If the tolerance is not met: the callback stopped. Its `result` has what is proven so far,
        None in the first pass.

    Examples
    --------
    >>> import dask.array
    >>> from distributed import Client
    >>> from otdiv.dask import wasserstein1_result
    >>> x = dask.array.arange(1000, chunks=100)
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     result = wasserstein1_result(x, x + 2, client=client, rtol=0.01)
    >>> result.n_passes, 2.0 in result.bounds
    (1, True)
    """
    check_client(client)
    rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
    check_choice("missing", missing, ("raise", "drop"))
    check_callback(callback)
    memory = MEMORY
    if max_memory is not None:
        memory = check_positive_integer("max_memory", max_memory, LEAST_MEMORY)
    passes = ClusterPasses(
        as_partitions("x", x, column, weights),
        as_partitions("y", y, column, weights),
        client=client,
        missing=missing,
        bits=check_bits(bits),
        callback=callback,
    )
    stopped = False
    try:
        passes.first()
        finish(passes, rtol, atol, memory)
    except StoppedError:
        stopped = True
        if passes.comparison is None:
            raise ConvergenceError("the callback stopped in the first pass") from None
    return checked(passes, rtol, atol, stopped)
