"""`python -m benchmarks.conformance`: the laws of solvers against otdiv and every installed peer.

Writes `benchmarks/results/conformance.md` and `.json`: the table of laws and solvers, and for each
broken law its smallest case as code, with what that code printed when it was run. Solvers that are
not run (not installed, or not matched by `--only`) keep their last results.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import inspect
import json
import platform
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import otdiv
from otdiv.conformance import (
    ConformanceReport,
    adapters,
    check_solver_isolated,
    load_solver,
    peers_table,
    solver_laws,
)
from otdiv.conformance.report import breach_markdown

RESULTS = Path(__file__).parent / "results"
ADAPTERS = "otdiv.conformance.adapters:"


@dataclass(frozen=True)
class Peer:
    """A solver to test, the package that brings it, and which laws bind it."""

    name: str
    path: str
    package: str
    regularised: bool = False
    needs: str = ""
    """A second package that its adapter calls."""


PEERS = (
    Peer("otdiv NetworkSimplex", "otdiv.solvers:NetworkSimplex", "otdiv"),
    Peer("otdiv LinearProgram", "otdiv.solvers:LinearProgram", "otdiv"),
    Peer("otdiv gradient", ADAPTERS + "otdiv_gradients", "otdiv"),
    Peer("POT emd", ADAPTERS + "pot_emd", "POT"),
    Peer("POT emd2", ADAPTERS + "pot_emd2", "POT"),
    Peer("POT emd2, PyTorch gradients", ADAPTERS + "pot_emd2_gradients", "POT", needs="torch"),
    Peer("SciPy wasserstein_distance_nd", ADAPTERS + "scipy_wasserstein_nd", "scipy"),
    Peer("SciPy wasserstein_distance", ADAPTERS + "scipy_wasserstein", "scipy"),
    Peer("SciPy linear_sum_assignment", ADAPTERS + "scipy_assignment", "scipy"),
    Peer("OTT hungarian", ADAPTERS + "ott_hungarian", "ott-jax"),
    Peer("otdiv Sinkhorn", ADAPTERS + "otdiv_sinkhorn", "otdiv", True),
    Peer("POT sinkhorn", ADAPTERS + "pot_sinkhorn", "POT", True),
    Peer("POT sinkhorn_log", ADAPTERS + "pot_sinkhorn_log", "POT", True),
    Peer("OTT sinkhorn", ADAPTERS + "ott_sinkhorn", "ott-jax", True),
    Peer("GeomLoss ot.solve", ADAPTERS + "geomloss_solve", "geomloss", True),
    Peer("GeomLoss SamplesLoss", ADAPTERS + "geomloss_samples", "geomloss", True),
)


def installed(package: str) -> str | None:
    if package == "otdiv":
        return otdiv.__version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def printed(code: str, seconds: float) -> str:
    """What a snippet prints, its last lines where that is long."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return f"(no answer within {seconds:g} s)"
    errors = [line for line in done.stderr.splitlines() if "Warning" in line]
    if done.returncode:
        raised = [
            line for line in done.stderr.splitlines() if re.match(r"[\w.]+(Error|Exit)", line)
        ]
        errors = raised[-1:] or [f"(exit code {done.returncode})"]
    lines = [*done.stdout.splitlines(), *errors]
    lines = [line.partition("site-packages/")[2] or line for line in lines]
    kept = lines if len(lines) <= 14 else [*lines[:10], "...", *lines[-3:]]
    return "\n".join(line[:160] for line in kept)


def section(entry: dict, report: ConformanceReport) -> list[str]:
    lines = [f"## {report.solver}", "", f"{report.headline}."]
    if entry["path"].startswith(ADAPTERS):
        adapter = load_solver(entry["path"])
        source = inspect.getsource(getattr(adapter, "function", adapter)).rstrip()
        for helper in re.findall(r"_ott_\w+", source):  # what is compiled once stands apart
            source = f"{inspect.getsource(getattr(adapters, helper))}\n\n{source}"
        lines += ["", "Called by this adapter:", "", "```python", source, "```"]
    for row in report.findings:
        lines += ["", *breach_markdown(row, level=3), ""]
        lines += ["It printed:", "", "```", entry["printed"][row.law], "```"]
    return [*lines, ""]


def document(entries: list[dict]) -> str:
    reports = [ConformanceReport.from_json(json.dumps(entry["report"])) for entry in entries]
    laws = {row.law: row.statement for report in reports for row in report.rows}
    stated = sorted({entry["version"] for entry in entries})
    missing = [peer.name for peer in PEERS if peer.name not in laws_of(reports)]
    exact = [report for report in reports if not report.regularised]
    entropic = [report for report in reports if report.regularised]
    parts = [
        "# Laws of solvers: otdiv and its peers",
        "",
        "Written by `python -m benchmarks.conformance`. "
        f"Versions: {', '.join(stated)}; Python {platform.python_version()}, {platform.machine()}.",
        "",
        f"{entries[0]['examples']} cases a law (fewer where a cell says so: time ran out). A cell "
        "says *held*; *not offered* where the "
        "solver does not return what the law speaks of, or takes no epsilon; – where the law does "
        "not apply (points instead of costs, a problem that the solver declines, weights that it "
        "normalises); nothing where it was not run; the largest relative miss in bold, with "
        "*(warns)* where the solver warned; "
        "**raises** where it raised instead of answering; **no answer** where it hung or died. "
        "Costs are whole numbers up to 20 unless a law says otherwise. Tolerance: 1e-9 relative, "
        "1e-6 for entropic solvers, all at epsilon 1 and in double precision.",
        "",
        *(["Not run here: " + ", ".join(missing) + ".", ""] if missing else []),
        "## Exact solvers",
        "",
        peers_table([slim(report) for report in exact]),
        "",
        "## Entropic solvers",
        "",
        peers_table([slim(report) for report in entropic]),
        "",
        "## The laws",
        "",
        *(f"- `{law}`: {statement}" for law, statement in laws.items()),
        "",
        "# Every broken law, with the smallest case that was found",
        "",
    ]
    for entry, report in zip(entries, reports, strict=True):
        if report.findings:
            parts += section(entry, report)
    return "\n".join(parts)


def laws_of(reports: list[ConformanceReport]) -> set[str]:
    return {report.solver for report in reports}


def slim(report: ConformanceReport) -> ConformanceReport:
    """Without the laws of the other kind of solver."""
    kind = "a law of " + ("exact" if report.regularised else "entropic")
    rows = tuple(row for row in report.rows if not row.reason.startswith(kind))
    return ConformanceReport(
        solver=report.solver,
        regularised=report.regularised,
        tolerance=report.tolerance,
        rows=rows,
    )


def merged(old: dict, new: dict) -> dict:
    """Take the laws of `new` into the entry `old`, in the order of the lawbook."""
    rows = {row["law"]: row for entry in (old, new) for row in entry["report"]["laws"]}
    laws = [rows[law] for law in solver_laws() if law in rows]
    rerun = {row["law"] for row in new["report"]["laws"]}
    printed_before = {law: text for law, text in old["printed"].items() if law not in rerun}
    conforms = all(row["verdict"] != "broken" for row in laws)
    return new | {
        "printed": printed_before | new["printed"],
        "report": new["report"] | {"laws": laws, "conforms": conforms},
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conformance", description=__doc__)
    parser.add_argument("--examples", type=int, default=50, help="cases a law (default: 50)")
    parser.add_argument("--law-seconds", type=float, default=30.0, help="limit of one law")
    parser.add_argument("--call-seconds", type=float, default=60.0, help="limit of one call")
    parser.add_argument("--jobs", type=int, default=1, help="solvers at a time (default: 1)")
    parser.add_argument(
        "--only",
        help="solvers whose name matches this pattern; the others keep their results",
    )
    parser.add_argument(
        "--law", action="append", help="this law only (repeatable); the others keep their results"
    )
    options = parser.parse_args()
    path = RESULTS / "conformance.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    kept = {entry["report"]["solver"]: entry for entry in stored}
    chosen = [peer for peer in PEERS if not options.only or re.search(options.only, peer.name)]
    present = [
        peer for peer in chosen if installed(peer.package) and installed(peer.needs or "otdiv")
    ]

    def check(peer: Peer) -> dict:
        report = check_solver_isolated(
            peer.path,
            name=peer.name,
            regularised=peer.regularised,
            laws=options.law,
            examples=options.examples,
            law_seconds=options.law_seconds,
            call_seconds=options.call_seconds,
        )
        print(report.headline, f"({sum(row.seconds for row in report.rows):.0f} s)", flush=True)
        entry = {
            "path": peer.path,
            "version": f"{peer.package} {installed(peer.package)}",
            "examples": options.examples,
            "printed": {
                row.law: printed(row.breach.code, options.call_seconds) for row in report.findings
            },
            "report": json.loads(report.to_json()),
        }
        return merged(kept[peer.name], entry) if options.law and peer.name in kept else entry

    with ThreadPoolExecutor(options.jobs) as pool:  # each waits for a child process of its own
        kept |= {entry["report"]["solver"]: entry for entry in pool.map(check, present)}
    entries = [kept[peer.name] for peer in PEERS if peer.name in kept]
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
    (RESULTS / "conformance.md").write_text(document(entries), encoding="utf-8")


if __name__ == "__main__":
    main()
