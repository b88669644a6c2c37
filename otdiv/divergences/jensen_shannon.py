"""Public face, second room: the Jensen-Shannon divergence, its root and its double."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._typing import FloatOrArray
from .dispatch import as_float_or_array, in_base
from .recipes import JENSEN_SHANNON

__all__ = ["js_distance", "js_divergence", "js_divergence_unhalved"]


@keeps_arrays()
@explains_calls()
def js_divergence(p: Any, q: Any, *, base: float | None = None, axis: int = -1) -> FloatOrArray:
    """Jensen-Shannon divergence D(p || m) / 2 + D(q || m) / 2, m = (p + q) / 2: in [0, log 2].

    It is 0 exactly where the laws are equal and log 2 where no set carries mass of both, however
    near they are. `js_distance` is its root, `js_divergence_unhalved` its double.

    Parameters
    ----------
    p, q, base, axis
        As in `kl_divergence`; Gaussians in one dimension only, by quadrature.

    Returns
    -------
    float or ndarray
        In nats, or in the unit of `base`: in [0, 1] for base 2.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`.

    References
    ----------
    Lin (1991), Divergence measures based on the Shannon entropy, doi:10.1109/18.61115.

    Examples
    --------
    >>> from otdiv import js_divergence
    >>> js_divergence([1.0, 0.0], [0.0, 1.0], base=2)
    1.0
    >>> js_divergence([[1, 2, 3], [3, 2, 1]], [10, 20, 30]).round(6)
    array([0.      , 0.087208])
    """
    return in_base(JENSEN_SHANNON, p, q, base, axis)


@keeps_arrays()
@explains_calls()
def js_divergence_unhalved(
    p: Any, q: Any, *, base: float | None = None, axis: int = -1
) -> FloatOrArray:
    """Jensen-Shannon divergence without the halves, D(p || m) + D(q || m): in [0, 2 log 2].

    This is how Arjovsky, Chintala and Bottou (2017) define it, twice the usual one.

    Parameters
    ----------
    p, q, base, axis
        As in `js_divergence`.

    Returns
    -------
    float or ndarray
        In nats, or in the unit of `base`.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`.

    References
    ----------
    Arjovsky, Chintala, Bottou (2017), Wasserstein GAN, section 2, arXiv:1701.07875.

    Examples
    --------
    >>> from otdiv import js_divergence_unhalved
    >>> js_divergence_unhalved([1.0, 0.0], [0.0, 1.0], base=2)
    2.0
    """
    return 2.0 * js_divergence(p, q, base=base, axis=axis)


@keeps_arrays()
@explains_calls("SciPy's jensenshannon(p, q, base) is js_distance(p, q, base=base)")
def js_distance(p: Any, q: Any, *, base: float | None = None, axis: int = -1) -> FloatOrArray:
    """Jensen-Shannon distance: the root of `js_divergence`, a metric, in [0, sqrt(log 2)].

    Parameters
    ----------
    p, q, base, axis
        As in `js_divergence`.

    Returns
    -------
    float or ndarray
        Root of the divergence in the unit of `base`: in [0, 1] for base 2.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`.

    References
    ----------
    Endres and Schindelin (2003), A new metric for probability distributions,
    doi:10.1109/TIT.2003.813506.

    Examples
    --------
    >>> from otdiv import js_distance
    >>> js_distance([1.0, 0.0], [0.0, 1.0], base=2)
    1.0
    """
    return as_float_or_array(np.sqrt(js_divergence(p, q, base=base, axis=axis)))
