"""Lower bounds: any potentials, made feasible by a c-transform."""

from __future__ import annotations

import math

import numpy as np

from .._kernels import bounds as kernels
from ..errors import InvalidInputError
from ..plans import Potentials
from ..problems import TransportProblem
from .rounding import cost_rounding
from .transforms import c_transform

__all__ = ["dual_bound"]


def dual_bound(
    problem: TransportProblem, potentials: Potentials
) -> tuple[Potentials, float, float]:
    """Feasible potentials from any potentials, and a proven lower bound of the optimum.

    One side is kept and the other replaced by its c-transform; the better of the two sides counts.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    potentials : Potentials
        Any finite pair f (n,), g (m,).

    Returns
    -------
    potentials, lower, slack
        The feasible pair, a number that no optimum is below, and the rounding part subtracted in it
        (unit of cost times mass).

    Raises
    ------
    InvalidInputError
        If the shapes are not those of the problem or an entry is not finite.
    """
    n, m = problem.shape
    if potentials.f.shape != (n,) or potentials.g.shape != (m,):
        found = f"shapes {potentials.f.shape} and {potentials.g.shape}"
        raise InvalidInputError("potentials", f"have shapes ({n},) and ({m},)", found)
    shift = kernels.middle_shift(potentials.f, potentials.g, problem.a, problem.b)
    if not math.isfinite(shift):
        raise InvalidInputError("potentials", "be finite", "a NaN or an infinity")
    f = potentials.f - shift
    g = c_transform(problem, f)
    k = cost_rounding(problem)
    lower, rounding, finite = kernels.lower_value(problem.a, f, problem.b, g, k, problem.mass)
    if not finite:
        # A column that every row is forbidden to reach: any number is feasible there.
        g = np.where(np.isfinite(g), g, potentials.g + shift)
        lower, rounding, _ = kernels.lower_value(problem.a, f, problem.b, g, k, problem.mass)
    return Potentials(f=f, g=g), lower, rounding
