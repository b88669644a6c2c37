"""Runnable lines of Python that repeat the calls of a check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._text import for_terminal
from .law import Call
from .loading import SolverUnderTest

__all__ = ["snippet"]


def snippet(solver: SolverUnderTest, calls: Sequence[Call], *, statement: str, text: str) -> str:
    """Code that imports the solver, builds the arrays and prints what the solver returns."""
    lines = ["import numpy as np", "from numpy import inf, nan", solver.code, ""]
    names = ("a", "b", "x", "y") if solver.ground.on_points else ("a", "b", "C")
    for k, call in enumerate(calls):
        if call.recipe:
            lines.append(call.recipe)
        else:
            for name, array in zip(names, call.arrays, strict=True):
                lines += _array_lines(name, array)
        given = [*names, *([] if call.epsilon is None else [f"epsilon={call.epsilon!r}"])]
        lines.append(f"print(solver({', '.join(given)}))")
        if k + 1 < len(calls):
            lines.append("")
    lines += [f"# law: {statement}", f"# here: {for_terminal(text)}"]
    text_of_calls = "\n".join(lines)
    if "inf" not in text_of_calls.partition("\n\n")[2].rpartition("# law")[0]:
        text_of_calls = text_of_calls.replace("from numpy import inf, nan\n", "", 1)
    return text_of_calls


def _array_lines(name: str, array: Any) -> list[str]:
    numbers = repr(array.tolist())
    dtype = "" if array.dtype == np.float64 else f", dtype=np.{array.dtype.name}"
    made = f"np.array({numbers}{dtype})"
    if array.ndim == 2 and not array.flags.c_contiguous:
        made = f"np.asfortranarray({numbers}{dtype})"
    lines = [f"{name} = {made}"]
    if not array.flags.writeable:
        lines.append(f"{name}.flags.writeable = False")
    return lines
