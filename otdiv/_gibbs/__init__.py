"""Plans P_ij = 2**(u_i + v_j - c_ij) as operators: their sums, and the ways to hold them.

The floor that the entropic engine and the proofs of its plans share.
"""
