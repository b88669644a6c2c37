"""Memory for stored plans."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Memory of up to this size is kept between solves: getting and zeroing it anew took a tenth of a
# smooth solve of 4000 points.
_KEPT_BYTES = 64 * 10**6


class Buffer:
    """Memory for one stored plan at a time: fresh pages cost as much as filling them."""

    _kept: ClassVar[list[Buffer]] = []

    def __init__(self) -> None:
        self._array = np.empty(0, dtype=np.int8)

    @classmethod
    def of_before(cls) -> Buffer:
        """The buffer that was kept last, which nobody else has then, or a new one."""
        try:
            return cls._kept.pop()
        except IndexError:
            return cls()

    def keep(self) -> None:
        """Leave a small buffer, which is no longer used here, to the next solve."""
        if self._array.size <= _KEPT_BYTES and not self._kept:
            self._kept.append(self)

    def take(self, size: int, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Array (size,) of undefined content; what was taken before becomes invalid."""
        needed = size * np.dtype(dtype).itemsize
        if self._array.size < needed:
            self._array = np.empty(0, dtype=np.int8)
            self._array = np.empty(needed, dtype=np.int8)
        return self._array[:needed].view(dtype)
