"""Measures that are near many others on average, with bounds of the least; clusters."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BarycenterResult": "result",
        "KMeansResult": "clustering",
        "barycenter": "averaging",
        "wasserstein_kmeans": "clustering",
    },
)
