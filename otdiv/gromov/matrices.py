"""Two spaces given by matrices: graphs, metric spaces, with features or without."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .._calling import explains_calls
from .._memory import room_for
from .._monitor import Deadline, EndOfRun, Monitor
from .._typing import FloatArray
from .._validation import (
    as_cost_matrix,
    as_generator,
    as_number,
    as_weights,
    check_callback,
    check_positive_integer,
    check_seconds,
    check_tolerance,
    describe,
    first_index,
)
from ..certificates.rounding import U
from ..errors import ConvergenceError, InvalidInputError
from ..partial.transport import partial_transport_matrix
from ..plans import SparsePlan
from ..results import Bounds, Callback, SolveOptions, Status
from ..solving import EXACT_RTOL, transport_matrix
from .descent import Balanced, Descent, FreeTarget, Part, Step, descend
from .losses import Unit, as_spaces, losses_between
from .lower_bounds import local_costs, nearest_costs, part_costs
from .objective import Objective, as_plan, defect_of, least_above
from .result import GromovMatrixResult

__all__ = ["gromov_wasserstein_matrix"]


@explains_calls(
    "POT's gromov_wasserstein(C1, C2, p, q) is gromov_wasserstein_matrix(C1, C2, x_weights=p, "
    "y_weights=q)"
)
def gromov_wasserstein_matrix(
    Cx: Any,
    Cy: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    loss: str = "square",
    feature_costs: Any = None,
    alpha: float | None = None,
    relax: Any = None,
    n_starts: int = 4,
    rtol: float | None = None,
    max_iterations: int = 500,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    rng: Any = 0,
    throw: bool = True,
) -> GromovMatrixResult:
    """Plan between two spaces that keeps what lies between their points, with bounds of the best.

        min over plans P of  sum_ijkl L(Cx_ik, Cy_jl) P_ij P_kl

    The problem is not convex, and no method is sure to find its optimum. Conditional gradients
    descend from several starts, with exact transports and exact steps; transport between the
    distributions of the rows bounds the optimum from below. For points of the plane,
    `gromov_wasserstein` finds the optimum and proves it.

    Parameters
    ----------
    Cx, Cy : array_like, shapes (n, n) and (m, m)
        A number for each pair of points of either space: distances, kernels, adjacency; they need
        not be symmetric.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies of the points, each normalised to 1; uniform by default.
    loss : {"square", "kl"}
        L(u, v) = (u - v)², or u log(u / v) - u + v for positive v.
    feature_costs : array_like, shape (n, m), optional
        Costs M between the points themselves: the objective is then (1 - alpha) <M, P> + alpha
        times the sum above, that of fused Gromov-Wasserstein.
    alpha : float, optional
        Share of the structure beside `feature_costs`, in (0, 1]; a half by default.
    relax : "y" or float, optional
        Which plans there are. None: those with both marginals. "y": those whose marginal on x is
        given, so that points of y may be left out (semi-relaxed). A number in (0, 1]: those of that
        mass whose marginals are at most the weights (partial).
    n_starts : int, default 4
        Descents: from the plan that couples everything, from the plan of the lower bound, and from
        pairs of points of that plan, drawn by `rng`, by what lies between them and the others.
    rtol : float, optional
        Relative gap of the bounds that is asked for: `ConvergenceError` where it is not reached.
    max_iterations : int, default 500
        Steps of each descent.
    max_seconds, max_memory, callback, throw
        As in `transport_matrix`; the callback sees bounds in a unit of the call's own, a power of
        two of the largest entry.
    rng : int or Generator, default 0
        Of the starts.

    Returns
    -------
    GromovMatrixResult

    Raises
    ------
    InvalidInputError
        If a matrix is not square or not finite, the loss is not defined on it, or `relax` is none
        of these.
    ConvergenceError
        If `rtol` was asked and is not proven, and `throw` is True; it carries the result.

    References
    ----------
    Mémoli (2011), doi:10.1007/s10208-011-9093-5. Peyré, Cuturi & Solomon (2016), Gromov-Wasserstein
    averaging of kernel and distance matrices, ICML. Vayer et al. (2020), Fused Gromov-Wasserstein
    distance for structured objects, arXiv:1811.02834. Vincent-Cuaz et al. (2022), Semi-relaxed
    Gromov-Wasserstein divergence with applications on graphs, arXiv:2110.02753. Chapel, Alaya &
    Gasso (2020), arXiv:2002.08276 (partial).

    Examples
    --------
    The same path of three points, numbered in another order:

    >>> from otdiv import gromov_wasserstein_matrix
    >>> result = gromov_wasserstein_matrix(
    ...     [[0, 1, 2], [1, 0, 1], [2, 1, 0]], [[0, 2, 1], [2, 0, 1], [1, 1, 0]]
    ... )
    >>> result.value, result.status.name, int(result.plan.columns[1])  # the middle one
    (0.0, 'OPTIMAL', 2)
    """
    check_callback(callback)
    max_seconds = check_seconds(max_seconds)
    deadline = None if max_seconds is None else time.perf_counter() + max_seconds
    asked = check_tolerance("rtol", rtol)
    n_starts = check_positive_integer("n_starts", n_starts)
    max_iterations = check_positive_integer("max_iterations", max_iterations)
    memory = None if max_memory is None else check_positive_integer("max_memory", max_memory)
    objective, unit = _objective(Cx, Cy, loss, feature_costs, alpha)
    search = _Search(
        objective,
        x_weights,
        y_weights,
        _as_relaxation(relax),
        Monitor(callback=callback if deadline is None else Deadline(callback, deadline)),
    )
    n, m = search.objective.shape
    needed = 8 * (8 * n * m + 3 * (n * n + m * m))
    with room_for(needed, f"Gromov-Wasserstein of {n} x {m} points", "fewer would fit", memory):
        result = search.result(n_starts, max_iterations, as_generator(rng), asked)
    result = _in_callers_unit(result, unit)
    if throw and asked is not None and result.status is not Status.OPTIMAL:
        bounds = result.bounds
        raise ConvergenceError(
            f"gromov_wasserstein_matrix ended with {result.status.name}: {result.status.value}; "
            f"proven so far: [{bounds.lower:.9g}, {bounds.upper:.9g}], relative gap "
            f"{bounds.relative_gap:.2e}, asked rtol={asked:g}",
            result,
        )
    return result


def _in_callers_unit(result: GromovMatrixResult, unit: Unit) -> GromovMatrixResult:
    if unit.exponent == 0:
        return result
    bounds = Bounds(unit.back(result.bounds.lower), unit.back(result.bounds.upper))
    if not math.isfinite(bounds.upper):
        requirement = "stay within float64, losses included"
        raise InvalidInputError("Cx", requirement, "an overflow (rescale both matrices)")
    return replace(
        result,
        value=unit.back(result.value),
        bounds=bounds,
        values=tuple(unit.back(value) for value in result.values),
    )


def _objective(
    Cx: Any, Cy: Any, loss: str, feature_costs: Any, alpha: Any
) -> tuple[Objective, Unit]:
    """The objective in a unit of its own, and that unit."""
    x, y = as_spaces(Cx, Cy, loss)
    unit = Unit.of((x, y), loss)
    x, y = unit.numbers(x), unit.numbers(y)
    if feature_costs is None:
        if alpha is not None:
            raise InvalidInputError("alpha", "come with `feature_costs`", alpha)
        return Objective.of(x, y, loss, None, 1.0), unit
    M = as_cost_matrix("feature_costs", feature_costs)
    if M.shape != (x.shape[0], y.shape[0]):
        requirement = f"have shape ({x.shape[0]}, {y.shape[0]}), a row for each point of Cx"
        raise InvalidInputError("feature_costs", requirement, f"shape {M.shape}")
    infinite = np.isinf(M)
    if infinite.any():
        raise InvalidInputError("feature_costs", "be finite", "inf", first_index(infinite))
    share = 0.5 if alpha is None else as_number("alpha", alpha)
    if not 0.0 < share <= 1.0:
        hint = "(0 is `transport_matrix(feature_costs)`)"
        raise InvalidInputError("alpha", "be in (0, 1]", alpha, hint)
    M = unit.losses(M)
    if not np.isfinite(M).all():
        requirement = "not be 1e300 times as large as the losses of the structure"
        raise InvalidInputError("feature_costs", requirement, float(np.max(feature_costs)))
    return Objective.of(x, y, loss, M, share), unit


def _as_relaxation(relax: Any) -> str | float | None:
    """None for both marginals, "y" for a free one, or a mass."""
    if relax is None or (isinstance(relax, str) and relax == "y"):
        return None if relax is None else "y"
    requirement = 'be None, "y" (its weights are free) or a mass in (0, 1]'
    if isinstance(relax, str):
        raise InvalidInputError("relax", requirement, describe(relax))
    mass = as_number("relax", relax, requirement)
    if not 0.0 < mass <= 1.0:
        raise InvalidInputError("relax", requirement, relax)
    return None if mass == 1.0 else mass


class _Below(NamedTuple):
    """A lower bound, and the costs and the plan that gave it."""

    bound: float
    costs: FloatArray
    plan: SparsePlan | None


class _Search:
    """One problem: its lower bound, its starts and its descents."""

    def __init__(
        self,
        objective: Objective,
        x_weights: Any,
        y_weights: Any,
        relax: str | float | None,
        monitor: Monitor,
    ):
        n, m = objective.shape
        self.objective, self.relax, self.monitor = objective, relax, monitor
        if relax == "y" and y_weights is not None:
            requirement = 'be left out with relax="y", which leaves them free'
            raise InvalidInputError("y_weights", requirement, "weights")
        self.a = as_weights("x_weights", x_weights, n, normalize=True)
        self.b = as_weights("y_weights", y_weights, m, normalize=True)

    def result(
        self, n_starts: int, max_iterations: int, rng: np.random.Generator, rtol: float | None
    ) -> GromovMatrixResult:
        monitor = self.monitor
        ends: list[Descent] = []
        best: tuple[float, SparsePlan] | None = None
        lower = -math.inf
        try:
            below = self._below()
            lower = monitor.lower = below.bound
            for costs in self._starts(below, n_starts, rng):
                end = descend(
                    self.objective, self._step(), costs, max_iterations, self._asks_to_stop
                )
                ends.append(end)
                plan = as_plan(end.plan)
                upper = least_above(self.objective, plan, self._defect(plan))
                if best is None or upper < best[0]:
                    best = (upper, plan)
                    monitor.upper = upper
                if end.stopped or Bounds(min(lower, upper), upper).meets(rtol or EXACT_RTOL, 0.0):
                    break
        except EndOfRun:
            pass
        if best is None:
            plan = as_plan(self._product())
            best = (least_above(self.objective, plan, self._defect(plan)), plan)
        return self._answer(best, lower, ends, rtol)

    def _answer(
        self,
        best: tuple[float, SparsePlan],
        lower: float,
        ends: list[Descent],
        rtol: float | None,
    ) -> GromovMatrixResult:
        upper, plan = best
        bounds = Bounds(min(lower, upper), upper)
        stopped = not ends or self.monitor.status is Status.STOPPED
        status = Status.STOPPED if stopped else Status.STALLED
        if bounds.meets(EXACT_RTOL if rtol is None else rtol, self._rounding()):
            status = Status.OPTIMAL
        least, most = self.objective.bounds_at(plan)
        return GromovMatrixResult(
            value=min(upper, max(bounds.lower, 0.5 * (least + most))),
            bounds=bounds,
            status=status,
            plan=plan,
            values=tuple(end.value for end in ends),
            n_iterations=sum(end.n_steps for end in ends),
        )

    def _rounding(self) -> float:
        """Gap that is rounding of the losses, whatever the value."""
        return 64.0 * sum(self.objective.shape) * U * self.objective.largest()

    def _asks_to_stop(self) -> bool:
        self.monitor.iteration += 1
        if self.monitor.asks_to_stop():
            self.monitor.status = Status.STOPPED
            return True
        return False

    def _step(self) -> Step:
        options = SolveOptions()
        if self.relax is None:
            return Balanced(self.a, self.b, options)
        if isinstance(self.relax, str):
            return FreeTarget(self.a, self.b.size)
        return Part(self.a, self.b, self.relax, options)

    def _product(self) -> Any:
        """A plan that is always there."""
        n, m = self.objective.shape
        if isinstance(self.relax, str):
            return FreeTarget(self.a, m)(np.zeros((n, m)))
        return self._step()(np.zeros((n, m)))

    def _below(self) -> _Below:
        """The third lower bound, for the plans that there are."""
        objective, alpha = self.objective, self.objective.alpha
        x, y, loss = objective.Cx, objective.Cy, objective.loss
        beat = self.monitor.tick
        if self.relax is None:
            tables = local_costs(x, y, self.a, self.b, loss)
        elif isinstance(self.relax, str):
            tables = [nearest_costs(x, y, self.a, loss, beat)]
        else:
            tables = [part_costs(x, y, self.a, self.relax, loss, beat)]
        best = _Below(-math.inf, tables[0][0], None)
        for D, slack in tables:
            costs = D if objective.M is None else alpha * D + (1.0 - alpha) * objective.M
            slack = alpha * slack + 4.0 * U * objective.largest()
            bound, plan = self._least(costs)
            bound -= slack
            if objective.M is None or float(objective.M.min()) >= 0.0:
                bound = max(0.0, bound)
            if bound > best.bound:
                best = _Below(bound, costs, plan)
        return best

    def _least(self, costs: FloatArray) -> tuple[float, SparsePlan | None]:
        """Lower bound of <costs, P> over the plans that there are, and such a plan."""
        if self.relax is None:
            found = transport_matrix(
                costs, x_weights=self.a, y_weights=self.b, callback=self._heard, throw=False
            )
            plan = found.plan if isinstance(found.plan, SparsePlan) else None
            return found.bounds.lower, plan
        if isinstance(self.relax, str):
            terms = self.a * costs.min(axis=1)
            rounding = 4.0 * U * math.fsum(np.abs(terms))
            return math.fsum(terms) - rounding, as_plan(self._step()(costs))
        part = partial_transport_matrix(
            costs,
            mass=self.relax,
            x_weights=self.a,
            y_weights=self.b,
            callback=self._heard,
            throw=False,
        )
        return part.bounds.lower, part.plan

    def _heard(self, progress: Any) -> bool:
        return self.monitor.asks_to_stop()

    def _starts(
        self, below: _Below, n_starts: int, rng: np.random.Generator
    ) -> Iterator[FloatArray]:
        """Costs whose best plans are the starts."""
        objective = self.objective
        share = self.relax if isinstance(self.relax, float) else 1.0
        weights = share * self.a, share * self.b
        if isinstance(self.relax, str):
            weights = self.a, np.full(self.b.size, 1.0 / self.b.size)
        yield objective.gradient(objective.product_image(*weights))
        if n_starts == 1:
            return
        yield below.costs
        plan = below.plan
        for _ in range(n_starts - 2):
            if plan is None or plan.n_entries == 0:
                i, j = int(rng.integers(self.a.size)), int(rng.integers(self.b.size))
            else:
                e = int(rng.choice(plan.n_entries, p=plan.mass / plan.mass.sum()))
                i, j = int(plan.rows[e]), int(plan.columns[e])
            costs, _ = losses_between(
                objective.Cx[:, i][:, None], objective.Cy[:, j], objective.loss
            )
            yield costs if objective.M is None else objective.gradient(costs)

    def _defect(self, plan: SparsePlan) -> float:
        mass = self.relax if isinstance(self.relax, float) else None
        return defect_of(plan, self.a, self.b, mass=mass, free=self.relax == "y")
