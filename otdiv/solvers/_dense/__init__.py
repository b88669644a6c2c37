"""The dense network simplex: rounds of candidate arcs, and the short road of small problems."""
