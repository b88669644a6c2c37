"""How entropic potentials are found: annealing, scaling steps and Newton's method."""
