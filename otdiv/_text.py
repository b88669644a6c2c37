r"""Words that others chose, on their way to a terminal, Markdown, CSV or a figure.

Names of columns, categories, files, units and solvers may hold anything: escape sequences that
rewrite a terminal, line breaks, formulas that a spreadsheet runs, half of a formula that matplotlib
sets. Each function takes such a text and returns one that shows in its medium as what it is.

Invisible characters become what Python writes for them, `\x1b` say, in every medium. All others
stay, in any script. Numbers and sentences of the library itself need none of this.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

__all__ = [
    "as_json",
    "code_block",
    "code_span",
    "display_width",
    "for_csv",
    "for_figure",
    "for_markdown",
    "for_terminal",
    "shortened",
    "wrapped",
]

_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode's controls, formats (zero width, bidirectional), lone surrogates and line separators."""

_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*[]|~$"} | {"<": "&lt;", ">": "&gt;"})
# An ampersand that would begin an entity; R&D is none.
_ENTITY = re.compile(r"&(?=#?\w+;)")
# Underscores within a word are no emphasis, and names of columns are full of them.
_EMPHASIS = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
# What would begin a heading, a list or a rule where the text begins a line.
_BLOCK = re.compile(r"^(\s*)(?:([#+\-=])|(\d+)([.)]))")

# Spreadsheets take a text with these beginnings for a formula, also after blanks and in their
# wide forms.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

_LEAST_LINE = 8
"""Cells of a line in the narrowest terminal that is thought of; by taste."""

_LONGEST = 40
"""Characters of a name in a figure, where there is no room to fold it; by taste."""


def for_terminal(text: str) -> str:
    r"""Show what cannot be seen, or would move the cursor, as an escape.

    Examples
    --------
    >>> print(for_terminal("a\x1b[31mb\nc"), for_terminal("Zürich 東京 [bold]"))
    a\x1b[31mb\nc Zürich 東京 [bold]
    """
    if text.isprintable():
        return text
    return "".join(
        mark.encode("unicode_escape").decode() if unicodedata.category(mark) in _INVISIBLE else mark
        for mark in text
    )


def display_width(text: str) -> int:
    """Cells of a line of fixed width that a text takes: wide characters two, combining ones none.

    Examples
    --------
    >>> display_width("Zürich"), display_width("東京"), display_width("e\u0301")
    (6, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(mark) in ("Mn", "Me")
        else 2
        if unicodedata.east_asian_width(mark) in "WF"
        else 1
        for mark in text
    )


def shortened(text: str, width: int, measure: Callable[[str], int] = display_width) -> str:
    """Keep both ends of a text that takes more than `width` cells, with an ellipsis between them.

    Parameters
    ----------
    text : str
        What can be seen, as `for_terminal` returns it.
    width : int
        Cells that there are; at least 1.
    measure : callable
        Cells that a text takes.

    Examples
    --------
    >>> shortened("departure_delay", 9), shortened("東京都千代田区", 7), shortened("short", 9)
    ('depa…elay', '東…田区', 'short')
    """
    if measure(text) <= width:
        return text
    head = tail = ""
    for mark in text:
        if measure(head + mark) > width // 2:
            break
        head += mark
    for mark in reversed(text):
        if measure(f"{head}…{mark}{tail}") > width:
            break
        tail = mark + tail
    return f"{head}…{tail}"


def as_json(content: Any) -> str:
    r"""Indented JSON, in which invisible characters are escapes and all others stand as they are.

    Raises
    ------
    ValueError
        If a number is not finite.

    Examples
    --------
    >>> print(as_json({"größe": "\x9b31m"}))
    {
      "größe": "\u009b31m"
    }
    """
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    lines = (line if line.isprintable() else _ascii_escapes(line) for line in text.split("\n"))
    return "\n".join(lines)


def _ascii_escapes(line: str) -> str:
    return "".join(
        json.dumps(mark)[1:-1] if unicodedata.category(mark) in _INVISIBLE else mark
        for mark in line
    )


def for_markdown(text: str) -> str:
    r"""Escape what Markdown, HTML in it or a table's cell would read.

    Examples
    --------
    >>> print(for_markdown("dep_delay"), for_markdown("a|b"), for_markdown("<script>*x*"))
    dep_delay a\|b &lt;script&gt;\*x\*
    """
    text = _ENTITY.sub("&amp;", for_terminal(text)).translate(_MARKS)
    text = _EMPHASIS.sub(lambda found: found[0].replace("_", "\\_"), text)
    return _BLOCK.sub(lambda found: f"{found[1]}{found[3] or ''}\\{found[2] or found[4]}", text)


def code_span(text: str) -> str:
    """Markdown that shows a text as code, whatever backticks it holds.

    Examples
    --------
    >>> print(code_span("a.csv"), code_span("a`b"))
    `a.csv` ``a`b``
    """
    text = for_terminal(text)
    runs = _runs_of_backticks(text)
    fence = "`" * next(length for length in range(1, len(runs) + 2) if length not in runs)
    # Markdown takes one blank off either end, and cannot show a code span of nothing.
    padded = text[:1] in ("`", " ") or text[-1:] in ("`", " ") or not text
    return f"{fence} {text} {fence}" if padded else f"{fence}{text}{fence}"


def code_block(lines: str, language: str) -> list[str]:
    """Lines of Markdown that show lines of code, whatever backticks they hold.

    Examples
    --------
    >>> code_block("print(1)", "python")
    ['```python', 'print(1)', '```']
    """
    fence = "`" * max({2, *_runs_of_backticks(lines)}) + "`"
    return [f"{fence}{language}", *lines.splitlines(), fence]


def _runs_of_backticks(text: str) -> set[int]:
    return {len(run) for run in re.findall("`+", text)}


def for_csv(text: str) -> str:
    """Mark a text that a spreadsheet would run as a formula by an apostrophe; numbers are none.

    Examples
    --------
    >>> for_csv("=cmd|' /C calc'!A0"), for_csv("-1.5"), for_csv("price")
    ("'=cmd|' /C calc'!A0", '-1.5', 'price')
    """
    text = for_terminal(text)
    runs = _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None
    return f"'{text}" if runs else text


def for_figure(text: str) -> str:
    r"""Keep matplotlib from setting dollars as a formula, and shorten what is very long.

    Examples
    --------
    >>> print(for_figure("cost in $ and $"), len(for_figure("long " * 100)))
    cost in \$ and \$ 40
    """
    text = for_terminal(text)
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}…"
    return text.replace("$", "\\$")


def wrapped(text: str, width: int, cells: Callable[[str], int] = display_width) -> Iterator[str]:
    """Lines of a text of at most `width` cells, with percent signs beside their numbers.

    Examples
    --------
    >>> list(wrapped("differs by 12 % of the rows", 13))
    ['differs by', '12 % of the', 'rows']
    """
    width = max(_LEAST_LINE, width)
    line = ""
    for word in text.replace(" %", "\0%").split(" "):
        word = word.replace("\0", " ")
        if line and cells(f"{line} {word}") <= width:
            line = f"{line} {word}"
            continue
        if line:
            yield line
        while cells(word) > width:
            cut = next(
                length for length in range(1, len(word)) if cells(word[: length + 1]) > width
            )
            yield word[:cut]
            word = word[cut:]
        line = word
    yield line
