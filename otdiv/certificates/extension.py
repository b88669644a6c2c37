"""Potentials of a metric cost as a Lipschitz function of the whole space."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .._typing import FloatArray
from .._validation import as_points, check_choice
from ..costs import PNormCost
from ..errors import InvalidInputError, UnsupportedProblemError
from ..plans import Potentials
from ..problems import TransportProblem
from .transforms import point_transform

__all__ = ["LipschitzExtension"]


class LipschitzExtension:
    """McShane extension of the potentials of a metric cost: 1-Lipschitz on the whole space.

    The upper extension is min_j (|z - y_j| - g_j), the lower max_i (f_i - |z - x_i|); any value
    between them, as their mean, extends the potentials too. For such a function φ the difference
    of means, φ under the source minus φ under the target, is at most W1, and for optimal
    potentials it is W1.

    Parameters
    ----------
    problem : TransportProblem
        Problem whose cost is a norm (power 1).
    potentials : Potentials
        Feasible pair.
    kind : {"upper", "lower", "mean"}
        Which extension.

    Raises
    ------
    UnsupportedProblemError
        If the cost is not a metric of points.

    References
    ----------
    McShane (1934), Extension of range of functions, doi:10.1090/S0002-9904-1934-05978-0.
    """

    def __init__(
        self,
        problem: TransportProblem,
        potentials: Potentials,
        *,
        kind: Literal["upper", "lower", "mean"] = "mean",
    ):
        if not (isinstance(problem.cost, PNormCost) and problem.cost.power == 1.0):
            raise UnsupportedProblemError(
                "a Lipschitz extension needs a metric cost of points (PNormCost with power=1); "
                "for other costs evaluate the c-transform itself"
            )
        self.problem = problem
        self.potentials = potentials
        self.kind = check_choice("kind", kind, ("upper", "lower", "mean"))

    def __call__(self, z: Any) -> FloatArray:
        """Evaluate at points `z` (k, d); returns (k,) in the unit of the metric."""
        points = as_points("z", z)
        if points.shape[1] != self.problem.source.d:
            raise InvalidInputError("z", f"have {self.problem.source.d} columns", points.shape[1])
        upper = lower = None
        if self.kind != "lower":
            upper = self._transform(self.problem.y, points, self.potentials.g)
        if self.kind != "upper":
            lower = -self._transform(self.problem.x, points, self.potentials.f)
        if upper is None:
            return np.asarray(lower)
        return upper if lower is None else 0.5 * (upper + lower)

    def _transform(self, atoms: FloatArray, points: FloatArray, values: FloatArray) -> FloatArray:
        cost = self.problem.cost
        assert isinstance(cost, PNormCost)
        return point_transform(atoms, points, values, cost)
