"""Numba kernels: canonical arrays in, arrays and integer codes out; imports nothing of otdiv."""
