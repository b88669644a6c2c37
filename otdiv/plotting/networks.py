"""Pictures of what training does to a network: its weights, and its gradients by layer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .._typing import ArrayLike, FloatArray
from .._validation import as_points
from ..critics import MLP, Critic, CriticFit, layer_gradient_norms
from ..errors import InvalidInputError
from .canvas import BLUE, PINK, VERMILION, axes, legend_name, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_layer_gradients", "plot_weights"]

_Network: TypeAlias = MLP | Critic | CriticFit

# The palette of Okabe and Ito (2008) without yellow, which is faint on white.
_COLORS = (BLUE, VERMILION, "#009E73", PINK, "#E69F00", "#56B4E9", "#222222")
_MARKERS = "osD^vPX"

_N_BINS = 61
"""Bins of a layer, from its smallest to its largest weight; by taste."""
_PEAK = 0.82
"""Height of a layer's highest bin, in units of the distance between layers."""
_AT_BOUND = 1e-6
"""Relative distance within which a weight stands at its layer's largest absolute value."""
_PILE = 0.02
"""Share of a layer's weights at that value from which the picture says so; a few always are."""


def plot_weights(network: _Network, *, ax: Axes | None = None) -> Axes:
    """Draw a histogram of the weights of every layer, the first at the top.

    Clipping drives weights to the two ends of their range, where the picture says which share of a
    layer stands; penalties leave them in a bell. Each layer is scaled to its own highest bin, and
    biases are left out.

    Parameters
    ----------
    network : MLP, Critic or CriticFit
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError
        If it is no network.
    MissingDependencyError
        If matplotlib is not installed.

    References
    ----------
    Gulrajani et al. (2017), arXiv:1704.00028, figure 1b.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv.critics import Architecture
    >>> from otdiv.plotting import plot_weights
    >>> ax = plot_weights(Architecture(hidden=(8, 8)).build(n_inputs=2, rng=0))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['2 → 8', '8 → 8', '8 → 1']
    """
    layers = [np.ravel(weight).astype(np.float64) for weight in _mlp(network).weights]
    sizes = _mlp(network).sizes
    ax = axes(ax, size=(7.0, 1.0 + 0.95 * len(layers)))
    for place, weights in enumerate(layers):
        base = float(len(layers) - 1 - place)
        low, high = float(weights.min()), float(weights.max())
        if low == high:
            low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
        # Few weights make few bins, or each would stand alone.
        n_bins = int(np.clip(round(2.0 * np.sqrt(weights.size)), 5, _N_BINS))
        counts, edges = np.histogram(weights, bins=n_bins, range=(low, high))
        heights = base + _PEAK * counts / counts.max()
        ax.stairs(heights, edges, baseline=base, fill=True, color=BLUE, alpha=0.45, linewidth=0)
        ax.stairs(heights, edges, baseline=base, color=BLUE, linewidth=1.1)
        ax.axhline(base, color="#BBBBBB", linewidth=0.7, zorder=0)
        _say_pile(ax, weights, base)
    ax.axvline(0.0, color="#BBBBBB", linewidth=0.7, zorder=0)
    names = [f"{n_in} → {n_out}" for n_in, n_out in pairwise(sizes)]
    ax.set_yticks(np.arange(len(layers))[::-1], names)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.08, len(layers) - 0.02)
    ax.set(xlabel="weight", ylabel="layer")
    tidy(ax)
    ax.spines["left"].set_visible(False)
    return ax


def plot_layer_gradients(
    critics: _Network | ArrayLike | Mapping[str, _Network | ArrayLike],
    z: ArrayLike | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the norm of a critic's gradient in each layer, on a logarithmic axis.

    A straight slope means that gradients vanish or explode exponentially in the depth, as in
    clipped critics; penalised ones are nearly flat. The legend gives the mean factor from a layer
    to the one before it.

    Parameters
    ----------
    critics : MLP, Critic, CriticFit or array_like of shape (L,)
        Norms as `otdiv.critics.layer_gradient_norms` gives them, or what it takes them of; or
        several of these by name, to compare.
    z : array_like, shape (k, d), optional
        Points at which gradients are taken: in the data's coordinates for a critic or a fit, in its
        own for a bare network. Arrays of norms need none.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError
        If a network comes without points, or norms are negative, not finite or all zero.
    MissingDependencyError
        If matplotlib is not installed.

    References
    ----------
    Gulrajani et al. (2017), arXiv:1704.00028, figure 1b.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv.plotting import plot_layer_gradients
    >>> ax = plot_layer_gradients({"clipped": [0.001, 0.01, 0.1], "penalised": [1.0, 1.1, 1.0]})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['clipped: ×0.1 a layer', 'penalised: ×1 a layer']
    """
    named = critics if isinstance(critics, Mapping) else {"": critics}
    curves = {str(name): _norms(each, z) for name, each in named.items()}
    if not curves:
        raise InvalidInputError("critics", "hold at least one critic", "none")
    ax = axes(ax, size=(6.4, 4.2))
    for index, (name, norms) in enumerate(curves.items()):
        label = f"{legend_name(name)}: {_factor(norms)}" if name else _factor(norms)
        ax.plot(
            np.arange(len(norms)),
            np.where(norms > 0.0, norms, np.nan),
            color=_COLORS[index % len(_COLORS)],
            marker=_MARKERS[index % len(_MARKERS)],
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.8,
            linewidth=1.8,
            label=label,
        )
    longest = max(len(norms) for norms in curves.values())
    step = max(1, longest // 12)
    places = list(range(0, longest, step))
    ax.set_xticks(places, ["input", *(str(place) for place in places[1:])])
    ax.set_yscale("log")
    _show_a_decade(ax, np.concatenate(list(curves.values())))
    ax.set(xlabel="layer", ylabel="gradient norm of f (root mean square)")
    ax.grid(axis="y", color="#E3E3E3", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.legend(frameon=False, title="back towards the input")
    tidy(ax)
    return ax


def _mlp(network: Any) -> MLP:
    if isinstance(network, CriticFit):
        network = network.critic
    if isinstance(network, Critic):
        network = network.network
    if not isinstance(network, MLP):
        raise InvalidInputError(
            "network", "be an MLP, a Critic or a CriticFit", type(network).__name__
        )
    return network


def _norms(critic: Any, z: Any) -> FloatArray:
    """Norms (L,) of a critic at z, or those that are given."""
    if isinstance(critic, MLP | Critic | CriticFit):
        if z is None:
            raise InvalidInputError("z", "be given: the points at which gradients are taken", z)
        points = as_points("z", z)
        critic = critic.critic if isinstance(critic, CriticFit) else critic
        if isinstance(critic, Critic):
            # Slopes in the network's coordinates are those in the data's: one scale for both sides.
            points = (points - critic.centre) / critic.scale
        norms = layer_gradient_norms(_mlp(critic), points)
    else:
        norms = np.asarray(critic, dtype=np.float64)
    sound = norms.ndim == 1 and np.isfinite(norms).all() and (norms >= 0.0).all()
    if not sound or not norms.any():
        raise InvalidInputError(
            "critics", "have finite norms (L,), none negative and not all zero", norms
        )
    return norms


def _factor(norms: FloatArray) -> str:
    """Mean factor of the gradient from a layer to the one before it."""
    if len(norms) < 2 or norms[-1] == 0.0:
        return "one layer" if len(norms) < 2 else "no gradient in the last layer"
    return f"×{(norms[0] / norms[-1]) ** (1.0 / (len(norms) - 1)):.2g} a layer"


def _show_a_decade(ax: Axes, norms: FloatArray) -> None:
    """Keep an axis from zooming into a flat curve until its noise looks like a slope."""
    positive = norms[norms > 0.0]
    low, high = float(positive.min()), float(positive.max())
    centre = np.sqrt(low * high)
    half = max(np.sqrt(high / low), np.sqrt(10.0)) * 1.3
    ax.set_ylim(centre / half, centre * half)


def _say_pile(ax: Axes, weights: FloatArray, base: float) -> None:
    bound = float(np.abs(weights).max())
    at_bound = np.abs(weights) >= (1.0 - _AT_BOUND) * bound
    share = float(at_bound.mean())
    if bound > 0.0 and share >= _PILE and at_bound.sum() > 2:
        ax.annotate(
            f"{100.0 * share:.0f} % at ±{bound:.3g}",
            (1.0, base + 0.5 * _PEAK),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            color=VERMILION,
        )
