"""Lipschitz critics in NumPy for the Kantorovich–Rubinstein dual, each number certified."""

from .activations import Activation, FullSort, GroupSort, LeakyReLU, MaxMin, ReLU, Softplus, Tanh
from .certification import certify_critic
from .constraints import (
    Constraint,
    GradientPenalty,
    LipschitzPenalty,
    Unconstrained,
    WeightClipping,
)
from .critic import Critic
from .diagnostics import layer_gradient_norms
from .double_backward import CriticPass
from .fitting import CriticFit, FitHistory, FitProgress, FitStatus, fit_critic
from .lipschitz import lipschitz_bound, spectral_norm_bound
from .networks import MLP, Architecture, Tape
from .normalization import Orthonormal, SpectralNormalization
from .optimizers import Adam, Optimizer, OptimizerState, RMSProp
from .potential import KantorovichPotential, strictly_complementary
from .semidual import CTransform, EntropicCTransform
from .training import CriticTrainer, StepReport

__all__ = [
    "MLP",
    "Activation",
    "Adam",
    "Architecture",
    "CTransform",
    "Constraint",
    "Critic",
    "CriticFit",
    "CriticPass",
    "CriticTrainer",
    "EntropicCTransform",
    "FitHistory",
    "FitProgress",
    "FitStatus",
    "FullSort",
    "GradientPenalty",
    "GroupSort",
    "KantorovichPotential",
    "LeakyReLU",
    "LipschitzPenalty",
    "MaxMin",
    "Optimizer",
    "OptimizerState",
    "Orthonormal",
    "RMSProp",
    "ReLU",
    "Softplus",
    "SpectralNormalization",
    "StepReport",
    "Tanh",
    "Tape",
    "Unconstrained",
    "WeightClipping",
    "certify_critic",
    "fit_critic",
    "layer_gradient_norms",
    "lipschitz_bound",
    "spectral_norm_bound",
    "strictly_complementary",
]
