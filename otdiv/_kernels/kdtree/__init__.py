"""Balanced k-d trees over clouds: boxes, lower bounds on them, and the search on two trees.

Read `tree` first, then `lower_bounds`, `search` and its driver `otdiv._tree_search`; `cuts` makes
clusters.
"""
