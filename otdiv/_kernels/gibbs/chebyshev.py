"""Products with the plan P_ij = 2**(u_i + v_j - |x_i - y_j|²) of two clouds by expansions.

On two boxes that are small against the blur the plan is smooth. With the affine functions of the
potentials (see `pruning`) it is a product over the dimensions of

    F(p, q) = 2**(s p + t q - (delta + p - q)²)   for |p| <= h, |q| <= k,

p and q being offsets from the two centres. F is replaced by its interpolation at the Chebyshev
points of one or both intervals; `chebyshev_errors` bounds the error. In the words of the fast
multipole method, with sources in boxes of columns and targets in boxes of rows:

- P2M (`moments`, `node_weights`): points of a column box become weights at its P**d nodes;
- M2L (`transfer`): weights at the nodes of a column box become sums at the nodes of a row box, by d
  small matrix products however many points both have;
- L2P (`coefficients`, `evaluate`): sums at the nodes of a row box become a polynomial, and that is
  evaluated at the points of the box;
- P2L (`transfer_points`): single points of a column box of few points add to the nodes of the rows;
- M2P (`collect`): single points of a row box of few points sum over the nodes of the columns.

References
----------
Greengard & Strain (1991), The fast Gauss transform, SIAM J. Sci. Stat. Comput. 12, 79-94. Fong &
Darve (2009), The black-box fast multipole method, J. Comput. Phys. 228, 8712-8725 (interpolation
at Chebyshev points).
"""

import numpy as np

from .._jit import fast_kernel, helper
from ..exponential import power_of_two
from .pruning import edge_bound

# Chebyshev points in each dimension: two vectors of eight numbers.
P = 16
NODES = np.cos(np.pi * (np.arange(P) + 0.5) / P)
# Coefficient of the k-th Chebyshev polynomial (column) in the Lagrange function of node b (row).
_LAGRANGE = np.cos(np.pi * np.outer(np.arange(P) + 0.5, np.arange(P)) / P) * 2.0 / P
_LAGRANGE[:, 0] *= 0.5
# Coefficients (row) of the derivative of each polynomial (column): T_q' = 2 q (T_{q-1} + T_{q-3} +
# ...), with half of T_0.
_SLOPES = np.array(
    [[2.0 * q if q > r and (q - r) % 2 else 0.0 for q in range(P)] for r in range(P)]
)
_SLOPES[0] *= 0.5
# Kinds of pairs of boxes: with expansions of both (M2L),
BOTH = 0
# of the rows alone (P2L),
ROWS = 1
# of the columns alone (M2P).
COLUMNS = 2
# Points that are treated together: their polynomials stay in the first-level cache.
_TILE = 64


@helper
def _polynomials_of(points, exponents, begin, width, n_nodes, boxes, box, basis, powers):
    """Chebyshev polynomials `basis` (d, P, .) at a tile of points of a box, and 2**exponents there.

    The affine function of the box is subtracted from the exponents.
    """
    centres, halves, slopes, tops = boxes
    values = exponents[begin : begin + width]
    for i in range(width):
        powers[i] = values[i] - tops[box]
    for k in range(points.shape[0]):
        centre, half, slope = centres[k, box], halves[k, box], slopes[k, box]
        scale = 1.0 / half if half > 0.0 else 0.0
        row = points[k, begin : begin + width]
        zeroth, first = basis[k, 0], basis[k, 1]
        for i in range(width):
            offset = row[i] - centre
            powers[i] -= slope * offset
            zeroth[i], first[i] = 1.0, offset * scale
        for q in range(2, n_nodes):
            before, last, following = basis[k, q - 2], basis[k, q - 1], basis[k, q]
            for i in range(width):
                following[i] = 2.0 * first[i] * last[i] - before[i]
    for i in range(width):
        powers[i] = power_of_two(powers[i])


@helper
def _factors_of(points, exponents, begin, width, n_nodes, boxes, box, side, peaks, basis, powers):
    """Factors `basis` (d, P, .) of single points at the nodes of a box, and 2**bits.

    Every factor is divided by its maximum, which makes it at most one; the bits are the exponents
    and the logarithms of the maxima. `side` is 1 where the box is one of rows, -1 where it is one
    of columns; `peaks` (.,) is work space.
    """
    centres, halves, slopes, tops = boxes
    for i in range(width):
        powers[i] = tops[box] + exponents[begin + i]
    for k in range(points.shape[0]):
        half, slope = halves[k, box], slopes[k, box]
        centre = side * centres[k, box]
        row = points[k, begin : begin + width]
        for i in range(width):
            # The largest exponent, at the nearest place to the peak of the parabola.
            largest = edge_bound(centre - side * row[i], 0.0, 0.0, half, -side * slope)
            powers[i] += largest
            peaks[i] = largest
        for a in range(n_nodes):
            node, factors = half * NODES[a], basis[k, a]
            for i in range(width):
                gap = centre - side * row[i] + side * node
                factors[i] = power_of_two(slope * node - gap * gap - peaks[i])
    for i in range(width):
        powers[i] = power_of_two(powers[i])


@helper
def _prefix(basis, width, values, c, out):
    """Values (.,) times the c-th product of the basis in all dimensions but the last."""
    d = basis.shape[0]
    for i in range(width):
        out[i] = values[i]
    for k in range(d - 1):
        factors = basis[k, (c // P ** (d - 2 - k)) % P]
        for i in range(width):
            out[i] *= factors[i]


@helper
def _add_products(basis, width, n_nodes, values, prefix, out):
    """Add the sums of values (.,) times products of the basis (d, P, .) to out (P**d,)."""
    d = basis.shape[0]
    for c in range(out.size // P):
        _prefix(basis, width, values, c, prefix)
        for q in range(0, n_nodes, 4):
            b0, b1 = basis[d - 1, q], basis[d - 1, q + 1]
            b2, b3 = basis[d - 1, q + 2], basis[d - 1, q + 3]
            s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
            for i in range(width):
                s0 += prefix[i] * b0[i]
                s1 += prefix[i] * b1[i]
                s2 += prefix[i] * b2[i]
                s3 += prefix[i] * b3[i]
            place = c * P + q
            out[place] += s0
            out[place + 1] += s1
            out[place + 2] += s2
            out[place + 3] += s3


@helper
def _sum_products(basis, width, coefficients, values, prefix, out):
    """Values times the sums of coefficients (P**d,) times products of the basis, in out (.,)."""
    d = basis.shape[0]
    last = basis[d - 1]
    for i in range(width):
        out[i] = 0.0
    for c in range(coefficients.size // P):
        _prefix(basis, width, values, c, prefix)
        local = coefficients[c * P : c * P + P]
        for i in range(width):
            value = 0.0
            for q in range(P):
                value += local[q] * last[q, i]
            out[i] += prefix[i] * value


@helper
def _turn(values, factors, q, out):
    """out[r, a] += sum_b values[b, r] factors[b, a] for r < q: a matrix on the first axis.

    The axes rotate, so that as many turns as axes bring them back.
    """
    for r in range(q):
        for a in range(P):
            total = 0.0
            for b in range(P):
                total += values[b * q + r] * factors[b, a]
            out[r * P + a] += total


def tiles(edges: np.ndarray, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tiles, runs of at most 64 points, of the boxes that have a slot: box of each, and its edges.

    `edges` (L + 1,) are those of the boxes and `slots` (L,) negative where a box has none. Returns
    owners (T,) and, as (2, T), the first position of each tile and the one after its last.
    """
    counts = np.where(slots >= 0, -(-np.diff(edges) // _TILE), 0)
    owners = np.repeat(np.arange(counts.size), counts)
    first = np.cumsum(counts) - counts
    begins = edges[owners] + _TILE * (np.arange(owners.size) - first[owners])
    return owners, np.vstack([begins, np.minimum(begins + _TILE, edges[owners + 1])])


@fast_kernel
def moments(points, exponents, weights, boxes, owners, edges, slots, out, nodes):
    """P2M: add moments of weights (k, n) times 2**exponents (n,) to out (slot, k, P**d).

    Moments are sums of Chebyshev polynomials, which `node_weights` turns into weights at nodes.
    `boxes` is a tuple of `leaf_bounds`, whose affine functions are subtracted from the exponents;
    `slots` (L,) is the place of each box in `out`.
    """
    n_nodes = nodes.size
    basis, powers = np.empty((points.shape[0], P, _TILE)), np.empty(_TILE)
    prefix, values = np.empty(_TILE), np.empty(_TILE)
    for t in range(owners.size):
        box, begin, width = owners[t], edges[0, t], edges[1, t] - edges[0, t]
        _polynomials_of(points, exponents, begin, width, n_nodes, boxes, box, basis, powers)
        for w in range(weights.shape[0]):
            for i in range(width):
                values[i] = powers[i] * weights[w, begin + i]
            _add_products(basis, width, n_nodes, values, prefix, out[slots[box], w])


@fast_kernel
def transfer(rows, columns, pairs, begin, end, sources, source_slots, out, slots):
    """M2L: add sums over column boxes at nodes of row boxes begin to end to out (slot, k, P**d).

    `sources` (slot, k, P**d) are the weights at the nodes of the column boxes.
    """
    centres, halves, slopes, tops = rows
    other_centres, other_halves, other_slopes, other_tops = columns
    first, partners, kinds = pairs
    d = centres.shape[0]
    n_weights, size = sources.shape[1], sources.shape[2]
    factors, largest = np.empty((d, P, P)), np.empty(d)
    buffers = np.empty((d, size))
    for i in range(begin, end):
        for e in range(first[i], first[i + 1]):
            if kinds[e] != BOTH:
                continue
            j = partners[e]
            # Every factor is at most one but for the first, which has the size of the entries.
            total = tops[i] + other_tops[j]
            for k in range(d):
                delta = centres[k, i] - other_centres[k, j]
                h, other_h = halves[k, i], other_halves[k, j]
                s, t = slopes[k, i], other_slopes[k, j]
                sign = 1.0 if s + t >= 0.0 else -1.0
                largest[k] = max(
                    edge_bound(delta, sign * h, s, other_h, t),
                    edge_bound(-delta, sign * other_h, t, h, s),
                )
                total += largest[k]
            largest[0] -= total
            for k in range(d):
                delta = centres[k, i] - other_centres[k, j]
                h, other_h = halves[k, i], other_halves[k, j]
                s, t = slopes[k, i], other_slopes[k, j]
                for b in range(P):
                    q = other_h * NODES[b]
                    shift = t * q - largest[k]
                    for a in range(P):
                        p = h * NODES[a]
                        gap = delta + p - q
                        factors[k, b, a] = power_of_two(shift + s * p - gap * gap)
            for w in range(n_weights):
                values = sources[source_slots[j], w]
                for k in range(d):
                    turned = out[slots[i], w] if k == d - 1 else buffers[k]
                    if k < d - 1:
                        for q in range(size):
                            turned[q] = 0.0
                    _turn(values, factors[k], size // P, turned)
                    values = turned


@fast_kernel
def transfer_points(rows, pairs, points, exponents, weights, edges, begin, end, out, slots, nodes):
    """P2L: add sums over single points at nodes of row boxes begin to end to out (slot, k, P**d).

    The points (d, m) of the column boxes have weights (k, m) times 2**exponents (m,).
    """
    first, partners, kinds = pairs
    n_nodes = nodes.size
    basis, powers = np.empty((points.shape[0], P, _TILE)), np.empty(_TILE)
    prefix, values = np.empty(_TILE), np.empty(_TILE)
    for i in range(begin, end):
        start, stop = 0, 0
        for e in range(first[i], first[i + 1]):
            if kinds[e] != ROWS:
                continue
            # Boxes in a row are one run of points.
            j, last = partners[e], e + 1 == first[i + 1]
            start, stop = edges[j] if start == stop else start, edges[j + 1]
            if not last and kinds[e + 1] == ROWS and partners[e + 1] == j + 1:
                continue
            while start < stop:
                width = min(_TILE, stop - start)
                _factors_of(
                    points, exponents, start, width, n_nodes, rows, i, 1.0, prefix, basis, powers
                )
                for w in range(weights.shape[0]):
                    for k in range(width):
                        values[k] = powers[k] * weights[w, start + k]
                    _add_products(basis, width, n_nodes, values, prefix, out[slots[i], w])
                start += width


@fast_kernel
def collect(columns, pairs, points, exponents, edges, begin, end, sources, slots, out, nodes):
    """M2P: add sums over nodes of columns at single points of row boxes begin to end to out (n, k).

    The points (d, n) have the factors 2**exponents (n,); `sources` (slot, k, P**d) are the weights
    at the nodes of the column boxes.
    """
    first, partners, kinds = pairs
    n_nodes = nodes.size
    basis, powers = np.empty((points.shape[0], P, _TILE)), np.empty(_TILE)
    prefix, values = np.empty(_TILE), np.empty(_TILE)
    for box in range(begin, end):
        for e in range(first[box], first[box + 1]):
            if kinds[e] != COLUMNS:
                continue
            j, stop = partners[e], edges[box + 1]
            for start in range(edges[box], stop, _TILE):
                width = min(_TILE, stop - start)
                _factors_of(
                    points,
                    exponents,
                    start,
                    width,
                    n_nodes,
                    columns,
                    j,
                    -1.0,
                    prefix,
                    basis,
                    powers,
                )
                for w in range(sources.shape[1]):
                    local = sources[slots[j], w]
                    _sum_products(basis, width, local, powers, prefix, values)
                    for i in range(width):
                        out[start + i, w] += values[i]


@fast_kernel
def evaluate(points, exponents, boxes, owners, edges, coefficients, slots, out, nodes):
    """L2P: add polynomials with `coefficients` (slot, k, P**d), times 2**exponents (n,), to out.

    `out` is (n, k).
    """
    n_nodes = nodes.size
    basis, powers = np.empty((points.shape[0], P, _TILE)), np.empty(_TILE)
    prefix, values = np.empty(_TILE), np.empty(_TILE)
    for t in range(owners.size):
        box, begin, width = owners[t], edges[0, t], edges[1, t] - edges[0, t]
        _polynomials_of(points, exponents, begin, width, n_nodes, boxes, box, basis, powers)
        for w in range(coefficients.shape[1]):
            _sum_products(basis, width, coefficients[slots[box], w], powers, prefix, values)
            for i in range(width):
                out[begin + i, w] += values[i]


def along_axes(matrix: np.ndarray, values: np.ndarray, d: int) -> np.ndarray:
    """The matrix (P, P) applied to each axis of values (L, k, P**d)."""
    shape = values.shape
    for _ in range(d):
        # The first axis becomes the last one, and all have had their turn in the end.
        turned = values.reshape(-1, P, P ** (d - 1)).transpose(0, 2, 1)
        values = np.ascontiguousarray(turned).reshape(-1, P) @ matrix.T
    return values.reshape(shape)


def node_weights(moments: np.ndarray, d: int) -> np.ndarray:
    """Weights at the nodes from moments (L, k, P**d), the second half of P2M."""
    return along_axes(_LAGRANGE, moments, d)


def coefficients(sums: np.ndarray, d: int) -> np.ndarray:
    """Coefficients of the interpolating polynomials from sums at nodes (L, k, P**d), for L2P."""
    return along_axes(np.ascontiguousarray(_LAGRANGE.T), sums, d)


def derivatives(polynomials: np.ndarray, k: int, d: int) -> np.ndarray:
    """Coefficients (L, w, P**d) of the derivatives in dimension k, per half width."""
    split = polynomials.reshape(-1, P, P ** (d - 1 - k))
    return (_SLOPES @ split).reshape(polynomials.shape)
