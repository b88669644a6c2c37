"""Semi-dual objectives: the second potential is a (soft) c-transform, so no network is constrained.

For any function f, J(f) = mean f(x_i) + mean_j min_i (|x_i - y_j| - f(x_i)) is at most W1 of the
batch, with equality at a Kantorovich potential. What is learned is the transport of *batches*: in
high dimension it overfits them, and the fit's raw value on fresh points collapses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from .._kernels import neural as kernels
from .._validation import check_positive
from .activations import Array
from .constraints import Constraint

__all__ = ["CTransform", "EntropicCTransform"]

# (x, y, f) -> mean over j of the transform of f at y_j, and its negative gradient in f.
_Transform: TypeAlias = Callable[[Array, Array, Array], tuple[float, Array]]


def _plain(transform: _Transform, x: Array, y: Array, values: Array, coefficients: Array) -> float:
    """Return mean f(x) + mean f^c(y)."""
    k = len(x)
    transformed, share = transform(x, y, values[:k])
    coefficients[:k] = share - 1.0 / k
    coefficients[k:] = 0.0
    return float(values[:k].mean(dtype=np.float64)) + transformed


def _guarded(
    transform: _Transform, x: Array, y: Array, values: Array, coefficients: Array
) -> float:
    """Return the least of the difference L1 and the semi-duals L2 (through y), L3 (through x)."""
    k = len(x)
    f, h = values[:k], values[k:]
    mean_f, mean_h = float(f.mean(dtype=np.float64)), float(h.mean(dtype=np.float64))
    transformed, share = transform(x, y, f)
    reverse, reverse_share = transform(y, x, -h)
    first, second, third = mean_f - mean_h, mean_f + transformed, reverse - mean_h
    smallest = min(first, second, third)
    if smallest == second < first:
        coefficients[:k] = share - 1.0 / k
        coefficients[k:] = 0.0
    elif smallest == third < first:
        coefficients[:k] = 0.0
        coefficients[k:] = 1.0 / len(y) - reverse_share
    else:
        coefficients[:k] = -1.0 / k
        coefficients[k:] = 1.0 / len(y)
    return smallest


def _hard_transform(x: Array, y: Array, f: Array) -> tuple[float, Array]:
    values, places = kernels.nearest_shifted(x, y, f)
    return float(values.mean()), np.bincount(places, minlength=len(x)) / len(y)


@dataclass(frozen=True, slots=True)
class CTransform(Constraint):
    """Maximise J(f) = mean f(x) + mean_j min_i (|x_i - y_j| - f(x_i)) over batches.

    Parameters
    ----------
    safeguard : bool, default False
        Maximise the plain difference L1 = mean f(x) - mean f(y) instead, unless J or its mirror
        image mean_i min_j (|x_i - y_j| + f(y_j)) - mean f(y) is smaller (CoWGAN).

    References
    ----------
    Mallasto, Montúfar, Gerolin (2019), How well do WGANs estimate the Wasserstein metric?,
    arXiv:1910.03875, section 3.
    """

    safeguard: bool = False

    def objective(self, x: Array, y: Array, values: Array, coefficients: Array) -> float:
        """Return the semi-dual of a batch, and its negative gradient in the critic's values."""
        form = _guarded if self.safeguard else _plain
        return form(_hard_transform, x, y, values, coefficients)


@dataclass(frozen=True, slots=True)
class EntropicCTransform(Constraint):
    """The same with the soft minimum -epsilon log mean_i exp((f(x_i) - |x_i - y_j|) / epsilon).

    Its maximum over a batch is the entropic cost, between W1 and W1 + epsilon log n; the bias stays
    in the raw value, while the fit's certified bound is free of it.

    Parameters
    ----------
    epsilon : float, default 0.1
        Regularisation, in the unit of the metric.
    safeguard : bool, default True
        As in `CTransform`.

    References
    ----------
    Mallasto, Montúfar, Gerolin (2019), arXiv:1910.03875, section 3 ((c, eps)-transform).
    """

    epsilon: float = 0.1
    safeguard: bool = True

    def __post_init__(self) -> None:
        check_positive("epsilon", self.epsilon)

    def rescaled(self, scale: float) -> Constraint:
        """Measure epsilon in the data's new unit."""
        return EntropicCTransform(self.epsilon / scale, self.safeguard)

    def _soft_transform(self, x: Array, y: Array, f: Array) -> tuple[float, Array]:
        value, share = kernels.soft_shifted(x, y, f, self.epsilon)
        return float(value), share

    def objective(self, x: Array, y: Array, values: Array, coefficients: Array) -> float:
        """Return the semi-dual of a batch, and its negative gradient in the critic's values."""
        form = _guarded if self.safeguard else _plain
        return form(self._soft_transform, x, y, values, coefficients)
