"""Multilayer perceptrons from torch and back: what is trained there gets its certified bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from otdiv.critics import MLP, Activation, GroupSort, LeakyReLU, ReLU, Softplus, Tanh
from otdiv.errors import InvalidInputError, UnsupportedProblemError

__all__ = ["mlp_from_torch", "mlp_to_torch"]

_KNOWN = "ReLU, LeakyReLU, Tanh or Softplus() of the default beta"


def mlp_from_torch(module: torch.nn.Module) -> MLP:
    """Return a torch perceptron as an otdiv `MLP` in the same precision, with the same values.

    A critic made of it has a proven Lipschitz constant, and `otdiv.critics.certify_critic` has its
    certified lower bound of W1.

    Parameters
    ----------
    module : torch.nn.Module
        `torch.nn.Sequential` (or nested ones) of Linear layers with one kind of activation between
        them, none after the last; Identity and Dropout in evaluation mode are passed over. (torch
        takes Softplus for the identity beyond its threshold; values differ by 2.1e-9 there.)

    Returns
    -------
    MLP
        In float32 or float64; its parameters are a copy.

    Raises
    ------
    UnsupportedProblemError
        For other layers, or activations that differ.

    Examples
    --------
    >>> import torch
    >>> from otdiv.torch import mlp_from_torch
    >>> layers = torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)
    >>> mlp_from_torch(torch.nn.Sequential(*layers))
    MLP(2-8-1, ReLU(), float32, 33 parameters)
    """
    layers = list(_layers(module))
    linear, between = layers[::2], layers[1::2]
    if not layers or not len(layers) % 2 or not all(map(_is_linear, linear)):
        raise UnsupportedProblemError(
            "a perceptron is Linear layers with an activation between each two, and ends with a "
            f"Linear layer; got {[type(layer).__name__ for layer in layers]}"
        )
    found = [_activation(layer) for layer in between]
    if any(activation != found[0] for activation in found):
        raise UnsupportedProblemError(f"all activations of an MLP are the same; got {found}")
    parts = []
    for layer in linear:
        weight = layer.weight.detach()
        bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach()
        parts += [weight.cpu().reshape(-1), bias.cpu()]
    parameters = torch.cat(parts)
    if parameters.dtype not in (torch.float32, torch.float64):
        parameters = parameters.float()  # exact
    sizes = [linear[0].in_features, *(layer.out_features for layer in linear)]
    return MLP(sizes, found[0] if found else ReLU(), parameters.numpy().copy())


def mlp_to_torch(network: MLP) -> torch.nn.Sequential:
    """Return an otdiv `MLP` as a torch module in the same precision, with the same values.

    Parameters
    ----------
    network : MLP

    Returns
    -------
    torch.nn.Sequential
        Of Linear layers and activations, with parameters of its own.

    Raises
    ------
    UnsupportedProblemError
        For activations that torch does not have (GroupSort).

    Examples
    --------
    >>> from otdiv.critics import Architecture, Tanh
    >>> from otdiv.torch import mlp_to_torch
    >>> mlp_to_torch(Architecture(hidden=(4,), activation=Tanh()).build(n_inputs=2, rng=0))
    Sequential(
      (0): Linear(in_features=2, out_features=4, bias=True)
      (1): Tanh()
      (2): Linear(in_features=4, out_features=1, bias=True)
    )
    """
    if not isinstance(network, MLP):
        raise InvalidInputError("network", "be an MLP", type(network).__name__)
    dtype = torch.float32 if network.dtype == np.float32 else torch.float64
    make = _maker(network.activation) if network.depth > 1 else torch.nn.Identity
    layers: list[torch.nn.Module] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
        layers += [layer, make()]
    return torch.nn.Sequential(*layers[:-1])


def _layers(module: torch.nn.Module) -> Any:
    """The layers that compute something, in their order."""
    if isinstance(module, torch.nn.Sequential):
        for layer in module:
            yield from _layers(layer)
    elif not _passes(module):
        yield module


def _passes(module: torch.nn.Module) -> bool:
    """Whether a layer returns its input."""
    idle = isinstance(module, torch.nn.Dropout) and not module.training
    return idle or isinstance(module, torch.nn.Identity)


def _is_linear(layer: torch.nn.Module) -> bool:
    return isinstance(layer, torch.nn.Linear)


def _activation(layer: torch.nn.Module) -> Activation:
    if isinstance(layer, torch.nn.ReLU):
        return ReLU()
    if isinstance(layer, torch.nn.LeakyReLU):
        return LeakyReLU(layer.negative_slope)
    if isinstance(layer, torch.nn.Tanh):
        return Tanh()
    if isinstance(layer, torch.nn.Softplus) and layer.beta == 1:
        return Softplus()
    raise UnsupportedProblemError(f"an activation of an MLP is {_KNOWN}; got {layer!r}")


def _maker(activation: Activation) -> Callable[[], torch.nn.Module]:
    """What makes the activation in torch."""
    if isinstance(activation, LeakyReLU):
        return lambda: torch.nn.LeakyReLU(activation.slope)
    if isinstance(activation, GroupSort):
        raise UnsupportedProblemError(f"torch has no {activation!r}; it has {_KNOWN}")
    kinds: dict[type[Any], Callable[[], torch.nn.Module]] = {
        ReLU: torch.nn.ReLU,
        Tanh: torch.nn.Tanh,
        Softplus: torch.nn.Softplus,
    }
    return kinds[type(activation)]
