"""Ctrl-C and SIGTERM: whenever they come and whatever swallows them, 130 and one line, soon."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from otdiv.cli import ExitCode, main
from otdiv.cli.interrupts import raise_if_interrupted

posix = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
pytestmark = [posix, pytest.mark.slow]

DATA = Path(__file__).parents[3] / "examples" / "data"
COMPARE = ["compare", *(str(DATA / f"flights_2013_0{month}.parquet") for month in (1, 7))]
VERIFY = ["verify", "--claim", "pinsker", "--claim", "kl-is-symmetric", "--examples", "5"]

# Sends a signal to its own process when a module is asked for the first time.
AT_IMPORT = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.{number})
        return None

from otdiv.cli import console
sys.meta_path.insert(0, Finder())
console()
"""


def run(code, *words, seconds=60.0):
    """Run Python text in a process that hears Ctrl-C, and return it with its wall time."""
    head = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", head + code, *words], capture_output=True, text=True, timeout=seconds
    )
    return done, time.perf_counter() - start


def is_quietly_interrupted(done):
    assert (done.returncode, done.stderr) == (130, "otdiv: interrupted\n")
    return True


@pytest.mark.parametrize(
    "module",
    [
        "argparse",
        "numpy",
        "numpy.linalg",
        "numba",
        "numba.core.caching",
        "llvmlite.binding",
        "narwhals",
        "pyarrow",
        "pyarrow.lib",
        "rich.console",
        "otdiv.tables.measuring",
        "otdiv.cli.terminal",
    ],
)
def test_ctrl_c_in_an_import_of_compare_is_heard(module):
    done, _ = run(AT_IMPORT.format(module=module, number="SIGINT"), *COMPARE)
    assert is_quietly_interrupted(done)
    assert done.stdout == ""


@pytest.mark.parametrize("module", ["hypothesis", "numba", "otdiv.theory.chapters.entropy"])
def test_ctrl_c_in_an_import_of_verify_is_heard(module):
    done, _ = run(AT_IMPORT.format(module=module, number="SIGINT"), *VERIFY)
    assert is_quietly_interrupted(done)
    assert done.stdout == ""


@pytest.mark.parametrize("module", ["numba", "rich.console"])
def test_sigterm_is_an_interruption_too(module):
    done, _ = run(AT_IMPORT.format(module=module, number="SIGTERM"), *COMPARE)
    assert is_quietly_interrupted(done)


# What becomes of a KeyboardInterrupt in the code of others; `work` stands in for the comparison.
SWALLOWED = {
    "a bare except": """
    try:
        signal.raise_signal(signal.SIGINT)
    except:
        pass
""",
    "another error": """
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError("numpy._core.multiarray failed to import")
""",
    "a finalizer": """
    class Finalized:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)
    Finalized()
""",
    "a callback of the garbage collector": """
    def callback(phase, info):
        gc.callbacks.remove(callback)
        signal.raise_signal(signal.SIGINT)
    gc.callbacks.append(callback)
    gc.collect()
""",
    "a callback of C code": """
    @ctypes.CFUNCTYPE(None)
    def callback():
        signal.raise_signal(signal.SIGINT)
    callback()
""",
    "swallowed for ever": """
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        try:
            time.sleep(100.0)
        except KeyboardInterrupt:
            pass
""",
    "code that holds no signal": """
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    threading.Thread(target=lambda: (
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT]),
        os.kill(os.getpid(), signal.SIGINT), time.sleep(100.0)), daemon=True).start()
    ctypes.CDLL(None).sleep(100)
    ctypes.CDLL(None).sleep(100)
""",
    "a thread that is not waited for": """
    threading.Thread(target=time.sleep, args=(100.0,)).start()
    signal.raise_signal(signal.SIGINT)
""",
}

WITH_WORK = """
import ctypes, gc, os, signal, sys, threading, time
import otdiv.tables.comparison

def work(*arguments, **options):
{body}
    time.sleep({rest})
    return original(*arguments, **options)

original = otdiv.tables.comparison.compare_tables
otdiv.tables.comparison.compare_tables = work
from otdiv.cli import console
console()
"""


@pytest.mark.parametrize("rest", [0.0, 100.0], ids=["a short rest", "a long rest"])
@pytest.mark.parametrize("name", SWALLOWED)
def test_ctrl_c_that_others_swallow_ends_the_command(name, rest):
    done, seconds = run(WITH_WORK.format(body=SWALLOWED[name], rest=rest), *COMPARE)
    assert is_quietly_interrupted(done)
    assert done.stdout == ""
    # A second of patience, and the start of Python on a busy machine.
    assert seconds < 30.0


def test_ctrl_c_at_the_end_of_the_process_prints_no_traceback():
    code = """
import atexit, signal, sys
atexit.register(signal.raise_signal, signal.SIGINT)
from otdiv.cli import console
console()
"""
    done, _ = run(code, "--version")
    assert is_quietly_interrupted(done)


def test_main_of_the_process_is_guarded_to_its_end():
    code = """
import signal, sys
from otdiv.cli import main
code = main()
signal.raise_signal(signal.SIGINT)
"""
    done, _ = run(code, "--version")
    assert is_quietly_interrupted(done)


def test_a_signal_that_the_shell_has_switched_off_stays_so():
    code = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
""" + AT_IMPORT.format(module="numpy", number="SIGINT")
    done, _ = run(code, *COMPARE)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def hearing():
    """Ctrl-C as Python has it, whatever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def state():
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    hooks = [sys.excepthook, sys.unraisablehook]
    return [*handlers, descriptor, *hooks, threading.active_count(), len(os.listdir("/dev/fd"))]


@pytest.mark.parametrize("words", [["--version"], ["compare"], ["compare", "a.csv", "b.csv"]])
def test_what_main_takes_over_is_restored(hearing, capsys, words):
    before = state()
    main(words)
    assert state() == before


def test_main_is_interrupted_and_restored_in_a_process_that_goes_on(hearing, capsys, monkeypatch):
    def interrupted(*_, **__):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        time.sleep(60.0)

    before = state()
    monkeypatch.setattr("otdiv.tables.comparison.compare_tables", interrupted)
    start = time.perf_counter()
    assert main(COMPARE) == ExitCode.INTERRUPTED
    assert time.perf_counter() - start < 30.0
    assert capsys.readouterr().err == "otdiv: interrupted\n"
    assert state() == before


def test_main_runs_outside_the_main_thread(capsys):
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main(["--version"])))
    thread.start()
    thread.join()
    assert codes == [0]


def test_a_call_of_the_library_still_raises(hearing):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    raise_if_interrupted()  # nothing is remembered outside a command


def interrupted_after(n_claims, monkeypatch):
    """Let Ctrl-C come, and be swallowed, within the claim that follows `n_claims`."""
    from otdiv.theory import verification

    run_claim, done = verification.run_claim, []

    def swallowing(claim, **options):
        done.append(claim)
        if len(done) > n_claims:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        return run_claim(claim, **options)

    monkeypatch.setattr(verification, "run_claim", swallowing)


@pytest.mark.parametrize("to_file", [False, True])
def test_the_report_of_finished_claims_is_kept(hearing, capsys, monkeypatch, tmp_path, to_file):
    interrupted_after(1, monkeypatch)
    target = tmp_path / "report.json"
    words = ["--output", str(target)] if to_file else ["--format", "json"]
    assert main([*VERIFY, *words]) == ExitCode.INTERRUPTED
    out, err = capsys.readouterr()
    report = json.loads(target.read_text() if to_file else out)
    assert [claim["id"] for claim in report["claims"]] == ["pinsker"]
    assert (report["partial"], report["n_pending"]) == (True, 1)
    assert report["summary"].startswith("Partial, 1 claims not reached: 1 entries")
    assert err.splitlines()[-1] == "otdiv: interrupted"


def test_a_partial_table_says_so(hearing, capsys, monkeypatch):
    interrupted_after(1, monkeypatch)
    assert main(VERIFY) == ExitCode.INTERRUPTED
    assert capsys.readouterr().out.splitlines()[-1].startswith("Partial, 1 claims not reached")


def test_nothing_finished_is_no_report(hearing, capsys, monkeypatch):
    interrupted_after(0, monkeypatch)
    assert main(VERIFY) == ExitCode.INTERRUPTED
    assert capsys.readouterr().out == ""


SOLVER = """
import os, subprocess, sys, time
import numpy as np

def product(a, b, C):
    if not C.flags.writeable:
        open({mark!r}, "w").write(str(os.getpid()))
        subprocess.Popen(["sleep", "600"])
        time.sleep(600.0)
    return np.outer(a, b)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_check_of_a_solver_leaves_its_report_and_no_process(tmp_path, number):
    mark, report = tmp_path / "mark", tmp_path / "report.json"
    (tmp_path / "slow_solver.py").write_text(SOLVER.format(mark=str(mark)))
    words = ["verify", "--solver", "slow_solver:product", "--output", str(report)]
    words += ["--law", "marginals", "--law", "layout", "--examples", "5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "otdiv.cli", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    deadline = time.monotonic() + 60.0
    while not mark.exists() or not mark.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60.0)
    group = int(mark.read_text())
    while process_group_lives(group):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if number == signal.SIGKILL:
        return
    assert (process.returncode, err) == (130, "otdiv: interrupted\n")
    content = json.loads(report.read_text())
    assert content["partial"] is True
    assert [law["law"] for law in content["laws"]] == ["marginals"]
    assert content["n_pending"] == 1


def process_group_lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
