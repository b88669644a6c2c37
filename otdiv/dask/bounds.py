"""Bounds of distances, levels and quantiles of samples on a cluster, from one pass.

Who asks for several of them makes the states once (`otdiv.dask.sample_state`) and calls the
functions of `otdiv.streaming`.
"""

from __future__ import annotations

from typing import Any

from otdiv._typing import FloatArray
from otdiv.dask.cluster import check_client, gathered
from otdiv.dask.partitions import as_partitions
from otdiv.dask.states import sample_state, sample_task, sliced_task
from otdiv.results import Bounds
from otdiv.streaming import bounds, sliced
from otdiv.streaming.state import BITS, SampleState, check_bits

__all__ = [
    "cdf_bounds",
    "cramer_von_mises_bounds",
    "energy_distance_bounds",
    "kolmogorov_smirnov_bounds",
    "quantile_bounds",
    "sliced_wasserstein1_bounds",
    "wasserstein1_bounds",
    "wasserstein_bounds",
]


def wasserstein1_bounds(
    x: Any,
    y: Any,
    *,
    client: Any,
    column: str | None = None,
    weights: str | None = None,
    bits: int = BITS,
) -> Bounds:
    """Proven bounds of W1 of two samples on a cluster, as `otdiv.streaming` has them.

    Parameters
    ----------
    x, y : Dask array (n,), pair of arrays (values, weights), series or frame of dask.dataframe
        Samples; missing values are left out.
    client : distributed.Client
        Where to run.
    column, weights : str, optional
        Of frames: names of the column, and of that of the rows' weights.
    bits : int, default 12
        As in `otdiv.streaming.SampleState`: more of them bring the bounds closer.

    Returns
    -------
    Bounds

    Raises
    ------
    InvalidInputError
        For data that are none of Dask or not of numbers, empty samples, and infinite values.
    """
    return bounds.wasserstein1_bounds(*_states(x, y, client, column, weights, bits))


def kolmogorov_smirnov_bounds(
    x: Any,
    y: Any,
    *,
    client: Any,
    column: str | None = None,
    weights: str | None = None,
    bits: int = BITS,
) -> Bounds:
    """Proven bounds of the largest |F - G| of two samples on a cluster.

    Parameters are those of `wasserstein1_bounds`.
    """
    return bounds.kolmogorov_smirnov_bounds(*_states(x, y, client, column, weights, bits))


def energy_distance_bounds(
    x: Any,
    y: Any,
    *,
    client: Any,
    column: str | None = None,
    weights: str | None = None,
    bits: int = BITS,
) -> Bounds:
    """Proven bounds of the energy distance of two samples on a cluster.

    Parameters are those of `wasserstein1_bounds`.
    """
    return bounds.energy_distance_bounds(*_states(x, y, client, column, weights, bits))


def cramer_von_mises_bounds(
    x: Any, y: Any, *, client: Any, column: str | None = None, bits: int = BITS
) -> Bounds:
    """Proven bounds of the Cramér-von Mises statistic of two samples on a cluster.

    Parameters are those of `wasserstein1_bounds`; rows have no weights.
    """
    return bounds.cramer_von_mises_bounds(*_states(x, y, client, column, None, bits))


def wasserstein_bounds(
    x: Any,
    y: Any,
    *,
    p: float,
    client: Any,
    column: str | None = None,
    weights: str | None = None,
    bits: int = BITS,
) -> Bounds:
    """Proven bounds of W_p of two samples on a cluster.

    Parameters are those of `wasserstein1_bounds`; `p` is a finite order of at least 1.
    """
    return bounds.wasserstein_bounds(*_states(x, y, client, column, weights, bits), p=p)


def sliced_wasserstein1_bounds(
    x: Any,
    y: Any,
    *,
    client: Any,
    n_projections: int = 100,
    seed: int = 0,
    bits: int = 8,
) -> Bounds:
    """Proven bounds of the mean of W1 of two clouds on a cluster over some directions.

    Parameters
    ----------
    x, y : Dask arrays (n, d) and (m, d)
    client : distributed.Client
        Where to run.
    n_projections, seed, bits
        As in `otdiv.streaming.SlicedState`.

    Returns
    -------
    Bounds

    Raises
    ------
    InvalidInputError
        As in `sliced_state`, and for clouds that are empty or of unequal dimensions.
    """
    check_client(client)
    tasks = [
        sliced_task(name, cloud, n_projections, seed, bits) for name, cloud in (("x", x), ("y", y))
    ]
    return sliced.sliced_wasserstein1_bounds(*gathered(tasks, client))


def cdf_bounds(
    data: Any,
    values: Any,
    *,
    client: Any,
    column: str | None = None,
    weights: str | None = None,
    bits: int = BITS,
) -> tuple[FloatArray, FloatArray]:
    """Proven bounds of the share of a sample on a cluster at or below some values.

    Parameters
    ----------
    data, client, column, weights, bits
        As in `sample_state`.
    values : array_like (k,)

    Returns
    -------
    lower, upper : arrays (k,)

    Raises
    ------
    InvalidInputError
        As in `wasserstein1_bounds`.
    """
    state = sample_state(data, client=client, column=column, weights=weights, bits=bits)
    return bounds.cdf_bounds(state, values)


def quantile_bounds(
    data: Any,
    levels: Any,
    *,
    client: Any,
    column: str | None = None,
    weights: str | None = None,
    bits: int = BITS,
) -> tuple[FloatArray, FloatArray]:
    """Proven bounds of quantiles of a sample on a cluster.

    Parameters
    ----------
    data, client, column, weights, bits
        As in `sample_state`; bounds are relatively 2^-bits apart.
    levels : array_like (k,)
        Between 0 and 1.

    Returns
    -------
    lower, upper : arrays (k,)

    Raises
    ------
    InvalidInputError
        As in `wasserstein1_bounds`, or if a level is not between 0 and 1.

    Examples
    --------
    >>> import dask.array
    >>> from distributed import Client
    >>> from otdiv.dask import quantile_bounds
    >>> x = dask.array.arange(1001, chunks=100)
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     quantile_bounds(x, [0.5, 0.9], client=client)
    (array([500., 900.]), array([500., 900.]))
    """
    state = sample_state(data, client=client, column=column, weights=weights, bits=bits)
    return bounds.quantile_bounds(state, levels)


def _states(
    x: Any, y: Any, client: Any, column: str | None, weights: str | None, bits: int
) -> tuple[SampleState, SampleState]:
    """States of both samples, in one graph."""
    check_client(client)
    check_bits(bits)
    sides = [as_partitions(name, side, column, weights) for name, side in (("x", x), ("y", y))]
    first, second = gathered([sample_task(side, bits) for side in sides], client)
    return first, second
