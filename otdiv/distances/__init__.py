"""Distances between probability distributions, as functions that return floats."""

from .discrepancy import maximum_mean_discrepancy, maximum_mean_discrepancy_result
from .energy import energy_distance
from .sliced import sliced_wasserstein, sliced_wasserstein_result
from .wasserstein import (
    DistanceResult,
    wasserstein,
    wasserstein1,
    wasserstein1_batch,
    wasserstein1_histogram,
    wasserstein1_result,
    wasserstein2,
)

__all__ = [
    "DistanceResult",
    "energy_distance",
    "maximum_mean_discrepancy",
    "maximum_mean_discrepancy_result",
    "sliced_wasserstein",
    "sliced_wasserstein_result",
    "wasserstein",
    "wasserstein1",
    "wasserstein1_batch",
    "wasserstein1_histogram",
    "wasserstein1_result",
    "wasserstein2",
]
