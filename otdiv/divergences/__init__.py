"""Divergences and distances between laws that read masses or densities, not the geometry.

`vectors` sums terms over rows, `atoms` joins discrete measures, `gaussians` has the closed forms,
`continuous` and `integers` serve frozen laws; `recipes` says what each divergence is, `dispatch`
picks the room, and `information`, `jensen_shannon` and `separation` are the public face.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "KullbackLeiblerResult": "information",
        "chi2_divergence": "separation",
        "f_divergence": "separation",
        "hellinger_distance": "separation",
        "jeffreys_divergence": "information",
        "js_distance": "jensen_shannon",
        "js_divergence": "jensen_shannon",
        "js_divergence_unhalved": "jensen_shannon",
        "kl_divergence": "information",
        "kl_divergence_result": "information",
        "population_stability_index": "information",
        "renyi_divergence": "information",
        "total_variation": "separation",
    },
)
