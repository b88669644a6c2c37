"""Solvers of transport problems, one algorithm a file; each is a frozen object with options.

`_dense/` and `_columns/` are the engines of NetworkSimplex and ColumnGeneration.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Circle": "circle",
        "ColumnGeneration": "column_generation",
        "Line": "line",
        "LinearProgram": "linear_program",
        "NetworkSimplex": "network_simplex",
        "PotNetworkSimplex": "pot",
        "Sinkhorn": "sinkhorn",
    },
)
