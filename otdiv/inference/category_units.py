"""Noise of the frequencies of categories where rows depend on each other: one sign a unit.

With D_u the shares of the rows of unit u in each category, those of y taken off, and X_u and Y_u
its weights of either side, the noise of p - q is the sum of e_u (D_u - X_u p + Y_u q). Units that
are equal in all of that, as most of many pairs are, need the sum of their signs alone, which is
binomial.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array

from .._labels import labels_of
from .._typing import FloatArray, IndexArray
from .._validation import as_weights
from ..errors import InvalidInputError
from ..estimators.counts import label_codes
from .bands import Draws
from .dependence import Units, as_units
from .replicates import block_keys, in_parts

__all__ = ["CategoryUnits", "as_category_units"]

# Draws that are made at once: the signs of a million units are 256 MB.
_TOGETHER = 32


class CategoryUnits(NamedTuple):
    """What each of U kinds of units has of K categories.

    Attributes
    ----------
    shares : sparse array (U, K), D
    x, y : float64 arrays (U,), X and Y
    times : int64 array (U,), how many units are of each kind
    sizes : units with rows of x, and with rows of y
    """

    shares: csr_array
    x: FloatArray
    y: FloatArray
    times: IndexArray
    sizes: tuple[int, int]

    @classmethod
    def of_codes(
        cls,
        codes: tuple[IndexArray, IndexArray],
        weights: tuple[FloatArray | None, FloatArray | None],
        units: Units,
        n_categories: int,
    ) -> CategoryUnits:
        """From the category of every row of x and of y, and its weight, of sum 1 a side."""
        found, rows = np.unique(np.concatenate(units), return_inverse=True)
        rows = rows.reshape(-1)
        a, b = (
            np.full(side.size, 1.0 / side.size) if mass is None else mass
            for side, mass in zip(codes, weights, strict=True)
        )
        of_x, of_y = rows[: a.size], rows[a.size :]
        entries = np.concatenate([a, -b]), (rows, np.concatenate(codes))
        shares = coo_array(entries, shape=(found.size, n_categories)).tocsr()
        X = np.asarray(np.bincount(of_x, a, found.size), np.float64)
        Y = np.asarray(np.bincount(of_y, b, found.size), np.float64)
        first, times = _kinds(shares, X, Y)
        return cls(shares[first], X[first], Y[first], times, units.sizes)

    def variances(self, laws: FloatArray) -> FloatArray:
        """Variance (K,) of the noise of p - q, with `laws` (2, K) p and q."""
        p, q = laws
        of_x, of_y = self.times * self.x, self.times * self.y
        total = np.asarray(self.shares.multiply(self.shares).T @ self.times, np.float64)
        total = total - 2.0 * p * (self.shares.T @ of_x) + 2.0 * q * (self.shares.T @ of_y)
        total += p * p * (of_x @ self.x) + q * q * (of_y @ self.y)
        total -= 2.0 * p * q * (of_x @ self.y)
        return np.asarray(np.maximum(total, 0.0))

    def noise(self, laws: FloatArray, draws: Draws) -> FloatArray:
        """Draws (B, K) of the noise of p - q."""
        keys = block_keys(draws.rng, -(-draws.n_replicates // _TOGETHER))
        across = self.shares.T.tocsr()
        several = np.flatnonzero(self.times > 1)
        counts = self.times[several, None]

        def run(block: int) -> FloatArray:
            rng = np.random.default_rng(int(keys[block]))
            signs = 2.0 * rng.integers(0, 2, (self.x.size, _TOGETHER), np.int8) - 1.0
            signs[several] = 2.0 * rng.binomial(counts, 0.5, (several.size, _TOGETHER)) - counts
            noise = across @ signs
            noise -= np.outer(laws[0], self.x @ signs)
            noise += np.outer(laws[1], self.y @ signs)
            return np.asarray(noise.T)

        parts = in_parts(run, keys.size, draws.n_jobs, draws.callback, _TOGETHER)
        found = np.concatenate([np.empty((0, laws.shape[1])), *parts])
        return np.asarray(found[: draws.n_replicates])


def _kinds(shares: csr_array, X: FloatArray, Y: FloatArray) -> tuple[IndexArray, IndexArray]:
    """A unit of each kind, and how many there are; found by a random sum, then compared."""
    shares.sum_duplicates()
    factors = np.random.default_rng(0).standard_normal(shares.shape[1] + 2)
    marks = shares @ factors[2:] + factors[0] * X + factors[1] * Y
    _, first, kind, times = np.unique(
        marks, return_index=True, return_inverse=True, return_counts=True
    )
    alike = first[kind.reshape(-1)]
    apart = np.abs(shares - shares[alike])
    if apart.sum() > 0.0 or (X[alike] != X).any() or (Y[alike] != Y).any():
        return np.arange(X.size), np.ones(X.size, np.int64)
    return first, times


def as_category_units(
    x: Any, y: Any, x_weights: Any, y_weights: Any, blocks: Any, paired: Any
) -> CategoryUnits | None:
    """Units of two samples of labels, or None where rows are independent."""
    if blocks is None and paired is False:
        return None
    for name, sample in (("x", x), ("y", y)):
        if isinstance(sample, Mapping):
            requirement = "hold one label a row where `blocks` or `paired` is given"
            raise InvalidInputError(name, requirement, "a mapping of counts")
    (of_x, of_y), n_categories = label_codes((x, y), ("x", "y"))
    units = as_units(blocks, paired, {"x": x, "y": y}, (of_x.size, of_y.size))
    if units is None:
        return None
    a, b = (
        None
        if mass is None
        else as_weights(f"{name}_weights", mass, codes.size, normalize=True, of=(name, labels))
        for name, mass, codes, labels in (
            ("x", x_weights, of_x, labels_of(x)[0]),
            ("y", y_weights, of_y, labels_of(y)[0]),
        )
    )
    return CategoryUnits.of_codes((of_x, of_y), (a, b), units, n_categories)
