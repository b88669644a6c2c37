"""Random networks in double precision, for claims about generators and critics."""

from __future__ import annotations

import numpy as np

from ...critics import (
    MLP,
    Activation,
    Architecture,
    LeakyReLU,
    MaxMin,
    ReLU,
    Softplus,
    Tanh,
)

__all__ = ["ACTIVATIONS", "random_network"]

ACTIVATIONS: dict[str, Activation] = {
    "relu": ReLU(),
    "leaky": LeakyReLU(),
    "tanh": Tanh(),
    "softplus": Softplus(),
    "maxmin": MaxMin(),
}
"""By the short names that cases print."""


def random_network(rng: np.random.Generator, sizes: tuple[int, ...], activation: str) -> MLP:
    """Network with the widths `sizes` from input to output, He weights and normal biases."""
    architecture = Architecture(
        hidden=sizes[1:-1], activation=ACTIVATIONS[activation], dtype="float64"
    )
    network = architecture.build(n_inputs=sizes[0], n_outputs=sizes[-1], rng=rng)
    for bias in network.biases:
        bias[...] = rng.normal(size=bias.shape)
    return network
