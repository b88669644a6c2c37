"""The line cut into rays: from every place where a density may be steep, in both directions.

On a ray x = anchor ± s, and a density that is a power of s near the anchor, or far from it, has a
logarithm that is a straight line in t = log s. Where it is one to rounding, the line replaces the
law: below the last float beside the anchor, beyond the largest float, and wherever the law's own
formula loses its digits. All densities here are with respect to t: log p + t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .._typing import FloatArray
from .standard_laws import StandardLaw

__all__ = ["Branch", "PowerLaw", "Ray", "cut_rays"]

_SMALLEST, _LARGEST = 1e-300, 1e300  # lengths that are looked at, away from under- and overflow
_STEP = 16  # doublings between two samples of a log-density on its way to an end
_STRAIGHT = 1e-12  # departure from a straight line, relative to the logarithm, that rounding makes
_FLOOR = 2.0**-48  # distance to an anchor, relative to it, below which floats are too coarse
_DIGITS = np.arange(10, 51)  # distances 2^-k to an end that a float can say exactly
_BURIED = -1e9  # log-density of both laws below which rounding hides their quotient's last digits
_GRID = 400  # places at which that is looked for
_HOLE = -600.0  # log-density above which a zero beside it is a zero, not an underflow


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """Log-density (with respect to t) height + slope * t + bends, s = exp(t)."""

    height: float
    slope: float
    unit: float = 1.0
    bends: tuple[float, ...] = ()  # coefficients of the powers of s / unit

    def __call__(self, s: FloatArray, t: FloatArray) -> FloatArray:
        values = self.height + self.slope * t
        if self.bends:
            u = s / self.unit
            bend = np.zeros_like(u)
            for coefficient in reversed(self.bends):
                bend = (bend + coefficient) * u
            values = values + bend
        return values


@dataclass(slots=True)
class Branch:
    """One law on one ray.

    Attributes
    ----------
    near, far : PowerLaw or None
        The law towards the anchor and towards infinity.
    first, last : float
        Distances between which the law itself answers; beyond them `near` and `far` do, or nobody.
    """

    law: StandardLaw
    centre: float  # standard coordinate of the anchor
    sign: float
    present: bool  # whether the ray lies in the support
    near: PowerLaw | None = None
    far: PowerLaw | None = None
    first: float = 0.0
    last: float = math.inf

    def raw(self, s: FloatArray) -> FloatArray:
        return self.law.log_density(self.centre + self.sign * (s / self.law.scale))

    def __call__(self, s: FloatArray, t: FloatArray) -> FloatArray:
        """Log-density with respect to t at distances `s` = exp(`t`)."""
        if not self.present:
            return np.full(s.shape, -math.inf)
        # Beyond the range of floats s is 0 or infinite, and only t knows the place.
        inner, outer = s < self.first, s > self.last
        own = ~(inner | outer)
        if own.all():
            return self.raw(s) + t
        values = np.full(s.shape, -math.inf)
        if own.any():
            values[own] = self.raw(s[own]) + t[own]
        if self.near is not None:
            values[inner] = self.near(s[inner], t[inner])
        if self.far is not None:
            values[outer] = self.far(s[outer], t[outer])
        return values


@dataclass(slots=True)
class Ray:
    """One direction from one anchor, up to `length` (infinite on the two outermost rays)."""

    branches: tuple[Branch, Branch]
    length: float
    marks: FloatArray  # distances of quantiles of both laws, and their scales

    def span(self) -> tuple[float, float]:
        """Distances beyond which no law is asked itself."""
        present = [branch for branch in self.branches if branch.present]
        return min(b.first for b in present), min(self.length, max(b.last for b in present))

    def proven(self) -> tuple[float, float]:
        """Distances beyond which one of the laws is not known."""
        present = [branch for branch in self.branches if branch.present]
        first = max((b.first for b in present if b.near is None), default=0.0)
        return first, min((b.last for b in present if b.far is None), default=math.inf)


def cut_rays(p: StandardLaw, q: StandardLaw, restrict: tuple[bool, bool]) -> list[Ray]:
    """Cut the line for two laws.

    `restrict` says for each of them whether its density must not be taken for 0 where it
    underflows.
    """
    laws = (p, q)
    anchors = _anchors(laws)
    marks = [(law, law.quantiles()) for law in laws]
    rays = []
    for i, (place, centres, special) in enumerate(anchors):
        for sign in (-1, 1):
            neighbour = i + sign
            inner = 0 <= neighbour < len(anchors)
            length = math.inf
            if inner:
                length = float(abs(anchors[neighbour][0] - place)) / 2.0
                if length == 0.0:
                    continue
            branches = []
            for law, centre, own, limited in zip(laws, centres, special, restrict, strict=True):
                branch = Branch(law, centre, float(sign), _reaches(law, centre, sign))
                if branch.present:
                    _look_inwards(branch, own, length, limited)
                    if not inner:
                        _look_outwards(branch, limited)
                branches.append(branch)
            if any(branch.present for branch in branches):
                distances = np.concatenate(
                    [
                        sign * (z - branch.centre) * law.scale
                        for (law, z), branch in zip(marks, branches, strict=True)
                    ]
                )
                scales = [branch.law.scale for branch in branches if branch.present]
                distances = np.concatenate([distances, scales])
                kept = distances[(distances > 0.0) & (distances < length)]
                ray = Ray((branches[0], branches[1]), length, np.unique(kept))
                _bury(ray)
                rays.append(ray)
    return rays


def _reaches(law: StandardLaw, centre: float, sign: int) -> bool:
    """Whether the support of `law` goes on from standard coordinate `centre` in direction `sign`.

    All ends of supports are anchors, so a ray is inside or outside as a whole.
    """
    return law.low <= centre < law.high if sign > 0 else law.low < centre <= law.high


def _anchors(
    laws: tuple[StandardLaw, StandardLaw],
) -> list[tuple[Fraction, tuple[float, float], tuple[bool, bool]]]:
    """Places of all marks in order, as exact x and in both standard coordinates.

    The marks of one law are exact in its own coordinate. A mark of q that lies within rounding of
    a mark of p is that mark: 0.1 + 0.9 is 1.
    """
    first = [(laws[0].position(z), z) for z in laws[0].marks()]
    second = [(laws[1].position(z), z) for z in laws[1].marks()]
    smaller = min(law.scale for law in laws)
    pairs: dict[int, int] = {}
    for j, (place, _) in enumerate(second):
        for i, (other, _) in enumerate(first):
            largest = max(abs(place), abs(other), *(abs(Fraction(law.location)) for law in laws))
            rounding = largest * Fraction(2) ** -51
            same = place == other or (
                abs(place - other) <= min(rounding, Fraction(smaller) / 10**9)
                and all(place != taken for taken, _ in first)
                and all(other != taken for taken, _ in second)
            )
            if same and i not in pairs:
                pairs[i] = j
                break
    taken = set(pairs.values())
    anchors = []
    for i, (place, z) in enumerate(first):
        shared = i in pairs
        other = second[pairs[i]][1] if shared else laws[1].coordinate(place)
        anchors.append((place, (z, other), (True, shared)))
    for j, (place, z) in enumerate(second):
        if j not in taken:
            anchors.append((place, (laws[0].coordinate(place), z), (False, True)))
    if not anchors:  # two laws on the whole line that tell no centre
        middle = Fraction(float(laws[0].quantiles()[0]))
        anchors.append((middle, (float(middle), laws[1].coordinate(middle)), (False, False)))
    return sorted(anchors)


def _look_inwards(branch: Branch, own: bool, length: float, limited: bool) -> None:
    """Find out what the law is close to the anchor."""
    law, centre = branch.law, branch.centre
    floor = max(_FLOOR * abs(centre) * law.scale, _SMALLEST)
    branch.first = min(floor, 0.5 * length)
    if not own:
        # Not a special place of this law: its density there is a number, to the last float.
        height = float(law.log_density(np.array([centre]))[0])
        if math.isfinite(height):
            branch.near = PowerLaw(height, 1.0)
        return
    if centre != 0.0:
        _fit_beside(branch, length)
        return
    reach = min(length, _LARGEST) / law.scale
    start = min(math.floor(math.log2(reach)), 0) if reach > 0.0 else 0
    # Powers of two above 1e-300, for z and for s.
    exponents = np.arange(start, -996 - min(0, math.floor(law.log_scale / math.log(2.0))), -_STEP)
    _follow(branch, np.ldexp(1.0, exponents) * law.scale, limited, outwards=False)


def _look_outwards(branch: Branch, limited: bool) -> None:
    """Find out what the law is far from the anchor."""
    law = branch.law
    start = math.floor(math.log2(max(1.0, abs(branch.centre))))
    stop = 996 - max(0, math.floor(law.log_scale / math.log(2.0)))
    _follow(branch, np.ldexp(1.0, np.arange(start, stop, _STEP)) * law.scale, limited, outwards=True)


def _follow(branch: Branch, s: FloatArray, limited: bool, *, outwards: bool) -> None:
    """Sample the law at distances `s` on the way to an end and describe it there."""
    if s.size < 2:
        return
    t = np.log(s)
    values = branch.raw(s) + t
    with np.errstate(all="ignore"):
        model = _straight(s, t, values, outwards)
    if model is not None:
        if outwards:
            branch.far, branch.last = model
        else:
            branch.near, branch.first = model
        return
    usable = ~np.isnan(values) & ~np.isposinf(values)
    if limited:
        usable &= ~np.isneginf(values)
    beyond = np.flatnonzero(usable)
    if beyond.size == 0 or beyond[-1] == s.size - 1:
        limit = float(s[-1])
    else:
        limit = _last_usable(branch, t[beyond[-1]], t[beyond[-1] + 1], limited) or float(s[-1])
    if outwards:
        branch.last = limit
    else:
        branch.first = limit


def _last_usable(branch: Branch, good: float, bad: float, limited: bool) -> float | None:
    """Bisect, in t, for the place where a law stops to give numbers; None at an honest zero."""

    def value(t: float) -> float:
        return float(branch.raw(np.array([math.exp(t)]))[0])

    for _ in range(24):
        middle = 0.5 * (good + bad)
        found = value(middle)
        if math.isnan(found) or found == math.inf or (limited and found == -math.inf):
            bad = middle
        else:
            good = middle
    if value(bad) == -math.inf and value(good) > _HOLE:
        return None
    return math.exp(good)


def _bury(ray: Ray) -> None:
    """End a ray where both densities are so small that rounding of their logarithms hides t."""
    if not all(branch.present for branch in ray.branches):
        return
    low, high = ray.span()
    middle = float(np.median(ray.marks)) if ray.marks.size else math.sqrt(low) * math.sqrt(high)
    for outwards in (False, True):
        models = [branch.far if outwards else branch.near for branch in ray.branches]
        if any(models) or (outwards and math.isfinite(ray.length)):
            continue
        t = np.linspace(math.log(middle), math.log(high if outwards else low), _GRID)
        s = np.exp(t)
        buried = np.flatnonzero(
            np.maximum(*(branch(s, t) for branch in ray.branches)) < _BURIED  # False where NaN
        )
        if buried.size == 0:
            continue
        for branch in ray.branches:
            if outwards:
                branch.last = min(branch.last, float(s[buried[0]]))
            else:
                branch.first = max(branch.first, float(s[buried[0]]))


def _straight(
    s: FloatArray, t: FloatArray, values: FloatArray, outwards: bool
) -> tuple[PowerLaw, float] | None:
    """Return the straight line through the last four samples that lie on one, and its start."""
    for stop in range(s.size, 3, -1):
        window = slice(stop - 4, stop)
        x, y = t[window], values[window]
        if not np.isfinite(y).all():
            continue
        slope = (y[3] - y[0]) / (x[3] - x[0])
        departure = np.abs(y - (y[0] + slope * (x - x[0]))).max()
        # Mass must vanish towards the end.
        vanishing = slope < -1e-6 if outwards else slope > 1e-6
        if vanishing and departure <= _STRAIGHT * max(1.0, float(np.abs(y).max())):
            return PowerLaw(float(y[0] - slope * x[0]), float(slope)), float(s[stop - 4])
    return None


def _fit_beside(branch: Branch, length: float) -> None:
    """Describe a law beside an end that is not 0, from points that floats can say exactly."""
    law, centre = branch.law, branch.centre
    binade = math.ldexp(1.0, math.frexp(centre)[1] - 1)
    steps = binade * np.ldexp(1.0, -_DIGITS)
    steps = steps[steps * law.scale <= length]
    if steps.size < 16:
        return
    z = centre + branch.sign * steps
    s = steps * law.scale
    t = np.log(s)
    values = law.log_density(z) + t
    if not np.isfinite(values).all():
        return
    tolerance = _STRAIGHT * max(1.0, float(np.abs(values).max()))
    # A smooth factor beside the power is a polynomial of s; a law of a power of s brings others.
    for first in (0, 12, s.size - 6):
        limit = float(s[first])
        u = s[first:] / limit
        bends = 4 if first < s.size - 6 else 0
        columns = np.stack([np.ones_like(u), t[first:], *(u**k for k in range(1, bends + 1))], 1)
        size = np.abs(columns).max(axis=0)
        found = np.linalg.lstsq(columns / size, values[first:], rcond=None)[0] / size
        departure = np.abs(columns @ found - values[first:]).max()
        if departure <= tolerance and found[1] > 1e-6:
            height, slope, *powers = (float(number) for number in found)
            branch.near, branch.first = PowerLaw(height, slope, limit, tuple(powers)), limit
            return
