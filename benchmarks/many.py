"""Batches, matrices of distances, searches and pairings, beside loops over the peers' calls."""

from __future__ import annotations

import os
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .documents import topic_model
from .records import save

# Times a call is made; the least and the median CPU seconds are recorded.
_REPEATS = 3
# Load of the machine above which wall times say nothing; by taste.
_IDLE = 0.5


@dataclass(frozen=True)
class Case:
    """A call of ours on one thread, what it may take, and what peers take for the same."""

    name: str
    ours: Callable[[], Any]
    limit: float
    """Seconds that the project asks for."""
    peers: tuple[tuple[str, Callable[[], Any]], ...] = ()
    share: float = 1.0
    """Share of the problems that the peers solve; their seconds are divided by it."""


def cases() -> Iterator[Case]:
    """Cases, made one after the other; the same numbers every time."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist
    from scipy.stats import wasserstein_distance

    from otdiv import pairing, pairwise_distances, transport_batch

    def assignments(x: Any, y: Any) -> Any:
        return [linear_sum_assignment(cdist(a, b)) for a, b in zip(x, y, strict=True)]

    rng = np.random.default_rng(0)
    for n, d, limit in ((64, 2, 0.25), (64, 16, 0.18), (256, 2, 2.3)):
        x, y = rng.normal(size=(2, 1000, n, d))
        peers = (
            *_pot(lambda emd, x=x, y=y: [emd(a, b) for a, b in zip(x, y, strict=True)]),
            ("SciPy assignment", lambda x=x, y=y: assignments(x, y)),
        )
        yield Case(
            f"transport_batch, 1000 × n = {n}, d = {d}",
            lambda x=x, y=y: transport_batch(x, y, n_jobs=1),
            limit,
            peers,
        )
    rows = rng.normal(size=(2000, 1000))
    some = 20
    share = some * (some - 1) / (2000 * 1999)

    def loop(rows: Any) -> Any:
        return [wasserstein_distance(x, y) for k, x in enumerate(rows) for y in rows[:k]]

    yield Case(
        "pairwise_distances, 2000 samples of 1000 values",
        lambda: pairwise_distances(rows, n_jobs=1),
        0.5,
        (("SciPy loop", lambda: loop(rows[:some])),),
        share,
    )
    uneven = [rng.normal(size=n) for n in rng.permutation(2000)[:2000] + 1]
    yield Case(
        "pairwise_distances, 2000 samples of 1 to 2000 values, all sizes different",
        lambda: pairwise_distances(uneven, n_jobs=1),
        7.0,
    )
    bins = rng.random((10_000, 100))
    yield Case(
        "pairwise_distances, 10,000 histograms of 100 bins",
        lambda: pairwise_distances(bins, support=np.arange(100.0), n_jobs=1),
        1.5,
    )
    clouds = rng.normal(size=(200, 200, 2))
    yield Case(
        "pairwise_distances, 200 clouds of 200 planar points",
        lambda: pairwise_distances(clouds, n_jobs=1),
        23.0,
        _pot(lambda emd: [emd(x, y) for k, x in enumerate(clouds[:20]) for y in clouds[:k]]),
        20 * 19 / (200 * 199),
    )
    for d in (2, 16):
        x, y = rng.normal(size=(2, 100, 256, d))
        yield Case(
            f"pairing, n = 256, d = {d}, 100 calls",
            lambda x=x, y=y: [pairing(a, b) for a, b in zip(x, y, strict=True)],
            0.26,
            (("SciPy assignment", lambda x=x, y=y: assignments(x, y)),),
        )


def _pot(loop: Callable[[Any], Any]) -> tuple[tuple[str, Callable[[], Any]], ...]:
    try:
        import ot
    except ImportError:
        return ()

    def emd(x: Any, y: Any) -> Any:
        even = np.full(len(x), 1.0 / len(x))
        return ot.emd(even, even, ot.dist(x, y, metric="euclidean"))

    return (("POT emd loop", lambda: loop(emd)),)


def many(*, only: str = "", write: bool = True) -> int:
    """Measure all cases; returns how many take longer than they may."""
    rows: list[dict[str, Any]] = []
    for case in cases():
        if only in case.name:
            rows.append(_measured(case))
            print(_line(rows[-1]), flush=True)
    for measure in (_threads, _memory, _searches):
        if only in measure.__name__:
            found = measure()
            rows += found
            print(*map(_line, found), sep="\n", flush=True)
    if write and not only:
        header = [
            "# Many at once",
            "",
            "CPU seconds on one thread, but where the row says more.",
            "",
        ]
        table = ["| case | found | asked for | peers |", "|---|---|---|---|"]
        save("many", rows, [*header, *table, *map(_line, rows)])
    return sum(not row["met"] for row in rows)


def _seconds(call: Callable[[], Any], repeats: int = _REPEATS) -> list[float]:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return times


def _measured(case: Case) -> dict[str, Any]:
    _seconds(case.ours, 1)  # compiles
    times = _seconds(case.ours)
    peers = {name: min(_seconds(call, 2)) / case.share for name, call in case.peers}
    return {
        "case": case.name,
        "found": f"{min(times):.3g} s (median {statistics.median(times):.3g})",
        "asked": f"{case.limit:g} s",
        "met": min(times) <= case.limit,
        "peers": ", ".join(f"{name} {seconds:.3g} s" for name, seconds in peers.items()),
        "seconds": times,
        "peer_seconds": peers,
    }


def _line(row: dict[str, Any]) -> str:
    flag = "" if row["met"] else " **not met**"
    return f"| {row['case']} | {row['found']}{flag} | {row['asked']} | {row['peers']} |"


def _row(case: str, found: str, asked: str, met: bool, **facts: Any) -> dict[str, Any]:
    return {"case": case, "found": found, "asked": asked, "met": met, "peers": "", **facts}


def _threads() -> list[dict[str, Any]]:
    """Wall time on two threads beside that on one, which says nothing on a busy machine."""
    from otdiv import transport_batch

    name = "transport_batch on two threads, share of the wall time on one"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > _IDLE:
        return [_row(name, f"not measured: load of the machine {load:.1f}", "0.575", True)]
    x, y = np.random.default_rng(1).normal(size=(2, 3000, 64, 2))
    walls = {}
    for n_jobs in (1, 2):
        times = []
        for _ in range(_REPEATS):
            start = time.perf_counter()
            transport_batch(x, y, n_jobs=n_jobs)
            times.append(time.perf_counter() - start)
        walls[n_jobs] = min(times)
    share = walls[2] / walls[1]
    return [_row(name, f"{share:.2f}", "0.575", share <= 0.575, walls=walls)]


def _memory() -> list[dict[str, Any]]:
    from otdiv import pairwise_distances

    rows = np.random.default_rng(2).normal(size=(4000, 1000))
    pairwise_distances(rows[:10])
    tracemalloc.start()
    pairwise_distances(rows, n_jobs=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    share = peak / (8 * 4000 * 3999 // 2 + rows.nbytes)
    name = "pairwise_distances, peak memory over condensed matrix and one copy"
    return [_row(name, f"{share:.3f}", "1.1", share <= 1.1, peak=peak)]


def _searches() -> list[dict[str, Any]]:
    """Exact solves and CPU seconds of searches in a topic model, and whether all solves agree."""
    from otdiv import nearest_neighbors, transport_batch

    found = []
    for spread in (0.0, 1.0):
        words, documents = topic_model(rng=0, spread=spread)
        size = documents.shape[0]
        parts = [slice(*documents.indptr[j : j + 2]) for j in range(size)]
        clouds = [words[documents.indices[part]] for part in parts]
        weights = [documents.data[part] for part in parts]
        solves, seconds, brute, same = [], [], [], True
        for q in range(0, size, 200):
            row = documents[[q]].toarray()[0]
            nearest_neighbors(row, documents, k=10, support=words, n_jobs=1)
            start = time.process_time()
            result = nearest_neighbors(row, documents, k=10, support=words, n_jobs=1)
            middle = time.process_time()
            values = transport_batch(
                [clouds[q]] * size,
                clouds,
                x_weights=[weights[q]] * size,
                y_weights=weights,
                n_jobs=1,
            ).values
            brute.append(time.process_time() - middle)
            seconds.append(middle - start)
            solves.append(result.n_exact)
            order = np.argsort(values, kind="stable")[:10]
            same = same and bool((result.indices == order).all())
        name = "independent vectors" if spread == 0.0 else "vectors of a topic around a centre"
        text = f"{statistics.mean(solves):.0f} of {size} (most {max(solves)}), "
        text += f"{statistics.median(seconds):.3g} s, all solves {statistics.median(brute):.3g} s"
        found.append(
            _row(
                f"nearest_neighbors, 10 of {size} documents, {name}, {len(solves)} queries",
                text + ("" if same else ", ANOTHER ANSWER"),
                f"{size // 5} solves, the answer of all",
                same and max(solves) <= size // 5,
                solves=solves,
                seconds=seconds,
            )
        )
    return found
