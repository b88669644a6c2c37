"""Standard laws of scipy.stats, their functions made safe for integrals over whole tails.

SciPy's functions warn, raise or return NaN far out, exceed 1, lose their tails to 1 - F, invert F
point by point, or take milliseconds a point. Here they are silent and within [0, 1]; a tail that
was computed by subtraction is summed anew from the density; quantile functions that SciPy lacks,
or that are not the inverse, are found by bracketing a whole array at once; and the time of each
law is limited, so that a caller can say how far it came instead of never returning.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from ..._typing import FloatArray
from ...errors import UnsupportedProblemError
from .quadrature import OutOfTimeError, refined_cells

__all__ = ["StandardLaw", "quietly"]

Side = Literal["below", "above"]
_SIDES: tuple[Side, Side] = ("below", "above")

_EPS = float(np.finfo(np.float64).eps)
# CPU seconds that one law may take in one distance: two of them stay below 20, by taste.
_SECONDS = 7.0
# Points of one call: as many as fit into a tenth of a second, so that the limit is kept.
_CHUNK_SECONDS = 0.1
_FIRST_CHUNK = 256
_LARGEST_CHUNK = 2**16

_COSTLY = 2e-5  # CPU seconds a point: an integral by quadrature
_TOO_COSTLY = 2e-4  # CPU seconds a point of a density that is not worth summing
_MANY = 0.05  # share of that below which a density is worth some fifty calls; by taste
_DEEPEST = 1e-300  # levels below it are not told apart from nothing
_DOUBLINGS = 2100  # from the least float to the largest
# What is left of a tail beyond this mass is continued by its last ratio.
_REBUILT_MASS = 1e-80
# A tail that was computed as 1 - F is a multiple of this, half a rounding of numbers below one.
_GRAIN = 2.0**-54
_GRAINY = (1e-13, 1e-7)  # masses at which multiples of the grain show, and are no chance
_LOST = 1e-12  # mass of a tail of which no digit is known; ten times what is left, by taste
# No tail of mass above this is nothing a few per cent farther out; double exponentials pass.
_CLIFF = 1e-10
_SEAM = 1e-5  # mass at which a tail is begun anew: subtraction still leaves it eleven digits
# Relative error at which a tail or an inverse of SciPy's is given up.
_DOUBT = 1e-7
_SUMMED_DOUBT = 1e-4  # the same for an integral that SciPy makes of the density
_PROBES = 10.0 ** -np.array(
    [0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20, 30, 50, 100, 150, 200, 300.0]
)
_FAR = np.array([1e5, 1e20, 1e50, 1e90])  # lengths of the tail at which integrals see nothing
_LIGHT = 2.5  # tails that fall faster than by this power have mean and variance
_POWER_DOUBT = 0.05  # of a power that was measured at masses above 1e-10; by taste
_FARTHEST = 1e290
_SMALLEST = 1e-290  # masses above it have all their digits
_ROUNDS = 120  # of a bracketing; bisection alone needs 64 within one doubling


def quietly(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call SciPy with every warning silenced: the caller judges what its numbers are worth."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


class _Tail(NamedTuple):
    """Masses beyond the edges of a tail, summed from its far end; edges lead outwards."""

    edges: FloatArray
    beyond: FloatArray
    power: float  # the mass beyond the last edge falls like distance to the power -power


class LostTail(NamedTuple):
    """Mass, decay and distance from the median of what is cut off where no digit is known."""

    mass: float
    power: float
    reach: float


class StandardLaw:
    """A frozen law, to be read as that of Z in loc + scale Z.

    `cdf` is P(Z <= z) and `sf` is P(Z > z), `ppf` and `isf` their inverses, all of arrays.
    """

    def __init__(self, name: str, law: Any, shapes: tuple[float, ...] = ()) -> None:
        """Read a frozen law, or a distribution of these shapes."""
        self.name = name
        self.dist = getattr(law, "dist", law)
        self._functions = {
            method: _function(law, method, shapes)
            for method in ("cdf", "sf", "ppf", "isf", "pdf")
            if hasattr(law, method)
        }
        self.lower, self.upper = (float(end) for end in quietly(law.support, *shapes))
        if getattr(self.dist, "name", "") == "vonmises":
            # SciPy's distribution function goes round the circle; its draws are within one turn.
            self.lower, self.upper = -math.pi, math.pi
        self.median = _median(law, shapes)
        self.seconds = 0.0
        """CPU time of SciPy's functions and of inverting them so far."""
        self._limit = _SECONDS
        self.lost: dict[Side, LostTail] = {}
        """Tails that were cut off for want of digits."""
        self._chunk = _FIRST_CHUNK
        self._spread: dict[Side, float] = {}
        self._nodes: dict[Side, tuple[FloatArray, FloatArray]] = {}
        self._tails: dict[Side, _Tail | None] = {}
        self._costs: dict[str, float] = {}
        self._floors: dict[Side, float] = {}
        self._powers: dict[Side, float] = {}

    def cdf(self, z: FloatArray) -> FloatArray:
        """P(Z <= z)."""
        return self._known_mass("below", z)

    def sf(self, z: FloatArray) -> FloatArray:
        """P(Z > z)."""
        return self._known_mass("above", z)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Smallest z with P(Z <= z) >= u."""
        return self._quantile("below", u)

    def isf(self, v: FloatArray) -> FloatArray:
        """Smallest z with P(Z > z) <= v."""
        return self._quantile("above", v)

    def allow(self, share: float) -> None:
        """Let the functions take this share of the law's time, all calls so far included."""
        self._limit = share * _SECONDS

    def _call(self, method: str, z: FloatArray) -> FloatArray:
        """Values of one of SciPy's functions, NaN where it raises; raise where time is up."""
        function = self._functions[method]
        flat = z.ravel()
        values = np.empty(flat.size)
        start = 0
        while start < flat.size:
            if self.seconds > self._limit:
                raise OutOfTimeError
            part = slice(start, start + self._chunk)
            begun = time.thread_time()
            _evaluate(function, flat[part], values[part])
            used = time.thread_time() - begun
            self.seconds += used
            start += self._chunk
            if used > 2.0 * _CHUNK_SECONDS:
                self._chunk = max(1, int(self._chunk * _CHUNK_SECONDS / used))
            elif used < 0.25 * _CHUNK_SECONDS:
                self._chunk = min(_LARGEST_CHUNK, 2 * self._chunk)
        return values.reshape(np.shape(z))

    # Masses of tails ----------------------------------------------------------------------------

    def _known_mass(self, side: Side, z: FloatArray) -> FloatArray:
        values = self._mass(side, z)
        missing = np.isnan(values)
        if missing.any():
            raise UnsupportedProblemError(
                f"the distribution function of `{self.name}` is NaN at "
                f"{np.asarray(z)[missing].flat[0]:g} in its standard form; draw samples from it"
            )
        return values

    def _mass(self, side: Side, z: FloatArray) -> FloatArray:
        """SciPy's mass or that of a tail which was summed anew; NaN where neither is known."""
        z = np.asarray(z, dtype=np.float64)
        shape, z = z.shape, z.ravel()
        values = np.empty(z.size)
        rest = np.ones(z.size, dtype=bool)
        for half in (side, _other(side)):
            tail = self._tail(half)
            if tail is not None:
                beyond = rest & (_sign(half) * (z - tail.edges[0]) > 0.0)
                masses = self._tail_mass(half, tail, z[beyond])
                values[beyond] = masses if half == side else 1.0 - masses
                rest &= ~beyond
        values[rest] = self._own_mass(side, z[rest])
        return values.reshape(shape)

    def _own_mass(self, side: Side, z: FloatArray) -> FloatArray:
        """SciPy's mass on one side of z, from the other side's where it is NaN, within [0, 1]."""
        own, other = ("cdf", "sf") if side == "below" else ("sf", "cdf")
        inside = (z > self.lower) & (z < self.upper)
        if not inside.all():
            full = z >= self.upper if side == "below" else z <= self.lower
            values = np.where(full, 1.0, 0.0)
            values[inside] = self._own_mass(side, z[inside])
            return values
        values = self._call(own, z)
        missing = np.isnan(values)
        if missing.any():
            values[missing] = 1.0 - self._call(other, z[missing])
        # A law on a circle goes on counting beyond its period.
        return np.minimum(np.maximum(values, 0.0), 1.0)

    def _tail(self, side: Side) -> _Tail | None:
        """Masses of a tail that SciPy computes by subtraction; None where its digits are good."""
        if side not in self._tails:
            self._tails[side] = None  # while the nodes are laid out, SciPy's masses serve
            if self._is_summed():
                self._tails = {"below": None, "above": None}
                below, above = (self._rebuilt(half, 1.0, _SUMMED_DOUBT) for half in _SIDES)
                # What tells a good density is that it integrates to one.
                if below and above and abs(below.beyond[0] + above.beyond[0] - 1.0) < 1e-9:
                    self._tails = {"below": below, "above": above}
                    self._nodes.clear()
                return self._tails[side]
            if self._is_long(side) and self._is_subtracted(side):
                rebuilt = None
                if self._cost("pdf") < _TOO_COSTLY:
                    rebuilt = self._rebuilt(side, _SEAM, _DOUBT)
                if rebuilt is None:
                    # Nothing tells what is left of the tail; what was cut off is reported.
                    outermost = self._outwards(side, _GRAINY[0])[0][-1:]
                    rebuilt = _Tail(outermost, np.zeros(1), math.inf)
                    self.lost[side] = self._lost_tail(side)
                self._tails[side] = rebuilt
                del self._nodes[side]
        return self._tails[side]

    def _is_long(self, side: Side) -> bool:
        """Whether there is nothing to see half way from the median to the end."""
        end = self._end(side)
        half_way = np.array([0.5 * self.median + 0.5 * end])
        return math.isinf(end) or not self._own_mass(side, half_way)[0] > _GRAINY[0]

    @property
    def states_moments(self) -> bool:
        """Whether mean and variance are formulas; integrals of SciPy's may be far off."""
        methods = [getattr(type(self.dist), name, None) for name in ("_stats", "_munp")]
        return any(m is not None and not m.__qualname__.startswith("rv_") for m in methods)

    def _is_summed(self) -> bool:
        """Whether the masses are better summed from the density from the median on.

        SciPy's own integral of it, where there is no formula, errs by 1e-8 and takes its time.
        """
        if "pdf" not in self._functions:
            return False
        kind = type(self.dist)
        methods = [getattr(kind, name, None) for name in ("_cdf", "_pdf", "_logpdf")]
        generic = [method is None or method.__qualname__.startswith("rv_") for method in methods]
        if generic[0] and not all(generic[1:]):
            return True
        return self._is_costly() and self._cost("pdf") < _MANY * self._cost("cdf")

    def _is_costly(self) -> bool:
        return self._cost("cdf") > _COSTLY

    def _cost(self, method: str) -> float:
        """CPU seconds that a point in the middle of the law takes, inf where there is no method."""
        if method not in self._costs:
            self._costs[method] = math.inf
            for n in (1, 64, 64) if method in self._functions else ():
                # The first call may load or compile something.
                before = self.seconds
                self._call(method, np.full(n, self.median))
                taken = (self.seconds - before) / n
                self._costs[method] = min(self._costs[method], taken)
                if taken < _COSTLY:
                    break
        return self._costs[method]

    def _is_subtracted(self, side: Side) -> bool:
        """Whether the tail was computed by subtraction, or rises again far out."""
        least, most = _GRAINY
        positions, masses = self._outwards(side, least)
        inner = positions[np.flatnonzero(masses > most)[-1:]]
        points = np.append(positions, np.linspace(inner, positions[-1:], 34)[1:-1])
        with np.errstate(over="ignore"):
            far = self.median + (float(positions[-1]) - self.median) * _FAR
        masses, far_masses = np.split(self._own_mass(side, np.append(points, far)), [points.size])
        if (far_masses > _GRAINY[1]).any() and masses[positions.size - 1] < _GRAINY[0]:
            return True
        grains = masses[(masses > least) & (masses < most)] / _GRAIN
        # The logarithm of a difference, and its exponential, blur the grains a little.
        is_grainy = grains.size > 0 and bool((np.abs(grains - np.rint(grains)) < 0.01).all())
        masses = masses[np.argsort(_sign(side) * points)]
        return is_grainy or bool(((masses[:-1] > _CLIFF) & (masses[1:] == 0.0)).any())

    def _rebuilt(self, side: Side, seam: float, doubt: float) -> _Tail | None:
        """Integrate the density from the far end inwards, to where the mass is at least `seam`.

        None if it has another integral than SciPy's mass, by more than the share `doubt`.
        """
        if "pdf" not in self._functions:
            return None
        end, sign = self._end(side), _sign(side)
        edges, inner_masses = self._outwards(side, min(seam, 0.01))
        known = float(inner_masses[0])
        # Near a finite end the density is noise, and its mass of no weight.
        room = 1e-16 * known if math.isfinite(end) else 0.0
        parts: list[FloatArray] = []
        ends = [edges[:1]]
        sums: list[float] = []
        for k in range(_DOUBLINGS):
            start = float(edges[k])
            if k + 1 == edges.size:
                edges = np.append(edges, self._beyond(side, start, 1))
            if k + 1 == edges.size:
                break
            stop = float(edges[k + 1])
            cells = refined_cells(
                self._density,
                np.array([min(start, stop)]),
                np.array([max(start, stop)]),
                lambda value: 1e-12 * value + room,
            )
            order = np.argsort(sign * cells.left)
            parts.append(cells.values[order])
            ends.append((cells.right if sign > 0.0 else cells.left)[order])
            sums.append(float(cells.values.sum()))
            if not math.isfinite(sums[-1]):
                return None
            if sums[-1] <= _REBUILT_MASS * sum(sums):
                break
        is_cut = len(sums) > 1 and sums[-1] == 0.0 and sums[-2] > _CLIFF * sum(sums)
        if not parts or (is_cut and math.isinf(end)):
            return None
        ratio = min(0.999, sums[-1] / sums[-2]) if len(sums) > 1 and sums[-2] > 0.0 else 0.0
        rest = sums[-1] * ratio / (1.0 - ratio) if math.isinf(end) else 0.0
        beyond = np.append(np.cumsum(np.concatenate(parts)[::-1])[::-1] + rest, rest)
        if not abs(beyond[0] - known) <= doubt * known:
            return None  # the density is no better than the distribution function
        index = -math.log2(ratio) if ratio > 0.0 else math.inf
        edges = np.concatenate(ends)
        first = max(0, int(np.searchsorted(-beyond, -seam)) - 1)
        return _Tail(edges[first:], beyond[first:], index)

    def _lost_tail(self, side: Side) -> LostTail:
        """What lies beyond the last node, by the power of the distance that the mass falls with."""
        positions, masses = self._outwards(side, _GRAINY[0])
        reach = np.abs(positions - self.median)
        last = float(masses[masses > 0.0][-1])
        sure = np.flatnonzero((masses > 1e3 * max(last, _GRAINY[0])) & (reach > 0.0))[-2:]
        power = 0.0
        if sure.size == 2:
            (m, n), (r, s) = masses[sure], reach[sure]
            power = math.log(m / n) / math.log(s / r)
        return LostTail(max(_LOST, 2.0 * last), power, float(reach[-1]))

    def power(self, side: Side) -> float:
        """Power of the distance that a tail falls with; inf where it falls faster than `_LIGHT`.

        A law lacks its moment of order p where p is at least this.
        """
        if side not in self._powers:
            self._powers[side] = self._find_power(side)
        return self._powers[side]

    def _find_power(self, side: Side) -> float:
        if math.isfinite(self._end(side)):
            return math.inf
        self._tail(side)
        if side in self.lost:
            # Measured where the tail has hardly begun.
            return self.lost[side].power * (1.0 + _POWER_DOUBT)
        positions, masses = self._outwards(side, _GRAINY[0])
        if masses.size > 1 and masses[-1] < 2.0**-_LIGHT * masses[-2]:
            return math.inf
        reach = np.geomspace(abs(float(positions[-1]) - self.median) or 1.0, _FARTHEST, 64)
        masses = self._mass(side, self.median + _sign(side) * reach)
        known = np.cumprod(masses > _SMALLEST).astype(bool)
        slopes = -np.diff(np.log(masses[known])) / np.diff(np.log(reach[known]))
        # The slopes of a lognormal tail, which has all moments, differ by a hundredth a step.
        if slopes.size < 3 or np.ptp(slopes[-3:]) > 1e-3 * abs(slopes[-1]):
            return math.inf
        return float(slopes[-1]) * (1.0 - 4.0 * _EPS)

    def _density(self, z: FloatArray) -> FloatArray:
        values = self._call("pdf", z)
        # Densities overflow or are 0 / 0 far out in a tail, where they are as good as nothing.
        return np.where(np.isfinite(values), values, 0.0)

    def _tail_mass(self, side: Side, tail: _Tail, z: FloatArray) -> FloatArray:
        """Mass of a rebuilt tail beyond z: the cells beyond that of z, and the rest of its own."""
        sign = _sign(side)
        cell = np.searchsorted(sign * tail.edges, sign * z, side="left")
        values = np.empty(z.size)
        out = cell == tail.edges.size
        if out.any():
            reach = (z[out] - self.median) / (tail.edges[-1] - self.median)
            with np.errstate(over="ignore", invalid="ignore"):
                shrunk = tail.beyond[-1] * reach**-tail.power
            values[out] = np.where(np.isfinite(shrunk), shrunk, 0.0)
        near = ~out
        if near.any():
            inner, outer = z[near], tail.edges[cell[near]]
            half = 0.5 * (outer - inner)
            parts = np.zeros(inner.size)
            for left, right in pairwise(_SHELLS):
                width = (right - left) * half
                middle = inner + (left + right) * half
                nodes = middle[:, None] + width[:, None] * _GAUSS_NODES
                parts += np.abs(width) * (self._density(nodes) @ _GAUSS_WEIGHTS)
            values[near] = parts + tail.beyond[cell[near]]
        return values

    # Quantiles ----------------------------------------------------------------------------------

    def _quantile(self, side: Side, level: FloatArray) -> FloatArray:
        level = np.asarray(level, dtype=np.float64)
        shape, level = level.shape, level.ravel()
        inside = (level > 0.0) & (level < 1.0)
        # What SciPy inverts point by point, or wrongly, is bracketed; floors say down to where.
        own = inside & (level > self._floor(side))
        if own.all():
            values = self._call("ppf" if side == "below" else "isf", level)
        else:
            values = np.where(level >= 0.5, self._end(_other(side)), self._end(side))
            values[inside] = math.nan
            if own.any():
                values[own] = self._call("ppf" if side == "below" else "isf", level[own])
        rest = inside & ~np.isfinite(values)
        if rest.any():
            values[rest] = self._bracketed(side, level[rest])
        return values.reshape(shape)

    def _floor(self, side: Side) -> float:
        """Level below which SciPy's quantile function is not used; 1 where it never is."""
        if side not in self._floors:
            self._floors[side] = self._find_floor(side)
        return self._floors[side]

    def _find_floor(self, side: Side) -> float:
        own = getattr(type(self.dist), "_ppf", None)
        if own is None or own.__qualname__.startswith("rv_"):
            return 1.0
        found = self._call("ppf" if side == "below" else "isf", _PROBES)
        doubtful = ~np.isfinite(found)
        sure = np.where(doubtful, self.median, found)
        doubtful |= ~(np.abs(self._mass(side, sure) - _PROBES) <= _DOUBT * _PROBES)
        unmet = np.flatnonzero(doubtful & np.isfinite(found))
        if unmet.size:
            # Near a finite end floats can be too far apart for any mass to be met.
            z, level = found[unmet], _PROBES[unmet]
            room = 1e-8 * np.minimum(np.abs(z), np.abs(z - self.median)) + 2.0 * _EPS * np.abs(z)
            inner, outer = (self._mass(side, z + _sign(side) * step) for step in (-room, room))
            doubtful[unmet] = ~((outer <= level) & (level <= inner))
        if not doubtful.any():
            return 0.0
        first = int(np.argmax(doubtful))
        return float(_PROBES[first - 1]) if first else 1.0

    def _bracketed(self, side: Side, level: FloatArray) -> FloatArray:
        """Solve mass(z) = level between two nodes, a whole array at once (Chandrupatla 1997)."""
        values = np.empty(level.size)
        upper_half = level > 0.5
        if upper_half.any():
            values[upper_half] = self._bracketed(_other(side), 1.0 - level[upper_half])
            values[~upper_half] = self._bracketed(side, level[~upper_half])
            return values
        if not level.size:
            return values
        level = np.maximum(level, _DEEPEST)
        self._tail(side)
        positions, masses = self._outwards(side, float(level.min()))
        if level.max() > masses[0]:
            # SciPy's median need not be one to the last digit.
            inner = self._beyond(_other(side), float(positions[0]), 1)
            positions = np.append(inner, positions)
            masses = np.append(np.ones(inner.size), masses)
        masses = np.minimum.accumulate(masses)
        if masses.size < 2:
            return np.full(level.size, positions[0])
        right = np.clip(np.searchsorted(-masses, -level, side="left"), 1, masses.size - 1)
        a, b = positions[right].copy(), positions[right - 1].copy()
        fa, fb = (_log_ratio(masses[index], level) for index in (right, right - 1))
        c, fc = a.copy(), fa.copy()
        step = np.full(level.size, 0.5)
        open_ = np.arange(level.size)
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        before = self.seconds - time.thread_time()
        for _ in range(_ROUNDS):
            self.seconds = before + time.thread_time()
            z = a[open_] + step[open_] * (b[open_] - a[open_])
            f = _log_ratio(self._known_mass(side, z), level[open_])
            same = np.sign(f) == np.sign(fa[open_])
            c[open_], fc[open_] = (
                np.where(same, a[open_], b[open_]),
                np.where(same, fa[open_], fb[open_]),
            )
            b[open_], fb[open_] = (
                np.where(same, b[open_], a[open_]),
                np.where(same, fb[open_], fa[open_]),
            )
            a[open_], fa[open_] = z, f
            best[open_] = np.where(np.abs(fa[open_]) < np.abs(fb[open_]), a[open_], b[open_])
            width = np.abs(b[open_] - a[open_])
            room = 2.0 * _EPS * np.abs(best[open_])
            flat = np.minimum(np.abs(fa[open_]), np.abs(fb[open_])) <= 2.0 * _EPS
            unfinished = (width > room) & ~flat
            open_, width, room = open_[unfinished], width[unfinished], room[unfinished]
            if open_.size == 0:
                break
            step[open_] = _next_step(a, b, c, fa, fb, fc, open_, room / width)
        return best

    def _outwards(self, side: Side, level: float) -> tuple[FloatArray, FloatArray]:
        """Nodes from the median outwards, and their masses, until these are below `level`."""
        if side not in self._nodes:
            start = np.array([self.median])
            self._nodes[side] = start, self._own_mass(side, start)
        positions, masses = self._nodes[side]
        while masses[-1] > level:
            added = self._beyond(side, float(positions[-1]), max(8, positions.size))
            if not added.size:
                break
            found = (
                self._mass(side, added) if self._tails.get(side) else self._own_mass(side, added)
            )
            known = np.cumprod(~np.isnan(found)).astype(bool)
            positions = np.append(positions, added[known])
            masses = np.append(masses, found[known])
            if not known.all():
                break
        self._nodes[side] = positions, masses
        kept = int(np.searchsorted(-np.minimum.accumulate(masses), -level)) + 1
        return positions[:kept], masses[:kept]

    def _beyond(self, side: Side, position: float, n: int) -> FloatArray:
        """The `n` nodes beyond `position`, or fewer where floats end.

        Each is twice as far from the median as the one before, or half as far from a finite end.
        """
        end, sign, median = self._end(side), _sign(side), self.median
        if side not in self._spread:
            quarter = self._call("isf" if sign > 0.0 else "ppf", np.array([0.25]))
            spread = abs(float(quarter[0]) - median)
            self._spread[side] = spread if 0.0 < spread < math.inf else abs(median) or 1.0
        nodes: list[float] = []
        for _ in range(n):
            following = position + sign * (abs(position - median) or self._spread[side])
            if math.isfinite(end):
                half = position + 0.5 * (end - position)
                following = min(half, following) if sign > 0.0 else max(half, following)
            if following == position or math.isinf(following):
                break
            position = following
            nodes.append(position)
        return np.array(nodes)

    def _end(self, side: Side) -> float:
        return self.lower if side == "below" else self.upper


_GAUSS_NODES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(12)
# Shells of a cell that shrink towards its inner end, where the mass of a light tail lies.
_SHELLS = np.array([0.0, 2.0**-6, 2.0**-4, 0.25, 1.0])


def _sign(side: Side) -> float:
    return -1.0 if side == "below" else 1.0


def _other(side: Side) -> Side:
    return "above" if side == "below" else "below"


def _median(law: Any, shapes: tuple[float, ...]) -> float:
    """SciPy's median, or NaN: a law whose median is not a number has no valid parameters."""
    try:
        return float(quietly(law.ppf, 0.5, *shapes))
    except (ArithmeticError, ValueError, RuntimeError):
        return math.nan


def _function(law: Any, method: str, shapes: tuple[float, ...]) -> Callable[[FloatArray], Any]:
    """A function of the law inside its support.

    Checks of the shapes and of the support, at every call, take most of the time of SciPy's public
    functions; shapes were checked with the median, and callers look at the support. What is left
    are the functions that subclasses of `rv_continuous` define.
    """
    public = getattr(law, method)
    if getattr(public, "__qualname__", "") != f"rv_continuous.{method}":
        return lambda z: public(z, *shapes)
    inner = getattr(law, f"_{method}")
    arrays = [np.array([shape]) for shape in shapes]
    return lambda z: inner(z, *arrays)


def _evaluate(function: Callable[[FloatArray], Any], z: FloatArray, values: FloatArray) -> None:
    """Values of a function of SciPy's; one point that raises does not take the others with it."""
    try:
        values[:] = quietly(function, z)
    except Exception:
        if z.size == 1:
            values[:] = math.nan
            return
        half = z.size // 2
        _evaluate(function, z[:half], values[:half])
        _evaluate(function, z[half:], values[half:])


def _log_ratio(mass: FloatArray, level: FloatArray) -> FloatArray:
    """log(mass / level), of masses from the least float on, exact near 0."""
    mass = np.maximum(mass, 1e-320)
    near = np.abs(mass - level) < 0.5 * level
    with np.errstate(over="ignore", divide="ignore"):
        return np.where(near, np.log1p((mass - level) / level), np.log(mass) - np.log(level))


def _next_step(
    a: FloatArray,
    b: FloatArray,
    c: FloatArray,
    fa: FloatArray,
    fb: FloatArray,
    fc: FloatArray,
    open_: Any,
    least: FloatArray,
) -> FloatArray:
    """Share of [a, b] to go: inverse quadratic where that is safe, a half elsewhere."""
    a, b, c, fa, fb, fc = (values[open_] for values in (a, b, c, fa, fb, fc))
    with np.errstate(all="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        safe = (phi**2 < xi) & ((1.0 - phi) ** 2 < 1.0 - xi)
        step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    step = np.where(safe & np.isfinite(step), step, 0.5)
    least = np.minimum(0.5 * least, 0.5)
    return np.clip(step, least, 1.0 - least)
