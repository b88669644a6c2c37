"""What samples say of the laws behind them: tests whose error rates are those stated."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "TestResult": "testing_result",
        "k_sample_test": "testing",
        "permutation_null": "testing",
        "two_sample_test": "testing",
    },
)
