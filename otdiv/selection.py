"""Which solver a problem gets, why, and what it will take."""

from __future__ import annotations

from dataclasses import dataclass

from .costs import PNormCost
from .errors import UnsupportedProblemError
from .problems import TransportProblem
from .results import Solver

__all__ = ["Choice", "preflight", "select_solver"]


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


def preflight(
    problem: TransportProblem, *, rtol: float | None = None, atol: float | None = None
) -> tuple[Choice, ...]:
    """Every solver that could take the problem, best first, with estimates; nothing is started.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    rtol, atol : float, optional
        Tolerances that will be asked of `solve`.

    Returns
    -------
    tuple of Choice

    Examples
    --------
    >>> from otdiv import TransportProblem, preflight
    >>> preflight(TransportProblem.from_matrix([[0.0, 1.0], [1.0, 0.0]]))[0].reason
    'a dense cost of 2 x 2 pairs'
    """
    from . import solvers

    n, m = problem.shape
    pairs = n * m
    size = max(n, m)
    choices = []
    if isinstance(problem.cost, PNormCost) and problem.source.d == 1 and problem.cost.power >= 1.0:
        choices.append(
            Choice(
                solver=solvers.Line(),
                reason="points on a line with a convex cost: the monotone plan is optimal",
                seconds=1e-5 + 2e-7 * (n + m),
                bytes=120 * (n + m),
            )
        )
    choices.append(
        Choice(
            solver=solvers.NetworkSimplex(),
            reason=f"a dense cost of {n} x {m} pairs",
            seconds=2e-4 + 1e-9 * pairs * size**0.5,
            bytes=(8 if isinstance(problem.cost, PNormCost) else 0) * pairs + 400 * (n + m),
        )
    )
    return tuple(choices)


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
        Tolerances that will be asked of `solve`.
    max_memory : int, optional
        Bytes that the solver may allocate.

    Returns
    -------
    Choice

    Raises
    ------
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
    choices = preflight(problem, rtol=rtol, atol=atol)
    for choice in choices:
        if max_memory is None or choice.bytes <= max_memory:
            return choice
    least = min(choices, key=lambda choice: choice.bytes)
    raise UnsupportedProblemError(
        f"no solver fits max_memory={max_memory} bytes; {type(least.solver).__name__} "
        f"needs about {least.bytes} bytes, the least of all"
    )
