"""Transport on the line: sorting, distances, the monotone plan."""
