"""Lower bounds: any potentials, made feasible by a c-transform."""

from __future__ import annotations

import numpy as np

from .._kernels import certify as kernels
from .._typing import FloatArray
from ..errors import InvalidInputError
from ..plans import Potentials
from ..problems import TransportProblem
from .rounding import U, cost_rounding
from .transforms import c_transform

__all__ = ["dual_bound", "feasible_slack", "lower_value"]


def _centred(f: FloatArray, g: FloatArray, a: FloatArray, b: FloatArray) -> float:
    """Shift t that makes the weighted sizes of f - t and g + t about even."""
    used_f, used_g = f[a > 0.0], g[b > 0.0]
    middle_f = 0.5 * (float(used_f.min()) + float(used_f.max()))
    middle_g = 0.5 * (float(used_g.min()) + float(used_g.max()))
    return 0.5 * (middle_f - middle_g)


def feasible_slack(problem: TransportProblem, given: FloatArray, derived: FloatArray) -> FloatArray:
    """Derive s_j of the module's text: what makes a computed c-transform truly feasible."""
    k = cost_rounding(problem)
    size = np.abs(derived)
    if k == 0.0:
        return size * (U * (1.0 + 8.0 * U))
    largest = float(np.abs(given).max())
    return (size + k * (size + largest)) * (U * (1.0 + 1e-12))


def lower_value(
    problem: TransportProblem, f: FloatArray, g: FloatArray, slack: FloatArray
) -> tuple[float, float]:
    """Certified lower bound of feasible-up-to-slack potentials, and the slack inside it."""
    source, source_size = kernels.dot(problem.a, f)
    target, target_size = kernels.dot(problem.b, g)
    lost = float(slack) if slack.ndim == 0 else float(slack.sum())
    rounding = lost + 5.0 * U * (source_size + target_size)
    return source + target - rounding, rounding


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
    if not (np.isfinite(potentials.f).all() and np.isfinite(potentials.g).all()):
        raise InvalidInputError("potentials", "be finite", "a NaN or an infinity")
    shift = _centred(potentials.f, potentials.g, problem.a, problem.b)
    f = potentials.f - shift
    g = c_transform(problem, f)
    if not np.isfinite(g).all():
        # A column that every row is forbidden to reach: any number is feasible there.
        g = np.where(np.isfinite(g), g, potentials.g + shift)
    slack = problem.b * feasible_slack(problem, f, g)
    lower, rounding = lower_value(problem, f, g, slack)
    return Potentials(f=f, g=g), lower, rounding
