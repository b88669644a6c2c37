# Made from the table in __init__.py by `python -m tests.stubs`.
from .problem import UnbalancedProblem as UnbalancedProblem
from .result import UnbalancedPlan as UnbalancedPlan
from .result import UnbalancedResult as UnbalancedResult
from .transport import unbalanced_transport as unbalanced_transport
