"""Distances between persistence diagrams: points that may also go to the diagonal."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DiagramResult": "result",
        "bottleneck_distance": "bottleneck",
        "bottleneck_distance_result": "bottleneck",
        "persistence_distance": "wasserstein",
        "persistence_distance_result": "wasserstein",
    },
)
