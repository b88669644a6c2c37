"""The differentiable calls: distances of JAX arrays, named as those of arrays in `otdiv`."""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from otdiv._validation import check_choice
from otdiv.errors import InvalidInputError
from otdiv.jax import operators
from otdiv.jax.arrays import (
    as_arrays,
    as_clouds,
    norm_and_power,
    norm_of,
    static_positive,
    static_positive_integer,
)

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

Array: TypeAlias = jax.Array


def transport_cost(
    x: Array,
    y: Array,
    *,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
    cost: Any = "euclidean",
) -> Array:
    """Least mean cost of carrying x to y: `otdiv.transport(…).value`, with gradients.

    With ``cost="sqeuclidean"`` it is the squared 2-Wasserstein distance.

    Parameters
    ----------
    x, y : arrays, shapes (n, d) or (n,) and (m, d) or (m,); or (B, n, d) and (B, m, d)
        Points; with a leading axis B pairs of clouds, of which one side may be common to all.
    x_weights, y_weights : arrays, shapes (n,) and (m,), or (B, n) and (B, m), optional
        Relative frequencies, each side normalised to 1, also in the gradient; uniform by default.
    cost : PNormCost or str, default "euclidean"
        Ground cost, as in `otdiv.transport`.

    Returns
    -------
    array, shape () or (B,)
        In the unit of the cost, of the widest dtype given.

    Raises
    ------
    InvalidInputError
        If an argument breaks its requirement.
    ConvergenceError
        If an optimum could not be proven to rounding.
    UnsupportedProblemError
        In a derivative of a derivative.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import transport_cost
    >>> x, y = jnp.array([[0.0], [1.0]]), jnp.array([[3.0], [5.0]])
    >>> value, slope = jax.value_and_grad(transport_cost)(x, y, cost="sqeuclidean")
    >>> float(value), slope.ravel().tolist()
    (12.5, [-3.0, -4.0])
    """
    norm, power = norm_and_power(cost)
    return _transport(x, y, x_weights, y_weights, norm, power, False)


def wasserstein1(
    x: Array,
    y: Array,
    *,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
    metric: Any = "euclidean",
) -> Array:
    """Wasserstein-1 distance of arrays, as `otdiv.wasserstein1`, with gradients.

    Matched points that coincide have the subgradient 0.

    Parameters
    ----------
    x, y, x_weights, y_weights
        As in `transport_cost`.
    metric : PNormCost or str, default "euclidean"
        Ground metric, as in `otdiv.wasserstein1`.

    Returns
    -------
    array, shape () or (B,)

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import wasserstein1
    >>> x, y = jnp.array([[0.0, 0.0], [1.0, 0.0]]), jnp.array([[3.0, 4.0], [1.0, 0.0]])
    >>> jax.jit(jax.grad(wasserstein1))(x, y)
    Array([[-0.3, -0.4],
           [ 0. ,  0. ]], dtype=float32)
    """
    return _transport(x, y, x_weights, y_weights, norm_of(metric), 1.0, False)


def wasserstein2(
    x: Array,
    y: Array,
    *,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
    metric: Any = "euclidean",
) -> Array:
    """Wasserstein-2 distance of arrays (the root), as `otdiv.wasserstein2`, with gradients.

    At distance 0, where the root has no derivative, the gradient is 0; the square,
    `transport_cost(x, y, cost="sqeuclidean")`, is smooth there.

    Parameters
    ----------
    x, y, x_weights, y_weights, metric
        As in `wasserstein1`.

    Returns
    -------
    array, shape () or (B,)

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import wasserstein2
    >>> jax.vmap(wasserstein2)(jnp.zeros((3, 5, 2)), jnp.ones((3, 4, 2)))
    Array([1.4142135, 1.4142135, 1.4142135], dtype=float32)
    """
    return _transport(x, y, x_weights, y_weights, norm_of(metric), 2.0, True)


def _transport(
    x: Array,
    y: Array,
    x_weights: Array | None,
    y_weights: Array | None,
    norm: float,
    power: float,
    root: bool,
) -> Array:
    clouds = as_clouds(x, y, x_weights, y_weights)
    return operators.of_clouds(operators.transport(norm, power, root), clouds)


def transport_matrix_cost(
    C: Array, *, x_weights: Array | None = None, y_weights: Array | None = None
) -> Array:
    """Least cost of a cost matrix, as `otdiv.transport_matrix(C).value`, with gradients.

    The gradient with respect to C is the plan: it has at most n + m - 1 entries, and they alone
    are kept for it.

    Parameters
    ----------
    C : array, shape (n, m) or (B, n, m)
        Costs of any finite sign; inf forbids a pair.
    x_weights, y_weights : arrays, shapes (n,) and (m,), or (B, n) and (B, m), optional
        As in `transport_cost`.

    Returns
    -------
    array, shape () or (B,)

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import transport_matrix_cost
    >>> jax.grad(transport_matrix_cost)(jnp.array([[3.0, 1.0], [1.0, 3.0]]))
    Array([[0. , 0.5],
           [0.5, 0. ]], dtype=float32)
    """
    C, a, b = as_arrays(C=C, x_weights=x_weights, y_weights=y_weights)
    if C.ndim not in (2, 3):
        requirement = "have shape (n, m) or (B, n, m)"
        raise InvalidInputError("C", requirement, f"shape {C.shape}")
    for name, weights, k in (("x_weights", a, -2), ("y_weights", b, -1)):
        shapes = {(C.shape[k],), (*C.shape[:-2], C.shape[k])}
        if weights is not None and weights.shape not in shapes:
            requirement = f"have shape {' or '.join(map(str, sorted(shapes, key=len)))}"
            raise InvalidInputError(name, requirement, f"shape {weights.shape}")
    a, b = (
        None if w is None else jnp.broadcast_to(w, (*C.shape[:-2], w.shape[-1])) for w in (a, b)
    )
    return operators.of_matrices(operators.MATRIX, (C, a, b))


def sinkhorn_divergence(
    x: Array,
    y: Array,
    *,
    epsilon: float,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
    cost: Any = "sqeuclidean",
    marginal_tolerance: float = 1e-6,
    max_iterations: int = 1000,
) -> Array:
    """Sinkhorn divergence of arrays, as `otdiv.sinkhorn_divergence`, with gradients.

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
    array, shape () or (B,)

    Raises
    ------
    InvalidInputError, ConvergenceError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import sinkhorn_divergence
    >>> x, y = jnp.array([[0.0]]), jnp.array([[3.0]])
    >>> jax.grad(sinkhorn_divergence)(x, y, epsilon=1.0)
    Array([[-6.]], dtype=float32)
    """
    norm, power = norm_and_power(cost)
    epsilon = static_positive("epsilon", epsilon)
    tolerance = static_positive("marginal_tolerance", marginal_tolerance)
    steps = static_positive_integer("max_iterations", max_iterations)
    clouds = as_clouds(x, y, x_weights, y_weights)
    return operators.of_clouds(operators.sinkhorn(epsilon, norm, power, tolerance, steps), clouds)


def sliced_wasserstein(
    x: Array,
    y: Array,
    *,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
    p: float = 1.0,
    n_projections: int = 200,
    directions: Array | None = None,
    key: Array | None = None,
) -> Array:
    """Sliced Wasserstein distance of arrays, as `otdiv.sliced_wasserstein`, with gradients.

    Parameters
    ----------
    x, y, x_weights, y_weights
        As in `transport_cost`.
    p : float, default 1
        Order, at least 1 and finite.
    n_projections : int, default 200
        Directions that are drawn, uniform on the sphere; common to all clouds of a batch.
    directions : array, shape (k, d), optional
        Directions of any length instead of drawn ones; no gradient goes to them.
    key : array, optional
        Key of `jax.random` that draws the directions; needed where none are given, unless d is 1.

    Returns
    -------
    array, shape () or (B,)

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import sliced_wasserstein
    >>> x, y = jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]])
    >>> jax.grad(sliced_wasserstein)(x, y, directions=jnp.eye(2))
    Array([[-0.5, -0.5]], dtype=float32)
    """
    p = static_positive("p", p)
    if p < 1.0:
        raise InvalidInputError("p", "be at least 1 and finite", p)
    count = static_positive_integer("n_projections", n_projections)
    clouds = as_clouds(x, y, x_weights, y_weights)
    axes = _directions(directions, key, count, clouds.x)
    return operators.of_clouds(operators.sliced(p), (*clouds, jax.lax.stop_gradient(axes)))


def _directions(given: Any, key: Any, count: int, x: Array) -> Array:
    """Directions (k, d): the given ones, the only one of a line, or some that the key draws."""
    d = x.shape[-1]
    if given is not None:
        axes: Array = as_arrays(directions=given)[0]
        if axes.ndim != 2 or axes.shape[1] != d or not len(axes):
            raise InvalidInputError("directions", f"have shape (k, {d})", f"shape {axes.shape}")
        return axes
    if d == 1:
        return jnp.ones((1, 1), x.dtype)  # all others are the same
    if key is None:
        hint = "(or give `directions`)"
        raise InvalidInputError("key", "be a key of `jax.random`", None, hint)
    return jax.random.normal(key, (count, d))


def wasserstein1_histogram(p: Array, q: Array, *, support: Array) -> Array:
    """W1 between histograms on common positions, with gradients of frequencies and positions.

    Parameters
    ----------
    p, q : arrays, shapes (..., k)
        Relative frequencies, each histogram normalised to 1, also in the gradient; the other axes
        broadcast.
    support : array, shape (k,) or (k, d)
        Position of each bin, in any order.

    Returns
    -------
    array
        Of the broadcast shape of the other axes, in the unit of `support`.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import wasserstein1_histogram
    >>> p, q = jnp.array([1.0, 0.0]), jnp.array([0.5, 0.5])
    >>> wasserstein1_histogram(p, q, support=jnp.array([0.0, 4.0]))
    Array(2., dtype=float32)
    """
    p, q, support = as_arrays(p=p, q=q, support=support)
    if support.ndim not in (1, 2):
        raise InvalidInputError("support", "have shape (k,) or (k, d)", f"shape {support.shape}")
    for name, side in (("p", p), ("q", q)):
        if side.ndim == 0 or side.shape[-1] != len(support):
            requirement = f"have shape (..., {len(support)}), one weight a point"
            raise InvalidInputError(name, requirement, f"shape {side.shape}")
    p, q = jnp.broadcast_arrays(p, q)
    k, leading = p.shape[-1], p.shape[:-1]
    if leading:
        p, q = p.reshape(-1, k), q.reshape(-1, k)
    return operators.of_histograms(operators.HISTOGRAM, (p, q, support)).reshape(leading)


def energy_distance(
    x: Array,
    y: Array,
    *,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
    metric: Any = "euclidean",
) -> Array:
    """Energy distance of arrays (the root), as `otdiv.energy_distance`, with gradients.

    At distance 0, where the root has no derivative, the gradient is 0.

    Parameters
    ----------
    x, y, x_weights, y_weights
        As in `transport_cost`.
    metric : PNormCost or str, default "euclidean"
        Distance of points, as in `otdiv.energy_distance`.

    Returns
    -------
    array, shape () or (B,)

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import energy_distance
    >>> energy_distance(jnp.array([0.0]), jnp.array([2.0]))
    Array(2., dtype=float32)
    """
    clouds = as_clouds(x, y, x_weights, y_weights)
    return operators.of_clouds(operators.energy(norm_of(metric)), clouds)


def maximum_mean_discrepancy(
    x: Array,
    y: Array,
    *,
    bandwidth: float,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
    kernel: str = "gaussian",
) -> Array:
    """Maximum mean discrepancy of arrays, as `otdiv.maximum_mean_discrepancy`, with gradients.

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
    array, shape () or (B,)

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `transport_cost`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from otdiv.jax import maximum_mean_discrepancy
    >>> x, y = jnp.array([0.0]), jnp.array([1.0])
    >>> value = maximum_mean_discrepancy(x, y, bandwidth=1.0)
    >>> round(float(value) ** 2, 4)  # 2 - 2 exp(-1/2)
    0.7869
    """
    check_choice("kernel", kernel, ("gaussian", "laplace"))
    width = static_positive("bandwidth", bandwidth)
    clouds = as_clouds(x, y, x_weights, y_weights)
    return operators.of_clouds(operators.discrepancy(kernel, width), clouds)
