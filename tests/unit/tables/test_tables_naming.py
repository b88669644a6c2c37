"""Short names of tables: as little of a path as tells it from the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otdiv.tables import compare_tables
from otdiv.tables.naming import telling_names


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("a", "b"), ("a", "b")),
        (("data/january.csv", "data/july.csv"), ("january", "july")),
        (("2023/flights.csv", "2024/flights.csv"), ("2023/flights", "2024/flights")),
        (("x/2023/f.csv", "y/2023/f.csv"), ("x/2023/f", "y/2023/f")),
        (("2023/f.csv.gz", "2024/f.CSV"), ("f.csv.gz", "f.CSV")),
        (("/a/f.csv", "/b/f.csv", "/b/g.csv"), ("a/f", "b/f", "g")),
        (("f.csv", "a/f.csv"), ("f.csv", "a/f")),
        (("2024.01", "2024.02"), ("2024.01", "2024.02")),
        (("2024.01.csv", "2024.02.csv"), ("2024.01", "2024.02")),
        (("book.xlsx::may", "book.xlsx::june"), ("book::may", "book::june")),
        (("2023/*.parquet", "2024/*.parquet"), ("2023/*", "2024/*")),
        (("C:\\a\\f.csv", "C:\\b\\f.csv"), ("a/f", "b/f")),
        (("f.csv", "f.csv"), ("f", "f")),
        (("-", ".hidden", "", "/"), ("-", ".hidden", "", "/")),
    ],
)
def test_the_shortest_telling_path_is_shown(names, shown):
    assert telling_names(*names) == shown


@given(st.lists(st.text("ab.:/\\*é ", max_size=9)))
def test_names_are_told_apart_exactly_where_they_differ(names):
    shown = telling_names(*names)
    assert len(shown) == len(names)
    assert len(set(shown)) == len(set(names))
    assert all(short == long for short, long in zip(shown, names, strict=True) if not long)


def test_files_of_equal_names_are_told_apart_in_words_and_figures(tmp_path):
    paths = []
    for year, shift in (("2023", 0.0), ("2024", 1.0)):
        (tmp_path / year).mkdir()
        paths.append(tmp_path / year / "flights.csv")
        paths[-1].write_text("x\n" + "\n".join(str(k + shift) for k in range(9)) + "\n")
    report = compare_tables(*paths, n_permutations=9)
    assert "'2023/flights'" in repr(report)
    assert "`2024/flights`" in report.to_summary()
    labels = [text.get_text() for text in report.plot("x").get_legend().get_texts()]
    assert labels[-2:] == ["2023/flights", "2024/flights"]
