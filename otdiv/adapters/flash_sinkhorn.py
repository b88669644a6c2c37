"""Potentials of flash-sinkhorn."""

from __future__ import annotations

from typing import Any

from .._typing import ArrayLike
from .._validation import as_number, check_positive
from ..errors import InvalidInputError, UnsupportedProblemError
from .answer import PeerAnswer
from .reading import as_potential, has, not_a_result, weights_of, without_log_weights

__all__ = ["from_flash_sinkhorn"]

_EXPECTED = (
    "a pair (f, g), as `flash_sinkhorn.SamplesLoss(potentials=True)` or a low-level solver of it "
    "returns (a loss alone has nothing to certify)"
)
_NAMES = ("f", "g")


def from_flash_sinkhorn(
    result: Any,
    *,
    loss: Any = None,
    epsilon: float | None = None,
    half_cost: bool | None = None,
    ott_convention: bool = False,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
) -> PeerAnswer:
    """Read the pair (f, g) of flash-sinkhorn's `SamplesLoss(potentials=True)` or of its solvers.

    The convention is that of its README ("Cost Convention") and of the docstrings of
    `sinkhorn_flashstyle_alternating` and `geomloss_to_ott_potentials`, version 0.4.1. Its cost is
    |x - y|^2, or half of it with `half_cost=True`; its epsilon is blur^2, or `eps`. Its plan is
    a_i exp((f_i + g_j - C_ij) / epsilon) b_j with weights that `SamplesLoss` makes sum to one, as
    GeomLoss has it, or exp((f_i + g_j - C_ij) / epsilon), as OTT has it, where a solver was called
    with `ott_convention=True`. The shifted potentials f - |x|^2 and g - |y|^2 of its kernels are
    not what it returns. `debias=True` changes the loss that it prints and leaves the potentials as
    they are. Nothing is centred.

    Potentials of half the cost are doubled here, and so is epsilon.

    Parameters
    ----------
    result : pair of arrays (n,) and (m,)
        On any device; a batch of one pair counts as one.
    loss : flash_sinkhorn.SamplesLoss, optional
        The object that was called, which says epsilon and `half_cost`.
    epsilon : float, optional
        Last epsilon of the solver, in the unit of its own cost; needed without `loss`, or where
        `n_iters` cuts its schedule.
    half_cost : bool, optional
        Whether the cost was halved: `cost_scale=0.5` of the solvers. By default as `loss` says, or
        not.
    ott_convention : bool, default False
        As the low-level solver was called.
    x_weights, y_weights : arrays (n,) and (m,), optional
        The weights, uniform by default; they matter with `ott_convention` alone.

    Returns
    -------
    PeerAnswer

    Raises
    ------
    InvalidInputError
        If the object is no pair of potentials, or epsilon is not known.
    UnsupportedProblemError
        If `loss` is unbalanced or has a cost of labels.
    """
    if not (isinstance(result, tuple | list) and len(result) == 2):
        raise not_a_result("result", _EXPECTED, result)
    f, g = (as_potential(name, side) for name, side in zip(_NAMES, result, strict=True))
    if loss is not None:
        _check_loss(loss)
        if half_cost is None:
            half_cost = bool(loss.half_cost)
    if epsilon is None:
        epsilon = _last_epsilon(loss)
    eps = as_number("epsilon", epsilon)
    check_positive("epsilon", eps)
    if ott_convention:
        a = weights_of("x_weights", x_weights, f.size)
        b = weights_of("y_weights", y_weights, g.size)
        f, g = without_log_weights(_NAMES, (f, g), (a / a.sum(), b / b.sum()), eps)
    factor = 2.0 if half_cost else 1.0
    return PeerAnswer(
        library="flash-sinkhorn",
        potentials=(factor * f, factor * g),
        epsilon=factor * eps,
        cost="sqeuclidean",
        note="Doubled: the cost was |x - y|^2 / 2." if half_cost else "",
    )


def _check_loss(loss: Any) -> None:
    if not has(loss, "half_cost", "blur"):
        raise not_a_result("loss", "the `flash_sinkhorn.SamplesLoss` that was called", loss)
    if getattr(loss, "reach_x", None) is not None or getattr(loss, "reach_y", None) is not None:
        raise UnsupportedProblemError(
            "with `reach` these are potentials of unbalanced transport; "
            "`unbalanced_transport` has bounds of its own"
        )
    if getattr(loss, "label_cost_matrix", None) is not None:
        raise UnsupportedProblemError(
            "a cost of points and labels is no cost of points; `certify_matrix` takes the matrix "
            "and `potentials`"
        )


def _last_epsilon(loss: Any) -> Any:
    """Epsilon at which a loss ends: the last of its list, `eps`, or blur^2."""
    if loss is None:
        why = "(or pass `loss`, the SamplesLoss that returned these)"
        raise InvalidInputError("epsilon", "be the solver's last epsilon", None, why)
    n_iterations = getattr(loss, "n_iters", None)
    if getattr(loss, "eps_list", None):
        return loss.eps_list[:n_iterations][-1]
    if not getattr(loss, "use_epsilon_scaling", True):
        return loss.eps
    if n_iterations is not None and getattr(loss, "backend", None) != "multiscale":
        why = "(`n_iters` cuts the schedule before blur^2)"
        raise InvalidInputError("epsilon", "be the solver's last epsilon", None, why)
    return loss.blur**2
