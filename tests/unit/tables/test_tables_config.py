"""Files of settings: found in a project, read strictly, the same as arguments."""

import pytest

from otdiv.errors import InvalidInputError
from otdiv.tables import compare_tables, find_config, read_config

ALL = """
[compare]
columns = ["x", "a,b"]
weights = "w"
units = { x = "kg", "a=b" = "m" }
kinds = { zip = "category" }
delimiter = ";"
decimal = ","
encoding = "cp1252"
na = ["?", "-"]
level = 0.9
correction = "holm"
tolerance = { x = 5, "*" = "0.1sd" }
missing-tolerance = "2%"
blocks = "7"
paired = false
permutations = 99
rng = 3
fail-on = ["differs", "schema", "differs"]
"""


def written(folder, text, name="otdiv.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_setting_is_the_argument_of_its_name(tmp_path):
    path = written(tmp_path, ALL)
    config = read_config(path)
    assert config.arguments == {
        "columns": ["x", "a,b"],
        "weights": "w",
        "units": {"x": "kg", "a=b": "m"},
        "kinds": {"zip": "category"},
        "delimiter": ";",
        "decimal": ",",
        "encoding": "cp1252",
        "na": ["?", "-"],
        "level": 0.9,
        "correction": "holm",
        "tolerance": {"x": 5, "*": "0.1sd"},
        "missing_tolerance": "2%",
        "blocks": "7",
        "paired": False,
        "n_permutations": 99,
        "rng": 3,
    }
    assert config.fail_on == ("differs", "schema")
    assert (config.path, config.table) == (path, "compare")


def test_a_file_and_arguments_give_one_report(tmp_path):
    a, b = {"x": [0.0, 1.0, 2.0]}, {"x": [3.0, 4.0, 6.0]}
    config = read_config(written(tmp_path, "[compare]\ntolerance = 5\nunits = { x = 'm' }\n"))
    found = compare_tables(a, b, **config.arguments)
    assert found.to_json() == compare_tables(a, b, tolerance=5, units={"x": "m"}).to_json()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("levle = 0.9", "`levle` must be one of blocks, columns, .*units, weights in .compare. of"),
        ("n_permutations = 9", "`n_permutations` must be one of"),
        ('level = "0.9"', "`level` must be a number; got '0.9' in .compare. of .*otdiv.toml"),
        ("level = true", "`level` must be a number"),
        ('columns = "x"', "`columns` must be a list of texts"),
        ("units = { x = 1 }", "`units` must be a table of texts by column"),
        ('kinds = ["x"]', "`kinds` must be a table of texts by column"),
        ("tolerance = { x = true }", "`tolerance` must be a number or a text, or a table"),
        ("missing-tolerance = []", "`missing-tolerance` must be a number or a text"),
        ("blocks = 1.5", "`blocks` must be a column's name or a whole number of rows"),
        ('paired = "yes"', "`paired` must be true or false"),
        ("permutations = true", "`permutations` must be a whole number"),
        ('fail-on = "differs"', "`fail-on` must be a list of differs, tolerance, missing, schema"),
        ('fail-on = ["drift"]', "`fail-on` must be a list of .*; got drift"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path, line, reason):
    with pytest.raises(InvalidInputError, match=reason):
        read_config(written(tmp_path, f"[compare]\n{line}\n"))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("otdiv.toml", "", r"have a table \[compare\]"),
        ("otdiv.toml", "[compar]\n", "`compar` must be one of compare"),
        ("otdiv.toml", "compare = 1\n", r"have a table \[compare\]"),
        ("otdiv.toml", "[compare\n", "be TOML"),
        ("pyproject.toml", "[compare]\n", r"have a table \[tool\.otdiv\.compare\]"),
        ("pyproject.toml", "[tool.otdiv.compar]\n", r"`compar` .* in \[tool\.otdiv\] of"),
    ],
)
def test_a_file_without_settings_is_refused(tmp_path, name, text, reason):
    with pytest.raises(InvalidInputError, match=reason):
        read_config(written(tmp_path, text, name))


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "otdiv.toml").write_bytes(b"\xff\xfe")
    for path, reason in ((tmp_path / "otdiv.toml", "TOML"), (tmp_path / "no.toml", "readable")):
        with pytest.raises(InvalidInputError, match=f"`config` must be .*{reason}"):
            read_config(path)


SETTINGS = "[tool.otdiv.compare]\nlevel = 0.9\n"


def test_the_nearest_settings_of_the_project_are_found(tmp_path):
    outside = written(tmp_path, SETTINGS, "pyproject.toml")
    project = tmp_path / "project"
    deep = project / "part" / "deep"
    deep.mkdir(parents=True)
    assert find_config(deep) is None  # without a project only the folder itself
    assert find_config(tmp_path) == outside
    (project / ".git").mkdir()
    assert find_config(deep) is None  # what is outside of the project is another's
    top = written(project, SETTINGS, "pyproject.toml")
    assert find_config(deep) == top
    written(project / "part", "[project]\nname = 'x'\n", "pyproject.toml")
    assert find_config(deep) == top  # one that says nothing is passed over
    near = written(deep, SETTINGS, "pyproject.toml")
    assert find_config(deep) == near
    assert read_config(near).table == "tool.otdiv.compare"


def test_a_damaged_pyproject_on_the_way_is_said(tmp_path):
    written(tmp_path, "[tool", "pyproject.toml")
    with pytest.raises(InvalidInputError, match="be TOML"):
        find_config(tmp_path)
