"""The soft c-transform: the potential that gives the rows of a plan the sums they should have.

In bits, for sums s_i = r_i 2**(-shift_i) of 2**(v_j - c_ij) over j,

    u_i = log2 a_i - log2 s_i = log2 a_i - (log2 r_i - shift_i),

and where a penalty relaxes the marginal (tau = epsilon / reach) the update is damped by 1 + tau.
"""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray

__all__ = ["soft_c_transform"]


def soft_c_transform(
    log_weights: FloatArray, shift: FloatArray, sums: FloatArray, tau: float = 0.0
) -> FloatArray:
    """Return u (n,) for log2 a (n,) and shifts and sums (n,) as `Kernel.row_sums` returns them."""
    return np.asarray(log_weights - (np.log2(sums) - shift) / (1.0 + tau))
