"""States of one sample on a cluster."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from otdiv.dask.cluster import check_client, delayed, gathered, merged_by_tree
from otdiv.dask.partitions import Partitions, as_cloud, as_partitions, numbers_of
from otdiv.errors import InvalidInputError
from otdiv.streaming.categories import CategoryState
from otdiv.streaming.sliced import SlicedState
from otdiv.streaming.state import BITS, SampleState, check_bits
from otdiv.streaming.windows import Detail, Windows

__all__ = [
    "category_state",
    "category_task",
    "details_task",
    "sample_state",
    "sample_task",
    "sliced_state",
    "sliced_task",
]

State = TypeVar("State", SampleState, CategoryState, SlicedState)


def sample_state(
    data: Any,
    *,
    client: Any,
    column: str | None = None,
    weights: str | None = None,
    bits: int = BITS,
) -> SampleState:
    """State of a sample on a cluster, in one pass over its partitions.

    Parameters
    ----------
    data : Dask array (n,), pair of arrays (values, weights), series or frame of dask.dataframe
        Rows; NaN and None are counted as missing.
    client : distributed.Client
        Where to run.
    column, weights : str, optional
        Of a frame: names of the column, and of that of the rows' weights.
    bits : int, default 12
        As in `otdiv.streaming.SampleState`.

    Returns
    -------
    SampleState
        Without weights it is, to the bit, that of all rows on one machine.

    Raises
    ------
    InvalidInputError
        If the data are none of Dask, or not of numbers.

    Examples
    --------
    >>> import dask.array
    >>> from distributed import Client
    >>> from otdiv.dask import sample_state
    >>> x = dask.array.arange(1000, chunks=100)
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     sample_state(x, client=client)
    SampleState(n=1000, bits=12)
    """
    check_client(client)
    parts = as_partitions("data", data, column, weights)
    state: SampleState = gathered([sample_task(parts, check_bits(bits))], client)[0]
    return state


def category_state(data: Any, *, client: Any, column: str | None = None) -> CategoryState:
    """Counts of the categories of a column on a cluster, in one pass over its partitions.

    Parameters
    ----------
    data : Dask array (n,), series or frame of dask.dataframe
        Texts, whole numbers or truth values.
    client : distributed.Client
        Where to run.
    column : str, optional
        Of a frame: name of the column.

    Returns
    -------
    CategoryState

    Raises
    ------
    InvalidInputError
        If the data are none of Dask, have weights, or their entries are no categories.
    """
    check_client(client)
    task = category_task(as_partitions("data", data, column))
    state: CategoryState = gathered([task], client)[0]
    return state


def sliced_state(
    points: Any,
    *,
    client: Any,
    n_projections: int = 100,
    seed: int = 0,
    bits: int = 8,
) -> SlicedState:
    """State of the projections of a cloud on a cluster, in one pass over its blocks.

    Parameters
    ----------
    points : Dask array (n, d)
    client : distributed.Client
        Where to run.
    n_projections, seed, bits
        As in `otdiv.streaming.SlicedState`.

    Returns
    -------
    SlicedState

    Raises
    ------
    InvalidInputError
        If the points are no Dask array (n, d), or one has an infinite coordinate.
    """
    check_client(client)
    task = sliced_task("points", points, n_projections, seed, bits)
    state: SlicedState = gathered([task], client)[0]
    return state


def sample_task(parts: Partitions, bits: int) -> Any:
    """The task that has the state of all partitions."""
    make = delayed(_sample)
    weights = parts.weights or [None] * len(parts.values)
    states = [
        make(values, masses, bits, parts.argument)
        for values, masses in zip(parts.values, weights, strict=True)
    ]
    return merged_by_tree(states, _merged)


def details_task(parts: Partitions, windows: Any) -> Any:
    """The task that has the detail of all partitions.

    Parameters
    ----------
    parts : Partitions
    windows : Delayed
        Of a `Windows`.
    """
    make = delayed(_detail)
    weights = parts.weights or [None] * len(parts.values)
    details = [
        make(values, masses, windows, parts.argument)
        for values, masses in zip(parts.values, weights, strict=True)
    ]
    return merged_by_tree(details, _merged_details)


def category_task(parts: Partitions) -> Any:
    """The task that has the counts of all partitions."""
    if parts.weights is not None:
        requirement = "have no weights where categories are counted"
        raise InvalidInputError(parts.argument, requirement, "some")
    make = delayed(_categories)
    return merged_by_tree([make(values) for values in parts.values], _merged)


def sliced_task(argument: str, points: Any, n_projections: int, seed: int, bits: int) -> Any:
    """The task that has the projections of all blocks."""
    d, blocks = as_cloud(argument, points)
    # Made here once, so that wrong options are told before anything runs; its directions travel.
    empty = SlicedState(d, n_projections=n_projections, seed=seed, bits=bits)
    make = delayed(_sliced)
    return merged_by_tree([make(block, empty) for block in blocks], _merged)


def _sample(values: Any, weights: Any, bits: int, argument: str) -> SampleState:
    masses = None if weights is None else numbers_of(weights, "weights")
    return SampleState(bits=bits).update(numbers_of(values, argument), masses)


def _detail(values: Any, weights: Any, windows: Windows, argument: str) -> Detail:
    masses = None if weights is None else numbers_of(weights, "weights")
    return Detail(windows).update(numbers_of(values, argument), masses)


def _categories(values: Any) -> CategoryState:
    return CategoryState().update(values)


def _sliced(block: Any, empty: SlicedState) -> SlicedState:
    return copy.deepcopy(empty).update(block)


def _merged(states: list[State]) -> State:
    total = copy.deepcopy(states[0])
    for state in states[1:]:
        total.merge(state)
    return total


def _merged_details(details: list[Detail]) -> Detail:
    total = Detail(details[0].windows)
    for detail in details:
        total.merge(detail)
    return total
