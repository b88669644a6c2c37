"""The space that is nearest to several on average: a Gromov-Wasserstein barycenter of matrices."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from .._calling import explains_calls
from .._frozen import freeze, restore
from .._memory import room_for
from .._monitor import Deadline, EndOfRun, Monitor
from .._typing import FloatArray
from .._validation import (
    as_float_array,
    as_weights,
    check_callback,
    check_positive_integer,
    check_seconds,
    describe,
)
from ..certificates.barycenters import pairwise_bound, weighted_sum
from ..errors import InvalidInputError
from ..plans import SparsePlan
from ..results import Bounds, Callback, SolveOptions, Status, Valued
from .descent import Balanced, descend
from .losses import Unit, as_space
from .lower_bounds import third_bound
from .objective import Objective, as_plan, defect_of, least_above

__all__ = ["GromovBarycenterResult", "gromov_barycenter"]

# Fall of the objective, as a share of it, below which alternating has ended; by taste.
_LITTLE = 1e-7
# Steps of one descent between two changes of the barycenter.
_STEPS = 50
# How far weights may sum from one.
_ONE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class GromovBarycenterResult(Valued):
    """A space that is near several others on average, with bounds of the least average.

    Attributes
    ----------
    matrix : array (size, size)
        A number for each pair of points of the barycenter.
    point_weights : array (size,)
        Of its points, of sum one.
    value : float
        sum_k weights[k] GW(matrix, matrices[k]) at `plans`.
    bounds : Bounds
        Proven enclosure of the least such sum over spaces of any size and weights of points.
    status : Status
        OPTIMAL where the bounds meet, STALLED where alternating ended before, or STOPPED.
    weights, costs : arrays (k,)
        Weights of the spaces, and what each plan costs.
    plans : tuple of k SparsePlan
        From the barycenter to each space.
    n_iterations : int
        Changes of the barycenter.
    """

    matrix: FloatArray
    point_weights: FloatArray
    value: float
    bounds: Bounds
    status: Status
    weights: FloatArray
    costs: FloatArray
    plans: tuple[SparsePlan, ...] = field(repr=False)
    n_iterations: int

    __setstate__ = restore

    def __post_init__(self) -> None:
        names = ("matrix", "point_weights", "weights", "costs")
        freeze(self, **{name: getattr(self, name) for name in names})

    def __repr__(self) -> str:
        return (
            f"GromovBarycenterResult(size={len(self.point_weights)}, value={self.value:.9g}, "
            f"bounds=[{self.bounds.lower:.9g}, {self.bounds.upper:.9g}], "
            f"status={self.status.name})"
        )


@explains_calls(
    "POT's gromov_barycenters(N, Cs, ps, p, lambdas) is gromov_barycenter(Cs, size=N, "
    "point_weights=ps, size_weights=p, weights=lambdas)"
)
def gromov_barycenter(
    matrices: Any,
    *,
    size: int,
    weights: Any = None,
    point_weights: Any = None,
    size_weights: Any = None,
    max_iterations: int = 50,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
) -> GromovBarycenterResult:
    """Space of `size` points that is nearest to several spaces on average.

    Minimises sum_k weights[k] sum_ijpq (C_ij - matrices[k]_pq)² P_ip P_jq over symmetric or other
    matrices C and plans P of each, by changing both in turn: for given plans the best C is the mean
    of what they bring together. Each space is a start once.

    Parameters
    ----------
    matrices : sequence of k arrays (n_k, n_k)
        Distances, kernels or adjacency of each space.
    size : int
        Points of the barycenter.
    weights : array_like, shape (k,), optional
        Non-negative, of sum one; even by default.
    point_weights : sequence of k arrays (n_k,), optional
        Relative frequencies of the points of each space; uniform by default.
    size_weights : array_like, shape (size,), optional
        Relative frequencies of the points of the barycenter, all positive; uniform by default.
    max_iterations : int, default 50
        Changes of the barycenter from each start.
    max_seconds, max_memory, callback
        As in `transport_matrix`.

    Returns
    -------
    GromovBarycenterResult
        `bounds` holds over spaces of any size. The lower one is that of the pairs: plans from the
        barycenter to all spaces are glued to one law on their product, where the matrices are
        functions of two points each, so sum_k w_k |C - C_k|² >= sum_{k<l} w_k w_l |C_k - C_l|²;
        each of these is at least the third bound of `gromov_lower_bounds`.

    Raises
    ------
    InvalidInputError
        For an empty list, weights that do not sum to one, or a matrix that is not square.

    References
    ----------
    Peyré, Cuturi & Solomon (2016), Gromov-Wasserstein averaging of kernel and distance matrices,
    ICML, section 4.

    Examples
    --------
    Between two and four units lie three:

    >>> from otdiv.gromov import gromov_barycenter
    >>> result = gromov_barycenter([[[0, 2], [2, 0]], [[0, 4], [4, 0]]], size=2)
    >>> result.matrix.tolist(), result.value, result.status.name
    ([[0.0, 3.0], [3.0, 0.0]], 0.5, 'OPTIMAL')
    """
    check_callback(callback)
    max_seconds = check_seconds(max_seconds)
    deadline = None if max_seconds is None else time.perf_counter() + max_seconds
    size = check_positive_integer("size", size)
    max_iterations = check_positive_integer("max_iterations", max_iterations)
    memory = None if max_memory is None else check_positive_integer("max_memory", max_memory)
    spaces = _as_spaces(matrices)
    shares = _as_shares(weights, len(spaces))
    masses = _as_point_weights(point_weights, spaces)
    own = as_weights("size_weights", size_weights, size, normalize=True)
    if not own.min() > 0.0:
        raise InvalidInputError("size_weights", "be positive", float(own.min()))
    monitor = Monitor(callback=callback if deadline is None else Deadline(callback, deadline))
    largest = max(space.shape[0] for space in spaces)
    needed = 8 * (10 * size * largest + 4 * largest * largest)
    unit = Unit.of(spaces, "square")
    spaces = [unit.numbers(space) for space in spaces]
    with room_for(needed, "the barycenter of spaces", "fewer points would fit", memory):
        result = _Average(spaces, masses, shares, own, monitor).result(max_iterations)
    if unit.exponent == 0:
        return result
    return replace(
        result,
        matrix=np.ldexp(result.matrix, unit.exponent),
        value=unit.back(result.value),
        bounds=Bounds(unit.back(result.bounds.lower), unit.back(result.bounds.upper)),
        costs=np.array([unit.back(float(cost)) for cost in result.costs]),
    )


def _as_spaces(matrices: Any) -> list[FloatArray]:
    if isinstance(matrices, str | bytes | dict) or not hasattr(matrices, "__len__"):
        requirement = "be a sequence of square matrices"
        raise InvalidInputError("matrices", requirement, describe(matrices))
    if len(matrices) == 0:
        raise InvalidInputError("matrices", "hold at least one matrix", "none")
    return [as_space(f"matrices[{index}]", one) for index, one in enumerate(matrices)]


def _as_shares(weights: Any, k: int) -> FloatArray:
    if weights is None:
        return np.full(k, 1.0 / k)
    shares = as_float_array("weights", weights)
    if shares.shape != (k,):
        found = f"shape {shares.shape}"
        raise InvalidInputError("weights", f"have shape ({k},), one a matrix", found)
    if shares.min() < 0.0:
        index = int(np.argmax(shares < 0.0))
        raise InvalidInputError("weights", "be non-negative", shares[index], f"at index {index}")
    total = math.fsum(shares)
    if abs(total - 1.0) > _ONE:
        raise InvalidInputError("weights", "sum to one", total)
    return shares


def _as_point_weights(point_weights: Any, spaces: list[FloatArray]) -> list[FloatArray]:
    given = [None] * len(spaces) if point_weights is None else list(point_weights)
    if len(given) != len(spaces):
        requirement = f"hold {len(spaces)} arrays, one a matrix"
        raise InvalidInputError("point_weights", requirement, len(given))
    return [
        as_weights(f"point_weights[{index}]", one, space.shape[0], normalize=True)
        for index, (one, space) in enumerate(zip(given, spaces, strict=True))
    ]


class _State:
    """A matrix, plans to all spaces, and what they cost."""

    def __init__(self, matrix: FloatArray, plans: list[csr_array], value: float):
        self.matrix, self.plans, self.value = matrix, plans, value


class _Average:
    def __init__(
        self,
        spaces: list[FloatArray],
        masses: list[FloatArray],
        weights: FloatArray,
        own: FloatArray,
        monitor: Monitor,
    ):
        self.spaces, self.masses, self.weights, self.own = spaces, masses, weights, own
        self.monitor = monitor

    def result(self, max_iterations: int) -> GromovBarycenterResult:
        best: _State | None = None
        lower, status = 0.0, Status.STALLED
        try:
            lower = self.monitor.lower = self._lower()
            for index in np.argsort(-self.weights, kind="stable"):
                if self.weights[index] == 0.0 and best is not None:
                    break
                state = self._alternated(self._start(int(index)), max_iterations)
                if best is None or state.value < best.value:
                    best = state
                    self.monitor.upper = best.value
        except EndOfRun:
            status = Status.STOPPED
        if best is None:
            best = self._start(int(np.argmax(self.weights)))
        return self._answer(best, lower, status)

    def _answer(self, state: _State, lower: float, status: Status) -> GromovBarycenterResult:
        costs, uppers, plans = [], [], []
        for space, mass, entries in zip(self.spaces, self.masses, state.plans, strict=True):
            objective = Objective.of(state.matrix, space, "square", None, 1.0)
            plan = as_plan(entries)
            uppers.append(least_above(objective, plan, defect_of(plan, self.own, mass)))
            costs.append(0.5 * math.fsum(objective.bounds_at(plan)))
            plans.append(plan)
        value = 0.5 * math.fsum(weighted_sum(self.weights, costs))
        upper = max(weighted_sum(self.weights, uppers)[1], value)
        bounds = Bounds(min(lower, upper), upper)
        scale = max(float(np.abs(space).max()) for space in self.spaces) ** 2
        if bounds.meets(1e-9, 1e-12 * scale):
            status = Status.OPTIMAL
        return GromovBarycenterResult(
            matrix=state.matrix,
            point_weights=self.own,
            value=min(max(value, bounds.lower), upper),
            bounds=bounds,
            status=status,
            weights=self.weights,
            costs=np.array(costs),
            plans=tuple(plans),
            n_iterations=self.monitor.iteration,
        )

    def _lower(self) -> float:
        """The bound of the pairs."""
        k = len(self.spaces)
        squares = np.zeros((k, k))
        for first, second in itertools.combinations(range(k), 2):
            if self.weights[first] * self.weights[second] > 0.0:
                self.monitor.tick()
                squares[first, second] = third_bound(
                    self.spaces[first], self.spaces[second],
                    self.masses[first], self.masses[second], "square",
                )  # fmt: skip
        return pairwise_bound(self.weights, squares, 1.0)

    def _start(self, index: int) -> _State:
        """Plans in the order of the main direction of each space, turned as fits the first best."""
        orders = [_main_order(space) for space in self.spaces]
        first = _corner(self.own, self.masses[index], orders[index])
        matrix = self._mean([(1.0, first, self.spaces[index])])
        plans, value = [], 0.0
        for k, (space, mass) in enumerate(zip(self.spaces, self.masses, strict=True)):
            objective = Objective.of(matrix, space, "square", None, 1.0)
            tries = [_corner(self.own, mass, order) for order in (orders[k], orders[k][::-1])]
            if k == index:
                tries.append(first)
            found = [(objective.at(objective.image(plan), plan), plan) for plan in tries]
            cost, plan = min(found, key=lambda pair: pair[0])
            plans.append(plan)
            value += float(self.weights[k]) * cost
        return _State(matrix, plans, value)

    def _alternated(self, state: _State, max_iterations: int) -> _State:
        for _ in range(max_iterations):
            self.monitor.spend(1)
            plans, value = [], 0.0
            for k, (space, mass) in enumerate(zip(self.spaces, self.masses, strict=True)):
                objective = Objective.of(state.matrix, space, "square", None, 1.0)
                plan = state.plans[k]
                start = objective.gradient(objective.image(plan))
                end = descend(
                    objective, Balanced(self.own, mass, SolveOptions()), start, _STEPS, self._stops
                )
                kept = objective.at(objective.image(plan), plan)
                plans.append(end.plan if end.value < kept else plan)
                value += float(self.weights[k]) * min(end.value, kept)
            triples = zip(self.weights.tolist(), plans, self.spaces, strict=True)
            matrix = self._mean(list(triples))
            changed = _State(matrix, plans, value)
            if state.value - value <= _LITTLE * abs(value):
                return changed
            state = changed
        return state

    def _stops(self) -> bool:
        self.monitor.tick()
        return False

    def _mean(self, parts: list[tuple[float, csr_array, FloatArray]]) -> FloatArray:
        """The best matrix for given plans."""
        total = sum(share * (plan @ (plan @ space.T).T) for share, plan, space in parts)
        return np.asarray(total / np.outer(self.own, self.own))


def _main_order(space: FloatArray) -> np.ndarray:
    """Points in the order of the leading eigenvector of the doubly centred matrix."""
    symmetric = 0.5 * (space + space.T)
    centred = symmetric - symmetric.mean(axis=0) - symmetric.mean(axis=1)[:, None]
    _, vectors = np.linalg.eigh(centred + symmetric.mean())
    values = np.abs(np.linalg.eigvalsh(centred + symmetric.mean()))
    return np.argsort(vectors[:, int(np.argmax(values))], kind="stable")


def _corner(a: FloatArray, b: FloatArray, order: np.ndarray) -> csr_array:
    """The plan that couples the points of the barycenter with those of a space in an order."""
    levels_a, levels_b = np.cumsum(a), np.cumsum(b[order])
    levels_a[-1] = levels_b[-1] = 1.0
    levels = np.union1d(levels_a, levels_b)
    widths = np.diff(levels, prepend=0.0)
    middles = levels - 0.5 * widths
    rows = np.minimum(np.searchsorted(levels_a, middles), a.size - 1)
    columns = np.minimum(np.searchsorted(levels_b, middles), b.size - 1)
    return csr_array((widths, (rows, order[columns])), shape=(a.size, b.size))
