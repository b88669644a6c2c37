"""Distances between probability distributions, as functions that return floats."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DistanceResult": "wasserstein",
        "energy_distance": "energy",
        "maximum_mean_discrepancy": "discrepancy",
        "maximum_mean_discrepancy_result": "discrepancy",
        "sliced_wasserstein": "sliced",
        "sliced_wasserstein_result": "sliced",
        "wasserstein": "wasserstein",
        "wasserstein1": "wasserstein",
        "wasserstein1_batch": "wasserstein",
        "wasserstein1_histogram": "wasserstein",
        "wasserstein1_result": "wasserstein",
        "wasserstein2": "wasserstein",
    },
)
