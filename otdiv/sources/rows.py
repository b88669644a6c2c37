"""Rows of Python values, as workbooks and SQLite have them -> columns of one type each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._optional import import_optional
from .source import Unreadable
from .spelling import MISSING, Numbers, numbers, times

__all__ = ["column_of"]

_PURPOSE = "reading workbooks and data bases"
_LISTED = 3


def column_of(values: Sequence[Any], *, remedy: str, na: Sequence[str] = ()) -> Any:
    """An Arrow column of values of one type; numbers and times may have missing ones as texts.

    Parameters
    ----------
    values : sequence
        None where a cell is empty.
    remedy : str
        What helps where numbers and texts are mixed.
    na : sequence of str
        Spellings of missing values.
    """
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    kinds = set(map(type, values)) - {type(None)}
    if str in kinds:
        if len(kinds) == 1:
            return _texts(values, na)
        known = {*MISSING, *na}
        strange = [v for v in values if isinstance(v, str) and v.strip() not in known]
        if strange:
            return _mixed(values, kinds, strange, remedy, na)
        values = [None if isinstance(value, str) else value for value in values]
        kinds.discard(str)
    if kinds == {dt.date, dt.datetime}:
        midnight = dt.time()
        values = [dt.datetime.combine(v, midnight) if type(v) is dt.date else v for v in values]
    if kinds == {bool}:
        return pyarrow.chunked_array([pyarrow.array(values)])
    if bool in kinds and kinds <= {bool, int, float}:
        return Unreadable(f"numbers and truth values; {remedy}")
    if kinds == {int, float}:
        return np.array(values, dtype=object)  # integers beyond float64 stay as they are
    try:
        return pyarrow.chunked_array([pyarrow.array(values)])
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, OverflowError):
        return np.array(values, dtype=object)


def _texts(values: Sequence[Any], na: Sequence[str]) -> Any:
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    told = set(na)
    kept = [None if value in told else value for value in values]
    text = pyarrow.chunked_array([pyarrow.array(kept, pyarrow.string())])
    found = times(text, na=na)
    return text if found is None else found


def _mixed(
    values: Sequence[Any], kinds: set[type], strange: Sequence[str], remedy: str, na: Sequence[str]
) -> Any:
    """Numbers beside texts that are numbers too, or why it is neither."""
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    if kinds <= {str, int, float}:
        texts = [None if value is None else str(value) for value in values]
        found = numbers(pyarrow.chunked_array([pyarrow.array(texts)]), na=na)
        if isinstance(found, Numbers) and found.mark is None:
            return found.values
    listed = ", ".join(map(repr, dict.fromkeys(strange[: 10 * _LISTED])))
    shown = ", ".join(listed.split(", ")[:_LISTED])
    words = " and ".join(sorted({_word(kind) for kind in kinds}))
    return Unreadable(f"{words} in one column, {shown} for one; {remedy}")


def _word(kind: type) -> str:
    words = {str: "texts", int: "numbers", float: "numbers", bool: "truth values"}
    return words.get(kind, "times" if kind.__module__ == "datetime" else kind.__name__)
