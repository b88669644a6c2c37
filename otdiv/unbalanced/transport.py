"""The call: solve at one epsilon after another until the bounds are close enough."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._typing import FloatArray
from .._validation import (
    as_weights,
    check_positive,
    check_positive_integer,
    describe,
    first_index,
)
from ..certificates.plan_sums import PlanSums
from ..certificates.staying import stay_put
from ..certificates.unbalanced import (
    Objective,
    UnbalancedEnclosure,
    enclose,
    enclose_fixed,
    plain_dual,
)
from ..costs import CostMatrix
from ..entropic.solve_unbalanced import UnbalancedSolve, UnbalancedSolver
from ..entropic.unbalanced_form import NormalForm
from ..errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from ..problems import TransportProblem
from ..results import Callback, Status
from .penalised import plain_bytes, solve_entropic, solve_plain
from .problem import UnbalancedProblem
from .reporting import Report
from .result import UnbalancedResult
from .watching import Watch

__all__ = ["unbalanced_transport"]

# For those who have samples where a problem is asked for.
_OF_SAMPLES = (
    "samples make a problem as `UnbalancedProblem(DiscreteMeasure(x, weights=a), "
    'target=DiscreteMeasure(y, weights=b), cost="sqeuclidean", reach=1.0)`'
)

# Without a given epsilon, it starts at this share of the smaller of cost and reach, and falls by
# this factor until the bounds are close enough.
_FIRST_EPSILON = 0.05
_TIGHTENING = 4.0
# Where potentials that do not meet their own conditions are most of the gap, the tolerance falls by
# this factor, as far as rounding allows.
_FINER, _FINEST = 1e-3, 1e-13
# A solve that did nothing made progress if it leaves less than this share of the gap before.
_PROGRESS = 0.9
# Of what a pair earns over both reaches: with KL its mass grows by the exponential of it, and
# penalties of masses of 1e43 still have their digits. By taste.
_MOST_GROWTH = 100.0
# Pairs up to which what annealing leaves is tried by the method of multipliers, in some seconds.
_FEW_PAIRS = 2**20
# Solves in a row whose gap is no better: then rounding is most of it.
_PATIENCE = 1


@keeps_arrays()
@explains_calls(_OF_SAMPLES)
def unbalanced_transport(
    problem: UnbalancedProblem,
    *,
    epsilon: float | None = None,
    reference: Any = None,
    rtol: float = 1e-3,
    marginal_tolerance: float = 1e-6,
    max_iterations: int = 1000,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    callback: Callback | None = None,
    throw: bool = True,
) -> UnbalancedResult:
    """Solve an unbalanced transport problem, with or without an entropic term.

    With `epsilon` the objective is, with the penalties of `UnbalancedProblem`,

        <C, P> + D_p(P 1 | a) + D_q(P' 1 | b) + epsilon KL(P | R),
        KL(p | q) = sum p log(p / q) - sum p + sum q.

    R is a⊗b by default, whose mass is the product of both masses, so the last term does not grow in
    proportion to them, unlike that of `solvers.Sinkhorn`, whose reference has the mass of the
    plans. Without `epsilon` the last term is absent. With "kl", one reach and costs that are not
    negative it is then only the method, and is made smaller until the bounds of the plain objective
    meet `rtol`, small problems then by the method of multipliers; "tv" is solved exactly, as
    partial transport; all others by the method of multipliers, mostly to ten digits, which holds
    some matrices (n, m).

    Parameters
    ----------
    problem : UnbalancedProblem
        n source atoms, m target atoms, a cost, a reach and a penalty.
    epsilon : float, optional
        Regularisation, in the unit of the cost.
    reference : pair of arrays (n,) and (m,), optional
        R = r⊗c with these positive r and c, each in the unit of mass as a and b are; only
        with `epsilon`. Ones give epsilon sum P log P - P, but for the constant epsilon n m. A
        matrix R is that of the costs C - epsilon log(R / (a⊗b)), but for the constant
        epsilon (|R| - |a⊗b|).
    rtol : float, default 1e-3
        Relative gap of the bounds that is asked for.
    marginal_tolerance : float, default 1e-6
        L1 error of the optimality conditions relative to the mass, at which a solve stops. It is
        made smaller where `rtol` needs that.
    max_iterations : int, default 1000
        Limit of steps of a solve.
    max_seconds : float, optional
        Time after which the best result so far has the status STOPPED.
    max_memory : int, optional
        Bytes that stored matrices may take.
    callback : callable, optional
        Receives a `Progress` from time to time; the search ends where it returns True.
    throw : bool, default True
        Raise where the status is not OPTIMAL; otherwise return it.

    Returns
    -------
    UnbalancedResult

    Raises
    ------
    ConvergenceError
        If the tolerance is not met and `throw` is True; it carries the result.
    InvalidInputError, UnsupportedProblemError
        If an argument breaks its requirement, or pairs are forbidden (infinite costs).

    References
    ----------
    Liero, Mielke & Savaré (2018), Optimal entropy-transport problems, arXiv:1508.07941. Chizat,
    Peyré, Schmitzer & Vialard (2018), Scaling algorithms for unbalanced optimal transport problems,
    arXiv:1607.05816. Séjourné, Feydy, Vialard, Trouvé & Peyré (2019), arXiv:1910.12958.

    Examples
    --------
    Two single atoms of mass 1 keep the mass exp(-C / (2 reach)):

    >>> import math
    >>> from otdiv import DiscreteMeasure, UnbalancedProblem, unbalanced_transport
    >>> p, q = DiscreteMeasure(points=[0.0]), DiscreteMeasure(points=[1.0])
    >>> problem = UnbalancedProblem(source=p, target=q, cost="sqeuclidean", reach=0.5)
    >>> result = unbalanced_transport(problem)
    >>> abs(result.mass - math.exp(-1.0)) < 1e-2
    True
    >>> 2 * 0.5 * (1 - math.exp(-1.0)) in result.bounds
    True

    Total variation moves all of it where that is cheaper than losing and making it, 0.5 + 0.5:

    >>> problem = UnbalancedProblem(p, target=q, cost="sqeuclidean", reach=0.5, penalty="tv")
    >>> unbalanced_transport(problem).value
    1.0
    """
    if not isinstance(problem, UnbalancedProblem):
        raise InvalidInputError(
            "problem", "be an UnbalancedProblem", describe(problem), f"({_OF_SAMPLES})"
        )
    rtol = check_positive("rtol", rtol)
    tolerance = check_positive("marginal_tolerance", marginal_tolerance)
    check_positive_integer("max_iterations", max_iterations)
    if isinstance(problem.cost, CostMatrix) and not np.isfinite(problem.cost.values).all():
        raise UnsupportedProblemError(
            "unbalanced_transport takes finite costs; a cost far above 2 * reach forbids a pair"
        )
    if epsilon is not None:
        epsilon = check_positive("epsilon", epsilon)
    _check_growth(problem, epsilon or 0.0)
    given = _as_reference(reference, problem, epsilon)
    watch = Watch(callback, max_seconds)
    if given is None and _is_plain_kl(problem):
        best, reason = _of_equal_reach(
            problem, epsilon, rtol, tolerance, max_iterations, max_memory, watch
        )
    else:
        with np.errstate(all="ignore"):
            if epsilon is None:
                best = solve_plain(problem, rtol, max_iterations, max_memory, watch)
            else:
                best = solve_entropic(
                    problem, epsilon, given, rtol, tolerance, max_iterations, watch
                )
        reason = f"a relative gap of {best.bounds.relative_gap:.2e} remains"
    if throw and best.status is not Status.OPTIMAL:
        raise ConvergenceError(
            f"unbalanced_transport ended with {best.status.name}: {reason}", best
        )
    return best


def _check_growth(problem: UnbalancedProblem, epsilon: float) -> None:
    """Raise where what a pair earns makes so much mass that no float holds it."""
    cost, (p, q) = problem.cost, problem.reaches
    if problem.penalty != "kl" or not isinstance(cost, CostMatrix):
        return
    least = float(cost.values.min())
    if -least > _MOST_GROWTH * (p + q + epsilon):
        requirement = (
            f'cost at least {-_MOST_GROWTH:g} times both reaches with penalty="kl", which lets '
            "mass grow by the exponential of what it earns"
        )
        i, j = (int(k) for k in np.argwhere(cost.values == least)[0])
        raise InvalidInputError("C", requirement, least, f"at index ({i}, {j})")


def _is_plain_kl(problem: UnbalancedProblem) -> bool:
    """Whether `NormalForm` knows the problem."""
    p, q = problem.reaches
    cost = problem.cost
    signed = isinstance(cost, CostMatrix) and cost.values.min() < 0.0
    return problem.penalty == "kl" and p == q and not signed


def _as_reference(
    reference: Any, problem: UnbalancedProblem, epsilon: float | None
) -> tuple[FloatArray, FloatArray] | None:
    """Two positive arrays, one entry an atom."""
    if reference is None:
        return None
    if epsilon is None:
        raise InvalidInputError("reference", "come with an `epsilon`", "no epsilon")
    if not isinstance(reference, tuple | list) or len(reference) != 2:
        requirement = "be a pair of arrays (n,) and (m,)"
        raise InvalidInputError("reference", requirement, describe(reference))
    found = []
    for part, side in zip(reference, (problem.source, problem.target), strict=True):
        array = as_weights("reference", part, side.n, normalize=False)
        if not (array > 0.0).all():
            raise InvalidInputError("reference", "be positive", 0.0, first_index(array <= 0.0))
        found.append(array)
    return found[0], found[1]


def _of_equal_reach(
    problem: UnbalancedProblem,
    epsilon: float | None,
    rtol: float,
    tolerance: float,
    max_iterations: int,
    max_memory: int | None,
    watch: Watch,
) -> tuple[UnbalancedResult, str]:
    """KL of one reach, costs that are not negative: any ratio of costs, masses, reach, epsilon."""
    (reach, _), measures = problem.reaches, (problem.source, problem.target)
    form = NormalForm(problem.normalized(), measures, reach, epsilon, max_memory)
    report = Report(problem, form, rtol)
    if form.problem is None:
        return report.nothing_moved(), ""
    found = _Search(form.problem, report, tolerance, max_iterations, max_memory, watch).run()
    best, _ = found
    if epsilon is not None or best.status in (Status.OPTIMAL, Status.STOPPED):
        return found
    # Closer than a plan with the width of an epsilon can be.
    n, m = problem.source.n, problem.target.n
    if n * m <= _FEW_PAIRS and (max_memory is None or plain_bytes(n, m) <= max_memory):
        with np.errstate(all="ignore"):
            closer = solve_plain(problem, rtol, max_iterations, max_memory, watch)
        if closer.bounds.gap < best.bounds.gap:
            return closer, f"a relative gap of {closer.bounds.relative_gap:.2e} remains"
    return found


class _Search:
    """One call on pairs that are worth moving, in the units of the normal form."""

    def __init__(
        self,
        problem: TransportProblem,
        report: Report,
        tolerance: float,
        max_iterations: int,
        max_memory: int | None,
        watch: Watch,
    ):
        self.problem, self.report, self.form = problem, report, report.form
        self.watch = watch
        self.max_iterations = max_iterations
        form, self.wanted = self.form, self.form.epsilon
        reference = 0.0 if self.wanted is None else form.log_reference
        self.solver = UnbalancedSolver(
            problem, form.reach, reference, form.largest, max_iterations, max_memory, self._asks
        )
        # Where the next solve begins.
        smaller = min(form.largest, form.reach) or form.reach
        self.epsilon = self.wanted or _FIRST_EPSILON * smaller
        self.tolerance = self.coarsest = tolerance
        self.start: tuple[FloatArray, FloatArray] | None = None
        # What was found.
        self.best: UnbalancedResult | None = None
        self.n_iterations, self.worse, self.last_gap = 0, 0, math.inf

    def run(self) -> tuple[UnbalancedResult, str]:
        """The best result, and why it is not better."""
        if self.wanted is None:
            self.best = self._stayed()
            if self.best is not None and self.best.status is Status.OPTIMAL:
                return self.best, ""
        while True:
            solve = self.solver.solve(self.epsilon, self.tolerance, self.start)
            self.n_iterations += solve.n_iterations
            result, residual = self._certified(solve)
            if self._is_at_floor(solve):
                return result, self._floor_reason(solve)
            best = self.best = self._better(result, residual)
            self.watch.knows(best.bounds.lower, best.bounds.upper)
            if self.watch.is_stopped and best.status is not Status.OPTIMAL:
                return replace(best, status=Status.STOPPED), "it was asked to stop"
            done = best.status is Status.OPTIMAL or self.worse > _PATIENCE
            if done or not (self._is_finer(solve, result, residual) or self._is_smaller(solve)):
                return best, (
                    f"a relative gap of {best.bounds.relative_gap:.2e} remains; ask for a larger "
                    "rtol"
                )

    def _asks(self, epsilon: float, n_iterations: int, error: float) -> bool:
        """Whether the caller wants the solve to end; `epsilon` in the unit of the form."""
        shown = float(self.form.from_unit(np.array(epsilon)))
        done = self.n_iterations + n_iterations
        return self.watch.asks_to_stop(done, epsilon=shown, marginal_error=error)

    # What is tried next

    def _is_finer(self, solve: UnbalancedSolve, result: UnbalancedResult, residual: float) -> bool:
        """Make the tolerance finer, if that is what the gap is owed to and floats allow."""
        finer = max(_FINER * self.tolerance, _FINEST, solve.floor / solve.epsilon * self.tolerance)
        # Light atoms count for little in the tolerance, and may yet bind the bounds of others.
        stuck = solve.n_iterations <= 1 and result.bounds.gap > _PROGRESS * self.last_gap
        self.last_gap, self.start = result.bounds.gap, (solve.f, solve.g)
        if finer <= 0.5 * self.tolerance and (residual > 0.5 or stuck):
            self.tolerance = finer
            return True
        return False

    def _is_smaller(self, solve: UnbalancedSolve) -> bool:
        """Make epsilon smaller, if it is only the method and floats resolve it."""
        if self.wanted is not None or not solve.converged:
            return False
        self.solver.look_closer(solve)
        self.epsilon /= _TIGHTENING
        # What was made finer for a larger epsilon may be finer than a smaller one resolves.
        resolved = self.solver.least_tolerance(self.epsilon)
        if resolved > self.coarsest:
            return False
        self.tolerance = max(self.tolerance, resolved)
        return True

    def _better(self, result: UnbalancedResult, residual: float) -> UnbalancedResult:
        """The result that meets what was asked, or has the smaller gap, of this and the best."""
        best = self.best
        if best is None:
            return result
        is_worse = result.bounds.gap > best.bounds.gap
        self.worse = self.worse + 1 if residual > 0.5 and is_worse else 0
        met = result.status is Status.OPTIMAL
        return result if met or result.bounds.gap <= best.bounds.gap else best

    def _is_at_floor(self, solve: UnbalancedSolve) -> bool:
        """Whether a larger epsilon was solved than was asked for."""
        return self.wanted is not None and solve.epsilon > self.wanted * (1.0 + 1e-12)

    def _floor_reason(self, solve: UnbalancedSolve) -> str:
        floor = float(self.form.from_unit(np.array(solve.floor)))
        return (
            f"epsilon is below {floor:.3g}, the least that float64 resolves on costs of "
            "this size, and that was solved instead"
        )

    # Bounds

    def _stayed(self) -> UnbalancedResult | None:
        """Where atoms of both measures coincide: the plan that moves nothing."""
        stay = stay_put(self.problem, self.form.reach)
        if stay is None:
            return None
        # Any epsilon gives the same plan: other pairs than those that cost nothing hold nothing.
        epsilon = self.form.reach
        enclosure = self._enclosed(stay.sums, stay.f, stay.g, self._objective(0.0))
        return self.report.result(
            enclosure, epsilon * stay.p, epsilon * stay.q, epsilon, cutoff=5e-324
        )

    def _certified(self, solve: UnbalancedSolve) -> tuple[UnbalancedResult, float]:
        """Result of a solve, and the share of its gap that is owed to its tolerance."""
        form = self.form
        objective = self._objective(0.0 if self.wanted is None else solve.epsilon)
        enclosure = self._enclosed(solve.sums, solve.f, solve.g, objective)
        if solve.fixed is not None and objective.epsilon > 0.0:
            upper, transport = solve.fixed.bounds.upper, solve.fixed.terms["transport"]
            enclosure = enclose_fixed(enclosure, upper, transport, objective)
        is_lost = self._is_at_floor(solve)
        if is_lost:
            # The optimum grows with epsilon: from that of no entropic term on.
            least = plain_dual(self.problem, solve.f, form.reach, form.rounding)
            enclosure = replace(enclosure, lower=least - form.cost_error)
        at_limit = not solve.converged and solve.n_iterations >= self.max_iterations
        result = self.report.result(
            enclosure,
            solve.f,
            solve.g,
            solve.epsilon,
            cutoff=form.cutoff if solve.explicit else math.inf,
            n_iterations=self.n_iterations,
            otherwise=Status.MAX_ITERATIONS if at_limit else Status.STALLED,
            is_lost=is_lost,
        )
        gap = enclosure.upper - max(enclosure.lower, 0.0)
        return result, enclosure.residual / gap if gap > 0.0 else 0.0

    def _objective(self, epsilon: float) -> Objective:
        form, entropic = self.form, epsilon > 0.0
        return Objective(
            reach=form.reach,
            epsilon=epsilon,
            log_reference=form.log_reference if entropic else 0.0,
            reference_error=form.reference_error if entropic else 0.0,
            largest=form.largest,
            cost_rounding=form.rounding,
            cost_error=form.cost_error,
        )

    def _enclosed(
        self, sums: PlanSums, f: FloatArray, g: FloatArray, objective: Objective
    ) -> UnbalancedEnclosure:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return enclose(self.problem, sums, f, g, objective)
