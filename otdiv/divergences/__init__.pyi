# Made from the table in __init__.py by `python -m tests.stubs`.
from .information import KullbackLeiblerResult as KullbackLeiblerResult
from .information import jeffreys_divergence as jeffreys_divergence
from .information import kl_divergence as kl_divergence
from .information import kl_divergence_result as kl_divergence_result
from .information import population_stability_index as population_stability_index
from .information import renyi_divergence as renyi_divergence
from .jensen_shannon import js_distance as js_distance
from .jensen_shannon import js_divergence as js_divergence
from .jensen_shannon import js_divergence_unhalved as js_divergence_unhalved
from .separation import chi2_divergence as chi2_divergence
from .separation import f_divergence as f_divergence
from .separation import hellinger_distance as hellinger_distance
from .separation import total_variation as total_variation
