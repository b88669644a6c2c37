"""From samples to the laws behind them: what a distance of samples says of that of their laws."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "EquivalenceResult": "equivalence",
        "Interval": "intervals",
        "RequiredSize": "required_sizes",
        "confidence_interval": "intervals",
        "equivalence_test": "equivalence",
        "required_size": "required_sizes",
    },
)
