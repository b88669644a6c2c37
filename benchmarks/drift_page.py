"""The page of `python -m benchmarks drift`: what each tool said, and what it took."""

from __future__ import annotations

from typing import Any

from .drift_pairs import FEW, FLIGHTS, HALVES, N_FEW, N_NULLS

_MB = 1e6
DELAY = "arr_delay"
NULLS = (HALVES, FEW)


def false_alarms(row: dict[str, Any], kind: str) -> tuple[int, int, int, int]:
    """Columns flagged and asked, and pairs with a flagged column and all, of one kind of null."""
    found = [pair for name, pair in row["pairs"].items() if name.startswith(kind)]
    flags = [[column["flagged"] for column in pair["columns"].values()] for pair in found]
    columns = sum(map(sum, flags)), sum(map(len, flags))
    return (*columns, sum(map(any, flags)), len(flags))


def page(rows: list[dict[str, Any]]) -> list[str]:
    """All tables; a tool that did not answer has its reason."""
    answered = [row for row in rows if "error" not in row]
    lines = [
        "# Drift reports beside the peers",
        "",
        "`python -m benchmarks drift`: each tool in an environment of its own, asked as its "
        "documentation does and with its defaults. Memory is the largest resident set above that "
        "after the imports and a call on 500 rows, both tables included.",
        "",
        f"False alarms: nothing differs in {N_NULLS} pairs of random halves of 27,000 flights of "
        f"January, 7 columns, and in {N_NULLS} pairs of {N_FEW} of them (B) against all others "
        "(A). A report is flagged where one of its columns is. The last two columns are what a "
        "tool itself says of the whole, where it does: evidently calls tables drifted where half "
        "of their columns are.",
        "",
        f"| tool | {_pairs('columns flagged')} | {_pairs('reports flagged')} | {_pairs('whole')} |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in answered:
        counts = [false_alarms(row, kind) for kind in NULLS]
        columns = [f"{flagged} of {asked}" for flagged, asked, _, _ in counts]
        reports = [f"{flagged} of {asked}" for _, _, flagged, asked in counts]
        whole = [_whole(row, kind) for kind in NULLS]
        lines.append(_line([row["name"], *columns, *reports, *whole]))
    lines += [
        "",
        "Flights of January (27,004 rows) and July (29,425), with what is said of the delay at "
        "arrival, whose means are 6.1 and 16.7 min. CPU seconds of all threads, the least of "
        f"three after a first call, under load averages up to {_load(answered):.2g}.",
        "",
        "| tool | columns flagged | delay at arrival | CPU s | wall s | MB | MB before |",
        "|---|---|---|---|---|---|---|",
        *map(_flights, answered),
        "",
        "| tool | version | asked | documentation |",
        "|---|---|---|---|",
        *map(_asked, rows),
    ]
    failed = [row for row in rows if "error" in row]
    if failed:
        lines += ["", "Without an answer:", ""]
        lines += [f"- {row['name']}: {row['error']}" for row in failed]
    return lines


def _pairs(what: str) -> str:
    return " | ".join(f"{what}, {kind}" for kind in (HALVES, f"{N_FEW} rows"))


def _whole(row: dict[str, Any], kind: str) -> str:
    """How often the tool itself says that two tables differ."""
    found = [pair["whole"] for name, pair in row["pairs"].items() if name.startswith(kind)]
    return "–" if None in found else f"{sum(found)} of {len(found)}"


def _load(rows: list[dict[str, Any]]) -> float:
    """Largest load average; others' work stretches wall seconds."""
    return max((row["load"] for row in rows), default=0.0)


def _flights(row: dict[str, Any]) -> str:
    pair = row["pairs"][FLIGHTS]
    flagged = [name for name, column in pair["columns"].items() if column["flagged"]]
    delay = pair["columns"][DELAY]
    word = "flagged" if delay["flagged"] else "not flagged"
    what = f"{word}: {delay['method']} {_number(delay['value'])}, limit "
    cells = [
        row["name"],
        f"{len(flagged)} of {len(pair['columns'])}",
        what + _number(delay["threshold"]),
        f"{pair['cpu_seconds']:.2g}",
        f"{pair['wall_seconds']:.2g}",
        f"{row['bytes'] / _MB:.0f}",
        f"{row['started_bytes'] / _MB:.0f}",
    ]
    return _line(cells)


def _number(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"


def _asked(row: dict[str, Any]) -> str:
    because = f" ({row['because']})" if row["because"] else ""
    version = row.get("version") or "this project"
    source = f"[as documented]({row['source']})" if row["source"] else "–"
    return _line([row["name"], version, row["asked"] + because, source])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
