# Made from the table in __init__.py by `python -m tests.stubs`.
from .answers import Answer as Answer
from .answers import Gradients as Gradients
from .answers import read_answer as read_answer
from .batches import BatchSolver as BatchSolver
from .checking import check_solver as check_solver
from .instances import Instance as Instance
from .isolation import check_solver_isolated as check_solver_isolated
from .law import Law as Law
from .lawbook import solver_laws as solver_laws
from .loading import PointSolver as PointSolver
from .loading import load_solver as load_solver
from .report import ConformanceReport as ConformanceReport
from .report import LawResult as LawResult
from .report import LawVerdict as LawVerdict
from .report import peers_table as peers_table
