"""Sums of divergence terms over the lattice of two frozen discrete laws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .._typing import FloatArray
from ..errors import InvalidInputError, UnsupportedProblemError
from .recipes import Recipe

__all__ = ["largest_exponent", "off_support_atoms", "ratio_of_masses"]

_MOST_ATOMS = 1 << 21  # by taste: seconds, for the slowest laws of scipy
_FIRST_BLOCK = 64
_LARGEST_BLOCK = 1 << 16
_UNCOVERED = 1e-10  # mass of either law that may lie beyond the last block
_NEGLIGIBLE = 1e-17  # share of the sum in a last block

Block = tuple[FloatArray, FloatArray, FloatArray]


def _support(name: str, law: Any) -> tuple[float, float]:
    low, high = (np.asarray(end, dtype=np.float64) for end in law.support())
    if low.ndim or high.ndim:
        raise InvalidInputError(name, "be one law: freeze it with scalar parameters", low.shape)
    if math.isnan(low) or math.isnan(high):
        raise InvalidInputError(name, "have valid parameters", "a law with support NaN")
    return float(low), float(high)


def _outwards(start: float, end: float) -> Iterator[FloatArray]:
    """Blocks of growing size from `start` to `end`, both included, in either direction."""
    step = 1.0 if end >= start else -1.0
    size = _FIRST_BLOCK
    while (end - start) * step >= 0.0:
        count = int(min(size, (end - start) * step + 1.0))
        yield start + step * np.arange(count, dtype=np.float64)
        start += step * count
        size = min(2 * size, _LARGEST_BLOCK)


def _visit(p: Any, q: Any, add: Callable[[FloatArray], float]) -> float:
    """Sum `add(atoms)` over the lattice from the medians outwards, until nothing is left to add."""
    supports = _support("p", p), _support("q", q)
    bottom = min(low for low, _ in supports)
    top = max(high for _, high in supports)
    medians = sorted((float(p.ppf(0.5)), float(q.ppf(0.5))))
    if not (medians[1] - medians[0]).is_integer():
        raise UnsupportedProblemError(
            "the two discrete laws live on shifted lattices; pass DiscreteMeasures"
        )
    parts = []
    visited = 0
    ways = (
        (medians[0], medians[1], None),
        (medians[1] + 1.0, top, 1),
        (medians[0] - 1.0, bottom, -1),
    )
    for start, end, way in ways:
        if way is not None and (end - start) * way < 0.0:
            continue
        for k in _outwards(start, end):
            part = add(k)
            parts.append(part)
            if part == math.inf:
                return math.inf
            visited += k.size
            if way is not None and part <= _NEGLIGIBLE * math.fsum(parts):
                beyond = max(float(law.sf(k[-1]) if way > 0 else law.cdf(k[-1])) for law in (p, q))
                if beyond <= _UNCOVERED:
                    break
            if visited > _MOST_ATOMS:
                raise UnsupportedProblemError(
                    f"the tails of the discrete laws need more than {_MOST_ATOMS} atoms; "
                    "truncate them to DiscreteMeasures"
                )
    return math.fsum(parts)


def ratio_of_masses(recipe: Recipe, p: Any, q: Any) -> float:
    """Return sum T(p, q) / sum (p + q) over the atoms of two frozen discrete laws."""

    def add(k: FloatArray) -> float:
        with np.errstate(all="ignore"):
            log_p = np.asarray(p.logpmf(k), dtype=np.float64)
            log_q = np.asarray(q.logpmf(k), dtype=np.float64)
            return float(recipe.log_terms(log_p, log_q).sum())

    return 0.5 * _visit(p, q, add)


def largest_exponent(p: Any, q: Any, alpha: float) -> float:
    """Largest alpha log p + (1 - alpha) log q, alpha > 1, over the atoms that count."""
    largest = -math.inf

    def add(k: FloatArray) -> float:
        nonlocal largest
        with np.errstate(all="ignore"):
            log_p = np.asarray(p.logpmf(k), dtype=np.float64)
            log_q = np.asarray(q.logpmf(k), dtype=np.float64)
            exponents = log_p + (alpha - 1.0) * (log_p - log_q)
            exponents = exponents[log_p > -math.inf]
            largest = max(largest, float(exponents.max(initial=-math.inf)))
            # Relative to the largest so far: what is left to add is judged, not what it adds up to.
            return float(np.exp(exponents - largest).sum()) if largest < math.inf else math.inf

    _visit(p, q, add)
    return largest


def off_support_atoms(p: Any, q: Any) -> tuple[FloatArray, float]:
    """Return the atoms (k,) of p that q gives no mass to, and the mass of p on them.

    Atoms in a tail of p beyond which less than 1e-10 of its mass lies are left out.
    """
    found: list[FloatArray] = []

    def add(k: FloatArray) -> float:
        masses = np.asarray(p.pmf(k), dtype=np.float64)
        with np.errstate(all="ignore"):
            missing = (masses > 0.0) & np.isneginf(np.asarray(q.logpmf(k)))
        found.append(k[missing])
        return float(masses[missing].sum())

    mass = _visit(p, q, add)
    return np.sort(np.concatenate(found)), mass
