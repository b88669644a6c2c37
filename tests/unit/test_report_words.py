"""Words of solvers and of data sets in reports: shown as they are, and inert."""

import dataclasses
import json

import matplotlib
import pytest
from markdown_it import MarkdownIt

from otdiv.conformance import check_solver, peers_table
from otdiv.plotting import plot_layer_gradients
from otdiv.wgan import gaussians_8, train, write_report

matplotlib.use("Agg")

HOSTILE = "\x1b[31mno|pe\n<script>*x*</script> `$a$` ```\n# heading"


def refuses(a, b, C):
    raise ValueError(HOSTILE)


@pytest.fixture(scope="module")
def report():
    found = check_solver(refuses, laws=["marginals"], examples=2)
    return dataclasses.replace(found, solver="my|solver\x1b[1m_`x`")


def is_inert(text):
    return text.replace("\n", "").isprintable()


def test_the_text_of_a_solver_report_obeys_no_solver(report):
    assert is_inert(str(report))
    assert "\\x1b[31mno|pe" in str(report)
    assert "my|solver\\x1b[1m_`x`" in str(report)


def test_the_markdown_of_a_solver_report_is_one_table_and_one_block_of_code(report):
    text = report.to_markdown()
    assert is_inert(text)
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    types = [token.type for token in tokens]
    assert types.count("heading_open") == 2
    assert types.count("fence") == 1
    assert types.count("tr_open") == 2
    assert types.count("td_open") == 6
    assert "html_block" not in types
    inline = {child.type for token in tokens for child in token.children or ()}
    assert inline <= {"text", "text_special", "code_inline", "softbreak"}


def test_the_code_of_a_broken_law_is_code_whatever_the_solver_says(report):
    compile(report["marginals"].breach.code, "snippet", "exec")


def test_the_table_of_peers_has_a_column_a_solver_whatever_its_name(report):
    tokens = MarkdownIt("commonmark").enable("table").parse(peers_table([report]))
    assert [token.type for token in tokens].count("th_open") == 2


def test_the_json_of_a_solver_report_holds_the_words_themselves(report):
    assert is_inert(report.to_json())
    assert json.loads(report.to_json())["solver"] == report.solver
    assert type(report).from_json(report.to_json()).solver == report.solver


def test_names_of_critics_appear_in_the_legend_as_they_are():
    ax = plot_layer_gradients({"_a$x$": [0.1, 1.0], "two\nlines": [1.0, 1.0]})
    ax.figure.canvas.draw()
    texts = [text.get_text().strip() for text in ax.get_legend().get_texts()]
    assert texts[0].startswith("_a\\$x\\$: ")
    assert texts[1].startswith("two\\nlines: ")


@pytest.mark.slow
def test_names_of_data_sets_make_no_markup_in_the_report_of_a_training(tmp_path):
    data = gaussians_8()
    training = train(data, n_steps=2, log_every=1, n_held_out=32, rng=0)
    object.__setattr__(training.data, "name", HOSTILE)
    text = write_report(training, tmp_path).read_text(encoding="utf-8")
    assert is_inert(text)
    assert "<script>" not in text
    types = [token.type for token in MarkdownIt("commonmark").parse(text)]
    assert types.count("heading_open") == 2
