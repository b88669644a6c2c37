"""The network simplex on spanning trees, and the graph algorithms around it."""
