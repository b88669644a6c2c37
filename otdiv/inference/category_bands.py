"""Intervals of total variation and of the Jensen-Shannon divergence between categories.

*Total variation* is half of an L1 norm: the triangle and the selective band of `line_bands` hold
with cells in place of points on the line. K signs are decided at once, so the threshold is
sqrt(2 log 2K) standard deviations, above which none of K normal noises is likely to be; a cell
counts half a row more for its standard deviation, since a cell that was not seen is not certain.

Rows that depend on each other are drawn as whole units, see `category_units.py`.

A share of which few rows were seen has hardly any noise to be drawn, and one that was not seen has
none, though the law may have it. So the upper end is at least that of the exact limits of Clopper
and Pearson (1934), doi:10.1093/biomet/26.4.404: of two categories the limits of both shares,
combined as Newcombe (1998) does (method 10 there, with these limits), doi:10.1002/(SICI)1097-0258(
19980430)17:8<873::AID-SIM779>3.0.CO;2-I; of more, the share that no row of a side may have shown.

*Jensen-Shannon*: see `estimators/noncentral.py`.

*Concentration* is proven for every size and law over K known categories. With Z = (p* - p) -
(q* - q) of the frequencies p*, q*, | TV - TV0 | <= |Z|_1 / 2; E |Z|_1 <= sqrt((K - 1) c) by
Cauchy-Schwarz, c = 1/n + 1/m; and a row changes |Z|_1 / 2 by at most 1/n or 1/m, so that it exceeds
its mean by t with probability at most exp(-2 t² / c) (McDiarmid 1989).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import beta

from .._typing import FloatArray, IndexArray
from ..divergences import js_divergence, total_variation
from ..errors import InvalidInputError
from ..estimators.counts import Counts, as_counts
from ..estimators.noncentral import noncentral_interval, relabelled
from .bands import Band, Draws, unit_notes
from .category_units import CategoryUnits
from .replicates import upper_quantile

__all__ = ["jensen_shannon_band", "percentile_of_categories", "total_variation_band", "two_counts"]

# Rows of the smaller sample for each category from which coverage holds (measured).
_ROWS_PER_CATEGORY = 10.0
# Pooled rows below which a category is joined with others for a lower end; Cochran's five.
_FEW_ROWS = 5.0


def two_counts(x: Any, y: Any, x_weights: Any, y_weights: Any) -> Counts:
    """Counts of two samples of labels, with at least two categories and two rows a side."""
    counts = as_counts(x, y, weights=(x_weights, y_weights), names=("x", "y"))
    if counts.n_categories < 2:
        raise InvalidInputError("x", "hold at least two categories together with `y`", 1)
    for name, size in zip("xy", counts.sizes, strict=True):
        if size < 2.0 - 1e-9:
            raise InvalidInputError(name, "hold at least two rows", f"{size:.3g}")
    return counts


def _thin(counts: Counts) -> bool:
    return counts.least_rows_per_category() < _ROWS_PER_CATEGORY - 1e-9


def _size_note(counts: Counts, units: CategoryUnits | None = None) -> str:
    n, m = counts.sizes
    what = "rows" if units is None else "blocks"
    return f"{n:.4g} and {m:.4g} {what} for {counts.n_categories} categories"


def _variances(counts: Counts) -> FloatArray:
    """Variance (K,) of the noise of p - q, with half a row more in every cell."""
    total = np.zeros(counts.n_categories)
    for share, size in zip(counts.shares, counts.sizes, strict=True):
        smooth = (share * size + 0.5) / (size + 0.5 * counts.n_categories)
        total += smooth * (1.0 - smooth) / size
    return total


def _category_noise(counts: Counts, smooth: bool, draws: Draws) -> FloatArray:
    """Draws of the noise of p - q, (B, K), of independent rows."""
    noise = np.zeros((draws.n_replicates, counts.n_categories))
    sides = zip(counts.shares, counts.sizes, counts.squares, (1.0, -1.0), strict=True)
    for share, size, squares, sign in sides:
        if counts.weighted:
            # Independent noise of variance sum w² a cell, less what keeps the sum of shares at 1.
            drawn = draws.rng.standard_normal(noise.shape)
            drawn *= np.sqrt(squares + (0.5 / size**2 if smooth else 0.0))
            noise += sign * (drawn - share * drawn.sum(axis=1, keepdims=True))
            continue
        law = share
        if smooth:
            law = (share * size + 0.5) / (size + 0.5 * counts.n_categories)
        law = law / law.sum()
        drawn = draws.rng.multinomial(round(size), law, size=draws.n_replicates) / size
        noise += sign * (drawn - law)
    return noise


def _seen_upper_end(counts: Counts, sizes: FloatArray, value: float, tail: float) -> float:
    """Upper end that so many rows (or units) a side allow, whatever noise they show.

    It is too low with probability `tail`, for two categories about that.
    """
    if counts.n_categories > 2:
        # Of n rows none is of a share s with probability (1 - s)^n.
        return min(1.0, value + float((1.0 - tail ** (1.0 / sizes)).max()))
    seen = counts.shares[:, 1] * sizes
    with np.errstate(invalid="ignore"):  # where all rows or none are seen, that limit is 1 or 0
        least = np.where(seen > 0.0, beta.ppf(tail, seen, sizes - seen + 1.0), 0.0)
        most = np.where(seen < sizes, beta.ppf(1.0 - tail, seen + 1.0, sizes - seen), 1.0)
    p, q = counts.shares[:, 1]
    below, above = counts.shares[:, 1] - least, most - counts.shares[:, 1]
    ends = (q - p + math.hypot(above[1], below[0]), p - q + math.hypot(above[0], below[1]))
    return min(1.0, float(max(ends)))


def total_variation_band(
    counts: Counts,
    method: str,
    draws: Draws,
    *,
    units: CategoryUnits | None = None,
    names: tuple[str, str] = ("`x`", "`y`"),
) -> Band:
    """Total variation, by "selective", "triangle" or, of independent rows, "concentration".

    Parameters
    ----------
    counts : Counts
    method : {"selective", "triangle", "concentration"}
    draws : Draws
    units : CategoryUnits, optional
        Rows that depend on each other; by default none do.
    names : pair of str
        What notes call the samples.
    """
    p, q = counts.shares
    value = float(total_variation(p / p.sum(), q / q.sum()))
    if method == "concentration":
        return _concentration_band(counts, value, draws.level)
    # A unit is worth as much as a row at least: it holds for rows that are all alike in it.
    rows = counts if units is None else counts._replace(sizes=np.array(units.sizes, np.float64))
    thin = _thin(rows)
    if units is None:
        noise = _category_noise(counts, thin, draws)
        variances = _variances(counts)
    else:
        half_unit = float((0.5 / rows.sizes**2).sum())
        noise = units.noise(counts.shares, draws)
        if thin:
            noise += math.sqrt(half_unit) * draws.rng.standard_normal(noise.shape)
        variances = units.variances(counts.shares) + half_unit
    difference = p - q
    certain = np.zeros(difference.size)
    if method == "selective":
        threshold = math.sqrt(2.0 * math.log(2.0 * counts.n_categories))
        sure = np.abs(difference) > threshold * np.sqrt(variances)
        certain = np.where(sure, np.sign(difference), 0.0)
    signed = np.abs(noise @ certain) + np.abs(noise[:, certain == 0.0]).sum(axis=1)
    half = 0.5 * upper_quantile(signed, draws.level)
    notes = () if units is None else tuple(unit_notes(units, names))
    if thin:
        notes += (
            f"{_size_note(rows, units)}, fewer than {_ROWS_PER_CATEGORY:g} for each: the band was "
            f"widened by half a {'row' if units is None else 'block'} in every cell, and says "
            "little; join categories",
        )
    sizes = np.minimum(counts.sizes, rows.sizes)
    seen = _seen_upper_end(counts, sizes, value, 0.5 * (1.0 - draws.level))
    return Band(
        value=value,
        low=max(0.0, value - half),
        high=max(min(1.0, value + half), seen),
        method=method,
        kind="measured" if method == "selective" else "asymptotic",
        notes=notes,
    )


def _concentration_band(counts: Counts, value: float, level: float) -> Band:
    if counts.weighted:
        raise InvalidInputError("x_weights", "be None for method='concentration'", "weights")
    c = float((1.0 / counts.sizes).sum())
    half = 0.5 * math.sqrt((counts.n_categories - 1.0) * c)
    half += math.sqrt(0.5 * c * -math.log1p(-level))
    return Band(
        value=value,
        low=max(0.0, value - half),
        high=min(1.0, value + half),
        method="concentration",
        kind="proven",
        notes=(
            f"proven for independent rows if the {counts.n_categories} categories counted are all "
            "there are; a mapping may name one that was not seen with count 0",
        ),
    )


def _js(counts: IndexArray) -> FloatArray:
    """Jensen-Shannon divergence of counts (draws, 2, K)."""
    return np.asarray(js_divergence(counts[:, 0], counts[:, 1]))


def jensen_shannon_band(counts: Counts, draws: Draws) -> Band:
    """Jensen-Shannon divergence in nats, by relabelling and the noncentral chi-square."""
    p, q = counts.shares
    value = float(js_divergence(p / p.sum(), q / q.sum()))
    whole = counts.whole()
    low, high = _noncentral(value, whole, draws)
    notes: list[str] = []
    if counts.weighted:
        notes.append("weighted rows count as so many equal ones as have the same noise")
    if _thin(counts):
        joined = _join_rare(whole)
        low = _noncentral(float(_js(joined[None])[0]), joined, draws)[0]
        high = math.log(2.0)
        notes.append(
            f"{_size_note(counts)}, fewer than {_ROWS_PER_CATEGORY:g} for each: only the lower end "
            f"says something, of categories with {_FEW_ROWS:g} rows together or more, the others "
            "joined (joining never raises a divergence)"
        )
    return Band(value, low, high, "noncentral chi-square", "measured", tuple(notes))


def _noncentral(value: float, counts: IndexArray, draws: Draws) -> tuple[float, float]:
    null = relabelled(counts, _js, draws.n_replicates, draws.rng)
    low, high = noncentral_interval(value, null, draws.level)
    return min(low, math.log(2.0)), min(high, math.log(2.0))


def _join_rare(counts: IndexArray) -> IndexArray:
    """Categories with few rows together as one; the two commonest stay apart in any case."""
    pooled = counts.sum(axis=0)
    rare = pooled < _FEW_ROWS
    rare[np.argsort(-pooled, kind="stable")[:1]] = False
    if not rare.any():
        return counts
    joined = counts[:, rare].sum(axis=1, keepdims=True)
    return np.concatenate([counts[:, ~rare], joined], axis=1)


def percentile_of_categories(counts: Counts, distance: str, draws: Draws) -> Band:
    """Percentiles of the distance of resampled counts."""
    if counts.weighted:
        raise InvalidInputError("x_weights", "be None for method='percentile'", "weights")
    measure = total_variation if distance == "total_variation" else js_divergence
    p, q = (
        draws.rng.multinomial(round(size), share / share.sum(), size=draws.n_replicates)
        for share, size in zip(counts.shares, counts.sizes, strict=True)
    )
    drawn = np.asarray(measure(p, q))
    tail = 0.5 * (1.0 - draws.level)
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    value = float(measure(*(share / share.sum() for share in counts.shares)))
    return Band(value, float(low), float(high), "percentile", "asymptotic")
