"""For authors of solvers and distances: instances with known answers, strategies, assertions.

The strategies need the package `hypothesis` (extra `verify`); instances and assertions do not.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "SolvedProblem": "problems",
        "assert_metric": "assertions",
        "assert_optimal": "assertions",
        "discrete_measures": "strategies",
        "point_costs": "strategies",
        "funnels": "problems",
        "gaussian_mixtures": "strategies",
        "gaussian_line": "problems",
        "monotone_line": "problems",
        "partial_problems": "strategies",
        "permuted": "problems",
        "persistence_diagrams": "strategies",
        "point_masses": "problems",
        "probability_vectors": "strategies",
        "solved_problems": "strategies",
        "translated": "problems",
        "transport_batches": "strategies",
        "transport_problems": "strategies",
        "unbalanced_problems": "strategies",
    },
)
