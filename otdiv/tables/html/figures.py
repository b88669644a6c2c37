"""The small figures of a page, one a question; A is grey, B has the accent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..._typing import FloatArray, IndexArray
from ...plotting.canvas import drawable, submodule
from ...plotting.tables import view_of_ecdfs
from ..rows import ColumnComparison, Driver, Ecdfs, Frequencies, NoiseFloor
from .svg import ACCENT, FAINT, MUTED, RULE, SOFT, Drawing
from .words import format_number, format_share, named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "draw_drivers",
    "draw_ecdfs",
    "draw_frequencies",
    "draw_missing",
    "draw_null",
    "draw_shift",
]

WIDTH = 340.0
HEIGHT = 196.0
"""Pixels of a figure: three stand side by side on a desk, one fills a phone."""

MOST_CATEGORIES = 8
"""Categories drawn of a column, those that moved most; by taste."""

MOST_DRIVERS = 10
"""Columns drawn of the joint comparison; the others share one bar."""

_TAIL = 0.005
"""Share of the rows on either side that the figure of quantiles leaves out; by taste."""

_N_BARS = 24
"""Bars of a histogram; by taste."""

_WIDE_LETTERS = 34
"""Letters of a category's name that fit above its bars."""

_CLOSE = {"left": 2.0, "right": 2.0, "top": 4.0, "bottom": 4.0}
"""Pixels around axes that have no ticks."""


def draw_ecdfs(row: ColumnComparison, prefix: str) -> str | None:
    """Both distribution functions; the area between them is W1."""
    if not isinstance(row.distributions, Ecdfs):
        return None
    found = row.distributions
    if not np.isfinite(found.values).all():
        return None
    values, scale = drawable(found.values)
    low, high = view_of_ecdfs(values, found.a, found.b)
    margin = 0.03 * (high - low) or max(0.5, 1e-6 * abs(high))
    drawing = Drawing(WIDTH, HEIGHT, left=42.0)
    ax = drawing.ax
    x = np.concatenate([[low - margin], values, [high + margin]])
    F, G = (np.concatenate([[0.0], side, [1.0]]) for side in (found.a, found.b))
    # What lies beyond the view stands at its edges.
    np.clip(x, low - margin, high + margin, out=x)
    kept = _one_a_pixel((x - x[0]) / (x[-1] - x[0]) * drawing.inner[0])
    x, F, G = x[kept], F[kept], G[kept]
    ax.fill_between(x, F, G, step="post", color=SOFT, linewidth=0)
    ax.step(x, F, where="post", color=MUTED, linewidth=1.4)
    ax.step(x, G, where="post", color=ACCENT, linewidth=1.8)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(0.0, 1.02)
    _share_axis(ax)
    _number_axis(ax, drawing.word(f"{scale} {row.unit or ''}".strip()))
    return drawing.svg(prefix, f"{row.column}: distribution functions of A and B")


def draw_shift(row: ColumnComparison, prefix: str) -> str | None:
    """By how much each quantile of B lies above that of A."""
    if not isinstance(row.distributions, Ecdfs) or not row.quantiles:
        return None
    found = row.distributions
    shares = np.linspace(_TAIL, 1.0 - _TAIL, 199)
    with np.errstate(over="ignore", invalid="ignore"):
        moved = _quantiles(found.values, found.b, shares) - _quantiles(
            found.values, found.a, shares
        )
    if not np.isfinite(moved).all():
        return None
    moved, scale = drawable(moved)
    drawing = Drawing(WIDTH, HEIGHT, left=52.0, top=22.0)
    ax = drawing.ax
    ax.fill_between(shares, moved, 0.0, color=SOFT, linewidth=0)
    ax.plot(shares, moved, color=ACCENT, linewidth=1.8)
    ax.axhline(0.0, color=MUTED, linewidth=1.0)
    ax.set_xlim(0.0, 1.0)
    reach = float(np.abs(moved).max()) or 1.0
    ax.set_ylim(
        min(1.12 * float(moved.min()), -0.08 * reach), max(1.12 * float(moved.max()), 0.08 * reach)
    )
    ax.spines["bottom"].set_visible(False)
    ax.set_xticks([0.05, 0.25, 0.5, 0.75, 0.95], ["5 %", "25 %", "50 %", "75 %", "95 %"])
    ax.set_xlabel("quantile")
    unit = f"{scale} {row.unit or ''}".strip()
    _number_ticks(ax, "y", 4)
    ax.grid(axis="y")
    if unit:
        ax.annotate(
            drawing.word(unit, 12),
            (0.0, 1.0),
            xycoords="axes fraction",
            xytext=(-48.0, 10.0),
            textcoords="offset points",
            color=MUTED,
        )
    return drawing.svg(prefix, f"{row.column}: quantiles of B less those of A")


def draw_null(
    name: str,
    effect: float | None,
    noise: NoiseFloor | None,
    prefix: str,
    *,
    unit: str | None,
    per_unit: float = 1.0,
) -> str | None:
    """The effects of relabelled rows, and the observed one; `per_unit` are one in the figure."""
    if noise is None or effect is None or not noise.values.size:
        return None
    both = np.append(noise.values, effect)
    if not np.isfinite(both).all():
        return None
    both, scale = drawable(both / per_unit)
    values, observed = both[:-1], float(both[-1])
    low, high = 0.0, max(float(both.max()), 1e-300)
    drawing = Drawing(WIDTH, HEIGHT, left=12.0)
    ax = drawing.ax
    counts, edges = np.histogram(values, bins=_bars(values, high))
    share = counts / values.size
    ax.stairs(share, edges, fill=True, color=FAINT, linewidth=0)
    ax.stairs(share, edges, color=MUTED, linewidth=0.8)
    ax.set_xlim(low, 1.06 * high)
    top = 1.3 * float(share.max())
    ax.set_ylim(0.0, top)
    ax.vlines(observed, 0.0, 0.88 * top, color=ACCENT, linewidth=2.0)
    left = observed > 0.5 * high
    ax.annotate(
        f"observed {format_number(observed, 4)}",
        (observed, 0.88 * top),
        xytext=(0.0, 4.0),
        textcoords="offset points",
        ha="right" if left else "left",
        color=ACCENT,
    )
    ax.set_yticks([])
    _number_axis(ax, drawing.word(f"{scale} {unit or ''}".strip()))
    return drawing.svg(prefix, f"{name}: the effect of relabelled rows, and the observed effect")


def draw_frequencies(row: ColumnComparison, prefix: str) -> str | None:
    """Shares of the categories that moved most."""
    if not isinstance(row.distributions, Frequencies):
        return None
    found = row.distributions
    k = min(MOST_CATEGORIES, len(found.labels))
    if not k:
        return None
    new, vanished = set(row.new), set(row.vanished)
    drawing = Drawing(WIDTH, 8.0 + 42.0 * k, **_CLOSE)
    ax = drawing.ax
    longest = float(max(found.a[:k].max(), found.b[:k].max())) or 1.0
    for place in range(k):
        label, a, b = found.labels[place], float(found.a[place]), float(found.b[place])
        _two_bars(ax, place, (a, b))
        mark = " · new" if label in new else " · vanished" if label in vanished else ""
        token = drawing.word(named(label), _WIDE_LETTERS - len(mark), mark)
        ax.text(0.0, place - 0.2, token, va="baseline")
        shares = f"{format_share(a)} → {format_share(b)}"
        ax.text(longest, place - 0.2, shares, va="baseline", ha="right", color=MUTED)
    _bar_axes(ax, k, longest)
    return drawing.svg(prefix, f"{row.column}: shares of the categories that moved most")


def draw_missing(row: ColumnComparison, prefix: str) -> str | None:
    """The shares of missing values."""
    if row.missing is None:
        return None
    rates = row.missing.rate_a, row.missing.rate_b
    drawing = Drawing(WIDTH, 56.0, left=20.0, right=62.0, top=2.0, bottom=2.0)
    ax = drawing.ax
    # A share of a thousandth is no full bar.
    longest = max(*rates, 0.003)
    for place, (name, rate, color) in enumerate(zip("AB", rates, (MUTED, ACCENT), strict=True)):
        _bar(ax, place, rate, 0.5, color)
        for text, x, shift, ha in (
            (name, 0.0, -8.0, "right"),
            (format_share(rate), rate, 6.0, "left"),
        ):
            ax.annotate(
                text,
                (x, place),
                xytext=(shift, 0.0),
                textcoords="offset points",
                va="center",
                ha=ha,
            )
    ax.axvline(0.0, color=RULE, linewidth=1.0)
    ax.set_xlim(0.0, longest)
    ax.set_ylim(1.5, -0.5)
    ax.set_axis_off()
    return drawing.svg(prefix, f"{row.column}: shares of missing values")


def draw_drivers(drivers: Sequence[Driver], prefix: str) -> str | None:
    """The columns' shares of the joint movement; they add up to 100 %."""
    if not drivers:
        return None
    drawing = Drawing(WIDTH, 8.0 + 32.0 * min(len(drivers), MOST_DRIVERS + 1), **_CLOSE)
    ax = drawing.ax
    bars = [(drawing.word(named(one.column), 34), one.share) for one in drivers[:MOST_DRIVERS]]
    rest = drivers[MOST_DRIVERS:]
    if rest:
        bars.append((f"{len(rest)} more", math.fsum(one.share for one in rest)))
    longest = max(share for _, share in bars) or 1.0
    for place, (name, share) in enumerate(bars):
        _bar(ax, place + 0.1, share, 0.2, ACCENT)
        ax.text(0.0, place - 0.2, name, va="baseline")
        ax.text(longest, place - 0.2, format_share(share), va="baseline", ha="right", color=MUTED)
    _bar_axes(ax, len(bars), longest)
    return drawing.svg(prefix, "Shares of the joint movement by column")


def _one_a_pixel(places: FloatArray) -> IndexArray:
    """The last of the points (k,) that fall on one pixel, and both ends; `places` increase."""
    pixels = np.floor(places)
    last = np.append(pixels[1:] != pixels[:-1], True)
    last[0] = True
    return np.flatnonzero(last)


def _quantiles(values: FloatArray, shares_below: FloatArray, shares: FloatArray) -> FloatArray:
    places = np.searchsorted(shares_below, shares)
    found: FloatArray = values[np.minimum(places, values.size - 1)]
    return found


def _bars(values: FloatArray, reach: float) -> FloatArray:
    """Edges of the bars over the draws, which may be a sliver of what the figure shows."""
    low, high = float(values.min()), float(values.max())
    # A bar of a pixel is the least that can be seen.
    width = max((high - low) / _N_BARS, reach / WIDTH)
    count = max(1, math.ceil((high - low) / width))
    middle = 0.5 * (low + high)
    edges = middle + width * (np.arange(count + 1) - 0.5 * count)
    return np.asarray(edges, np.float64)


def _two_bars(ax: Axes, place: float, shares: tuple[float, float]) -> None:
    _bar(ax, place + 0.02, shares[0], 0.14, MUTED)
    _bar(ax, place + 0.2, shares[1], 0.14, ACCENT)


def _bar(ax: Axes, place: float, share: float, height: float, color: str) -> None:
    ax.barh(place, share, height=height, color=color)


def _bar_axes(ax: Axes, count: int, longest: float) -> None:
    ax.set_xlim(0.0, longest)
    ax.set_ylim(count - 0.6, -0.6)
    ax.set_axis_off()


def _share_axis(ax: Axes) -> None:
    ax.set_yticks([0.0, 0.5, 1.0], ["0 %", "50 %", "100 %"])
    ax.grid(axis="y")


def _number_axis(ax: Axes, words: str) -> None:
    _number_ticks(ax, "x", 4)
    ax.set_xlabel(words)


def _number_ticks(ax: Axes, side: Literal["x", "y"], most: int) -> None:
    ticker = submodule("ticker")
    axis = ax.xaxis if side == "x" else ax.yaxis
    axis.set_major_locator(ticker.MaxNLocator(most))
    axis.set_major_formatter(lambda value, _: _tick(value))


def _tick(value: float) -> str:
    """A tick as it is read: no zeros behind the point, a minus and no hyphen."""
    text = format_number(value, 5)
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")
