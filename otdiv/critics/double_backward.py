"""One training step of a scalar critic: values, input-gradient penalty, and both their gradients.

Let a_0 = x^, z_l = a_{l-1} W_l' + b_l, a_l = s(z_l), f = a_{L-1} W_L' + b_L over B rows x^. The
penalty is P = (weight / B) sum psi(r) of the row norms r = |g_0| of the input gradient.

    sweep 1   g_{L-1} = W_L;            S_l = g_l s'(z_l),  g_{l-1} = S_l W_l
    sweep 2   u_0 = dP/dg_0;            v = u_{l-1} W_l',   u_l = v s'(z_l),  t_l = v g_l s''(z_l)
              dW_l += S_l' u_{l-1},     dW_L += sum u_{L-1}
    sweep 3   q_{L-1} = t_{L-1};        q_{l-1} = t_{l-1} + (q_l W_l) s'(z_{l-1})
              dW_l += q_l' a_{l-1},     db_l += sum q_l

Sweep 2 is the derivative of sweep 1 in its weights, sweep 3 that in its activations; where s'' = 0
(ReLU, sorts) sweep 3 vanishes and biases get no gradient. For a sort s' is a permutation. The rows
of x and y, whose loss is a weighted sum of outputs, pull back by the recurrence of sweep 1 as well.

So all rows travel together, in one matrix product a layer and sweep. Rows are laid out as
[x^ | x, y | u] with u below, and the cotangents as [q | x, y | S]: dW is then one product over all
of them. Without curvature the first block is not needed, and u overwrites the activations of x^.
"""

from __future__ import annotations

import numpy as np

from .._kernels import neural as kernels
from ..errors import InvalidInputError
from .activations import Array
from .networks import MLP

__all__ = ["CriticPass"]


class CriticPass:
    """Buffers and sweeps for `n_rows` rows of plain values and `n_penalty` rows of penalty.

    Parameters
    ----------
    network : MLP
        One output.
    n_rows : int
        Rows whose outputs enter the loss with coefficients (x and y together).
    n_penalty : int, default 0
        Rows x^ at which the norm of the input gradient is penalised.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.critics import Architecture, CriticPass
    >>> network = Architecture(hidden=(8, 8)).build(n_inputs=2, rng=0)
    >>> step = CriticPass(network, 4, 3)
    >>> values = step.forward(np.ones((4, 2)), np.ones((3, 2)))
    >>> gradient = np.empty_like(network.parameters)
    >>> penalty, mean_norm = step.backward(np.full(4, 0.25), gradient, weight=10.0)
    """

    def __init__(self, network: MLP, n_rows: int, n_penalty: int = 0) -> None:
        if network.n_outputs != 1:
            raise InvalidInputError("network", "have one output", network.n_outputs)
        self.network = network
        curved = network.activation.curved and n_penalty > 0
        n_total = n_rows + n_penalty * (2 if curved else 1)
        first = n_penalty if curved else 0
        # Places of the four kinds of rows; `_hat` and `_tail` are the same rows without curvature.
        self._pair = slice(first, first + n_rows)
        self._tail = slice(first + n_rows, n_total)
        self._hat = slice(0, n_penalty) if curved else self._tail
        self._forward = slice(0, n_rows + n_penalty)
        self._backward = slice(first, n_total)
        self._with_bias = slice(0, first + n_rows)
        self._curved = curved
        self.n_rows = n_rows
        self.n_penalty = n_penalty

        sizes, dtype = network.sizes, network.dtype
        self._a = [np.empty((n_total, size), dtype=dtype) for size in sizes[:-1]]
        self._s = [np.empty((n_total, size), dtype=dtype) for size in sizes[:-1]]
        self._v = [np.empty((n_penalty, size), dtype=dtype) for size in sizes[:-1]]
        self._t = [
            np.empty((n_penalty, size), dtype=dtype) if curved else None for size in sizes[:-1]
        ]
        self._states = [network.activation.state(n_rows + n_penalty, size) for size in sizes[1:-1]]
        self._values = np.empty((n_rows + n_penalty, 1), dtype=dtype)
        self._coefficients = np.ones(n_total, dtype=dtype)
        self._ones = np.ones(n_total, dtype=dtype)
        self._gradient: Array | None = None
        self._split: tuple[list[Array], list[Array]] = ([], [])

    @property
    def pair_input(self) -> Array:
        """Where the rows of x and y may be written instead of passing them to `forward`."""
        return self._a[0][self._pair]

    @property
    def penalty_input(self) -> Array:
        """Where the rows x^ may be written instead of passing them to `forward`."""
        return self._a[0][self._hat]

    def forward(self, rows: Array | None = None, penalty_rows: Array | None = None) -> Array:
        """Values (n_rows,) of the plain rows, a view that the next call overwrites."""
        if rows is not None:
            self.pair_input[...] = rows
        if penalty_rows is not None:
            self.penalty_input[...] = penalty_rows
        network, here = self.network, self._forward
        last = network.depth - 1
        for layer in range(last):
            z = self._a[layer + 1][here]
            np.matmul(self._a[layer][here], network.weights[layer].T, out=z)
            network.activation.apply(z, network.biases[layer], self._states[layer])
        np.matmul(self._a[last][here], network.weights[last].T, out=self._values)
        self._values += network.biases[last]
        return self._values[self._pair, 0]

    def backward(
        self,
        coefficients: Array,
        gradient: Array,
        *,
        weight: float = 0.0,
        one_sided: bool = False,
    ) -> tuple[float, float]:
        """Gradient of sum_i coefficients_i f(row_i) + P in the parameters, written to `gradient`.

        Returns (P, mean norm of the input gradient at x^).
        """
        network, act = self.network, self.network.activation
        a, s, states = self._a, self._s, self._states
        if self._gradient is not gradient:
            self._gradient, self._split = gradient, network.split(gradient)
        dw, db = self._split
        depth, pair, tail, hat = network.depth, self._pair, self._tail, self._hat
        back, biased = self._backward, self._with_bias

        # Sweep 1, of x, y and x^ together.
        self._coefficients[pair] = coefficients
        if depth > 1:
            kernels.outer_rows(
                self._coefficients[back], network.weights[depth - 1][0], s[depth - 1][back]
            )
        for layer in range(depth - 1, 0, -1):
            self._pull(s[layer], layer)
            if layer > 1:
                np.matmul(s[layer][back], network.weights[layer - 1], out=s[layer - 1][back])
        penalty, mean_norm = 0.0, float("nan")
        if self.n_penalty:
            if depth > 1:
                np.matmul(s[1][tail], network.weights[0], out=s[0][tail])
            else:
                s[0][tail] = network.weights[0]
            # Sweep 2: u overwrites the tail of the activations, layer by layer.
            penalty, mean_norm = kernels.penalty_direction(
                s[0][tail], weight, one_sided, a[0][tail]
            )
            for layer in range(1, depth):
                v = self._v[layer]
                np.matmul(a[layer - 1][tail], network.weights[layer - 1].T, out=v)
                state = states[layer - 1][hat]
                if self._curved:
                    act.bend(v, s[layer][tail], a[layer][hat], self._t[layer])  # type: ignore[arg-type]
                act.push(v, a[layer][hat], state, a[layer][tail])
            if self._curved:
                self._third_sweep()

        # One product a layer over [q | x, y | S] and [x^ | x, y | u].
        whole = slice(0, back.stop)
        for layer in range(1, depth):
            np.matmul(s[layer][whole].T, a[layer - 1][whole], out=dw[layer - 1])
            np.dot(self._ones[biased], s[layer][biased], out=db[layer - 1])
        np.dot(self._coefficients[back], a[depth - 1][back], out=dw[depth - 1][0])
        db[depth - 1][0] = coefficients.sum()
        return float(penalty), float(mean_norm)

    def _pull(self, g: Array, layer: int) -> None:
        """Replace the cotangents g of all backward rows by S = g s'."""
        act, a, state = self.network.activation, self._a[layer], self._states[layer - 1]
        if self._curved:
            act.pull(g[self._pair], a[self._pair], state[self._pair])
            act.pull(g[self._tail], a[self._hat], state[self._hat])
        else:
            act.pull(g[self._backward], a[self._backward], state)

    def _third_sweep(self) -> None:
        network, hat = self.network, self._hat
        last = network.depth - 1
        if last == 0:
            return
        self._s[last][hat] = self._t[last]
        for layer in range(last, 1, -1):
            below = self._v[layer - 1]
            np.matmul(self._s[layer][hat], network.weights[layer - 1], out=below)
            state = self._states[layer - 2][hat]
            network.activation.pull(below, self._a[layer - 1][hat], state)
            np.add(below, self._t[layer - 1], out=self._s[layer - 1][hat])  # type: ignore[arg-type]
