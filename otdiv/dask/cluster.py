"""What runs on a cluster: trees of merges as one graph, and waiting that can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from otdiv._optional import import_optional
from otdiv.errors import InvalidInputError

__all__ = ["check_client", "delayed", "gathered", "merged_by_tree"]

_ARITY = 8
"""States that one task merges; by taste. Those of all octaves are 40 MB each."""

_GLANCE = 0.1
"""Seconds between two looks at whether the caller wants to stop, by taste."""


def check_client(client: Any) -> None:
    """Raise unless this is a client of Dask that waits for its answers."""
    distributed = import_optional("distributed", extra="dask", purpose="`otdiv.dask`")
    if not isinstance(client, distributed.Client):
        raise InvalidInputError("client", "be a distributed.Client", type(client).__name__)
    if client.asynchronous:
        requirement = "be a synchronous distributed.Client"
        raise InvalidInputError("client", requirement, "an asynchronous one")


def delayed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` as one that makes tasks."""
    dask = import_optional("dask", extra="dask", purpose="`otdiv.dask`")
    result: Callable[..., Any] = dask.delayed(function, pure=False)
    return result


def merged_by_tree(parts: Sequence[Any], merge: Callable[[list[Any]], Any]) -> Any:
    """The task that merges all parts, neighbours first.

    Which parts meet where depends on their number alone, so that also sums of floats are the same
    in every run.

    Parameters
    ----------
    parts : sequence of Delayed
        At least one.
    merge : callable
        Makes one of some parts, which it leaves as they are: a worker may hand them out again.
    """
    task, level = delayed(merge), list(parts)
    while True:
        level = [task(level[i : i + _ARITY]) for i in range(0, len(level), _ARITY)]
        if len(level) == 1:
            return level[0]


def gathered(
    tasks: Sequence[Any], client: Any, glance: Callable[[], None] | None = None
) -> list[Any]:
    """Results of tasks that run together; if `glance` or Ctrl-C raises, they are cancelled.

    Parameters
    ----------
    tasks : sequence of Delayed
    client : distributed.Client
    glance : callable, optional
        Called some times a second.
    """
    distributed = import_optional("distributed", extra="dask", purpose="`otdiv.dask`")
    futures = client.compute(list(tasks))
    try:
        while True:
            try:
                distributed.wait(futures, timeout=_GLANCE)
                break
            except TimeoutError:
                if glance is not None:
                    glance()
        # Results that were lost with their worker meanwhile are computed again here.
        results: list[Any] = client.gather(futures)
    except BaseException:
        client.cancel(futures)
        raise
    return results
