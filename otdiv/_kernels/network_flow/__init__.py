"""The network simplex on spanning trees, and the graph algorithms around it.

`docs/network_simplex.md` explains the algorithm; read `spanning_tree` first.
"""
