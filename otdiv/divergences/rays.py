"""The line cut into rays: from every place where a density may be steep, in both directions.

On a ray x = anchor ± s, and a density that is a power of s near the anchor, or far from it, has a
logarithm that is a straight line in t = log s. Where it is one to rounding, the line replaces the
law: below the last float beside the anchor, beyond the largest float, and wherever the law's own
formula loses its digits. All densities here are with respect to t: log p + t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from .._typing import FloatArray
from .power_laws import PowerLaw, bent_line, parabola, straight_line
from .standard_laws import StandardLaw

__all__ = ["COSTLY", "HARMLESS", "MINOR", "Branch", "Ray", "cut_rays"]

# What it does to a divergence when a density that underflows is taken for 0: nothing; something
# where the other density is as small; or everything.
HARMLESS, MINOR, COSTLY = range(3)

_SMALLEST = 1e-300  # length above which nothing underflows
_STEP = 4  # doublings between two samples of a log-density on its way to an end
_LAST = 40  # samples that a bent line is fitted to
_MATTERS = -34.0  # logarithm of the mass beyond the floats that is worth a bent line
_FLOOR = 2.0**-48  # distance to an anchor, relative to it, below which floats are too coarse
_EPSILON = 2.0**-52  # spacing of floats at 1
_DIGITS = np.arange(2, 51)  # distances 2^-k to an end that a float can say exactly
_BURIED = -1e9  # log-density of both laws below which rounding hides their quotient's last digits
_GRID = 400  # places at which that is looked for
_DEAD = -1e4  # log-density that is nothing beside any other
_LOG_2 = math.log(2.0)
_SUBNORMAL = -690.0  # logarithm of a float below which digits are lost, before it is 0 at -745


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
    underflow: float = math.inf  # distance from which `tail` answers in place of the law
    tail: PowerLaw | None = None
    # Whether only an underflow, which is MINOR, ends what the law says: inwards and outwards.
    noisy: bool = False  # whether rounding ends what the law says
    minor: list[bool] = field(default_factory=lambda: [False, False])

    def raw(self, s: FloatArray) -> FloatArray:
        """Log-density with respect to x."""
        if self.tail is None:
            return self.law.log_density(self.centre + self.sign * (s / self.law.scale))
        beyond = s > self.underflow
        values = np.empty(s.shape)
        values[beyond] = self.tail(s[beyond], np.log(s[beyond])) - np.log(s[beyond])
        z = self.centre + self.sign * (s[~beyond] / self.law.scale)
        values[~beyond] = self.law.log_density(z)
        return values

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

    place: Fraction  # x of the anchor
    branches: tuple[Branch, Branch]
    length: float
    marks: FloatArray  # distances of quantiles of both laws, and their scales
    crossings: FloatArray = field(default_factory=lambda: np.empty(0))  # t where p = q, if asked

    def middle(self) -> float:
        """Return a distance that is typical of the laws on this ray."""
        if self.marks.size:
            return float(np.median(self.marks))
        return self.length if math.isfinite(self.length) else 1.0

    def span(self) -> tuple[float, float]:
        """Distances beyond which no law is asked itself."""
        present = [branch for branch in self.branches if branch.present]
        return min(b.first for b in present), min(self.length, max(b.last for b in present))

    def proven(self) -> tuple[float, float]:
        """Distances beyond which one of the laws is not known."""
        present = [branch for branch in self.branches if branch.present]
        first = max((b.first for b in present if b.near is None), default=0.0)
        return first, min((b.last for b in present if b.far is None), default=math.inf)


def cut_rays(p: StandardLaw, q: StandardLaw, underflows: tuple[int, int]) -> list[Ray]:
    """Cut the line for two laws, whose underflow is HARMLESS, MINOR or COSTLY."""
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
            for law, centre, own, cost in zip(laws, centres, special, underflows, strict=True):
                branch = Branch(law, centre, float(sign), _reaches(law, centre, sign))
                if branch.present:
                    _look_inwards(branch, own, length, cost)
                    if not inner:
                        _look_outwards(branch, cost)
                branches.append(branch)
            if any(branch.present for branch in branches):
                with np.errstate(over="ignore"):
                    distances = np.concatenate(
                        [
                            sign * (z - branch.centre) * law.scale
                            for (law, z), branch in zip(marks, branches, strict=True)
                        ]
                    )
                scales = [branch.law.scale for branch in branches if branch.present]
                distances = np.concatenate([distances, scales])
                kept = distances[(distances > 0.0) & (distances < length)]
                ray = Ray(place, (branches[0], branches[1]), length, np.unique(kept))
                _bury(ray)
                _pass_underflow(ray)
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
            rounding = min(largest / 2**51, Fraction(smaller) / 10**9)
            alone = all(place != x for x, _ in first) and all(other != x for x, _ in second)
            if i not in pairs and (place == other or (alone and abs(place - other) <= rounding)):
                pairs[i] = j
                break
    anchors = []
    for i, (place, z) in enumerate(first):
        shared = i in pairs
        there = second[pairs[i]][1] if shared else laws[1].coordinate(place)
        anchors.append((place, (z, there), (True, shared)))
    for j, (place, z) in enumerate(second):
        if j not in pairs.values():
            anchors.append((place, (laws[0].coordinate(place), z), (False, True)))
    if not anchors:  # two laws on the whole line that tell no centre
        middle = Fraction(float(laws[0].quantiles()[0]))
        anchors.append((middle, (float(middle), laws[1].coordinate(middle)), (False, False)))
    return sorted(anchors)


def _look_inwards(branch: Branch, own: bool, length: float, cost: int) -> None:
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
    start = math.floor((math.log(min(length, law.scale)) - law.log_scale) / _LOG_2)
    # Powers of two above 1e-300, for z and for s.
    exponents = np.arange(start, -996 - min(0, math.floor(law.log_scale / _LOG_2)), -_STEP)
    _follow(branch, np.ldexp(1.0, exponents) * law.scale, cost, outwards=False)


def _look_outwards(branch: Branch, cost: int) -> None:
    """Find out what the law is far from the anchor."""
    law = branch.law
    start = math.floor(math.log2(max(1.0, abs(branch.centre))))
    stop = 996 - max(0, math.floor(law.log_scale / _LOG_2))
    s = np.ldexp(1.0, np.arange(start, stop, _STEP)) * law.scale
    bulk = branch.sign * (law.quantiles()[1:3] - branch.centre) * law.scale
    bulk = bulk[(bulk > 0.0) & (bulk < s.min(initial=math.inf))]
    _follow(branch, np.concatenate([bulk, s]), cost, outwards=True)


def _follow(branch: Branch, s: FloatArray, cost: int, *, outwards: bool) -> None:
    """Sample the law at distances `s` on the way to an end and describe it there."""
    if s.size < 2:
        return
    # Far away the law is a power of its own z if of anything.
    offset = max(0.0, branch.sign * branch.centre * branch.law.scale) if outwards else 0.0
    values = branch.raw(s) + np.log(s)
    found: tuple[PowerLaw | None, float] | None
    dead = _DEAD
    if values[-1] > values[-2] and math.isfinite(values[-1]):
        # Mass that grows towards the end of the floats is rounding in the law's formula.
        with np.errstate(invalid="ignore"):
            falling = np.flatnonzero(~(np.diff(values) > 0.0))
        # Some steps before it shows, it has eaten most digits.
        stop = max(2, int(falling[-1]) - 1) if falling.size else 0
        if stop >= 2:
            s, values, dead = s[:stop], values[:stop], _MATTERS
            branch.noisy = True
    with np.errstate(all="ignore"):
        found = straight_line(s, values, offset, outwards)
    if found is None and np.isfinite(values[-_LAST:]).all() and values[-1] > _MATTERS:
        found = bent_line(s[-_LAST:], values[-_LAST:], offset, outwards)
    if found is None and cost == HARMLESS and values[-1] < dead:
        found = PowerLaw(-math.inf, 0.0), float(s[-1])  # nothing, and terms that bear it
    if found is None:
        limit = _limit(branch, s, values, cost != HARMLESS, outwards)
        faded = values[-1] == -math.inf and not branch.noisy
        branch.minor[outwards] = cost == MINOR and faded
        if outwards and branch.first < limit < s[-1]:
            found = _beyond_underflow(branch, s, limit, offset)
        else:
            found = None, limit
    if outwards:
        branch.far, branch.last = found
    else:
        branch.near, branch.first = found


def _beyond_underflow(
    branch: Branch, s: FloatArray, limit: float, offset: float
) -> tuple[PowerLaw | None, float]:
    """Go on with a density that underflows at `limit`: as a power, or as exp of a parabola.

    Return the power law, or None and the distance up to which the parabola can be followed.
    """
    # A power shows over a long way, other forms only where their smaller parts have died out.
    long, short = (limit * np.exp2(-np.linspace(octaves, 0.0, 17)) for octaves in (3.0, 1.0))
    with np.errstate(all="ignore"):
        powers, values = (branch.raw(y) + np.log(y) for y in (long, short))
        if not np.isfinite(values).all() or values.min() < 2.0 * _SUBNORMAL:
            return None, limit  # a logarithm that overflows, or a law that stops otherwise
        power = straight_line(long[::4], powers[::4], offset, True)
        if power is not None:
            return power[0], limit
        branch.tail = parabola(short, values, offset)
        if branch.tail is None:
            return None, limit
        branch.underflow = limit
        followed = s[branch.tail(s, np.log(s)) > -1e290]
    return None, max(limit, float(followed.max(initial=limit)))


def _limit(
    branch: Branch, s: FloatArray, values: FloatArray, limited: bool, outwards: bool
) -> float:
    """Find the distance at which a law stops to give numbers on its way to an end."""
    usable = ~np.isnan(values) & ~np.isposinf(values)
    if limited:
        usable &= ~np.isneginf(values)
    known = np.flatnonzero(usable)
    if known.size == 0:
        return branch.first if outwards else math.inf  # nothing is known at all
    if known[-1] == s.size - 1:
        return float(s[-1])
    good, bad = math.log(s[known[-1]]), math.log(s[known[-1] + 1])
    limit, honest = _last_usable(branch, good, bad, limited)
    if not honest:
        return limit
    if not outwards:
        return float(s[-1])
    # No support goes on for ever with a density of 0: the law's formula was rounded to it, and some
    # steps before it lost its digits.
    branch.noisy = True
    return float(s[max(0, known[-1] - 2)])


def _last_usable(branch: Branch, good: float, bad: float, limited: bool) -> tuple[float, bool]:
    """Find where, between two t, a law stops to give numbers, and whether at an honest zero."""

    def narrowed(least: float) -> tuple[float, float, float, float]:
        ends = good, bad
        for _ in range(3):
            t = np.linspace(*ends, 65)
            values = branch.raw(np.exp(t)) + branch.law.log_scale
            usable = ~np.isnan(values) & ~np.isposinf(values)
            if limited:
                usable &= values > least
            k = max(1, int(np.argmin(usable)) if not usable.all() else t.size - 1)
            ends = float(t[k - 1]), float(t[k])
        return (*ends, float(values[k - 1]), float(values[k]))

    here, _, edge, beyond = narrowed(-math.inf)
    if limited and beyond == -math.inf and edge > _SUBNORMAL - 60.0:
        if edge > _SUBNORMAL:
            return math.exp(here), True
        # The logarithm of a density that underflows: its last digits went before it did.
        here = narrowed(_SUBNORMAL)[0]
    return math.exp(here), False


def _bury(ray: Ray) -> None:
    """End a ray where both densities are so small that rounding of their logarithms hides t."""
    if not all(branch.present for branch in ray.branches):
        return
    low, high = ray.span()
    for outwards in (False, True):
        models = [branch.far if outwards else branch.near for branch in ray.branches]
        if any(models) or (outwards and math.isfinite(ray.length)):
            continue
        t = np.linspace(math.log(ray.middle()), math.log(high if outwards else low), _GRID)
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


def _pass_underflow(ray: Ray) -> None:
    """Take a MINOR underflow for 0 as far as the density of the other law is far larger."""
    for branch, other in (ray.branches, ray.branches[::-1]):
        for outwards in (False, True):
            if not (branch.present and branch.minor[outwards]):
                continue
            if (branch.far if outwards else branch.near) is not None:
                continue
            limit = branch.last if outwards else branch.first
            end = max(other.last, limit) if outwards else min(other.first, limit)
            known = (other.far if outwards else other.near) is not None
            if limit <= 0.0 or math.isinf(limit) or math.isinf(end) or not other.present:
                continue
            t = np.linspace(math.log(limit), math.log(end), _GRID)
            s = np.exp(t)
            small = np.flatnonzero(~(other(s, t) > _SUBNORMAL))
            reach = limit if small.size and small[0] == 0 else end
            if small.size and small[0] > 0:
                reach = float(s[small[0] - 1])
            zero = PowerLaw(-math.inf, 0.0) if known and not small.size else None
            if outwards:
                branch.last, branch.far = reach, zero
            else:
                branch.first, branch.near = reach, zero


def _fit_beside(branch: Branch, length: float) -> None:
    """Describe a law beside an end that is not 0, from points that floats can say exactly."""
    law, centre = branch.law, branch.centre
    binade = math.ldexp(1.0, math.frexp(centre)[1] - 1)
    steps = np.ldexp(binade, -_DIGITS)
    steps = steps[steps * law.scale <= length]
    s = steps * law.scale
    values = law.log_density(centre + branch.sign * steps) + np.log(s)
    known = int(np.argmin(np.isfinite(values))) if not np.isfinite(values).all() else s.size
    if known < 16:
        return
    # Some laws keep the digits of the distance to their end. Others say 1 - c z, and lose them.
    for start, noise in ((8, 0.0), (18, 0.0), (28, 0.0), (0, 4.0 * _EPSILON * binade)):
        kept = slice(start, known)
        found = None
        if known == s.size or noise > 0.0:
            found = bent_line(s[kept], values[kept], 0.0, False, noise / steps[kept])
        if found is not None:
            branch.near, branch.first = found
            return
