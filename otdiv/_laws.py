"""Laws of other libraries: those that are read here in one form, and a word about the others.

What reads a law without samples asks for the methods of a frozen scipy.stats law: `cdf`, `sf`,
`ppf`, `isf`, `support`, `stats`, and `logpdf` or `logpmf`. SciPy's newer distributions have them
under other names; a frozen multivariate normal law is a `Gaussian`.

scipy.stats takes long to import and is imported here only where an object has made it do so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ._typing import FloatArray
from ._validation import LAW_METHODS
from .errors import InvalidInputError, UnsupportedProblemError
from .measures import DiscreteMeasure, Gaussian
from .mixtures import GaussianMixture, log_densities

__all__ = ["MixtureLaw", "as_law", "is_law"]

_NEW_NAMES = ("cdf", "ccdf", "icdf", "iccdf", "logpdf", "logpmf", "support", "variance")
# Where the functions of a continuous law are compared, and how far they must agree. By taste: a
# wrong one is off by far more, root finding leaves less.
_LEVELS = np.array([1e-3, 0.1, 0.5, 0.9])
_AGREEMENT = 1e-7
_OLD_NAMES = ("cdf", "sf", "ppf", "isf", "support")


def is_law(value: Any) -> bool:
    """Whether `value` is a law without samples, of this library or another.

    Examples
    --------
    >>> from otdiv import Gaussian
    >>> from otdiv._laws import is_law
    >>> is_law(Gaussian(0.0, covariance=1.0)), is_law([0.0, 1.0])
    (True, False)
    """
    if type(value) in (np.ndarray, list, tuple, DiscreteMeasure) or hasattr(value, "__array__"):
        return False
    return isinstance(value, Gaussian | GaussianMixture) or any(
        hasattr(value, name) for name in LAW_METHODS
    )


def as_law(name: str, value: Any) -> Any:
    """Return a law in a form that is read here; what is no law is returned as it came.

    Raises
    ------
    InvalidInputError
        For a class of laws in the place of a law.
    UnsupportedProblemError
        For laws that are not read here; the text names the way out.
    """
    if not is_law(value) or isinstance(value, Gaussian | _Law):
        return value
    if isinstance(value, GaussianMixture):
        return _of_mixture(name, value)
    kind = type(value)
    if isinstance(value, type):
        requirement = "be a law with its parameters"
        raise InvalidInputError(name, requirement, f"the class {value.__name__}", "(call it)")
    if all(hasattr(value, method) for method in _NEW_NAMES):
        support = np.asarray(value.support(), dtype=np.float64)
        if support.ndim > 1:
            found = f"shape {support.shape[1:]}"
            raise InvalidInputError(name, "be one law, its parameters scalars", found)
        return _renamed(value)
    if kind.__name__ == "multivariate_normal_frozen":
        return Gaussian(value.mean, covariance=value.cov)
    if all(hasattr(value, method) for method in _OLD_NAMES):
        return value
    raise UnsupportedProblemError(
        f"`{name}` is a law that is not read here ({kind.__name__}); pass a Gaussian, a frozen 1-D "
        "law of scipy.stats or a DiscreteMeasure, or draw samples from it and pass them to a "
        "distance, as wasserstein1, energy_distance or maximum_mean_discrepancy"
    )


def _of_mixture(name: str, value: GaussianMixture) -> Any:
    if value.d != 1:
        raise UnsupportedProblemError(
            f"`{name}` is a mixture in {value.d} dimensions: `gaussian_mixture_distance_result` "
            "compares two of them, with bounds of W2; or draw samples from it, `sample(n)`"
        )
    if value.n_components == 1 or not value.covariances.all():
        if value.n_components == 1:
            return value.components[0]
        if not value.covariances.any():
            return DiscreteMeasure(value.means, weights=value.weights)
        k = int(np.argmin(value.covariances[:, 0, 0]))
        raise UnsupportedProblemError(
            f"component {k} of `{name}` has no variance and others have: a law with atoms and a "
            "density is not read here; draw samples from it, `sample(n)`"
        )
    return MixtureLaw(value)


def _renamed(law: Any) -> Any:
    """Give one of SciPy's newer distributions the names of the older ones."""
    parents = {base.__name__ for base in type(law).__mro__}
    if "Normal" in parents:
        from scipy.stats import norm  # loaded already: the law is its own

        return norm(loc=float(law.mu), scale=float(law.sigma))
    if "DiscreteDistribution" in parents:
        return _DiscreteLaw(law)
    base = getattr(law, "_dist", None)
    if "TruncatedDistribution" in parents and base is not None:
        return _checked(_TruncatedLaw(law, _renamed(base)))
    return _checked(_ContinuousLaw(law))


def _checked(law: _ContinuousLaw) -> _ContinuousLaw:
    """Return the law if its distribution and its survival function add up to one."""
    ends = np.asarray(law.support(), dtype=np.float64)
    if not ends[0] < ends[1]:
        return law  # no valid parameters, which who integrates says
    places = np.concatenate([law.ppf(_LEVELS), law.isf(_LEVELS)])
    # NaN does not add up either.
    if not (np.abs(law.cdf(places) + law.sf(places) - 1.0) <= _AGREEMENT).all():
        raise UnsupportedProblemError(
            f"the cdf and the survival function of {type(law.dist).__name__} of scipy.stats "
            "contradict each other; pass a frozen law of scipy.stats "
            "(`scipy.stats.norm(loc=0, scale=1)` is one), or samples"
        )
    return law


def _rank(x: FloatArray) -> NDArray[np.int64]:
    """Whole numbers in the order of floats, one for each; `_at_rank` is the inverse."""
    bits = np.asarray(x, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _at_rank(rank: NDArray[np.int64]) -> FloatArray:
    bits = np.where(rank < 0, np.int64(-(2**63)) - rank, rank)
    return bits.view(np.float64)


def _first(reached: Callable[[FloatArray], Any], low: float, high: float, n: int) -> FloatArray:
    """Return the least of all floats (n,) in [low, high] from which on `reached` is True."""
    left, right = (np.full(n, _rank(np.array(end))) for end in (low, high))
    while (left < right).any():
        # The mean of two ranks whose sum would overflow.
        middle = (left >> 1) + (right >> 1) + (left & right & 1)
        found = np.asarray(reached(_at_rank(middle)), dtype=bool)
        left, right = (
            np.where(found, left, np.minimum(middle + 1, right)),
            np.where(found, middle, right),
        )
    return _at_rank(right)


class _Law:
    """One of SciPy's newer distributions as a frozen law."""

    def __init__(self, law: Any):
        self.dist = law

    def cdf(self, x: Any) -> Any:
        """P(X <= x)."""
        return self._at(self.dist.cdf, x)

    def sf(self, x: Any) -> Any:
        """P(X > x)."""
        return self._at(self.dist.ccdf, x)

    def ppf(self, u: Any) -> Any:
        """Quantile of level u."""
        return self._at(self.dist.icdf, u)

    def isf(self, v: Any) -> Any:
        """Quantile of level 1 - v."""
        return self._at(self.dist.iccdf, v)

    def support(self) -> Any:
        """Return both ends."""
        return self._of(self.dist.support)

    def mean(self) -> Any:
        """Mean."""
        return self._of(self.dist.mean)

    def std(self) -> Any:
        """Return the standard deviation."""
        return self._of(self.dist.standard_deviation)

    def stats(self, moments: str) -> tuple[Any, Any]:
        """Mean and variance, which are the moments that are asked for ("mv")."""
        return self.mean(), self._of(self.dist.variance)

    def _at(self, method: Callable[..., Any], x: Any) -> Any:
        """Values (...) at x (...) of a method that may not take scalars."""
        x = np.asarray(x, dtype=np.float64)
        return np.asarray(self._of(method, np.atleast_1d(x))).reshape(x.shape)[()]

    def _of(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Call the law's own method: its warnings are silenced, its errors named."""
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return method(*arguments)
        except Exception as error:  # of any kind: another library's
            raise UnsupportedProblemError(
                f"{type(self.dist).__name__}.{method.__name__} of scipy.stats failed "
                f"({type(error).__name__}: {error}); draw samples from the law instead"
            ) from error


class _ContinuousLaw(_Law):
    """A law with a density, whose inverse functions are not taken on trust.

    Of the laws that `scipy.stats.make_distribution` and `truncate` make, some invert their
    functions wrongly, or raise: where the function of a quantile is not the level, the quantile is
    found by bisection.
    """

    def cdf(self, x: Any) -> Any:
        """P(X <= x)."""
        return self._or_complement(self.dist.cdf, self.dist.ccdf, x)

    def sf(self, x: Any) -> Any:
        """P(X > x)."""
        return self._or_complement(self.dist.ccdf, self.dist.cdf, x)

    def ppf(self, u: Any) -> Any:
        """Quantile of level u."""
        return self._quantile(u, self.dist.icdf, self.cdf, np.greater_equal)

    def isf(self, v: Any) -> Any:
        """Quantile of level 1 - v."""
        return self._quantile(v, self.dist.iccdf, self.sf, np.less_equal)

    def pdf(self, x: Any) -> Any:
        """Density."""
        return self._at(self.dist.pdf, x)

    def logpdf(self, x: Any) -> Any:
        """Logarithm of the density."""
        return self._at(self.dist.logpdf, x)

    def _or_complement(self, method: Callable[..., Any], other: Callable[..., Any], x: Any) -> Any:
        """Values of one function; SciPy has NaN for some where the other one rounds to 1."""
        values = self._at(method, x)
        missing = np.isnan(values)
        return np.where(missing, 1.0 - self._at(other, x), values)[()] if missing.any() else values

    def _quantile(
        self,
        level: Any,
        inverse: Callable[..., Any],
        function: Callable[..., Any],
        reaches: Callable[..., Any],
    ) -> Any:
        level = np.asarray(level, dtype=np.float64)
        flat = level.ravel()
        try:
            x = np.array(self._at(inverse, flat))
        except UnsupportedProblemError:
            x = np.full(flat.shape, np.nan)
        wrong = ~(np.abs(function(x) - flat) <= _AGREEMENT * flat)
        if wrong.any():
            low, high = (float(end) for end in self.support())
            rest = flat[wrong]
            x[wrong] = _first(lambda z: reaches(function(z), rest), low, high, rest.size)
        return x.reshape(level.shape)[()]


class MixtureLaw(_ContinuousLaw):
    """A mixture of normal laws on the line, whose quantiles are found by bisection."""

    def __init__(self, law: GaussianMixture):
        super().__init__(law)
        self.centres, self.scales = law.means[:, 0], np.sqrt(law.covariances[:, 0, 0])
        self.shares = law.weights

    def cdf(self, x: Any) -> Any:
        """P(X <= x)."""
        return self._mean_of(ndtr, x, 1.0)

    def sf(self, x: Any) -> Any:
        """P(X > x)."""
        return self._mean_of(ndtr, x, -1.0)

    def _mean_of(self, function: Callable[..., Any], x: Any, sign: float) -> Any:
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(all="ignore"):
            z = sign * (x[..., None] - self.centres) / self.scales
        return (function(z) @ self.shares)[()]

    def _quantile(
        self,
        level: Any,
        inverse: Callable[..., Any],
        function: Callable[..., Any],
        reaches: Callable[..., Any],
    ) -> Any:
        level = np.asarray(level, dtype=np.float64)
        flat = level.ravel()
        # A quantile of a mixture lies between the least and the largest of its components'.
        own = self.centres + self.scales * inverse(flat)[:, None]
        ends = own.min(axis=1), own.max(axis=1)
        x = np.where(ends[0] == ends[1], ends[0], np.nan)
        open_ = np.isfinite(ends[0]) & np.isfinite(ends[1]) & np.isnan(x)
        x[~open_ & np.isnan(x)] = ends[0][~open_ & np.isnan(x)]
        if open_.any():
            low, high = _rank(ends[0][open_]), _rank(ends[1][open_])
            asked = flat[open_]
            while (low < high).any():
                middle = (low >> 1) + (high >> 1) + (low & high & 1)
                found = np.asarray(reaches(function(_at_rank(middle)), asked), dtype=bool)
                low, high = np.where(found, low, middle + 1), np.where(found, middle, high)
                high = np.maximum(low, high)
            x[open_] = _at_rank(high)
        return x.reshape(level.shape)[()]

    def ppf(self, u: Any) -> Any:
        """Quantile of level u."""
        return self._quantile(u, ndtri, self.cdf, np.greater_equal)

    def isf(self, v: Any) -> Any:
        """Quantile of level 1 - v."""
        return self._quantile(v, lambda level: -ndtri(level), self.sf, np.less_equal)

    def partial_means(self, ends: FloatArray) -> FloatArray:
        """E[X; X in (ends[b - 1], ends[b]]] of all intervals, -inf and inf among the ends."""
        z = (ends[:, None] - self.centres) / self.scales
        heights = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
        # On either side of a centre masses are counted from the side on which they are small.
        below = np.where(z < 0.0, ndtr(z), -ndtr(-z))
        masses = np.diff(below, axis=0) + np.diff((z >= 0.0).astype(np.float64), axis=0)
        terms = self.centres * masses - self.scales * np.diff(heights, axis=0)
        return np.asarray(terms @ self.shares)

    def support(self) -> Any:
        """Return both ends."""
        return -np.inf, np.inf

    def mean(self) -> Any:
        """Mean."""
        return float(self.dist.mean[0])

    def std(self) -> Any:
        """Return the standard deviation."""
        return float(np.sqrt(self.dist.covariance[0, 0]))

    def stats(self, moments: str) -> tuple[Any, Any]:
        """Mean and variance, which are the moments that are asked for ("mv")."""
        return self.mean(), float(self.dist.covariance[0, 0])

    def pdf(self, x: Any) -> Any:
        """Density."""
        return np.exp(self.logpdf(x))

    def logpdf(self, x: Any) -> Any:
        """Logarithm of the density."""
        x = np.asarray(x, dtype=np.float64)
        logs = log_densities(self.dist, x.reshape(-1, 1))
        return np.logaddexp.reduce(logs, axis=1).reshape(x.shape)[()]


class _TruncatedLaw(_ContinuousLaw):
    """A law between two ends, by the functions of the whole law.

    SciPy's own lose the tail in which the ends may lie. Here all masses are counted from the end
    that is farther out.
    """

    def __init__(self, law: Any, base: Any):
        super().__init__(law)
        self.low, self.high = self.support()
        self.outer = base.sf if self._of(base.sf, self.low) < 0.5 else base.cdf
        self.below = float(self._of(self.outer, self.low))
        self.above = float(self._of(self.outer, self.high))

    def cdf(self, x: Any) -> Any:
        """P(X <= x)."""
        return self._share(x, self.below)

    def sf(self, x: Any) -> Any:
        """P(X > x)."""
        return self._share(x, self.above)

    def _share(self, x: Any, end: float) -> Any:
        """Mass between x and an end, of the mass between both ends."""
        x = np.clip(x, self.low, self.high)
        return np.abs(self._of(self.outer, x) - end) / abs(self.above - self.below)


class _DiscreteLaw(_Law):
    def pmf(self, k: Any) -> Any:
        """Masses of atoms."""
        return self._at(self.dist.pmf, k)

    def logpmf(self, k: Any) -> Any:
        """Logarithms of the masses of atoms."""
        return self._at(self.dist.logpmf, k)
