"""Wasserstein and Cramér distances where at least one side is a law instead of a sample.

On the line, W_1 is the integral of |F - G| over the line, and W_p^p that of |F⁻¹ - G⁻¹|^p over the
levels in (0, 1). Both are split where either law has an atom, and taken from the middle outwards,
with survival functions above it, so that tails keep their digits.

What is proven. Two samples, two laws of one location-scale family where a closed form exists, and
Gaussians: "certified", to rounding. W_1 of any laws of finite variance: F and G are monotone, which
encloses the integral on every cell; beyond the last cell stands the bound

    E(X - R)⁺ <= (sqrt(v + (R - m)²) - (R - m)) / 2        (mean m, variance v; Scarf 1958),

so that a tolerance of 1e-4, say, is met with "certified" bounds, up to the rounding of the cdf. The
enclosure shrinks like one over the number of cells; where more than half a million would be
needed, the bounds are the error estimate of a Gauss–Kronrod rule and the kind is "quadrature".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..._kernels.line import distances as line_kernels
from ..._typing import FloatArray
from ...errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from ...measures import Gaussian
from .enclosures import LEVELS, Kind, LawDistance, allowed_error, certified
from .gaussians import folded_mean, gaussian_wasserstein1, gaussian_wasserstein2
from .line import Atoms, Displacement, Frozen, LineLaw, Normal, as_line_law
from .quadrature import (
    Integral,
    Integrand,
    MonotonePair,
    OutOfTimeError,
    integrate_cells,
    march,
    monotone_enclosure,
)
from .quantiles import by_quantiles, largest_shift

__all__ = ["LawDistance", "cdf_distance", "law_distance"]

_EPS = float(np.finfo(np.float64).eps)
_INNER = np.array([0.02, 0.3])  # levels between which a law has its bulk
# Doublings of a tail: from 1e-300 to 1e300 there are 2000.
_MAX_DOUBLINGS = 2000
_FARTHEST = 1e290


def law_distance(
    p_law: Any, q_law: Any, p: float, rtol: float | None = None, atol: float | None = None
) -> LawDistance:
    """W_p between two laws, at least one of which is not a sample.

    Parameters
    ----------
    p_law, q_law : DiscreteMeasure, Gaussian or frozen 1-D scipy.stats law
        One-dimensional; or two `Gaussian`s of any dimension, for p = 2 or equal covariances.
    p : float
        Order, at least 1; inf where the quantile functions differ by a bounded amount.
    rtol, atol : float, optional
        Tolerances of the value; 1e-10 relative by default.

    Returns
    -------
    LawDistance
        Value, lower and upper bound and kind; all are inf where the distance is.

    Raises
    ------
    InvalidInputError
        For objects that are no laws.
    UnsupportedProblemError
        Where no method covers the two laws.

    Examples
    --------
    >>> from otdiv import Gaussian
    >>> from otdiv.distances.laws.distance import law_distance
    >>> p, q = Gaussian(mean=0.0, covariance=1.0), Gaussian(mean=3.0, covariance=25.0)
    >>> law_distance(p, q, 2.0).value
    5.0
    """
    if isinstance(p_law, Gaussian) and isinstance(q_law, Gaussian):
        found = _gaussians(p_law, q_law, p)
        if found is not None:
            return found
    first, second = as_line_law("x", p_law), as_line_law("y", q_law)
    if (
        isinstance(first, Atoms)
        and isinstance(second, Atoms)
        and not _is_hard_cut(first, second, p)
    ):
        value, slack = line_kernels.wasserstein_line(
            first.breaks, second.breaks, first.weights, second.weights, p
        )
        kind: Kind = "quadrature" if first.is_cut or second.is_cut else "certified"
        if p < math.inf and _infinite_moment(first, second, p):
            return LawDistance(math.inf, math.inf, math.inf, kind)
        slack += sum(law.displaced.of_order(p) for law in (first, second))
        return _checked(certified(value, slack)._replace(kind=kind))
    closed = _closed_form(first, second, p)
    if closed is not None:
        return closed

    def method(p_law: LineLaw, q_law: LineLaw, unit: float) -> LawDistance:
        length = None if atol is None else atol / unit
        if p < math.inf and _infinite_moment(p_law, q_law, p):
            return LawDistance(math.inf, math.inf, math.inf, "certified")
        if p == math.inf:
            return largest_shift(p_law, q_law, rtol, length)
        if p == 1.0:
            return _by_distribution(p_law, q_law, 1.0, rtol, length)
        return by_quantiles(p_law, q_law, p, rtol, length)

    return _in_their_unit(first, second, method, lambda moved: moved.of_order(p))


def cdf_distance(p_law: Any, q_law: Any, rtol: float | None = None) -> LawDistance:
    """Integral of (F - G)² over the line, half the squared energy distance of two 1-D laws."""
    first, second = as_line_law("x", p_law), as_line_law("y", q_law)
    if first.family is not None and first.family == second.family:
        return certified(0.0, 0.0)
    if (first.power <= 0.5) != (second.power <= 0.5):
        # The square of one tail has an infinite integral.
        return LawDistance(math.inf, math.inf, math.inf, "certified")
    return _in_their_unit(
        first,
        second,
        lambda p, q, _: _by_distribution(p, q, 2.0, rtol, None),
        lambda moved: moved.square,
    )


def _in_their_unit(
    first: LineLaw,
    second: LineLaw,
    method: Callable[[LineLaw, LineLaw, float], LawDistance],
    displacement: Callable[[Displacement], float],
) -> LawDistance:
    """Compute where the laws lie at 0 and have a size of about 1: no square leaves float64 there.

    The unit is a power of two and the origin the location of a law, so that nothing is rounded but
    the difference of two locations, or that of a sample and a location.
    """
    try:
        origin = _origin(first, second)
        unit = _unit(first, second)
        slack = 0.0
        if origin != 0.0:
            slack = _EPS * max(_farthest(law, origin) for law in (first, second))
        moved = first.moved(origin, unit), second.moved(origin, unit)
        value, lower, upper, kind = method(*moved, unit)
    except OutOfTimeError:
        raise ConvergenceError(
            "the distribution functions of these laws take so long that no bounds were found "
            "in the time that they are given; draw samples from them"
        ) from None
    if value == math.inf:
        return LawDistance(value, lower, upper, kind)
    with np.errstate(over="ignore"):
        value, lower, upper = value * unit, lower * unit, upper * unit
    slack += sum(
        displacement(law.displaced) for law in (first, second) if not isinstance(law, Normal)
    )
    lower, upper = max(0.0, lower - slack), upper + slack
    return _checked(LawDistance(value, lower, upper, kind))


def _checked(found: LawDistance) -> LawDistance:
    """The distance, unless nothing is known of its size."""
    if math.isnan(found.value) or (math.isinf(found.upper) and not math.isinf(found.value)):
        raise ConvergenceError(
            "the tails of these laws are too long, or their functions too slow, for an upper "
            f"bound: the distance is at least {found.lower:.6g} so far; draw samples from them",
            found,
        )
    return found


def _origin(first: LineLaw, second: LineLaw) -> float:
    """Location of the law that is narrower for its place, if that is worth a subtraction."""
    places = [(law.scale, law.loc) for law in (first, second) if not isinstance(law, Atoms)]
    if not places:
        return 0.0
    scale, location = min(places)
    return location if abs(location) > scale else 0.0


def _unit(first: LineLaw, second: LineLaw) -> float:
    """Power of two above the spread of the two laws: of their inner levels, and deviations."""
    laws = (first, second)
    inner = np.concatenate([[law.ppf(_INNER), law.isf(_INNER)] for law in laws])
    spreads = [float(inner.max()) * 0.5 - float(inner.min()) * 0.5]
    spreads += [math.sqrt(law.variance) for law in (first, second) if 0.0 < law.variance < math.inf]
    size = max(spreads)
    if not 0.0 < size < math.inf:
        return 1.0
    return math.ldexp(1.0, min(max(math.frexp(size)[1], -1000), 1000))


def _farthest(law: LineLaw, origin: float) -> float:
    """Distance of the law's own place from the origin."""
    if isinstance(law, Atoms):
        return max(abs(float(law.breaks[0]) - origin), abs(float(law.breaks[-1]) - origin))
    return abs(law.loc - origin)


def _is_hard_cut(first: Atoms, second: Atoms, p: float) -> bool:
    """Whether what was cut off an infinite discrete law matters: only to W_inf."""
    return p == math.inf and (first.is_cut or second.is_cut)


def _gaussians(p_law: Gaussian, q_law: Gaussian, p: float) -> LawDistance | None:
    if p_law.d != q_law.d:
        raise InvalidInputError("y", f"have dimension {p_law.d} like `x`", q_law.d)
    # A shift is optimal for every order.
    if p == 2.0 or np.array_equal(p_law.covariance, q_law.covariance):
        return LawDistance(*gaussian_wasserstein2(p_law, q_law), "certified")
    if p_law.d == 1:
        # Closed forms of other orders are those of any family of laws on the line.
        return LawDistance(*gaussian_wasserstein1(p_law, q_law), "certified") if p == 1.0 else None
    raise UnsupportedProblemError(
        f"W_{p:g} of Gaussians has no closed form for d > 1; use p=2, or draw samples"
    )


def _closed_form(first: LineLaw, second: LineLaw, p: float) -> LawDistance | None:
    """Distance of loc + scale Z and its like: the quantiles differ by shift + stretch Z."""
    f, g = first.family, second.family
    if f is None or g is None or f.key != g.key:
        return None
    shift, stretch = f.loc - g.loc, f.scale - g.scale
    if stretch == 0.0:
        return certified(abs(shift), _EPS * abs(shift))
    # Standard deviations of `Gaussian`s are roots, rounded once.
    slack = _EPS * (f.scale + g.scale)
    if p == math.inf:
        ends = abs(shift + stretch * f.lower), abs(shift + stretch * f.upper)
        value = max(ends)
        return (
            certified(value, 4.0 * _EPS * value + slack)
            if value < math.inf
            else (LawDistance(math.inf, math.inf, math.inf, "certified"))
        )
    if p == 1.0 and f.key == ("normal",):
        value = folded_mean(shift, abs(stretch))
        return certified(value, 16.0 * _EPS * value + slack)
    if p == 1.0 and math.isfinite(f.mean):
        ends = shift + stretch * f.lower, shift + stretch * f.upper
        if min(ends) >= 0.0 or max(ends) <= 0.0:
            value = abs(shift + stretch * f.mean)
            size = abs(shift) + abs(stretch * f.mean)
            return certified(value, 8.0 * _EPS * size + slack * abs(f.mean))
    if p == 2.0 and math.isfinite(f.mean) and math.isfinite(f.variance):
        root = math.sqrt(f.variance)
        value = math.hypot(shift + stretch * f.mean, stretch * root)
        size = abs(shift) + abs(stretch) * (abs(f.mean) + root)
        return certified(value, 8.0 * _EPS * size + slack * (abs(f.mean) + root))
    return None


def _infinite_moment(first: LineLaw, second: LineLaw, p: float) -> bool:
    """Whether one law alone lacks its moment of order p: then W_p is infinite."""
    moments = [(first.mean, second.mean)]
    if p >= 2.0:
        moments.append((first.variance, second.variance))
    return (first.power <= p) != (second.power <= p) or any(
        math.isinf(a) != math.isinf(b) and not math.isnan(a + b) for a, b in moments
    )


def _by_distribution(
    first: LineLaw, second: LineLaw, power: float, rtol: float | None, atol: float | None
) -> LawDistance:
    """Integral of |F - G|^power over the line."""
    allowed, relative = allowed_error(rtol, atol)
    half = np.array(0.5)
    middle = 0.5 * float(first.ppf(half)) + 0.5 * float(second.ppf(half))
    low, high = min(first.lower, second.lower), max(first.upper, second.upper)
    middle = min(max(middle, low), high)

    def upper_gap(t: FloatArray) -> FloatArray:
        difference = first.sf(t) - second.sf(t)
        return np.asarray(np.copysign(np.abs(difference) ** power, difference))

    def lower_gap(t: FloatArray) -> FloatArray:
        difference = first.cdf(t) - second.cdf(t)
        return np.asarray(np.copysign(np.abs(difference) ** power, difference))

    _allow(0.5, first, second)
    above = _edges(first, second, middle, high, first.isf(LEVELS), second.isf(LEVELS))
    below = _edges(first, second, middle, low, first.ppf(LEVELS), second.ppf(LEVELS))
    parts = []
    for edges, gap in ((above, upper_gap), (below, lower_gap)):
        if edges.size > 1:
            parts.append(integrate_cells(gap, edges[:-1], edges[1:], allowed))
    bulk = sum(part.value for part in parts)
    _allow(0.85, first, second)
    # A law without finite mean may diverge; two finite means bound the integral.
    may_diverge = not (math.isfinite(first.mean) and math.isfinite(second.mean))
    for edges, gap, end, tail in (
        (above, upper_gap, high, lambda t: first.sf(t) + second.sf(t)),
        (below, lower_gap, low, lambda t: first.cdf(t) + second.cdf(t)),
    ):
        if math.isfinite(end):
            continue
        outermost = float(edges[-1] if end > 0.0 else edges[0])
        try:
            part = _tail(gap, outermost, middle, end, bulk, allowed, tail, power, may_diverge)
        except OutOfTimeError:
            part = _unseen(first, second)
        parts.append(part)
    value = math.fsum(part.value for part in parts)
    error = sum(part.error for part in parts)
    if value == math.inf:
        return LawDistance(math.inf, math.inf, math.inf, "quadrature")
    if power == 1.0 and relative > 1e-7:
        _allow(1.0, first, second)
        proof = _proof(first, second, below, above, 8.0 * allowed(value))
        if proof is not None:
            lower, upper = proof
            return LawDistance(min(max(value, lower), upper), lower, upper, "certified")
    return LawDistance(value, max(0.0, value - error), value + error, "quadrature")


def _allow(share: float, *laws: LineLaw) -> None:
    for law in laws:
        if isinstance(law, Frozen):
            law.standard.allow(share)


def _unseen(first: LineLaw, second: LineLaw) -> Integral:
    """A tail that there was no time for, beyond the outermost level v of both laws.

    By Cauchy and Schwarz E(X - R)⁺ <= sqrt(P(X > R) E(X - m)²) for R above the mean m.
    """
    bound = sum(math.sqrt(float(LEVELS[0]) * law.variance) for law in (first, second))
    return Integral(0.5 * bound, 0.5 * bound) if bound < math.inf else Integral(0.0, math.inf)


def _edges(
    first: LineLaw, second: LineLaw, middle: float, end: float, *quantiles: FloatArray
) -> FloatArray:
    """Cell edges between `middle` and `end`: atoms, quantiles, finite ends of both supports."""
    ends = [first.lower, first.upper, second.lower, second.upper, middle, end]
    cuts = np.concatenate([np.array(ends), first.breaks, second.breaks, *quantiles])
    cuts = cuts[np.isfinite(cuts)]
    reach = max(abs(float(part[0]) - middle) for part in quantiles)
    cuts = np.unique(cuts[cuts >= middle if end > middle else cuts <= middle])
    room = float(np.ptp(cuts)) / reach if reach > 0.0 else 0.0
    if room > 4.0:
        # A finite end can be as far as an infinite one: cells double in width up to it, too.
        doublings = np.ldexp(reach, np.arange(1, math.ceil(math.log2(room))))
        cuts = np.union1d(cuts, middle + math.copysign(1.0, end - middle) * doublings)
    return cuts


def _tail(
    gap: Integrand,
    outermost: float,
    middle: float,
    end: float,
    bulk: float,
    allowed: Callable[[float], float],
    tail: Callable[[Any], Any],
    power: float,
    may_diverge: bool,
) -> Integral:
    """Integral beyond the outermost edge, over cells that double in width."""
    step = abs(outermost - middle) or max(abs(middle), 1.0)
    sign = math.copysign(1.0, end)

    def edge(k: int) -> float:
        try:
            position = outermost + sign * math.ldexp(step, k) - sign * step
        except OverflowError:
            return sign * math.inf
        # Farther out, the masses of the slowest tails lose their digits.
        return position if abs(position) < _FARTHEST else sign * math.inf

    def noise(start: float) -> float:
        mass = float(tail(np.array(start))) if math.isfinite(start) else 0.0
        # Differences of two tails err by a rounding of the tails: over a cell as wide as it is far.
        return 16.0 * _EPS * (abs(start - middle) + step) * float(mass**power)

    return march(
        gap,
        edge,
        _MAX_DOUBLINGS,
        lambda value: allowed(bulk + value),
        noise,
        may_diverge=may_diverge,
    )


def _proof(
    first: LineLaw, second: LineLaw, below: FloatArray, above: FloatArray, allowed: float
) -> tuple[float, float] | None:
    """Rigorous bounds of W_1, or None where a law lacks a variance or the cells do not suffice."""
    laws = (first, second)
    if not all(math.isfinite(law.mean) and math.isfinite(law.variance) for law in laws):
        return None
    # Moments bound what lies beyond the last cell, and a numerical integral of one is no proof.
    endless = [law for law in laws if math.isinf(law.lower) or math.isinf(law.upper)]
    if any(isinstance(law, Frozen) and not law.standard.states_moments for law in endless):
        return None
    beyond = 0.0
    ranges = []
    for edges, sign in ((below, -1.0), (above, 1.0)):
        far = float(edges[0] if sign < 0.0 else edges[-1])
        open_ends = [law for law in laws if math.isinf(law.upper if sign > 0.0 else law.lower)]
        for law in open_ends:
            # E(X - R)⁺ <= v / (4 (R - m)), the bound above made simpler.
            reach = law.mean + sign * (16.0 * law.variance / allowed + math.sqrt(law.variance))
            far = max(far, reach) if sign > 0.0 else min(far, reach)
        for law in open_ends:
            beyond += law.variance / (4.0 * abs(far - law.mean))
        ranges.append(np.unique(np.append(edges, far)))
    room = allowed - beyond
    lower = upper = 0.0
    for edges, function in zip(ranges, ("cdf", "sf"), strict=True):
        if edges.size < 2:
            continue
        pairs = _pair(first, function), _pair(second, function)
        low, high = monotone_enclosure(*pairs, edges, 0.4 * room)
        lower, upper = lower + low, upper + high
    upper += beyond
    return (lower, upper) if upper - lower <= allowed else None


def _pair(law: LineLaw, function: str) -> MonotonePair:
    """The cdf, or minus the survival function, and its left limit: both are non-decreasing."""
    value = getattr(law, function)
    left = getattr(law, function + "_left", value)
    if function == "sf":
        return lambda t: -value(t), lambda t: -left(t)
    return value, left
