"""Peers' solvers as functions of (a, b, C) or, for those that take points, of (a, b, x, y).

Each imports its library when it is called. Double precision is asked for, and the entropic ones get
enough iterations to meet the tolerance of their laws; they run at `EPSILON`, a number in the unit
of the costs that the laws draw (whole numbers up to 20), unless a law asks for another. Their
potentials are brought to one convention, P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon); an atom
without weight has none there, and then none are returned.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .._optional import import_optional
from ..errors import UnsupportedProblemError
from ..maps import gradient
from ..solvers import Sinkhorn
from ..solving import transport, transport_matrix
from .loading import PointSolver

__all__ = [
    "EPSILON",
    "geomloss_samples",
    "geomloss_solve",
    "otdiv_gradients",
    "otdiv_sinkhorn",
    "ott_hungarian",
    "ott_sinkhorn",
    "pot_emd",
    "pot_emd2",
    "pot_emd2_gradients",
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


def _pot_gradients(a: Any, b: Any, x: Any, y: Any) -> Any:
    torch, ot = _needed("torch"), _needed("ot")
    tensors = [torch.tensor(array, requires_grad=True) for array in (a, b, x, y)]
    value = ot.emd2(tensors[0], tensors[1], torch.cdist(tensors[2], tensors[3]))
    value.backward()
    named = zip("abxy", (tensor.grad for tensor in tensors), strict=True)
    return {"value": float(value), "gradients": dict(named)}


pot_emd2_gradients = PointSolver(_pot_gradients)
"""`ot.emd2` of PyTorch's tensors: the value, and what `backward` makes of it."""


def _of_products(u: Any, v: Any, a: Any, b: Any, epsilon: float) -> Any:
    """Potentials (f, g) of logarithmic scalings u, v of exp(-C / epsilon); None without weight."""
    if min(*a, *b) <= 0.0:
        return None
    return epsilon * (u - np.log(a)), epsilon * (v - np.log(b))


def pot_sinkhorn(a: Any, b: Any, C: Any, epsilon: float = EPSILON) -> Any:
    """`ot.sinkhorn` with its log: plan and potentials, by scaling exp(-C / epsilon)."""
    plan, log = _needed("ot").sinkhorn(a, b, C, epsilon, numItermax=_ITERATIONS, log=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # scalings that underflowed
        potentials = _of_products(np.log(log["u"]), np.log(log["v"]), a, b, epsilon)
    return {"plan": plan, "potentials": potentials, "epsilon": epsilon}


def pot_sinkhorn_log(a: Any, b: Any, C: Any, epsilon: float = EPSILON) -> Any:
    """`ot.sinkhorn` in the logarithmic domain with its log: plan and potentials."""
    how = {"method": "sinkhorn_log", "numItermax": _ITERATIONS, "log": True}
    plan, log = _needed("ot").sinkhorn(a, b, C, epsilon, **how)
    potentials = _of_products(log["log_u"], log["log_v"], a, b, epsilon)
    return {"plan": plan, "potentials": potentials, "epsilon": epsilon}


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

    def solved(a: Any, b: Any, C: Any, epsilon: Any) -> Any:
        geom = geometry.Geometry(cost_matrix=C, epsilon=epsilon)
        out = linear.solve(geom, a=a, b=b, threshold=1e-8, max_iterations=_ITERATIONS)
        return out.matrix, out.f, out.g, out.reg_ot_cost

    return _needed("jax").jit(solved)


def ott_sinkhorn(a: Any, b: Any, C: Any, epsilon: float = EPSILON) -> Any:
    """`ott.solvers.linear.solve` on a `Geometry`: plan, potentials and regularised value."""
    with _double_jax():
        plan, f, g, value = (np.asarray(part) for part in _ott_compiled()(a, b, C, epsilon))
    potentials = _of_products(f / epsilon, g / epsilon, a, b, epsilon)
    entropic = {"value": value, "potentials": potentials, "epsilon": epsilon}
    return {"plan": plan, "entropic": entropic}


@functools.cache
def _ott_assignment() -> Any:
    unreg, geometry = _needed("ott.tools.unreg"), _needed("ott.geometry.geometry")
    return _needed("jax").jit(lambda C: unreg.hungarian(geometry.Geometry(cost_matrix=C))[0])


def ott_hungarian(a: Any, b: Any, C: Any) -> Any:
    """`ott.tools.unreg.hungarian`: the value, for uniform weights and n = m."""
    _require_assignment(a, b)
    with _double_jax():
        return float(_ott_assignment()(C))


def geomloss_solve(a: Any, b: Any, C: Any, epsilon: float = EPSILON) -> Any:
    """`geomloss.ot.solve`: regularised value, plan and potentials.

    Its number of iterations is fixed beforehand.
    """
    torch, ot = _needed("torch"), _needed("geomloss.ot")
    tensors = [torch.from_numpy(np.array(array, order="C")) for array in (C, a, b)]
    result = ot.solve(tensors[0], reg=epsilon, a=tensors[1], b=tensors[2], max_iter=1000)
    potentials = (result.potential_a, result.potential_b)
    entropic = {"value": result.value, "potentials": potentials, "epsilon": epsilon}
    return {"value": result.value, "plan": result.plan, "entropic": entropic}


def _geomloss_samples(a: Any, b: Any, x: Any, y: Any) -> Any:
    torch, geomloss = _needed("torch"), _needed("geomloss")
    loss = geomloss.SamplesLoss(
        "sinkhorn", p=1, blur=EPSILON, scaling=0.99, debias=False, backend="tensorized"
    )
    return loss(*(torch.from_numpy(np.array(array, order="C")) for array in (a, x, b, y)))


geomloss_samples = PointSolver(_geomloss_samples)
"""`geomloss.SamplesLoss("sinkhorn", p=1, debias=False)`: the entropic value, for points."""


def otdiv_sinkhorn(a: Any, b: Any, C: Any, epsilon: float = EPSILON) -> Any:
    """`otdiv.solvers.Sinkhorn`: value, plan repaired to the exact marginals, entropic summary."""
    solver = Sinkhorn(epsilon=epsilon, marginal_tolerance=1e-12)
    return transport_matrix(C, x_weights=a, y_weights=b, solver=solver)


def _otdiv_gradients(a: Any, b: Any, x: Any, y: Any) -> Any:
    result = transport(x, y, x_weights=a, y_weights=b)
    return {"value": result.value, "potentials": result.potentials, "gradients": gradient(result)}


otdiv_gradients = PointSolver(_otdiv_gradients)
"""`otdiv.transport` with `otdiv.gradient`: value, potentials, gradients in points and weights."""
