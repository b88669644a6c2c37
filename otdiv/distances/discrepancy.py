"""Maximum mean discrepancy between samples, discrete measures and Gaussians."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._kernels import pair_sums as kernels
from .._laws import as_law, is_law
from .._typing import FloatArray
from .._validation import check_choice, check_positive
from ..costs import Euclidean
from ..errors import InvalidInputError, UnsupportedProblemError
from ..measures import Gaussian
from ..results import Valued
from .leading import has_leading_axes, over_leading_axes
from .samples import (
    SamplePair,
    SignedAtoms,
    as_sample_pair,
    of_extent_one,
    pair_sum,
    triangle_sum,
)

__all__ = [
    "DiscrepancyResult",
    "maximum_mean_discrepancy",
    "maximum_mean_discrepancy_result",
    "median_distance",
]

KernelName = Literal["gaussian", "laplace"]
_FORMS = {"gaussian": kernels.GAUSSIAN, "laplace": kernels.LAPLACE}
_LOG2_E = math.log2(math.e)
# Points of the median heuristic: half a million pairs; by taste.
_MEDIAN_POINTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscrepancyResult(Valued):
    """A maximum mean discrepancy with what it was made of.

    Attributes
    ----------
    value : float
        The root of `squared`, or 0 where that is negative; without unit, at most sqrt(2).
    squared : float
        Estimate of the squared discrepancy; with `unbiased` it can be negative.
    bandwidth : float
        Length scale of the kernel, in the unit of the points.
    kernel : {"gaussian", "laplace"}
        Name of the kernel.
    unbiased : bool
        Whether pairs of a point with itself were left out.
    """

    value: float
    squared: float
    bandwidth: float
    kernel: KernelName
    unbiased: bool


@keeps_arrays("maximum_mean_discrepancy")
@explains_calls()
def maximum_mean_discrepancy(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    kernel: KernelName = "gaussian",
    bandwidth: float | None = None,
    unbiased: bool = False,
) -> Any:
    """Maximum mean discrepancy sqrt(E k(X, X') + E k(Y, Y') - 2 E k(X, Y)), the root.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Samples or `DiscreteMeasure`s; or two `Gaussian`s with the Gaussian kernel. Arrays
        (..., n, d) and (..., m, d) are many clouds, whose first axes broadcast.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies, each side normalised to 1; uniform by default. Those of many clouds
        may have first axes too.
    kernel : {"gaussian", "laplace"}, default "gaussian"
        k = exp(-|x - y|² / (2 h²)) or exp(-|x - y| / h), with the Euclidean norm.
    bandwidth : float, optional
        Length h, in the unit of the points. None takes the median of the distances between
        distinct points of both samples together (the median heuristic), for each pair of clouds; of
        more than 1000 such points, every k-th in lexicographic order. Comparable numbers need one
        common bandwidth.
    unbiased : bool, default False
        Leave out the pairs of a point with itself (the U-statistic). Its square can be negative;
        the root is then 0: see `maximum_mean_discrepancy_result`.

    Returns
    -------
    float or array
        Discrepancy without unit, in [0, sqrt(2)]; an array where there are many clouds. With the
        default estimator it is exactly 0 for equal empirical laws; a value below 1e-8 is rounding.

    Raises
    ------
    InvalidInputError
        For bad samples, weights or bandwidths; for `unbiased` with a side of a single point; for
        Gaussians without a bandwidth.
    UnsupportedProblemError
        For other laws than two Gaussians with the Gaussian kernel.

    References
    ----------
    Gretton, Borgwardt, Rasch, Schölkopf, Smola (2012), *A kernel two-sample test*, JMLR 13,
    equations 3 and 5 and lemma 6.

    Examples
    --------
    >>> from otdiv import maximum_mean_discrepancy
    >>> maximum_mean_discrepancy([0.0], [1.0], bandwidth=1.0) ** 2  # 2 - 2 exp(-1/2)
    0.78693868057473...
    >>> maximum_mean_discrepancy([0.0, 1.0], [1.0, 0.0])
    0.0
    """
    if has_leading_axes(x, y):
        return over_leading_axes(
            *(x, y, x_weights, y_weights),
            lambda x, y, a, b: maximum_mean_discrepancy(
                *(x, y),
                x_weights=a,
                y_weights=b,
                kernel=kernel,
                bandwidth=bandwidth,
                unbiased=unbiased,
            ),
        )
    return maximum_mean_discrepancy_result(
        x,
        y,
        x_weights=x_weights,
        y_weights=y_weights,
        kernel=kernel,
        bandwidth=bandwidth,
        unbiased=unbiased,
    ).value


@keeps_arrays("maximum_mean_discrepancy")
@explains_calls()
def maximum_mean_discrepancy_result(
    x: Any,
    y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    kernel: KernelName = "gaussian",
    bandwidth: float | None = None,
    unbiased: bool = False,
) -> DiscrepancyResult:
    """`maximum_mean_discrepancy` with its square, whatever its sign, and the bandwidth.

    Parameters are those of `maximum_mean_discrepancy`.

    Returns
    -------
    DiscrepancyResult

    Raises
    ------
    InvalidInputError, UnsupportedProblemError
        As in `maximum_mean_discrepancy`.

    Examples
    --------
    >>> from otdiv.distances import maximum_mean_discrepancy_result
    >>> result = maximum_mean_discrepancy_result([0.0, 3.0], [1.0, 2.0], unbiased=True)
    >>> result.bandwidth, result.squared < 0.0, result.value
    (1.5, True, 0.0)
    """
    name: KernelName = check_choice("kernel", kernel, tuple(_FORMS))  # type: ignore[assignment]
    if bandwidth is not None:
        bandwidth = check_positive("bandwidth", bandwidth)
    x, y = as_law("x", x), as_law("y", y)
    if is_law(x) or is_law(y):
        if x_weights is not None or y_weights is not None:
            raise InvalidInputError("x_weights, y_weights", "be None for laws", "weights")
        squared = _between_gaussians(x, y, name, bandwidth)
        assert bandwidth is not None
    else:
        pair = as_sample_pair(x, y, x_weights, y_weights)
        atoms = SignedAtoms.from_pair(pair)
        if bandwidth is None:
            bandwidth = median_distance(atoms.points)
        squared = _sample_square(pair, atoms, name, bandwidth, unbiased)
    value = math.sqrt(max(0.0, squared))
    return DiscrepancyResult(
        value=value, squared=squared, bandwidth=bandwidth, kernel=name, unbiased=bool(unbiased)
    )


def median_distance(points: FloatArray) -> float:
    """Median distance between distinct points, or 1 where there is but one: no pair uses it."""
    step = -(-len(points) // _MEDIAN_POINTS)
    chosen = np.ascontiguousarray(points[::step])
    if len(chosen) < 2:
        return 1.0
    rows, columns = np.triu_indices(len(chosen), 1)
    scaled, scale = of_extent_one(chosen)
    distances = Euclidean().pairwise(scaled, scaled)[rows, columns]
    median = float(np.median(distances)) * scale
    if not 0.0 < median < math.inf:
        raise InvalidInputError("bandwidth", "be given: distances leave float64", median)
    return median


def _in_bandwidths(points: FloatArray, kernel: str, bandwidth: float) -> FloatArray:
    """Points scaled so that k is 2**(-r²) or 2**(-r) of their distance r.

    Distances beyond 1e150 bandwidths are clipped: their kernel is 0 and their square must fit.
    """
    unit = math.sqrt(0.5 * _LOG2_E) if kernel == "gaussian" else _LOG2_E
    centre = points.min(axis=0)
    with np.errstate(over="ignore"):
        scaled = (points - centre) / bandwidth * unit
    return np.asarray(np.minimum(scaled, 1e150))


def _sample_square(
    pair: SamplePair, atoms: SignedAtoms, kernel: str, bandwidth: float, unbiased: bool
) -> float:
    form = _FORMS[kernel]
    if not unbiased:
        z, w = atoms.present()
        if w.size == 0:
            return 0.0
        z = _in_bandwidths(z, kernel, bandwidth)
        return math.fsum(w * w) + 2.0 * triangle_sum(z, w, form, 2.0)
    a, b = pair.weights()
    z = _in_bandwidths(np.concatenate([pair.x, pair.y]), kernel, bandwidth)
    x, y = z[: a.size], z[a.size :]
    total = -2.0 * pair_sum(x, y, a, b, form, 2.0)
    for side, points, weights in (("x", x, a), ("y", y, b)):
        # Share of pairs of two different rows; with uniform weights it is (n - 1) / n.
        others = 1.0 - math.fsum(weights * weights)
        if np.count_nonzero(weights) < 2 or others <= 0.0:
            raise InvalidInputError(side, "hold two points at least where `unbiased` is set", 1)
        total += 2.0 * triangle_sum(points, weights, form, 2.0) / others
    return total


def _between_gaussians(x: Any, y: Any, kernel: str, bandwidth: float | None) -> float:
    """Square for two Gaussians: the mean of the kernel is a Gaussian density up to a factor."""
    if not (isinstance(x, Gaussian) and isinstance(y, Gaussian) and kernel == "gaussian"):
        raise UnsupportedProblemError(
            "the discrepancy of laws is known for two Gaussians and kernel='gaussian'; draw samples"
        )
    if bandwidth is None:
        raise InvalidInputError("bandwidth", "be given for laws: there is no median distance")
    if x.d != y.d:
        raise InvalidInputError("y", f"have dimension {x.d} like `x`", y.d)
    if np.array_equal(x.mean, y.mean) and np.array_equal(x.covariance, y.covariance):
        return 0.0
    zero = np.zeros(x.d)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        A, B = x.covariance / bandwidth / bandwidth, y.covariance / bandwidth / bandwidth
        shift = 0.5 * x.mean / bandwidth - 0.5 * y.mean / bandwidth
        variances = 2.0 * A, 2.0 * B, A + B
        if not (np.isfinite(variances).all() and np.isfinite(shift).all()):
            requirement = "be large enough that the laws stay within float64 in units of it"
            raise InvalidInputError("bandwidth", requirement, bandwidth)
        first, second = (_mean_kernel(zero, covariance) for covariance in variances[:2])
        return first + second - 2.0 * _mean_kernel(2.0 * shift, variances[2])


def _mean_kernel(shift: FloatArray, covariance: FloatArray) -> float:
    """E exp(-|Z|²/2) of Z ~ N(shift, V): exp(-shiftᵀ (I + V)⁻¹ shift / 2) / sqrt(det(I + V))."""
    root = np.linalg.cholesky(np.eye(shift.size) + covariance)
    z = np.linalg.solve(root, shift)
    return math.exp(-0.5 * float(z @ z) - float(np.log(np.diag(root)).sum()))
