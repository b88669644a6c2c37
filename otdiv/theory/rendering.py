"""Cases as Python source: what a counterexample prints must run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..measures import DiscreteMeasure

__all__ = ["as_code", "program"]


def as_code(value: Any) -> str:
    """Return an expression that rebuilds `value`: numbers, texts, arrays, measures, tuples, lists.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.theory.rendering import as_code
    >>> as_code((np.array([0.5, 0.5]), np.float64("inf"), "tanh"))
    "(array([0.5, 0.5]), float('inf'), 'tanh')"
    """
    if isinstance(value, DiscreteMeasure):
        points, weights = as_code(value.points.tolist()), as_code(value.weights.tolist())
        return f"DiscreteMeasure(points={points}, weights={weights})"
    if isinstance(value, np.ndarray):
        return f"array({as_code(value.tolist())})"
    if isinstance(value, np.generic):
        return as_code(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if isinstance(value, tuple):
        inner = ", ".join(as_code(entry) for entry in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(as_code(entry) for entry in value)}]"
    return repr(value)


def program(claim_id: str, case: Any) -> str:
    """Return the lines that print the slack of a claim at a case."""
    case_code = as_code(case)
    lines = []
    if "array(" in case_code:
        lines.append("from numpy import array")
    if "DiscreteMeasure(" in case_code:
        lines.append("from otdiv import DiscreteMeasure")
    lines += [
        "from otdiv.theory import claims",
        f"case = {case_code}",
        f"print(claims()[{claim_id!r}].check(case))",
    ]
    return "\n".join(lines)
