# Made from the table in __init__.py by `python -m tests.stubs`.
from .comparison import TableProgress as TableProgress
from .comparison import compare_tables as compare_tables
from .report import ColumnComparison as ColumnComparison
from .report import Ecdfs as Ecdfs
from .report import Frequencies as Frequencies
from .report import JointComparison as JointComparison
from .report import NoiseFloor as NoiseFloor
from .report import TableReport as TableReport
