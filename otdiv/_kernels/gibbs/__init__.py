"""Sums over entropic plans and Gaussian kernels: by entry, along axes, by expansions."""
