"""Table files of every format -> Arrow tables and NumPy arrays, or an error that says why not."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .._optional import import_optional
from ..errors import InvalidInputError

__all__ = ["read_file"]

_DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_UNPACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_BLOCK = 2**20
"""Bytes of a text file looked at together."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

_STREAM = b"\xff\xff\xff\xff"
_STREAM_END = _STREAM + b"\0\0\0\0"
_BEGINNINGS = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"FEA1": "a Feather file of the first version",
    _STREAM: "an Arrow stream",
    b"\x93NUMPY": "a .npy file",
    b"PK\x03\x04": "a zip archive, as .npz and .xlsx are",
    b"\x1f\x8b": "a gzip archive, which is called .csv.gz or .tsv.gz here",
    b"BZh": "a bzip2 archive, which is called .csv.bz2 or .tsv.bz2 here",
    b"\x28\xb5\x2f\xfd": "a zstd archive, which is called .csv.zst or .tsv.zst here",
    b"\xfd7zXZ\0": "an xz archive",
    b"\xd0\xcf\x11\xe0": "a workbook of an old Excel",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite data base",
    b"%PDF": "a PDF document",
    b"\x80": "a pickle",
    b"\xff\xfe": "a text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "a text in UTF-16; save it as UTF-8",
}
"""How files of known formats begin; longer beginnings stand before those that they begin with."""


class _UnreadableError(Exception):
    """Why a file is not what its name says."""


def read_file(path: Path, argument: str) -> Any:
    """Read an Arrow table, or the array of a .npy file.

    Parameters
    ----------
    path : Path
        Of a format that its last suffix names, in any case.
    argument : str
        What the caller calls it, for error texts.

    Raises
    ------
    InvalidInputError
        If the format is not known, or the file is not whole or not of that format.
    MissingDependencyError
        If pyarrow is not installed.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    codec = _UNPACKED.get(suffixes[-1]) if suffixes[-2:-1] in ([".csv"], [".tsv"]) else None
    if codec is not None:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix in (".csv", ".tsv"):
        delimiter = "\t" if suffix == ".tsv" else ","
        return _guarded(path, argument, lambda: _read_text(path, delimiter, codec))
    if suffix in _READERS:
        return _guarded(path, argument, lambda: _READERS[suffix](path))
    raise InvalidInputError(argument, f"be {_KNOWN}", str(path))


def _guarded(path: Path, argument: str, read: Callable[[], Any]) -> Any:
    """Call `read`, and turn whatever a library says of a broken file into one sentence."""
    import_optional("pyarrow", extra="cli", purpose="reading files")
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise _UnreadableError("a folder")
        if not stat.S_ISREG(found.st_mode):
            # Reading one may wait for ever, and some formats are read from their end.
            raise _UnreadableError("no regular file; write it to one first")
        if found.st_size == 0:
            raise InvalidInputError(argument, "be a file with contents", f"{path} of 0 bytes")
        return read()
    except InvalidInputError:
        raise
    except Exception as error:
        # Damaged files end in errors of many kinds, also in those of memory that they claim.
        reason = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        reason = reason.splitlines()[0]
        raise InvalidInputError(argument, "be a readable file", f"{path} ({reason})") from error


def _read_text(path: Path, delimiter: str, codec: str | None) -> Any:
    pyarrow = import_optional("pyarrow", extra="cli", purpose="reading CSV files")
    compute = import_optional("pyarrow.compute", extra="cli", purpose="reading CSV files")
    reader = import_optional("pyarrow.csv", extra="cli", purpose="reading CSV files")
    beginning, quoted = _checked_text(path, codec)
    _check_delimiter(beginning, delimiter)

    def read(**types: Any) -> Any:
        with pyarrow.input_stream(os.fspath(path), compression=codec) as stream:
            return reader.read_csv(
                stream,
                # A cell in quotes may hold a line break, which slows the search for rows down.
                parse_options=reader.ParseOptions(delimiter=delimiter, newlines_in_values=quoted),
                # An empty or NA text cell is missing, as in a numeric column; "NA" in quotes is a
                # text.
                convert_options=reader.ConvertOptions(
                    strings_can_be_null=True, quoted_strings_can_be_null=False, **types
                ),
            )

    table = read()
    for position, field in enumerate(table.schema):
        if not pyarrow.types.is_floating(field.type) or table.schema.names.count(field.name) > 1:
            continue
        largest = compute.max(compute.abs(table.column(position))).as_py()
        if largest is not None and 2.0**63 <= largest < 1e38:
            # Integers beyond 64 bits are read as floats, which rounds them; if these are some.
            whole = {field.name: pyarrow.decimal128(38, 0)}
            try:
                exact = read(column_types=whole, include_columns=[field.name])
            except pyarrow.ArrowInvalid:
                continue
            table = table.set_column(position, field.name, exact.column(0))
    return table


def _checked_text(path: Path, codec: str | None) -> tuple[str, bool]:
    """Make sure that a file is UTF-8; return its beginning, and whether it holds a quote.

    Bytes of another encoding would be read as columns of bytes, or as characters of zero width.
    """
    pyarrow = import_optional("pyarrow", extra="cli", purpose="reading CSV files")
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    beginning, quoted, done = "", False, 0
    with pyarrow.input_stream(os.fspath(path), compression=codec) as stream:
        first = stream.read(_BLOCK)
        block = first
        while True:
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise _UnreadableError(
                    _what_begins(first) or f"not UTF-8: byte 0x{error.object[error.start]:02x}"
                ) from error
            if "\0" in text:
                place = f"a zero at character {done + text.index(chr(0)) + 1:,}"
                raise _UnreadableError(_what_begins(first) or f"no text: {place}")
            beginning = beginning or text
            quoted = quoted or '"' in text
            done += len(text)
            if not block:
                return beginning, quoted
            block = stream.read(_BLOCK)


def _check_delimiter(beginning: str, delimiter: str) -> None:
    """Refuse a file of another delimiter, which would be one column of texts, or the wrong ones."""
    rows = _rows(beginning, delimiter)
    names = len(rows[0])
    for other, word in _DELIMITERS.items():
        counts = [len(row) for row in _rows(beginning, other)]
        # Decimal commas may make as many columns of commas as there are.
        if counts[0] > names or (other != delimiter and counts == [names, names] != [1, 1]):
            raise _UnreadableError(
                f"{counts[0]} names by {word} in its first line, {names} by "
                f"{_DELIMITERS[delimiter]}; save it with commas as .csv or with tabs as .tsv, or "
                f"quote the names that hold {word}"
            )
    words = [row[0].split() for row in rows if len(row) == 1]
    alike = len(words) == 2 and len(words[0]) == len(words[1]) > 1
    if alike and all(map(_NUMBER.fullmatch, words[1])):
        raise _UnreadableError("numbers between blanks; save it with commas as .csv")


def _rows(beginning: str, delimiter: str) -> list[list[str]]:
    """Return the first two rows that are not empty; one of nothing where they cannot be parsed."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == 2:
                break
    except csv.Error:
        pass
    return rows or [[]]


def _what_begins(first: bytes) -> str | None:
    """Return what a file is by its first bytes."""
    for beginning, word in _BEGINNINGS.items():
        if first.startswith(beginning):
            return word
    return None


def _check_beginning(path: Path, *beginnings: bytes) -> None:
    with path.open("rb") as stream:
        first = stream.read(16)
    if not first.startswith(beginnings):
        raise _UnreadableError(_what_begins(first) or "of another format")


def _read_parquet(path: Path) -> Any:
    parquet = import_optional("pyarrow.parquet", extra="cli", purpose="reading Parquet files")
    _check_beginning(path, b"PAR1")
    # The file object, unlike a path, keeps repeated names apart and looks for no partitions.
    with parquet.ParquetFile(path) as file:
        return _validated(file.read())


def _read_arrow(path: Path) -> Any:
    pyarrow = import_optional("pyarrow", extra="cli", purpose="reading Arrow files")
    feather = import_optional("pyarrow.feather", extra="cli", purpose="reading Arrow files")
    _check_beginning(path, b"ARROW1", b"FEA1", _STREAM)
    with path.open("rb") as stream:
        first = stream.read(6)
        stream.seek(-min(path.stat().st_size, len(_STREAM_END)), os.SEEK_END)
        last = stream.read()
    if first == b"ARROW1":
        with pyarrow.OSFile(os.fspath(path)) as source:
            return _validated(pyarrow.ipc.open_file(source).read_all())
    if first.startswith(b"FEA1"):
        return _validated(feather.read_table(path))
    if last != _STREAM_END:
        # A stream that was cut between two batches reads like a whole one.
        raise _UnreadableError("an Arrow stream without its end")
    with pyarrow.OSFile(os.fspath(path)) as source:
        return _validated(pyarrow.ipc.open_stream(source).read_all())


def _validated(table: Any) -> Any:
    """Return a table whose offsets lie within its buffers, as those of a damaged file may not."""
    table.validate(full=True)
    return table


def _read_npy(path: Path) -> Any:
    _check_beginning(path, b"\x93NUMPY")
    with warnings.catch_warnings():
        # NumPy warns of headers that Python 2 wrote, which it reads, and of sizes that overflow.
        warnings.simplefilter("ignore")
        # Never a pickle: loading one runs whatever code its author put there. Mapped, since a
        # header may claim more numbers than the file and the memory have.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    if mapped.offset + mapped.nbytes != path.stat().st_size or mapped.itemsize == 0:
        raise _UnreadableError("not as many bytes as its header claims")
    return np.array(mapped)


_READERS: dict[str, Callable[[Path], Any]] = {
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
    ".ipc": _read_arrow,
    ".npy": _read_npy,
}
_KNOWN = (
    "a .csv, .tsv, .parquet, .pq, .arrow, .feather, .ipc or .npy file, the first two also packed "
    "as .gz, .bz2 or .zst"
)
