"""Transport in a loss: the distances of otdiv on PyTorch tensors, with gradients.

Values are those of the calls of the same names in `otdiv`, computed in float64 on the CPU at plans
that are proven optimal, and returned in the dtype and on the device of the tensors. Gradients are
taken at these plans: with respect to points, weights and cost matrices, never as an array of all
pairs. What is differentiable where, and what is a subgradient, is in docs/gradients.md.

A leading axis (B, n, d) is a batch of pairs. Each call is one operator to `torch.compile`. Second
derivatives raise `UnsupportedProblemError`, so that they do not come out wrong in silence.
"""

from otdiv._optional import import_optional

import_optional("torch", extra="interop", purpose="otdiv.torch")

from otdiv.torch.calls import (  # noqa: E402  (after what says how to install torch)
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
from otdiv.torch.losses import TransportLoss  # noqa: E402
from otdiv.torch.networks import mlp_from_torch, mlp_to_torch  # noqa: E402
from otdiv.torch.pairings import pairing, plan_entries  # noqa: E402

__all__ = [
    "TransportLoss",
    "energy_distance",
    "maximum_mean_discrepancy",
    "mlp_from_torch",
    "mlp_to_torch",
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
