"""What a solve returns: plan, potentials, bounds and the reason why it stopped."""

from __future__ import annotations

import enum
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol, TypeAlias

import numpy as np

from ._frozen import restore, seal
from ._typing import FloatArray, IndexArray
from .plans import Plan, Potentials
from .problems import TransportProblem

__all__ = [
    "Bounds",
    "Callback",
    "EntropicSummary",
    "Forecast",
    "Progress",
    "Solution",
    "SolveOptions",
    "Solver",
    "Status",
    "TransportResult",
    "Valued",
    "is_stop",
]


class Status(enum.Enum):
    """Why a solve stopped; each member says its likely causes and what to try."""

    OPTIMAL = "the solver met its own rule, and the bounds meet the tolerance that was asked"
    MAX_ITERATIONS = (
        "the iteration limit was reached first; raise `max_iterations`, or ask for a larger `rtol`"
    )
    STALLED = (
        "no further progress at float64 precision, or the proof does not close to the tolerance; "
        "ask for a larger `rtol`, a smaller `epsilon`, or use an exact solver"
    )
    STOPPED = (
        "the callback asked to stop, or `max_seconds` were over; plan and bounds are those of that "
        "moment"
    )
    INFEASIBLE = (
        "forbidden pairs leave no plan: some rows hold more mass than the columns that they may "
        "reach; see `infeasible_rows` and `infeasible_columns`"
    )
    NUMERICAL_ERROR = (
        "the arithmetic broke down (overflow or loss of all digits); rescale costs and weights"
    )

    def __repr__(self) -> str:
        return f"Status.{self.name}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Proven enclosure [lower, upper] of the unregularised optimum, rounding included."""

    lower: float
    upper: float

    @property
    def gap(self) -> float:
        """Width of the enclosure, in the unit of the value."""
        return 0.0 if self.lower == self.upper else self.upper - self.lower

    @property
    def relative_gap(self) -> float:
        """Gap over the larger magnitude of the bounds; 0 when both are 0."""
        if self.lower == self.upper:
            return 0.0
        scale = max(abs(self.lower), abs(self.upper))
        return math.inf if math.isinf(scale) else self.gap / scale

    def meets(self, rtol: float, atol: float) -> bool:
        """Whether upper - lower <= max(atol, rtol |upper|), and is finite."""
        return self.gap <= max(atol, rtol * abs(self.upper)) and self.gap < math.inf

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """State of a running solve as `callback` sees it; returning True from the callback stops."""

    iteration: int
    lower: float = -math.inf
    upper: float = math.inf
    epsilon: float | None = None
    marginal_error: float | None = None
    elapsed: float = 0.0


Callback: TypeAlias = Callable[[Progress], object]


def is_stop(answer: object) -> bool:
    """Whether the answer of a callback stops: True, of Python or of NumPy, and nothing else."""
    return answer is True or answer is np.True_


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveOptions:
    """What a caller asks of any solver; tolerances speak of the transport cost.

    `deadline` is the moment of `time.perf_counter` at which a run should end. The `callback` says
    so too, so that a solver which asks it now and then has nothing else to do.
    """

    rtol: float | None = None
    atol: float | None = None
    max_memory: int | None = None
    callback: Callback | None = None
    warm_start: TransportResult | None = None
    deadline: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntropicSummary:
    """The regularised problem of an entropic solve.

    With a and b of mass m it is

        min <C, P> + epsilon KL(P | a⊗b / m),    KL(P | Q) = sum P log(P / Q),

    over plans with the marginals a and b. The reference a⊗b / m has the mass of the plans, so KL
    is not negative, and the value, its bounds and terms are m times those of the weights a / m and
    b / m, while the potentials are the same. For m = 1 the reference is a⊗b.

    Attributes
    ----------
    epsilon : float
        Regularisation that was solved, in the unit of the cost.
    value : float
        Dual value of the potentials, in the unit of the cost times mass: the optimum up to
        `bounds`.
    bounds : Bounds
        Proven enclosure of the optimum of this regularised problem.
    marginal_error : float
        The larger L1 error of the two marginals, in the unit of the mass.
    terms : mapping of str to float
        "transport" <C, P> and "entropy", epsilon KL; they add up to `value`.
    f, g : arrays (n,) and (m,)
        Entropic potentials of all atoms, in the unit of the cost. The plan is

            P_ij = a_i exp((f_i + g_j - C_ij) / epsilon) b_j / m,

        and where it is not of a measure to itself sum a f = sum b g, which fixes the constant that
        may move from one to the other. Atoms without weight have the potential that one update
        gives them. Libraries that write P_ij = exp((f_i + g_j - C_ij) / epsilon) have
        f + epsilon log(a / m) and g + epsilon log b.
    """

    epsilon: float
    value: float
    bounds: Bounds
    marginal_error: float
    terms: Mapping[str, float]
    f: FloatArray = field(repr=False, compare=False)
    g: FloatArray = field(repr=False, compare=False)

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What a solver hands back, not yet certified.

    `plan` is None only with `Status.INFEASIBLE`, whose proof are the rows and columns: these rows
    reach only these columns, and hold more mass than they do. With `sorted_line`, plan and
    potentials are those of `problem.sorted_line()`: the proof reads them in the same order, and
    the driver brings them back into the caller's.
    """

    plan: Plan | None
    potentials: Potentials | None
    n_iterations: int
    status: Status
    entropic: EntropicSummary | None = None
    infeasible_rows: IndexArray | None = None
    infeasible_columns: IndexArray | None = None
    message: str = ""
    sorted_line: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a solver says of a problem before it starts.

    Attributes
    ----------
    reason : str
        Why the solver fits the problem.
    seconds : float
        CPU seconds of one thread, within a factor of about three on a 2023 server core.
    bytes : int
        Peak memory beside the problem itself.
    """

    reason: str
    seconds: float
    bytes: int


class Solver(Protocol):
    """A frozen object that holds its options and solves problems."""

    def run(self, problem: TransportProblem, *, options: SolveOptions) -> Solution:
        """Solve `problem` and say why it stopped."""
        ...


class Valued:
    """What has a `value`: ``float(result)`` is that number, ``f"{result:.3f}"`` its text."""

    __slots__ = ()

    value: float

    def __float__(self) -> float:
        return float(self.value)

    def __format__(self, format_spec: str) -> str:
        return format(float(self), format_spec) if format_spec else str(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TransportResult(Valued):
    """A certified transport.

    Attributes
    ----------
    problem : TransportProblem
    plan : SparsePlan, DensePlan or ScaledKernelPlan
        Feasible: its marginals are the weights, to rounding.
    potentials : Potentials
        Feasible dual pair (unit of the cost).
    value : float
        Unregularised cost of `plan`; always inside `bounds`.
    bounds : Bounds
        Proven enclosure of the optimum.
    status : Status
    n_iterations : int
        Iterations in the solver's own count (pivots, Newton steps, …).
    solver : Solver
        The object that solved it.
    entropic : EntropicSummary or None
        The regularised problem where one was solved.
    message : str
        The solver's remark, mostly empty.
    infeasible_rows, infeasible_columns : array or None
        Proof of infeasibility: these rows reach only these columns and hold more mass.
    """

    problem: TransportProblem
    plan: Plan | None
    potentials: Potentials | None
    value: float
    bounds: Bounds
    status: Status
    n_iterations: int
    solver: Any
    entropic: EntropicSummary | None = None
    message: str = ""
    infeasible_rows: IndexArray | None = field(default=None)
    infeasible_columns: IndexArray | None = field(default=None)

    __setstate__ = restore

    def __post_init__(self) -> None:
        if self.infeasible_rows is not None:
            seal(self)

    def save(self, path: str | os.PathLike[str] | BinaryIO) -> None:
        """Write the result to an `.npz` file without pickles, which `otdiv.load_result` reads.

        The problem, the plan, the potentials, the bounds and all else of it are plain arrays and a
        JSON header: `np.load(path)` shows them. Whoever reads the file proves the bounds anew.

        Parameters
        ----------
        path : str, path-like or binary file
            Where to write, by the name as it is given; a file of that name is replaced once the new
            one is complete. Something open for writing bytes is written to where it stands.

        Raises
        ------
        InvalidInputError
            If `path` is neither.
        UnsupportedProblemError
            If the plan is of a class, or of a problem, that files do not hold.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import io
        >>> from otdiv import load_result, transport
        >>> result, file = transport([0.0, 1.0], [0.5, 3.0]), io.BytesIO()
        >>> result.save(file)
        >>> load_result(io.BytesIO(file.getvalue())).value
        1.25
        """
        from .saving import save_result

        save_result(self, path)

    def __repr__(self) -> str:
        return (
            f"TransportResult(value={self.value:.12g}, bounds=[{self.bounds.lower:.12g}, "
            f"{self.bounds.upper:.12g}], relative_gap={self.bounds.relative_gap:.1e}, "
            f"status={self.status.name}, solver={type(self.solver).__name__})"
        )
