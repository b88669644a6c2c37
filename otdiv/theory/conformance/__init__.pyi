# Made from the table in __init__.py by `python -m tests.stubs`.
from ...conformance.answers import Answer as Answer
from ...conformance.answers import read_answer as read_answer
from ...conformance.checking import check_solver as check_solver
from ...conformance.instances import Instance as Instance
from ...conformance.isolation import check_solver_isolated as check_solver_isolated
from ...conformance.law import Law as Law
from ...conformance.lawbook import solver_laws as solver_laws
from ...conformance.loading import PointSolver as PointSolver
from ...conformance.loading import load_solver as load_solver
from ...conformance.report import ConformanceReport as ConformanceReport
from ...conformance.report import LawResult as LawResult
from ...conformance.report import LawVerdict as LawVerdict
from ...conformance.report import peers_table as peers_table
