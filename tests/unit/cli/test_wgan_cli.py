"""`otdiv wgan`: what it writes, and that a killed run goes on to the same numbers."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from otdiv.cli import main
from otdiv.cli.app import USAGE
from otdiv.wgan import Generator

pytestmark = pytest.mark.slow

COMMAND = ["wgan", "--data", "8gaussians", "--constraint", "gp", "--log-every", "5"]


def weights(folder):
    return Generator.load(folder / "generator.npz").network.parameters


def test_a_run_leaves_report_figures_history_and_generator(tmp_path, capsys):
    assert main([*COMMAND, "--steps", "10", "--output", str(tmp_path / "run")]) == 0
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {
        "checkpoint.npz",
        "generator.npz",
        "history.csv",
        "history.png",
        "report.md",
        "samples.png",
    }
    printed = capsys.readouterr()
    assert "exact W1" in printed.out
    assert "modes" in printed.out
    assert printed.err == ""
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert history[0].startswith("step,critic_loss,")
    assert [line.split(",")[0] for line in history[1:]] == ["0", "5", "10"]
    report = (tmp_path / "run" / "report.md").read_text()
    assert "times the floor" in report
    assert str(tmp_path) not in report
    # So few logs prove no correlation, whatever their order; the estimate has none at step 0.
    assert "| Spearman of the estimate with W1 | 2 logs are too few to tell | 1 |" in report


def test_a_killed_run_resumes_to_bit_equal_weights(tmp_path, capsys):
    steps = ["--steps", "60"]
    broken = [*COMMAND, *steps, "--output", str(tmp_path / "broken")]
    with subprocess.Popen(
        [sys.executable, "-m", "otdiv.cli", *broken], stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 120.0
        checkpoint = tmp_path / "broken" / "checkpoint.npz"
        while not checkpoint.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "broken" / "generator.npz").exists()
    assert main(broken) == 0
    assert "continuing" in capsys.readouterr().err
    assert main([*COMMAND, *steps, "--output", str(tmp_path / "whole")]) == 0
    np.testing.assert_array_equal(weights(tmp_path / "broken"), weights(tmp_path / "whole"))
    histories = [(tmp_path / name / "history.csv").read_text() for name in ("broken", "whole")]
    assert histories[0] == histories[1]


def test_fresh_starts_anew(tmp_path, capsys):
    output = ["--output", str(tmp_path)]
    assert main([*COMMAND, "--steps", "5", *output]) == 0
    # Other settings over the same checkpoint: refused, unless it is to be thrown away.
    assert main([*COMMAND, "--steps", "6", *output]) == USAGE
    assert "checkpoint" in capsys.readouterr().err
    assert main([*COMMAND, "--steps", "6", "--fresh", *output]) == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--loss", "non-saturating", "--constraint", "spectral"],
        ["--loss", "minimax"],
        ["--preset", "tracking", "--loss", "minimax"],
        ["--constraint", "c-transform"],
        ["--constraint", "lp", "--weight", "5"],
        ["--data", "swissroll", "--constraint", "clip"],
        ["--data", "25gaussians", "--noise", "0.1", "--constraint", "orthonormal"],
        ["--data", "digits"],
    ],
    ids=" ".join,
)
def test_every_combination_of_the_help_runs(options, tmp_path):
    small = ["--steps", "2", "--log-every", "2", "--output", str(tmp_path)]
    assert main(["wgan", *options, *small]) == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--data", "swissroll", "--noise", "1"], "--noise"),
        (["--weight", "1"], "--weight"),
        (["--preset", "wgan-2017", "--constraint", "gp"], "--preset"),
        (["--loss", "minimax", "--constraint", "c-transform"], "constraint"),
    ],
    ids=str,
)
def test_options_that_do_nothing_are_refused(options, named, tmp_path, capsys):
    assert main(["wgan", *options, "--output", str(tmp_path / "run")]) == USAGE
    assert named in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
