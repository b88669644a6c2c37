"""The claims: one chapter a file, with their sources and what several chapters share."""
