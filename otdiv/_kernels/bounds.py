"""Kernels of the proofs that put many small steps into one call: marginals, shifts, lower bounds.

A call from Python costs about a microsecond and so does every NumPy function: for fifty atoms that
would be most of the time of a proof. The formulas are derived in `certificates.rounding`.
"""

import numpy as np

from ._jit import helper, kernel
from .certify import dot, sums_by

__all__ = ["lower_value", "marginal_gaps", "middle_shift"]

_U = 2.0**-53


@kernel
def middle_shift(f, g, a, b):
    """Shift t that makes the weighted sizes of f - t and g + t about even.

    Only potentials of atoms with weight count. NaN if any entry is not finite.
    """
    least_f = least_g = np.inf
    largest_f = largest_g = -np.inf
    # A product with 0 is NaN for NaN and the infinities, and the sum keeps it.
    finite = 0.0
    for i in range(f.size):
        finite += 0.0 * f[i]
        if a[i] > 0.0:
            least_f = min(least_f, f[i])
            largest_f = max(largest_f, f[i])
    for j in range(g.size):
        finite += 0.0 * g[j]
        if b[j] > 0.0:
            least_g = min(least_g, g[j])
            largest_g = max(largest_g, g[j])
    middle_f = 0.5 * least_f + 0.5 * largest_f
    middle_g = 0.5 * least_g + 0.5 * largest_g
    return 0.5 * middle_f - 0.5 * middle_g + finite


@kernel
def lower_value(given_weights, given, derived_weights, derived, k):
    """Dual value of potentials less all rounding, that rounding, and whether `derived` is finite.

    `derived` is the computed c-transform of `given`, from costs of relative rounding k u.
    """
    largest = 0.0
    if k > 0.0:
        for i in range(given.size):
            largest = max(largest, abs(given[i]))
    lost = rest = 0.0
    finite = 0.0
    for j in range(derived.size):
        size = abs(derived[j])
        finite += 0.0 * size
        if derived_weights[j] > 0.0:
            if k == 0.0:
                slack = size * (_U * (1.0 + 8.0 * _U))
            else:
                slack = (size + k * (size + largest)) * (_U * (1.0 + 1e-12))
            term = derived_weights[j] * slack
            moved = lost + term
            virtual = moved - lost
            rest += (lost - (moved - virtual)) + (term - virtual)
            lost = moved
    lost += rest
    source, source_size = dot(given_weights, given)
    target, target_size = dot(derived_weights, derived)
    rounding = lost + 5.0 * _U * (source_size + target_size)
    return source + target - rounding, rounding, finite == 0.0


@helper
def _deficits(sums, weights):
    """What each sum lacks of its weight, the total of that, and the total of what others exceed."""
    missing = excess = 0.0
    for k in range(weights.size):
        lacking = max(weights[k] - sums[k], 0.0)
        excess += max(sums[k] - weights[k], 0.0)
        missing += lacking
        sums[k] = lacking
    return sums, missing, excess


@kernel
def marginal_gaps(rows, columns, mass, a, b):
    """What the sums of a plan lack of the weights, the totals, and the least mass.

    Returns (row_rest, missing, excess, column_rest, absent, surplus, least).
    """
    least = 0.0
    for e in range(mass.size):
        least = min(least, mass[e])
    row_rest, missing, excess = _deficits(sums_by(rows, mass, a.size), a)
    column_rest, absent, surplus = _deficits(sums_by(columns, mass, b.size), b)
    return row_rest, missing, excess, column_rest, absent, surplus, least
