"""Words that others chose: each medium shows them as what they are, and does nothing else."""

import csv
import io
import json
import unicodedata

import matplotlib.text
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from otdiv._text import (
    as_json,
    code_block,
    code_span,
    for_csv,
    for_figure,
    for_markdown,
    for_terminal,
)

# Characters that some medium gives a meaning, among letters and everything else.
MARKS = st.sampled_from(list("ab1.)(_*`~|\\<>&;#+-=@![]{}$%^ \t\n\x1b\x9b\u202e\u200b:/\"'"))
WORDS = st.text(MARKS | st.characters(), min_size=1, max_size=12)
MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")


@given(WORDS)
def test_a_terminal_gets_no_invisible_character(word):
    shown = for_terminal(word)
    assert not {unicodedata.category(mark) for mark in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    "word", ["dep_delay", "Größe in m²", "東京 [bold]", "a\\b", "x\u00a0y", "🙂"]
)
def test_a_terminal_gets_visible_words_as_they_are(word):
    assert for_terminal(word) == word


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\u202eabc\u2069", "\\u202eabc\\u2069"),
        ("\ufeffx\u200b", "\\ufeffx\\u200b"),
        ("\x9b31m\u2028", "\\x9b31m\\u2028"),
        ("\udce9", "\\udce9"),
    ],
)
def test_a_terminal_gets_invisible_characters_as_python_writes_them(word, shown):
    assert for_terminal(word) == shown


def plain(tokens):
    """The text of rendered Markdown, which must be made of nothing but text."""
    children = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in children} <= {"text", "text_special"}
    return "".join(child.content for child in children)


def is_trimmed(word):
    """Whether Markdown, which drops blanks at ends and breaks, keeps the blanks of a word."""
    shown = for_terminal(word)
    return shown == shown.strip() != ""


@given(WORDS.filter(is_trimmed))
def test_markdown_shows_a_word_at_the_beginning_of_an_item_as_text(word):
    tokens = MARKDOWN.parse(f"- {for_markdown(word)} moved")
    opened = [token.type for token in tokens if token.nesting >= 0]
    assert opened == ["bullet_list_open", "list_item_open", "paragraph_open", "inline"]
    assert plain(tokens) == f"{for_terminal(word)} moved"


@given(WORDS.filter(is_trimmed), WORDS.filter(is_trimmed))
def test_markdown_shows_a_word_in_its_cell_of_a_table(left, right):
    text = f"| a | b |\n|---|---|\n| {for_markdown(left)} | {for_markdown(right)} |\n"
    cells = [token for token in MARKDOWN.parse(text) if token.type == "inline"][2:]
    assert [plain([cell]) for cell in cells] == [for_terminal(left), for_terminal(right)]


@given(WORDS.filter(str.strip))
def test_markdown_shows_a_word_in_a_span_of_code(word):
    tokens = MARKDOWN.parse(f"A: {code_span(word)}, B: {code_span('`')}")
    children = [child for token in tokens for child in token.children or ()]
    assert [child.type for child in children] == ["text", "code_inline"] * 2
    assert children[1].content == for_terminal(word)


@given(st.lists(st.text(st.sampled_from("`a #"), max_size=8), min_size=1, max_size=5))
def test_markdown_shows_lines_of_code_in_one_block(lines):
    code = "\n".join(["first", *lines, "last"])
    (block,) = MARKDOWN.parse("\n".join(code_block(code, "python")))
    assert (block.type, block.content) == ("fence", f"{code}\n")


def test_markdown_keeps_the_names_that_columns_have():
    for name in ("dep_delay", "R&D", "a.b", "x2", "price (EUR)", "a-b", "日本"):
        assert for_markdown(name) == name


@given(WORDS)
def test_csv_gives_a_word_back_as_one_cell_that_no_spreadsheet_runs(word):
    stream = io.StringIO()
    csv.writer(stream).writerow([for_csv(word), "end"])
    (cell, _), *more = csv.reader(io.StringIO(stream.getvalue()))
    assert not more
    assert cell.removeprefix("'") == for_terminal(word).removeprefix("'")
    assert cell.lstrip()[:1] not in tuple("=@＝＋－＠")
    if cell.lstrip()[:1] in ("+", "-"):
        float(cell)


@pytest.mark.parametrize("number", ["-1", "+2.5", "-1e-300", "-.5", "3", "-0"])
def test_csv_keeps_names_that_are_numbers(number):
    assert for_csv(number) == number


@given(WORDS)
def test_a_figure_shows_a_word_and_sets_no_formula(word):
    drawn = matplotlib.text.Text(text=for_figure(word))._preprocess_math(for_figure(word))
    assert drawn == (for_terminal(word), False) or len(for_terminal(word)) > 40


def test_a_figure_shortens_what_is_very_long():
    figure = Figure(figsize=(4.0, 3.0), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    figure.subplots().set_yticks([0.5], [for_figure("a long category " * 1000)])
    canvas.draw()  # a warning if the layout had no room left


@given(st.dictionaries(WORDS, WORDS | st.floats(allow_nan=False, allow_infinity=False)))
def test_json_is_valid_visible_and_holds_the_same_words(content):
    text = as_json(content)
    assert json.loads(text) == content
    assert not any(
        unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Zl", "Zp") and mark != "\n"
        for mark in text
    )
