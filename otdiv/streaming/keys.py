"""Keys: whole numbers in the order of the floats whose bit patterns they are.

The pattern of a float of positive sign is its own key; those of negative floats are mirrored, so
that keys grow with the floats. Neighbouring floats have neighbouring keys, and both zeros one key.
"""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray, IndexArray

__all__ = ["OCTAVE", "cell_of", "keys_of", "spacings", "united", "values_of"]

OCTAVE = 52
"""Bits of a key within an octave."""

_MIRROR = np.int64(2**63 - 1)


def keys_of(values: FloatArray) -> IndexArray:
    """Keys of finite floats."""
    patterns = np.asarray(values + 0.0).view(np.int64)  # the sum makes -0.0 the other zero
    return patterns ^ ((patterns >> 63) & _MIRROR)


def values_of(keys: IndexArray) -> FloatArray:
    """Floats of keys."""
    return np.asarray(keys ^ ((keys >> 63) & _MIRROR)).view(np.float64)


def spacings(keys: IndexArray) -> FloatArray:
    """Distance of the floats in the octave of each key."""
    exponents = (values_of(keys).view(np.int64) >> OCTAVE) & 2047
    return np.asarray(np.ldexp(1.0, np.maximum(exponents, 1) - 1075))


def cell_of(values: FloatArray, shift: int) -> IndexArray:
    """First keys of the cells of 2^shift keys that hold finite values."""
    return (keys_of(values) >> shift) << shift


def united(*keys: IndexArray) -> IndexArray:
    """Keys of all arrays, in order, each once.

    NumPy's `unique` puts them into a hash table, where multiples of a power of two collide.
    """
    together = np.sort(np.concatenate(keys), kind="stable")
    new = np.concatenate([[True], together[1:] > together[:-1]])[: together.size]
    return np.asarray(together[new])
