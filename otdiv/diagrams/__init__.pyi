# Made from the table in __init__.py by `python -m tests.stubs`.
from .bottleneck import bottleneck_distance as bottleneck_distance
from .bottleneck import bottleneck_distance_result as bottleneck_distance_result
from .result import DiagramResult as DiagramResult
from .wasserstein import persistence_distance as persistence_distance
from .wasserstein import persistence_distance_result as persistence_distance_result
