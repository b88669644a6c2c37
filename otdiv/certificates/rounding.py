"""How far floating point may be off.

What is proven. The sums of floating-point weights rarely agree, so over the rationals there is
often no plan at all. Each side's weights count as rationals divided by their exact sum, times the
mass: a and b below. A marginal within 4 u of its weight, relatively, counts as met (u = 2**-53);
every other deviation is paid for. For a plan P whose marginals r and c are met so, and optimal
potentials f and g,

    <C, P> >= sum r f + sum c g >= optimum - 4 u (sum a |f| + sum b |g|),

so the bounds enclose a number that is the optimum up to that, which is what weights that are known
to 4 u can tell. Let k be the relative rounding of one cost in units of u
(`_kernels.costs.relative_rounding`; 0 for a cost matrix, whose entries are the problem itself).

Upper bound. The computed <C, P> errs by at most (k + 2) u sum P|C| for costs and products and
2 u |<C, P>| for the compensated sum. Plans are repaired until all marginals are met; what cannot be
placed is charged with twice the largest cost.

Lower bound. For any f let g_j be the computed min_i (C_ij - f_i). Each computed difference is
v = (C (1 + e') - f_i) (1 + e) with |e| <= u, |e'| <= k u, and C <= |v| + |f_i| but for terms of u².
So the exact one is at least v - (k + 1) u |v| - k u |f_i|, which rises with v, and the potentials
f_i - k u |f_i| and g_j - (k + 1) u |g_j| are feasible. What row i may be off by is charged to row
i: it costs nothing where a light atom is far away. sum a f + sum b g of these is at most the
optimum. Its own rounding is u sum(a|f| + b|g|) of the products and 4 u of the compensated sum.

The potentials are centred first, since a shift of (f, g) by (t, -t) changes only the rounding. Near
the least float, costs and products lose up to half of it each, which is added where sums are that
small.
"""

from __future__ import annotations

from .._kernels.costs import relative_rounding
from ..costs import PNormCost, ShapedCost
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
    cost = problem.cost
    if isinstance(cost, ShapedCost):
        return cost.rounding()
    if not isinstance(cost, PNormCost):
        return 0.0
    return float(relative_rounding(problem.source.d, cost.norm, cost.power))
