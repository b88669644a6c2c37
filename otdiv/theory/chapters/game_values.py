"""The value of the game of discriminator and generator on finite spaces."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..._typing import FloatArray
from ..cases import functional, numbers, vector_pairs

__all__ = ["LOG4", "discriminator_cases", "game_value", "optimal_discriminator", "optimal_value"]

LOG4 = math.log(4.0)


def game_value(p: FloatArray, q: FloatArray, d: FloatArray) -> float:
    """V(D) = E_p log D + E_q log(1 - D), with 0 log 0 = 0."""
    total = 0.0
    for mass, share in ((p, d), (q, 1.0 - d)):
        seen = mass > 0.0
        if (share[seen] <= 0.0).any():
            return -math.inf
        total += math.fsum(mass[seen] * np.log(share[seen]))
    return total


def optimal_discriminator(p: FloatArray, q: FloatArray) -> FloatArray:
    """D* = p / (p + q), 1/2 where neither has mass."""
    return np.asarray(np.divide(p, p + q, out=np.full_like(p, 0.5), where=p + q > 0.0))


def optimal_value(p: FloatArray, q: FloatArray) -> float:
    """V(D*), with 1 - D* = q / (p + q) taken as such."""
    d, e = optimal_discriminator(p, q), optimal_discriminator(q, p)
    real = math.fsum(p[p > 0.0] * np.log(d[p > 0.0]))
    return real + math.fsum(q[q > 0.0] * np.log(e[q > 0.0]))


def discriminator_cases() -> Any:
    """Two laws on one finite space and a discriminator with values in (0, 1)."""

    def draw_case(draw: Any) -> Any:
        p, q = draw(vector_pairs())
        return p, q, np.array([draw(numbers(0.001, 0.999)) for _ in p])

    return functional(draw_case)
