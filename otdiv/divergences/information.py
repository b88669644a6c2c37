"""Public face, first room: divergences that speak of information, in nats or another base."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._frozen import restore, seal
from .._laws import as_law
from .._typing import FloatArray, FloatOrArray, IndexArray
from .._validation import as_number
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..results import Valued
from . import atoms, continuous, integers
from .dispatch import as_frozen, check_base, counted, evaluate, in_base, kind_of, vector_pair
from .orders import renyi_in_nats
from .recipes import JEFFREYS, KULLBACK_LEIBLER
from .vectors import as_vector_pair

__all__ = [
    "KullbackLeiblerResult",
    "jeffreys_divergence",
    "kl_divergence",
    "kl_divergence_result",
    "population_stability_index",
    "renyi_divergence",
]


@keeps_arrays()
@explains_calls("SciPy's entropy(p, q, base) is kl_divergence(p, q, base=base)")
def kl_divergence(p: Any, q: Any, *, base: float | None = None, axis: int = -1) -> FloatOrArray:
    """Kullback-Leibler divergence D(p || q) = sum p log(p / q): the expectation is under `p`.

    It is infinite where `p` has mass and `q` has none; `kl_divergence_result` says where that is.

    Parameters
    ----------
    p, q : array_like, DiscreteMeasure, Gaussian, 1-D law of scipy.stats or Column
        Two laws of one kind, or two columns of categories of any size
        (`otdiv.sources.open_column`), which are counted in one pass. Vectors hold masses along
        `axis` and broadcast along the others: floating-point rows must sum to 1 within 1e-6 and are
        taken as they are, as sum(p log(p / q) - p + q) over the mean of the two sums; integer rows
        are counts and are divided by their totals. Entries are matched by place: labels of series
        and frames must be the same in the same order. Atoms of measures are the same when their
        coordinates are bit-equal, and the two measures must carry the same mass. Gaussians have
        closed forms in any dimension, and so have normal laws of scipy.stats. Its other laws (and a
        1-D Gaussian beside one) go through a quadrature or a sum: relative error some 1e-12 for
        smooth densities, 1e-9 where a density is infinite at an end of its support or a tail barely
        integrates, or else a ConvergenceError.
    base : float, optional
        Base of the logarithm, above 1: 2 for bits. Nats by default.
    axis : int, default -1
        Axis of the masses in vectors.

    Returns
    -------
    float or ndarray
        A float for one pair of laws; for rows of vectors an array of the shape that remains.

    Raises
    ------
    InvalidInputError
        For masses that are negative, not finite, or do not sum to 1, shapes that do not broadcast,
        and measures of different mass.
    UnsupportedProblemError
        For laws of two kinds that cannot be compared, and laws whose methods fail.
    ConvergenceError
        If the quadrature between frozen laws does not settle within 8 s of processor time, does not
        find the whole mass of both, or leaves a share beyond the floats that has no bound.

    References
    ----------
    Kullback and Leibler (1951), On information and sufficiency, doi:10.1214/aoms/1177729694.

    Examples
    --------
    >>> from otdiv import kl_divergence
    >>> kl_divergence([0.5, 0.5], [0.25, 0.75], base=2)
    0.2075187496394219
    >>> kl_divergence([1, 1], [2, 0])  # counts; the second atom has no mass under q
    inf
    """
    return in_base(KULLBACK_LEIBLER, p, q, base, axis)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KullbackLeiblerResult(Valued):
    """Value of D(p || q) and the place where it is infinite.

    Attributes
    ----------
    value : float or ndarray
        As `kl_divergence` returns it.
    off_support : ndarray
        Where `p` has mass and `q` has none. Vectors: indices (k,), or (k, ndim) for rows that
        broadcast. DiscreteMeasures: points (k, d). Frozen laws: atoms (k,) or intervals (k, 2).
        Empty for Gaussians, which are off the support everywhere or nowhere.
    off_support_mass : float
        Mass of `p` there; summed over the rows where there are several.
    """

    value: FloatOrArray
    off_support: FloatArray | IndexArray
    off_support_mass: float

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)


@keeps_arrays()
@explains_calls()
def kl_divergence_result(
    p: Any, q: Any, *, base: float | None = None, axis: int = -1
) -> KullbackLeiblerResult:
    """D(p || q) as `kl_divergence` has it, with the atoms of `p` that `q` does not have.

    Parameters
    ----------
    p, q, base, axis
        As in `kl_divergence`.

    Returns
    -------
    KullbackLeiblerResult
        Fields `value`, `off_support`, `off_support_mass`.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`.

    Examples
    --------
    >>> from otdiv import kl_divergence_result
    >>> result = kl_divergence_result([0.5, 0.25, 0.25], [1.0, 0.0, 0.0])
    >>> result.value, result.off_support, result.off_support_mass
    (inf, array([1, 2]), 0.5)
    """
    p, q = counted(p, q)
    value = kl_divergence(p, q, base=base, axis=axis)
    where, mass = _off_support(p, q, axis, bool(np.isfinite(value).all()))
    where.flags.writeable = False
    return KullbackLeiblerResult(value=value, off_support=where, off_support_mass=mass)


def _off_support(p: Any, q: Any, axis: int, finite: bool) -> tuple[Any, float]:
    p, q = as_law("p", p), as_law("q", q)
    kinds = kind_of("p", p), kind_of("q", q)
    if kinds == ("measure", "measure"):
        points, first, second = atoms.joint_support(p, q)
        missing = (first > 0.0) & (second == 0.0)
        return points[missing], math.fsum(first[missing]) / math.fsum(first)
    if isinstance(p, DiscreteMeasure):  # `q` has a density, so it has no atom at all
        merged = p.merged()
        return merged.points[merged.weights > 0.0], 1.0
    if kinds == ("discrete", "discrete"):
        return integers.off_support_atoms(p, q)
    if kinds == ("vector", "vector"):
        pair = vector_pair(p, q, axis)
        if finite:  # nothing to look for, and no array of the size of the input to look in
            return np.empty(0 if pair.p.ndim == 1 else (0, pair.p.ndim), dtype=np.intp), 0.0
        missing = (pair.p > 0) & (pair.q == 0)
        masses = pair.p[missing].astype(np.float64)
        index = np.argwhere(missing)
        if pair.p_totals is not None:
            masses /= np.broadcast_to(pair.p_totals[..., None], missing.shape)[missing]
        index = np.moveaxis(index, -1, 0)
        placed = np.insert(index[:-1], axis % index.shape[0], index[-1], axis=0)
        return placed[0] if len(placed) == 1 else placed.T.copy(), math.fsum(masses)
    if "continuous" in kinds and set(kinds) <= {"continuous", "gaussian"}:
        first, second = as_frozen(p), as_frozen(q)
        return (
            continuous.off_support_intervals(first, second),
            continuous.mass_off_support(first, second),
        )
    return np.empty(0), float(math.isinf(evaluate(KULLBACK_LEIBLER, p, q)))


@keeps_arrays()
@explains_calls()
def jeffreys_divergence(
    p: Any, q: Any, *, base: float | None = None, axis: int = -1
) -> FloatOrArray:
    """Jeffreys divergence D(p || q) + D(q || p) = sum (p - q) log(p / q): symmetric, unhalved.

    Parameters
    ----------
    p, q, base, axis
        As in `kl_divergence`.

    Returns
    -------
    float or ndarray
        In nats, or in the unit of `base`; infinite where only one of the laws has mass.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`.

    References
    ----------
    Jeffreys (1946), An invariant form for the prior probability in estimation problems,
    doi:10.1098/rspa.1946.0056.

    Examples
    --------
    >>> from otdiv import jeffreys_divergence
    >>> round(jeffreys_divergence([0.5, 0.5], [0.25, 0.75]), 12)
    0.274653072167
    """
    return in_base(JEFFREYS, p, q, base, axis)


@keeps_arrays()
@explains_calls()
def population_stability_index(
    p: Any, q: Any, *, pseudocount: float = 0.0, axis: int = -1
) -> FloatOrArray:
    """Population stability index of two vectors of bin masses: their Jeffreys divergence, nats.

    A bin that is empty on one side makes it infinite; nothing is filled in silently. An explicit
    `pseudocount` is added to every bin of both sides before each is divided by its total.

    Parameters
    ----------
    p, q : array_like
        Masses of the same bins: integer counts, or relative frequencies that sum to 1. Rows
        broadcast along the other axes.
    pseudocount : float, default 0
        Added to every bin, in the unit of the input: 0.5 suits counts.
    axis : int, default -1
        Axis of the bins.

    Returns
    -------
    float or ndarray
        In nats, as is customary for the index.

    Raises
    ------
    InvalidInputError
        As in `kl_divergence`, and for a negative pseudocount or an input that is not an array.

    References
    ----------
    Yurdakul (2018), Statistical properties of population stability index, PhD thesis, Western
    Michigan University, https://scholarworks.wmich.edu/dissertations/3208.

    Examples
    --------
    >>> from otdiv import population_stability_index
    >>> population_stability_index([30, 70, 0], [20, 70, 10])
    inf
    >>> round(population_stability_index([30, 70, 0], [20, 70, 10], pseudocount=0.5), 6)
    0.339096
    """
    p, q = counted(p, q)
    for name, law in (("p", p), ("q", q)):
        if kind_of(name, law) != "vector":
            raise InvalidInputError(name, "be a vector of bin masses", type(law).__name__)
    added = as_number("pseudocount", pseudocount)
    if not (0.0 <= added < math.inf):
        raise InvalidInputError("pseudocount", "be non-negative and finite", added)
    if added == 0.0:
        return evaluate(JEFFREYS, p, q, axis=axis)
    evaluate(JEFFREYS, p, q, axis=axis)  # the masses must be sound before anything is added
    pair = as_vector_pair(p, q, axis)
    first, second = pair.p + added, pair.q + added
    first /= first.sum(axis=-1, keepdims=True)
    second /= second.sum(axis=-1, keepdims=True)
    return evaluate(JEFFREYS, first, second)


@keeps_arrays()
@explains_calls()
def renyi_divergence(
    p: Any, q: Any, *, alpha: float, base: float | None = None, axis: int = -1
) -> FloatOrArray:
    """Rényi divergence log(sum p^alpha q^(1 - alpha)) / (alpha - 1) of order alpha.

    It grows with alpha; order 1 is `kl_divergence`, order 1/2 is -2 log(1 - H^2) for the Hellinger
    distance H, order 2 is log(1 + chi2). For vectors and normal laws every order is right to some
    1e-15, and to 2e-13 where masses differ by hundreds of powers of ten.

    Parameters
    ----------
    p, q, base, axis
        As in `kl_divergence`.
    alpha : float
        Order, positive and finite.

    Returns
    -------
    float or ndarray
        In nats, or in the unit of `base`. Infinite for disjoint laws, and for alpha >= 1 where `p`
        has mass and `q` has none.

    Raises
    ------
    InvalidInputError, UnsupportedProblemError, ConvergenceError
        As in `kl_divergence`, and for alpha <= 0.

    References
    ----------
    van Erven and Harremoës (2014), Rényi divergence and Kullback-Leibler divergence,
    arXiv:1206.2459, doi:10.1109/TIT.2014.2320500.

    Examples
    --------
    >>> from otdiv import renyi_divergence
    >>> round(renyi_divergence([0.5, 0.5], [0.25, 0.75], alpha=2), 12)
    0.287682072452
    """
    order = as_number("alpha", alpha, "be a positive finite number")
    if not (0.0 < order < math.inf):
        raise InvalidInputError("alpha", "be a positive finite number", order)
    if order == 1.0:
        return kl_divergence(p, q, base=base, axis=axis)
    unit = check_base(base)
    return renyi_in_nats(p, q, order, axis) / unit
