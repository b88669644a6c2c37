"""Divergences of laws that are known by samples alone, with their errors.

Of laws with densities by nearest neighbours, from below by classifiers, of categories from counts.
Distances of samples need none of this: they are in `otdiv.distances`, and the distance of the laws
behind them in `confidence_interval`.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Estimate": "estimate",
        "classifier_bound": "classifiers",
        "js_from_counts": "corrections",
        "js_from_samples": "neighbours",
        "kl_from_counts": "corrections",
        "kl_from_samples": "neighbours",
    },
)
