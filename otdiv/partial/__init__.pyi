# Made from the table in __init__.py by `python -m tests.stubs`.
from .result import PartialResult as PartialResult
from .transport import partial_transport as partial_transport
from .transport import partial_transport_matrix as partial_transport_matrix
