"""Peers' solvers as functions of (a, b, C) or, for those that take points, of (a, b, x, y).

Each imports its library when it is called. Double precision is asked for, and the entropic ones get
enough iterations to meet the tolerance of their laws; they run at `EPSILON`, a number in the unit
of the costs that the laws draw (whole numbers up to 20).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .._optional import import_optional
from ..errors import UnsupportedProblemError
from ..solvers import Sinkhorn
from ..solving import transport_matrix
from .loading import PointSolver

__all__ = [
    "EPSILON",
    "geomloss_samples",
    "geomloss_solve",
    "otdiv_sinkhorn",
    "ott_hungarian",
    "ott_sinkhorn",
    "pot_emd",
    "pot_emd2",
    "pot_sinkhorn",
    "pot_sinkhorn_log",
    "scipy_assignment",
    "scipy_wasserstein",
    "scipy_wasserstein_nd",
]

EPSILON = 1.0
"""Regularisation of the entropic adapters; chosen by taste, well inside the range of the costs."""

_ITERATIONS = 10_000


def _double_jax() -> Any:
    """Context in which JAX computes in double precision; its name has moved between releases."""
    jax = _needed("jax")
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    return _needed("jax.experimental").enable_x64()


def _needed(module: str) -> Any:
    return import_optional(module, extra="pot", purpose="the adapter of a peer")


def pot_emd(a: Any, b: Any, C: Any) -> Any:
    """`ot.emd` with its log: value, plan and potentials."""
    plan, log = _needed("ot").emd(a, b, C, log=True)
    return log["cost"], plan, log["u"], log["v"]


def pot_emd2(a: Any, b: Any, C: Any) -> Any:
    """`ot.emd2`: the value."""
    return _needed("ot").emd2(a, b, C)


def pot_sinkhorn(a: Any, b: Any, C: Any) -> Any:
    """`ot.sinkhorn`: the plan, by scaling exp(-C / epsilon)."""
    return _needed("ot").sinkhorn(a, b, C, EPSILON, numItermax=_ITERATIONS)


def pot_sinkhorn_log(a: Any, b: Any, C: Any) -> Any:
    """`ot.sinkhorn` in the logarithmic domain: the plan."""
    ot = _needed("ot")
    return ot.sinkhorn(a, b, C, EPSILON, method="sinkhorn_log", numItermax=_ITERATIONS)


def scipy_assignment(a: Any, b: Any, C: Any) -> Any:
    """`scipy.optimize.linear_sum_assignment`: the plan, for uniform weights and n = m."""
    from scipy.optimize import linear_sum_assignment

    _require_assignment(a, b)
    plan = np.zeros(np.shape(C))
    plan[linear_sum_assignment(C)] = a
    return plan


def _require_assignment(a: Any, b: Any) -> None:
    if len(a) != len(b) or np.ptp([*a, *b]) > 0.0:
        raise UnsupportedProblemError("an assignment has n = m and uniform weights")


def _scipy_nd(a: Any, b: Any, x: Any, y: Any) -> Any:
    from scipy.stats import wasserstein_distance_nd

    return wasserstein_distance_nd(x, y, a, b)


def _scipy_line(a: Any, b: Any, x: Any, y: Any) -> Any:
    from scipy.stats import wasserstein_distance

    if x.shape[1] != 1:
        raise UnsupportedProblemError("points on a line only")
    return wasserstein_distance(x[:, 0], y[:, 0], a, b)


scipy_wasserstein_nd = PointSolver(_scipy_nd)
"""`scipy.stats.wasserstein_distance_nd`: the value, for points."""

scipy_wasserstein = PointSolver(_scipy_line)
"""`scipy.stats.wasserstein_distance`: the value, for points on a line."""


@functools.cache
def _ott_compiled() -> Any:
    """The solve under `jax.jit`, which compiles once a shape instead of tracing every call."""
    linear, geometry = _needed("ott.solvers.linear"), _needed("ott.geometry.geometry")

    def plan(a: Any, b: Any, C: Any) -> Any:
        geom = geometry.Geometry(cost_matrix=C, epsilon=EPSILON)
        return linear.solve(geom, a=a, b=b, threshold=1e-8, max_iterations=_ITERATIONS).matrix

    return _needed("jax").jit(plan)


def ott_sinkhorn(a: Any, b: Any, C: Any) -> Any:
    """`ott.solvers.linear.solve` on a `Geometry`: the plan."""
    with _double_jax():
        return np.asarray(_ott_compiled()(a, b, C))


@functools.cache
def _ott_assignment() -> Any:
    unreg, geometry = _needed("ott.tools.unreg"), _needed("ott.geometry.geometry")
    return _needed("jax").jit(lambda C: unreg.hungarian(geometry.Geometry(cost_matrix=C))[0])


def ott_hungarian(a: Any, b: Any, C: Any) -> Any:
    """`ott.tools.unreg.hungarian`: the value, for uniform weights and n = m."""
    _require_assignment(a, b)
    with _double_jax():
        return float(_ott_assignment()(C))


def geomloss_solve(a: Any, b: Any, C: Any) -> Any:
    """`geomloss.ot.solve`: value and plan; its number of iterations is fixed beforehand."""
    torch, ot = _needed("torch"), _needed("geomloss.ot")
    tensors = [torch.from_numpy(np.array(array, order="C")) for array in (C, a, b)]
    result = ot.solve(tensors[0], reg=EPSILON, a=tensors[1], b=tensors[2], max_iter=1000)
    return result.value, result.plan


def _geomloss_samples(a: Any, b: Any, x: Any, y: Any) -> Any:
    torch, geomloss = _needed("torch"), _needed("geomloss")
    loss = geomloss.SamplesLoss(
        "sinkhorn", p=1, blur=EPSILON, scaling=0.99, debias=False, backend="tensorized"
    )
    return loss(*(torch.from_numpy(np.array(array, order="C")) for array in (a, x, b, y)))


geomloss_samples = PointSolver(_geomloss_samples)
"""`geomloss.SamplesLoss("sinkhorn", p=1, debias=False)`: the entropic value, for points."""


def otdiv_sinkhorn(a: Any, b: Any, C: Any) -> Any:
    """`otdiv.solvers.Sinkhorn`: value, plan repaired to the exact marginals, proven potentials."""
    solver = Sinkhorn(epsilon=EPSILON, marginal_tolerance=1e-12)
    return transport_matrix(C, x_weights=a, y_weights=b, solver=solver)
