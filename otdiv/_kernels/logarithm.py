"""The logarithm of a ratio, written so that LLVM turns a loop over it into vector code.

LLVM has no vector form of a call to the C library's `log`. Here the exponents come out of the bit
patterns by integer operations, the mantissas go through the series of atanh, and every choice is a
select instead of a branch. The functions are inlined into the loops of `divergence`.

Derivation. Write x = 2^i u and y = 2^j v with u, v in [1, 2), and move one factor 2 so that
u / v lies in [1/sqrt 2, sqrt 2]. With r = (u - v) / (u + v), |r| <= 0.172,

    log(x / y) = (i - j) log 2 + 2 atanh(r).

Where x / y lies in [1/2, 2] no exponent is split off: r = (x - y) / (x + y), |r| <= 1/3, keeps the
full relative accuracy of a small logarithm, because x - y is then exact (Sterbenz's lemma).
"""

import numpy as np

from ._jit import kernel

SMALLEST_NORMAL = 2.2250738585072014e-308  # 2^-1022; below it the exponent field is zero
TWO_TO_54 = 18014398509481984.0  # lifts every subnormal number into the normal range
MANTISSA_MASK = np.int64(0x000FFFFFFFFFFFFF)
EXPONENT_OF_ONE = np.int64(0x3FF0000000000000)
SQUARE_ROOT_OF_2 = 1.4142135623730951
# log 2 in two parts: LN2_HIGH has 20 trailing zero bits, so k * LN2_HIGH is exact for |k| < 2^20.
LN2_HIGH = 0.6931471803691238
LN2_LOW = 1.9082149292705877e-10


@kernel
def atanh_remainder(z):
    """Return (atanh(r) - r) / r^3 for z = r^2 in [0, 1/9].

    Interpolation of degree 10 at Chebyshev nodes of the series sum_k z^k / (2 k + 3), computed with
    60 digits; relative error below 4e-18, so rounding dominates.
    """
    value = 0.07815288900461426
    value = value * z + 0.03746071897775383
    value = value * z + 0.05422589197440007
    value = value * z + 0.05867139530651599
    value = value * z + 0.06667589315724629
    value = value * z + 0.07692271982430275
    value = value * z + 0.09090909948981357
    value = value * z + 0.11111111099118386
    value = value * z + 0.1428571428580005
    value = value * z + 0.19999999999999762
    return value * z + 0.3333333333333333


@kernel
def log_ratio_parts(x, y):
    """Split log(x / y) for x, y > 0 as k log 2 + 2 r + 2 a.

    Returns `near, k, r, a` with a = atanh(r) - r. `near` says that x / y lies in [1/2, 2] and
    r = (x - y) / (x + y). Where an argument is 0 the numbers mean nothing.
    """
    tiny_x = x < SMALLEST_NORMAL
    tiny_y = y < SMALLEST_NORMAL
    bits_x = np.float64(x * TWO_TO_54 if tiny_x else x).view(np.int64)
    bits_y = np.float64(y * TWO_TO_54 if tiny_y else y).view(np.int64)
    k = np.float64((bits_x >> 52) - (bits_y >> 52))
    k = k - 54.0 if tiny_x else k
    k = k + 54.0 if tiny_y else k
    u = np.int64((bits_x & MANTISSA_MASK) | EXPONENT_OF_ONE).view(np.float64)
    v = np.int64((bits_y & MANTISSA_MASK) | EXPONENT_OF_ONE).view(np.float64)
    up = u > SQUARE_ROOT_OF_2 * v
    down = v > SQUARE_ROOT_OF_2 * u
    v = v * 2.0 if up else v
    u = u * 2.0 if down else u
    k = k + 1.0 if up else k
    k = k - 1.0 if down else k

    difference = x - y
    near = 3.0 * abs(difference) <= x + y
    k = 0.0 if near else k
    r = (difference if near else u - v) / (x + y if near else u + v)
    z = r * r
    return near, k, r, r * z * atanh_remainder(z)
