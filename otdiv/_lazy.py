"""Lazy re-exports (Scientific Python SPEC 1): a name's module is imported when it is asked for."""

from __future__ import annotations

import importlib
import sys
from types import MappingProxyType

# Spelled out, since importing `typing` takes longer than the rest of `import otdiv`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["attach"]


def attach(
    package: str,
    home: Mapping[str, str],
    modules: tuple[str, ...] = (),
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package.

    Parameters
    ----------
    package : str
        The package's `__name__`.
    home : mapping of str to str
        Public name -> submodule that defines it.
    modules : tuple of str
        Submodules that are public themselves.
    elsewhere : mapping of str to str
        Names that people look for here -> what to call instead, for the error.
    """
    names = sorted([*home, *modules])

    def __getattr__(name: str) -> Any:
        if name in home:
            value = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        elif name in modules:
            return importlib.import_module(f"{package}.{name}")
        else:
            hint = elsewhere.get(name) or _near(name, names)
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}{hint and '; '}{hint}"
            )
        # Found by the ordinary lookup from now on.
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        return names

    return __getattr__, __dir__, names


def _near(name: str, names: list[str]) -> str:
    """The public names that are nearest to one that is none; nothing for those of protocols."""
    if name.startswith("_"):
        return ""
    from ._naming import near_names  # only for an error

    near = near_names(name, names, most=3)
    return f"did you mean {', '.join(near)}?" if near else ""
