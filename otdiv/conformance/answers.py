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

__all__ = ["Answer", "Gradients", "UnreadableAnswerError", "read_answer"]

_NUMBERS = ("value", "epsilon")
_ARRAYS = ("plan", "f", "g")
_BUNDLES = ("potentials", "entropic", "gradients")
_NAMES = _NUMBERS + _ARRAYS + _BUNDLES
_ENTROPIC_NAMES = ("value", "f", "g", "potentials", "epsilon")
_GRADIENT_NAMES = ("x", "y", "a", "b")


class UnreadableAnswerError(OtdivError, TypeError):
    """A solver returned something that is neither a value, nor a plan, nor potentials."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gradients:
    """Derivatives of the transport cost, as far as a solver returns them.

    Attributes
    ----------
    x, y : ndarray, shapes (n, d) and (m, d), or None
        With respect to the points.
    a, b : ndarray, shapes (n,) and (m,), or None
        With respect to the weights, for changes that keep the mass of either side.
    """

    x: FloatArray | None = None
    y: FloatArray | None = None
    a: FloatArray | None = None
    b: FloatArray | None = None


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
    epsilon : float or None
        The regularisation that the solver says it solved.
    entropic : Answer or None
        Value, potentials and epsilon of the regularised problem, where the answer tells them from
        those of the transport cost.
    gradients : Gradients or None
    """

    value: float | None = None
    plan: FloatArray | None = None
    f: FloatArray | None = None
    g: FloatArray | None = None
    epsilon: float | None = None
    entropic: Answer | None = None
    gradients: Gradients | None = None

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


def read_answer(raw: Any, shape: tuple[int, int], *, d: int | None = None) -> Answer:
    """Tell value, plan, potentials and gradients apart by name, or by type and shape.

    Parameters
    ----------
    raw : object
        What a solver returned; the rules stand in the docstring of `otdiv.conformance`.
    shape : tuple of int
        Numbers (n, m) of rows and columns of the problem.
    d : int, optional
        Dimension of its points; without it there are no gradients in them.

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
        if name == "entropic":
            named = {key: _named(part, key) for key in _ENTROPIC_NAMES}
            entropic = Answer()
            for inner_name, inner in _unpacked(named):
                entropic = _with_part(entropic, inner_name, inner, shape)
            answer = replace(answer, entropic=entropic)
        elif name == "gradients":
            answer = replace(answer, gradients=_read_gradients(part, shape, d))
        else:
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
    elif any(hasattr(type(raw), name) or _named(raw, name) is not None for name in _NAMES):
        named = {name: _named(raw, name) for name in _NAMES}
    elif isinstance(raw, tuple):
        for part in raw:
            yield from _parts(part)
        return
    else:
        if raw is not None:
            yield "", raw
        return
    yield from _unpacked(named)


def _unpacked(named: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the parts that are there, the potentials one by one."""
    potentials = named.pop("potentials", None)
    if potentials is not None:
        pair = potentials if isinstance(potentials, tuple | list) else ()
        named["f"] = pair[0] if pair else _named(potentials, "f")
        named["g"] = pair[1] if pair else _named(potentials, "g")
    yield from ((name, part) for name, part in named.items() if part is not None)


def _read_gradients(raw: Any, shape: tuple[int, int], d: int | None) -> Gradients:
    n, m = shape
    expected = {"x": (n, d), "y": (m, d), "a": (n,), "b": (m,)}
    arrays = {}
    for name in _GRADIENT_NAMES:
        part = _named(raw, name)
        if part is None or (name in "xy" and d is None):
            continue
        arrays[name] = _as_array(part)
        if arrays[name].shape != expected[name]:
            raise UnreadableAnswerError(
                f"the solver returned a gradient in {name} of shape {arrays[name].shape} where "
                f"{expected[name]} is due"
            )
    return Gradients(**arrays)


def _named(raw: Any, name: str) -> Any:
    """What stands under a name: of a mapping by key, of an object by attribute, else None."""
    if isinstance(raw, Mapping):
        return raw.get(name)
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
    expected = {"value": (), "epsilon": (), "plan": (n, m), "f": (n,), "g": (m,)}[name]
    if name in _NUMBERS and array.size == 1:
        array = array.reshape(())
    if array.shape != expected:
        raise UnreadableAnswerError(
            f"the solver returned {name} of shape {array.shape} where {expected} is due"
        )
    if getattr(answer, name) is not None:
        return answer
    part = float(array) if name in _NUMBERS else array
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
