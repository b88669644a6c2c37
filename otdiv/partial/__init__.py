"""Partial transport: some of the mass is moved, the rest stays, for nothing or at a price."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "PartialProfile": "profile",
        "PartialResult": "result",
        "kantorovich_rubinstein": "norm",
        "kantorovich_rubinstein_result": "norm",
        "partial_transport": "transport",
        "partial_transport_matrix": "transport",
        "partial_transport_profile": "profile",
    },
)
