"""Gromov-Wasserstein: plans between spaces whose points have nothing in common but distances."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "GromovBarycenterResult": "averaging",
        "GromovLowerBounds": "lower_bounds",
        "GromovMatrixResult": "result",
        "gromov_barycenter": "averaging",
        "gromov_lower_bounds": "lower_bounds",
        "gromov_wasserstein_matrix": "matrices",
    },
)
