"""`open_table`: whatever people have a table in -> a `Source`."""

from __future__ import annotations

import io
import os
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .._optional import import_optional
from ..errors import InvalidInputError
from . import arrays, columnar, databases, excel, text
from .files import File, UnreadableFileError, guarded, standard_input
from .source import Batch, Source, Spelling, spelling_of

__all__ = ["open_spelled", "open_table"]

_PURPOSE = "comparing tables"
_KNOWN = (
    "a .csv, .tsv, .parquet, .pq, .arrow, .feather, .ipc or .npy file, .txt, .jsonl, .orc, .npz, "
    ".xlsx, .xls, .ods, .sqlite, .db or .duckdb, a .zip of one of these, texts also packed as .gz, "
    ".bz2 or .zst, a folder or pattern of them, or - for standard input"
)
_REQUIREMENT = (
    "be a path, a pandas, polars or pyarrow frame, dataset or reader, a DuckDB relation, "
    "a NumPy array, a mapping of 1-D arrays or a list of dictionaries"
)
_SHOWN = 8
"""Members of an archive that an error lists."""


def open_table(
    source: Any,
    argument: str = "source",
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    na: str | Iterable[str] = (),
    texts: Iterable[str] = (),
) -> Source:
    r"""Open a table of any kind, to be read by column.

    Parameters
    ----------
    source : path, data frame, dataset, relation, array, mapping, list of dictionaries or Source
        A path names the format by its last suffix in any case: texts (.csv, .tsv, .txt, also
        packed as .gz, .bz2, .zst), .parquet, .arrow, .feather, .orc, .jsonl, .npy, .npz, workbooks
        (.xlsx, .xlsb, .xls, .ods), data bases (.sqlite, .db, .duckdb), .zip. A folder or a pattern
        with ``*`` is all the files in it, of one format and with the same columns; folders
        ``name=value`` are columns. After ``::`` follows a sheet, a table, a query or a member of
        an archive: ``"sales.duckdb::select * from sales"``. ``"-"`` is standard input.
    argument : str
        What the caller calls it, for error texts.
    delimiter : str, optional
        Between the cells of texts; found from the first rows otherwise.
    decimal : {".", ","}, optional
        Decimal mark of texts; found from the cells otherwise.
    encoding : str, optional
        Of texts; UTF-8 otherwise, or what the byte order mark says.
    na : str or iterable of str
        Spellings of missing values beside the usual ones.
    texts : iterable of str
        Columns of text files whose cells stay as they are written.

    Returns
    -------
    Source

    Raises
    ------
    InvalidInputError
        If it is unreadable, or of a type or a format that is not known.
    MissingDependencyError
        If the library that reads it is not installed.

    Examples
    --------
    >>> from otdiv.sources import open_table
    >>> source = open_table([{"x": 1.0, "y": "u"}, {"x": 2.0}])
    >>> source.columns
    ('x', 'y')
    >>> [batch.n_rows for batch in source.batches()]
    [2]
    """
    spelling = spelling_of(
        delimiter=delimiter, decimal=decimal, encoding=encoding, na=na, texts=texts
    )
    return open_spelled(source, argument, spelling)


def open_spelled(source: Any, argument: str, spelling: Spelling) -> Source:
    """Open a table with options that are checked."""
    if isinstance(source, Source):
        return source
    if isinstance(source, str | os.PathLike):
        return _open_path(source, argument, spelling)
    if isinstance(source, np.ndarray):
        return arrays.open_array(source, argument, argument)
    if isinstance(source, Mapping):
        return arrays.open_mapping(source, argument)
    if isinstance(source, list | tuple) and source and all(isinstance(r, Mapping) for r in source):
        return arrays.open_rows(source, argument)
    return _open_frame(source, argument)


def _open_path(source: str | os.PathLike[str], argument: str, spelling: Spelling) -> Source:
    if source == "-":
        data = standard_input(argument)
        return _open_file(_standard_file(data), argument, spelling)
    shown = os.fspath(source)
    place, part = _split(shown)
    paths = columnar.files_of(place)
    if paths is not None:
        return _open_folder(paths, place, shown, argument, spelling)
    path = Path(place)
    return _open_file(File.of(shown, path, None, path.name, part), argument, spelling)


def _split(shown: str) -> tuple[str, str | None]:
    """Path, and what follows "::" unless the whole is a path."""
    place, colons, part = shown.partition("::")
    if not colons or os.path.lexists(shown):
        return shown, None
    part = part.strip()
    if len(part) > 1 and part[0] == part[-1] == '"':
        part = part[1:-1]
    return place, part


def _standard_file(data: bytes) -> File:
    """Standard input under the suffix that its beginning shows; a text by default."""
    beginnings = {
        b"PAR1": ".parquet",
        b"ARROW1": ".arrow",
        b"\xff\xff\xff\xff": ".arrow",
        b"ORC": ".orc",
        b"\x93NUMPY": ".npy",
        b"PK\x03\x04": ".zip",
        b"\x1f\x8b": ".csv.gz",
        b"BZh": ".csv.bz2",
        b"\x28\xb5\x2f\xfd": ".csv.zst",
        b"{": ".jsonl",
    }
    suffix = next((s for start, s in beginnings.items() if data.startswith(start)), ".csv")
    if suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if "[Content_Types].xml" in archive.namelist():
                suffix = ".xlsx"
    return File.of("-", None, data, f"stdin{suffix}", None)


def _open_file(file: File, argument: str, spelling: Spelling) -> Source:
    """Open one file by its suffix."""
    suffix = file.suffix
    if suffix == ".zip":
        return _open_archive(file, argument, spelling)
    if suffix in excel.SUFFIXES:
        return excel.open_sheet(file, argument, spelling)
    if suffix in databases.DUCKDB or (suffix == ".db" and not _is_sqlite(file, argument)):
        return databases.open_duckdb(file, argument)
    if suffix in databases.SQLITE:
        return databases.open_sqlite(file, argument)
    known = (*text.SUFFIXES, *columnar.READERS, *arrays.SUFFIXES)
    if suffix in known and file.part is not None:
        requirement = "name a workbook, data base or archive before `::`"
        raise InvalidInputError(argument, requirement, file.shown)
    if suffix in text.SUFFIXES:
        return text.open_text(file, argument, spelling)
    if suffix in columnar.READERS:
        return columnar.open_columnar(file, argument)
    if suffix in arrays.SUFFIXES:
        return arrays.open_numpy(file, argument)
    raise InvalidInputError(argument, f"be {_KNOWN}", file.shown)


def _is_sqlite(file: File, argument: str) -> bool:
    def first() -> bytes:
        with file.open() as stream:
            return stream.read(16)

    return guarded(file, argument, first).startswith(b"SQLite format 3")


def _open_archive(file: File, argument: str, spelling: Spelling) -> Source:
    """Open the only member of a .zip, or the one named after "::"."""

    def member() -> File:
        file.check_beginning(b"PK\x03\x04")
        with file.open() as stream, zipfile.ZipFile(stream) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            names = [name for name in names if not name.startswith("__MACOSX/")]
            chosen, part = file.part, None
            if chosen is not None and chosen not in names:
                chosen, _, part = chosen.partition("::")
            if chosen is None:
                if len(names) != 1:
                    listed = ", ".join(names[:_SHOWN])
                    raise UnreadableFileError(f"members {listed}; name one: FILE::MEMBER")
                chosen = names[0]
            elif chosen not in names:
                listed = ", ".join(names[:_SHOWN])
                raise UnreadableFileError(f"no member {chosen!r}; there are {listed}")
            data = archive.read(chosen)
            if not data:
                raise UnreadableFileError(f"{chosen} of 0 bytes")
            return File.of(file.shown, None, data, Path(chosen).name, part)

    return _open_file(guarded(file, argument, member), argument, spelling)


def _open_folder(
    paths: list[Path], place: str, shown: str, argument: str, spelling: Spelling
) -> Source:
    """Open all files of a folder or a pattern as one table."""
    whole = File(shown=shown, suffixes=())
    files = [File.of(str(path), path, None, path.name, None) for path in paths]
    formats = Counter(_family(file) for file in files)
    formats.pop(None, None)
    if not formats:
        what = "a folder" if Path(place).is_dir() else "a pattern"
        raise InvalidInputError(argument, "be a readable file", f"{shown} ({what} of no tables)")
    if len(formats) > 1:
        found = " and ".join(sorted(str(name) for name in formats))
        requirement = "hold files of one format, or be a pattern such as FOLDER/*.csv"
        raise InvalidInputError(argument, requirement, f"{found} in {shown}")
    family = next(iter(formats))
    chosen = [file for file in files if _family(file) == family]
    if family in ("parquet", "ipc", "orc"):
        kept = [file.path for file in chosen if file.path is not None]
        return columnar.open_many(kept, family, whole, argument)
    return _chained(chosen, place, shown, argument, spelling)


def _family(file: File) -> str | None:
    suffix = file.suffix
    if suffix in columnar.DATASETS:
        return columnar.DATASETS[suffix]
    if suffix in text.SUFFIXES:
        return "text"
    if suffix in columnar.JSON_LINES:
        return "jsonl"
    return suffix if suffix in (*excel.SUFFIXES, *arrays.SUFFIXES) else None


def _chained(
    files: list[File], place: str, shown: str, argument: str, spelling: Spelling
) -> Source:
    """Open files of the same columns one after the other; `name=value` folders are columns."""
    sources = [_open_file(file, argument, spelling) for file in files]
    keys = [_keys(file, place) for file in files]
    first = sources[0]
    for source, found in zip(sources, keys, strict=True):
        if sorted(source.columns) != sorted(first.columns) or set(found) != set(keys[0]):
            other = sorted({*source.columns, *found} ^ {*first.columns, *keys[0]})
            requirement = "hold files of the same columns"
            value = f"{source.name} and {first.name}, which differ in {', '.join(other[:_SHOWN])}"
            raise InvalidInputError(argument, requirement, value)
    repeated = len(set(first.columns)) < len(first.columns)

    def batches() -> Iterator[Batch]:
        for source, found in zip(sources, keys, strict=True):
            places = [source.columns.index(name) for name in first.columns]
            if repeated:
                places = list(range(len(first.columns)))
            for batch in source.batches():
                columns = [batch.columns[position] for position in places]
                columns += [_constant(found[name], batch.n_rows) for name in keys[0]]
                yield replace(batch, columns=tuple(columns))

    marks = {name: mark for source in sources for name, mark in source.marks.items()}
    return replace(first, name=shown, columns=(*first.columns, *keys[0]), make=batches, marks=marks)


def _keys(file: File, place: str) -> dict[str, str]:
    parts = Path(file.shown).parent.parts[len(Path(place).parts) :] if Path(place).is_dir() else ()
    pairs = (part.partition("=") for part in parts)
    return {name: value for name, equals, value in pairs if name and equals}


def _constant(value: str, n: int) -> Any:
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    whole = value.lstrip("-").isdecimal() and len(value) < 19
    return pyarrow.repeat(pyarrow.scalar(int(value) if whole else value), n)


def _open_frame(source: Any, argument: str) -> Source:
    """Open a frame of any library, a dataset, a reader or a relation."""
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose=_PURPOSE)
    if type(source).__module__.partition(".")[0] in ("pyarrow", "duckdb", "_duckdb"):
        named = any(hasattr(source, name) for name in ("schema", "projected_schema", "columns"))
        gives = any(hasattr(source, name) for name in ("__arrow_c_stream__", "to_batches", "slice"))
        if not (named and gives):
            raise InvalidInputError(argument, _REQUIREMENT, type(source).__name__)
        if type(source).__name__ == "DuckDBPyRelation":
            import_optional("pyarrow", extra="stream", purpose="reading DuckDB relations")
            return databases.open_relation(source, argument)
        return columnar.open_stream(source, argument)
    if narwhals.dependencies.is_pandas_dataframe(source):
        labels = [str(label) for label in source.columns]
        batch = Batch(
            n_rows=len(source),
            columns=tuple(source.iloc[:, place] for place in range(len(labels))),
        )
        return Source(
            name=argument,
            columns=tuple(labels),
            make=lambda: iter((batch,)),
            backend="pandas",
        )
    if narwhals.dependencies.is_polars_lazyframe(source):
        return _open_lazy(source, argument)
    return _open_eager(source, argument)


def _open_lazy(source: Any, argument: str) -> Source:
    """Open a LazyFrame: all of it is collected, single columns are read in batches."""

    def some(columns: tuple[str, ...]) -> Iterator[Batch]:
        chosen = source.select(list(columns))
        # Polars before 1.34 has no batches.
        batches = getattr(chosen, "collect_batches", None)
        for frame in (chosen.collect(),) if batches is None else batches():
            yield Batch(n_rows=len(frame), columns=tuple(frame.get_columns()))

    def whole() -> Iterator[Batch]:
        frame = source.collect()
        yield Batch(n_rows=len(frame), columns=tuple(frame.get_columns()))

    return Source(
        name=argument,
        columns=tuple(source.collect_schema().names()),
        make=whole,
        backend="polars",
        make_some=some,
    )


def _open_eager(source: Any, argument: str) -> Source:
    """Open a frame that is in memory."""
    narwhals = import_optional("narwhals.stable.v2", extra="cli", purpose=_PURPOSE)
    try:
        frame = narwhals.from_native(source, eager_only=True)
    except TypeError:
        if hasattr(source, "__arrow_c_stream__") and not hasattr(source, "dtype"):
            return columnar.open_stream(source, argument)
        raise InvalidInputError(argument, _REQUIREMENT, type(source).__name__) from None
    backend = frame.implementation.value
    whole = Batch(n_rows=len(frame), columns=tuple(frame[label] for label in frame.columns))
    return Source(
        name=argument,
        columns=tuple(frame.columns),
        make=lambda: iter((whole,)),
        backend=backend if backend in ("pandas", "polars") else "pyarrow",
    )
