# Made from the table in __init__.py by `python -m tests.stubs`.
from .circle import Circle as Circle
from .column_generation import ColumnGeneration as ColumnGeneration
from .line import Line as Line
from .linear_program import LinearProgram as LinearProgram
from .network_simplex import NetworkSimplex as NetworkSimplex
from .pot import PotNetworkSimplex as PotNetworkSimplex
from .sinkhorn import Sinkhorn as Sinkhorn
