"""Which solver a problem gets, why, and what it will take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ._calling import explains_calls
from ._validation import check_positive_integer, check_tolerance
from .costs import DerivedCost
from .errors import UnsupportedProblemError
from .problems import PROBLEM_OF_SAMPLES, TransportProblem, check_problem
from .results import Solver

__all__ = ["Choice", "preflight", "select_solver"]

# A forecast of more bytes than this is taken last where nothing is said of memory: a dense cost of
# many points is not stored unasked.
_UNASKED_BYTES = 4 * 10**9


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


@cache
def _candidates(names: tuple[str, ...]) -> tuple[Any, ...]:
    """Solvers of these names that forecast, with their defaults: frozen objects, made once."""
    from . import solvers

    classes = [getattr(solvers, name) for name in names]
    return tuple(solver() for solver in classes if hasattr(solver, "forecast"))


def _choices(problem: TransportProblem, tolerance: float | None) -> list[Choice]:
    """Solvers that forecast the problem, the quickest first."""
    from . import solvers

    if isinstance(problem.cost, DerivedCost):
        problem = problem.ground()[0]
    found = []
    for solver in _candidates(tuple(dir(solvers))):
        forecast = solver.forecast(problem, early=bool(tolerance))
        if forecast is not None:
            found.append((forecast.bytes > _UNASKED_BYTES, forecast.seconds, solver, forecast))
    return [
        Choice(
            solver=solver, reason=forecast.reason, seconds=forecast.seconds, bytes=forecast.bytes
        )
        for *_, solver, forecast in sorted(found, key=lambda row: row[:2])
    ]


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
