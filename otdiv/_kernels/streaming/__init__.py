"""Rows of one sample counted into cells of floats, and what lies inside of a cell."""
