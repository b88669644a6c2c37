"""Which solver a problem gets, why, and what it will take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._calling import explains_calls
from ._validation import check_positive_integer, check_tolerance
from .costs import CostMatrix, PNormCost
from .errors import UnsupportedProblemError
from .problems import PROBLEM_OF_SAMPLES, TransportProblem, check_problem
from .results import Solver

__all__ = ["Choice", "preflight", "select_solver"]

# Measured on one core of a 2023 server at n = 500 to 8000 (dense) and 1000 to 1e5 (clouds).
_DENSE_SECONDS = 2.5e-8
_DENSE_BYTES = 1000
_MEANS_BYTES = 3
_LINE_SECONDS = 1.5e-7
_LINE_BYTES = 120
_CLOUD_SECONDS = 7e-7
_CLOUD_BYTES = 2500
# Sinkhorn() to a tolerance of 1e-3 at n = 1e4: 1.3 s in the plane, 8.7 s in ten dimensions. The
# exact solvers were faster in every case measured, so it comes after them.
_ENTROPIC_SECONDS = 6e-5
_ENTROPIC_PAIR_SECONDS = 9e-8
_ENTROPIC_PLAN_BYTES = 5 * 10**8

# Share of the time after which a proof to 1e-3 ended the solve (W1 of 2e4 points, dense costs).
_EARLY_STOP = 0.7

# From this many points on a side column generation beats the dense simplex, in dimensions where
# boxes prune; and above this many bytes a dense cost is not stored unasked.
_CLOUD_SIZE = 600
_PRUNED_DIMENSIONS = 3
_DENSE_LIMIT = 4 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A solver with the reason for it and estimates of its time and memory.

    Attributes
    ----------
    solver : Solver
    reason : str
        Why it fits the problem.
    seconds : float
        Estimated CPU seconds of one thread, within a factor of about three on a 2023 server core.
    bytes : int
        Estimated peak memory beside the problem itself.
    """

    solver: Solver
    reason: str
    seconds: float
    bytes: int


@explains_calls(PROBLEM_OF_SAMPLES)
def preflight(
    problem: TransportProblem, *, rtol: float | None = None, atol: float | None = None
) -> tuple[Choice, ...]:
    """Every solver that could take the problem, best first, with estimates; nothing is started.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    rtol, atol : float, optional
        Tolerances that will be asked of `solve`: an early stop with proof takes less time.

    Returns
    -------
    tuple of Choice

    Examples
    --------
    >>> from otdiv import TransportProblem, preflight
    >>> preflight(TransportProblem.from_matrix([[0.0, 1.0], [1.0, 0.0]]))[0].reason
    'a dense cost of 2 x 2 pairs'
    """
    check_problem(problem)
    rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
    return tuple(_choices(problem, rtol or atol))


def _choices(problem: TransportProblem, tolerance: float | None) -> Iterator[Choice]:
    """Solvers for the problem, best first; those that nobody asks for are not made."""
    from . import solvers

    share = _EARLY_STOP if tolerance else 1.0
    cost = problem.cost
    if isinstance(cost, CostMatrix):
        yield _dense(problem, share)
        return
    # Atoms without weight take no part in a solve.
    n, m = int(np.count_nonzero(problem.a)), int(np.count_nonzero(problem.b))
    d = problem.source.d
    if d == 1 and cost.power >= 1.0:
        yield Choice(
            solver=solvers.Line(),
            reason="points on a line with a convex cost: the monotone plan is optimal",
            seconds=2e-4 + _LINE_SECONDS * (n + m),
            bytes=_LINE_BYTES * (n + m),
        )
    few_dimensions = d <= _PRUNED_DIMENSIONS
    euclidean = cost.norm == 2.0 and cost.power in (1.0, 2.0)
    if (few_dimensions and max(n, m) >= _CLOUD_SIZE) or 8 * n * m > _DENSE_LIMIT:
        yield _cloud(problem, few_dimensions, share)
        yield _dense(problem, share)
    else:
        yield _dense(problem, share)
        yield _cloud(problem, few_dimensions, share)
    if tolerance and euclidean:
        yield _entropic(problem, few_dimensions)


def _entropic(problem: TransportProblem, few_dimensions: bool) -> Choice:
    from .solvers import Sinkhorn

    n, m = problem.shape
    assert isinstance(problem.cost, PNormCost)
    if few_dimensions:
        seconds = _ENTROPIC_SECONDS * (1.0 if problem.cost.power > 1.0 else 4.0) * (n + m)
    else:
        seconds = _ENTROPIC_PAIR_SECONDS * n * m
    return Choice(
        solver=Sinkhorn(),
        reason=f"{n} and {m} points and a tolerance: entropic potentials single out the pairs",
        seconds=1e-2 + seconds,
        bytes=_CLOUD_BYTES * (n + m) + min(8 * n * m, _ENTROPIC_PLAN_BYTES),
    )


def _dense(problem: TransportProblem, share: float) -> Choice:
    from .solvers import NetworkSimplex

    n, m = problem.shape
    matrix = (0 if isinstance(problem.cost, CostMatrix) else 8 * n * m) + _MEANS_BYTES * n * m
    return Choice(
        solver=NetworkSimplex(),
        reason=f"a dense cost of {n} x {m} pairs",
        seconds=2e-4 + share * _DENSE_SECONDS * n * m,
        bytes=matrix + _DENSE_BYTES * (n + m),
    )


def _cloud(problem: TransportProblem, few_dimensions: bool, share: float) -> Choice:
    from .solvers import ColumnGeneration

    n, m = problem.shape
    assert isinstance(problem.cost, PNormCost)
    if few_dimensions:
        hardness = 1.0 if problem.cost.power > 1.0 else 4.0
        seconds = _CLOUD_SECONDS * hardness * max(n, m) ** 1.4
        reason = f"{n} and {m} points in {problem.source.d} dimensions: boxes prune the pairs"
    else:
        seconds = 4.0 * _DENSE_SECONDS * n * m
        reason = f"{n} and {m} points: pairs are compared without storing them"
    return Choice(
        solver=ColumnGeneration(),
        reason=reason,
        seconds=1e-2 + share * seconds,
        bytes=_CLOUD_BYTES * (n + m),
    )


@explains_calls(PROBLEM_OF_SAMPLES)
def select_solver(
    problem: TransportProblem,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    max_memory: int | None = None,
) -> Choice:
    """Choose the first solver of `preflight` that fits the memory, and say why.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    rtol, atol : float, optional
        Tolerances that will be asked of `solve`: an early stop with proof takes less time.
    max_memory : int, optional
        Bytes that the solver may allocate.

    Returns
    -------
    Choice

    Raises
    ------
    InvalidInputError
        If an argument breaks its requirement.
    UnsupportedProblemError
        If nothing fits; the text names the least that would.

    Examples
    --------
    >>> from otdiv import DiscreteMeasure, Euclidean, TransportProblem, select_solver
    >>> p = DiscreteMeasure(points=[0.0, 1.0])
    >>> problem = TransportProblem(source=p, target=p, cost=Euclidean())
    >>> select_solver(problem).reason
    'points on a line with a convex cost: the monotone plan is optimal'
    """
    check_problem(problem)
    rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
    if max_memory is not None:
        max_memory = check_positive_integer("max_memory", max_memory)
    for choice in _choices(problem, rtol or atol):
        if max_memory is None or choice.bytes <= max_memory:
            return choice
    least = min(_choices(problem, rtol or atol), key=lambda choice: choice.bytes)
    raise UnsupportedProblemError(
        f"no solver fits max_memory={max_memory} bytes; {type(least.solver).__name__} "
        f"needs about {least.bytes} bytes, the least of all"
    )
