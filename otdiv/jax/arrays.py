"""What the calls accept: arrays of JAX, clouds in one form, and costs and options as numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from otdiv._validation import check_positive, check_positive_integer, describe
from otdiv.costs import as_metric, as_point_cost
from otdiv.errors import InvalidInputError

__all__ = [
    *("Clouds", "as_arrays", "as_clouds", "norm_and_power", "norm_of"),
    *("static_positive", "static_positive_integer"),
]


class Clouds(NamedTuple):
    """Points (n, d) and (m, d), or with a leading axis (B, n, d), and weights to match or None."""

    x: jax.Array
    y: jax.Array
    a: jax.Array | None
    b: jax.Array | None


def as_arrays(**values: Any) -> list[Any]:
    """Real arrays of JAX; None stays None. Integers stay such, which the core reads exactly."""
    return [None if value is None else _as_array(name, value) for name, value in values.items()]


def _as_array(name: str, value: Any) -> jax.Array:
    if not isinstance(value, jax.Array | np.ndarray | np.generic):
        hint = "(`jax.numpy.asarray`; other arrays go to the call of this name in `otdiv`)"
        raise InvalidInputError(name, "be an array of JAX or NumPy", describe(value), hint)
    kinds = (jnp.floating, jnp.integer, jnp.bool_)
    if not any(jnp.issubdtype(value.dtype, kind) for kind in kinds):
        raise InvalidInputError(name, "hold real numbers", f"dtype {value.dtype}")
    if jnp.issubdtype(value.dtype, jnp.floating):
        return jnp.asarray(value)
    # NumPy's integers of 64 bits would wrap around where JAX has only 32.
    fits = jax.dtypes.canonicalize_dtype(value.dtype) == value.dtype
    return jnp.asarray(value) if fits else jnp.asarray(value, dtype=float)


def as_clouds(x: Any, y: Any, x_weights: Any, y_weights: Any) -> Clouds:
    """Points as (n, d), or as (B, n, d) on both sides where one of them is a batch."""
    x, y, a, b = as_arrays(x=x, y=y, x_weights=x_weights, y_weights=y_weights)
    x, y = (z[:, None] if z.ndim == 1 else z for z in (x, y))
    for name, z in (("x", x), ("y", y)):
        if z.ndim not in (2, 3):
            requirement = "have shape (n,), (n, d) or (B, n, d)"
            raise InvalidInputError(name, requirement, f"shape {z.shape}")
    if x.shape[-1] != y.shape[-1]:
        raise InvalidInputError("y", f"have {x.shape[-1]} columns like `x`", y.shape[-1])
    sizes = {z.shape[0] for z in (x, y) if z.ndim == 3}
    if len(sizes) > 1:
        raise InvalidInputError("y", f"hold {x.shape[0]} clouds like `x`", y.shape[0])
    for name, weights, z in (("x_weights", a, x), ("y_weights", b, y)):
        shapes = [(z.shape[-2],), *((size, z.shape[-2]) for size in sizes)]
        if weights is not None and weights.shape not in shapes:
            requirement = f"have shape {' or '.join(map(str, shapes))}"
            raise InvalidInputError(name, requirement, f"shape {weights.shape}")
    if not sizes:
        return Clouds(x, y, a, b)
    size = sizes.pop()
    x, y = (jnp.broadcast_to(z, (size, *z.shape[-2:])) for z in (x, y))
    a, b = (None if w is None else jnp.broadcast_to(w, (size, w.shape[-1])) for w in (a, b))
    return Clouds(x, y, a, b)


def norm_and_power(cost: Any) -> tuple[float, float]:
    """Norm and power of a cost of points."""
    found = as_point_cost(cost)
    return found.norm, found.power


def norm_of(metric: Any) -> float:
    """Norm of a ground metric."""
    return as_metric(metric).norm


def _check_static(name: str, value: Any) -> None:
    """Raise for what a trace does not know yet: options are compiled in."""
    if isinstance(value, jax.core.Tracer):
        requirement = "be a number of Python, known when the function is traced"
        raise InvalidInputError(name, requirement, "a tracer", "(`static_argnames` of `jax.jit`)")


def static_positive(name: str, value: Any) -> float:
    """A finite positive number that is known at once."""
    _check_static(name, value)
    return check_positive(name, value)


def static_positive_integer(name: str, value: Any) -> int:
    """An integer of at least 1 that is known at once."""
    _check_static(name, value)
    return check_positive_integer(name, value)
