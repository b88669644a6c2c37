"""Settings of comparisons in a file: TOML, by the names of the command line's options."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .._text import for_terminal
from ..errors import InvalidInputError
from .gate import CHECKS, as_checks
from .tolerances import ALL_OTHERS

__all__ = ["Config", "find_config", "read_config"]

PYPROJECT = "pyproject.toml"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Config:
    """What a file says about comparisons.

    Attributes
    ----------
    arguments : dict
        Keyword arguments of `compare_tables`.
    fail_on : tuple of str
        Checks of `TableReport.gate`; empty where the file asks for none.
    path : Path
        The file.
    table : str
        Its table, "compare" or "tool.otdiv.compare".
    """

    arguments: Mapping[str, Any]
    fail_on: tuple[str, ...]
    path: Path
    table: str


def read_config(path: str | os.PathLike[str]) -> Config:
    """Read the settings of comparisons from a TOML file.

    They stand in its table `[compare]`, in a `pyproject.toml` in `[tool.otdiv.compare]`, and are
    called as the options of `otdiv compare`: columns, weights, units, kinds, delimiter, decimal,
    encoding, na, level, correction, tolerance, missing-tolerance, blocks, paired, permutations,
    rng, max-memory, fail-on. `units`, `kinds` and `tolerance` are tables by column; "*" in the last
    is every column without one of its own.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    Config

    Raises
    ------
    InvalidInputError
        If the file cannot be read, is not TOML or has no such table; if a name is not known, or a
        value is not of its kind.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from otdiv.tables import compare_tables, read_config
    >>> text = '''
    ... [compare]
    ... fail-on = ["differs", "schema"]
    ... units = { delay = "min" }
    ... tolerance = { delay = "5min", "*" = "0.1sd" }
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "otdiv.toml")
    ...     _ = path.write_text(text)
    ...     config = read_config(path)
    >>> config.arguments
    {'units': {'delay': 'min'}, 'tolerance': {'delay': '5min', '*': '0.1sd'}}
    >>> report = compare_tables({"delay": [1.0]}, {"delay": [2.0]}, **config.arguments)
    >>> report.gate(*config.fail_on).passed
    True
    """
    path = Path(path)
    settings, table = _settings(path)
    if settings is None:
        raise InvalidInputError("config", f"have a table [{table}]", str(path))
    return _config(settings, path, table)


def find_config(folder: str | os.PathLike[str]) -> Path | None:
    """Return the nearest `pyproject.toml` with settings: in a folder, or above it in its project.

    A project ends at the folder that holds `.git`; without one the folder itself is all of it.

    Parameters
    ----------
    folder : path
        Where to begin.

    Returns
    -------
    Path or None
        The file that has a table `[tool.otdiv.compare]`; None where there is none.

    Raises
    ------
    InvalidInputError
        If a `pyproject.toml` on the way cannot be read, is not TOML or has another table of otdiv.
    """
    start = Path(folder).absolute()
    above = [start, *start.parents]
    ends = [place for place, each in enumerate(above) if (each / ".git").exists()]
    for each in above[: ends[0] + 1 if ends else 1]:
        path = each / PYPROJECT
        if path.is_file() and _settings(path)[0] is not None:
            return path
    return None


def _settings(path: Path) -> tuple[Mapping[str, Any] | None, str]:
    """The table of settings in a file, None where it has none, and its name."""
    outer = ("tool", "otdiv") if path.name == PYPROJECT else ()
    content = _table(_parsed(path), outer)
    place = f"[{'.'.join(outer)}] of " if outer else ""
    _check_known(content or {}, {"compare"}, for_terminal(f"in {place}{path}"))
    return _table(content, ("compare",)), ".".join((*outer, "compare"))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInputError("config", "be a readable file", f"{path}: {reason}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError("config", "be TOML", f"{path}: {error}") from None


def _table(content: Mapping[str, Any] | None, keys: tuple[str, ...]) -> Mapping[str, Any] | None:
    """The table under some keys, None where there is none."""
    found: Any = content
    for key in keys:
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found if isinstance(found, Mapping) else None


def _check_known(names: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in names:
        if name not in known:
            listing = ", ".join(sorted(known))
            raise InvalidInputError(name, f"be one of {listing}", None, where)


class _Setting(NamedTuple):
    """A key of the file: the argument that it is, and what it may hold."""

    argument: str
    requirement: str
    is_valid: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or _is_whole(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_texts_by_column(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value.values()))


def _is_size(value: Any) -> bool:
    return _is_text(value) or _is_number(value)


def _is_tolerance(value: Any) -> bool:
    return _is_size(value) or (isinstance(value, Mapping) and all(map(_is_size, value.values())))


_BY_COLUMN = "be a table of texts by column"

_SETTINGS: dict[str, _Setting] = {
    "columns": _Setting("columns", "be a list of texts", _is_texts),
    "weights": _Setting("weights", "be a text", _is_text),
    "units": _Setting("units", _BY_COLUMN, _is_texts_by_column),
    "kinds": _Setting("kinds", _BY_COLUMN, _is_texts_by_column),
    "delimiter": _Setting("delimiter", "be a text", _is_text),
    "decimal": _Setting("decimal", "be a text", _is_text),
    "encoding": _Setting("encoding", "be a text", _is_text),
    "na": _Setting(
        "na", "be a text or a list of texts", lambda value: _is_text(value) or _is_texts(value)
    ),
    "level": _Setting("level", "be a number", _is_number),
    "correction": _Setting("correction", "be a text", _is_text),
    "tolerance": _Setting(
        "tolerance", "be a number or a text, or a table of them by column", _is_tolerance
    ),
    "missing-tolerance": _Setting("missing_tolerance", "be a number or a text", _is_size),
    "blocks": _Setting(
        "blocks",
        "be a column's name or a whole number of rows",
        lambda value: _is_text(value) or _is_whole(value),
    ),
    "paired": _Setting("paired", "be true or false", lambda value: isinstance(value, bool)),
    "permutations": _Setting("n_permutations", "be a whole number", _is_whole),
    "rng": _Setting("rng", "be a whole number", _is_whole),
    "max-memory": _Setting("max_memory", "be a whole number", _is_whole),
    "fail-on": _Setting("fail_on", f"be a list of {', '.join(CHECKS)}", _is_texts),
}


def _config(settings: Mapping[str, Any], path: Path, table: str) -> Config:
    where = for_terminal(f"in [{table}] of {path}")
    _check_known(settings, set(_SETTINGS), where)
    arguments = {}
    for name, value in settings.items():
        setting = _SETTINGS[name]
        if not setting.is_valid(value):
            raise InvalidInputError(name, setting.requirement, repr(value), where)
        arguments[setting.argument] = value
    fail_on = arguments.pop("fail_on", [])
    for check in fail_on:
        if check not in CHECKS:
            raise InvalidInputError("fail-on", _SETTINGS["fail-on"].requirement, check, where)
    tolerance = arguments.get("tolerance")
    if tolerance is not None and not isinstance(tolerance, Mapping):
        arguments["tolerance"] = {ALL_OTHERS: tolerance}
    return Config(
        arguments=arguments,
        fail_on=as_checks(fail_on) if fail_on else (),
        path=path,
        table=table,
    )
