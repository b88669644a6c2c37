"""Barycenters of Gaussians in W2: a fixed point of covariances, and its gap in closed form.

With A_k = S^(-1/2) (S^(1/2) S_k S^(1/2))^(1/2) S^(-1/2), the Monge map from N(0, S) to N(0, S_k),
the barycenter is where M = sum_k λ_k A_k = I, and S <- M S M decreases the objective
(Álvarez-Esteban, del Barrio, Cuesta-Albertos & Matrán, 2016, arXiv:1511.05355). On the way
B_k = M^(-1/2) A_k M^(-1/2) adds up to the identity, which is what a lower bound needs
(`certificates.barycenters`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .._typing import FloatArray
from ..certificates.barycenters import bures_bound, weighted_sum
from ..certificates.rounding import U
from ..distances.laws.gaussians import bures_distance
from ..errors import InvalidInputError, UnsupportedProblemError
from ..measures import Gaussian, in_units
from ..results import Bounds, Status
from ..solving import EXACT_RTOL
from .family import Clock, status_of
from .result import BarycenterResult

__all__ = ["gaussian_barycenter_of"]

# Share of the largest variance that is added on the way to covariances that are singular up to
# rounding, so that their roots have inverses of moderate size; the bounds are those of the
# covariances that were given. The root of it is what the objective moves by.
_RIDGE = 1e-11
# Eigenvalues below this share of the largest variance count as singular; by taste.
_SINGULAR = 1e-10
# Shares of the identity that are mixed into singular B_k, so that they have inverses: the best of
# these is taken.
_MIXED = (0.0, 1e-7, 1e-5, 1e-3, 1e-2, 1e-1)
# Share of its gap that a step leaves where it gets somewhere, and steps that get nowhere after
# which rounding is all that is left; by taste.
_PROGRESS, _PATIENCE = 0.99, 3
# The same for singular covariances, whose first lower bounds are worth nothing.
_MORE_PATIENCE = 30
# Eigenvalues of a barycenter of singular covariances below this share of the largest are tried
# without: they may be what was added to the covariances. By taste.
_SPURIOUS = 1e-6


def gaussian_barycenter_of(
    gaussians: Sequence[Gaussian],
    weights: FloatArray,
    *,
    rtol: float | None,
    max_iterations: int,
    clock: Clock,
) -> BarycenterResult:
    """The Gaussian of least sum_k λ_k W2², with bounds over all measures of finite variance."""
    d = gaussians[0].d
    for index, one in enumerate(gaussians):
        if one.d != d:
            requirement = f"have dimension {d} like measures[0]"
            raise InvalidInputError(f"measures[{index}]", requirement, one.d)
    means = np.array([one.mean for one in gaussians])
    mean, spread = _mean_part(means, weights)
    given = np.array([one.covariance for one in gaussians])
    largest = float(np.max(np.diagonal(given, axis1=1, axis2=2)))
    if largest > 1e200 or float(np.abs(means).max()) > 1e100:
        requirement = "have means below 1e100 and variances below 1e200"
        raise InvalidInputError("measures", requirement, "larger ones", "(rescale them)")
    # A power of two: nothing is rounded unless it is far below the largest variance.
    exponent = math.frexp(largest)[1] if largest > 0.0 else 0
    exponent += exponent % 2
    half = np.full(given.shape[1], exponent // 2, dtype=np.int32)
    covariances = np.array([in_units(one, half) for one in given])
    search = _Search(covariances, weights)
    unit = math.ldexp(1.0, exponent)
    best = Bounds(0.0, math.inf)
    patience = _MORE_PATIENCE if search.is_singular else _PATIENCE
    found, costs, quiet = search.S, np.zeros(len(weights)), 0
    for _ in range(max_iterations):
        bounds, tried, parts = search.bounds()
        if bounds.upper < best.upper:
            found, costs = tried, parts
        gap = best.gap
        lower = max(best.lower, bounds.lower)
        best = Bounds(min(lower, best.upper, bounds.upper), min(best.upper, bounds.upper))
        quiet = quiet + 1 if best.gap >= _PROGRESS * gap else 0
        total = _added(best, unit, spread)
        clock.lower, clock.upper = total.lower, total.upper
        clock.iteration += 1
        if total.meets(rtol or 0.0, 0.0) or quiet >= patience or clock.asks_to_stop():
            break
        search.step()
    total = _added(best, unit, spread)
    shifts = np.square(means - mean).sum(axis=1)
    # Rounding of variances, which no float resolves.
    floor = 64.0 * len(found) * U * unit
    status = status_of(total, EXACT_RTOL if rtol is None else rtol, floor, clock)
    if status is Status.STALLED and clock.iteration >= max_iterations:
        status = Status.MAX_ITERATIONS
    return BarycenterResult(
        measure=Gaussian(mean=mean, covariance=np.ldexp(found, exponent)),
        value=total.upper,
        bounds=total,
        bounds_of="free",
        status=status,
        weights=weights,
        costs=shifts + unit * costs,
        plans=(),
        n_iterations=clock.iteration,
        measures=tuple(gaussians),
    )


def _mean_part(means: FloatArray, weights: FloatArray) -> tuple[FloatArray, Bounds]:
    """The mean of the barycenter, and an enclosure of what the means (k, d) cost.

    The least sum_k λ_k |m - m_k|² is sum_{i<j} λ_i λ_j |m_i - m_j|²: differences of the means lose
    no digits that matter. The mean that is found is off by (k + 2) u of the largest, squared.
    """
    mean = weights @ means / weights.sum()
    k, d = means.shape
    first, second = np.triu_indices(k, 1)
    squares = np.square(means[first] - means[second]).sum(axis=1)
    total = math.fsum(weights)
    least = math.fsum(weights[first] * weights[second] * squares) / (total * total)
    share = (d + 16.0) * U * least
    error = (k + 4.0) * U * float(np.abs(means).max()) * math.sqrt(d)
    return mean, Bounds(max(0.0, least - share), least + share + error * error)


def _added(bounds: Bounds, unit: float, spread: Bounds) -> Bounds:
    """Both parts of the objective; `unit` is a power of two."""
    lower = (unit * bounds.lower + spread.lower) * (1.0 - 2.0 * U)
    return Bounds(lower, max(lower, (unit * bounds.upper + spread.upper) * (1.0 + 2.0 * U)))


class _Search:
    """The fixed point, one step at a time."""

    def __init__(self, covariances: FloatArray, weights: FloatArray):
        self.covariances, self.weights = covariances, weights
        self.identity = np.eye(covariances.shape[1])
        least = min(float(np.linalg.eigvalsh(S)[0]) for S in covariances)
        self.is_singular = least < _SINGULAR
        self.lifted = covariances + (_RIDGE if self.is_singular else 0.0) * self.identity
        # The barycenter of multiples of one matrix: a start that is exact on the line.
        root = np.einsum("k,kij->ij", weights, np.array([_power(S, 0.5) for S in self.lifted]))
        self.S = _symmetric(root @ root)
        self.A = np.zeros_like(covariances)
        self.M = self.identity

    def bounds(self) -> tuple[Bounds, FloatArray, FloatArray]:
        """Bounds at the present S, which may be moved a little; with the costs (k,) to each."""
        root, inverse = _power(self.S, 0.5), _power(self.S, -0.5)
        self.A = np.array(
            [_symmetric(inverse @ _power(root @ S @ root, 0.5) @ inverse) for S in self.lifted]
        )
        self.M = np.einsum("k,kij->ij", self.weights, self.A) / self.weights.sum()
        outer = _power(self.M, -0.5)
        B = np.array([_symmetric(outer @ A @ outer) for A in self.A])
        lower = max(
            bures_bound(self.weights, self.covariances, B + mixed * (self.identity - B))
            for mixed in (_MIXED if self.is_singular else _MIXED[:1])
        )
        candidates = [self.S, _clipped(self.S)] if self.is_singular else [self.S]
        upper, S, costs = min(map(self._objective, candidates), key=lambda found: found[0])
        return Bounds(min(max(lower, 0.0), upper), upper), S, costs

    def _objective(self, S: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Upper bound of the objective of S, S itself and the costs (k,) to each covariance."""
        squares, costs = [], []
        for given in self.covariances:
            value, _, upper = bures_distance(S, given)
            squares.append(upper * upper * (1.0 + 2.0 * U))
            costs.append(value * value)
        return weighted_sum(self.weights, squares)[1], S, np.array(costs)

    def step(self) -> None:
        """S <- M S M."""
        self.S = _symmetric(self.M @ self.S @ self.M)


def _symmetric(matrix: FloatArray) -> FloatArray:
    return 0.5 * (matrix + matrix.T)


def _power(matrix: FloatArray, exponent: float) -> FloatArray:
    """Power of a positive semi-definite matrix; eigenvalues below rounding count as rounding."""
    values, vectors = np.linalg.eigh(matrix)
    floor = max(float(values[-1]) * U * len(values), 1e-30)
    return np.asarray((vectors * np.maximum(values, floor) ** exponent) @ vectors.T)


def _clipped(matrix: FloatArray) -> FloatArray:
    """The matrix without eigenvalues that are far below the largest."""
    values, vectors = np.linalg.eigh(matrix)
    kept = np.where(values > _SPURIOUS * values[-1], values, 0.0)
    return _symmetric((vectors * kept) @ vectors.T)


def check_order(p: float) -> None:
    """Raise unless p is 2."""
    if p != 2.0:
        raise UnsupportedProblemError(
            f"barycenters of Gaussians are those of W2; got p={p:g}: draw samples for another order"
        )
