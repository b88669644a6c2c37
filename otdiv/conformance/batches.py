"""Solvers of many problems at once, held to the laws of solvers of one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .answers import read_answer

__all__ = ["BatchSolver"]


@dataclass(frozen=True, slots=True)
class BatchSolver:
    """Declares a solver of batches: `function(a, b, C)` of sequences of weights and of costs.

    It is called as a solver of one problem, and gets that problem twice among others of other
    shapes: the answers have to obey the laws in company, and to be the same in both places.

    Parameters
    ----------
    function : callable
        Weights and costs of B problems of any shapes -> a sequence of B answers, each as of any
        solver.

    Examples
    --------
    >>> from otdiv import transport_matrix_batch
    >>> from otdiv.conformance import BatchSolver, check_solver
    >>> def values(a, b, C):
    ...     return transport_matrix_batch(C, x_weights=a, y_weights=b, n_jobs=1).values
    >>> report = check_solver(BatchSolver(values), laws=["permutation"], examples=3)
    >>> [result.verdict.name for result in report.rows]
    ['HELD']
    """

    function: Callable[..., Any]

    def __call__(self, a: Any, b: Any, C: Any) -> Any:
        """Answer to one problem, from a batch of four."""
        mass = np.array([math.fsum(a)])
        others = [(b, a, np.ascontiguousarray(C.T)), (mass, mass, np.array([[3.0]]))]
        problems = [others[0], (a, b, C), others[1], (a.copy(), b.copy(), C.copy())]
        answers = self.function(*(list(part) for part in zip(*problems, strict=True)))
        if len(answers) != len(problems):
            raise ValueError(f"{len(answers)} answers to a batch of {len(problems)}")
        values = [read_answer(answers[k], C.shape).transport_cost(C) for k in (1, 3)]
        if values[0] != values[1] and not (values[0] != values[0] and values[1] != values[1]):
            first, second = values
            raise ArithmeticError(f"{first!r} in one place of a batch, and {second!r} in another")
        return answers[1]
