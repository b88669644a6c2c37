"""Bounds of W1 from the states of two clouds, and from one more pass.

Let a cell of one sample have the share α, the mean c and the spread V = E|z - c|². Coupling it with
a cell (β, c', V') of the other by the product of the two costs E|z - z'|, which is at most
sqrt(E|z - z'|²) = sqrt(|c - c'|² + V + V') (Jensen). That is the distance of the points
(c, sqrt(V), 0) and (c', 0, sqrt(V')) of two more dimensions, so the transport between them is a
Euclidean problem. For any plan P of it, whatever its marginals r and s, and any 1-Lipschitz f
with f(0) = 0,

    E f(x) - E f(y) <= sum P sqrt(|c - c'|² + V + V') + sum |α - r| E|z| + sum |β - s| E|z'|

with the means over the cells, and W1 is the largest left side (Kantorovich).

In the other direction f(z) = min_l |z - c'_l| - g_l is 1-Lipschitz for any numbers g, so
E f(x) - E f(y) is at most W1; g are the potentials of the transport between the means. A second
pass takes the means of f over all rows. Without one, f is known at the means of the cells, and a
cell's mean of f differs from that by at most E|z - c| <= sqrt(V). (Transport between the means
alone is no bound: a row that barely crosses a cut changes the means of both cells.)

Rounding. Let U be half of the spacing at 1. Rows are moved by less than 1.1 U of their placed size
and of their offset from the pivot; then offsets count as exact. A sum over a cell of m rows of
sums that do not cancel is off by γ = (m + merges + 8) U of the sum of sizes, at most. So the mean
offset is off by 4 γ sqrt(q), where q is the mean of |z - p|², and V by (16 γ + 4 (d + 8) U) q.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._frozen import restore, seal
from .._kernels.costs import relative_rounding
from .._typing import FloatArray
from ..certificates.transforms import point_transform
from ..costs import Euclidean
from ..errors import InvalidInputError
from ..plans import SparsePlan
from ..results import Bounds, TransportResult
from ..solving import transport
from .clouds import CloudState, as_rows
from .joint import U
from .partitions import CloudCells

__all__ = [
    "CloudPotential",
    "PotentialMean",
    "bounds_of_pass",
    "cloud_lower",
    "cloud_potential",
    "cloud_wasserstein1_bounds",
]

_LOST = 2.0**-300
"""What underflow may take of anything, in the unit of the cells, where the data have size 1."""

_SLICE = 2**16
"""Rows whose potentials are summed at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """The cells of one sample that hold something, in the unit of the cells.

    `shares` (k,) and `means` (k, d) are rounded, `spreads` (k,) are at least sqrt(V), `sizes` (k,)
    at least E|z|. Transport between the rounded cells differs from that of the rows by at most
    `lost`.
    """

    shares: FloatArray
    means: FloatArray
    spreads: FloatArray
    sizes: FloatArray
    lost: float


def _side_of(name: str, state: Any) -> _Side:
    if not isinstance(state, CloudState):
        raise InvalidInputError(name, "be a CloudState", type(state).__name__)
    used = state.counts > 0
    if not used.any():
        raise InvalidInputError(name, "have at least one row", repr(state))
    masses, moments, squares, merges = state.sums()
    gamma = 1.01 * U * (state.counts[used] + merges + 8.0)
    mass, d = masses[used], state.cells.d
    offsets, q = moments[used] / mass[:, None], squares[used] / mass
    less = np.square(offsets).sum(axis=1)
    variance = np.maximum(q - less, 0.0) + (16.0 * gamma + 4.0 * (d + 8.0) * U) * q + _LOST**2
    spreads = np.sqrt(variance) * (1.0 + 4.0 * U)
    means = state.cells.pivots[used] + offsets
    lengths = np.sqrt(np.square(means).sum(axis=1)) * (1.0 + (d + 8.0) * U) + _LOST
    rms = np.sqrt(q) * (1.0 + 8.0 * gamma) + _LOST
    # The means err by their rounding and by that of the sums.
    moved = 4.0 * gamma * rms + 2.0 * U * lengths + _LOST
    sizes = lengths + spreads + moved
    shares = mass / math.fsum(mass)
    vague = 8.0 * U + (3.0 * float(gamma.max()) if state.weighted else 0.0)
    lost = math.fsum(shares * (moved + vague * sizes + 2.0 * U * (sizes + rms)))
    return _Side(shares, means, spreads, sizes, 1.01 * lost + _LOST)


def _sides(x: CloudState, y: CloudState) -> tuple[_Side, _Side]:
    sides = _side_of("x", x), _side_of("y", y)
    if not x.cells.same_as(y.cells):
        raise InvalidInputError("y", "have the cells of the other state", repr(y))
    return sides


def _solved(x: FloatArray, y: FloatArray, a: _Side, b: _Side) -> TransportResult:
    # Any plan and any potentials give bounds that hold: one that is not finished is no error.
    return transport(x, y, x_weights=a.shares, y_weights=b.shares, throw=False)


def _upper(a: _Side, b: _Side) -> float:
    """The cost of a plan between the cells, in their unit, rounded up."""
    k, m, d = len(a.shares), len(b.shares), a.means.shape[1]
    x = np.column_stack([a.means, a.spreads, np.zeros(k)])
    y = np.column_stack([b.means, np.zeros(m), b.spreads])
    plan = _solved(x, y, a, b).plan
    if isinstance(plan, SparsePlan):
        rows, columns, mass = plan.rows, plan.columns, plan.mass
    elif plan is None:
        rows, columns, mass = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    else:
        coo = plan.tocoo()
        rows, columns, mass = coo.row, coo.col, coo.data
    mass = np.maximum(mass, 0.0)
    costs = np.sqrt(np.square(x[rows] - y[columns]).sum(axis=1))
    total = math.fsum(mass * costs)
    unmet = 0.0
    for side, places in ((a, rows), (b, columns)):
        sums = np.bincount(places, weights=mass, minlength=len(side.shares))
        entries = np.bincount(places, minlength=len(side.shares))
        vague = np.abs(side.shares - sums) + (entries + 8.0) * U * (sums + side.shares)
        unmet += math.fsum(vague * side.sizes)
    high = (total * (1.0 + (d + 16.0) * U) + unmet * 1.01) * (1.0 + 8.0 * U) + a.lost + b.lost
    return float(high)


def _outward(low: float, high: float, unit: float) -> Bounds:
    """Bounds in the unit of the rows: a quotient by a power of two rounds near the ends only."""
    lower = max(low, 0.0) / unit
    if lower > 0.0:
        lower = math.nextafter(lower, 0.0)
    return Bounds(lower, math.nextafter(high / unit, math.inf))


def _distance_of_means(a: _Side, b: _Side) -> float:
    """W1 is at least the distance of the means of both samples; rounded down."""
    d = a.means.shape[1]
    found = [
        math.fsum([*(a.shares * p), *(-b.shares * q)])
        for p, q in zip(a.means.T, b.means.T, strict=True)
    ]
    sizes = math.fsum(a.shares * a.sizes) + math.fsum(b.shares * b.sizes)
    length = math.sqrt(math.fsum(each * each for each in found))
    return float(length * (1.0 - (d + 8.0) * U) - 8.0 * U * sizes - a.lost - b.lost)


def cloud_wasserstein1_bounds(x: CloudState, y: CloudState) -> Bounds:
    """Proven bounds of the Euclidean W1 from the states of two clouds.

    The upper bound is that of transport between cells; the lower one is the distance of the means,
    or what the cells prove where that is more. `cloud_potential` gives a closer lower bound in one
    more pass.

    Parameters
    ----------
    x, y : CloudState
        Of the same cells, with rows.

    Returns
    -------
    Bounds
        In the unit of the rows, rounding included.

    Raises
    ------
    InvalidInputError
        If the cells differ or a state is empty.

    Examples
    --------
    >>> from otdiv.streaming import CloudState, cloud_cells, cloud_wasserstein1_bounds
    >>> cells = cloud_cells([[0.0, 0.0], [3.0, 4.0]], n_cells=2)
    >>> x, y = CloudState(cells).update([[0.0, 0.0]]), CloudState(cells).update([[3.0, 4.0]])
    >>> bounds = cloud_wasserstein1_bounds(x, y)
    >>> 5.0 in bounds, bounds.relative_gap < 1e-6
    (True, True)
    """
    return bounds_of_pass(x, y, cloud_potential(x, y))


def bounds_of_pass(x: CloudState, y: CloudState, potential: CloudPotential) -> Bounds:
    """`cloud_wasserstein1_bounds` with the potential of the two states."""
    a, b = _sides(x, y)
    f, error = potential.at(a.means)
    g, other = potential.at(b.means)
    low = math.fsum([*(a.shares * (f - error - a.spreads)), *(-b.shares * (g + other + b.spreads))])
    size = math.fsum(a.shares * np.abs(f)) + math.fsum(b.shares * np.abs(g))
    # Shares that are off move f(z) - f(0), which is at most |z|: `lost` pays for that.
    low -= 8.0 * U * (size + abs(potential.at_origin)) + a.lost + b.lost
    # The shares of a side add up to 1 but for roundings, which f(0) is multiplied with.
    low -= 4.0 * U * (len(a.shares) + len(b.shares)) * abs(potential.at_origin)
    return _outward(max(low, _distance_of_means(a, b)), _upper(a, b), x.cells.unit)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CloudPotential:
    """A 1-Lipschitz function whose difference of means a further pass takes.

    f(z) = min_l |z - anchors_l| - heights_l in the coordinates and the unit of the cells.

    Attributes
    ----------
    cells : CloudCells
    anchors : array (k, d)
    heights : array (k,)
    """

    cells: CloudCells
    anchors: FloatArray
    heights: FloatArray

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    @property
    def at_origin(self) -> float:
        """About f(0)."""
        return float(self.at(np.zeros((1, self.cells.d)))[0][0])

    def at(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values (n,) at placed points (n, d), and what each may be off by (n,)."""
        values = np.asarray(point_transform(self.anchors, points, self.heights, Euclidean()))
        k = relative_rounding(self.cells.d, 2.0, 1.0)
        # A distance is at most |f| and a height; it is rounded, and so is the difference.
        tallest = float(np.abs(self.heights).max())
        errors = 4.0 * (k + 2.0) * U * (np.abs(values) + 2.0 * tallest) + 1e-150
        return values, errors


def cloud_potential(x: CloudState, y: CloudState) -> CloudPotential:
    """The function with which a further pass bounds W1 from below, from two states.

    Parameters and errors are those of `cloud_wasserstein1_bounds`.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.streaming import CloudState, PotentialMean, cloud_cells
    >>> from otdiv.streaming import cloud_lower, cloud_potential
    >>> x = np.random.default_rng(0).standard_normal((1000, 2))
    >>> y = x + [3.0, 4.0]
    >>> cells = cloud_cells(np.concatenate([x, y]), 64)
    >>> f = cloud_potential(CloudState(cells).update(x), CloudState(cells).update(y))
    >>> 4.9 < cloud_lower(PotentialMean(f).update(x), PotentialMean(f).update(y)) <= 5.0
    True
    """
    a, b = _sides(x, y)
    potentials = _solved(a.means, b.means, a, b).potentials
    heights = np.zeros(len(b.shares)) if potentials is None else np.array(potentials.g)
    heights -= math.fsum(b.shares * heights)
    return CloudPotential(cells=x.cells, anchors=b.means, heights=heights)


class PotentialMean:
    """The mean of a potential over one sample: a pass, mergeable.

    Parameters
    ----------
    potential : CloudPotential
        The same for both samples and all parts of them.

    Attributes
    ----------
    potential : CloudPotential
    n : int
        Rows that count.
    """

    __slots__ = ("_additions", "_least", "_mass", "_most", "_size", "n", "potential")

    def __init__(self, potential: CloudPotential):
        self.potential = potential
        self.n = 0
        self._mass = self._least = self._most = self._size = 0.0
        self._additions = 0

    def update(self, points: Any, weights: Any = None) -> PotentialMean:
        """Add rows, as `CloudState.update` does; those with a missing coordinate are left out."""
        cells = self.potential.cells
        rows, masses, _ = as_rows(points, weights, cells.d)
        if masses is not None:
            rows, masses = rows[masses > 0.0], masses[masses > 0.0]
        for begin in range(0, len(rows), _SLICE):
            part = slice(begin, begin + _SLICE)
            placed = cells.placed(rows[part])
            w = np.ones(len(placed)) if masses is None else masses[part]
            self._add(placed, w)
        self.n += len(rows)
        return self

    def _add(self, points: FloatArray, weights: FloatArray) -> None:
        values, errors = self.potential.at(points)
        # What is moved by less than 1.1 U of its size changes f by no more.
        sizes = np.sqrt(np.square(points).sum(axis=1))
        errors = errors + 2.0 * U * sizes
        self._mass += math.fsum(weights)
        self._least += math.fsum(weights * (values - errors))
        self._most += math.fsum(weights * (values + errors))
        self._size += math.fsum(weights * np.abs(values))
        self._additions += 1

    def merge(self, other: PotentialMean) -> PotentialMean:
        """Add what another part of the sample has of the same potential."""
        if not isinstance(other, PotentialMean) or other.potential is not self.potential:
            raise InvalidInputError("other", "be a PotentialMean of one potential", repr(other))
        self.n += other.n
        self._mass += other._mass
        self._least += other._least
        self._most += other._most
        self._size += other._size
        self._additions += other._additions + 1
        return self

    def bounds(self) -> Bounds:
        """Proven bounds of the mean, in the unit of the cells."""
        if self.n == 0:
            raise InvalidInputError("mean", "have at least one row", "none")
        slack = 4.0 * U * (self._additions + 8.0) * 1.01 * (self._size / self._mass)
        return Bounds(self._least / self._mass - slack, self._most / self._mass + slack)

    def __repr__(self) -> str:
        return f"PotentialMean(n={self.n})"


def cloud_lower(x: PotentialMean, y: PotentialMean) -> float:
    """Proven lower bound of W1, in the unit of the rows, from the means of one potential.

    Parameters
    ----------
    x, y : PotentialMean
        Of one potential, with rows.

    Returns
    -------
    float

    Raises
    ------
    InvalidInputError
        If the potentials differ or a sample is empty.
    """
    if x.potential is not y.potential:
        raise InvalidInputError("y", "have the potential of the other sample", repr(y))
    low, high = x.bounds().lower, y.bounds().upper
    difference = low - high - 4.0 * U * (abs(low) + abs(high))
    return _outward(difference, math.inf, x.potential.cells.unit).lower
