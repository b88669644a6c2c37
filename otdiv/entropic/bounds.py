"""Value, terms and bounds of the regularised problem, from potentials and the sums of their plan.

The dual value sum a f + sum b g - epsilon (sum P - 1) is below the optimum for any f, g.

Above it is the objective H of any feasible plan: that of the potentials, repaired in the three
steps of `certificates.regularised`. Let R and C be the row and column sums of the plan, about those
that were computed, r and c. What is known of R and C: sums leave out at most `truncation`, and err
by at most `errors` besides. Where the columns were made exact (c = b), C_j >= b_j up to errors,
since the other thing that sums do is to leave out something: so their surplus is that of the whole
mass, sum R - 1, which the row sums tell however the columns were summed.

Where this would use forbidden pairs, mass is led over allowed ones and the objective of that plan
is summed up.
"""

from __future__ import annotations

import math

import numpy as np

from .._gibbs.dense_kernel import DenseKernel
from .._gibbs.protocols import Kernel
from .._kernels.exponential import LOG2_E
from .._kernels.network_flow.augmenting_paths import reroute
from .._typing import FloatArray
from ..certificates.regularised import repaired_objective
from ..results import Bounds, EntropicSummary
from .iteration.marginals import Stage, final_sums, sum_errors
from .scaling import ScaledProblem

__all__ = ["rerouted_plan", "summarise"]

# Relative rounding of sums of positive terms, or of terms of the size of a |f| and b |g|: taken
# pairwise or in blocks, they err by less than 90 u of that size.
_SUM_ROUNDING = 1e-14
# Pairs that may be looked at to lead missing mass over allowed ones; by taste.
_MOST_VISITS = 10**9
# Share of the mass by which the two totals may differ by rounding,
_ROUNDING_MASS = 1e-14
# and more than minus its natural logarithm, which is 32.2.
_ROUNDING_NATS = 33.0
# Share of a row or column that pairs above a limit of costs may have: less than any rounding.
_IGNORED = 1e-17


def summarise(
    scaled: ScaledProblem,
    mass: float,
    kernel: Kernel,
    stage: Stage,
    epsilon: float,
    repaired: FloatArray | None = None,
) -> EntropicSummary:
    """Value, terms, bounds and potentials in the caller's unit; `epsilon` is scaled.

    The weights of `scaled` add up to one; `mass` is the caller's, and value, bounds and terms are
    proportional to it. Where pairs are forbidden, `repaired` is the `rerouted_plan`.
    """
    a, b = kernel.a, kernel.b
    r, cost = final_sums(kernel, stage)
    bit = epsilon / LOG2_E
    f, g = (stage.u - np.log2(a)) * bit, (stage.v - np.log2(b)) * bit
    transport = cost * bit
    total = float(r.sum())
    value = float(a @ f + b @ g) - epsilon * (total - 1.0)
    largest = scaled.geometry.scale
    errors = max(total, 1.0) * sum_errors(kernel, stage, largest / epsilon, scaled.problem.source.d)
    rounding = _SUM_ROUNDING * float(a @ np.abs(f) + b @ np.abs(g))
    lower = value - rounding - epsilon * (kernel.truncation + errors)
    if scaled.forbidden:
        upper = math.inf
        if repaired is not None:
            upper = _value_of(repaired, kernel, epsilon)
            upper += _ROUNDING_MASS * (largest + _ROUNDING_NATS * epsilon)
    else:
        # One potential for both marginals makes neither exact, and both alike.
        surplus = float(np.maximum(r - a, 0.0).sum()) if scaled.symmetric else total - 1.0
        surplus = max(surplus, 0.0) + kernel.truncation + 2.0 * errors
        upper = _repaired_value(
            a, b, r, f, g, epsilon=epsilon, largest=largest, surplus=surplus, errors=errors
        )
    upper = max(upper + rounding, lower) if math.isfinite(upper) else math.inf
    unit, shift, error = (part * mass for part in (scaled.unit, scaled.shift, scaled.shift_error))
    all_f, all_g = scaled.potentials(kernel, stage.u, stage.v, epsilon)
    return EntropicSummary(
        epsilon=epsilon * scaled.unit,
        value=value * unit + shift,
        bounds=Bounds(lower * unit + shift - error, upper * unit + shift + error),
        marginal_error=float(np.abs(a - r).sum()) * mass,
        terms={"transport": transport * unit + shift, "entropy": (value - transport) * unit},
        f=all_f,
        g=all_g,
    )


def _repaired_value(
    a: FloatArray,
    b: FloatArray,
    r: FloatArray,
    f: FloatArray,
    g: FloatArray,
    *,
    epsilon: float,
    largest: float,
    surplus: float,
    errors: float,
) -> float:
    """More than the objective of a feasible plan, whose rows are scaled down here."""
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = np.where(r > a, a / r, 1.0)
        rows = f + epsilon * np.log(alpha)
    return repaired_objective(
        a,
        b,
        alpha * r,
        rows,
        g,
        epsilon=epsilon,
        largest=largest,
        surplus=surplus,
        errors=errors,
    )


def rerouted_plan(scaled: ScaledProblem, kernel: Kernel, stage: Stage) -> FloatArray | None:
    """The plan (n, m) of a matrix repaired over allowed pairs; None where that did not succeed.

    Its marginals agree with a and b to rounding, which the slack of bounds covers like that of
    sums. Pairs whose costs were lowered to a limit count as forbidden, and there is no plan where
    one of them carries more than a rounding of its row or its column.
    """
    assert isinstance(kernel, DenseKernel)
    a, b, C = kernel.a, kernel.b, kernel.costs
    plan = kernel.plan(stage.u, stage.v)
    row_limit, column_limit = np.full(a.size, np.inf), np.full(b.size, np.inf)
    if scaled.ignored is not None:
        ignored = np.where(scaled.ignored, plan, 0.0)
        row_limit, column_limit = _ROUNDING_MASS * a, _ROUNDING_MASS * b
        if not (
            np.all(ignored.sum(axis=1) <= _IGNORED * a)
            and np.all(ignored.sum(axis=0) <= _IGNORED * b)
        ):
            return None
        plan -= ignored
        C = np.where(scaled.ignored, np.inf, C)
    with np.errstate(divide="ignore"):
        plan *= np.minimum(1.0, a / plan.sum(axis=1))[:, None]
        plan *= np.minimum(1.0, b / plan.sum(axis=0))
    row_rest = np.maximum(a - plan.sum(axis=1), 0.0)
    column_rest = np.maximum(b - plan.sum(axis=0), 0.0)
    reroute(plan, C, row_rest, column_rest, _MOST_VISITS)
    if min(float(row_rest.sum()), float(column_rest.sum())) > _ROUNDING_MASS:
        return None
    met = np.all(row_rest <= row_limit) and np.all(column_rest <= column_limit)
    return plan if met else None


def _value_of(plan: FloatArray, kernel: Kernel, epsilon: float) -> float:
    """Objective (scaled) of a plan (n, m) of a matrix that uses no forbidden pair."""
    assert isinstance(kernel, DenseKernel)
    used = plan > 0.0
    mass = plan[used]
    product = (kernel.a[:, None] * kernel.b)[used]
    return float(mass @ kernel.costs[used]) + epsilon * float(mass @ np.log(mass / product))
