"""Transport in a loss: the distances of otdiv on JAX arrays, with gradients.

Values are those of the calls of the same names in `otdiv`, computed in float64 on the CPU at plans
that are proven optimal, and returned in the dtype of the arrays (float32 unless `jax_enable_x64` is
set). Derivatives are taken at these plans: with respect to points, weights and cost matrices,
forwards and backwards, never through an array of all pairs. What is differentiable where, and what
is a subgradient, is in docs/gradients.md; what is particular to JAX in docs/jax.md.

All calls work under `jit`, `grad`, `vmap`, `lax.scan` and their like; `vmap`, and a leading axis
(B, n, d), go to the core as one batch. Second derivatives raise `UnsupportedProblemError`. In
compiled functions errors of the data arrive as errors of JAX with our text in them.
"""

from otdiv._optional import import_optional

import_optional("jax", extra="interop", purpose="otdiv.jax")

from otdiv.jax.calls import (  # noqa: E402  (after what says how to install JAX)
    energy_distance,
    maximum_mean_discrepancy,
    sinkhorn_divergence,
    sliced_wasserstein,
    transport_cost,
    transport_matrix_cost,
    wasserstein1,
    wasserstein1_histogram,
    wasserstein2,
)
from otdiv.jax.pairings import pairing, plan_entries  # noqa: E402

__all__ = [
    "energy_distance",
    "maximum_mean_discrepancy",
    "pairing",
    "plan_entries",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "transport_cost",
    "transport_matrix_cost",
    "wasserstein1",
    "wasserstein1_histogram",
    "wasserstein2",
]
