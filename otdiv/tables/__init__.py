"""How two tables differ: every shared column in its own unit, beside the noise of no change."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BatchReport": "batches.report",
        "ColumnComparison": "rows",
        "Config": "config",
        "Driver": "rows",
        "Ecdfs": "rows",
        "Evidence": "rows",
        "Frequencies": "rows",
        "Gate": "gate",
        "GateFailure": "gate",
        "JointComparison": "rows",
        "MissingComparison": "rows",
        "NoiseFloor": "rows",
        "QuantileMove": "rows",
        "TableProgress": "progress",
        "TableReport": "report",
        "Verdict": "rows",
        "compare_batches": "batches.comparison",
        "compare_groups": "batches.comparison",
        "compare_over": "batches.comparison",
        "compare_tables": "comparison",
        "find_config": "config",
        "read_config": "config",
    },
)
