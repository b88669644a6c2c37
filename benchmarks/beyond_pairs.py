"""Partial transport, persistence diagrams, barycenters and spaces, beside POT and GUDHI."""

from __future__ import annotations

import platform
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

RESULTS = Path(__file__).parent / "results"

# Times a call is made after the first, whose compilation does not count; the least is taken.
_REPEATS = 3


class Row(NamedTuple):
    """One call: what it is, its CPU seconds and gap, and what a peer takes for the same."""

    name: str
    ours: Callable[[], Any]
    peer: str = ""
    theirs: Callable[[], Any] | None = None


def rows(*, quick: bool) -> Iterator[Row]:
    """Cases, made one after the other; the same numbers every time."""
    rng = np.random.default_rng(0)
    yield from _partial(rng, quick=quick)
    yield from _diagrams(rng, quick=quick)
    yield from _barycenters(rng, quick=quick)
    yield from _spaces(rng, quick=quick)


def _partial(rng: np.random.Generator, *, quick: bool) -> Iterator[Row]:
    import ot
    from scipy.spatial.distance import cdist

    from otdiv import partial_transport, partial_transport_profile

    for n in (500,) if quick else (2000, 50_000):
        x, y = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)) + 1.0
        even = np.full(n, 1.0 / n)
        for cost, reach in (("euclidean", 0.1), ("sqeuclidean", 0.01)):
            for how in ({"mass": 0.7}, {"mass": 0.95}, {"reach": reach}):
                told = ", ".join(f"{key} = {value:g}" for key, value in how.items())
                theirs = None
                if n <= 2000 and "mass" in how:
                    C = cdist(x, y, cost)

                    def theirs(C: Any = C, even: Any = even, how: Any = how) -> Any:
                        plan = ot.partial.partial_wasserstein(
                            even, even, C, m=how["mass"], nb_dummies=20
                        )
                        return float((plan * C).sum())

                yield Row(
                    f"partial_transport, {cost}, n = {n}, {told}",
                    lambda x=x, y=y, how=how, cost=cost: partial_transport(x, y, cost=cost, **how),
                    "POT partial_wasserstein, nb_dummies = 20" if theirs else "",
                    theirs,
                )
    n = 500 if quick else 20_000
    x, y = rng.normal(size=(n, 2)), 3.0 * rng.random((n, 2))
    for cost in ("euclidean", "sqeuclidean"):
        yield Row(
            f"partial_transport_profile to 1 %, {cost}, n = {n}",
            lambda x=x, y=y, cost=cost: partial_transport_profile(x, y, cost=cost, rtol=0.01),
        )


def _diagrams(rng: np.random.Generator, *, quick: bool) -> Iterator[Row]:
    from gudhi import bottleneck_distance as gudhi_bottleneck
    from gudhi.wasserstein import wasserstein_distance

    from otdiv import bottleneck_distance_result, persistence_distance_result

    for n in (500,) if quick else (500, 2000, 5000, 20_000):
        x, y = (_diagram(rng, size) for size in (n, round(1.1 * n)))
        for p in (1.0, 2.0):
            theirs = None
            if n <= 2000:

                def theirs(x: Any = x, y: Any = y, p: float = p) -> Any:
                    return wasserstein_distance(x, y, order=p, internal_p=np.inf)

            yield Row(
                f"persistence_distance, p = {p:g}, n = {n} and {round(1.1 * n)}",
                lambda x=x, y=y, p=p: persistence_distance_result(x, y, p=p),
                "GUDHI wasserstein_distance" if theirs else "",
                theirs,
            )
        yield Row(
            f"bottleneck_distance, n = {n} and {round(1.1 * n)}",
            lambda x=x, y=y: bottleneck_distance_result(x, y),
            "GUDHI bottleneck_distance",
            lambda x=x, y=y: gudhi_bottleneck(x, y),
        )


def _diagram(rng: np.random.Generator, n: int) -> Any:
    births = rng.random(n)
    return np.stack([births, births + rng.exponential(0.1, n)], axis=1)


def _ring(rng: np.random.Generator, n: int) -> Any:
    u, v = np.meshgrid(*[np.linspace(-1.0, 1.0, n)] * 2, indexing="ij")
    (a, b), (c, d) = rng.uniform(0.4, 0.8, 2), rng.uniform(-0.15, 0.15, 2)
    image = np.zeros((n, n))
    for share in (1.0, 0.5):
        image += np.abs(np.hypot((u - c) / (share * a), (v - d) / (share * b)) - 1.0) < 0.12
    return image / image.sum()


def _barycenters(rng: np.random.Generator, *, quick: bool) -> Iterator[Row]:
    import ot

    from otdiv import Gaussian, barycenter

    sizes = ((16, 3, 1e-2),) if quick else ((50, 10, 1e-2), (50, 10, 5e-3), (128, 10, 1e-2),
                                            (30, 5, 1e-9))  # fmt: skip
    for n, k, rtol in sizes:
        images = [_ring(rng, n) for _ in range(k)]
        yield Row(
            f"barycenter of {k} images of {n}², rtol = {rtol:g}",
            lambda images=images, rtol=rtol: barycenter(
                images, support="grid", rtol=rtol, throw=False
            ),
        )
    for k, n in ((3, 100),) if quick else ((3, 500), (3, 2000), (5, 500), (5, 2000)):
        centres = 2.0 * rng.normal(size=(k, 3, 2))
        clouds = [c[rng.integers(0, 3, n)] + 0.4 * rng.normal(size=(n, 2)) for c in centres]
        even = np.full(n, 1.0 / n)

        def theirs(clouds: Any = clouds, even: Any = even) -> Any:
            points = ot.lp.free_support_barycenter(
                clouds, [even] * len(clouds), clouds[0].copy(), numItermax=100
            )
            costs = [ot.emd2(even, even, ot.dist(points, cloud)) for cloud in clouds]
            return float(np.mean(costs))

        yield Row(
            f"barycenter of {k} clouds of mixtures, n = {n}",
            lambda clouds=clouds: barycenter(clouds),
            "POT free_support_barycenter" if n <= 500 else "",
            theirs if n <= 500 else None,
        )
    d = 5 if quick else 50
    roots = rng.normal(size=(5, d, d))
    laws = [
        Gaussian(rng.normal(size=d), covariance=root @ root.T / d + 0.1 * np.eye(d))
        for root in roots
    ]
    yield Row(f"barycenter of 5 Gaussians, d = {d}", lambda: barycenter(laws))


def _spaces(rng: np.random.Generator, *, quick: bool) -> Iterator[Row]:
    import ot
    from scipy.spatial.distance import cdist

    from otdiv import gromov_lower_bounds, gromov_wasserstein_matrix

    for n in (60,) if quick else (200, 500):
        x, y = rng.normal(size=(n, 3)), rng.normal(size=(n, 2))
        Cx, Cy, even = cdist(x, x), cdist(y, y), np.full(n, 1.0 / n)
        for starts in (1, 4):
            yield Row(
                f"gromov_wasserstein_matrix, n = {n}, {starts} start{'s' * (starts > 1)}",
                lambda Cx=Cx, Cy=Cy, starts=starts: gromov_wasserstein_matrix(
                    Cx, Cy, n_starts=starts
                ),
                "POT gromov_wasserstein2",
                lambda Cx=Cx, Cy=Cy, even=even: float(
                    ot.gromov.gromov_wasserstein2(Cx, Cy, even, even, "square_loss")
                ),
            )
    n = 100 if quick else 1000
    x, y = rng.normal(size=(n, 3)), rng.normal(size=(n, 2))
    Cx, Cy = cdist(x, x), cdist(y, y)
    yield Row(f"gromov_lower_bounds, n = {n}", lambda: gromov_lower_bounds(Cx, Cy))


def _timed(call: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """The answer, and the least CPU seconds of some calls after the first."""
    answer, seconds = None, []
    for _ in range(1 + repeats):
        begin = time.process_time()
        answer = call()
        seconds.append(time.process_time() - begin)
    return answer, min(seconds[1:] or seconds)


def _gap(answer: Any) -> str:
    bounds = getattr(answer, "bounds", None)
    return "" if bounds is None else f"{bounds.relative_gap:.1e}"


def measure(*, quick: bool, only: str, write: bool) -> int:
    """Print the table, and write it beside the other records as it grows."""
    import otdiv

    lines = [
        "# Partial transport, diagrams, barycenters, spaces",
        "",
        "CPU seconds of one thread, the least of three calls (one of what takes over ten seconds) "
        "after a first; peers in the same process, called once. `python -m benchmarks "
        f"beyond_pairs` with otdiv {otdiv.__version__}, NumPy {np.__version__}, "
        f"Python {platform.python_version()}.",
        "",
        "| call | s | relative gap | value | peer | s | value |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows(quick=quick):
        if only not in row.name:
            continue
        answer, first = _timed(row.ours, 0)
        answer, seconds = _timed(row.ours, 1 if first > 10.0 else _REPEATS)
        value = f"{float(answer):.8g}" if hasattr(answer, "value") else ""
        line = f"| {row.name} | {seconds:.3g} | {_gap(answer)} | {value} |"
        if row.theirs is None:
            line += " | | |"
        else:
            begin = time.process_time()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    told = f"{float(row.theirs()):.8g}"
            except Exception as error:
                told = type(error).__name__
            line += f" {row.peer} | {time.process_time() - begin:.3g} | {told} |"
        print(line, flush=True)
        lines.append(line)
        if write:
            (RESULTS / "beyond_pairs.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0
