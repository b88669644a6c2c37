"""The operators behind the calls: opaque to `torch.compile`, with shapes, gradients and `vmap`.

Each operator returns its value together with its gradients, which the core finds along with it, and
the backward pass multiplies them: of the data nothing is kept, nor anything of the size of a cost
matrix. These gradients have none themselves. A backward pass through a backward pass is an error,
as a silent zero would be a wrong answer: it is told by the *witness*, a second copy of the value,
which the first backward pass takes as an argument and the second would come through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch

from otdiv.errors import UnsupportedProblemError
from otdiv.gradients.histograms import histogram_gradients, histogram_values
from otdiv.gradients.matrices import matrix_gradients, matrix_values
from otdiv.gradients.pair_sums import (
    discrepancy_gradients,
    discrepancy_values,
    energy_gradients,
    energy_values,
)
from otdiv.gradients.sinkhorn import SinkhornOptions, sinkhorn_gradients, sinkhorn_values
from otdiv.gradients.sliced import sliced_gradients, sliced_values
from otdiv.gradients.transport import transport_gradients, transport_values
from otdiv.torch.tensors import is_wanted

__all__ = ["discrepancy", "energy", "histogram", "matrix", "sinkhorn", "sliced", "transport"]

_NO_SECOND = (
    "second derivatives are not available: that of a transport cost with respect to points would "
    "miss how the plan jumps; leave out create_graph=True, or `.detach()` the gradient"
)
_NOT_KEPT = "no gradient was kept: the operator was called with wanted=False"

Tensor: TypeAlias = torch.Tensor
Tensors: TypeAlias = tuple[Tensor, ...]
Shape: TypeAlias = Sequence[int]


def _numbers(value: Any) -> Any:
    """A tensor as a float64 array on the CPU; all else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    value = value.detach()
    if value.dtype is not torch.float64 or value.device.type != "cpu":
        value = value.cpu().double()  # to the CPU first: some devices have no double precision
    return np.ascontiguousarray(value.numpy())


def _like(array: Any, like: Tensor | None, other: Tensor) -> Tensor:
    """A gradient with the dtype and on the device of what it is the gradient of."""
    if array is None or like is None:
        return other.new_empty(0)
    return torch.tensor(array, dtype=like.dtype, device=like.device)


def _room(like: Tensor | None, wanted: bool, other: Tensor) -> Tensor:
    """What `_like` returns, without its numbers."""
    shape = like.shape if wanted and like is not None else (0,)
    source = other if like is None else like
    return source.new_empty(shape)


def _widest(*tensors: Tensor | None) -> torch.dtype:
    """The dtype to which all of these are promoted together."""
    first, *rest = (tensor.dtype for tensor in tensors if tensor is not None)
    for dtype in rest:
        first = torch.promote_types(first, dtype)
    return first


@torch.library.custom_op("otdiv::pulled", mutates_args=())
def _pulled(grad: Tensor, part: Tensor, witness: Tensor) -> Tensor:
    """The gradient () or (B,) of the values times the derivatives (...) or (B, ...) of each."""
    shape = grad.shape + (1,) * (part.ndim - grad.ndim)
    return (grad.reshape(shape) * part).to(part.dtype)


@_pulled.register_fake
def _(grad: Tensor, part: Tensor, witness: Tensor) -> Tensor:
    return torch.empty_like(part)


@torch.library.custom_op("otdiv::spread", mutates_args=())
def _spread(
    grad: Tensor, rows: Tensor, columns: Tensor, mass: Tensor, shape: Sequence[int], witness: Tensor
) -> Tensor:
    """The gradient () or (B,) of the values times the plans, in the shape of the costs."""
    n, m = shape[-2:]
    plans = mass.new_zeros((*shape[:-2], n * m))
    plans.scatter_add_(-1, rows * m + columns, (grad[..., None] * mass).to(mass.dtype))
    return plans.reshape(shape)


@_spread.register_fake
def _(
    grad: Tensor, rows: Tensor, columns: Tensor, mass: Tensor, shape: Sequence[int], witness: Tensor
) -> Tensor:
    return mass.new_empty(shape)


def _raise(ctx: Any, *grads: Any) -> Any:
    raise UnsupportedProblemError(_NO_SECOND)


_pulled.register_autograd(_raise)
_spread.register_autograd(_raise)


class _Kept(NamedTuple):
    """What a backward pass finds: which gradients are wanted, and what the forward pass left."""

    needed: Sequence[bool]
    shapes: Sequence[Shape]
    witness: Tensor
    parts: Sequence[Tensor]


def _each_pulled(grad: Tensor, kept: _Kept) -> list[Tensor | None]:
    """Gradients of inputs whose derivatives are the outputs, in their order."""
    pairs = zip(kept.needed, kept.parts, strict=True)
    return [_pulled(grad, part, kept.witness) if needed else None for needed, part in pairs]


def _define(
    name: str,
    schema: str,
    n_data: int,
    run: Callable[..., Tensors],
    fake: Callable[..., Tensors],
    backward: Callable[[Tensor, _Kept], list[Tensor | None]] = _each_pulled,
) -> Any:
    """Make an operator that takes `n_data` tensors with gradients first and `wanted` last.

    `run` returns a value and what its backward pass needs; the operator has the witness in between.
    """

    def witnessed(function: Callable[..., Tensors]) -> Callable[..., Tensors]:
        def call(*inputs: Any) -> Tensors:
            value, *parts = function(*inputs)
            return (value, value.clone(), *parts)

        return call

    operator = torch.library.custom_op(
        f"otdiv::{name}", witnessed(run), mutates_args=(), schema=schema
    )
    operator.register_fake(witnessed(fake))

    def keep(ctx: Any, inputs: tuple[Any, ...], output: Tensors) -> None:
        ctx.mark_non_differentiable(*output[2:])
        ctx.save_for_backward(*output[1:])
        ctx.wanted, ctx.n_options = inputs[-1], len(inputs) - n_data
        ctx.shapes = [() if part is None else part.shape for part in inputs[:n_data]]

    def pull(ctx: Any, grad: Tensor, of_witness: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        if not ctx.wanted:
            raise UnsupportedProblemError(_NOT_KEPT)
        witness, *parts = ctx.saved_tensors
        kept = _Kept(ctx.needs_input_grad[:n_data], ctx.shapes, witness, parts)
        return (*backward(grad + of_witness, kept), *(None for _ in range(ctx.n_options)))

    operator.register_autograd(pull, setup_context=keep)
    return operator


def _of_clouds(name: str, options: str, values: Any, gradients: Any) -> Any:
    """An operator between clouds x (n, d) or (B, n, d) and y, with weights a, b or None."""

    def run(x: Tensor, y: Tensor, a: Any, b: Any, *rest: Any) -> Tensors:
        *given, wanted = (_numbers(part) for part in rest)
        data = [_numbers(part) for part in (x, y, a, b)]
        dtype = _widest(x, y, a, b)
        if not wanted:
            value = torch.tensor(values(*data, *given), dtype=dtype, device=x.device)
            return (value, *(x.new_empty(0) for _ in range(4)))
        found = gradients(*data, *given)
        value = torch.tensor(found.value, dtype=dtype, device=x.device)
        parts = zip(found[1:], (x, y, a, b), strict=True)
        return (value, *(_like(array, like, x) for array, like in parts))

    def fake(x: Tensor, y: Tensor, a: Any, b: Any, *rest: Any) -> Tensors:
        value = x.new_empty(x.shape[:-2], dtype=_widest(x, y, a, b))
        return (value, *(_room(part, rest[-1], x) for part in (x, y, a, b)))

    schema = (
        f"(Tensor x, Tensor y, Tensor? a, Tensor? b, {options}, bool wanted) -> "
        "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
    )
    operator = _define(name, schema, 4, run, fake)

    def mapped(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensors, Any]:
        return _mapped(operator, info.batch_size, in_dims, inputs)

    operator.register_vmap(mapped)
    return operator


def _mapped(
    operator: Any, size: int, in_dims: tuple[Any, ...], inputs: tuple[Any, ...]
) -> tuple[Tensors, Any]:
    """Under `torch.vmap`: one call of the operator on all clouds together."""
    if any(dim is not None for dim in in_dims[4:]):
        raise UnsupportedProblemError("torch.vmap maps over points and weights, not over options")
    data = [_in_front(part, dim, size) for part, dim in zip(inputs[:4], in_dims[:4], strict=True)]
    leading = data[0].shape[:-2]
    flat = [
        None if part is None else part.reshape(-1, *part.shape[len(leading) :]) for part in data
    ]
    # Only here, below the mapping, is it seen that a tensor requires a gradient.
    *options, wanted = inputs[4:]
    value, *parts = operator(*flat, *options, wanted or is_wanted(*flat))
    parts = [part.reshape(*leading, *part.shape[1:]) if part.numel() else part for part in parts]
    out_dims = (0, *(0 if part.numel() else None for part in parts))
    return (value.reshape(leading), *parts), out_dims


def _in_front(part: Any, dim: int | None, size: int) -> Any:
    """A tensor with the mapped axis first; one that is not mapped is the same for all."""
    if part is None:
        return None
    return part.expand(size, *part.shape) if dim is None else part.movedim(dim, 0)


def _transport(function: Any) -> Any:
    return lambda x, y, a, b, norm, power, root: function(
        x, y, a, b, norm=norm, power=power, root=root
    )


def _sinkhorn(function: Any) -> Any:
    return lambda x, y, a, b, *options: function(x, y, a, b, SinkhornOptions(*options))


transport = _of_clouds(
    "transport",
    "float norm, float power, bool root",
    _transport(transport_values),
    _transport(transport_gradients),
)
sinkhorn = _of_clouds(
    "sinkhorn",
    "float epsilon, float norm, float power, float marginal_tolerance, int max_iterations",
    _sinkhorn(sinkhorn_values),
    _sinkhorn(sinkhorn_gradients),
)
energy = _of_clouds("energy", "float norm", energy_values, energy_gradients)
discrepancy = _of_clouds(
    "discrepancy", "str kernel, float bandwidth", discrepancy_values, discrepancy_gradients
)


sliced = _of_clouds("sliced", "Tensor directions, float p", sliced_values, sliced_gradients)


def _run_matrix(C: Tensor, a: Any, b: Any, wanted: bool) -> Tensors:
    data = [_numbers(part) for part in (C, a, b)]
    dtype = _widest(C, a, b)
    if not wanted:
        value = torch.tensor(matrix_values(*data), dtype=dtype, device=C.device)
        return value, *_no_plan(C, ())
    found = matrix_gradients(*data)
    rows, columns = (torch.tensor(part, device=C.device) for part in (found.rows, found.columns))
    return (
        torch.tensor(found.value, dtype=dtype, device=C.device),
        *(rows, columns, _like(found.mass, C, C)),
        *(_like(found.a, a, C), _like(found.b, b, C)),
    )


def _no_plan(C: Tensor, shape: tuple[int, ...]) -> Tensors:
    """Room for no plan, or for entries of the given shape, and for no gradients of weights."""
    size = shape or (0,)
    rows, columns = (C.new_empty(size, dtype=torch.int64) for _ in range(2))
    return rows, columns, C.new_empty(size), C.new_empty(0), C.new_empty(0)


def _fake_matrix(C: Tensor, a: Any, b: Any, wanted: bool) -> Tensors:
    value = C.new_empty(C.shape[:-2], dtype=_widest(C, a, b))
    if not wanted:
        return value, *_no_plan(C, ())
    n, m = C.shape[-2:]
    entries = _no_plan(C, (*C.shape[:-2], n + m - 1))[:3]
    return value, *entries, _room(a, True, C), _room(b, True, C)


def _backward_matrix(grad: Tensor, kept: _Kept) -> list[Tensor | None]:
    rows, columns, mass, *potentials = kept.parts
    costs = None
    if kept.needed[0]:
        costs = _spread(grad, rows, columns, mass, kept.shapes[0], kept.witness)
    weights = kept._replace(needed=kept.needed[1:], parts=potentials)
    return [costs, *_each_pulled(grad, weights)]


matrix = _define(
    "matrix",
    "(Tensor C, Tensor? a, Tensor? b, bool wanted) -> "
    "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
    3,
    _run_matrix,
    _fake_matrix,
    _backward_matrix,
)


def _run_histogram(p: Tensor, q: Tensor, support: Tensor, wanted: bool) -> Tensors:
    data = [_numbers(part) for part in (p, q, support)]
    dtype = _widest(p, q, support)
    if not wanted:
        value = torch.tensor(histogram_values(*data), dtype=dtype, device=p.device)
        return value, *(p.new_empty(0) for _ in range(3))
    found = histogram_gradients(*data)
    positions = found.x.reshape((*p.shape[:-1], *support.shape))
    return (
        torch.tensor(found.value, dtype=dtype, device=p.device),
        *(_like(found.a, p, p), _like(found.b, q, q), _like(positions, support, support)),
    )


def _fake_histogram(p: Tensor, q: Tensor, support: Tensor, wanted: bool) -> Tensors:
    value = p.new_empty(p.shape[:-1], dtype=_widest(p, q, support))
    shape = (*p.shape[:-1], *support.shape) if wanted else (0,)
    return value, _room(p, wanted, p), _room(q, wanted, q), support.new_empty(shape)


def _backward_histogram(grad: Tensor, kept: _Kept) -> list[Tensor | None]:
    first, second, positions = _each_pulled(grad, kept)
    # One support serves all histograms of a batch.
    if positions is not None and grad.ndim:
        positions = positions.sum(dim=0)
    return [first, second, positions]


histogram = _define(
    "histogram",
    "(Tensor p, Tensor q, Tensor support, bool wanted) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
    3,
    _run_histogram,
    _fake_histogram,
    _backward_histogram,
)
