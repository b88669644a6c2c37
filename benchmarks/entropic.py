"""Entropic transport to an L1 marginal error of 1e-6, ours and the peers'.

Every peer is asked for that error in its own way, and the error of its answer is computed here
from its plan or potentials: a row whose error is larger says so in its status. Peers that have no
stopping rule run their own schedule. Limits of rounds keep a run within minutes and are named in
the status of the rows that hit them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .answers import Answer, Contender

TOLERANCE = 1e-6

# Rounds that peers may take: enough at er = 1e-2, where they need some hundreds.
_ROUNDS = 5000
_SLOW_ROUNDS = 2000
_BLOCK = 2**22


def potentials_error(data: dict[str, Any], f: Any, g: Any, *, weighted: bool) -> float:
    """Larger L1 error of the marginals of exp((f + g - C) / epsilon), or a⊗b times that."""
    x, y, a, b, epsilon = (data[name] for name in ("x", "y", "a", "b", "epsilon"))
    f, g = np.asarray(f, dtype=float).reshape(-1), np.asarray(g, dtype=float).reshape(-1)
    if weighted:
        with np.errstate(divide="ignore"):
            f, g = f + epsilon * np.log(a), g + epsilon * np.log(b)
    rows, columns = np.empty(a.size), np.zeros(b.size)
    step = max(1, _BLOCK // b.size)
    for start in range(0, a.size, step):
        part = slice(start, start + step)
        C = np.square(x[part, None] - y).sum(axis=-1)
        with np.errstate(all="ignore"):
            plan = np.exp((f[part, None] + g - C) / epsilon)
        rows[part] = plan.sum(axis=1)
        columns += plan.sum(axis=0)
    return max(float(np.abs(rows - a).sum()), float(np.abs(columns - b).sum()))


def plan_error(plan: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Larger L1 error of the marginals of a plan."""
    return max(float(np.abs(plan.sum(axis=1) - a).sum()), float(np.abs(plan.sum(axis=0) - b).sum()))


def _ours(data: dict[str, Any]) -> Answer:
    from otdiv import DiscreteMeasure, SquaredEuclidean, TransportProblem
    from otdiv.entropic.solve import solve_entropic

    problem = TransportProblem(
        source=DiscreteMeasure(points=data["x"], weights=data["a"]),
        target=DiscreteMeasure(points=data["y"], weights=data["b"]),
        cost=SquaredEuclidean(),
    )
    solve = solve_entropic(problem, data["epsilon"], tolerance=TOLERANCE, max_iterations=1000)
    return Answer(
        solve.summary.value,
        solve.summary.bounds.lower,
        solve.summary.bounds.upper,
        solve.status.name,
        lambda: potentials_error(data, solve.f, solve.g, weighted=True),
    )


def _ours_certified(data: dict[str, Any]) -> Answer:
    from otdiv import solvers, transport

    result = transport(
        data["x"],
        data["y"],
        x_weights=data["a"],
        y_weights=data["b"],
        cost="sqeuclidean",
        solver=solvers.Sinkhorn(epsilon=data["epsilon"]),
    )
    return Answer(result.value, result.bounds.lower, result.bounds.upper, result.status.name)


def _ours_tightened(rtol: float) -> Callable[[dict[str, Any]], Answer]:
    def call(data: dict[str, Any]) -> Answer:
        from otdiv import solvers, transport

        result = transport(
            data["x"],
            data["y"],
            x_weights=data["a"],
            y_weights=data["b"],
            cost="sqeuclidean",
            solver=solvers.Sinkhorn(),
            rtol=rtol,
        )
        return Answer(result.value, result.bounds.lower, result.bounds.upper, result.status.name)

    return call


def _matrix(data: dict[str, Any]) -> Any:
    from scipy.spatial.distance import cdist

    return cdist(data["x"], data["y"], "sqeuclidean"), data


def _pot(method: str, rounds: int) -> Callable[[Any], Answer]:
    def call(prepared: Any) -> Answer:
        import ot

        C, data = prepared
        a, b = data["a"], data["b"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Its threshold is one of the Euclidean norm of the error of one marginal.
            plan = ot.sinkhorn(
                a, b, C, data["epsilon"], method=method, numItermax=rounds,
                stopThr=TOLERANCE / np.sqrt(b.size),
            )  # fmt: skip
        return Answer(
            float((plan * C).sum()),
            status=f"done within {rounds} rounds",
            marginal_error=lambda: plan_error(plan, a, b),
        )

    return call


def _ott_prepare(momentum: float) -> Callable[[dict[str, Any]], Any]:
    def prepare(data: dict[str, Any]) -> Any:
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp
        from ott.geometry import pointcloud
        from ott.problems.linear import linear_problem
        from ott.solvers.linear import acceleration, sinkhorn

        solver = sinkhorn.Sinkhorn(
            threshold=TOLERANCE,
            max_iterations=_ROUNDS,
            momentum=acceleration.Momentum(value=momentum),
        )

        def run(x: Any, y: Any, a: Any, b: Any) -> Any:
            cloud = pointcloud.PointCloud(x, y, epsilon=data["epsilon"], scale_cost=1.0)
            out = solver(linear_problem.LinearProblem(cloud, a=a, b=b))
            return out.f, out.g, out.converged

        arrays = tuple(jnp.asarray(data[name]) for name in ("x", "y", "a", "b"))
        # Compilation is not timed.
        return jax.jit(run).lower(*arrays).compile(), arrays, data

    return prepare


def _ott(prepared: Any) -> Answer:
    compiled, arrays, data = prepared
    f, g, converged = compiled(*arrays)
    f.block_until_ready()
    f, g = np.asarray(f), np.asarray(g)
    # Its plan has no factor a⊗b: potentials of zero weights are -inf, and the others hold log a.
    value = 0.0
    for potential, weights in ((f, data["a"]), (g, data["b"])):
        used = weights > 0.0
        shifted = potential[used] - data["epsilon"] * np.log(weights[used])
        value += float(weights[used] @ shifted)
    return Answer(
        value,
        status="done" if bool(converged) else f"not converged in {_ROUNDS} rounds",
        marginal_error=lambda: potentials_error(data, f, g, weighted=False),
    )


def _tensors(data: dict[str, Any]) -> Any:
    import torch

    torch.set_num_threads(1)
    return tuple(torch.as_tensor(data[name]) for name in ("a", "x", "b", "y")), data


def _geomloss(backend: str, scaling: float) -> Callable[[Any], Answer]:
    def call(prepared: Any) -> Answer:
        from geomloss import SamplesLoss

        tensors, data = prepared
        # Its cost is half the squared distance, its blur the root of the halved epsilon.
        loss = SamplesLoss(
            "sinkhorn", p=2, blur=float(np.sqrt(0.5 * data["epsilon"])), scaling=scaling,
            debias=False, potentials=True, backend=backend,
        )  # fmt: skip
        f, g = (2.0 * np.asarray(potential).reshape(-1) for potential in loss(*tensors))
        return Answer(
            float(data["a"] @ f + data["b"] @ g),
            status="its own schedule",
            marginal_error=lambda: potentials_error(data, f, g, weighted=True),
        )

    return call


CONTENDERS = [
    Contender("otdiv entropic", "entropic", _ours),
    Contender("otdiv Sinkhorn with both proofs", "entropic", _ours_certified),
    Contender("otdiv Sinkhorn(), rtol=1e-3", "entropic", _ours_tightened(1e-3)),
    Contender("otdiv Sinkhorn(), rtol=1e-4", "entropic", _ours_tightened(1e-4)),
    Contender("POT sinkhorn", "entropic", _pot("sinkhorn", _ROUNDS), _matrix, needs="ot"),
    Contender("POT sinkhorn_log", "entropic", _pot("sinkhorn_log", _SLOW_ROUNDS), _matrix, "ot"),
    Contender(
        "POT sinkhorn_stabilized", "entropic", _pot("sinkhorn_stabilized", _SLOW_ROUNDS), _matrix,
        needs="ot",
    ),
    Contender("OTT-JAX", "entropic", _ott, _ott_prepare(1.0), needs="ott"),
    Contender("OTT-JAX, momentum 1.5", "entropic", _ott, _ott_prepare(1.5), needs="ott"),
    Contender(
        "GeomLoss multiscale, scaling 0.9", "entropic", _geomloss("multiscale", 0.9), _tensors,
        needs="pykeops",
    ),
    Contender(
        "GeomLoss online, scaling 0.9", "entropic", _geomloss("online", 0.9), _tensors,
        needs="pykeops",
    ),
    Contender(
        "GeomLoss tensorized, scaling 0.9", "entropic", _geomloss("tensorized", 0.9), _tensors,
        needs="geomloss",
    ),
]  # fmt: skip
