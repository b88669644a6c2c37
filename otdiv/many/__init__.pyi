# Made from the table in __init__.py by `python -m tests.stubs`.
from .batch import transport_batch as transport_batch
from .batch import transport_matrix_batch as transport_matrix_batch
from .matrix import pairwise_distances as pairwise_distances
from .neighbors import NeighborsResult as NeighborsResult
from .neighbors import nearest_neighbors as nearest_neighbors
from .pairs import PairingResult as PairingResult
from .pairs import pairing as pairing
from .pairs import pairing_result as pairing_result
from .progress import progress_bar as progress_bar
from .results import BatchResult as BatchResult
