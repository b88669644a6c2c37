"""Straight lines and their kin through samples of a log-density on its way to an end.

A density that is a power of the distance has a logarithm that is straight in the logarithm of the
distance. Where samples lie on such a line to rounding, it is taken for the law beyond them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray

__all__ = ["PowerLaw", "bent_line", "parabola", "straight_line"]

_STRAIGHT = 1e-12  # departure from a line, relative to the logarithm, that rounding makes
_CLEAN = 2e-15  # departure that rounding of the logarithm itself makes
_FLAT = 1e-6  # slope that is none, and would not let mass vanish
_LONG = 0.05  # logarithmic length of a line that may be called straight
_BENDS = 4  # powers that a bent line may have
_RATES = (1.0, 2.0, 0.5)  # of these powers, most laws have one of these
_REFINEMENTS = 6  # of a rate that is the slope itself


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """Log-density height + slope * log y + bends, with respect to log y, at y = s + offset."""

    height: float
    slope: float
    offset: float = 0.0
    unit: float = 1.0
    rate: float = 1.0
    bends: tuple[float, ...] = ()  # coefficients of the powers of (y / unit)^rate

    def __call__(self, s: FloatArray, t: FloatArray) -> FloatArray:
        """Log-density with respect to t at distances `s` = exp(`t`)."""
        shift = _shift(s, self.offset)
        values = self.height + self.slope * (t + shift)
        if self.bends:
            u = np.exp(self.rate * (t + shift - math.log(self.unit)))
            bend = np.zeros_like(u)
            for coefficient in reversed(self.bends):
                bend = (bend + coefficient) * u
            values = values + bend
        return values - shift


def _shift(s: FloatArray, offset: float) -> FloatArray:
    """Return log(s + offset) - log(s)."""
    return np.log1p(offset / s) if offset > 0.0 else np.zeros_like(s)


def straight_line(
    s: FloatArray, values: FloatArray, offset: float, outwards: bool
) -> tuple[PowerLaw, float] | None:
    """Return the straight line through the last four samples that lie on one, and its start."""
    if s.size < 4:
        return None
    shift = _shift(s, offset)
    x, y = np.log(s) + shift, values + shift
    length = x[3:] - x[:-3]
    slopes = (y[3:] - y[:-3]) / length
    departures = np.maximum(
        *(np.abs(y[k : k - 3] - y[:-3] - slopes * (x[k : k - 3] - x[:-3])) for k in (1, 2))
    )
    size = np.abs(y)
    departures /= np.maximum(1.0, np.maximum(size[3:], size[:-3]))
    # Mass must vanish towards the end.
    vanishing = slopes < -_FLAT if outwards else slopes > _FLAT
    long = np.abs(length) >= _LONG
    good = vanishing & long & (departures <= _STRAIGHT)
    if not good.any():
        return None
    # The last one, but not where digits are lost before the end.
    k = int(np.flatnonzero(good & (departures <= max(_CLEAN, departures[good].min())))[-1])
    return PowerLaw(float(y[k] - slopes[k] * x[k]), float(slopes[k]), offset), float(s[k])


def bent_line(
    s: FloatArray,
    values: FloatArray,
    offset: float,
    outwards: bool,
    noise: FloatArray | float = 0.0,
) -> tuple[PowerLaw, float] | None:
    """Fit samples by a straight line and powers of exp(rate t) that die out on it.

    A density x^(a - 1) h(x^c) with a smooth h is that; c is a itself for Weibull's law and its kin.
    `noise` is what the samples may err by, beside the rounding of a logarithm.
    """
    shift = _shift(s, offset)
    t, values = np.log(s) + shift, values + shift
    way = -1.0 if outwards else 1.0
    distance = t - t[0]
    weights = 1.0 / (_STRAIGHT * max(1.0, float(np.abs(values).max())) + noise * np.ones(t.size))

    def fit(rate: float) -> tuple[float, FloatArray]:
        bends = np.exp(way * rate * distance)[:, None] ** np.arange(1, _BENDS + 1)
        columns = np.concatenate([np.ones((t.size, 1)), t[:, None], bends], axis=1)
        columns *= weights[:, None]
        size = np.abs(columns).max(axis=0)
        found = np.linalg.lstsq(columns / size, weights * values, rcond=None)[0] / size
        return float(np.abs(columns @ found - weights * values).max()), found

    middle, quarter = t.size // 2, t.size // 4
    own = float((values[middle] - values[quarter]) / (t[middle] - t[quarter]))
    best, rate, found = math.inf, 0.0, np.zeros(2)
    for step in range(len(_RATES) + _REFINEMENTS):
        tried = _RATES[step] if step < len(_RATES) else max(abs(own), _FLAT)
        departure, candidate = fit(tried)
        if departure < best:
            best, rate, found = departure, tried, candidate
        if best <= _CLEAN / _STRAIGHT:
            break  # the slope is all that counts beyond the samples: no worse fit will do at once
        if step >= len(_RATES):
            own = float(candidate[1])
    if best > 1.0 or way * found[1] <= _FLAT:
        return None
    height, slope, *bends = (float(number) for number in found)
    start = float(s[0])
    return PowerLaw(height, slope, offset, start + offset, way * rate, tuple(bends)), start


def parabola(s: FloatArray, values: FloatArray, offset: float) -> PowerLaw | None:
    """Fit a power times exp of a line in y = s + offset, or else of a parabola.

    Nothing is promised where that could rise again.
    """
    y, unit = s + offset, float(s[-1])
    values = values + _shift(s, offset)
    tolerance = _STRAIGHT * max(1.0, float(np.abs(values).max()))
    for degree in (1, 2):
        bends = (y / unit)[:, None] ** np.arange(1, degree + 1)
        columns = np.concatenate([np.ones((y.size, 1)), np.log(y)[:, None], bends], axis=1)
        found = np.linalg.lstsq(columns, values, rcond=None)[0]
        if found[-1] < -1.0 and np.abs(columns @ found - values).max() <= tolerance:
            height, slope, *powers = (float(number) for number in found)
            return PowerLaw(height, slope, offset, unit, 1.0, tuple(powers))
    return None
