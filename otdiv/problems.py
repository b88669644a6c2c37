"""The balanced transport problem: two measures of one mass and a cost."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, field, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ._calling import explains_construction
from ._frozen import restore, seal_in_place
from ._labels import labels_of
from ._memory import room_for
from ._typing import FloatArray, IndexArray
from ._validation import HUGE_COST, as_weights, describe, is_huge
from .costs import (
    Cost,
    CostMatrix,
    DerivedCost,
    PNormCost,
    Reduced,
    ShapedCost,
    SparseCost,
    as_cost,
    check_exact_points,
    is_sparse,
)
from .errors import InvalidInputError, MassMismatchError
from .measures import DiscreteMeasure

if TYPE_CHECKING:
    from ._kernels.gibbs.grids import Grid

__all__ = ["MASS_RTOL", "PROBLEM_OF_SAMPLES", "TransportProblem", "check_problem"]

# Chosen by taste: far above the rounding of sums of 1e8 weights, far below any real difference.
MASS_RTOL = 1e-9

# For those who have samples or costs where a problem is asked for.
PROBLEM_OF_SAMPLES = (
    "samples make a problem as `TransportProblem(DiscreteMeasure.from_samples(x), "
    'target=DiscreteMeasure.from_samples(y), cost="euclidean")`, '
    "costs as `TransportProblem.from_matrix(C)`"
)

# Orders of atoms: numbers, or a slice where they are in order already.
_Order: TypeAlias = IndexArray | slice

# How often huge costs are halved.
_HALVINGS = 64

# Up to this power of the distance, halving the unit of the points leaves most of the costs floats.
_STEEP = 500.0

# Costs of points that are kept while a problem is solved: solver and proof read the same 64 MB.
_KEPT_PAIRS = 2**23

# Atoms whose numbers and uniform weights are kept for the next problem: some kilobytes each.
_FEW = 1000

# Rounding of two pairwise sums of up to 1e9 weights that were normalised one by one.
_MASS_ROUNDING = 32 * 2.0**-53


def _indices(name: str, n: int, weights: Any, of: tuple[str, Any]) -> DiscreteMeasure:
    """Row or column numbers with their weights."""
    if weights is None and n <= _FEW:
        return _even_indices(n)
    shares = as_weights(name, weights, n, normalize=True, of=of)
    return DiscreteMeasure._canonical(np.arange(n, dtype=np.float64)[:, None], shares)


@lru_cache(maxsize=64)
def _even_indices(n: int) -> DiscreteMeasure:
    """The same of uniform weights: nouns are frozen, so that problems may share one."""
    return DiscreteMeasure._canonical(np.arange(n, dtype=np.float64)[:, None], np.full(n, 1.0 / n))


@explains_construction
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TransportProblem:
    """Move `source` onto `target` at least cost: min <C, P> over plans P with these marginals.

    The value scales with the mass. For a `CostMatrix` or a `SparseCost` the
    points are the row and column numbers.

    Parameters
    ----------
    source, target : DiscreteMeasure
        Measures of n and m atoms whose masses agree to 1e-9 relative.
    cost : PNormCost, another cost of points, CostMatrix or SparseCost
        Ground cost; the latter two have shape (n, m).

    Raises
    ------
    MassMismatchError
        If the masses differ.
    InvalidInputError
        If dimensions or shapes disagree, or a cost overflows float64.
    """

    source: DiscreteMeasure
    _: KW_ONLY
    target: DiscreteMeasure
    cost: Cost
    a: FloatArray = field(init=False)
    """Source weights (n,)."""
    b: FloatArray = field(init=False)
    """Target weights (m,), rescaled to the mass of `a` where the masses differ by rounding."""
    shape: tuple[int, int] = field(init=False)
    """Numbers of source and target atoms (n, m)."""
    origin: tuple[Any, ...] | None = field(init=False, default=None)
    """What was taken off each axis of samples that float64 does not hold exactly, mostly None."""
    _kept: CostMatrix | None = field(init=False, default=None)
    _bound: float | None = field(init=False, default=None)
    _huge: bool | None = field(init=False, default=None)
    _defects: tuple[float, float, float] | None = field(init=False, default=None)
    _sorted_line: TransportProblem | None = field(init=False, default=None)
    _line_orders: tuple[_Order, _Order] | None = field(init=False, default=None)
    # What `certificates.dual.kept_dual_bound` found.
    _proof: tuple[Any, float, float] | None = field(init=False, default=None)

    _grids: tuple[Grid | None, Grid | None] | None = field(init=False, default=None)
    # What a derived cost comes down to.
    _ground: tuple[TransportProblem, Reduced] | None = field(init=False, default=None)

    __setstate__ = restore

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            value = getattr(self, name)
            if not isinstance(value, DiscreteMeasure):
                raise InvalidInputError(name, "be a DiscreteMeasure", type(value).__name__)
        object.__setattr__(self, "cost", as_cost(self.cost))
        object.__setattr__(self, "shape", (self.source.n, self.target.n))
        source_mass, target_mass = self.source.mass, self.target.mass
        if abs(source_mass - target_mass) > MASS_RTOL * max(source_mass, target_mass):
            raise MassMismatchError(source_mass, target_mass)
        b = self.target.weights
        # Masses that agree to rounding are equal: rescaling would only spread dust over the plan.
        if abs(source_mass - target_mass) > _MASS_ROUNDING * source_mass:
            b = b * (source_mass / target_mass)
            b.flags.writeable = False
        object.__setattr__(self, "a", self.source.weights)
        object.__setattr__(self, "b", b)
        if isinstance(self.cost, CostMatrix | SparseCost):
            if self.cost.shape != self.shape:
                raise InvalidInputError(
                    "C",
                    f"have shape {self.shape}, one row a source atom",
                    f"shape {self.cost.shape}",
                )
        elif self.source.d != self.target.d:
            raise InvalidInputError(
                "target", f"have dimension {self.source.d} like `source`", self.target.d
            )
        elif isinstance(self.cost, DerivedCost):
            self.ground()
        elif isinstance(self.cost, ShapedCost):
            pass  # whoever made it has checked the points
        elif not (self._is_moderate() or math.isfinite(self.cost_bound())):
            raise InvalidInputError(
                "cost", "stay within float64 on these points", "an overflow (rescale the points)"
            )

    @classmethod
    def from_matrix(cls, C: Any, a: Any = None, b: Any = None) -> TransportProblem:
        """Problem of bare costs (n, m), also sparse; `a`, `b` are relative frequencies."""
        cost: CostMatrix | SparseCost
        if isinstance(C, CostMatrix | SparseCost):
            cost = C
        else:
            cost = SparseCost(C) if is_sparse(C) else CostMatrix(C)
        n, m = cost.shape
        rows, columns = labels_of(C)
        return cls(
            source=_indices("x_weights", n, a, ("C", rows)),
            target=_indices("y_weights", m, b, ("C", columns)),
            cost=cost,
        )

    def counted_from(self, origin: tuple[Any, ...] | None) -> TransportProblem:
        """Note the origin (d,) from which the coordinates of a new problem count."""
        if origin is not None:
            if isinstance(self.cost, DerivedCost) and not self.cost.translates:
                check_exact_points(self.cost)
            object.__setattr__(self, "origin", origin)
        return self

    @property
    def x(self) -> FloatArray:
        """Source points (n, d)."""
        return self.source.points

    @property
    def y(self) -> FloatArray:
        """Target points (m, d)."""
        return self.target.points

    @property
    def mass(self) -> float:
        """Mass to move."""
        return self.source.mass

    def ground(self) -> tuple[TransportProblem, Reduced]:
        """Return the problem that a derived cost comes down to, and how its bounds are widened.

        Both have the same atoms, in the same order. Found once.
        """
        if self._ground is None:
            assert isinstance(self.cost, DerivedCost)
            reduced = self.cost.reduced(self.x, self.y)
            sides = self.source, self.target
            if not isinstance(reduced.cost, CostMatrix):
                sides = (
                    DiscreteMeasure._canonical(reduced.x, self.a),
                    DiscreteMeasure._canonical(reduced.y, self.b),
                )
            problem = TransportProblem(sides[0], target=sides[1], cost=reduced.cost)
            object.__setattr__(self, "_ground", (problem, reduced))
        assert self._ground is not None
        return self._ground

    def known_cost(self) -> Cost:
        """Return the cost: as a matrix, if it is one or while `matrix` keeps the costs of points.

        The kept costs are those of `cost`, with its rounding.
        """
        return self._kept or self.cost

    def block(self, start: int, stop: int) -> FloatArray:
        """Costs (stop - start, m) of the source atoms start..stop-1."""
        cost = self.known_cost()
        if isinstance(cost, CostMatrix):
            return cost.values[start:stop]
        if isinstance(cost, SparseCost):
            return cost.block(start, stop)
        if isinstance(cost, DerivedCost):
            problem, reduced = self.ground()
            return problem.block(start, stop) * reduced.factor
        if isinstance(cost, ShapedCost):
            return cost.pairwise(self.x[start:stop], self.y)
        from ._kernels import costs as kernels  # Numba is not loaded before it is needed

        values = kernels.pairwise(self.x[start:stop], self.y, cost.norm, cost.power)
        return np.asarray(values)

    def matrix(self) -> FloatArray:
        """All costs (n, m); 8 n m bytes unless the cost is a matrix already. Not to be written to.

        Pairs that a sparse cost forbids cost `inf`. Costs of few points are kept until `forget`.
        """
        n, m = self.shape
        if isinstance(self.known_cost(), CostMatrix):
            C = self.block(0, n)
        else:
            way_out = "ColumnGeneration stores no matrix, and `block` makes some rows of it"
            with room_for(8 * n * m, f"the costs of {n} x {m} pairs", way_out):
                C = self.block(0, n)
        C.flags.writeable = False
        if C.size <= _KEPT_PAIRS and isinstance(self.known_cost(), PNormCost | ShapedCost):
            kept = object.__new__(CostMatrix)  # costs of points need no check
            object.__setattr__(kept, "values", C)
            object.__setattr__(self, "_kept", kept)
        return C

    def forget(self) -> None:
        """Let go of the costs that `matrix` kept, and of a proof that a solver made on its way."""
        object.__setattr__(self, "_kept", None)
        object.__setattr__(self, "_proof", None)

    def pair_costs(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Costs (k,) of the pairs (rows[e], columns[e])."""
        cost = self.known_cost()
        if isinstance(cost, CostMatrix):
            return cost.values[rows, columns]
        if isinstance(cost, SparseCost):
            return cost.at(rows, columns)
        if isinstance(cost, DerivedCost):
            problem, reduced = self.ground()
            return problem.pair_costs(rows, columns) * reduced.factor
        if isinstance(cost, ShapedCost):
            return cost.gathered(self.x, self.y, rows, columns)
        from ._kernels import costs as kernels

        return np.asarray(kernels.gathered(self.x, self.y, rows, columns, cost.norm, cost.power))

    def line_orders(self) -> tuple[_Order, _Order]:
        """Orders (n,), (m,) that sort the points of a problem on the line; found once."""
        if self._line_orders is None:
            self.sorted_line()
        assert self._line_orders is not None
        return self._line_orders

    def sorted_line(self, threads: int | None = None) -> TransportProblem:
        """Return this problem on the line with its atoms in increasing order; found once.

        `line_orders` says where they were. What goes along the line reads memory in order there.
        """
        if self._line_orders is None:
            from ._kernels.line.monotone_plan import sort_line

            (x, rows), (y, columns) = sort_line(self.x[:, 0], self.y[:, 0], threads)
            # Renumbered atoms need no second validation.
            problem = object.__new__(TransportProblem)
            target = self.target._reordered(columns, y[:, None])
            values: dict[str, object] = {
                field.name: None for field in fields(self) if field.name.startswith("_")
            }
            values["origin"] = self.origin
            values |= {
                "source": self.source._reordered(rows, x[:, None]),
                "target": target,
                "cost": self.cost,
                "b": target.weights if self.b is self.target.weights else self.b[columns],
                "shape": self.shape,
                "_line_orders": (slice(None), slice(None)),
            }
            for name, value in values.items():
                object.__setattr__(problem, name, value)
            object.__setattr__(problem, "a", problem.source.weights)
            object.__setattr__(self, "_sorted_line", problem)
            seal_in_place((rows, columns))
            object.__setattr__(self, "_line_orders", (rows, columns))
        return self._sorted_line or self

    def defects(self) -> tuple[float, float, float]:
        """By which share of it each source and each target weight is too small for `mass`.

        The sums of floats are hardly ever the mass, and count as if they were. The third number is
        the least of all weights, or 0. Found once.
        """
        if self._defects is None:
            from ._kernels.proofs.sums import defects

            found = defects(self.a, self.b, self.mass)
            object.__setattr__(self, "_defects", found)
            return found
        return self._defects

    def grids(self) -> tuple[Grid, Grid] | None:
        """Grids whose cells are the source's and the target's points, if both are; found once."""
        if self._grids is None:
            from ._kernels.gibbs.grids import find_grid

            source = find_grid(self.x)
            target = None if source is None else find_grid(self.y)
            object.__setattr__(self, "_grids", (source, target))
        assert self._grids is not None
        source, target = self._grids
        return None if source is None or target is None else (source, target)

    def cost_bound(self) -> float:
        """Upper bound on |C_ij| over the allowed pairs; found once."""
        if self._bound is None:
            object.__setattr__(self, "_bound", self._find_bound())
        assert self._bound is not None
        return self._bound

    @property
    def is_huge(self) -> bool:
        """Whether sums and differences of a few costs may overflow; found once."""
        if self._huge is None:
            if isinstance(self.cost, CostMatrix | SparseCost):
                huge = is_huge(self.cost.values)
            elif isinstance(self.cost, ShapedCost):
                huge = self.cost_bound() > HUGE_COST
            else:
                # Where no bound was needed at first the points are moderate.
                huge = self._bound is not None and self._bound > HUGE_COST
            object.__setattr__(self, "_huge", huge)
        assert self._huge is not None
        return self._huge

    def scaled_down(self) -> tuple[TransportProblem, float]:
        """Return a huge problem in a unit in which sums of costs fit, and the factor of the costs.

        The factor is a power of two: only costs below 1e-289 lose digits.
        """
        cost = self.cost
        if isinstance(cost, SparseCost):
            factor = 2.0**-_HALVINGS
            smaller = cost.times(factor)
            return TransportProblem(source=self.source, target=self.target, cost=smaller), factor
        if not isinstance(cost, PNormCost) or cost.power > _STEEP:
            # Half the unit of the points would take all of a steep power's costs to nothing.
            factor = 2.0**-_HALVINGS
            values = CostMatrix(self.matrix() * factor)
            return TransportProblem(source=self.source, target=self.target, cost=values), factor
        unit = 2.0 ** -math.ceil(_HALVINGS / cost.power)
        source, target = (
            DiscreteMeasure(points=side.points * unit, weights=side.weights)
            for side in (self.source, self.target)
        )
        return TransportProblem(source=source, target=target, cost=cost), unit**cost.power

    def _is_moderate(self) -> bool:
        """Whether the coordinates alone show that no cost is near overflow.

        |x - y| in any norm is at most the sum of all coordinates' sizes: sqrt(2 k s) of k numbers
        whose squares add up to s.
        """
        x, y = self.x, self.y
        # Python's floats overflow to infinity without a warning.
        squares = float(np.vdot(x, x)) + float(np.vdot(y, y))
        length = math.sqrt(2.0 * (x.size + y.size)) * math.sqrt(squares)
        assert isinstance(self.cost, PNormCost)
        limit: float = 1e300 ** min(1.0, 1.0 / self.cost.power)
        return length < limit

    def _find_bound(self) -> float:
        if isinstance(self.cost, DerivedCost):
            problem, reduced = self.ground()
            return problem.cost_bound() * reduced.factor
        if isinstance(self.cost, ShapedCost):
            return self.cost.bound(self.x, self.y)
        if isinstance(self.cost, PNormCost):
            from ._kernels import costs as kernels

            return float(kernels.bounding_cost(self.x, self.y, self.cost.norm, self.cost.power))
        values = self.cost.values
        if not values.size:  # all pairs are forbidden
            return 0.0
        largest = float(values.max())
        if largest == math.inf:
            largest = float(np.max(values, where=values < math.inf, initial=0.0))
        return max(largest, -float(values.min()), 0.0) if values.min() < math.inf else 0.0

    def __repr__(self) -> str:
        n, m = self.shape
        return f"TransportProblem(n={n}, m={m}, cost={self.cost!r})"


def check_problem(problem: Any) -> None:
    """Raise unless `problem` is a TransportProblem; the error says how to get one."""
    if isinstance(problem, TransportProblem):
        return
    hint = PROBLEM_OF_SAMPLES
    if isinstance(getattr(problem, "problem", None), TransportProblem):
        hint = "a result has its own: `result.problem`"
    elif hasattr(problem, "reach"):
        hint = "`unbalanced_transport` solves an UnbalancedProblem"
    raise InvalidInputError("problem", "be a TransportProblem", describe(problem), f"({hint})")
