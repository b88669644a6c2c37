"""Multilayer perceptrons over one flat vector of parameters: evaluate, differentiate, store."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._typing import RngLike
from .._validation import as_generator, as_points, check_choice, check_positive_integer
from ..errors import InvalidInputError
from .activations import (
    Activation,
    Array,
    LeakyReLU,
    activation_from_spec,
    activation_spec,
)

__all__ = ["MLP", "Architecture", "Tape"]

# Rows evaluated at once outside of training: 2^12 rows of width 512 are 16 MB in float64.
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Architecture:
    """Shape of a network before the data's dimension is known.

    Parameters
    ----------
    hidden : sequence of int, default (128, 128, 128)
        Widths of the hidden layers; empty is an affine function.
    activation : Activation, default LeakyReLU(0.2)
    dtype : "float32" or "float64"
        Precision of the parameters and of the training.

    Examples
    --------
    >>> from otdiv.critics import Architecture
    >>> Architecture(hidden=(8, 8)).build(n_inputs=2, rng=0)
    MLP(2-8-8-1, LeakyReLU(slope=0.2), float32, 105 parameters)
    """

    hidden: Sequence[int] = (128, 128, 128)
    activation: Activation = field(default_factory=LeakyReLU)
    dtype: str = "float32"

    def __post_init__(self) -> None:
        widths = tuple(check_positive_integer("hidden", width) for width in self.hidden)
        object.__setattr__(self, "hidden", widths)
        check_choice("dtype", self.dtype, ("float32", "float64"))
        if not isinstance(self.activation, Activation):
            raise InvalidInputError(
                "activation", "be an Activation such as ReLU()", type(self.activation).__name__
            )
        for width in widths:
            self.activation.check_width(width)

    def build(self, *, n_inputs: int, n_outputs: int = 1, rng: RngLike = None) -> MLP:
        """Network of these layers with He-initialised weights and zero biases."""
        sizes = (
            check_positive_integer("n_inputs", n_inputs),
            *self.hidden,
            check_positive_integer("n_outputs", n_outputs),
        )
        network = MLP(sizes, self.activation, np.zeros(count_parameters(sizes), dtype=self.dtype))
        generator = as_generator(rng)
        for layer, weight in enumerate(network.weights):
            gain = self.activation.gain if layer < network.depth - 1 else 1.0
            spread = math.sqrt(gain / weight.shape[1])
            weight[...] = spread * generator.standard_normal(weight.shape)
        return network


def count_parameters(sizes: Sequence[int]) -> int:
    """Count weights and biases of the layers sizes[0] -> sizes[1] -> …."""
    return sum((sizes[k] + 1) * sizes[k + 1] for k in range(len(sizes) - 1))


class MLP:
    """Multilayer perceptron a_l = s(W_l a_{l-1} + b_l), whose last layer is affine.

    All weights and biases are views into the one vector `parameters`, layer by layer, weights
    before biases: an optimiser moves that vector, a file stores it.

    Parameters
    ----------
    sizes : sequence of int
        Widths from input to output.
    activation : Activation
        Between the layers, not after the last.
    parameters : ndarray, shape (k,)
        float32 or float64; kept, not copied.

    Attributes
    ----------
    weights, biases : list of ndarray
        W_l (out, in) and b_l (out,), views into `parameters`.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.critics import Architecture, Tanh
    >>> network = Architecture(hidden=(4,), activation=Tanh()).build(n_inputs=2, n_outputs=3, rng=0)
    >>> network(np.zeros((5, 2))).shape
    (5, 3)
    """

    __slots__ = ("activation", "biases", "parameters", "sizes", "weights")

    def __init__(self, sizes: Sequence[int], activation: Activation, parameters: Array) -> None:
        self.sizes = tuple(int(size) for size in sizes)
        self.activation = activation
        self.parameters = parameters
        if len(self.sizes) < 2:
            raise InvalidInputError("sizes", "hold an input and an output width", self.sizes)
        if parameters.dtype not in (np.float32, np.float64):
            raise InvalidInputError("parameters", "be float32 or float64", parameters.dtype)
        if parameters.shape != (count_parameters(self.sizes),):
            raise InvalidInputError(
                "parameters", f"have shape ({count_parameters(self.sizes)},)", parameters.shape
            )
        for width in self.sizes[1:-1]:
            activation.check_width(width)
        self.weights, self.biases = self.split(parameters)

    def split(self, vector: Array) -> tuple[list[Array], list[Array]]:
        """Return views of a vector like `parameters` (a gradient, say) as weights and biases."""
        weights, biases, start = [], [], 0
        for n_in, n_out in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            stop = start + n_in * n_out
            weights.append(vector[start:stop].reshape(n_out, n_in))
            biases.append(vector[stop : stop + n_out])
            start = stop + n_out
        return weights, biases

    @property
    def depth(self) -> int:
        """Number of affine layers."""
        return len(self.sizes) - 1

    @property
    def n_inputs(self) -> int:
        """Dimension of the input."""
        return self.sizes[0]

    @property
    def n_outputs(self) -> int:
        """Dimension of the output."""
        return self.sizes[-1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the parameters."""
        return self.parameters.dtype

    def astype(self, dtype: Any) -> MLP:
        """Copy in another precision; float32 to float64 is exact."""
        return MLP(self.sizes, self.activation, self.parameters.astype(dtype))

    def copy(self) -> MLP:
        """Return a network with its own parameters."""
        return MLP(self.sizes, self.activation, self.parameters.copy())

    def _points(self, x: Any) -> Array:
        points = as_points("x", x)
        if points.shape[1] != self.n_inputs:
            raise InvalidInputError(
                "x", f"have {self.n_inputs} columns like the network's input", points.shape[1]
            )
        return points.astype(self.dtype, copy=False)

    def __call__(self, x: Any) -> Array:
        """Return the outputs (k, n_outputs) at the points x (k, n_inputs)."""
        points = self._points(x)
        out = np.empty((len(points), self.n_outputs), dtype=self.dtype)
        for start in range(0, len(points), _BLOCK):
            block = points[start : start + _BLOCK]
            out[start : start + _BLOCK] = Tape(self, len(block)).forward(block)
        return out

    def input_gradient(self, x: Any, cotangent: Any = None) -> Array:
        """Gradient (k, n_inputs) of sum_o cotangent_o f_o at each point; of the sum by default."""
        points = self._points(x)
        weights = np.ones((len(points), self.n_outputs), dtype=self.dtype)
        if cotangent is not None:
            weights[...] = cotangent
        out = np.empty_like(points)
        for start in range(0, len(points), _BLOCK):
            block = points[start : start + _BLOCK]
            tape = Tape(self, len(block))
            tape.forward(block)
            out[start : start + _BLOCK] = tape.backward(weights[start : start + _BLOCK])
        return out

    def state_dict(self) -> dict[str, Array]:
        """Arrays that rebuild the network; plain numbers and strings, no pickles."""
        name, parameter = activation_spec(self.activation)
        return {
            "sizes": np.array(self.sizes),
            "activation": np.array(name),
            "activation_parameter": np.array(parameter),
            "parameters": self.parameters.copy(),
        }

    @classmethod
    def from_state_dict(cls, state: Any) -> MLP:
        """Rebuild a network from `state_dict` or an open .npz file."""
        activation = activation_from_spec(
            str(state["activation"]), float(state["activation_parameter"])
        )
        return cls(state["sizes"].tolist(), activation, np.array(state["parameters"]))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an .npz file."""
        np.savez(path, allow_pickle=False, **self.state_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> MLP:
        """Read a network from an .npz file; nothing in it is executed."""
        with np.load(path, allow_pickle=False) as archive:
            return cls.from_state_dict(archive)

    def __repr__(self) -> str:
        layers = "-".join(str(size) for size in self.sizes)
        count = self.parameters.size
        return f"MLP({layers}, {self.activation!r}, {self.dtype}, {count} parameters)"


class Tape:
    """Forward and backward sweep of a network for a fixed number of rows, all memory kept.

    Parameters
    ----------
    network : MLP
        Its parameters may change between the sweeps of different steps.
    n_rows : int
        Rows of every batch.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.critics import Architecture, Tape
    >>> network = Architecture(hidden=(4,)).build(n_inputs=2, n_outputs=3, rng=0)
    >>> tape, gradient = Tape(network, 5), np.empty_like(network.parameters)
    >>> outputs = tape.forward(np.ones((5, 2), dtype=np.float32))
    >>> tape.backward(np.ones((5, 3), dtype=np.float32), gradient).shape
    (5, 2)
    """

    def __init__(self, network: MLP, n_rows: int) -> None:
        self.network = network
        sizes, dtype = network.sizes, network.dtype
        self._a = [np.empty((n_rows, size), dtype=dtype) for size in sizes]
        self._g: list[Array] = []
        self._states = [network.activation.state(n_rows, size) for size in sizes[1:-1]]
        self._ones = np.ones(n_rows, dtype=dtype)

    def forward(self, x: Array) -> Array:
        """Return the outputs (n_rows, n_outputs), a view that the next call overwrites."""
        network, a = self.network, self._a
        a[0][...] = x
        last = network.depth - 1
        for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
            z = np.matmul(a[layer], weight.T, out=a[layer + 1])
            if layer < last:
                network.activation.apply(z, bias, self._states[layer])
            else:
                z += bias
        return a[-1]

    def backward(self, cotangent: Array, gradient: Array | None = None) -> Array:
        """Pull `cotangent` (n_rows, n_outputs) back through the last forward sweep.

        Returns the input's cotangent (n_rows, n_inputs), a view that the next call overwrites.
        Where `gradient` is given (a vector like `parameters`), the parameters' cotangent is
        written there.
        """
        network, a = self.network, self._a
        if not self._g:
            self._g = [np.empty_like(block) for block in a]
        g = self._g
        g[-1][...] = cotangent
        dw, db = network.split(gradient) if gradient is not None else ([], [])
        for layer in range(network.depth - 1, -1, -1):
            if layer < network.depth - 1:
                network.activation.pull(g[layer + 1], a[layer + 1], self._states[layer])
            if gradient is not None:
                np.matmul(g[layer + 1].T, a[layer], out=dw[layer])
                np.dot(self._ones, g[layer + 1], out=db[layer])
            np.matmul(g[layer + 1], network.weights[layer], out=g[layer])
        return g[0]

    def activation_gradients(self) -> list[Array]:
        """Return the cotangents that the last backward sweep left, from the input on.

        Those of the hidden layers are in the sums z_l, before the activation.
        """
        return self._g[:-1]
