"""Optimal pairs of two clouds as index tensors, for flow matching and its like."""

from __future__ import annotations

from typing import Any

import torch

from otdiv import many
from otdiv.costs import as_point_cost
from otdiv.plans import PlanEntries
from otdiv.solving import transport
from otdiv.torch.tensors import as_clouds, as_tensors

__all__ = ["pairing", "plan_entries"]


def pairing(x: torch.Tensor, y: torch.Tensor, *, cost: Any = "sqeuclidean") -> torch.Tensor:
    """Partner in y of every row of x, one to one, at the least total cost.

    Every point of both clouds occurs once, where drawing pairs from a plan with replacement leaves
    about a third of them out. No gradient flows: it is the pairing that is wanted.

    Parameters
    ----------
    x, y : tensors, shapes (n, d), or (B, n, d) for B pairs of clouds
        As many points on both sides.
    cost : PNormCost or str, default "sqeuclidean"
        Cost of a pair.

    Returns
    -------
    integer tensor, shape (n,) or (B, n)
        ``y[pairing(x, y)]`` are the partners in the order of x, on the device of x.

    Raises
    ------
    InvalidInputError
        If the numbers of points differ; `plan_entries` splits points then.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import pairing
    >>> pairing(torch.tensor([[0.0], [5.0]]), torch.tensor([[6.0], [1.0]]))
    tensor([1, 0])
    """
    x, y = as_tensors(x=x, y=y)
    with torch.no_grad():
        columns = many.pairing(x, y, cost=as_point_cost(cost))
    found: torch.Tensor = columns
    return found


def plan_entries(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    x_weights: torch.Tensor | None = None,
    y_weights: torch.Tensor | None = None,
    cost: Any = "sqeuclidean",
) -> PlanEntries:
    """Pairs of an optimal plan with their masses, for clouds of any sizes and weights.

    A loss over all of them, each weighted by its mass, is the mean over the plan itself, without
    the noise of drawn pairs; there are at most n + m - 1.

    Parameters
    ----------
    x, y : tensors, shapes (n, d) and (m, d)
        Points.
    x_weights, y_weights : tensors, shapes (n,) and (m,), optional
        Relative frequencies, each side normalised to 1; uniform by default.
    cost : PNormCost or str, default "sqeuclidean"
        Ground cost.

    Returns
    -------
    PlanEntries
        ``rows``, ``columns`` (integers) and ``mass`` (k,), which sums to 1, and ``shape``; without
        gradients, on the device of x.

    Raises
    ------
    InvalidInputError, ConvergenceError
        As in `otdiv.transport`.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import plan_entries
    >>> pairs = plan_entries(torch.tensor([[0.0], [5.0]]), torch.tensor([[4.0]]))
    >>> pairs.rows, pairs.mass
    (tensor([0, 1]), tensor([0.5000, 0.5000]))
    """
    clouds = as_clouds(x, y, x_weights, y_weights)
    with torch.no_grad():
        result = transport(
            clouds.x, clouds.y, x_weights=clouds.a, y_weights=clouds.b, cost=as_point_cost(cost)
        )
        assert result.plan is not None
        return result.plan.to(like=clouds.x)
