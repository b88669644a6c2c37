"""A plan of the mass that the list of arcs does not place."""

from __future__ import annotations

import numpy as np

from ..._kernels import shaped
from ..._typing import FloatArray, IndexArray
from ...costs import CostMatrix, PNormCost
from ...measures import DiscreteMeasure
from ...plans import SparsePlan
from ...problems import TransportProblem
from ...results import SolveOptions
from ..network_simplex import NetworkSimplex
from .levels import Context, Level

__all__ = ["plan_of_unplaced"]


def plan_of_unplaced(
    level: Level, context: Context, a: IndexArray, b: IndexArray, options: SolveOptions
) -> tuple[IndexArray, IndexArray, FloatArray]:
    """A plan that moves masses a (n,) to b (m,) of some atoms, which are numbered as in the level.

    Such mass travels far. At such distances nearly all pairs are nearly tight, and a simplex that
    sees all of them needs a tenth of the pivots.
    """
    rows, columns = np.flatnonzero(a), np.flatnonzero(b)
    points = level.x.points[:, rows].T, level.y.points[:, columns].T
    cost: PNormCost | CostMatrix = PNormCost(norm=context.norm, power=context.power)
    if context.shape is not None:
        x, y = (np.ascontiguousarray(side) for side in points)
        cost = CostMatrix(shaped.pairwise(x, y, context.shape))
    problem = TransportProblem(
        source=DiscreteMeasure(points=points[0], weights=a[rows].astype(np.float64)),
        target=DiscreteMeasure(points=points[1], weights=b[columns].astype(np.float64)),
        cost=cost,
    )
    plan = NetworkSimplex().run(problem, options=options).plan
    assert isinstance(plan, SparsePlan)
    return rows[plan.rows], columns[plan.columns], plan.mass
