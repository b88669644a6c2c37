"""Sums behind the bounds, and the repair of a plan to its marginals."""
