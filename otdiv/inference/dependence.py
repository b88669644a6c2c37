"""Rows that depend on each other: units, whose rows share one random sign.

Rows of a *block* (a patient, a day, a stretch of a series) may depend on each other in any way, and
blocks are independent. Then the noise of F - G is a sum over blocks, and a random sign for each
block gives it the covariance of that sum (Shao 2010, and as a bootstrap of clusters Cameron,
Gelbach, Miller 2008). A *pair* is a block of two rows, one of either sample: what both have in
common is taken off by the difference, and the band is shorter where they rise and fall together.
Stretches of a series must be long against its memory: what neighbouring ones share is left out, and
the band is too short by the root of that share of the variance. Of an AR(1) series of coefficient
.9 (5000 rows) stretches of 100 leave out 9 % and cover 93 to 94 % where 95 % is asked, of 50
leave out 19 % and cover 91 to 93 %, single rows 17 to 35 %.

References
----------
Cameron, Gelbach, Miller (2008), Bootstrap-based improvements for inference with clustered errors,
doi:10.1162/rest.90.3.414. Shao (2010), The dependent wild bootstrap, doi:10.1198/jasa.2009.tm08744.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._typing import IndexArray
from .pooling import as_pair_codes, as_row_codes, check_pairs

__all__ = ["Units", "as_units"]


class Units(NamedTuple):
    """Units of rows that share a sign, numbered from 0; one may have rows of both samples.

    Attributes
    ----------
    x : int64 array (n,)
    y : int64 array (m,)
    """

    x: IndexArray
    y: IndexArray

    @classmethod
    def of_pairs(cls, n: int, codes: IndexArray | None = None) -> Units:
        """Row i of both samples in one unit; with codes (n,), all pairs of a code."""
        pairs = np.arange(n) if codes is None else codes
        return cls(pairs, pairs)

    @property
    def sizes(self) -> tuple[int, int]:
        """Units with rows of x, and with rows of y."""
        return np.unique(self.x).size, np.unique(self.y).size

    def kept(self, of_x: NDArray[np.bool_], of_y: NDArray[np.bool_]) -> Units:
        """The same for some of the rows."""
        return Units(self.x[of_x], self.y[of_y])


def as_units(
    blocks: Any, paired: Any, samples: Mapping[str, Any], sizes: tuple[int, int]
) -> Units | None:
    """Units of `blocks` and `paired` as callers give them, or None where rows are independent."""
    if check_pairs(paired, samples, sizes):
        codes = None if blocks is None else as_pair_codes(blocks, sizes[0])
        return Units.of_pairs(sizes[0], codes)
    if blocks is None:
        return None
    codes = as_row_codes("blocks", blocks, samples, sizes)
    return Units(codes[: sizes[0]], codes[sizes[0] :])
