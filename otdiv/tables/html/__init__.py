"""A table report as one HTML page that loads nothing: its words, its figures, its templates."""
