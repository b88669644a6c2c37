"""Partial optima in rational arithmetic: the augmented balanced problem, solved exactly."""

import math
from fractions import Fraction

from tests.exact import exact_potentials, exact_solution


def _finite(number):
    return None if math.isinf(number) else Fraction(number)


def partial_interval(a, b, costs, *, mass=None, prices=None):
    """Optimum of the floats a, b, mass as they are, and w = 4u sum of weights times potentials.

    `costs[i][j]` is a number, or None where the pair is forbidden; `prices` are one a source atom
    and one a target atom. Returns None when no plan exists.
    """
    a, b = [Fraction(t) for t in a], [Fraction(t) for t in b]
    n, m = len(a), len(b)
    if mass is not None:
        # All of the smaller side is all of it, whatever its sum is rounded to.
        mass = min(Fraction(mass), sum(a), sum(b))
        extra = sum(b) - mass, sum(a) - mass
        prices, joint = ([0] * n, [0] * m), None
    else:
        # A side that is moved wholly has room, but for what its sum is rounded by.
        if math.isinf(prices[0][0]) and sum(a) > sum(b):
            a = [t * sum(b) / sum(a) for t in a]
        if math.isinf(prices[1][0]) and sum(b) > sum(a):
            b = [t * sum(a) / sum(b) for t in b]
        extra, joint = (sum(b), sum(a)), Fraction(0)
    costs = [[*row, _finite(price)] for row, price in zip(costs, prices[0], strict=True)] + [
        [*(_finite(price) for price in prices[1]), joint]
    ]
    a, b = [*a, extra[0]], [*b, extra[1]]
    solved = exact_solution(a, b, costs)
    if solved is None:
        return None
    value, flow = solved
    f, g = exact_potentials(costs, flow)
    positions = [(t, p) for t, p in zip(f, a, strict=True)]
    positions += [(-t, q) for t, q in zip(g, b, strict=True)]
    size = min(sum(p * abs(t - shift) for t, p in positions) for shift, _ in positions)
    return value, Fraction(4, 2**53) * size
