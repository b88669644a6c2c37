"""Distances on the line whose levels are whole numbers of any length: nothing is lost.

Levels in floating point are within some roundings of the total. Where one light atom lies far away,
or where two samples are nearly the same, that is as much as the distance itself.

Plain Python, and yet in this room: `distances` turns to it where its levels cannot tell, and
compiled integers have 64 bits.
"""

import math

import numpy as np

__all__ = ["exact_distance", "exact_energy", "whole_numbers"]

_U = 2.0**-53
_LARGE = 1e300
# Shares below this have lost digits, or soon will.
_LIGHT = 1e-300


def whole_numbers(weights: np.ndarray) -> list[int]:
    """Finite weights (n,) >= 0, not all 0, as whole numbers in one unit, exactly."""
    mantissas, exponents = np.frexp(weights)
    least = int(exponents[weights > 0.0].min())
    return [
        int(mantissa) << (exponent - least) if mantissa else 0
        for mantissa, exponent in zip(
            np.ldexp(mantissas, 53).tolist(), exponents.tolist(), strict=True
        )
    ]


def exact_distance(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, p: float
) -> tuple[float, float]:
    """W_p of sorted samples x (n,), y (m,) with positive weights a (n,), b (m,), and its slack.

    `p` is finite and at least 1. Takes some microseconds an atom.
    """
    supplies, demands = whole_numbers(a), whole_numbers(b)
    total_a, total_b = sum(supplies), sum(demands)
    total = total_a * total_b
    # Halves of the largest floats, so that no difference overflows.
    large = max(abs(float(z)) for z in (x[0], x[-1], y[0], y[-1])) > _LARGE
    unit = 0.5 if large else 1.0
    points_x, points_y = (unit * x).tolist(), (unit * y).tolist()
    masses, gaps = [], []
    i = j = 0
    left, free = supplies[0] * total_b, demands[0] * total_a
    while True:
        moved = min(left, free)
        masses.append(moved)
        gaps.append(abs(points_x[i] - points_y[j]))
        left -= moved
        free -= moved
        if left == 0:
            i += 1
            if i == len(supplies):
                break
            left = supplies[i] * total_b
        if free == 0:
            j += 1
            free = demands[j] * total_a
    # The p-th root of a share times its gap: neither the lightest nor the longest leaves the range
    # of floats, as their powers would.
    found = [
        _term(mass, total, gap, p) for mass, gap in zip(masses, gaps, strict=True) if gap > 0.0
    ]
    top = max((term for term, _ in found), default=0.0)
    if top == 0.0:
        return 0.0, 5e-324 * len(found)
    value = top * math.fsum((term / top) ** p for term, _ in found) ** (1.0 / p) / unit
    # A term errs by 6 u and what its exponent does; its power by p times as much and 2 u more.
    slack = (8.0 * p + 12.0 + p * max(halvings for _, halvings in found)) * _U * value
    return value, slack + 5e-324 * len(found) if value < 1e-290 else slack


def _term(mass: int, total: int, gap: float, p: float) -> tuple[float, float]:
    """(mass / total)**(1 / p) gap, and the halvings of it, whose number errs by u of itself."""
    share = mass / total
    if share > _LIGHT:
        return share ** (1.0 / p) * gap, 0.0
    # Shares that are no floats any more: their root and the gap together may be one.
    lift = total.bit_length() - mass.bit_length()
    halvings = lift / p
    root = ((mass << lift) / total) ** (1.0 / p) * 2.0 ** (math.floor(halvings) - halvings)
    return math.ldexp(root * gap, -math.floor(halvings)), halvings


def exact_energy(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Energy distance of sorted samples x (n,), y (m,) with positive weights, and its slack."""
    supplies, demands = whole_numbers(a), whole_numbers(b)
    total_a, total_b = sum(supplies), sum(demands)
    total = total_a * total_b
    steps = [(point, weight * total_b) for point, weight in zip(x.tolist(), supplies, strict=True)]
    steps += [(point, -weight * total_a) for point, weight in zip(y.tolist(), demands, strict=True)]
    steps.sort()
    level, last = 0, steps[0][0]
    shares, roots = [], []
    for point, step in steps:
        if level and point > last:
            shares.append(abs(level) / total)
            width = point - last
            halves = math.sqrt(2.0) * math.sqrt(0.5 * point - 0.5 * last)
            roots.append(math.sqrt(width) if width < math.inf else halves)
        level += step
        last = point
    # Roots of widths, so that no square of a share underflows where its product with one does not.
    value = math.sqrt(2.0) * math.hypot(*(s * r for s, r in zip(shares, roots, strict=True)))
    return value, 16.0 * _U * value + (5e-324 * len(shares) if value < 1e-290 else 0.0)
