"""Entropic transport: potentials, from coarse to fine and smooth to sharp, with their bounds."""
