"""Divergences of two laws on the line, from their log-densities.

The line is cut into rays (see `rays`) and each ray into pieces: at quantiles of both laws, and at
distances that double, double again and so on towards its ends, so that narrow modes, distant modes
and singular ends get pieces of their own size. Beside the divergence the masses of both laws are
integrated over the same pieces: where one of them is not 1, a part of the line was not seen.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray, IndexArray
from ..errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from .adaptive import integrate
from .rays import Branch, Ray, cut_rays
from .recipes import Recipe
from .standard_laws import Clock, StandardLaw, guarded, scalar_support

__all__ = ["largest_exponent", "mass_off_support", "off_support_intervals", "ratio_of_densities"]

_SECONDS = 8.0  # processor time for one quadrature; Rényi's divergence may need two
_SETTLED = 1e-9  # error of the whole, relative, above which there is no answer
_MASS = 1e-9  # departure of a total mass from 1 above which the densities were not seen
# Log-densities of some fifty nats err by 1e-14, and terms that start quadratically by its square:
# two laws nearer than this cannot be told apart.
_ROUNDING = 1e-26
_FAR = 10.0  # nats of distance over which a tail must refuse to shrink to be called divergent
_SHELLS = 45  # doublings of log-distance beyond the floats; the last one starts at 1e13 nats
_STEADY = 1e-6  # change of the growth from shell to shell that is none
# Edges of three shells of equal logarithmic length, inwards from a place where knowledge ends.
_FRINGE = np.exp(0.25 * np.arange(4))
_OUTERMOST = 1e-11  # share of the value that may sit in the last shell, and be lost beyond it


class _Pieces(NamedTuple):
    """Pieces of all rays in one table; `left` and `right` are s, or t = log s."""

    left: FloatArray
    right: FloatArray
    ray: IndexArray
    logarithmic: NDArray[np.bool_]
    last: NDArray[np.bool_]  # the outermost shells of a power law
    fringe: IndexArray  # 0 for most; 1, 2, 3 outwards for the shells of an end without a power law


def ratio_of_densities(recipe: Recipe, p: Any, q: Any) -> float:
    """Return integral of T(p, q) / integral of (p + q), for two laws with densities.

    It is infinite where q vanishes and p does not, where the tails do not shrink, and beyond the
    largest float.

    Raises
    ------
    ConvergenceError
        If the quadrature does not settle in time, does not see all mass of both laws, or leaves a
        share beyond the floats that it cannot bound.
    UnsupportedProblemError
        If a law does not answer, its log-density is NaN, or underflows where the other has mass.
    """
    rays = _rays(recipe, p, q)
    pieces = _cut(rays)

    def integrand(x: FloatArray, piece: IndexArray) -> FloatArray:
        return _integrand(recipe, rays, pieces, x, piece)

    (terms, *masses), errors = integrate(integrand, pieces.left, pieces.right)
    total = float(terms.sum())
    if math.isnan(total):
        if recipe.name == "f_divergence":
            return math.nan  # the caller's f, who is told so
        raise ConvergenceError(f"the terms of {recipe.name} are NaN for these laws")
    if math.isinf(total):
        return total
    _check_masses(rays, [float(mass.sum()) for mass in masses])
    if abs(total) <= 1e6 * _ROUNDING:
        # Rounding is all that the tails show then.
        return 0.5 * max(total, 0.0)
    beyond = _beyond(recipe, rays, pieces, terms)
    if math.isinf(beyond):
        return beyond
    allowed = _SETTLED * abs(total) + _noise(recipe, float(np.abs(terms).sum()))
    if not errors[0] <= allowed:
        raise ConvergenceError(
            f"the quadrature of {recipe.name} did not settle: {total!r} with an error of "
            f"{errors[0]:.1e}"
        )
    return 0.5 * (total + beyond)  # both densities integrate to 1


def _rays(recipe: Recipe, p: Any, q: Any) -> list[Ray]:
    clock = Clock(_SECONDS)
    laws = StandardLaw("p", p, clock), StandardLaw("q", q, clock)
    for law in laws:
        if not law.low < law.high:
            raise InvalidInputError(law.name, "be spread over an interval", "a degenerate law")
    zero, one = np.array([-math.inf, 0.0]), np.array([0.0, -math.inf])
    with np.errstate(all="ignore"):
        # What a density of 0 costs where the other one is 1.
        finite = np.isfinite(recipe.log_terms(zero, one))
    return cut_rays(*laws, (not finite[0], not finite[1]))


def _noise(recipe: Recipe, size: float) -> float:
    """Error of a sum of terms of total `size` that rounding of the log-densities can make."""
    step = recipe.log_terms(np.zeros(1), np.full(1, -1e-8))
    if abs(float(step[0])) < 1e-12:  # T starts quadratically at p = q
        return 1e-14 * math.sqrt(size) + _ROUNDING
    return 1e-15 * max(1.0, size)


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
    rows: list[tuple[float, float, int, bool, bool, int]] = []
    for index, ray in enumerate(rays):
        first, last = ray.span()
        known_first, known_last = ray.proven()
        near_edges = known_first * _FRINGE if known_first > 0.0 else np.empty(0)
        far_edges = known_last / _FRINGE if known_last < ray.length else np.empty(0)
        edges = np.unique(np.concatenate([_ladder(ray, first, last), near_edges, far_edges]))
        edges = edges[(edges >= first) & (edges <= last)]
        for left, right in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            linear = right <= 2.0 * left
            ends = (left, right) if linear else (math.log(left), math.log(right))
            rows.append((*ends, index, not linear, False, 0))
            for way, fringe in ((-1, near_edges), (1, far_edges)):
                if fringe.size and fringe.min() <= left and right <= fringe.max():
                    middle = 0.5 * left + 0.5 * right
                    level = int(np.searchsorted(np.sort(fringe), middle))
                    rows[-1] = (*rows[-1][:-1], way * (level if way > 0 else 4 - level))
        for way, start, power in (
            (-1, first, any(b.near is not None for b in ray.branches)),
            (1, last, any(b.far is not None for b in ray.branches)),
        ):
            if power:
                t = math.log(start)
                for k in range(_SHELLS):
                    ends = sorted((t + way * (2.0**k - 1.0), t + way * (2.0 ** (k + 1) - 1.0)))
                    rows.append((ends[0], ends[1], index, True, k == _SHELLS - 1, 0))
    table = list(zip(*rows, strict=True))
    return _Pieces(
        np.array(table[0], dtype=np.float64),
        np.array(table[1], dtype=np.float64),
        np.array(table[2], dtype=np.intp),
        np.array(table[3], dtype=bool),
        np.array(table[4], dtype=bool),
        np.array(table[5], dtype=np.intp),
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
    logarithmic = pieces.logarithmic[piece]
    with np.errstate(all="ignore"):
        t = np.where(logarithmic, x, np.log(x))
        s = np.where(logarithmic, np.exp(x), x)
    log_p, log_q = np.empty(x.size), np.empty(x.size)
    proven = np.empty(x.size, dtype=bool)
    owner = pieces.ray[piece]
    for index, ray in enumerate(rays):
        here = owner == index
        if not here.any():
            continue
        for log_density, branch in zip((log_p, log_q), ray.branches, strict=True):
            log_density[here] = branch(s[here], t[here])
            _check_numbers(branch, s[here], log_density[here])
        first, last = ray.proven()
        proven[here] = (s[here] >= first) & (s[here] <= last)
    with np.errstate(all="ignore"):
        terms = recipe.log_terms(log_p, log_q)
        values = np.stack([np.where(proven, terms, 0.0), np.exp(log_p), np.exp(log_q)])
    # A single place with an infinite density has no mass.
    values[:, np.isposinf(log_p) | np.isposinf(log_q)] = 0.0
    return values / np.where(logarithmic, 1.0, s)


def _check_numbers(branch: Branch, s: FloatArray, log_density: FloatArray) -> None:
    lost = np.isnan(log_density)
    if lost.any():
        x = branch.law.location + branch.law.scale * branch.centre + branch.sign * s[lost][0]
        raise UnsupportedProblemError(
            f"the log-density of `{branch.law.name}` is NaN at x = {x:g}; "
            "pass samples or probability vectors"
        )


def _beyond(recipe: Recipe, rays: list[Ray], pieces: _Pieces, terms: FloatArray) -> float:
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
            first, second, third = (
                float(terms[(pieces.ray == index) & (pieces.fringe == way * level)].sum())
                for level in (1, 2, 3)
            )
            if abs(third) <= 1e-3 * _OUTERMOST * total:
                continue
            decay = third / second if second != 0.0 else math.inf
            before = second / first if first != 0.0 else math.inf
            place = ray.proven()[0 if way < 0 else 1]
            if decay >= 1.0 - 1e-9:
                steady = abs(before - decay) <= _STEADY * decay
                if steady and abs(math.log(place / float(np.median(ray.marks)))) >= _FAR:
                    return math.copysign(math.inf, third)
            else:
                rest = third * decay / (1.0 - decay)
                if abs(rest * (before - decay)) / (1.0 - decay) <= _SETTLED * total:
                    sum_beyond += rest
                    continue
            raise ConvergenceError(
                f"{recipe.name} cannot be followed to the end: a shell of "
                f"{abs(third) / total:.1e} of the value lies in front of the last place where "
                "both log-densities are numbers, and what lies beyond has no bound"
            )
    return sum_beyond


def mass_off_support(p: Any, q: Any) -> float:
    """P-mass outside the support interval of q."""
    low, high = scalar_support("q", q)
    return float(guarded("p", "cdf", p.cdf, low)) + float(guarded("p", "sf", p.sf, high))


def off_support_intervals(p: Any, q: Any) -> FloatArray:
    """Intervals (k, 2) of the support of p that lie outside that of q and carry mass of p."""
    (p_low, p_high), (low, high) = scalar_support("p", p), scalar_support("q", q)
    intervals = []
    if float(guarded("p", "cdf", p.cdf, low)) > 0.0:
        intervals.append([p_low, min(low, p_high)])
    if float(guarded("p", "sf", p.sf, high)) > 0.0:
        intervals.append([max(high, p_low), p_high])
    return np.array(intervals, dtype=np.float64).reshape(-1, 2)


def largest_exponent(recipe: Recipe, p: Any, q: Any, alpha: float) -> float:
    """Largest alpha log p + (1 - alpha) log q found at the middles of the pieces."""
    rays = _rays(recipe, p, q)
    pieces = _cut(rays)
    largest = -math.inf
    for index, ray in enumerate(rays):
        mine = (pieces.ray == index) & ~pieces.last
        x = 0.5 * pieces.left[mine] + 0.5 * pieces.right[mine]
        with np.errstate(all="ignore"):
            s = np.where(pieces.logarithmic[mine], np.exp(x), x)
            t = np.where(pieces.logarithmic[mine], x, np.log(x))
        first, last = ray.proven()
        log_p, log_q = (branch(s, t) for branch in ray.branches)
        both = np.isfinite(log_p) & np.isfinite(log_q) & (s >= first) & (s <= last)
        exponents = alpha * log_p[both] + (1.0 - alpha) * log_q[both]
        largest = max(largest, float(exponents.max(initial=-math.inf)))
    return largest
