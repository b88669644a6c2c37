"""The search on two trees that `otdiv._tree_search` describes, for the rows of a few leaves."""

import math

from .._jit import kernel
from .lower_bounds import EUCLIDEAN, SLACK, norm_power

# Leaves that are looked at in the order of their bounds, before all others; by taste.
_FRONT = 12


@kernel
def search(
    first, last, points_x, boxes_x, planes_x, limits, points, boxes, planes, depth, values,
    mode, norm, power, columns, found, counts, packed, listed, near,
):  # fmt: skip
    """The K smallest reduced costs below T_i for rows in leaves [first, last) of the tree of x.

    One function with several steps, since each would be compiled twice on its own.

    Parameters
    ----------
    points_x, boxes_x : see `KDTree`
    limits : (n,) T_i; planes_x : planes above them on the leaves
    points, boxes, depth, values, planes : the tree of y, g on its points, planes above g
    norm : float, or None for the modes SQUARED and EUCLIDEAN
    columns : (n, K) int64, found : (n, K), counts : (n,) int64
        Filled with positions in the tree of y and reduced costs, ascending.
    packed : (3 d + 5, leaves), listed : (2 leaves,) int64, near : (3, d + points in a leaf + 2)
        Work space. Rows of `packed` are those of the boxes (2 d) and the planes (d + 2) of the
        leaves in the list, two more, and their lower bounds.
    """
    d, n = points_x.shape
    m = points.shape[1]
    leaves, leaves_x = listed.size // 2, boxes_x.shape[1] // 2
    size = columns.shape[1]
    x, work = near[0], near[1, :d]
    lower = packed[3 * d + 4]
    bounding = (1.0 - 1e-13 * (d + 4.0) * (power + 2.0)) if norm is not None else 1.0 - SLACK
    for p in range(leaves_x + first, leaves_x + last):
        # List the leaves that may matter to any row of the group. The list grows from the left,
        # the stack of nodes to look at from the right.
        n_listed = 0
        pointer = listed.size - 1
        listed[pointer] = 1
        while pointer < listed.size:
            node = listed[pointer]
            pointer += 1
            # Lower bound of c(x, y) - g(y) - T(x) over x in one box and y in another. The rounding
            # of the tangent bound is in the planes' offsets, but for that of the cost.
            total = 0.0
            length = 0.0
            for k in range(d):
                z = boxes_x[k, p] - boxes[k, node]
                gap = max(abs(z) - boxes_x[d + k, p] - boxes[d + k, node], 0.0)
                work[k] = gap if norm is not None else z
                total += gap * gap
                length += z * z
            scale = 2.0
            if norm is not None:
                total = norm_power(work, norm, power)
            elif mode == EUCLIDEAN:
                total = math.sqrt(total)
                length = math.sqrt(length)
                scale = 1.0 / max(length, 1e-300)
            bound = total * bounding - planes[d, node] - planes_x[d, p]
            if norm is None and d <= 3 and bound < 0.0:
                tangent = length * bounding - planes[d + 1, node] - planes_x[d + 1, p]
                for k in range(d):
                    gradient = scale * work[k]
                    tangent -= abs(gradient + planes[k, node]) * boxes[d + k, node]
                    tangent -= abs(gradient - planes_x[k, p]) * boxes_x[d + k, p]
                # A NaN (huge values) must not prune.
                bound = tangent if tangent > bound else bound
            if bound >= 0.0:
                continue
            if node < leaves:
                pointer -= 2
                listed[pointer] = 2 * node + 1
                listed[pointer + 1] = 2 * node
            else:
                listed[n_listed] = node
                lower[n_listed] = bound
                n_listed += 1
        # The most promising leaves first: they bring the thresholds down.
        for t in range(min(_FRONT, n_listed)):
            least = t
            for e in range(t + 1, n_listed):
                if lower[e] < lower[least]:
                    least = e
            listed[t], listed[least] = listed[least], listed[t]
            lower[least] = lower[t]
        for t in range(n_listed):
            node = listed[t]
            listed[t] = node - leaves
            for k in range(2 * d):
                packed[k, t] = boxes[k, node]
            for k in range(d + 2):
                packed[2 * d + k, t] = planes[k, node]
        bounds = packed[3 * d + 4, :n_listed]
        for i in range((p - leaves_x) * n // leaves_x, (p - leaves_x + 1) * n // leaves_x):
            for k in range(d):
                x[k] = points_x[k, i]
            # Lower bounds of c(x, y) - g(y) on the leaves; the loops vectorise.
            if norm is not None:
                for t in range(n_listed):
                    for k in range(d):
                        work[k] = max(abs(x[k] - packed[k, t]) - packed[d + k, t], 0.0)
                    bounds[t] = norm_power(work, norm, power) * bounding - packed[3 * d, t]
            else:
                top, offset = packed[3 * d], packed[3 * d + 1]
                lengths, scales = packed[3 * d + 2, :n_listed], packed[3 * d + 3]
                for t in range(n_listed):
                    bounds[t] = 0.0
                    lengths[t] = 0.0
                for k in range(d):
                    middle, width, xk = packed[k], packed[d + k], x[k]
                    for t in range(n_listed):
                        z = abs(xk - middle[t])
                        gap = max(z - width[t], 0.0)
                        bounds[t] += gap * gap
                        lengths[t] += z * z
                if mode == EUCLIDEAN:
                    for t in range(n_listed):
                        bounds[t] = math.sqrt(bounds[t])
                        lengths[t] = math.sqrt(lengths[t])
                        scales[t] = 1.0 / max(lengths[t], 1e-300)
                for t in range(n_listed):
                    bounds[t] = bounds[t] * bounding - top[t]
                if d <= 3:
                    for t in range(n_listed):
                        lengths[t] = lengths[t] * bounding - offset[t]
                        scales[t] = scales[t] if mode == EUCLIDEAN else 2.0
                    for k in range(d):
                        middle, width, xk = packed[k], packed[d + k], x[k]
                        steep = packed[2 * d + k]
                        for t in range(n_listed):
                            gradient = (xk - middle[t]) * scales[t]
                            lengths[t] -= abs(gradient + steep[t]) * width[t]
                    for t in range(n_listed):
                        bounds[t] = max(bounds[t], lengths[t])
            threshold = limits[i]
            count = 0
            best_values, best_columns = found[i], columns[i]
            for e in range(n_listed):
                if bounds[e] >= threshold:
                    continue
                start, stop = (listed[e] * m) >> depth, ((listed[e] + 1) * m) >> depth
                out, held = near[2, : stop - start], values[start:stop]
                hits = 0
                if norm is not None:
                    for t in range(out.size):
                        for k in range(d):
                            work[k] = x[k] - points[k, start + t]
                        out[t] = norm_power(work, norm, power) - held[t]
                        hits += out[t] < threshold
                else:
                    # The first two dimensions share a loop.
                    row, other = points[0, start:stop], points[min(1, d - 1), start:stop]
                    x0, x1 = x[0], x[min(1, d - 1)]
                    both = 1.0 if d > 1 else 0.0
                    for t in range(out.size):
                        z0, z1 = x0 - row[t], both * (x1 - other[t])
                        out[t] = z0 * z0 + z1 * z1
                    for k in range(2, d):
                        row, xk = points[k, start:stop], x[k]
                        for t in range(out.size):
                            z = xk - row[t]
                            out[t] += z * z
                    for t in range(out.size):
                        cost = math.sqrt(out[t]) if mode == EUCLIDEAN else out[t]
                        out[t] = cost - held[t]
                        hits += out[t] < threshold
                if hits == 0:
                    continue
                for t in range(out.size):
                    value = out[t]
                    if value < threshold:
                        # Insert into an ascending list of at most K.
                        at = min(count, size - 1)
                        while at > 0 and best_values[at - 1] > value:
                            best_values[at] = best_values[at - 1]
                            best_columns[at] = best_columns[at - 1]
                            at -= 1
                        best_values[at] = value
                        best_columns[at] = start + t
                        count = min(count + 1, size)
                        if count == size:
                            threshold = best_values[size - 1]
            counts[i] = count
