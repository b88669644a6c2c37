"""Entropic transport: potentials, from coarse to fine and smooth to sharp, with their bounds.

Read `docs/entropic.md` first; then `solve`, `scaling`, `iteration.annealing`, `iteration.newton`.
"""
