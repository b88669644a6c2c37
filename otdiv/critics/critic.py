"""A network between scaled data and critic: callable on points, with its gradient and proofs."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .._typing import FloatArray
from .._validation import as_float_array, as_points
from ..errors import InvalidInputError
from .lipschitz import lipschitz_bound, value_errors
from .networks import MLP

__all__ = ["Critic"]

_U = 2.0**-53


class Critic:
    """A network between scaled data and critic: f(z) = scale * network((z - centre) / scale).

    The scaling keeps slopes, so f and the network have the same Lipschitz constant.

    Parameters
    ----------
    network : MLP
        In float64, with one output.
    centre : ndarray, shape (d,)
    scale : float
        In the unit of the metric.
    """

    __slots__ = ("centre", "network", "scale")

    def __init__(self, network: MLP, centre: FloatArray, scale: float) -> None:
        self.network = network
        self.centre = as_float_array("centre", centre)
        self.scale = scale

    def _scaled(self, z: Any) -> FloatArray:
        points = as_points("z", z)
        if points.shape[1] != self.network.n_inputs:
            raise InvalidInputError("z", f"have {self.network.n_inputs} columns", points.shape[1])
        return (points - self.centre) / self.scale

    def __call__(self, z: Any) -> FloatArray:
        """Return f (k,) at the points z (k, d), in the unit of the metric."""
        return np.asarray(self.scale * self.network(self._scaled(z))[:, 0])

    def gradient(self, z: Any) -> FloatArray:
        """Return the gradient of f (k, d) at the points z (k, d)."""
        return self.network.input_gradient(self._scaled(z))

    def value_errors(self, z: Any) -> FloatArray:
        """Bound (k,) on the rounding of f at the points z (k, d), in the unit of the metric."""
        points = self._scaled(z)
        # Subtraction and division round once each.
        errors = value_errors(self.network, points, np.abs(points) * (2.0 * _U * (1.0 + 4.0 * _U)))
        values = np.abs(self.network(points)[:, 0])
        return np.asarray(self.scale * (errors + _U * values) * (1.0 + 8.0 * _U))

    def lipschitz_bound(self) -> float:
        """Return a proven Lipschitz constant: the product of the spectral norms, rounded up."""
        return lipschitz_bound(self.network)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the critic to an .npz file of plain arrays."""
        state = self.network.state_dict()
        np.savez(path, allow_pickle=False, centre=self.centre, scale=np.array(self.scale), **state)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Critic:
        """Read a critic from an .npz file; nothing in it is executed."""
        with np.load(path, allow_pickle=False) as archive:
            network = MLP.from_state_dict(archive)
            return cls(network, np.array(archive["centre"]), float(archive["scale"]))

    def __repr__(self) -> str:
        return f"Critic({self.network!r})"
