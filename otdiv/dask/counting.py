"""Divergences of two columns of categories on a cluster, from counts of one pass."""

from __future__ import annotations

from typing import Any

from otdiv import divergences
from otdiv._typing import IndexArray
from otdiv.dask.cluster import check_client, gathered
from otdiv.dask.partitions import as_partitions
from otdiv.dask.states import category_task
from otdiv.streaming import categories

__all__ = [
    "category_counts",
    "chi2_divergence",
    "hellinger_distance",
    "jeffreys_divergence",
    "js_distance",
    "js_divergence",
    "kl_divergence",
    "population_stability_index",
    "renyi_divergence",
    "total_variation",
]


def category_counts(
    p: Any, q: Any, *, client: Any, column: str | None = None
) -> tuple[IndexArray, IndexArray, tuple[categories.Category, ...]]:
    """Counts of two columns on a cluster over the categories of both.

    Parameters
    ----------
    p, q : Dask array (n,), series or frame of dask.dataframe
        Texts, whole numbers or truth values; missing ones are left out.
    client : distributed.Client
        Where to run.
    column : str, optional
        Of frames: name of the column.

    Returns
    -------
    p, q : int arrays (k,)
        Counts, as the divergences take them.
    categories : tuple
        In order.

    Raises
    ------
    InvalidInputError
        If data are none of Dask, their entries are no categories, or a column has none.

    Examples
    --------
    >>> import dask.array
    >>> from distributed import Client
    >>> from otdiv.dask import category_counts
    >>> x = dask.array.arange(1000, chunks=100) % 2
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     category_counts(x, x * x, client=client)
    (array([500, 500]), array([500, 500]), (0, 1))
    """
    check_client(client)
    sides = [as_partitions(name, side, column) for name, side in (("p", p), ("q", q))]
    first, second = gathered([category_task(side) for side in sides], client)
    return categories.category_counts(first, second)


def _counts(p: Any, q: Any, client: Any, column: str | None) -> tuple[IndexArray, IndexArray]:
    return category_counts(p, q, client=client, column=column)[:2]


def kl_divergence(
    p: Any, q: Any, *, client: Any, column: str | None = None, base: float | None = None
) -> float:
    """Kullback-Leibler divergence of two columns on a cluster; infinite off the support of `q`.

    Parameters are those of `category_counts`; `base` is that of the logarithm, e by default.
    """
    return float(divergences.kl_divergence(*_counts(p, q, client, column), base=base))


def jeffreys_divergence(
    p: Any, q: Any, *, client: Any, column: str | None = None, base: float | None = None
) -> float:
    """Jeffreys divergence of two columns on a cluster.

    Parameters are those of `kl_divergence`.
    """
    return float(divergences.jeffreys_divergence(*_counts(p, q, client, column), base=base))


def js_divergence(
    p: Any, q: Any, *, client: Any, column: str | None = None, base: float | None = None
) -> float:
    """Jensen-Shannon divergence of two columns on a cluster.

    Parameters are those of `kl_divergence`.

    Examples
    --------
    >>> import dask.array
    >>> from distributed import Client
    >>> from otdiv.dask import js_divergence
    >>> x = dask.array.arange(900, chunks=100) % 3
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     js_divergence(x, x + 3, client=client, base=2.0)
    1.0
    """
    return float(divergences.js_divergence(*_counts(p, q, client, column), base=base))


def js_distance(
    p: Any, q: Any, *, client: Any, column: str | None = None, base: float | None = None
) -> float:
    """Jensen-Shannon distance of two columns on a cluster: the root of the divergence.

    Parameters are those of `kl_divergence`.
    """
    return float(divergences.js_distance(*_counts(p, q, client, column), base=base))


def total_variation(p: Any, q: Any, *, client: Any, column: str | None = None) -> float:
    """Total variation of two columns on a cluster.

    Parameters are those of `category_counts`.
    """
    return float(divergences.total_variation(*_counts(p, q, client, column)))


def hellinger_distance(p: Any, q: Any, *, client: Any, column: str | None = None) -> float:
    """Hellinger distance of two columns on a cluster.

    Parameters are those of `category_counts`.
    """
    return float(divergences.hellinger_distance(*_counts(p, q, client, column)))


def chi2_divergence(p: Any, q: Any, *, client: Any, column: str | None = None) -> float:
    """Pearson's chi-squared divergence of two columns on a cluster, relative to `q`.

    Parameters are those of `category_counts`.
    """
    return float(divergences.chi2_divergence(*_counts(p, q, client, column)))


def renyi_divergence(
    p: Any,
    q: Any,
    *,
    alpha: float,
    client: Any,
    column: str | None = None,
    base: float | None = None,
) -> float:
    """Rényi divergence of order `alpha` of two columns on a cluster.

    Parameters are those of `kl_divergence`.
    """
    counts = _counts(p, q, client, column)
    return float(divergences.renyi_divergence(*counts, alpha=alpha, base=base))


def population_stability_index(
    p: Any, q: Any, *, client: Any, column: str | None = None, pseudocount: float = 0.0
) -> float:
    """Population stability index of two columns on a cluster.

    Parameters are those of `category_counts`; `pseudocount` is added to every category.
    """
    counts = _counts(p, q, client, column)
    return float(divergences.population_stability_index(*counts, pseudocount=pseudocount))
