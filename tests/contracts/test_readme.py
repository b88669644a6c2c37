"""The README keeps its word: its commands are there, its examples run."""

import doctest
import re
from pathlib import Path

import pytest

import otdiv
from benchmarks.ranges import table

ROOMS = (otdiv, otdiv.critics, otdiv.estimators, otdiv.plotting)
README = Path(__file__).parents[2] / "README.md"


def test_examples_give_what_the_readme_shows():
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testfile(str(README), module_relative=False, optionflags=flags)
    assert outcome.attempted >= 5
    assert outcome.failed == 0


@pytest.mark.parametrize("purpose", ["main job", "tests"])
def test_both_commands_are_one_line_that_sets_itself_up(purpose):
    text = README.read_text()
    match = re.search(rf"<!-- command: {purpose} -->\n```sh\n(.+)\n```", text)
    assert match, f"the README names no command for the {purpose}"
    assert match.group(1).startswith("python3 -m venv .venv && .venv/bin/pip install")


def test_ranges_of_speed_are_those_of_the_records():
    text = (README.parent / "benchmarks" / "README.md").read_text()
    assert "\n".join(table()) in text


def test_named_functions_exist():
    text = README.read_text()
    table = text[text.index("| you have |") : text.index("A function with more")]
    for name in re.findall(r"`([a-z0-9_]+)`", table):
        assert any(hasattr(room, name) for room in ROOMS), name
