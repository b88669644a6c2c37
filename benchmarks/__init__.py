"""Problems × solvers, side by side in one process; failures stay in the table."""
