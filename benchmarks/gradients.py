"""What gradients take in torch: beside the call on arrays, and beside `ot.emd2` of POT."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .records import save

# Turns that the calls of a row take; the least seconds of each count.
_REPEATS = 40
# Seconds that torch may add to the call on arrays: for a value, and with its backward pass.
_VALUE, _BACKWARD = 250e-6, 1e-3
# Share of the seconds of POT that value and gradient may take, by the number of points.
_SHARES = {256: 0.5, 1000: 0.25}
_BATCH_SHARE = 1.0 / 3.0


def gradients(*, write: bool = True) -> int:
    """Measure all rows; returns how many take longer than they may. Needs torch and POT."""
    import torch

    torch.set_num_threads(1)
    rows = [row for n in (64, 256, 1000) for row in _one_pair(n)] + [_batch()]
    lines = [_line(row) for row in rows]
    print(*lines, sep="\n")
    if write:
        header = [
            "# Gradients in torch",
            "",
            "W2² of normal points in the plane, uniform weights, float64, with gradients of both.",
            "CPU seconds of one thread, the least of 40 turns each: what is added to the call on",
            "arrays, and shares of what `ot.emd2(a, b, ot.dist(x, y))` takes for the same.",
            "",
            "| case | found | asked for |",
            "|---|---|---|",
        ]
        save("gradients", rows, [*header, *lines])
    return sum(row["found"] > row["limit"] for row in rows)


def _one_pair(n: int) -> list[dict[str, Any]]:
    import torch

    import otdiv
    from otdiv.torch import transport_cost

    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)) + 0.3
    plain = [torch.tensor(array) for array in arrays]
    learnt = [torch.tensor(array, requires_grad=True) for array in arrays]

    def on_arrays() -> None:
        otdiv.transport(*arrays, cost="sqeuclidean")

    def value() -> None:
        transport_cost(*plain, cost="sqeuclidean")

    def with_gradient() -> None:
        torch.autograd.grad(transport_cost(*learnt, cost="sqeuclidean"), learnt)

    def of_pot() -> None:
        torch.autograd.grad(_emd2(*learnt), learnt)

    base, alone, both, pot = _seconds(on_arrays, value, with_gradient, of_pot)
    rows = [
        {"case": f"n = {n}: a value, over arrays", "found": alone - base, "limit": _VALUE},
        {"case": f"n = {n}: with gradient, over arrays", "found": both - base, "limit": _BACKWARD},
    ]
    if n in _SHARES:
        case = f"n = {n}: with gradient, share of POT's {1e3 * pot:.1f} ms"
        rows.append({"case": case, "found": both / pot, "limit": _SHARES[n]})
    return rows


def _batch() -> dict[str, Any]:
    import torch

    from otdiv.torch import transport_cost

    rng = np.random.default_rng(1)
    x, y = (torch.tensor(rng.normal(size=(64, 128, 2)), requires_grad=True) for _ in range(2))

    def ours() -> None:
        torch.autograd.grad(transport_cost(x, y, cost="sqeuclidean").sum(), (x, y))

    def of_pot() -> None:
        values = [_emd2(*pair) for pair in zip(x, y, strict=True)]
        torch.autograd.grad(torch.stack(values).sum(), (x, y))

    mine, pot = _seconds(ours, of_pot)
    case = f"64 pairs of 128 points: with gradient, share of a loop of POT's {1e3 * pot:.0f} ms"
    return {"case": case, "found": mine / pot, "limit": _BATCH_SHARE}


def _emd2(x: Any, y: Any) -> Any:
    import ot

    even = x.new_full((len(x),), 1.0 / len(x))
    return ot.emd2(even, even, ot.dist(x, y))


def _seconds(*calls: Callable[[], None]) -> list[float]:
    """Least CPU seconds of each call."""
    for call in calls:
        call()  # compiles
    found = np.empty((len(calls), _REPEATS))
    rng = np.random.default_rng(0)
    for turn in range(_REPEATS):
        for k in rng.permutation(len(calls)):  # what comes after a long call finds no warm cache
            begin = time.process_time()
            calls[k]()
            found[k, turn] = time.process_time() - begin
    least: list[float] = found.min(axis=1).tolist()
    return least


def _line(row: dict[str, Any]) -> str:
    numbers = [row["found"], row["limit"]]
    if "share" in row["case"]:
        found, limit = (f"{number:.2f}" for number in numbers)
    else:
        found, limit = (f"{1e6 * number:.0f} µs" for number in numbers)
    return f"| {row['case']} | {found} | {limit} |"
