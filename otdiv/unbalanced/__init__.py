"""Unbalanced transport: mass may be lost or made at a price."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "UnbalancedDivergenceResult": "divergence",
        "UnbalancedPlan": "result",
        "UnbalancedProblem": "problem",
        "UnbalancedResult": "result",
        "unbalanced_sinkhorn_divergence": "divergence",
        "unbalanced_sinkhorn_divergence_result": "divergence",
        "unbalanced_transport": "transport",
    },
)
