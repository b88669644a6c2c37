"""Numbers and times as people write them: what a whole column of texts has in common.

Every test is of the whole column. Where two readings are left, the column is `Unreadable`, with the
option that settles it: a guess would be a number without a proof.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._optional import import_optional
from .source import Unreadable

__all__ = ["MISSING", "Numbers", "decimal_marks", "numbers", "times", "times_by", "truths"]

_PURPOSE = "reading texts"

MISSING = (
    *("", "-", "--", "–", "—", "?", ".", "..", "*", "NA", "N/A", "n/a", "na", "N.A.", "n.a."),
    *("NaN", "nan", "NAN", "-nan", "-NaN", "NULL", "Null", "null", "None", "none", "nil", "NIL"),
    *("<NA>", "NaT", "#N/A", "#NA", "#N/A N/A", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?"),
    *("#NUM!", "missing", "Missing", "MISSING", "unknown", "Unknown", "UNKNOWN", "k.A.", "n/d"),
)
"""Spellings of a missing value among cells that are numbers or times otherwise. By taste."""

_BLANKS = " \t\u00a0\u2009\u202f"
_SPACES = ("'", "’", "\u00a0", "\u2009", "\u202f", " ")
_MARKS = f"[.,{''.join(_SPACES)}]"
_CODES = "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|KRW|SGD|HKD"
# Regular expressions of RE2, as Arrow has them. Money on one side, a sign anywhere before digits.
_MONEY = rf"(?:\p{{Sc}}|\b(?:{_CODES})\b)"
_BODY = rf"(?:\d(?:\d|{_MARKS}\d)*[.,]?|[.,]\d+)(?:[eE][+-]?\d+)?"
_CELL = (
    rf"^(?P<open>\(?)(?P<sign>[+\-−]?)(?P<before>{_MONEY}?)\s*(?P<inner>[+\-−]?)"
    rf"(?P<body>{_BODY})\s*(?P<after>(?:{_MONEY}|%|‰)?)(?P<close>\)?)$"
)
_FEW = 3
"""Other spellings that a column of numbers may have before it is a column of texts. By taste."""
_FIRST = 1000
"""Rows that may show at once that a column is of texts. By taste."""
_MOSTLY = 0.9
"""Share of its cells that are numbers in a column of numbers. By taste."""
_MANY = 20
"""Different numbers in a column of numbers, unlike one of labels. By taste."""

# A mark before exactly three digits may be either; these can only be one.
_DECIMAL = (
    r"^(?:\d*{m}(?:\d{{1,2}}|\d{{4,}})?|\d{{4,}}{m}\d+|0+{m}\d+|{m}\d+"
    r"|\d{{1,3}}(?:{o}\d{{3}})+{m}\d*)(?:[eE][+-]?\d+)?$|^\d+{m}\d*[eE][+-]?\d+$"
)
_LAKHS = r"^[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d*)?$"
_SPACED = r"^\d{{1,3}}(?:{g}\d{{3}})+(?:[.,]\d*)?$"

_DAY = re.compile(r"\s*\d{1,4}([-./])\d{1,2}\1\d{1,4}(?:[T ].*)?\s*", re.DOTALL)


_CLOCK = re.compile(r"%[cHIklMpPrRsSTXzZ]")
"""Fields of strptime that are not of a day."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers that a column of texts is.

    Attributes
    ----------
    values : pyarrow.ChunkedArray
        Integers, decimals of 38 digits where int64 does not hold them, or float64.
    mark : str or None
        The "%" or the currency that they carry.
    """

    values: Any
    mark: str | None


def decimal_marks(text: Any) -> set[str]:
    """Decimal marks that the numbers of a column cannot do without: none, one or both."""
    pc = _compute()
    if _is_hopeless(text, MISSING):
        return set()
    cells = pc.utf8_trim(_unique(text), characters=_BLANKS)
    fields = pc.extract_regex(cells, pattern=_CELL)
    body = pc.drop_null(pc.struct_field(fields, "body"))
    return {mark for mark in ".," if _any(body, _DECIMAL, mark)}


def numbers(
    text: Any,
    *,
    decimal: str | None = None,
    evidence: set[str] | frozenset[str] = frozenset(),
    na: Sequence[str] = (),
) -> Numbers | Unreadable | None:
    """Read a column of texts as numbers, where all of it is.

    Parameters
    ----------
    text : pyarrow.ChunkedArray
        Of strings; null where a value is missing.
    decimal : {".", ","}, optional
        The decimal mark, where it is known.
    evidence : set of str
        Decimal marks that other columns of the file use.
    na : sequence of str
        Spellings of missing values beside `MISSING`.

    Returns
    -------
    Numbers, Unreadable or None
        None where the cells are no numbers, Unreadable where they have two readings.
    """
    pc, pa = _compute(), import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    if _is_hopeless(text, [*MISSING, *na]):
        return None
    encoded = pc.dictionary_encode(text).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.unify_dictionaries().chunks)
    labels = encoded.dictionary
    cells = pc.utf8_trim(labels, characters=_BLANKS)
    fields = pc.extract_regex(cells, pattern=_CELL)
    matched = pc.and_kleene(
        pc.is_valid(fields),
        pc.fill_null(
            pc.equal(
                pc.equal(pc.struct_field(fields, "open"), "("),
                pc.equal(pc.struct_field(fields, "close"), ")"),
            ),
            False,
        ),
    )
    matched = pc.fill_null(matched, False)
    if not pc.any(matched).as_py():
        return None
    others = pc.filter(labels, pc.invert(matched)).to_pylist()
    known = {*MISSING, *na}
    strange = [other for other in others if other.strip(_BLANKS) not in known]
    if strange:
        return _mostly_numbers(encoded, matched, strange)
    fields = fields.filter(matched)
    found = _reading(
        pc.struct_field(fields, "body"), None if decimal is None else {decimal}, evidence
    )
    if found is None or isinstance(found, Unreadable):
        return found
    mark = _mark(fields)
    if isinstance(mark, Unreadable):
        return mark
    plain = _plain(fields, *found)
    values = _cast(plain)
    if values is None:
        return None
    # Back to the cells: labels that are no number are missing.
    places = pc.subtract(pc.cumulative_sum(pc.cast(matched, pa.int64())), 1)
    places = pc.if_else(matched, places, pa.scalar(None, pa.int64()))
    return Numbers(pa.chunked_array([values.take(places.take(encoded.indices))]), mark)


def _is_hopeless(text: Any, known: Sequence[str]) -> bool:
    """Whether the first cells hold more spellings that are no numbers than `numbers` looks at."""
    pc = _compute()
    cells = pc.utf8_trim(_unique(text.slice(0, _FIRST)), characters=_BLANKS)
    strange = cells.filter(pc.invert(pc.match_substring_regex(cells, pattern=_CELL)))
    return len(set(strange.to_pylist()).difference(known)) > _FEW


def truths(text: Any, *, na: Sequence[str] = ()) -> Any:
    """Read a column of texts as true and false, where all of it is; None otherwise."""
    pc, pa = _compute(), import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    kept = text
    for rows in (text.slice(0, _FIRST), text):  # most columns show at once that they are others
        kept = _without_missing(rows, na)
        words = {label.lower() for label in pc.drop_null(pc.unique(kept)).to_pylist()}
        if not words <= {"true", "false"}:
            return None
    return pc.cast(pc.utf8_lower(kept), pa.bool_()) if words else None


def _mostly_numbers(encoded: Any, matched: Any, strange: Sequence[str]) -> Unreadable | None:
    """Say so where a few cells keep a column from being numbers."""
    pc = _compute()
    if len(strange) > _FEW or pc.sum(matched).as_py() < _MANY:
        return None
    good = pc.sum(pc.drop_null(matched.take(encoded.indices))).as_py()
    if good < _MOSTLY * (len(encoded) - encoded.null_count):
        return None
    listed = ", ".join(repr(other) for other in strange)
    return Unreadable(
        f"numbers but for {listed}; say na={listed} (--na) if that is missing, or that the column "
        "is a category"
    )


def _reading(
    body: Any, decimal: set[str] | None, evidence: set[str] | frozenset[str]
) -> tuple[str, str] | Unreadable | None:
    """The decimal mark of a column, and the marks between its thousands."""
    pc = _compute()
    blanks = [mark for mark in _SPACES if pc.any(pc.match_substring(body, mark)).as_py()]
    if blanks:
        spaced = pc.match_substring_regex(body, pattern=_SPACED.format(g=f"[{''.join(blanks)}]"))
        others = pc.filter(body, pc.invert(spaced))
        if any(pc.any(pc.match_substring(others, mark)).as_py() for mark in blanks):
            return None  # blanks between digits that are no thousands
        for mark in blanks:
            body = pc.replace_substring(body, mark, "")
    marks = {mark for mark in ".," if pc.any(pc.match_substring(body, mark)).as_py()}
    if not marks:
        return ".", "".join(blanks)
    needed = {mark for mark in marks if _any(body, _DECIMAL, mark)}
    grouped = {mark for mark in marks if _any(body, r"^\d+(?:{m}\d{{3}}){{2,}}", mark)}
    if pc.any(pc.match_substring_regex(body, pattern=_LAKHS)).as_py():
        grouped |= {","}
    if len(needed) > 1:
        return None
    for chosen in (decimal, needed, _others(grouped), set(evidence)):
        if chosen and len(chosen) == 1:
            point = next(iter(chosen))
            group = _others({point}).pop()
            if not _fits(body, point, group):
                return None
            return point, "".join(blanks) + (group if group in marks else "")
    mark = next(iter(marks))
    other = _others({mark}).pop()
    if blanks or not (_fits(body, mark, other) and _fits(body, other, mark)):
        return None
    example = pc.filter(body, pc.match_substring(body, mark))[0].as_py()
    thousands, fraction = example.replace(mark, ""), example.replace(mark, ".")
    return Unreadable(
        f"{example} may be {thousands} or {fraction}; say decimal=',' or decimal='.' (--decimal)"
    )


def _others(marks: set[str]) -> set[str]:
    return {",": {"."}, ".": {","}}[next(iter(marks))] if len(marks) == 1 else set()


def _fits(body: Any, point: str, group: str) -> bool:
    """Whether all cells are numbers with this decimal mark and these thousands."""
    pc = _compute()
    point, group = re.escape(point), re.escape(group)
    fraction = rf"(?:{point}\d*)?(?:[eE][+-]?\d+)?$"
    grouped = rf"^[1-9]\d{{0,2}}(?:{group}\d{{3}})+{fraction}"
    lakhs = rf"^[1-9]\d?(?:{group}\d{{2}})*{group}\d{{3}}{fraction}"
    plain = rf"^\d+{fraction}|^{point}\d+(?:[eE][+-]?\d+)?$"
    pattern = "|".join((grouped, lakhs, plain))
    return bool(pc.all(pc.match_substring_regex(body, pattern=pattern)).as_py())


def _mark(fields: Any) -> str | Unreadable | None:
    """The percent sign or the currency of a column."""
    pc = _compute()
    before, after = (pc.struct_field(fields, side) for side in ("before", "after"))
    found = set(pc.unique(before).to_pylist()) | set(pc.unique(after).to_pylist())
    marks = sorted(found - {""})
    if not marks:
        return None
    if len(marks) > 1:
        return Unreadable(f"amounts in {' and '.join(marks)}")
    if marks[0] in "%‰" and not pc.all(pc.not_equal(after, "")).as_py():
        return Unreadable(f"some cells with {marks[0]}, others without")
    return str(marks[0])


def _plain(fields: Any, point: str, groups: str) -> Any:
    """Cells as a computer writes them."""
    pc = _compute()
    body = pc.struct_field(fields, "body")
    for mark in groups:
        body = pc.replace_substring(body, mark, "")
    if point != ".":
        body = pc.replace_substring(body, point, ".")
    body = pc.replace_substring_regex(body, pattern=r"^\.", replacement="0.")
    body = pc.replace_substring_regex(body, pattern=r"\.($|[eE])", replacement=r"\1")
    signs = [pc.struct_field(fields, name) for name in ("open", "sign", "inner")]
    minus = [pc.is_in(sign, value_set=_array(["(", "-", "−"])) for sign in signs]
    # "(-5)" has two signs that mean one; "--5" is no number of anybody.
    negative = pc.or_(pc.or_(minus[0], minus[1]), minus[2])
    return pc.if_else(negative, pc.binary_join_element_wise("-", body, ""), body)


def _cast(plain: Any) -> Any:
    """Integers where all are, exactly; the nearest float64 otherwise."""
    pa = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    pc = _compute()
    if pc.all(pc.match_substring_regex(plain, pattern=r"^-?\d+$")).as_py():
        for kind in (pa.int64(), pa.decimal128(38, 0)):
            try:
                return pc.cast(plain, kind)
            except pa.ArrowInvalid:
                continue
    return pc.cast(plain, pa.float64())


def times(text: Any, *, na: Sequence[str] = ()) -> Any:
    """Read a column of texts as dates or times, where all of it is; Unreadable, or None otherwise.

    ISO 8601, and days in the orders day-month-year, month-day-year and year-month-day with four
    digits of the year, between the same two dots, slashes or dashes.
    """
    pc = _compute()
    first = next((v for v in text.slice(0, 100).to_pylist() if v and v not in MISSING), None)
    if first is None or not _DAY.fullmatch(first):
        return None
    text = _without_missing(text, na)
    rest = r"([T ].*)?$"
    orders = {
        "%Y-%m-%d": (r"^(\d{4})[-./](\d{1,2})[-./](\d{1,2})" + rest, r"\1-0\2-0\3\4"),
        "%d/%m/%Y": (r"^(\d{1,2})[-./](\d{1,2})[-./](\d{4})" + rest, r"\3-0\2-0\1\4"),
        "%m/%d/%Y": (r"^(\d{1,2})[-./](\d{1,2})[-./](\d{4})" + rest, r"\3-0\1-0\2\4"),
    }
    found = {}
    for name, (pattern, iso) in orders.items():
        if pc.all(pc.match_substring_regex(text, pattern=pattern)).as_py():
            swapped = pc.replace_substring_regex(text, pattern=pattern, replacement=iso)
            # Of the zeros just put before months and days, those before two digits go again.
            shortened = pc.replace_substring_regex(
                swapped, pattern=r"^(\d{4})-0?(\d\d)-0?(\d\d)", replacement=r"\1-\2-\3"
            )
            values = _iso(shortened)
            if values is not None:
                found[name] = values
    if len(found) == 2 and not found["%d/%m/%Y"].equals(found["%m/%d/%Y"]):
        return Unreadable(
            f"{first!r} may have its day or its month first; say kinds={{column: 'time:%d/%m/%Y'}} "
            "or 'time:%m/%d/%Y' (--time column=%d/%m/%Y)"
        )
    return next(iter(found.values()), None)


def times_by(text: Any, written: str, *, na: Sequence[str] = ()) -> Any:
    """Read a column of texts as times by a format of strptime; None where a cell is not of it."""
    pc = _compute()
    text = _without_missing(text, na)
    found = pc.strptime(text, format=written, unit="s", error_is_null=True)
    if found.null_count != text.null_count:
        return None
    # A day that its month has not is carried over by the C library.
    again = pc.strftime(found, format=written)
    texts = [
        pc.utf8_lower(pc.replace_substring_regex(side, pattern=r"\b0+(\d)", replacement=r"\1"))
        for side in (text, again)
    ]
    if pc.all(pc.equal(*texts)).as_py() is False:
        return None
    pa = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    return found if _CLOCK.search(written) else pc.cast(found, pa.date32())


def _iso(text: Any) -> Any:
    pa = import_optional("pyarrow", extra="cli", purpose=_PURPOSE)
    pc = _compute()
    zoned = (pa.timestamp(unit, "UTC") for unit in ("us", "ns"))
    for kind in (pa.date32(), pa.timestamp("us"), pa.timestamp("ns"), *zoned):
        try:
            return pc.cast(text, kind)
        except pa.ArrowInvalid:
            continue
    return None


def _without_missing(text: Any, na: Sequence[str]) -> Any:
    pc = _compute()
    trimmed = pc.utf8_trim(text, characters=_BLANKS)
    gone = pc.is_in(trimmed, value_set=_array([*MISSING, *na]))
    return pc.if_else(gone, None, trimmed)


def _any(body: Any, pattern: str, mark: str) -> bool:
    other = next(iter(_others({mark})))
    pattern = pattern.format(m=re.escape(mark), o=re.escape(other))
    return bool(_compute().any(_compute().match_substring_regex(body, pattern=pattern)).as_py())


def _unique(text: Any) -> Any:
    pc = _compute()
    return pc.drop_null(pc.unique(text))


def _array(values: Sequence[str]) -> Any:
    return import_optional("pyarrow", extra="cli", purpose=_PURPOSE).array(values)


def _compute() -> Any:
    return import_optional("pyarrow.compute", extra="cli", purpose=_PURPOSE)
