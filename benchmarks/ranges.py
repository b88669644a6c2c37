"""How much faster than the peers: the table of `benchmarks/README.md`, from the recorded runs.

`python -m benchmarks.ranges` prints it.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Any

from .report import read
from .run import RESULTS

__all__ = ["table"]

# Suite, our row of it and how it is called, the peers' rows.
_COMPARED = [
    ("line", "otdiv wasserstein1", "`wasserstein1(x, y)`", ["scipy wasserstein_distance"]),
    (
        "line",
        "otdiv transport(Line)",
        "`transport(x, y)` on a line",
        ["scipy wasserstein_distance", "POT wasserstein_1d"],
    ),
    ("divergences", "otdiv js_divergence", "`js_divergence`", ["scipy jensenshannon"]),
    ("divergences", "otdiv kl_divergence", "`kl_divergence`", ["scipy entropy"]),
    (
        "exact",
        "otdiv points",
        "`transport(x, y)`",
        ["POT emd2", "scipy LSA", "scipy wasserstein_distance_nd"],
    ),
    ("exact", "otdiv matrix", "`transport_matrix(C)`", ["POT emd2", "scipy LSA"]),
    (
        "entropic",
        "otdiv Sinkhorn with both proofs",
        "`transport(x, y, solver=Sinkhorn(epsilon=…))`",
        [
            "POT sinkhorn",
            "POT sinkhorn_log",
            "POT sinkhorn_stabilized",
            "OTT-JAX",
            "OTT-JAX, momentum 1.5",
            "GeomLoss multiscale, scaling 0.9",
            "GeomLoss online, scaling 0.9",
            "GeomLoss tensorized, scaling 0.9",
        ],
    ),
]


def table() -> list[str]:
    """Lines of a Markdown table: the least and the largest ratio of times of all families."""
    lines = [
        "| suite | call | peer | n: times faster (families) | peer left out |",
        "|---|---|---|---|---|",
    ]
    for suite, ours, call, peers in _COMPARED:
        _, rows = read(RESULTS / f"{suite}.jsonl")
        for peer in peers:
            ratios, n_failed = _ratios(rows, ours, peer)
            ranges = "; ".join(
                f"{n:,}: {_range(found)} ({len(found)})" for n, found in sorted(ratios.items())
            )
            lines.append(f"| {suite} | {call} | {peer} | {ranges} | {n_failed} |")
    return lines


def _ratios(rows: list[dict[str, Any]], ours: str, peer: str) -> tuple[dict[int, list[float]], int]:
    """CPU seconds of the peer over ours, size by size, and in how many cases it gave no answer."""
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["problem"], row["n"], row["solver"]].append(row)
    ratios: dict[int, list[float]] = defaultdict(list)
    n_failed = 0
    for (problem, n, solver), group in groups.items():
        if solver != peer or any(row["status"].startswith("not ") for row in group):
            continue
        if all(_answers(row["status"]) for row in group):
            ratios[n].append(_seconds(group) / _seconds(groups[problem, n, ours]))
        else:
            n_failed += 1
    return ratios, n_failed


def _answers(status: str) -> bool:
    """Whether a row counts: GeomLoss has no stopping rule, so its own schedule does."""
    return status.startswith("done") or "its own schedule" in status


def _seconds(group: list[dict[str, Any]]) -> float:
    return statistics.median(row["cpu_seconds"] for row in group)


def _range(ratios: list[float]) -> str:
    """The least and the largest to two digits."""
    ends = dict.fromkeys(f"{float(f'{end:.2g}'):,g}" for end in (min(ratios), max(ratios)))
    return " to ".join(ends)


if __name__ == "__main__":
    print("\n".join(table()))
