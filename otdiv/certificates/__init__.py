"""Proofs that know no solver: bounds of a transport value from any plan and any potentials."""

from .audit import Audit, Verdict, audit
from .dual import dual_bound, exact_lower
from .extension import LipschitzExtension
from .primal import primal_bound
from .proof import Proof, in_caller_order, infeasibility_holds, prove
from .regularised import regularised_bounds
from .transforms import c_transform

__all__ = [
    "Audit",
    "LipschitzExtension",
    "Proof",
    "Verdict",
    "audit",
    "c_transform",
    "dual_bound",
    "exact_lower",
    "in_caller_order",
    "infeasibility_holds",
    "primal_bound",
    "prove",
    "regularised_bounds",
]
