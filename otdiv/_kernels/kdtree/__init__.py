"""Balanced k-d trees over clouds: boxes, lower bounds on them, and searches between two trees.

Read `tree` first, then `lower_bounds`, `search` and `c_transform`; `cuts` makes clusters.
"""
