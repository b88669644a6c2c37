"""An approximate Cholesky factor of a graph Laplacian, as a preconditioner.

Eliminating a vertex of degree d joins its neighbours to a clique of d (d - 1) / 2 edges. Keeping
only a random tree of d - 1 of them, whose expectation is the clique, leaves a sparse factor whose
conjugate gradients need few iterations on any graph, however uneven its weights. Vertices go in
the order of their present degrees, so that trees are eliminated exactly. The random numbers are a
fixed sequence: equal input gives equal output.

References
----------
Kyng & Sachdeva (2016), Approximate Gaussian elimination for Laplacians: fast, sparse, and simple,
arXiv:1605.02353. Gao, Kyng & Spielman (2023), Robust and practical solution of Laplacian equations
by approximate elimination, arXiv:2303.00709.
"""

import numpy as np

from .._jit import fast_kernel, helper, kernel

# Number of lists of vertices by degree: higher degrees share the last one. By taste.
_BUCKETS = 64
# Stands for no vertex, edge or place.
_NONE = -1


@helper
def _insert(vertex, degree, heads, previous, following):
    """Put a vertex in front of the list of its degree."""
    bucket = min(degree, _BUCKETS - 1)
    first = heads[bucket]
    previous[vertex], following[vertex] = _NONE, first
    if first != _NONE:
        previous[first] = vertex
    heads[bucket] = vertex


@helper
def _remove(vertex, degree, heads, previous, following):
    """Take a vertex out of the list of its degree."""
    before, after = previous[vertex], following[vertex]
    if before != _NONE:
        following[before] = after
    else:
        heads[min(degree, _BUCKETS - 1)] = after
    if after != _NONE:
        previous[after] = before


@helper
def _sort(weights, names, size):
    """Sort the first entries of both by weight, in gaps that shrink."""
    gap = 1
    while 3 * gap + 1 < size:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(gap, size):
            weight, name = weights[k], names[k]
            j = k
            while j >= gap and weights[j - gap] > weight:
                weights[j], names[j] = weights[j - gap], names[j - gap]
                j -= gap
            weights[j], names[j] = weight, name
        gap //= 3


@kernel
def factorise(rows, columns, masses, n, ground):
    """Factor of the Laplacian of a bipartite graph with edges (k,), grounded at each vertex.

    Vertices are n rows, then columns; `ground` (n + m,) is changed. Returns vertices (n + m,) in
    the order of elimination, `starts` (n + m + 1,), neighbours, their fractions and the pivots.
    """
    size, n_edges = ground.size, masses.size
    # Half-edges 2 e and 2 e + 1 are the two ends of edge e; each is in the list of its own vertex.
    # Its fields lie side by side: target, next of the list, and a weight of eight bytes.
    first = np.full(size, _NONE, np.int32)
    fields = np.empty(8 * n_edges, np.int32)
    weights = fields.view(np.float64)
    degrees = np.zeros(size, np.int32)
    for e in range(n_edges):
        i, j, h = np.int64(rows[e]), n + np.int64(columns[e]), 2 * e
        fields[4 * h], fields[4 * h + 1], weights[2 * h + 1] = j, first[i], masses[e]
        fields[4 * h + 4], fields[4 * h + 5], weights[2 * h + 3] = i, first[j], masses[e]
        first[i], first[j] = h, h + 1
        degrees[i] += 1
        degrees[j] += 1
    heads = np.full(_BUCKETS, _NONE, np.int32)
    previous, following = np.empty(size, np.int32), np.empty(size, np.int32)
    for vertex in range(size - 1, -1, -1):
        _insert(vertex, degrees[vertex], heads, previous, following)
    order = np.empty(size, np.uint32)
    starts = np.zeros(size + 1, np.int64)
    pivots = np.empty(size)
    capacity = 3 * n_edges + size
    neighbours, fractions = np.empty(capacity, np.uint32), np.empty(capacity)
    near, names = np.empty(size + 1), np.empty(size + 1, np.int32)
    ends = np.empty(size + 1, np.int32)
    slot = np.full(size, _NONE, np.int32)
    sums = np.empty(size + 2)
    state = np.uint64(88172645463325252)
    lowest, count = 0, 0
    for step in range(size):
        while heads[lowest] == _NONE:
            lowest += 1
        vertex = np.int64(heads[lowest])
        _remove(vertex, degrees[vertex], heads, previous, following)
        # Its neighbours, each once; what is left of a merged edge is dead and weighs nothing.
        d = 0
        h = np.int64(first[vertex])
        while h != _NONE:
            if weights[2 * h + 1] > 0.0:
                other = np.int64(fields[4 * h])
                if slot[other] == _NONE:
                    slot[other] = d
                    near[d], names[d], ends[d] = weights[2 * h + 1], d, h
                    d += 1
                else:
                    near[slot[other]] += weights[2 * h + 1]
                    weights[2 * (h ^ 1) + 1] = 0.0
                    _remove(other, degrees[other], heads, previous, following)
                    degrees[other] -= 1
                    _insert(other, degrees[other], heads, previous, following)
                    lowest = min(lowest, np.int64(degrees[other]))
            h = np.int64(fields[4 * h + 1])
        for k in range(d):
            slot[fields[4 * np.int64(ends[k])]] = _NONE
        total = ground[vertex]
        for k in range(d):
            total += near[k]
        order[step], pivots[step] = vertex, total
        if count + d > capacity:
            capacity = 2 * capacity + d
            grown, grown_fractions = np.empty(capacity, np.uint32), np.empty(capacity)
            for k in range(count):
                grown[k], grown_fractions[k] = neighbours[k], fractions[k]
            neighbours, fractions = grown, grown_fractions
        for k in range(d):
            neighbours[count] = fields[4 * np.int64(ends[k])]
            fractions[count] = near[k] / total
            count += 1
        starts[step + 1] = count
        if d == 0:
            continue
        # The clique: each neighbour, from the lightest on, gets one edge to a heavier one. The
        # ground is joined to all of them exactly.
        if ground[vertex] > 0.0:
            for k in range(d):
                ground[fields[4 * np.int64(ends[k])]] += near[k] * ground[vertex] / total
        _sort(near, names, d)
        sums[0] = 0.0
        for k in range(d):
            sums[k + 1] = sums[k] + near[k]
        for k in range(d - 1):
            rest = sums[d] - sums[k + 1]
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            wanted = sums[k + 1] + rest * (np.float64(state >> np.uint64(11)) * 2.0**-53)
            low, high = k + 1, d - 1
            while low < high:
                middle = (low + high) // 2
                if sums[middle + 1] > wanted:
                    high = middle
                else:
                    low = middle + 1
            # The half-edge at the vertex moves to the heavier neighbour, the other one stays.
            mine, other = np.int64(ends[names[k]]), np.int64(fields[4 * np.int64(ends[names[low]])])
            lighter = np.int64(fields[4 * mine])
            joined = near[k] * rest / total
            fields[4 * (mine ^ 1)], weights[2 * (mine ^ 1) + 1] = other, joined
            fields[4 * mine], weights[2 * mine + 1] = lighter, joined
            fields[4 * mine + 1] = first[other]
            first[other] = mine
            _remove(other, degrees[other], heads, previous, following)
            degrees[other] += 1
            _insert(other, degrees[other], heads, previous, following)
        last = np.int64(fields[4 * np.int64(ends[names[d - 1]])])
        weights[2 * (np.int64(ends[names[d - 1]]) ^ 1) + 1] = 0.0
        _remove(last, degrees[last], heads, previous, following)
        degrees[last] -= 1
        _insert(last, degrees[last], heads, previous, following)
        lowest = min(lowest, np.int64(degrees[last]))
    return order, starts, neighbours[:count].copy(), fractions[:count].copy(), pivots


@fast_kernel
def solve_factor(order, starts, neighbours, fractions, pivots, x):
    """Replace x (n + m,) by what the factor's inverse makes of it."""
    for step in range(order.size):
        value = x[order[step]]
        if value != 0.0:
            near = neighbours[starts[step] : starts[step + 1]]
            shares = fractions[starts[step] : starts[step + 1]]
            for k in range(near.size):
                x[near[k]] += shares[k] * value
    for step in range(order.size - 1, -1, -1):
        vertex = order[step]
        near = neighbours[starts[step] : starts[step + 1]]
        shares = fractions[starts[step] : starts[step + 1]]
        value = x[vertex] / pivots[step] if pivots[step] > 0.0 else 0.0
        for k in range(near.size):
            value += shares[k] * x[near[k]]
        x[vertex] = value
