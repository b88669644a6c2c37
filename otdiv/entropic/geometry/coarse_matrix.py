"""Newton's matrix with clusters of the target as columns: steps for a fraction of the work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..._gibbs.protocols import NewtonMatrix
from ..._typing import FloatArray

__all__ = ["CoarseMatrix"]

# Bits by which the rows and columns of a coarse matrix follow the potentials at most; by taste.
_FOLLOWED = 2.0


class CoarseMatrix:
    """A matrix that is made when the first step needs it, and follows the row potentials."""

    def __init__(self, make: Callable[[], NewtonMatrix]):
        self._make = make
        self._made: NewtonMatrix | None = None

    def near(self, u: FloatArray) -> tuple[NewtonMatrix, FloatArray, FloatArray]:
        """Return the matrix near u (n,), its row sums and its column sums.

        A matrix of old rows would leave errors in them that no step takes away. The columns move so
        that their sums stay as they were made.
        """
        if self._made is None:
            self._made = self._make()
            self._sums = self._made.matrix.column_sums()
        made, matrix = self._made, self._made.matrix
        u = made.u + np.clip(u - made.u, -_FOLLOWED, _FOLLOWED)
        c = matrix.column_sums() if matrix.move(u, made.columns, 1.0) else self._sums
        with np.errstate(all="ignore"):
            dv = np.nan_to_num(np.log2(self._sums / c))
        matrix.move(u, made.columns + np.clip(dv, -_FOLLOWED, _FOLLOWED), 1.0)
        return made, matrix.row_sums(), matrix.column_sums()
