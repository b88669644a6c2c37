"""Laws of a report's words, for any report: lines fit, and nothing of a stranger's gets through."""

import io
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from otdiv.cli.terminal import print_report
from tests.reports import reports


@given(reports(), st.integers(50, 200))
def test_no_line_of_the_terminal_is_wider_than_it(report, width):
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=width))
    lines = stream.getvalue().split("\n")
    assert max(map(cell_len, lines)) <= width
    assert all(line == line.rstrip(" ") for line in lines)


@given(reports())
def test_every_text_of_a_report_is_inert(report):
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=80))
    for text in (stream.getvalue(), str(report), report.to_summary("passed"), repr(report)):
        unseen = {mark for mark in text if unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Zl")}
        assert unseen <= {"\n"}


@given(reports())
def test_markdown_has_one_line_a_row(report):
    rows = [line for line in str(report).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(report.rows)
    assert len({line.replace("\\\\", "").replace("\\|", "").count("|") for line in rows}) == 1
