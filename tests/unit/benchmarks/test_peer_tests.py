"""The command that runs a peer's own tests with otdiv behind its functions, on a made-up peer."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peer_adapters import CONVENTION, LATER, Listed
from benchmarks.peer_tests import ADAPTERS, Outcome, judged, run_peer_tests

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PEER = "def distance(x, y, warn=False):\n    return {answer}\n"
TESTS = """
import toy
from toy import distance

def test_right():
    assert toy.distance([0, 1], [1, 2]) == 1.0

def test_imported_by_name():
    assert distance([0], [3]) == 3.0

def test_of_another_convention():
    assert distance([0], [2]) == 4.0

def test_that_never_calls():
    assert False
"""
ADAPTER = """
import otdiv
from benchmarks.peer_adapters import CONVENTION, Adapter, Listed

def distance(x, y, warn=False):
    return otdiv.wasserstein1(x, y)

ADAPTER = Adapter(
    name="Toy",
    package="pytest",
    folders={{"tests": "toy_tests"}},
    files=("toy_tests/test_*.py",),
    doors={{"{door}": distance}},
    beside={beside},
    listed={listed},
)
"""
LISTED = 'Listed("toy_tests/test_toy.py::test_of_another_*", CONVENTION, "the root, no square"),'


@pytest.fixture
def peer(tmp_path):
    """Run the command on a peer whose tests, list and own answer are given."""

    def run(tests=TESTS, listed=LISTED, beside="{}", answer="-1.0", door="toy.distance"):
        folder = tmp_path / "source" / "tests"
        folder.mkdir(parents=True)
        (folder / "test_toy.py").write_text(tests)
        (tmp_path / "toy.py").write_text(PEER.format(answer=answer))
        adapter = ADAPTER.format(listed=f"({listed})", beside=beside, door=door)
        (tmp_path / "toy_adapter.py").write_text(adapter)
        command = [sys.executable, "-m", "benchmarks", "peer_tests", "--no-write"]
        command += ["--adapter", "toy_adapter", "--source", str(folder.parent)]
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert sorted(path.name for path in folder.iterdir()) == ["test_toy.py"]  # left as it was
        return done.returncode, done.stdout + done.stderr

    return run


def test_tests_that_pass_or_fail_as_listed_end_with_0(peer):
    code, said = peer()
    assert code == 0, said
    assert "Toy: 2 passed, 1 failed as listed, 0 skipped themselves, 1 never called otdiv" in said


def test_a_failure_that_is_not_listed_ends_with_1_and_its_error(peer):
    code, said = peer(listed="")
    assert code == 1, said
    assert "FAILED, not listed: toy_tests/test_toy.py::test_of_another_convention" in said
    assert "assert 2.0 == 4.0" in said


def test_a_listed_test_that_passes_ends_with_1(peer):
    entry = 'Listed("toy_tests/test_toy.py::test_right", CONVENTION, "it used to fail"),'
    code, said = peer(listed=LISTED + entry)
    assert code == 1, said
    assert "PASSED, though listed: toy_tests/test_toy.py::test_right" in said


def test_tests_that_cannot_be_imported_end_with_1(peer):
    code, said = peer(tests="import no_such_module\n", listed="")
    assert code == 1, said
    assert "no_such_module" in said


def test_a_run_that_never_calls_otdiv_ends_with_1(peer):
    code, said = peer(tests="def test_nothing():\n    pass\n", listed="")
    assert code == 1, said
    assert "no test called otdiv" in said


def test_a_number_that_is_not_the_peers_own_fails_a_test_that_would_not_notice(peer):
    tests = "import toy\n\ndef test_itself():\n    assert toy.distance([0], [1]) == "
    tests += "toy.distance([0], [1])\n"
    code, said = peer(tests=tests, listed="", beside='{"toy.distance": 1e-9}', answer="2.0")
    assert code == 1, said
    assert "otdiv and the peer's own distance differ" in said


def test_a_door_that_the_peer_does_not_have_ends_with_2(peer):
    code, said = peer(door="toy.renamed")
    assert code == 2, said
    assert "no toy.renamed" in said


def test_a_source_without_tests_of_a_known_peer_ends_with_2(tmp_path, capsys):
    assert run_peer_tests(tmp_path, write=False) == 2
    assert "holds no tests of a peer that is known here" in capsys.readouterr().err


def test_an_entry_of_the_list_that_nothing_needs_is_told():
    entry = Listed("a.py::test_gone", CONVENTION, "")
    outcomes = [Outcome("a.py::test_here", "passed", 1)]
    assert judged(outcomes, [entry]).idle == [entry]
    assert not judged(outcomes, [entry]).holds
    # A source may leave whole files out, and a part of the tests may be run.
    assert judged([Outcome("b.py::test_here", "passed", 1)], [entry]).holds
    assert judged(outcomes, [entry], whole=False).holds


def test_brackets_of_an_id_mean_themselves_in_the_list():
    entry = Listed("a.py::test_x[*-inf]", CONVENTION, "")
    assert entry.matches("a.py::test_x[numpy-inf]")
    assert not entry.matches("a.py::test_x_pair[numpy-inf]")
    assert not entry.matches("a.py::test_xn")


@pytest.mark.parametrize("name", ADAPTERS)
def test_each_entry_of_an_adapter_says_its_kind_and_its_reason(name):
    adapter = importlib.import_module(f"benchmarks.peer_adapters.{name}").ADAPTER
    assert adapter.listed
    for entry in adapter.listed:
        assert entry.kind in (CONVENTION, LATER)
        assert len(entry.reason) > 20
    assert set(adapter.beside) <= set(adapter.doors)
