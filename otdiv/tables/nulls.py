"""How large an effect is where nothing changed: relabellings until the p-value is settled.

*Weights* travel with their rows. Where those of one table are more uneven than those of the other,
the parts that are dealt are both of a middling kind, and the noise between them is not that of the
tables: of 300 rows whose weights are exponential beside 900 that weigh the same, one column of one
law in nine had a p-value below 5 %. So every draw is taken in units of its own noise, the root of
the sum over both parts of Σ w² / (Σ w)², and given back in that of the tables. The test stays exact
where rows with their weights are exchangeable, and is right for large tables where only the laws of
the values are equal (Janssen 1997, Studentized permutation tests for non-i.i.d. hypotheses,
doi:10.1016/S0167-7152(97)00043-6).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import hypergeom

from .._typing import FloatArray, IndexArray
from ..inference.category_statistics import CategoryStatistic, category_values, dealt_tables
from ..inference.line_cells import LineCells
from ..inference.line_statistics import OrderedPool, WalkStatistics
from ..inference.nulls import TIES
from ..inference.pooling import Pool
from ..inference.relabelling import Planes, Relabelling, unpacked
from .progress import SILENT

__all__ = [
    "Draw",
    "Null",
    "category_null",
    "cells_null",
    "draw_until_settled",
    "line_null",
    "noise_scale",
    "share_null",
    "table_null",
]

ENOUGH = 50
"""Draws that reach the observed effect after which a p-value is settled: its standard error is then
14 % of itself."""

LEAST_DRAWS = 256
"""Draws that a noise floor is read from at least: the error of a 95th percentile is then some 3 %
of it for a normal law."""

KEPT = 1024
"""Draws kept for a histogram."""

Draw = Callable[[int], FloatArray]
"""Block of draws of the effect by its number: the same block for the same number."""


class Null(NamedTuple):
    """Draws of an effect where nothing changed, and how often they reach the observed one."""

    p_value: float
    values: FloatArray
    n_draws: int
    counted: bool = True


def draw_until_settled(
    draw: Draw,
    observed: float,
    slack: float,
    n_permutations: int,
    beat: Callable[[int], None] = SILENT.beat,
) -> Null:
    """Draw until `ENOUGH` reach the observed effect, or all were drawn.

    The p-value of an early stop is ENOUGH over the number of draws up to the last of them, which is
    valid whatever the observed effect is (Besag and Clifford 1991, Sequential Monte Carlo p-values,
    doi:10.1093/biomet/78.2.301); draws beyond it go into the noise floor only.

    Parameters
    ----------
    draw : callable
    observed : float
        Effect of the tables, in the numbers that `draw` gives.
    slack : float
        What rounding may part it from an equal one.
    n_permutations : int
        Draws at most.
    beat : callable
        Hears the number of draws so far.
    """
    threshold = observed * (1.0 - TIES) - slack
    blocks: list[FloatArray] = []
    n_draws = n_reached = settled_at = 0
    while n_draws < n_permutations:
        beat(n_draws)
        values = draw(len(blocks))[: n_permutations - n_draws]
        blocks.append(values)
        reached = np.flatnonzero(values >= threshold)
        if not settled_at and n_reached + reached.size >= ENOUGH:
            settled_at = n_draws + int(reached[ENOUGH - n_reached - 1]) + 1
        n_reached += reached.size
        n_draws += values.size
        if settled_at and n_draws >= LEAST_DRAWS:
            break
    p = ENOUGH / settled_at if settled_at else (1.0 + n_reached) / (1.0 + n_draws)
    return Null(p, np.concatenate(blocks), n_draws)


def noise_scale(
    weights: FloatArray | None, relabelling: Relabelling
) -> Callable[[Planes], FloatArray | float]:
    """Of a block of relabellings: noise of the tables over that of each, of rows with weights (N,).

    1 for rows that weigh the same, and for pairs, which are of both parts whatever is drawn.
    """
    if weights is None or relabelling.swapped is not None:
        return lambda _: 1.0
    rows: IndexArray = np.arange(weights.size)
    masses = weights
    if relabelling.unit_of_row is not None:
        rows = np.unique(relabelling.unit_of_row, return_index=True)[1]
        masses = np.asarray(np.bincount(relabelling.unit_of_row, weights), dtype=np.float64)
    total, total_of_squares = masses.sum(), (masses * masses).sum()

    def variances(planes: Planes) -> FloatArray:
        dealt = unpacked(planes[0][rows, None]) * masses[:, None]
        one, squares = dealt.sum(axis=0), np.einsum("ij,ij->j", dealt, dealt)
        # A part that weighs next to nothing is a difference of two equal numbers.
        other = np.maximum(total - one, _ROUNDING * total)
        of_other = np.maximum(total_of_squares - squares, 0.0)
        return np.asarray(squares / one**2 + of_other / other**2)

    observed = float(variances(relabelling.observed())[0])
    return lambda planes: np.sqrt(observed / variances(planes))


def line_null(
    x: FloatArray,
    y: FloatArray,
    weights: FloatArray | None,
    relabelling: Relabelling,
    n_permutations: int,
    seed: int,
    beat: Callable[[int], None] = SILENT.beat,
) -> Null:
    """W1 of numbers x (n,) and y (m,) whose rows, with masses (n + m,), are dealt anew."""
    rows = Pool(points=np.concatenate([x, y]), sizes=(x.size, y.size), weights=weights)
    pool = OrderedPool.of(rows)
    statistic = WalkStatistics(("wasserstein1",), pool, sizes_vary=relabelling.sizes_vary)
    ordered = relabelling.in_order(pool.order)

    scale = noise_scale(None if weights is None else weights[pool.order], ordered)

    def draw(block: int) -> FloatArray:
        planes = ordered.drawn(seed, block)
        return np.asarray(statistic.evaluate(planes[:, :, None])[0]) * scale(planes)

    observed = statistic.evaluate(ordered.observed()[:, :, None])[:, 0]
    slack = float(statistic.rounding(observed)[0])
    null = draw_until_settled(draw, float(observed[0]), slack, n_permutations, beat)
    return null._replace(values=statistic.finish("wasserstein1", null.values))


def cells_null(
    cells: LineCells,
    observed: float,
    n_permutations: int,
    seed: int,
    beat: Callable[[int], None] = SILENT.beat,
) -> Null:
    """W1 of many numbers, from cells of their pooled order; `observed` is that of the rows."""
    scale = 1.0
    if cells.masses is not None:
        # The noise of the tables over that of random parts, which for so many rows varies little.
        n, m = cells.sizes
        squares = cells.squares[:, -1].sum()
        scale = math.sqrt(
            squares / (np.mean(cells.masses**2) / np.mean(cells.masses) ** 2 * (1.0 / n + 1.0 / m))
        )

    def draw(block: int) -> FloatArray:
        # Few draws at first, which is all that most columns need.
        size = LEAST_DRAWS if block == 0 else 4 * LEAST_DRAWS
        return scale * cells.null(size, np.random.default_rng([seed, block]))

    return draw_until_settled(draw, observed, 0.0, n_permutations, beat)


def category_null(
    x: IndexArray,
    y: IndexArray,
    n_categories: int,
    weights: FloatArray | None,
    relabelling: Relabelling,
    n_permutations: int,
    seed: int,
    beat: Callable[[int], None] = SILENT.beat,
) -> Null:
    """Total variation of codes x (n,) and y (m,) whose rows are dealt anew."""
    names = ("total_variation",)
    if weights is None and relabelling.unit_of_row is None:
        table = np.array([np.bincount(side, minlength=n_categories) for side in (x, y)])
        return table_null(table, n_permutations, seed, beat)
    codes = np.concatenate([x, y])
    statistic = CategoryStatistic(names, codes, n_categories, (x.size, y.size), weights)
    ordered = relabelling if statistic.order is None else relabelling.in_order(statistic.order)

    placed = weights if weights is None or statistic.order is None else weights[statistic.order]
    scale = noise_scale(placed, ordered)

    def draw_rows(block: int) -> FloatArray:
        planes = ordered.drawn(seed, block)
        return np.asarray(statistic.evaluate(planes[:, :, None])[0]) * scale(planes)

    observed = float(statistic.evaluate(ordered.observed()[:, :, None])[0, 0])
    return draw_until_settled(draw_rows, observed, _ROUNDING, n_permutations, beat)


def table_null(
    table: IndexArray, n_permutations: int, seed: int, beat: Callable[[int], None] = SILENT.beat
) -> Null:
    """Total variation between the rows of a table of counts (2, k) whose rows are dealt anew."""
    counts, n_rows = table.astype(np.float64), int(table.sum())
    names = ("total_variation",)

    def draw(block: int) -> FloatArray:
        return np.asarray(category_values(names, dealt_tables([counts], seed, block), n_rows)[0])

    observed = float(category_values(names, counts[None], n_rows)[0, 0])
    return draw_until_settled(draw, observed, _ROUNDING, n_permutations, beat)


_ROUNDING = 1e-14
"""What rounding leaves of a total variation that is 0: some ulps of 1."""


def share_null(marked: tuple[int, int], sizes: tuple[int, int], seed: int) -> Null:
    """Difference of two shares where rows are exchanged one by one: exact.

    Of all marked rows a hypergeometric number falls to the first table; the difference of the
    shares is as large as the number is far from its mean, on either side.
    """
    n, m = sizes
    total, of_a = sum(marked), marked[0]
    law = hypergeom(n + m, total, n)
    mean = n * total / (n + m)
    far = abs(of_a - mean) * (1.0 - TIES)
    low = np.floor(mean - far)
    high = np.ceil(mean + far)
    p = min(1.0, float(law.cdf(low) + law.sf(high - 1.0))) if far > 0.0 else 1.0
    drawn = np.random.default_rng(seed).hypergeometric(total, n + m - total, n, size=KEPT)
    return Null(p, np.abs(drawn / n - (total - drawn) / m), KEPT, counted=False)
