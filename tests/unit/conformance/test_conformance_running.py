"""Solvers are found by name, reports say what happened, and a child process bears the worst."""

import json
import os
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest

from otdiv import InvalidInputError, OtdivError, solvers
from otdiv.cli import ExitCode, main
from otdiv.conformance import (
    LawVerdict,
    PointSolver,
    check_solver,
    check_solver_isolated,
    load_solver,
    peers_table,
    solver_laws,
)

SIMPLEX = "otdiv.solvers:NetworkSimplex"

HOMEMADE = """
import ctypes, multiprocessing, os, subprocess, sys, threading, time
import numpy as np

def product(a, b, C):
    return np.outer(a, b)

def hangs(a, b, C):
    if C.size > 1 and np.ptp(C) == 0.0:
        time.sleep(600.0)
    return np.outer(a, b)

def dies(a, b, C):
    if C.size > 1 and np.ptp(C) == 0.0:
        os._exit(7)
    return np.outer(a, b)

def talks(a, b, C):
    print("solving")
    return np.outer(a, b)

here = os.getpid()

def dies_at_once(a, b, C):
    os._exit(3)

def hangs_at_once(a, b, C):
    time.sleep(600.0)

def leaves(a, b, C):
    # Processes that hold every pipe they were given, and a thread.
    global here
    if here:
        here = 0
        subprocess.Popen(["sleep", "600"])
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(600.0,)).start()
        threading.Thread(target=time.sleep, args=(600.0,)).start()
        if os.fork() == 0:
            time.sleep(600.0)
            os._exit(0)
        open({mark!r}, "w").write(str(os.getpgrp()))
    return np.outer(a, b)

def leaves_a_daemon(a, b, C):
    global here
    if here:
        here = 0
        daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
        open({mark!r}, "w").write(str(daemon.pid))
    return np.outer(a, b)

def needs_a_device(a, b, C):
    raise RuntimeError("needs CUDA")

def exits(a, b, C):
    sys.exit("no licence")

def answers_in_words(a, b, C):
    return "a plan"

def fails_on_one(a, b, C):
    if C.size == 1:
        raise IndexError("index 1 is out of bounds")
    return np.outer(a, b)

def crashes_on_one(a, b, C):
    if C.size == 1:
        ctypes.string_at(0)
    return np.outer(a, b)

def hangs_on_one(a, b, C):
    if C.size == 1:
        time.sleep(600.0)
    return np.outer(a, b)

def is_square(a, b, C):
    if C.shape[0] != C.shape[1]:
        raise ValueError("square matrices only")
    return np.outer(a, b)

def warms_up(a, b, C):
    global here
    if here:
        here = 0
        time.sleep(5.0)
    if not C.flags.writeable or C.dtype == np.int64:
        os._exit(9)
    return np.outer(a, b)

def dies_of_epsilon(a, b, C, epsilon=None):
    if epsilon is not None:
        os._exit(8)
    return np.outer(a, b)

def writes_and_reads(a, b, C):
    os.write(1, b"." * 100_000)
    assert sys.stdin.read() == ""
    return np.outer(a, b)
"""


@pytest.fixture
def homemade(tmp_path, monkeypatch):
    """Name of a module that only lies in a temporary folder."""
    code = HOMEMADE.replace("{mark!r}", repr(str(tmp_path / "mark")))
    (tmp_path / "homemade_solvers.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield "homemade_solvers"
    sys.modules.pop("homemade_solvers", None)


@pytest.mark.parametrize(
    "path",
    ["", "otdiv", "otdiv:", ":solve", "no.such.module:solve", "otdiv:nothing", "otdiv:__version__"],
)
def test_a_path_that_names_no_callable_is_refused(path):
    with pytest.raises(InvalidInputError, match="`solver` must"):
        load_solver(path)


def test_a_class_that_needs_arguments_is_refused(monkeypatch):
    class Needy:
        def __init__(self, epsilon):
            self.epsilon = epsilon

        def run(self, problem):
            return problem

    module = types.ModuleType("needy_solvers")
    module.Needy = Needy
    monkeypatch.setitem(sys.modules, "needy_solvers", module)
    with pytest.raises(InvalidInputError, match="no arguments"):
        load_solver("needy_solvers:Needy")


def test_solver_objects_of_ours_are_callables_of_a_b_and_costs():
    result = load_solver(SIMPLEX)([0.5, 0.5], [0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]])
    assert result.value == 0.0


def test_a_solver_object_is_checked_like_its_path():
    report = check_solver(solvers.NetworkSimplex(), laws=["marginals"], examples=5)
    assert report.conforms
    assert report.solver == "NetworkSimplex(max_iterations=None)"


@pytest.mark.parametrize("solver", [3, None, "text", solvers.NetworkSimplex])
def test_what_is_no_solver_is_refused(solver):
    with pytest.raises(InvalidInputError, match="`solver` must"):
        check_solver(solver, laws=["marginals"], examples=5)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"tolerance": 0.0}, "tolerance"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"examples": 0}, "examples"),
        ({"seed": -1}, "seed"),
        ({"law_seconds": 0.0}, "law_seconds"),
        ({"laws": ["no-such-law"]}, "laws"),
    ],
)
def test_options_out_of_range_are_refused(options, name):
    with pytest.raises(InvalidInputError, match=f"`{name}`"):
        check_solver(SIMPLEX, **options)


def test_a_callback_sees_each_result_and_can_stop():
    seen = []

    def stop_after_two(row):
        seen.append(row.law)
        return len(seen) == 2

    report = check_solver(SIMPLEX, examples=2, callback=stop_after_two)
    assert [row.law for row in report.rows] == seen == ["marginals", "known-answers"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_report():
    def careless(a, b, C):
        return float(a @ C @ b)

    first, second = (
        check_solver(careless, laws=["optimality"], examples=20, seed=3) for _ in range(2)
    )
    assert first["optimality"].breach == second["optimality"].breach


def test_laws_for_points_call_with_points():
    shapes = set()

    def records(a, b, x, y):
        shapes.add((x.shape == (len(a), y.shape[1]), y.ndim))
        return float("nan")

    check_solver(PointSolver(records), laws=["optimality"], examples=5)
    assert shapes == {(True, 2)}


def test_laws_of_bare_matrices_are_not_applicable_to_points():
    report = check_solver(PointSolver(lambda *arrays: 0.0), laws=["translation"])
    assert report["translation"].verdict is LawVerdict.NOT_APPLICABLE


@pytest.mark.slow
def test_reports_have_the_same_content_in_every_form():
    def product(a, b, C):
        return np.outer(a, b)

    report = check_solver(product, laws=["marginals", "optimality", "strong-duality"], examples=20)
    records = json.loads(report.to_json())["laws"]
    assert [record["verdict"] for record in records] == ["held", "broken", "not offered"]
    for text in (report.to_markdown(), str(report)):
        assert report["optimality"].breach.text in text
        assert report["optimality"].breach.code in text
    assert "1 held, 1 broken, 0 not applicable, 1 not offered" in report.headline


def test_numbers_that_are_not_finite_are_null_in_json():
    report = check_solver(lambda a, b, C: float("nan"), laws=["optimality"], examples=2)
    record = json.loads(report.to_json(), parse_constant=pytest.fail)["laws"][0]
    assert record["miss"] is None


@pytest.mark.slow
def test_the_table_of_peers_has_a_row_a_law_and_a_column_a_solver():
    laws = ["marginals", "optimality"]
    reports = [
        check_solver(SIMPLEX, laws=laws, examples=5),
        check_solver(lambda a, b, C: np.outer(a, b), name="product", laws=laws, examples=30),
    ]
    lines = peers_table(reports).splitlines()
    assert lines[0] == f"| law | {SIMPLEX} | product |"
    assert lines[2] == "| `marginals` | held | held |"
    assert lines[3].startswith("| `optimality` | held | **")
    assert lines[-1] == "| held / broken / – / not offered | 2 / 0 / 0 / 0 | 1 / 1 / 0 / 0 |"


def test_a_missing_law_is_a_key_error():
    report = check_solver(SIMPLEX, laws=["marginals"], examples=2)
    with pytest.raises(KeyError):
        report["optimality"]


def test_ids_are_words_and_statements_are_lines():
    for id_, law in solver_laws().items():
        assert id_ == law.id
        assert id_.replace("-", "").replace("32", "").isalpha()
        assert "\n" not in law.statement
        assert law.exact or law.regularised


@pytest.mark.slow
def test_isolated_and_in_process_reports_agree(homemade):
    laws = ["marginals", "optimality", "input-untouched"]
    alone, here = (
        check(f"{homemade}:product", laws=laws, examples=15)
        for check in (check_solver_isolated, check_solver)
    )
    assert [row.verdict for row in alone.rows] == [row.verdict for row in here.rows]
    assert [row.breach for row in alone.rows] == [row.breach for row in here.rows]


def test_the_call_that_ended_a_process_is_shown_with_its_epsilon(homemade):
    law = "epsilon-large"
    report = check_solver_isolated(
        f"{homemade}:dies_of_epsilon", regularised=True, laws=[law], examples=3
    )
    assert "ended with exit code 8 during the call" in report[law].breach.text
    assert "print(solver(a, b, C, epsilon=" in report[law].breach.code


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "text"),
    [("hangs", "no answer within 4 s"), ("dies", "ended with exit code 7 during the call")],
)
def test_a_solver_that_gives_no_answer_breaks_its_law_and_no_other(homemade, function, text):
    report = check_solver_isolated(
        f"{homemade}:{function}",
        laws=["shapes", "equal-costs"],
        examples=8,
        call_seconds=4.0,
    )
    broken = report["equal-costs"]
    assert text in broken.breach.text
    assert broken.mark == "**no answer**"
    assert "C = np.array([[" in broken.breach.code
    assert len(report.rows) == 2


@pytest.mark.slow
def test_a_solver_that_prints_does_not_disturb_the_report(homemade):
    report = check_solver_isolated(f"{homemade}:talks", laws=["marginals"], examples=5)
    assert report.conforms


def test_a_child_that_cannot_start_is_not_blamed_on_the_solver(homemade, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(OtdivError, match="before its first call"):
        check_solver_isolated(f"{homemade}:product", laws=["marginals"], examples=5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("needs_a_device", "RuntimeError: needs CUDA"),
        ("exits", "SystemExit: no licence"),
        ("answers_in_words", "the solver returned 'a plan'"),
        ("dies_at_once", "the process ended with exit code 3 during the call"),
    ],
)
def test_a_solver_that_answers_no_call_is_one_finding(homemade, capsys, function, text):
    assert main(["verify", "--solver", f"{homemade}:{function}"]) == ExitCode.PART_FAILED
    out = capsys.readouterr().out
    assert f"{homemade}:{function}: does not run\n" in out
    assert " ".join(out.split()).count("does not run: ") == 1
    report = check_solver_isolated(f"{homemade}:{function}")
    (row,) = report.rows
    assert row.summary == f"does not run: {text}"
    # The smallest call that fails.
    assert "C = np.array([[1.0]])" in row.breach.code
    assert not report.conforms
    assert type(report).from_json(report.to_json()).rows[0].summary == row.summary
    assert text in report.to_markdown()
    if function != "dies_at_once":
        here = check_solver(f"{homemade}:{function}")
        assert here.rows[0].breach == row.breach


@pytest.mark.slow
def test_a_solver_that_hangs_is_not_asked_law_by_law(homemade, monkeypatch):
    monkeypatch.setattr("otdiv.conformance.isolation._WARM_UP_SECONDS", 1.0)
    start = time.perf_counter()
    report = check_solver_isolated(f"{homemade}:hangs_at_once", call_seconds=1.0)
    assert report.headline == f"{homemade}:hangs_at_once: does not run"
    assert "no answer within 2 s" in report.rows[0].summary
    # Two calls of two seconds, and two starts of a process on a busy machine.
    assert time.perf_counter() - start < 45.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("fails_on_one", "does not run on 1 × 1: IndexError: index 1 is out of bounds"),
        ("crashes_on_one", "does not run on 1 × 1: the process was ended by SIGSEGV during"),
        ("hangs_on_one", "does not run on 1 × 1: no answer within 2 s"),
        ("is_square", "does not run on n < m, n > m, n = 1, m = 1: ValueError: square"),
    ],
)
def test_a_shape_that_fails_breaks_one_law(homemade, function, text):
    laws = ["marginals", "shapes", "repeatable", "ties", "layout"]
    report = check_solver_isolated(
        f"{homemade}:{function}", regularised=True, laws=laws, examples=20, call_seconds=2.0
    )
    assert [row.law for row in report.broken] == ["shapes"]
    assert report["shapes"].breach.text.startswith(text)
    # As many cases as were asked for, of other shapes; what was not handed over is counted.
    assert report["marginals"].n_cases == 20
    assert report["marginals"].n_declined > 0
    if function in ("fails_on_one", "is_square"):
        here = check_solver(f"{homemade}:{function}", regularised=True, laws=laws, examples=20)
        assert [row.breach for row in here.rows] == [row.breach for row in report.rows]


@pytest.mark.slow
def test_the_first_call_of_a_process_alone_may_take_longer(homemade):
    """The second process, after the law that ended the first, warms up as well."""
    report = check_solver_isolated(
        f"{homemade}:warms_up",
        regularised=True,
        laws=["marginals", "integer-input", "layout"],
        examples=5,
        call_seconds=2.0,
    )
    assert [row.law for row in report.broken] == ["integer-input", "layout"]
    assert all("ended with exit code 9" in row.breach.text for row in report.broken)


@pytest.mark.slow
def test_what_a_solver_leaves_behind_is_ended_and_not_waited_for(homemade, tmp_path):
    words = ["verify", "--solver", f"{homemade}:leaves", "--law", "marginals", "--examples", "5"]
    start = time.perf_counter()
    # Both streams are pipes that end when nobody holds them any more.
    done = subprocess.run(
        [sys.executable, "-m", "otdiv.cli", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    group = int((tmp_path / "mark").read_text())
    while process_group_lives(group):  # until the system has buried them
        assert time.perf_counter() - start < 60.0
        time.sleep(0.1)


def process_group_lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_daemon_of_the_solver_holds_nobody(homemade, tmp_path):
    words = ["verify", "--solver", f"{homemade}:leaves_a_daemon", "--law", "marginals"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "otdiv.cli", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        os.kill(int((tmp_path / "mark").read_text()), signal.SIGKILL)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_solver_that_fills_its_output_and_reads_its_input_does_not_block(homemade, capsys):
    report = check_solver_isolated(
        f"{homemade}:writes_and_reads", laws=["marginals"], examples=3, call_seconds=10.0
    )
    assert report.conforms
    assert "." * 1000 in capsys.readouterr().err


def test_a_stopped_report_says_how_many_laws_are_missing():
    report = check_solver(
        SIMPLEX, laws=["marginals", "optimality", "ties"], examples=2, callback=lambda row: True
    )
    assert report.n_pending == 2
    assert report.headline.endswith("partial: 2 not reached")
    assert json.loads(report.to_json())["partial"] is True
    assert type(report).from_json(report.to_json()).n_pending == 2


@pytest.mark.parametrize(
    ("law", "near"), [("marginal", "marginals"), ("Shape", "shapes"), ("huge_cost", "huge-costs")]
)
def test_a_law_that_is_not_known_is_answered_with_its_like(law, near):
    with pytest.raises(InvalidInputError, match=f"did you mean .*{near}"):
        check_solver(SIMPLEX, laws=[law])


def test_only_paths_can_be_isolated():
    with pytest.raises(InvalidInputError, match=r"package\.module:function"):
        check_solver_isolated(lambda a, b, C: 0.0)


@pytest.mark.slow
def test_the_command_line_prints_the_laws_and_fails_where_one_is_broken(homemade, capsys):
    words = ["verify", "--solver", f"{homemade}:product", "--examples", "20"]
    words += ["--law", "marginals", "--law", "optimality"]
    assert main(words) == ExitCode.NEGATIVE == 3
    text = capsys.readouterr().out
    assert "1 held, 1 broken" in text
    assert "from homemade_solvers import product as solver" in text
    assert main([*words[:-2]]) == 0


@pytest.mark.slow
def test_the_command_line_writes_json_and_markdown(homemade, tmp_path):
    target = tmp_path / "report.json"
    words = ["verify", "--solver", f"{homemade}:product", "--examples", "5", "--law", "marginals"]
    assert main([*words, "--output", str(target)]) == 0
    assert json.loads(target.read_text())["conforms"] is True
    assert main([*words, "--output", str(tmp_path / "report.md")]) == 0
    assert (tmp_path / "report.md").read_text().startswith("# Conformance of homemade_solvers")


@pytest.mark.parametrize("words", [["--solver", "otdiv"], ["--solver", SIMPLEX, "--law", "no"]])
def test_a_wrong_option_is_a_usage_error(words, capsys):
    assert main(["verify", *words]) == 2
    assert "otdiv: error:" in capsys.readouterr().err


@pytest.mark.slow
def test_snippets_run_in_an_interpreter_of_their_own(homemade, tmp_path):
    row = check_solver(f"{homemade}:product", laws=["optimality"], examples=30)["optimality"]
    done = subprocess.run(
        [sys.executable, "-c", row.breach.code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[[")


@pytest.mark.slow
def test_json_is_read_back():
    report = check_solver(lambda a, b, C: np.outer(a, b), laws=["marginals", "optimality"])
    again = type(report).from_json(report.to_json())
    assert [row.summary for row in again.rows] == [row.summary for row in report.rows]
    assert again["optimality"].breach == report["optimality"].breach


def test_a_law_that_ran_out_of_time_says_so():
    def slow(a, b, C):
        time.sleep(0.02)
        return float(a @ C @ b)

    row = check_solver(slow, laws=["repeatable"], examples=60, law_seconds=0.1)["repeatable"]
    assert not row.complete
    assert row.mark == f"held ({row.n_cases} cases)"
    assert row.summary.endswith("cases that time allowed")


def test_the_first_call_may_take_longer_than_the_limit_of_a_law():
    calls = []

    def warms_up(a, b, C):
        if not calls:
            time.sleep(0.5)
        calls.append(1)
        return float(a @ C @ b)

    row = check_solver(warms_up, laws=["input-untouched"], examples=2, law_seconds=0.4)
    assert row["input-untouched"].n_cases == 2
