"""How two tables differ: every shared column in its own unit, beside the noise of no change."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ColumnComparison": "content",
        "Ecdfs": "content",
        "Frequencies": "content",
        "JointComparison": "content",
        "NoiseFloor": "content",
        "TableProgress": "comparison",
        "TableReport": "report",
        "compare_tables": "comparison",
    },
)
