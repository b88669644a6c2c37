"""The list of candidate arcs that the dense network simplex pivots on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._typing import FloatArray

__all__ = ["Arcs", "joined", "merged"]


@dataclass(slots=True)
class Arcs:
    """Candidate arcs ordered by source: nodes of both ends and costs."""

    source: np.ndarray
    target: np.ndarray
    cost: FloatArray


def joined(arcs: Arcs, more: Arcs) -> Arcs:
    """Both lists, one after the other."""
    return Arcs(
        np.concatenate([arcs.source, more.source]),
        np.concatenate([arcs.target, more.target]),
        np.concatenate([arcs.cost, more.cost]),
    )


def merged(arcs: Arcs, more: Arcs) -> Arcs:
    """Both lists in one, ordered by source."""
    both = joined(arcs, more)
    order = np.argsort(both.source, kind="stable")
    return Arcs(both.source[order], both.target[order], both.cost[order])
