"""The dense network simplex of a small problem in one compiled call, without `rounds`.

Below a hundred atoms the driver in Python would take longer than the pivots. Whatever is out of the
ordinary (forbidden pairs, spread or huge costs, atoms without weight, mass that stays on artificial
arcs at the first penalty, a run that does not end) is left to `rounds`.
"""

from __future__ import annotations

import numpy as np

from ..._kernels.network_flow import dense_small
from ..._kernels.network_flow.dense_pricing import extent
from ..._kernels.network_flow.spanning_tree import integer_masses
from ..._typing import FloatArray
from ...plans import Potentials, SparsePlan
from ...results import Solution, Status
from .rounds import DIRECT_SIZE, PATH_ROUNDING, PIVOTS_A_NODE, ROUNDING

__all__ = ["solve_small"]

# Largest cost up to which sums along any path are far from overflow, at 1.8e308.
_LARGEST = 1e290
# Largest cost down to which digits are far from subnormal numbers, below 2.2e-308.
_SMALLEST = 1e-260


def solve_small(C: FloatArray, a: FloatArray, b: FloatArray, total_mass: float) -> Solution | None:
    """Optimum for costs C (n, m), weights a (n,), b (m,) and a mass; None where not applicable."""
    n, m = C.shape
    if max(n, m) > DIRECT_SIZE or np.count_nonzero(a) < n or np.count_nonzero(b) < m:
        return None
    least, largest, forbidden, spread = extent(C)
    top = max(-least, largest)
    if forbidden or spread or top >= _LARGEST or 0.0 < top < _SMALLEST:
        return None
    whole = integer_masses(a, b, total_mass)
    # As in `Run`: positive for any costs, also where all are equal or 0.
    penalty = max(largest - least, 2.0**-40 * abs(least)) or 1.0
    # Rounded masses may disagree by about 2**8 units an atom; counts are exact.
    rounding_mass = 2**8 * (n + m) if whole.a_rest.size else 0
    patience = PIVOTS_A_NODE * (n + m + 100)
    answer = dense_small.solve_directly(
        C, whole, least, penalty, rounding_mass, PATH_ROUNDING, ROUNDING, patience
    )
    if answer is None:
        return None
    rows, columns, mass, f, g, n_pivots = answer
    return Solution(
        plan=SparsePlan(rows=rows, columns=columns, mass=mass, shape=(n, m)),
        potentials=Potentials(f=f, g=g),
        n_iterations=n_pivots,
        status=Status.OPTIMAL,
    )
