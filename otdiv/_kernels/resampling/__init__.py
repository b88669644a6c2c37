"""Kernels of resampling, 64 replicates at a time in the bits of one word."""
