# Made from the table in __init__.py by `python -m tests.stubs`.
from .comparison import TableProgress as TableProgress
from .comparison import compare_tables as compare_tables
from .gate import Gate as Gate
from .gate import GateFailure as GateFailure
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
