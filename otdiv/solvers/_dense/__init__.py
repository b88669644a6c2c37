"""The engine of NetworkSimplex: rounds of candidate arcs, and a direct call for small problems."""
