"""The tests stand where a reader looks for them."""

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent


def test_folders_of_unit_tests_are_rooms_of_the_house():
    rooms = {path.name.lstrip("_") for path in (ROOT / "otdiv").iterdir() if path.is_dir()}
    folders = {path.parent.name for path in (TESTS / "unit").rglob("test_*.py")} - {"unit"}
    assert folders <= rooms | {"benchmarks"}


def test_no_two_files_of_tests_share_a_name():
    names = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
