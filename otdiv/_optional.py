"""Optional packages: imported where they are used, with the pip line when they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import MissingDependencyError

__all__ = ["import_optional"]


def import_optional(module: str, *, extra: str, purpose: str) -> Any:
    """Import `module`, or say which extra of otdiv brings it.

    Parameters
    ----------
    module : str
        Dotted name of the module.
    extra : str
        The extra of otdiv that installs it.
    purpose : str
        What needs it: the beginning of the sentence that the error prints.

    Raises
    ------
    MissingDependencyError
        If the module's package is not installed. A package that is there but broken raises its own
        error.

    Examples
    --------
    >>> from otdiv._optional import import_optional
    >>> import_optional("json", extra="cli", purpose="reading JSON").loads("[1, 2]")
    [1, 2]
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingDependencyError(package, extra, purpose) from error
