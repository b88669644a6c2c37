"""Weighted sums over pairs of points, as in `pair_sums`, with their derivatives in the points."""

import math

import numpy as np

from ._jit import fast_kernel
from .exponential import power_of_two
from .pair_sums import DISTANCE, GAUSSIAN

_LN2 = math.log(2.0)


@fast_kernel
def gradient_rows(x, y, weights, first, stop, form, norm, sums, pulls):
    """Write the rows first..stop-1 of sums (n,) and pulls (n, d); columns are y (d, m).

    sums[i] = sum_j weights[j] phi(|x_i - y_j|) with the forms of `pair_sums`, and pulls[i] its
    derivative with respect to x_i, to which pairs that coincide add nothing. In the maximum norm
    the first coordinate that attains it takes all.
    """
    d, m = y.shape
    for i in range(first, stop):
        total = 0.0
        for k in range(d):
            pulls[i, k] = 0.0
        for j in range(m):
            length = 0.0
            largest = 0
            if norm == 2.0:
                for k in range(d):
                    difference = x[i, k] - y[k, j]
                    length += difference * difference
                length = math.sqrt(length)
            elif norm == 1.0:
                for k in range(d):
                    length += abs(x[i, k] - y[k, j])
            elif norm == np.inf:
                for k in range(d):
                    if abs(x[i, k] - y[k, j]) > length:
                        length = abs(x[i, k] - y[k, j])
                        largest = k
            else:
                for k in range(d):
                    length += abs(x[i, k] - y[k, j]) ** norm
                length = length ** (1.0 / norm)
            # The value of the form, and its derivative with respect to the distance.
            value, slope = length, 1.0
            if form == GAUSSIAN:
                value = power_of_two(-length * length)
                slope = -2.0 * _LN2 * length * value
            elif form != DISTANCE:
                value = power_of_two(-length)
                slope = -_LN2 * value
            total += weights[j] * value
            if length == 0.0:
                continue
            slope *= weights[j]
            if norm == 2.0:
                slope /= length
                for k in range(d):
                    pulls[i, k] += slope * (x[i, k] - y[k, j])
            elif norm == np.inf:
                difference = x[i, largest] - y[largest, j]
                pulls[i, largest] += slope if difference > 0.0 else -slope
            else:
                for k in range(d):
                    difference = x[i, k] - y[k, j]
                    if difference != 0.0:
                        part = slope
                        if norm != 1.0:
                            part *= (abs(difference) / length) ** (norm - 1.0)
                        pulls[i, k] += part if difference > 0.0 else -part
        sums[i] = total
