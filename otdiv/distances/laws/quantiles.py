"""Distances of two laws on the line by their quantile functions: W_p for p > 1, and W_inf."""

from __future__ import annotations

import math

import numpy as np

from ..._typing import FloatArray
from ...errors import UnsupportedProblemError
from .enclosures import LawDistance, allowed_error
from .line import Atoms, LineLaw
from .quadrature import Integral, Integrand, integrate_cells, march

__all__ = ["by_quantiles", "largest_shift"]

# Least level: below it the quantile functions of many laws lose their accuracy.
_DEEPEST = 2.0**-996
_DYADIC = 2.0 ** -np.arange(40.0, 0.0, -1.0)  # edges of the first cells, where most mass is
_PROBES = 2.0 ** -np.unique(np.rint(np.geomspace(1.0, 996.0, 40)))
_MAX_CELLS = 2**16  # open cells of W_inf; by taste
# Relative accuracy of W_inf where the caller asks for none: the cells shrink like its root.
_SHIFT_RTOL = 1e-9


def by_quantiles(
    first: LineLaw, second: LineLaw, p: float, rtol: float | None, atol: float | None
) -> LawDistance:
    """(Integral of |F⁻¹ - G⁻¹|^p over the levels)^(1/p), both halves from the middle outwards."""
    sides = ((first.ppf, second.ppf, "below"), (first.isf, second.isf, "above"))
    scale, deepest = _unit([(f, g) for f, g, _ in sides], p)
    allowed, _ = allowed_error(rtol, None if atol is None else atol / scale, p)
    finite = all(math.isfinite(law.mean) for law in (first, second))
    finite = finite and (p < 2.0 or all(math.isfinite(law.variance) for law in (first, second)))
    # Second moments bound W_p up to p = 2 only.
    bounded = all(math.isfinite(law.lower) and math.isfinite(law.upper) for law in (first, second))
    may_diverge = not (bounded or (finite and p <= 2.0))
    parts: list[Integral] = []
    for f, g, side in sides:

        def gap(v: FloatArray, f: Integrand = f, g: Integrand = g) -> FloatArray:
            with np.errstate(over="ignore", invalid="ignore"):
                difference = (f(v) - g(v)) / scale
                return np.asarray(np.copysign(np.abs(difference) ** p, difference))

        levels = [getattr(law, side) for law in (first, second) if isinstance(law, Atoms)]
        cuts = np.concatenate([_DYADIC, *levels])
        cuts = np.unique(cuts[(cuts > 0.0) & (cuts <= 0.5)])
        parts.append(integrate_cells(gap, cuts[:-1], cuts[1:], allowed))
        bulk = sum(part.value for part in parts)
        if not math.isfinite(bulk):
            break
        start = float(cuts[0])
        parts.append(
            march(
                gap,
                lambda k, start=start: math.ldexp(start, -k),  # type: ignore[misc]
                math.ceil(math.log2(start / _DEEPEST)),
                lambda value, bulk=bulk: allowed(bulk + value),  # type: ignore[misc]
                lambda _: 0.0,
                may_diverge=may_diverge,
                # The next probe is at most a fifth deeper.
                at_least=math.ceil(1.2 * max(0.0, math.log2(start / deepest))),
            )
        )
    integral = math.fsum(part.value for part in parts)
    if not math.isfinite(integral):
        return LawDistance(math.inf, math.inf, math.inf, "quadrature")
    error = sum(part.error for part in parts)
    value, lower, upper = (
        scale * max(0.0, part) ** (1.0 / p)
        for part in (integral, integral - error, integral + error)
    )
    return LawDistance(value, lower, upper, "quadrature")


def _unit(pairs: list[tuple[Integrand, Integrand]], p: float) -> tuple[float, float]:
    """Length s with v (difference at level v / s)^p at most near 1, and the level where it is.

    In that unit no power overflows, and the march down the levels has to go beyond that one.
    """
    with np.errstate(invalid="ignore"):
        sizes = np.array([_PROBES ** (1.0 / p) * np.abs(f(_PROBES) - g(_PROBES)) for f, g in pairs])
    sizes[~np.isfinite(sizes)] = 0.0
    unit = float(sizes.max())
    deepest = float(_PROBES[sizes.max(axis=0).argmax()])
    return (unit, deepest) if unit > 0.0 else (1.0, 1.0)


def largest_shift(
    first: LineLaw, second: LineLaw, rtol: float | None, atol: float | None
) -> LawDistance:
    """W_inf = sup over levels of |F⁻¹ - G⁻¹|: quantile functions are monotone on every cell."""
    for end in ("lower", "upper"):
        infinite = [math.isinf(getattr(law, end)) for law in (first, second)]
        if any(infinite) and not all(infinite):
            return LawDistance(math.inf, math.inf, math.inf, "certified")
        if all(infinite):
            raise UnsupportedProblemError(
                "W_inf of two laws with unbounded supports is known only within one location-scale "
                "family; use a finite p"
            )
    levels = [law.below for law in (first, second) if isinstance(law, Atoms)]
    edges = np.unique(np.concatenate([np.linspace(0.0, 1.0, 257), *levels]))
    left, right = edges[:-1], edges[1:]
    asked = rtol is not None or atol is not None
    relative, absolute = ((rtol or 0.0), (atol or 0.0)) if asked else (_SHIFT_RTOL, 0.0)
    ends = np.stack(
        [_starts(first, left), first.ppf(right), _starts(second, left), second.ppf(right)]
    )
    lower = upper = 0.0
    for _ in range(64):
        differences = np.abs(ends[:2] - ends[2:])
        reach = np.maximum(ends[1] - ends[2], ends[3] - ends[0])
        lower = max(lower, float(differences.max()))
        upper = max(lower, float(reach.max()))
        open_cells = reach > lower + 0.5 * max(absolute, relative * lower)
        if upper - lower <= max(absolute, relative * upper) or open_cells.sum() > _MAX_CELLS:
            break
        left, right, ends = left[open_cells], right[open_cells], ends[:, open_cells]
        middle = 0.5 * left + 0.5 * right
        f, g = first.ppf(middle), second.ppf(middle)
        low, high = np.stack([ends[0], f, ends[2], g]), np.stack([f, ends[1], g, ends[3]])
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        ends = np.concatenate([low, high], axis=1)
    return LawDistance(lower, lower, upper, "certified")


def _starts(law: LineLaw, u: FloatArray) -> FloatArray:
    """Quantile just above the levels u: atoms have jumped there, other laws are continuous."""
    if isinstance(law, Atoms):
        index = np.searchsorted(law.below, u, side="right")
        return law.breaks[np.minimum(index, law.breaks.size - 1)]
    return law.ppf(u)
