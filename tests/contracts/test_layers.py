"""The house keeps its direction: a module imports from lower layers or from its own package."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "otdiv"

# One row a layer, lowest first; rooms that share a row do not import each other unless listed in
# ORDERED, whose left side may be imported by its right side.
LAYERS = [
    {
        *("errors", "_text", "_typing", "_validation", "_labels", "_calling", "_frozen"),
        *("_memory", "_lazy", "_naming", "_optional", "_kernels"),
    },
    {"measures", "_laws", "costs", "problems", "plans"},
    {"_gibbs"},
    {"certificates", "results"},
    {"_rescaling", "_monitor"},
    {"entropic"},
    {"solvers"},
    {"selection", "solving", "maps"},
    {"distances", "divergences", "unbalanced"},
    {"testing", "critics", "conformance", "many"},
    {"plotting"},
    {"wgan", "theory", "tables"},
    {"cli"},
    {"__main__"},
]
ORDERED = [
    ("_text", "errors", "_labels", "_validation", "_optional"),
    ("errors", "_calling"),
    ("errors", "_memory"),
    ("_typing", "_validation"),
    ("measures", "costs", "problems", "plans"),
    ("measures", "_laws"),
    ("results", "certificates"),
    ("selection", "solving", "maps"),
    ("wgan", "theory"),
    ("divergences", "distances"),
    ("testing", "critics"),
    ("testing", "conformance"),
]
# A method `.plot()` forwards to the pictures; nothing else may look up.
FORWARDED = {"plotting"}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield pytest.param(path, name, parts[-1] == "__init__", id=name)


def imported(path: Path, name: str, is_package: bool):
    """Every module of otdiv that `path` imports, at the top or inside functions."""
    base = name.split(".") if is_package else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("otdiv"))
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                stem = base[: len(base) - node.level + 1]
            elif node.module and node.module.startswith("otdiv"):
                stem = []
            else:
                continue
            full = ".".join([*stem, *([node.module] if node.module else [])])
            if full == "otdiv":
                yield from (f"otdiv.{alias.name}" for alias in node.names)
            else:
                yield full


def layer_of(room: str) -> int:
    for level, rooms in enumerate(LAYERS):
        if room in rooms:
            return level
    raise AssertionError(f"room {room!r} stands in no layer: add it to LAYERS")


def may_import(importer: str, target: str) -> bool:
    if importer == target:
        return True
    if layer_of(target) < layer_of(importer):
        return True
    return any(
        importer in row and target in row and row.index(target) < row.index(importer)
        for row in ORDERED
    )


@pytest.mark.parametrize(("path", "name", "is_package"), list(modules()))
def test_module_imports_only_lower_layers(path, name, is_package):
    importer = room_of(name)
    if not importer:  # otdiv/__init__ is the table of contents of all layers
        return
    for module in imported(path, name, is_package):
        target = room_of(module)
        if not target or target.startswith("__"):  # the package itself: its version
            continue
        if target in FORWARDED and layer_of(importer) < layer_of(target):
            text = path.read_text()
            assert "def plot(" in text, f"{name} imports {module} outside a method .plot()"
            continue
        assert may_import(importer, target), f"{name} must not import {module}"


@pytest.mark.parametrize(
    ("path", "name", "is_package"), [m for m in modules() if "._kernels" in m.values[1]]
)
def test_kernels_import_nothing_of_otdiv(path, name, is_package):
    for module in imported(path, name, is_package):
        assert module.startswith("otdiv._kernels"), f"{name} imports {module}"


# What decides a number: the floors that a proof of it must not share.
SOLVING = {"entropic", "solvers", "selection", "solving"}


def test_certificates_know_no_solver():
    for path in (PACKAGE / "certificates").glob("*.py"):
        for module in imported(path, f"otdiv.certificates.{path.stem}", False):
            assert room_of(module) not in SOLVING, f"{path.stem} imports {module}"


def test_the_auditor_shares_no_arithmetic_with_what_it_audits():
    path = PACKAGE / "certificates" / "audit.py"
    found = set(imported(path, "otdiv.certificates.audit", False))
    # The nouns that it reads the question and the answer from; `proof` for its record alone.
    nouns = {"costs", "errors", "plans", "problems", "results"}
    assert found <= {f"otdiv.{noun}" for noun in nouns} | {"otdiv.certificates.proof"}
