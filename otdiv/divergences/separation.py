"""Public face, third room: divergences without a logarithm, and the one the caller brings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._typing import FloatArray, FloatOrArray
from .._validation import as_axis, as_number
from ..errors import InvalidInputError
from .dispatch import as_float_or_array, counted, evaluate, kind_of
from .recipes import CHI2, HELLINGER, TOTAL_VARIATION, user_function, values_of
from .vectors import as_vector_pair, row_ratios

__all__ = ["chi2_divergence", "f_divergence", "hellinger_distance", "total_variation"]


@keeps_arrays()
@explains_calls()
def total_variation(p: Any, q: Any, *, axis: int = -1) -> FloatOrArray:
    """Total variation sup_A |p(A) - q(A)| = sum |p - q| / 2: a metric, in [0, 1].

    Parameters
    ----------
    p, q, axis
        As in `kl_divergence`; Gaussians in one dimension only, by quadrature.

    Returns
    -------
    float or ndarray
        A pure number: 1 where no set carries mass of both laws.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`.

    References
    ----------
    Levin, Peres, Wilmer (2009), Markov chains and mixing times, section 4.1, ISBN 978-0821847398.

    Examples
    --------
    >>> from otdiv import total_variation
    >>> total_variation([0.5, 0.5, 0.0], [0.0, 0.5, 0.5])
    0.5
    """
    return evaluate(TOTAL_VARIATION, p, q, axis=axis)


@keeps_arrays()
@explains_calls()
def hellinger_distance(p: Any, q: Any, *, axis: int = -1) -> FloatOrArray:
    """Hellinger distance sqrt(sum (sqrt p - sqrt q)^2 / 2): a metric, in [0, 1].

    Its square is 1 - sum sqrt(p q), one minus the Bhattacharyya coefficient.

    Parameters
    ----------
    p, q, axis
        As in `kl_divergence`; Gaussians in any dimension.

    Returns
    -------
    float or ndarray
        A pure number: 1 where no set carries mass of both laws.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`.

    References
    ----------
    Pollard (2002), A user's guide to measure theoretic probability, section 3.3,
    ISBN 978-0521002899.

    Examples
    --------
    >>> from otdiv import hellinger_distance
    >>> round(hellinger_distance([0.5, 0.5], [1.0, 0.0]), 12)
    0.541196100146
    """
    return evaluate(HELLINGER, p, q, axis=axis)


@keeps_arrays()
@explains_calls()
def chi2_divergence(p: Any, q: Any, *, axis: int = -1) -> FloatOrArray:
    """Pearson's chi-squared divergence sum (p - q)^2 / q, relative to `q`.

    Parameters
    ----------
    p, q, axis
        As in `kl_divergence`; Gaussians in any dimension.

    Returns
    -------
    float or ndarray
        A pure number, infinite where `p` has mass and `q` has none.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`.

    References
    ----------
    Pearson (1900), On the criterion that a given system of deviations from the probable in the
    case of a correlated system of variables is such that it can be reasonably supposed to have
    arisen from random sampling, doi:10.1080/14786440009463897.

    Examples
    --------
    >>> from otdiv import chi2_divergence
    >>> round(chi2_divergence([0.5, 0.5], [0.25, 0.75]), 12)
    0.333333333333
    """
    return evaluate(CHI2, p, q, axis=axis)


@keeps_arrays()
@explains_calls()
def f_divergence(
    p: Any,
    q: Any,
    f: Callable[[FloatArray], Any],
    *,
    slope_at_infinity: float | None = None,
    axis: int = -1,
) -> FloatOrArray:
    """Csiszár's divergence sum q f(p / q) of a convex function f with f(1) = 0.

    Mass of `p` where `q` has none counts `slope_at_infinity` times: the limit of f(t) / t, which
    cannot be read off f at finitely many points (infinity for t log t, 1/2 for |t - 1| / 2).

    Parameters
    ----------
    p, q, axis
        As in `kl_divergence`, but rows of vectors are divided by their sums, because f need not
        vanish to second order at 1; Gaussians in one dimension only.
    f : callable
        Maps an array of ratios t >= 0 to an array of the same shape; it is asked for t = 0 too.
    slope_at_infinity : float, optional
        lim f(t) / t as t grows, possibly infinite. Needed only where `p` has mass off `q`.

    Returns
    -------
    float or ndarray
        In the unit of f. The accuracy is that of f near 1.

    Raises
    ------
    InvalidInputError
        As in `kl_divergence`; for f(1) other than 0, an f that raises or gives something else than
        one real number a ratio, and a slope that is needed and missing.
    UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`.

    References
    ----------
    Liese and Vajda (2006), On divergences and informations in statistics and information theory,
    doi:10.1109/TIT.2006.881731.

    Examples
    --------
    >>> from otdiv import f_divergence
    >>> def half_distance(t):
    ...     return abs(t - 1) / 2
    >>> f_divergence([0.5, 0.5, 0.0], [0.0, 0.5, 0.5], half_distance, slope_at_infinity=0.5)
    0.5
    """
    if not callable(f):
        raise InvalidInputError("f", "be callable", type(f).__name__)
    at_one = values_of(f, np.ones(2))[0]
    if at_one != 0.0:
        raise InvalidInputError("f", "be 0 at 1", at_one)
    slope = None
    if slope_at_infinity is not None:
        slope = as_number("slope_at_infinity", slope_at_infinity)
        if not slope > -math.inf:
            raise InvalidInputError("slope_at_infinity", "be a number or infinity", slope)
    recipe = user_function(f, slope)
    p, q = counted(p, q)
    if (kind_of("p", p), kind_of("q", q)) == ("vector", "vector"):
        pair = as_vector_pair(p, q, as_axis(axis), normalize=True)
        ratios = row_ratios(recipe.terms, pair)
        value = as_float_or_array(recipe.finish(ratios))
    else:
        value = evaluate(recipe, p, q, axis=axis)
    if np.isnan(value).any():
        if slope is None:
            requirement = "be given, because `p` has mass where `q` has none"
            raise InvalidInputError("slope_at_infinity", requirement)
        raise InvalidInputError("f", "be bounded below, as a convex function is", "-inf")
    return value
