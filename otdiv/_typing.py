"""Names of the array types that signatures use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IndexArray: TypeAlias = NDArray[np.int64]
ArrayLike: TypeAlias = NDArray[Any] | Sequence[Any] | float
RngLike: TypeAlias = np.random.Generator | int | None
FloatOrArray: TypeAlias = Any
"""A float for one pair of laws, an array for rows: shapes decide, which types do not tell."""
