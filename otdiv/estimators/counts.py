"""Counts of categories, read from labels or from mappings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._labels import labels_of
from .._typing import FloatArray, IndexArray
from .._validation import as_weights, check_positive_integer, describe
from ..errors import InvalidInputError

__all__ = ["Counts", "as_counts", "label_codes"]

# Rows for each distinct value below which numbers are taken for measurements, not for labels.
_ROWS_PER_LABEL = 2.0
_WAY_OUT = (
    "(a mapping of each label to its count, as collections.Counter makes, or one label a row)"
)


class Counts(NamedTuple):
    """k samples over K categories.

    Attributes
    ----------
    shares : (k, K) relative frequencies
    sizes : (k,) rows, or for weighted ones the number of equal rows with the same noise
    squares : (k, K) sums of the squared weights of each category
    weighted : whether any side has weights
    """

    shares: FloatArray
    sizes: FloatArray
    squares: FloatArray
    weighted: bool

    @property
    def n_categories(self) -> int:
        """K, the number of categories seen on any side, or named by a mapping."""
        return int(self.shares.shape[1])

    def whole(self) -> IndexArray:
        """Counts (k, K); for weighted rows those of as many equal ones, rounded."""
        return np.rint(self.shares * self.sizes[:, None]).astype(np.int64)

    def least_rows_per_category(self) -> float:
        """Rows for every category in the smallest sample."""
        return float(self.sizes.min()) / self.n_categories


def as_counts(*samples: Any, weights: tuple[Any, ...] = (), names: tuple[str, ...] = ()) -> Counts:
    """Count labels: sequences of one label a row, or mappings of labels to counts."""
    names = names or tuple(f"sample {i}" for i in range(len(samples)))
    weights = weights or (None,) * len(samples)
    mappings = [isinstance(sample, Mapping) for sample in samples]
    if any(mappings):
        if not all(mappings):
            name = names[mappings.index(False)]
            requirement = f"be a mapping of counts like {names[mappings.index(True)]!r}"
            raise InvalidInputError(name, requirement, describe(samples[mappings.index(False)]))
        return _of_mappings(samples, weights, names)
    codes, n_labels = label_codes(samples, names)
    shares: list[FloatArray] = []
    squares: list[FloatArray] = []
    sizes: list[float] = []
    for name, code, mass, sample in zip(names, codes, weights, samples, strict=True):
        if mass is None:
            share: FloatArray = np.bincount(code, minlength=n_labels) / code.size
            squares.append(share / code.size)
            sizes.append(float(code.size))
        else:
            rows_of = (name, labels_of(sample)[0])
            w = as_weights(f"{name}_weights", mass, code.size, normalize=True, of=rows_of)
            share = np.asarray(np.bincount(code, weights=w, minlength=n_labels), np.float64)
            squares.append(np.asarray(np.bincount(code, w * w, n_labels), np.float64))
            sizes.append(1.0 / math.fsum(w * w))
        shares.append(share)
    weighted = any(mass is not None for mass in weights)
    return Counts(np.array(shares), np.array(sizes), np.array(squares), weighted)


def label_codes(samples: tuple[Any, ...], names: tuple[str, ...]) -> tuple[list[IndexArray], int]:
    """Whole numbers from 0 for the labels of sequences of one label a row, and how many labels."""
    columns = [_as_labels(name, sample) for name, sample in zip(names, samples, strict=True)]
    codes, n_labels = _codes(columns)
    rows = sum(code.size for code in codes)
    kinds = {column.dtype.kind for column in columns}
    if kinds <= {"f", "i", "u"} and rows < _ROWS_PER_LABEL * n_labels and n_labels > 2:
        requirement = f"hold categories, at least {_ROWS_PER_LABEL:g} rows for each on average"
        where = "(measurements have distances: wasserstein1, energy)"
        raise InvalidInputError(names[0], requirement, f"{n_labels} values in {rows} rows", where)
    return codes, n_labels


def _of_mappings(
    samples: tuple[Any, ...], weights: tuple[Any, ...], names: tuple[str, ...]
) -> Counts:
    labels = list(dict.fromkeys(label for sample in samples for label in sample))
    rows = []
    for name, sample, mass in zip(names, samples, weights, strict=True):
        if mass is not None:
            requirement = "be None, since a mapping has counts"
            raise InvalidInputError(f"{name}_weights", requirement, "weights")
        counts = [
            check_positive_integer(f"{name}[{label!r}]", sample.get(label, 0), 0)
            for label in labels
        ]
        if not sum(counts):
            raise InvalidInputError(name, "count at least one row", dict(sample))
        rows.append(counts)
    table = np.array(rows, dtype=np.float64)
    sizes = table.sum(axis=1)
    shares = table / sizes[:, None]
    return Counts(shares, sizes, shares / sizes[:, None], False)


def _as_labels(name: str, sample: Any) -> NDArray[Any]:
    """One label a row; nothing missing, nothing masked."""
    if isinstance(sample, str | bytes):
        raise InvalidInputError(name, "be a sequence of labels", describe(sample), _WAY_OUT)
    if np.ma.isMaskedArray(sample) and np.ma.getmaskarray(sample).any():
        where = "(`.compressed()` leaves masked entries out)"
        raise InvalidInputError(name, "hold data only", "a masked entry", where)
    try:
        labels = np.asarray(sample)
        if isinstance(sample, list | tuple) and labels.dtype.kind not in "fiub":
            # NumPy would turn numbers among words into words, and rows into axes.
            labels = np.fromiter(sample, dtype=object, count=len(sample))
    except ValueError:
        labels = np.fromiter(sample, dtype=object, count=len(sample))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not labels.size:
        found = f"shape {labels.shape}"
        raise InvalidInputError(name, "be a sequence of labels, one a row", found, _WAY_OUT)
    missing = labels != labels
    if labels.dtype.kind == "O":
        missing = np.array([label is None or _is_missing(label) for label in labels], bool)
    if missing.any():
        where = f"at index {int(np.argmax(missing))} (drop it, or give it a label of its own)"
        raise InvalidInputError(name, "hold a label in every row", "a missing value", where)
    return labels


def _is_missing(label: Any) -> bool:
    if type(label).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(label, float | np.floating) and math.isnan(label)


def _codes(columns: list[NDArray[Any]]) -> tuple[list[IndexArray], int]:
    """Whole numbers from 0 on in place of labels, the same for all samples."""
    sizes = np.cumsum([column.size for column in columns])[:-1]
    if all(column.dtype.kind in "fiubU" for column in columns) and (
        len({column.dtype.kind == "U" for column in columns}) == 1
    ):
        labels, codes = np.unique(np.concatenate(columns), return_inverse=True)
        return np.split(codes.ravel(), sizes), labels.size
    known: dict[Any, int] = {}
    try:
        every = [
            known.setdefault(label, len(known)) for column in columns for label in column.tolist()
        ]
    except TypeError as error:
        raise InvalidInputError("x", "hold labels that can be compared", str(error)) from None
    return np.split(np.array(every, dtype=np.int64), sizes), len(known)
