"""Intervals of distances of two samples on the line that are integrals of F - G.

Let H = F_n - G_m of the samples, H0 that of the laws and Z = H - H0 the noise, which random signs
draw anew (`_kernels/resampling/signs.py`).

*Triangle.* | ∫|H| - ∫|H0| | <= ∫|Z|, whatever the laws are: the quantile of ∫|Z*| is half of an
interval that is valid at and near equal laws, where resampling the distance itself is not.

*Selective.* Where the sign of H is certain, |H| - |H0| <= sgn(H) Z counts noise of both signs,
which cancels. Over any set K of places this holds below; above, it holds where H0 has the sign of
H, which K guards: |H| exceeds 2.5 standard deviations of Z there. That H chooses K is not covered
by the argument, so the coverage of this band is measured.

References
----------
del Barrio, Giné, Matrán (1999), Central limit theorems for the Wasserstein distance between the
empirical and the true distributions, doi:10.1214/aop/1022677394 (when ∫|Z| has a limit). Andrews,
Soares (2010), Inference for parameters defined by moment inequalities using generalized moment
selection, doi:10.3982/ECTA7502 (choosing what binds by a threshold). Sommerfeld, Munk (2018),
arXiv:1610.03287 (why the bootstrap of the distance fails near equal laws).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._kernels.line.distances import energy_line, wasserstein_line
from .._typing import FloatArray
from ..distances.samples import SamplePair
from ..errors import InvalidInputError
from .bands import Band, Draws, row_notes
from .dependence import Units
from .line_cells import ROW_BUDGET, LineCells
from .pooled_line import PooledLine, pool, squared_noise, tails
from .replicates import upper_quantile

__all__ = [
    "SIGNS_CERTAIN",
    "UpperEnd",
    "energy_band",
    "shift_share_band",
    "tail_notes",
    "upper_end",
    "wasserstein1_band",
]

# Standard deviations from which a sign of F - G is taken for certain. With 2 the band is a little
# shorter and still covers 92 % in every case measured.
SIGNS_CERTAIN = 2.5
# Share of the width from the outermost 1 % of the rows that is worth a note. It is some 5 % for
# normal laws, 8 % for exponential ones, 20 to 30 % for Student's t with 3 degrees of freedom and
# 70 % or more where the variance is infinite; by taste.
_HEAVY = 0.15
# Shares of the mean difference that are tried: the ends of the interval are so exact.
_SHARES = 400


def _columns(
    pair: SamplePair,
) -> tuple[FloatArray, FloatArray, FloatArray | None, FloatArray | None]:
    return np.ravel(pair.x), np.ravel(pair.y), pair.a, pair.b


def tail_notes(share: float, central: float) -> tuple[str, ...]:
    """What to say where few rows make much of an interval."""
    if share <= _HEAVY:
        return ()
    return (
        f"the outermost 1 % of the rows make {100.0 * share:.0f} % of the width: with heavy tails "
        "its length is that of a handful of rows, and it needs a finite variance; between the 1 % "
        f"and the 99 % quantiles W1 is {central:.4g}",
    )


def _drawn_from(line: PooledLine, cells: bool | None) -> PooledLine | LineCells:
    """The rows themselves, or cells of them: by their number, or as asked.

    Rows that share signs keep them: what a unit adds to the cells is no sum of independent parts.
    """
    if cells is None:
        cells = line.steps.size > ROW_BUDGET and line.units is None
    return LineCells.of_line(line) if cells else line


def _cell_notes(source: PooledLine | LineCells) -> tuple[str, ...]:
    if isinstance(source, PooledLine):
        return ()
    return (
        f"the noise was drawn from {source.ends.size} cells of all {sum(source.sizes)} rows, "
        "normal but for the rows that count most; the value is that of the rows",
    )


def wasserstein1_band(
    pair: SamplePair,
    method: str,
    draws: Draws,
    *,
    units: Units | None = None,
    cells: bool | None = None,
) -> Band:
    """W1 on the line, by "selective" or "triangle".

    Parameters
    ----------
    pair : SamplePair
    method : {"selective", "triangle"}
    draws : Draws
    units : Units, optional
        Rows that depend on each other; by default none do.
    cells : bool, optional
        Whether the noise is drawn from cells; by default above `ROW_BUDGET` independent rows.
    """
    columns = _columns(pair)
    value = float(wasserstein_line(*columns, 1.0)[0])
    line = pool(*columns, units)
    source = _drawn_from(line, cells)
    certain = source.decided(SIGNS_CERTAIN) if method == "selective" else source.undecided()
    signed, absolute = source.signed_noise([certain], draws)
    half = upper_quantile(np.abs(signed) + absolute, draws.level)
    share, central = tails(line)
    return Band(
        value=value,
        low=max(0.0, value - half),
        high=value + half,
        method=method,
        kind="measured" if method == "selective" else "asymptotic",
        notes=(*row_notes(pair, units), *tail_notes(share, central), *_cell_notes(source)),
        tail_share=share,
        central_value=central,
    )


def energy_band(pair: SamplePair, draws: Draws) -> Band:
    """Energy distance on the line: sqrt(2) times an L2 norm, to which the triangle applies too."""
    columns = _columns(pair)
    value = float(energy_line(*columns)[0])
    line = pool(*columns)
    half = upper_quantile(np.sqrt(2.0 * squared_noise(line, draws)), draws.level)
    low, high = max(0.0, value - half), value + half
    return Band(value, low, high, "triangle", "asymptotic", row_notes(pair))


def shift_share_band(pair: SamplePair, draws: Draws) -> Band:
    """|difference of the means| / W1, by inverting tests of D - s W = 0 for every share s.

    With D = |∫ H| of sign σ, D0 = σ ∫ (H - Z) where that sign is right, and the selective bound of
    W, the noise of D - s W is at most |σ ∫ Z - s ∫_K sgn(H) Z| + s ∫ |Z| elsewhere. Near one
    stochastic order both terms nearly cancel, so that a share near 1 is told apart.
    """
    line = pool(*_columns(pair))
    H = line.difference
    distance = float(np.abs(H) @ line.gaps)
    if not distance > 0.0:
        raise InvalidInputError("y", "differ from `x`: equal samples have no share of a shift")
    shift = float(H @ line.gaps)
    everywhere = np.full(line.steps.size, math.copysign(1.0, shift), np.int8)
    choices = [line.decided(SIGNS_CERTAIN), everywhere]
    signed, absolute, whole, _ = line.signed_noise(choices, draws)
    accepted = [
        share
        for share in np.linspace(0.0, 1.0, _SHARES + 1)
        if abs(abs(shift) - share * distance) / line.unit
        <= upper_quantile(np.abs(whole - share * signed) + share * absolute, draws.level)
    ]
    value = min(1.0, abs(shift) / distance)
    return Band(
        value=value,
        low=max(0.0, min([value, *accepted]) - 1.0 / _SHARES),
        high=min(1.0, max([value, *accepted]) + 1.0 / _SHARES),
        method="selective",
        kind="measured",
        notes=(*row_notes(pair), *tail_notes(*tails(line))),
    )


class UpperEnd(NamedTuple):
    """W1 of the samples, draws (B,) of ∫ |Z| that bound W1 of the laws from above, what to note."""

    value: float
    noise: FloatArray
    notes: tuple[str, ...]


def upper_end(
    pair: SamplePair, draws: Draws, *, units: Units | None = None, cells: bool | None = None
) -> UpperEnd:
    """One-sided triangle band of W1 on the line; options as in `wasserstein1_band`."""
    columns = _columns(pair)
    line = pool(*columns, units)
    source = _drawn_from(line, cells)
    notes = *row_notes(pair, units), *tail_notes(*tails(line)), *_cell_notes(source)
    value = float(wasserstein_line(*columns, 1.0)[0])
    return UpperEnd(value, source.signed_noise([source.undecided()], draws)[1], notes)
