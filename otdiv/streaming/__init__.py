"""Distances of data that do not fit: states of one pass, bounds from two states, further passes."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Comparison": "comparison",
        "Detail": "windows",
        "PassProgress": "passes",
        "SampleState": "state",
        "StreamedDistance": "passes",
        "Windows": "windows",
        "compared": "comparison",
        "sample_state": "passes",
        "wasserstein1_result": "passes",
    },
)
