"""Every example runs at its small size, prints sound numbers and writes its figure."""

import runpy
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
# What a script needs beside the extras of the tests.
NEEDED = {
    "17_gradient_flow": "torch",
    "18_flow_matching_torch": "torch",
    "19_gradient_flow_jax": "jax",
}
SCRIPTS = sorted(EXAMPLES.glob("[0-9][0-9]_*.py"))


def run(script, folder, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr(sys, "argv", [script.name, "--quick", "--output", str(folder)])
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        pyplot.close("all")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example_runs_and_writes_its_figure(script, tmp_path, monkeypatch, capsys):
    if script.stem in NEEDED:
        pytest.importorskip(NEEDED[script.stem])
    run(script, tmp_path, monkeypatch)
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].split() == ["measured", "predicted"]
    figure = tmp_path / f"{script.stem}.png"
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "OUTSIDE" not in printed


def test_there_is_an_example_for_every_figure_and_question():
    assert len(SCRIPTS) == 25
