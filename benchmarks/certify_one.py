"""`python -m benchmarks.certify_one '{…}'`: one peer on one case, under limits; lines of JSON.

A line is printed when the solve ends and another when its certificate does, so that what was found
before a limit struck is kept. The limit of CPU seconds is the system's (SIGXCPU), as no compiled
loop of a peer looks at a clock.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
import warnings
from typing import Any

import numpy as np

from .certify_cases import make_case
from .certify_peers import PEERS

# CPU seconds that a certificate may take, in multiples of what a solve may.
_CERTIFYING = 2
# CPU seconds for imports and compilation.
_PREPARING = 240


def limit_cpu(seconds: float) -> None:
    """End this process once it has used so many more CPU seconds."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    used = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used + seconds), hard))


def limit_memory(bytes_: int) -> None:
    """Refuse allocations beyond so many bytes of data (mapped files and code do not count)."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (bytes_, hard))


def say(**row: Any) -> None:
    """Print what is known by now."""
    print(json.dumps(row), flush=True)


def peak_bytes() -> int:
    """Largest resident set of this process so far."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def run_one(task: dict[str, Any]) -> None:
    """Solve, and certify what came back."""
    peer = next(peer for peer in PEERS if peer.name == task["peer"])
    data, epsilon = make_case(task["case"], task["n"], task["share"])
    refused = peer.refusal(data)
    if refused:
        say(status=refused)
        return
    limit_memory(task["memory"])
    limit_cpu(_PREPARING)
    say(status="ended while it was prepared", epsilon=epsilon)
    call = peer.prepare(data, epsilon)
    base = peak_bytes()
    say(status=f"over {task['seconds']:g} s of CPU time")
    limit_cpu(task["seconds"])
    cpu, wall = time.process_time(), time.perf_counter()
    result = call()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    limit_cpu(_CERTIFYING * task["seconds"])
    row = {"cpu_seconds": cpu, "wall_seconds": wall, "peak_bytes": peak_bytes() - base}
    say(status="certifying took too long", load=os.getloadavg()[0], **row)
    outcome = peer.read(result, data, epsilon)
    say(
        number=outcome.number,
        regularised=outcome.regularised,
        converged=outcome.converged,
        status=outcome.note or "certifying took too long",
    )
    if outcome.answer is not None:
        say(status="certified", **certified(data, outcome.answer))


def certified(data: dict[str, Any], answer: Any) -> dict[str, Any]:
    """What `certify` says of an answer."""
    from otdiv import certify

    cpu = time.process_time()
    found = certify(data["x"], data["y"], x_weights=data["a"], y_weights=data["b"], **answer)
    row: dict[str, Any] = {
        "certify_cpu_seconds": time.process_time() - cpu,
        "bounds": [found.bounds.lower, found.bounds.upper],
        "plan_cost": found.plan_cost,
        "row_error": found.row_error,
        "column_error": found.column_error,
        "infeasibility": found.infeasibility,
        "dual_value": found.dual_value,
    }
    if found.entropic is not None:
        bounds = found.entropic.bounds
        row |= {
            "entropic_bounds": [bounds.lower, bounds.upper],
            "entropic_dual_value": found.entropic.dual_value,
        }
    return row


def main() -> None:
    warnings.simplefilter("ignore")  # what a peer says of itself is read from its result
    np.seterr(all="ignore")
    try:
        run_one(json.loads(sys.argv[1]))
    except MemoryError as error:
        say(status=f"MemoryError: {error}"[:200])
    except Exception as error:  # a failure is a result and stays in the table
        first = (str(error).splitlines() or [""])[0]
        say(status=f"{type(error).__name__}: {first}"[:200])


if __name__ == "__main__":
    main()
