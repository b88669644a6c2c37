"""Statistics of samples of categories, from the masses of each category in each sample."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import rel_entr

from .._kernels.resampling.permutations import LANES
from .._typing import FloatArray, IndexArray
from .relabelling import Planes, unpacked

__all__ = ["CATEGORICAL", "CategoryStatistic", "category_values", "dealt_tables"]

CATEGORICAL = ("jensen_shannon", "total_variation", "g")


def category_values(names: tuple[str, ...], tables: FloatArray, n_rows: int) -> FloatArray:
    """Statistics (s, L) of L tables of masses (L, k, K) for k samples of K categories.

    jensen_shannon
        H(mean of the P_g) - mean of H(P_g), in nats: for two samples `js_divergence`.
    total_variation
        Of two samples sum |P - Q| / 2; of more the mean of it to the pool, by mass.
    g
        2 N sum_g π_g KL(P_g | pool): the likelihood ratio statistic of homogeneity.
    """
    masses = tables.sum(axis=2)
    laws = tables / masses[:, :, None]
    shares = masses / masses.sum(axis=1, keepdims=True)
    pool = np.einsum("lg,lgc->lc", shares, laws)[:, None]
    out = np.empty((len(names), len(tables)))
    for row, name in zip(out, names, strict=True):
        if name == "jensen_shannon":
            mean = laws.mean(axis=1, keepdims=True)
            row[:] = rel_entr(laws, mean).sum(axis=2).mean(axis=1)
        elif name == "g":
            row[:] = 2.0 * n_rows * (shares * rel_entr(laws, pool).sum(axis=2)).sum(axis=1)
        elif laws.shape[1] == 2:
            row[:] = 0.5 * np.abs(laws[:, 0] - laws[:, 1]).sum(axis=1)
        else:
            row[:] = 0.5 * (shares * np.abs(laws - pool).sum(axis=2)).sum(axis=1)
    return np.maximum(out, 0.0)


def dealt_tables(strata: list[FloatArray], seed: int, block: int) -> FloatArray:
    """64 random tables (64, k, K) with the margins of each stratum's table (k, K) of counts.

    The counts of the first sample are multivariate hypergeometric, those of the next are so in
    what is left: the law of the table under relabelling of rows, in time that does not depend on
    their number.
    """
    rng = np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(block,)))
    total = np.zeros((LANES, *strata[0].shape))
    for table in strata:
        sizes = table.sum(axis=1).astype(np.int64)
        left = np.broadcast_to(table.sum(axis=0).astype(np.int64), (LANES, table.shape[1])).copy()
        for g, size in enumerate(sizes[:-1]):
            if g == 0:
                drawn = rng.multivariate_hypergeometric(
                    left[0], int(size), size=LANES, method="marginals"
                )
            else:
                drawn = np.array(
                    [
                        rng.multivariate_hypergeometric(one, int(size), method="marginals")
                        for one in left
                    ]
                )
            total[:, g] += drawn
            left -= drawn
        total[:, -1] += left
    return total


class CategoryStatistic:
    """Statistics of categories from labels of rows, where the rows have weights or units."""

    batch = 1

    def __init__(
        self,
        names: tuple[str, ...],
        codes: IndexArray,
        n_categories: int,
        sizes: tuple[int, ...],
        weights: FloatArray | None,
    ) -> None:
        self.names = names
        order = np.argsort(codes, kind="stable").astype(np.int64)
        self.order: IndexArray | None = order
        self._starts = np.searchsorted(codes[order], np.arange(n_categories))
        self._sizes = sizes
        self._weights = np.ones(codes.size) if weights is None else weights[order]
        self._pool = np.add.reduceat(self._weights, self._starts)

    def evaluate(self, planes: Planes) -> FloatArray:
        """Statistics (s, 64) of one block."""
        tables = np.empty((LANES, len(self._sizes), self._starts.size))
        for g, plane in enumerate(planes):
            masses = unpacked(plane) * self._weights[:, None]
            tables[:, g] = np.add.reduceat(masses, self._starts, axis=0).T
        if len(planes) == 1:
            tables[:, 1] = np.maximum(self._pool - tables[:, 0], 0.0)
        return category_values(self.names, tables, sum(self._sizes))

    def finish(self, name: str, values: FloatArray) -> FloatArray:
        """The numbers themselves."""
        return values

    def rounding(self, observed: FloatArray) -> FloatArray:
        """Sums of terms of both signs, as large as log 2 and, for g, 2 N times that."""
        return category_rounding(self.names, sum(self._sizes))


def category_rounding(names: tuple[str, ...], n_rows: int) -> FloatArray:
    """What rounding leaves of statistics (s,) that are 0: some ulps of their terms."""
    terms = {"jensen_shannon": math.log(2.0), "total_variation": 1.0, "g": 2.0 * n_rows}
    return np.array([1e-14 * terms[name] for name in names])
