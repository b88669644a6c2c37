"""What takes part in a comparison, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """A value, with bounds where the library gives them."""

    value: Any
    lower: float = math.nan
    upper: float = math.nan
    status: str = "done"
    marginal_error: Callable[[], float] | None = None
    """L1 error of the marginals, computed anew from the answer and not timed."""


@dataclass(frozen=True)
class Contender:
    """`prepare(data)` is not timed (a peer's cost matrix); `call(prepared)` is."""

    name: str
    suite: str
    call: Callable[[Any], Answer]
    prepare: Callable[[dict[str, Any]], Any] = lambda data: data
    needs: str = "otdiv"
