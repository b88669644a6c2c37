"""Laws of other libraries: those that are read here in one form, and a word about the others.

What reads a law without samples asks for the methods of a frozen scipy.stats law: `cdf`, `sf`,
`ppf`, `isf`, `support`, `stats`, and `logpdf` or `logpmf`. SciPy's newer distributions have them
under other names; a frozen multivariate normal law is a `Gaussian`.

scipy.stats takes long to import and is imported here only where an object has made it do so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._validation import LAW_METHODS
from .errors import InvalidInputError, UnsupportedProblemError
from .measures import DiscreteMeasure, Gaussian

__all__ = ["as_law", "is_law"]

_NEW_NAMES = ("cdf", "ccdf", "icdf", "iccdf", "logpdf", "logpmf", "support", "variance")
# Where the functions of a continuous law are compared, and how far they must agree. By taste: a
# wrong inverse is off by far more, root finding leaves less.
_LEVELS = (1e-3, 0.1, 0.5, 0.9)
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
    return isinstance(value, Gaussian) or any(hasattr(value, name) for name in LAW_METHODS)


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
    kind = type(value)
    if isinstance(value, type):
        requirement = "be a law with its parameters"
        raise InvalidInputError(name, requirement, f"the class {value.__name__}", "(call it)")
    if all(hasattr(value, method) for method in _NEW_NAMES):
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


def _renamed(law: Any) -> Any:
    """Give one of SciPy's newer distributions the names of the older ones."""
    parents = {base.__name__ for base in type(law).__mro__}
    if "Normal" in parents and np.ndim(law.mu) == 0 and np.ndim(law.sigma) == 0:
        from scipy.stats import norm  # loaded already: the law is its own

        return norm(loc=float(law.mu), scale=float(law.sigma))
    if "DiscreteDistribution" in parents:
        return _DiscreteLaw(law)
    base = getattr(law, "_dist", None)
    if "TruncatedDistribution" in parents and base is not None:
        return _checked(_TruncatedLaw(law, _renamed(base)))
    return _checked(_ContinuousLaw(law))


def _checked(law: _ContinuousLaw) -> _ContinuousLaw:
    """Return the law, if its functions agree with each other: SciPy inverts some of them badly."""
    ends = np.asarray(law.support(), dtype=np.float64)
    if ends.shape != (2,) or not ends[0] < ends[1]:
        return law  # not one law with valid parameters, which who integrates says
    inner = np.nextafter(ends, ends[::-1])
    inner = inner[np.isfinite(ends)]
    u = np.array(_LEVELS)
    lower, upper = law.ppf(u), law.isf(u)
    places = np.concatenate([inner, lower, upper])
    inside = (ends[0] <= places) & (places <= ends[1])
    below, above = law.cdf(places), law.sf(places)
    found = np.concatenate([law.cdf(lower) - u, law.sf(upper) - u, (below + above) - 1.0])
    # NaN is no agreement either.
    if not (inside.all() and (np.abs(found) <= _AGREEMENT).all()):
        raise UnsupportedProblemError(
            f"the cdf, the survival function and their inverses of {type(law.dist).__name__} of "
            "scipy.stats contradict each other; pass a frozen law of scipy.stats "
            "(`scipy.stats.norm(loc=0, scale=1)` is one), or samples"
        )
    return law


class _Law:
    """One of SciPy's newer distributions as a frozen law."""

    def __init__(self, law: Any):
        self.dist = law

    def cdf(self, x: Any) -> Any:
        """P(X <= x)."""
        return self._of(self.dist.cdf, x)

    def sf(self, x: Any) -> Any:
        """P(X > x)."""
        return self._of(self.dist.ccdf, x)

    def ppf(self, u: Any) -> Any:
        """Quantile of level u."""
        return self._of(self.dist.icdf, u)

    def isf(self, v: Any) -> Any:
        """Quantile of level 1 - v."""
        return self._of(self.dist.iccdf, v)

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

    def _of(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Call the law's own method: its warnings are silenced, its errors named."""
        try:
            with np.errstate(all="ignore"):
                return method(*arguments)
        except Exception as error:  # of any kind: another library's
            raise UnsupportedProblemError(
                f"{type(self.dist).__name__}.{method.__name__} of scipy.stats failed "
                f"({type(error).__name__}: {error}); draw samples from the law instead"
            ) from error


class _ContinuousLaw(_Law):
    def pdf(self, x: Any) -> Any:
        """Density."""
        return self._of(self.dist.pdf, x)

    def logpdf(self, x: Any) -> Any:
        """Logarithm of the density."""
        return self._of(self.dist.logpdf, x)


class _TruncatedLaw(_ContinuousLaw):
    """A law between two ends, by the functions of the whole law.

    SciPy's own lose the tail in which the ends may lie. Here all masses are counted from the end
    that is farther out.
    """

    def __init__(self, law: Any, base: Any):
        super().__init__(law)
        self.base = base
        self.low, self.high = self.support()
        self.from_above = bool(self._of(base.sf, self.low) < 0.5)
        outer, inner = (base.sf, base.isf) if self.from_above else (base.cdf, base.ppf)
        self.outer, self.inner = outer, inner
        ends = self._of(outer, self.low), self._of(outer, self.high)
        self.below, self.above = (float(end) for end in ends)
        self.mass = abs(self.above - self.below)

    def cdf(self, x: Any) -> Any:
        """P(X <= x)."""
        x = np.clip(x, self.low, self.high)
        return np.abs(self._of(self.outer, x) - self.below) / self.mass

    def sf(self, x: Any) -> Any:
        """P(X > x)."""
        x = np.clip(x, self.low, self.high)
        return np.abs(self.above - self._of(self.outer, x)) / self.mass

    def ppf(self, u: Any) -> Any:
        """Quantile of level u."""
        return self._quantile(self.below, self.above, u)

    def isf(self, v: Any) -> Any:
        """Quantile of level 1 - v."""
        return self._quantile(self.above, self.below, v)

    def _quantile(self, start: float, end: float, level: Any) -> Any:
        level = np.asarray(level, dtype=np.float64)
        x = self._of(self.inner, start + (end - start) * level)
        return np.clip(x, self.low, self.high)


class _DiscreteLaw(_Law):
    def pmf(self, k: Any) -> Any:
        """Masses of atoms."""
        return self._of(self.dist.pmf, k)

    def logpmf(self, k: Any) -> Any:
        """Logarithms of the masses of atoms."""
        return self._of(self.dist.logpmf, k)
