# Made from the table in __init__.py by `python -m tests.stubs`.
from .norm import kantorovich_rubinstein as kantorovich_rubinstein
from .norm import kantorovich_rubinstein_result as kantorovich_rubinstein_result
from .profile import PartialProfile as PartialProfile
from .profile import partial_transport_profile as partial_transport_profile
from .result import PartialResult as PartialResult
from .transport import partial_transport as partial_transport
from .transport import partial_transport_matrix as partial_transport_matrix
