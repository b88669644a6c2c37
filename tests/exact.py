"""Exact optima in rational arithmetic, for instances small enough to solve without floats."""

from fractions import Fraction
from itertools import pairwise


def exact_transport(supplies, demands, costs):
    """Optimal value of a transport problem of whole-number weights, as a Fraction.

    Successive shortest augmenting paths (Bellman-Ford), exact in every step. `costs[i][j]` is a
    number or None where the pair is forbidden; returns None when no plan exists.
    """
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
    return value
