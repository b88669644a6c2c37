# Made from the table in __init__.py by `python -m tests.stubs`.
from .divergence import UnbalancedDivergenceResult as UnbalancedDivergenceResult
from .divergence import unbalanced_sinkhorn_divergence as unbalanced_sinkhorn_divergence
from .divergence import unbalanced_sinkhorn_divergence_result as unbalanced_sinkhorn_divergence_result
from .problem import UnbalancedProblem as UnbalancedProblem
from .result import UnbalancedPlan as UnbalancedPlan
from .result import UnbalancedResult as UnbalancedResult
from .transport import unbalanced_transport as unbalanced_transport
