"""Divergences and distances between laws that read masses or densities, not the geometry.

`vectors` sums terms over rows, `atoms` joins discrete measures, `gaussians` has the closed forms,
`continuous` and `integers` serve frozen laws; `recipes` says what each divergence is, `dispatch`
picks the room, and `information`, `jensen_shannon` and `separation` are the public face.
"""

from .information import (
    KullbackLeiblerResult,
    jeffreys_divergence,
    kl_divergence,
    kl_divergence_result,
    population_stability_index,
    renyi_divergence,
)
from .jensen_shannon import js_distance, js_divergence, js_divergence_unhalved
from .separation import chi2_divergence, f_divergence, hellinger_distance, total_variation

__all__ = [
    "KullbackLeiblerResult",
    "chi2_divergence",
    "f_divergence",
    "hellinger_distance",
    "jeffreys_divergence",
    "js_distance",
    "js_divergence",
    "js_divergence_unhalved",
    "kl_divergence",
    "kl_divergence_result",
    "population_stability_index",
    "renyi_divergence",
    "total_variation",
]
