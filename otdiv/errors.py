"""Every exception of the library; each carries the facts of its message as fields."""

from __future__ import annotations

from typing import Any

from ._text import for_terminal

__all__ = [
    "ConvergenceError",
    "InvalidInputError",
    "MassMismatchError",
    "MissingDependencyError",
    "OtdivError",
    "UnsupportedProblemError",
]


class OtdivError(Exception):
    """Base class of every exception that otdiv raises on purpose."""


class InvalidInputError(OtdivError, ValueError):
    """An argument breaks its requirement.

    Attributes
    ----------
    argument : str
        Name of the argument as the caller typed it.
    requirement : str
        What the argument must be.
    value : object
        What was found, or None where it has no short form.
    """

    def __init__(self, argument: str, requirement: str, value: object = None, where: str = ""):
        self.argument = argument
        self.requirement = requirement
        self.value = value
        self.where = where
        found = "" if value is None else f"; got {value}"
        place = f" {where}" if where else ""
        # Names of files and columns, of which some errors speak, may hold anything.
        super().__init__(for_terminal(f"`{argument}` must {requirement}{found}{place}"))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.argument, self.requirement, self.value, self.where)


class MassMismatchError(InvalidInputError):
    """The two measures of a balanced problem carry different masses.

    Attributes
    ----------
    source_mass, target_mass : float
        The two totals.
    """

    def __init__(self, source_mass: float, target_mass: float):
        self.source_mass = source_mass
        self.target_mass = target_mass
        super().__init__(
            "target",
            "carry the mass of `source` (relative difference at most 1e-9)",
            f"{target_mass!r} against {source_mass!r}",
            "(rescale one of them, or use `unbalanced_transport`)",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.source_mass, self.target_mass)


class UnsupportedProblemError(OtdivError, TypeError):
    """The call is well formed but not answered here; the text names what can answer it."""


class ConvergenceError(OtdivError, RuntimeError):
    """A solve did not reach what was asked of it; the best result so far is kept.

    Attributes
    ----------
    result : TransportResult
        Plan, potentials, bounds and status at the moment of stopping; still certified.
    """

    def __init__(self, message: str, result: Any = None):
        self.result = result
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.result)


class MissingDependencyError(OtdivError, ImportError):
    """An optional package is needed; the text holds the pip line that installs it."""

    def __init__(self, package: str, extra: str, purpose: str):
        self.package = package
        self.extra = extra
        self.purpose = purpose
        super().__init__(
            f"{purpose} needs the package `{package}`; "
            f"install it with: pip install 'otdiv[{extra}]'"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.package, self.extra, self.purpose)
