"""`python -m benchmarks messy --cases N --rng S`: texts as strangers write them, read by three.

Each case is a drawn table, written with a drawn delimiter, quoting, decimal mark, encoding, line
end, spelling of missing values and packing, sometimes ragged or with blank lines. pandas and polars
are told the delimiter and the encoding, otdiv only cp1252, which no bytes show; in every third case
all three are told all of it, and the decimal mark. otdiv's columns are compared where the other two
agree.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import math
import re
import tempfile
import warnings
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from otdiv.errors import InvalidInputError
from otdiv.sources import open_table
from otdiv.tables.columns import Column, ColumnError, Kind, decode
from otdiv.tables.reading import read_table

from .records import save

AGREES = "as both"
SAID_SO = "asks or refuses"
BETTER = "the truth against both"
WRONG = "wrong"
ALONE = "both differ: the truth"
ALONE_SAID_SO = "both differ: asks or refuses"
ALONE_WRONG = "both differ: neither"
OUTCOMES = (AGREES, SAID_SO, BETTER, WRONG, ALONE, ALONE_SAID_SO, ALONE_WRONG)

_USUAL = ["", "NA", "N/A", "NULL", "null", "NaN", "nan", "n/a", "#N/A"]
"""Spellings of missing values that pandas knows by itself; polars is told them."""

Rng = np.random.Generator


@dataclass(frozen=True)
class Drawn:
    """A column: what it is called, its cells as written, and what they mean."""

    family: str
    cells: list[str]
    truth: list[Any]


@dataclass(frozen=True)
class Case:
    """A file, how it is written, and what it holds."""

    number: int
    data: bytes
    suffix: str
    delimiter: str
    decimal: str
    encoding: str
    told: bool
    trouble: str
    columns: dict[str, Drawn]


def _whole(rng: Rng, n: int) -> tuple[list[Any], list[str]]:
    values = [int(v) for v in rng.integers(-(10 ** int(rng.integers(1, 19))), 10**4, size=n)]
    return values, [str(v) for v in values]


def _fractions(rng: Rng, n: int, mark: str) -> tuple[list[Any], list[str]]:
    digits = int(rng.integers(1, 7))
    texts = [f"{v:.{digits}f}" for v in rng.normal(scale=10.0 ** rng.integers(-2, 6), size=n)]
    return [float(t) for t in texts], [t.replace(".", mark) for t in texts]


def _grouped(rng: Rng, n: int, mark: str) -> tuple[list[Any], list[str]]:
    group = rng.choice([{",": ".", ".": ","}[mark], " ", "'", "\u202f"])
    digits = int(rng.integers(0, 3))
    texts = [f"{v:,.{digits}f}" for v in rng.normal(scale=1e5, size=n)]
    swap = str.maketrans({",": str(group), ".": mark})
    return [float(t.replace(",", "")) for t in texts], [t.translate(swap) for t in texts]


def _money(rng: Rng, n: int, mark: str) -> tuple[list[Any], list[str]]:
    values, texts = _grouped(rng, n, mark)
    sign = str(rng.choice(["$", "€", "£"]))
    if rng.random() < 0.5:
        return values, [f"{t} {sign}" for t in texts]
    return values, [f"-{sign}{t[1:]}" if t[0] == "-" else f"{sign}{t}" for t in texts]


def _percent(rng: Rng, n: int, mark: str) -> tuple[list[Any], list[str]]:
    values, texts = _fractions(rng, n, mark)
    blank = str(rng.choice(["", " "]))
    return values, [f"{t}{blank}%" for t in texts]


def _labels(rng: Rng, n: int) -> tuple[list[Any], list[str]]:
    pools = [
        ["Rom", "Bern", "Paris"],
        ["a, b", "c; d", "e|f", "g\th"],
        ['say "x"', "it's", "ü ö", "naïve"],
        ["line\nbreak", "one", "two"],
        ["A12", "B7", "10"],
        ["1.2.3", "1.10.0", "2.0.0"],
        ["12-34", "5-6"],
        [" lead", "trail ", "in side"],
        ["true story", "false", "no"],
    ]
    values = [str(v) for v in rng.choice(pools[rng.integers(len(pools))], size=n)]
    return values, values


def _truths(rng: Rng, n: int) -> tuple[list[Any], list[str]]:
    pair = [("True", "False"), ("true", "false"), ("TRUE", "FALSE")][rng.integers(3)]
    values = [bool(v) for v in rng.integers(2, size=n)]
    return values, [pair[0] if v else pair[1] for v in values]


def _days(rng: Rng, n: int) -> tuple[list[Any], list[str]]:
    first = dt.date(2000, 1, 1)
    values = [first + dt.timedelta(days=int(v)) for v in rng.integers(0, 9000, size=n)]
    form = str(rng.choice(["%Y-%m-%d", "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y"]))
    return [v.isoformat() for v in values], [v.strftime(form) for v in values]


def _moments(rng: Rng, n: int) -> tuple[list[Any], list[str]]:
    first = dt.datetime(2000, 1, 1)
    values = [first + dt.timedelta(seconds=int(v)) for v in rng.integers(0, 10**9, size=n)]
    between = str(rng.choice([" ", "T"]))
    return [v.isoformat() for v in values], [v.isoformat(between) for v in values]


def _codes(rng: Rng, n: int) -> tuple[list[Any], list[str]]:
    values = [int(v) for v in rng.integers(0, 99999, size=n)]
    return values, [f"{v:05d}" for v in values]


_PLAIN: dict[str, Callable[[Rng, int], tuple[list[Any], list[str]]]] = {
    "integers": _whole,
    "labels": _labels,
    "booleans": _truths,
    "days": _days,
    "moments": _moments,
    "leading zeros": _codes,
}
_MARKED: dict[str, Callable[[Rng, int, str], tuple[list[Any], list[str]]]] = {
    "fractions": _fractions,
    "thousands": _grouped,
    "money": _money,
    "percent": _percent,
}
FAMILIES = (*_PLAIN, *_MARKED)


def draw(number: int, seed: int) -> Case:
    """Case of a run, which depends on the seed and its number only."""
    rng = np.random.default_rng([seed, number])
    delimiter = str(rng.choice([",", ",", ";", "\t", "|"]))
    decimal = str(rng.choice([".", ",", "."])) if delimiter != "," else "."
    n = int(rng.integers(1, 40))
    columns: dict[str, Drawn] = {}
    for place in range(int(rng.integers(1, 6))):
        family = str(rng.choice(FAMILIES))
        if family in _PLAIN:
            truth, cells = _PLAIN[family](rng, n)
        else:
            truth, cells = _MARKED[family](rng, n, decimal)
        if rng.random() < 0.4:
            word = str(rng.choice(["", "", "NA", "NULL", "nan", "-", "?", "N/A"]))
            gone = rng.random(n) < rng.choice([0.1, 0.5])
            truth = [None if g else v for g, v in zip(gone, truth, strict=True)]
            cells = [word if g else c for g, c in zip(gone, cells, strict=True)]
        name = str(rng.choice(["x", "größe", "dep delay", "Preis (EUR)", "a.b"])) + str(place)
        columns[name] = Drawn(family, cells, truth)
    text, trouble = _written(rng, columns, delimiter)
    encoding = str(rng.choice(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        encoding, data = "utf-8", text.encode()
    name = ".tsv" if delimiter == "\t" and rng.random() < 0.5 else ".csv"
    name = name.upper() if rng.random() < 0.1 else name
    packing = int(rng.integers(12))
    if packing == 0:
        name, data = f"{name}.gz", gzip.compress(data)
    elif packing == 1:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(f"t{name}", data)
        name, data = f"{name}.zip", stream.getvalue()
    told = number % 3 == 0
    return Case(number, data, name, delimiter, decimal, encoding, told, trouble, columns)


def _written(rng: Rng, columns: dict[str, Drawn], delimiter: str) -> tuple[str, str]:
    stream = io.StringIO()
    quoting = int(rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    end = str(rng.choice(["\n", "\n", "\r\n"]))
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=end)
    rows = list(zip(*(column.cells for column in columns.values()), strict=True))
    writer.writerow(list(columns))
    trouble = str(rng.choice(["", "", "", "", "", "ragged", "blank line", "no last line end"]))
    where = int(rng.integers(len(rows)))
    for place, row in enumerate(rows):
        cells: Sequence[str] = row
        if trouble == "ragged" and place == where:
            cells = [*row, "extra"] if rng.random() < 0.5 else row[:-1]
        if trouble == "blank line" and place == where:
            stream.write(end)
        writer.writerow(cells)
    text = stream.getvalue()
    return (text.removesuffix(end) if trouble == "no last line end" else text), trouble


def _normal(value: Any) -> Any:
    """A cell as all three could say it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dt.datetime):
        value = value.replace(tzinfo=None).isoformat()
    elif isinstance(value, dt.date):
        value = value.isoformat()
    if isinstance(value, str):
        if re.fullmatch(r"\d{4}-\d\d-\d\d([T ]00:00:00)?", value):
            return value[:10]
        return re.sub(r"^(\d{4}-\d\d-\d\d) (?=\d\d:)", r"\1T", value)
    if isinstance(value, bool):
        return "True" if value else "False"
    return value


def _unpacked(case: Case) -> bytes:
    suffix = case.suffix.lower()
    if suffix.endswith(".gz"):
        return gzip.decompress(case.data)
    if suffix.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(case.data)) as archive:
            return archive.read(archive.namelist()[0])
    return case.data


def _pandas(case: Case) -> dict[str, list[Any]]:
    import pandas as pd

    frame = pd.read_csv(
        io.BytesIO(_unpacked(case)),
        sep=case.delimiter,
        decimal=case.decimal if case.told else ".",
        encoding=case.encoding,
        float_precision="round_trip",
        index_col=False,
    )
    return {
        str(name): [None if pd.isna(v) else _normal(v) for v in frame[name]]
        for name in frame.columns
    }


def _polars(case: Case) -> dict[str, list[Any]]:
    import polars as pl

    frame = pl.read_csv(
        io.BytesIO(_unpacked(case).decode(case.encoding).encode()),
        separator=case.delimiter,
        decimal_comma=case.told and case.decimal == ",",
        null_values=_USUAL,
        infer_schema_length=None,
        try_parse_dates=True,
    )
    return {name: [_normal(v) for v in frame[name].to_list()] for name in frame.columns}


def _ours(case: Case, folder: Path) -> dict[str, list[Any] | ColumnError]:
    path = folder / f"t{case.suffix}"
    path.write_bytes(case.data)
    options: dict[str, Any] = {}
    if case.told:
        options = {"delimiter": case.delimiter, "encoding": case.encoding, "decimal": case.decimal}
    elif case.encoding == "cp1252":
        options = {"encoding": "cp1252"}  # which nobody can find
    table = read_table(open_table(path, "a", **options), "a")
    found: dict[str, list[Any] | ColumnError] = {}
    for name, column in table.columns.items():
        try:
            found[name] = _cells(decode(column))
        except ColumnError as error:
            found[name] = error
    return found


def _cells(column: Column) -> list[Any]:
    values: list[Any] = column.values.tolist()
    if column.kind.is_unordered:
        values = [_normal(column.labels[code]) for code in values]
    elif column.kind.is_time:
        first = dt.datetime(1970, 1, 1)
        step = column.tick // 1000
        values = [_normal(first + dt.timedelta(microseconds=v * step)) for v in values]
    elif column.kind is Kind.EMPTY:
        values = []
    cells: list[Any] = [None] * column.present.size
    for place, value in zip(np.flatnonzero(column.present), values, strict=True):
        cells[place] = value
    return cells


def _same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(
        (a is None) == (b is None) and a == b for a, b in zip(one, other, strict=True)
    )


def _tried(read: Callable[[], Any]) -> Any:
    """What a library makes of a file; its error where it makes nothing of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except Exception as error:
        return error


def judge(case: Case, folder: Path) -> list[tuple[str, str, str, str]]:
    """Family, outcome, detail, and the reason of a refusal, of every column of a case."""
    first, second = _tried(lambda: _pandas(case)), _tried(lambda: _polars(case))
    try:
        ours: Any = _ours(case, folder)
    except InvalidInputError as error:
        ours = error
    found = []
    for name, drawn in case.columns.items():
        truth = [_normal(value) for value in drawn.truth]
        sides = [side.get(name) if isinstance(side, dict) else None for side in (first, second)]
        agree = sides[0] is not None and sides[1] is not None and _same(*sides)
        mine = ours.get(name, ours) if isinstance(ours, dict) else ours
        if isinstance(mine, Exception):
            outcome = SAID_SO if agree else ALONE_SAID_SO
        elif isinstance(mine, dict):  # the column is missing
            outcome = WRONG if agree else ALONE_WRONG
        elif agree and _same(mine, sides[0]):
            outcome = AGREES
        elif _same(mine, truth):
            outcome = BETTER if agree else ALONE
        else:
            outcome = WRONG if agree else ALONE_WRONG
        detail = f"{case.trouble}: {mine!s:.200} instead of {sides[0]!s:.200}; truth {truth!s:.200}"
        reason = _reason(mine) if outcome == SAID_SO else ""
        found.append((drawn.family, outcome, detail, reason))
    return found


def messy(cases: int, seed: int, *, only: int | None = None, write: bool = True) -> int:
    """Read all cases, print and record the table, and return 1 where a column is wrong."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    rows: list[dict[str, Any]] = []
    reasons: Counter[str] = Counter()
    numbers = range(cases) if only is None else [only]
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            case = draw(number, seed)
            if only is not None:
                print(case.data.decode(case.encoding, "replace"), case)
            for family, outcome, detail, reason in judge(case, Path(folder)):
                counts[family][outcome] += 1
                if outcome in (WRONG, ALONE_WRONG):
                    row = {"rng": seed, "only": number, "family": family, "outcome": outcome}
                    rows.append(row | {"detail": detail})
                if reason:
                    reasons[reason] += 1
                if outcome == WRONG or only is not None or (not write and outcome == ALONE_WRONG):
                    print(f"--rng {seed} --only {number} ({family}): {outcome}: {detail}")
    lines = _table(counts, f"python -m benchmarks messy --cases {cases} --rng {seed}")
    lines += ["", f"What is asked or refused where they agree ({reasons.total()} columns):", ""]
    lines += [f"- {count}: {reason}" for reason, count in reasons.most_common()]
    print("\n".join(lines))
    if write and only is None:
        save("messy", rows, lines)
    return int(any(row[WRONG] for row in counts.values()))


def _reason(error: Exception) -> str:
    """An error without what differs from case to case."""
    text = str(getattr(error, "value", None) or error).partition("; ")[0]
    text = re.sub(r"^/\S+ \(", "", text)
    text = re.sub(r"got \d+.*", "got #", text, flags=re.DOTALL)
    return re.sub(r"\S*\d\S*", "#", re.sub(r"'[^']*'", "'…'", text))


def _table(counts: dict[str, Counter[str]], command: str) -> list[str]:
    total: Counter[str] = sum(counts.values(), Counter())
    lines = [
        f"Columns of messy texts, made by `{command}`: otdiv beside pandas",
        "and polars where these two agree about a column, and by itself where they do not "
        f"(pandas {version('pandas')}, polars {version('polars')}, pyarrow {version('pyarrow')}).",
        "",
        f"| column | {' | '.join(OUTCOMES)} |",
        f"|---|{'---|' * len(OUTCOMES)}",
    ]
    for family in [*(name for name in FAMILIES if name in counts), "all"]:
        row = total if family == "all" else counts[family]
        lines.append(f"| {family} | {' | '.join(str(row[name]) for name in OUTCOMES)} |")
    return lines
