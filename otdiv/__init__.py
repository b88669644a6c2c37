"""Distances between probability distributions, every number with its proof."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Where each public name lives; it is imported when it is first asked for (SPEC 1), so that
# `import otdiv` costs little more than nothing.
_HOME = {
    "DiscreteMeasure": "measures",
    "Gaussian": "measures",
    "CostMatrix": "costs",
    "Euclidean": "costs",
    "PNormCost": "costs",
    "SquaredEuclidean": "costs",
    "TransportProblem": "problems",
    "DensePlan": "plans",
    "Potentials": "plans",
    "ScaledKernelPlan": "plans",
    "SparsePlan": "plans",
    "Bounds": "results",
    "EntropicSummary": "results",
    "Progress": "results",
    "Status": "results",
    "TransportResult": "results",
    "Choice": "selection",
    "barycentric_map": "maps",
    "gradient": "maps",
    "preflight": "selection",
    "select_solver": "selection",
    "solve": "solving",
    "transport": "solving",
    "transport_matrix": "solving",
    "energy_distance": "distances",
    "maximum_mean_discrepancy": "distances",
    "sliced_wasserstein": "distances",
    "sliced_wasserstein_result": "distances",
    "wasserstein": "distances",
    "wasserstein1": "distances",
    "wasserstein1_batch": "distances",
    "wasserstein1_histogram": "distances",
    "wasserstein1_result": "distances",
    "wasserstein2": "distances",
    "ConvergenceError": "errors",
    "InvalidInputError": "errors",
    "MassMismatchError": "errors",
    "MissingDependencyError": "errors",
    "OtdivError": "errors",
    "UnsupportedProblemError": "errors",
}
_MODULES = {"certificates", "solvers"}

__all__ = ["__version__", *sorted(_HOME), *sorted(_MODULES)]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    elif name in _MODULES:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
