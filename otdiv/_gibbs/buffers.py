"""Memory for stored plans, reused from one plan to the next.

The operating system hands out fresh memory page by page, zeroed, which takes about as long as
computing the entries that go there.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Bytes of a buffer up to which it is kept between solves: fetching 64 MB again took a tenth of a
# smooth solve of 4000 points.
_KEPT_BYTES = 64 * 10**6


class Buffer:
    """Memory for one stored plan at a time: fresh pages cost as much as filling them."""

    _kept: ClassVar[list[Buffer]] = []

    def __init__(self) -> None:
        self._array = np.empty(0, dtype=np.int8)

    @classmethod
    def of_before(cls) -> Buffer:
        """Take over the buffer that an earlier solve left, or make a new one."""
        try:
            return cls._kept.pop()
        except IndexError:
            return cls()

    def keep(self) -> None:
        """Leave this buffer to the next solve, if it is small; it must not be used here again."""
        if self._array.size <= _KEPT_BYTES and not self._kept:
            self._kept.append(self)

    def take(self, size: int, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Return an array (size,) of undefined content; the array taken before becomes invalid."""
        needed = size * np.dtype(dtype).itemsize
        if self._array.size < needed:
            self._array = np.empty(0, dtype=np.int8)
            self._array = np.empty(needed, dtype=np.int8)
        return self._array[:needed].view(dtype)
