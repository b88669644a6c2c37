"""Exponents of all pairs of two clouds, a block of rows at a time, and sums of their powers."""

from .._jit import fast_kernel
from ..exponential import TILE, fill_exponents, power_of_two, single_power_of_two

__all__ = ["fill_rows", "store_powers", "sum_powers"]


@fast_kernel
def fill_rows(x, row, y, column, metric, out):
    """Exponents (k, m) of all pairs of x (k, d) and y (d, m)."""
    for i in range(row.size):
        for start in range(0, column.size, TILE):
            stop = min(start + TILE, column.size)
            fill_exponents(x, i, row[i], y, column, start, metric, out[i, start:stop])


@fast_kernel
def store_powers(exponents, values):
    """Write 2**exponents (k, m), rounded."""
    for i in range(exponents.shape[0]):
        source, target = exponents[i], values[i]
        for j in range(source.size):
            target[j] = single_power_of_two(source[j])


@fast_kernel
def sum_powers(exponents, row_bits, column_bits, rows, columns, costs):
    """Sums of 2**exponents over the rows (k,), added to those of the columns; costs likewise."""
    for i in range(rows.size):
        total, bits = 0.0, row_bits[i]
        source = exponents[i]
        for j in range(source.size):
            power = power_of_two(source[j])
            total += power
            columns[j] += power
            costs[j] += power * ((bits + column_bits[j]) - source[j])
        rows[i] = total
