"""The pairs of two clouds that pruning leaves: ranges of columns for every leaf of rows."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from .._typing import IndexArray

# Pairs that one call of a compiled function treats at most, about 0.2 s, so that Ctrl-C is prompt.
SLICE = 2 * 10**8


class Ranges(NamedTuple):
    """Column ranges of each row leaf, as `_kernels.gibbs.pruning.kept_ranges` returns them."""

    leaves: IndexArray
    first: IndexArray
    starts: IndexArray
    stops: IndexArray

    def entries(self) -> IndexArray:
        """Number of kept entries of each row leaf."""
        widths = np.concatenate([[0], np.cumsum(self.stops - self.starts)])
        return np.asarray(np.diff(self.leaves) * np.diff(widths[self.first]))

    def sample(self) -> list[Ranges]:
        """A few runs of row leaves, a sixteenth of all."""
        n_leaves = self.leaves.size - 1
        width = max(1, n_leaves // 256)
        return [
            Ranges(self.leaves[i : i + width + 1], self.first[i : i + width + 1], *self[2:])
            for i in range(0, n_leaves - width + 1, 16 * width)
        ]

    def slices(self, most: int = SLICE) -> list[Ranges]:
        """The same in runs of row leaves, of about `most` entries where these are more."""
        work = np.cumsum(self.entries())
        if work[-1] <= most:
            return [self]
        cuts = np.searchsorted(work, np.arange(most, int(work[-1]), most))
        edges = np.unique(np.concatenate([[0], cuts, [work.size]]))
        return [
            Ranges(self.leaves[i : j + 1], self.first[i : j + 1], self.starts, self.stops)
            for i, j in itertools.pairwise(edges)
        ]
