"""Points counted into the cells of a tree of cuts."""

from .._jit import kernel


@kernel
def count_points(points, weights, axes, cuts, children, pivots, counts, masses, moments, squares):
    """Add points (n, d) to the counts, masses and moments of their cells.

    Node i of the tree sends a point to `children[i, 0]` where its coordinate `axes[i]` is at most
    `cuts[i]`, else to `children[i, 1]`; a child c below zero is the cell -1 - c. Moments (k, d) and
    squares (k,) are sums of w (z - p) and w |z - p|^2 about the cell's pivot p. `weights` (n,) are
    None where all are 1; points of weight 0 are not there.
    """
    n, d = points.shape
    for i in range(n):
        weight = 1.0
        if weights is not None:
            weight = weights[i]
            if weight == 0.0:
                continue
        node = 0 if axes.size > 0 else -1
        while node >= 0:
            right = points[i, axes[node]] > cuts[node]
            node = children[node, 1] if right else children[node, 0]
        cell = -1 - node
        total = 0.0
        for k in range(d):
            offset = points[i, k] - pivots[cell, k]
            moments[cell, k] += weight * offset
            total += offset * offset
        squares[cell] += weight * total
        masses[cell] += weight
        counts[cell] += 1
