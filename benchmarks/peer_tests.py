"""Runs the peers' own tests with otdiv behind their functions (`python -m benchmarks peer_tests`).

The tests come from a checkout of the peer, the functions that they call are answered by the
adapters in `peer_adapters`. A test that fails is either listed in its adapter, with the difference
of convention or the missing feature that explains it, or it is news; and so is a listed test that
passes. Tests that never call otdiv are not counted.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import otdiv

from .peer_adapters import Adapter, Listed

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[1]
ADAPTERS = ("pot", "scipy", "geomloss")
# What pytest may end with where it ran: all passed, some failed.
_RAN = (0, 1)
# Characters of an error that are printed.
_SHOWN = 300


class PeerTestsError(Exception):
    """The tests could not be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test; `calls` of the peer's functions were answered by otdiv."""

    test: str
    outcome: str
    calls: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcomes beside the adapter's list.

    `passed` and `skipped` are counts, `unreached` the tests that never called otdiv, `news` those
    that failed unlisted, `mended` those that passed although listed, `idle` the entries of the list
    that no failing test matches.
    """

    passed: int
    skipped: int
    unreached: int
    explained: dict[Listed, list[str]]
    news: list[Outcome]
    mended: list[str]
    idle: list[Listed]

    @property
    def holds(self) -> bool:
        """Whether tests reached otdiv, and each failed exactly where the list says so."""
        reached = self.passed + sum(map(len, self.explained.values()))
        return reached > 0 and not (self.news or self.mended or self.idle)


def judged(
    outcomes: Iterable[Outcome], listed: Iterable[Listed], *, whole: bool = True
) -> Judgement:
    """Hold the outcomes against the list, whose entries must all be needed where `whole`.

    Entries for files that are not among the outcomes are left alone.
    """
    explained: dict[Listed, list[str]] = {entry: [] for entry in listed}
    passed = skipped = unreached = 0
    news, mended, files = [], [], set()
    for outcome in outcomes:
        files.add(outcome.test.partition("::")[0])
        entry = next((entry for entry in explained if entry.matches(outcome.test)), None)
        if outcome.calls == 0 and outcome.outcome != "not collected":
            unreached += 1
        elif outcome.outcome == "skipped":
            skipped += 1
        elif outcome.outcome == "passed":
            passed += 1
            if entry is not None:
                mended.append(outcome.test)
        elif entry is None:
            news.append(outcome)
        else:
            explained[entry].append(outcome.test)
    unused = [entry for entry, tests in explained.items() if not tests and entry.file in files]
    idle = unused if whole else []
    explained = {entry: tests for entry, tests in explained.items() if tests}
    return Judgement(passed, skipped, unreached, explained, news, mended, idle)


def adapter_for(source: Path | None, module: str | None = None) -> tuple[str, Adapter, Path]:
    """The adapter whose tests `source` holds; without a source, SciPy's wheel with its tests."""
    if source is None:
        found = importlib.util.find_spec("scipy")
        if found is None or found.origin is None:
            raise PeerTestsError("SciPy is not installed; name a checkout with --source")
        source = Path(found.origin).parents[1]
    if not source.is_dir():
        raise PeerTestsError(f"{source} is not a folder")
    modules = [module] if module else [f"{__package__}.peer_adapters.{name}" for name in ADAPTERS]
    for name in modules:
        adapter = importlib.import_module(name).ADAPTER
        if all((source / folder).is_dir() for folder in adapter.folders):
            return name, adapter, source
    raise PeerTestsError(f"{source} holds no tests of a peer that is known here")


def run_tests(module: str, adapter: Adapter, source: Path, only: str = "") -> list[Outcome]:
    """Run the peer's tests in a copy, so that nothing of its package is imported from `source`."""
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder).resolve()
        for origin, name in adapter.folders.items():
            ignored = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(source / origin, room / name, ignore=ignored)
        (room / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        files = sorted({path for glob in adapter.files for path in room.glob(glob)})
        path = room / "outcomes.jsonl"
        path.touch()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-p", f"{__package__}.peer_adapters.watching", "--adapter", module]
        command += ["--outcomes", str(path), "--rootdir", str(room), "-c", str(room / "pytest.ini")]
        command += ["--continue-on-collection-errors"]
        command += [*adapter.options, *(["-k", only] if only else []), *map(str, files)]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            **adapter.environment,
        }
        done = subprocess.run(
            command, cwd=room, env=environment, capture_output=True, text=True, check=False
        )
        lines = path.read_text(encoding="utf-8").splitlines()
        outcomes = [Outcome(**json.loads(line)) for line in lines]
        halted = any(outcome.outcome == "not collected" for outcome in outcomes)
        if done.returncode not in _RAN and not halted:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
            raise PeerTestsError(f"pytest ended with {done.returncode}:\n{said}")
    return outcomes


def version_of(source: Path, package: str) -> str:
    """How the source names itself: a commit, the version of a distribution, or nothing."""
    if (source / ".git").exists():
        command = ["git", "-C", str(source), "rev-parse", "--short=12", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return f"commit {done.stdout.strip()}"
    about = source / "PKG-INFO"
    if about.exists():
        for line in about.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("Version: "):
                return line.removeprefix("Version: ")
    if (source / package / "__init__.py").exists() and (source / "pip").exists():
        return "the installed wheel"
    return "a source without a version"


def report(adapter: Adapter, judgement: Judgement) -> list[str]:
    """What the command prints."""
    listed = sum(map(len, judgement.explained.values()))
    lines = [
        f"{adapter.name}: {judgement.passed} passed, {listed} failed as listed, "
        f"{judgement.skipped} skipped themselves, {judgement.unreached} never called otdiv"
    ]
    for outcome in judgement.news:
        message = " ".join(outcome.message.split()) or outcome.outcome
        lines += [f"  FAILED, not listed: {outcome.test}", f"    {message[:_SHOWN]}"]
    lines += [f"  PASSED, though listed: {test}" for test in judgement.mended]
    lines += [f"  LISTED, but no such test fails: {entry.tests}" for entry in judgement.idle]
    if not judgement.holds and len(lines) == 1:
        lines.append("  no test called otdiv")
    return lines


def entry_of(adapter: Adapter, source: Path, judgement: Judgement) -> dict:
    """What is recorded of a run."""
    version = importlib.metadata.version(adapter.package)
    return {
        "peer": adapter.name,
        "versions": f"otdiv {otdiv.__version__}, {adapter.package} {version}, "
        f"Python {platform.python_version()}",
        "tests": version_of(source, adapter.package),
        "passed": judgement.passed,
        "skipped": judgement.skipped,
        "unreached": judgement.unreached,
        "doors": sorted(adapter.doors),
        "listed": [
            {"tests": entry.tests, "number": len(tests), "kind": entry.kind, "reason": entry.reason}
            for entry, tests in judgement.explained.items()
        ],
    }


def document(entries: list[dict]) -> str:
    """The record as Markdown."""
    lines = [
        "# The peers' own tests, answered by otdiv",
        "",
        "Written by `python -m benchmarks peer_tests --source CHECKOUT`, which runs the tests of a "
        "peer with otdiv behind its functions (`benchmarks/peer_adapters/`). Tests that never call "
        "otdiv are not counted. Each test that fails is listed with the reason.",
        "",
        "| peer | passed | failed as listed | skipped themselves | installed | tests of |",
        "|---|---|---|---|---|---|",
    ]
    for entry in entries:
        failed = sum(row["number"] for row in entry["listed"])
        lines.append(
            f"| {entry['peer']} | {entry['passed']} | {failed} | {entry['skipped']} "
            f"| {entry['versions']} | {entry['tests']} |"
        )
    for entry in entries:
        doors = ", ".join(f"`{door}`" for door in entry["doors"])
        lines += ["", f"## {entry['peer']}", "", f"Answered by otdiv: {doors}.", ""]
        if entry["listed"]:
            lines += ["| tests | failing | kind | reason |", "|---|---|---|---|"]
        for row in entry["listed"]:
            tests = row["tests"].replace("|", "\\|")
            lines.append(f"| `{tests}` | {row['number']} | {row['kind']} | {row['reason']} |")
    return "\n".join(lines) + "\n"


def record(entry: dict) -> None:
    """Keep the run beside the last ones of the other peers."""
    path = RESULTS / "peer_tests.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    kept = [other for other in kept if other["peer"] != entry["peer"]]
    entries = sorted([*kept, entry], key=lambda row: row["peer"])
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
    (RESULTS / "peer_tests.md").write_text(document(entries), encoding="utf-8")


def run_peer_tests(
    source: Path | None, *, module: str | None = None, only: str = "", write: bool = True
) -> int:
    """Run, print and record; return the exit code: 0, 1 for news, 2 where nothing could run."""
    try:
        module, adapter, source = adapter_for(source, module)
        outcomes = run_tests(module, adapter, source, only)
    except (PeerTestsError, ImportError) as error:
        print(error, file=sys.stderr)
        return 2
    judgement = judged(outcomes, adapter.listed, whole=not only)
    print("\n".join(report(adapter, judgement)))
    if write and not only and judgement.holds:
        record(entry_of(adapter, source, judgement))
    return 0 if judgement.holds else 1
