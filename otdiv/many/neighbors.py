"""The nearest of many measures to one, by exact distances; most of them are never computed."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._frozen import restore, seal
from .._kernels.line.distances import wasserstein_line
from .._monitor import EndOfRun, Monitor
from .._typing import FloatArray, IndexArray
from .._validation import (
    as_points,
    as_weights,
    check_callback,
    check_positive_integer,
    describe,
)
from ..costs import PNormCost
from ..errors import InvalidInputError
from ..results import Callback, Status
from .batch import as_clouds, solve_clouds
from .engine import n_threads
from .matrix import pairwise_distances
from .pruning import Measures, Relaxations, extent, projected_bounds

__all__ = ["NeighborsResult", "nearest_neighbors"]

_POWERS = {"wasserstein1": 1.0, "wasserstein2": 2.0}
# Problems in one call of the batch: a fifth of a typical search, so that bounds come in between.
_AT_ONCE = 8
# Values and their bounds are a share 1e-9 apart at most where a solve ends: a bound that is above a
# value by twice that is above every value that the solver may return for that measure.
_MARGIN = 2e-9

# Added to the limit, because costs and sums below it have lost their digits.
_TINY = 1e-300
# Between these sizes squares of coordinates are far from the ends of the range of floats.
_SMALLEST, _LARGEST = 1e-100, 1e100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NeighborsResult:
    """The k nearest of a collection, nearest first; of equal distances the first in its order.

    Attributes
    ----------
    indices : array (k,)
        Their places in the collection.
    distances : array (k,)
        Distances, as `pairwise_distances` has them.
    lower, upper : arrays (k,)
        Proven enclosure of each distance; NaN where `distance` proves none.
    n_exact : int
        Distances that were computed; all others are proven to be larger than those returned.
    status : Status
        OPTIMAL, or STOPPED by the callback: then they are the nearest of those computed.
    """

    indices: IndexArray
    distances: FloatArray
    lower: FloatArray
    upper: FloatArray
    n_exact: int
    status: Status

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def __len__(self) -> int:
        return int(self.indices.size)

    def __repr__(self) -> str:
        return f"NeighborsResult(k={len(self)}, n_exact={self.n_exact})"


@keeps_arrays()
@explains_calls("points among points are the business of scipy.spatial.KDTree(points).query")
def nearest_neighbors(
    query: Any,
    collection: Any,
    *,
    k: int,
    distance: str | Callable[[Any, Any], Any] = "wasserstein1",
    query_weights: Any = None,
    collection_weights: Any = None,
    support: Any = None,
    n_jobs: int | None = None,
    callback: Callback | None = None,
) -> NeighborsResult:
    """The k samples of a collection that are nearest to one sample, as by computing all distances.

    Of clouds, documents and images most distances are not computed: proven lower bounds say that
    they are larger than the k-th. On the line, and for other distances than W1 and W2, all are.

    Parameters
    ----------
    query : array_like, shape (n, d) or (n,)
        One sample; with `support` one row of frequencies (V,).
    collection : array_like, shapes (N, m, d) or (N, m), or a sequence of N samples
        With `support` the rows of frequencies (N, V), also as a sparse matrix of SciPy.
    k : int
        Number of neighbours, up to N.
    distance : str or callable, default "wasserstein1"
        "wasserstein1", "wasserstein2", or whatever else `pairwise_distances` takes.
    query_weights, collection_weights : array_like (n,), and sequence of N arrays, optional
        Relative frequencies of the points, for "wasserstein1" and "wasserstein2"; uniform by
        default, and where an entry of the sequence is None.
    support : array_like, shape (V, d) or (V,), optional
        Points that all share: the vectors of the words of documents, the places of pixels.
    n_jobs : int, optional
        Threads; None takes as many as there are processors. The answer does not depend on it.
    callback : callable, optional
        Called with a `Progress` whose `iteration` counts the distances that were computed;
        returning True stops, when at least k of them are known.

    Returns
    -------
    NeighborsResult

    Raises
    ------
    InvalidInputError
        Names the sample, as ``collection[17]``.

    References
    ----------
    Kusner, Sun, Kolkin, Weinberger (2015), *From word embeddings to document distances*, ICML.
    Atasu, Mittelholzer (2019), *Linear-complexity data-parallel earth mover's distance
    approximations*, ICML.

    Examples
    --------
    >>> from otdiv import nearest_neighbors
    >>> words = [[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]]
    >>> found = nearest_neighbors([1, 0, 0], [[0, 0, 1], [0, 2, 0], [1, 1, 0]], k=2, support=words)
    >>> found.indices, found.distances
    (array([2, 1]), array([0.5, 1. ]))
    """
    check_callback(callback)
    threads = n_threads(n_jobs)
    monitor = Monitor(callback=callback)
    if callable(distance) or distance not in _POWERS:
        given = (("query_weights", query_weights), ("collection_weights", collection_weights))
        for name, value in (*given, ("support", support)):
            if value is not None:
                requirement = 'be None but for distance "wasserstein1" or "wasserstein2"'
                raise InvalidInputError(name, requirement, describe(value))
        samples = list(_sequence(collection))
        k = _number(k, len(samples))
        values = pairwise_distances(
            [query], other=samples, distance=distance, n_jobs=n_jobs, callback=callback
        )[0]
        return _ranked(values, None, k, Status.OPTIMAL)
    cost = PNormCost(norm=2.0, power=_POWERS[distance])
    if support is None:
        x, a, others = _clouds(query, collection, query_weights, collection_weights)
    else:
        for name, value in (
            ("query_weights", query_weights),
            ("collection_weights", collection_weights),
        ):
            if value is not None:
                requirement = "be None with `support`: the rows are the weights"
                raise InvalidInputError(name, requirement, describe(value))
        x, a, others = _histograms(query, collection, support)
    k = _number(k, len(others))
    if x.shape[1] == 1:
        return _on_line(x[:, 0], a, others, cost.power, k, monitor)
    is_even = support is None and query_weights is None
    return _search(x, a, is_even, others, cost, k, threads, monitor)


def _number(k: Any, size: int) -> int:
    number = check_positive_integer("k", k)
    if number > size:
        raise InvalidInputError("k", f"be at most {size}, the length of `collection`", number)
    return number


def _sequence(value: Any) -> Iterable[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise InvalidInputError("collection", "be a sequence of samples", describe(value))
    return value


def _clouds(
    query: Any, collection: Any, query_weights: Any, collection_weights: Any
) -> tuple[FloatArray, FloatArray, Measures]:
    """Points and weights of the query and of the collection, without atoms that weigh nothing."""
    x = as_points("query", query)
    a = as_weights("query_weights", query_weights, len(x), normalize=True)
    clouds = as_clouds("collection", collection)
    for j, cloud in enumerate(clouds):
        if cloud.shape[1] != x.shape[1]:
            requirement = f"have {x.shape[1]} columns like `query`"
            raise InvalidInputError(f"collection[{j}]", requirement, cloud.shape[1])
    given = [None] * len(clouds) if collection_weights is None else list(collection_weights)
    if len(given) != len(clouds):
        requirement = f"hold {len(clouds)} arrays like `collection`"
        raise InvalidInputError("collection_weights", requirement, len(given))
    weights = np.concatenate(
        [
            as_weights(f"collection_weights[{j}]", w, len(cloud), normalize=True)
            for j, (w, cloud) in enumerate(zip(given, clouds, strict=True))
        ]
    )
    sizes, points = np.array([len(cloud) for cloud in clouds]), np.concatenate(clouds)
    heavy = weights > 0.0
    if not heavy.all():
        sizes = np.add.reduceat(heavy.astype(np.int64), np.cumsum(sizes) - sizes)
        points, weights = points[heavy], weights[heavy]
    even = np.array([w is None for w in given])
    return x[a > 0.0], a[a > 0.0], Measures(points, np.arange(len(points)), weights, sizes, even)


def _histograms(
    query: Any, collection: Any, support: Any
) -> tuple[FloatArray, FloatArray, Measures]:
    """The same of rows of frequencies on common points."""
    points = as_points("support", support)
    size = len(points)
    a = as_weights("query", query, size, normalize=True)
    atoms, weights = [], []
    if hasattr(collection, "tocsr"):
        rows: Any = collection.tocsr()
        if rows.shape[1] != size:
            requirement = f"have {size} columns, one a point of `support`"
            raise InvalidInputError("collection", requirement, rows.shape[1])
        parts = [slice(*rows.indptr[j : j + 2]) for j in range(rows.shape[0])]
        given = [(rows.indices[part], rows.data[part]) for part in parts]
    else:
        given = [(None, row) for row in _sequence(collection)]
    for j, (places, row) in enumerate(given):
        name = f"collection[{j}]"
        length = size if places is None else places.size
        if length == 0:
            raise InvalidInputError(name, "have a positive sum", 0.0)
        shares = as_weights(name, row, length, normalize=True)
        heavy = np.flatnonzero(shares > 0.0)
        atoms.append(heavy if places is None else places[heavy])
        weights.append(shares[heavy])
    if not atoms:
        raise InvalidInputError("collection", "hold at least one row", "none")
    sizes = np.array([part.size for part in atoms])
    joined = np.concatenate(atoms).astype(np.int64)
    even = np.zeros(sizes.size, bool)
    others = Measures(points, joined, np.concatenate(weights), sizes, even)
    return points[a > 0.0], a[a > 0.0], others


def _on_line(
    x: FloatArray, a: FloatArray, others: Measures, p: float, k: int, monitor: Monitor
) -> NeighborsResult:
    """All distances: sorting costs as little as a bound."""
    found = np.full((len(others), 3), np.inf)
    status, done = Status.OPTIMAL, 0
    try:
        for j in range(len(others)):
            points, weights = others.cloud(j)
            value, slack = wasserstein_line(x, points[:, 0], a, weights, p)
            found[j] = value, max(0.0, value - slack), value + slack
            done = monitor.iteration = j + 1
            if done >= k:
                monitor.tick()
    except EndOfRun:
        status = Status.STOPPED
    return _ranked(found[:done, 0], found[:done, 1:], k, status)


def _ranked(
    values: FloatArray, bounds: FloatArray | None, k: int, status: Status
) -> NeighborsResult:
    """The k least of all values."""
    known = ~np.isnan(values)
    best = np.argsort(values, kind="stable")[:k]
    unknown = np.full((k, 2), np.nan)
    lower, upper = (unknown if bounds is None else bounds[best]).T
    n_exact = int(np.count_nonzero(known))
    return NeighborsResult(
        indices=best,
        distances=values[best],
        lower=lower.copy(),
        upper=upper.copy(),
        n_exact=n_exact,
        status=status,
    )


def _unit(size: float) -> float:
    """Power of two in which coordinates of this size are searched: 1 but for extreme ones."""
    if size == 0.0 or _SMALLEST < size < _LARGEST:
        return 1.0
    return math.ldexp(1.0, max(math.frexp(size)[1] - 1, -1022))


def _names(numbers: IndexArray) -> Callable[[int], tuple[str, str]]:
    return lambda t: ("query", f"collection[{numbers[t]}]")


def _check_range(distances: FloatArray, numbers: IndexArray, unit: float) -> None:
    most = sys.float_info.max / max(unit, 1.0)
    for j, distance in zip(numbers.tolist(), distances.tolist(), strict=True):
        if distance > most:
            requirement = f"be so near to `collection[{j}]` that distances stay within float64"
            raise InvalidInputError("query", requirement, "an overflow (rescale)")


def _search(
    x: FloatArray,
    a: FloatArray,
    is_even: bool,
    others: Measures,
    cost: PNormCost,
    k: int,
    threads: int,
    monitor: Monitor,
) -> NeighborsResult:
    """Solve in the order of the bounds until the next bound is above the k-th value."""
    values = np.full(len(others), np.inf)
    proven = np.full((len(others), 2), np.nan)
    unit = _unit(extent(x, others.points))
    if unit != 1.0:
        x, others = x / unit, replace(others, points=others.points / unit)
    lower = projected_bounds(x, a, others, cost)
    relaxed = Relaxations(x, a, others, cost)
    open_ = np.arange(len(others))
    lower = np.maximum(lower, relaxed.nearest(open_))
    is_first, status = True, Status.OPTIMAL
    try:
        while open_.size:
            order = open_[np.argsort(lower[open_], kind="stable")]
            now = order[: k if is_first else _AT_ONCE]
            clouds = [others.cloud(j) for j in now]
            batch = solve_clouds(
                [x] * now.size,
                [points for points, _ in clouds],
                None if is_even else [a] * now.size,
                [None if others.even[j] else w for j, (_, w) in zip(now, clouds, strict=True)],
                cost,
                threads,
                names=_names(now),
            )
            root = np.sqrt if cost.power == 2.0 else np.asarray
            values[now] = root(np.maximum(batch.values, 0.0))
            # A root is rounded once.
            rounding = 2.0**-52 if cost.power == 2.0 else 0.0
            proven[now, 0] = root(np.maximum(batch.lower, 0.0)) * (1.0 - rounding)
            proven[now, 1] = root(batch.upper) * (1.0 + rounding)
            _check_range(values[now], now, unit)
            monitor.iteration += now.size
            monitor.tick()
            open_ = np.setdiff1d(open_, now, assume_unique=True)
            limit = np.partition(values, k - 1)[k - 1] ** cost.power * (1.0 + _MARGIN) + _TINY
            open_ = open_[lower[open_] <= limit]
            if not open_.size:
                break
            bounds = [lower[open_]]
            if is_first:
                bounds.append(relaxed.shared(open_))
            nearest = int(np.argmin(values[now]))
            if batch.status[nearest] is Status.OPTIMAL:
                bounds.append(relaxed.potentials(batch.potentials(nearest).f, open_))
            lower[open_] = np.maximum.reduce(bounds)
            open_ = open_[lower[open_] <= limit]
            is_first = False
    except EndOfRun:
        status = Status.STOPPED
    exact = np.flatnonzero(np.isfinite(values))
    best = exact[np.argsort(values[exact], kind="stable")[:k]]
    return NeighborsResult(
        indices=best,
        distances=values[best] * unit,
        lower=proven[best, 0] * unit,
        upper=proven[best, 1] * unit,
        n_exact=int(exact.size),
        status=status,
    )
