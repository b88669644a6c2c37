"""Distances between probability distributions, as functions that return floats."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DistanceResult": "dispatch",
        "energy_distance": "energy",
        "maximum_mean_discrepancy": "discrepancy",
        "maximum_mean_discrepancy_result": "discrepancy",
        "sliced_wasserstein": "sliced",
        "sliced_wasserstein_result": "sliced",
        "wasserstein": "wasserstein_distance",
        "wasserstein1": "wasserstein_distance",
        "wasserstein1_batch": "batch",
        "wasserstein1_histogram": "batch",
        "wasserstein_batch": "batch",
        "wasserstein1_result": "wasserstein_distance",
        "wasserstein2": "wasserstein_distance",
    },
)
