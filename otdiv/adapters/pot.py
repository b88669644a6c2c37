"""Results of POT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import xlogy

from .._typing import ArrayLike, FloatArray
from .._validation import as_number, check_choice, check_positive
from ..costs import Cost
from ..errors import InvalidInputError, UnsupportedProblemError
from .answer import PeerAnswer, PeerPlan, PeerPotentials
from .geomloss import from_geomloss, is_geomloss_result
from .reading import (
    RowBlocks,
    as_number_or_none,
    as_plan,
    as_potential,
    check_lengths,
    has,
    not_a_result,
    total_mass,
    weights_of,
    without_log_weights,
)

__all__ = ["from_pot"]

_EXPECTED = (
    "an `OTResult` of `ot.solve` or `ot.solve_sample` with a plan or potentials, a pair "
    "(plan, log) of `ot.emd`, `ot.sinkhorn` and their like, or a plan (n, m) (a value alone has "
    "nothing to certify)"
)
_NEEDS_EPSILON = (
    "(POT's u and v are exp(potential / reg) or its logarithm, and its results do not hold `reg`)"
)
_UNBALANCED = (
    "POT's unbalanced and partial results are plans of other marginals; `unbalanced_transport` has "
    "bounds of its own"
)
# POT's metrics that are named alike here; others are left to the caller.
_METRICS = ("euclidean", "sqeuclidean", "cityblock", "chebyshev", "cosine")
# Sums of a plan may be this far, in share of the mass, from uniform weights that nobody gave: a
# Sinkhorn that stopped early is nearer, other weights hardly ever. By taste.
_UNIFORM = 0.05
# Rows of a lazy plan that are looked at for that.
_FEW_ROWS = 64

# How POT writes potentials, by what its log holds.
_Form = Literal["dual", "scalings", "logarithms", "weighted"]
_NAMES: dict[_Form, tuple[tuple[str, str], ...]] = {
    "dual": (("u", "v"), ("alpha", "beta")),
    "scalings": (("u", "v"),),
    "logarithms": (("log_u", "log_v"), ("u", "v")),
    "weighted": (("alpha", "beta"),),
}


def from_pot(
    result: Any,
    *,
    epsilon: float | None = None,
    regularizer: Literal["KL", "entropy", "other"] = "KL",
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    cost: str | Cost | None = None,
) -> PeerAnswer:
    """Read what `ot.solve`, `ot.solve_sample`, `ot.emd`, `ot.sinkhorn` or their like returned.

    Exact solvers (`ot.emd`, `ot.emd2` with `log=True`, `ot.solve` without `reg`) return the dual
    pair u_i + v_j <= M_ij in the unit of the cost, centred by `center_ot_dual`; it is passed on.

    Sinkhorn's plan is u_i exp(-M_ij / reg) v_j: the logarithms of the weights are inside u and v,
    and `reg` is in the exponent. What is called u depends on the method:

    - `sinkhorn`, `greenkhorn`, `screenkhorn`: log["u"] is the scaling u itself;
    - `sinkhorn_log`, `ot.solve`: log["log_u"], and the result's potentials, are log u;
    - lazy ones, `ot.solve_sample(lazy=True)` and `empirical_sinkhorn(isLazy=True)`: log["u"] is
      log u;
    - `sinkhorn_stabilized`, `sinkhorn_epsilon_scaling`: log["alpha"] is reg log u. (The latter's
      last `reg` is above the one that was asked for by exp(-iterations) times the first.)

    Here f = reg log u - reg log a + reg log m and g = reg log v - reg log b. `value` of `ot.solve`
    is <M, P> + reg KL(P | a⊗b), or <M, P> + reg sum P log P with ``reg_type="entropy"``. Costs are
    as they were given, without halves.

    Low-rank, factored and Nyström plans have no dual pair and are read in blocks of rows, as lazy
    plans are. Potentials of `reg_type="L2"` or of a function are those of its own problem: a pair
    to start from, without an epsilon. With `debias=True` it is the transport between the two
    samples that is read. Results of `ot.solve` do not say whether they are unbalanced: then the
    certificate says how far their marginals are off.

    Parameters
    ----------
    result : OTResult, tuple or array (n, m)
        Results of GeomLoss, which `method="geomloss"` returns, are read as `from_geomloss` does.
    epsilon : float, optional
        POT's `reg`, which only lazy plans hold; needed with potentials of Sinkhorn.
    regularizer : {"KL", "entropy", "other"}, default "KL"
        POT's `reg_type` of `ot.solve`, which its result does not hold; "other" is "L2" or a pair of
        functions.
    x_weights, y_weights : arrays (n,) and (m,), optional
        POT's `a` and `b`, uniform by default; needed to take their logarithms out of the
        potentials of Sinkhorn.
    cost : str or cost, optional
        What the cost matrix held, by this library's name; lazy plans say so themselves. Mind that
        `ot.dist`, `ot.solve_sample` and `ot.emd_1d` mean "sqeuclidean" by default.

    Returns
    -------
    PeerAnswer

    Raises
    ------
    InvalidInputError
        If the object is none of these, or `epsilon` or the weights are needed.
    UnsupportedProblemError
        If it is a result of unbalanced or partial transport.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.adapters import from_pot
    >>> log = {"cost": 1.0, "u": np.array([0.0, 1.0]), "v": np.array([0.0]), "warning": None}
    >>> from_pot((np.array([[0.5], [0.5]]), log))
    PeerAnswer('POT', plan=…, potentials=…, epsilon=None, cost=None, value=1.0, converged=True)
    """
    if is_geomloss_result(result):
        return from_geomloss(result)
    check_choice("regularizer", regularizer, ("KL", "entropy", "other"))
    parts = _parts_of(result, regularizer)
    if epsilon is None:
        epsilon = parts.epsilon
    if epsilon is not None:
        epsilon = as_number("epsilon", epsilon)
        check_positive("epsilon", epsilon)
    potentials: PeerPotentials | None = None
    if parts.form == "dual":
        if epsilon is not None:
            why = "(this result is of a problem without entropy)"
            raise InvalidInputError("epsilon", "be left out", epsilon, why)
        potentials = parts.pair
    elif parts.form is not None:
        if epsilon is None:
            raise InvalidInputError("epsilon", "be POT's `reg`", None, _NEEDS_EPSILON)
        potentials = _of_sinkhorn(parts, epsilon, x_weights, y_weights)
    if potentials is not None:
        check_lengths(*potentials, parts.plan)
    elif parts.plan is None:
        raise not_a_result("result", _EXPECTED, result)
    value, sinkhorn = parts.value, parts.form not in (None, "dual")
    if value is not None and sinkhorn:
        value = _our_value(value, parts, epsilon, regularizer, x_weights, y_weights)
    return PeerAnswer(
        library="POT",
        plan=parts.plan,
        potentials=potentials,
        epsilon=epsilon,
        cost=parts.cost if cost is None else cost,
        value=value,
        converged=parts.converged,
        note="The weights' logarithms are taken out of u and v." if sinkhorn else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What a result of POT holds: its potentials as POT writes them, in one of four forms."""

    plan: PeerPlan | None = None
    form: _Form | None = None
    pair: tuple[FloatArray, FloatArray] | None = None
    value: float | None = None
    converged: bool | None = None
    epsilon: float | None = None
    cost: str | None = None


def _parts_of(result: Any, regularizer: str) -> _Parts:
    if has(result, "potentials", "value_linear", "plan"):
        return _parts_of_result(result, regularizer)
    if isinstance(result, tuple | list) and result and isinstance(result[-1], Mapping):
        return _parts_of_log(result[-1], result[0] if len(result) == 2 else None)
    if has(result, "kwargs", "shape") or has(result, "tocoo"):
        return _lazy_parts(result) if has(result, "kwargs") else _Parts(plan=result)
    if getattr(result, "ndim", None) == 2 or isinstance(result, list):
        return _Parts(plan=as_plan("result", result))
    raise not_a_result("result", _EXPECTED, result)


def _parts_of_result(result: Any, regularizer: str) -> _Parts:
    """Parts of an `OTResult`; those of `ot.solve` have no log, and the same forms."""
    log = result.log or {}
    if "res_ab" in log:  # with `debias=True`; its own value is a divergence's
        return _parts_of_result(log["res_ab"], regularizer)
    form, pair = _form_of(log)
    if result.potentials is None:
        form, pair = None, None
    elif form is None:
        u, v = (as_potential("potentials", side) for side in result.potentials)
        pair = u, v
        # Exact solves alone have a status, and one value.
        exact = result.status is not None or result.value is result.value_linear
        form = "dual" if exact or regularizer == "other" else "logarithms"
    lazy = result.lazy_plan
    parts = _Parts() if lazy is None else _lazy_parts(lazy)
    # The public `plan` makes a dense array of a sparse one.
    held = getattr(result, "_sparse_plan", None)
    if held is None or getattr(result, "_plan", None) is not None:
        held = result.plan
    plan = parts.plan if held is None else as_plan("plan", held)
    entropic = form not in (None, "dual")
    value = result.value if entropic else result.value_linear
    status = result.status
    return _Parts(
        plan=plan,
        form=form,
        pair=pair,
        value=None if "costa" in log else as_number_or_none(value),  # of a factored problem
        converged=_said(log) if status is None else status == "Converged",
        epsilon=parts.epsilon if entropic else None,
        cost=parts.cost,
    )


def _parts_of_log(log: Mapping[str, Any], first: Any) -> _Parts:
    """Parts of a pair (plan or value, log), or of a log that holds what is before it."""
    form, pair = _form_of(log)
    lazy = _Parts() if "lazy_plan" not in log else _lazy_parts(log["lazy_plan"])
    if first is not None and has(first, "kwargs"):
        lazy = _lazy_parts(first)
        first = None
    plan = lazy.plan
    if getattr(first, "ndim", 0) == 2 or has(first, "tocoo"):
        plan = as_plan("plan", first)
    elif "result_code" in log and log.get("G") is not None:  # emd2(return_matrix=True)
        plan = as_plan("plan", log["G"])
    return _Parts(
        plan=plan,
        form=form,
        pair=pair,
        value=as_number_or_none(log.get("cost", log.get("value_linear"))),
        converged=_said(log),
        epsilon=None if form is None else lazy.epsilon,
        cost=lazy.cost,
    )


def _lazy_parts(lazy: Any) -> _Parts:
    """Plan, epsilon and metric of a lazy tensor, or of a callable that returns blocks of rows."""
    if callable(lazy):
        return _Parts(plan=lazy)
    arguments = getattr(lazy, "kwargs", {})
    metric = arguments.get("metric")
    return _Parts(
        plan=RowBlocks(lazy),
        epsilon=arguments.get("reg"),
        cost=metric if metric in _METRICS else None,
    )


def _said(log: Mapping[str, Any]) -> bool | None:
    """Whether an exact solver warned; Sinkhorn's log does not say."""
    return log["warning"] is None if "warning" in log else None


def _form_of(log: Mapping[str, Any]) -> tuple[_Form | None, tuple[FloatArray, FloatArray] | None]:
    """How a log writes its potentials, and the two vectors; None where it has none."""
    if "total_cost" in log or "partial_w_dist" in log:
        raise UnsupportedProblemError(_UNBALANCED)
    form: _Form | None = None
    if "left_factor" in log or "loss" in log:  # of a kernel, or a linearisation, of its own
        form = None
    elif "log_u" in log or ("lazy_plan" in log and "u" in log):
        form = "logarithms"
    elif "alpha" in log and "beta" in log:
        form = "weighted" if "warmstart" in log else "dual"
    elif "u" in log and "v" in log:
        form = "dual" if "warning" in log else "scalings"
    if form is None:
        return None, None
    names = next(names for names in _NAMES[form] if names[0] in log)
    u, v = (as_potential(name, log[name]) for name in names)
    return form, (u, v)


def _of_sinkhorn(
    parts: _Parts, epsilon: float, x_weights: ArrayLike | None, y_weights: ArrayLike | None
) -> PeerPotentials:
    """Potentials of the plan u exp(-M / reg) v, of u and v in whatever form."""
    assert parts.pair is not None
    u, v = parts.pair
    a, b = weights_of("x_weights", x_weights, u.size), weights_of("y_weights", y_weights, v.size)
    for name, given, axis in (("x_weights", x_weights, 1), ("y_weights", y_weights, 0)):
        if given is None:
            _check_uniform(name, parts.plan, axis)
    if parts.form == "scalings":
        with np.errstate(divide="ignore", invalid="ignore"):
            u, v = np.log(u), np.log(v)
    if parts.form != "weighted":
        u, v = epsilon * u, epsilon * v
    return without_log_weights(("u", "v"), (u, v), (a, b), epsilon)


def _check_uniform(name: str, plan: Any, axis: int) -> None:
    """Raise where weights were left out and the plan's sums along `axis` are not uniform."""
    if has(plan, "tocoo") or isinstance(plan, np.ndarray):
        sums = np.asarray(plan.sum(axis=axis), dtype=np.float64).ravel()
        expected = 1.0 / sums.size
    elif axis == 1 and isinstance(plan, RowBlocks):
        sums = np.asarray(plan(0, _FEW_ROWS), dtype=np.float64).sum(axis=1)
        expected = 1.0 / plan.rows.shape[0]
    else:
        return
    share = float(np.abs(sums - expected).mean()) / expected
    if not share <= _UNIFORM:
        requirement = "be given where POT's weights were not uniform"
        raise InvalidInputError(name, requirement, None, "(the plan's sums are not)")


def _our_value(
    value: float,
    parts: _Parts,
    epsilon: float | None,
    regularizer: str,
    x_weights: ArrayLike | None,
    y_weights: ArrayLike | None,
) -> float | None:
    """POT's value of a Sinkhorn problem, with the entropy relative to a⊗b / m."""
    assert parts.pair is not None
    assert epsilon is not None
    u, v = parts.pair
    a, b = weights_of("x_weights", x_weights, u.size), weights_of("y_weights", y_weights, v.size)
    mass = total_mass(a, b)
    offset = xlogy(mass, mass)
    if regularizer == "entropy":
        offset -= float(xlogy(a, a).sum() + xlogy(b, b).sum())
    return float(value + epsilon * offset)
