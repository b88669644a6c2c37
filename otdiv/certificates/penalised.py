"""Bounds of transport with penalised marginals, from any potentials and any plan.

The problem is min <C, P> + F(P 1) + G(P' 1) over P >= 0, perhaps with epsilon KL(P | R), where F
and G are penalties of `penalties` and R = r⊗c a reference. Let u = 2**-53.

Lower bound. Any f, g give worth_F(f) + worth_G(g) - epsilon (sum Q - |R|), with
Q = R exp((f + g - C) / epsilon), since epsilon KL(P | R) >= <f + g - C, P> - epsilon (sum Q - |R|)
for every P. Without the entropic term f + g <= C instead; g is a c-transform of f, and what it may
be above by rounding is taken off it: where f_i + g_j <= C_ij decides, |C_ij| <= |f_i| + |g_j|, and
x - u |x| grows with x.
With total variation worth(f) is -inf where f is below -reach. A potential that is so by d costs at
most d times the mass by which the sums of an optimal plan exceed the weights there; some optimal
plan exceeds none on both ends of a pair, so that is at most the mass of the other side.

Upper bound. The plan is that of the entries as computed, of which sums are off by a share (n + m +
64) u at most. Where sums must be the weights, they are so up to a share that is measured; the plan
whose rows (columns) are divided by it has entries that differ by that share, which all terms are
charged for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._typing import FloatArray
from .penalised_pairs import PenalisedPairs
from .penalties import Side
from .rounding import U

__all__ = [
    "PenalisedEnclosure",
    "Reference",
    "entropic_enclosure",
    "plain_lower",
    "plain_upper",
    "shifted",
]

# Steps of the bisection for the best shift: all digits of a double.
_BISECTIONS = 60
# Share of a sum that must be a weight beyond which the plan is no plan at all.
_MOST_OFF = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """R = exp(rows_i + columns_j), and what epsilon KL(P | R) is multiplied with."""

    rows: FloatArray
    columns: FloatArray
    epsilon: float

    @property
    def mass(self) -> float:
        """|R|."""
        with np.errstate(over="ignore"):
            return math.fsum(np.exp(self.rows)) * math.fsum(np.exp(self.columns))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PenalisedEnclosure:
    """Bounds, with the terms and sums of the plan behind the upper one."""

    lower: float
    upper: float
    transport: float
    entropy: float
    rows: FloatArray
    columns: FloatArray


def shifted(pairs: PenalisedPairs, f: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(f + t, g - t) for the t that is worth most; the plan is the same, and so is f + g."""
    source, target = pairs.source, pairs.target
    low, high = -math.inf, math.inf
    for side, h, sign in ((source, f, 1.0), (target, g, -1.0)):
        if side.penalty == "tv" and not side.is_fixed:
            # Between these no potential of the side is below -reach.
            least = -side.reach - float(h.min())
            low, high = (max(low, least), high) if sign > 0.0 else (low, min(high, -least))
    if low >= high:
        return f, g

    def slope(t: float) -> float:
        return float(source.aim(f + t).sum() - target.aim(g - t).sum())

    low, high = _bracket(slope, low, high, max(float(np.abs(f).max()), float(np.abs(g).max())))
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) > 0.0 else (low, middle)
    return f + low, g - low


def _bracket(
    slope: Callable[[float], float], low: float, high: float, size: float
) -> tuple[float, float]:
    """An interval inside [low, high] in which the falling `slope` changes its sign, or an end."""
    here = min(max(0.0, low), high)
    step = 1e-3 * size or 1e-3
    if slope(here) > 0.0:
        while here + step < high and slope(here + step) > 0.0 and step < 1e12 * (size or 1.0):
            here, step = here + step, 2.0 * step
        return here, min(here + step, high)
    while here - step > low and slope(here - step) <= 0.0 and step < 1e12 * (size or 1.0):
        here, step = here - step, 2.0 * step
    return max(here - step, low), here


# With an entropic term


def entropic_enclosure(
    pairs: PenalisedPairs, f: FloatArray, g: FloatArray, reference: Reference
) -> PenalisedEnclosure:
    """Bounds from potentials f (n,), g (m,) and the plan that they make."""
    n, m = pairs.shape
    epsilon = reference.epsilon
    r, c, costs, sizes = np.empty(n), np.zeros(m), np.empty(n), np.empty(n)
    for part in pairs.parts():
        C, P = plan_block(pairs, f, g, reference, part)
        r[part] = P.sum(axis=1)
        c += P.sum(axis=0)
        costs[part] = (P * C).sum(axis=1)
        sizes[part] = (P * np.abs(C)).sum(axis=1)
    mass, whole = math.fsum(r), reference.mass
    transport, size = math.fsum(costs), math.fsum(sizes)
    moved = math.fsum(r * f) + math.fsum(c * g)
    # Sizes of what is added, and of the exponents times epsilon and the entries.
    size += math.fsum(r * np.abs(f)) + math.fsum(c * np.abs(g))
    exponents = float(r @ np.abs(reference.rows)) + float(c @ np.abs(reference.columns))
    size_of_reference = whole * (
        1.0 + float(np.abs(reference.rows).max()) + float(np.abs(reference.columns).max())
    )
    more = epsilon * (mass + exponents + size_of_reference)
    relative = (n + m + 64.0) * U
    rounding = (relative + (pairs.rounding + 8.0) * U) * (size + more)

    source, target = pairs.source, pairs.target
    lower = source.worth(f) + target.worth(g) - epsilon * (mass - whole)
    lower -= rounding + source.worth_error(f) + target.worth_error(g)
    if source.short(f) > 0.0 or target.short(g) > 0.0:
        lower = -math.inf

    off = relative + _off(source, r, relative) + _off(target, c, relative)
    entropy = moved - transport - epsilon * (mass - whole)
    upper = math.fsum(
        [moved, -epsilon * mass, epsilon * whole, source.price(r), target.price(c), rounding]
    )
    upper += off * (2.0 * size + 2.0 * more)
    upper += source.price_error(r, off) + target.price_error(c, off)
    if off > _MOST_OFF or not math.isfinite(upper):
        upper = math.inf
    return PenalisedEnclosure(
        lower=lower if math.isfinite(lower) else -math.inf,
        upper=upper,
        transport=transport,
        entropy=max(entropy, 0.0),
        rows=r,
        columns=c,
    )


def plan_block(
    pairs: PenalisedPairs, f: FloatArray, g: FloatArray, reference: Reference, part: slice
) -> tuple[FloatArray, FloatArray]:
    """Costs and entries of the plan R exp((f + g - C) / epsilon) of some rows."""
    C = pairs.block(part)
    exponents = (f[part, None] + g) - C
    exponents /= reference.epsilon
    exponents += reference.rows[part, None]
    exponents += reference.columns
    with np.errstate(over="ignore", under="ignore"):
        return C, np.exp(exponents)


def _off(side: Side, sums: FloatArray, relative: float) -> float:
    """The largest share by which sums that must be the weights are not."""
    if not side.is_fixed:
        return 0.0
    return 2.0 * (float(np.abs(sums / side.weights - 1.0).max()) + relative)


# Without one


def plain_lower(pairs: PenalisedPairs, f: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Lower bound from any f (n,), and the feasible pair of potentials behind it."""
    source, target = pairs.source, pairs.target
    f = _within_prices(pairs, f)
    g = target.capped(pairs.transform(f))
    f = source.capped(pairs.transform_back(g))
    before = np.abs(f) + float(np.abs(g).max())
    f, g = shifted(pairs, f, g)
    f, g = source.capped(f), target.capped(g)
    # The transform was computed, the shift rounded, and costs of points are rounded too.
    size = np.maximum(before, np.abs(f) + float(np.abs(g).max()))
    f = f - U * (pairs.rounding + 8.0) * size
    value = source.worth(f) + target.worth(g)
    value -= source.worth_error(f) + target.worth_error(g)
    masses = math.fsum(source.weights), math.fsum(target.weights)
    value -= 2.0 * (source.short(f) * masses[1] + target.short(g) * masses[0])
    return (value if math.isfinite(value) else -math.inf), f, g


def _within_prices(pairs: PenalisedPairs, f: FloatArray) -> FloatArray:
    """Potentials whose c-transform is nowhere below -reach, with total variation."""
    source, target = pairs.source, pairs.target
    if source.penalty == "tv" and not source.is_fixed:
        f = np.clip(f, -source.reach, source.reach)
    if target.penalty == "tv" and not target.is_fixed:
        f = np.minimum(f, pairs.transform_back(np.full(pairs.shape[1], -target.reach)))
    return f


def plain_upper(pairs: PenalisedPairs, plan: FloatArray) -> PenalisedEnclosure:
    """Upper bound from the entries (n, m) of any plan whose fixed sums are met."""
    n, m = pairs.shape
    C = pairs.matrix()
    r, c = plan.sum(axis=1), plan.sum(axis=0)
    transport = math.fsum((plan * C).sum(axis=1))
    size = math.fsum((plan * np.abs(C)).sum(axis=1))
    relative = (n + m + 64.0) * U
    source, target = pairs.source, pairs.target
    off = relative + _off(source, r, relative) + _off(target, c, relative)
    upper = math.fsum([transport, source.price(r), target.price(c)])
    upper += (off + relative + (pairs.rounding + 4.0) * U) * size
    upper += source.price_error(r, off) + target.price_error(c, off)
    if off > _MOST_OFF or not math.isfinite(upper):
        upper = math.inf
    return PenalisedEnclosure(
        lower=-math.inf, upper=upper, transport=transport, entropy=0.0, rows=r, columns=c
    )
