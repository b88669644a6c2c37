"""Entropic transport: Newton on the dual, from coarse to fine and from smooth to sharp."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from .._rescaling import in_moderate_units
from .._typing import FloatArray
from .._validation import check_positive, check_positive_integer
from ..costs import PNormCost, SparseCost
from ..entropic.solve import solve_entropic
from ..errors import UnsupportedProblemError
from ..plans import Potentials
from ..problems import TransportProblem
from ..results import Forecast, Solution, SolveOptions, Status
from ._tightening import solve_to_tolerance

__all__ = ["Sinkhorn"]

# Sinkhorn() to a tolerance of 1e-3 at n = 1e4 took 1.3 s in the plane and 8.7 s in ten dimensions,
# on one core of a 2023 server: seconds of any solve; of an atom in few dimensions under squared and
# plain distances; of a pair of atoms in many; bytes of an atom, and of a stored plan.
_SECONDS = 1e-2
_FEW_DIMENSIONS = 3
_ATOM_SECONDS = 6e-5
_RAY_SECONDS = 2.4e-4
_PAIR_SECONDS = 9e-8
_ATOM_BYTES = 2500
_PLAN_BYTES = 5 * 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinkhorn:
    """Minimise <C, P> + epsilon KL(P | a⊗b / m) over plans with the marginals a and b of mass m.

    Stops when the L1 error of the marginals is at most `marginal_tolerance`, never after a fixed
    number of rounds. Euclidean, city-block and Chebyshev distances and squared Euclidean costs are
    computed on the fly in O(n + m) memory; other costs are stored as a matrix. Source and target in
    the other order give exactly the swapped answer.

    Attributes
    ----------
    epsilon : float, optional
        Regularisation, in the unit of the cost. None takes it from the `rtol` or `atol` of the
        solve: it falls, with a sparse simplex on the pairs that the potentials single out, until
        the bounds of unregularised transport meet the tolerance; the result's `message` names it.
    marginal_tolerance : float, default 1e-6
        L1 error of the marginals relative to the mass, at least 1e-14.
    max_iterations : int, default 1000
        Limit of Newton and Sinkhorn steps at the final epsilon.

    Raises
    ------
    InvalidInputError
        If a number is not positive, the tolerance is out of range, or neither epsilon nor the
        tolerance of a solve is given.

    Notes
    -----
    The result's `value` and `bounds` are those of unregularised transport: the plan repaired to the
    exact marginals from above, the c-transform of the potentials from below. The regularised
    problem's own value, bounds, marginal error and potentials are in `result.entropic`, where the
    formula is spelled out (`EntropicSummary`). Without an epsilon the
    potentials of points are guides, and their marginals are solved to 1e-2 only. An epsilon below
    what float64 resolves on the given costs ends with `Status.STALLED` and names the alternative;
    large finite costs of a matrix that no plan can use, which stand for forbidden pairs, do not
    count there.
    Points on Cartesian grids (images, also with pixels left out) are recognised.

    References
    ----------
    Cuturi (2013), Sinkhorn distances, arXiv:1306.0895. Brauer, Clason, Lorenz & Wirth (2017),
    arXiv:1710.06635. Schmitzer (2019), arXiv:1610.06519.

    Examples
    --------
    >>> from otdiv import solvers, transport
    >>> result = transport(
    ...     [0.0, 1.0], [0.0, 1.0], cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=0.1)
    ... )
    >>> result.bounds.lower, result.status.name
    (0.0, 'OPTIMAL')
    >>> result.entropic.marginal_error < 1e-6
    True
    >>> transport([0.0, 1.0], [0.5, 3.0], solver=solvers.Sinkhorn(), rtol=1e-6).value
    1.25
    """

    epsilon: float | None = None
    marginal_tolerance: float = 1e-6
    max_iterations: int = 1000

    def __post_init__(self) -> None:
        if self.epsilon is not None:
            object.__setattr__(self, "epsilon", check_positive("epsilon", self.epsilon))
        tolerance = check_positive("marginal_tolerance", self.marginal_tolerance)
        object.__setattr__(self, "marginal_tolerance", max(tolerance, 1e-14))
        check_positive_integer("max_iterations", self.max_iterations)

    def forecast(self, problem: TransportProblem, *, early: bool) -> Forecast | None:
        """Time and memory to a tolerance of 1e-3; None where no tolerance allows an early stop."""
        cost = problem.cost
        if not early or not isinstance(cost, PNormCost) or cost.norm != 2.0:
            return None
        n, m = problem.shape
        if cost.power not in (1.0, 2.0):
            return None
        if problem.source.d <= _FEW_DIMENSIONS:
            seconds = (_ATOM_SECONDS if cost.power == 2.0 else _RAY_SECONDS) * (n + m)
        else:
            seconds = _PAIR_SECONDS * n * m
        return Forecast(
            reason=f"{n} and {m} points and a tolerance: entropic potentials single out the pairs",
            seconds=_SECONDS + seconds,
            bytes=_ATOM_BYTES * (n + m) + min(8 * n * m, _PLAN_BYTES),
        )

    def run(self, problem: TransportProblem, *, options: SolveOptions) -> Solution:
        """Solve on the support of the weights and extend the potentials to the rest."""
        if isinstance(problem.cost, SparseCost):
            raise UnsupportedProblemError(
                "Sinkhorn takes no sparse cost; use solvers.NetworkSimplex(), or store all pairs: "
                "`CostMatrix(problem.matrix())` has inf for those that are forbidden"
            )
        if self.epsilon is None:
            run = functools.partial(
                solve_to_tolerance,
                marginal_tolerance=self.marginal_tolerance,
                max_iterations=self.max_iterations,
            )
            return in_moderate_units(problem, options, run)
        solved = solve_entropic(
            problem,
            self.epsilon,
            tolerance=self.marginal_tolerance,
            max_iterations=self.max_iterations,
            max_memory=options.max_memory,
            callback=options.callback,
            start=_start(problem, options),
        )
        if solved.status is Status.INFEASIBLE:
            return Solution(
                plan=None,
                potentials=None,
                n_iterations=solved.n_iterations,
                status=solved.status,
                infeasible_rows=solved.infeasible_rows,
                infeasible_columns=solved.infeasible_columns,
            )
        return Solution(
            plan=solved.transport_plan(problem),
            potentials=Potentials(f=solved.f, g=solved.g),
            n_iterations=solved.n_iterations,
            status=solved.status,
            entropic=solved.summary,
            message=solved.message,
        )


def _start(
    problem: TransportProblem, options: SolveOptions
) -> tuple[FloatArray, FloatArray] | None:
    warm = options.warm_start
    if warm is None or warm.potentials is None:
        return None
    f, g = warm.potentials.f, warm.potentials.g
    return (f, g) if (f.size, g.size) == problem.shape else None
