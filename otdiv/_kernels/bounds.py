"""Sums behind the proofs, many small steps in one call: marginals, dual values, middle shifts.

A call from Python costs about a microsecond and so does every NumPy function: for fifty atoms that
would be most of the time of a proof. The formulas are derived in `certificates.rounding`. The same
two kernels serve both sides of a problem, and plans: a proof waits for them to be compiled.
"""

import math
from typing import NamedTuple

import numpy as np

from ._jit import frozen, kernel

__all__ = [
    "MET",
    "MET_AFTER_REPAIR",
    "Gaps",
    "defect",
    "dot",
    "lower_value",
    "marginal_gaps",
    "middle_shift",
    "room",
    "shrink",
]

_U = 2.0**-53

# A marginal within this share of its weight is met, and needs no repair; after a repair it may be
# one rounding further off, which is all that may be left unpaid (see `certificates.rounding`).
MET, MET_AFTER_REPAIR = 3.0 * _U, 4.0 * _U

# Below this size of a sum its products may have lost digits to underflow, each up to half of the
# least number above zero.
_UNDERFLOW, _LEAST = 1e-290, 5e-324


@kernel
def defect(weights, mass):
    """By which share of it each weight is too small for a sum of `mass`."""
    total = rest = 0.0
    for w in weights:
        t = total + w
        z = t - total
        rest += (total - (t - z)) + (w - z)
        total = t
    return ((mass - total) - rest) / mass


@kernel
def _weigh(weights, values):
    """Sums of w_i v_i and of |w_i v_i|, sum of w_i and its error, largest |v_i|, and a check.

    The sums are compensated; a term with w_i = 0 is 0. The check is 0, or NaN if any entry is not
    finite.
    """
    total = rest = magnitude = magnitude_rest = 0.0
    mass = mass_rest = 0.0
    largest = 0.0
    # A product with 0 is NaN for NaN and the infinities, and the sum keeps it.
    finite = 0.0
    for i in range(weights.size):
        weight, value = weights[i], values[i]
        finite += 0.0 * value
        size = abs(value)
        if size > largest:
            largest = size
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
        moved = mass + weight
        virtual = moved - mass
        mass_rest += (mass - (moved - virtual)) + (weight - virtual)
        mass = moved
    if magnitude < np.inf:
        magnitude += magnitude_rest
    return total + rest, magnitude, mass, mass_rest, largest, finite


@kernel
def _group(index, mass, weights, scale_to, met, work):
    """Sum `mass` by `index` into ``work[0]``, and what each lacks of its weight into ``work[1]``.

    The weights count in proportion, as shares of the mass `scale_to`; sums within `met` of them,
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
    small = defect(weights, scale_to)
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
    total, magnitude = _weigh(frozen(x), frozen(y))[:2]
    return total, magnitude


def middle_shift(f: np.ndarray, g: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Shift t that makes the mean sizes of f - t and g + t about even, by their weighted means.

    A light atom far away has a large potential that weighs nothing; the middle of the range would
    cost all others their digits. NaN if any entry is not finite, 0 if the means overflow.
    """
    sum_f, _, mass_f, _, _, finite_f = _weigh(frozen(a), frozen(f))
    sum_g, _, mass_g, _, _, finite_g = _weigh(frozen(b), frozen(g))
    shift: float = 0.5 * (sum_f / mass_f) - 0.5 * (sum_g / mass_g)
    return (shift if math.isfinite(shift) else 0.0) + finite_f + finite_g


def lower_value(
    given_weights: np.ndarray,
    given: np.ndarray,
    derived_weights: np.ndarray,
    derived: np.ndarray,
    k: float,
    mass: float,
) -> tuple[float, float, bool]:
    """Dual value of potentials less all rounding, that rounding, and whether `derived` is finite.

    `derived` is the computed c-transform of `given`, from costs of relative rounding k u; each
    side's weights count as shares of `mass`.
    """
    source, source_size, *source_mass, _, _ = _weigh(frozen(given_weights), frozen(given))
    target, target_size, *target_mass, _, finite = _weigh(frozen(derived_weights), frozen(derived))
    # What is taken off the potentials so that they are feasible, k u |f_i| and (k + 1) u |g_j|.
    lost = (target_size + k * (target_size + source_size)) * (_U * (1.0 + 1e-12))
    rounding = lost + 5.0 * _U * (source_size + target_size)
    value = source + target
    value += source * (((mass - source_mass[0]) - source_mass[1]) / mass)
    value += target * (((mass - target_mass[0]) - target_mass[1]) / mass)
    if source_size + target_size < _UNDERFLOW:
        rounding += _LEAST * (given.size + derived.size + (k + 4.0) * math.ceil(mass))
    return value - rounding, rounding, finite == 0.0


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
    mass: float,
    met: float,
) -> Gaps:
    """Compare the sums of a plan's entries with the weights, scaled to `mass` on either side.

    Sums within the share `met` of the weights are no gap.
    """
    entries = frozen(entries)
    row_work, column_work = np.zeros((2, a.size)), np.zeros((2, b.size))
    missing, excess, least = _group(frozen(rows), entries, frozen(a), mass, met, row_work)
    absent, surplus, _ = _group(frozen(columns), entries, frozen(b), mass, met, column_work)
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
    mass: float,
) -> np.ndarray:
    """New entries: rows and then columns that are too large scaled down to their weights."""
    for index, weights in ((rows, a), (columns, b)):
        work = np.zeros((2, weights.size))
        if _group(frozen(index), frozen(entries), frozen(weights), mass, MET, work)[1] > 0.0:
            sums = work[0]
            scale = np.ones(weights.size)
            np.divide(weights, sums, out=scale, where=sums > weights)
            entries = entries * scale[index]
    return entries


def room(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How much each sum may still grow and count as met."""
    return np.asarray(np.maximum((weights - sums) + (MET - _U) * weights, 0.0))
