"""Parquet, Arrow, Feather, ORC and JSON lines, one file or many: batches of Arrow columns."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .._optional import import_optional
from .files import ARROW_STREAM, File, UnreadableFileError, guarded, guarded_batches
from .source import Batch, Source, Unreadable
from .spelling import times

__all__ = [
    "DATASETS",
    "JSON_LINES",
    "READERS",
    "batch_of",
    "open_columnar",
    "open_many",
    "open_stream",
    "units_of",
]

_STREAM_END = ARROW_STREAM + b"\0\0\0\0"
_PURPOSE = "reading Parquet, Arrow, ORC and JSON files"

_JSON_BLOCK = 2**24
"""Bytes of JSON lines parsed together: a line must fit in. By taste."""

_ROWS = 2**16
"""Rows of a batch of Parquet."""

_NUMBERS = 2**18
"""Values of a batch of few columns, which go faster in longer ones: 2 MB; by taste."""

_BUFFER = 2**20
"""Bytes of a column chunk that are read at once: a row group may be as large as its file."""

_READ_AHEAD = 4
"""Batches of a dataset that are read ahead; by taste."""

PARQUET = (".parquet", ".pq")

DATASETS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "ipc",
    ".feather": "ipc",
    ".ipc": "ipc",
    ".orc": "orc",
}
"""Suffixes of the files that Arrow reads many of as one table, and what it calls their format."""

JSON_LINES = (".jsonl", ".ndjson")


def batch_of(rows: Any) -> Batch:
    """Columns of an Arrow record batch or table."""
    return Batch(n_rows=rows.num_rows, columns=tuple(rows.columns))


def units_of(schema: Any) -> dict[str, str]:
    """Units that an Arrow schema states, from the key `units` of its fields' metadata."""
    units = {}
    for field in schema:
        stated = (field.metadata or {}).get(b"units")
        if stated:
            units[field.name] = stated.decode("utf-8", "replace")
    return units


def open_columnar(file: File, argument: str) -> Source:
    """Open one file of a format in `READERS`."""
    import_optional("pyarrow", extra="cli", purpose=_PURPOSE)

    def opened() -> tuple[
        tuple[str, ...], dict[str, str], Callable[[], Iterator[Batch]], int | None
    ]:
        schema, batches = READERS[file.suffix](file)
        n_rows = _parquet_rows(file) if file.suffix in PARQUET else None
        return tuple(schema.names), units_of(schema), batches, n_rows

    names, units, batches, n_rows = guarded(file, argument, opened)

    def some(columns: tuple[str, ...]) -> Iterator[Batch]:
        return guarded_batches(file, argument, lambda: _parquet_batches(file, columns))

    return Source(
        name=file.shown,
        columns=names,
        units=units,
        make=lambda: guarded_batches(file, argument, batches),
        make_some=some if file.suffix in PARQUET else None,
        n_rows=n_rows,
    )


def open_stream(source: Any, name: str) -> Source:
    """Wrap what gives Arrow batches: a Table, Dataset, reader, or `__arrow_c_stream__`."""
    pyarrow = import_optional("pyarrow", extra="cli", purpose="reading Arrow data")
    if isinstance(source, pyarrow.RecordBatch):
        source = pyarrow.Table.from_batches([source])
    if isinstance(source, pyarrow.Table):
        batch = batch_of(source)
        return _source(name, source.schema, lambda: iter((batch,)))
    if hasattr(source, "to_batches"):  # a Dataset, or a Scanner of one
        schema = getattr(source, "projected_schema", None) or source.schema
        read = partial(_dataset_batches, source)
        scanned = hasattr(source, "projected_schema")
        return _source(name, schema, read, some=None if scanned else read)
    reader = source
    if not isinstance(source, pyarrow.RecordBatchReader):
        reader = pyarrow.RecordBatchReader.from_stream(source)
    return _source(name, reader.schema, lambda: map(batch_of, reader), once=True)


def _dataset_batches(dataset: Any, columns: tuple[str, ...] | None = None) -> Iterator[Batch]:
    if columns is None:
        return map(batch_of, dataset.to_batches())
    return map(batch_of, dataset.to_batches(columns=list(columns)))


def _source(
    name: str,
    schema: Any,
    make: Callable[[], Iterator[Batch]],
    *,
    once: bool = False,
    some: Callable[[tuple[str, ...]], Iterator[Batch]] | None = None,
) -> Source:
    return Source(
        name=name,
        columns=tuple(schema.names),
        units=units_of(schema),
        make=make,
        once=once,
        make_some=some,
    )


def files_of(pattern: str) -> list[Path] | None:
    """Files of a folder, whatever lies how deep, or of a glob; None where it is neither.

    Names that begin with a dot or an underscore are no data, as everywhere in the Arrow world.
    """
    folder = Path(pattern)
    try:
        if folder.is_dir():
            found = [path for path in folder.rglob("*") if path.is_file()]
            inner = [path.relative_to(folder).parts for path in found]
            kept = [not any(part.startswith((".", "_")) for part in parts) for parts in inner]
            return sorted(path for path, good in zip(found, kept, strict=True) if good)
        if not folder.exists() and glob.has_magic(pattern):
            matched = sorted(Path(path) for path in glob.glob(pattern, recursive=True))
            return [path for path in matched if path.is_file()] or None
    except (OSError, ValueError):  # a name that the system does not take
        return None
    return None


def open_many(paths: Sequence[Path], kind: str, whole: File, argument: str) -> Source:
    """Open files of one format as one table; `name=value` folders are columns."""
    dataset = import_optional("pyarrow.dataset", extra="cli", purpose=_PURPOSE)
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)

    def opened() -> Any:
        names = [os.fspath(path) for path in paths]
        # Null or number, int or float: files that pandas wrote differ in it.
        parts = [dataset.dataset(name, format=kind).schema for name in names]
        for name, part in zip(names, parts, strict=True):
            if set(part.names) != set(parts[0].names):
                other = sorted(set(part.names) ^ set(parts[0].names))
                raise UnreadableFileError(
                    f"{name} and {names[0]} differ in the columns {', '.join(other[:6])}"
                )
        schema = pyarrow.unify_schemas(parts, promote_options="permissive")
        hive = dataset.HivePartitioning.discover(infer_dictionary=False)
        found = dataset.dataset(names, format=kind, partitioning=hive).schema
        for field in found:
            if schema.get_field_index(field.name) < 0:
                schema = schema.append(field)
        return dataset.dataset(names, schema=schema, format=kind, partitioning=hive)

    table = guarded(_without_path(whole), argument, opened)
    n_rows = int(table.count_rows()) if kind == "parquet" else None  # from the footers

    def batches(columns: tuple[str, ...] | None) -> Iterator[Batch]:
        names = None if columns is None else list(columns)
        return guarded_batches(
            whole, argument, lambda: map(batch_of, map(_validated, _scanned(table, names)))
        )

    return Source(
        name=whole.shown,
        columns=tuple(table.schema.names),
        units=units_of(table.schema),
        make=lambda: batches(None),
        make_some=batches,
        n_rows=n_rows,
    )


def _scanned(table: Any, columns: list[str] | None) -> Iterator[Any]:
    """Batches of a dataset, few of which are read ahead."""
    ahead = {"batch_readahead": _READ_AHEAD, "fragment_readahead": 1}
    return iter(table.to_batches(columns=columns, **ahead))


def _without_path(file: File) -> File:
    return File(shown=file.shown, suffixes=file.suffixes)


Opened = tuple[Any, Callable[[], Iterator[Batch]]]


def _parquet(file: File) -> Opened:
    parquet = import_optional("pyarrow.parquet", extra="cli", purpose=_PURPOSE)
    file.check_beginning(b"PAR1")

    with file.open() as stream, parquet.ParquetFile(stream) as whole:
        return whole.schema_arrow, lambda: _parquet_batches(file, None)


def _parquet_rows(file: File) -> int:
    """Rows by the footer of a file."""
    parquet = import_optional("pyarrow.parquet", extra="cli", purpose=_PURPOSE)
    with file.open() as stream, parquet.ParquetFile(stream) as whole:
        return int(whole.metadata.num_rows)


def _parquet_batches(file: File, columns: tuple[str, ...] | None) -> Iterator[Batch]:
    parquet = import_optional("pyarrow.parquet", extra="cli", purpose=_PURPOSE)
    size, names = _ROWS, None
    if columns is not None:
        names = list(columns)
        size = max(_ROWS, _NUMBERS // max(len(names), 1))
    # The file object, unlike a path, keeps repeated names apart and looks for no partitions. Arrow
    # would hold all row groups that it has read ahead.
    settings = {"pre_buffer": False, "buffer_size": _BUFFER}
    with file.open() as stream, parquet.ParquetFile(stream, **settings) as rows:
        for batch in rows.iter_batches(batch_size=size, columns=names):
            yield batch_of(_validated(batch))


def _orc(file: File) -> Opened:
    orc = import_optional("pyarrow.orc", extra="cli", purpose=_PURPOSE)
    file.check_beginning(b"ORC")

    def batches() -> Iterator[Batch]:
        with file.open() as stream:
            rows = orc.ORCFile(stream)
            for stripe in range(rows.nstripes):
                yield batch_of(_validated(rows.read_stripe(stripe)))

    with file.open() as stream:
        return orc.ORCFile(stream).schema, batches


def _arrow(file: File) -> Opened:
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    feather = import_optional("pyarrow.feather", extra="cli", purpose=_PURPOSE)
    first = file.check_beginning(b"ARROW1", b"FEA1", ARROW_STREAM)
    if first.startswith(b"FEA1"):
        with file.open() as stream:
            table = _validated(feather.read_table(stream))
        return table.schema, lambda: iter((batch_of(table),))
    if first.startswith(b"ARROW1"):

        def stored() -> Iterator[Batch]:
            with _arrow_input(file, pyarrow) as source:
                rows = pyarrow.ipc.open_file(source)
                for index in range(rows.num_record_batches):
                    yield batch_of(_validated(rows.get_batch(index)))

        with _arrow_input(file, pyarrow) as source:
            return pyarrow.ipc.open_file(source).schema, stored
    with file.open() as stream:
        stream.seek(-min(file.size, len(_STREAM_END)), os.SEEK_END)
        if stream.read() != _STREAM_END:
            # A stream that was cut between two batches reads like a whole one.
            raise UnreadableFileError("an Arrow stream without its end")

    def streamed() -> Iterator[Batch]:
        with _arrow_input(file, pyarrow) as source:
            yield from (batch_of(_validated(batch)) for batch in pyarrow.ipc.open_stream(source))

    with _arrow_input(file, pyarrow) as source:
        return pyarrow.ipc.open_stream(source).schema, streamed


def _arrow_input(file: File, pyarrow: Any) -> Any:
    return pyarrow.BufferReader(file.data) if file.path is None else pyarrow.OSFile(str(file.path))


def _json_lines(file: File) -> Opened:
    """Types come from JSON, but for times, which are texts there."""
    json = import_optional("pyarrow.json", extra="cli", purpose=_PURPOSE)
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    with file.unpacked() as stream:
        table = json.read_json(stream, read_options=json.ReadOptions(block_size=_JSON_BLOCK))
    for position, field in enumerate(table.schema):
        column, found = table.column(position), None
        if pyarrow.types.is_string(field.type):
            found = times(column)
        elif pyarrow.types.is_timestamp(field.type):  # which Arrow makes of days, too
            days = column.cast(pyarrow.date32(), safe=False)
            found = days if days.cast(field.type).equals(column) else None
        if not (found is None or isinstance(found, Unreadable)):
            table = table.set_column(position, field.name, found)
    return table.schema, lambda: iter((batch_of(table),))


def _validated(rows: Any) -> Any:
    """Return rows whose offsets lie within their buffers, as those of a damaged file may not."""
    rows.validate(full=True)
    return rows


READERS: dict[str, Callable[[File], Opened]] = {
    **dict.fromkeys(PARQUET, _parquet),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), _arrow),
    ".orc": _orc,
    **dict.fromkeys(JSON_LINES, _json_lines),
}
