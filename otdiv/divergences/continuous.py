"""Divergences of two laws on the line, from their log-densities.

A law is read in its own standard coordinate (`standard_laws`). The line is cut into rays from every
place where a density may be steep, and on a ray a law is described where it cannot be asked itself
(`rays`), mostly as a power of the distance (`power_laws`). Here each ray is cut into pieces, at
quantiles of both laws and at distances that double, double again and so on towards its ends, so
that narrow modes, distant modes and singular ends get pieces of their own size, and these are
integrated (`adaptive`).

Two things guard the sum. The masses of both laws are integrated over the same pieces: where one of
them is not 1, a part of the line was not seen. And where a law can be followed no further, the last
shells in front of that place tell what lies beyond it: a geometric rest, infinity, or an error.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray, IndexArray
from ..errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from .adaptive import integrate
from .rays import COSTLY, HARMLESS, MINOR, UNDERFLOWS, Branch, Ray, cut_rays, log_densities
from .recipes import Recipe
from .standard_laws import Clock, StandardLaw, guarded, scalar_support

__all__ = [
    "Peak",
    "largest_exponent",
    "mass_off_support",
    "off_support_intervals",
    "ratio_of_densities",
]

_SECONDS = 8.0  # processor time for one quadrature; Rényi's divergence may need two
_SETTLED = 1e-9  # error of the whole, relative, above which there is no answer
_MASS = 1e-8  # departure of a total mass from 1 above which the densities were not seen
# Log-densities of some fifty nats err by 1e-14, and terms that start quadratically by its square:
# two laws nearer than this cannot be told apart.
_ROUNDING = 1e-26
_SUBNORMAL = 1e-300  # value below which nothing but underflow is left
_FAR = 5.0  # nats of distance over which a tail must refuse to shrink to be called divergent
_CROSSINGS = 50  # of two densities; where there are more, they differ by rounding
_SHELLS = 45  # doublings of log-distance beyond the floats; the last one starts at 1e13 nats
_HIDDEN = 1e-15  # mass, relative to the value, that may sit where the terms are not known
_STEADY = 1e-9  # slowing down of the growth from shell to shell that is none
_JITTER = 1e-12  # change of a decay from shell to shell that rounding makes
_OVERWHELMING = 1e100  # value in one shell that, still growing, is no part of a finite one
# Edges of three shells of equal logarithmic length, inwards from a place where knowledge ends, and
# of a thin one in front of it.
_FRINGE = np.exp(np.array([0.0, 1.0 / 64.0, 0.25, 0.5, 0.75]))
_EDGE = 1.0 / 64.0  # logarithmic distance to that place at which a peak is no peak
_SIGHTINGS = 5  # places in a piece where a peak is looked for
_CLOSER = 6  # looks at it, each closer by 32 times
_AROUND = 1e-6 * 4.0 ** np.arange(14)  # logarithmic distances from it at which pieces end
_OVERFLOWS = 1e300  # size of a logarithm that is about to overflow
_OUTERMOST = 1e-11  # share of the value that may sit in the last shell, and be lost beyond it


class _Pieces(NamedTuple):
    """Pieces of all rays in one table, with their ends as s / `unit`, or as t = log s."""

    left: FloatArray
    right: FloatArray
    ray: IndexArray
    logarithmic: NDArray[np.bool_]
    way: IndexArray  # 1 in the outer half of the ray, -1 in the inner one
    fringe: IndexArray  # 0 for most; 1, 2, 3 and 4 for the shells in front of a place, outwards
    hidden: NDArray[np.bool_]  # beyond that place, where one of the laws is not known
    last: NDArray[np.bool_]  # the outermost shells of a power law
    unit: FloatArray  # the right end where the piece is not logarithmic: no scale may overflow

    def places(self, x: FloatArray, piece: IndexArray) -> tuple[FloatArray, FloatArray]:
        """Return s and t of numbers `x` between the ends of their pieces."""
        logarithmic = self.logarithmic[piece]
        with np.errstate(all="ignore"):
            s = np.where(logarithmic, np.exp(x), x * self.unit[piece])
            return s, np.where(logarithmic, x, np.log(s))


class Peak(NamedTuple):
    """The largest logarithm of a power of two densities, and where it is found."""

    exponent: float
    ray: int
    t: float


def ratio_of_densities(recipe: Recipe, p: Any, q: Any, peak: Peak | None = None) -> float:
    """Return integral of T(p, q) / integral of (p + q), for two laws with densities.

    It is infinite where q vanishes and p does not, where the tails do not shrink, and beyond the
    largest float. `peak` is a place to look closely at, where the terms are not seen from afar.

    Raises
    ------
    ConvergenceError
        If the quadrature does not settle in time, does not see all mass of both laws, or leaves a
        share beyond the floats that it cannot bound.
    UnsupportedProblemError
        If a law does not answer, its log-density is NaN, or underflows where the other has mass.
    """
    manners = _manners(recipe)
    rays = _rays(recipe, p, q, manners)
    if peak is not None:
        rays[peak.ray].cuts = peak.t + np.concatenate([-_AROUND, [0.0], _AROUND])
    pieces = _cut(rays)
    if peak is None and not manners.quadratic:
        for index, ray in enumerate(rays):
            ray.cuts = _crossings(ray, pieces, index)
        pieces = _cut(rays)

    def integrand(x: FloatArray, piece: IndexArray) -> FloatArray:
        return _integrand(recipe, rays, pieces, x, piece)

    (terms, *masses), errors = integrate(integrand, pieces.left, pieces.right)
    total = float(terms.sum())
    if not math.isfinite(total):
        # The caller of f_divergence is told about a NaN of f by another name.
        if np.isfinite(masses).all() and (not math.isnan(total) or recipe.name == "f_divergence"):
            return total
        raise ConvergenceError(
            f"{recipe.name} is {total} here because a log-density is not accurate enough"
        )
    _check_masses(rays, [float(mass.sum()) for mass in masses])
    if abs(total) <= 1e6 * _ROUNDING:
        # Rounding is all that the tails show then, and underflow all below the normal floats.
        return 0.5 * total if total > _SUBNORMAL else 0.0
    beyond = _beyond(recipe.name, manners, rays, pieces, terms, masses[0] + masses[1])
    if math.isinf(beyond):
        return beyond
    allowed = _SETTLED * abs(total) + manners.noise(float(np.abs(terms).sum()))
    if not (errors[0] <= allowed or _is_lost_in_the_end(recipe, total, errors[0])):
        raise ConvergenceError(
            f"the quadrature of {recipe.name} did not settle: {total!r} with an error of "
            f"{errors[0]:.1e}"
        )
    return 0.5 * (total + beyond)  # both densities integrate to 1


def _rays(recipe: Recipe, p: Any, q: Any, manners: _Manners) -> list[Ray]:
    clock = Clock(_SECONDS)
    laws = StandardLaw("p", p, clock), StandardLaw("q", q, clock)
    for law in laws:
        if not law.low < law.high:
            raise InvalidInputError(law.name, "be spread over an interval", "a degenerate law")
    return cut_rays(*laws, manners.underflows, recipe.log_terms)


class _Manners(NamedTuple):
    """What a recipe does to tiny densities and to nearly equal ones."""

    underflows: tuple[int, int]  # what it does to T when a tiny density of p, or q, is taken for 0
    zero_is_costly: bool  # whether T(0, 1) or T(1, 0) is infinite
    quadratic: bool  # whether T(p, q) grows with (p - q)^2; otherwise it may have a kink at p = q

    def noise(self, size: float) -> float:
        """Error of a sum of terms of total `size` that rounding of the log-densities can make."""
        if self.quadratic:
            return 1e-14 * math.sqrt(size) + _ROUNDING
        return 1e-15 * max(1.0, size)


def _manners(recipe: Recipe) -> _Manners:
    # Nothing against something, tiny densities beside one that is far smaller still, and a step.
    log_p = np.array([-math.inf, 0.0, -1e3, -1e6, 0.0])
    log_q = np.array([0.0, -math.inf, -1e6, -1e3, -1e-8])
    with np.errstate(all="ignore"):
        *costs, tiny_p, tiny_q, step = np.abs(recipe.log_terms(log_p, log_q)).tolist()
    bearable = [cost < math.inf for cost in costs]  # False for NaN
    kinds = [
        COSTLY if not bears else HARMLESS if tiny < 1.0 else MINOR
        for bears, tiny in zip(bearable, (tiny_p, tiny_q), strict=True)
    ]
    return _Manners((kinds[0], kinds[1]), not all(bearable), step < 1e-12)


def _is_lost_in_the_end(recipe: Recipe, total: float, error: float) -> bool:
    """Whether an error of the sum is small in the divergence: in its logarithm it may be."""
    low, value, high = recipe.finish(0.5 * np.array([total - error, total, total + error]))
    return bool(high - low <= _SETTLED * abs(value))


def _crossings(ray: Ray, pieces: _Pieces, index: int) -> FloatArray:
    """Return the t at which the two densities cross, seen between neighbouring nodes.

    A kink there, between the end of a piece and its first node, is one that no quadrature notices.
    """
    if not all(branch.present for branch in ray.branches):
        return np.empty(0)
    mine = np.flatnonzero((pieces.ray == index) & ~pieces.hidden & ~pieces.last)
    x = np.linspace(pieces.left[mine], pieces.right[mine], 22)

    def difference(t: FloatArray) -> FloatArray:
        s = np.exp(t)
        p, q = (branch(s, t) for branch in ray.branches)
        return p - q

    with np.errstate(all="ignore"):
        t = np.unique(pieces.places(x, mine)[1])
        signs = np.sign(difference(t))
        t, signs = t[signs != 0.0], signs[signs != 0.0]
        change = np.flatnonzero(signs[:-1] * signs[1:] < 0.0)
        if change.size == 0 or change.size > _CROSSINGS:
            return np.empty(0)
        low, high = t[change], t[change + 1]
        for _ in range(9):  # 64^9 halves a piece 54 times
            grid = low + np.linspace(0.0, 1.0, 65)[:, None] * (high - low)
            signs = np.sign(difference(grid.ravel())).reshape(grid.shape)
            k = np.maximum(np.argmax(signs != signs[0], axis=0), 1)
            columns = np.arange(k.size)
            low, high = grid[k - 1, columns], grid[k, columns]
    crossings: FloatArray = high
    return crossings


def _check_masses(rays: list[Ray], masses: list[float]) -> None:
    for branch, mass in zip(rays[0].branches, masses, strict=True):
        if not abs(mass - 1.0) <= _MASS:
            raise ConvergenceError(
                f"the density of `{branch.law.name}` integrates to {mass:.10g} where floats can "
                "follow it, not to 1: it is narrower, steeper or further out than they reach, or "
                "its logpdf is not accurate"
            )


def _cut(rays: list[Ray]) -> _Pieces:
    """Lay out the pieces of all rays."""
    tables = []
    for index, ray in enumerate(rays):
        first, last = ray.span()
        known = ray.proven()
        fringes = known[0] * _FRINGE, known[1] / _FRINGE
        with np.errstate(over="ignore"):
            crossings = np.exp(ray.cuts)
        edges = np.unique(np.concatenate([_ladder(ray, first, last), *fringes, crossings]))
        edges = edges[(edges >= first) & (edges <= last)]
        left, right = edges[:-1], edges[1:]
        logarithmic = right > 2.0 * left
        middle = np.where(logarithmic, np.sqrt(left) * np.sqrt(right), 0.5 * left + 0.5 * right)
        # How many edges of a fringe a piece has passed: none in its last shell.
        inner = 4 - np.searchsorted(fringes[0][1:], middle)
        outer = 4 - np.searchsorted(-fringes[1][1:], -middle)
        centre = math.sqrt(max(first, known[0])) * math.sqrt(min(last, known[1]))
        way = np.where(middle > centre, 1, -1)
        hidden = (middle < known[0]) | (middle > known[1])
        tables.append(
            _Pieces(
                left=np.where(logarithmic, np.log(left), left / right),
                right=np.where(logarithmic, np.log(right), 1.0),
                ray=np.full(left.size, index),
                logarithmic=logarithmic,
                way=way,
                fringe=np.where(hidden, 0, np.where(way < 0, inner, outer)),
                hidden=hidden,
                last=np.zeros(left.size, dtype=bool),
                unit=right,
            )
        )
        present = [branch for branch in ray.branches if branch.present]
        for direction, start, models in (
            (-1, first, [branch.near is not None for branch in present]),
            (1, last, [branch.far is not None for branch in present]),
        ):
            if any(models):
                start, known_there = math.log(start), all(models)
                tables.append(_beyond_floats(index, direction, start, known_there, ray.cuts))
    return _Pieces(*(np.concatenate(columns) for columns in zip(*tables, strict=True)))


def _beyond_floats(
    index: int, way: int, start: float, known: bool, crossings: FloatArray
) -> _Pieces:
    """Shells from t = `start` on that double in length, as far as a power law can have mass."""
    steps = start + way * (2.0 ** np.arange(_SHELLS + 1) - 1.0)
    beyond = crossings[(crossings - start) * way > 0.0]
    edges: FloatArray = np.sort(np.concatenate([steps, beyond])).astype(np.float64)
    size = edges.size - 1
    return _Pieces(
        left=edges[:-1],
        right=edges[1:],
        ray=np.full(size, index),
        logarithmic=np.ones(size, dtype=bool),
        way=np.full(size, way),
        fringe=np.zeros(size, dtype=np.intp),
        hidden=np.full(size, not known),
        last=np.arange(size) == (0 if way < 0 else size - 1),
        unit=np.ones(size),
    )


def _ladder(ray: Ray, first: float, last: float) -> FloatArray:
    """Edges of pieces: the marks, and steps that double, in log s, from them to both ends."""
    marks = ray.marks[(ray.marks > first) & (ray.marks < last)]
    low, high = (marks[0], marks[-1]) if marks.size else (last, last)
    steps = 2.0 ** np.arange(11) - 1.0
    with np.errstate(all="ignore"):
        edges = np.concatenate([[first, last], marks, low * 2.0**-steps, high * 2.0**steps])
    kept: FloatArray = edges[(edges >= first) & (edges <= last)]
    return kept


def _integrand(
    recipe: Recipe, rays: list[Ray], pieces: _Pieces, x: FloatArray, piece: IndexArray
) -> FloatArray:
    """Values of T, p and q at places `x` of their pieces, with the Jacobian of the piece."""
    s, t = pieces.places(x, piece)
    owner = pieces.ray[piece]
    log_p, log_q = (
        log_densities(branches, owner, s, t)
        for branches in zip(*(ray.branches for ray in rays), strict=True)
    )
    for index, log_density in enumerate((log_p, log_q)):
        lost = np.flatnonzero(np.isnan(log_density))
        if lost.size:
            _refuse_nan(rays[owner[lost[0]]].branches[index], float(s[lost[0]]))
    with np.errstate(all="ignore"):
        terms = recipe.log_terms(log_p, log_q)
    infinite = np.flatnonzero(np.isposinf(terms) & ~pieces.hidden[piece])
    # One place outside of a support is enough; zeros inside are doubtful.
    inside = np.stack([[branch.present for branch in ray.branches] for ray in rays])
    zero = np.isneginf(np.stack([log_p[infinite], log_q[infinite]]))
    doubtful = zero & inside[owner[infinite]].T
    if infinite.size and (doubtful.any(axis=0) | ~zero.any(axis=0)).all():
        for law in np.flatnonzero(doubtful.any(axis=1)):
            first = infinite[np.argmax(doubtful[law])]
            _refuse_underflow(rays[owner[first]].branches[law], float(s[first]))
    with np.errstate(all="ignore"):
        values = np.stack(
            [np.where(pieces.hidden[piece], 0.0, terms), np.exp(log_p), np.exp(log_q)]
        )
        # A single place with an infinite density has no mass.
        values[:, np.isposinf(log_p) | np.isposinf(log_q)] = 0.0
        return values / np.where(pieces.logarithmic[piece], 1.0, x)


def _refuse_nan(branch: Branch, s: float) -> None:
    x = branch.law.location + branch.law.scale * branch.centre + branch.sign * s
    raise UnsupportedProblemError(
        f"the log-density of `{branch.law.name}` is NaN at x = {x:g}; "
        "pass samples or probability vectors"
    )


def _refuse_underflow(branch: Branch, s: float) -> None:
    """Raise where the zero that a law says at distance `s` is a density too small for a float.

    An honest zero is a jump, an underflow lies beyond small densities: see which, going there from
    the median. A logarithm that overflows means what it says.
    """
    law = branch.law
    ends = float(law.quantiles()[0]), float(branch.coordinate(np.array([s]))[0])
    for _ in range(9):  # 64^9 exhausts the digits of a float
        z = np.linspace(*ends, 65)
        values = law.log_density(z)
        k = max(1, int(np.argmax(values == -math.inf)))
        ends = float(z[k - 1]), float(z[k])
    if -_OVERFLOWS < values[k - 1] < UNDERFLOWS:
        x = law.location + law.scale * branch.centre + branch.sign * s
        raise UnsupportedProblemError(
            f"the density of `{law.name}` underflows to 0 at x = {x:g}, where the other law has "
            "mass; pass a law whose logpdf is a number there, samples, or probability vectors"
        )


def _beyond(
    name: str,
    manners: _Manners,
    rays: list[Ray],
    pieces: _Pieces,
    terms: FloatArray,
    masses: FloatArray,
) -> float:
    """Return what the terms hold beyond the places where both laws are known; perhaps infinity.

    Three shells of equal logarithmic length in front of such a place tell: shells shrink
    geometrically where the terms are a power of the distance, and faster where they die out.
    """
    total = float(np.abs(terms).sum())
    if (np.abs(terms[pieces.last]) > _OUTERMOST * total).any():
        return math.inf
    sum_beyond = 0.0
    for index, ray in enumerate(rays):
        for way in (-1, 1):
            side = (pieces.ray == index) & (pieces.way == way)
            first, second, inner, thin = (
                float(terms[side & (pieces.fringe == level)].sum()) for level in (1, 2, 3, 4)
            )
            third = inner + thin
            # Terms have died out, unless one law is left alone with mass where they are not known.
            alone = manners.zero_is_costly and (
                float(masses[pieces.hidden & side].sum()) > _HIDDEN * total
            )
            if abs(thin) <= 1e-4 * _OUTERMOST * total and not alone:
                continue
            where = ray.proven()[0 if way < 0 else 1]
            decay = third / second if second != 0.0 else math.inf
            before = second / first if first != 0.0 else math.inf
            if decay >= 1.0 - 1e-9:
                # Growth that slows down may end, and so does that towards the bulk of a law.
                lasting = decay >= before * (1.0 - _STEADY)
                inwards, outwards = (
                    float(masses[side & np.isin(pieces.fringe, levels)].sum())
                    for levels in (2, (3, 4))
                )
                huge = abs(third) > _OVERWHELMING
                if lasting and outwards <= inwards and (huge or _far_and_sound(ray, where)):
                    return math.copysign(math.inf, third)
            else:
                rest = third * decay / (1.0 - decay)
                # A change by rounding stays what it is; another one goes on from shell to shell.
                change = abs(before - decay)
                drift = 0.0 if change <= _JITTER else change / (1.0 - decay)
                if abs(rest) * (change + drift) / (1.0 - decay) <= _SETTLED * total:
                    sum_beyond += rest
                    continue
            raise ConvergenceError(
                f"{name} cannot be followed to the end: both log-densities are numbers up "
                f"to {where:.4g} from x = {float(ray.place):.4g}, a shell of "
                f"{abs(third) / total:.1e} of the value so far lies in front of that place, and "
                "what lies beyond has no bound"
            )
    return sum_beyond


def _outside(p: Any, q: Any) -> list[tuple[float, float, float]]:
    """Ends of the support of p on both sides of that of q, and the P-mass there, where there is."""
    (p_low, p_high), (low, high) = scalar_support("p", p), scalar_support("q", q)
    found = []
    if p_low < low:
        found.append((p_low, min(low, p_high), float(guarded("p", "cdf", p.cdf, low))))
    if high < p_high:
        found.append((max(high, p_low), p_high, float(guarded("p", "sf", p.sf, high))))
    return [(left, right, mass) for left, right, mass in found if mass > 0.0]


def mass_off_support(p: Any, q: Any) -> float:
    """P-mass outside the support interval of q."""
    return sum((mass for _, _, mass in _outside(p, q)), 0.0)


def off_support_intervals(p: Any, q: Any) -> FloatArray:
    """Intervals (k, 2) of the support of p that lie outside that of q and carry mass of p."""
    intervals = [(left, right) for left, right, _ in _outside(p, q)]
    return np.array(intervals, dtype=np.float64).reshape(-1, 2)


def largest_exponent(recipe: Recipe, p: Any, q: Any, alpha: float) -> Peak:
    """Largest alpha log p + (1 - alpha) log q, with densities with respect to log-distance.

    It is infinite where it grows to the end of what is known of both laws, far from their bulk.

    Raises
    ------
    ConvergenceError
        If it grows to an end that is not far enough to tell.
    """
    rays = _rays(recipe, p, q, _manners(recipe))
    pieces = _cut(rays)
    largest = Peak(-math.inf, 0, 0.0)
    for index, ray in enumerate(rays):

        def exponents(t: FloatArray, ray: Ray = ray) -> FloatArray:
            s = np.exp(t)
            log_p, log_q = (branch(s, t) for branch in ray.branches)
            both = np.isfinite(log_p) & np.isfinite(log_q)
            return np.where(both, alpha * log_p + (1.0 - alpha) * log_q, -math.inf)

        mine = np.flatnonzero((pieces.ray == index) & ~pieces.last & ~pieces.hidden)
        x = np.linspace(pieces.left[mine], pieces.right[mine], _SIGHTINGS + 2)[1:-1]
        with np.errstate(all="ignore"):
            t = np.unique(pieces.places(x, mine)[1])
            for _ in range(_CLOSER):
                values = exponents(t)
                k = int(np.argmax(values))
                found, place = float(values[k]), float(t[k])
                t = np.linspace(t[max(k - 1, 0)], t[min(k + 1, t.size - 1)], 65)
            if found <= largest.exponent:
                continue
            largest = Peak(found, index, place)
            first, last = ray.proven()
            way = 1 if place > math.log(ray.middle()) else -1
            end = last if way > 0 else first
            if not 0.0 < end < math.inf or abs(place - math.log(end)) > _EDGE or found <= 0.0:
                continue
            # A peak further out, which has no infinite integral, would slow the growth.
            slower, faster = np.diff(exponents(place - way * np.array([0.5, 0.25, 0.0])))
            steady = faster >= slower * (1.0 - _STEADY)
        if not (steady and _far_and_sound(ray, end)):
            raise ConvergenceError(
                f"{recipe.name} cannot be followed to the end: its terms grow up to {end:.4g} from "
                f"x = {float(ray.place):.4g}, beyond which the log-densities are not known"
            )
        return Peak(math.inf, index, place)
    return largest


def _far_and_sound(ray: Ray, where: float) -> bool:
    """Whether growth up to a distance is that of the laws, and has no end."""
    far = where > 0.0 and abs(math.log(where) - math.log(ray.middle())) >= _FAR
    return far and not any(branch.noisy for branch in ray.branches)
