"""What a deep critic does to signals: how gradients grow or shrink from layer to layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import FloatArray
from .._validation import as_points
from ..errors import InvalidInputError
from .networks import MLP, Tape

__all__ = ["layer_gradient_norms"]


def layer_gradient_norms(network: MLP, z: Any) -> FloatArray:
    """Root mean square norm of the output's gradient in the sums z_l of each layer.

    The logarithm is a straight line for clipped critics, whose gradients vanish or explode
    exponentially in the depth, and nearly flat for penalised ones.

    Parameters
    ----------
    network : MLP
        Of L affine layers, with one output.
    z : array_like, shape (k, d)
        Points in the network's own coordinates.

    Returns
    -------
    ndarray, shape (L,)
        From the input (the input gradient itself) to the last hidden layer.

    References
    ----------
    Gulrajani et al. (2017), arXiv:1704.00028, figure 1b.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.critics import Architecture, layer_gradient_norms
    >>> network = Architecture(hidden=(8, 8)).build(n_inputs=2, rng=0)
    >>> layer_gradient_norms(network, np.eye(2)).shape
    (3,)
    """
    points = as_points("z", z)
    if points.shape[1] != network.n_inputs:
        raise InvalidInputError("z", f"have {network.n_inputs} columns", points.shape[1])
    if network.n_outputs != 1:
        raise InvalidInputError("network", "have one output", network.n_outputs)
    double = network.astype(np.float64)
    tape = Tape(double, len(points))
    tape.forward(points)
    tape.backward(np.ones((len(points), 1)))
    return np.array([np.sqrt((g**2).sum(axis=1).mean()) for g in tape.activation_gradients()])
