# Made from the table in __init__.py by `python -m tests.stubs`.
from .averaging import GromovBarycenterResult as GromovBarycenterResult
from .averaging import gromov_barycenter as gromov_barycenter
from .lower_bounds import GromovLowerBounds as GromovLowerBounds
from .lower_bounds import gromov_lower_bounds as gromov_lower_bounds
from .matrices import gromov_wasserstein_matrix as gromov_wasserstein_matrix
from .result import GromovMatrixResult as GromovMatrixResult
