"""Lipschitz critics in NumPy for the Kantorovich–Rubinstein dual, each number certified."""

from .activations import Activation, FullSort, GroupSort, LeakyReLU, MaxMin, ReLU, Softplus, Tanh
from .double_backward import CriticPass
from .networks import MLP, Architecture, Tape
from .optimizers import Adam, Optimizer, OptimizerState, RMSProp

__all__ = [
    "MLP",
    "Activation",
    "Adam",
    "Architecture",
    "CriticPass",
    "FullSort",
    "GroupSort",
    "LeakyReLU",
    "MaxMin",
    "Optimizer",
    "OptimizerState",
    "RMSProp",
    "ReLU",
    "Softplus",
    "Tanh",
    "Tape",
]
