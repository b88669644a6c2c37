"""Costs of points on spheres and circles beside Euclidean ones of the same points, and peers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .records import save

# Points of a side.
_SIZE = 20_000
# What a cost may take, as a multiple of the Euclidean time of the same points.
_LIMIT = 2.5
# Points of a side for peers, which write all costs down.
_PEER_SIZE = 2_000


def clouds(n: int) -> Iterator[tuple[str, Any, Any]]:
    """Pairs of samples of longitudes and latitudes, in degrees; the same numbers every time."""
    rng = np.random.default_rng(0)

    def sphere() -> Any:
        heights = np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, n)))
        return np.stack([rng.uniform(-180.0, 180.0, n), heights], axis=1)

    def cluster(longitude: float, latitude: float, width: float) -> Any:
        return np.array([longitude, latitude]) + rng.normal(size=(n, 2)) * width

    yield "all over", sphere(), sphere()
    yield "two clusters, 4 widths apart", cluster(10, 30, 1), cluster(14, 33, 1)
    yield "two far clusters", cluster(10, 45, 3), cluster(-90, 40, 3)
    yield "two clusters nearly opposite", cluster(10, 30, 3), cluster(175, -25, 3)
    yield "two clusters across the date line", cluster(170, 5, 3), cluster(-150, 0, 3)


def _cases() -> Iterator[tuple[str, float, Any, Any]]:
    """Name, power, the cost and the points."""
    from otdiv import Geodesic, Periodic

    for place, x, y in clouds(_SIZE):
        for power in (1.0, 2.0):
            yield f"Geodesic, {place}", power, Geodesic(power=power), (x, y)
            torus = Periodic(360.0, power=power)
            yield f"Periodic, {place}", power, torus, (x, y)


def costs(*, only: str = "", write: bool = True) -> int:
    """Measure all cases; returns how many take longer than they may."""
    from otdiv import PNormCost, transport

    rows: list[dict[str, Any]] = []
    euclidean: dict[Any, float] = {}
    for case, power, cost, (x, y) in _cases():
        if only not in case:
            continue
        plain = PNormCost(power=power)
        key = case.split(", ", 1)[1], power
        if key not in euclidean:
            euclidean[key] = _seconds(lambda x=x, y=y, c=plain: transport(x, y, cost=c))[0]
        seconds, result = _seconds(lambda x=x, y=y, c=cost: transport(x, y, cost=c))
        ratio = seconds / euclidean[key]
        rows.append(
            {
                "case": f"{case}, power {power:g}",
                "seconds": seconds,
                "euclidean": euclidean[key],
                "ratio": ratio,
                "gap": result.bounds.relative_gap,
                "met": ratio <= _LIMIT and result.status.name == "OPTIMAL",
            }
        )
        print(_line(rows[-1]), flush=True)
    if not only:
        rows += _circles()
        rows += _peers()
    if write and not only:
        header = [
            "# Costs of points",
            "",
            f"Exact transport of n = {_SIZE:,} points a side, CPU seconds on one thread, beside",
            f"the Euclidean cost of the same numbers; at most {_LIMIT} times that is asked. Then",
            "circles, and what POT takes for the costs and the exact solve of fewer points.",
            "",
            "| case | found | Euclidean | ratio | relative gap |",
            "|---|---|---|---|---|",
        ]
        save("costs", rows, [*header, *map(_line, rows)])
    return sum(not row["met"] for row in rows)


def _circles() -> list[dict[str, Any]]:
    from otdiv import Periodic, transport

    rows = []
    for n in (20_000, 1_000_000):
        rng = np.random.default_rng(1)
        x, y = rng.uniform(0.0, 24.0, n), rng.normal(23.0, 3.0, n)
        line = _seconds(lambda x=x, y=y: transport(x, y))[0]
        seconds, result = _seconds(lambda x=x, y=y: transport(x, y, cost=Periodic(24.0)))
        rows.append(
            {
                "case": f"Periodic, a circle, n = {n:,}, power 1",
                "seconds": seconds,
                "euclidean": line,
                "ratio": seconds / line,
                "gap": result.bounds.relative_gap,
                "met": result.status.name == "OPTIMAL",
            }
        )
        print(_line(rows[-1]), flush=True)
    return rows


def _peers() -> list[dict[str, Any]]:
    """POT's exact solve of the same costs, where it is installed."""
    try:
        import ot
    except ImportError:
        return []
    from otdiv import Geodesic, transport

    rows = []
    for place, x, y in clouds(_PEER_SIZE):
        even = np.full(len(x), 1.0 / len(x))

        def theirs(x: Any = x, y: Any = y, even: Any = even) -> Any:
            return ot.emd2(even, even, Geodesic().pairwise(x, y), numItermax=10**8)

        seconds, result = _seconds(lambda x=x, y=y: transport(x, y, cost=Geodesic()))
        their_seconds, value = _seconds(theirs)
        rows.append(
            {
                "case": f"Geodesic, {place}, n = {_PEER_SIZE:,}; Euclidean is POT emd2 here",
                "seconds": seconds,
                "euclidean": their_seconds,
                "ratio": seconds / their_seconds,
                "gap": result.bounds.relative_gap,
                "met": abs(float(value) - result.value) <= 1e-9 * result.value,
            }
        )
        print(_line(rows[-1]), flush=True)
    return rows


def _seconds(call: Callable[[], Any], repeats: int = 2) -> tuple[float, Any]:
    """Least CPU seconds of some calls after one that compiles, and the result."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        times.append(time.process_time() - start)
    return min(times), result


def _line(row: dict[str, Any]) -> str:
    flag = "" if row["met"] else " **not met**"
    return (
        f"| {row['case']} | {row['seconds']:.3g} s{flag} | {row['euclidean']:.3g} s "
        f"| {row['ratio']:.2f} | {row['gap']:.1e} |"
    )
