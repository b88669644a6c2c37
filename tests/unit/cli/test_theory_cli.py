"""`otdiv verify` on the command line: formats, files, exit codes."""

import contextlib
import dataclasses
import io
import json
import signal

import pytest
from rich.console import Console

from otdiv import theory
from otdiv.cli import ExitCode, main
from otdiv.cli.verify import _print
from otdiv.theory import Outcome, Verdict, VerificationReport, claims, run_claim

QUICK = ["verify", "--claim", "pinsker", "--claim", "kl-is-symmetric", "--examples", "5"]


@pytest.mark.slow
def test_table_shows_each_claim_and_a_summary(capsys):
    assert main(QUICK) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert any(line.split()[:1] == ["pinsker"] and "held" in line for line in lines)
    assert any(line.split()[:1] == ["kl-is-symmetric"] and "refuted" in line for line in lines)
    assert lines[-1].startswith("2 entries")
    assert err == ""


@pytest.mark.slow
def test_nothing_is_cut(capsys):
    main(["verify", "--claim", "generator-collapses-on-a-fixed-discriminator", "--examples", "1"])
    out = capsys.readouterr().out.replace("\n", "")
    assert "…" not in out


def test_no_name_of_a_claim_is_broken_at_eighty_columns():
    outcomes = tuple(
        Outcome(claim=claim, verdict=Verdict.NOT_REFUTED, n_cases=20_000, worst_slack=-1.2e-300,
                seconds=1234.5)
        for claim in claims().values()
    )  # fmt: skip
    report = VerificationReport(outcomes=outcomes, examples=200, seconds=1.0)
    stream = io.StringIO()
    _print(report, Console(file=stream, width=80))
    lines = stream.getvalue().splitlines()
    shown = {line.split()[0] for line in lines if "NOT REFUTED" in line}
    assert shown == set(claims())
    assert max(len(line) for line in lines if "NOT REFUTED" in line) <= 80


def test_json_goes_to_stdout(capsys):
    assert main([*QUICK, "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["claims"]) == 2


@pytest.mark.parametrize(("suffix", "start"), [("md", "# Claims"), ("json", "{"), ("txt", " ")])
def test_suffix_of_output_chooses_the_format(tmp_path, capsys, suffix, start):
    target = tmp_path / f"report.{suffix}"
    assert main([*QUICK, "--output", str(target)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "1 held" in err
    assert target.read_text().startswith(start)


def test_a_topic_is_a_chapter(capsys):
    assert main(["verify", "--topic", "gan_game", "--examples", "1"]) == 0
    assert "generator-criterion" in capsys.readouterr().out


def broken_pinsker():
    table = claims()
    table["pinsker"] = dataclasses.replace(table["pinsker"], check=lambda case: len(case[0]) - 2.5)
    return table


def test_a_broken_claim_ends_with_3_and_a_program(capsys, monkeypatch):
    # The report's program asks the catalogue, so the fault is planted there.
    monkeypatch.setattr("otdiv.theory.verification.all_claims", broken_pinsker)
    assert main(QUICK) == ExitCode.NEGATIVE == 3
    out = capsys.readouterr().out
    assert "BROKEN" in out
    code = out[out.index("from numpy") : out.index("\n\n", out.index("from numpy"))]
    monkeypatch.setattr(theory, "claims", broken_pinsker)
    exec(code, {})
    assert capsys.readouterr().out == "-1.5\n"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--claim", "pinskr"], "did you mean pinsker"),
        (["--claim", "kantorovich"], "did you mean"),
        (["--claim", "KL is symmetric"], "did you mean kl-is-symmetric"),
        (["--topic", "nothing"], "be among entropy"),
        (["--topic", "gan-game"], "did you mean gan_game"),
        (["--topic", "dualty"], "did you mean duality"),
        (["--examples", "0"], "`examples` must be at least 1"),
        (["--rng", "-1"], "`rng` must be non-negative"),
        (["--output", "no/such/folder/x.md"], "`--output` must"),
        (["--format", "csv"], "invalid choice"),
        (["--tolerance", "1e-6"], "`--tolerance` must come with --solver"),
        (["--solver", "ot:emd", "--claim", "pinsker"], "`--claim` must be left out"),
    ],
)
def test_usage_is_2_and_says_what_is_wrong(capsys, arguments, text):
    assert main(["verify", *arguments]) == 2
    out, err = capsys.readouterr()
    assert text in err
    assert out == ""


def test_interruption_is_130(capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("otdiv.theory.verification.run_claim", interrupted)
    assert main(QUICK) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_swallowed_interruption_is_remembered(capsys, monkeypatch):
    def swallowed(claim, **_):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return run_claim(claim, examples=1)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("otdiv.theory.verification.run_claim", swallowed)
    assert main(QUICK) == 130
    assert signal.getsignal(signal.SIGINT) is before


def test_the_same_seed_prints_the_same_slacks(capsys):
    runs = []
    for _ in range(2):
        main([*QUICK, "--format", "json", "--rng", "3"])
        content = json.loads(capsys.readouterr().out)
        runs.append([record["worst_slack"] for record in content["claims"]])
    assert runs[0] == runs[1]
