"""Column generation from coordinates: levels from coarse to fine, and the restricted problem."""
