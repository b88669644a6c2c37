"""What a foreign solver returned, told apart by type and shape."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._typing import FloatArray
from ..errors import OtdivError

__all__ = ["Answer", "UnreadableAnswerError", "read_answer"]

_NAMES = ("value", "plan", "f", "g", "potentials")


class UnreadableAnswerError(OtdivError, TypeError):
    """A solver returned something that is neither a value, nor a plan, nor potentials."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """A solver's answer in one form.

    Attributes
    ----------
    value : float or None
        The value as the solver states it.
    plan : ndarray, shape (n, m), or None
    f, g : ndarray, shapes (n,) and (m,), or None
        Dual potentials.
    """

    value: float | None = None
    plan: FloatArray | None = None
    f: FloatArray | None = None
    g: FloatArray | None = None

    @property
    def has_potentials(self) -> bool:
        """Whether both potentials are there."""
        return self.f is not None and self.g is not None

    @property
    def is_finite(self) -> bool:
        """Whether every number in it is finite."""
        parts = (self.value, self.plan, self.f, self.g)
        return all(part is None or bool(np.isfinite(part).all()) for part in parts)

    def transport_cost(self, C: FloatArray) -> float | None:
        """Cost <C, P> of the plan with a compensated sum; the stated value where there is none."""
        if self.plan is None:
            return self.value
        moved = self.plan != 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            terms = self.plan[moved] * C[moved]
        return math.fsum(terms) if np.isfinite(terms).all() else float(np.sum(terms))


def read_answer(raw: Any, shape: tuple[int, int]) -> Answer:
    """Tell value, plan and potentials apart by type and shape.

    Parameters
    ----------
    raw : object
        What a solver returned; the rules stand in the docstring of `otdiv.conformance`.
    shape : tuple of int
        Numbers (n, m) of rows and columns of the problem.

    Returns
    -------
    Answer

    Raises
    ------
    UnreadableAnswerError
        If a part has none of the admitted types and shapes, or nothing is there.

    Examples
    --------
    >>> from otdiv.conformance import read_answer
    >>> read_answer((0.5, [[0.5, 0.0], [0.0, 0.5]]), (2, 2)).value
    0.5
    >>> read_answer([[1.0]], (1, 1)).value is None  # a matrix is a plan
    True
    """
    answer = Answer()
    for name, part in _parts(raw):
        answer = _with_part(answer, name, part, shape)
    if answer.value is None and answer.plan is None and not answer.has_potentials:
        raise UnreadableAnswerError(
            f"the solver returned {_describe(raw)}: neither a value, nor a plan of shape {shape}, "
            "nor potentials"
        )
    return answer


def _parts(raw: Any) -> Iterator[tuple[str, Any]]:
    """Unpack bundles into (name, part); the name is empty where only the shape can tell."""
    if isinstance(raw, Mapping):
        named = {name: raw[name] for name in _NAMES if name in raw}
    elif _is_number(raw) or hasattr(raw, "__array__") or hasattr(raw, "toarray"):
        yield "", raw
        return
    elif any(hasattr(type(raw), name) or hasattr(raw, name) for name in ("value", "plan")):
        named = {name: _attribute(raw, name) for name in _NAMES}
    elif isinstance(raw, tuple):
        for part in raw:
            yield from _parts(part)
        return
    else:
        if raw is not None:
            yield "", raw
        return
    potentials = named.pop("potentials", None)
    if potentials is not None:
        pair = potentials if isinstance(potentials, tuple | list) else ()
        named["f"] = pair[0] if pair else _attribute(potentials, "f")
        named["g"] = pair[1] if pair else _attribute(potentials, "g")
    yield from ((name, part) for name, part in named.items() if part is not None)


def _attribute(raw: Any, name: str) -> Any:
    try:
        return getattr(raw, name, None)
    except NotImplementedError:  # a result object may declare what it does not have
        return None


def _is_number(raw: Any) -> bool:
    return isinstance(raw, numbers.Real) and not isinstance(raw, bool)


def _as_array(part: Any) -> FloatArray:
    for method in ("detach", "to_dense", "toarray"):  # torch, its sparse tensors, SciPy and otdiv
        if hasattr(part, method):
            part = getattr(part, method)()
    try:
        array = np.asarray(part)
    except (TypeError, ValueError):
        raise UnreadableAnswerError(f"the solver returned {_describe(part)}") from None
    if array.dtype.kind not in "fiu":
        raise UnreadableAnswerError(f"the solver returned {_describe(part)}")
    return array.astype(np.float64)


def _with_part(answer: Answer, name: str, part: Any, shape: tuple[int, int]) -> Answer:
    array = _as_array(part)
    n, m = shape
    if not name:
        name = _name_of(answer, array, shape)
    expected = {"value": (), "plan": (n, m), "f": (n,), "g": (m,)}[name]
    if name == "value" and array.size == 1:
        array = array.reshape(())
    if array.shape != expected:
        raise UnreadableAnswerError(
            f"the solver returned {name} of shape {array.shape} where {expected} is due"
        )
    if getattr(answer, name) is not None:
        return answer
    part = float(array) if name == "value" else array
    return replace(answer, **{name: part})


def _name_of(answer: Answer, array: FloatArray, shape: tuple[int, int]) -> str:
    if array.ndim == 0:
        return "value"
    if array.ndim == 2:
        return "plan"
    if array.ndim == 1:
        return "f" if answer.f is None else "g"
    raise UnreadableAnswerError(
        f"the solver returned an array of shape {array.shape} for a problem of shape {shape}"
    )


def _describe(raw: Any) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else f"{type(raw).__name__} {text[:57]}..."
