"""`python -m benchmarks drift`: drift reports of otdiv and of others, side by side.

Each tool gets an environment of its own, made by `python -m venv` and pip, and answers from a
process there: about flights of January and July, for its time and memory, and about pairs of
tables of which nothing differs, for its false alarms. What does not install stays in the record.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .certify import ONE_THREAD, last_line
from .drift_page import page
from .drift_pairs import write_pairs
from .records import load, save

NAME = "drift"
ROOT = Path(__file__).parents[1]
# The last commit whose reports have a noise floor and no tests.
BEFORE = "b38b398"
# Wall seconds that an installation, or all pairs of a tool, may take.
_PATIENCE = 1800.0
# Nobody is told that a benchmark runs.
_SILENT = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "WHYLOGS_NO_ANALYTICS": "True"}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A tool as it is asked.

    `packages` are what pip is told, beside the tool itself what it needs and does not ask for:
    `because` says what happens without. `revision` is a commit of ours.
    """

    name: str
    tool: str
    asked: str
    source: str = ""
    packages: tuple[str, ...] = ()
    because: str = ""
    revision: str | None = None


_EVIDENTLY = Peer(
    name="evidently",
    tool="evidently",
    packages=("evidently==0.7.23", "pandas<3"),
    because="pandas < 3 is added: with pandas 3.1 its import fails (`infer_dtype_from_object`)",
    asked="`Report([DataDriftPreset()])`: above 1000 rows the Wasserstein distance over the "
    "standard deviation, or the Jensen-Shannon distance, from 0.1 on",
    source="https://docs.evidentlyai.com/metrics/preset_data_drift",
)
_NANNYML = Peer(
    name="nannyml",
    tool="nannyml",
    packages=("nannyml==0.13.1", "statsmodels"),
    because="statsmodels is added: it imports it and does not require it",
    asked="`UnivariateDriftCalculator(column_names=…)`: ten chunks a table and one of the "
    "rows that remain, Jensen-Shannon distance above the mean and three standard deviations of "
    "A's chunks; a column is flagged where one of B's chunks is",
    source="https://github.com/NannyML/nannyml/blob/main/docs/how_it_works/"
    "univariate_drift_detection.rst",
)
_FROUROS = Peer(
    name="frouros",
    tool="frouros",
    packages=("frouros==0.9.0",),
    asked="`KSTest` and `ChiSquareTest`, p <= 0.05, each column by itself",
    source="https://pypi.org/project/frouros/",
)
PEERS = (
    Peer(
        name="otdiv",
        tool="otdiv",
        asked="`compare_tables(a, b)`",
    ),
    Peer(
        name=f"otdiv before, {BEFORE}",
        tool="otdiv",
        asked="`compare_tables(a, b)`; a column is flagged where its effect is above the noise "
        "floor's 95th percentile",
        revision=BEFORE,
    ),
    _EVIDENTLY,
    _NANNYML,
    Peer(
        name="nannyml, chunks of B's size",
        tool="nannyml-chunks",
        packages=_NANNYML.packages,
        because=_NANNYML.because,
        asked="the same with `chunk_size=len(b)`: B is one chunk. Of halves A is one chunk too, "
        "which has no spread: the limit is 0, and a warning says that there are too few chunks",
        source="https://github.com/NannyML/nannyml/blob/main/docs/tutorials/chunking.rst",
    ),
    _FROUROS,
    Peer(
        name="frouros, p <= 0.001",
        tool="frouros-strict",
        packages=_FROUROS.packages,
        asked="the same at the level of its quick start",
        source=_FROUROS.source,
    ),
    Peer(
        name="alibi-detect",
        tool="alibi-detect",
        packages=("alibi-detect==0.13.0",),
        asked="`TabularDrift(x, p_val=0.05, categories_per_feature=…)`: Kolmogorov-Smirnov and "
        "chi-square tests with Bonferroni's correction; rows with a missing value left out",
        source="https://docs.seldon.ai/alibi-detect/cd/methods/offline/tabulardrift",
    ),
    Peer(
        name="whylogs",
        tool="whylogs",
        packages=("whylogs[viz]==1.6.4", "pandas<3", "numpy<2"),
        because="numpy < 2 is added: with 2.4 profiling fails (`np.unicode_` was removed)",
        asked="`calculate_drift_scores` of two profiles: Kolmogorov-Smirnov and chi-square tests "
        "of what the profiles hold; DRIFT is p < 0.05",
        source="https://github.com/whylabs/whylogs/blob/v1.4.4/python/examples/advanced/"
        "Drift_Algorithm_Configuration.ipynb",
    ),
)


def drift(*, only: str = "", environments: Path | None = None, seed: int = 0, write: bool) -> int:
    """Ask all tools, print and record what they say; return how many did not answer."""
    chosen = [peer for peer in PEERS if only in peer.name]
    if not chosen:
        raise SystemExit(f"no tool has {only!r} in its name")
    rows = {row["name"]: row for row in load(NAME)}
    failures = 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        names = write_pairs(folder, seed)
        for peer in chosen:
            answer = _ask(peer, folder, environments or folder, names)
            failures += "error" in answer
            rows[peer.name] = _row(peer, seed) | answer
            print(f"{peer.name}: {answer.get('error', 'answered')}", flush=True)
    ordered = [rows[peer.name] for peer in PEERS if peer.name in rows]
    lines = page(ordered)
    if write:
        save(NAME, ordered, lines)
    print("\n".join(lines))
    return failures


def _row(peer: Peer, seed: int) -> dict[str, Any]:
    return {
        "name": peer.name,
        "asked": peer.asked,
        "source": peer.source,
        "packages": list(peer.packages),
        "because": peer.because,
        "seed": seed,
    }


def _ask(peer: Peer, folder: Path, environments: Path, names: list[str]) -> dict[str, Any]:
    """What a tool answers, or why it does not."""
    try:
        with _interpreter(peer, environments) as (python, path):
            command = [str(python), "-P", str(Path(__file__).with_name("drift_tools.py"))]
            environment = os.environ | ONE_THREAD | _SILENT | {"PYTHONPATH": path}
            # What Python and Numba compile is on the disk after the first run.
            for asked in (names[:1], names):
                answer = _output([*command, peer.tool, str(folder), *asked], environment)
            return json.loads(answer) | {"load": os.getloadavg()[0]}
    except _ToolError as error:
        return {"error": str(error)}


class _ToolError(Exception):
    """A tool that does not install, or does not answer."""


def _output(command: list[str], environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, env=environment, check=False
        )
    except subprocess.TimeoutExpired as expired:
        raise _ToolError(f"over {_PATIENCE:g} s") from expired
    if done.returncode:
        raise _ToolError(last_line(done.stderr)[:200] or f"exit code {done.returncode}")
    return done.stdout


@contextlib.contextmanager
def _interpreter(peer: Peer, environments: Path) -> Iterator[tuple[Path, str]]:
    """The Python that has the tool, and its path: an environment that is kept, or ours."""
    if peer.packages:
        yield _installed(peer, environments), ""
        return
    if peer.revision is None:
        yield Path(sys.executable), str(ROOT)
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", peer.revision, "otdiv"], cwd=ROOT, capture_output=True, check=False
        )
        if archive.returncode:
            raise _ToolError(last_line(archive.stderr.decode())[:200])
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(sys.executable), os.pathsep.join([folder, str(ROOT)])


def _installed(peer: Peer, environments: Path) -> Path:
    """An environment with the peer's packages, made where it is missing."""
    folder = environments / peer.packages[0].partition("==")[0]
    python = folder / "bin" / "python"
    environment = dict(os.environ)
    if not python.exists():
        _output([sys.executable, "-m", "venv", str(folder)], environment)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _output([*pip, *peer.packages], environment)
    return python
