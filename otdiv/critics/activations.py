"""Activations as small frozen objects: apply, transpose of the Jacobian, Jacobian, curvature.

Each works in place on a matrix (rows, width) and reads every derivative off the output a = s(z), so
that the pre-activations need not be kept. `state` is what a sort must remember besides. All of them
are 1-Lipschitz in the Euclidean norm.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._kernels import neural as kernels
from .._validation import check_positive, check_positive_integer
from ..errors import InvalidInputError

__all__ = [
    "Activation",
    "FullSort",
    "GroupSort",
    "LeakyReLU",
    "MaxMin",
    "ReLU",
    "Softplus",
    "Tanh",
    "activation_from_spec",
    "activation_spec",
]

Array: TypeAlias = NDArray[Any]

_NOTHING = np.empty((0, 0), dtype=np.bool_)


class Activation(abc.ABC):
    """What a network asks of an activation s.

    `curved` says whether s'' is not zero; `rounding` bounds the error of one computed output in
    units of its spacing, given the exact sum of its inputs; `offset` is |s(0)|.
    """

    __slots__ = ()
    curved: ClassVar[bool] = False
    rounding: ClassVar[float] = 1.0
    offset: ClassVar[float] = 0.0

    @property
    @abc.abstractmethod
    def gain(self) -> float:
        """Variance of a weight times its fan-in at initialisation."""

    @abc.abstractmethod
    def apply(self, z: Array, bias: Array, state: Array) -> None:
        """Replace z (rows, width) by s(z + bias)."""

    @abc.abstractmethod
    def pull(self, g: Array, a: Array, state: Array) -> None:
        """Replace g by its product with the transpose of the Jacobian at a = s(z)."""

    @abc.abstractmethod
    def push(self, v: Array, a: Array, state: Array, out: Array) -> None:
        """Write the product of the Jacobian with v to `out`, which may be `a` but not `v`."""

    def bend(self, v: Array, s: Array, a: Array, out: Array) -> None:
        """Write v g s'' to `out`, where s holds g s'; zero unless `curved`."""
        out[...] = 0.0

    def check_width(self, width: int) -> None:  # noqa: B027  (a hook: most accept every width)
        """Raise unless a layer of this width can be activated."""

    def state(self, rows: int, width: int) -> Array:
        """Memory for what `apply` must remember; empty where the output says it all."""
        return _NOTHING


@dataclass(frozen=True, slots=True)
class ReLU(Activation):
    """max(z, 0); its derivative at 0 is taken as 0."""

    @property
    def gain(self) -> float:
        """He's 2 (He et al. 2015, arXiv:1502.01852)."""
        return 2.0

    def apply(self, z: Array, bias: Array, state: Array) -> None:
        """Replace z by max(z + bias, 0)."""
        kernels.relu(z, bias)

    def pull(self, g: Array, a: Array, state: Array) -> None:
        """Multiply g by [a > 0]."""
        kernels.relu_scale(g, a, g)

    def push(self, v: Array, a: Array, state: Array, out: Array) -> None:
        """Write v [a > 0]."""
        kernels.relu_scale(v, a, out)


@dataclass(frozen=True, slots=True)
class LeakyReLU(Activation):
    """z for z > 0, else slope z, with slope in (0, 1)."""

    slope: float = 0.2

    def __post_init__(self) -> None:
        if not check_positive("slope", self.slope) < 1.0:
            raise InvalidInputError("slope", "be less than 1", self.slope)

    @property
    def gain(self) -> float:
        """He's 2 / (1 + slope^2)."""
        return 2.0 / (1.0 + self.slope**2)

    def apply(self, z: Array, bias: Array, state: Array) -> None:
        """Replace z by max(z + bias, slope (z + bias))."""
        kernels.leaky_relu(z, bias, z.dtype.type(self.slope))

    def pull(self, g: Array, a: Array, state: Array) -> None:
        """Multiply g by 1 where a > 0, else by the slope."""
        kernels.leaky_relu_scale(g, a, g.dtype.type(self.slope), g)

    def push(self, v: Array, a: Array, state: Array, out: Array) -> None:
        """Write v times 1 where a > 0, else times the slope."""
        kernels.leaky_relu_scale(v, a, v.dtype.type(self.slope), out)


@dataclass(frozen=True, slots=True)
class Tanh(Activation):
    """tanh(z): s' = 1 - a^2, s'' = -2 a s'."""

    curved: ClassVar[bool] = True
    # Spacings granted to the library's tanh, twice what NumPy's own tests of it allow.
    rounding: ClassVar[float] = 8.0

    @property
    def gain(self) -> float:
        """One: tanh is the identity near zero."""
        return 1.0

    def apply(self, z: Array, bias: Array, state: Array) -> None:
        """Replace z by tanh(z + bias)."""
        z += bias
        np.tanh(z, out=z)

    def pull(self, g: Array, a: Array, state: Array) -> None:
        """Multiply g by 1 - a^2."""
        kernels.tanh_scale(g, a, g)

    def push(self, v: Array, a: Array, state: Array, out: Array) -> None:
        """Write v (1 - a^2)."""
        kernels.tanh_scale(v, a, out)

    def bend(self, v: Array, s: Array, a: Array, out: Array) -> None:
        """Write v g s'' = -2 a v s."""
        kernels.tanh_bend(v, s, a, out)


@dataclass(frozen=True, slots=True)
class Softplus(Activation):
    """log(1 + exp(z)): s' = 1 - exp(-a), s'' = exp(-a) s'."""

    curved: ClassVar[bool] = True
    # Spacings granted to max(z, 0) + log1p(exp(-|z|)): 4 for each of exp and log1p, 1 for the sum.
    rounding: ClassVar[float] = 16.0
    offset: ClassVar[float] = float(np.log(2.0))

    @property
    def gain(self) -> float:
        """He's 2, as for the ReLU that it smooths."""
        return 2.0

    def apply(self, z: Array, bias: Array, state: Array) -> None:
        """Replace z by log(1 + exp(z + bias)), without overflow."""
        z += bias
        tail = np.abs(z)
        np.negative(tail, out=tail)
        np.exp(tail, out=tail)
        np.log1p(tail, out=tail)
        np.maximum(z, 0, out=z)
        z += tail

    def pull(self, g: Array, a: Array, state: Array) -> None:
        """Multiply g by 1 - exp(-a)."""
        self.push(g, a, state, g)

    def push(self, v: Array, a: Array, state: Array, out: Array) -> None:
        """Write v (1 - exp(-a))."""
        factor = np.negative(a)
        np.expm1(factor, out=factor)
        np.multiply(v, factor, out=out)
        np.negative(out, out=out)

    def bend(self, v: Array, s: Array, a: Array, out: Array) -> None:
        """Write v g s'' = v s exp(-a)."""
        factor = np.negative(a)
        np.exp(factor, out=factor)
        factor *= s
        np.multiply(v, factor, out=out)


@dataclass(frozen=True, slots=True)
class GroupSort(Activation):
    """Sort each group of `size` neighbours ascending; `size=None` sorts the whole layer.

    A sort permutes its inputs, so it keeps the norm of a gradient exactly. `GroupSort(2)` is
    MaxMin.

    References
    ----------
    Anil, Lucas, Grosse (2019), Sorting out Lipschitz function approximation, arXiv:1811.05381.
    """

    # A sort rounds nothing.
    rounding: ClassVar[float] = 0.0
    size: int | None = 2

    def __post_init__(self) -> None:
        if self.size is not None:
            check_positive_integer("size", self.size, minimum=2)

    @property
    def gain(self) -> float:
        """One: norms are kept."""
        return 1.0

    def check_width(self, width: int) -> None:
        """Raise unless the groups fill the layer."""
        if self.size is not None and width % self.size:
            raise InvalidInputError(
                "hidden", f"be multiples of the group size {self.size} of GroupSort", width
            )

    def state(self, rows: int, width: int) -> Array:
        """Swap flags (rows, width / 2) of pairs, else the sorting permutation (rows, width)."""
        if self.size == 2:
            return np.empty((rows, width // 2), dtype=np.bool_)
        return np.empty((rows, width), dtype=np.intp)

    def apply(self, z: Array, bias: Array, state: Array) -> None:
        """Replace z by the sorted groups of z + bias, and fill `state`."""
        if self.size == 2:
            kernels.sort_pairs(z, bias, state)
            return
        z += bias
        rows, width = z.shape
        size = self.size or width
        groups = z.reshape(rows, width // size, size)
        order = np.argsort(groups, axis=2)
        groups[...] = np.take_along_axis(groups, order, axis=2)
        order += np.arange(0, width, size)[:, None]
        state[...] = order.reshape(rows, width)

    def pull(self, g: Array, a: Array, state: Array) -> None:
        """Undo the permutation."""
        if self.size == 2:
            kernels.swap_pairs(g, state, g)
        else:
            kernels.scatter_columns(g, state, np.empty(g.shape[1], dtype=g.dtype))

    def push(self, v: Array, a: Array, state: Array, out: Array) -> None:
        """Apply the permutation."""
        if self.size == 2:
            kernels.swap_pairs(v, state, out)
        else:
            kernels.gather_columns(v, state, out)


def MaxMin() -> GroupSort:  # noqa: N802  (a named case of a class reads like one)
    """GroupSort in pairs."""
    return GroupSort(2)


def FullSort() -> GroupSort:  # noqa: N802  (a named case of a class reads like one)
    """GroupSort of the whole layer."""
    return GroupSort(None)


_CLASSES: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (ReLU, LeakyReLU, Tanh, Softplus, GroupSort)
}


def activation_spec(activation: Activation) -> tuple[str, float]:
    """Name and parameter of an activation, for a file; the parameter is NaN where there is none."""
    if isinstance(activation, LeakyReLU):
        return "LeakyReLU", activation.slope
    if isinstance(activation, GroupSort):
        return "GroupSort", float("nan") if activation.size is None else float(activation.size)
    return type(activation).__name__, float("nan")


def activation_from_spec(name: str, parameter: float) -> Activation:
    """Rebuild an activation from `activation_spec`."""
    if name not in _CLASSES:
        raise InvalidInputError("activation", f"be one of {sorted(_CLASSES)}", repr(name))
    if name == "GroupSort":
        return GroupSort(None if np.isnan(parameter) else int(parameter))
    built: Activation = _CLASSES[name]() if name != "LeakyReLU" else LeakyReLU(parameter)
    return built
