# Made from the table in __init__.py by `python -m tests.stubs`.
from .batch_report import BatchReport as BatchReport
from .batches import compare_batches as compare_batches
from .batches import compare_groups as compare_groups
from .batches import compare_over as compare_over
from .comparison import TableProgress as TableProgress
from .comparison import compare_tables as compare_tables
from .report import TableReport as TableReport
from .rows import ColumnComparison as ColumnComparison
from .rows import Driver as Driver
from .rows import Ecdfs as Ecdfs
from .rows import Evidence as Evidence
from .rows import Frequencies as Frequencies
from .rows import JointComparison as JointComparison
from .rows import MissingComparison as MissingComparison
from .rows import NoiseFloor as NoiseFloor
from .rows import QuantileMove as QuantileMove
from .rows import Verdict as Verdict
