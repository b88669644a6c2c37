"""Arrays of other libraries: read as NumPy's, and what comes back is one of theirs.

They are torch tensors, arrays of JAX and CuPy, and what follows the array API standard. A library
is looked up among those that were imported already: whoever has one of its arrays has imported it,
and nobody else waits for it. Numbers are computed in float64 on the CPU; a result has the library,
the floating dtype and the device of what was given.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import InvalidInputError

__all__ = ["is_foreign", "keeps_arrays", "read", "read_foreign", "to_like"]

P = ParamSpec("P")
R = TypeVar("R")

# What most arguments are; their type is all that is looked at.
_OWN = frozenset({np.ndarray, list, tuple, float, int, bool, str, bytes, type(None), np.float64})

# Libraries and their arrays; those that JAX traces are of another class.
_IMPORTED = {"torch": ("Tensor",), "jax": ("Array", "core.Tracer"), "cupy": ("ndarray",)}
_STANDARD = "the array API"


@functools.lru_cache(maxsize=256)
def _library_of(kind: type) -> str | None:
    """Name of the library whose arrays these are, or None for NumPy's and for what is no array."""
    if issubclass(kind, np.ndarray | np.generic):
        return None
    for name, nouns in _IMPORTED.items():
        if any(issubclass(kind, found) for found in _found(name, nouns)):
            return name
    standard = hasattr(kind, "__array_namespace__") and hasattr(kind, "__dlpack__")
    return _STANDARD if standard else None


def _found(name: str, nouns: tuple[str, ...]) -> Iterator[type]:
    """Those classes of a module that are there: not of one that nobody imported, nor of a stub."""
    for noun in nouns:
        found: Any = sys.modules.get(name)
        for part in noun.split("."):
            found = getattr(found, part, None)
        if isinstance(found, type):
            yield found


def _library(value: Any) -> str | None:
    kind: Any = type(value)
    return None if kind in _OWN else _library_of(kind)


def is_foreign(value: Any) -> bool:
    """Whether this is an array of another library than NumPy that `read_foreign` knows."""
    return _library(value) is not None


def read_foreign(name: str, value: Any, differentiable: str = "") -> NDArray[Any]:
    """Numbers of a foreign array on the CPU; 16-bit floats become float64, exactly.

    Parameters
    ----------
    name : str
        What the caller calls it, for error texts.
    value : foreign array
    differentiable : str
        Name of the call of `otdiv.torch` and `otdiv.jax` that has the gradient which is lost here.

    Raises
    ------
    InvalidInputError
        If somebody waits for a gradient with respect to it, or it is not dense or not readable.
    """
    library = _library(value)
    try:
        if library == "torch":
            return _read_torch(name, value, differentiable)
        if library == "jax":
            return _read_jax(name, value, differentiable)
        if library == "cupy":
            return np.asarray(value.get())
        return np.from_dlpack(value)
    except InvalidInputError:
        raise
    except Exception as error:  # of any kind: it is the library's own code that runs
        found, where = f"one of {library} that is not", f"({type(error).__name__}: {error})"
        raise InvalidInputError(name, "be a readable array", found, where) from error


def _read_torch(name: str, tensor: Any, differentiable: str) -> NDArray[Any]:
    torch = sys.modules["torch"]
    if tensor.requires_grad and torch.is_grad_enabled():
        call = f"otdiv.torch.{differentiable}" if differentiable else "otdiv.torch"
        requirement = "not require a gradient, which this call does not return"
        way_out = f"(`{call}` has gradients; `.detach()` does without)"
        raise InvalidInputError(name, requirement, "a tensor with requires_grad=True", way_out)
    if tensor.layout is not torch.strided:
        raise InvalidInputError(name, "be dense", f"layout {tensor.layout}", "(`.to_dense()`)")
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.double()
    return np.asarray(tensor.numpy())


def _read_jax(name: str, array: Any, differentiable: str) -> NDArray[Any]:
    if isinstance(array, sys.modules["jax"].core.Tracer):
        call = f"otdiv.jax.{differentiable}" if differentiable else "otdiv.jax"
        requirement = "hold numbers, which jit, grad and vmap do not know yet"
        raise InvalidInputError(name, requirement, "a tracer", f"(`{call}` is for those)")
    numbers = np.asarray(array)
    # bfloat16 and its like are no numbers to NumPy.
    return numbers.astype(np.float64) if numbers.dtype.kind == "V" else numbers


def _device(library: str, value: Any) -> Any:
    if library != "jax":
        return value.device
    if isinstance(value, sys.modules["jax"].core.Tracer):
        return None
    devices = value.devices()
    return next(iter(devices)) if len(devices) == 1 else None


def to_like(array: Any, like: Any) -> Any:
    """A number or an array of NumPy as one of the library, dtype and device of `like`.

    Floats take the floating dtype of `like`, or that which its library gives to floats where `like`
    holds integers. Whole numbers and booleans stay so.
    """
    library = _library(like)
    array = np.asarray(array)
    if library is None:
        given = np.asarray(like).dtype
        floats = array.dtype.kind == "f" and given.kind == "f"
        return array.astype(given) if floats else array
    if library == "torch":
        return _to_torch(array, like)
    if library == "jax":
        return _to_jax(array, like)
    namespace = sys.modules["cupy"] if library == "cupy" else like.__array_namespace__()
    dtype = _standard_dtype(namespace, array, like)
    if library == "cupy":
        with like.device:
            return namespace.asarray(array, dtype=dtype)
    return namespace.asarray(array, dtype=dtype, device=like.device)


def _standard_dtype(namespace: Any, array: NDArray[Any], like: Any) -> Any:
    if array.dtype.kind != "f":
        return getattr(namespace, array.dtype.name)
    floating = like.dtype in (namespace.float32, namespace.float64)
    return like.dtype if floating else namespace.float64


def _to_torch(array: NDArray[Any], like: Any) -> Any:
    torch = sys.modules["torch"]
    dtype = None
    if array.dtype.kind == "f":
        dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
    # A tensor of its own: NumPy's may be read-only, which torch does not know.
    return torch.tensor(array, dtype=dtype, device=like.device)


def _to_jax(array: NDArray[Any], like: Any) -> Any:
    jax = sys.modules["jax"]
    dtype = None
    if array.dtype.kind == "f":
        dtype = like.dtype if jax.numpy.issubdtype(like.dtype, np.floating) else float
    return jax.numpy.asarray(array, dtype=dtype, device=_device("jax", like))


class _Reading:
    """What one call was given: each foreign array is read, and must be at home where others are."""

    __slots__ = ("differentiable", "home", "like", "size")

    def __init__(self, differentiable: str) -> None:
        self.differentiable = differentiable
        self.like: Any = None
        self.home: tuple[str, str, Any] = ("", "", None)
        self.size = -1

    def __call__(self, name: str, value: Any) -> Any:
        kind = type(value)
        if kind in _OWN:
            parts = (kind is list or kind is tuple) and len(value) and type(value[0]) not in _OWN
            if parts and is_foreign(value[0]):
                return [self(f"{name}[{k}]", part) for k, part in enumerate(value)]
            return value
        library = _library(value)
        if library is None:
            return value
        device = _device(library, value)
        first, other, place = self.home
        if first and other != library:
            raise InvalidInputError(name, f"be of {other} like `{first}`", f"one of {library}")
        if first and place != device:
            raise InvalidInputError(name, f"be on the device {place} of `{first}`", device)
        if not first:
            self.home = (name, library, device)
        numbers = read_foreign(name, value, self.differentiable)
        # The widest floats decide about the dtype; an option that was given as a 0-d array does not
        # where an array of data was given.
        bytes_each = getattr(value.dtype, "itemsize", numbers.dtype.itemsize)
        size = 2 * bytes_each * (numbers.dtype.kind == "f") + (numbers.ndim > 0)
        if size > self.size:
            self.like, self.size = value, size
        return numbers


def keeps_arrays(differentiable: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a public function: arrays of torch, JAX, CuPy and the array API in and out.

    The function itself sees NumPy's arrays. Where one of its arguments was an array of another
    library, a float or an array that it returns becomes one of that library, of the widest floating
    dtype that was given and on the device. Results that are objects stay as they are; their parts
    have `to(like=…)`. A call without such arrays is passed on as it is (some 0.5 µs).

    Parameters
    ----------
    differentiable : str
        Name of the call of `otdiv.torch` and `otdiv.jax` that has the gradient.

    Raises
    ------
    InvalidInputError
        By the decorated function: for arrays of two libraries or two devices, and for those that
        require a gradient.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if all(map(_is_plain, args)) and all(map(_is_plain, kwargs.values())):
                return function(*args, **kwargs)
            reading = _Reading(differentiable)
            given: Any = map(reading, chain(_names(function), repeat("argument")), args)
            options: Any = {name: reading(name, value) for name, value in kwargs.items()}
            result: Any = function(*given, **options)
            if reading.like is None or not isinstance(result, float | np.ndarray):
                return result  # type: ignore[no-any-return]  # what the function returned
            return to_like(result, reading.like)  # type: ignore[no-any-return]

        return call

    return decorate


def _is_plain(value: Any) -> bool:
    """Whether an argument is no array of another library, nor a list that begins with one."""
    kind: Any = type(value)
    if (kind is list or kind is tuple) and value:
        kind = type(value[0])
    return kind in _OWN or _library_of(kind) is None


@functools.lru_cache(maxsize=256)
def _names(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def read(name: str, value: Any) -> Any:
    """`read_foreign` of foreign arrays, and all else as it is."""
    return read_foreign(name, value) if is_foreign(value) else value
