"""Unbalanced transport: mass may be lost or made at a price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ._calling import explains_calls, explains_construction
from ._frozen import restore, seal
from ._memory import check_room
from ._typing import FloatArray
from ._validation import check_positive, check_positive_integer, describe
from .certificates.unbalanced import (
    PlanSums,
    Shares,
    UnbalancedEnclosure,
    divergence_of_share,
    enclose,
    enclose_fixed,
    plain_dual,
    stay_put,
)
from .costs import Cost, CostMatrix, as_cost
from .entropic.solve_unbalanced import UnbalancedSolve, UnbalancedSolver
from .entropic.unbalanced_form import NormalForm
from .errors import ConvergenceError, InvalidInputError, UnsupportedProblemError
from .measures import DiscreteMeasure
from .plans import ArrayLikePlan, as_coo, entries_above
from .problems import TransportProblem
from .results import Bounds, Status, Valued

if TYPE_CHECKING:
    from scipy.sparse import coo_array

__all__ = ["UnbalancedPlan", "UnbalancedProblem", "UnbalancedResult", "unbalanced_transport"]

# For those who have samples where a problem is asked for.
_OF_SAMPLES = (
    "samples make a problem as `UnbalancedProblem(DiscreteMeasure(x, weights=a), "
    'target=DiscreteMeasure(y, weights=b), cost="sqeuclidean", reach=1.0)`'
)

# What to do where a plan is too large.
_ROWS = "`block` makes some rows of it"

# Without a given epsilon, it starts at this share of the smaller of cost and reach, and falls by
# this factor until the bounds are close enough.
_FIRST_EPSILON = 0.05
_TIGHTENING = 4.0
# Where potentials that do not meet their own conditions are most of the gap, the tolerance falls by
# this factor, as far as rounding allows.
_FINER, _FINEST = 1e-3, 1e-13
# A solve that did nothing made progress if it leaves less than this share of the gap before.
_PROGRESS = 0.9
# Solves in a row whose gap is no better: then rounding is most of it.
_PATIENCE = 1
# Rounding of the few operations between the bounds of the form and those of the caller; and that of
# a few weights that are added, whose square times the reach is all that equal measures may differ
# by: a gap of that size is none.
_ROUNDING, _WEIGHT_ROUNDING = 2.0**-49, 2.0**-45


@explains_construction
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UnbalancedProblem:
    """Move what is worth moving: min <C, P> + reach KL(P 1 | a) + reach KL(P' 1 | b) over P >= 0.

    KL(p | q) = sum p log(p / q) - p + q. Moving a unit of mass between two atoms is worth its price
    while the cost is below about twice the reach.

    Parameters
    ----------
    source, target : DiscreteMeasure
        Measures of n and m atoms; their masses may differ.
    cost : PNormCost or CostMatrix
        Ground cost, non-negative; a matrix has shape (n, m).
    reach : float
        Price of mass that is lost or made, in the unit of the cost. Where others give a length L
        and a cost of power p, it is L ** p.

    Raises
    ------
    InvalidInputError
        If shapes disagree, the reach is not positive and finite, or a cost is negative.
    """

    source: DiscreteMeasure
    _: KW_ONLY
    target: DiscreteMeasure
    cost: Cost
    reach: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", as_cost(self.cost))
        object.__setattr__(self, "reach", check_positive("reach", self.reach))
        for name in ("source", "target"):
            if not isinstance(getattr(self, name), DiscreteMeasure):
                found = type(getattr(self, name)).__name__
                raise InvalidInputError(name, "be a DiscreteMeasure", found)
        # The shapes and the size of the costs are checked as those of a balanced problem are.
        self.normalized()
        if isinstance(self.cost, CostMatrix) and self.cost.values.min() < 0.0:
            raise InvalidInputError("C", "be non-negative", float(self.cost.values.min()))

    @property
    def a(self) -> FloatArray:
        """Source weights (n,)."""
        return self.source.weights

    @property
    def b(self) -> FloatArray:
        """Target weights (m,)."""
        return self.target.weights

    def normalized(self) -> TransportProblem:
        """Both measures at mass one, as a balanced problem of the same costs."""
        sides = (
            DiscreteMeasure(points=side.points, weights=side.weights / side.mass)
            for side in (self.source, self.target)
        )
        source, target = sides
        return TransportProblem(source=source, target=target, cost=self.cost)

    def __repr__(self) -> str:
        return (
            f"UnbalancedProblem(n={self.source.n}, m={self.target.n}, cost={self.cost!r}, "
            f"reach={self.reach:g})"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnbalancedPlan(ArrayLikePlan):
    """Plan P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon) in factors.

    Pairs that cost `cutoff` or more hold nothing, nor do atoms whose partners all cost as much.
    Without an entropic term f and g are no more than such factors.
    """

    problem: UnbalancedProblem
    f: FloatArray
    g: FloatArray
    epsilon: float
    row_sums: FloatArray
    """Mass that leaves each source atom (n,)."""
    column_sums: FloatArray
    """Mass that arrives at each target atom (m,)."""
    cutoff: float = math.inf
    _form: NormalForm
    _exponents: tuple[FloatArray, FloatArray, float, float]

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.f.size, self.g.size

    def block(self, start: int, stop: int) -> FloatArray:
        """Rows start..stop-1 of the plan as (stop - start, m)."""
        n, m = self.shape
        form, (rows, columns, epsilon, cutoff) = self._form, self._exponents
        some, every = np.arange(*slice(start, stop).indices(n)), np.arange(m)
        C = form.block(every, some).T if form.swapped else form.block(some, every)
        # Logarithms: products of factors may be out of range where the plan is not.
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            plan = np.exp(rows[start:stop, None] + columns - C / epsilon)
        plan[(cutoff <= C) | np.isnan(plan)] = 0.0
        return plan

    def toarray(self) -> FloatArray:
        """Return the plan as an (n, m) array; 8 n m bytes."""
        n, m = self.shape
        check_room(8 * n * m, "the plan as an array", _ROWS)
        return self.block(0, n)

    def tocoo(self) -> coo_array:
        """Return the entries that are not 0 as a `scipy.sparse.coo_array` (n, m).

        They are found block by block, and are all n m of them unless epsilon is small.

        Raises
        ------
        UnsupportedProblemError
            If memory does not hold them.
        """
        return as_coo(*entries_above(self, 0.0, _ROWS), self.shape)

    def __repr__(self) -> str:
        return f"UnbalancedPlan(shape={self.shape}, epsilon={self.epsilon:g})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnbalancedResult(Valued):
    """An unbalanced transport with both bounds of its own objective.

    Attributes
    ----------
    problem : UnbalancedProblem
    value : float
        Objective of `plan`: the sum of `terms`, never below the optimum. Where the reach is far
        above the costs, of the plan that has `row_sums` and `column_sums` exactly; the entries
        have them up to the marginal tolerance.
    terms : mapping of str to float
        "transport" <C, P>, "source" and "target" (the two penalties), and "entropy",
        epsilon KL(P | a⊗b), 0 where no epsilon was asked. Each is non-negative.
    bounds : Bounds
        Of the optimum of that same objective: dual potentials from below, the plan from above.
    mass : float
        Mass of the plan.
    plan : UnbalancedPlan
    status : Status
    n_iterations : int
    """

    problem: UnbalancedProblem
    value: float
    terms: Mapping[str, float]
    bounds: Bounds
    mass: float
    plan: UnbalancedPlan
    status: Status
    n_iterations: int

    def __repr__(self) -> str:
        return (
            f"UnbalancedResult(value={self.value:.12g}, bounds=[{self.bounds.lower:.12g}, "
            f"{self.bounds.upper:.12g}], mass={self.mass:g}, status={self.status.name})"
        )


@explains_calls(_OF_SAMPLES)
def unbalanced_transport(
    problem: UnbalancedProblem,
    *,
    epsilon: float | None = None,
    rtol: float = 1e-3,
    marginal_tolerance: float = 1e-6,
    max_iterations: int = 1000,
    max_memory: int | None = None,
    throw: bool = True,
) -> UnbalancedResult:
    """Solve an unbalanced transport problem, with or without an entropic term.

    With `epsilon` the objective is

        <C, P> + reach KL(P 1 | a) + reach KL(P' 1 | b) + epsilon KL(P | a⊗b),
        KL(p | q) = sum p log(p / q) - sum p + sum q.

    The mass of a⊗b is the product of both masses, so the last term does not grow in proportion to
    them, unlike that of `solvers.Sinkhorn`, whose reference has the mass of the plans.
    Without it the last term is absent: it is then only the method, and is made smaller until the
    bounds of the plain objective meet `rtol`.

    Parameters
    ----------
    problem : UnbalancedProblem
        n source atoms, m target atoms, a cost and a reach.
    epsilon : float, optional
        Regularisation, in the unit of the cost.
    rtol : float, default 1e-3
        Relative gap of the bounds that is asked for.
    marginal_tolerance : float, default 1e-6
        L1 error of the optimality conditions relative to the mass, at which a solve stops. It is
        made smaller where `rtol` needs that.
    max_iterations : int, default 1000
        Limit of steps of a solve.
    max_memory : int, optional
        Bytes that a stored cost matrix may take.
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
    measures = problem.source, problem.target
    form = NormalForm(problem.normalized(), measures, problem.reach, epsilon, max_memory)
    run = _Run(problem, form, epsilon, rtol)
    if form.problem is None:
        best, reason = run.nothing_moved(), ""
    else:
        best, reason = run.solved(tolerance, max_iterations, max_memory)
    if throw and best.status is not Status.OPTIMAL:
        raise ConvergenceError(
            f"unbalanced_transport ended with {best.status.name}: {reason}", best
        )
    return best


class _Run:
    """One call: solves in the normal form, results in the caller's units."""

    def __init__(
        self, problem: UnbalancedProblem, form: NormalForm, epsilon: float | None, rtol: float
    ):
        self.problem, self.form, self.epsilon, self.rtol = problem, form, epsilon, rtol

    def solved(
        self, tolerance: float, max_iterations: int, max_memory: int | None
    ) -> tuple[UnbalancedResult, str]:
        """The best result, and why it is not better."""
        form, wanted = self.form, self.form.epsilon
        assert form.problem is not None
        if wanted is None:
            best = self._stayed()
            if best is not None and best.status is Status.OPTIMAL:
                return best, ""
        else:
            best = None
        reference = 0.0 if wanted is None else form.log_reference
        solver = UnbalancedSolver(
            form.problem, form.reach, reference, form.largest, max_iterations, max_memory
        )
        current = wanted or _FIRST_EPSILON * (min(form.largest, form.reach) or form.reach)
        start, n_iterations, coarsest, worse = None, 0, tolerance, 0
        last = math.inf
        while True:
            solve = solver.solve(current, tolerance, start)
            n_iterations += solve.n_iterations
            result, residual = self._certified(solve, n_iterations, max_iterations)
            if wanted is not None and solve.epsilon > wanted * (1.0 + 1e-12):
                floor = float(form.from_unit(np.array(solve.floor)))
                return result, (
                    f"epsilon is below {floor:.3g}, the least that float64 resolves on costs of "
                    "this size, and that was solved instead"
                )
            rounded = residual > 0.5 and best is not None and result.bounds.gap > best.bounds.gap
            worse = worse + 1 if rounded else 0
            best = result if best is None else _better(best, result)
            if best.status is Status.OPTIMAL or worse > _PATIENCE:
                break
            start = solve.f, solve.g
            finer = max(_FINER * tolerance, _FINEST, solve.floor / solve.epsilon * tolerance)
            # Light atoms count for little in the tolerance, and may yet bind the bounds of others.
            stuck = solve.n_iterations <= 1 and result.bounds.gap > _PROGRESS * last
            last = result.bounds.gap
            if finer <= 0.5 * tolerance and (residual > 0.5 or stuck):
                tolerance = finer
                continue
            if wanted is not None or not solve.converged:
                break
            solver.look_closer(solve)
            current /= _TIGHTENING
            # What was made finer for a larger epsilon may be finer than a smaller one resolves.
            resolved = solver.least_tolerance(current)
            if resolved > coarsest:
                break
            tolerance = max(tolerance, resolved)
        return best, (
            f"a relative gap of {best.bounds.relative_gap:.2e} remains; ask for a larger rtol"
        )

    def _stayed(self) -> UnbalancedResult | None:
        """Where atoms of both measures coincide: the plan that moves nothing."""
        form = self.form
        assert form.problem is not None
        stay = stay_put(form.problem, form.reach)
        if stay is None:
            return None
        f, g, p, q, sums = stay
        # Any epsilon gives the same plan: other pairs than those that cost nothing hold nothing.
        epsilon = form.reach
        enclosure = self._enclosed(sums, f, g, 0.0)
        return self._result(enclosure, epsilon * p, epsilon * q, epsilon, cutoff=5e-324)

    def _enclosed(
        self, sums: PlanSums, f: FloatArray, g: FloatArray, epsilon: float
    ) -> UnbalancedEnclosure:
        form = self.form
        assert form.problem is not None
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return enclose(
                form.problem,
                sums,
                f,
                g,
                reach=form.reach,
                epsilon=epsilon,
                log_reference=form.log_reference if epsilon > 0.0 else 0.0,
                reference_error=form.reference_error,
                largest=form.largest,
                cost_rounding=form.rounding,
                cost_error=form.cost_error,
            )

    def _certified(
        self, solve: UnbalancedSolve, n_iterations: int, max_iterations: int
    ) -> tuple[UnbalancedResult, float]:
        """Result of a solve, and the share of its gap that is owed to its tolerance."""
        form = self.form
        epsilon = 0.0 if form.epsilon is None else solve.epsilon
        enclosure = self._enclosed(solve.sums, solve.f, solve.g, epsilon)
        if solve.fixed is not None and epsilon > 0.0:
            enclosure = enclose_fixed(
                enclosure,
                solve.fixed.bounds.upper,
                solve.fixed.terms["transport"],
                epsilon=epsilon,
                log_reference=form.log_reference,
                reference_error=form.reference_error,
                cost_error=form.cost_error,
            )
        is_lost = form.epsilon is not None and solve.epsilon > form.epsilon * (1.0 + 1e-12)
        if is_lost:
            # The optimum grows with epsilon: from that of no entropic term on.
            assert form.problem is not None
            least = plain_dual(form.problem, solve.f, form.reach, form.rounding)
            enclosure = replace(enclosure, lower=least - form.cost_error)
        at_limit = not solve.converged and solve.n_iterations >= max_iterations
        result = self._result(
            enclosure,
            solve.f,
            solve.g,
            solve.epsilon,
            n_iterations=n_iterations,
            otherwise=Status.MAX_ITERATIONS if at_limit else Status.STALLED,
            cutoff=form.cutoff if solve.explicit else math.inf,
            is_lost=is_lost,
        )
        gap = enclosure.upper - max(enclosure.lower, 0.0)
        return result, enclosure.residual / gap if gap > 0.0 else 0.0

    def nothing_moved(self) -> UnbalancedResult:
        """Result where no pair is worth moving: all mass is lost on one side, made on the other."""
        none = np.empty(0)
        nothing = Shares(none, none)
        enclosure = UnbalancedEnclosure(
            lower=0.0,
            upper=0.0,
            transport=0.0,
            entropy=0.0,
            rows=nothing,
            columns=nothing,
            residual=0.0,
        )
        form = self.form
        return self._result(enclosure, none, none, form.epsilon or form.reach, cutoff=form.cutoff)

    def _result(
        self,
        enclosure: UnbalancedEnclosure,
        f: FloatArray,
        g: FloatArray,
        epsilon: float,
        *,
        cutoff: float,
        n_iterations: int = 0,
        otherwise: Status = Status.STALLED,
        is_lost: bool = False,
    ) -> UnbalancedResult:
        """Result in the caller's units from one in the unit of the form.

        `f`, `g` and `epsilon` make the plan, which has the mass of the geometric mean. `is_lost`
        says that its epsilon is not the one that was asked for.
        """
        form, moving = self.form, self.form.problem is not None
        a, b = form.source.shares, form.target.shares
        masses, lost, reach = form.masses, form.lost, form.reach
        mean = form.mean_mass() if moving else 0.0
        ratio = form.log_ratio() if moving else 0.0
        penalties = [
            reach * math.fsum([mass * _divergence(w, shares, change), gone])
            for mass, w, shares, change, gone in (
                (masses[0], a, enclosure.rows, ratio, lost[0]),
                (masses[1], b, enclosure.columns, -ratio, lost[1]),
            )
        ]
        apart = 0.0
        if self.epsilon is not None:
            assert form.epsilon is not None
            apart = (epsilon if is_lost else form.epsilon) * form.lost_pairs()
        if form.swapped:
            penalties = penalties[::-1]
        terms = {
            "transport": mean * enclosure.transport,
            "source": penalties[0],
            "target": penalties[1],
            "entropy": mean * enclosure.entropy + apart,
        }
        roots = math.sqrt(masses[0]) + math.sqrt(masses[1])
        unequal = form.mass_difference() / roots if moving else 0.0
        fixed = math.fsum([reach * unequal * unequal, reach * lost[0], reach * lost[1], apart])
        least = fixed - apart if is_lost else fixed
        lower = (mean * max(enclosure.lower, 0.0) + least) * (1.0 - _ROUNDING)
        upper = (mean * enclosure.upper + fixed) * (1.0 + _ROUNDING)
        nothing = (reach + (form.epsilon or 0.0)) * (sum(masses) + sum(lost)) * _WEIGHT_ROUNDING**2
        if not math.isfinite(upper) or math.isnan(lower):
            lower, upper, status = 0.0, math.inf, Status.NUMERICAL_ERROR
        else:
            met = Bounds(lower, upper).meets(self.rtol, nothing)
            status = Status.OPTIMAL if met and not is_lost else otherwise
        terms = {name: form.value_from_unit(term) for name, term in terms.items()}
        value = math.fsum(terms.values())
        if math.isinf(value):
            raise InvalidInputError(
                "reach",
                "keep the value within float64 for these masses",
                "an overflow (rescale the costs or the masses)",
            )
        bounds = Bounds(
            min(max(_next_below(form.value_from_unit(lower)), 0.0), value),
            max(_next_above(form.value_from_unit(upper)) if upper > 0.0 else 0.0, value),
        )
        return UnbalancedResult(
            problem=self.problem,
            value=value,
            terms=terms,
            bounds=bounds,
            mass=_ldexp(mean * math.fsum(a * enclosure.rows.share), form.mass_bits),
            plan=self._plan(enclosure, f, g, epsilon, cutoff, mean, ratio),
            status=status,
            n_iterations=n_iterations,
        )

    def _plan(
        self,
        enclosure: UnbalancedEnclosure,
        f: FloatArray,
        g: FloatArray,
        epsilon: float,
        cutoff: float,
        mean: float,
        ratio: float,
    ) -> UnbalancedPlan:
        form, problem = self.form, self.problem
        reference = form.log_reference if self.epsilon is not None else 0.0
        offset = 0.5 * (form.log_reference - reference)
        sides = []
        for h, other, side, shares, sign, by_column in (
            (f, g, form.source, enclosure.rows, -1.0, False),
            (g, f, form.target, enclosure.columns, 1.0, True),
        ):
            n = form.size(by_column=by_column)
            exponents, sums = np.full(n, -np.inf), np.zeros(n)
            exponents[side.kept] = (
                np.log(side.shares) + h / epsilon + 0.5 * (form.log_reference + reference)
            )
            with np.errstate(over="ignore", under="ignore"):
                sums[side.kept] = np.ldexp(side.shares * shares.share * mean, form.mass_bits)
            h = form.extended(h, other, by_column=by_column)
            h = form.from_unit(h + sign * ratio * form.reach - offset * epsilon)
            sides.append((h, exponents, sums))
        if form.swapped:
            sides = sides[::-1]
        (f, rows, row_sums), (g, columns, column_sums) = sides
        return UnbalancedPlan(
            problem=problem,
            f=f,
            g=g,
            epsilon=float(form.from_unit(np.array(epsilon))),
            row_sums=row_sums,
            column_sums=column_sums,
            cutoff=float(form.from_unit(np.array(cutoff))),
            _form=form,
            _exponents=(rows, columns, epsilon, cutoff),
        )


def _better(first: UnbalancedResult, second: UnbalancedResult) -> UnbalancedResult:
    """The result that meets what was asked, or has the smaller gap."""
    met = second.status is Status.OPTIMAL
    return second if met or second.bounds.gap <= first.bounds.gap else first


def _divergence(weights: FloatArray, shares: Shares, change: float) -> float:
    """KL(r | a) over the mass of a, where r are the shares of equal masses times exp(change)."""
    with np.errstate(over="ignore", invalid="ignore"):
        factor = np.exp(change)
        moved = Shares(shares.share * factor, shares.excess * factor + np.expm1(change))
    return math.fsum(weights * divergence_of_share(moved))


def _ldexp(value: float, bits: int) -> float:
    try:
        return math.ldexp(value, bits)
    except OverflowError:
        return math.inf


def _next_below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def _next_above(value: float) -> float:
    return math.nextafter(value, math.inf)
