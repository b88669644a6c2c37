"""Results in files: written without pickles, and proven anew when they are read.

A file is an `.npz` archive of plain arrays, which `np.load` reads, with one of them, `header`, a
JSON text in UTF-8. Nobody who hands on a file has to be believed: it is read by the few rules of
`_member` (no code runs, no array is larger than the file says), all that it says of the problem is
checked as a caller's input is, and its bounds count as far as plan and potentials prove them here.

An array is deflated where its beginning shrinks to half. Equal weights and the zeros of dense plans
shrink to a hundredth, and indices to a fifth or so; coordinates and potentials would shrink by a
twentieth and take ten times as long as all the rest of the work. No date goes into a file, so that
the same result makes the same bytes.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from . import __version__, certificates, costs, solvers
from ._memory import check_room
from ._typing import FloatArray, IndexArray
from ._validation import describe
from .certificates import Proof
from .certificates.transforms import c_transform_back
from .costs import Cost, CostMatrix, DerivedCost, PNormCost, ShapedCost, SparseCost
from .errors import InvalidInputError, UnsupportedProblemError
from .measures import DiscreteMeasure
from .plans import DensePlan, Plan, Potentials, ScaledKernelPlan, SparsePlan
from .problems import TransportProblem
from .results import Bounds, EntropicSummary, Status, TransportResult

__all__ = ["FORMAT_VERSION", "UnknownSolver", "load_result", "save_result"]

FORMAT = "otdiv transport result"
FORMAT_VERSION = 1
"""Raised by one where older readers would misread a file."""

File: TypeAlias = str | os.PathLike[str] | BinaryIO

_HEADER = "header"
# Types of the arrays: masses and coordinates, indices, text.
_FLOATS, _INDICES, _BYTES = "<f8", "<i8", "|u1"
# Arrays of each kind of plan; the numbers of a plan in factors are those of its constructor.
_FACTORS = ("f", "g", "row_scale", "column_scale", "row_rest", "column_rest")
# The start of an array in NumPy's format, version 1.0, and what it says of the array.
_MAGIC = b"\x93NUMPY\x01\x00"
_DESCRIPTION = re.compile(
    rb"\{'descr': '(<f8|<i8|\|u1)', 'fortran_order': (?:False|True), "
    rb"'shape': \(((?:\d{1,18}(?:, \d{1,18})?,?)?)\), \} *\n"
)
_ORIGIN = re.compile(r"-?[0-9a-f]+(/[0-9a-f]+)?")
# Lightest deflation; and the bytes that tell whether it is worth it, by taste.
_LEVEL, _SAMPLE = 1, 2**16
# Whatever zipfile and zlib raise on bytes that are no archive, besides this file's own complaints.
_UNREADABLE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError, OverflowError, KeyError, IndexError),
)
# Entropic plans of so many pairs are repaired anew in O(n + m) memory and time near that, instead
# of being summed pair by pair: some seconds.
_MANY_PAIRS = 10**8
# Roundings, as a share of the bounds or in slacks of the proof, by which a second proof of the same
# objects may differ on another machine.
_SHARE, _SLACKS = 1e-13, 4.0
# Share of its bounds by which the value of a regularised problem may be beside them by rounding.
_SUMMARY_SHARE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownSolver:
    """Stands for the solver of a result that was read, where it is none of `otdiv.solvers`.

    Attributes
    ----------
    name : str
        Name of its class.
    text : str
        What it printed of itself.
    """

    name: str
    text: str

    def __repr__(self) -> str:
        return self.text


class _Fault(Exception):  # noqa: N818  (becomes an InvalidInputError, which knows the file)
    """What is wrong with a file."""


class _FalseClaim(_Fault):
    """What is wrong with a readable file: it says more than it proves."""


# --- Writing --------------------------------------------------------------------------------------


def save_result(result: TransportResult, path: File) -> None:
    """Write a result to a file: `TransportResult.save`, which says more."""
    if not isinstance(result, TransportResult):
        raise InvalidInputError("result", "be a TransportResult", describe(result))
    header, arrays = _described(result)
    arrays = {_HEADER: np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)} | arrays
    with (
        _opened_to_write(path) as file,
        zipfile.ZipFile(file, "w", compresslevel=_LEVEL) as archive,
    ):
        for name, array in arrays.items():
            kind = {"f": _FLOATS, "i": _INDICES, "u": _BYTES}[array.dtype.kind]
            ordered = np.ascontiguousarray(array, dtype=kind).reshape(array.shape)
            member = zipfile.ZipInfo(f"{name}.npy")  # of the first date that archives know
            if _shrinks(ordered):
                member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, ordered, version=(1, 0), allow_pickle=False)


def _shrinks(array: np.ndarray) -> bool:
    """Whether deflating the beginning of an array takes half of it away."""
    sample = array.reshape(-1)[: _SAMPLE // array.itemsize].tobytes()
    return 2 * len(zlib.compress(sample, _LEVEL)) <= len(sample)


@contextlib.contextmanager
def _opened_to_write(path: File) -> Iterator[BinaryIO]:
    """A file to write to; one that is named takes its place when it is complete."""
    if not isinstance(path, str | os.PathLike):
        if not hasattr(path, "write") or isinstance(path, io.TextIOBase):
            raise InvalidInputError("path", "be a path or a binary file", describe(path))
        yield path
        return
    place = os.path.realpath(path)
    if os.path.exists(place) and not stat.S_ISREG(os.stat(place).st_mode):
        with open(place, "wb") as file:  # a pipe, or an error of a folder
            yield file
        return
    part = f"{place}.{os.getpid()}.part"
    try:
        with open(part, "wb") as file:
            yield file
        os.replace(part, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def _described(result: TransportResult) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a result."""
    problem, bounds = result.problem, result.bounds
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "otdiv": __version__,
        "cost": _kind_of_cost(problem.cost),
        "plan": None if result.plan is None else type(result.plan).__name__,
        "entropic": None if result.entropic is None else list(result.entropic.terms),
        "infeasible": result.infeasible_rows is not None,
        "origin": problem.origin and [_as_text(number) for number in problem.origin],
        "solver": _solver_described(result.solver),
        "status": result.status.name,
        "n_iterations": int(result.n_iterations),
        "message": str(result.message),
    }
    arrays: dict[str, Any] = {
        "x": problem.x,
        "x_weights": problem.source.weights,
        "y": problem.y,
        "y_weights": problem.target.weights,
        "value": np.array(result.value),
        "bounds": np.array([bounds.lower, bounds.upper]),
    }
    cost: Any = problem.cost
    if isinstance(cost, CostMatrix):
        arrays["C"] = cost.values
    elif isinstance(cost, SparseCost):
        arrays |= {"C": cost.values, "C_rows": cost.rows, "C_columns": cost.columns}
    elif isinstance(cost, PNormCost):
        arrays["norm"], arrays["power"] = np.array(cost.norm), np.array(cost.power)
    elif isinstance(cost, DerivedCost) and result.entropic is None:
        arrays |= _numbers_of_cost(cost)
    else:
        raise UnsupportedProblemError(f"files hold no result like this of {describe(cost)}")
    if result.plan is not None and result.potentials is not None:
        arrays |= _plan_arrays(problem, result.plan)
        arrays |= {"f": result.potentials.f, "g": result.potentials.g}
    if result.infeasible_rows is not None:
        arrays["infeasible_rows"] = result.infeasible_rows
        arrays["infeasible_columns"] = result.infeasible_columns
    if result.entropic is not None:
        found = result.entropic
        arrays |= {
            "entropic_epsilon": np.array(found.epsilon),
            "entropic_value": np.array(found.value),
            "entropic_bounds": np.array([found.bounds.lower, found.bounds.upper]),
            "entropic_marginal_error": np.array(found.marginal_error),
            "entropic_terms": np.array(list(found.terms.values()), dtype=np.float64),
            "entropic_f": found.f,
            "entropic_g": found.g,
        }
    return header, arrays


def _plan_arrays(problem: TransportProblem, plan: Plan) -> dict[str, Any]:
    if isinstance(plan, SparsePlan):
        return {"plan_rows": plan.rows, "plan_columns": plan.columns, "plan_mass": plan.mass}
    if isinstance(plan, DensePlan):
        return {"plan_mass": plan.mass}
    if isinstance(plan, ScaledKernelPlan) and plan.problem is problem:
        arrays: dict[str, Any] = {f"plan_{name}": getattr(plan, name) for name in _FACTORS}
        return arrays | {"plan_epsilon": np.array(plan.epsilon)}
    raise UnsupportedProblemError(
        "files hold a SparsePlan, a DensePlan, or a ScaledKernelPlan of the result's own problem; "
        f"this plan is {describe(plan)}"
    )


# The derived costs that files hold, with the fields that are numbers. A unit counts the names.
_COST_FIELDS: dict[str, tuple[str, ...]] = {
    "Cosine": (),
    "Geodesic": ("unit", "radius", "power"),
    "Huber": ("delta",),
    "Mahalanobis": ("covariance", "power"),
    "PNormCost": ("norm", "power"),
    "Periodic": ("period", "norm", "power"),
}
_UNITS = ("degrees", "radians")
_TRUNCATED = "Truncated "


def _kind_of_cost(cost: Cost) -> str:
    """The name of a cost in a file: of a truncated one with that of what is truncated."""
    if isinstance(cost, costs.Truncated):
        return _TRUNCATED + type(cost.cost).__name__
    return type(cost).__name__


def _numbers_of_cost(cost: Any) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    if isinstance(cost, costs.Truncated):
        arrays, cost = {"cost_limit": np.array(cost.limit)}, cost.cost
    if type(cost).__name__ not in _COST_FIELDS:
        raise UnsupportedProblemError(f"files hold no cost like {describe(cost)}")
    for name in _COST_FIELDS[type(cost).__name__]:
        value = getattr(cost, name)
        number = _UNITS.index(value) if name == "unit" else value
        array = np.array(number, dtype=np.float64)
        arrays[f"cost_{name}"] = array.reshape(-1) if name == "period" else array
    return arrays


def _derived_cost(kind: str, parts: _Parts) -> Cost | None:
    if kind.startswith(_TRUNCATED):
        inner = _derived_cost(kind.removeprefix(_TRUNCATED), parts)
        return inner and costs.Truncated(inner, limit=parts.number("cost_limit"))
    if kind not in _COST_FIELDS:
        return None
    values: dict[str, Any] = {}
    for name in _COST_FIELDS[kind]:
        if name == "covariance":
            values[name] = parts.numbers("cost_covariance", ndim=2)
        elif name == "period":
            period = parts.numbers("cost_period")
            values[name] = float(period[0]) if period.size == 1 else period
        else:
            values[name] = parts.number(f"cost_{name}")
    if "unit" in values:
        values["unit"] = _UNITS[int(values["unit"] != 0.0)]
    found: Cost = getattr(costs, kind)(**values)
    return found


def _solver_described(solver: Any) -> dict[str, Any]:
    name = type(solver).__name__
    if isinstance(solver, UnknownSolver):
        return {"name": solver.name, "text": solver.text}
    if name in dir(solvers) and type(solver) is getattr(solvers, name):
        options = {field.name: getattr(solver, field.name) for field in fields(solver)}
        return {"name": name, "options": {key: _plain(value) for key, value in options.items()}}
    return {"name": name, "text": repr(solver)}


def _plain(value: Any) -> Any:
    """A number of NumPy, which is no JSON, as Python's; all else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _as_text(number: Any) -> str:
    """An integer or a fraction of any length; Python converts hexadecimal digits without limit."""
    if isinstance(number, Fraction):
        return f"{number.numerator:x}/{number.denominator:x}"
    return f"{int(number):x}"


# --- Reading --------------------------------------------------------------------------------------


def load_result(path: File) -> TransportResult:
    """Read a transport result that `result.save` wrote, and prove its bounds anew.

    The bounds are taken again from the plan and the potentials in the file, with the certificates
    of `otdiv.certificates`. Each stated bound stands where that confirms it; one that is off by
    rounding (files come from other machines) is replaced by the proven one; and a file that states
    more than its plan and potentials prove is refused. The bounds of a regularised problem are
    proven from its potentials likewise, and replaced by the proven ones where those are wider.
    Status, message, numbers of iterations, the terms and the marginal error of an entropic summary
    and the options of the solver are what the file says.

    Parameters
    ----------
    path : str, path-like or binary file
        What was written. A file that is open has to be at its start.

    Returns
    -------
    TransportResult
        With the solver that made it, or an `otdiv.saving.UnknownSolver` where it is none of
        `otdiv.solvers`.

    Raises
    ------
    InvalidInputError
        If it is no such file, it is damaged or of a later version, or what it states is not proven.
    UnsupportedProblemError
        If it does not fit into memory.
    OSError
        If there is no such file, or it may not be read.

    Notes
    -----
    The proof takes one pass over all pairs or two, as that of a solve does; that of an entropic
    summary takes three more, and is left at what needs none beyond 1e9 pairs.

    Examples
    --------
    >>> import io
    >>> from otdiv import load_result, transport
    >>> result, file = transport([0.0, 1.0], [0.5, 3.0]), io.BytesIO()
    >>> result.save(file)
    >>> load_result(io.BytesIO(file.getvalue())).bounds == result.bounds
    True
    """
    with _opened_to_read(path) as file:
        try:
            return _read(file)
        except (_Fault, InvalidInputError) as fault:
            claim = isinstance(fault, _FalseClaim)
            requirement = (
                "hold a result whose plan and potentials prove what it states"
                if claim
                else "hold a transport result that otdiv saved"
            )
            raise InvalidInputError("path", requirement, _name(path), f"({fault})") from None


def _name(path: File) -> str:
    name = path if isinstance(path, str | os.PathLike) else getattr(path, "name", None)
    return repr(os.fspath(name)) if isinstance(name, str | os.PathLike) else describe(path)


@contextlib.contextmanager
def _opened_to_read(path: File) -> Iterator[BinaryIO]:
    """A file that can be read in any order."""
    if isinstance(path, str | os.PathLike):
        with open(path, "rb") as file:
            yield file if file.seekable() else io.BytesIO(file.read())
        return
    if not hasattr(path, "read") or isinstance(path, io.TextIOBase):
        raise InvalidInputError("path", "be a path or a binary file", describe(path))
    seekable = getattr(path, "seekable", None)
    yield path if seekable is not None and seekable() else io.BytesIO(path.read())


def _read(file: BinaryIO) -> TransportResult:
    try:
        with zipfile.ZipFile(file) as archive:
            arrays = _members(archive)
    except _UNREADABLE as error:
        raise _Fault(f"no readable archive: {type(error).__name__}: {error}") from None
    header = _Header(arrays.pop(_HEADER, None))
    parts = _Parts(arrays)
    problem = _problem(header, parts)
    plan = _plan(header, parts, problem)
    potentials = None
    if plan is not None:
        potentials = Potentials(
            f=parts.numbers("f", problem.shape[:1]), g=parts.numbers("g", problem.shape[1:])
        )
    lower, upper = parts.numbers("bounds", (2,)).tolist()
    stated = TransportResult(
        problem=problem,
        plan=plan,
        potentials=potentials,
        value=parts.number("value"),
        bounds=Bounds(lower, upper),
        status=header.status(),
        n_iterations=header.whole("n_iterations"),
        solver=_solver(header.mapping("solver")),
        entropic=_summary(header, parts, problem),
        message=header.text("message"),
        infeasible_rows=_atoms(header, parts, "rows", problem.shape[0]),
        infeasible_columns=_atoms(header, parts, "columns", problem.shape[1]),
    )
    parts.check_empty()
    return _proven(stated)


def _members(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    """All arrays of an archive, none of which may be more than the archive says."""
    entries = archive.infolist()
    check_room(
        2 * sum(entry.file_size for entry in entries),
        "the saved result",
        "read it on a larger machine",
    )
    arrays: dict[str, np.ndarray] = {}
    for entry in entries:
        name = entry.filename.removesuffix(".npy")
        if name == entry.filename or name in arrays:
            raise _Fault(f"{entry.filename!r} is no array, or there twice")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _Fault(f"{entry.filename!r} is compressed in a way that none of these files is")
        arrays[name] = _member(name, archive.read(entry))
    return arrays


def _member(name: str, data: bytes) -> np.ndarray:
    """The read-only array of one member in NumPy's format; nothing in it is evaluated."""
    start = len(_MAGIC) + 2
    if data[: len(_MAGIC)] != _MAGIC:
        raise _Fault(f"`{name}` is no array of NumPy's format 1.0")
    end = start + int.from_bytes(data[start - 2 : start], "little")
    found = _DESCRIPTION.fullmatch(data[start:end])
    if found is None:
        raise _Fault(f"`{name}` is no array of floats, indices or bytes")
    shape = tuple(int(size) for size in found[2].decode().split(",") if size.strip())
    dtype = np.dtype(found[1].decode())
    if math.prod(shape) * dtype.itemsize != len(data) - end:
        raise _Fault(f"`{name}` has {len(data) - end} bytes, which are not the shape {shape}")
    order: Any = "F" if b"'fortran_order': True" in found[0] else "C"
    return np.frombuffer(data, dtype=dtype, offset=end).reshape(shape, order=order)


class _Header:
    """The text of a file."""

    def __init__(self, encoded: np.ndarray | None):
        if encoded is None or encoded.dtype != np.uint8:
            raise _Fault("there is no header, so that it is of another origin")
        try:
            self.entries = json.loads(encoded.tobytes().decode())
        except (ValueError, RecursionError) as error:
            raise _Fault(f"its header is no JSON: {error}") from None
        if not isinstance(self.entries, dict) or self.entries.get("format") != FORMAT:
            raise _Fault("its header is of another format")
        version = self.whole("version")
        if version != FORMAT_VERSION:
            raise _Fault(
                f"its format is version {version}, and this otdiv, {__version__}, reads version "
                f"{FORMAT_VERSION}"
            )

    def _entry(self, name: str, *kinds: type) -> Any:
        value = self.entries.get(name)
        if type(value) not in kinds:
            raise _Fault(f"{name!r} of its header is {describe(value)}")
        return value

    def whole(self, name: str) -> int:
        value: int = self._entry(name, int)
        if value < 0:
            raise _Fault(f"{name!r} of its header is negative")
        return value

    def text(self, name: str) -> str:
        value: str = self._entry(name, str)
        return value

    def optional_text(self, name: str) -> str | None:
        value: str | None = self._entry(name, str, type(None))
        return value

    def flag(self, name: str) -> bool:
        value: bool = self._entry(name, bool)
        return value

    def mapping(self, name: str) -> Mapping[str, Any]:
        value: Mapping[str, Any] = self._entry(name, dict)
        return value

    def texts(self, name: str) -> list[str] | None:
        values: list[Any] | None = self._entry(name, list, type(None))
        if values is not None and not all(type(value) is str for value in values):
            raise _Fault(f"{name!r} of its header holds more than texts")
        return values

    def status(self) -> Status:
        name = self.text("status")
        if name not in Status.__members__:
            raise _Fault(f"'status' of its header is {name!r}")
        return Status[name]


class _Parts:
    """The arrays of a file, each of which is taken once."""

    def __init__(self, arrays: dict[str, np.ndarray]):
        self.arrays = arrays

    def _taken(self, name: str, dtype: str, shape: tuple[int, ...] | None, ndim: int) -> Any:
        array = self.arrays.pop(name, None)
        if array is None:
            raise _Fault(f"the array `{name}` is missing")
        fits = array.ndim == ndim if shape is None else array.shape == shape
        if array.dtype != np.dtype(dtype) or not fits:
            raise _Fault(f"`{name}` has dtype {array.dtype} and shape {array.shape}")
        # As the library computes with them: of this machine's byte order, in C order.
        native = np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("="))
        return native.reshape(array.shape)

    def numbers(self, name: str, shape: tuple[int, ...] | None = None, ndim: int = 1) -> FloatArray:
        found: FloatArray = self._taken(name, _FLOATS, shape, ndim)
        return found

    def number(self, name: str) -> float:
        return float(self.numbers(name, ()))

    def indices(self, name: str, size: int) -> IndexArray:
        found: IndexArray = self._taken(name, _INDICES, None, 1)
        if found.size and not (found.min() >= 0 and found.max() < size):
            raise _Fault(f"`{name}` holds other numbers than 0 to {size - 1}")
        return found

    def check_empty(self) -> None:
        if self.arrays:
            raise _Fault(f"the array {sorted(self.arrays)[0]!r} has no place in such a file")


def _problem(header: _Header, parts: _Parts) -> TransportProblem:
    source, target = (
        DiscreteMeasure(
            parts.numbers(side, ndim=2), weights=parts.numbers(f"{side}_weights", ndim=1)
        )
        for side in ("x", "y")
    )
    cost = _cost(header.text("cost"), parts, (source.n, target.n))
    problem = TransportProblem(source, target=target, cost=cost)
    return problem.counted_from(_origin(header.texts("origin"), source.d))


def _cost(kind: str, parts: _Parts, shape: tuple[int, int]) -> Cost:
    if kind == PNormCost.__name__:
        return PNormCost(parts.number("norm"), power=parts.number("power"))
    derived = _derived_cost(kind, parts)
    if derived is not None:
        return derived
    if kind == CostMatrix.__name__:
        return CostMatrix(parts.numbers("C", ndim=2))
    if kind == SparseCost.__name__:
        from scipy.sparse import coo_array

        values = parts.numbers("C", ndim=1)
        pairs = parts.indices("C_rows", shape[0]), parts.indices("C_columns", shape[1])
        if not values.size == pairs[0].size == pairs[1].size:
            raise _Fault("`C`, `C_rows` and `C_columns` differ in length")
        return SparseCost(coo_array((values, pairs), shape=shape))
    raise _Fault(f"its cost is {kind!r}, which this otdiv, {__version__}, does not know")


def _origin(texts: list[str] | None, d: int) -> tuple[Any, ...] | None:
    if texts is None:
        return None
    if len(texts) != d or not all(_ORIGIN.fullmatch(text) for text in texts):
        raise _Fault("'origin' of its header is no number for each axis")
    numbers: list[Any] = []
    for text in texts:
        above, _, below = text.partition("/")
        if below and not int(below, 16):
            raise _Fault("'origin' of its header divides by 0")
        numbers.append(Fraction(int(above, 16), int(below, 16)) if below else int(above, 16))
    return tuple(numbers)


def _plan(header: _Header, parts: _Parts, problem: TransportProblem) -> Plan | None:
    n, m = problem.shape
    kind = header.optional_text("plan")
    if kind is None:
        return None
    if kind == SparsePlan.__name__:
        rows, columns = parts.indices("plan_rows", n), parts.indices("plan_columns", m)
        if rows.shape != columns.shape:
            raise _Fault("`plan_rows` and `plan_columns` are of different lengths")
        mass = parts.numbers("plan_mass", rows.shape)
        return SparsePlan(rows, columns=columns, mass=mass, shape=problem.shape)
    if kind == DensePlan.__name__:
        return DensePlan(parts.numbers("plan_mass", problem.shape))
    if kind != ScaledKernelPlan.__name__:
        raise _Fault(f"its plan is {kind!r}, which this otdiv, {__version__}, does not know")
    epsilon = parts.number("plan_epsilon")
    if not 0.0 < epsilon < math.inf:
        raise _Fault(f"`plan_epsilon` is {epsilon}")
    # Names of rows and of columns in turn.
    f, g, row_scale, column_scale, row_rest, column_rest = (
        parts.numbers(f"plan_{name}", (size,))
        for name, size in zip(_FACTORS, (n, m) * 3, strict=True)
    )
    if min(part.min() for part in (row_scale, column_scale, row_rest, column_rest)) < 0.0:
        raise _Fault("a factor of the plan is negative")
    return ScaledKernelPlan(
        problem,
        f=f,
        g=g,
        epsilon=epsilon,
        row_scale=row_scale,
        column_scale=column_scale,
        row_rest=row_rest,
        column_rest=column_rest,
    )


def _summary(header: _Header, parts: _Parts, problem: TransportProblem) -> EntropicSummary | None:
    names = header.texts("entropic")
    if names is None:
        return None
    if len(set(names)) != len(names):
        raise _Fault("'entropic' of its header names a term twice")
    lower, upper = parts.numbers("entropic_bounds", (2,)).tolist()
    epsilon = parts.number("entropic_epsilon")
    if not 0.0 < epsilon < math.inf:
        raise _Fault(f"`entropic_epsilon` is {epsilon}")
    terms = parts.numbers("entropic_terms", (len(names),)).tolist()
    return EntropicSummary(
        epsilon=epsilon,
        value=parts.number("entropic_value"),
        bounds=Bounds(lower, upper),
        marginal_error=parts.number("entropic_marginal_error"),
        terms=dict(zip(names, terms, strict=True)),
        f=parts.numbers("entropic_f", problem.shape[:1]),
        g=parts.numbers("entropic_g", problem.shape[1:]),
    )


def _atoms(header: _Header, parts: _Parts, side: str, size: int) -> IndexArray | None:
    return parts.indices(f"infeasible_{side}", size) if header.flag("infeasible") else None


def _solver(described: Mapping[str, Any]) -> Any:
    """The solver of that name with its options; no other code than that of `otdiv.solvers` runs."""
    name, options = described.get("name"), described.get("options")
    if type(name) is not str:
        raise _Fault(f"its solver is {describe(name)}")
    if options is None:
        text = described.get("text")
        if type(text) is not str:
            raise _Fault(f"its solver is {describe(text)}")
        return UnknownSolver(name=name, text=text)
    if name not in dir(solvers):
        raise _Fault(f"its solver is {name!r}, which this otdiv, {__version__}, does not know")
    known = getattr(solvers, name)
    plain = isinstance(options, dict) and all(
        type(value) in (int, float, bool, type(None)) for value in options.values()
    )
    if not plain or not options.keys() <= {field.name for field in fields(known)}:
        raise _Fault(f"{describe(options)} are no options of {name}")
    return known(**options)


# --- The proof anew -------------------------------------------------------------------------------


def _proven(stated: TransportResult) -> TransportResult:
    """The result with what its plan and potentials prove; raise where it states more."""
    problem, plan, potentials = stated.problem, stated.plan, stated.potentials
    if plan is None or potentials is None:
        return _without_plan(stated)
    if stated.status is Status.INFEASIBLE or stated.infeasible_rows is not None:
        raise _FalseClaim("it has a plan, and states that there is none")
    try:
        proof = _certificate(problem, plan, potentials, stated.bounds)
        scale = max(abs(proof.bounds.lower), abs(proof.bounds.upper))
        rounding = _SLACKS * proof.slack + _SHARE * scale
        rounding = rounding if math.isfinite(rounding) else 0.0
        bounds = _confirmed(stated.bounds, proof.bounds, rounding)
        if stated.status is Status.OPTIMAL and not math.isfinite(bounds.upper):
            raise _FalseClaim("it is stated to be optimal, without a finite bound")
        value = stated.value
        # What the upper bound adds to the value is the rounding of whoever computed it.
        off, unsure = abs(value - proof.value), max(stated.bounds.upper - value, 0.0)
        if not (value == proof.value or off <= rounding + unsure):
            raise _FalseClaim(f"its value is stated to be {value!r}, and is {proof.value!r}")
        entropic = _proven_summary(stated.entropic, proof)
        if _prove(problem, potentials, bounds.lower - rounding):
            proof = replace(proof, potentials=potentials)
    finally:
        problem.forget()
    return replace(
        stated,
        plan=proof.plan,
        potentials=proof.potentials,
        value=value if off <= rounding and value in bounds else proof.value,
        bounds=bounds,
        entropic=entropic,
    )


def _certificate(
    problem: TransportProblem, plan: Plan, potentials: Potentials, stated: Bounds
) -> Proof:
    n, m = problem.shape
    if isinstance(plan, ScaledKernelPlan) and n * m > _MANY_PAIRS:
        # What repair added once is left to repair: it then looks at ranges of pairs alone.
        plan = replace(plan, row_rest=np.zeros(n), column_rest=np.zeros(m))
    proof = certificates.prove(problem, plan, potentials)
    if not stated.lower <= proof.bounds.lower:
        # Where nearly all mass stays in place only exact arithmetic proves anything.
        feasible, lower = certificates.exact_lower(problem, potentials)
        if proof.bounds.lower < lower <= proof.value:
            bounds = Bounds(lower, proof.bounds.upper)
            return replace(proof, potentials=feasible, bounds=bounds)
    return proof


def _confirmed(stated: Bounds, proven: Bounds, rounding: float) -> Bounds:
    """Stated bounds where they are proven, or the proven ones where it is rounding that is missing.

    Raise for more, and for what is no number.
    """
    off = max(stated.lower - proven.lower, proven.upper - stated.upper)
    confirmed = stated.lower <= proven.lower and proven.upper <= stated.upper
    if not (confirmed or off <= rounding):
        raise _FalseClaim(
            f"it states the bounds [{stated.lower!r}, {stated.upper!r}], and proves "
            f"[{proven.lower!r}, {proven.upper!r}]"
        )
    return Bounds(min(stated.lower, proven.lower), max(stated.upper, proven.upper))


def _prove(problem: TransportProblem, potentials: Potentials, lower: float) -> bool:
    """Whether potentials are feasible as they stand, and prove a lower bound but for rounding.

    Those of a proof are: one side is the c-transform of the other.
    """
    f, g = potentials.f, potentials.g
    if not (np.isfinite(f).all() and np.isfinite(g).all()):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        if not float(problem.a @ f) + float(problem.b @ g) >= lower:
            return False
    return bool(
        (g <= certificates.c_transform(problem, f)).all()
        or (f <= c_transform_back(problem, g)).all()
    )


def _proven_summary(stated: EntropicSummary | None, proof: Proof) -> EntropicSummary | None:
    """The summary with stated bounds where its potentials prove them, and else the proven ones."""
    if stated is None:
        return None
    finite = math.isfinite(proof.bounds.upper)
    proven = certificates.regularised_bounds(
        proof.problem,
        Potentials(f=stated.f, g=stated.g),
        stated.epsilon,
        plan=proof.plan if finite else None,
        lower=proof.bounds.lower,
    )
    lower, upper = stated.bounds.lower, stated.bounds.upper
    if not (lower <= proven.upper and proven.lower <= upper and lower <= upper):
        raise _FalseClaim(
            f"it states the bounds [{lower!r}, {upper!r}] of the regularised problem, and proves "
            f"[{proven.lower!r}, {proven.upper!r}]"
        )
    bounds = Bounds(min(lower, proven.lower), max(upper, proven.upper))
    off = max(bounds.lower - stated.value, stated.value - bounds.upper)
    if not off <= bounds.gap + _SUMMARY_SHARE * max(abs(bounds.lower), abs(bounds.upper)):
        raise _FalseClaim(
            f"it states the value {stated.value!r} of the regularised problem, and proves "
            f"[{bounds.lower!r}, {bounds.upper!r}]"
        )
    return replace(stated, bounds=bounds)


def _without_plan(stated: TransportResult) -> TransportResult:
    """A result of a problem that has no plan, or of a solver that found none."""
    problem, bounds = stated.problem, stated.bounds
    rows, columns = stated.infeasible_rows, stated.infeasible_columns
    if stated.entropic is not None or stated.status is Status.OPTIMAL:
        raise _FalseClaim("it states to be solved, without a plan")
    if stated.status is Status.INFEASIBLE:
        if rows is None or columns is None:
            raise _FalseClaim("it states that there is no plan, and does not say why")
        if not certificates.infeasibility_holds(problem, rows, columns):
            raise _FalseClaim("it states that there is no plan, which its rows do not prove")
        proven = Bounds(math.inf, math.inf)
    else:
        lower = 0.0 if isinstance(problem.cost, PNormCost | ShapedCost) else -math.inf
        proven = Bounds(lower, math.inf)
    if bounds != proven or stated.value != math.inf:
        raise _FalseClaim(f"it states the bounds {bounds}, and proves {proven} and no value")
    return stated
