"""Strategies of cases: tuples of numbers, arrays and measures that print as Python source.

Strategies are kept, since Hypothesis looks at the source of a drawing function when it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .._optional import import_optional
from ..measures import DiscreteMeasure

__all__ = [
    "choices",
    "functional",
    "measures",
    "numbers",
    "seeds",
    "singular_pairs",
    "tuples",
    "vector_pairs",
    "vectors",
]

_MOST_SIZES = 4096


def _strategies() -> Any:
    return import_optional("hypothesis.strategies", extra="verify", purpose="otdiv.theory")


def seeds() -> Any:
    """Whole numbers that seed a generator; they shrink to 0."""
    return numbers(0, 2**32 - 1, whole=True)


@lru_cache(_MOST_SIZES)
def numbers(low: float, high: float, *, whole: bool = False) -> Any:
    """Numbers in [low, high], half of them among 4001 evenly spaced ones."""
    st = _strategies()
    if whole:
        return st.integers(int(low), int(high))
    step = (high - low) / 4000.0
    return st.one_of(
        st.integers(0, 4000).map(lambda k: min(high, low + step * k)),
        st.floats(low, high, allow_subnormal=False),
    )


def choices(values: Any) -> Any:
    """One of the values; they shrink to the first."""
    return _strategies().sampled_from(list(values))


def tuples(*parts: Any) -> Any:
    """Tuples of one draw from each part."""
    return _strategies().tuples(*parts)


def functional(draw_case: Callable[[Callable[[Any], Any]], Any]) -> Any:
    """Strategy of what `draw_case(draw)` returns."""
    return _strategies().composite(draw_case)()


@lru_cache(_MOST_SIZES)
def _vectors(size: int, zeros: bool) -> Any:
    from ..testing import probability_vectors

    return probability_vectors(min_size=size, max_size=size, allow_zeros=zeros)


@lru_cache(_MOST_SIZES)
def _points(n: int, d: int) -> Any:
    st = _strategies()
    lattice = st.integers(-20, 20).map(lambda k: k / 4.0)
    # Nine decimals: the checks themselves square and divide, and must not underflow.
    free = st.floats(-1e3, 1e3).map(lambda x: round(x, 9))
    return st.one_of(
        *(
            st.lists(kind, min_size=n * d, max_size=n * d).map(lambda z: np.reshape(z, (n, d)))
            for kind in (lattice, free)
        )
    )


@lru_cache(_MOST_SIZES)
def vectors(count: int, *, low: int = 1, high: int = 8, zeros: bool = True) -> Any:
    """`count` probability vectors of one size between `low` and `high`; equal ones are frequent."""

    def draw_case(draw: Callable[[Any], Any]) -> Any:
        size = draw(numbers(low, high, whole=True))
        drawn = [draw(_vectors(size, zeros)) for _ in range(count)]
        if count > 1 and draw(numbers(0, 9, whole=True)) == 9:
            drawn[1] = drawn[0].copy()
        return tuple(drawn)

    return functional(draw_case)


def vector_pairs() -> Any:
    """Pairs of probability vectors of one size."""
    return vectors(2)


def singular_pairs() -> Any:
    """Pairs of probability vectors with disjoint supports."""

    def draw_case(draw: Callable[[Any], Any]) -> Any:
        left, right = draw(numbers(1, 4, whole=True)), draw(numbers(1, 4, whole=True))
        p, q = draw(_vectors(left, True)), draw(_vectors(right, True))
        return np.concatenate([p, np.zeros(right)]), np.concatenate([np.zeros(left), q])

    return functional(draw_case)


@lru_cache(_MOST_SIZES)
def measures(count: int, *, d: int | None = None, max_size: int = 6, max_dimension: int = 3) -> Any:
    """`count` discrete measures of mass one in one space; equal ones and shared atoms are drawn."""

    def draw_one(draw: Callable[[Any], Any], dimension: int) -> DiscreteMeasure:
        n = draw(numbers(1, max_size, whole=True))
        weights = draw(_vectors(n, True))
        return DiscreteMeasure(points=draw(_points(n, dimension)), weights=weights)

    def draw_case(draw: Callable[[Any], Any]) -> Any:
        dimension = draw(numbers(1, max_dimension, whole=True)) if d is None else d
        drawn = [draw_one(draw, dimension) for _ in range(count)]
        kind = draw(numbers(0, 9, whole=True)) if count > 1 else 0
        if kind == 9:
            drawn[1] = drawn[0]
        elif kind == 8:
            # The same atoms, other weights.
            weights = draw(_vectors(drawn[0].n, True))
            drawn[1] = DiscreteMeasure(points=drawn[0].points, weights=weights)
        return tuple(drawn)

    return functional(draw_case)
