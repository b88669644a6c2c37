"""Markdown tables and figures from the recorded runs; nothing is left out."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from .problems import PROBLEMS
from .run import RESULTS


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Header and rows of one recorded run."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return lines[0], lines[1:]


def seconds_of(value: float) -> str:
    if math.isnan(value):
        return "–"
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1e3:.3g} ms" if value < 1.0 else f"{value:.3g} s"


def _median(rows: list[dict[str, Any]], key: str) -> float:
    values = [row[key] for row in rows if key in row]
    return statistics.median(values) if values else math.nan


def _gap(rows: list[dict[str, Any]]) -> str:
    gaps = [
        (row["upper"] - row["lower"]) / (abs(row["upper"]) or 1.0)
        for row in rows
        if not math.isnan(row.get("lower", math.nan))
    ]
    return f"{max(gaps):.0e}" if gaps else "none"


def table(rows: list[dict[str, Any]]) -> list[str]:
    """One Markdown table a problem: a row for each size and solver."""
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["problem"], row["n"], row["solver"]].append(row)
    out = []
    for problem in dict.fromkeys(row["problem"] for row in rows):
        out += [f"### {problem}", ""]
        out.append("| n | solver | CPU | wall | spread | memory | value | gap | status |")
        out.append("|---|---|---|---|---|---|---|---|---|")
        for (name, n, solver), group in groups.items():
            if name != problem:
                continue
            seconds = [row["cpu_seconds"] for row in group if "cpu_seconds" in row]
            spread = f"{min(seconds) / max(seconds):.2f}–1" if seconds and max(seconds) else "–"
            memory = _median(group, "peak_bytes") / 1e6
            value = _median(group, "value")
            cells = [
                str(n),
                solver,
                seconds_of(_median(group, "cpu_seconds")),
                seconds_of(_median(group, "wall_seconds")),
                spread,
                "–" if math.isnan(memory) else f"{memory:.0f} MB",
                "–" if math.isnan(value) else f"{value:.9g}",
                _gap(group),
                ", ".join(dict.fromkeys(str(row.get("status", "")) for row in group)),
            ]
            out.append("| " + " | ".join(cells) + " |")
        out.append("")
    return out


# Axes of the figures: name of the file's ending, x, y, and their labels.
FIGURES = {
    "": ("n", "cpu_seconds", "n", "CPU seconds"),
    "-memory": ("n", "peak_bytes", "n", "peak memory (bytes)"),
    "-gaps": ("gap", "cpu_seconds", "certified relative gap", "CPU seconds"),
}


def _points(row: dict[str, Any]) -> dict[str, Any]:
    lower, upper = row.get("lower", math.nan), row.get("upper", math.nan)
    # A gap closed to rounding still has a place on a log axis.
    return row | {"gap": max((upper - lower) / (abs(upper) or 1.0), 1e-16)}


def figure(rows: list[dict[str, Any]], suite: str, ending: str) -> Path:
    """One panel a problem on log axes, a line for each solver (for each size, against the gap)."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    x, y, x_label, y_label = FIGURES[ending]
    rows = [_points(row) for row in rows if row.get(y)]
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    columns = min(3, len(problems))
    lines = -(-len(problems) // columns)
    size = (4.2 * columns, 3.2 * lines)
    fig, axes = plt.subplots(lines, columns, figsize=size, squeeze=False, layout="constrained")
    for axis, problem in zip(axes.flat, problems, strict=False):
        curves: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            if row["problem"] == problem:
                label = f"n = {row['n']}" if x == "gap" else row["solver"]
                curves[label][row[x]].append(row[y])
        for label, curve in curves.items():
            places = sorted(curve)
            medians = [statistics.median(curve[place]) for place in places]
            axis.loglog(places, medians, marker="o", markersize=3, label=label)
        axis.set_title(problem, fontsize=8)
        axis.set_xlabel(x_label)
        axis.set_ylabel(y_label)
        axis.grid(visible=True, which="major", alpha=0.3)
        axis.legend(fontsize=6)
    for axis in list(axes.flat)[len(problems) :]:
        axis.remove()
    path = RESULTS / f"{suite}{ending}.png"
    fig.savefig(path, dpi=110)
    plt.close(fig)
    return path


def figures(rows: list[dict[str, Any]], suite: str) -> list[Path]:
    """Time and memory against n, or time against the certified gap in the suite of that name."""
    endings = ["-gaps"] if suite.startswith("gaps") else [""]
    if suite.startswith(("exact", "entropic", "large")) and any(
        row.get("peak_bytes") for row in rows
    ):
        endings.append("-memory")
    return [figure(rows, suite, ending) for ending in endings]


def report() -> Path:
    """Write results/README.md and one figure a suite from all recorded runs."""
    out = [
        "# Benchmarks",
        "",
        "CPU seconds of the process (all threads), warmed, medians over seeds; `spread` is the",
        "fastest seed over the slowest. `gap` is the largest certified relative gap; where a",
        "library gives no bounds it is `none`. A calibration sort of 1e6 floats stands with each",
        "machine.",
        "",
    ]
    suites = {problem.suite for problem in PROBLEMS}
    for path in sorted(RESULTS.glob("*.jsonl")):
        # Critics and conformance write their own pages beside this one.
        if path.stem.removesuffix("-quick") not in suites:
            continue
        header, rows = read(path)
        versions = ", ".join(f"{name} {number}" for name, number in header["versions"].items())
        out += [
            f"## {path.stem}",
            "",
            f"`{header['command']}` on {header['processor']}, Python {header['python']},"
            f" {versions}; calibration {seconds_of(header['calibration_seconds'])}.",
            "",
        ]
        if rows:
            out += [f"![{image.stem}]({image.name})" for image in figures(rows, path.stem)]
            out += ["", *table(rows)]
    target = RESULTS / "README.md"
    target.write_text("\n".join(out) + "\n")
    return target
