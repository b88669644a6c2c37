"""What a Gromov-Wasserstein problem returns: a plan between two spaces, its value, and bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._frozen import restore
from ..plans import SparsePlan
from ..results import Bounds, Status, Valued

__all__ = ["GromovMatrixResult"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class GromovMatrixResult(Valued):
    """The best plan that was found between two spaces, with bounds of the best one.

    Attributes
    ----------
    value : float
        Objective of `plan`: a sum of losses of pairs, for squares the second power of a distance.
    bounds : Bounds
        Proven enclosure of the least objective over all plans.
    status : Status
        OPTIMAL where the bounds meet what was asked, or are exact where nothing was; STALLED where
        the descents ended in local optima and the lower bound is not met; STOPPED.
    plan : SparsePlan
        Which points of the one space go to which of the other.
    values : tuple of float
        Where the descent from each start ended.
    n_iterations : int
        Steps of all descents.
    """

    value: float
    bounds: Bounds
    status: Status
    plan: SparsePlan = field(repr=False)
    values: tuple[float, ...]
    n_iterations: int

    __setstate__ = restore

    def __repr__(self) -> str:
        return (
            f"GromovMatrixResult(value={self.value:.9g}, bounds=[{self.bounds.lower:.9g}, "
            f"{self.bounds.upper:.9g}], status={self.status.name})"
        )
