"""`otdiv warmup` compiles ahead, and a person at a terminal is told why a first call takes long."""

import io
import sys

import pytest

from otdiv import transport
from otdiv._kernels import _jit
from otdiv.cli import main, warmup


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.slow
@pytest.mark.parametrize("name", warmup._PARTS)
def test_every_call_of_a_worker_works(name, capsys):
    warmup._work(name)
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == len(warmup._parts()[warmup._PARTS.index(name)])


@pytest.mark.slow
def test_the_command_shows_its_progress_and_its_seconds(capfd):
    assert main(["warmup"]) == 0
    shown = capfd.readouterr().out.splitlines()
    assert len(shown) == 1 + sum(map(len, warmup._parts()))
    assert shown[-1].endswith(" seconds")


@pytest.mark.slow
def test_a_failed_worker_is_an_exit_code(monkeypatch, capfd):
    monkeypatch.setattr(warmup, "_PARTS", ("exact", "nonsense"))
    assert main(["warmup"]) == 1
    assert "ValueError" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("stream", "quiet", "told"),
    [(Terminal, "", True), (Terminal, "0", True), (Terminal, "1", False), (io.StringIO, "", False)],
)
def test_the_note_goes_to_terminals_that_want_it(monkeypatch, stream, quiet, told):
    monkeypatch.setenv("OTDIV_QUIET", quiet)
    monkeypatch.setattr(sys, "stderr", stream())
    monkeypatch.setattr(_jit, "_SILENT_SECONDS", -1.0)
    watch = _jit._Stopwatch()
    for _ in range(2):
        with watch.running(), watch.running():
            pass
    assert sys.stderr.getvalue().count("otdiv warmup") == told


def test_without_compiling_nothing_is_said(monkeypatch):
    transport([0.0, 1.0], [1.0, 2.0])
    monkeypatch.setattr(sys, "stderr", Terminal())
    transport([0.0, 1.0], [1.0, 2.0])
    assert sys.stderr.getvalue() == ""


def test_a_process_without_stderr_is_no_fault(monkeypatch):
    monkeypatch.setenv("OTDIV_QUIET", "")
    monkeypatch.setattr(sys, "stderr", None)
    _jit._tell()
