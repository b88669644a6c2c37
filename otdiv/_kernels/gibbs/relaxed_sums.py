"""Sums over an entropic plan with penalised marginals, entry by entry.

P_ij = a_i b_j exp(z_ij + shift) with z_ij = (f_i + g_j - C_ij) / epsilon. Where epsilon is far
above the costs what matters is by how much P differs from a⊗b, and from exp(shift) a⊗b, so those
are summed too: they keep their digits however small they are.
"""

from __future__ import annotations

import math

import numpy as np

from .._jit import frozen, kernel

__all__ = ["ROW_SUMS", "add_plan"]

ROW_SUMS = 8
"""Sums of a row i, each divided by a_i: of P, of P - a⊗b and of its magnitudes, of the costs, of
the entropy, of b_j where pairs are forbidden; and of P / (exp(shift) a⊗b) - 1 times b_j and of its
magnitudes. Columns have the first three."""

# Size of an exponent below which its exponential less one is computed by expm1: above, the
# difference loses no more than two bits. By taste.
_SMALL = 0.5
# Size of an exponent below which the entropy is computed from its series, the sum over k >= 2 of
# (k - 1) / k! z^k, of which the terms to k = 12 are enough,
_TINY = 0.1
# and the coefficients of that.
_C2, _C3, _C4, _C5 = 1.0 / 2.0, 1.0 / 3.0, 1.0 / 8.0, 1.0 / 30.0
_C6, _C7, _C8, _C9 = 1.0 / 144.0, 1.0 / 840.0, 1.0 / 5760.0, 1.0 / 45360.0
_C10, _C11, _C12 = 1.0 / 403200.0, 1.0 / 3991680.0, 1.0 / 43545600.0


@kernel
def _add_rows(C, f, g, a, b, rate, shift, reference, rows, columns):
    """Fill rows (k, 8) and add to columns (m, 3); `reference` is exp(shift)."""
    m = C.shape[1]
    for i in range(C.shape[0]):
        total = excess = size = transport = entropy = forbidden = 0.0
        above = apart = 0.0
        for j in range(m):
            cost = C[i, j]
            weight = b[j]
            if cost == np.inf:
                excess -= weight
                size += weight
                forbidden += weight
                entropy += weight * reference
                above -= weight
                apart += weight
                columns[j, 1] -= a[i]
                columns[j, 2] += a[i]
                continue
            z = (f[i] + g[j] - cost) * rate
            exponent = z + shift
            if abs(exponent) < _SMALL:
                more = math.expm1(exponent)
                entry = 1.0 + more
            else:
                entry = math.exp(exponent)
                more = entry - 1.0
            change = math.expm1(z) if abs(z) < _SMALL else math.exp(z) - 1.0
            if abs(z) < _TINY:
                series = _C8 + z * (_C9 + z * (_C10 + z * (_C11 + z * _C12)))
                series = _C2 + z * (
                    _C3 + z * (_C4 + z * (_C5 + z * (_C6 + z * (_C7 + z * series))))
                )
                divergence = reference * z * z * series
            elif entry > 0.0:
                divergence = entry * (z - 1.0) + reference
            else:
                divergence = reference
            total += weight * entry
            excess += weight * more
            size += weight * abs(more)
            transport += weight * entry * cost
            entropy += weight * divergence
            above += weight * change
            apart += weight * abs(change)
            columns[j, 0] += a[i] * entry
            columns[j, 1] += a[i] * more
            columns[j, 2] += a[i] * abs(more)
        rows[i, 0] = total
        rows[i, 1] = excess
        rows[i, 2] = size
        rows[i, 3] = transport
        rows[i, 4] = entropy
        rows[i, 5] = forbidden
        rows[i, 6] = above
        rows[i, 7] = apart


def add_plan(
    C: np.ndarray,
    f: np.ndarray,
    g: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    epsilon: float,
    shift: float,
    rows: np.ndarray,
    columns: np.ndarray,
) -> None:
    """Fill rows (k, ROW_SUMS) of the costs C (k, m), and add to columns (m, 3) what they hold."""
    reference = math.exp(min(shift, 700.0))
    f, g, a, b = (np.ascontiguousarray(part) for part in (f, g, a, b))
    _add_rows(
        frozen(C),
        frozen(f),
        frozen(g),
        frozen(a),
        frozen(b),
        1.0 / epsilon,
        float(shift),
        reference,
        rows,
        columns,
    )
