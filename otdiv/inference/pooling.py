"""Samples as rows of one pool, and the groups in which rows may be exchanged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from .._labels import check_labels, labels_of
from .._laws import is_law
from .._typing import FloatArray, IndexArray
from .._validation import as_real_array, as_samples_together, as_weights, describe
from ..errors import InvalidInputError, UnsupportedProblemError
from ..measures import DiscreteMeasure

__all__ = [
    "Pool",
    "as_codes",
    "as_pair_codes",
    "as_pool",
    "as_pooled_weights",
    "as_row_codes",
    "check_pairs",
]

# Kinds of dtypes whose values NumPy sorts and compares as they are.
_PLAIN = "biufSUT"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """Rows of several samples one below the other.

    Attributes
    ----------
    points : float64 array (N,) or (N, d)
    sizes : tuple of int
        Rows of each sample.
    weights : float64 array (N,) or None
        Mass of each row, in one unit for all samples; None is one a row.
    """

    points: FloatArray
    sizes: tuple[int, ...]
    weights: FloatArray | None

    @property
    def starts(self) -> tuple[int, ...]:
        """First row of each sample, and the number of rows."""
        return (0, *accumulate(self.sizes))


def as_pool(samples: Mapping[str, Any], weights: Sequence[Any]) -> Pool:
    """Coerce samples, by their names in error texts, and the weights of their rows."""
    for name, value in samples.items():
        _check_sample(name, value)
    arrays = as_samples_together(**samples)
    first = next(iter(samples))
    for name, array in zip(samples, arrays, strict=True):
        if array.shape[1:] != arrays[0].shape[1:]:
            columns = arrays[0].shape[1] if arrays[0].ndim == 2 else 1
            found = array.shape[1] if array.ndim == 2 else 1
            raise InvalidInputError(name, f"have {columns} columns like `{first}`", found)
    sizes = tuple(map(len, arrays))
    return Pool(
        points=np.concatenate(arrays),
        sizes=sizes,
        weights=as_pooled_weights(samples, weights, sizes),
    )


def _check_sample(name: str, value: Any) -> None:
    if isinstance(value, DiscreteMeasure):
        raise UnsupportedProblemError(
            f"`{name}` is a DiscreteMeasure, and a test exchanges rows: pass its `points`, and its "
            "`weights` where each atom is one row"
        )
    if is_law(value):
        raise UnsupportedProblemError(
            f"`{name}` is a law ({type(value).__name__}), and a test exchanges rows: draw samples "
            "from it"
        )


def as_pooled_weights(
    samples: Mapping[str, Any], weights: Sequence[Any], sizes: tuple[int, ...]
) -> FloatArray | None:
    """Masses of all rows, or None where no side has any.

    A side without weights gets the mean weight of the others: the unit of weights is theirs.
    """
    if all(side is None for side in weights):
        return None
    parts: list[FloatArray | None] = []
    for (name, sample), side, n in zip(samples.items(), weights, sizes, strict=True):
        if side is None:
            parts.append(None)
            continue
        label = f"{name}_weights"
        array = as_weights(label, side, n, normalize=False, of=(name, labels_of(sample)[0]))
        if float(array.min()) == 0.0:
            where = f"at index {int(np.argmin(array))} (leave out rows that weigh nothing)"
            raise InvalidInputError(label, "be positive in a test", 0.0, where)
        parts.append(array)
    given = [part for part in parts if part is not None]
    largest = max(float(part.max()) for part in given)
    # A power of two keeps sums and products of masses far from the ends of floats.
    unit = math.ldexp(1.0, -math.frexp(largest)[1])
    mean = math.fsum(float((part * unit).sum()) for part in given) / sum(map(len, given))
    masses = np.concatenate(
        [
            np.full(n, mean) if part is None else part * unit
            for part, n in zip(parts, sizes, strict=True)
        ]
    )
    if float(masses.min()) < 2.0**-400:
        requirement = "differ by less than a factor of 2**400 in a test"
        raise InvalidInputError("weights", requirement, float(masses.min()) / unit)
    return masses


def as_codes(values: Mapping[str, Any]) -> tuple[list[IndexArray], int]:
    """Whole numbers from 0 that stand for the labels of several sequences, and how many there are.

    Labels are texts, numbers, truth values or other hashable objects; 1 and "1" are two labels.
    """
    arrays = {name: _as_labels(name, value) for name, value in values.items()}
    stops = [0, *accumulate(array.size for array in arrays.values())]
    kinds = {array.dtype.kind for array in arrays.values()}
    if kinds <= set("bi") or kinds <= set("fi") or kinds <= set("U"):
        found, codes = np.unique(np.concatenate(list(arrays.values())), return_inverse=True)
        codes = codes.reshape(-1).astype(np.int64)
        n_codes = int(found.size)
    else:
        table: dict[Any, int] = {}
        listed = [label for array in arrays.values() for label in array.tolist()]
        codes = np.array([table.setdefault(label, len(table)) for label in listed], np.int64)
        n_codes = len(table)
    return [codes[first:stop] for first, stop in pairwise(stops)], n_codes


def _as_labels(name: str, value: Any) -> np.ndarray[Any, Any]:
    """One label a row: an array (n,) of one plain kind, or of objects."""
    if isinstance(value, str | bytes) or not (
        hasattr(value, "__array__") or isinstance(value, list | tuple)
    ):
        raise InvalidInputError(name, "be a sequence of labels", describe(value))
    mask = getattr(value, "mask", None)
    if isinstance(mask, np.ndarray | np.bool_):  # frames have a method of that name
        if np.any(mask):
            found = "a masked entry (`.compressed()` leaves them out)"
            raise InvalidInputError(name, "hold labels only", found)
        value = np.asarray(value.data)
    types = set(map(type, value)) if isinstance(value, list | tuple) else set()
    if types and types <= {int, float, bool}:
        array = as_real_array(name, value)
    elif types and types != {str}:
        array = np.fromiter(value, dtype=object, count=len(value))
    else:
        array = np.asarray(value)
    if array.ndim != 1 or array.size == 0:
        requirement = "have shape (n,), one label a row, with n at least 1"
        raise InvalidInputError(name, requirement, f"shape {array.shape}")
    if array.dtype.kind in _PLAIN:
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise _missing(name, int(np.argmax(np.isnan(array))), "nan")
        return array.astype(np.int64) if array.dtype.kind == "b" else array
    array = array.astype(object)
    for index, label in enumerate(array):
        if label is None or type(label).__name__ in ("NAType", "NaTType") or label != label:
            raise _missing(name, index, describe(label))
        try:
            hash(label)
        except TypeError:
            found, where = describe(label), f"at index {index}"
            raise InvalidInputError(name, "hold hashable labels", found, where) from None
    return array


def _missing(name: str, index: int, found: str) -> InvalidInputError:
    where = f"at index {index} (drop missing labels, or name them)"
    return InvalidInputError(name, "hold a label in every row", found, where)


def as_row_codes(
    option: str, value: Any, samples: Mapping[str, Any], sizes: tuple[int, ...]
) -> IndexArray:
    """Codes (N,) of `blocks` or `strata`, which are given as one sequence a sample."""
    names = ", ".join(samples)
    if not isinstance(value, list | tuple) or len(value) != len(sizes):
        requirement = f"be one sequence of labels a sample, in a tuple: ({names})"
        raise InvalidInputError(option, requirement, describe(value))
    parts = {f"{option}[{i}]": part for i, part in enumerate(value)}
    codes, _ = as_codes(parts)
    for (name, sample), n, part, label, code in zip(
        samples.items(), sizes, value, parts, codes, strict=True
    ):
        check_labels(label, labels_of(part)[0], name, labels_of(sample)[0])
        if code.size != n:
            requirement = f"have {n} labels, one a row of `{name}`"
            raise InvalidInputError(label, requirement, code.size)
    return np.concatenate(codes)


def check_pairs(paired: Any, samples: Mapping[str, Any], sizes: tuple[int, ...]) -> bool:
    """Whether row i of two samples belong together, which takes as many rows on both sides."""
    if not isinstance(paired, bool | np.bool_):
        raise InvalidInputError("paired", "be True or False", describe(paired))
    if not paired:
        return False
    x, y = samples.values()
    if sizes[0] != sizes[1]:
        requirement = f"have {sizes[0]} rows like `x` where `paired` is set"
        raise InvalidInputError("y", requirement, sizes[1])
    check_labels("y", labels_of(y)[0], "x", labels_of(x)[0])
    return True


def as_pair_codes(blocks: Any, n: int) -> IndexArray:
    """Codes (n,) of `blocks` where rows are paired: one sequence for both samples."""
    (codes,), _ = as_codes({"blocks": blocks})
    if codes.size != n:
        requirement = f"have {n} labels where `paired` is set, one a pair"
        raise InvalidInputError("blocks", requirement, codes.size)
    return codes
