"""Laws on the line in one shape: distribution function, quantile function, moments, family.

Each has `cdf` P(X <= t), `sf` P(X > t), `ppf` (the smallest t with cdf(t) >= u) and `isf` (the
smallest t with sf(t) <= v), all of arrays; the ends `lower` and `upper` of its support; `mean` and
`variance`; `breaks`, the positions of its atoms in increasing order; and its `family`.

scipy.stats takes long to import and is never imported here: a frozen law brings its own methods.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..._laws import as_law, is_law
from ..._typing import FloatArray
from ..._validation import as_points, as_weights
from ...errors import InvalidInputError, UnsupportedProblemError
from ...measures import DiscreteMeasure, Gaussian
from .frozen import StandardLaw, quietly

__all__ = ["Atoms", "Family", "Frozen", "LineLaw", "Normal", "as_line_law"]

# Atoms that an infinite discrete law may be cut to: 8 MB an array; by taste.
_MAX_ATOMS = 2**20
# Mass beyond the cut: its W_p to the whole law is about this to the power 1/p.
_CUT_MASS = 1e-200
# The same where that would take too many atoms: they are lumped, and what that moves is bounded.
_LUMPED_MASS = 1e-40
_EMPTY = np.empty(0)

# Far beyond a law there is nothing: a coordinate that overflows has the same cdf as infinity.
_OVERFLOWING = np.errstate(over="ignore")


@dataclass(frozen=True, slots=True)
class Family:
    """Location-scale family: the law is that of loc + scale * Z with Z named by `key`.

    `mean` and `variance` are those of Z, `lower` and `upper` the ends of its support.
    """

    key: tuple[Any, ...]
    loc: float
    scale: float
    mean: float
    variance: float
    lower: float
    upper: float


class Displacement(NamedTuple):
    """Upper bounds of W_1, of W_2, and of the change of any integral of (F - G)²."""

    first: float
    second: float
    square: float

    def beyond(self, mass: float, index: float, reach: float) -> Displacement:
        """Add a tail that falls like (distance / reach) to the power -index, to powers of moves."""
        if mass == 0.0:
            return self
        # Integrals of (s - reach)^p over such a tail, at most p / (index - p) mass reach^p; a
        # factor of two for an index that was measured.
        terms = (
            2.0 * mass * reach * p / (index - p) if index > p else math.inf for p in (1.0, 2.0)
        )
        square = 2.0 * mass * mass * reach / (2.0 * index - 1.0) if index > 0.5 else math.inf
        first, second = terms
        return Displacement(self.first + first, self.second + reach * second, self.square + square)

    def rooted(self) -> Displacement:
        """With the root of the mean squared move in place of it."""
        return self._replace(second=math.sqrt(self.second))

    def of_order(self, p: float) -> float:
        """Upper bound of W_p."""
        if p <= 1.0 or self.first == 0.0:
            return self.first
        return self.second if p <= 2.0 else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Atoms:
    """Finitely many atoms in increasing order, of total mass one.

    `lower` and `upper` are the ends of the support of the law that was meant: where they are
    infinite, the atoms are a cut of it, and `is_cut` is True.
    """

    breaks: FloatArray
    weights: FloatArray
    lower: float
    upper: float
    moments: tuple[float, float] | None = None
    """Mean and variance of the law that was meant, where they are not those of the atoms."""
    displaced: Displacement = field(default_factory=lambda: Displacement(0.0, 0.0, 0.0))
    """How far these atoms are from the law that was meant."""
    power: float = math.inf
    """Power of the distance that the mass of the law that was meant falls with."""
    below: FloatArray = field(init=False)
    """P(X <= breaks[i])."""
    above: FloatArray = field(init=False)
    """P(X > breaks[i]), summed from above so that small tails keep their digits."""
    mean: float = field(init=False)
    variance: float = field(init=False)
    family: None = field(default=None, init=False)

    def __post_init__(self) -> None:
        sums = np.minimum(np.cumsum(self.weights), 1.0)
        rests = np.minimum(np.cumsum(self.weights[::-1])[::-1], 1.0)
        sums[-1] = 1.0
        mean = float(self.weights @ self.breaks)
        with np.errstate(over="ignore"):
            variance = float(self.weights @ (self.breaks - mean) ** 2)
        if self.moments is not None:
            mean, variance = self.moments
        values = {
            "below": sums,
            "above": np.append(rests[1:], 0.0),
            "mean": mean,
            "variance": variance,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_sample(
        cls, x: FloatArray, a: FloatArray, ends: tuple[float, float] | None = None
    ) -> Atoms:
        """Sort and join atoms `x` (n,) of relative weights `a` (n,); those without mass go."""
        present = a > 0.0
        support, inverse = np.unique(x[present], return_inverse=True)
        sums = np.asarray(np.bincount(inverse, weights=a[present] / a.max()), dtype=np.float64)
        weights = sums / math.fsum(sums)
        lower, upper = (float(support[0]), float(support[-1])) if ends is None else ends
        return cls(breaks=support, weights=weights, lower=lower, upper=upper)

    def moved(self, origin: float, unit: float) -> Atoms:
        """The law of (X - origin) / unit."""
        moments = None
        if self.moments is not None:
            moments = (self.mean - origin) / unit, self.variance / unit / unit
        return replace(
            self,
            breaks=self.breaks / unit - origin / unit,
            lower=self.lower / unit - origin / unit,
            upper=self.upper / unit - origin / unit,
            moments=moments,
            displaced=Displacement(*(length / unit for length in self.displaced)),
        )

    @property
    def is_cut(self) -> bool:
        """Whether these are some of infinitely many atoms."""
        return math.isinf(self.lower) or math.isinf(self.upper)

    def cdf_left(self, t: FloatArray) -> FloatArray:
        """P(X < t)."""
        index = np.searchsorted(self.breaks, t, side="left")
        return np.where(index > 0, self.below[np.maximum(index - 1, 0)], 0.0)

    def sf_left(self, t: FloatArray) -> FloatArray:
        """P(X >= t)."""
        index = np.searchsorted(self.breaks, t, side="left")
        return np.where(index > 0, self.above[np.maximum(index - 1, 0)], 1.0)

    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X <= t)."""
        index = np.searchsorted(self.breaks, t, side="right")
        return np.where(index > 0, self.below[np.maximum(index - 1, 0)], 0.0)

    def sf(self, t: FloatArray) -> FloatArray:
        """P(X > t)."""
        index = np.searchsorted(self.breaks, t, side="right")
        return np.where(index > 0, self.above[np.maximum(index - 1, 0)], 1.0)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Smallest atom with P(X <= t) >= u."""
        return self.breaks[np.searchsorted(self.below, u, side="left")]

    def isf(self, v: FloatArray) -> FloatArray:
        """Smallest atom with P(X > t) <= v."""
        return self.breaks[np.searchsorted(-self.above, -v, side="left")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """The normal law with mean `loc` and standard deviation `scale` > 0."""

    loc: float
    scale: float
    lower: float = -math.inf
    upper: float = math.inf
    breaks: FloatArray = field(default_factory=lambda: _EMPTY)
    power: float = math.inf

    @property
    def mean(self) -> float:
        """Mean."""
        return self.loc

    @property
    def variance(self) -> float:
        """Variance."""
        return self.scale * self.scale

    def moved(self, origin: float, unit: float) -> Normal:
        """The law of (X - origin) / unit."""
        return Normal(loc=(self.loc - origin) / unit, scale=self.scale / unit)

    @property
    def family(self) -> Family:
        """The normal laws."""
        return Family(("normal",), self.loc, self.scale, 0.0, 1.0, -math.inf, math.inf)

    @_OVERFLOWING
    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X <= t)."""
        from scipy.special import ndtr

        return np.asarray(ndtr((t - self.loc) / self.scale))

    @_OVERFLOWING
    def sf(self, t: FloatArray) -> FloatArray:
        """P(X > t)."""
        from scipy.special import ndtr

        return np.asarray(ndtr((self.loc - t) / self.scale))

    @_OVERFLOWING
    def ppf(self, u: FloatArray) -> FloatArray:
        """Quantile of level u."""
        from scipy.special import ndtri

        return np.asarray(self.loc + self.scale * ndtri(u))

    @_OVERFLOWING
    def isf(self, v: FloatArray) -> FloatArray:
        """Quantile of level 1 - v."""
        from scipy.special import ndtri

        return np.asarray(self.loc - self.scale * ndtri(v))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A frozen law of scipy.stats, mostly a continuous one: that of loc + scale Z."""

    standard: StandardLaw
    """The law of Z."""
    loc: float
    scale: float
    standard_mean: float
    standard_variance: float
    family: Family | None
    breaks: FloatArray = field(default_factory=lambda: _EMPTY)

    @property
    def mean(self) -> float:
        """Mean."""
        return math.inf if self.power <= 1.0 else self.loc + self.scale * self.standard_mean

    @property
    def variance(self) -> float:
        """Variance."""
        return math.inf if self.power <= 2.0 else self.scale * self.standard_variance * self.scale

    @property
    def power(self) -> float:
        """Power of the distance that the heavier tail falls with, inf for light ones."""
        return min(self.standard.power("below"), self.standard.power("above"))

    @property
    def lower(self) -> float:
        """Lower end of the support."""
        return self.loc + self.scale * self.standard.lower

    @property
    def upper(self) -> float:
        """Upper end of the support."""
        return self.loc + self.scale * self.standard.upper

    @property
    def displaced(self) -> Displacement:
        """What was cut off a tail, known when the functions have been called."""
        moved = Displacement(0.0, 0.0, 0.0)
        for mass, power, reach in self.standard.lost.values():
            moved = moved.beyond(mass, power, self.scale * reach)
        return moved.rooted()

    def moved(self, origin: float, unit: float) -> Frozen:
        """The law of (X - origin) / unit."""
        return replace(self, loc=(self.loc - origin) / unit, scale=self.scale / unit, family=None)

    @_OVERFLOWING
    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X <= t)."""
        return self.standard.cdf((t - self.loc) / self.scale)

    @_OVERFLOWING
    def sf(self, t: FloatArray) -> FloatArray:
        """P(X > t)."""
        return self.standard.sf((t - self.loc) / self.scale)

    @_OVERFLOWING
    def ppf(self, u: FloatArray) -> FloatArray:
        """Quantile of level u."""
        return self.loc + self.scale * self.standard.ppf(u)

    @_OVERFLOWING
    def isf(self, v: FloatArray) -> FloatArray:
        """Quantile of level 1 - v."""
        return self.loc + self.scale * self.standard.isf(v)


LineLaw: TypeAlias = Atoms | Normal | Frozen


def as_line_law(name: str, value: Any, weights: Any = None) -> LineLaw:
    """Coerce a 1-D sample, `DiscreteMeasure`, `Gaussian` or frozen law.

    A discrete measure stands for its relative frequencies.

    Raises
    ------
    InvalidInputError
        If it is no such law, its parameters are arrays or not valid, or a law comes with weights.
    UnsupportedProblemError
        For laws of more than one dimension.
    """
    if isinstance(value, Atoms | Normal | Frozen):
        return value
    value = as_law(name, value)
    if weights is not None and (is_law(value) or isinstance(value, DiscreteMeasure)):
        raise InvalidInputError(f"{name}_weights", "be None for a law", "weights")
    if is_law(value) and not isinstance(value, Gaussian):
        return _as_frozen(name, value)
    d = value.d if isinstance(value, DiscreteMeasure | Gaussian) else 1
    if not isinstance(value, DiscreteMeasure | Gaussian):
        value = DiscreteMeasure.from_samples(as_points(name, value))
        d = value.d
        if weights is not None:
            weights = as_weights(f"{name}_weights", weights, value.n, normalize=True)
    if d != 1:
        raise UnsupportedProblemError(
            f"`{name}` has {d} dimensions: distances from or to a law are computed on the line, "
            "and W2 between two Gaussians in any dimension; draw samples from the law instead"
        )
    if isinstance(value, DiscreteMeasure):
        return Atoms.from_sample(value.points[:, 0], value.weights if weights is None else weights)
    loc, scale = float(value.mean[0]), value.standard_deviation
    if scale == 0.0:
        return Atoms(breaks=np.array([loc]), weights=np.ones(1), lower=loc, upper=loc)
    return Normal(loc=loc, scale=scale)


def _as_frozen(name: str, value: Any) -> LineLaw:
    law = value
    if not hasattr(law, "dist"):
        # stats.norm itself, or a distribution of one's own without shape parameters.
        try:
            law = value()
        except TypeError:
            raise InvalidInputError(
                name, "be frozen, its parameters given", type(value).__name__
            ) from None
    standard, shapes, loc, scale = _standard_form(name, law)
    family_name = _family_name(standard)
    if family_name == "norm":
        return Normal(loc=loc, scale=scale)
    law_of_z = StandardLaw(name, standard, shapes)
    median = law_of_z.median
    if hasattr(law, "pmf"):
        if math.isnan(median):
            median = float(np.floor(_moments(law)[0]))  # it is but the place where the atoms begin
        _check_median(name, median)
        return _cut(name, law, law_of_z.lower, law_of_z.upper, median)
    _check_median(name, median)
    mean, variance = _moments(standard, shapes)
    family = None
    if family_name is not None:
        key = (family_name, *shapes)
        family = Family(key, loc, scale, mean, variance, law_of_z.lower, law_of_z.upper)
    return Frozen(
        standard=law_of_z,
        loc=loc,
        scale=scale,
        standard_mean=mean,
        standard_variance=variance,
        family=family,
    )


def _standard_form(name: str, law: Any) -> tuple[Any, tuple[float, ...], float, float]:
    """The law Z with X = loc + scale Z, as a distribution and its shapes, loc and scale."""
    dist = law.dist
    parse = getattr(dist, "_parse_args", None)
    if parse is None or hasattr(law, "pmf"):
        median = np.asarray(quietly(law.ppf, 0.5))
        if median.ndim:
            raise InvalidInputError(
                name, "be one law, its parameters scalars", f"shape {median.shape}"
            )
        return law, (), 0.0, 1.0
    shapes, loc, scale = parse(*law.args, **law.kwds)
    for parameter in (*shapes, loc, scale):
        if np.ndim(parameter):
            raise InvalidInputError(
                name, "be one law, its parameters scalars", f"shape {np.shape(parameter)}"
            )
    shapes, loc, scale = tuple(float(shape) for shape in shapes), float(loc), float(scale)
    if not (math.isfinite(loc) and 0.0 < scale < math.inf):
        requirement = "be a law with valid parameters"
        raise InvalidInputError(name, requirement, f"loc {loc:g} and scale {scale:g}")
    return dist, shapes, loc, scale


def _check_median(name: str, median: float) -> None:
    if math.isnan(median):
        raise InvalidInputError(name, "be a law with valid parameters", "a median of NaN")


def _family_name(dist: Any) -> str | None:
    """Name of a distribution of SciPy's that with the shapes says all: not of a histogram."""
    if not type(dist).__module__.startswith("scipy.stats.") or hasattr(dist, "_histogram"):
        return None
    return getattr(dist, "name", None)


def _moments(law: Any, shapes: tuple[float, ...] = ()) -> tuple[float, float]:
    """Mean and variance, NaN where SciPy has none."""
    try:
        mean, variance = (float(moment) for moment in quietly(law.stats, *shapes, moments="mv"))
    except Exception:
        return math.nan, math.nan
    return mean, variance if variance >= 0.0 else math.nan


def _cut(name: str, law: Any, lower: float, upper: float, median: float) -> Atoms:
    """Atoms of a discrete law, cut where less than `_CUT_MASS` remains on either side."""
    points = getattr(law.dist, "xk", None)
    if points is not None:
        _, loc, _ = law.dist._parse_args(*law.args, **law.kwds)
        support = np.asarray(points, dtype=np.float64)
        return Atoms.from_sample(support + float(loc), np.asarray(law.dist.pk, dtype=np.float64))
    ends = []
    for end, sign, tail in ((lower, -1.0, law.cdf), (upper, 1.0, law.sf)):
        step, position = 1.0, median
        while quietly(tail, position) > _CUT_MASS and sign * (end - position) > 0.0:
            position = min(max(median + sign * step, lower), upper)
            step *= 1.5 if step > 8.0 else 2.0
            step = math.floor(step)
            if step > _MAX_ATOMS:
                return _lumped(name, law, lower, upper, median)
        ends.append(position)
    support = np.arange(ends[0], ends[1] + 1.0)
    weights = np.maximum(np.asarray(quietly(law.pmf, support)), 0.0)
    return Atoms.from_sample(support, weights, (lower, upper))


def _lumped(name: str, law: Any, lower: float, upper: float, median: float) -> Atoms:
    """A discrete law with too many atoms: runs of neighbours are put at their middle.

    An atom in the middle of a run of width w moves by w / 2 at most, and what lies beyond the last
    position R by its excess, whose first two moments are those that the atoms leave of the law's.
    """
    kind = type(law.dist)
    if all(function.__qualname__.startswith("rv_") for function in (kind._cdf, kind._sf)):
        # SciPy adds the masses one by one up to each point: so do we, once.
        first = max(lower, median - _MAX_ATOMS // 2)
        edges = np.arange(first - 1.0, min(upper, first + _MAX_ATOMS) + 1.0)
        weights = np.maximum(np.asarray(quietly(law.pmf, edges[1:])), 0.0)
        near, far = (edges[1:][k] - first + 1.0 for k in (weights.size // 2, -1))
        with np.errstate(all="ignore"):
            # Where masses fall like k^-(1 + index), those beyond k are k / index of that at k.
            index = np.log(weights[weights.size // 2] / weights[-1]) / np.log(far / near) - 1.0
            rest = float(weights[-1] * far / index) if weights[-1] > 0.0 else 0.0
        masses = [(0.0, math.inf), (rest, float(index))]
    else:
        edges = _run_ends(law, lower, upper, median)
        above = quietly(law.sf, edges)
        # A function that SciPy makes of sums of masses is left aside.
        below = 1.0 - above if kind._cdf.__qualname__.startswith("rv_") else quietly(law.cdf, edges)
        weights = np.where(edges[1:] <= median, np.diff(below), -np.diff(above))
        masses = [
            (float(tail[end]), _index(tail, np.abs(edges - median), end))
            for tail, end in ((below, 0), (above, -1))
        ]
    if not np.isfinite(weights).all():
        raise UnsupportedProblemError(
            f"`{name}` puts mass on more than {_MAX_ATOMS} atoms, and SciPy's masses of it are not "
            "numbers; draw samples from it, or pass a DiscreteMeasure cut where it may be"
        )
    widths = np.diff(edges) - 1.0
    # Beyond the last position lies, on average, its excess over the median, times k / (k - 1).
    last = [
        median + (edge - median) * (index / (index - 1.0) if 1.0 < index < math.inf else 1.0)
        for edge, (_, index) in zip((edges[0], edges[-1]), masses, strict=True)
    ]
    support = np.concatenate([last[:1], edges[1:] - 0.5 * widths, last[1:]])
    ends = [max(mass, 0.0) for mass, _ in masses]
    weights = np.concatenate([ends[:1], np.maximum(weights, 0.0), ends[1:]])
    weights /= math.fsum(weights)
    lumps = float(weights[1:-1] @ widths), float(weights[1:-1] @ widths**2)
    moved = Displacement(0.5 * lumps[0], 0.25 * lumps[1], lumps[0])
    for (mass, index), edge in zip(masses, (edges[0], edges[-1]), strict=True):
        moved = moved.beyond(max(mass, 0.0), index, abs(float(edge) - median) + 1.0)
    atoms = Atoms.from_sample(support, weights, (lower, upper))
    power = min(index for mass, index in masses if mass > 0.0 or index == math.inf)
    return replace(atoms, moments=_moments(law), displaced=moved.rooted(), power=power)


def _run_ends(law: Any, lower: float, upper: float, median: float) -> FloatArray:
    """Last positions of runs of neighbours: between doublings from the median the runs are equal.

    They end where less than `_LUMPED_MASS` is left.
    """
    sides = []
    for end, sign, tail in ((lower - 1.0, -1.0, law.cdf), (upper, 1.0, law.sf)):
        doublings = [median]
        step = 1.0
        while sign * (end - doublings[-1]) > 0.0 and quietly(tail, doublings[-1]) > _LUMPED_MASS:
            following = median + sign * step
            if not math.isfinite(following):
                break
            doublings.append(following if sign * (end - following) > 0.0 else end)
            step *= 2.0
        sides.append(doublings)
    share = max(16, _MAX_ATOMS // (2 * sum(map(len, sides))))
    pieces = [np.array([median])]
    for doublings in sides:
        pieces += [np.linspace(a, b, share) for a, b in pairwise(doublings)]
    return np.unique(np.floor(np.concatenate(pieces)))


def _index(tail: FloatArray, distances: FloatArray, end: int) -> float:
    """Power that a tail falls with, between half way to its last position and that."""
    half = int(np.argmin(np.abs(distances - 0.5 * distances[end])))
    if not 0.0 < tail[end] < tail[half]:
        return math.inf
    return float(np.log(tail[half] / tail[end]) / np.log(distances[end] / distances[half]))
