"""Compiled sums over entropic plans: by entry, along the axes of grids, by expansions of boxes."""
