"""Optimal pairs of two clouds as index arrays of fixed sizes, for flow matching and its like."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from otdiv.errors import InvalidInputError
from otdiv.jax import host
from otdiv.jax.arrays import as_clouds, norm_and_power
from otdiv.jax.operators import call_host, entry_shapes, widest
from otdiv.plans import PlanEntries

__all__ = ["pairing", "plan_entries"]


def pairing(x: jax.Array, y: jax.Array, *, cost: Any = "sqeuclidean") -> jax.Array:
    """Partner in y of every row of x, one to one, at the least total cost.

    Every point of both clouds occurs once, where drawing pairs from a plan with replacement leaves
    about a third of them out. No gradient flows: it is the pairing that is wanted.

    Parameters
    ----------
    x, y : arrays, shapes (n, d), or (B, n, d) for B pairs of clouds
        As many points on both sides.
    cost : PNormCost or str, default "sqeuclidean"
        Cost of a pair.

    Returns
    -------
    int32 array, shape (n,) or (B, n)
        ``y[pairing(x, y)]`` are the partners in the order of x.

    Raises
    ------
    InvalidInputError
        If the numbers of points differ; `plan_entries` splits points then.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import pairing
    >>> pairing(jnp.array([[0.0], [5.0]]), jnp.array([[6.0], [1.0]]))
    Array([1, 0], dtype=int32)
    """
    clouds = as_clouds(x, y, None, None)
    n, m = clouds.x.shape[-2], clouds.y.shape[-2]
    if n != m:
        raise InvalidInputError("y", f"have {n} points, a partner for each of `x`", m)
    shape = jax.ShapeDtypeStruct(clouds.x.shape[:-1], jnp.int32)
    points = tuple(map(jax.lax.stop_gradient, clouds[:2]))
    batched = clouds.x.ndim == 3
    options = norm_and_power(cost)
    return call_host(host.pairing_found, points, [shape], options=options, batched=batched)[0]


def plan_entries(
    x: jax.Array,
    y: jax.Array,
    *,
    x_weights: jax.Array | None = None,
    y_weights: jax.Array | None = None,
    cost: Any = "sqeuclidean",
) -> PlanEntries:
    """Pairs of an optimal plan with their masses, for clouds of any sizes and weights.

    A loss over all of them, each weighted by its mass, is the mean over the plan itself, without
    the noise of drawn pairs. There are n + m - 1, as `jit` needs sizes that it knows: those that
    the plan does not need have the mass 0, at the pair (0, 0). No gradient flows.

    Parameters
    ----------
    x, y : arrays, shapes (n, d) and (m, d), or (B, n, d) and (B, m, d)
        Points.
    x_weights, y_weights : arrays, shapes (n,) and (m,), or (B, n) and (B, m), optional
        Relative frequencies, each side normalised to 1; uniform by default.
    cost : PNormCost or str, default "sqeuclidean"
        Ground cost.

    Returns
    -------
    PlanEntries
        ``rows``, ``columns`` (int32) and ``mass``, each of shape (n + m - 1,) or (B, n + m - 1),
        and ``shape``, which is (n, m). The masses of a plan sum to 1.

    Raises
    ------
    InvalidInputError, ConvergenceError
        As in `otdiv.transport`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import plan_entries
    >>> pairs = plan_entries(jnp.array([[0.0], [5.0]]), jnp.array([[4.0], [1.0]]))
    >>> pairs.rows, pairs.columns, pairs.mass
    (Array([0, 1, 0], dtype=int32), Array([1, 0, 0], dtype=int32),
     Array([0.5, 0.5, 0. ], dtype=float32))
    """
    clouds = as_clouds(x, y, x_weights, y_weights)
    data = tuple(None if part is None else jax.lax.stop_gradient(part) for part in clouds)
    n, m = clouds.x.shape[-2], clouds.y.shape[-2]
    outputs = entry_shapes(clouds.x.shape[:-2], n, m, widest(data))
    batched = clouds.x.ndim == 3
    options = norm_and_power(cost)
    found = call_host(host.plan_found, data, outputs, options=options, batched=batched)
    rows, columns, mass = found
    return PlanEntries(rows, columns, mass, (n, m))
