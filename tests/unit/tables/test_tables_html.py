"""The HTML report: one page that loads nothing, in which words of strangers are text."""

import re
import sys
from collections import Counter
from html.parser import HTMLParser
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv._text import for_terminal
from otdiv.cli import main
from otdiv.tables import Verdict, compare_batches, compare_tables
from otdiv.tables.html.heat_map import heat_map
from otdiv.tables.html.page import batch_page, page
from tests.odd_tables import ODD, PLAIN, tables


class Elements(HTMLParser):
    """What a browser makes of a page: elements in order, and the texts in them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.scripts, self._inside = [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._inside = tag

    def handle_data(self, data):
        (self.scripts if self._inside == "script" else self.texts).append(data)

    def handle_endtag(self, tag):
        self._inside = ""

    @property
    def shape(self):
        """How many elements of each kind there are: categories that moved as far may swap."""
        return Counter((tag, *sorted(attributes)) for tag, attributes in self.elements)


def report_of(names, **options):
    return compare_tables(*tables(names), **{"n_permutations": 0, **options})


@pytest.fixture(scope="module")
def tested():
    """A report with every verdict, from tables with odd names."""
    return report_of(ODD, n_permutations=199, units={ODD[1]: "<b>µ</b>"}, tolerance={ODD[3]: 9.0})


@pytest.fixture(scope="module")
def html(tested):
    return tested.to_html()


def test_the_page_loads_nothing(html):
    for _, attributes in Elements(html).elements:
        for name in ("src", "srcset", "action", "data", "poster", "background"):
            assert name not in attributes
        assert attributes.get("href", "#").startswith(("#", "data:,"))
    assert re.findall(r"url\((?!#)", html) == []
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_names_are_text_wherever_they_stand(html):
    found = Elements(html)
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"img", "b", "iframe", "object", "embed", "form"}
    assert len(found.scripts) == 1
    assert not [name for _, names in found.elements for name in names if name.startswith("on")]
    texts = "".join(found.texts)
    for name in ODD:
        assert for_terminal(name) in texts
        assert name.isprintable() or name not in html


def test_names_change_no_element():
    assert Elements(report_of(ODD).to_html()).shape == Elements(report_of(PLAIN).to_html()).shape


@pytest.mark.slow
@settings(max_examples=15)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=4, max_size=4, unique=True))
def test_no_name_changes_an_element(names):
    # Neither blank nor a number; what reading makes of a NUL is not asked here.
    names = ["n" + name.replace("\0", "0") + "." for name in names]
    if len(set(names) | {"failing"}) < 5:
        return
    shape = Elements(report_of(PLAIN[:4]).to_html()).shape
    assert Elements(report_of(names).to_html()).shape == shape


def test_identifiers_are_unique_and_every_link_has_its_end(html):
    elements = Elements(html).elements
    identifiers = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    links = [attributes["href"] for _, attributes in elements if "href" in attributes]
    links += re.findall(r"url\((#[^)]*)\)", html)
    assert {link[1:] for link in links if link.startswith("#")} <= set(identifiers)


def test_every_tested_column_has_its_figures(tested, html):
    labels = [
        attributes["aria-label"] for tag, attributes in Elements(html).elements if tag == "svg"
    ]
    for row in tested.rows:
        if row.effect is None:
            continue
        name = for_terminal(row.column)
        numbers = row.measure == "W1"
        kinds = ["distribution", "quantiles"] if numbers else ["shares of the categories"]
        kinds += ["the effect of relabelled rows"]
        kinds += ["shares of missing"] if row.missing is not None else []
        for kind in kinds:
            assert sum(label.startswith(f"{name}: {kind}") for label in labels) == 1
    assert sum("joint movement" in label for label in labels) == 1


def test_the_summary_says_effects_verdicts_and_what_stands_in_one_table_only(tested, html):
    texts = "".join(Elements(html).texts)
    tried = [row for row in tested.rows if row.evidence is not None]
    assert f"{len(tested.differing)} of {len(tried)} columns differ." in texts
    for verdict in {row.verdict for row in tried}:
        assert verdict.value in texts
    assert "Only in A: " in texts
    assert "failing holds numbers in A and categories in B." in texts
    assert "0.05" in texts
    assert "Benjamini–Hochberg" in texts


def test_what_differs_is_open_and_what_is_within_noise_is_folded(tested, html):
    cards = [
        "open" in attributes
        for tag, attributes in Elements(html).elements
        if tag == "details" and attributes["class"].startswith("card")
    ]
    assert cards == [row.differs or row.error is not None for row in tested.rows]
    assert True in cards
    assert False in cards


def test_figures_are_small():
    rng = np.random.default_rng(0)
    a, b = (
        {"x": rng.standard_t(2, 20_000), "c": rng.integers(0, 900, 20_000).astype(str)}
        for _ in "ab"
    )
    html = compare_tables(a, b, n_permutations=99, kinds={"c": "category"}).to_html()
    figures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(figures) >= 5
    assert max(map(len, figures)) < 40_000


@pytest.mark.parametrize(
    "values",
    [[1.0], [1.0, 1.0], [1e308, 1.7e308], [5e-324, 1e-323], [-1e300, 1e-300], [2**53, 2**53 + 1]],
    ids=str,
)
def test_numbers_of_any_size_have_a_page(values):
    shifted = [*values[:-1], values[-1] / 2]
    html = compare_tables({"x": values}, {"x": shifted}, n_permutations=9).to_html()
    assert "nan" not in "".join(re.findall(r'(?:d|x|y)="([^"]*)"', html))


def test_a_report_without_tests_says_so():
    html = report_of(PLAIN).to_html()
    assert "without tests" in html
    assert "not tested" in html


def test_the_page_is_the_same_whatever_the_style_of_the_caller(tested, html):
    with matplotlib.rc_context(
        {"font.size": 30.0, "svg.fonttype": "path", "axes.facecolor": "red"}
    ):
        before = dict(matplotlib.rcParams)
        assert tested.to_html() == html
        assert dict(matplotlib.rcParams) == before


def test_the_outcome_of_a_gate_stands_in_the_page(tested):
    failure = SimpleNamespace(check="schema", sentence="<b> is a column of A only")
    stopped = SimpleNamespace(passed=False, checks=("schema",), failures=(failure,))
    texts = "".join(Elements(tested.to_html(gate=stopped)).texts)
    assert "Gate: not passed" in texts
    assert failure.sentence in texts
    passed = SimpleNamespace(passed=True, checks=("differs", "schema"), failures=())
    texts = "".join(Elements(tested.to_html(gate=passed)).texts)
    assert "Gate: passed" in texts
    assert "differs, schema" in texts


def test_a_heat_map_shows_its_numbers_and_pales_what_is_within_noise(tested):
    matrix = np.array([[0.5, np.nan], [np.inf, 0.25]])
    verdicts = [[Verdict.DIFFERS, None], [Verdict.DIFFERS, Verdict.WITHIN_NOISE]]
    drawn = heat_map(["<b>", "y"], ["$1", "v"], matrix, caption="sizes", verdicts=verdicts)
    assert [[cell.text for cell in cells] for _, cells in drawn.rows] == [
        ["0.50", "–"],
        ["∞", "0.25"],
    ]
    assert [[cell.strength for cell in cells] for _, cells in drawn.rows] == [[100, 0], [100, 50]]
    found = Elements(page(tested, heat_map=drawn))
    assert "<b>" in found.texts
    classes = [names["class"] for tag, names in found.elements if tag == "td" and "style" in names]
    assert classes == ["differs", "none", "differs", "noise"]


def test_the_page_of_batches_has_a_table_each_and_one_heat_map(tested):
    drawn = heat_map(ODD[:2], ODD[:2], np.eye(2), caption="sizes")
    html = batch_page(
        [tested, tested], ODD[:2], title=ODD[0], sentences=["found", *ODD[:2]], heat_map=drawn
    )
    found = Elements(html)
    tags = [tag for tag, _ in found.elements]
    assert tags.count("table") == 3
    assert tags.count("details") == 2
    assert len(found.scripts) == 1
    assert not {"img", "b"} & set(tags)
    identifiers = [names["id"] for _, names in found.elements if "id" in names]
    assert len(set(identifiers)) == len(identifiers)


def test_notebooks_show_a_table_without_script_and_figures(tested):
    found = Elements(tested._repr_html_())
    assert not {"script", "svg", "html", "body"} & {tag for tag, _ in found.elements}
    texts = "".join(found.texts)
    for row in tested.rows:
        assert for_terminal(row.column) in texts


def test_notebooks_show_the_text_where_jinja_is_missing(tested, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert tested._repr_html_() is None


@pytest.mark.parametrize(
    "options", [["--output", "report.html"], ["--output", "r", "--format", "html"]]
)
def test_the_command_line_writes_the_page(options, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("x,c\n1,u\n2,v\n3,v\n")
    assert main(["compare", "a.csv", "b.csv", "--permutations", "9", *options]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / options[1]).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_batches_have_a_page_of_their_own():
    a = {"x": [float(k % 50) for k in range(200)], "c": ["u", "v"] * 100}
    late = {"x": [float(k % 50) + 25.0 for k in range(200)], "c": ["u", "v"] * 100}
    report = compare_batches(a, {"<script>alert(1)</script>": a, "tuesday": late})
    text = report.to_html(gate=report.gate("differs"))
    assert "2 tables against" in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "Gate: not passed" in re.sub(r"<[^>]*>", "", text)
    assert report.to_html().count("Gate:") == 0
