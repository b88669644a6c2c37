"""The page of `python -m benchmarks certify`: one table a problem, and one picture of all."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from typing import Any

from .report import seconds_of
from .run import RESULTS, versions

# Errors and seconds below these are drawn at them: rounding, and the clock of CPU time. Against W
# no regularised number comes near that.
_LEAST_ERROR, _LEAST_SECONDS = 1e-14, 1e-3
_LEAST_DRAWN = 1e-4, _LEAST_ERROR
# Width of an enclosure, relative, below which one number is shown.
_KNOWN = 1e-9
# Width of an enclosure, relative, from which an error is only "at most".
_VAGUE = 1e-3

_HEAD = [
    "# How wrong the numbers of the peers are",
    "",
    "`python -m benchmarks certify` asks each solver as its users do, with its own defaults,",
    "from points to a result, in double precision on one thread, in a process of its own. What",
    "came back goes through `otdiv.adapters` to `certify`. W is the unregularised optimum,",
    "enclosed by the bounds of all rows of a problem, each of which is proven.",
    "",
    "- ε: share of the mean cost; the regularised problem is min <C, P> + ε KL(P | a⊗b).",
    "- Number: what the library prints as the distance or cost, or <C, P> of its plan where it",
    "  prints none (as POT's `sinkhorn2` does); a value of the regularised problem is marked.",
    "- Errors: of that number against W; and of the regularised value that it prints, or else",
    "  of the dual value of its potentials, against the regularised optimum. Exact solvers have",
    "  one problem.",
    "- Misses: sum of |row sums - a| and |column sums - b|, of a mass of 1.",
    "- Its answer proves: the relative gap of W that its plan and potentials prove by",
    "  themselves.",
    "- Said: what the library says of its convergence.",
    "- CPU and wall: seconds of the solve, without imports and compilation, with the matrix of",
    "  costs where the library needs one; and CPU seconds of `certify`.",
    "",
    "GeomLoss runs without KeOps here.",
    "",
]


def lines_of(name: str, rows: list[dict[str, Any]]) -> list[str]:
    """The page of recorded rows."""
    loads = [row["load"] for row in rows if "load" in row]
    told = ", ".join(f"{package} {number}" for package, number in versions().items())
    out = [*_HEAD, f"Recorded with {told}.", ""]
    if loads:
        limits = sorted({(row["seconds"], row["memory"]) for row in rows}, reverse=True)
        told = ", ".join(f"{seconds:g} s and {memory / 1e9:g} GB" for seconds, memory in limits)
        out += [
            f"Limits of a solve: {told}. Load average while they ran: {min(loads):.0f} to "
            f"{max(loads):.0f}, on {os.cpu_count()} cores that other work used too;",
            "so CPU seconds count, wall seconds say little. Missing rows were not run.",
            "",
        ]
    out += [f"![error against seconds]({name}.png)", ""]
    for (case, n), group in _problems(rows).items():
        out += [f"## {case}, n = {n}", "", *_table(group), ""]
    return out


def _problems(rows: list[dict[str, Any]]) -> dict[tuple[str, int], list[dict[str, Any]]]:
    groups: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["case"], row["n"]].append(row)
    return groups


def _enclosure(bounds: list[list[float]]) -> tuple[float, float]:
    """What all proven bounds leave."""
    lower = max((low for low, _ in bounds), default=-math.inf)
    upper = min((high for _, high in bounds), default=math.inf)
    return min(lower, upper), max(lower, upper)


def optimum(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Enclosure of the unregularised optimum by the certificates of one problem."""
    return _enclosure([row["bounds"] for row in rows if "bounds" in row])


def regularised_optimum(rows: list[dict[str, Any]], share: float) -> tuple[float, float]:
    """The same of the problem regularised with that share of the mean cost."""
    same = [row for row in rows if row["share"] == share]
    return _enclosure([row["entropic_bounds"] for row in same if "entropic_bounds" in row])


def signed_error(number: float | None, bounds: tuple[float, float]) -> tuple[float, float] | None:
    """Least and largest relative error of a number, by the enclosure of what it should be."""
    lower, upper = bounds
    if number is None or not 0.0 < lower <= upper < math.inf:
        return None
    return number / upper - 1.0, number / lower - 1.0


def number_of(row: dict[str, Any]) -> float | None:
    """What a library printed, or what its plan costs."""
    number = row.get("number")
    return row.get("plan_cost") if number is None else number


def errors_of(
    row: dict[str, Any], group: list[dict[str, Any]]
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Errors against W and against the solver's own problem."""
    against = signed_error(number_of(row), optimum(group))
    if row["share"] is None:
        return against, against
    own = row.get("number") if row.get("regularised") else None
    own = row.get("entropic_dual_value") if own is None else own
    return against, signed_error(own, regularised_optimum(group, row["share"]))


def _shown(error: tuple[float, float] | None) -> str:
    if error is None:
        return "–"
    low, high = error
    size = max(abs(low), abs(high))
    if size < _LEAST_ERROR * 10:
        return "0"
    if high - low > _VAGUE * max(1.0, size) or low * high < 0.0:
        return f"≤ {_share(size)}"
    sign = "+" if low > 0.0 else "−"
    return f"{sign}{_share(size)}"


def _share(error: float) -> str:
    return f"{100.0 * error:.3g} %" if error >= 1e-4 else f"{error:.0e}"


def _table(group: list[dict[str, Any]]) -> list[str]:
    lower, upper = optimum(group)
    out = []
    if lower > 0.0 and upper - lower < _KNOWN * upper:
        out = [f"W is {upper:.10g}, to {(upper - lower) / upper:.0e}.", ""]
    elif upper < math.inf:
        out = [f"W lies between {lower:.10g} and {upper:.10g}.", ""]
    out += [
        "| solver | ε | number | error against W | against its own problem | said | misses | "
        "its answer proves | CPU | wall | `certify` | status |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in group:
        number = number_of(row)
        against, own = errors_of(row, group)
        kind = " reg." if row.get("regularised") and row.get("number") is not None else ""
        cells = [
            row["peer"],
            "" if row["share"] is None else f"{row['share']:g}",
            "–" if number is None else f"{number:.6g}{kind}",
            _shown(against),
            _shown(own),
            {True: "converged", False: "not converged"}.get(row.get("converged"), "–"),
            _missed(row),
            _proven(row),
            *(_time(row.get(f"{clock}_seconds")) for clock in ("cpu", "wall", "certify_cpu")),
            row["status"].replace("|", "\\|"),
        ]
        out.append("| " + " | ".join(cells) + " |")
    return out


def _time(seconds: float | None) -> str:
    """Seconds of a call that was not repeated; the clock of CPU time ticks in milliseconds."""
    if seconds is None:
        return "–"
    return seconds_of(seconds) if seconds >= _LEAST_SECONDS else "< 1 ms"


def _missed(row: dict[str, Any]) -> str:
    if row.get("row_error") is None:
        return "–"
    return f"{row['row_error'] + row['column_error']:.1e}"


def _proven(row: dict[str, Any]) -> str:
    if "bounds" not in row:
        return "–"
    lower, upper = row["bounds"]
    if not 0.0 < lower <= upper < math.inf:
        return "one side"
    return _share((upper - lower) / upper)


# Colours of matplotlib's "tab10" by library, and a marker for each of its solvers.
_COLOURS = {"otdiv": "black", "POT": "C0", "OTT": "C1", "GeomLoss": "C2", "SciPy": "C3"}
_MARKERS = "osD^vP*Xph<>"


def draw(name: str, rows: list[dict[str, Any]]) -> None:
    """One picture: error against CPU seconds of all solvers on all problems, on log axes."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        print("without matplotlib there is no picture; `python -m benchmarks report` draws it")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(12.5, 5.2), sharex=True, layout="constrained")
    titles = "the number that it prints, against W", "its value, against its own problem"
    groups = _problems(rows)
    points: dict[str, list[tuple[float, list[float]]]] = defaultdict(list)
    for row in rows:
        if "cpu_seconds" not in row:
            continue
        errors = errors_of(row, groups[row["case"], row["n"]])
        sizes = [math.nan if e is None else max(map(abs, e), default=0.0) for e in errors]
        points[row["peer"]].append((max(row["cpu_seconds"], _LEAST_SECONDS), sizes))
    counts: dict[str, int] = defaultdict(int)
    for peer, found in points.items():
        library = peer.split()[0]
        style = {
            "color": _COLOURS[library],
            "marker": _MARKERS[counts[library]],
            "alpha": 0.75,
            "s": 34,
            "linewidths": 0.0,
        }
        counts[library] += 1
        for side, axis in enumerate(axes):
            sizes = [max(errors[side], _LEAST_DRAWN[side]) for _, errors in found]
            axis.scatter([cpu for cpu, _ in found], sizes, label=peer, **style)
    for axis, title, least in zip(axes, titles, _LEAST_DRAWN, strict=True):
        axis.axhline(least, color="grey", linestyle=":", linewidth=1.0, zorder=0)
        axis.text(0.99, 0.055, "this or less", transform=axis.transAxes, ha="right", fontsize=8)
        axis.set(xscale="log", yscale="log", xlabel="CPU seconds of the solve", title=title)
        axis.set_ylabel("relative error, at most")
        axis.grid(visible=True, which="major", alpha=0.3)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    fig.savefig(RESULTS / f"{name}.png", dpi=110)
    plt.close(fig)
