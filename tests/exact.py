"""Exact optima in rational arithmetic, for instances small enough to solve without floats."""

import math
from fractions import Fraction
from itertools import pairwise


def exact_transport(supplies, demands, costs):
    """Optimal value of a transport problem of rational weights, as a Fraction.

    Successive shortest augmenting paths (Bellman-Ford), exact in every step. `costs[i][j]` is a
    number or None where the pair is forbidden; returns None when no plan exists.
    """
    solved = exact_solution(supplies, demands, costs)
    return None if solved is None else solved[0]


def exact_interval(a, b, costs):
    """Right answers for the floats a, b: the optimum of the exactly normalised weights, and w.

    The mass is the float sum of a; w = 4u sum(a|f| + b|g|) at optimal potentials, shifted by the
    constant that makes it least. Returns None when no plan exists.
    """
    mass = Fraction(math.fsum(a))
    a, b = ([Fraction(t) * mass / sum(map(Fraction, side)) for t in side] for side in (a, b))
    solved = exact_solution(a, b, costs)
    if solved is None:
        return None
    value, flow = solved
    f, g = exact_potentials(costs, flow)
    positions = [(t, p) for t, p in zip(f, a, strict=True)]
    positions += [(-t, q) for t, q in zip(g, b, strict=True)]
    size = min(sum(p * abs(t - shift) for t, p in positions) for shift, _ in positions)
    return value, Fraction(4, 2**53) * size


def exact_potentials(costs, flow):
    """Feasible potentials that are tight where the flow is: shortest paths of what it leaves."""
    n, m = len(costs), len(costs[0])
    f, g = [Fraction(0)] * n, [None] * m
    changed = True
    while changed:
        changed = False
        for i in range(n):
            for j in range(m):
                if costs[i][j] is None:
                    continue
                cost = Fraction(costs[i][j])
                if g[j] is None or g[j] > cost - f[i]:
                    g[j], changed = cost - f[i], True
                if flow[i][j] > 0 and f[i] < cost - g[j]:
                    f[i], changed = cost - g[j], True
    return f, [Fraction(0) if t is None else t for t in g]


def exact_solution(supplies, demands, costs):
    """Optimal value and flow of `exact_transport`, or None."""
    n, m = len(supplies), len(demands)
    left, free = list(supplies), list(demands)
    flow = [[0] * m for _ in range(n)]
    value = Fraction(0)
    while any(left):
        best = {("s", i): Fraction(0) for i in range(n) if left[i] > 0}
        parent = {}
        changed = True
        while changed:
            changed = False
            for i in range(n):
                for j in range(m):
                    cost = costs[i][j]
                    if cost is None:
                        continue
                    cost = Fraction(cost)
                    if ("s", i) in best:
                        reach = best["s", i] + cost
                        if ("t", j) not in best or reach < best["t", j]:
                            best["t", j], parent["t", j] = reach, ("s", i)
                            changed = True
                    if flow[i][j] > 0 and ("t", j) in best:
                        reach = best["t", j] - cost
                        if ("s", i) not in best or reach < best["s", i]:
                            best["s", i], parent["s", i] = reach, ("t", j)
                            changed = True
        ends = [j for j in range(m) if free[j] > 0 and ("t", j) in best]
        if not ends:
            return None
        end = min(ends, key=lambda j: best["t", j])
        path = [("t", end)]
        while path[-1] in parent:
            path.append(parent[path[-1]])
        path.reverse()
        steps = list(pairwise(path))
        amount = min(left[path[0][1]], free[end])
        for tail, head in steps:
            if tail[0] == "t":
                amount = min(amount, flow[head[1]][tail[1]])
        for tail, head in steps:
            if tail[0] == "s":
                flow[tail[1]][head[1]] += amount
                value += amount * Fraction(costs[tail[1]][head[1]])
            else:
                flow[head[1]][tail[1]] -= amount
                value -= amount * Fraction(costs[head[1]][tail[1]])
        left[path[0][1]] -= amount
        free[end] -= amount
    return value, flow
