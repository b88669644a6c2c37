"""What one pass over a column takes down beside its cells: moments, neighbours, rows counted.

`sums` holds the sum of distances from `cut` and what its rounding lost (Neumaier 1974), the sum of
their squares, and the last value; `signs` the values, how many lie above and below `cut`, the sum
of the products of neighbours' sides, the first and the last side, and 1 as long as every value is
the one before and 1. All go on from one call to the next, so that batches do not matter.
"""

from __future__ import annotations

import numpy as np

from .._jit import kernel

# Places in `sums`, and in `signs`.
SUM, LOST, SQUARES, LAST = 0, 1, 2, 3
N_SUMS = 4
SEEN, ABOVE, BELOW, PRODUCTS, FIRST_SIDE, LAST_SIDE, COUNTING = 0, 1, 2, 3, 4, 5, 6
N_SIGNS = 7


@kernel
def follow_rows(values, cut, sums, signs):
    """Add values (n,), of which NaN are passed over."""
    total, lost, squares, last = sums[0], sums[1], sums[2], sums[3]
    seen, above, below, products = signs[0], signs[1], signs[2], signs[3]
    side, counting = signs[5], signs[6]
    for i in range(values.size):
        value = values[i]
        if value != value:
            counting = np.int64(0)
            continue
        z = value - cut
        new = total + z
        if abs(total) >= abs(z):
            lost += (total - new) + z
        else:
            lost += (z - new) + total
        total = new
        squares += z * z
        before = side
        side = np.int64(0)
        if z > 0.0:
            side = np.int64(1)
            above += 1
        elif z < 0.0:
            side = np.int64(-1)
            below += 1
        if seen == 0:
            signs[4] = side
        else:
            products += before * side
            if value - last != 1.0:
                counting = np.int64(0)
        seen += 1
        last = value
    sums[0], sums[1], sums[2], sums[3] = total, lost, squares, last
    signs[0], signs[1], signs[2], signs[3] = seen, above, below, products
    signs[5], signs[6] = side, counting
