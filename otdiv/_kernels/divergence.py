"""Terms of the divergences of two vectors, element by element, and their sums row by row.

Every term is a function of one pair (p, q) of masses that is homogeneous of degree 1, zero at
p = q and (but for Rényi's with alpha < 1) non-negative, so that sums lose nothing to cancellation
and rows whose totals differ in the last digits need no renormalisation.
"""

import math

import numpy as np

from ._jit import fast_kernel, kernel
from .logarithm import LN2_HIGH, LN2_LOW, atanh_remainder, log_ratio_parts

PIECE = 1024  # elements summed at once: 8 KiB, a quarter of a level-1 cache, by taste


@kernel
def kl_terms(p, q, terms):
    """Write p log(p / q) - p + q >= 0 into `terms`; infinity where q = 0 < p.

    With s = p + q and r = (p - q) / s the term is s ((1 + r) atanh(r) - r), that is
    s (r^2 + (1 + r) (atanh(r) - r)): no cancellation near p = q. Elsewhere it is
    p (log(p / q) - 1) + q, where the subtraction of 1 meets the exact part of the logarithm.
    """
    for i in range(p.size):
        x = p[i]
        y = q[i]
        near, k, r, a = log_ratio_parts(x, y)
        close = (x + y) * (r * r + (1.0 + r) * a)
        far = x * ((k * LN2_HIGH - 1.0) + (2.0 * r + (k * LN2_LOW + 2.0 * a))) + y
        term = close if near else far
        term = y if x == 0.0 else term
        terms[i] = math.inf if (y == 0.0) & (x > 0.0) else term


@kernel
def jeffreys_terms(p, q, terms):
    """Write (p - q) log(p / q) >= 0 into `terms`; infinity where exactly one of them is 0."""
    for i in range(p.size):
        x = p[i]
        y = q[i]
        _, k, r, a = log_ratio_parts(x, y)
        term = (x - y) * (k * LN2_HIGH + (2.0 * r + (k * LN2_LOW + 2.0 * a)))
        term = math.inf if (x == 0.0) != (y == 0.0) else term
        terms[i] = 0.0 if x == y else term


@kernel
def _js_near(z):
    """Return ((1 + r) log(1 + r) + (1 - r) log(1 - r)) / (2 z log 2) for z = r^2 in [0, 1/4].

    Interpolation of degree 13 at Chebyshev nodes; relative error below 5e-19.
    """
    value = 0.01021951061905594
    value = value * z - 0.006202013810853706
    value = value * z + 0.00701497698340334
    value = value * z + 0.0016930741650961645
    value = value * z + 0.004107346621233605
    value = value * z + 0.004667999139858264
    value = value * z + 0.0060161219903194845
    value = value * z + 0.007926541017003682
    value = value * z + 0.010929525260718767
    value = value * z + 0.016029944349748027
    value = value * z + 0.025762411454803454
    value = value * z + 0.0480898346961971
    value = value * z + 0.12022458674074735
    return value * z + 0.7213475204444817


@kernel
def _js_far(t):
    """Return ((1 + t) (1 - log2(1 + t)) - 1) / t for t in [0, 1/3].

    Interpolation of degree 13 at Chebyshev nodes; relative error below 4e-18.
    """
    value = -0.0012883311703433306
    value = value * t + 0.004540350501850703
    value = value * t - 0.008568284349612617
    value = value * t + 0.012274599112079931
    value = value * t - 0.01581546524370255
    value = value * t + 0.019998104913916407
    value = value * t - 0.025757255690002055
    value = value * t + 0.034349406217954064
    value = value * t - 0.048089804696701155
    value = value * t + 0.07213475081247778
    value = value * t - 0.1202245867103178
    value = value * t + 0.24044917348110037
    value = value * t - 0.7213475204444797
    return value * t - 0.4426950408889634


@kernel
def js_terms(p, q, terms):
    """Write p log2(2 p / s) + q log2(2 q / s) >= 0, s = p + q, into `terms`: bits, twice the JS.

    With r = (p - q) / s the term is s phi(r) / (2 log 2), phi(r) = (1 + r) log(1 + r) +
    (1 - r) log(1 - r) = log1p(-r^2) + 2 r atanh(r): a power series in r^2 up to |r| = 1/2. Beyond,
    with t = min(p, q) / max(p, q) <= 1/3, it is max(p, q) ((1 + t) (1 - log2(1 + t)) + t log2 t).
    At t = 0 the term is exactly p + q, which makes the divergence of disjoint rows exactly log 2.
    """
    for i in range(p.size):
        x = p[i]
        y = q[i]
        s = x + y
        large = max(x, y)
        small = min(x, y)
        positive = s > 0.0
        difference = large - small
        near = 2.0 * difference <= s
        r = difference / (s if positive else 1.0)
        z = r * r
        close = s * (z * _js_near(z))
        t = small / (large if positive else 1.0)
        # t log2 t is below 1e-300 for t < 1e-303, far under one ulp of the rest.
        t = t if t > 1e-303 else 0.0
        bits = np.float64(t if t > 0.0 else 1.0).view(np.int64)
        # m in [sqrt(1/2), sqrt 2): the constant is the bit pattern of sqrt(1/2).
        k = (bits - np.int64(0x3FE6A09E667F3BCD)) >> 52
        m = np.int64(bits - (k << 52)).view(np.float64)
        ratio = (m - 1.0) / (m + 1.0)
        square = ratio * ratio
        log_m = 2.0 * (ratio + ratio * square * atanh_remainder(square))
        far = large * (1.0 + t * (_js_far(t) + (np.float64(k) + log_m * 1.4426950408889634)))
        terms[i] = close if near else far


@kernel
def total_variation_terms(p, q, terms):
    """Write |p - q| into `terms`."""
    for i in range(p.size):
        terms[i] = abs(p[i] - q[i])


@kernel
def hellinger_terms(p, q, terms):
    """Write (sqrt p - sqrt q)^2 into `terms`, as ((p - q) / (sqrt p + sqrt q))^2."""
    for i in range(p.size):
        x = p[i]
        y = q[i]
        root = math.sqrt(x) + math.sqrt(y)
        step = (x - y) / (root if root > 0.0 else 1.0)
        # Squaring a root need not give the number back, and disjoint rows must give exactly 1.
        terms[i] = x + y if (x == 0.0) | (y == 0.0) else step * step


@kernel
def chi2_terms(p, q, terms):
    """Write (p - q)^2 / q into `terms`; infinity where q = 0 < p."""
    for i in range(p.size):
        x = p[i]
        y = q[i]
        difference = x - y
        quotient = difference * (difference / (y if y > 0.0 else 1.0))
        # Below 1e-290 the first quotient may overflow where the term does not.
        root = difference / math.sqrt(y if y > 0.0 else 1.0)
        term = quotient if y > 1e-290 else root * root
        terms[i] = math.inf if (y == 0.0) & (x > 0.0) else term


@kernel
def log_ratios(p, q, logs):
    """Write log(p / q) into `logs`: -inf at p = 0 < q, inf at q = 0 < p, and 0 where both are 0."""
    for i in range(p.size):
        x = p[i]
        y = q[i]
        _, k, r, a = log_ratio_parts(x, y)
        value = k * LN2_HIGH + (2.0 * r + (k * LN2_LOW + 2.0 * a))
        value = -math.inf if x == 0.0 else value
        value = math.inf if y == 0.0 else value
        logs[i] = 0.0 if x == y else value


@kernel
def _add_pairs(p, q, both):
    """Write p + q into `both`, each sum rounded on its own: p and q may be exchanged."""
    for i in range(p.size):
        both[i] = p[i] + q[i]


@fast_kernel
def _sums(terms, both, p, q):
    """Return the sums of `terms`, `both`, p and q, and how many pairs hold a negative entry.

    All sums run in the same vector lanes, so that equal summands give equal sums; at most
    size / 8 + 4 roundings touch one element.
    """
    total = 0.0
    total_both = 0.0
    total_p = 0.0
    total_q = 0.0
    negatives = 0
    for i in range(p.size):
        x = p[i]
        y = q[i]
        total += terms[i]
        total_both += both[i]
        total_p += x
        total_q += y
        negatives += (x < 0.0) | (y < 0.0)
    return total, total_both, total_p, total_q, negatives


@kernel
def _add(sums, lost, row, column, value):
    """Add `value` to a running total with Neumaier's compensation; infinities stay infinite."""
    before = sums[row, column]
    after = before + value
    sums[row, column] = after
    if math.isfinite(after):
        big = max(abs(before), abs(value))
        if big == abs(before):
            lost[row, column] += (before - after) + value
        else:
            lost[row, column] += (value - after) + before


@kernel
def accumulate(terms, p, q, sums, lost):
    """Add the sums of `terms`, p + q, p and q over each row to the columns of `sums` (rows, 4).

    `terms`, `p`, `q` are (rows, n); `lost` holds what rounding took from `sums`, to be added at the
    end. Rows longer than `PIECE` are summed piece by piece, so the error does not grow with n.
    Returns how many pairs hold a negative entry.
    """
    rows, n = terms.shape
    negatives = 0
    both = np.empty(min(n, PIECE))
    for row in range(rows):
        for start in range(0, n, PIECE):
            stop = min(n, start + PIECE)
            part_p, part_q = p[row, start:stop], q[row, start:stop]
            _add_pairs(part_p, part_q, both)
            total, total_both, total_p, total_q, count = _sums(
                terms[row, start:stop], both, part_p, part_q
            )
            _add(sums, lost, row, 0, total)
            _add(sums, lost, row, 1, total_both)
            _add(sums, lost, row, 2, total_p)
            _add(sums, lost, row, 3, total_q)
            negatives += count
    return negatives
