"""The differentiable calls: distances of tensors, named as those of arrays in `otdiv`."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch

from otdiv._validation import check_choice, check_positive, check_positive_integer
from otdiv.errors import InvalidInputError
from otdiv.torch import operators
from otdiv.torch.tensors import as_clouds, as_tensors, is_wanted, norm_and_power, norm_of

__all__ = [
    "energy_distance",
    "maximum_mean_discrepancy",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "transport_cost",
    "transport_matrix_cost",
    "wasserstein1",
    "wasserstein1_histogram",
    "wasserstein2",
]

Tensor: TypeAlias = torch.Tensor


def transport_cost(
    x: Tensor,
    y: Tensor,
    *,
    x_weights: Tensor | None = None,
    y_weights: Tensor | None = None,
    cost: Any = "euclidean",
) -> Tensor:
    """Least mean cost of carrying x to y: `otdiv.transport(…).value`, with gradients.

    With ``cost="sqeuclidean"`` it is the squared 2-Wasserstein distance.

    Parameters
    ----------
    x, y : tensors, shapes (n, d) or (n,) and (m, d) or (m,); or (B, n, d) and (B, m, d)
        Points; with a leading axis B pairs of clouds, of which one side may be common to all.
    x_weights, y_weights : tensors, shapes (n,) and (m,), or (B, n) and (B, m), optional
        Relative frequencies, each side normalised to 1, also in the gradient; uniform by default.
    cost : PNormCost or str, default "euclidean"
        Ground cost, as in `otdiv.transport`.

    Returns
    -------
    tensor, shape () or (B,)
        In the unit of the cost, of the widest dtype given.

    Raises
    ------
    InvalidInputError
        If an argument breaks its requirement.
    ConvergenceError
        If an optimum could not be proven to rounding.
    UnsupportedProblemError
        In a backward pass through a backward pass.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import transport_cost
    >>> x = torch.tensor([[0.0], [1.0]], requires_grad=True)
    >>> y = torch.tensor([[3.0], [5.0]])
    >>> value = transport_cost(x, y, cost="sqeuclidean")
    >>> value.backward()
    >>> value.item(), x.grad.ravel().tolist()
    (12.5, [-3.0, -4.0])
    """
    norm, power = norm_and_power(cost)
    return _transport(x, y, x_weights, y_weights, norm, power, False)


def wasserstein1(
    x: Tensor,
    y: Tensor,
    *,
    x_weights: Tensor | None = None,
    y_weights: Tensor | None = None,
    metric: Any = "euclidean",
) -> Tensor:
    """Wasserstein-1 distance of tensors, as `otdiv.wasserstein1`, with gradients.

    Matched points that coincide have the subgradient 0.

    Parameters
    ----------
    x, y, x_weights, y_weights
        As in `transport_cost`.
    metric : PNormCost or str, default "euclidean"
        Ground metric, as in `otdiv.wasserstein1`.

    Returns
    -------
    tensor, shape () or (B,)

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import wasserstein1
    >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    >>> wasserstein1(x, torch.tensor([[3.0, 4.0], [1.0, 0.0]])).backward()
    >>> x.grad
    tensor([[-0.3000, -0.4000],
            [ 0.0000,  0.0000]])
    """
    return _transport(x, y, x_weights, y_weights, norm_of(metric), 1.0, False)


def wasserstein2(
    x: Tensor,
    y: Tensor,
    *,
    x_weights: Tensor | None = None,
    y_weights: Tensor | None = None,
    metric: Any = "euclidean",
) -> Tensor:
    """Wasserstein-2 distance of tensors (the root), as `otdiv.wasserstein2`, with gradients.

    At distance 0, where the root has no derivative, the gradient is 0; the square,
    `transport_cost(x, y, cost="sqeuclidean")`, is smooth there.

    Parameters
    ----------
    x, y, x_weights, y_weights, metric
        As in `wasserstein1`.

    Returns
    -------
    tensor, shape () or (B,)

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import wasserstein2
    >>> wasserstein2(torch.zeros(3, 5, 2), torch.ones(5, 2))
    tensor([1.4142, 1.4142, 1.4142])
    """
    return _transport(x, y, x_weights, y_weights, norm_of(metric), 2.0, True)


def _transport(
    x: Tensor,
    y: Tensor,
    x_weights: Tensor | None,
    y_weights: Tensor | None,
    norm: float,
    power: float,
    root: bool,
) -> Tensor:
    clouds = as_clouds(x, y, x_weights, y_weights)
    value: Tensor = operators.transport(*clouds, norm, power, root, is_wanted(*clouds))[0]
    return value


def transport_matrix_cost(
    C: Tensor, *, x_weights: Tensor | None = None, y_weights: Tensor | None = None
) -> Tensor:
    """Least cost of a cost matrix, as `otdiv.transport_matrix(C).value`, with gradients.

    The gradient with respect to C is the plan: it has at most n + m - 1 entries, and they alone
    are kept until the backward pass.

    Parameters
    ----------
    C : tensor, shape (n, m) or (B, n, m)
        Costs of any finite sign; inf forbids a pair.
    x_weights, y_weights : tensors, shapes (n,) and (m,), or (B, n) and (B, m), optional
        As in `transport_cost`.

    Returns
    -------
    tensor, shape () or (B,)

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import transport_matrix_cost
    >>> C = torch.tensor([[3.0, 1.0], [1.0, 3.0]], requires_grad=True)
    >>> transport_matrix_cost(C).backward()
    >>> C.grad
    tensor([[0.0000, 0.5000],
            [0.5000, 0.0000]])
    """
    C, a, b = as_tensors(C=C, x_weights=x_weights, y_weights=y_weights)
    if C.ndim not in (2, 3):
        requirement = "have shape (n, m) or (B, n, m)"
        raise InvalidInputError("C", requirement, f"shape {tuple(C.shape)}")
    if C.ndim == 3:
        a, b = (None if w is None else w.expand(len(C), w.shape[-1]) for w in (a, b))
    value: Tensor = operators.matrix(C, a, b, is_wanted(C, a, b))[0]
    return value


def sinkhorn_divergence(
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    x_weights: Tensor | None = None,
    y_weights: Tensor | None = None,
    cost: Any = "sqeuclidean",
    marginal_tolerance: float = 1e-6,
    max_iterations: int = 1000,
) -> Tensor:
    """Sinkhorn divergence of tensors, as `otdiv.sinkhorn_divergence`, with gradients.

    The gradients are those of converged plans (the envelope theorem), which err by about
    `marginal_tolerance`: a solve that does not reach it raises.

    Parameters
    ----------
    x, y, x_weights, y_weights
        As in `transport_cost`.
    epsilon : float
        Regularisation, in the unit of the cost.
    cost : PNormCost or str, default "sqeuclidean"
        Ground cost of points.
    marginal_tolerance : float, default 1e-6
        L1 error of the marginals at which each of the three solves stops.
    max_iterations : int, default 1000
        Limit of steps of each solve.

    Returns
    -------
    tensor, shape () or (B,)

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import sinkhorn_divergence
    >>> x = torch.tensor([[0.0]], requires_grad=True)
    >>> sinkhorn_divergence(x, torch.tensor([[3.0]]), epsilon=1.0).backward()
    >>> x.grad
    tensor([[-6.]])
    """
    norm, power = norm_and_power(cost)
    epsilon = check_positive("epsilon", epsilon)
    tolerance = check_positive("marginal_tolerance", marginal_tolerance)
    steps = check_positive_integer("max_iterations", max_iterations)
    clouds = as_clouds(x, y, x_weights, y_weights)
    options = (epsilon, norm, power, tolerance, steps)
    value: Tensor = operators.sinkhorn(*clouds, *options, is_wanted(*clouds))[0]
    return value


def sliced_wasserstein(
    x: Tensor,
    y: Tensor,
    *,
    x_weights: Tensor | None = None,
    y_weights: Tensor | None = None,
    p: float = 1.0,
    n_projections: int = 200,
    directions: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Sliced Wasserstein distance of tensors, as `otdiv.sliced_wasserstein`, with gradients.

    Parameters
    ----------
    x, y, x_weights, y_weights
        As in `transport_cost`.
    p : float, default 1
        Order, at least 1 and finite.
    n_projections : int, default 200
        Directions that are drawn, uniform on the sphere; common to all clouds of a batch.
    directions : tensor, shape (k, d), optional
        Directions of any length instead of drawn ones; no gradient goes to them.
    generator : torch.Generator, optional
        Of the CPU; draws the directions. None takes the global one, which `torch.manual_seed` sets.

    Returns
    -------
    tensor, shape () or (B,)

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import sliced_wasserstein
    >>> x = torch.tensor([[0.0, 0.0]], requires_grad=True)
    >>> axes = torch.eye(2)
    >>> sliced_wasserstein(x, torch.tensor([[3.0, 4.0]]), directions=axes).backward()
    >>> x.grad
    tensor([[-0.5000, -0.5000]])
    """
    if not 1.0 <= p < float("inf"):
        raise InvalidInputError("p", "be at least 1 and finite", p)
    count = check_positive_integer("n_projections", n_projections)
    clouds = as_clouds(x, y, x_weights, y_weights)
    d = clouds.x.shape[-1]
    if directions is None and d == 1:
        directions = torch.ones(1, 1, dtype=torch.float64)  # all others are the same
    if directions is None:
        directions = torch.randn(count, d, dtype=torch.float64, generator=generator)
    if directions.ndim != 2 or directions.shape[1] != d or not len(directions):
        found = f"shape {tuple(directions.shape)}"
        raise InvalidInputError("directions", f"have shape (k, {d})", found)
    axes = directions.detach()
    value: Tensor = operators.sliced(*clouds, axes, float(p), is_wanted(*clouds))[0]
    return value


def wasserstein1_histogram(p: Tensor, q: Tensor, *, support: Tensor) -> Tensor:
    """W1 between histograms on common positions, with gradients of frequencies and positions.

    Parameters
    ----------
    p, q : tensors, shapes (..., k)
        Relative frequencies, each histogram normalised to 1, also in the gradient; the other axes
        broadcast.
    support : tensor, shape (k,) or (k, d)
        Position of each bin, in any order.

    Returns
    -------
    tensor
        Of the broadcast shape of the other axes, in the unit of `support`.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import wasserstein1_histogram
    >>> p = torch.tensor([1.0, 0.0], requires_grad=True)
    >>> wasserstein1_histogram(p, torch.tensor([0.5, 0.5]), support=torch.tensor([0.0, 4.0]))
    tensor(2., grad_fn=<...>)
    """
    p, q, support = as_tensors(p=p, q=q, support=support)
    for name, side in (("p", p), ("q", q)):
        if side.ndim == 0 or side.shape[-1] != len(support):
            requirement = f"have shape (..., {len(support)}), one weight a point"
            raise InvalidInputError(name, requirement, f"shape {tuple(side.shape)}")
    p, q = torch.broadcast_tensors(p, q)
    k, leading = p.shape[-1], p.shape[:-1]
    if leading:
        p, q = p.reshape(-1, k), q.reshape(-1, k)
    value: Tensor = operators.histogram(p, q, support, is_wanted(p, q, support))[0]
    return value.reshape(leading)


def energy_distance(
    x: Tensor,
    y: Tensor,
    *,
    x_weights: Tensor | None = None,
    y_weights: Tensor | None = None,
    metric: Any = "euclidean",
) -> Tensor:
    """Energy distance of tensors (the root), as `otdiv.energy_distance`, with gradients.

    At distance 0, where the root has no derivative, the gradient is 0.

    Parameters
    ----------
    x, y, x_weights, y_weights
        As in `transport_cost`.
    metric : PNormCost or str, default "euclidean"
        Distance of points, as in `otdiv.energy_distance`.

    Returns
    -------
    tensor, shape () or (B,)

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import energy_distance
    >>> energy_distance(torch.tensor([0.0]), torch.tensor([2.0]))
    tensor(2.)
    """
    clouds = as_clouds(x, y, x_weights, y_weights)
    value: Tensor = operators.energy(*clouds, norm_of(metric), is_wanted(*clouds))[0]
    return value


def maximum_mean_discrepancy(
    x: Tensor,
    y: Tensor,
    *,
    bandwidth: float,
    x_weights: Tensor | None = None,
    y_weights: Tensor | None = None,
    kernel: str = "gaussian",
) -> Tensor:
    """Maximum mean discrepancy of tensors, as `otdiv.maximum_mean_discrepancy`, with gradients.

    The bandwidth has to be given here: one that is chosen by the data would have to be
    differentiated as well. At discrepancy 0 the gradient is 0.

    Parameters
    ----------
    x, y, x_weights, y_weights
        As in `transport_cost`.
    bandwidth : float
        Length scale of the kernel, in the unit of the points.
    kernel : {"gaussian", "laplace"}, default "gaussian"
        As in `otdiv.maximum_mean_discrepancy`.

    Returns
    -------
    tensor, shape () or (B,)

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import maximum_mean_discrepancy
    >>> x, y = torch.tensor([0.0]), torch.tensor([1.0])
    >>> maximum_mean_discrepancy(x, y, bandwidth=1.0) ** 2  # 2 - 2 exp(-1/2)
    tensor(0.7869)
    """
    check_choice("kernel", kernel, ("gaussian", "laplace"))
    width = check_positive("bandwidth", bandwidth)
    clouds = as_clouds(x, y, x_weights, y_weights)
    value: Tensor = operators.discrepancy(*clouds, kernel, width, is_wanted(*clouds))[0]
    return value
