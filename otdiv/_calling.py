"""Calls that do not fit a signature: an error that shows how the function is called.

Options are keyword-only, and Python's own error for a positional one does not say its name. SciPy
and POT order arguments otherwise, so that such calls are common.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ._naming import near_names
from .errors import UnsupportedProblemError

__all__ = ["explains_calls", "explains_construction"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


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


def explains_construction(noun: type[T]) -> type[T]:
    """Decorate a class: `explains_calls` for its constructor."""
    vars(noun)["__init__"].__qualname__ = f"{noun.__name__}.__init__"
    setattr(noun, "__init__", explains_calls()(vars(noun)["__init__"]))  # noqa: B010  (mypy's rule)
    return noun


def _explanation(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    complaint: str,
    habit: str,
) -> str:
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    data = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    names = [p.name for p in options]
    # What has no default, and as many of the others as there are arguments without a place.
    shown = [p.name for p in options if p.default is p.empty]
    without_place = max(0, len(args) - len(data) - len(shown))
    shown += [name for name in names if name not in shown][:without_place]
    example = ", ".join([*data, *(f"{name}=…" for name in shown or names[:1])])
    called = function.__qualname__.removesuffix(".__init__")
    parts = [f"{complaint.replace('.__init__', '')}: call {called}({example})"]
    if len(names) > 1:
        parts.append(f"options go by name: {', '.join(names)}")
    unknown = [name for name in kwargs if name not in (*data, *names)]
    if unknown:
        near = near_names(unknown[0], [*data, *names], most=2)
        if near:
            parts.append(f"did you mean {' or '.join(f'`{name}=`' for name in near)}?")
    if habit:
        parts.append(habit)
    return "; ".join(parts)
