"""Potentials and results of GeomLoss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import ArrayLike, FloatArray
from .._validation import as_number
from ..costs import SquaredEuclidean
from ..errors import UnsupportedProblemError
from .answer import PeerAnswer, PeerPlan
from .reading import (
    as_array,
    as_number_or_none,
    as_plan,
    as_potential,
    has,
    not_a_result,
    of_mass,
    total_mass,
    weights_of,
)

__all__ = ["from_geomloss", "is_geomloss_result"]

_EXPECTED = (
    "a pair (f, g) of `SamplesLoss(potentials=True, debias=False)` or a result of `geomloss.ot` "
    "(a loss alone has nothing to certify)"
)
_LOSS = "the `geomloss.SamplesLoss` that returned the potentials: it says p, blur and the cost"
_DEBIASED = (
    "with `debias=True` GeomLoss returns f_ab - f_aa and g_ab - g_bb, the gradient of the Sinkhorn "
    "divergence. They are no dual pair of the transport from a to b: they add up to OT(a, b) - "
    "OT(a, a) / 2 - OT(b, b) / 2, and f_aa and g_bb, which would have to be added again, are not "
    "there. `SamplesLoss(..., debias=False, potentials=True)` returns f_ab and g_ab"
)
_UNBALANCED = (
    "with `reach` or `unbalanced` this is a result of unbalanced transport; "
    "`unbalanced_transport` has bounds of its own"
)


def from_geomloss(
    result: Any,
    *,
    loss: Any = None,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
) -> PeerAnswer:
    """Read potentials of `geomloss.SamplesLoss`, or a result of `geomloss.ot`.

    All of GeomLoss writes the plan as a_i exp((f_i + g_j - C_ij) / epsilon) b_j, with the weights
    outside of the potentials and no division by the mass m: f + epsilon log m is what this library
    calls f. Nothing is centred.

    `SamplesLoss("sinkhorn", p=p, blur=blur)` has the cost |x - y|^p / p and epsilon = blur^p: for
    p = 2 both are half of what they are here, and potentials and epsilon are doubled. Its
    potentials are the dual pair of the transport from a to b with `debias=False` alone; those of
    `debias=True` are refused, and the error says why.

    `geomloss.ot.solve` takes a matrix, `geomloss.ot.solve_sample` has the cost |x - y|^2 without a
    half; both have epsilon = `reg`. `potential_a` and `potential_b` are the dual pair also with
    `debias=True`; `value` is then the divergence's and is left out. The plan of samples is read in
    blocks of rows.

    Parameters
    ----------
    result : pair of arrays (n,) and (m,), or OTResult of `geomloss.ot`
    loss : geomloss.SamplesLoss, optional
        The object that returned a pair; needed with one.
    x_weights, y_weights : arrays (n,) and (m,), optional
        The weights that a pair was computed with; their mass counts, and is one by default. An
        `OTResult` holds its own.

    Returns
    -------
    PeerAnswer

    Raises
    ------
    InvalidInputError
        If the object is neither, or a batch of several.
    UnsupportedProblemError
        If the potentials are debiased, unbalanced, or of another loss than "sinkhorn".
    """
    if is_geomloss_result(result):
        return _from_result(result)
    if isinstance(result, tuple | list) and len(result) == 2:
        return _from_pair(result, loss, x_weights, y_weights)
    raise not_a_result("result", _EXPECTED, result)


def is_geomloss_result(result: Any) -> bool:
    """Whether an object is an `OTResult` of `geomloss.ot` (POT has one of the same name)."""
    return has(result, "potential_a", "potential_b", "_reg", "_a", "_b")


def _from_pair(
    result: Any, loss: Any, x_weights: ArrayLike | None, y_weights: ArrayLike | None
) -> PeerAnswer:
    if not has(loss, "p", "blur", "debias"):
        raise not_a_result("loss", _LOSS, loss)
    _check_loss(loss)
    f, g = (as_potential(name, side) for name, side in zip("fg", result, strict=True))
    given = (("x_weights", x_weights, f.size), ("y_weights", y_weights, g.size))
    sides = [weights_of(name, weights, n) for name, weights, n in given if weights is not None]
    mass = total_mass(*sides) if sides else 1.0
    p, blur = as_number("loss.p", loss.p), as_number("loss.blur", loss.blur)
    epsilon = blur**p
    cost, factor = {1.0: ("euclidean", 1.0), 2.0: ("sqeuclidean", 2.0)}.get(p, (None, 1.0))
    if getattr(loss, "cost", None) is not None:  # a function of the caller's
        cost, factor = None, 1.0
    return PeerAnswer(
        library="GeomLoss",
        potentials=(factor * of_mass(f, epsilon, mass), factor * g),
        epsilon=factor * epsilon,
        cost=cost,
        note="Doubled: the cost was |x - y|^2 / 2." if factor == 2.0 else "",
    )


def _check_loss(loss: Any) -> None:
    kind = getattr(loss, "loss", "sinkhorn")
    if kind != "sinkhorn":
        raise UnsupportedProblemError(
            f"potentials of SamplesLoss({kind!r}) are those of a discrepancy, not of transport"
        )
    if getattr(loss, "reach", None) is not None:
        raise UnsupportedProblemError(_UNBALANCED)
    if loss.debias:
        raise UnsupportedProblemError(_DEBIASED)


def _from_result(result: Any) -> PeerAnswer:
    if getattr(result, "_unbalanced", None) is not None:
        raise UnsupportedProblemError(_UNBALANCED)
    f = as_potential("potential_a", result.potential_a)
    g = as_potential("potential_b", result.potential_b)
    epsilon = as_number("reg", as_number_or_none(result._reg))
    a, b = as_potential("a", result._a), as_potential("b", result._b)
    mass = total_mass(a, b)
    f = of_mass(f, epsilon, mass)
    debiased = bool(getattr(result, "_debias", False))
    value = None if debiased else as_number_or_none(result.value)
    if value is not None:  # sum a f + sum b g with GeomLoss's f
        value += epsilon * mass * math.log(mass)
    plan: PeerPlan
    cost = getattr(result, "_cost", None)
    if cost == "sqeuclidean":
        x, y = (as_array(name, getattr(result, name)) for name in ("_X_a", "_X_b"))
        plan = GibbsBlocks(x, y, a, b / mass, f, g, epsilon)
    else:
        cost, plan = None, as_plan("plan", result.plan)
    return PeerAnswer(
        library="GeomLoss",
        plan=plan,
        potentials=(f, g),
        epsilon=epsilon,
        cost=cost,
        value=value,
        note="The value is that of a divergence, and is left out." if debiased else "",
    )


@dataclass(frozen=True, slots=True, eq=False)
class GibbsBlocks:
    """Blocks of rows of a_i exp((f_i + g_j - |x_i - y_j|^2) / epsilon) b_j."""

    x: Any
    y: Any
    a: FloatArray
    b: FloatArray
    f: FloatArray
    g: FloatArray
    epsilon: float

    def __call__(self, start: int, stop: int) -> FloatArray:
        """Rows start to stop, as an array (stop - start, m)."""
        costs = SquaredEuclidean().pairwise(self.x[start:stop], self.y)
        exponents = (self.f[start:stop, None] + self.g - costs) / self.epsilon
        return np.asarray(self.a[start:stop, None] * np.exp(exponents) * self.b)
