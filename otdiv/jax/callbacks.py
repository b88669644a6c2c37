"""Calls of NumPy from compiled functions of JAX, which no copy of theirs can hang.

`jax.pure_callback` makes JAX arrays of what it hands over. On the CPU arrays of more than 100 KB
are copied by threads of JAX's pool, and a callback that runs on the last free one of them waits for
its own argument: four threads on one processor hang within a hundred calls (JAX 0.10;
jax-ml/jax#24255 is a relative). The primitive of this file receives NumPy's arrays, as the
lowering of `pure_callback` does, and waits for nothing. On other platforms, and in programs for
several devices, it becomes a `pure_callback`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

__all__ = ["call_back"]

Outputs = tuple[jax.ShapeDtypeStruct, ...]

_call = Primitive("otdiv_call")
_call.multiple_results = True


def call_back(
    callback: Callable[..., Sequence[Any]], outputs: Sequence[jax.ShapeDtypeStruct], *arrays: Any
) -> list[jax.Array]:
    """Arrays that a function of NumPy's arrays returns, once their numbers are known.

    Where they are known already the function is called here and now, and its errors and Ctrl-C
    come as they are. Under `vmap` it receives all arrays with one more axis in front, which has
    length 1 where an array is not mapped (`vmap_method="expand_dims"` of `pure_callback`).

    Parameters
    ----------
    callback : callable
        Calls nothing of JAX; equal ones are compiled once.
    outputs : shapes and dtypes
        Of what it returns.
    *arrays : JAX arrays
    """
    found: list[jax.Array] = _call.bind(*arrays, callback=callback, outputs=tuple(outputs))
    return found


@_call.def_impl
def _at_once(*arrays: Any, callback: Callable[..., Any], outputs: Outputs) -> list[jax.Array]:
    home = _home(arrays[0])
    return [jax.device_put(found, home) for found in callback(*arrays)]


def _home(array: jax.Array) -> Any:
    """The one device to which somebody has sent an array, or None."""
    devices = array.devices()
    return next(iter(devices)) if array.committed and len(devices) == 1 else None


@_call.def_abstract_eval
def _shapes(*_: Any, callback: Any, outputs: Outputs) -> list[jax.core.ShapedArray]:
    return [jax.core.ShapedArray(output.shape, output.dtype) for output in outputs]


def _mapped(
    arrays: Sequence[Any], axes: Sequence[Any], *, callback: Any, outputs: Outputs
) -> tuple[list[jax.Array], list[int]]:
    pairs = list(zip(arrays, axes, strict=True))
    size = next(array.shape[axis] for array, axis in pairs if axis is not None)
    moved = [
        jnp.expand_dims(array, 0) if axis is None else jnp.moveaxis(array, axis, 0)
        for array, axis in pairs
    ]
    larger = [jax.ShapeDtypeStruct((size, *part.shape), part.dtype) for part in outputs]
    return call_back(callback, larger, *moved), [0] * len(outputs)


batching.primitive_batchers[_call] = _mapped


def _lower_to_pure_callback(*arrays: Any, callback: Any, outputs: Outputs) -> list[jax.Array]:
    # No `vmap` comes here: it was applied before.
    return list(jax.pure_callback(callback, outputs, *arrays, vmap_method="expand_dims"))


_lower_elsewhere = mlir.lower_fun(_lower_to_pure_callback, multiple_results=True)


def _lower_on_cpu(context: Any, *arrays: Any, callback: Any, outputs: Outputs) -> Any:
    if getattr(context.module_context.axis_context, "num_devices", None) != 1:
        return _lower_elsewhere(context, *arrays, callback=callback, outputs=outputs)
    found, *_ = mlir.emit_python_callback(
        context,
        callback,
        None,
        list(arrays),
        context.avals_in,
        context.avals_out,
        has_side_effect=False,
    )
    return found


mlir.register_lowering(_call, _lower_elsewhere)
mlir.register_lowering(_call, _lower_on_cpu, platform="cpu")
