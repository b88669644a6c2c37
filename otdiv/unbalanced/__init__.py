"""Unbalanced transport: mass may be lost or made at a price."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "UnbalancedPlan": "result",
        "UnbalancedProblem": "problem",
        "UnbalancedResult": "result",
        "unbalanced_transport": "transport",
    },
)
