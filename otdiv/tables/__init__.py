"""How two tables differ: every shared column in its own unit, beside the noise of no change."""

from .comparison import TableProgress, compare_tables
from .report import ColumnComparison, JointComparison, NoiseFloor, TableReport

__all__ = [
    "ColumnComparison",
    "JointComparison",
    "NoiseFloor",
    "TableProgress",
    "TableReport",
    "compare_tables",
]
