"""Values of distances with their gradients, in NumPy: what otdiv.torch and otdiv.jax stand on.

Every function here takes float64 arrays, points (n, d) and (m, d) with weights (n,) and (m,) or
None for uniform ones, and returns `Gradients`; with a leading axis (B, n, d), one of each a pair.
Weights count as relative frequencies, as in the calls themselves, so that their gradients are
those of a function that a common factor of the weights does not change.

Plans are those that were proven optimal. Where the value is not differentiable, what is returned is
one subgradient (docs/gradients.md says which and where). A bound on the value is none on the
gradient.
"""
