"""Distances of data that do not fit: states of one pass, bounds from two states, further passes."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "CategoryState": "categories",
        "Comparison": "comparison",
        "Detail": "windows",
        "PassProgress": "passes",
        "SampleState": "state",
        "SlicedState": "sliced",
        "StreamedDistance": "passes",
        "Windows": "windows",
        "bounds_from_cells": "sql",
        "category_counts": "categories",
        "category_state": "categories",
        "cdf_bounds": "bounds",
        "cells_query": "sql",
        "compared": "comparison",
        "cramer_von_mises_bounds": "bounds",
        "energy_distance_bounds": "bounds",
        "kolmogorov_smirnov_bounds": "bounds",
        "quantile_bounds": "bounds",
        "sample_state": "passes",
        "sliced_wasserstein1_bounds": "sliced",
        "wasserstein1_bounds": "bounds",
        "wasserstein1_result": "passes",
        "wasserstein_bounds": "bounds",
    },
)
