"""Sums over pairs of rows of two matrices that were sorted row by row."""

from ._jit import kernel


@kernel
def ordered_products(X, F, Y, G, first, stop, out):
    """out[i - first, j] = sum of x y over the coupling in order of row i of X and row j of Y.

    X (n, p) and Y (m, q) hold rising numbers, F and G their cumulated weights, each up to 1.
    """
    p, q = X.shape[1], Y.shape[1]
    for i in range(first, stop):
        for j in range(Y.shape[0]):
            k = 0
            other = 0
            level = 0.0
            total = 0.0
            while k < p and other < q:
                above = F[i, k]
                height = G[j, other]
                reached = min(above, height)
                if reached > level:
                    total += (reached - level) * X[i, k] * Y[j, other]
                    level = reached
                if above <= reached:
                    k += 1
                if height <= reached:
                    other += 1
            out[i - first, j] = total

