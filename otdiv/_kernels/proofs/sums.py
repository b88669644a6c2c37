"""Sums behind the proofs, many small steps in one call: marginals, dual values, middle shifts.

A call from Python costs about a microsecond and so does every NumPy function: for fifty atoms that
would be most of the time of a proof. The formulas are derived in `certificates.rounding`. The same
two kernels serve both sides of a problem, and plans: a proof waits for them to be compiled.
"""

import math
from typing import NamedTuple

import numpy as np

from .._jit import frozen, helper, kernel

__all__ = [
    "FAR",
    "LEAST",
    "MET",
    "MET_AFTER_REPAIR",
    "UNDERFLOW",
    "Gaps",
    "centre",
    "centred",
    "defect",
    "defects",
    "defects_of",
    "dot",
    "group",
    "lower_value",
    "marginal_gaps",
    "room",
    "shrink",
    "value_of",
    "weigh",
]

_U = 2.0**-53

# A marginal within this share of its weight is met, and needs no repair; after a repair it may be
# one rounding further off, which is all that may be left unpaid (see `certificates.rounding`).
MET, MET_AFTER_REPAIR = 3.0 * _U, 4.0 * _U

# An atom is far away where its potential is this many times the mean one.
FAR = 2.0**12

# Below this size of a sum its products may have lost digits to underflow, each up to half of the
# least number above zero.
UNDERFLOW, LEAST = 1e-290, 5e-324


@kernel
def defect(weights, mass):
    """By which share of it each weight is too small for a sum of `mass`, and the least weight.

    Four compensated lanes, so that additions overlap; the lanes and the mass add up exactly but for
    the last rounding.
    """
    s0 = s1 = s2 = s3 = 0.0
    c0 = c1 = c2 = c3 = 0.0
    least = mass
    whole = weights.size - weights.size % 4
    for i in range(0, whole, 4):
        w0, w1, w2, w3 = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        t0, t1, t2, t3 = s0 + w0, s1 + w1, s2 + w2, s3 + w3
        z0, z1, z2, z3 = t0 - s0, t1 - s1, t2 - s2, t3 - s3
        c0 += (s0 - (t0 - z0)) + (w0 - z0)
        c1 += (s1 - (t1 - z1)) + (w1 - z1)
        c2 += (s2 - (t2 - z2)) + (w2 - z2)
        c3 += (s3 - (t3 - z3)) + (w3 - z3)
        s0, s1, s2, s3 = t0, t1, t2, t3
        least = min(least, min(min(w0, w1), min(w2, w3)))
    rest = (c0 + c1) + (c2 + c3)
    for i in range(whole, weights.size + 3):
        w = weights[i] if i < weights.size else (s1, s2, s3)[i - weights.size]
        least = min(least, w) if i < weights.size else least
        t = s0 + w
        z = t - s0
        rest += (s0 - (t - z)) + (w - z)
        s0 = t
    return ((mass - s0) - rest) / mass, least


@kernel
def defects_of(a, b, mass):
    first, least = defect(a, mass)
    second, other = defect(b, mass)
    return first, second, min(least, other)


@kernel
def weigh(weights, values):
    """Sums of w_i v_i and of |w_i v_i|, and a check.

    The sums are compensated; a term with w_i = 0 is 0. The check is 0, or NaN if any entry is not
    finite.
    """
    total = rest = magnitude = magnitude_rest = 0.0
    # A product with 0 is NaN for NaN and the infinities, and the sum keeps it.
    finite = 0.0
    for i in range(weights.size):
        weight, value = weights[i], values[i]
        finite += 0.0 * value
        if weight == 0.0:
            continue
        # Two-sum: exact whatever the sizes of its operands, and without a branch.
        term = weight * value
        moved = total + term
        virtual = moved - total
        rest += (total - (moved - virtual)) + (term - virtual)
        total = moved
        term = abs(term)
        moved = magnitude + term
        virtual = moved - magnitude
        magnitude_rest += (magnitude - (moved - virtual)) + (term - virtual)
        magnitude = moved
    if magnitude < np.inf:
        magnitude += magnitude_rest
    return total + rest, magnitude, finite


@kernel
def group(index, mass, weights, small, met, work):
    """Sum `mass` by `index` into ``work[0]``, and what each lacks of its weight into ``work[1]``.

    Each weight is too small by the share `small` of it. Sums within `met` of the weights,
    relatively, lack nothing and exceed nothing. `work` (2, groups) comes filled with zeros. Returns
    the total lacking, the total by which sums exceed their weights, and the least mass or 0; NaN
    where a mass is, and where an index is not one of the groups.
    """
    sums, rests = work[0], work[1]
    least = 0.0
    e = 0
    while e < mass.size:
        k = index[e]
        if k < 0 or k >= weights.size:
            return np.nan, np.nan, -np.inf
        total = sums[k]
        rest = 0.0
        while True:
            term = mass[e]
            if term < least:
                least = term
            moved = total + term
            virtual = moved - total
            rest += (total - (moved - virtual)) + (term - virtual)
            total = moved
            e += 1
            if e == mass.size or index[e] != k:
                break
        sums[k] = total
        # Untouched, and so never paid for, where every group is one run of entries, as on a line.
        if rest != 0.0:
            rests[k] += rest
    missing = excess = 0.0
    for k in range(weights.size):
        rest, weight = rests[k], weights[k]
        lacking = (weight - sums[k]) - rest + small * weight
        sums[k] += rest
        if abs(lacking) <= met * weight:
            lacking = 0.0
        elif lacking > 0.0:
            missing += lacking
        else:
            excess -= lacking
            lacking = 0.0
        if lacking != rest:
            rests[k] = lacking
    return missing, excess, least


def dot(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Compensated sums of x_i y_i and of |x_i y_i|; a term with x_i = 0 is 0."""
    total, magnitude = weigh(frozen(x), frozen(y))[:2]
    return total, magnitude


@kernel
def centre(f, g, a, b, mass, out):
    """Fill in f - t for the shift t that makes the weighted means of f - t and g + t even.

    Returns the sum of the weighted sizes of f - t, the largest size, and 0, or NaN where an entry
    of f is not finite.
    """
    sum_f = sum_g = finite = 0.0
    for i in range(f.size):
        finite += 0.0 * f[i]
        sum_f += a[i] * f[i]
    for j in range(g.size):
        sum_g += b[j] * g[j]
    shift = 0.5 * (sum_f / mass) - 0.5 * (sum_g / mass)
    if not np.isfinite(shift):
        shift = 0.0
    total = largest = 0.0
    for i in range(f.size):
        value = f[i] - shift
        out[i] = value
        size = abs(value)
        total += a[i] * size
        if size > largest:
            largest = size
    return total, largest, finite


def centred(
    f: np.ndarray, g: np.ndarray, a: np.ndarray, b: np.ndarray, mass: float, rounding: float
) -> np.ndarray | None:
    """The potentials f, shifted to about the size of g; None where an entry is not finite.

    The shift is that of the weighted means: a light atom far away has a large potential that weighs
    nothing, and the middle of the range would cost all others their digits. Potentials of atoms far
    away are lowered by a share `rounding` of them: their reduced costs are noise of that size,
    which would keep down the potentials of all atoms nearby.
    """
    out = np.empty(f.size)
    total, largest, finite = centre(frozen(f), frozen(g), frozen(a), frozen(b), mass, out)
    if finite != 0.0:
        return None
    if largest * mass > FAR * total:
        sizes = np.abs(out)
        out = np.where(sizes * mass > FAR * total, out - rounding * sizes, out)
    return out


def _value(source, source_size, target, target_size, k, mass, small, size):
    """Dual value less all rounding, and that rounding, from sums w f and w |f| of both sides."""
    # What is taken off the potentials so that they are feasible, k u |f_i| and (k + 1) u |g_j|.
    lost = (target_size + k * (target_size + source_size)) * (_U * (1.0 + 1e-12))
    value = source + target + (source * small[0] + target * small[1])
    # Each product u; the sums, and this difference, of what may have cancelled.
    rounding = lost + 1.01 * _U * (source_size + target_size) + 4.0 * _U * abs(value)
    if source_size + target_size < UNDERFLOW:
        rounding += LEAST * (size + (k + 4.0) * math.ceil(mass))
    return value - rounding, rounding


# The same for kernels; Python adds a few floats up before a kernel is called.
value_of = helper(_value)


def lower_value(
    given_weights: np.ndarray,
    given: np.ndarray,
    derived_weights: np.ndarray,
    derived: np.ndarray,
    k: float,
    mass: float,
    small: tuple[float, float],
) -> tuple[float, float, bool]:
    """Dual value of potentials less all rounding, that rounding, and whether `derived` is finite.

    `derived` is the computed c-transform of `given`, from costs of relative rounding k u. Each
    side's weights are too small for the `mass` by a share `small`.
    """
    source, source_size, _ = weigh(frozen(given_weights), frozen(given))
    target, target_size, finite = weigh(frozen(derived_weights), frozen(derived))
    size = given.size + derived.size
    lower, rounding = _value(source, source_size, target, target_size, k, mass, small, size)
    return lower, rounding, finite == 0.0


def defects(a: np.ndarray, b: np.ndarray, mass: float) -> tuple[float, float, float]:
    """`defect` of both sides, and the least of all weights."""
    found: tuple[float, float, float] = defects_of(frozen(a), frozen(b), mass)
    return found


class Gaps(NamedTuple):
    """What the sums of a plan lack of the weights and exceed them by, beyond what counts as met."""

    row_rest: np.ndarray
    column_rest: np.ndarray
    row_sums: np.ndarray
    column_sums: np.ndarray
    missing: float
    """Total that rows lack; `absent` is that of the columns."""
    excess: float
    """Total by which rows are too large; `surplus` is that of the columns."""
    absent: float
    surplus: float
    least: float
    """Least mass or 0."""

    @property
    def none(self) -> bool:
        """Whether the plan needs no repair; False also where any mass is NaN or negative."""
        total = self.missing + self.excess + self.absent + self.surplus
        return total == 0.0 and self.least == 0.0

    @property
    def unpaid(self) -> float:
        """All deviations together."""
        return self.missing + self.excess + self.absent + self.surplus


def marginal_gaps(
    rows: np.ndarray,
    columns: np.ndarray,
    entries: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    small: tuple[float, ...],
    met: float,
) -> Gaps:
    """Compare the sums of a plan's entries with the weights, each side's too small by a share.

    Sums within the share `met` of the weights are no gap.
    """
    entries = frozen(entries)
    row_work, column_work = np.zeros((2, a.size)), np.zeros((2, b.size))
    missing, excess, least = group(frozen(rows), entries, frozen(a), small[0], met, row_work)
    absent, surplus, _ = group(frozen(columns), entries, frozen(b), small[1], met, column_work)
    return Gaps(
        row_work[1], column_work[1], row_work[0], column_work[0],
        missing, excess, absent, surplus, least,
    )  # fmt: skip


def shrink(
    rows: np.ndarray,
    columns: np.ndarray,
    entries: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    small: tuple[float, ...],
) -> np.ndarray:
    """New entries: rows and then columns that are too large scaled down to their weights."""
    for index, weights, share in ((rows, a, small[0]), (columns, b, small[1])):
        work = np.zeros((2, weights.size))
        if group(frozen(index), frozen(entries), frozen(weights), share, MET, work)[1] > 0.0:
            sums = work[0]
            scale = np.ones(weights.size)
            np.divide(weights, sums, out=scale, where=sums > weights)
            entries = entries * scale[index]
    return entries


def room(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How much each sum may still grow and count as met."""
    return np.asarray(np.maximum((weights - sums) + (MET - _U) * weights, 0.0))
