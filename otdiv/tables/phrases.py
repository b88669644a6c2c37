"""How a column moved, in words: quantiles of numbers, shares of categories."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from .formats import format_share, format_value, listed, with_unit
from .rows import ColumnComparison, Frequencies, QuantileMove

__all__ = ["movement", "movements"]

_ONE_WAY = 0.8
"""Least over largest move of the quantiles from which all of them moved alike; by taste."""

_NO_SHIFT = 0.05
"""Share of W1 below which the mean hardly moved; by taste."""

_MOST_CATEGORIES = 3
"""Categories that a sentence names."""

_LEAST_MOVE = 0.5
"""Categories are named down to this share of the largest move; by taste."""


def movements(row: ColumnComparison) -> list[str]:
    """What moved in a column, a phrase each; none where nothing is known."""
    if isinstance(row.distributions, Frequencies):
        return list(_categories(row.distributions))
    return [*_mean(row), *_quantiles(row)]


def movement(row: ColumnComparison) -> str:
    """The same, for the end of a sentence."""
    return "; ".join(movements(row))


def _mean(row: ColumnComparison) -> Iterator[str]:
    if row.mean_difference is None or row.shift_share is None:
        return
    if row.shift_share < _NO_SHIFT:
        yield "the mean hardly moved"
        return
    direction = "up" if row.mean_difference > 0.0 else "down"
    yield f"mean {direction} by {with_unit(abs(row.mean_difference), row.unit)}"


def _quantiles(row: ColumnComparison) -> Iterator[str]:
    """How the quantiles moved together, and the two that moved most."""
    moves = [move for move in row.quantiles if not math.isnan(move.difference)]
    moved = [move for move in moves if move.difference != 0.0]
    if not moves:
        return
    if not moved:
        first, last = (format_value(100.0 * moves[place].level) for place in (0, -1))
        yield f"none of the quantiles from {first} % to {last} % moved"
        return
    sizes = [abs(move.difference) for move in moved]
    alike = len({move.difference > 0.0 for move in moved}) == 1
    if alike and len(moved) == len(moves) > 1 and min(sizes) >= _ONE_WAY * max(sizes):
        direction = "up" if moved[0].difference > 0.0 else "down"
        low, high = (_with_unit(pick(sizes), row.unit) for pick in (min, max))
        by = high if low == high else f"{format_value(min(sizes))} to {high}"
        yield f"all quantiles {direction} by {by}"
        return
    largest = sorted(moved, key=lambda move: -abs(move.difference))[:2]
    together = _together(moves, moved)
    yield f"{together}{', '.join(_quantile(move, row.unit) for move in largest)}"


def _together(moves: Sequence[QuantileMove], moved: Sequence[QuantileMove]) -> str:
    """Words for the pattern of all quantiles, before those that are named."""
    ends = {moves[0].level, moves[-1].level}
    if len(moves) > 2 and {move.level for move in moved} <= ends:
        if len(moved) == 2:
            return "only the tails moved: "
        return f"only the {'lower' if moved[0] is moves[0] else 'upper'} tail moved: "
    signs = [move.difference > 0.0 for move in moved]
    if len(moved) == 1:
        return ""
    if all(signs) or not any(signs):
        direction = "up" if signs[0] else "down"
        every = "all" if len(moved) == len(moves) else f"{len(moved)} of {len(moves)}"
        return f"{every} quantiles {direction}, most: "
    turns = sum(left != right for left, right in itertools.pairwise(signs))
    if turns == 1:
        return "drawn together: " if signs[0] else "spread out: "
    return ""


def _quantile(move: QuantileMove, unit: str | None) -> str:
    sign = "+" if move.difference > 0.0 else "-"
    text = f"{format_value(100.0 * move.level)} % quantile "
    text += f"{sign}{_with_unit(abs(move.difference), unit)}"
    if move.a is not None and move.b is not None:
        text += f" ({format_value(move.a)} → {format_value(move.b)})"
    return text


def _with_unit(value: float, unit: str | None) -> str:
    return f"{format_value(value)} {unit or ''}".rstrip()


def _categories(frequencies: Frequencies) -> Iterator[str]:
    """The categories that moved most with their shares, those that came and those that went."""
    shares = list(zip(frequencies.labels, frequencies.a, frequencies.b, strict=True))
    moved = [one for one in shares if one[1] > 0.0 and one[2] > 0.0 and one[1] != one[2]]
    least = _LEAST_MOVE * max((abs(b - a) for _, a, b in moved), default=0.0)
    # Of two categories one says it all.
    most = 1 if len(shares) == 2 else _MOST_CATEGORIES
    named = [one for one in moved if abs(one[2] - one[1]) >= least][:most]
    if named:
        yield ", ".join(f"{label} {format_share(a)} → {format_share(b)}" for label, a, b in named)
    for word, found in (
        ("new", [(label, b) for label, a, b in shares if a == 0.0]),
        ("vanished", [(label, a) for label, a, b in shares if b == 0.0]),
    ):
        if found:
            noun = "category" if len(found) == 1 else "categories"
            told = [f"{label} ({format_share(share)})" for label, share in found]
            yield f"{word} {noun}: {listed(told, _MOST_CATEGORIES)}"
