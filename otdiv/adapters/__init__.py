"""What peers return, in the terms of `certify`: ``certify(x, y, **from_ott(out))``.

Each function reads one library's result and returns a `PeerAnswer`. None of them imports the peer:
results are told apart by the fields that they have, and are made by libraries that the caller has
imported already.

Peers disagree on what a potential is. All are brought to the convention of this library: the cost
is |x - y| ("euclidean") or |x - y|^2 ("sqeuclidean", without a half), the regularised problem is

    min <C, P> + epsilon KL(P | a⊗b / m),    m the mass of a and of b,

and its plan is P_ij = a_i exp((f_i + g_j - C_ij) / epsilon) b_j / m. The constant that may move
from f to g stays where the peer has put it.

| peer | its plan | its cost for p = 2 | its epsilon |
|---|---|---|---|
| POT | u_i exp(-C_ij / reg) v_j | any; `sqeuclidean` has no half | `reg` |
| OTT | exp((f_i + g_j - C_ij) / epsilon) | `SqEuclidean` has no half, `PNormP(2)` has | `epsilon` |
| GeomLoss, `SamplesLoss` | a_i exp((f_i + g_j - C_ij) / epsilon) b_j | half of it | blur^p |
| GeomLoss, `geomloss.ot` | a_i exp((f_i + g_j - C_ij) / epsilon) b_j | no half | `reg`, 2 blur^2 |
| flash-sinkhorn | a_i exp((f_i + g_j - C_ij) / epsilon) b_j | no half, or `half_cost` | blur^2 |
| SciPy | no entropic solver | any | none |
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "PeerAnswer": "answer",
        "from_flash_sinkhorn": "flash_sinkhorn",
        "from_geomloss": "geomloss",
        "from_ott": "ott",
        "from_pot": "pot",
        "from_scipy": "scipy",
    },
)
