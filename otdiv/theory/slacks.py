"""How far a case is from breaking a statement: positive is room, negative is broken."""

from __future__ import annotations

import math

__all__ = ["at_most", "condition", "equal", "within"]

_TINY = 1e-300


def equal(left: float, right: float, *, tolerance: float = 1e-12, scale: float = 1.0) -> float:
    """1 - |left - right| / (tolerance scale): 1 is perfect, 0 just allowed.

    Examples
    --------
    >>> from otdiv.theory.slacks import equal
    >>> equal(1.0, 1.0), equal(1.0, 1.5, tolerance=1.0)
    (1.0, 0.5)
    """
    left, right = float(left), float(right)
    if left == right:
        return 1.0
    error = abs(left - right)
    return 1.0 - error / (tolerance * scale) if math.isfinite(error) else -math.inf


def at_most(small: float, large: float, *, tolerance: float = 1e-12, scale: float = 0.0) -> float:
    """(large - small) over the larger side, plus `tolerance` for rounding.

    `scale` is the size of the terms that either side was summed from, where that is larger.

    Examples
    --------
    >>> from otdiv.theory.slacks import at_most
    >>> at_most(1.0, 2.0, tolerance=0.0), at_most(2.0, 1.0, tolerance=0.0)
    (0.5, -0.5)
    """
    small, large = float(small), float(large)
    if small == large:
        return tolerance
    if math.isnan(small) or math.isnan(large):
        return -math.inf  # `min` over several slacks would pass over a NaN
    if math.isinf(small) or math.isinf(large):
        return 1.0 if small < large else -math.inf
    unit = max(abs(small), abs(large), scale, _TINY)
    return (large - small) / unit + tolerance


def within(value: float, low: float, high: float) -> float:
    """Slack of low <= value <= high, in halves of the interval: 1 in the middle, 0 at the ends.

    Examples
    --------
    >>> from otdiv.theory.slacks import within
    >>> within(0.5, 0.0, 1.0), within(2.0, 0.0, 1.0)
    (1.0, -2.0)
    """
    slack = 1.0 - abs(2.0 * float(value) - low - high) / (high - low)
    return -math.inf if math.isnan(slack) else slack


def condition(slack: float) -> float:
    """1 where a slack is kept, else the slack: a side condition of an equality.

    Else a sharp side condition, whose slack is 0, would hide how well the equality held.

    Examples
    --------
    >>> from otdiv.theory.slacks import condition
    >>> condition(0.0), condition(-0.5)
    (1.0, -0.5)
    """
    return 1.0 if slack >= 0.0 else slack
