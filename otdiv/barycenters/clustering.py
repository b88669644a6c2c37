"""Clusters of measures: Lloyd's algorithm with Wasserstein barycenters as centres."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._calling import explains_calls
from .._frozen import restore, seal
from .._typing import FloatArray, IndexArray
from .._validation import (
    as_generator,
    as_number,
    check_callback,
    check_positive_integer,
    check_seconds,
)
from ..certificates.barycenters import weighted_sum
from ..costs import PNormCost
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..problems import TransportProblem
from ..results import Bounds, Callback, Status, Valued
from ..solving import solve
from .averaging import barycenter_of
from .family import Clock, as_family, as_sequence
from .places import Places, as_images, as_places, is_grid
from .result import BarycenterResult

__all__ = ["KMeansResult", "wasserstein_kmeans"]

# Share of the objective that a round gains at least, or it is the last; by taste.
_GAIN = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class KMeansResult(Valued):
    """Clusters of measures with their barycenters.

    Attributes
    ----------
    labels : array (N,)
        Cluster of each measure.
    centers : tuple of k BarycenterResult
        Barycenter of each cluster, of even weights.
    value : float
        Mean over the measures of W_p^p to the centre of their cluster.
    bounds : Bounds
        Of the least such mean with the same labels: what better centres could do. Other labels may
        do better, of which nothing is proven.
    status : Status
        OPTIMAL where a round changed nothing any more.
    n_iterations : int
        Rounds.
    """

    labels: IndexArray
    centers: tuple[BarycenterResult, ...]
    value: float
    bounds: Bounds
    status: Status
    n_iterations: int

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def __repr__(self) -> str:
        return (
            f"KMeansResult(k={len(self.centers)}, n={self.labels.size}, value={self.value:.9g}, "
            f"bounds=[{self.bounds.lower:.9g}, {self.bounds.upper:.9g}] of these labels, "
            f"status={self.status.name})"
        )


@explains_calls()
def wasserstein_kmeans(
    measures: Any,
    k: int,
    *,
    support: Any = "free",
    size: int | None = None,
    p: float = 2.0,
    max_iterations: int = 20,
    max_seconds: float | None = None,
    callback: Callback | None = None,
    rng: Any = None,
) -> KMeansResult:
    """Put measures into k clusters of least mean W_p^p to the barycenters of their clusters.

    Lloyd's algorithm from a start by k-means++ (Arthur & Vassilvitskii, 2007): a local optimum.

    Parameters
    ----------
    measures : sequence of N samples, DiscreteMeasure or images
        As in `barycenter`.
    k : int
        Number of clusters, at most N.
    support, size, p
        Of the barycenters, as in `barycenter`.
    max_iterations : int, default 20
        Limit of rounds.
    max_seconds : float, optional
        Seconds of the clock after which no further round begins.
    callback : callable, optional
        Called with a `Progress` now and then; returning True stops.
    rng : Generator or int, optional
        Source of chance for the start.

    Returns
    -------
    KMeansResult

    Raises
    ------
    InvalidInputError
        If there are fewer measures than clusters, and as in `barycenter`.
    MassMismatchError, UnsupportedProblemError
        As in `barycenter`.

    Examples
    --------
    >>> from otdiv import wasserstein_kmeans
    >>> samples = [[0.0, 1.0], [0.1, 1.1], [8.0, 9.0], [8.2, 9.2]]
    >>> result = wasserstein_kmeans(samples, 2, rng=0)
    >>> bool(result.labels[0] == result.labels[1] != result.labels[2] == result.labels[3])
    True
    """
    check_callback(callback)
    k = check_positive_integer("k", k)
    max_iterations = check_positive_integer("max_iterations", max_iterations)
    order = as_number("p", p, "be a real number of at least 1")
    generator = as_generator(rng)
    clock = Clock(callback=callback, max_seconds=check_seconds(max_seconds))
    places: Places | None = None
    given = as_sequence(measures)
    if is_grid(support):
        found, places = as_images(given, support)
    else:
        found = as_family(given)
        if not isinstance(support, str) or support != "free":
            places = as_places(support, found[0].d)
    if k > len(found):
        raise InvalidInputError("k", f"be at most {len(found)}, the number of measures", k)
    return _Lloyd(found, places, size, order, clock).run(k, max_iterations, generator)


class _Lloyd:
    """Rounds of assigning measures to centres and averaging clusters."""

    def __init__(
        self,
        measures: list[DiscreteMeasure],
        places: Places | None,
        size: int | None,
        p: float,
        clock: Clock,
    ):
        self.measures, self.places, self.size, self.p = measures, places, size, p
        self.clock, self.cost = clock, PNormCost(norm=2.0, power=p)

    def run(self, k: int, max_iterations: int, rng: np.random.Generator) -> KMeansResult:
        labels = self._start(k, rng)
        best = self._averaged(labels, k, 1)
        for round_ in range(2, max_iterations + 1):
            if self.clock.asks_to_stop():
                return self._ended(best, Status.STOPPED)
            costs = self._costs([center.measure for center in best.centers])
            labels = _without_empty(costs.argmin(axis=1), costs, k)
            if np.array_equal(labels, best.labels):
                return self._ended(best, Status.OPTIMAL)
            found = self._averaged(labels, k, round_)
            # Barycenters are local optima themselves, and may make a round worse.
            if not found.value < best.value * (1.0 - _GAIN):
                return self._ended(best, Status.OPTIMAL)
            best = found
        return self._ended(best, Status.MAX_ITERATIONS)

    def _ended(self, best: KMeansResult, status: Status) -> KMeansResult:
        return replace(best, status=status)

    def _start(self, k: int, rng: np.random.Generator) -> IndexArray:
        """Labels of the nearest of k measures, each drawn in proportion to its cost so far."""
        n = len(self.measures)
        chosen = [int(rng.integers(n))]
        costs = self._costs([self.measures[chosen[0]]])
        while len(chosen) < k:
            least = costs.min(axis=1)
            least[chosen] = 0.0
            total = float(least.sum())
            if total > 0.0:
                chosen.append(int(rng.choice(n, p=least / total)))
            else:
                chosen.append(next(i for i in range(n) if i not in chosen))
            costs = np.column_stack([costs, self._costs([self.measures[chosen[-1]]])])
        labels: IndexArray = costs.argmin(axis=1)
        labels[chosen] = np.arange(k)
        return labels

    def _costs(self, centers: list[Any]) -> FloatArray:
        """Costs (N, k) of every measure to every centre."""
        costs = np.empty((len(self.measures), len(centers)))
        for j, center in enumerate(centers):
            for i, measure in enumerate(self.measures):
                problem = TransportProblem(source=center, target=measure, cost=self.cost)
                costs[i, j] = solve(problem, throw=False).value
            self.clock.asks_to_stop()
        return costs

    def _averaged(self, labels: IndexArray, k: int, round_: int) -> KMeansResult:
        centers = []
        for label in range(k):
            members = [self.measures[i] for i in np.flatnonzero(labels == label)]
            weights = np.full(len(members), 1.0 / len(members))
            inner = Clock(callback=self.clock.callback, max_seconds=self.clock.left())
            centers.append(
                barycenter_of(members, self.places, weights, self.p, self.size, None, 100, inner)
            )
        counts = np.bincount(labels, minlength=k).astype(np.float64)
        lower = weighted_sum(counts, [center.bounds.lower for center in centers])[0]
        upper = weighted_sum(counts, [center.bounds.upper for center in centers])[1]
        value = weighted_sum(counts, [center.value for center in centers])[1]
        self.clock.iteration, self.clock.upper = round_, upper
        return KMeansResult(
            labels=labels,
            centers=tuple(centers),
            value=min(value, upper),
            bounds=Bounds(max(0.0, min(lower, value)), upper),
            status=Status.OPTIMAL,
            n_iterations=round_,
        )


def _without_empty(labels: IndexArray, costs: FloatArray, k: int) -> IndexArray:
    """Labels (N,) where no cluster is empty: it takes the measure that costs most elsewhere."""
    labels = labels.copy()
    own = costs[np.arange(len(labels)), labels].copy()
    for label in range(k):
        if not (labels == label).any():
            counts = np.bincount(labels, minlength=k)
            own[counts[labels] == 1] = -math.inf
            moved = int(own.argmax())
            labels[moved], own[moved] = label, -math.inf
    return labels
