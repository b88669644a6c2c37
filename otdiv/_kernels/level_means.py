"""Means of quantile functions between given levels, row by row."""

from ._jit import kernel


@kernel
def level_means(X, F, levels, out):
    """out[i, b] = mean of the quantile function of row i between the levels b - 1 and b.

    X (n, p) holds rising numbers, F (n, p) their cumulated weights, up to 1; `levels` (k,) rise
    from above 0 to 1.
    """
    last = X.shape[1] - 1
    for i in range(X.shape[0]):
        k = 0
        below = 0.0
        for b in range(levels.size):
            level = levels[b]
            start = below
            # About the first number of the bin: where the bin holds one number it is that number.
            while k < last and F[i, k] <= below:
                k += 1
            first = X[i, k]
            total = 0.0
            while below < level:
                reached = level if k == last else min(F[i, k], level)
                total += (reached - below) * (X[i, k] - first)
                below = reached
                if k < last and F[i, k] <= below:
                    k += 1
            out[i, b] = first + total / (level - start)
