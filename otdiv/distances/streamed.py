"""Distances of columns of tables, read in passes."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

from ..costs import as_metric
from ..errors import InvalidInputError, UnsupportedProblemError
from ..results import Solver
from .dispatch import DistanceResult

__all__ = ["is_streamed", "streamed_distance"]


def is_streamed(x: Any, y: Any) -> bool:
    """Whether one of the sides is a column of a table."""
    columns = sys.modules.get("otdiv.sources.columns")
    # Where it is not loaded, nobody can have made one.
    return columns is not None and isinstance(x, columns.Column) | isinstance(y, columns.Column)


def streamed_distance(
    x: Any,
    y: Any,
    p: float,
    x_weights: Any,
    y_weights: Any,
    metric: Any,
    rtol: float | None,
    atol: float | None,
    max_seconds: float | None,
    solver: Solver | None,
) -> DistanceResult:
    """W1 of two columns, or of a column and a sample."""
    from ..streaming.passes import PassProgress, wasserstein1_result

    as_metric(metric)
    if p != 1.0:
        raise UnsupportedProblemError(
            "columns of tables are compared by W1; `otdiv.streaming.wasserstein_bounds` bounds W_p "
            "of two states"
        )
    for name, weights in (("x_weights", x_weights), ("y_weights", y_weights)):
        if weights is not None:
            requirement = "be a column of the same table: open_column(…, weights=NAME)"
            raise InvalidInputError(name, requirement, type(weights).__name__)
    if solver is not None:
        raise InvalidInputError("solver", "be None for columns of tables", repr(solver))
    deadline = math.inf if max_seconds is None else time.perf_counter() + max_seconds

    def is_over(progress: PassProgress) -> bool:
        return time.perf_counter() >= deadline

    result = wasserstein1_result(x, y, rtol=rtol, atol=atol, callback=is_over)
    return DistanceResult(value=result.value, bounds=result.bounds, kind="certified")
