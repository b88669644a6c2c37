"""How a text file is written, found from its first rows: encoding, delimiter, a quote."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import NamedTuple

from .files import File, UnreadableFileError, what_begins
from .source import Spelling

__all__ = ["Dialect", "dialect_of"]

_DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks, the longer ones first, which begin with shorter ones."""

_BLOCK = 2**20
"""Bytes of a text file looked at together."""
_ROWS = 200
"""Rows from which the delimiter is found. By taste."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_STATED = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_HINT = "say which by delimiter= (--delimiter)"


class Dialect(NamedTuple):
    """How a text file is written.

    `skipped` rows stand before the names; `quoted` is whether a cell may be in quotes, and
    `all_quoted` whether all are, so that quotes say nothing about a cell.
    """

    encoding: str
    delimiter: str
    skipped: int
    quoted: bool
    all_quoted: bool


def dialect_of(file: File, spelling: Spelling) -> Dialect:
    """Find how a file is written, which is also read to its end: all of it must be text."""
    encoding, beginning, whole, quoted = _checked_text(file, spelling.encoding)
    skipped = 0
    stated = _STATED.fullmatch(beginning.split("\n", 1)[0])
    if stated:  # Excel's line before the names
        skipped = 1
        beginning = beginning.partition("\n")[2]
    if spelling.delimiter is not None:
        delimiter = spelling.delimiter
    elif stated:
        delimiter = stated[1]
    else:
        delimiter = _delimiter(beginning, whole, "\t" if file.suffix == ".tsv" else ",")
    all_quoted = quoted and _all_quoted(beginning, delimiter, whole)
    return Dialect(encoding, delimiter, skipped, quoted, all_quoted)


def _all_quoted(beginning: str, delimiter: str, whole: bool) -> bool:
    """Whether the first rows are those that a writer makes who quotes every cell."""
    stream = io.StringIO()
    rows = _rows(beginning, delimiter, whole)
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        rows
    )
    # Empty lines are no rows to either.
    sides = (re.sub(r"[\r\n]+", "\n", text) for text in (beginning, stream.getvalue()))
    found, written = (text.lstrip("\ufeff\n") for text in sides)
    return found.startswith(written.rstrip("\n"))


def _checked_text(file: File, told: str | None) -> tuple[str, str, bool, bool]:
    """Encoding, beginning, whether that is all, and whether the file holds a quote.

    Bytes of another encoding would be read as columns of bytes, or as characters of zero width.
    """
    beginning, quoted, done, blocks = "", False, 0, 0
    with file.unpacked() as stream:
        first = stream.read(_BLOCK)
        found = next((name for mark, name in _MARKS.items() if first.startswith(mark)), "utf-8")
        encoding = told or found
        decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
        block = first
        while True:
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise UnreadableFileError(_not_text(first, encoding, error)) from error
            if "\0" in text:
                place = f"a zero at character {done + text.index(chr(0)) + 1:,}"
                known = what_begins(first)
                hint = "; a text in UTF-16 is read with encoding='utf-16-le' (--encoding) or -be"
                raise UnreadableFileError(known or f"no text: {place}{hint}")
            beginning = beginning or text
            quoted = quoted or '"' in text
            done += len(text)
            blocks += bool(block)
            if not block:
                return encoding, beginning, blocks == 1, quoted
            block = stream.read(_BLOCK)


def _not_text(first: bytes, encoding: str, error: UnicodeDecodeError) -> str:
    known = what_begins(first)
    if known is not None and encoding == "utf-8":
        return known
    byte = f"byte 0x{error.object[error.start]:02x}"
    name = "UTF-8" if encoding == "utf-8" else encoding
    return f"not {name}: {byte}; say what it is, encoding='cp1252' perhaps (--encoding)"


def _delimiter(beginning: str, whole: bool, default: str) -> str:
    """The delimiter that makes all first rows as wide as the names, if it is only one."""
    rows = {mark: _rows(beginning, mark, whole) for mark in _DELIMITERS}
    widths = {mark: [len(row) for row in found] for mark, found in rows.items()}
    regular = [mark for mark, found in widths.items() if min(found) == max(found) > 1]
    named = widths[default][0]
    wider = [mark for mark, found in widths.items() if found[0] > named]
    if named == 1 and len(wider) == 1 and not regular:
        found = widths[wider[0]]
        if 2 * found.count(found[0]) > len(found) > 2:
            return wider[0]  # ragged; the reader says in which row
    if default in regular or (named == 1 == max(widths[default]) and not regular):
        rivals = {*wider, *(mark for mark in regular if widths[mark][0] >= named)} - {default}
        if rivals:
            raise UnreadableFileError(_two(default, min(rivals), widths))
        _refuse_blanks(rows[default])
        return default
    if len(regular) == 1:
        return regular[0]
    if len(regular) > 1:
        raise UnreadableFileError(_two(regular[0], regular[1], widths))
    # Ragged: the reader says in which row, if the names are clear.
    return wider[0] if named == 1 and len(wider) == 1 else default


def _two(one: str, other: str, widths: dict[str, list[int]]) -> str:
    return (
        f"{widths[other][0]} names by {_DELIMITERS[other]} in its first line, {widths[one][0]} by "
        f"{_DELIMITERS[one]}; {_HINT}, or quote the names that hold {_DELIMITERS[other]}"
    )


def _refuse_blanks(rows: list[list[str]]) -> None:
    words = [row[0].split() for row in rows[:2] if len(row) == 1]
    alike = len(words) == 2 and len(words[0]) == len(words[1]) > 1
    if alike and all(map(_NUMBER.fullmatch, words[1])):
        raise UnreadableFileError(
            "numbers between blanks; say delimiter=' ' (--delimiter) if they are single ones, or "
            "save it with commas"
        )


def _rows(beginning: str, delimiter: str, whole: bool) -> list[list[str]]:
    """Return the first rows that are not empty; one of nothing where they cannot be parsed."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == _ROWS:
                return rows
    except csv.Error:
        pass
    if not whole and len(rows) > 1:
        rows.pop()  # it may go on after the beginning
    return rows or [[]]
