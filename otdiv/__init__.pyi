"""What type checkers see of the lazy table of contents in `__init__.py`."""

from . import certificates as certificates
from . import costs as costs
from . import critics as critics
from . import distances as distances
from . import divergences as divergences
from . import plotting as plotting
from . import solvers as solvers
from . import testing as testing
from . import theory as theory
from . import wgan as wgan
from .costs import (
    CostMatrix as CostMatrix,
)
from .costs import (
    Euclidean as Euclidean,
)
from .costs import (
    PNormCost as PNormCost,
)
from .costs import (
    SquaredEuclidean as SquaredEuclidean,
)
from .debiasing import (
    DivergenceGradient as DivergenceGradient,
)
from .debiasing import (
    SinkhornDivergenceResult as SinkhornDivergenceResult,
)
from .debiasing import (
    sinkhorn_divergence as sinkhorn_divergence,
)
from .debiasing import (
    sinkhorn_divergence_result as sinkhorn_divergence_result,
)
from .distances.batch import (
    wasserstein1_batch as wasserstein1_batch,
)
from .distances.batch import (
    wasserstein1_histogram as wasserstein1_histogram,
)
from .distances.computing import DistanceResult as DistanceResult
from .distances.discrepancy import (
    maximum_mean_discrepancy as maximum_mean_discrepancy,
)
from .distances.discrepancy import (
    maximum_mean_discrepancy_result as maximum_mean_discrepancy_result,
)
from .distances.energy import energy_distance as energy_distance
from .distances.sliced import (
    sliced_wasserstein as sliced_wasserstein,
)
from .distances.sliced import (
    sliced_wasserstein_result as sliced_wasserstein_result,
)
from .distances.wasserstein_distance import (
    wasserstein as wasserstein,
)
from .distances.wasserstein_distance import (
    wasserstein1 as wasserstein1,
)
from .distances.wasserstein_distance import (
    wasserstein1_result as wasserstein1_result,
)
from .distances.wasserstein_distance import (
    wasserstein2 as wasserstein2,
)
from .divergences.information import (
    KullbackLeiblerResult as KullbackLeiblerResult,
)
from .divergences.information import (
    jeffreys_divergence as jeffreys_divergence,
)
from .divergences.information import (
    kl_divergence as kl_divergence,
)
from .divergences.information import (
    kl_divergence_result as kl_divergence_result,
)
from .divergences.information import (
    population_stability_index as population_stability_index,
)
from .divergences.information import (
    renyi_divergence as renyi_divergence,
)
from .divergences.jensen_shannon import (
    js_distance as js_distance,
)
from .divergences.jensen_shannon import (
    js_divergence as js_divergence,
)
from .divergences.jensen_shannon import (
    js_divergence_unhalved as js_divergence_unhalved,
)
from .divergences.separation import (
    chi2_divergence as chi2_divergence,
)
from .divergences.separation import (
    f_divergence as f_divergence,
)
from .divergences.separation import (
    hellinger_distance as hellinger_distance,
)
from .divergences.separation import (
    total_variation as total_variation,
)
from .errors import (
    ConvergenceError as ConvergenceError,
)
from .errors import (
    InvalidInputError as InvalidInputError,
)
from .errors import (
    MassMismatchError as MassMismatchError,
)
from .errors import (
    MissingDependencyError as MissingDependencyError,
)
from .errors import (
    OtdivError as OtdivError,
)
from .errors import (
    UnsupportedProblemError as UnsupportedProblemError,
)
from .maps import (
    barycentric_map as barycentric_map,
)
from .maps import (
    gradient as gradient,
)
from .measures import (
    DiscreteMeasure as DiscreteMeasure,
)
from .measures import (
    Gaussian as Gaussian,
)
from .plans import (
    DensePlan as DensePlan,
)
from .plans import (
    Potentials as Potentials,
)
from .plans import (
    ScaledKernelPlan as ScaledKernelPlan,
)
from .plans import (
    SparsePlan as SparsePlan,
)
from .problems import TransportProblem as TransportProblem
from .results import (
    Bounds as Bounds,
)
from .results import (
    EntropicSummary as EntropicSummary,
)
from .results import (
    Progress as Progress,
)
from .results import (
    Status as Status,
)
from .results import (
    TransportResult as TransportResult,
)
from .selection import (
    Choice as Choice,
)
from .selection import (
    preflight as preflight,
)
from .selection import (
    select_solver as select_solver,
)
from .solving import (
    solve as solve,
)
from .solving import (
    transport as transport,
)
from .solving import (
    transport_matrix as transport_matrix,
)
from .tables import (
    TableReport as TableReport,
)
from .tables import (
    compare_tables as compare_tables,
)
from .unbalanced import (
    UnbalancedPlan as UnbalancedPlan,
)
from .unbalanced import (
    UnbalancedProblem as UnbalancedProblem,
)
from .unbalanced import (
    UnbalancedResult as UnbalancedResult,
)
from .unbalanced import (
    unbalanced_transport as unbalanced_transport,
)

__version__: str
__all__: list[str]
