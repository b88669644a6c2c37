"""The least cost of every mass that can be moved: a convex curve, in a proven band."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._calling import explains_calls
from .._frozen import freeze, restore
from .._memory import room_for
from .._monitor import Deadline
from .._typing import FloatArray
from .._validation import (
    as_number,
    check_callback,
    check_positive_integer,
    check_seconds,
    check_tolerance,
)
from ..certificates.rounding import U
from ..costs import CostMatrix, PNormCost, as_cost_of_points
from ..errors import ConvergenceError, InvalidInputError
from ..measures import as_measures
from ..partial_problem import PartialProblem
from ..results import Bounds, Callback, Progress, SolveOptions, Status, is_stop
from ..solvers.column_generation import memory_estimate
from .result import PartialResult
from .transport import solve_partial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PartialProfile", "partial_transport_profile"]

# Share of the tolerance that one solve may leave open; the rest is for what lies between two.
_SOLVE_SHARE = 0.3
# Roundings of a line or a chord at a mass, with room.
_ROUNDING = 16.0 * U


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PartialProfile:
    """The least cost v(s) of moving a mass s, for all s: convex, from v(0) = 0, in a proven band.

    Attributes
    ----------
    masses : array (k,)
        Rising, from 0 to all that can be moved, in the unit of the measures; of samples, shares.
    lower, upper : array (k,)
        v at these masses is proven to lie between. Between two of them v is at most the line
        between the upper ends.
    line_prices, line_values : arrays (l,)
        Lines below the curve, which rise by a price a unit of mass, and what they are at mass 0:
        v(s) >= line_values + line_prices s, for each.
    status : Status
        OPTIMAL where the band is as narrow as was asked everywhere; STOPPED where a callback or the
        clock ended it before.
    n_solves : int
        Partial transports that were solved.
    """

    masses: FloatArray
    lower: FloatArray
    upper: FloatArray
    line_prices: FloatArray
    line_values: FloatArray
    status: Status
    n_solves: int

    __setstate__ = restore

    def __post_init__(self) -> None:
        names = ("masses", "lower", "upper", "line_prices", "line_values")
        freeze(self, **{name: getattr(self, name) for name in names})

    def at(self, mass: float) -> Bounds:
        """Proven bounds of the least cost of moving this mass.

        Raises
        ------
        InvalidInputError
            If it is negative or more than can be moved.
        """
        s, most = as_number("mass", mass), float(self.masses[-1])
        if not 0.0 <= s <= most * (1.0 + 2.0**-49):
            raise InvalidInputError("mass", f"be in [0, {most:.9g}]", mass)
        s = min(s, most)
        lower, upper = self.band(np.array([s]))
        return Bounds(float(lower[0]), float(upper[0]))

    def band(self, masses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper ends (k,) at masses (k,), as `at` has them for one."""
        upper = np.interp(masses, self.masses, self.upper)
        upper = upper * (1.0 + _ROUNDING)
        lines = self.line_values[:, None] + self.line_prices[:, None] * masses
        sizes = np.abs(self.line_values)[:, None] + np.abs(self.line_prices[:, None] * masses)
        lower = np.maximum((lines - _ROUNDING * sizes).max(axis=0, initial=0.0), 0.0)
        return np.minimum(lower, upper), upper

    @property
    def gap(self) -> float:
        """The widest place of the band, in the unit of the cost times mass."""
        return max(part.gap for part in self._parts())

    def _parts(self) -> list[_Part]:
        ends = zip(self.masses.tolist(), self.upper.tolist(), strict=True)
        points = [_Point(s, value) for s, value in ends]
        lines = [
            _Line(price, value)
            for price, value in zip(
                self.line_prices.tolist(), self.line_values.tolist(), strict=True
            )
        ]
        return _parts(points, lines)

    @property
    def kink(self) -> float:
        """The mass at which the curve bends most: where what is left is far from everything.

        With both axes in units of their ends, the point of the curve that is farthest below the
        straight line between them, by the middle of the band. Where a share of the points are
        outliers, it is what the others weigh; a curve without a bend has its kink somewhere.
        """
        masses = np.linspace(0.0, float(self.masses[-1]), 1025)
        masses = np.union1d(masses, self.masses)
        lower, upper = self.band(masses)
        middle = 0.5 * (lower + upper)
        end = float(middle[-1])
        if end == 0.0:
            return float(self.masses[-1])
        below = masses / self.masses[-1] - middle / end
        return float(masses[int(np.argmax(below))])

    @property
    def prices(self) -> FloatArray:
        """Slopes (k - 1,) of the upper ends between the masses: what one more unit costs there."""
        return np.diff(self.upper) / np.diff(self.masses)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw band, kink and prices; see `otdiv.plotting.plot_profile`."""
        from ..plotting.partial import plot_profile

        return plot_profile(self, ax=ax)

    def __repr__(self) -> str:
        return (
            f"PartialProfile(masses=[0, …, {self.masses[-1]:.9g}] ({self.masses.size}), "
            f"end={self.upper[-1]:.9g}, gap={self.gap:.3g}, kink={self.kink:.4g}, "
            f"status={self.status.name})"
        )


class _Point(NamedTuple):
    """A plan: its mass, and an upper bound of its cost."""

    mass: float
    cost: float


class _Line(NamedTuple):
    """A line below the curve: its slope, and its value at mass 0."""

    price: float
    value: float

    def at(self, mass: float) -> float:
        return self.value + self.price * mass


class _Part(NamedTuple):
    """The curve between two neighbouring plans, and how wide the band is where it is widest."""

    left: _Point
    right: _Point
    gap: float

    @property
    def slope(self) -> float:
        return (self.right.cost - self.left.cost) / (self.right.mass - self.left.mass)


def _parts(points: list[_Point], lines: list[_Line]) -> list[_Part]:
    """Neighbouring plans with the gap between their chord and the lines."""
    prices = np.array([line.price for line in lines])
    values = np.array([line.value for line in lines])
    # Lines cross where the band may be widest: the upper envelope of the lines bends there.
    order = np.argsort(prices, kind="stable")
    rising, low = prices[order], values[order]
    steps = np.diff(rising)
    crossed = np.divide(-np.diff(low), steps, where=steps > 0.0, out=np.zeros(steps.size))
    found = []
    for left, right in pairwise(points):
        inside = crossed[(crossed > left.mass) & (crossed < right.mass)]
        at = np.concatenate([[left.mass, right.mass], inside])
        share = (at - left.mass) / (right.mass - left.mass)
        chord = left.cost + share * (right.cost - left.cost)
        below = np.maximum((values[:, None] + prices[:, None] * at).max(axis=0, initial=0.0), 0.0)
        found.append(_Part(left, right, float(np.max(chord - below))))
    return found


@explains_calls()
def partial_transport_profile(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    cost: Any = "euclidean",
    rtol: float = 0.01,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    throw: bool = True,
) -> PartialProfile:
    """The least cost of moving each mass, from nothing to all of it, in a proven band.

    v(s) is the value of `partial_transport` with the mass s. It is convex and piecewise linear; its
    slope is the price of the last unit, which jumps where only outliers are left. Each solve with a
    price of what stays gives a plan, which the curve passes at or below, and a line below all of
    it; the next price is that of the chord above the widest place.

    Parameters
    ----------
    x, y, x_weights, y_weights, cost
        As in `partial_transport`; masses are shares for samples, absolute for measures. Costs must
        not be negative.
    rtol : float, default 0.01
        Widest place of the band, as a share of v at its end, where all that can be is moved.
    max_seconds, max_memory, callback, throw
        As in `solve`. The callback sees the widest place below and above in `lower` and `upper`.

    Returns
    -------
    PartialProfile
        With `masses`, `lower`, `upper`, `at(mass)`, `kink` and `plot()`.

    Raises
    ------
    InvalidInputError
        As `partial_transport`; if a cost is negative.
    ConvergenceError
        If the band is wider than asked and `throw` is True; it carries the profile.

    References
    ----------
    Figalli (2010), The optimal partial transport problem, doi:10.1007/s00205-008-0212-7: the cost
    is convex in the mass. Aneja & Nair (1979), Bicriteria transportation problem,
    doi:10.1287/mnsc.25.1.73: chords and their slopes.

    Examples
    --------
    One point in ten is far away, and so only the last tenth of the mass is dear:

    >>> import numpy as np
    >>> from otdiv import partial_transport_profile
    >>> x = np.append(np.arange(9.0), 500.0)
    >>> profile = partial_transport_profile(x, np.arange(10.0) + 0.5)
    >>> round(profile.kink, 6)
    0.9
    >>> round(profile.at(0.9).upper, 6), round(profile.at(1.0).upper, 6)
    (0.45, 49.5)
    """
    check_callback(callback)
    cost = as_cost_of_points(cost)
    asked = check_tolerance("rtol", rtol)
    if asked is None:
        raise InvalidInputError("rtol", "be a number", rtol)
    max_seconds = check_seconds(max_seconds)
    deadline = None if max_seconds is None else time.perf_counter() + max_seconds
    source, target, origin = as_measures(x, y, x_weights, y_weights)
    most = min(source.mass, target.mass)
    whole = PartialProblem(source, target=target, cost=cost, mass=most)
    whole.pairs.counted_from(origin)
    options = SolveOptions(
        max_memory=None if max_memory is None else check_positive_integer("max_memory", max_memory),
        callback=callback if deadline is None else Deadline(callback, deadline),
        deadline=deadline,
    )
    n, m = whole.shape
    with room_for(
        memory_estimate(n, m), "the profile", "fewer points would fit", options.max_memory
    ):
        profile = _Curve(whole, asked, options).profile()
    if throw and profile.status is not Status.OPTIMAL:
        raise ConvergenceError(
            f"partial_transport_profile ended with {profile.status.name}: {profile.status.value}; "
            f"the band is {profile.gap:.3g} wide, asked rtol={asked:g}",
            profile,
        )
    return profile


class _Curve:
    """The curve as far as it is known: plans above it, lines below."""

    def __init__(self, whole: PartialProblem, rtol: float, options: SolveOptions) -> None:
        self.whole, self.rtol, self.callback = whole, rtol, options.callback
        self.options = SolveOptions(
            max_memory=options.max_memory, callback=self._heard, deadline=options.deadline
        )
        self.begin = time.perf_counter()
        self.n_solves = 0
        self.widest = Bounds(0.0, math.inf)
        self.points: list[_Point] = []
        self.lines = [_Line(0.0, 0.0)]  # no cost is negative
        self._check_costs()

    def _check_costs(self) -> None:
        pairs = self.whole.pairs
        if isinstance(pairs.cost, PNormCost):
            return
        cost = pairs.ground()[0].cost
        if isinstance(cost, CostMatrix) and float(cost.values.min()) < 0.0:
            i, j = (int(k) for k in np.argwhere(cost.values < 0.0)[0])
            found, where = float(cost.values[i, j]), f"for the pair ({i}, {j})"
            raise InvalidInputError("cost", "be non-negative for a profile", found, where)

    def profile(self) -> PartialProfile:
        """Solve at the widest place until the band is narrow."""
        whole = self.whole
        assert whole.mass is not None
        share = _SOLVE_SHARE * self.rtol
        end = self._solved(whole, rtol=share if share > 0.0 else None)
        self.points = [_Point(0.0, 0.0), _Point(whole.mass, end.bounds.upper)]
        self._add_line(end.price, end.bounds.lower - end.price * whole.mass, end.bounds.lower)
        allowed = self.rtol * end.bounds.upper
        status = Status.STOPPED if end.status is Status.STOPPED else self._narrow(allowed)
        masses = np.array([point.mass for point in self.points])
        found = PartialProfile(
            masses=masses,
            lower=np.zeros(masses.size),
            upper=np.array([point.cost for point in self.points]),
            line_prices=np.array([line.price for line in self.lines]),
            line_values=np.array([line.value for line in self.lines]),
            status=status,
            n_solves=self.n_solves,
        )
        return replace(found, lower=found.band(masses)[0])

    def _narrow(self, allowed: float) -> Status:
        while True:
            widest = max(_parts(self.points, self.lines), key=lambda part: part.gap)
            middle = 0.5 * (widest.left.cost + widest.right.cost)
            self.widest = Bounds(middle - widest.gap, middle)
            if widest.gap <= allowed:
                return Status.OPTIMAL
            known = self.points, len(self.lines)
            stopped = self._solve_at(widest.slope, _SOLVE_SHARE * allowed)
            if stopped or self._heard(None):
                return Status.STOPPED
            if (self.points, len(self.lines)) == known:
                return Status.STALLED

    def _solve_at(self, price: float, gap: float) -> bool:
        """Add the plan and the line of a price; whether the solve was stopped."""
        whole = self.whole
        problem = PartialProblem(
            whole.source, target=whole.target, cost=whole.cost, reach=0.5 * price
        )
        found = self._solved(problem, atol=gap if gap > 0.0 else None)
        if found.plan is None:
            return True
        lower, upper = found.bounds.lower, found.bounds.upper
        stays = 0.5 * price * (whole.source.mass + whole.target.mass)
        self._add_line(price, lower - stays, lower + stays)
        moved = math.fsum(found.plan.mass) * (1.0 - _ROUNDING)
        self._add_point(_Point(moved, found.transport_cost + max(upper - found.value, 0.0)))
        return found.status is Status.STOPPED

    def _solved(
        self, problem: PartialProblem, *, rtol: float | None = None, atol: float | None = None
    ) -> PartialResult:
        self.n_solves += 1
        seconds = None
        if self.options.deadline is not None:
            seconds = max(self.options.deadline - time.perf_counter(), 1e-3)
        return solve_partial(
            problem, callback=self._heard, max_seconds=seconds, throw=False, rtol=rtol, atol=atol
        )

    def _add_line(self, price: float, value: float, size: float) -> None:
        """Add a line, lowered by the rounding of its value at mass 0."""
        value -= _ROUNDING * (abs(size) + abs(price) * (self.whole.mass or 0.0))
        line = _Line(price, value)
        if math.isfinite(price) and math.isfinite(value) and line not in self.lines:
            self.lines.append(line)

    def _add_point(self, point: _Point) -> None:
        """Add a plan, and keep the lower hull: convex combinations of plans are plans."""
        points = sorted([*self.points, point])
        hull: list[_Point] = []
        for one in points:
            while len(hull) >= 2 and _is_above(hull[-1], hull[-2], one):
                hull.pop()
            if hull and hull[-1].mass == one.mass:
                continue
            hull.append(one)
        self.points = hull

    def _heard(self, progress: Progress | None) -> bool:
        if self.callback is None:
            return False
        told = Progress(
            iteration=self.n_solves,
            lower=self.widest.lower,
            upper=self.widest.upper,
            elapsed=time.perf_counter() - self.begin,
        )
        return is_stop(self.callback(told))


def _is_above(middle: _Point, left: _Point, right: _Point) -> bool:
    """Whether a plan is on or above the chord of two others."""
    over = (middle.cost - left.cost) * (right.mass - left.mass)
    return over >= (right.cost - left.cost) * (middle.mass - left.mass)
