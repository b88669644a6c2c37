"""What the entropic iteration works on: clouds, grids and bare matrices, at every scale."""
