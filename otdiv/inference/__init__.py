"""What samples say of the laws behind them: tests, intervals and margins."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "TestResult": "testing_result",
        "k_sample_test": "testing",
        "permutation_null": "testing",
        "two_sample_test": "testing",
        "EquivalenceResult": "equivalence",
        "Interval": "intervals",
        "RequiredSize": "required_sizes",
        "confidence_interval": "intervals",
        "equivalence_test": "equivalence",
        "required_size": "required_sizes",
    },
)
