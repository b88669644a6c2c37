"""From `package.module:function` to a callable, with the lines of code that import it."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import numpy as np

from ..costs import CostMatrix
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..problems import TransportProblem
from ..solving import solve
from .instances import Ground

__all__ = ["PointSolver", "SolverUnderTest", "load_solver", "under_test"]


@dataclass(frozen=True, slots=True)
class PointSolver:
    """Declares a solver that takes points: `function(a, b, x, y)` for the cost |x - y|**power.

    Parameters
    ----------
    function : callable
        Weights (n,), (m,) and points (n, d), (m, d) -> an answer as of any solver; a keyword
        `epsilon` is passed on where it has one.
    power : float, default 1
        Power of the Euclidean distance.

    Examples
    --------
    >>> from otdiv import transport
    >>> from otdiv.conformance import PointSolver
    >>> PointSolver(lambda a, b, x, y: transport(x, y, x_weights=a, y_weights=b)).power
    1.0
    """

    function: Callable[..., Any]
    power: float = 1.0

    def __call__(self, a: Any, b: Any, x: Any, y: Any, **options: Any) -> Any:
        """Call the function."""
        return self.function(a, b, x, y, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverUnderTest:
    """A callable with its name and the code that makes it."""

    call: Callable[..., Any]
    name: str
    code: str
    ground: Ground
    takes_epsilon: bool = False
    """Whether it can be called with a keyword `epsilon`."""


def load_solver(path: str) -> Callable[..., Any]:
    """Import a solver by its name.

    Parameters
    ----------
    path : str
        `package.module:function`. An object of `otdiv.solvers` (or its class, where it needs no
        arguments) serves as well.

    Returns
    -------
    callable
        Function of (a, b, C), or a `PointSolver`.

    Raises
    ------
    InvalidInputError
        If the path is not of that form, or nothing callable is found there.

    Examples
    --------
    >>> from otdiv.conformance import load_solver
    >>> load_solver("otdiv.solvers:NetworkSimplex")([1.0], [1.0], [[3.0]]).value
    3.0
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise InvalidInputError("solver", "have the form package.module:function", repr(path))
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise InvalidInputError(
            "solver", "name a module that imports", f"{path!r} ({error})"
        ) from (error)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise InvalidInputError(
                "solver", f"name something in {module}", f"{path!r} (no {part!r})"
            ) from None
    if isinstance(found, type) and hasattr(found, "run"):
        try:
            found = found()
        except TypeError as error:
            raise InvalidInputError(
                "solver", "name a solver that needs no arguments", f"{path!r} ({error})"
            ) from None
    if hasattr(found, "run") and not callable(found):
        return _Wrapped(found)
    if not callable(found):
        raise InvalidInputError("solver", "name a callable", f"{path!r}: {type(found).__name__}")
    return found  # type: ignore[no-any-return]  # getattr on a module is untyped


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """A solver object of otdiv as a function of (a, b, C)."""

    solver: Any

    def __call__(self, a: Any, b: Any, C: Any, **options: float) -> Any:
        # Not `from_matrix`, which takes weights as frequencies: here they carry their mass.
        source, target = (
            DiscreteMeasure(points=np.arange(float(len(w))), weights=np.asarray(w)) for w in (a, b)
        )
        problem = TransportProblem(source=source, target=target, cost=CostMatrix(np.asarray(C)))
        solver = replace(self.solver, **options) if options else self.solver
        return solve(problem, solver=solver)


def under_test(solver: Any, name: str | None = None) -> SolverUnderTest:
    """Give a callable or a path its name and its code."""
    if isinstance(solver, str):
        call = load_solver(solver)
        module, _, attribute = solver.partition(":")
        if isinstance(call, _Wrapped) or "." in attribute:
            code = f"from otdiv.conformance import load_solver\nsolver = load_solver({solver!r})"
        else:
            code = f"from {module} import {attribute} as solver"
        name = name or solver
    elif callable(solver) and not (isinstance(solver, type) and hasattr(solver, "run")):
        call, name, code = solver, name or _name(solver), _import_line(solver)
    elif hasattr(solver, "run") and not isinstance(solver, type):
        call, name = _Wrapped(solver), name or repr(solver)
        code = "solver = ...  # the solver under test"
    else:
        raise InvalidInputError(
            "solver", "be a callable (a, b, C) or package.module:function", repr(solver)
        )
    points = isinstance(call, PointSolver)
    ground = Ground(on_points=points, power=call.power if isinstance(call, PointSolver) else 1.0)
    return SolverUnderTest(
        call=call, name=name, code=code, ground=ground, takes_epsilon=_takes_epsilon(call)
    )


def _takes_epsilon(call: Any) -> bool:
    """Whether a callable has a parameter `epsilon` of that name, with a default."""
    if isinstance(call, _Wrapped):
        return is_dataclass(call.solver) and hasattr(call.solver, "epsilon")
    function = call.function if isinstance(call, PointSolver) else call
    try:
        parameter = inspect.signature(function).parameters.get("epsilon")
    except (TypeError, ValueError):  # a compiled function may not tell its parameters
        return False
    return parameter is not None and parameter.kind in _BY_NAME


def _name(solver: Any) -> str:
    inner = solver.function if isinstance(solver, PointSolver) else solver
    return str(getattr(inner, "__qualname__", type(inner).__name__))


def _import_line(solver: Any) -> str:
    module, name = getattr(solver, "__module__", None), getattr(solver, "__qualname__", "")
    if isinstance(module, str) and re.fullmatch(r"[A-Za-z_]\w*", name) and module != "__main__":
        return f"from {module} import {name} as solver"
    return "solver = ...  # the solver under test"
