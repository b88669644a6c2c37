"""Shortest paths between the groups of atoms that a plan ties together, in O(n + m) memory.

Nodes are the groups of atoms that a plan ties together (connected components of its support). An
arc leads from the group of x_i to the group of y_j, as long as the slack |x_i - y_j| - f_i - g_j.
"""

import numpy as np

from .._jit import fast_kernel


@fast_kernel
def slack_row(x, y_columns, f, g, i, row):
    """Fill row (m,) with the slacks of x_i against all y, at least 0; y_columns (d, m)."""
    m = row.shape[0]
    for j in range(m):
        row[j] = 0.0
    for k in range(x.shape[1]):
        for j in range(m):
            difference = x[i, k] - y_columns[k, j]
            row[j] += difference * difference
    for j in range(m):
        row[j] = max(np.sqrt(row[j]) - f[i] - g[j], 0.0)


@fast_kernel
def distances_from(x, y_columns, f, g, order, start, y_group, is_root):
    """Distances (n_groups,) from the nearest root, by Dijkstra on the dense graph.

    `is_root` (n_groups,) marks the groups at distance 0. `order` (n,) lists the x of group k at
    start[k]:start[k + 1], and `y_group` (m,) labels the y.
    """
    n_groups = start.shape[0] - 1
    m = y_group.shape[0]
    distance = np.full(n_groups, np.inf)
    done = np.zeros(n_groups, dtype=np.bool_)
    row = np.empty(m)
    for k in range(n_groups):
        if is_root[k]:
            distance[k] = 0.0
    for _ in range(n_groups):
        nearest = np.inf
        group = -1
        for k in range(n_groups):
            if not done[k] and distance[k] < nearest:
                nearest = distance[k]
                group = k
        if group < 0:
            break
        done[group] = True
        for place in range(start[group], start[group + 1]):
            slack_row(x, y_columns, f, g, order[place], row)
            for j in range(m):
                through = nearest + row[j]
                if through < distance[y_group[j]]:
                    distance[y_group[j]] = through
    return distance


@fast_kernel
def tight_arcs(x, y_columns, f, g, x_group, y_group, tolerance, tails, heads):
    """Arcs between groups with slack <= tolerance, written to `tails` and `heads`; their number.

    Where there are more than fit, the number is that of all, and only the first are written.
    """
    row = np.empty(y_group.shape[0])
    count = 0
    for i in range(x.shape[0]):
        slack_row(x, y_columns, f, g, i, row)
        for j in range(row.shape[0]):
            if row[j] <= tolerance and x_group[i] != y_group[j]:
                if count < tails.shape[0]:
                    tails[count] = x_group[i]
                    heads[count] = y_group[j]
                count += 1
    return count


@fast_kernel
def extension_gradient(z, atoms, values):
    """Gradient (k, d) of min_j (|z - atoms_j| - values_j): the unit vector from the nearest atom.

    Zero where z is that atom, as the cone has no gradient at its tip.
    """
    n_points, d = z.shape
    gradient = np.zeros((n_points, d))
    for p in range(n_points):
        best = np.inf
        length = 0.0
        place = 0
        for j in range(atoms.shape[0]):
            square = 0.0
            for k in range(d):
                difference = z[p, k] - atoms[j, k]
                square += difference * difference
            distance = np.sqrt(square)
            if not 1e-140 < distance < 1e140:
                # The squares may have left the range of floats; ratios to the largest do not.
                largest = 0.0
                for k in range(d):
                    largest = max(largest, abs(z[p, k] - atoms[j, k]))
                square = 0.0
                if largest > 0.0:
                    for k in range(d):
                        ratio = (z[p, k] - atoms[j, k]) / largest
                        square += ratio * ratio
                distance = largest * np.sqrt(square)
            if distance - values[j] < best:
                best = distance - values[j]
                length = distance
                place = j
        if length > 0.0:
            for k in range(d):
                gradient[p, k] = (z[p, k] - atoms[place, k]) / length
    return gradient
