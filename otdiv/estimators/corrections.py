"""Divergences of categories from counts: corrected for their bias, and with intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._calling import explains_calls
from .._typing import FloatArray, RngLike
from .._validation import as_generator, as_number, check_choice, check_positive_integer
from ..errors import InvalidInputError
from .counts import Counts, as_counts
from .estimate import Estimate
from .noncentral import noncentral_interval, relabelled

__all__ = ["js_from_counts", "kl_from_counts"]

_CORRECTIONS = ("miller_madow", "jeffreys", "none")
# Rows a sample for each category from which the intervals were measured to cover.
_ROWS_PER_CATEGORY = 10.0


@explains_calls()
def js_from_counts(
    *samples: Any,
    correction: str = "miller_madow",
    level: float = 0.95,
    n_replicates: int = 1000,
    rng: RngLike = None,
) -> Estimate:
    """Jensen-Shannon divergence of two or more laws of categories, from samples of each.

    H(mean of the laws) - mean of H(law), H the entropy: the information that a row has on the
    sample that it comes from. Frequencies put in for laws make it too large, by some
    (K - 1) (1/n + 1/m) / 8 for two samples.

    Parameters
    ----------
    *samples : sequences of labels, or mappings of labels to counts
        Two or more.
    correction : {"miller_madow", "jeffreys", "none"}
        "miller_madow" subtracts the first-order bias of every entropy; the result can be negative.
        "jeffreys" adds half a row to every category of every sample. "none" is the plain value.
    level : float, default 0.95
        Of the interval, which does not depend on the correction: relabelled rows and a noncentral
        chi-square, as in `confidence_interval`.
    n_replicates : int, default 1000
        Relabellings.
    rng : numpy.random.Generator or int, optional

    Returns
    -------
    Estimate
        In nats, between 0 and log k up to the correction.

    Raises
    ------
    InvalidInputError
        For fewer than two samples, missing labels, or measurements in place of labels.

    References
    ----------
    Miller (1955), Note on the bias of information estimates. Krichevsky, Trofimov (1981),
    doi:10.1109/TIT.1981.1056331 (Jeffreys' half). Lin (1991), doi:10.1109/18.61115.

    Examples
    --------
    >>> from otdiv.estimators import js_from_counts
    >>> found = js_from_counts({"a": 60, "b": 40}, {"a": 40, "b": 60}, {"a": 50, "b": 50}, rng=0)
    >>> found.low <= found.value <= found.high
    True
    """
    check_choice("correction", correction, _CORRECTIONS)
    if len(samples) < 2:
        raise InvalidInputError("samples", "be two or more", len(samples))
    counts = as_counts(*samples)
    generator, n_replicates = _checked(level, n_replicates, rng)
    whole = counts.whole()
    plain = float(_js_of(whole[None])[0])
    null = relabelled(whole, _js_of, n_replicates, generator)
    low, high = noncentral_interval(plain, null, level)
    most = math.log(len(samples))
    value = plain
    if correction == "miller_madow":
        value = plain - _js_bias(counts)
    elif correction == "jeffreys":
        value = float(_js_of(whole[None] + 0.5)[0])
    return Estimate(
        value=value,
        low=min(low, most),
        high=min(high, most),
        level=level,
        divergence="jensen_shannon",
        method=correction.replace("_", "-"),
        notes=_notes(counts),
    )


@explains_calls()
def kl_from_counts(
    x: Any,
    y: Any,
    *,
    correction: str = "jeffreys",
    level: float = 0.95,
    n_replicates: int = 1000,
    rng: RngLike = None,
) -> Estimate:
    """Kullback-Leibler divergence KL(P || Q) of two laws of categories, from samples of each.

    Parameters
    ----------
    x, y : sequences of labels, or mappings of labels to counts
        Samples of P and of Q.
    correction : {"jeffreys", "miller_madow", "none"}
        "jeffreys" adds half a row to every category of both; the others are infinite where x has a
        category that y has not. "miller_madow" subtracts the first-order bias of the plain value.
    level : float, default 0.95
        Of the interval: the union of that of equal laws (relabelled rows and a noncentral
        chi-square) and the normal one of laws apart, both for the value with Jeffreys' halves.
    n_replicates : int, default 1000
        Relabellings.
    rng : numpy.random.Generator or int, optional

    Returns
    -------
    Estimate
        In nats. Its interval is that of laws in which no category is rarer than these samples can
        show: a category that Q almost never has makes the divergence as large as one likes.

    Raises
    ------
    InvalidInputError
        For missing labels, or measurements in place of labels.

    References
    ----------
    As in `js_from_counts`.

    Examples
    --------
    >>> from otdiv.estimators import kl_from_counts
    >>> found = kl_from_counts({"a": 600, "b": 400}, {"a": 500, "b": 500}, rng=0)
    >>> found.low < 0.02013 < found.high
    True
    """
    check_choice("correction", correction, _CORRECTIONS)
    counts = as_counts(x, y, names=("x", "y"))
    generator, n_replicates = _checked(level, n_replicates, rng)
    whole = counts.whole()
    smooth = float(_kl_of(whole[None] + 0.5)[0])
    null = relabelled(whole, lambda drawn: _kl_of(drawn + 0.5), n_replicates, generator)
    low, high = noncentral_interval(smooth, null, level)
    error = _kl_error(whole + 0.5)
    from scipy.special import ndtri  # beside the chi-square, which is loaded by now

    half = float(ndtri(0.5 + 0.5 * level)) * error
    value = smooth
    if correction != "jeffreys":
        value = float(_kl_of(whole[None].astype(np.float64))[0])
        if correction == "miller_madow":
            value -= _kl_bias(counts)
    notes = _notes(counts)
    if ((whole[0] > 0) & (whole[1] == 0)).any():
        notes += ("`x` has categories that `y` has not: without a correction it is infinite",)
    return Estimate(
        value=value,
        standard_error=error,
        low=max(0.0, min(low, smooth - half)),
        high=max(high, smooth + half),
        level=level,
        divergence="kullback_leibler",
        method=correction.replace("_", "-"),
        notes=notes,
    )


def _checked(level: float, n_replicates: int, rng: RngLike) -> tuple[np.random.Generator, int]:
    if not 0.5 <= as_number("level", level) < 1.0:
        raise InvalidInputError("level", "lie in [0.5, 1)", level)
    return as_generator(rng), check_positive_integer("n_replicates", n_replicates, 20)


def _notes(counts: Counts) -> tuple[str, ...]:
    if counts.least_rows_per_category() >= _ROWS_PER_CATEGORY:
        return ()
    return (
        f"{counts.sizes.min():.4g} rows for {counts.n_categories} categories, fewer than "
        f"{_ROWS_PER_CATEGORY:g} for each: the interval may be too short",
    )


def _entropy(shares: FloatArray) -> FloatArray:
    """Entropies of the last axis, in nats."""
    from scipy.special import entr

    return np.asarray(entr(shares).sum(axis=-1))


def _js_of(counts: NDArray[Any]) -> FloatArray:
    """Generalised Jensen-Shannon divergence of counts (draws, k, K), with equal weights."""
    shares = counts / counts.sum(axis=-1, keepdims=True)
    found = _entropy(shares.mean(axis=1)) - _entropy(shares).mean(axis=1)
    return np.asarray(np.maximum(found, 0.0))


def _js_bias(counts: Counts) -> float:
    """First-order bias: half the sum of variances over means of each entropy's shares.

    E H(p*) - H(p) is -1/2 sum var(p*) / p: (K - 1) / 2n for a sample, with K the categories seen.
    """
    k = len(counts.sizes)
    mixture = counts.shares.mean(axis=0)
    seen = mixture > 0.0
    variances = counts.shares * (1.0 - counts.shares) / counts.sizes[:, None]
    of_mixture = (variances.sum(axis=0)[seen] / k**2 / mixture[seen]).sum()
    of_samples = ((counts.shares > 0.0).sum(axis=1) - 1.0) / counts.sizes
    return 0.5 * float(of_samples.mean() - of_mixture)


def _kl_of(counts: NDArray[Any]) -> FloatArray:
    """KL of counts (draws, 2, K)."""
    from scipy.special import rel_entr

    shares = counts / counts.sum(axis=-1, keepdims=True)
    return np.asarray(rel_entr(shares[:, 0], shares[:, 1]).sum(axis=-1))


def _kl_bias(counts: Counts) -> float:
    """First-order bias of the plain value: (K - 1) / 2n + sum p (1 - q) / (2 m q)."""
    (p, q), (n, m) = counts.shares, counts.sizes
    seen = q > 0.0
    return 0.5 * float(
        (np.count_nonzero(p) - 1.0) / n + (p[seen] * (1.0 / q[seen] - 1.0)).sum() / m
    )


def _kl_error(counts: NDArray[Any]) -> float:
    """Standard error by the delta method: var_P(log p/q) / n + (sum p²/q - 1) / m."""
    n, m = counts.sum(axis=1)
    p, q = counts[0] / n, counts[1] / m
    ratio = np.log(p / q)
    of_p = float(p @ ratio**2) - float(p @ ratio) ** 2
    of_q = max(0.0, float((p * p / q).sum()) - 1.0)
    return math.sqrt(max(0.0, of_p) / n + of_q / m)
