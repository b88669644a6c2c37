"""Functions that JAX can compile, differentiate and map, around callbacks to the core.

The derivatives come from the core along with the value; the rule multiplies them with tangents,
which JAX transposes for gradients, so that derivatives work forwards and backwards. Of a plan its
n + m - 1 entries are kept, never a matrix. The derivatives have none themselves: a second
derivative is an error, as a silent zero would be a wrong answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from otdiv.errors import UnsupportedProblemError
from otdiv.gradients.histograms import histogram_values
from otdiv.gradients.matrices import matrix_gradients, matrix_values
from otdiv.gradients.pair_sums import (
    discrepancy_gradients,
    discrepancy_values,
    energy_gradients,
    energy_values,
)
from otdiv.gradients.sliced import sliced_gradients, sliced_values
from otdiv.jax import host
from otdiv.jax.callbacks import call_back

__all__ = [
    *("HISTOGRAM", "MATRIX", "Operator"),
    *("discrepancy", "energy", "sinkhorn", "sliced", "transport"),
    *("call_host", "entry_shapes", "of_clouds", "of_histograms", "of_matrices", "widest"),
]

_NO_SECOND = (
    "second derivatives are not available: that of a transport cost with respect to points would "
    "miss how the plan jumps; take the gradient through `jax.lax.stop_gradient`"
)

Array: TypeAlias = jax.Array
# Data of a call; None in the place of weights that nobody gave.
Data: TypeAlias = tuple[Array | None, ...]


@dataclass(frozen=True, slots=True)
class Operator:
    """A distance of the core, with what a trace of it depends on beside the data.

    Attributes
    ----------
    value, found : callable
        Data and options to the value; and to the value with its derivatives by the data.
    options : tuple
        Numbers and names.
    n_common : int
        How many of the data, the last ones, are the same for all problems of a batch.
    """

    value: Callable[..., Any]
    found: Callable[..., Any]
    options: tuple[Any, ...] = ()
    n_common: int = 0


def call_host(
    function: Callable[..., Any],
    data: Data,
    outputs: Sequence[jax.ShapeDtypeStruct],
    *,
    options: tuple[Any, ...] = (),
    n_common: int = 0,
    batched: bool,
) -> tuple[Array, ...]:
    """Arrays that a function of the core finds, of these shapes and dtypes."""
    given = [part for part in data if part is not None]
    callback = host.Host(
        function=function,
        options=options,
        ranks=tuple(None if part is None else part.ndim for part in data),
        n_common=n_common,
        batched=batched,
        dtypes=tuple(output.dtype for output in outputs),
    )
    return tuple(call_back(callback, outputs, *given))


def widest(data: Data) -> Any:
    """The floating dtype to which all of these are promoted together."""
    return functools.reduce(jnp.promote_types, (floating(p) for p in data if p is not None))


def floating(array: Array) -> Any:
    """The dtype of an array, or of integers that which JAX gives to floats."""
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array.dtype
    return jnp.zeros(0, dtype=float).dtype


# Shapes of what is found after the value, of a batch of this shape; and how the value rises with
# tangents of the data, by what was found and the number of axes of a batch.
Shapes: TypeAlias = Callable[[tuple[int, ...], Data], list[jax.ShapeDtypeStruct]]
Rise: TypeAlias = Callable[[Sequence[Array], Sequence[Any], int], list[Array]]


def _define(
    axes: int, n_data: int, shapes: Shapes, rise: Rise
) -> Callable[[Operator, Data], Array]:
    """Make a function of an operator and its data.

    The first datum has `axes` axes in one problem, and the first `n_data` have derivatives.
    """

    def run(operator: Operator, data: Data, with_derivatives: bool) -> tuple[Array, ...]:
        first = data[0]
        assert first is not None
        batch = first.shape[: first.ndim - axes]
        outputs = [jax.ShapeDtypeStruct(batch, widest(data[:n_data]))]
        return call_host(
            operator.found if with_derivatives else operator.value,
            data,
            [*outputs, *shapes(batch, data)] if with_derivatives else outputs,
            options=operator.options,
            n_common=operator.n_common,
            batched=bool(batch),
        )

    @functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
    def found(operator: Operator, data: Data) -> tuple[Array, ...]:
        return run(operator, data, True)

    @found.defjvp
    def no_second(operator: Operator, primals: Any, tangents: Any) -> Any:
        raise UnsupportedProblemError(_NO_SECOND)

    @functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
    def value(operator: Operator, data: Data) -> Array:
        return run(operator, data, False)[0]

    def push(operator: Operator, primals: Any, tangents: Any) -> tuple[Array, Array]:
        at, *parts = found(operator, *primals)
        rises = rise(parts, tangents[0], at.ndim)
        return at, sum((part.astype(at.dtype) for part in rises), jnp.zeros_like(at))

    value.defjvp(push, symbolic_zeros=True)
    differentiable: Callable[[Operator, Data], Array] = value
    return differentiable


def _is_moved(tangent: Any) -> bool:
    return tangent is not None and not isinstance(tangent, SymbolicZero)


def _shapes_of_data(batch: tuple[int, ...], data: Data) -> list[jax.ShapeDtypeStruct]:
    return [jax.ShapeDtypeStruct(part.shape, floating(part)) for part in data if part is not None]


def _rise_with_data(parts: Sequence[Array], tangents: Sequence[Any], n_lead: int) -> list[Array]:
    """Derivatives by the data times tangents, summed over all axes but those of a batch."""
    present = [tangent for tangent in tangents if tangent is not None]
    # Data beyond the derivatives are constants.
    return [
        jnp.sum(part * tangent, axis=tuple(range(n_lead, part.ndim)))
        for part, tangent in zip(parts, present, strict=False)
        if _is_moved(tangent)
    ]


def _shapes_of_clouds(batch: tuple[int, ...], data: Data) -> list[jax.ShapeDtypeStruct]:
    return _shapes_of_data(batch, data[:4])


def _shapes_of_histograms(batch: tuple[int, ...], data: Data) -> list[jax.ShapeDtypeStruct]:
    p, q, support = data
    assert support is not None
    by_positions = jax.ShapeDtypeStruct(batch + support.shape, floating(support))
    return [*_shapes_of_data(batch, (p, q)), by_positions]


def _shapes_of_plan(batch: tuple[int, ...], data: Data) -> list[jax.ShapeDtypeStruct]:
    C, *weights = data
    assert C is not None
    entries = entry_shapes(batch, C.shape[-2], C.shape[-1], floating(C))
    return [*entries, *_shapes_of_data(batch, tuple(weights))]


def entry_shapes(batch: tuple[int, ...], n: int, m: int, dtype: Any) -> list[jax.ShapeDtypeStruct]:
    """Rows, columns and masses of plans that are padded to n + m - 1 entries."""
    shape = (*batch, n + m - 1)
    return [jax.ShapeDtypeStruct(shape, kind) for kind in (jnp.int32, jnp.int32, dtype)]


def _rise_with_costs(parts: Sequence[Array], tangents: Sequence[Any], n_lead: int) -> list[Array]:
    rows, columns, mass, *by_weights = parts
    rises = _rise_with_data(by_weights, tangents[1:], n_lead)
    if not _is_moved(tangents[0]):
        return rises
    pick = _entries if n_lead == 0 else jax.vmap(_entries)
    return [*rises, jnp.sum(mass * pick(tangents[0], rows, columns), axis=-1)]


def _entries(C: Array, rows: Array, columns: Array) -> Array:
    return C[rows, columns]


# Points x, y and weights a, b, and what else there is.
of_clouds = _define(2, 4, _shapes_of_clouds, _rise_with_data)
# Histograms p, q and their common support.
of_histograms = _define(1, 3, _shapes_of_histograms, _rise_with_data)
# Cost matrices and weights a, b.
of_matrices = _define(2, 3, _shapes_of_plan, _rise_with_costs)

MATRIX = Operator(matrix_values, matrix_gradients)
HISTOGRAM = Operator(histogram_values, host.histogram_found, n_common=1)


def transport(norm: float, power: float, root: bool) -> Operator:
    """Transport cost |x - y|_norm ** power, or its root."""
    return Operator(host.transport_value, host.transport_found, (norm, power, root))


def sinkhorn(*options: Any) -> Operator:
    """Sinkhorn divergence with the options of `SinkhornOptions`."""
    return Operator(host.sinkhorn_value, host.sinkhorn_found, options)


def sliced(p: float) -> Operator:
    """Sliced Wasserstein distance; the directions are common to a batch."""
    return Operator(sliced_values, sliced_gradients, (p,), n_common=1)


def energy(norm: float) -> Operator:
    """Energy distance in a norm."""
    return Operator(energy_values, energy_gradients, (norm,))


def discrepancy(kernel: str, bandwidth: float) -> Operator:
    """Maximum mean discrepancy of a kernel."""
    return Operator(discrepancy_values, discrepancy_gradients, (kernel, bandwidth))
