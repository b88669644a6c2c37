"""What type checkers see of the lazy packages: a stub beside each `__init__.py`, made from it.

`python -m tests.stubs` writes them all; a test says when they are behind.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "otdiv"


def lazy_packages() -> list[Path]:
    """`__init__.py` of each package whose names are attached lazily."""
    return sorted(path for path in PACKAGE.rglob("__init__.py") if _arguments(path))


def lazy_names(path: Path) -> dict[str, str]:
    """Public name -> submodule that defines it, of one package; empty where it is not lazy."""
    arguments = _arguments(path)
    return arguments[1] if arguments else {}


def stub(path: Path) -> str:
    """The stub of one package: an import of each name from the file that defines it."""
    _, homes, *modules = _arguments(path)
    lines = [f"from .{home} import {name} as {name}" for name, home in homes.items()]
    lines += [f"from . import {name} as {name}" for name in (modules[0] if modules else ())]
    if "\n__version__ = " in path.read_text():
        lines.append("__version__: str")
    head = "# Made from the table in __init__.py by `python -m tests.stubs`."
    return "\n".join([head, *sorted(lines)]) + "\n"


def _arguments(path: Path) -> list[Any]:
    """What the package hands to `attach`; empty where it is not lazy."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "attach":
            return [None, *(ast.literal_eval(argument) for argument in node.args[1:])]
    return []


if __name__ == "__main__":
    for init in lazy_packages():
        init.with_suffix(".pyi").write_text(stub(init))
