"""The project's own solves, through its public calls, for comparing one commit with another.

`SMALL` goes over all solvers, costs and sizes up to a thousand, for answers that must stay as they
are, to the bit. `LARGE` are the cases that the README speaks of and their like, each a second to
some seconds: what they cost decides whether a mechanism is worth its lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .problems import clouds, colours, counts, entropic_clouds, images


@dataclass(frozen=True)
class Solve:
    """`prepare()` makes the data, untimed; `call(data)` returns a result of the library."""

    name: str
    prepare: Callable[[], dict[str, Any]]
    call: Callable[[dict[str, Any]], Any]


def _data(
    make: Callable[[np.random.Generator, int], dict[str, Any]], n: int, cost: str | None = None
) -> Callable[[], dict[str, Any]]:
    def prepare() -> dict[str, Any]:
        data = make(np.random.default_rng([0, n]), n)
        return data if cost is None else data | {"cost": cost}

    return prepare


def _matrix_data(prepare: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    def prepare_matrix() -> dict[str, Any]:
        from scipy.spatial.distance import cdist

        data = prepare()
        return data | {"C": cdist(data["x"], data["y"], data["cost"])}

    return prepare_matrix


def _solver(name: str, options: dict[str, Any], data: dict[str, Any]) -> Any:
    from otdiv import solvers

    if "er" in options:
        options = {"epsilon": options["er"] * mean_cost(data)}
    elif name == "Sinkhorn" and "epsilon" in data and "epsilon" not in options:
        options = {**options, "epsilon": data["epsilon"]}
    return getattr(solvers, name)(**options)


def mean_cost(data: dict[str, Any]) -> float:
    """Mean squared distance, the unit of epsilon."""
    x, y, a, b = (data[name] for name in ("x", "y", "a", "b"))
    mean = a @ np.square(x).sum(axis=1) + b @ np.square(y).sum(axis=1) - 2.0 * (a @ x) @ (b @ y)
    return float(mean if data.get("cost") != "euclidean" else np.sqrt(mean))


def points(solver: str | None = None, rtol: float | None = None, **options: Any) -> Any:
    """A call of `transport` with a solver by name, or with the one that the library picks."""

    def call(data: dict[str, Any]) -> Any:
        from otdiv import transport

        return transport(
            data["x"],
            data["y"],
            x_weights=data["a"],
            y_weights=data["b"],
            cost=data.get("cost", "sqeuclidean"),
            rtol=rtol,
            solver=None if solver is None else _solver(solver, options, data),
        )

    return call


def matrix(solver: str | None = None, rtol: float | None = None, **options: Any) -> Any:
    """The same for `transport_matrix`."""

    def call(data: dict[str, Any]) -> Any:
        from otdiv import transport_matrix

        return transport_matrix(
            data["C"],
            x_weights=data["a"],
            y_weights=data["b"],
            rtol=rtol,
            solver=None if solver is None else _solver(solver, options, data),
        )

    return call


def divergence(er: float) -> Any:
    """A call of `sinkhorn_divergence_result`."""

    def call(data: dict[str, Any]) -> Any:
        from otdiv import sinkhorn_divergence_result

        return sinkhorn_divergence_result(
            data["x"],
            data["y"],
            x_weights=data["a"],
            y_weights=data["b"],
            epsilon=er * mean_cost(data),
        )

    return call


def unbalanced(er: float, reach: float) -> Any:
    """A call of `unbalanced_transport`, with epsilon and reach in units of the mean cost."""

    def call(data: dict[str, Any]) -> Any:
        from otdiv import (
            DiscreteMeasure,
            SquaredEuclidean,
            UnbalancedProblem,
            unbalanced_transport,
        )

        mean = mean_cost(data)
        source = DiscreteMeasure(points=data["x"], weights=data["a"])
        target = DiscreteMeasure(points=data["y"], weights=2.0 * data["b"])
        problem = UnbalancedProblem(
            source=source, target=target, cost=SquaredEuclidean(), reach=reach * mean
        )
        return unbalanced_transport(problem, epsilon=er * mean)

    return call


UNLIKE = "uniform against normal"
SMALL = [
    Solve(f"{family}, d={d}, {weights} weights, {cost}, n={n}: {name}", make, call)
    for family, d, weights, cost, n in (
        (UNLIKE, 2, "uniform", "euclidean", 300),
        (UNLIKE, 2, "random", "sqeuclidean", 1000),
        (UNLIKE, 3, "uniform", "cityblock", 300),
        (UNLIKE, 10, "random", "euclidean", 300),
        ("clustered", 2, "uniform", "chebyshev", 300),
        ("grid ties", 2, "uniform", "sqeuclidean", 300),
        ("heavy-tailed", 2, "random", "euclidean", 300),
    )
    for make in (_data(clouds(family, d, weights, cost), n),)
    for name, call in (
        ("chosen", points()),
        ("ColumnGeneration", points("ColumnGeneration")),
        ("NetworkSimplex", points("NetworkSimplex")),
        ("Sinkhorn, er=0.1", points("Sinkhorn", er=0.1)),
        ("Sinkhorn, er=1e-3", points("Sinkhorn", er=1e-3)),
        ("Sinkhorn(), rtol=1e-2", points("Sinkhorn", rtol=1e-2)),
    )
] + [
    Solve(f"{UNLIKE}, {name}", make, call)
    for name, make, call in (
        ("line, n=1000: Line", _data(clouds(UNLIKE, 1, "random", "euclidean"), 1000), points()),
        (
            "line squared, n=1000: Line",
            _data(clouds(UNLIKE, 1, "uniform", "sqeuclidean"), 1000),
            points("Line"),
        ),
        (
            "matrix, n=200: LinearProgram",
            _matrix_data(_data(clouds(UNLIKE, 2, "random", "euclidean"), 200)),
            matrix("LinearProgram"),
        ),
        (
            "matrix, n=500: chosen",
            _matrix_data(_data(clouds(UNLIKE, 10, "random", "sqeuclidean"), 500)),
            matrix(),
        ),
        (
            "matrix, n=500: Sinkhorn, epsilon=0.01",
            _matrix_data(_data(clouds(UNLIKE, 2, "uniform", "sqeuclidean"), 500)),
            matrix("Sinkhorn", epsilon=0.01),
        ),
        (
            "d=2, n=300: divergence",
            _data(clouds(UNLIKE, 2, "random", "sqeuclidean"), 300),
            divergence(0.05),
        ),
        (
            "d=2, n=300: unbalanced",
            _data(clouds(UNLIKE, 2, "random", "sqeuclidean"), 300),
            unbalanced(0.05, 1.0),
        ),
        (
            "photographs, n=256: Sinkhorn",
            _data(images("photographs"), 256),
            points("Sinkhorn", er=1e-2),
        ),
    )
]


BLOBS = "cube against two blobs"
LARGE = [
    Solve("plane, W1, n=8000", _data(clouds(UNLIKE, 2, "uniform", "euclidean"), 8000), points()),
    Solve(
        "plane, W2², random weights, n=8000",
        _data(clouds(UNLIKE, 2, "random", "sqeuclidean"), 8000),
        points(),
    ),
    Solve(
        "plane, W2², n=100,000",
        _data(clouds(UNLIKE, 2, "uniform", "sqeuclidean"), 100_000),
        points(),
    ),
    Solve(
        "plane, W1 to 1e-3, n=20,000",
        _data(clouds(UNLIKE, 2, "uniform", "euclidean"), 20_000),
        points(rtol=1e-3),
    ),
    Solve(
        "grid ties, W1, n=8000",
        _data(clouds("grid ties", 2, "uniform", "euclidean"), 8000),
        points(),
    ),
    Solve("colours, W2², n=4000", _data(colours, 4000), points()),
    Solve("counts, d=50, W1, n=4000", _data(counts, 4000), points()),
    Solve(
        "matrix of 10-D data, n=4000",
        _matrix_data(_data(clouds(UNLIKE, 10, "random", "euclidean"), 4000)),
        matrix(),
    ),
    Solve("photographs, W2², n=4096", _data(images("photographs"), 4096), points()),
    Solve(
        "blobs, d=2, er=0.1, n=100,000",
        _data(entropic_clouds(BLOBS, 2, 1e-1), 100_000),
        points("Sinkhorn"),
    ),
    Solve(
        "blobs, d=2, er=1e-2, n=30,000",
        _data(entropic_clouds(BLOBS, 2, 1e-2), 30_000),
        points("Sinkhorn"),
    ),
    Solve(
        "blobs, d=2, er=1e-3, n=10,000",
        _data(entropic_clouds(BLOBS, 2, 1e-3), 10_000),
        points("Sinkhorn"),
    ),
    Solve(
        "blobs, d=2, er=1e-4, n=10,000",
        _data(entropic_clouds(BLOBS, 2, 1e-4), 10_000),
        points("Sinkhorn"),
    ),
    Solve(
        "blobs, d=10, er=0.1, n=4000",
        _data(entropic_clouds(BLOBS, 10, 1e-1), 4000),
        points("Sinkhorn"),
    ),
    Solve(
        "blobs, d=10, er=1e-2, n=10,000",
        _data(entropic_clouds(BLOBS, 10, 1e-2), 10_000),
        points("Sinkhorn"),
    ),
    Solve(
        "two Gaussians, d=2, er=1e-2, n=10,000",
        _data(entropic_clouds("two Gaussians", 2, 1e-2), 10_000),
        points("Sinkhorn"),
    ),
    Solve(
        "plain distance, d=2, er=0.05, n=4000",
        _data(clouds(UNLIKE, 2, "uniform", "euclidean"), 4000),
        points("Sinkhorn", er=0.05),
    ),
    Solve(
        "heavy tails, d=2, er=1e-2, n=4000",
        _data(clouds("heavy-tailed", 2, "uniform", "sqeuclidean"), 4000),
        points("Sinkhorn", er=1e-2),
    ),
    Solve(
        "digits, 256 × 256, er=1e-3", _data(images("digits"), 65_536), points("Sinkhorn", er=1e-3)
    ),
    Solve(
        "white noise, 64 × 64, er=1e-4",
        _data(images("white noise"), 4096),
        points("Sinkhorn", er=1e-4),
    ),
    Solve(
        "matrix, er=1e-2, n=2000",
        _matrix_data(_data(clouds(UNLIKE, 2, "random", "sqeuclidean"), 2000)),
        matrix("Sinkhorn", epsilon=3e-3),
    ),
    Solve(
        "blobs, d=2, Sinkhorn() to 1e-3, n=20,000",
        _data(entropic_clouds(BLOBS, 2, 1e-2), 20_000),
        points("Sinkhorn", rtol=1e-3, epsilon=None),
    ),
    Solve(
        "blobs, d=2, divergence, er=1e-2, n=10,000",
        _data(entropic_clouds(BLOBS, 2, 1e-2), 10_000),
        divergence(1e-2),
    ),
    Solve(
        "blobs, d=2, unbalanced, er=1e-2, n=20,000",
        _data(entropic_clouds(BLOBS, 2, 1e-2), 20_000),
        unbalanced(1e-2, 1.0),
    ),
]
