"""Reading arrays of peers, and the arithmetic that their conventions have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import ArrayLike, FloatArray
from .._validation import as_real_array, as_weights, describe, first_index
from ..errors import InvalidInputError

__all__ = [
    "FactoredBlocks",
    "RowBlocks",
    "as_array",
    "as_number_or_none",
    "as_plan",
    "as_potential",
    "check_lengths",
    "has",
    "join",
    "not_a_result",
    "of_mass",
    "total_mass",
    "weights_of",
    "without_log_weights",
]


def has(value: Any, *names: str) -> bool:
    """Whether an object has all these attributes; asking does not compute properties."""
    return all(name in dir(value) for name in names)


def not_a_result(argument: str, expected: str, value: Any) -> InvalidInputError:
    """Return the error of an object that is none of those that an adapter reads."""
    return InvalidInputError(argument, f"be {expected}", describe(value))


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Array of real numbers of NumPy, JAX or PyTorch; a tensor leaves its graph and device."""
    for step in ("detach", "cpu"):
        move = getattr(value, step, None)
        if callable(move):
            value = move()
    if str(getattr(value, "dtype", "")).endswith("bfloat16"):  # NumPy has no such dtype
        value = value.float() if hasattr(value, "float") else value.astype("float32")
    return as_real_array(name, value)


def as_potential(name: str, value: Any) -> FloatArray:
    """Own float64 copy (n,) of a vector, or of a batch that holds one vector."""
    array = as_array(name, value)
    if array.size == 0 or array.size != max(array.shape, default=1):
        raise InvalidInputError(name, "be one vector, not a batch of them", f"shape {array.shape}")
    return np.array(array.reshape(-1), dtype=np.float64)


def as_plan(name: str, value: Any) -> Any:
    """Plan (n, m) as an array of NumPy or SciPy; sparse ones stay sparse."""
    if has(value, "tocoo"):
        return value
    if getattr(value, "is_sparse", False):
        return _from_sparse_tensor(value)
    array = as_array(name, value)
    if array.ndim != 2:
        raise InvalidInputError(name, "have shape (n, m)", f"shape {array.shape}")
    return array[...]


def _from_sparse_tensor(tensor: Any) -> Any:
    """PyTorch's coordinate format (n, m) in SciPy's."""
    from scipy.sparse import coo_array

    tensor = tensor.detach().coalesce()
    index = as_array("indices", tensor.indices())
    mass = as_array("values", tensor.values())
    return coo_array((mass, (index[0], index[1])), shape=tuple(tensor.shape))


def as_number_or_none(value: Any) -> float | None:
    """Number that a peer printed: Python's, or an array without axes; None stays None."""
    if value is None:
        return None
    array = as_array("value", value)
    return float(array.reshape(())) if array.size == 1 else None


@dataclass(frozen=True, slots=True, eq=False)
class RowBlocks:
    """Blocks of rows of what is sliced by rows, such as POT's lazy tensors."""

    rows: Any

    def __call__(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop, as an array (stop - start, m)."""
        return as_array("plan", self.rows[start:stop])


@dataclass(frozen=True, slots=True, eq=False)
class FactoredBlocks:
    """Blocks of rows of left @ right.T, for factors (n, r) and (m, r)."""

    left: FloatArray
    right: FloatArray

    def __call__(self, start: int, stop: int) -> FloatArray:
        """Rows start to stop, as an array (stop - start, m)."""
        return np.asarray(self.left[start:stop] @ self.right.T)


def weights_of(name: str, value: ArrayLike | None, n: int) -> FloatArray:
    """Weights (n,) with the mass that they have; None is uniform of mass one."""
    return as_weights(name, None if value is None else as_array(name, value), n, normalize=False)


def total_mass(*weights: FloatArray) -> float:
    """Sum of the weights: the mean of those of the sides, which agree up to rounding."""
    return math.fsum(float(side.sum()) for side in weights) / len(weights)


def of_mass(f: FloatArray, epsilon: float, mass: float) -> FloatArray:
    """Potential (n,) of a plan a exp(…) b, for the same plan as a exp(…) b / mass."""
    return f if mass == 1.0 else f + epsilon * math.log(mass)


def without_log_weights(
    names: tuple[str, str],
    absorbed: tuple[FloatArray, FloatArray],
    weights: tuple[FloatArray, FloatArray],
    epsilon: float,
) -> tuple[FloatArray, FloatArray]:
    """Potentials of a plan a exp((f + g - C) / epsilon) b / m from those of exp((φ + ψ - C) / ε).

    f = φ - ε log a + ε log m and g = ψ - ε log b. Atoms without weight have φ = -inf there; here
    they get a potential that is low enough to be feasible with costs that are not negative.

    Parameters
    ----------
    names : pair of str
        What the peer calls φ and ψ, for error texts.
    absorbed, weights : pairs of arrays (n,) and (m,)
    epsilon : float
    """
    sides = []
    for name, side, weight in zip(names, absorbed, weights, strict=True):
        held = weight > 0.0
        if not np.isfinite(side[held]).all():
            where = first_index(held & ~np.isfinite(side))
            why = f"{where} (the peer's iteration ran out of the range of floats)"
            raise InvalidInputError(name, "be finite where weights are positive", None, why)
        free = np.full(side.size, np.nan)
        free[held] = side[held] - epsilon * np.log(weight[held])
        sides.append(free)
    f = of_mass(sides[0], epsilon, total_mass(*weights))
    g = sides[1]
    highest = [float(np.nanmax(side)) for side in (f, g)]
    for side, other in ((f, highest[1]), (g, highest[0])):
        np.nan_to_num(side, copy=False, nan=min(float(np.nanmin(side)), -other))
    return f, g


def check_lengths(f: FloatArray | None, g: FloatArray | None, plan: Any) -> None:
    """Raise unless potentials (n,) and (m,) fit a plan that has a shape."""
    shape = getattr(plan, "shape", None)
    if f is None or g is None or shape is None:
        return
    if tuple(shape) != (f.size, g.size):
        found = f"lengths {f.size} and {g.size} beside a plan of shape {tuple(shape)}"
        raise InvalidInputError("potentials", "fit the plan", found)


def join(sentences: Iterable[str]) -> str:
    """Note that holds the sentences that say something."""
    return " ".join(sentence for sentence in sentences if sentence)
