"""A law of solvers: statement, cases, and a check that measures how far an answer is off."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ..errors import InvalidInputError, UnsupportedProblemError
from ..solving import transport_matrix
from .answers import Answer, UnreadableAnswerError, read_answer
from .instances import Ground, Instance, kind_of
from .loading import SolverUnderTest

__all__ = [
    "Announce",
    "Call",
    "Finding",
    "Law",
    "NotApplicableError",
    "NotOfferedError",
    "Probe",
    "RefusedShapeError",
    "SolverRaisedError",
]


# Warnings of these kinds speak to the solver's authors, not about an answer.
_NOT_ABOUT_ANSWERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning)


class NotApplicableError(Exception):
    """The law says nothing about this solver or this case; the text says why."""


class NotOfferedError(NotApplicableError):
    """The solver does not return what the law speaks of, or does not take what it varies."""


class RefusedShapeError(NotApplicableError):
    """The solver does not run on shapes of this kind: another case is to be drawn."""


class SolverRaisedError(Exception):
    """The solver raised; the text is its exception."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One measurement: `miss` relative to the law's scale, and the sentence that explains it."""

    miss: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One law.

    Attributes
    ----------
    id : str
        Short name, as `marginals`.
    statement : str
        What must hold, in one line.
    cases : callable
        Ground -> Hypothesis strategy, or None where the solver's ground has no such cases.
    check : callable
        (probe, case) -> findings; the law is broken where a miss exceeds the tolerance.
    exact, regularised : bool
        Whether it binds exact and entropic solvers.
    examples : int or None
        Number of cases, where it is not the caller's.
    tolerance : float or None
        A tolerance that is looser than the caller's by nature (single precision).
    """

    id: str
    statement: str
    cases: Callable[[Ground], Any]
    check: Callable[[Probe, Any], Iterator[Finding]]
    exact: bool = True
    regularised: bool = False
    examples: int | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that a check made: the arrays as they were handed over."""

    arrays: tuple[Any, ...]
    recipe: str = ""
    """Code that makes the arrays, where they are too large to print."""
    epsilon: float | None = None
    """The regularisation, where it was handed over."""


Announce: TypeAlias = Callable[[tuple[Call, ...]], None]
"""Is told of each call before it is made, and of nothing, (), when it is back."""


@dataclass(slots=True, kw_only=True)
class Probe:
    """The solver under test, as checks see it: calls are recorded, warnings kept."""

    solver: SolverUnderTest
    regularised: bool = False
    refused: Collection[str] = ()
    """Kinds of shapes on which the solver does not run: they are not handed to it."""
    calls: list[Call] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    changed: bool = False
    announce: Announce | None = None

    def __call__(
        self,
        instance: Instance,
        convert: Callable[[Any], Any] = lambda array: array,
        *,
        epsilon: float | None = None,
    ) -> Answer:
        """Solve an instance on copies of its arrays, after `convert` (layout, precision).

        With an `epsilon` a solver that takes none is not called.
        """
        if epsilon is not None and not self.solver.takes_epsilon:
            raise NotOfferedError("a keyword epsilon")
        if (kind := kind_of(instance.shape)) in self.refused:
            raise RefusedShapeError(f"does not run on {kind}")
        if self.solver.ground.on_points:
            if instance.x is None:
                raise NotApplicableError("needs points, and this law has a bare cost matrix")
            originals: tuple[Any, ...] = (instance.a, instance.b, instance.x, instance.y)
        else:
            originals = (instance.a, instance.b, instance.C)
        kept = tuple(convert(np.array(array)) for array in originals)
        handed = tuple(_copy(array) for array in kept)
        self.calls.append(Call(arrays=kept, recipe=instance.recipe, epsilon=epsilon))
        if self.announce is not None:
            self.announce((self.calls[-1],))
        options = {} if epsilon is None else {"epsilon": epsilon}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                raw = self.solver.call(*handed, **options)
                d = None if instance.x is None else instance.x.shape[1]
                answer = read_answer(raw, instance.shape, d=d if len(handed) == 4 else None)
            except (NotImplementedError, UnsupportedProblemError) as refusal:
                raise NotApplicableError(str(refusal) or "the solver declines the case") from None
            except UnreadableAnswerError as error:
                raise SolverRaisedError(str(error)) from None
            except (Exception, SystemExit) as error:
                text = " ".join(str(error).split())
                raise SolverRaisedError(f"{type(error).__name__}: {text[:160]}") from None
            finally:
                for warning in caught:
                    if issubclass(warning.category, _NOT_ABOUT_ANSWERS):
                        continue
                    text = " ".join(str(warning.message).split())
                    self.warned.append(f"{warning.category.__name__}: {text[:160]}")
                if self.announce is not None:
                    self.announce(())
        self.changed = any(
            before.tobytes() != after.tobytes() for before, after in zip(kept, handed, strict=True)
        )
        return answer

    def value(self, instance: Instance) -> float:
        """Transport cost of the answer: <C, P> where there is a plan, else the stated value."""
        value = self(instance).transport_cost(instance.C)
        if value is None:
            raise NotOfferedError("a value or a plan")
        return value


def _copy(array: Any) -> Any:
    copy = np.array(array, order="K")
    copy.flags.writeable = array.flags.writeable
    return copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Proven enclosure of the optimum, and the sizes to which errors are compared."""

    lower: float
    upper: float
    size: float
    """<|C|, P> of an optimal plan: what a sum of that length can be held to."""
    spread: float
    """<|C|, a b'>: the cost of moving everything everywhere."""

    def scale(self, floor: float) -> float:
        """Unit of misses; `floor` bounds it below where the optimum is (nearly) 0."""
        return max(self.size, floor * self.spread) or 1.0


# A value of 0 is met to tolerance times this share of the mean cost; chosen by taste: at 1e-9, an
# error of 1e-12 of the mean cost passes.
FLOOR = 1e-3


def reference(instance: Instance) -> Reference:
    """Bounds proved from the instance by otdiv's certificates, whoever found plan and duals."""
    try:
        result = transport_matrix(
            instance.C, x_weights=instance.a, y_weights=instance.b, throw=False
        )
    except InvalidInputError as error:  # costs beyond float64: no such case is drawn on purpose
        raise NotApplicableError(str(error)) from None
    if result.plan is None:
        raise NotApplicableError("the case has no plan")
    plan = result.plan.toarray()
    moved = plan > 0.0
    size = float(np.abs(plan[moved] * instance.C[moved]).sum())
    finite = np.where(np.isfinite(instance.C), np.abs(instance.C), 0.0)
    spread = float(instance.a @ (finite @ instance.b))
    return Reference(lower=result.bounds.lower, upper=result.bounds.upper, size=size, spread=spread)
