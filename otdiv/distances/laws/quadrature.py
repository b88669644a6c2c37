"""Integrals of distances between laws on the line: adaptive Gauss–Kronrod cells, marching tails.

Functions take arrays of arguments and return arrays, so that one call evaluates all cells at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from ..._typing import FloatArray

__all__ = [
    "Cells",
    "Integral",
    "Integrand",
    "MonotonePair",
    "OutOfTimeError",
    "integrate_cells",
    "march",
    "monotone_enclosure",
    "refined_cells",
]

Integrand: TypeAlias = Callable[[FloatArray], FloatArray]
MonotonePair: TypeAlias = tuple[Integrand, Integrand]

_EPS = float(np.finfo(np.float64).eps)

# Nodes and weights of the 15-point Kronrod rule on [-1, 1] and of its 7-point Gauss rule (Piessens
# et al., QUADPACK, 1983, routine QK15); the Gauss nodes are every second one.
_HALF_NODES = np.array(
    [
        0.991455371120812639206854697526329,
        0.949107912342758524526189684047851,
        0.864864423359769072789712788640926,
        0.741531185599394439863864773280788,
        0.586087235467691130294144691693987,
        0.405845151377397166906606412076961,
        0.207784955007898467600689403773245,
        0.0,
    ]
)
_HALF_KRONROD = np.array(
    [
        0.022935322010529224963732008058970,
        0.063092092629978553290700663189204,
        0.104790010322250183839876322541518,
        0.140653259715525918745189590510238,
        0.169004726639267902826583426598550,
        0.190350578064785409913256402421014,
        0.204432940075298892414161999234649,
        0.209482141084727828012999174891714,
    ]
)
_HALF_GAUSS = np.array(
    [
        0.129484966168869693270611432679082,
        0.279705391489276667901467771423780,
        0.381830050505118944950369775488975,
        0.417959183673469387755102040816327,
    ]
)
_NODES = np.concatenate([-_HALF_NODES, _HALF_NODES[-2::-1]])
_KRONROD = np.concatenate([_HALF_KRONROD, _HALF_KRONROD[-2::-1]])
_GAUSS = np.concatenate([_HALF_GAUSS, _HALF_GAUSS[-2::-1]])

_STEPS = np.diff(np.concatenate([[-1.0], _NODES, [1.0]]))
_REACH = _STEPS[0] / _STEPS[1]

_CELLS_AT_ONCE = 2**14  # 2 MB of nodes; by taste
_MAX_ROUNDS = 60  # a cell halved so often is as narrow as float64 lets it be
_MAX_CELLS = 2**18  # refinements of one integral, some seconds of work; by taste
_MAX_PROOF_CELLS = 2**19
_PATIENCE = 10
# This many doublings in a row without decay are called divergence.
_STEADY = 64
_WINDOW = 8  # ratios that a tail is judged by
_FIRST = 40  # doublings that lie before the first cell of a tail, about


class OutOfTimeError(Exception):
    """The time that the functions of a law may take is spent; what is known so far counts."""


class Integral(NamedTuple):
    """Value of an integral and an estimate of its error."""

    value: float
    error: float


def _rules(
    function: Integrand, left: FloatArray, right: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Integral of |f| over every cell by Kronrod's rule, and an estimate of its error.

    The estimate is |Kronrod - Gauss|, or the area around a change of sign where that is larger: at
    such a kink the two rules can agree by chance. Beyond the outermost nodes f is extrapolated.
    """
    values, errors = np.empty(left.size), np.empty(left.size)
    for start in range(0, left.size, _CELLS_AT_ONCE):
        part = slice(start, start + _CELLS_AT_ONCE)
        half = 0.5 * right[part] - 0.5 * left[part]
        middle = left[part] + half
        f = function(middle[:, None] + half[:, None] * _NODES)
        size = np.abs(f)
        with np.errstate(over="ignore", invalid="ignore"):
            values[part] = half * (size @ _KRONROD)
            gaps = np.abs(values[part] - half * (size[:, 1::2] @ _GAUSS))
            low = f[:, 0] + _REACH * (f[:, 0] - f[:, 1])
            high = f[:, -1] + _REACH * (f[:, -1] - f[:, -2])
        f = np.concatenate([low[:, None], f, high[:, None]], axis=1)
        changes = np.sign(f[:, 1:]) * np.sign(f[:, :-1]) < 0.0
        if changes.any():
            size = np.abs(f)
            heights = np.where(changes, np.maximum(size[:, 1:], size[:, :-1]), 0.0)
            gaps = np.maximum(gaps, half * (heights @ _STEPS))
        errors[part] = gaps
    # Below the rounding of the sum itself, halving a cell gains nothing.
    errors[errors <= 32.0 * _EPS * np.abs(values)] = 0.0
    return values, errors


class Cells(NamedTuple):
    """Cells [left, right] in any order, the integral over each and its error."""

    left: FloatArray
    right: FloatArray
    values: FloatArray
    errors: FloatArray


def integrate_cells(
    function: Integrand, left: FloatArray, right: FloatArray, tolerance: Callable[[float], float]
) -> Integral:
    """Integrate |function| over the cells [left_k, right_k], halving those of large error.

    `tolerance` maps the current value to the error that is allowed.
    """
    cells = refined_cells(function, left, right, tolerance)
    value = math.fsum(cells.values)
    return Integral(value, float(cells.errors.sum()) + 32.0 * _EPS * abs(value))


def refined_cells(
    function: Integrand, left: FloatArray, right: FloatArray, tolerance: Callable[[float], float]
) -> Cells:
    """Halve cells as `integrate_cells` does, and return them."""
    values, errors = _rules(function, left, right)
    refined = 0
    history: list[float] = []
    for _ in range(_MAX_ROUNDS):
        allowed = tolerance(float(values.sum()))
        history.append(float(errors.sum()))
        if history[-1] <= allowed or refined > _MAX_CELLS:
            break
        # Halving a cell at least halves its error, even at a jump, unless the function is noise.
        if len(history) > _PATIENCE and history[-1] > 0.5 * max(history[-1 - _PATIENCE : -1]):
            break
        worst = errors > 0.5 * allowed / errors.size
        middle = 0.5 * left[worst] + 0.5 * right[worst]
        lows = np.concatenate([left[worst], middle])
        highs = np.concatenate([middle, right[worst]])
        try:
            fresh, fresh_errors = _rules(function, lows, highs)
        except OutOfTimeError:
            break
        refined += lows.size
        keep = ~worst
        left, right = np.concatenate([left[keep], lows]), np.concatenate([right[keep], highs])
        values = np.concatenate([values[keep], fresh])
        errors = np.concatenate([errors[keep], fresh_errors])
    return Cells(left, right, values, errors)


def march(
    function: Integrand,
    edge: Callable[[int], float],
    n_cells: int,
    tolerance: Callable[[float], float],
    noise: Callable[[float], float],
    *,
    may_diverge: bool,
    at_least: int = 0,
) -> Integral:
    """Integrate |function| over the cells edge(0), edge(1), … whose widths double or halve.

    A tail that decays like a power makes the cells a geometric series of some ratio r, so that what
    lies beyond the last cell is r / (1 - r) times it: the march stops where the doubt about that is
    negligible, or where a cell is as small as `noise` (its rounding, given the cell's start). Where
    all `n_cells` are used up, the rest that was known best counts, with its doubt as error. Many
    cells in a row without decay, or the last one growing, are a divergent integral, if such a thing
    `may_diverge`. The march takes `at_least` so many cells, where it is known that they matter.
    """
    total = error = 0.0
    best = Integral(0.0, math.inf)
    ratios: list[float] = []
    previous = math.nan
    steady: list[float] = []
    for k in range(n_cells):
        start, stop = sorted((edge(k), edge(k + 1)))
        if not (math.isfinite(start) and math.isfinite(stop)) or start == stop:
            break
        cell = integrate_cells(
            function,
            np.array([start]),
            np.array([stop]),
            lambda value, total=total: 0.1 * tolerance(total + value),  # type: ignore[misc]
        )
        if not math.isfinite(cell.value):
            break
        total += cell.value
        error += cell.error
        ratio = cell.value / previous if previous > 0.0 else math.nan
        previous = cell.value
        ratios = [*ratios[1 - _WINDOW :], ratio]
        steady = [*steady, ratio] if ratio > 1.0 - 1e-6 else []
        # High moments of light tails grow for long, too, but at a falling rate.
        if may_diverge and len(steady) >= _STEADY and ratio >= 0.999 * steady[-_STEADY]:
            return Integral(math.inf, 0.0)
        if k < at_least:
            continue
        if cell.value <= noise(start):
            return Integral(total, error + 2.0 * cell.value)
        recent = max(ratios)
        # NaN in the list of ratios keeps the comparison false.
        if len(ratios) == _WINDOW and recent < 1.0:
            rest = cell.value * recent / (1.0 - recent)
            # A logarithm in the tail makes ratios r (1 + b / k), which differ by b r / k² a cell,
            # and the rest wrong by b / (k (1 - r)) of itself.
            drift = (k + _FIRST) * (recent - min(ratios)) / _WINDOW
            doubt = rest * min(1.0, 2.0 * drift / (1.0 - recent))
            best = min(best, Integral(total + rest, error + doubt), key=lambda part: part.error)
            if doubt <= 0.01 * tolerance(total):
                return best
    last = ratios[-1] if ratios else 0.0
    if not last < 1.0 - 1e-9:
        # Still growing where float64 ends: divergent, or as good as that.
        return Integral(math.inf, 0.0) if may_diverge else Integral(total, math.inf)
    rest = previous * last / (1.0 - last) if previous > 0.0 else 0.0
    return min(best, Integral(total + rest, error + rest), key=lambda part: part.error)


def monotone_enclosure(
    first: MonotonePair, second: MonotonePair, edges: FloatArray, allowed: float
) -> tuple[float, float]:
    """Enclose the integral of |F - G| for non-decreasing F and G over [edges[0], edges[-1]].

    Each function comes as itself and as its left limit; jumps are at edges. On a cell [a, b] the
    difference lies between F(a) - G(b-) and F(b-) - G(a). Cells with the largest share of the gap
    are halved until it is at most `allowed`; it shrinks like one over the number of cells, so that
    the work is refused where too many would be needed.
    """
    left, right = edges[:-1], edges[1:]
    f, g = first[0], second[0]
    ends = np.stack([f(left), first[1](right), g(left), second[1](right)])
    while True:
        widths = right - left
        rising, falling = ends[1] - ends[2], ends[0] - ends[3]
        upper = widths * np.maximum(rising, -falling)
        lower = widths * np.maximum(np.maximum(falling, -rising), 0.0)
        gaps = upper - lower
        gap = float(gaps.sum())
        needed = gap / allowed * left.size if allowed > 0.0 else math.inf
        if gap <= allowed or needed > _MAX_PROOF_CELLS:
            return math.fsum(lower), math.fsum(upper)
        worst = gaps > 0.5 * gap / left.size
        middle = 0.5 * left[worst] + 0.5 * right[worst]
        try:
            fm, gm = f(middle), g(middle)
        except OutOfTimeError:
            return math.fsum(lower), math.fsum(upper)
        chosen, keep = ends[:, worst], ~worst
        lows = np.stack([chosen[0], fm, chosen[2], gm])
        highs = np.stack([fm, chosen[1], gm, chosen[3]])
        left = np.concatenate([left[keep], left[worst], middle])
        right = np.concatenate([right[keep], middle, right[worst]])
        ends = np.concatenate([ends[:, keep], lows, highs], axis=1)
