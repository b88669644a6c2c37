"""A small dense problem in one compiled call, without `rounds`.

Below a hundred atoms the driver in Python would take longer than the pivots. Whatever is out of the
ordinary (forbidden pairs, spread or huge costs, atoms without weight, mass that stays on artificial
arcs at the first penalty, a run that does not end) is left to `rounds`.
"""

from __future__ import annotations

import numpy as np

from ..._kernels._jit import frozen
from ..._kernels.network_flow.dense_small import PIVOTS, assign_plain, pivot_plain
from ..._kernels.network_flow.spanning_tree import integer_masses
from ..._typing import FloatArray
from ...plans import Potentials, SparsePlan
from ...results import Solution, Status
from .rounds import DIRECT_SIZE

__all__ = ["solve_small"]

_NO_REST = np.empty(0)


def solve_small(C: FloatArray, a: FloatArray, b: FloatArray, total_mass: float) -> Solution | None:
    """Optimum for costs C (n, m), weights a (n,), b (m,) and a mass; None where not applicable."""
    n, m = C.shape
    if max(n, m) > DIRECT_SIZE or np.count_nonzero(a) < n or np.count_nonzero(b) < m:
        return None
    nodes = n + m + 1
    rows, columns, entries = np.empty(nodes, np.int64), np.empty(nodes, np.int64), np.empty(nodes)
    f, g = np.empty(n), np.empty(m)
    C, answer = frozen(C), (rows, columns, entries, f, g)
    count = PIVOTS
    if n == m:
        integers, numbers = np.empty((5, n), np.int64), np.empty((2, n))
        count, n_steps = assign_plain(
            C, frozen(a), frozen(b), total_mass, *answer, integers, numbers
        )
    if count == PIVOTS:
        whole = integer_masses(a, b, total_mass)
        rest = _NO_REST
        if whole.a_rest.size:
            rest = np.concatenate([whole.a_rest, -whole.b_rest, np.zeros(1)])
        links, numbers = np.empty((5, nodes), np.uint32), np.empty((2, nodes))
        masses = whole.a, whole.b, whole.unit, whole.exponent, rest
        flow = np.empty(nodes, np.int64)
        count, n_steps = pivot_plain(C, *masses, *answer, links, flow, numbers)
    if count < 0:
        return None
    return Solution(
        plan=SparsePlan(
            rows=rows[:count], columns=columns[:count], mass=entries[:count], shape=(n, m)
        ),
        potentials=Potentials(f=f, g=g),
        n_iterations=n_steps,
        status=Status.OPTIMAL,
    )
