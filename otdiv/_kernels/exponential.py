"""Powers of two that the compiler can vectorise, and their sums over tiles of points.

Entropic kernels work in bits: an exponent of base two, so that splitting it into an integer and a
fraction needs no multiplication. Adding 1.5 * 2**52 rounds to the nearest integer and leaves that
integer in the low bits of the sum, from where a shift puts it into the exponent field.
"""

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from ._jit import contracted, fast_kernel

LOG2_E = 1.4426950408889634
# Codes of the costs |x - y| that kernels of points know.
SQUARED, EUCLIDEAN, CITYBLOCK, CHEBYSHEV = 0, 1, 2, 3
# Coordinates, exponents and sums of one tile stay in the first-level cache.
TILE = 512

_ROUNDER = 1.5 * 2.0**52
# Interpolation of 2**r at the Chebyshev points of [-1/2, 1/2], degree 10, computed with 50 digits:
# relative error below 3e-16.
_C0 = 1.0
_C1 = 0.69314718055995
_C2 = 0.24022650695910097
_C3 = 0.05550410866444772
_C4 = 0.009618129107606888
_C5 = 0.0013333558230164974
_C6 = 0.0001540353044173605
_C7 = 1.5252657260200837e-05
_C8 = 1.321544258792169e-06
_C9 = 1.0208690299958306e-07
_C10 = 7.072585949269223e-09

# The same of degree 6 in single precision, which makes up nearly all of its error.
_S0 = np.float32(1.0)
_S1 = np.float32(0.6931472)
_S2 = np.float32(0.2402265)
_S3 = np.float32(0.05550327)
_S4 = np.float32(0.009618057)
_S5 = np.float32(0.0013400428)
_S6 = np.float32(0.00015461445)


def _reinterpretation(source, target, change):
    """Make a function of one number of type `source` that gives its bits as type `target`."""

    @intrinsic
    def reinterpret(typing_context, x):
        def generate(context, builder, signature, arguments):
            return getattr(builder, change)(arguments[0], context.get_value_type(target))

        return target(source), generate

    return reinterpret


_bits_of = _reinterpretation(types.float64, types.int64, "bitcast")
_float_of = _reinterpretation(types.int64, types.float64, "bitcast")
_single_bits_of = _reinterpretation(types.float32, types.int32, "bitcast")
_single_of = _reinterpretation(types.int32, types.float32, "bitcast")
_low_bits_of = _reinterpretation(types.int64, types.int32, "trunc")


# Contraction to fused multiply-adds is the only freedom: reassociation would fold the rounding by
# _ROUNDER away.
@contracted
def power_of_two(t):
    """2**t to 1e-15 relative for |t| <= 1020; exactly 0 below that and 2**1020 above."""
    clamped = min(max(t, -1020.0), 1020.0)
    shifted = clamped + _ROUNDER
    r = clamped - (shifted - _ROUNDER)
    p = _C10
    p = p * r + _C9
    p = p * r + _C8
    p = p * r + _C7
    p = p * r + _C6
    p = p * r + _C5
    p = p * r + _C4
    p = p * r + _C3
    p = p * r + _C2
    p = p * r + _C1
    p = p * r + _C0
    power = _float_of(_bits_of(p) + (_bits_of(shifted) << 52))
    return power if t > -1020.0 else 0.0


@contracted
def single_power_of_two(t):
    """2**t in single precision, to 1e-7 relative from -126 to 126; 0 below that, 2**126 above.

    The argument is in double precision. Nearly twice as fast as `power_of_two`.
    """
    clamped = min(max(t, -126.0), 126.0)
    shifted = clamped + _ROUNDER
    r = np.float32(clamped - (shifted - _ROUNDER))
    p = _S6
    p = p * r + _S5
    p = p * r + _S4
    p = p * r + _S3
    p = p * r + _S2
    p = p * r + _S1
    p = p * r + _S0
    power = _single_of(_single_bits_of(p) + (_low_bits_of(_bits_of(shifted)) << np.int32(23)))
    return power if t > -126.0 else np.float32(0.0)


@fast_kernel
def exponentiate(t):
    """Replace every entry of t (k,) by 2**t."""
    for j in range(t.size):
        t[j] = power_of_two(t[j])


@fast_kernel
def fill_exponents(x, i, shift, y, v, start, metric, out):
    """Exponents of row i against columns start, start + 1, … with x (n, d) and y (d, m).

    out[j] = shift + v_j - |x_i - y_j| for the plain distance of the code `metric`. For SQUARED
    out[j] = shift + v_j + x_i . y_j, which is the same for the squared distance when the caller has
    doubled x and taken the squared lengths into shift and v: half the arithmetic of differences,
    and as exact where the points are centred.
    """
    width = out.size
    stop = start + width
    values = v[start:stop]
    d = y.shape[0]
    first = y[0, start:stop]
    x0 = x[i, 0]
    if metric == EUCLIDEAN:
        for j in range(width):
            difference = x0 - first[j]
            out[j] = difference * difference
        k = 1
        while k + 3 <= d:
            y0, y1, y2 = y[k, start:stop], y[k + 1, start:stop], y[k + 2, start:stop]
            x0, x1, x2 = x[i, k], x[i, k + 1], x[i, k + 2]
            for j in range(width):
                e0, e1, e2 = x0 - y0[j], x1 - y1[j], x2 - y2[j]
                out[j] += (e0 * e0 + e1 * e1) + e2 * e2
            k += 3
        while k < d:
            y0, x0 = y[k, start:stop], x[i, k]
            for j in range(width):
                e0 = x0 - y0[j]
                out[j] += e0 * e0
            k += 1
        for j in range(width):
            out[j] = shift + values[j] - out[j] ** 0.5
    elif metric == CITYBLOCK:
        for j in range(width):
            out[j] = abs(x0 - first[j])
        k = 1
        while k + 3 <= d:
            y0, y1, y2 = y[k, start:stop], y[k + 1, start:stop], y[k + 2, start:stop]
            x0, x1, x2 = x[i, k], x[i, k + 1], x[i, k + 2]
            for j in range(width):
                out[j] += (abs(x0 - y0[j]) + abs(x1 - y1[j])) + abs(x2 - y2[j])
            k += 3
        while k < d:
            y0, x0 = y[k, start:stop], x[i, k]
            for j in range(width):
                out[j] += abs(x0 - y0[j])
            k += 1
        for j in range(width):
            out[j] = shift + values[j] - out[j]
    elif metric == CHEBYSHEV:
        for j in range(width):
            out[j] = abs(x0 - first[j])
        k = 1
        while k + 3 <= d:
            y0, y1, y2 = y[k, start:stop], y[k + 1, start:stop], y[k + 2, start:stop]
            x0, x1, x2 = x[i, k], x[i, k + 1], x[i, k + 2]
            for j in range(width):
                larger = max(abs(x0 - y0[j]), abs(x1 - y1[j]))
                out[j] = max(out[j], max(larger, abs(x2 - y2[j])))
            k += 3
        while k < d:
            y0, x0 = y[k, start:stop], x[i, k]
            for j in range(width):
                out[j] = max(out[j], abs(x0 - y0[j]))
            k += 1
        for j in range(width):
            out[j] = shift + values[j] - out[j]
    elif d == 1:
        for j in range(width):
            out[j] = (shift + values[j]) + x0 * first[j]
    else:
        second = y[1, start:stop]
        x1 = x[i, 1]
        for j in range(width):
            out[j] = (shift + values[j]) + (x0 * first[j] + x1 * second[j])
        k = 2
        while k + 4 <= d:
            y0, y1, y2, y3 = (
                y[k, start:stop],
                y[k + 1, start:stop],
                y[k + 2, start:stop],
                y[k + 3, start:stop],
            )
            x0, x1, x2, x3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
            for j in range(width):
                out[j] += (x0 * y0[j] + x1 * y1[j]) + (x2 * y2[j] + x3 * y3[j])
            k += 4
        while k < d:
            y0, x0 = y[k, start:stop], x[i, k]
            for j in range(width):
                out[j] += x0 * y0[j]
            k += 1
