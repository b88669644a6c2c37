"""Elementwise sweeps of small networks: bias and activation, their derivatives, the penalty.

Every loop works in place on C-order matrices (rows, width) of either float precision, so that a
training step writes to nothing but its own buffers. The derivative of an activation is read off its
*output* a: s' = [a > 0] (ReLU), 1 - a^2 (tanh), 1 - exp(-a) (softplus).
"""

import math

import numpy as np

from ._jit import fast_kernel, kernel


@kernel
def leaky_relu(z, bias, slope):
    """Add the bias and apply max(z, slope z); `<=` sends NaN on instead of hiding it."""
    for i in range(z.shape[0]):
        for k in range(z.shape[1]):
            value = z[i, k] + bias[k]
            z[i, k] = slope * value if value <= 0 else value


@kernel
def leaky_relu_scale(g, a, slope, out):
    """Write g s'(a) to `out`, which may be `g` or `a`; g, a, out (rows, width)."""
    for i in range(g.shape[0]):
        for k in range(g.shape[1]):
            out[i, k] = slope * g[i, k] if a[i, k] <= 0 else g[i, k]


@kernel
def relu(z, bias):
    """Add the bias and apply max(z, 0)."""
    zero = z.dtype.type(0)
    for i in range(z.shape[0]):
        for k in range(z.shape[1]):
            value = z[i, k] + bias[k]
            z[i, k] = zero if value <= 0 else value


@kernel
def relu_scale(g, a, out):
    """Write g s'(a) of ReLU to `out`, which may be `g` or `a`."""
    zero = g.dtype.type(0)
    for i in range(g.shape[0]):
        for k in range(g.shape[1]):
            out[i, k] = zero if a[i, k] <= 0 else g[i, k]


@kernel
def tanh_scale(g, a, out):
    """Write g (1 - a^2) to `out`."""
    one = g.dtype.type(1)
    for i in range(g.shape[0]):
        for k in range(g.shape[1]):
            out[i, k] = g[i, k] * (one - a[i, k] * a[i, k])


@kernel
def tanh_bend(v, s, a, out):
    """Write v s (s''/s') = -2 a v s to `out`, where s holds g s'."""
    two = v.dtype.type(2)
    for i in range(v.shape[0]):
        for k in range(v.shape[1]):
            out[i, k] = -two * a[i, k] * v[i, k] * s[i, k]


@kernel
def sort_pairs(z, bias, swapped):
    """Add the bias and sort neighbours (2 k, 2 k + 1) ascending; remember which were swapped."""
    for i in range(z.shape[0]):
        for k in range(0, z.shape[1], 2):
            first = z[i, k] + bias[k]
            second = z[i, k + 1] + bias[k + 1]
            swap = first > second
            z[i, k] = second if swap else first
            z[i, k + 1] = first if swap else second
            swapped[i, k // 2] = swap


@kernel
def swap_pairs(g, swapped, out):
    """Apply the remembered swaps to g: the Jacobian, and its transpose as a swap undoes itself."""
    for i in range(g.shape[0]):
        for k in range(0, g.shape[1], 2):
            first = g[i, k]
            second = g[i, k + 1]
            swap = swapped[i, k // 2]
            out[i, k] = second if swap else first
            out[i, k + 1] = first if swap else second


@kernel
def gather_columns(v, order, out):
    """out[i, k] = v[i, order[i, k]]: the Jacobian of a sort; `out` is not `v`."""
    for i in range(v.shape[0]):
        for k in range(v.shape[1]):
            out[i, k] = v[i, order[i, k]]


@kernel
def scatter_columns(g, order, row):
    """g[i, order[i, k]] <- g[i, k] in place: the transpose of a sort; `row` (width,) is scratch."""
    for i in range(g.shape[0]):
        for k in range(g.shape[1]):
            row[order[i, k]] = g[i, k]
        for k in range(g.shape[1]):
            g[i, k] = row[k]


@kernel
def outer_rows(coefficients, weights, out):
    """out[i, k] = coefficients[i] weights[k]."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = coefficients[i] * weights[k]


@kernel
def penalty_direction(g, weight, one_sided, u):
    """Value (1/B) weight sum psi(|g_i|) and its derivative in g, written to u; g, u (B, d).

    psi(r) = (r - 1)^2, or max(r - 1, 0)^2 where one-sided. At r = 0 the norm has no derivative and
    its subgradient 0 is taken. Returns (value, mean of r).
    """
    n_rows = g.shape[0]
    total = 0.0
    norms = 0.0
    for i in range(n_rows):
        square = 0.0
        for k in range(g.shape[1]):
            square += float(g[i, k]) * float(g[i, k])
        r = math.sqrt(square)
        norms += r
        excess = r - 1.0
        if one_sided and excess < 0.0:
            excess = 0.0
        total += excess * excess
        factor = 2.0 * weight * excess / (n_rows * max(r, 1e-12))
        scale = u.dtype.type(factor)
        for k in range(g.shape[1]):
            u[i, k] = scale * g[i, k]
    return weight * total / n_rows, norms / n_rows


@kernel
def interpolate(x, y, share, out):
    """out[i] = share[i] x[i] + (1 - share[i]) y[i]."""
    one = x.dtype.type(1)
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = share[i] * x[i, k] + (one - share[i]) * y[i, k]


@fast_kernel
def adam(
    parameters, gradient, first, second, rate, beta1, beta2, correction1, correction2, epsilon
):
    """One Adam step in place (Kingma & Ba 2015); the corrections are 1 - beta^t."""
    kind = parameters.dtype.type
    one = kind(1)
    b1, b2 = kind(beta1), kind(beta2)
    step = kind(rate / correction1)
    root = kind(1.0 / math.sqrt(correction2))
    eps = kind(epsilon)
    for k in range(parameters.size):
        g = gradient[k]
        m = b1 * first[k] + (one - b1) * g
        v = b2 * second[k] + (one - b2) * g * g
        first[k] = m
        second[k] = v
        parameters[k] -= step * m / (np.sqrt(v) * root + eps)


@fast_kernel
def rmsprop(parameters, gradient, second, rate, decay, epsilon):
    """One RMSProp step in place: w -= rate g / (sqrt(v) + epsilon)."""
    kind = parameters.dtype.type
    one = kind(1)
    rho, step, eps = kind(decay), kind(rate), kind(epsilon)
    for k in range(parameters.size):
        g = gradient[k]
        v = rho * second[k] + (one - rho) * g * g
        second[k] = v
        parameters[k] -= step * g / (np.sqrt(v) + eps)


@kernel
def clip(parameters, bound):
    """Clip every parameter to [-bound, bound] in place; NaN stays."""
    for k in range(parameters.size):
        value = parameters[k]
        parameters[k] = bound if value > bound else (-bound if value < -bound else value)


@kernel
def nearest_shifted(x, y, shift):
    """Return for each y_j the minimum over i of |x_i - y_j| - shift_i, and where; x, y (., d)."""
    n, m = x.shape[0], y.shape[0]
    values = np.empty(m)
    places = np.empty(m, dtype=np.int64)
    for j in range(m):
        best = np.inf
        place = 0
        for i in range(n):
            square = 0.0
            for k in range(x.shape[1]):
                difference = float(x[i, k]) - float(y[j, k])
                square += difference * difference
            value = math.sqrt(square) - shift[i]
            if value < best:
                best = value
                place = i
        values[j] = best
        places[j] = place
    return values, places


@kernel
def soft_shifted(x, y, shift, epsilon):
    """Mean over j of -epsilon log mean_i exp((shift_i - |x_i - y_j|) / epsilon), and its gradient.

    The gradient in shift is returned with its sign turned: mean over j of softmax_i.
    """
    n, m = x.shape[0], y.shape[0]
    share = np.zeros(n)
    row = np.empty(n)
    total = 0.0
    for j in range(m):
        largest = -np.inf
        for i in range(n):
            square = 0.0
            for k in range(x.shape[1]):
                difference = float(x[i, k]) - float(y[j, k])
                square += difference * difference
            row[i] = (shift[i] - math.sqrt(square)) / epsilon
            largest = max(largest, row[i])
        mass = 0.0
        for i in range(n):
            row[i] = math.exp(row[i] - largest)
            mass += row[i]
        total -= epsilon * (largest + math.log(mass / n))
        for i in range(n):
            share[i] += row[i] / (mass * m)
    return total / m, share
