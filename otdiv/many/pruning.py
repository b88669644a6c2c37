"""Proven lower bounds of the costs from one measure to many, cheap ones before dear ones.

With masses of one on both sides each of these is at most the optimal cost:

- means: W_p >= W_1 >= the distance of the means, by Jensen's inequality.
- projections: W_1 >= the distance of the projections to an axis, which is the integral of |F - G|;
  over a cell of the axis that is at least the |integral of F - G|, a difference of two numbers
  that each measure has.
- nearest partners: every atom sends its mass to the nearest partner; then to several of them,
  each of which takes no more from one atom than it weighs (Kusner, Sun, Kolkin, Weinberger 2015,
  *From word embeddings to document distances*; Atasu, Mittelholzer 2019, *Linear-complexity
  data-parallel earth mover's distance approximations*).
- potentials: f of a solved problem, with its c-transform over the points of the others, is feasible
  for the others too.

Rounding is taken off each of them. Distances are Euclidean, costs their first or second power, and
coordinates such that squares neither overflow nor lose all digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .._kernels._jit import frozen
from .._kernels.costs import relative_rounding
from .._kernels.proofs.relaxations import relaxed_costs
from .._typing import FloatArray, IndexArray
from ..costs import PNormCost

__all__ = ["Measures", "Relaxations", "extent", "projected_bounds"]

_ROUNDING = 2.0**-53
# Dimensions in which the axes are looked at, and cells of each; by taste.
_AXES, _CELLS = 3, 16
# Partners of an atom in the dearer bound; by taste: most atoms have sent their mass by then.
_PARTNERS = 16
# Pairs of atoms of two measures up to which their costs are written down, 256 MB.
_MOST_PAIRS = 2**25
# Costs that are kept from one bound to the next, 256 MB, and those that are made at once, 16 MB.
_KEPT_COSTS, _COSTS_AT_ONCE = 2**25, 2**21


@dataclass(slots=True)
class Measures:
    """Many measures of mass one: measure j has atoms starts[j] ... starts[j] + sizes[j] - 1.

    `atoms` are numbers of `points` (V, d), which measures may share; `even` (N,) says whose weights
    were not given.
    """

    points: FloatArray
    atoms: IndexArray
    weights: FloatArray
    sizes: IndexArray
    even: NDArray[np.bool_]
    starts: IndexArray = field(init=False)

    def __post_init__(self) -> None:
        self.starts = np.asarray(np.cumsum(self.sizes) - self.sizes)

    def __len__(self) -> int:
        return int(self.sizes.size)

    def places(self, chosen: IndexArray) -> IndexArray:
        """Numbers of the atoms of these measures, one measure after the other."""
        sizes, starts = self.sizes[chosen], self.starts[chosen]
        ends = np.cumsum(sizes)
        return np.asarray(np.arange(ends[-1]) + np.repeat(starts - ends + sizes, sizes))

    def cloud(self, j: int) -> tuple[FloatArray, FloatArray]:
        """Points and weights of measure j."""
        place = slice(self.starts[j], self.starts[j] + self.sizes[j])
        return self.points[self.atoms[place]], self.weights[place]

    def sums(self, values: FloatArray) -> FloatArray:
        """Sums (N, k) of weight times value of every measure; `values` (V, k) of the points."""
        ends = np.append(self.starts, self.atoms.size)
        matrix = csr_array((self.weights, self.atoms, ends), shape=(len(self), len(self.points)))
        return np.asarray(matrix @ values)


def extent(*points: FloatArray) -> float:
    """Largest coordinate, without its sign."""
    return max(float(np.abs(part).max(initial=0.0)) for part in points)


def projected_bounds(x: FloatArray, a: FloatArray, others: Measures, cost: PNormCost) -> FloatArray:
    """Bounds (N,) of the costs: the difference of means and, in few dimensions, cells of axes."""
    points, d = others.points, x.shape[1]
    size = extent(points, x)
    if size == 0.0:
        return np.zeros(len(others))
    # From a corner and in units of the extent, so that all numbers are of order one.
    corner = np.minimum(points.min(axis=0), x.min(axis=0))
    scaled, own = (points - corner) / size, (x - corner) / size
    bounds = np.linalg.norm(others.sums(scaled) - a @ own, axis=1)
    if d <= _AXES:
        for p, q in zip(scaled.T, own.T, strict=True):
            high = max(p.max(), q.max())
            edges, width = np.linspace(0.0, high, _CELLS + 1)[1:], high / _CELLS
            cells = np.stack([np.clip(edge - p, 0.0, width) for edge in edges], axis=1)
            mine = np.array([a @ np.clip(edge - q, 0.0, width) for edge in edges])
            bounds = np.maximum(bounds, np.abs(others.sums(cells) - mine).sum(axis=1))
    # A sum errs by its length times a rounding of its terms, which are 2 at most; of d or _CELLS
    # such sums all errors together, and those of the coordinates and edges, are less than this.
    lost = 4.0 * (others.sizes + a.size + 16.0) * (d + _CELLS) * _ROUNDING
    return np.asarray((size * np.maximum(bounds - lost, 0.0)) ** cost.power)


class Relaxations:
    """Bounds that need the costs between one measure and the points of the others."""

    def __init__(self, x: FloatArray, a: FloatArray, others: Measures, cost: PNormCost) -> None:
        self.x, self.a, self.others, self.cost = x, frozen(a), others, cost
        self._kept: FloatArray | None = None

    def nearest(self, chosen: IndexArray) -> FloatArray:
        """Every atom sends all of its mass to its nearest partner."""
        return self._relaxed(chosen, 1)

    def shared(self, chosen: IndexArray) -> FloatArray:
        """Partners take no more from one atom than they weigh."""
        return self._relaxed(chosen, _PARTNERS)

    def potentials(self, f: FloatArray, chosen: IndexArray) -> FloatArray:
        """Dual values of f, feasible with its c-transform; 0 where that is better."""
        bounds = np.zeros(chosen.size)
        f = f - float(self.a @ f)
        mine, size = math.fsum(self.a * f), float(np.abs(f).max())
        k = float(relative_rounding(self.x.shape[1], self.cost.norm, self.cost.power))
        for part, D, atoms in self._blocks(chosen):
            numbers = chosen[part]
            sizes = self.others.sizes[numbers]
            g = (D - f).min(axis=1)[atoms]
            weighted = self.others.weights[self.others.places(numbers)] * g
            starts = np.cumsum(sizes) - sizes
            total = np.add.reduceat(weighted, starts)
            # c_ij errs by k roundings of itself, and where it sets g_j it is g_j + f_i.
            terms = 2.0 * size + np.add.reduceat(np.abs(weighted), starts)
            lost = (k + 4.0 * (sizes + f.size + 8.0)) * _ROUNDING * terms
            bounds[part] = np.maximum(mine + total - lost, 0.0)
        return bounds

    def _relaxed(self, chosen: IndexArray, steps: int) -> FloatArray:
        bounds = np.zeros(chosen.size)
        n = self.a.size
        k = float(relative_rounding(self.x.shape[1], self.cost.norm, self.cost.power))
        for part, D, atoms in self._blocks(chosen):
            numbers = chosen[part]
            sizes = self.others.sizes[numbers]
            weights = self.others.weights[self.others.places(numbers)]
            starts, out = np.cumsum(sizes) - sizes, np.zeros(numbers.size)
            column = np.empty(int(sizes.max()))
            for first, last in _slices(sizes * n):
                relaxed_costs(
                    frozen(D), self.a, atoms, frozen(weights), starts, sizes,
                    first, last, steps, column, out,
                )  # fmt: skip
            bounds[part] = out * (1.0 - (k + 2.0 * (sizes + n + 8.0)) * _ROUNDING)
        return bounds

    def _blocks(self, chosen: IndexArray) -> Iterator[tuple[slice, FloatArray, IndexArray]]:
        """Parts of `chosen`, the costs (w, n) of their points, and their atoms as numbers of those.

        The costs of all points are kept where there is room, and are made block by block where
        there is not; measures whose own costs are too many are left out.
        """
        n, others = self.a.size, self.others
        if len(others.points) * n <= _KEPT_COSTS:
            if self._kept is None:
                self._kept = self.cost.pairwise(others.points, self.x)
            yield slice(0, chosen.size), self._kept, others.atoms[others.places(chosen)]
            return
        for first, last in _slices(others.sizes[chosen] * n):
            if int(others.sizes[chosen[first:last]].max()) * n > _MOST_PAIRS:
                continue
            used, atoms = np.unique(
                others.atoms[others.places(chosen[first:last])], return_inverse=True
            )
            D = self.cost.pairwise(others.points[used], self.x)
            yield slice(first, last), D, np.asarray(atoms, dtype=np.int64)


def _slices(work: IndexArray) -> list[tuple[int, int]]:
    """Ranges with about as much work each, some 10 ms, so that Ctrl-C is heard."""
    done = np.cumsum(work)
    cuts = np.searchsorted(done, np.arange(_COSTS_AT_ONCE, int(done[-1]), _COSTS_AT_ONCE))
    ends = np.unique(np.concatenate([cuts + 1, [work.size]])).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))
