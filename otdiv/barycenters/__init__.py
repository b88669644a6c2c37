"""Measures that are near many others on average, with bounds of the least average."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BarycenterResult": "result",
        "barycenter": "averaging",
    },
)
