"""What the calls accept: tensors of one device, clouds in one form, and costs as two numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from otdiv._validation import describe
from otdiv.costs import PNormCost, as_metric, as_point_cost
from otdiv.errors import InvalidInputError

__all__ = ["Clouds", "as_clouds", "as_tensors", "is_wanted", "norm_and_power", "norm_of"]


class Clouds(NamedTuple):
    """Points (n, d) and (m, d), or with a leading axis (B, n, d), and weights to match or None."""

    x: torch.Tensor
    y: torch.Tensor
    a: torch.Tensor | None
    b: torch.Tensor | None


def as_tensors(**values: Any) -> list[Any]:
    """Floating tensors of one device, of integers in float64; None stays None."""
    found: list[Any] = []
    first = ""
    device = None
    for name, value in values.items():
        if value is None:
            found.append(None)
            continue
        if not isinstance(value, torch.Tensor):
            hint = "(`torch.as_tensor`; arrays go to the call of this name in `otdiv`)"
            raise InvalidInputError(name, "be a tensor", describe(value), hint)
        if device is None:
            first, device = name, value.device
        elif value.device != device:
            requirement = f"be on the device {device} of `{first}`"
            raise InvalidInputError(name, requirement, str(value.device))
        found.append(value if value.is_floating_point() else value.double())
    return found


def as_clouds(x: Any, y: Any, x_weights: Any, y_weights: Any) -> Clouds:
    """Points as (n, d), or as (B, n, d) on both sides where one of them is a batch."""
    x, y, a, b = as_tensors(x=x, y=y, x_weights=x_weights, y_weights=y_weights)
    x, y = (z[:, None] if z.ndim == 1 else z for z in (x, y))
    for name, z in (("x", x), ("y", y)):
        if z.ndim not in (2, 3):
            requirement = "have shape (n,), (n, d) or (B, n, d)"
            raise InvalidInputError(name, requirement, f"shape {tuple(z.shape)}")
    if x.shape[-1] != y.shape[-1]:
        raise InvalidInputError("y", f"have {x.shape[-1]} columns like `x`", y.shape[-1])
    sizes = {z.shape[0] for z in (x, y) if z.ndim == 3}
    if len(sizes) > 1:
        raise InvalidInputError("y", f"hold {x.shape[0]} clouds like `x`", y.shape[0])
    for name, weights, z in (("x_weights", a, x), ("y_weights", b, y)):
        shapes = [(z.shape[-2],), *((size, z.shape[-2]) for size in sizes)]
        if weights is not None and tuple(weights.shape) not in shapes:
            requirement = f"have shape {' or '.join(map(str, shapes))}"
            raise InvalidInputError(name, requirement, f"shape {tuple(weights.shape)}")
    if not sizes:
        return Clouds(x, y, a, b)
    size = sizes.pop()
    x, y = (z.expand(size, *z.shape[-2:]) for z in (x, y))
    a, b = (None if w is None else w.expand(size, w.shape[-1]) for w in (a, b))
    return Clouds(x, y, a, b)


def is_wanted(*tensors: torch.Tensor | None) -> bool:
    """Whether somebody may ask for the gradient with respect to one of these."""
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def norm_and_power(cost: Any) -> tuple[float, float]:
    """Norm and power of a cost of points."""
    if isinstance(cost, PNormCost):  # also one that `torch.compile` has only traced
        return cost.norm, cost.power
    norm, power = _named(cost)
    return norm, power


def norm_of(metric: Any) -> float:
    """Norm of a ground metric."""
    if isinstance(metric, PNormCost) and metric.power == 1.0:
        return metric.norm
    norm: float = _named_metric(metric)
    return norm


@torch.compiler.assume_constant_result
def _named(cost: Any) -> tuple[float, float]:
    found = as_point_cost(cost)
    return found.norm, found.power


@torch.compiler.assume_constant_result
def _named_metric(metric: Any) -> float:
    return as_metric(metric).norm
