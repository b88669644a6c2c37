"""Bottleneck distances between persistence diagrams, exactly: a length that occurs.

A matching with no way longer than r exists where the points of x that are farther than r from the
diagonal can be matched into y by ways of at most r, and those of y into x: two such matchings make
one of both (Mendelsohn & Dulmage 1958). Only points that far from the diagonal count, which are few
where r is near the answer. The search keeps r at lengths of ways in a matching that was found, and
ends where no matching with shorter ways exists.
"""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import cKDTree

from .._calling import explains_calls
from .._monitor import Deadline, EndOfRun, Monitor
from .._typing import FloatArray, IndexArray
from .._validation import check_callback, check_seconds
from ..certificates.rounding import U
from ..costs import as_metric
from ..errors import ConvergenceError
from ..results import Bounds, Callback, Status
from .reading import Diagram, as_diagram
from .result import DiagramResult, infinitely_far, matched_forever, result_of

__all__ = ["bottleneck_distance", "bottleneck_distance_result", "bottleneck_of"]

# Share by which balls are larger than asked, so that rounding of the tree loses no neighbour.
_ROOM = 1e-12
# Width of the bracket, as a share, at which the search asks for ways that are shorter at all.
_NARROW = 2.0**-10


@explains_calls("GUDHI's bottleneck_distance(X, Y) is bottleneck_distance(X, Y), without e")
def bottleneck_distance(x: Any, y: Any, *, metric: Any = "chebyshev") -> float:
    """The longest way of the matching of two persistence diagrams whose longest way is shortest.

    Exact: the distance of two points, or of a point and the diagonal.

    Parameters
    ----------
    x, y : array_like, shapes (n, 2) and (m, 2)
        A birth and a death a row, as in `persistence_distance`.
    metric : str or PNormCost, default "chebyshev"
        Distance in the plane.

    Returns
    -------
    float
        In the unit of the filtration; `inf` where numbers of points at infinity differ.

    Raises
    ------
    InvalidInputError
        As `persistence_distance`.

    References
    ----------
    Cohen-Steiner, Edelsbrunner & Harer (2007), Stability of persistence diagrams,
    doi:10.1007/s00454-006-1276-5. Efrat, Itai & Katz (2001), Geometry helps in bottleneck matching
    and related problems, doi:10.1007/s00453-001-0016-8.

    Examples
    --------
    >>> from otdiv import bottleneck_distance
    >>> bottleneck_distance([[0.0, 4.0], [1.0, 2.0]], [[0.0, 5.0]])
    1.0
    """
    return bottleneck_distance_result(x, y, metric=metric).value


@explains_calls()
def bottleneck_distance_result(
    x: Any,
    y: Any,
    *,
    metric: Any = "chebyshev",
    max_seconds: float | None = None,
    callback: Callback | None = None,
) -> DiagramResult:
    """`bottleneck_distance` with its bounds and a matching that has it as longest way.

    Parameters
    ----------
    x, y, metric
        As in `bottleneck_distance`.
    max_seconds, callback
        As in `solve`.

    Returns
    -------
    DiagramResult

    Raises
    ------
    ConvergenceError
        If a callback or the clock stopped the search; it carries the bracket that was reached.

    Examples
    --------
    >>> from otdiv import bottleneck_distance_result
    >>> bottleneck_distance_result([[0.0, 4.0], [1.0, 2.0]], [[0.0, 5.0]]).pairs.tolist()
    [[0, 0]]
    """
    norm = as_metric(metric).norm
    left, right = as_diagram("x", x), as_diagram("y", y)
    return bottleneck_of(left, right, norm, callback=callback, max_seconds=max_seconds)


def bottleneck_of(
    x: Diagram,
    y: Diagram,
    norm: float,
    *,
    callback: Callback | None,
    max_seconds: float | None,
) -> DiagramResult:
    """The same of diagrams that were read."""
    check_callback(callback)
    max_seconds = check_seconds(max_seconds)
    if max_seconds is not None:
        callback = Deadline(callback, time.perf_counter() + max_seconds)
    matched = matched_forever(x, y)
    if matched is None:
        return infinitely_far(x, y)
    forever, lengths = matched
    beyond = max((float(length.max()) for length in lengths if length.size), default=0.0)
    search = _Search(x, y, norm, Monitor(callback=callback), beyond)
    status = search.run()
    # A length is a difference of floats, and of other norms one or two operations more.
    share = (2.0 if norm == math.inf else 16.0) * U
    value = search.high
    lower = value if status is Status.OPTIMAL else max(search.low, 0.0)
    bounds = Bounds(lower * (1.0 - share), value * (1.0 + share))
    result = result_of(x, y, search.pairs, forever, value, bounds, status)
    if status is not Status.OPTIMAL:
        raise ConvergenceError(
            f"bottleneck_distance ended with {status.name}: {status.value}; proven so far: "
            f"[{lower:.9g}, {value:.9g}]",
            result,
        )
    return result


class _Matching(NamedTuple):
    """Partners of the points of x and of y, -1 for none."""

    of_x: IndexArray
    of_y: IndexArray


class _Search:
    """The bracket (low, high] of the answer, and a matching with high as longest way."""

    def __init__(self, x: Diagram, y: Diagram, norm: float, monitor: Monitor, beyond: float):
        self.points = x.points, y.points
        self.norm, self.monitor, self.beyond = norm, monitor, beyond
        across = 1.0 if norm == math.inf else 2.0 ** (1.0 / norm)
        self.heights = x.halves * across, y.halves * across
        self.trees = tuple(cKDTree(side) if len(side) else None for side in self.points)
        self.pairs = np.empty((0, 2), np.int64)
        tops = [float(height.max()) for height in self.heights if height.size]
        # Everything to the diagonal.
        self.high = max(self.beyond, *tops, 0.0)
        self.low = -math.inf

    def run(self) -> Status:
        """Shrink the bracket; the status of the end."""
        try:
            least = max(self.beyond, self._least())
            self.monitor.lower, self.monitor.upper = least, self.high
            if self._try(least):
                return Status.OPTIMAL
            self.low = least
            while self._try_below(self.high):
                while self.high - self.low > _NARROW * self.high:
                    self.monitor.spend(1)
                    middle = 0.5 * (self.low + self.high)
                    if not self.low < middle < self.high:
                        break
                    if not self._try(middle):
                        self.low = self.monitor.lower = middle
        except EndOfRun:
            return Status.STOPPED
        return Status.OPTIMAL

    def _least(self) -> float:
        """Every point goes to the diagonal or to its nearest point: the longest of these ways."""
        least = 0.0
        for side in (0, 1):
            points, tree, heights = self.points[side], self.trees[1 - side], self.heights[side]
            if not heights.size:
                continue
            if tree is None:
                least = max(least, float(heights.max()))
                continue
            _, nearest = tree.query(points, p=self.norm)
            ways = self._lengths(points, self.points[1 - side][nearest])
            least = max(least, float(np.minimum(ways, heights).max()))
        return least

    def _lengths(self, u: FloatArray, v: FloatArray) -> FloatArray:
        apart = np.abs(u - v)
        if self.norm == math.inf:
            return np.asarray(apart.max(axis=1))
        if self.norm == 1.0:
            return np.asarray(apart.sum(axis=1))
        if self.norm == 2.0:
            return np.hypot(apart[:, 0], apart[:, 1])
        return np.asarray((apart**self.norm).sum(axis=1) ** (1.0 / self.norm))

    def _try_below(self, r: float) -> bool:
        """Look for a matching with ways shorter than r."""
        return r > self.beyond and self._try(float(np.nextafter(r, 0.0)))

    def _try(self, r: float) -> bool:
        """Look for a matching with ways of at most r, and note its longest way."""
        if r < self.beyond:
            return False
        found = [self._one_side(side, r) for side in (0, 1)]
        if found[0] is None or found[1] is None:
            return False
        matching = self._joined(found[0], found[1], r)
        rows = np.flatnonzero(matching.of_x >= 0)
        self.pairs = np.stack([rows, matching.of_x[rows]], axis=1)
        ways = self._lengths(self.points[0][rows], self.points[1][matching.of_x[rows]])
        longest = [self.beyond, float(ways.max(initial=0.0))]
        for heights, partners in zip(self.heights, matching, strict=True):
            longest.append(float(heights[partners < 0].max(initial=0.0)))
        self.high = self.monitor.upper = max(longest)
        return True

    def _one_side(self, side: int, r: float) -> IndexArray | None:
        """Partners in the other diagram of all points farther than r from the diagonal, or None."""
        self.monitor.tick()
        partners = np.full(len(self.points[side]), -1)
        needy = np.flatnonzero(self.heights[side] > r)
        if not needy.size:
            return partners
        tree = self.trees[1 - side]
        if tree is None:
            return None
        points = self.points[side][needy]
        near = tree.query_ball_point(points, r * (1.0 + _ROOM) + 5e-324, p=self.norm)
        counts = np.fromiter(map(len, near), np.int64, needy.size)
        if not counts.all():
            return None
        columns = np.fromiter((j for each in near for j in each), np.int64, int(counts.sum()))
        rows = np.repeat(np.arange(needy.size), counts)
        close = self._lengths(points[rows], self.points[1 - side][columns]) <= r
        graph = csr_array(
            (np.ones(int(close.sum()), np.int8), (rows[close], columns[close])),
            shape=(needy.size, len(self.points[1 - side])),
        )
        found = maximum_bipartite_matching(graph, perm_type="column")
        if (found < 0).any():
            return None
        partners[needy] = found
        return partners

    def _joined(self, of_x: IndexArray, of_y: IndexArray, r: float) -> _Matching:
        """One matching of all points that need a partner, from one for each side.

        Where a point of y has none yet, it takes its own partner, whose partner until now looks on:
        each way that is followed ends, as no point occurs twice.
        """
        partners = of_x.copy()
        others = np.full(of_y.size, -1)
        matched = np.flatnonzero(of_x >= 0)
        others[of_x[matched]] = matched
        needy = np.flatnonzero(self.heights[1] > r)
        for first in needy[others[needy] < 0]:
            j = int(first)
            while j >= 0 and self.heights[1][j] > r:
                i = int(of_y[j])
                last = int(partners[i])
                partners[i], others[j] = j, i
                if last >= 0:
                    others[last] = -1
                j = last
        return _Matching(partners, others)
