"""Plans P_ij = 2**(u_i + v_j - c_ij) as operators: their sums, and the ways to hold them in memory.

The entropic engine and the proofs of its plans both import this package; nothing here knows either.
`protocols` says what they ask of it, `docs/entropic.md` explains units, truncation and choices.
"""
