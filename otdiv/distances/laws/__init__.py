"""Wasserstein and Cramér distances where a side is a law: quantiles, quadrature, proven cells."""
