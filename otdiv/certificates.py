"""Proofs that know no solver: bounds of a transport value from any plan and any potentials.

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

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ._kernels import certify as kernels
from ._kernels import costs as cost_kernels
from ._kernels.staircase import line_transform
from ._kernels.tree_transform import pruned_c_transform
from ._typing import FloatArray, IndexArray
from ._validation import as_points, check_choice
from .costs import CostMatrix, PNormCost
from .errors import InvalidInputError, UnsupportedProblemError
from .plans import DensePlan, Plan, Potentials, ScaledKernelPlan, SparsePlan
from .problems import TransportProblem
from .results import Bounds

__all__ = [
    "Certificate",
    "LipschitzExtension",
    "c_transform",
    "certify",
    "dual_bound",
    "infeasibility_holds",
    "primal_bound",
]

_U = 2.0**-53

# Unplaced mass below this share of the total is rounding dust: it is paid for in the slack and not
# added to the plan. Ten times the rounding of 1e5 sequential sums of positive floats is 1e-10 at
# worst and 1e-14 as observed; marginals are promised to 1e-12.
_DUST = 1e-13

# Blocks of rows hold about this many numbers (32 MB), whatever m is.
_BLOCK = 2**22

# From how many pairs on a cleverer c-transform beats brute force (0.3 to 0.7 ns a pair measured).
_LINE_PAIRS = 10**5
_PRUNED_PAIRS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Certificate:
    """Both proofs of one problem, with the feasible objects that they rest on."""

    plan: Plan | None
    potentials: Potentials | None
    value: float
    bounds: Bounds
    slack: float
    """Part of the gap that is rounding and no algorithm can close (unit of the cost times mass)."""


def _blocks(n: int, m: int) -> range:
    return range(0, n, max(1, _BLOCK // max(m, 1)))


def _cost_rounding(problem: TransportProblem) -> float:
    """Relative rounding k of one computed cost, in units of u."""
    if isinstance(problem.cost, CostMatrix):
        return 0.0
    cost = problem.cost
    return float(cost_kernels.relative_rounding(problem.source.d, cost.norm, cost.power))


def _plain_arithmetic(cost: PNormCost, bound: float) -> bool:
    """Whether squares of differences stay inside float64, so that no norm needs scaling.

    Differences below 1e-140 underflow when squared, an error of 1e-150 at most in a distance, far
    below the slack u * bound when the largest cost is this large.
    """
    length = bound ** (1.0 / cost.power)
    return cost.norm == 2.0 and cost.power in (1.0, 2.0) and 1e-100 < length < 1e140


def _point_transform(x: FloatArray, y: FloatArray, f: FloatArray, cost: PNormCost) -> FloatArray:
    """min_i |x_i - y_j|_norm**power - f_i for every y_j (m,), by the way that suits the size.

    All pairs one by one is the reference; the line has a sweep, and boxes prune most pairs of many
    points in few dimensions. Those two err by no more than the reference does.
    """
    pairs, d = x.shape[0] * y.shape[0], x.shape[1]
    if d == 1 and cost.power >= 1.0 and pairs > _LINE_PAIRS:
        return np.asarray(line_transform(x[:, 0], y[:, 0], f, cost.power))
    if d <= 3 and cost.norm == 2.0 and cost.power in (1.0, 2.0) and pairs > _PRUNED_PAIRS:
        return np.asarray(pruned_c_transform(y, x, f, cost.norm, cost.power))
    bound = float(cost_kernels.bounding_cost(x, y, cost.norm, cost.power))
    safe = not _plain_arithmetic(cost, bound)
    return np.asarray(kernels.transform_points(x, y, f, cost.norm, cost.power, safe))


def c_transform(problem: TransportProblem, f: FloatArray) -> FloatArray:
    """Largest g (m,) that is feasible with `f` (n,): g_j = min_i C_ij - f_i, up to rounding.

    Takes O(n + m) memory for points, whatever their number.
    """
    cost = problem.cost
    if isinstance(cost, CostMatrix):
        g = np.full(problem.shape[1], np.inf)
        kernels.transform_matrix(cost.values, f, g)
        return g
    return _point_transform(problem.x, problem.y, f, cost)


def _c_transform_back(problem: TransportProblem, g: FloatArray) -> FloatArray:
    """Largest f (n,) that is feasible with `g` (m,)."""
    cost = problem.cost
    if isinstance(cost, CostMatrix):
        return np.asarray(kernels.transform_matrix_columns(cost.values, g))
    return _point_transform(problem.y, problem.x, g, cost)


def _sparse_upper(problem: TransportProblem, plan: SparsePlan) -> tuple[SparsePlan, float, float]:
    """Repaired plan, its cost, and the slack of that cost."""
    n, m = problem.shape
    dust = _DUST * problem.mass
    mass = plan.mass
    if mass.min(initial=0.0) < 0.0:
        mass = np.maximum(mass, 0.0)
    row_rest, missing, excess = kernels.deficits(kernels.sums_by(plan.rows, mass, n), problem.a)
    column_rest, absent, surplus = kernels.deficits(
        kernels.sums_by(plan.columns, mass, m), problem.b
    )
    if max(missing, excess, absent, surplus) > dust:
        mass = kernels.shrink(plan.rows, plan.columns, mass, problem.a, problem.b)
        row_rest, missing, excess = kernels.deficits(kernels.sums_by(plan.rows, mass, n), problem.a)
        column_rest, absent, surplus = kernels.deficits(
            kernels.sums_by(plan.columns, mass, m), problem.b
        )
    repaired = plan if mass is plan.mass else _replaced(plan, mass)
    unplaced = 0.0
    if missing > 0.0 or absent > 0.0:
        rows, columns, added = kernels.fill(row_rest, column_rest)
        costs = problem.pair_costs(rows, columns)
        if max(missing, absent) > dust:
            repaired = SparsePlan(
                rows=np.concatenate([plan.rows, rows]),
                columns=np.concatenate([plan.columns, columns]),
                mass=np.concatenate([mass, added]),
                shape=plan.shape,
            )
        else:
            # Forbidden pairs cannot be paid for: there the dust is rounding of the weights.
            allowed = costs < math.inf
            unplaced = 2.0 * float(np.abs(costs[allowed]) @ added[allowed])
    costs = problem.pair_costs(repaired.rows, repaired.columns)
    value, magnitude = kernels.dot(repaired.mass, costs)
    slack = (_cost_rounding(problem) + 4.0) * _U * magnitude + unplaced
    return repaired, value, slack if math.isfinite(value) else 0.0


def _replaced(plan: SparsePlan, mass: FloatArray) -> SparsePlan:
    return SparsePlan(rows=plan.rows, columns=plan.columns, mass=mass, shape=plan.shape)


def _factor(weights: FloatArray, sums: FloatArray) -> FloatArray:
    """min(1, weights / sums), with 1 where a sum is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = weights / sums
    return np.where(sums > weights, ratio, 1.0)


def _scaled(plan: DensePlan | ScaledKernelPlan, rows: Any, columns: Any) -> Any:
    if isinstance(plan, DensePlan):
        return DensePlan(mass=plan.mass * rows[:, None] * columns)
    return ScaledKernelPlan(
        problem=plan.problem,
        f=plan.f,
        g=plan.g,
        epsilon=plan.epsilon,
        row_scale=plan.row_scale * rows,
        column_scale=plan.column_scale * columns,
        row_rest=plan.row_rest * rows,
        column_rest=plan.column_rest * columns,
    )


def _with_rest(plan: Any, rest: FloatArray, column_rest: FloatArray) -> Any:
    if isinstance(plan, DensePlan):
        return DensePlan(mass=plan.mass + rest[:, None] * column_rest)
    if plan.row_rest.any():
        raise InvalidInputError("plan", "carry no repair yet", "a repaired ScaledKernelPlan")
    return ScaledKernelPlan(
        problem=plan.problem,
        f=plan.f,
        g=plan.g,
        epsilon=plan.epsilon,
        row_scale=plan.row_scale,
        column_scale=plan.column_scale,
        row_rest=rest,
        column_rest=column_rest,
    )


def _marginals(plan: DensePlan | ScaledKernelPlan) -> tuple[FloatArray, FloatArray]:
    n, m = plan.shape
    rows, columns = np.empty(n), np.zeros(m)
    blocks = _blocks(n, m)
    for start in blocks:
        block = plan.block(start, min(n, start + blocks.step))
        rows[start : start + blocks.step] = block.sum(axis=1)
        columns += block.sum(axis=0)
    return rows, columns


def _block_upper(
    problem: TransportProblem, plan: DensePlan | ScaledKernelPlan
) -> tuple[DensePlan | ScaledKernelPlan, float, float]:
    """Repair in the manner of Altschuler, Weed & Rigollet (arXiv:1705.09634), algorithm 2."""
    n, m = problem.shape
    a, b = problem.a, problem.b
    if isinstance(plan, DensePlan) and plan.mass.min() < 0.0:
        plan = DensePlan(mass=np.maximum(plan.mass, 0.0))
    rows, columns = _marginals(plan)
    error = float(np.abs(rows - a).sum() + np.abs(columns - b).sum())
    if error > _DUST * problem.mass:
        plan = _scaled(plan, _factor(a, rows), np.ones(m))
        _, columns = _marginals(plan)
        plan = _scaled(plan, np.ones(n), _factor(b, columns))
        rows, columns = _marginals(plan)
        row_rest, column_rest = np.maximum(a - rows, 0.0), np.maximum(b - columns, 0.0)
        total = float(row_rest.sum())
        if total > 0.0 and float(column_rest.sum()) > 0.0:
            plan = _with_rest(plan, row_rest, column_rest / float(column_rest.sum()))
        rows, columns = _marginals(plan)
        error = float(np.abs(rows - a).sum() + np.abs(columns - b).sum())
    partial_sums, magnitudes = [], 0.0
    blocks = _blocks(n, m)
    for start in blocks:
        stop = min(n, start + blocks.step)
        costs = problem.block(start, stop)
        mass = plan.block(start, stop)
        with np.errstate(invalid="ignore"):
            products = np.where(mass > 0.0, mass * costs, 0.0)
        # Row sums are pairwise sums of m terms: log2(m) roundings, not m.
        partial_sums.extend(products.sum(axis=1))
        magnitudes += float(np.abs(products).sum())
    if math.isinf(magnitudes):
        return plan, math.inf, 0.0
    value = math.fsum(partial_sums)
    # NumPy sums blocks of 128 pairwise: at most 16 + log2(m) roundings on a path (8-way unrolled).
    depth = 24.0 + math.log2(m + 1)
    slack = (_cost_rounding(problem) + depth) * _U * magnitudes + error * problem.cost_bound()
    return plan, value, slack


def primal_bound(problem: TransportProblem, plan: Plan) -> tuple[Plan, float, float]:
    """Feasible plan near `plan`, its cost, and a proven upper bound of the optimum.

    Rows and columns that hold too much are scaled down and what is then missing is filled in, so
    any non-negative plan gives a bound; the nearer its marginals, the sharper.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    plan : SparsePlan, DensePlan or ScaledKernelPlan
        Candidate of shape (n, m); negative entries are dropped.

    Returns
    -------
    plan, value, upper
        The repaired plan, <C, plan> and a number that no optimum exceeds (unit of cost times mass).

    Raises
    ------
    InvalidInputError
        If the shape of `plan` is not that of the problem.
    """
    if plan.shape != problem.shape:
        raise InvalidInputError("plan", f"have shape {problem.shape}", f"shape {plan.shape}")
    repaired: Plan
    if isinstance(plan, SparsePlan):
        repaired, value, slack = _sparse_upper(problem, plan)
    else:
        repaired, value, slack = _block_upper(problem, plan)
    return repaired, value, value + slack


def _centred(f: FloatArray, g: FloatArray, a: FloatArray, b: FloatArray) -> float:
    """Shift t that makes the weighted sizes of f - t and g + t about even."""
    used_f, used_g = f[a > 0.0], g[b > 0.0]
    middle_f = 0.5 * (float(used_f.min()) + float(used_f.max()))
    middle_g = 0.5 * (float(used_g.min()) + float(used_g.max()))
    return 0.5 * (middle_f - middle_g)


def _feasible_slack(
    problem: TransportProblem, given: FloatArray, derived: FloatArray
) -> FloatArray:
    """Derive s_j of the module's text: what makes a computed c-transform truly feasible."""
    k = _cost_rounding(problem)
    size = np.abs(derived)
    if k == 0.0:
        return size * (_U * (1.0 + 8.0 * _U))
    largest = float(np.abs(given).max())
    return (size + k * (size + largest)) * (_U * (1.0 + 1e-12))


def _lower_value(
    problem: TransportProblem, f: FloatArray, g: FloatArray, slack: FloatArray
) -> tuple[float, float]:
    """Certified lower bound of feasible-up-to-slack potentials, and the slack inside it."""
    source, source_size = kernels.dot(problem.a, f)
    target, target_size = kernels.dot(problem.b, g)
    lost = float(slack) if slack.ndim == 0 else float(slack.sum())
    rounding = lost + 5.0 * _U * (source_size + target_size)
    return source + target - rounding, rounding


def dual_bound(
    problem: TransportProblem, potentials: Potentials
) -> tuple[Potentials, float, float]:
    """Feasible potentials from any potentials, and a proven lower bound of the optimum.

    One side is kept and the other replaced by its c-transform; the better of the two sides counts.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    potentials : Potentials
        Any finite pair f (n,), g (m,).

    Returns
    -------
    potentials, lower, slack
        The feasible pair, a number that no optimum is below, and the rounding part subtracted in it
        (unit of cost times mass).

    Raises
    ------
    InvalidInputError
        If the shapes are not those of the problem or an entry is not finite.
    """
    n, m = problem.shape
    if potentials.f.shape != (n,) or potentials.g.shape != (m,):
        found = f"shapes {potentials.f.shape} and {potentials.g.shape}"
        raise InvalidInputError("potentials", f"have shapes ({n},) and ({m},)", found)
    if not (np.isfinite(potentials.f).all() and np.isfinite(potentials.g).all()):
        raise InvalidInputError("potentials", "be finite", "a NaN or an infinity")
    shift = _centred(potentials.f, potentials.g, problem.a, problem.b)
    f = potentials.f - shift
    g = c_transform(problem, f)
    if not np.isfinite(g).all():
        # A column that every row is forbidden to reach: any number is feasible there.
        g = np.where(np.isfinite(g), g, potentials.g + shift)
    slack = problem.b * _feasible_slack(problem, f, g)
    lower, rounding = _lower_value(problem, f, g, slack)
    return Potentials(f=f, g=g), lower, rounding


def certify(problem: TransportProblem, plan: Plan, potentials: Potentials) -> Certificate:
    """Both proofs at once; a second c-transform tightens a lower bound that leaves a gap.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    plan : SparsePlan, DensePlan or ScaledKernelPlan
        Any candidate plan of shape (n, m).
    potentials : Potentials
        Any finite pair f (n,), g (m,).

    Returns
    -------
    Certificate
        With the feasible plan and potentials, the plan's cost, and `bounds` of the optimum.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv import TransportProblem, SparsePlan, Potentials, certificates
    >>> problem = TransportProblem.from_matrix([[0.0, 1.0], [1.0, 0.0]])
    >>> plan = SparsePlan(rows=[0, 1], columns=[0, 1], mass=[0.5, 0.5], shape=(2, 2))
    >>> proof = certificates.certify(problem, plan, Potentials(f=[0.0, 0.0], g=[0.0, 0.0]))
    >>> proof.value, proof.bounds
    (0.0, Bounds(lower=0.0, upper=0.0))
    """
    repaired, value, upper = primal_bound(problem, plan)
    feasible, lower, rounding = dual_bound(problem, potentials)
    if upper - lower > 4.0 * (rounding + (upper - value)):
        f = _c_transform_back(problem, feasible.g)
        if np.isfinite(f).all():
            slack = problem.a * _feasible_slack(problem, feasible.g, f)
            second, second_rounding = _lower_value(problem, f, feasible.g, slack)
            if second > lower:
                feasible = Potentials(f=f, g=feasible.g)
                lower, rounding = second, second_rounding
    # Five u of the size of the potentials are in `rounding`; two of them pay for the weights.
    upper += 0.4 * rounding if value != 0.0 else 0.0
    lower = min(lower, value)
    if isinstance(problem.cost, PNormCost):
        lower = max(lower, 0.0)
    slack_total = rounding + (upper - value)
    return Certificate(
        plan=repaired,
        potentials=feasible,
        value=value,
        bounds=Bounds(lower, upper),
        slack=slack_total,
    )


def infeasibility_holds(problem: TransportProblem, rows: IndexArray, columns: IndexArray) -> bool:
    """Whether `rows` reach only `columns` and hold more mass: Hall's condition fails."""
    if not isinstance(problem.cost, CostMatrix):
        return False
    outside = np.ones(problem.shape[1], dtype=bool)
    outside[columns] = False
    for i in rows:
        if (problem.cost.values[i][outside] < math.inf).any():
            return False
    supply, demand = math.fsum(problem.a[rows]), math.fsum(problem.b[columns])
    return supply - demand > 4.0 * _U * problem.mass


class LipschitzExtension:
    """McShane extension of the potentials of a metric cost: 1-Lipschitz on the whole space.

    The upper extension is min_j (|z - y_j| - g_j), the lower max_i (f_i - |z - x_i|); any value
    between them, as their mean, extends the potentials too. For such a function φ the difference
    of means, φ under the source minus φ under the target, is at most W1, and for optimal
    potentials it is W1.

    Parameters
    ----------
    problem : TransportProblem
        Problem whose cost is a norm (power 1).
    potentials : Potentials
        Feasible pair.
    kind : {"upper", "lower", "mean"}
        Which extension.

    Raises
    ------
    UnsupportedProblemError
        If the cost is not a metric of points.

    References
    ----------
    McShane (1934), Extension of range of functions, doi:10.1090/S0002-9904-1934-05978-0.
    """

    def __init__(
        self,
        problem: TransportProblem,
        potentials: Potentials,
        *,
        kind: Literal["upper", "lower", "mean"] = "mean",
    ):
        if not (isinstance(problem.cost, PNormCost) and problem.cost.power == 1.0):
            raise UnsupportedProblemError(
                "a Lipschitz extension needs a metric cost of points (PNormCost with power=1); "
                "for other costs evaluate the c-transform itself"
            )
        self.problem = problem
        self.potentials = potentials
        self.kind = check_choice("kind", kind, ("upper", "lower", "mean"))

    def __call__(self, z: Any) -> FloatArray:
        """Evaluate at points `z` (k, d); returns (k,) in the unit of the metric."""
        points = as_points("z", z)
        if points.shape[1] != self.problem.source.d:
            raise InvalidInputError("z", f"have {self.problem.source.d} columns", points.shape[1])
        upper = lower = None
        if self.kind != "lower":
            upper = self._transform(self.problem.y, points, self.potentials.g)
        if self.kind != "upper":
            lower = -self._transform(self.problem.x, points, self.potentials.f)
        if upper is None:
            return np.asarray(lower)
        return upper if lower is None else 0.5 * (upper + lower)

    def _transform(self, atoms: FloatArray, points: FloatArray, values: FloatArray) -> FloatArray:
        cost = self.problem.cost
        assert isinstance(cost, PNormCost)
        return _point_transform(atoms, points, values, cost)
