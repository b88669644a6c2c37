"""How far floating point may be off.

Derivation of the slack, with u = 2**-53 and k the relative rounding of one cost in units of u
(`_kernels.costs.relative_rounding`; 0 for a cost matrix, whose entries are the problem itself).

Upper bound. A plan P with the exact marginals costs at least the optimum. The computed <C, P> errs
by at most (k + 2) u sum P|C| for costs and products and 2 u |<C, P>| for the compensated sum. Mass
that rounding leaves unplaced is placed pair by pair, and twice its cost is added.

Lower bound. For any f let g_j = min_i (C_ij - f_i) as computed. The subtraction that attains the
minimum errs by u |g_j|, its cost by k u C_ij with C_ij <= |g_j| + |f_i|; so g_j minus
s_j = u (|g_j| + k (|g_j| + max|f|)) (1 + 8 u) is feasible with f in exact arithmetic, and
sum a f + sum b (g - s) is at most the optimum. Its own rounding is 3 u sum(a|f| + b|g|).

Weights. They enter as floats, each within u of the number that was meant, and the two totals agree
to rounding; the optimum moves by at most about 2 u sum(a|f| + b|g|) with that, which both bounds
include. The potentials are centred first, since a shift of (f, g) by (t, -t) changes only that.
"""

from __future__ import annotations

from .._kernels import costs as kernels
from ..costs import CostMatrix
from ..problems import TransportProblem

__all__ = ["U", "blocks", "cost_rounding"]

U = 2.0**-53
"""Half the spacing of floats at one: the relative error of one rounded operation."""

# Blocks of rows hold about this many numbers (32 MB), whatever m is.
_BLOCK = 2**22


def blocks(n: int, m: int) -> range:
    """Starts of row blocks of an (n, m) array that fit the cache limit; `.step` is their height."""
    return range(0, n, max(1, _BLOCK // max(m, 1)))


def cost_rounding(problem: TransportProblem) -> float:
    """Relative rounding k of one computed cost, in units of u."""
    if isinstance(problem.cost, CostMatrix):
        return 0.0
    cost = problem.cost
    return float(kernels.relative_rounding(problem.source.d, cost.norm, cost.power))
