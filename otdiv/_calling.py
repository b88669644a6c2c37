"""Calls that do not fit a signature: an error that shows how the function is called.

Options are keyword-only, and Python's own error for a positional one does not say its name. SciPy
and POT order arguments otherwise, so that such calls are common.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from .errors import UnsupportedProblemError

__all__ = ["explains_calls"]

P = ParamSpec("P")
R = TypeVar("R")


def explains_calls(habit: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a public function: where arguments do not fit, the error names the options.

    What fits is passed on as it is (some 0.1 µs); `inspect.signature` and type checkers see the
    function's own signature.

    Parameters
    ----------
    habit : str
        A sentence for those who know the same call from another library.

    Raises
    ------
    UnsupportedProblemError
        By the decorated function: a TypeError, as Python's own is.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                # An error of the call itself has no frame of the function.
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                    raise
                text = _explanation(function, args, kwargs, str(error), habit)
            raise UnsupportedProblemError(text)

        return call

    return decorate


def _explanation(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    complaint: str,
    habit: str,
) -> str:
    parameters = inspect.signature(function).parameters.values()
    data = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    options = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    required = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    shown = required + [
        name for name in options[: max(1, len(args) - len(data))] if name not in required
    ]
    example = ", ".join([*data, *(f"{name}=…" for name in shown)])
    parts = [f"{complaint}: call {function.__name__}({example})"]
    if len(options) > len(shown):
        parts.append(f"options go by name: {', '.join(options)}")
    unknown = [name for name in kwargs if name not in (*data, *options)]
    if unknown:
        from difflib import get_close_matches  # only for an error

        near = get_close_matches(unknown[0], [*data, *options], 1)
        if near:
            parts.append(f"did you mean `{near[0]}=`?")
    if habit:
        parts.append(habit)
    return "; ".join(parts)
