"""Text files of rows: Arrow's reader on what `dialects` found, then the cells as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._optional import import_optional
from .dialects import Dialect, dialect_of
from .files import File, UnreadableFileError, guarded
from .source import Batch, Source, Spelling, Unreadable
from .spelling import Numbers, decimal_marks, numbers, times, truths

__all__ = ["SUFFIXES", "open_text"]

SUFFIXES = (".csv", ".tsv", ".txt")
_PURPOSE = "reading CSV files"
_SPELLED = frozenset({"delimiter", "decimal", "encoding", "na"})

Read = Callable[..., Any]


def open_text(file: File, argument: str, spelling: Spelling) -> Source:
    """Open a text file whose first row names its columns.

    All of it is read: only the last row settles what a column holds.
    """
    import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    names, batch, marks = guarded(file, argument, lambda: _read(file, spelling))
    return Source(
        name=file.shown,
        columns=names,
        make=lambda: iter((batch,)),
        marks=marks,
        spelled=_SPELLED,
    )


def _read(file: File, spelling: Spelling) -> tuple[tuple[str, ...], Batch, dict[str, str]]:
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    compute = import_optional("pyarrow.compute", extra="cli", purpose=_PURPOSE)
    dialect = dialect_of(file, spelling)
    read = _reader(file, dialect, spelling)
    names = list(spelling.texts)
    kept = dict.fromkeys(names, pyarrow.string())
    try:
        table = read(column_types=kept)
    except pyarrow.ArrowInvalid as error:
        raise UnreadableFileError(_parse_error(error)) from error
    if table.num_columns == 1 and _is_text(table, table.schema.names[0]):
        # An empty line would be none: writers put quotes around the missing value of a column.
        cells = compute.if_else(compute.equal(table.column(0), ""), None, table.column(0))
        table = table.set_column(0, table.schema.names[0], cells)
    once = [name for name in table.schema.names if table.schema.names.count(name) == 1]
    columns = dict(zip(range(table.num_columns), table.columns, strict=True))
    position = {name: table.schema.names.index(name) for name in once}
    for name, exact in _exact_integers(table, once, read).items():
        columns[position[name]] = exact
    texts = [name for name in once if name not in spelling.texts and _is_text(table, name)]
    marks: dict[str, str] = {}
    if texts or dialect.delimiter == ";":
        found = _Cells(table, once, read, dialect, spelling)
        for name, column in found.settled(texts).items():
            if isinstance(column, Numbers):
                if column.mark is not None:
                    marks[name] = column.mark
                column = column.values
            columns[position[name]] = column
    batch = Batch(n_rows=table.num_rows, columns=tuple(columns.values()))
    return tuple(table.schema.names), batch, marks


def _reader(file: File, dialect: Dialect, spelling: Spelling) -> Read:
    reader = import_optional("pyarrow.csv", extra="cli", purpose=_PURPOSE)

    def read(*, quoted_missing: bool = False, **types: Any) -> Any:
        usual = reader.ConvertOptions().null_values
        with file.unpacked() as stream:
            return reader.read_csv(
                stream,
                read_options=reader.ReadOptions(
                    encoding=dialect.encoding, skip_rows=dialect.skipped
                ),
                # A cell in quotes may hold a line break, which slows the search for rows down.
                parse_options=reader.ParseOptions(
                    delimiter=dialect.delimiter, newlines_in_values=dialect.quoted
                ),
                # An empty or NA text cell is missing, as in a numeric column; "NA" in quotes is a
                # text, unless everything is in quotes.
                convert_options=reader.ConvertOptions(
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=quoted_missing or dialect.all_quoted,
                    null_values=[*usual, *spelling.na],
                    decimal_point=spelling.decimal or ".",
                    **types,
                ),
            )

    return read


def _parse_error(error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    if "Expected" in reason:
        reason += "; if other marks separate its cells, say delimiter= (--delimiter)"
    return reason


def _is_text(table: Any, name: str) -> bool:
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    kind = table.schema.field(name).type
    return bool(pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind))


def _exact_integers(table: Any, once: list[str], read: Read) -> dict[str, Any]:
    """Integers beyond 64 bits, which are read as floats: that rounds them."""
    pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    compute = import_optional("pyarrow.compute", extra="cli", purpose=_PURPOSE)
    exact = {}
    for name in once:
        if not pyarrow.types.is_floating(table.schema.field(name).type):
            continue
        largest = compute.max(compute.abs(table.column(name))).as_py()
        if largest is not None and 2.0**63 <= largest < 1e38:
            whole = {name: pyarrow.decimal128(38, 0)}
            try:
                exact[name] = read(column_types=whole, include_columns=[name]).column(0)
            except pyarrow.ArrowInvalid:
                continue
    return exact


class _Cells:
    """Columns that Arrow leaves as texts, and what else they may be."""

    def __init__(
        self, table: Any, once: list[str], read: Read, dialect: Dialect, spelling: Spelling
    ):
        self.table, self.once, self.read = table, once, read
        self.dialect, self.spelling = dialect, spelling
        self.pyarrow = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)

    def settled(self, cells: list[str]) -> dict[str, Any]:
        """What each of these columns is, where it is more than texts, and doubtful fractions."""
        texts = {name: self.table.column(name) for name in cells}
        settled: dict[str, Any] = {}
        if self.dialect.quoted and not self.dialect.all_quoted:
            # A missing number in quotes makes texts of them all: "1","".
            held = [name for name in cells if self._holds_missing(texts[name])]
            loose: Any = self.read(quoted_missing=True, include_columns=held) if held else None
            for name in held:
                column = loose.column(name)
                if _is_text(loose, name):
                    texts[name] = column
                elif not self.pyarrow.types.is_null(column.type):
                    settled[name] = column
                    del texts[name]
        evidence, doubtful = self._evidence(texts)
        for name, text in texts.items():
            found: Any = numbers(
                text, decimal=self.spelling.decimal, evidence=evidence, na=self.spelling.na
            )
            for read in (times, truths):
                found = read(text, na=self.spelling.na) if found is None else found
            if found is not None:
                settled[name] = found
        for name, text in doubtful.items():
            # Read as decimal fractions, but the file's decimal mark is the comma, or may be.
            found = numbers(text, evidence=evidence, na=self.spelling.na)
            if evidence or isinstance(found, Unreadable):
                settled[name] = found or Unreadable(
                    "points in numbers of a file with decimal commas; say decimal= (--decimal)"
                )
        return settled

    def _evidence(self, texts: dict[str, Any]) -> tuple[set[str], dict[str, Any]]:
        """Decimal marks that the file needs, and columns whose points may be thousands."""
        if self.spelling.decimal is not None:
            return {self.spelling.decimal}, {}
        marks: set[str] = set()
        for text in texts.values():
            marks |= decimal_marks(text)
        semicolons = self.dialect.delimiter == ";"  # where the comma is the decimal mark
        if not (semicolons or any(map(self._has_commas, texts.values()))):
            return marks, {}
        floats = [
            name
            for name in self.once
            if self.pyarrow.types.is_floating(self.table.schema.field(name).type)
        ]
        doubtful = {}
        if floats:
            strings = dict.fromkeys(floats, self.pyarrow.string())
            raw = self.read(quoted_missing=True, column_types=strings, include_columns=floats)
            for name in floats:
                needed = decimal_marks(raw.column(name))
                marks |= needed
                if not needed:
                    doubtful[name] = raw.column(name)
        return marks, doubtful if marks == {","} or (semicolons and not marks) else {}

    def _holds_missing(self, text: Any) -> bool:
        """Whether a missing value stands in quotes, where it is a text so far."""
        compute = import_optional("pyarrow.compute", extra="cli", purpose=_PURPOSE)
        usual = import_optional("pyarrow.csv", extra="cli", purpose=_PURPOSE).ConvertOptions()
        known = self.pyarrow.array([*usual.null_values, *self.spelling.na])
        return bool(compute.any(compute.is_in(text, value_set=known)).as_py())

    def _has_commas(self, text: Any) -> bool:
        compute = import_optional("pyarrow.compute", extra="cli", purpose=_PURPOSE)
        return bool(compute.any(compute.match_substring_regex(text, pattern=r"\d,\d")).as_py())
