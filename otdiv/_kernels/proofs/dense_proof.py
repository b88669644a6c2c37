"""Both bounds of a small problem with stored costs, in one call.

What `certificates.prove` does to a plan that needs no repair and to potentials of moderate size,
number by number: a dozen calls from Python would take longer than their sums for a hundred atoms.
The formulas are derived in `certificates.rounding`. Whatever is out of the ordinary (forbidden
pairs, huge costs, sums near the least float, light atoms, a plan that needs a repair) is left open,
for `certify` to do the long way.
"""

import numpy as np

from .._jit import kernel, read_only
from ..network_flow.dense_pricing import block_minimum
from .repair import transform_matrix
from .sums import FAR, MET, UNDERFLOW, centre, defects_of, group, value_of, weigh

__all__ = ["ENOUGH", "OPEN", "PROVEN", "ROUNDINGS", "prove_dense"]

_U = 2.0**-53

OPEN, PROVEN = 0, 1
"""Codes of `prove_dense`: whether it could say anything."""

# Costs above this may overflow in sums, weights below lose digits; as in `_validation`.
_HUGE, _LEAST_WEIGHT = 2.0**1000, 2.0**-1022

# A gap of so many roundings, below this share of the value, is not worth another c-transform.
ROUNDINGS, ENOUGH = 64.0, 1e-11


@kernel
def _dual(C, given, other, a, b, f, g, mass, k, small, swapped):
    """Fill in potentials of one side, centred, and those of the other; their value and rounding.

    -inf where an entry is not finite. `swapped` says that the sides of C are the columns' first.
    """
    total, largest, finite = centre(f, g, a, b, mass, given)
    if finite != 0.0:
        return -np.inf, 0.0
    if largest * mass > FAR * total:
        for i in range(given.size):
            size = abs(given[i])
            if size * mass > FAR * total:
                given[i] -= (k + 2.0) * _U * size
    if swapped:
        for i in range(other.size):
            other[i] = block_minimum(C[i], given)
    else:
        for j in range(other.size):
            other[j] = np.inf
        transform_matrix(C, given, other)
    source, source_size, _ = weigh(a, read_only(given))
    target, target_size, finite = weigh(b, read_only(other))
    if finite != 0.0:
        return -np.inf, 0.0
    size = a.size + b.size
    lower, rounding = value_of(source, source_size, target, target_size, k, mass, small, size)
    return (lower, rounding) if abs(lower) < np.inf else (-np.inf, 0.0)


@kernel
def prove_dense(
    C, a, b, mass, k, rows, columns, entries, f, g, asked, f_out, g_out, row_work, column_work
):  # fmt: skip
    """Bounds of the optimum from a plan (entries at rows, columns) and potentials f, g.

    Costs C (n, m) have a relative rounding of k u. `asked` is the gap, as a share of the upper
    bound, that needs no second c-transform; `f_out`, `g_out` become feasible potentials; the work
    spaces (2, n), (2, m) come as they are. Returns (code, value, lower, upper, slack, sum of P|C|).
    """
    nothing = OPEN, 0.0, 0.0, 0.0, 0.0, 0.0
    least, largest = C[0, 0], C[0, 0]
    for i in range(C.shape[0]):
        row = C[i]
        for j in range(row.shape[0]):
            value = row[j]
            least = value if value < least else least
            largest = value if value > largest else largest
    first, second, lightest = defects_of(a, b, mass)
    if not (largest <= _HUGE and least >= -_HUGE and lightest > _LEAST_WEIGHT):
        return nothing
    for side in range(2):
        for i in range(f.size):
            row_work[side, i] = 0.0
        for j in range(g.size):
            column_work[side, j] = 0.0
    missing, excess, lowest = group(rows, entries, a, first, MET, row_work)
    absent, surplus, _ = group(columns, entries, b, second, MET, column_work)
    if not (missing + excess + absent + surplus == 0.0 and lowest == 0.0):
        return nothing
    # As `weigh` of the entries and their costs.
    total = rest = magnitude = magnitude_rest = 0.0
    faded = False
    for e in range(entries.size):
        cost = C[rows[e], columns[e]]
        term = entries[e] * cost if entries[e] > 0.0 else 0.0
        faded |= term == 0.0 and cost != 0.0 and entries[e] > 0.0
        moved = total + term
        virtual = moved - total
        rest += (total - (moved - virtual)) + (term - virtual)
        total = moved
        term = abs(term)
        moved = magnitude + term
        virtual = moved - magnitude
        magnitude_rest += (magnitude - (moved - virtual)) + (term - virtual)
        magnitude = moved
    value, magnitude = total + rest, magnitude + magnitude_rest
    if not magnitude < np.inf:
        return nothing
    if magnitude < UNDERFLOW and (k > 0.0 or magnitude > 0.0 or faded):
        return nothing
    upper = value + (k + 4.0) * _U * magnitude
    lower, rounding = _dual(C, f_out, g_out, a, b, f, g, mass, k, (first, second), np.int64(0))
    if lower == -np.inf:
        return nothing
    if lower < 0.0 and value <= 0.0 and least >= 0.0:
        lower = rounding = 0.0
    slack = rounding + (upper - value if value < upper else 0.0)
    enough = max(asked * abs(upper), min(ROUNDINGS * slack, ENOUGH * abs(upper)))
    if not upper - lower <= enough:
        other, given = row_work[0], column_work[0]
        again, noise = _dual(
            C,
            given,
            other,
            b,
            a,
            read_only(g_out),
            read_only(f_out),
            mass,
            k,
            (second, first),
            True,
        )
        if again > lower:
            lower, rounding = again, noise
            for i in range(f.size):
                f_out[i] = other[i]
            for j in range(g.size):
                g_out[j] = given[j]
            slack = rounding + (upper - value if value < upper else 0.0)
    lower = min(lower, value)
    if lower < 0.0 and least >= 0.0:
        lower = 0.0
    return PROVEN, value, lower, upper, slack, magnitude
