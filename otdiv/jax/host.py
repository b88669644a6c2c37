"""What a callback of JAX runs: the core on NumPy's arrays, and no call of JAX.

A callback that calls JAX may wait for threads that wait for the callback (jax-ml/jax#24255), so
this file does not import it. Arrays come with one leading axis for each `vmap` around the call, of
length 1 where an array is not mapped, and go to the core as one batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from otdiv import many
from otdiv.costs import PNormCost
from otdiv.gradients.histograms import histogram_gradients
from otdiv.gradients.matrices import padded_entries
from otdiv.gradients.record import Gradients
from otdiv.gradients.sinkhorn import SinkhornOptions, sinkhorn_gradients, sinkhorn_values
from otdiv.gradients.transport import check_solved, transport_gradients, transport_values
from otdiv.solving import transport

__all__ = [
    "Host",
    "histogram_found",
    "pairing_found",
    "plan_found",
    "sinkhorn_found",
    "sinkhorn_value",
    "transport_found",
    "transport_value",
]

Array: TypeAlias = NDArray[Any]
Maybe: TypeAlias = Array | None
Found: TypeAlias = Array | Sequence[Maybe]


@dataclass(frozen=True, slots=True, weakref_slot=True)  # JAX holds callbacks weakly
class Host:
    """A function of the core as JAX calls it; equal ones are compiled once.

    Attributes
    ----------
    function : callable
        Takes data and options; returns an array, or several with None for those that are not there.
    options : tuple
        What it takes after its data.
    ranks : tuple of int or None
        Axes of its data, without those of `vmap`; None for data that nobody gave.
    n_common : int
        How many of the data, the last ones, are the same for all problems of a batch.
    batched : bool
        Whether the first axis of the other data is that of a batch.
    dtypes : tuple of dtypes
        Of what is returned.
    """

    function: Callable[..., Found]
    options: tuple[Any, ...]
    ranks: tuple[int | None, ...]
    n_common: int
    batched: bool
    dtypes: tuple[Any, ...]

    def __call__(self, *arrays: Any) -> tuple[Array, ...]:
        """What the function finds, with the axes of `vmap` in front."""
        # Copies, because JAX uses the memory again.
        numbers = iter([np.array(array, dtype=np.float64) for array in arrays])
        data = [None if rank is None else next(numbers) for rank in self.ranks]
        fronts = [_front(part, rank) for part, rank in zip(data, self.ranks, strict=True)]
        front = np.broadcast_shapes(*fronts)
        if not front:
            found = self._call(data)
        elif math.prod(np.broadcast_shapes(*fronts[len(data) - self.n_common :])) == 1:
            found = self._call_batch(data, front)
        else:
            found = self._call_each(data, front)
        with np.errstate(over="ignore"):  # too large for single precision is inf, as JAX has it
            pairs = zip(found, self.dtypes, strict=True)
            return tuple(part.astype(dtype, copy=False) for part, dtype in pairs)

    def _call(self, data: Sequence[Maybe]) -> list[Array]:
        found = self.function(*data, *self.options)
        parts = [found] if isinstance(found, np.ndarray) else found
        return [np.asarray(part) for part in parts if part is not None]

    def _call_batch(self, data: Sequence[Maybe], front: tuple[int, ...]) -> list[Array]:
        """One call on the problems of all axes of `vmap` together."""
        batch: tuple[int, ...] = ()
        flat: list[Maybe] = []
        for k, (part, rank) in enumerate(zip(data, self.ranks, strict=True)):
            if part is None or rank is None:
                flat.append(None)
            elif k >= len(data) - self.n_common:
                flat.append(part.reshape(part.shape[part.ndim - rank :]))
            else:
                whole = _spread(part, rank, front)
                lead = whole.ndim - rank + self.batched
                batch = whole.shape[len(front) : lead]
                flat.append(whole.reshape(-1, *whole.shape[lead:]))
        return [part.reshape(*front, *batch, *part.shape[1:]) for part in self._call(flat)]

    def _call_each(self, data: Sequence[Maybe], front: tuple[int, ...]) -> list[Array]:
        """A call for each place on the axes of `vmap`."""
        wholes = [
            None if part is None or rank is None else _spread(part, rank, front)
            for part, rank in zip(data, self.ranks, strict=True)
        ]
        found = [
            self._call([None if whole is None else whole[place] for whole in wholes])
            for place in np.ndindex(front)
        ]
        columns = [np.stack(column) for column in zip(*found, strict=True)]
        return [column.reshape(*front, *column.shape[1:]) for column in columns]


def _front(part: Maybe, rank: int | None) -> tuple[int, ...]:
    return () if part is None or rank is None else part.shape[: part.ndim - rank]


def _spread(part: Array, rank: int, front: tuple[int, ...]) -> Array:
    return np.broadcast_to(part, front + part.shape[part.ndim - rank :])


def transport_value(
    x: Array, y: Array, a: Maybe, b: Maybe, norm: float, power: float, root: bool
) -> Array:
    """`transport_values` with options by position."""
    return transport_values(x, y, a, b, norm=norm, power=power, root=root)


def transport_found(
    x: Array, y: Array, a: Maybe, b: Maybe, norm: float, power: float, root: bool
) -> Gradients:
    """`transport_gradients` with options by position."""
    return transport_gradients(x, y, a, b, norm=norm, power=power, root=root)


def sinkhorn_value(x: Array, y: Array, a: Maybe, b: Maybe, *options: Any) -> Array:
    """`sinkhorn_values` with options by position."""
    return sinkhorn_values(x, y, a, b, SinkhornOptions(*options))


def sinkhorn_found(x: Array, y: Array, a: Maybe, b: Maybe, *options: Any) -> Gradients:
    """`sinkhorn_gradients` with options by position."""
    return sinkhorn_gradients(x, y, a, b, SinkhornOptions(*options))


def histogram_found(p: Array, q: Array, support: Array) -> Found:
    """Value of `histogram_gradients` and its derivatives in the order of the data."""
    found = histogram_gradients(p, q, support)
    return found.value, found.a, found.b, found.x.reshape(*p.shape[:-1], *support.shape)


def pairing_found(x: Array, y: Array, norm: float, power: float) -> Array:
    """Partners in y of the rows of x: (n,), or (B, n)."""
    return many.pairing(x, y, cost=PNormCost(norm=norm, power=power))


def plan_found(x: Array, y: Array, a: Maybe, b: Maybe, norm: float, power: float) -> Found:
    """Rows, columns and masses of an optimal plan, padded to n + m - 1 entries."""
    cost = PNormCost(norm=norm, power=power)
    if x.ndim == 2:
        plan = transport(x, y, x_weights=a, y_weights=b, cost=cost).plan
        assert plan is not None
        return padded_entries(plan)
    result = many.transport_batch(x, y, x_weights=a, y_weights=b, cost=cost)
    check_solved(result)
    entries = [padded_entries(result.plan(k)) for k in range(len(result))]
    return [np.stack(column) for column in zip(*entries, strict=True)]
