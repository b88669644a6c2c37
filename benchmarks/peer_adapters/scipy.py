"""SciPy's distances, divergences and assignments, answered by otdiv."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import otdiv

from . import CONVENTION, Adapter, Listed, NoCounterpartError


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tell SciPy's table of backends that the replaced function takes what its own took."""
    from scipy import stats
    from scipy._lib._array_api import xp_capabilities_table

    xp_capabilities_table[stats.entropy] = xp_capabilities_table[stats.entropy.__wrapped__]


def wasserstein_distance(
    u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None
) -> float:
    return otdiv.wasserstein1(u_values, v_values, x_weights=u_weights, y_weights=v_weights)


def energy_distance(
    u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None
) -> float:
    return otdiv.energy_distance(u_values, v_values, x_weights=u_weights, y_weights=v_weights)


def entropy(
    pk: Any,
    qk: Any = None,
    base: float | None = None,
    axis: int = 0,
    *,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Any:
    """SciPy divides both by their sums; without `qk` it is Shannon's entropy.

    That is log n less the divergence from the uniform vector.
    """
    if nan_policy != "propagate" or keepdims:
        raise NoCounterpartError("kl_divergence has neither nan_policy nor keepdims")
    if base is not None and base <= 0:
        raise ValueError("`base` must be a positive number or `None`.")
    p = np.asarray(pk)
    q = np.ones(p.shape[axis]) if qk is None else np.asarray(qk)
    if qk is None:
        p = np.moveaxis(p, axis, -1)
        axis = -1
    try:
        p, q = np.broadcast_arrays(p, q)
    except ValueError:
        raise ValueError("Array shapes are incompatible for broadcasting.") from None
    with np.errstate(invalid="ignore"):
        p, q = (v / v.sum(axis=axis, keepdims=True) for v in (p, q))
    value = otdiv.kl_divergence(p, q, base=base, axis=axis)
    if qk is not None:
        return np.asarray(value)[()]
    unit = 1.0 if base is None else math.log(base)
    return np.asarray(math.log(p.shape[-1]) / unit - np.asarray(value))[()]


def jensenshannon(
    p: Any, q: Any, base: float | None = None, *, axis: int = 0, keepdims: bool = False
) -> Any:
    p, q = (np.asarray(v, dtype=float) for v in (p, q))
    p, q = (v / v.sum(axis=axis, keepdims=True) for v in (p, q))
    value = otdiv.js_distance(p, q, base=base, axis=axis)
    return np.expand_dims(value, axis) if keepdims else value


def linear_sum_assignment(
    cost_matrix: Any, maximize: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Transport between atoms of equal mass; the shorter side is filled up at no cost."""
    C = np.asarray(cost_matrix)
    if C.ndim != 2:
        raise ValueError(f"expected a matrix (2-D array), got a {C.ndim} array")
    n, m = C.shape
    if n == 0 or m == 0:
        return np.empty(0, dtype=int), np.empty(0, dtype=int)
    C = -C if maximize else C
    if n != m:
        C = np.pad(C, ((0, max(0, m - n)), (0, max(0, n - m))))
    try:
        plan = otdiv.transport_matrix(C).plan
    except otdiv.ConvergenceError as error:
        if error.result.status is otdiv.Status.INFEASIBLE:
            raise ValueError("cost matrix is infeasible") from None
        raise
    mass = plan.toarray() * max(n, m)
    if not ((mass < 1e-9) | (np.abs(mass - 1.0) < 1e-9)).all():
        raise NoCounterpartError("the plan is no assignment")
    rows, columns = np.nonzero(mass[:n, :m] > 0.5)
    return rows, columns


DOORS = {
    "scipy.stats.wasserstein_distance": wasserstein_distance,
    "scipy.stats.wasserstein_distance_nd": wasserstein_distance,
    "scipy.stats.energy_distance": energy_distance,
    "scipy.stats.entropy": entropy,
    "scipy.spatial.distance.jensenshannon": jensenshannon,
    "scipy.optimize.linear_sum_assignment": linear_sum_assignment,
}

INFINITE = "infinite coordinates are refused, with the index; SciPy returns inf or NaN"
WORDS = "the same input is refused with an `InvalidInputError`, a ValueError, in other words"
LISTED = (
    Listed("stats/test_stats.py::TestWassersteinDistance::test_inf_values", CONVENTION, INFINITE),
    Listed("stats/test_stats.py::TestWassersteinDistanceND::test_inf_values", CONVENTION, INFINITE),
    Listed("stats/test_stats.py::TestEnergyDistance::test_inf_values", CONVENTION, INFINITE),
    Listed("stats/test_stats.py::TestWassersteinDistanceND::test_error_code", CONVENTION, WORDS),
    Listed("optimize/test_linear_assignment.py::*_input_nan", CONVENTION, WORDS),
    Listed("optimize/test_linear_assignment.py::*_input_neginf", CONVENTION, WORDS),
    Listed(
        "optimize/test_linear_assignment.py::*_input_string",
        CONVENTION,
        "text is refused with an `InvalidInputError`, a ValueError, where SciPy has a TypeError",
    ),
    Listed(
        "optimize/test_linear_assignment.py::test_constant_cost_matrix",
        CONVENTION,
        "of equally good assignments another one is returned",
    ),
    Listed(
        "spatial/test_distance.py::*_calling_conventions[jensenshannon]",
        CONVENTION,
        "negative entries are refused; SciPy's compiled function has NaN or a number for them",
    ),
)

ADAPTER = Adapter(
    name="SciPy",
    package="scipy",
    folders={
        "scipy/stats/tests": "stats",
        "scipy/spatial/tests": "spatial",
        "scipy/optimize/tests": "optimize",
    },
    files=(
        "stats/test_stats.py",
        "stats/test_entropy.py",
        "spatial/test_distance.py",
        "optimize/test_linear_assignment.py",
    ),
    doors=DOORS,
    # Assignments may be equally good; the tests compare their costs.
    beside=dict.fromkeys((door for door in DOORS if "assignment" not in door), 1e-7),
    listed=LISTED,
    options=("-p", "scipy.conftest", "-p", __name__),
)
