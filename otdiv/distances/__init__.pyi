# Made from the table in __init__.py by `python -m tests.stubs`.
from .batch import wasserstein1_batch as wasserstein1_batch
from .batch import wasserstein1_histogram as wasserstein1_histogram
from .batch import wasserstein_batch as wasserstein_batch
from .discrepancy import maximum_mean_discrepancy as maximum_mean_discrepancy
from .discrepancy import maximum_mean_discrepancy_result as maximum_mean_discrepancy_result
from .dispatch import DistanceResult as DistanceResult
from .energy import energy_distance as energy_distance
from .sliced import sliced_wasserstein as sliced_wasserstein
from .sliced import sliced_wasserstein_result as sliced_wasserstein_result
from .wasserstein_distance import wasserstein as wasserstein
from .wasserstein_distance import wasserstein1 as wasserstein1
from .wasserstein_distance import wasserstein1_result as wasserstein1_result
from .wasserstein_distance import wasserstein2 as wasserstein2
