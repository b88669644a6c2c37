"""Tables that are not held in memory: states of every column from passes over batches of rows."""
