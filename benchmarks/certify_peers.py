"""Solvers of the peers as their users call them, and how to read what they return.

Every call is the library's own with its own stopping rule, from points to a result; arrays are in
double precision (JAX is told so). What can be compiled or imported is, before the clock starts.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from otdiv.adapters import from_geomloss, from_ott, from_pot, from_scipy

# `geomloss.ot.solve_sample` has no default of its own and no stopping rule: by taste.
_GEOMLOSS_ROUNDS = 100
# Atoms of a call that warms up what a library does once.
_FEW = 32
# The same for ours, whose engines for many atoms are compiled, or read from a cache, at first use.
_SOME = 1000


@dataclass(frozen=True)
class Outcome:
    """What a call printed, and what there is to certify.

    Attributes
    ----------
    number : float or None
        What the library returns as the distance or cost, in the unit of the problem; None where it
        returns no number, and <C, P> of its plan is what a user takes.
    regularised : bool
        Whether the number is the value of the regularised problem.
    answer : mapping
        What `certify` takes; empty where nothing can be certified.
    converged : bool or None
        What the library says of itself.
    note : str
        Why there is nothing to certify.
    """

    number: float | None
    regularised: bool = False
    answer: Any = None
    converged: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Peer:
    """One solver: `prepare(data, epsilon)` returns the call that is timed, `read` its result."""

    name: str
    needs: str
    prepare: Callable[[dict[str, Any], float], Callable[[], Any]]
    read: Callable[[Any, dict[str, Any], float], Outcome]
    entropic: bool = False
    metrics: tuple[str, ...] = ("sqeuclidean", "euclidean")
    uniform: bool = False
    """Whether it takes uniform weights of as many points alone."""

    def refusal(self, data: dict[str, Any]) -> str:
        """Why a problem is none of its kind, or nothing."""
        if data["cost"] not in self.metrics:
            return f"not applicable: no {data['cost']} cost"
        same = data["a"].size == data["b"].size
        if self.uniform and not (same and np.ptp(data["a"]) == np.ptp(data["b"]) == 0.0):
            return "not applicable: uniform weights alone"
        return ""


def _head(data: dict[str, Any], atoms: int = _FEW) -> dict[str, Any]:
    """A few atoms of a problem."""
    small = {name: data[name][:atoms] for name in ("x", "y")}
    small |= {name: np.full(len(small["x"]), 1.0 / len(small["x"])) for name in ("a", "b")}
    return data | small


def _weights(data: dict[str, Any]) -> dict[str, Any]:
    return {"x_weights": data["a"], "y_weights": data["b"]}


def _warmed(call: Callable[[dict[str, Any]], Any], data: dict[str, Any]) -> Callable[[], Any]:
    call(_head(data))
    return lambda: call(data)


# POT


def _pot_module() -> Any:
    # It would import both if they are there, and use neither.
    for backend in ("PYTORCH", "JAX", "TENSORFLOW", "CUPY"):
        os.environ[f"POT_BACKEND_DISABLE_{backend}"] = "1"
    return importlib.import_module("ot")


def _pot(solve: Callable[[Any, dict[str, Any], float], Any]) -> Any:
    def prepare(data: dict[str, Any], epsilon: float) -> Callable[[], Any]:
        ot = _pot_module()
        return _warmed(lambda some: solve(ot, some, epsilon), data)

    return prepare


def _emd(ot: Any, data: dict[str, Any], _: float) -> Any:
    C = ot.dist(data["x"], data["y"], metric=data["cost"])
    return ot.emd(data["a"], data["b"], C, log=True)


def _sinkhorn(method: str) -> Any:
    def solve(ot: Any, data: dict[str, Any], epsilon: float) -> Any:
        C = ot.dist(data["x"], data["y"], metric=data["cost"])
        options = {"method": method, "log": True}
        return ot.sinkhorn(data["a"], data["b"], C, epsilon, **options)

    return solve


def _lazy(ot: Any, data: dict[str, Any], epsilon: float) -> Any:
    x, y, a, b = (data[name] for name in ("x", "y", "a", "b"))
    return ot.solve_sample(x, y, a, b, metric=data["cost"], reg=epsilon, lazy=True)


def _bsp(ot: Any, data: dict[str, Any], _: float) -> Any:
    return ot.bsp.compute_bspot_bijection(data["x"], data["y"])


def _read_exact(result: Any, data: dict[str, Any], _: float) -> Outcome:
    answer = from_pot(result, cost=data["cost"])
    return Outcome(answer.value, False, answer, answer.converged)


def _read_entropic(result: Any, data: dict[str, Any], epsilon: float) -> Outcome:
    answer = from_pot(result, epsilon=epsilon, cost=data["cost"], **_weights(data))
    return Outcome(answer.value, True, answer, answer.converged)


def _read_bsp(result: Any, data: dict[str, Any], _: float) -> Outcome:
    cost, permutation = result[:2]
    return Outcome(float(cost), False, {"plan": np.asarray(permutation), "cost": data["cost"]})


# OTT


def _ott_cloud(data: dict[str, Any], **options: Any) -> Any:
    name = "SqEuclidean" if data["cost"] == "sqeuclidean" else "Euclidean"
    costs = importlib.import_module("ott.geometry.costs")
    pointcloud = importlib.import_module("ott.geometry.pointcloud")

    def cloud(x: Any, y: Any) -> Any:
        return pointcloud.PointCloud(x, y, cost_fn=getattr(costs, name)(), **options)

    return cloud


def _ott(make: Callable[[], Any], **geometry: Any) -> Any:
    """A linear solver of OTT, compiled for the problem."""

    def prepare(data: dict[str, Any], epsilon: float) -> Callable[[], Any]:
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        problems = importlib.import_module("ott.problems.linear.linear_problem")
        options = {} if "epsilon" in geometry else {"epsilon": epsilon}
        cloud, solver = _ott_cloud(data, **(geometry | options)), make()

        def solve(x: Any, y: Any, a: Any, b: Any) -> Any:
            return solver(problems.LinearProblem(cloud(x, y), a=a, b=b))

        arrays = [jax.numpy.asarray(data[name]) for name in ("x", "y", "a", "b")]
        compiled = jax.jit(solve).lower(*arrays).compile()
        return lambda: jax.block_until_ready(compiled(*arrays))

    return prepare


def _ott_sinkhorn() -> Any:
    return importlib.import_module("ott.solvers.linear.sinkhorn").Sinkhorn()


def _ott_low_rank(rank: int) -> Callable[[], Any]:
    def make() -> Any:
        return importlib.import_module("ott.solvers.linear.sinkhorn_lr").LRSinkhorn(rank=rank)

    return make


def _ott_hungarian(data: dict[str, Any], _: float) -> Callable[[], Any]:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    unreg = importlib.import_module("ott.tools.unreg")
    cloud = _ott_cloud(data)
    arrays = [jax.numpy.asarray(data[name]) for name in ("x", "y")]
    compiled = jax.jit(lambda x, y: unreg.hungarian(cloud(x, y))).lower(*arrays).compile()
    return lambda: jax.block_until_ready(compiled(*arrays))


def _read_ott(result: Any, _: dict[str, Any], epsilon: float) -> Outcome:
    answer = from_ott(result)
    number = answer.value
    return Outcome(number, answer.epsilon is not None, answer, answer.converged)


# GeomLoss


def _tensors(data: dict[str, Any]) -> list[Any]:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    return [torch.from_numpy(np.ascontiguousarray(data[name])) for name in ("a", "x", "b", "y")]


def _samples_loss(backend: str, debias: bool) -> Any:
    """GeomLoss's cost for p = 2 is half of ours, and so is its epsilon, blur^2."""

    def prepare(data: dict[str, Any], epsilon: float) -> Callable[[], Any]:
        geomloss = importlib.import_module("geomloss")
        if backend in ("online", "multiscale"):
            importlib.import_module("pykeops")  # GeomLoss says so with a NameError
        p = 2 if data["cost"] == "sqeuclidean" else 1
        blur = (epsilon / p) ** (1.0 / p)
        loss = geomloss.SamplesLoss(
            "sinkhorn", p=p, blur=blur, debias=debias, potentials=not debias, backend=backend
        )
        return _warmed(lambda some: (loss, loss(*_tensors(some))), data)

    return prepare


def _read_samples_loss(result: Any, data: dict[str, Any], _: float) -> Outcome:
    loss, pair = result
    answer = from_geomloss(pair, loss=loss, **_weights(data))
    f, g = answer.potentials or (None, None)
    # What it returns without `potentials=True`.
    return Outcome(float(data["a"] @ f + data["b"] @ g), True, answer)


def _read_debiased(result: Any, _: dict[str, Any], __: float) -> Outcome:
    loss, value = result
    note = "a divergence: no plan and no dual pair to certify"
    return Outcome(loss.p * float(value), False, None, None, note)


def _geomloss_solve(data: dict[str, Any], epsilon: float) -> Callable[[], Any]:
    module = importlib.import_module("geomloss.ot")

    def solve(some: dict[str, Any]) -> Any:
        a, x, b, y = _tensors(some)
        return module.solve_sample(x, y, a=a, b=b, reg=epsilon, max_iter=_GEOMLOSS_ROUNDS)

    return _warmed(solve, data)


def _read_geomloss(result: Any, _: dict[str, Any], __: float) -> Outcome:
    answer = from_geomloss(result)
    return Outcome(answer.value, True, answer)


# SciPy, and ours


def _assignment(data: dict[str, Any], _: float) -> Callable[[], Any]:
    optimize = importlib.import_module("scipy.optimize")
    distance = importlib.import_module("scipy.spatial.distance")

    def solve(some: dict[str, Any]) -> Any:
        C = distance.cdist(some["x"], some["y"], some["cost"])
        pairs = optimize.linear_sum_assignment(C)
        return pairs, float(C[pairs].mean())

    return _warmed(solve, data)


def _read_assignment(result: Any, data: dict[str, Any], _: float) -> Outcome:
    pairs, mean = result
    return Outcome(mean, False, from_scipy(pairs, cost=data["cost"]))


def _transport(entropic: bool) -> Any:
    def prepare(data: dict[str, Any], epsilon: float) -> Callable[[], Any]:
        otdiv = importlib.import_module("otdiv")
        options = {"solver": otdiv.solvers.Sinkhorn(epsilon=epsilon)} if entropic else {}

        def solve(some: dict[str, Any]) -> Any:
            options["cost"] = some["cost"]
            return otdiv.transport(some["x"], some["y"], **_weights(some), **options)

        solve(_head(data, _SOME))
        return _warmed(solve, data)

    return prepare


def _read_transport(result: Any, data: dict[str, Any], epsilon: float) -> Outcome:
    answer = {"plan": result, "potentials": result, "cost": data["cost"]}
    number, summary = result.value, result.entropic
    if summary is not None:
        answer["epsilon"], number = epsilon, summary.value
    return Outcome(number, summary is not None, answer, result.status.name == "OPTIMAL")


_SQUARES = ("sqeuclidean",)
PEERS = [
    Peer("otdiv transport", "otdiv", _transport(False), _read_transport),
    Peer("otdiv Sinkhorn", "otdiv", _transport(True), _read_transport, entropic=True),
    Peer("POT emd", "ot", _pot(_emd), _read_exact),
    Peer("POT BSP-OT", "ot", _pot(_bsp), _read_bsp, metrics=_SQUARES, uniform=True),
    Peer("POT sinkhorn", "ot", _pot(_sinkhorn("sinkhorn")), _read_entropic, entropic=True),
    Peer("POT sinkhorn_log", "ot", _pot(_sinkhorn("sinkhorn_log")), _read_entropic, entropic=True),
    Peer("POT solve_sample, lazy", "ot", _pot(_lazy), _read_entropic, entropic=True),
    Peer("OTT Sinkhorn", "ott", _ott(_ott_sinkhorn), _read_ott, entropic=True),
    Peer(
        "OTT Sinkhorn, batches", "ott", _ott(_ott_sinkhorn, batch_size=512), _read_ott,
        entropic=True,
    ),
    *(
        Peer(
            f"OTT low rank, {rank}", "ott", _ott(_ott_low_rank(rank), epsilon=None), _read_ott
        )
        for rank in (10, 100, 300)
    ),
    Peer("OTT hungarian", "ott", _ott_hungarian, _read_ott, uniform=True),
    Peer(
        "GeomLoss SamplesLoss", "geomloss", _samples_loss("tensorized", debias=False),
        _read_samples_loss, entropic=True,
    ),
    Peer(
        "GeomLoss SamplesLoss, debiased", "geomloss", _samples_loss("tensorized", debias=True),
        _read_debiased, entropic=True,
    ),
    Peer(
        "GeomLoss SamplesLoss, multiscale", "geomloss", _samples_loss("multiscale", debias=False),
        _read_samples_loss, entropic=True,
    ),
    Peer(
        "GeomLoss ot.solve_sample", "geomloss", _geomloss_solve, _read_geomloss, entropic=True,
        metrics=_SQUARES,
    ),
    Peer(
        "SciPy linear_sum_assignment", "scipy", _assignment, _read_assignment, uniform=True
    ),
]  # fmt: skip
