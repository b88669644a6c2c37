"""W1 of histograms on common positions, with gradients."""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from ..distances.batch import wasserstein1_histogram
from .record import Gradients, centred
from .transport import transport_gradients

__all__ = ["histogram_gradients", "histogram_values"]

# Rounding of a cumulative share, a bin: a smaller difference of two of them has no sign.
_SHARE_ROUNDING = 2.0**-52


def histogram_values(p: FloatArray, q: FloatArray, support: FloatArray) -> FloatArray:
    """W1 of histograms p, q (k,) or (B, k) on positions (k,) or (k, d): (), or (B,)."""
    return np.asarray(wasserstein1_histogram(p, q, support=support))


def histogram_gradients(p: FloatArray, q: FloatArray, support: FloatArray) -> Gradients:
    """`histogram_values` with gradients: a and b of the histograms, x of the support.

    In the notation of W1 = sum_j |F_j - G_j| (s_{j+1} - s_j) of sorted positions, mass that comes
    to bin i raises all F_j of j >= i. `y` is empty; `x` has the shape (k, d), or (B, k, d) with one
    gradient a histogram. Where F = G between two positions the derivative of |F - G| counts as 0.
    """
    positions = support.reshape(len(support), -1)
    if positions.shape[1] == 1:
        return _on_line(p, q, positions[:, 0])
    if p.ndim == 1:
        return _in_space(p, q, positions)
    parts = [_in_space(*pair, positions) for pair in zip(p, q, strict=True)]
    columns = [np.stack(column) for column in zip(*parts, strict=True)]
    return Gradients(*columns)


def _on_line(p: FloatArray, q: FloatArray, support: FloatArray) -> Gradients:
    order = np.argsort(support, kind="stable")
    widths = np.diff(support[order])
    shares = [side / side.sum(axis=-1, keepdims=True) for side in (p, q)]
    gaps = np.cumsum((shares[0] - shares[1])[..., order], axis=-1)[..., :-1]
    gaps = np.where(np.abs(gaps) <= _SHARE_ROUNDING * support.size, 0.0, gaps)
    # What a unit of mass pays from bin i on: the sum over j >= i.
    ahead = np.zeros(p.shape)
    ahead[..., :-1] = np.cumsum((np.sign(gaps) * widths)[..., ::-1], axis=-1)[..., ::-1]
    levels = np.abs(gaps)
    edges = np.zeros((*p.shape[:-1], 1))
    moved = np.concatenate([edges, levels], -1) - np.concatenate([levels, edges], -1)
    potential, positions = np.empty(p.shape), np.empty(p.shape)
    potential[..., order], positions[..., order] = ahead, moved
    return Gradients(
        value=histogram_values(p, q, support),
        x=positions[..., None],
        y=np.empty(0),
        a=centred(potential, p),
        b=centred(-potential, q),
    )


def _in_space(p: FloatArray, q: FloatArray, positions: FloatArray) -> Gradients:
    found = transport_gradients(positions, positions, p, q, norm=2.0, power=1.0, root=False)
    return Gradients(found.value, found.x + found.y, np.empty(0), found.a, found.b)
