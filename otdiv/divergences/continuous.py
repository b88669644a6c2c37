"""Integrals of divergence terms over the line, from the log-densities of two frozen laws.

The line is cut at quantiles of both laws, from 1e-150 in each tail to the median, so that narrow
modes, distant modes and singular ends each get pieces of their own size; every piece is halved
until its two halves agree with the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import FloatArray
from ..errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from .recipes import Recipe

__all__ = ["largest_exponent", "mass_off_support", "off_support_intervals", "ratio_of_densities"]

# Tail probabilities at which the line is cut. Beyond the last one lies nothing that a finite
# divergence can feel; scipy's quantiles still resolve it.
_TAILS = 10.0 ** -np.array(
    [0.5, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 25, 30, 40, 50, 60, 80, 100, 125, 150.0]
)
_FAR = 1e150  # beyond this the square of a coordinate overflows
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_RELATIVE = 1e-13  # error allowed to one piece, relative to the whole
_NEGLIGIBLE = 1e-11  # share of the value that may sit in the outermost pieces
_STEADY = 0.999  # ratio of the contents of two shells above which they do not shrink
_UNRESOLVED = 1e-7  # share that may be lost beyond the last cut, by a geometric estimate
_SHALLOW = 1e-30  # tail probability below which a density of 0 is taken for an underflow
_OCTAVES = 16  # doublings of the distance to the outermost quantile that are looked at as well
_CROWD = 500  # pieces alive at once, beyond which rounding is to blame
_SETTLED = 1e-6  # error of the whole, relative, above which there is no answer
# Log-densities of some fifty nats err by 1e-14, and terms that start quadratically by its square:
# two laws nearer than this cannot be told apart.
_ROUNDING = 1e-26
_ROUNDS = 400  # halvings; 60 exhaust the digits of a piece, the rest is for singular ends


def _scalar_support(name: str, law: Any) -> tuple[float, float]:
    low, high = (np.asarray(end, dtype=np.float64) for end in law.support())
    if low.ndim or high.ndim:
        raise InvalidInputError(name, "be one law: freeze it with scalar parameters", low.shape)
    if math.isnan(low) or math.isnan(high):
        raise InvalidInputError(name, "have valid parameters", "a law with support NaN")
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class _Tail:
    """Three cuts, outwards, that bound the two outermost shells of one tail.

    `lengths` are those of the inner and the outer shell on the scale where a power of the distance
    (to the centre, or to a finite end) is a constant amount: the logarithm.
    """

    cuts: tuple[float, float, float]
    lengths: tuple[float, float]


def _tail(
    quantiles: FloatArray,
    end: float,
    centre: float,
    resolved: Callable[[FloatArray], NDArray[np.bool_]],
) -> tuple[FloatArray, _Tail | None]:
    """Cut the upper tail: return the cuts (in any order) and the shells to watch.

    `quantiles` (2, tails) are those of both laws. Beyond the last one an infinite tail is cut at
    doublings of the distance, because a ratio of densities may peak or grow there, as far as the
    log-densities are `resolved`: finite.
    """
    usable = np.where(np.abs(quantiles) <= _FAR, quantiles, -math.inf)
    farthest = usable[int(np.argmax(usable.max(axis=1)))]
    cuts = usable[np.isfinite(usable)]
    if not np.isfinite(farthest).any():
        return cuts, None
    reach = float(farthest.max()) - centre
    if end == math.inf and reach > 0.0:
        octaves: FloatArray = np.ldexp(reach, np.arange(_OCTAVES + 1)) + centre
        octaves = octaves[octaves <= _FAR]
        octaves = octaves[np.cumprod(resolved(octaves)).astype(bool)]
        half = octaves.size // 2
        cuts = np.concatenate([cuts, octaves])
        if half >= 2:
            shells = float(octaves[0]), float(octaves[half]), float(octaves[-1])
            return cuts, _Tail(shells, (float(half), float(octaves.size - 1 - half)))
    kept = np.isfinite(farthest)
    kept[kept] = resolved(farthest[kept])
    positions, levels = farthest[kept], -np.log(_TAILS[kept])
    distinct = np.append(True, np.diff(positions) > 0.0)[: positions.size]
    positions, levels = positions[distinct], levels[distinct]
    if positions.size < 3:
        return cuts, None
    x, y = positions[-3:].tolist(), levels[-3:].tolist()
    return cuts, _Tail((x[0], x[1], x[2]), (y[1] - y[0], y[2] - y[1]))


def _cut_line(p: Any, q: Any) -> tuple[FloatArray, _Tail | None, _Tail | None]:
    """Return the ends of the pieces, and the shells of the lower (mirrored) and upper tail."""
    supports = np.array([_scalar_support("p", p), _scalar_support("q", q)])
    with np.errstate(all="ignore"):
        medians = np.array([law.ppf(0.5) for law in (p, q)], dtype=np.float64)
        lower = np.stack([np.asarray(law.ppf(_TAILS), dtype=np.float64) for law in (p, q)])
        upper = np.stack([np.asarray(law.isf(_TAILS), dtype=np.float64) for law in (p, q)])
    centre = float(medians.mean())

    def resolved(x: FloatArray) -> NDArray[np.bool_]:
        inside = [(x > low) & (x < high) for low, high in supports]
        finite = [np.isfinite(_log_density(name, law, x)) for name, law in (("p", p), ("q", q))]
        known: NDArray[np.bool_] = (~inside[0] | finite[0]) & (~inside[1] | finite[1])
        return known

    below, low_tail = _tail(-lower, -float(supports.min()), -centre, lambda x: resolved(-x))
    above, high_tail = _tail(upper, float(supports.max()), centre, resolved)
    edges = np.concatenate([-below, above, medians, supports.ravel()])
    edges = np.unique(edges[np.abs(edges) <= _FAR])
    if edges.size < 2:
        raise InvalidInputError("p", "be spread over an interval", "a degenerate law")
    return edges, low_tail, high_tail


def _integrate(
    function: Callable[[FloatArray], FloatArray], edges: FloatArray
) -> tuple[FloatArray, float]:
    """Integrate over each of the pieces between `edges`; return the parts and the error left."""

    def gauss(left: FloatArray, right: FloatArray) -> FloatArray:
        half = 0.5 * (right - left)
        x = (left + half)[:, None] + half[:, None] * _NODES
        means = function(x.ravel()).reshape(x.shape) @ _WEIGHTS
        # A piece between two neighbouring numbers has no width: nothing, even of infinity.
        return np.where(half > 0.0, means, 0.0) * half

    left, right = edges[:-1], edges[1:]
    piece = np.arange(left.size)
    parts = np.zeros(left.size)
    whole = gauss(left, right)
    error = 0.0
    tolerance = _RELATIVE
    for _ in range(_ROUNDS):
        middle = 0.5 * left + 0.5 * right
        lower, upper = gauss(left, middle), gauss(middle, right)
        refined = lower + upper
        if not np.isfinite(refined).all():
            np.add.at(parts, piece, refined)
            return parts, math.inf
        # A gap is about the error of the coarse value; the refined one is far better.
        gap = np.abs(refined - whole)
        flat = (middle <= left) | (middle >= right)
        # A kink or a singular end keeps a few pieces alive. Rounding of the log-densities keeps all
        # of them: halving does not help there, so the tolerance gives way.
        if left.size > _CROWD:
            tolerance *= 10.0
        scale = abs(parts.sum() + refined.sum())
        done = (gap <= tolerance * scale) | (gap <= 1e-300) | flat
        np.add.at(parts, piece[done], refined[done])
        error += float(gap[done].sum())
        if done.all():
            return parts, error
        rest = ~done
        left = np.concatenate([left[rest], middle[rest]])
        right = np.concatenate([middle[rest], right[rest]])
        whole = np.concatenate([lower[rest], upper[rest]])
        piece = np.concatenate([piece[rest], piece[rest]])
    np.add.at(parts, piece, whole)
    return parts, math.inf


def _log_density(name: str, law: Any, x: FloatArray) -> FloatArray:
    """Log-density, -inf off the support."""
    with np.errstate(all="ignore"):
        values = np.asarray(law.logpdf(x), dtype=np.float64)
    if np.isnan(values).any():
        raise UnsupportedProblemError(
            f"the log-density of `{name}` is NaN at x = {x[np.isnan(values)][0]:g}; "
            "pass samples or probability vectors"
        )
    return values


def _depth(law: Any, x: FloatArray) -> FloatArray:
    """Probability of the smaller side of x."""
    with np.errstate(all="ignore"):
        depth: FloatArray = np.minimum(law.cdf(x), law.sf(x))
    return depth


def _settle_underflow(
    names: tuple[str, str], law: Any, other: Any, x: FloatArray, values: FloatArray
) -> None:
    """Decide on infinite terms at points `x` in the support of `law`, where its density reads 0.

    With mass of `law` on both sides the zero is a hole of the density and the term is infinite.
    Far out in the tail it is an underflow: nothing where the other law has no mass to speak of,
    and a question without an answer elsewhere.
    """
    low, high = law.support()
    tail = np.isposinf(values) & (x > low) & (x < high)
    tail[tail] = _depth(law, x[tail]) < _SHALLOW
    reach = _depth(other, x[tail])
    if (reach > _SHALLOW).any():
        raise UnsupportedProblemError(
            f"the density of `{names[0]}` underflows near x = {x[tail][np.argmax(reach)]:g}, where "
            f"`{names[1]}` has mass, and its logpdf does not say how small it is"
        )
    values[tail] = 0.0


def ratio_of_densities(recipe: Recipe, p: Any, q: Any) -> float:
    """Return integral of T(p, q) / integral of (p + q), for two frozen laws with densities.

    It is infinite where q vanishes and p does not, where the tails do not shrink, and beyond the
    largest float.

    Raises
    ------
    ConvergenceError
        If the quadrature does not settle, or the tails hold a share that it cannot bound.
    UnsupportedProblemError
        If a log-density is NaN, or underflows where the other law has mass.
    """
    edges, low_tail, high_tail = _cut_line(p, q)

    def integrand(x: FloatArray) -> FloatArray:
        log_p, log_q = _log_density("p", p, x), _log_density("q", q, x)
        with np.errstate(all="ignore"):
            values = recipe.log_terms(log_p, log_q)
        # Only the last representable point before a singular end has an infinite density.
        values[np.isposinf(log_p) | np.isposinf(log_q)] = 0.0
        if np.isposinf(values).any():
            zero_p, zero_q = np.isneginf(log_p), np.isneginf(log_q)
            for names, law, other, zero in (
                (("p", "q"), p, q, zero_p),
                (("q", "p"), q, p, zero_q),
            ):
                part = values[zero]
                _settle_underflow(names, law, other, x[zero], part)
                values[zero] = part
        return values

    parts, error = _integrate(integrand, edges)
    total = float(parts.sum())
    if total == math.inf:
        return math.inf
    if not error <= _SETTLED * abs(total) + _ROUNDING:
        raise ConvergenceError(f"the quadrature of {recipe.name} did not settle: {total!r}")
    if abs(total) <= 1e6 * _ROUNDING:
        # Rounding is all that the tails show then.
        return 0.5 * max(total, 0.0)
    middles = 0.5 * edges[:-1] + 0.5 * edges[1:]
    sizes = np.abs(parts)
    if _diverges(recipe, -middles, sizes, low_tail) or _diverges(recipe, middles, sizes, high_tail):
        return math.inf
    return 0.5 * total  # both densities integrate to 1


def _diverges(recipe: Recipe, middles: FloatArray, sizes: FloatArray, tail: _Tail | None) -> bool:
    """Whether the shells of a tail stop shrinking; raise where they shrink too slowly to tell.

    An integral diverges where shells of equal logarithmic length hold a constant or growing amount,
    and they shrink geometrically where a power of the distance leaves something finite.
    """
    if tail is None:
        return False
    inner = float(sizes[(middles > tail.cuts[0]) & (middles < tail.cuts[1])].sum())
    outer = float(sizes[middles > tail.cuts[1]].sum())
    total = float(sizes.sum())
    if outer <= _NEGLIGIBLE * total:
        return False
    if outer / tail.lengths[1] >= _STEADY * inner / tail.lengths[0]:
        return True
    decay = outer / inner
    if decay < 1.0 and outer * decay / (1.0 - decay) <= _UNRESOLVED * total:
        return False
    raise ConvergenceError(
        f"the tail of {recipe.name} decays too slowly for a quadrature: its outermost part still "
        f"holds {outer / total:.1e} of the value"
    )


def mass_off_support(p: Any, q: Any) -> float:
    """P-mass outside the support interval of q."""
    low, high = _scalar_support("q", q)
    return float(p.cdf(low)) + float(p.sf(high))


def off_support_intervals(p: Any, q: Any) -> FloatArray:
    """Intervals (k, 2) of the support of p that lie outside that of q and carry mass of p."""
    (p_low, p_high), (low, high) = _scalar_support("p", p), _scalar_support("q", q)
    intervals = []
    if float(p.cdf(low)) > 0.0:
        intervals.append([p_low, min(low, p_high)])
    if float(p.sf(high)) > 0.0:
        intervals.append([max(high, p_low), p_high])
    return np.array(intervals, dtype=np.float64).reshape(-1, 2)


def largest_exponent(p: Any, q: Any, alpha: float) -> float:
    """Largest alpha log p + (1 - alpha) log q found at the middles of the pieces."""
    edges = _cut_line(p, q)[0]
    x = 0.5 * edges[:-1] + 0.5 * edges[1:]
    log_p, log_q = _log_density("p", p, x), _log_density("q", q, x)
    both = np.isfinite(log_p) & np.isfinite(log_q)
    exponents = alpha * log_p[both] + (1.0 - alpha) * log_q[both]
    return float(exponents.max(initial=-math.inf))
