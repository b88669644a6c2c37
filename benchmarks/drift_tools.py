"""Run as a script, `python -P drift_tools.py TOOL FOLDER NAME …`: one tool on pairs of tables.

It runs in an environment of the tool's own, so it imports NumPy and the tool, nothing of ours, and
prints one line of JSON. Each tool is asked as its documentation does, with its own defaults.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

# What a tool says: of each column, and of the whole where it says something of that.
Said = tuple[dict[str, dict[str, Any]], bool | None]
# Makes of arrays what the tool takes, which is not timed; and asks it about two of those.
Tool = tuple[Callable[[dict[str, Any]], Any], Callable[[Any, Any], Said]]

# The level at which tools that only give p-values are read; the lesser is that of the quick start
# of frouros.
LEVEL, STRICT_LEVEL = 0.05, 0.001
# Timed calls of the flights, of which the fastest counts.
REPEATS = 3
# Rows of a call before that: what is imported late, or compiled, is no memory of the tables.
WARM_ROWS = 500


def frame(table: dict[str, Any]) -> Any:
    import pandas as pd

    return pd.DataFrame({name: x.astype(object) if x.dtype.kind == "U" else x
                         for name, x in table.items()})  # fmt: skip


def said(flagged: Any, method: str, value: float, threshold: float) -> dict[str, Any]:
    """What a tool says of one column; JSON has no NaN."""
    numbers = (
        float(number) if math.isfinite(number) else str(number) for number in (value, threshold)
    )
    value, threshold = numbers
    return {"flagged": bool(flagged), "method": method, "value": value, "threshold": threshold}


def evidently() -> Tool:
    """The preset; p-values up to their threshold or distances from it on are drift."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    def compare(a: Any, b: Any) -> Said:
        found = Report([DataDriftPreset()]).run(b, a).dict()["metrics"]
        columns, drifted = {}, None
        for metric in found:
            config, value = metric["config"], metric["value"]
            if "column" not in config:
                drifted = value["share"] >= config["drift_share"]
                continue
            method, threshold = config["method"], config["threshold"]
            flagged = value < threshold if "p_value" in method else value >= threshold
            columns[config["column"]] = said(flagged, method, value, threshold)
        return columns, drifted

    return frame, compare


def nannyml(rows_of_b: bool) -> Tool:
    """The univariate calculator: a column is flagged where a chunk of B has an alert."""
    from nannyml import UnivariateDriftCalculator

    def compare(a: Any, b: Any) -> Said:
        chunks = {"chunk_size": len(b)} if rows_of_b else {}
        calculator = UnivariateDriftCalculator(column_names=list(a.columns), **chunks)
        calculator.fit(a)
        found = calculator.calculate(b).filter(period="analysis").to_df()
        sizes = found["chunk"]["chunk"]
        columns = {}
        for name in a.columns:
            chunk = found[name]["jensen_shannon"].astype({"value": float, "upper_threshold": float})
            worst = chunk["value"].argmax()
            value, threshold = chunk["value"].iloc[worst], chunk["upper_threshold"].iloc[worst]
            n = 1 + sizes["end_index"].iloc[worst] - sizes["start_index"].iloc[worst]
            method = f"Jensen-Shannon distance of a chunk of {n} rows"
            columns[name] = said(chunk["alert"].any(), method, value, threshold)
        return columns, None

    return frame, compare


def frouros(level: float) -> Tool:
    """A Kolmogorov-Smirnov test of every column of numbers, a chi-square test of the others."""
    from frouros.detectors.data_drift import ChiSquareTest, KSTest

    def present(table: dict[str, Any]) -> dict[str, Any]:
        return {name: x[~np.isnan(x)] if x.dtype.kind == "f" else x for name, x in table.items()}

    def compare(a: Any, b: Any) -> Said:
        columns = {}
        for name in a:
            words = a[name].dtype.kind == "U"
            detector = ChiSquareTest() if words else KSTest()
            detector.fit(X=a[name])
            p = detector.compare(X=b[name])[0].p_value
            columns[name] = said(p <= level, "chi-square p" if words else "KS p", p, level)
        return columns, None

    return present, compare


def alibi_detect() -> Tool:
    """The detector of mixed tables; rows with missing values, which it does not take, are left out.

    By default it corrects for the number of columns (Bonferroni), and its answer is of the whole.
    """
    from alibi_detect.cd import TabularDrift

    def matrix(table: dict[str, Any]) -> tuple[list[str], dict[int, None], Any]:
        whole = np.ones(len(next(iter(table.values()))), dtype=bool)
        for x in table.values():
            if x.dtype.kind == "f":
                whole &= ~np.isnan(x)
        rows = np.column_stack([x[whole].astype(object) for x in table.values()])
        words = {i: None for i, x in enumerate(table.values()) if x.dtype.kind == "U"}
        return list(table), words, rows

    def compare(a: Any, b: Any) -> Said:
        names, words, rows = a
        found = TabularDrift(rows, p_val=LEVEL, categories_per_feature=words).predict(b[2])["data"]
        columns = {}
        for i, (name, p) in enumerate(zip(names, found["p_val"], strict=True)):
            method = "chi-square p" if i in words else "KS p"
            columns[name] = said(p < found["threshold"], method, p, found["threshold"])
        return columns, bool(found["is_drift"])

    return matrix, compare


def whylogs() -> Tool:
    """Profiles of both tables, and their drift scores: the category DRIFT is an alarm."""
    import whylogs
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

    def compare(a: Any, b: Any) -> Said:
        views = [whylogs.log(side).view() for side in (a, b)]
        found = calculate_drift_scores(
            target_view=views[1], reference_view=views[0], with_thresholds=True
        )
        columns = {}
        for name in a.columns:
            score = found[name]
            flagged = score["drift_category"] == "DRIFT"
            threshold = score["thresholds"]["DRIFT"][1]
            columns[name] = said(flagged, f"{score['algorithm']} p", score["pvalue"], threshold)
        return columns, None

    return frame, compare


def otdiv() -> Tool:
    """Our comparison, in whatever commit is first on the path."""
    from benchmarks.verdicts import VALUES, judgements
    from otdiv import compare_tables

    def compare(a: Any, b: Any) -> Said:
        columns: dict[str, dict[str, Any]] = {}
        whole = False
        for one in judgements(compare_tables(a, b)):
            whole |= one.differs
            if one.part == VALUES:
                columns[one.column] = said(one.differs, one.rule, one.value, one.threshold)
            elif one.differs:  # what a report says of a column is all of it
                columns[one.column]["flagged"] = True
        return columns, whole

    return frame, compare


TOOLS: dict[str, tuple[str, Callable[[], Tool]]] = {
    "evidently": ("evidently", evidently),
    "nannyml": ("nannyml", lambda: nannyml(rows_of_b=False)),
    "nannyml-chunks": ("nannyml", lambda: nannyml(rows_of_b=True)),
    "frouros": ("frouros", lambda: frouros(LEVEL)),
    "frouros-strict": ("frouros", lambda: frouros(STRICT_LEVEL)),
    "alibi-detect": ("alibi-detect", alibi_detect),
    "whylogs": ("whylogs", whylogs),
    "otdiv": ("", otdiv),
}
"""By name: the distribution, whose version is recorded, and what imports the tool."""


def peak_bytes() -> int:
    """Largest resident set of this program so far.

    `getrusage` says that of what ran in the process before it as well (on Linux a child begins with
    its parent's), so the system's own count goes first.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read(
    folder: Path, name: str, prepare: Callable[[dict[str, Any]], Any], n_rows: int | None = None
) -> tuple[Any, Any]:
    """Both tables of a pair, or their first rows."""
    sides = []
    for side in "ab":
        with np.load(folder / f"{name}_{side}.npz") as arrays:
            sides.append(prepare({key: x[:n_rows] for key, x in arrays.items()}))
    return sides[0], sides[1]


def timed(compare: Callable[[Any, Any], Said], pair: tuple[Any, Any]) -> dict[str, Any]:
    """One answer, with CPU seconds of all threads and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    columns, whole = compare(*pair)
    return {
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "columns": columns,
        "whole": whole,
    }


def run(tool: str, folder: Path, names: list[str]) -> dict[str, Any]:
    """All pairs: the first is warmed up, timed, and measured for memory above that of a start."""
    distribution, load = TOOLS[tool]
    prepare, compare = load()
    compare(*read(folder, names[0], prepare, n_rows=WARM_ROWS))
    started = peak_bytes()
    pair = read(folder, names[0], prepare)
    compare(*pair)
    first = min((timed(compare, pair) for _ in range(REPEATS)), key=lambda one: one["cpu_seconds"])
    peak = peak_bytes()
    pairs = {names[0]: first}
    for name in names[1:]:
        pairs[name] = timed(compare, read(folder, name, prepare))
    return {
        "version": version(distribution) if distribution else "",
        "started_bytes": started,
        "bytes": peak - started,
        "pairs": pairs,
    }


def main() -> None:
    tool, folder, *names = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not meet the answer
    warnings.simplefilter("ignore")
    print(json.dumps(run(tool, Path(folder), names)), file=answers, flush=True)


if __name__ == "__main__":
    main()
