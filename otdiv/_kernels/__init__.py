"""Numba kernels: canonical arrays in, arrays and integer codes out; imports nothing of otdiv."""

import numpy as np

# The C library (glibc) returns freed memory to the system beyond a threshold, and fetching it again
# page by page took a third of the time of a transport of 1e5 points on the line. The threshold
# follows the largest block freed so far, up to 32 MB; a block that is never touched costs nothing.
np.empty(2**22 - 1024)
