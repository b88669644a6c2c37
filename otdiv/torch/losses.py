"""Transport as a module for training."""

from __future__ import annotations

from typing import Any

import torch

from otdiv._validation import check_choice, check_positive
from otdiv.costs import as_point_cost
from otdiv.torch.calls import sinkhorn_divergence, transport_cost

__all__ = ["TransportLoss"]


class TransportLoss(torch.nn.Module):
    """The least mean cost between two clouds, or its Sinkhorn divergence, as a loss.

    Parameters
    ----------
    cost : PNormCost or str, default "sqeuclidean"
        Ground cost; the default makes it the squared 2-Wasserstein distance.
    epsilon : float, optional
        Regularisation of a Sinkhorn divergence, in the unit of the cost; None is exact transport.
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the values of a batch.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import TransportLoss
    >>> loss = TransportLoss()
    >>> loss
    TransportLoss(cost=PNormCost(norm=2.0, power=2.0), epsilon=None, reduction='mean')
    >>> loss(torch.zeros(4, 2), torch.ones(4, 2))
    tensor(2.)
    """

    def __init__(
        self,
        *,
        cost: Any = "sqeuclidean",
        epsilon: float | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.cost = as_point_cost(cost)
        self.epsilon = None if epsilon is None else check_positive("epsilon", epsilon)
        self.reduction = check_choice("reduction", reduction, ("mean", "sum", "none"))

    def forward(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        x_weights: torch.Tensor | None = None,
        y_weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Loss of clouds x (n, d) or (B, n, d) and y, with weights as in `transport_cost`."""
        if self.epsilon is None:
            values = transport_cost(x, y, x_weights=x_weights, y_weights=y_weights, cost=self.cost)
        else:
            values = sinkhorn_divergence(
                x,
                y,
                epsilon=self.epsilon,
                x_weights=x_weights,
                y_weights=y_weights,
                cost=self.cost,
            )
        if self.reduction == "none":
            return values
        return values.mean() if self.reduction == "mean" else values.sum()

    def extra_repr(self) -> str:
        """What `repr` shows between the brackets."""
        return f"cost={self.cost!r}, epsilon={self.epsilon}, reduction={self.reduction!r}"
