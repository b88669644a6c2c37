# Made from the table in __init__.py by `python -m tests.stubs`.
from .comparison import TableProgress as TableProgress
from .comparison import compare_tables as compare_tables
from .content import ColumnComparison as ColumnComparison
from .content import Ecdfs as Ecdfs
from .content import Frequencies as Frequencies
from .content import JointComparison as JointComparison
from .content import NoiseFloor as NoiseFloor
from .report import TableReport as TableReport
