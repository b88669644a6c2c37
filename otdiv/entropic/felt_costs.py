"""Which costs of a matrix a plan can feel, where some are many times as large as the others.

Callers write a large number M where a pair should not be used. The floor of epsilon is relative to
the largest cost, so M decides what float64 resolves although no plan has anything there. Two things
bring the costs down to what is felt.

Reduction. C_ij - r_i - c_j has the same plans as C: their costs differ by sum a r + sum b c. With
the minima of rows, and then of columns, for r and c, a row that has no other cost than about M
becomes one of small costs. Where mass has to go over pairs of cost M the potentials of a larger
epsilon do the same: what carries mass then costs about that epsilon.

Limits. Costs above a limit T are solved as if they were T. The optimum of that is a lower bound,
because no cost was raised; and where its plan has nothing on such pairs, the same plan with these
pairs forbidden is an upper bound. So a limit needs no proof beforehand: it is tried, and taken back
where the pairs turn out to carry mass.
"""

from __future__ import annotations

import math

import numpy as np

from .._typing import FloatArray

__all__ = ["cost_limits", "costs_less", "reduced_costs"]

# Costs up to this many epsilon carry mass beside pairs of cost 0. A limit is this many epsilon
# above what is small, so that a pair at the limit carries exp(-200) of what the others do, and so
# many times as large as that, since potentials spread somewhat wider than costs.
_FELT, _NOTHING, _WIDER = 32.0, 200.0, 8.0
# Costs are of two kinds where so many octaves between them are empty; by taste.
_EMPTY_OCTAVES = 6
# Minima are taken off where costs spread over more than this many epsilon, and minima over more
# than this part of that: otherwise nothing is lost that would be seen. By taste.
_WIDE, _UNEVEN = 1e4, 1.0 / 64.0


def reduced_costs(
    C: FloatArray, epsilon: float
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Costs (n, m) less r (n,) and c (m,), with both; None where that would hardly matter.

    Each reduced cost is off by a rounding of itself, however large r and c are.
    """
    r, c = _minima(C, axis=1), _minima(C, axis=0)
    finite = np.isfinite(C)
    spread = float(np.max(C, where=finite, initial=-np.inf) - np.min(C, where=finite, initial=0.0))
    # What rows and columns have in common takes nothing off the spread.
    if max(float(np.ptp(r)), float(np.ptp(c))) < _UNEVEN * spread or spread <= _WIDE * epsilon:
        return None
    c = _minima(C - r[:, None], axis=0)
    return costs_less(C, r, c), r, c


def costs_less(C: FloatArray, r: FloatArray, c: FloatArray) -> FloatArray:
    """C_ij - r_i - c_j (n, m) to a rounding of itself, however large r and c are."""
    rows, lost = _difference(C, r[:, None])
    R, more = _difference(rows, c)
    lost += more
    R += np.where(np.isfinite(C), lost, 0.0)
    return R


def _difference(p: FloatArray, q: FloatArray) -> tuple[FloatArray, FloatArray]:
    """P - q, rounded, and what the rounding lost: exact together (Knuth's two-sum)."""
    s = p - q
    z = s - p
    return s, (p - (s - z)) - (q + z)


def _minima(C: FloatArray, axis: int) -> FloatArray:
    """Least costs along an axis, 0 where all pairs are forbidden."""
    minima = C.min(axis=axis)
    return np.where(np.isfinite(minima), minima, 0.0)


def cost_limits(C: FloatArray, epsilon: float, resolved: float) -> list[float]:
    """Limits of costs (n, m), of which the least is 0, that are worth a try, from the least on.

    `resolved` is the largest cost that float64 resolves at this epsilon. An infinite limit, which
    is none, is the last.
    """
    large = C[np.isfinite(C) & (_FELT * epsilon < C)]
    if not large.size:
        return [math.inf]
    octaves = np.unique(np.frexp(large)[1])
    limits: list[float] = []
    below = math.frexp(_FELT * epsilon)[1]
    for octave in octaves.tolist():
        if octave - below > _EMPTY_OCTAVES:
            least = _WIDER * math.ldexp(1.0, below) + _NOTHING * epsilon
            # Where pairs are linked in long chains potentials may fill the gap.
            limits += [least, max(least, min(math.ldexp(1.0, octave - 2), resolved))]
        below = octave
    largest = float(large.max())
    if largest > resolved:
        limits.append(resolved)
    return [*sorted({limit for limit in limits if limit <= resolved}), math.inf]
