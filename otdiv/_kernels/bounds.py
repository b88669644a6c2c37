"""Sums behind the proofs, many small steps in one call: marginals, dual values, middle shifts.

A call from Python costs about a microsecond and so does every NumPy function: for fifty atoms that
would be most of the time of a proof. The formulas are derived in `certificates.rounding`. The same
two kernels serve both sides of a problem, and plans: a proof waits for them to be compiled.
"""

import numpy as np

from ._jit import frozen, kernel

__all__ = ["dot", "lower_value", "marginal_gaps", "middle_shift", "shrink"]

_U = 2.0**-53


@kernel
def _weigh(weights, values):
    """Sums of w_i v_i and of |w_i v_i|, extremes of v where w_i != 0, largest |v_i|, and a check.

    The sums are compensated; a term with w_i = 0 is 0. The check is 0, or NaN if any entry is not
    finite.
    """
    total = rest = magnitude = magnitude_rest = 0.0
    least = np.inf
    highest = -np.inf
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
        if value < least:
            least = value
        if value > highest:
            highest = value
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
    return total + rest, magnitude, least, highest, largest, finite


@kernel
def _group(index, mass, weights, work):
    """Sum `mass` by `index` into ``work[0]``, and what each lacks of its weight into ``work[1]``.

    `work` (2, groups) comes filled with zeros. Returns the total lacking, the total by which sums
    exceed their weights, and the least mass or 0.
    """
    sums, rests = work[0], work[1]
    least = 0.0
    e = 0
    while e < mass.size:
        k = index[e]
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
        rest = rests[k]
        total = sums[k] + rest
        sums[k] = total
        lacking = weights[k] - total
        if lacking < 0.0:
            excess -= lacking
            lacking = 0.0
        missing += lacking
        if lacking != rest:
            rests[k] = lacking
    return missing, excess, least


def dot(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Compensated sums of x_i y_i and of |x_i y_i|; a term with x_i = 0 is 0."""
    total, magnitude = _weigh(frozen(x), frozen(y))[:2]
    return total, magnitude


def middle_shift(f: np.ndarray, g: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Shift t that makes the weighted sizes of f - t and g + t about even.

    Only potentials of atoms with weight count. NaN if any entry is not finite.
    """
    _, _, least_f, highest_f, _, finite_f = _weigh(frozen(a), frozen(f))
    _, _, least_g, highest_g, _, finite_g = _weigh(frozen(b), frozen(g))
    middle_f = 0.5 * least_f + 0.5 * highest_f
    middle_g = 0.5 * least_g + 0.5 * highest_g
    shift: float = 0.5 * middle_f - 0.5 * middle_g + finite_f + finite_g
    return shift


def lower_value(
    given_weights: np.ndarray,
    given: np.ndarray,
    derived_weights: np.ndarray,
    derived: np.ndarray,
    k: float,
    mass: float,
) -> tuple[float, float, bool]:
    """Dual value of potentials less all rounding, that rounding, and whether `derived` is finite.

    `derived` is the computed c-transform of `given`, from costs of relative rounding k u; `mass` is
    the sum of either side's weights.
    """
    source, source_size, _, _, largest, _ = _weigh(frozen(given_weights), frozen(given))
    target, target_size, _, _, _, finite = _weigh(frozen(derived_weights), frozen(derived))
    # The sum of b_j s_j, where s_j is linear in |g_j|.
    if k == 0.0:
        lost = target_size * (_U * (1.0 + 16.0 * _U))
    else:
        lost = (target_size + k * (target_size + mass * largest)) * (_U * (1.0 + 1e-12))
    rounding = lost + 5.0 * _U * (source_size + target_size)
    return source + target - rounding, rounding, finite == 0.0


def marginal_gaps(
    rows: np.ndarray, columns: np.ndarray, mass: np.ndarray, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, float, float, np.ndarray, float, float, float]:
    """What the sums of a plan lack of the weights, the totals, and the least mass or 0.

    Returns (row_rest, missing, excess, column_rest, absent, surplus, least).
    """
    mass = frozen(mass)
    row_work, column_work = np.zeros((2, a.size)), np.zeros((2, b.size))
    missing, excess, least = _group(frozen(rows), mass, frozen(a), row_work)
    absent, surplus, _ = _group(frozen(columns), mass, frozen(b), column_work)
    return row_work[1], missing, excess, column_work[1], absent, surplus, least


def shrink(
    rows: np.ndarray, columns: np.ndarray, mass: np.ndarray, a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """New masses: negative ones dropped, rows and then columns scaled down to their weights."""
    mass = np.maximum(mass, 0.0)
    for index, weights in ((rows, a), (columns, b)):
        work = np.zeros((2, weights.size))
        if _group(frozen(index), frozen(mass), frozen(weights), work)[1] > 0.0:
            sums = work[0]
            scale = np.ones(weights.size)
            np.divide(weights, sums, out=scale, where=sums > weights)
            mass *= scale[index]
    return mass
