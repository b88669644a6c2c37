"""Distances between probability distributions, every number with its proof."""
