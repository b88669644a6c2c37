"""What a barycenter problem returns: a measure, its objective, and bounds of the best one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from .._frozen import restore, seal
from .._typing import FloatArray
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure, Gaussian
from ..plans import Plan
from ..results import Bounds, Status, Valued

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BarycenterResult", "BoundsOf"]

BoundsOf: TypeAlias = Literal["free", "support"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BarycenterResult(Valued):
    """A measure that is near several others on average, with bounds of the least average.

    Attributes
    ----------
    measure : DiscreteMeasure or Gaussian
        The barycenter that was found.
    value : float
        Its objective sum_k weights[k] W_p^p(measure, measures[k]), in the unit of the cost times
        mass: the p-th power of distances, no root taken.
    bounds : Bounds
        Proven enclosure of the least objective: `upper` is what the plans of `measure` cost.
    bounds_of : {"free", "support"}
        What the least is taken over: all measures, or those on the given support.
    status : Status
        OPTIMAL where the bounds meet what was asked; STALLED where the method ended before, as a
        free support does in a local optimum or where its lower bound is not attained.
    weights : array (k,)
        Weights of the measures.
    costs : array (k,)
        W_p^p of `measure` to each of them, from above.
    plans : tuple of k plans
        From `measure` to each of them; empty for Gaussians.
    n_iterations : int
        Iterations of the method: steps of a start, rounds of a linear programme, alternations.
    shape : tuple of int or None
        Shape of the grid whose cells are the support, if there is one.
    grid : tuple of arrays or None
        Coordinates of its cells along each axis.
    measures : tuple of k measures
        What it is the barycenter of.
    """

    measure: DiscreteMeasure | Gaussian
    value: float
    bounds: Bounds
    bounds_of: BoundsOf
    status: Status
    weights: FloatArray
    costs: FloatArray
    plans: tuple[Plan, ...] = field(repr=False)
    n_iterations: int = 0
    shape: tuple[int, ...] | None = None
    grid: tuple[FloatArray, ...] | None = None
    measures: tuple[DiscreteMeasure | Gaussian, ...] = field(default=(), repr=False)
    _cells: Any = None

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def image(self) -> FloatArray:
        """Masses of all cells of the grid, in its shape.

        Raises
        ------
        InvalidInputError
            If the support is no grid.
        """
        if self.shape is None or not isinstance(self.measure, DiscreteMeasure):
            found = "a support that is no grid"
            raise InvalidInputError("support", "be a grid for an image of it", found)
        image = np.zeros(math.prod(self.shape))
        image[self._cells] = self.measure.weights
        return image.reshape(self.shape)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw it beside its measures; see `otdiv.plotting.plot_barycenter`."""
        from ..plotting.barycenters import plot_barycenter

        return plot_barycenter(self, ax=ax)

    def __repr__(self) -> str:
        return (
            f"BarycenterResult({self.measure!r}, value={self.value:.9g}, "
            f"bounds=[{self.bounds.lower:.9g}, {self.bounds.upper:.9g}] of {self.bounds_of}, "
            f"status={self.status.name})"
        )
