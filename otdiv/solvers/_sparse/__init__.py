"""The engine of the network simplex for sparse costs: the entries are the arcs."""
