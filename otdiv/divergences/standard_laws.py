"""One frozen law as the quadrature sees it: in its own standard coordinate, behind guarded calls.

A law with location and scale is read at z = (x - loc) / scale. Near an end that is not 0, and for
a law narrower than the floats around it, x cannot say where a point lies; z and an exact location
can.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .._typing import FloatArray
from ..errors import ConvergenceError, InvalidInputError, OtdivError, UnsupportedProblemError

__all__ = ["Clock", "StandardLaw", "guarded", "scalar_support"]

# Tail probabilities whose quantiles cut the line. They only have to find where a law lives: what
# lies beyond is reached in logarithmic steps.
_TAILS = np.array([0.25, 0.04, 1e-3, 1e-6, 1e-12, 1e-25, 1e-60, 1e-150])
_PROBES = np.array([0.05, 0.3, 0.8])  # quantiles at which two forms of a law are compared
_SLICE_SECONDS = 0.25  # aim of one call of a slow log-density, so that the clock is seen
_QUANTILE_SECONDS = 1.0  # spent on the quantiles of one law


class Clock:
    """Processor time granted to one quadrature."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._end = time.process_time() + seconds
        self._earliest = time.perf_counter() + seconds

    def check(self, name: str) -> None:
        """Raise where the time is over; `name` is the law that took it."""
        # The clock on the wall is the one that is cheap to ask.
        if time.perf_counter() > self._earliest and time.process_time() > self._end:
            raise ConvergenceError(
                f"the quadrature was stopped after {self.seconds:g} s of processor time: the "
                f"log-density of `{name}` takes too long; pass samples to an estimator or a "
                "probability vector"
            )


def guarded(name: str, method: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a method of a law of somebody else: silent, and with errors of ours."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*arguments)
    except OtdivError:
        raise
    except Exception as error:
        raise UnsupportedProblemError(
            f"`{name}` cannot be read: its {method} raises {type(error).__name__}: {error}"
        ) from error


def _numbers(name: str, method: str, function: Callable[..., Any], *arguments: Any) -> FloatArray:
    values = guarded(name, method, function, *arguments)
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UnsupportedProblemError(
            f"`{name}` cannot be read: its {method} gives {type(values).__name__}, not numbers"
        ) from None


def scalar_support(name: str, law: Any) -> tuple[float, float]:
    """Ends of the support of one law."""
    ends = guarded(name, "support", law.support)
    if getattr(getattr(law, "dist", None), "name", "") == "vonmises":
        # SciPy's density goes round the circle for ever; its draws are within one turn.
        split = _location_and_scale(law)
        location, scale = (0.0, 1.0) if split is None else split[1:]
        ends = location - scale * math.pi, location + scale * math.pi
    low, high = (np.asarray(end, dtype=np.float64) for end in ends)
    if low.ndim or high.ndim:
        raise InvalidInputError(name, "be one law: freeze it with scalar parameters", low.shape)
    if math.isnan(low) or math.isnan(high):
        raise InvalidInputError(name, "have valid parameters", "a law with support NaN")
    return float(low), float(high)


def _location_and_scale(law: Any) -> tuple[Any, float, float] | None:
    """Split a frozen law of scipy.stats into its standard form, location and scale."""
    family = getattr(law, "dist", None)
    arguments, keywords = getattr(law, "args", None), getattr(law, "kwds", None)
    if family is None or arguments is None or keywords is None:
        return None
    shapes = family.shapes.replace(" ", "").split(",") if family.shapes else []
    given = dict(zip([*shapes, "loc", "scale"], arguments, strict=False)) | dict(keywords)
    try:
        location, scale = (
            float(np.asarray(given.get(name, default)).reshape(()))
            for name, default in (("loc", 0.0), ("scale", 1.0))
        )
        return _Standard(family, tuple(given[name] for name in shapes)), location, scale
    except (KeyError, TypeError, ValueError):
        return None


class _Standard:
    """A family at its shapes, at location 0 and scale 1; freezing it again would take longer."""

    def __init__(self, family: Any, shapes: tuple[Any, ...]):
        self.dist = family
        self._shapes = shapes

    def support(self) -> Any:
        return self.dist.support(*self._shapes)

    def logpdf(self, z: Any) -> Any:
        return self.dist.logpdf(z, *self._shapes)

    def ppf(self, level: Any) -> Any:
        return self.dist.ppf(level, *self._shapes)

    def isf(self, level: Any) -> Any:
        return self.dist.isf(level, *self._shapes)


def _moves_like_others(law: Any) -> bool:
    """Whether scipy's own generic logpdf places and stretches the law."""
    for kind in type(law.dist).__mro__:
        if "logpdf" in vars(kind):
            return str(kind.__module__) == "scipy.stats._distn_infrastructure"
    return False


class StandardLaw:
    """A law with its location and scale split off, where it has them.

    Attributes
    ----------
    name : str
        As the caller knows the argument.
    location, scale : float
        The law lives at x = location + scale * z. 0 and 1 for laws that do not tell.
    low, high : float
        Ends of the support, as z.
    """

    def __init__(self, name: str, law: Any, clock: Clock):
        self.name = name
        self.clock = clock
        support = scalar_support(name, law)
        self.law, self.location, self.scale = law, 0.0, 1.0
        self.low, self.high = support
        self._slice = 64
        self._quantiles: FloatArray | None = None
        self.log_scale = 0.0
        parts = guarded(name, "dist", _location_and_scale, law)
        if parts is not None and parts[1:] != (0.0, 1.0):
            self._split(law, support, *parts)

    def _split(
        self,
        law: Any,
        support: tuple[float, float],
        standard: Any,
        location: float,
        scale: float,
    ) -> None:
        """Take the standard form where the frozen law is that, moved and stretched."""
        low, high = scalar_support(self.name, standard)
        if (location + scale * low, location + scale * high) != support or not scale > 0.0:
            return
        if not (_moves_like_others(law) or self._agrees(law, standard, location, scale)):
            return
        self.law, self.location, self.scale = standard, location, scale
        self.low, self.high = low, high
        self.log_scale = math.log(scale)

    def _agrees(self, law: Any, standard: Any, location: float, scale: float) -> bool:
        """Whether two forms of the law have the same log-density at a few places."""
        x = location + scale * _numbers(self.name, "ppf", standard.ppf, _PROBES)
        here = _numbers(self.name, "logpdf", law.logpdf, x) + math.log(scale)
        there = _numbers(self.name, "logpdf", standard.logpdf, (x - location) / scale)
        known = np.isfinite(here) & np.isfinite(there)
        return bool(known.any()) and np.allclose(here[known], there[known], rtol=1e-6, atol=1e-6)

    def marks(self) -> list[float]:
        """Standard coordinates where the density may be steep: the ends, and 0 between them."""
        ends = [end for end in (self.low, self.high) if math.isfinite(end)]
        inner = [0.0] if self.low < 0.0 < self.high else []
        return sorted({*ends, *inner})

    def position(self, z: float) -> Fraction:
        """Return the exact x of a standard coordinate."""
        return Fraction(self.location) + Fraction(self.scale) * Fraction(z)

    def coordinate(self, x: Fraction) -> float:
        """Return the standard coordinate of an exact x, rounded once."""
        z = (x - Fraction(self.location)) / Fraction(self.scale)
        try:
            return float(z)
        except OverflowError:
            return math.copysign(math.inf, z)

    def log_density(self, z: FloatArray) -> FloatArray:
        """Log-density with respect to x; NaN and infinities as the law gives them."""
        values = np.empty(z.shape)
        start = 0
        while start < z.size:
            stop = min(z.size, start + self._slice)
            begin = time.perf_counter()
            values[start:stop] = _numbers(self.name, "logpdf", self.law.logpdf, z[start:stop])
            spent = time.perf_counter() - begin
            if spent > _SLICE_SECONDS:
                self._slice = max(1, self._slice // 2)
            elif spent < 0.5 * _SLICE_SECONDS and stop - start == self._slice:
                self._slice *= 2
            start = stop
            self.clock.check(self.name)
        return values - self.log_scale

    def quantiles(self) -> FloatArray:
        """Standard quantiles, from the middle outwards as far as they come in time."""
        if self._quantiles is not None:
            return self._quantiles
        begin = time.perf_counter()
        found = [_numbers(self.name, "ppf", self.law.ppf, np.array([0.5]))]
        if not np.isfinite(found[0]).all():
            raise UnsupportedProblemError(
                f"`{self.name}` cannot be read: its median is {found[0][0]:g}"
            )
        rest, size = _TAILS, 1
        while rest.size and time.perf_counter() - begin < _QUANTILE_SECONDS:
            for method, function in (("ppf", self.law.ppf), ("isf", self.law.isf)):
                try:
                    found.append(_numbers(self.name, method, function, rest[:size]))
                except UnsupportedProblemError:
                    rest = rest[:0]  # a root finder that gives up far out has found the middle
            rest = rest[size:]
            # The first ones tell what the others cost.
            quick = time.perf_counter() - begin < 0.05 * _QUANTILE_SECONDS
            size = rest.size if quick else 2
        # Where a histogram jumps, a piece should end.
        histogram = getattr(getattr(self.law, "dist", self.law), "_histogram", None)
        if histogram is not None:
            found.append(np.asarray(histogram[1], dtype=np.float64))
        z = np.concatenate(found)
        self._quantiles = z[np.isfinite(z) & (z >= self.low) & (z <= self.high)]
        return self._quantiles
