"""Distances of data on a Dask cluster: states of partitions, merged by a tree, on a given client.

The calls are those of `otdiv.streaming` and of the divergences, with `client=`. Data are Dask
arrays (n,), series of `dask.dataframe`, frames with `column=` and `weights=`, or pairs (values,
weights) of arrays. Every pass is one graph: a task for each partition that makes a state, and a
tree of merges. Memory, retries and lost workers are Dask's matter; a task that runs twice gives the
same state.
"""

from otdiv._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "category_counts": "counting",
        "category_state": "states",
        "cdf_bounds": "bounds",
        "chi2_divergence": "counting",
        "cramer_von_mises_bounds": "bounds",
        "energy_distance_bounds": "bounds",
        "hellinger_distance": "counting",
        "jeffreys_divergence": "counting",
        "js_distance": "counting",
        "js_divergence": "counting",
        "kl_divergence": "counting",
        "kolmogorov_smirnov_bounds": "bounds",
        "pairwise_distances": "matrix",
        "population_stability_index": "counting",
        "quantile_bounds": "bounds",
        "renyi_divergence": "counting",
        "sample_state": "states",
        "sliced_state": "states",
        "sliced_wasserstein1_bounds": "bounds",
        "total_variation": "counting",
        "wasserstein1": "passes",
        "wasserstein1_bounds": "bounds",
        "wasserstein1_result": "passes",
        "wasserstein_bounds": "bounds",
    },
)
