"""True optima of small unbalanced problems in many digits, by means that share nothing with otdiv.

Without an entropic term some optimal plan is positive on the edges of a forest, and complementary
slackness says f + g = C there. In each tree of it that leaves one number free, h in (f + h, g - h),
which has a closed form. So the dual value of every forest whose potentials are feasible is at most
the optimum, and that of the right one is the optimum. Few atoms have few forests.

With one the dual is smooth and strictly concave: Newton's method in many digits, from large epsilon
to small.
"""

from functools import cache
from itertools import combinations, product

import mpmath as mp


@cache
def forests(n, m):
    """Trees (atoms of both sides, edges) of every forest that leaves no atom alone."""
    edges, found = list(product(range(n), range(m))), []
    for size in range(max(n, m), n + m):
        for chosen in combinations(edges, size):
            if {i for i, _ in chosen} != set(range(n)) or {j for _, j in chosen} != set(range(m)):
                continue
            parent = list(range(n + m))

            def root(k, parent=parent):
                while parent[k] != k:
                    k = parent[k]
                return k

            acyclic = True
            for i, j in chosen:
                first, second = root(i), root(n + j)
                if first == second:
                    acyclic = False
                    break
                parent[first] = second
            if acyclic:
                roots = [root(k) for k in range(n + m)]
                found.append(
                    (chosen, [[k for k in range(n + m) if roots[k] == r] for r in set(roots)])
                )
    return found


def _potentials(n, C, edges, atoms):
    """Potentials with f + g = C along the tree that `atoms` make, 0 at the first of them."""
    h = {atoms[0]: mp.mpf(0)}
    while len(h) < len(atoms):
        for i, j in edges:
            if i in h and n + j not in h:
                h[n + j] = C[i][j] - h[i]
            elif n + j in h and i not in h:
                h[i] = C[i][j] - h[n + j]
    return h


def plain_optimum(a, b, C, reach, digits=60):
    """Min of <C, P> + reach (KL(P 1 | a) + KL(P' 1 | b)) for positive weights."""
    with mp.workdps(digits):
        a, b = [mp.mpf(w) for w in a], [mp.mpf(w) for w in b]
        C, reach = [[mp.mpf(c) for c in row] for row in C], mp.mpf(reach)
        n, m = len(a), len(b)
        tolerance = mp.mpf(10) ** (10 - digits)
        best = None
        for edges, trees in forests(n, m):
            h, kept = {}, mp.mpf(0)
            for atoms in trees:
                tree = _potentials(n, C, edges, atoms)
                A = mp.fsum(a[k] * mp.exp(-tree[k] / reach) for k in atoms if k < n)
                B = mp.fsum(b[k - n] * mp.exp(-tree[k] / reach) for k in atoms if k >= n)
                shift = reach * mp.log(A / B) / 2
                for k in atoms:
                    h[k] = tree[k] + (shift if k < n else -shift)
                kept += 2 * mp.sqrt(A * B)
            slack = min(
                C[i][j] - h[i] - h[n + j] + tolerance * (abs(h[i]) + abs(h[n + j]) + C[i][j])
                for i in range(n)
                for j in range(m)
            )
            if slack >= 0:
                value = reach * (mp.fsum(a) + mp.fsum(b) - kept)
                best = value if best is None else max(best, value)
        assert best is not None
        return best


def entropic_optimum(a, b, C, reach, epsilon, digits=60):
    """The same plus epsilon KL(P | a⊗b)."""
    with mp.workdps(digits):
        a, b = [mp.mpf(w) for w in a], [mp.mpf(w) for w in b]
        C, reach, final = [[mp.mpf(c) for c in row] for row in C], mp.mpf(reach), mp.mpf(epsilon)
        n, m = len(a), len(b)
        largest = max(max(row) for row in C)
        epsilon = max(final, largest / 2)
        f, g = [mp.mpf(0)] * n, [mp.mpf(0)] * m
        while True:
            f, g = _in_turn(a, b, C, reach, epsilon, f, g, 20)
            f, g = _newton(a, b, C, reach, epsilon, f, g)
            if epsilon == final:
                break
            epsilon = max(final, epsilon / 4)
        lost = mp.fsum([-w * mp.expm1(-h / reach) for w, h in zip(a + b, f + g, strict=True)])
        more = mp.fsum(
            a[i] * b[j] * mp.expm1((f[i] + g[j] - C[i][j]) / epsilon)
            for i in range(n)
            for j in range(m)
        )
        return reach * lost - epsilon * more


def _in_turn(a, b, C, reach, epsilon, f, g, rounds):
    n, m = len(a), len(b)
    damping = 1 / (1 + epsilon / reach)
    for _ in range(rounds):
        f = [
            -epsilon
            * damping
            * mp.log(mp.fsum(b[j] * mp.exp((g[j] - C[i][j]) / epsilon) for j in range(m)))
            for i in range(n)
        ]
        g = [
            -epsilon
            * damping
            * mp.log(mp.fsum(a[i] * mp.exp((f[i] - C[i][j]) / epsilon) for i in range(n)))
            for j in range(m)
        ]
        A = mp.fsum(w * mp.exp(-h / reach) for w, h in zip(a, f, strict=True))
        B = mp.fsum(w * mp.exp(-h / reach) for w, h in zip(b, g, strict=True))
        shift = reach * mp.log(A / B) / (1 + damping)
        f, g = [h + shift for h in f], [h - damping * shift for h in g]
    return f, g


def _newton(a, b, C, reach, epsilon, f, g):
    n, m = len(a), len(b)
    weights, h = a + b, list(f) + list(g)

    def state(h):
        aims = [w * mp.exp(-z / reach) for w, z in zip(weights, h, strict=True)]
        P = [
            [a[i] * b[j] * mp.exp((h[i] + h[n + j] - C[i][j]) / epsilon) for j in range(m)]
            for i in range(n)
        ]
        sums = [mp.fsum(row) for row in P] + [mp.fsum(row[j] for row in P) for j in range(m)]
        value = -reach * mp.fsum(aims) - epsilon * mp.fsum(sums[:n])
        return aims, P, sums, value

    aims, P, sums, value = state(h)
    for _ in range(400):
        gradient = [aim - total for aim, total in zip(aims, sums, strict=True)]
        if max(abs(d) / aim for d, aim in zip(gradient, aims, strict=True)) < mp.mpf(10) ** -25:
            return h[:n], h[n:]
        H = mp.matrix(n + m)
        for k in range(n + m):
            H[k, k] = aims[k] / reach + sums[k] / epsilon
        for i, j in product(range(n), range(m)):
            H[i, n + j] = H[n + j, i] = P[i][j] / epsilon
        # Rows and columns divided by the root of the diagonal: masses differ by many powers of ten.
        scale = [mp.sqrt(H[k, k]) for k in range(n + m)]
        for k, other in product(range(n + m), repeat=2):
            H[k, other] /= scale[k] * scale[other]
        step = mp.lu_solve(H, mp.matrix([d / s for d, s in zip(gradient, scale, strict=True)]))
        step = [z / s for z, s in zip(step, scale, strict=True)]
        length = min(mp.mpf(1), 4 * epsilon / max(abs(z) for z in step))
        while True:
            moved = [z + length * dz for z, dz in zip(h, step, strict=True)]
            found = state(moved)
            if found[3] >= value - abs(value) * mp.mpf(10) ** (5 - mp.mp.dps):
                break
            length /= 2
            assert length > 1e-12
        h, (aims, P, sums, value) = moved, found
    raise AssertionError("Newton's method did not converge")
