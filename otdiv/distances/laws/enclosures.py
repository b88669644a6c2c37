"""What law distances return, and the tolerances that their integrals keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

__all__ = ["LEVELS", "Kind", "LawDistance", "allowed_error", "certified"]

_EPS = float(np.finfo(np.float64).eps)
# Relative accuracy where the caller asks for none: the error estimate of the rule is far above its
# error, so that nearly all digits are right; chosen by taste.
_DEFAULT_RTOL = 1e-10
# Levels at which the cells around the middle of a law are cut: bulk, shoulders, tails; by taste.
LEVELS = np.array([1e-14, 1e-10, 1e-7, 1e-5, 1e-3, 0.02, 0.1, 0.3])

Kind = Literal["certified", "quadrature"]


class LawDistance(NamedTuple):
    """A distance, its enclosure, and whether that is proven or estimated."""

    value: float
    lower: float
    upper: float
    kind: Kind


def certified(value: float, slack: float) -> LawDistance:
    """Distance proven to `slack`."""
    return LawDistance(value, max(0.0, value - slack), value + slack, "certified")


def allowed_error(
    rtol: float | None, atol: float | None, p: float = 1.0
) -> tuple[Callable[[float], float], float]:
    """Map from the integral I = W^p to the error of I that W's tolerance allows, and rtol."""
    asked = rtol is not None or atol is not None
    relative = (rtol or 0.0) if asked else _DEFAULT_RTOL
    # Bounds lie on both sides of the value, and bulk and tails of both ends share the tolerance.
    relative = max(0.125 * relative, 16.0 * _EPS)
    absolute = 0.125 * (atol or 0.0)

    def allowed(integral: float) -> float:
        if absolute == 0.0 or integral <= 0.0:
            return relative * p * integral + 0.5 * float(absolute**p)
        return p * max(relative * integral, absolute * float(integral ** ((p - 1.0) / p)))

    return allowed, relative
