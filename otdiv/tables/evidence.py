"""p-value, noise floor and interval of one effect, from the rows that were compared."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._typing import FloatArray, IndexArray
from ..estimators.counts import Counts
from ..inference.bands import Band, Draws
from ..inference.category_bands import total_variation_band
from ..inference.line_bands import SIGNS_CERTAIN, tail_notes
from ..inference.pooled_line import pool, signed_noise, tails
from ..inference.replicates import upper_quantile
from .columns import BoolArray
from .exchange import Exchange
from .nulls import KEPT, Null, category_null, line_null, share_null
from .progress import SILENT, Pulse
from .rows import Evidence, NoiseFloor

__all__ = ["Kept", "Question", "category_evidence", "line_evidence", "noise_floor"]

N_REPLICATES = 1000
"""Draws of the noise behind an interval."""

MOST_DRAWN = 2 * 10**7
"""Draws times categories above which an interval is the proven one of concentration, in closed
form: 160 MB of draws."""


class Question(NamedTuple):
    """What is asked of every column.

    Attributes
    ----------
    exchange : Exchange
    level : float
        Of intervals and verdicts.
    n_permutations : int
        Relabellings at most.
    pulse : Pulse
        Hears that a long column goes on.
    """

    exchange: Exchange
    level: float
    n_permutations: int
    pulse: Pulse = SILENT


class Kept(NamedTuple):
    """Rows of both tables that a column compares: masks (n,) and (m,)."""

    a: BoolArray
    b: BoolArray


def noise_floor(null: Null, sizes: tuple[int, int], per_unit: float = 1.0) -> NoiseFloor:
    """What a report says of the draws, in units of which `per_unit` are one of the draws'."""
    median, high = np.percentile(null.values, [50.0, 95.0]) / per_unit
    values = null.values[:KEPT] / per_unit
    values.flags.writeable = False
    return NoiseFloor(
        median=float(median),
        percentile_95=float(high),
        values=values,
        n_draws=null.n_draws,
        sizes=sizes,
    )


def line_evidence(
    x: FloatArray,
    y: FloatArray,
    effect: float,
    kept: Kept,
    question: Question,
    rng: np.random.Generator,
) -> tuple[Evidence, NoiseFloor]:
    """Of W1 between numbers x (n,) and y (m,), the rows kept of both tables, in their unit."""
    question.pulse.beat()
    exchange = question.exchange
    weights = exchange.weights(kept.a, kept.b)
    seed = int(rng.integers(2**63))
    relabelling = exchange.relabelling(kept.a, kept.b)
    limit, pulse = question.n_permutations, question.pulse
    null = line_null(x, y, weights, relabelling, limit, seed, pulse.beat)
    low, high, at_most, notes = _line_ends(x, y, weights, effect, question, rng)
    evidence = Evidence(
        p_value=null.p_value,
        n_draws=null.n_draws,
        low=low,
        high=high,
        at_most=at_most,
        notes=notes,
    )
    return evidence, noise_floor(null, (x.size, y.size))


def _line_ends(
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    effect: float,
    question: Question,
    rng: np.random.Generator,
) -> tuple[float, float, float, tuple[str, ...]]:
    """Ends of the interval, the one-sided upper end, and what they need."""
    if min(x.size, y.size) < 2:
        return 0.0, math.inf, math.inf, ("one row has no spread: there is no interval",)
    sides: list[FloatArray | None] = [None, None]
    if weights is not None:
        sides = [side / side.sum() for side in (weights[: x.size], weights[x.size :])]
    line = pool(x, y, sides[0], sides[1])
    level = question.level
    draws = Draws(level, N_REPLICATES, rng, 1, lambda _: question.pulse.beat())
    choices = [line.decided(SIGNS_CERTAIN), line.undecided()]
    signed, absolute, _, everywhere = signed_noise(line, choices, draws)
    half = upper_quantile(np.abs(signed) + absolute, level)
    at_most = effect + upper_quantile(everywhere, level)
    # The one-sided end is at most the two-sided one of the wider band.
    return max(0.0, effect - half), effect + half, at_most, tail_notes(*tails(line))


def category_evidence(
    x: IndexArray,
    y: IndexArray,
    n_categories: int,
    kept: Kept,
    question: Question,
    rng: np.random.Generator,
    *,
    weighted: bool = True,
) -> tuple[Evidence, NoiseFloor]:
    """Of the total variation between codes x (n,) and y (m,), the rows kept of both tables.

    Missing values, whose rates count rows, are such codes without weights.
    """
    exchange = question.exchange
    weights = exchange.weights(kept.a, kept.b) if weighted else None
    seed = int(rng.integers(2**63))
    sizes = (x.size, y.size)
    plain = weights is None and exchange.blocks is None and not exchange.paired
    if plain and n_categories == 2:
        marked = int(np.count_nonzero(x)), int(np.count_nonzero(y))
        null = share_null(marked, sizes, seed)
    else:
        relabelling = exchange.relabelling(kept.a, kept.b)
        limit = question.n_permutations
        beat = question.pulse.beat
        null = category_null(x, y, n_categories, weights, relabelling, limit, seed, beat)
    band, at_most = _category_ends(x, y, n_categories, weights, question, rng)
    evidence = Evidence(
        p_value=null.p_value,
        n_draws=null.n_draws if null.counted else 0,
        low=band.low,
        high=band.high,
        at_most=at_most,
        notes=band.notes,
    )
    return evidence, noise_floor(null, sizes)


def _category_ends(
    x: IndexArray,
    y: IndexArray,
    n_categories: int,
    weights: FloatArray | None,
    question: Question,
    rng: np.random.Generator,
) -> tuple[Band, float]:
    counts = _counts(x, y, n_categories, weights)
    draws = Draws(question.level, N_REPLICATES, rng, 1, lambda _: question.pulse.beat())
    if n_categories * N_REPLICATES > MOST_DRAWN:
        plain = counts._replace(weighted=False)
        band = total_variation_band(plain, "concentration", draws)
        return band, band.high
    band = total_variation_band(counts, "selective", draws)
    return band, max(band.value, total_variation_band(counts, "triangle", draws).high)


def _counts(x: IndexArray, y: IndexArray, n_categories: int, weights: FloatArray | None) -> Counts:
    k = max(n_categories, 2)
    shares: list[FloatArray] = []
    squares: list[FloatArray] = []
    sizes: list[float] = []
    sides = [None, None] if weights is None else [weights[: x.size], weights[x.size :]]
    for codes, side in zip((x, y), sides, strict=True):
        if side is None:
            share = np.asarray(np.bincount(codes, minlength=k) / codes.size)
            squares.append(share / codes.size)
            sizes.append(float(codes.size))
        else:
            w = side / side.sum()
            share = np.asarray(np.bincount(codes, weights=w, minlength=k), np.float64)
            squares.append(np.asarray(np.bincount(codes, w * w, k), np.float64))
            sizes.append(1.0 / float(w @ w))
        shares.append(share)
    return Counts(np.array(shares), np.array(sizes), np.array(squares), weights is not None)
