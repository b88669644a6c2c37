"""Lower bounds of barycenter problems min_a sum_k λ_k W_p^p(a, b_k), with their rounding.

Each takes what anybody may have found and proves what it implies. Weights λ and b_k count as
rationals divided by their exact sums, as in `rounding`; u = 2**-53.

**Recentred potentials** (`support_bound`), over measures a on given points z_i. For feasible pairs
F_k(z_i) + G_k(y_j) <= C_k(i, j) every a of mass one has

    sum_k λ_k W(a, b_k) >= sum_i a_i sum_k λ_k F_k(z_i) + sum_k λ_k <G_k, b_k>
                        >= min_i sum_k λ_k F_k(z_i) + sum_k λ_k <G_k, b_k>.

**Multi-marginal identity** (`pairwise_bound`), W2 over all measures. Any coupling of a with all b_k
has sum_k λ_k |x - y_k|² >= sum_k λ_k |ȳ - y_k|² = sum_{i<j} λ_i λ_j |y_i - y_j|², and each term
costs at least W2²(b_i, b_j). (Agueh & Carlier, 2011, doi:10.1137/100805741, section 4.)

**Quadratic potentials** (`bures_bound`), centred measures of covariances S_k. For B positive
definite |x|² - x'Bx + |y|² - y'B⁻¹y <= |x - y|², as |B^(1/2) x - B^(-1/2) y|² >= 0. With
sum_k λ_k B_k <= I the parts in x add up to something non-negative, and every measure a has

    sum_k λ_k W2²(a, b_k) >= sum_k λ_k tr(S_k (I - B_k⁻¹)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .._typing import FloatArray
from ..problems import TransportProblem
from .rounding import U, cost_rounding
from .transforms import c_transform

__all__ = ["bures_bound", "pairwise_bound", "support_bound", "weighted_sum"]

# What a product or a sum near the least float may lose, with room; costs are never that small
# where digits matter.
_LOST = 1e-300


def weighted_sum(weights: FloatArray, numbers: Sequence[float]) -> tuple[float, float]:
    """Enclosure of sum_k λ_k v_k, where λ_k are `weights` (k,) over their exact sum.

    Products err by u each, the exact sum of them by another, the weights' sum and the division too.
    """
    products = [float(w) * float(v) for w, v in zip(weights, numbers, strict=True)]
    total = math.fsum(weights)
    value = math.fsum(products) / total
    slack = 2.0 * U * math.fsum(map(abs, products)) / total + 4.0 * U * abs(value)
    slack += _LOST if slack > 0.0 else 0.0
    return value - slack, value + slack


def pairwise_bound(weights: FloatArray, squares: FloatArray, mass: float) -> float:
    """Lower bound over all measures from those of W2² of all pairs.

    Parameters
    ----------
    weights : array (k,)
        λ, of sum one up to rounding.
    squares : array (k, k)
        Proven lower bounds of the cost of each pair i < j; what is on and below the diagonal is
        not read.
    mass : float
        Of each measure; the costs are those of this mass.

    Returns
    -------
    float
        In the unit of the squares.
    """
    k = len(weights)
    first, second = np.triu_indices(k, 1)
    products = weights[first] * weights[second] * np.maximum(squares[first, second], 0.0)
    # Two products and the sum; both factors are divided by the sum of the weights, and the masses
    # of two measures agree to rounding.
    total = math.fsum(weights)
    lower = math.fsum(products) / (total * total)
    return max(0.0, lower * (1.0 - 16.0 * U) - (_LOST * mass if lower > 0.0 else 0.0))


def support_bound(
    weights: FloatArray, problems: Sequence[TransportProblem], potentials: FloatArray
) -> tuple[float, FloatArray]:
    """Lower bound over the measures on the sources' points, from any potentials there.

    Parameters
    ----------
    weights : array (k,)
        λ, of sum one up to rounding.
    problems : sequence of k TransportProblem
        From the same points, n of any weights, to each measure.
    potentials : array (k, n)
        Any finite numbers. Their weighted mean over k is taken off first: it would only cost.

    Returns
    -------
    lower, potentials
        A number that no objective is below, and the potentials (k, n) without their mean.

    Notes
    -----
    Let k be the rounding of a cost. As derived in `rounding`, F - k u |F| and G - (k + 1) u |G| are
    feasible for computed G_j = min_i C_ij - F_i. The sum over k of n products errs by (K + 1) u of
    the sum of sizes, that over j by 2 u and by 2 u of the division by the weights' own sum.
    """
    total = math.fsum(weights)
    mean = (weights @ potentials) / total
    centred = potentials - mean
    n_measures = len(weights)
    k = max(cost_rounding(problem) for problem in problems)
    sizes = weights @ np.abs(centred)
    on_support = weights @ centred - (k + n_measures + 2.0) * U * sizes
    parts = [float(on_support.min())]
    slack = 0.0
    for weight, problem, F in zip(weights, problems, centred, strict=True):
        G = c_transform(problem, F)
        b = problem.target.weights
        products = b * G
        share = math.fsum(b)
        size = math.fsum(np.abs(products)) / share
        parts.append(float(weight) * (math.fsum(products) / share))
        slack += float(weight) * (k + 8.0) * U * size
    value = math.fsum(parts) / total
    # Products with λ, the sums and the division by the sum of λ.
    slack = slack / total * (1.0 + 1e-9) + 6.0 * U * math.fsum(map(abs, parts)) / total
    lower = (value - slack) * problems[0].mass
    lower -= 2.0 * U * abs(lower) + _LOST
    return (lower if math.isfinite(lower) else -math.inf), centred


def _product_error(*factors: FloatArray) -> float:
    """Bound on the Frobenius error of a computed product of three (d, d) factors.

    |fl(XY) - XY| <= γ |X| |Y| entry by entry in any order of summation, γ = d u / (1 - d u), and a
    third factor has the error of the first product, too.
    """
    first, second, third = (np.abs(factor) for factor in factors)
    d = len(first)
    # The bound itself is rounded, which the factor 1.01 pays for.
    size = float(np.linalg.norm(first @ second @ third))
    return 1.01 * 2.0 * d * U / (1.0 - 4.0 * d * U) * size


def bures_bound(weights: FloatArray, covariances: FloatArray, B: FloatArray) -> float:
    """Lower bound over all centred measures from symmetric matrices B_k near the optimal ones.

    Parameters
    ----------
    weights : array (k,)
        λ, of sum one up to rounding.
    covariances : array (k, d, d)
        Of the centred measures, in a unit in which their entries are moderate.
    B : array (k, d, d)
        Any symmetric matrices; -inf is returned where they cannot be shown to be positive definite.

    Notes
    -----
    B_k are divided by 1 + δ, where δ bounds the largest eigenvalue of sum_k λ_k B_k - I by its
    Frobenius norm. With any Z near L⁻¹, where L L' is near B, and |Z B Z' - I| <= ε < 1 the matrix
    Z B Z' is positive definite, so B is, and

        tr(S B⁻¹) = tr(Z S Z' (Z B Z')⁻¹) <= tr(Z S Z') / (1 - ε).
    """
    k, d = len(weights), covariances.shape[1]
    total = math.fsum(weights)
    identity = np.eye(d)
    mean = np.einsum("k,kij->ij", weights, B) / total
    sizes = float(weights @ np.linalg.norm(B, axis=(1, 2))) / total
    delta = float(np.linalg.norm(mean - identity)) * (1.0 + (d * d + 4.0) * U)
    delta += (k + 8.0) * U * (sizes + math.sqrt(d))
    traces = []
    for weight, S, matrix in zip(weights, covariances, B, strict=True):
        if weight == 0.0:
            traces.append(0.0)
            continue
        try:
            Z = np.linalg.inv(np.linalg.cholesky(matrix))
        except np.linalg.LinAlgError:
            return -math.inf
        epsilon = float(np.linalg.norm(Z @ matrix @ Z.T - identity)) * (1.0 + (d * d + 4.0) * U)
        epsilon += _product_error(Z, matrix, Z.T) + math.sqrt(d) * U
        if not epsilon < 0.5:
            return -math.inf
        # tr(Z S Z') = sum of (Z S) * Z: d products of a sum of d, all of one matrix.
        part = np.abs(Z) @ np.abs(S)
        trace = math.fsum(((Z @ S) * Z).ravel())
        trace += (d + 4.0) * U * math.fsum((part * np.abs(Z)).ravel())
        inverse = trace * (1.0 + delta) / (1.0 - epsilon) * (1.0 + 8.0 * U)
        traces.append(math.fsum(np.diagonal(S)) * (1.0 - 2.0 * U) - inverse)
    return weighted_sum(weights, traces)[0]
