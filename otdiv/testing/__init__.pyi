# Made from the table in __init__.py by `python -m tests.stubs`.
from .assertions import assert_metric as assert_metric
from .assertions import assert_optimal as assert_optimal
from .problems import SolvedProblem as SolvedProblem
from .problems import funnels as funnels
from .problems import gaussian_line as gaussian_line
from .problems import monotone_line as monotone_line
from .problems import permuted as permuted
from .problems import point_masses as point_masses
from .problems import translated as translated
from .strategies import discrete_measures as discrete_measures
from .strategies import point_costs as point_costs
from .strategies import probability_vectors as probability_vectors
from .strategies import solved_problems as solved_problems
from .strategies import transport_batches as transport_batches
from .strategies import transport_problems as transport_problems
from .strategies import unbalanced_problems as unbalanced_problems
