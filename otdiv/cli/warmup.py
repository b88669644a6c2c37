"""`otdiv warmup`: compile what calls need before anybody waits for it."""

from __future__ import annotations

import argparse
import contextlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .exits import EXIT_CODES, ExitCode

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Compile the kernels that the usual calls need, in two processes, and keep them
where later processes find them: NUMBA_CACHE_DIR, the folder of the package, or
the user's folder for caches. A container that is built runs it once, as the
user who will call the library.
"""
_EPILOG = (
    """\
examples
  otdiv warmup
  NUMBA_CACHE_DIR=/opt/cache otdiv warmup

"""
    + EXIT_CODES
)

_N = 300
"""Atoms of small problems, which one compiled call solves; larger ones go through levels."""
_LARGE = 1500
"""Atoms of those."""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "warmup",
        help="compile ahead what first calls would wait for",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)


def run(_options: argparse.Namespace) -> int:
    """Compile in two processes and say how long it took."""
    begin = time.perf_counter()
    program = [sys.executable, "-m", "otdiv.cli.warmup"]
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    workers = [
        subprocess.Popen([*program, name], stdout=subprocess.PIPE, text=True) for name in _PARTS
    ]
    try:
        for worker in workers:
            threading.Thread(target=_forward, args=(worker, lines), daemon=True).start()
        open_ends, done, total = len(workers), 0, sum(map(len, _parts()))
        while open_ends:
            line = lines.get()
            if line is None:
                open_ends -= 1
                continue
            done += 1
            _show(f"{done:2}/{total}  {line}")
        failed = [worker for worker in workers if worker.wait() != 0]
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.terminate()
                worker.wait()
    _show(f"{time.perf_counter() - begin:.1f} seconds")
    return ExitCode.PART_FAILED if failed else ExitCode.DONE


def _forward(worker: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    """Hand on what a worker prints, and None at its end."""
    assert worker.stdout is not None
    with contextlib.suppress(OSError, ValueError), worker.stdout as output:
        for line in output:
            lines.put(line.rstrip("\n"))
    lines.put(None)


def _show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


_PARTS = ("exact", "entropic")
"""The two processes share few kernels."""


def _parts() -> tuple[dict[str, Callable[[], object]], dict[str, Callable[[], object]]]:
    """What each of the processes calls, under the name that is shown."""
    import numpy as np
    from scipy.sparse import coo_array

    import otdiv
    from otdiv import solvers
    from otdiv.streaming import wasserstein1_clouds, wasserstein1_result

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((_N, 2)), rng.standard_normal((_N, 2)) + 1.0
    more_x, more_y = (rng.standard_normal((_LARGE, 2)) for _ in range(2))
    many_x, many_y = (rng.standard_normal((2 * _N, 12)) for _ in range(2))
    C = rng.random((_N, _N))
    wide = rng.random((800, 800))
    ring = np.arange(_N)
    ends = np.tile(ring, 2), np.concatenate([ring, (ring + 1) % _N])
    sparse = coo_array((rng.random(2 * _N), ends), shape=(_N, _N))
    weights = rng.random(_N)
    p = otdiv.DiscreteMeasure.from_samples(x)
    loose = otdiv.UnbalancedProblem(
        p, target=otdiv.DiscreteMeasure.from_samples(y), cost=otdiv.SquaredEuclidean(), reach=1.0
    )
    blurred = solvers.Sinkhorn(epsilon=0.1)
    exact: dict[str, Callable[[], object]] = {
        "distances on the line": lambda: otdiv.wasserstein1(x[:, 0], y[:, 0]),
        "columns read in passes": lambda: wasserstein1_result(
            lambda: iter([x[:, 0]]), lambda: iter([y[:, 0]]), bits=2
        ),
        "clouds read in passes": lambda: wasserstein1_clouds(x, y, n_cells=8),
        "wasserstein2": lambda: otdiv.wasserstein2(x, y),
        "transport of weighted points": lambda: otdiv.transport(x, y, x_weights=weights),
        "transport of many points": lambda: otdiv.transport(more_x, more_y),
        "transport in many dimensions": lambda: otdiv.transport(many_x, many_y),
        "transport_matrix": lambda: otdiv.transport_matrix(C),
        "transport_matrix of many rows": lambda: otdiv.transport_matrix(wide),
        "transport_matrix with forbidden pairs": lambda: otdiv.transport_matrix(
            np.where(C + np.eye(_N) < 0.2, np.inf, C)
        ),
        "transport_matrix of a sparse array": lambda: otdiv.transport_matrix(sparse),
        "sliced_wasserstein": lambda: otdiv.sliced_wasserstein(x, y, rng=0),
        "energy_distance": lambda: otdiv.energy_distance(x, y),
    }
    entropic: dict[str, Callable[[], object]] = {
        "Sinkhorn of squared distances": lambda: otdiv.transport(
            x, y, cost="sqeuclidean", solver=blurred
        ),
        "Sinkhorn of distances": lambda: otdiv.transport(x, y, solver=blurred),
        "Sinkhorn of a matrix": lambda: otdiv.transport_matrix(C, solver=blurred),
        "a tolerance": lambda: otdiv.transport(more_x, more_y, rtol=1e-2),
        "sinkhorn_divergence": lambda: otdiv.sinkhorn_divergence(x, y, epsilon=0.1),
        "unbalanced_transport": lambda: otdiv.unbalanced_transport(loose),
    }
    return exact, entropic


def _work(name: str) -> None:
    """Make the calls of one of the processes, and print the name of each that is done."""
    for label, call in _parts()[_PARTS.index(name)].items():
        begin = time.perf_counter()
        call()
        _show(f"{label}: {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    _work(sys.argv[1])
