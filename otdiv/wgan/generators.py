"""A generator: a network that turns latent noise into points."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .._typing import FloatArray, RngLike
from .._validation import as_generator, check_choice, check_positive_integer
from ..critics.activations import Array
from ..critics.networks import MLP

__all__ = ["Generator", "draw_latent"]

LATENTS = ("normal", "uniform")
"""Standard normal, or uniform on [-1, 1], in every coordinate."""


def draw_latent(latent: str, n: int, d: int, rng: np.random.Generator) -> Array:
    """Latent points (n, d) in float32."""
    if latent == "normal":
        return rng.standard_normal((n, d), dtype=np.float32)
    return 2.0 * rng.random((n, d), dtype=np.float32) - 1.0


class Generator:
    """g(z) for latent z.

    Parameters
    ----------
    network : MLP
        From latent to data dimension.
    latent : {"normal", "uniform"}, default "normal"
        Standard normal, or uniform on [-1, 1], in every coordinate.

    Examples
    --------
    >>> from otdiv.critics import Architecture
    >>> from otdiv.wgan import Generator
    >>> generator = Generator(Architecture(hidden=(8,)).build(n_inputs=2, n_outputs=3, rng=0))
    >>> generator.sample(5, rng=0).shape
    (5, 3)
    """

    __slots__ = ("latent", "network")

    def __init__(self, network: MLP, latent: str = "normal") -> None:
        self.network = network
        self.latent = check_choice("latent", latent, LATENTS)

    def __call__(self, z: Any) -> FloatArray:
        """Return the points (n, d) of the latent points z (n, k)."""
        return self.network(z).astype(np.float64)

    def sample(self, n: int, *, rng: RngLike = None) -> FloatArray:
        """Draw n points (n, d)."""
        n = check_positive_integer("n", n)
        return self(draw_latent(self.latent, n, self.network.n_inputs, as_generator(rng)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the generator to an .npz file of plain arrays."""
        latent = np.array(self.latent)
        np.savez(path, allow_pickle=False, latent=latent, **self.network.state_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Generator:
        """Read a generator from an .npz file; nothing in it is executed."""
        with np.load(path, allow_pickle=False) as archive:
            return cls(MLP.from_state_dict(archive), str(archive["latent"]))

    def __repr__(self) -> str:
        return f"Generator({self.network!r}, {self.latent} latent)"
