"""Numba kernels: canonical arrays in, arrays and integer codes out; imports nothing of otdiv.

Beside a kernel may stand the Python that hands it its arrays. Two files hold no kernel at all and
are here since such Python calls them, and may import nothing from above: `threads`, by which the
kernels of `line/` run side by side, and `line/whole_numbers`, which takes over where the levels of
`line/distances` have lost the distance in rounding.
"""

import numpy as np

# The C library (glibc) returns freed memory to the system beyond a threshold, and fetching it again
# page by page took a third of the time of a transport of 1e5 points on the line. The threshold
# follows the largest block freed so far, up to 32 MB; a block that is never touched costs nothing.
np.empty(2**22 - 1024)
