"""Objectives of transport with penalised marginals in forty digits, and optima of small problems.

Any plan is an upper bound of an optimum and any potentials are a lower one: here both are evaluated
in many digits, with formulae of their own, and improved until they agree.
"""

import mpmath as mp

DIGITS = 40


def penalty(kind, reach, sums, weights):
    """D_reach(sums | weights); infinite where a side that is kept wholly is not."""
    reach = mp.mpf(reach)
    if reach == mp.inf:
        off = max(abs(r - a) for r, a in zip(sums, weights, strict=True))
        return mp.mpf(0) if off <= mp.mpf(10) ** (5 - DIGITS) * max(weights) else mp.inf
    pairs = list(zip(sums, weights, strict=True))
    if kind == "kl":
        return reach * mp.fsum(
            (r * mp.log(r / a) if r > 0 else 0) - r + a for r, a in pairs if a > 0
        ) + (mp.inf if any(a == 0 < r for r, a in pairs) else 0)
    if kind == "tv":
        return reach * mp.fsum(abs(r - a) for r, a in pairs)
    return reach * mp.fsum((r - a) ** 2 for r, a in pairs)


def worth(kind, reach, potentials, weights):
    """The least of penalty(r) + f.r over r >= 0."""
    total, reach = mp.mpf(0), mp.mpf(reach)
    for f, a in zip(potentials, weights, strict=True):
        if reach == mp.inf:
            total += a * f
        elif kind == "kl":
            total += a * reach * (1 - mp.exp(-f / reach))
        elif kind == "tv":
            if f < -reach:
                return -mp.inf
            total += a * min(f, reach)
        else:
            r = max(a - f / (2 * reach), mp.mpf(0))
            total += reach * (r - a) ** 2 + f * r
    return total


def primal(plan, a, b, C, kind, reaches, epsilon=None, reference=None):
    """Objective of a plan in exact entries."""
    with mp.workdps(DIGITS):
        n, m = len(a), len(b)
        a, b = [mp.mpf(w) for w in a], [mp.mpf(w) for w in b]
        P = [[mp.mpf(plan[i][j]) for j in range(m)] for i in range(n)]
        value = mp.fsum(P[i][j] * mp.mpf(C[i][j]) for i in range(n) for j in range(m))
        rows = [mp.fsum(row) for row in P]
        columns = [mp.fsum(row[j] for row in P) for j in range(m)]
        value += penalty(kind, reaches[0], rows, a) + penalty(kind, reaches[1], columns, b)
        if epsilon is not None:
            r, c = reference or (a, b)
            for i in range(n):
                for j in range(m):
                    R = mp.mpf(r[i]) * mp.mpf(c[j])
                    if R == 0:
                        value += mp.inf if P[i][j] > 0 else 0
                        continue
                    log = P[i][j] * mp.log(P[i][j] / R) if P[i][j] > 0 else mp.mpf(0)
                    value += mp.mpf(epsilon) * (log - P[i][j] + R)
        return value


def dual(f, g, a, b, C, kind, reaches, epsilon=None, reference=None):
    """What potentials prove; without epsilon g is lowered until it is feasible."""
    with mp.workdps(DIGITS):
        n, m = len(a), len(b)
        a, b = [mp.mpf(w) for w in a], [mp.mpf(w) for w in b]
        f, g = [mp.mpf(h) for h in f], [mp.mpf(h) for h in g]
        if epsilon is None:
            for j in range(m):
                g[j] = min(g[j], *(mp.mpf(C[i][j]) - f[i] for i in range(n)))
        value = worth(kind, reaches[0], f, a) + worth(kind, reaches[1], g, b)
        if epsilon is not None:
            r, c = reference or (a, b)
            for i in range(n):
                for j in range(m):
                    R = mp.mpf(r[i]) * mp.mpf(c[j])
                    grown = mp.exp((f[i] + g[j] - mp.mpf(C[i][j])) / mp.mpf(epsilon))
                    value -= mp.mpf(epsilon) * R * (grown - 1)
        return value


def best(kind, reach, log, a, epsilon):
    """The f that makes worth(f) - epsilon exp(f / epsilon + log) largest."""
    if a == 0 and (kind == "kl" or reach == mp.inf):
        return mp.mpf(0)
    free = epsilon * (mp.log(a) - log) if a > 0 else -mp.inf
    if reach == mp.inf:
        return free
    if kind == "kl":
        return free * reach / (reach + epsilon)
    if kind == "tv":
        return min(max(free, -reach), reach)
    # f = 2 reach (a - r) with log r = f / epsilon + log: w e^w = z for w = 2 reach r / epsilon.
    scale = 2 * reach / epsilon
    z = scale * mp.exp(scale * a + log)
    return 2 * reach * (a - mp.lambertw(z).real / scale)


def entropic_pair(f, g, a, b, C, kind, reaches, epsilon, reference=None, rounds=60):
    """Potentials from (f, g) on by rounds of `best`, and the plan that they make."""
    with mp.workdps(DIGITS):
        n, m = len(a), len(b)
        epsilon = mp.mpf(epsilon)
        reaches = tuple(mp.mpf(r) for r in reaches)
        a, b = [mp.mpf(w) for w in a], [mp.mpf(w) for w in b]
        r, c = reference or (a, b)
        K = [[mp.mpf(r[i]) * mp.mpf(c[j]) for j in range(m)] for i in range(n)]
        f, g = [mp.mpf(h) for h in f], [mp.mpf(h) for h in g]

        def entry(i, j, f, g):
            return K[i][j] * mp.exp((f[i] + g[j] - mp.mpf(C[i][j])) / epsilon)

        zero = [mp.mpf(0)] * max(n, m)

        def rows():
            for i in range(n):
                total = mp.fsum(entry(i, j, zero, g) for j in range(m))
                f[i] = best(kind, reaches[0], mp.log(total), a[i], epsilon)

        def columns():
            for j in range(m):
                total = mp.fsum(entry(i, j, f, zero) for i in range(n))
                g[j] = best(kind, reaches[1], mp.log(total), b[j], epsilon)

        # The side that is kept wholly comes last.
        order = (columns, rows) if reaches[0] == mp.inf else (rows, columns)
        for _ in range(rounds):
            for update in order:
                update()
        plan = [[entry(i, j, f, g) for j in range(m)] for i in range(n)]
        return f, g, plan
