"""The line cut into rays: from every place where a density may be steep, in both directions.

On a ray x = anchor ± s, and a density that is a power of s near the anchor, or far from it, has a
logarithm that is a straight line in t = log s. Where it is one to rounding, the line replaces the
law: below the last float beside the anchor, beyond the largest float, and wherever the law's own
formula loses its digits. All densities here are with respect to t: log p + t.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray, IndexArray
from .power_laws import PowerLaw, bent_line, parabola, straight_line
from .standard_laws import StandardLaw

__all__ = [
    "COSTLY",
    "HARMLESS",
    "MINOR",
    "UNDERFLOWS",
    "Branch",
    "Ray",
    "cut_rays",
    "log_densities",
]

LogTerms = Callable[[FloatArray, FloatArray], FloatArray]  # T(p, q) from log p and log q

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
_LOST = -1e15  # the same below which rounding leaves no digit of a difference of a few nats
_GRID = 400  # places at which that is looked for
_DEAD = -1e4  # log-density that is nothing beside any other
_LOG_2 = math.log(2.0)
UNDERFLOWS = -690.0  # logarithm of a float below which digits are lost, before it is 0 at -745


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

    def coordinate(self, s: FloatArray) -> FloatArray:
        """Return the law's standard coordinate of distances `s`."""
        return self.centre + self.sign * (s / self.law.scale)

    def raw(self, s: FloatArray) -> FloatArray:
        """Log-density with respect to x."""
        if self.tail is None:
            return self.law.log_density(self.coordinate(s))
        beyond = s > self.underflow
        values = np.empty(s.shape)
        values[beyond] = self.tail(s[beyond], np.log(s[beyond])) - np.log(s[beyond])
        values[~beyond] = self.law.log_density(self.coordinate(s[~beyond]))
        return values

    def without_law(self, s: FloatArray, t: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Log-density with respect to t as far as no call of the law is needed, and where it is."""
        values = np.full(s.shape, -math.inf)
        if not self.present:
            return values, np.zeros(s.shape, dtype=bool)
        # Beyond the range of floats s is 0 or infinite, and only t knows the place.
        inner, outer = s < self.first, s > self.last
        own = ~(inner | outer)
        for model, there in ((self.near, inner), (self.far, outer)):
            if model is not None and there.any():
                values[there] = model(s[there], t[there])
        if self.tail is not None:
            there = own & (s > self.underflow)
            values[there] = self.tail(s[there], t[there])
            own &= ~there
        return values, own

    def __call__(self, s: FloatArray, t: FloatArray) -> FloatArray:
        """Log-density with respect to t at distances `s` = exp(`t`)."""
        values, own = self.without_law(s, t)
        if own.any():
            values[own] = self.law.log_density(self.coordinate(s[own])) + t[own]
        return values


def log_densities(
    branches: Sequence[Branch], owner: IndexArray, s: FloatArray, t: FloatArray
) -> FloatArray:
    """Log-density with respect to t of one law on all rays, in one call of the law.

    `owner` says for each place on which of the rays it lies.
    """
    values, z = np.empty(s.shape), np.empty(s.shape)
    asked = np.zeros(s.shape, dtype=bool)
    for index, branch in enumerate(branches):
        here = np.flatnonzero(owner == index)
        values[here], own = branch.without_law(s[here], t[here])
        mine = here[own]
        asked[mine] = True
        z[mine] = branch.coordinate(s[mine])
    if asked.any():
        values[asked] = branches[0].law.log_density(z[asked]) + t[asked]
    return values


@dataclass(slots=True)
class Ray:
    """One direction from one anchor, up to `length` (infinite on the two outermost rays)."""

    place: Fraction  # x of the anchor
    branches: tuple[Branch, Branch]
    length: float
    marks: FloatArray  # distances of quantiles of both laws, and their scales
    cuts: FloatArray = field(default_factory=lambda: np.empty(0))  # t at which a piece has to end

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


def cut_rays(
    p: StandardLaw, q: StandardLaw, underflows: tuple[int, int], log_terms: LogTerms
) -> list[Ray]:
    """Cut the line for two laws, whose underflow is HARMLESS, MINOR or COSTLY to `log_terms`."""
    laws = (p, q)
    anchors = _anchors(laws)
    rays, looks = [], []
    for i, (place, centres, special) in enumerate(anchors):
        for sign in (-1, 1):
            neighbour = i + sign
            inner = 0 <= neighbour < len(anchors)
            length = float(abs(anchors[neighbour][0] - place)) / 2.0 if inner else math.inf
            branches = (
                Branch(p, centres[0], float(sign), _reaches(p, centres[0], sign)),
                Branch(q, centres[1], float(sign), _reaches(q, centres[1], sign)),
            )
            if length == 0.0 or not any(branch.present for branch in branches):
                continue
            rays.append(Ray(place, branches, length, _marks(branches, length)))
            for branch, own, cost in zip(branches, special, underflows, strict=True):
                if branch.present:
                    looks.append(_inwards(branch, own, length, cost))
                    if not inner:
                        looks.append(_outwards(branch, cost))
    for law in laws:
        mine = [look for look in looks if look.branch.law is law]
        # One call of the law costs more than its numbers.
        sizes = np.cumsum([look.z.size for look in mine])
        values = law.log_density(np.concatenate([look.z for look in mine]))
        for look, part in zip(mine, np.split(values, sizes[:-1]), strict=True):
            look.describe(look, part)
    for ray in rays:
        _bury(ray, log_terms)
        _pass_underflow(ray)
    return rays


def _marks(branches: tuple[Branch, Branch], length: float) -> FloatArray:
    """Distances on a ray at which the quantiles of both laws lie, and their scales."""
    with np.errstate(over="ignore"):
        distances = np.concatenate(
            [
                *(b.sign * (b.law.quantiles() - b.centre) * b.law.scale for b in branches),
                [b.law.scale for b in branches if b.present],
            ]
        )
    kept: FloatArray = np.unique(distances[(distances > 0.0) & (distances < length)])
    return kept


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


class _Look(NamedTuple):
    """Where a law is asked on its way to an end of a ray, and what to do with its answers there."""

    branch: Branch
    describe: Callable[[_Look, FloatArray], None]
    s: FloatArray  # distances
    z: FloatArray  # the same places in the law's standard coordinate
    cost: int
    outwards: bool


def _inwards(branch: Branch, own: bool, length: float, cost: int) -> _Look:
    """Where to ask what the law is close to the anchor."""
    law, centre = branch.law, branch.centre
    floor = max(_FLOOR * abs(centre) * law.scale, _SMALLEST)
    branch.first = min(floor, 0.5 * length)
    if not own:
        # Not a special place of this law: its density there is a number, to the last float.
        return _Look(branch, _level, np.zeros(1), np.array([centre]), cost, False)
    if centre != 0.0:
        steps = np.ldexp(math.ldexp(1.0, math.frexp(centre)[1] - 1), -_DIGITS)
        steps = steps[steps * law.scale <= length]
        return _Look(
            branch, _fit_beside, steps * law.scale, centre + branch.sign * steps, cost, False
        )
    start = math.floor((math.log(min(length, law.scale)) - law.log_scale) / _LOG_2)
    # Powers of two above 1e-300, for z and for s.
    exponents = np.arange(start, -996 - min(0, math.floor(law.log_scale / _LOG_2)), -_STEP)
    s = np.ldexp(1.0, exponents) * law.scale
    return _Look(branch, _follow, s, branch.coordinate(s), cost, False)


def _outwards(branch: Branch, cost: int) -> _Look:
    """Where to ask what the law is far from the anchor."""
    law = branch.law
    start = math.floor(math.log2(max(1.0, abs(branch.centre))))
    stop = 996 - max(0, math.floor(law.log_scale / _LOG_2))
    s = np.ldexp(1.0, np.arange(start, stop, _STEP)) * law.scale
    bulk = branch.sign * (law.quantiles()[1:3] - branch.centre) * law.scale
    bulk = bulk[(bulk > 0.0) & (bulk < s.min(initial=math.inf))]
    s = np.concatenate([bulk, s])
    return _Look(branch, _follow, s, branch.coordinate(s), cost, True)


def _level(look: _Look, values: FloatArray) -> None:
    """Take the density at the anchor for that beside it."""
    if math.isfinite(values[0]):
        look.branch.near = PowerLaw(float(values[0]), 1.0)


def _follow(look: _Look, values: FloatArray) -> None:
    """Describe the law on its way to an end where its density is a power, or nothing."""
    branch, _, s, _, cost, outwards = look
    if s.size < 2:
        return
    # Far away the law is a power of its own z if of anything.
    offset = max(0.0, branch.sign * branch.centre * branch.law.scale) if outwards else 0.0
    values = values + np.log(s)
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
        if not np.isfinite(values).all() or values.min() < 2.0 * UNDERFLOWS:
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
    if limited and beyond == -math.inf and edge > UNDERFLOWS - 60.0:
        if edge > UNDERFLOWS:
            return math.exp(here), True
        # The logarithm of a density that underflows: its last digits went before it did.
        here = narrowed(UNDERFLOWS)[0]
    return math.exp(here), False


def _bury(ray: Ray, log_terms: LogTerms) -> None:
    """End a ray where both densities are so small that rounding of their logarithms hides t.

    Powers of them, as p^2 / q, may grow again far beyond that place.
    """
    if not all(branch.present for branch in ray.branches):
        return
    low, high = ray.span()
    for outwards in (False, True):
        models = [branch.far if outwards else branch.near for branch in ray.branches]
        if any(models) or (outwards and math.isfinite(ray.length)):
            continue
        t = np.linspace(math.log(ray.middle()), math.log(high if outwards else low), _GRID)
        s = np.exp(t)
        log_densities = [branch(s, t) for branch in ray.branches]
        with np.errstate(all="ignore"):
            dead = log_terms(*log_densities) == 0.0
        larger = np.maximum(*log_densities)
        buried = np.flatnonzero(larger < _BURIED)  # False where NaN
        if buried.size and not dead[buried[0] :].all():
            buried = np.flatnonzero(larger < _LOST)
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
            small = np.flatnonzero(~(other(s, t) > UNDERFLOWS))
            reach = limit if small.size and small[0] == 0 else end
            if small.size and small[0] > 0:
                reach = float(s[small[0] - 1])
            zero = PowerLaw(-math.inf, 0.0) if known and not small.size else None
            if outwards:
                branch.last, branch.far = reach, zero
            else:
                branch.first, branch.near = reach, zero


def _fit_beside(look: _Look, values: FloatArray) -> None:
    """Describe a law beside an end that is not 0, from points that floats can say exactly."""
    branch, s = look.branch, look.s
    values = values + np.log(s)
    known = int(np.argmin(np.isfinite(values))) if not np.isfinite(values).all() else s.size
    if known < 16:
        return
    # Some laws keep the digits of the distance to their end. Others say 1 - c z, and lose them.
    spacing = 4.0 * _EPSILON * math.ldexp(1.0, math.frexp(branch.centre)[1] - 1) * branch.law.scale
    for start, noise in ((8, 0.0), (18, 0.0), (28, 0.0), (0, spacing)):
        kept = slice(start, known)
        found = None
        if known == s.size or noise > 0.0:
            found = bent_line(s[kept], values[kept], 0.0, False, noise / s[kept])
        if found is not None:
            branch.near, branch.first = found
            return
