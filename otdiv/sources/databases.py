"""Tables and queries of SQLite and DuckDB files, which are opened to read only."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from .._optional import import_optional
from .columnar import batch_of
from .files import File, UnreadableFileError, guarded, guarded_batches
from .rows import column_of
from .source import Batch, Source

__all__ = ["DUCKDB", "SQLITE", "open_duckdb", "open_relation", "open_sqlite"]

SQLITE = (".sqlite", ".sqlite3", ".db")
DUCKDB = (".duckdb", ".ddb")

_QUERY = re.compile(r"\s*(select|with|from|values)\s", re.IGNORECASE)
_SHOWN = 8
"""Tables that an error lists."""
_ROWS = 2**16
"""Rows a batch of DuckDB."""
_REMEDY = 'CAST it in a query: FILE::"SELECT CAST(… AS REAL) …"'


def _query(part: str | None, tables: list[str]) -> str:
    """The query that a part of a data base means."""
    if part is not None and _QUERY.match(part):
        return part.strip().rstrip(";")
    if part is None:
        if len(tables) != 1:
            raise UnreadableFileError(
                f"tables {_listing(tables)}; name one: FILE::{tables[0]}" if tables else "no table"
            )
        part = tables[0]
    elif part not in tables:
        raise UnreadableFileError(f"no table {part!r}; there are {_listing(tables)}")
    return f"SELECT * FROM {_quoted(part)}"


def _listing(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", … ({len(names)})" if len(names) > _SHOWN else "")


def open_sqlite(file: File, argument: str) -> Source:
    """Open a table, a view or a query of an SQLite file; every value has its own type there."""
    names, rows = guarded(file, argument, lambda: _sqlite_rows(file))
    columns = tuple(
        column_of([row[place] for row in rows], remedy=_REMEDY) for place in range(len(names))
    )
    batch = Batch(n_rows=len(rows), columns=columns)
    return Source(name=file.shown, columns=names, make=lambda: iter((batch,)))


def _sqlite_rows(file: File) -> tuple[tuple[str, ...], list[Any]]:
    if file.path is None:
        raise UnreadableFileError("a data base inside of another file; unpack it first")
    file.check_beginning(b"SQLite format 3")
    address = f"file:{quote(str(file.path.absolute()))}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as base:
        stored = base.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        )
        cursor = base.execute(_query(file.part, [name for (name,) in stored]))
        if cursor.description is None:
            raise UnreadableFileError("a statement that returns no rows")
        return tuple(str(column[0]) for column in cursor.description), cursor.fetchall()


def open_duckdb(file: File, argument: str) -> Source:
    """Open a table, a view or a query of a DuckDB file."""
    duckdb = import_optional("duckdb", extra="stream", purpose="reading DuckDB files")
    import_optional("pyarrow", extra="stream", purpose="reading DuckDB files")

    def connected() -> Any:
        # No query fetches an extension from the network.
        options = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        return duckdb.connect(str(file.path), read_only=True, config=options)

    def opened() -> tuple[str, Any]:
        if file.path is None:
            raise UnreadableFileError("a data base inside of another file; unpack it first")
        with contextlib.closing(connected()) as base:
            stored = base.execute(
                "SELECT table_name FROM information_schema.tables "
                "WHERE table_schema = 'main' ORDER BY table_name"
            ).fetchall()
            query = _query(file.part, [name for (name,) in stored])
            return query, _reader(base.sql(query)).schema

    def batches(query: str) -> Iterator[Batch]:
        with contextlib.closing(connected()) as base:
            yield from map(batch_of, _reader(base.sql(query)))

    query, schema = guarded(file, argument, opened)

    def some(columns: tuple[str, ...]) -> Iterator[Batch]:
        chosen = f"SELECT {', '.join(map(_quoted, columns))} FROM ({query})"
        return guarded_batches(file, argument, lambda: batches(chosen))

    return Source(
        name=file.shown,
        columns=tuple(schema.names),
        make=lambda: guarded_batches(file, argument, lambda: batches(query)),
        make_some=some,
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def open_relation(relation: Any, name: str) -> Source:
    """Open a relation of DuckDB, whose query runs whenever it is read."""

    def batches(columns: tuple[str, ...] | None = None) -> Iterator[Batch]:
        chosen = relation
        if columns is not None:
            chosen = relation.project(", ".join(map(_quoted, columns)))
        return map(batch_of, _reader(chosen))

    return Source(name=name, columns=tuple(relation.columns), make=batches, make_some=batches)


def _reader(relation: Any) -> Any:
    if relation is None:
        raise UnreadableFileError("a statement that returns no rows")
    if hasattr(relation, "to_arrow_reader"):
        return relation.to_arrow_reader(_ROWS)
    return relation.fetch_record_batch(_ROWS)  # before DuckDB 1.4
