"""Outputs of OTT's linear solvers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import FloatArray, IndexArray
from .._validation import as_indices, as_number
from ..errors import UnsupportedProblemError
from .answer import PeerAnswer, PeerPlan, PeerPotentials
from .reading import (
    FactoredBlocks,
    as_array,
    as_number_or_none,
    as_potential,
    has,
    join,
    not_a_result,
    total_mass,
    without_log_weights,
)

__all__ = ["from_ott"]

_EXPECTED = (
    "an output of OTT's linear solvers: of `Sinkhorn` (f, g, ot_prob), of `LRSinkhorn` (q, r, g), "
    "of `univariate` with its plan, for points on a line, or of `ott.tools.unreg.hungarian`"
)
# OTT's costs by their class: this library's name, and what OTT's is a multiple of it by. Those with
# a power are PNormP, |x - y|_p^p / p, SqPNorm, |x - y|_p^2 / 2, and EuclideanP, |x - y|^p.
_COSTS: dict[str, dict[float | None, tuple[str, float]]] = {
    "Cosine": {None: ("cosine", 1.0)},
    "Euclidean": {None: ("euclidean", 1.0)},
    "SqEuclidean": {None: ("sqeuclidean", 1.0)},
    "EuclideanP": {1.0: ("euclidean", 1.0), 2.0: ("sqeuclidean", 1.0)},
    "PNormP": {1.0: ("cityblock", 1.0), 2.0: ("sqeuclidean", 0.5)},
    "SqPNorm": {2.0: ("sqeuclidean", 0.5)},
}


def from_ott(out: Any) -> PeerAnswer:
    """Read what a solver of `ott.solvers.linear` or `ott.tools.unreg.hungarian` returned.

    OTT's Sinkhorn writes the plan as exp((f_i + g_j - C_ij) / epsilon): the logarithms of the
    weights are inside f and g, epsilon is that of the geometry, at the end of its schedule, and f
    is centred (its mean is 0). Here they are f - epsilon log a + epsilon log m and
    g - epsilon log b, with the weights of the output's own problem. `reg_ot_cost`, its dual value,
    is <C, P> + epsilon KL(P | a⊗b).

    `SqEuclidean` has no half; `PNormP(2)` and `SqPNorm(2)` are half of it. Costs, potentials and
    epsilon are divided by that and by `scale_cost`, so that they belong to the points, or to the
    cost matrix, as they were given. A cost function that is not known here stays in OTT's unit.

    Low-rank outputs are the plan q diag(1 / g) r^T, read in blocks of rows; their g is no
    potential, and their epsilon blurs the factors: it is left out. `hungarian` returns a pair
    (value, output), and either that or the output alone is read.

    Parameters
    ----------
    out : SinkhornOutput, LRSinkhornOutput, UnivariateOutput or HardAssignmentOutput
        The first two as the solvers return them, with their problem `ot_prob`.

    Returns
    -------
    PeerAnswer

    Raises
    ------
    InvalidInputError
        If the object is none of these.
    UnsupportedProblemError
        If the problem was unbalanced (`tau_a` or `tau_b` below 1).
    """
    if type(out) is tuple and len(out) == 2 and has(out[1], "paired_indices"):
        out = out[1]
    if has(out, "paired_indices", "mass_paired_indices", "prob"):
        return _from_line(out)
    if not has(out, "ot_prob") or out.ot_prob is None:
        raise not_a_result("out", _EXPECTED, out)
    problem = out.ot_prob
    if getattr(problem, "tau_a", 1.0) != 1.0 or getattr(problem, "tau_b", 1.0) != 1.0:
        raise UnsupportedProblemError(
            "with `tau_a` or `tau_b` below 1 this is unbalanced transport; "
            "`unbalanced_transport` has bounds of its own"
        )
    if has(out, "q", "r", "g"):
        return _from_low_rank(out)
    if has(out, "paired_indices"):
        return _from_assignment(out)
    if has(out, "f", "g"):
        return _from_sinkhorn(out)
    raise not_a_result("out", _EXPECTED, out)


def _from_sinkhorn(out: Any) -> PeerAnswer:
    a, b = (as_potential(name, getattr(out.ot_prob, name)) for name in "ab")
    cost, factor = _cost_of(out.ot_prob.geom)
    peer_epsilon = as_number("epsilon", as_number_or_none(out.ot_prob.geom.epsilon))
    absorbed = as_potential("f", out.f), as_potential("g", out.g)
    f, g = without_log_weights(("f", "g"), absorbed, (a, b), peer_epsilon)
    mass = total_mass(a, b)
    value = as_number_or_none(out.reg_ot_cost)
    if value is not None:
        # OTT's dual has the term epsilon (m^2 - sum P), and its reference measure the mass m^2.
        value = (value + peer_epsilon * (mass * np.log(mass) - mass * (mass - 1.0))) / factor
    return PeerAnswer(
        library="OTT",
        potentials=(f / factor, g / factor),
        epsilon=peer_epsilon / factor,
        cost=cost,
        value=None if value is None else float(value),
        converged=_converged(out),
        note=join(["The weights' logarithms are taken out of f and g.", _unit_note(factor)]),
    )


def _from_low_rank(out: Any) -> PeerAnswer:
    q, r, g = (np.asarray(as_array(name, getattr(out, name)), np.float64) for name in "qrg")
    cost, factor = _cost_of(out.ot_prob.geom)
    blurred = as_number_or_none(getattr(out, "epsilon", 0.0)) != 0.0
    value = None if blurred else as_number_or_none(out.reg_ot_cost)
    note = "The value holds the entropies of the factors, and is left out." if blurred else ""
    return PeerAnswer(
        library="OTT",
        plan=FactoredBlocks(q / g, r),
        cost=cost,
        value=None if value is None else value / factor,
        converged=_converged(out),
        note=join([note, _unit_note(factor)]),
    )


def _from_assignment(out: Any) -> PeerAnswer:
    rows, columns = as_indices("paired_indices", as_array("paired_indices", out.paired_indices))
    n, m = out.ot_prob.geom.shape
    plan: PeerPlan
    if n == m == rows.size and all(np.bincount(side).max() == 1 for side in (rows, columns)):
        plan = np.empty(n, dtype=np.int64)
        plan[rows] = columns
    else:
        plan = (rows.copy(), columns.copy(), np.full(rows.size, 1.0 / n))
    cost, factor = _cost_of(out.ot_prob.geom)
    f, g = (None if side is None else as_potential("f", side) / factor for side in (out.f, out.g))
    value = as_number_or_none(getattr(out, "primal_cost", None))
    return PeerAnswer(
        library="OTT",
        plan=plan,
        potentials=None if f is None and g is None else (f, g),
        cost=cost,
        value=None if value is None else value / factor,
        note=_unit_note(factor),
    )


def _from_line(out: Any) -> PeerAnswer:
    if out.paired_indices is None or len(out.paired_indices) != 1:
        raise not_a_result("out", _EXPECTED, out)
    mass = as_potential("mass_paired_indices", out.mass_paired_indices)
    rows, columns = _pairs_of_line(out, mass)
    cost, factor = _cost_of(out.prob.geom)
    potentials: PeerPotentials | None = None
    if out.dual_a is not None and out.dual_b is not None:
        f, g = as_potential("dual_a", out.dual_a), as_potential("dual_b", out.dual_b)
        potentials = (f / factor, g / factor)
    value = as_number_or_none(out.ot_costs)
    return PeerAnswer(
        library="OTT",
        plan=(rows, columns, mass),
        potentials=potentials,
        cost=cost,
        value=None if value is None else value / factor,
        note=_unit_note(factor),
    )


def _pairs_of_line(out: Any, mass: FloatArray) -> tuple[IndexArray, IndexArray]:
    """Rows and columns of a plan on the line.

    In OTT 0.6.0 the pairs of `north_west_solver` count the points in sorted order, those of
    `quantile_solver` in the caller's: those are taken whose sums are nearer to the weights.
    """
    pairs = as_indices("paired_indices", as_array("paired_indices", out.paired_indices))[0]
    sides = [(out.prob.geom.x, out.prob.a), (out.prob.geom.y, out.prob.b)]
    given, sorted_ = 0.0, 0.0
    callers = []
    for index, (points, weights) in zip(pairs, sides, strict=True):
        order = np.argsort(as_potential("points", points), kind="stable")
        weight = as_potential("weights", weights)
        sums = np.bincount(index, weights=mass, minlength=weight.size)
        given += float(np.abs(sums - weight).sum())
        sorted_ += float(np.abs(sums - weight[order]).sum())
        callers.append(order[index])
    rows, columns = callers if sorted_ < given else pairs
    return rows.copy(), columns.copy()


def _cost_of(geometry: Any) -> tuple[str | None, float]:
    """Name of a geometry's cost in this library, or None, and OTT's cost as a multiple of it."""
    scale = as_number_or_none(getattr(geometry, "inv_scale_cost", 1.0))
    function = getattr(geometry, "cost_fn", None)
    powers = _COSTS.get(type(function).__name__, {})
    name, multiple = powers.get(getattr(function, "p", None), (None, 1.0))
    return name, multiple * (1.0 if scale is None else scale)


def _unit_note(factor: float) -> str:
    return "" if factor == 1.0 else f"Divided by {factor:.6g}: OTT's cost was scaled by it."


def _converged(out: Any) -> bool | None:
    said = getattr(out, "converged", None)
    return None if said is None else bool(said)
