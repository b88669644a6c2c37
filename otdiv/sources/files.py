"""Where a table's bytes are: a path, a part of it, standard input; and what a broken file is."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeVar

from .._optional import import_optional
from ..errors import InvalidInputError

__all__ = ["CODECS", "File", "UnreadableFileError", "guarded", "guarded_batches", "what_begins"]

T = TypeVar("T")

CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
"""Suffixes of packed texts, and what Arrow calls the packing."""

ARROW_STREAM = b"\xff\xff\xff\xff"
_BEGINNINGS = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"FEA1": "a Feather file of the first version",
    b"ORC": "an ORC file",
    b"\xff\xfe\0\0": "a text in UTF-32; save it as UTF-8",
    ARROW_STREAM: "an Arrow stream",
    b"\x93NUMPY": "a .npy file",
    b"PK\x03\x04": "a zip archive, as .zip, .npz and .xlsx are",
    b"\x1f\x8b": "a gzip archive, which is called .csv.gz or .tsv.gz here",
    b"BZh": "a bzip2 archive, which is called .csv.bz2 or .tsv.bz2 here",
    b"\x28\xb5\x2f\xfd": "a zstd archive, which is called .csv.zst or .tsv.zst here",
    b"\xfd7zXZ\0": "an xz archive",
    b"\xd0\xcf\x11\xe0": "a workbook of an old Excel, which is called .xls here",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite data base, which is called .sqlite here",
    b"%PDF": "a PDF document",
    b"\x80": "a pickle",
    b"\xff\xfe": "a text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "a text in UTF-16; save it as UTF-8",
}
"""How files of known formats begin; longer beginnings stand before those that they begin with."""


class UnreadableFileError(Exception):
    """Why a file is not what its name says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Bytes of a table, and how they are named.

    Attributes
    ----------
    shown : str
        The name in reports and errors.
    suffixes : tuple of str
        Of the file's name, in lower case; the packing's taken off.
    path : Path or None
        Where it lies; None for a member of an archive and standard input.
    data : bytes or None
        All of it, where there is no path.
    codec : str or None
        How it is packed.
    part : str or None
        What follows "::", a table or sheet say.
    """

    shown: str
    suffixes: tuple[str, ...]
    path: Path | None = None
    data: bytes | None = None
    codec: str | None = None
    part: str | None = None

    @classmethod
    def of(
        cls, shown: str, path: Path | None, data: bytes | None, name: str, part: str | None
    ) -> File:
        """Name the file's format by the last suffixes, in any case."""
        suffixes = tuple(suffix.lower() for suffix in PurePosixPath(name).suffixes)
        codec = None
        if len(suffixes) > 1 and suffixes[-2] in (".csv", ".tsv", ".txt", ".jsonl", ".ndjson"):
            codec = CODECS.get(suffixes[-1])
        if codec is not None:
            suffixes = suffixes[:-1]
        return cls(shown=shown, suffixes=suffixes, path=path, data=data, codec=codec, part=part)

    @property
    def suffix(self) -> str:
        """The suffix that names the format."""
        return self.suffixes[-1] if self.suffixes else ""

    @property
    def size(self) -> int:
        """Bytes, as they are stored."""
        if self.data is not None:
            return len(self.data)
        assert self.path is not None
        return self.path.stat().st_size

    def open(self) -> BinaryIO:
        """Bytes as they are stored."""
        if self.data is not None:
            return io.BytesIO(self.data)
        assert self.path is not None
        return self.path.open("rb")

    def unpacked(self) -> Any:
        """An Arrow stream of the unpacked bytes."""
        pyarrow = import_optional("pyarrow", extra="cli", purpose="reading files")
        if self.data is None:
            return pyarrow.input_stream(str(self.path), compression=self.codec)
        stream = pyarrow.BufferReader(self.data)
        return stream if self.codec is None else pyarrow.CompressedInputStream(stream, self.codec)

    def check_beginning(self, *beginnings: bytes) -> bytes:
        """Return the first bytes, which must be one of these."""
        with self.open() as stream:
            first = stream.read(16)
        if not first.startswith(beginnings):
            raise UnreadableFileError(what_begins(first) or "of another format")
        return first


def what_begins(first: bytes) -> str | None:
    """Return what a file is by its first bytes."""
    for beginning, word in _BEGINNINGS.items():
        if first.startswith(beginning):
            return word
    return None


def standard_input(argument: str) -> bytes:
    """All bytes of standard input."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise InvalidInputError(argument, "be a file where standard input is closed", "-")
    data: bytes = stream.read()
    if not data:
        requirement = "have contents on standard input (which can be read once only)"
        raise InvalidInputError(argument, requirement, "0 bytes")
    return data


def guarded(file: File, argument: str, read: Callable[[], T]) -> T:
    """Call `read`, and turn whatever a library says of a broken file into one sentence."""
    try:
        if file.path is not None:
            _check_regular(file.path, argument)
        return read()
    except (InvalidInputError, ImportError):
        raise
    except Exception as error:
        raise _unreadable(file, argument, error) from error


def guarded_batches(file: File, argument: str, batches: Callable[[], Iterator[T]]) -> Iterator[T]:
    """Yield batches, of which a later one may be damaged."""
    try:
        yield from batches()
    except (InvalidInputError, ImportError):
        raise
    except Exception as error:
        raise _unreadable(file, argument, error) from error


def _unreadable(file: File, argument: str, error: Exception) -> InvalidInputError:
    # Damaged files end in errors of many kinds, also in those of memory that they claim.
    reason = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    reason = reason.splitlines()[0]
    return InvalidInputError(argument, "be a readable file", f"{file.shown} ({reason})")


def _check_regular(path: Path, argument: str) -> None:
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableFileError("a folder")
    if not stat.S_ISREG(found.st_mode):
        # Reading one may wait for ever, and some formats are read from their end.
        raise UnreadableFileError("no regular file; write it to one first, or pipe it into `-`")
    if found.st_size == 0:
        raise InvalidInputError(argument, "be a file with contents", f"{path} of 0 bytes")
