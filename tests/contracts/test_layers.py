"""The house keeps its direction: a module imports from lower layers or from its own package."""

import ast
import importlib
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from tests.stubs import lazy_names

PACKAGE = Path(__file__).parents[2] / "otdiv"

# One row a layer, lowest first; rooms that share a row do not import each other unless listed in
# ORDERED, whose left side may be imported by its right side.
LAYERS = [
    {
        *("errors", "_text", "_typing", "_validation", "_labels", "_calling", "_frozen"),
        *("_memory", "_lazy", "_naming", "_optional", "_kernels", "_tree_search", "_arrays"),
    },
    {"measures", "mixtures", "_laws", "costs", "problems", "plans", "partial_problem"},
    {"_gibbs"},
    {"certificates", "results"},
    {"_rescaling", "_monitor", "_derived"},
    {"entropic"},
    {"solvers"},
    {"selection", "solving", "maps", "saving", "certifying"},
    {
        "distances",
        "barycenters",
        "divergences",
        "partial",
        "unbalanced",
        "diagrams",
        "gromov",
        "sources",
        "streaming",
    },
    {"testing", "critics", "conformance", "adapters", "many", "estimators", "inference"},
    {"plotting", "gradients"},
    {"wgan", "theory", "tables"},
    {"cli"},
    {"__main__"},
    {"torch", "jax", "dask"},  # borders: each imports its library, and nothing imports them
]
ORDERED = [
    ("_text", "errors", "_labels", "_validation", "_optional"),
    ("errors", "_arrays", "_validation"),
    ("errors", "_calling"),
    ("_naming", "_calling"),
    ("_naming", "_lazy"),
    ("errors", "_memory"),
    ("_typing", "_validation"),
    ("_kernels", "_tree_search"),
    ("measures", "costs", "problems", "plans"),
    ("measures", "mixtures", "_laws"),
    ("problems", "partial_problem"),
    ("costs", "partial_problem"),
    ("measures", "partial_problem"),
    ("results", "certificates"),
    ("_rescaling", "_derived"),
    ("partial", "gromov"),
    ("partial", "unbalanced"),
    ("partial", "diagrams"),
    ("selection", "solving", "maps"),
    ("wgan", "theory"),
    ("sources", "streaming", "divergences", "distances", "barycenters"),
    ("testing", "critics"),
    ("testing", "conformance"),
    ("estimators", "inference"),
]
# A method `.plot()` forwards to the pictures, and `.save()` to the files; nothing else may look up.
FORWARDED = {"plotting": "plot", "saving": "save"}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield pytest.param(path, name, parts[-1] == "__init__", id=name)


def imports_of(path: Path, name: str, is_package: bool) -> Iterator[tuple[str, list[str]]]:
    """Every import of `path`, at the top or inside functions: a module, and names out of it."""
    base = name.split(".") if is_package else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            stem = base[: len(base) - node.level + 1] if node.level else []
            full = ".".join([*stem, *([node.module] if node.module else [])])
            yield full, [alias.name for alias in node.names]


def imported(path: Path, name: str, is_package: bool) -> Iterator[str]:
    """Every module of otdiv that `path` imports, and each name that it takes from otdiv itself."""
    for module, names in imports_of(path, name, is_package):
        if module == "otdiv":
            yield from (f"otdiv.{each}" for each in names)
        elif module.startswith("otdiv."):
            yield module


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
            method = FORWARDED[target]
            assert f"def {method}(" in path.read_text(), f"{name} imports {module} outside {method}"
            continue
        assert may_import(importer, target), f"{name} must not import {module}"


def homes(module: str, name: str, rooms: set[str], tables: dict[str, dict[str, str]]) -> str:
    """The module that `from module import name` reads, through a lazy table of contents as well."""
    if f"{module}.{name}" in rooms:
        return f"{module}.{name}"
    home = tables.get(module, {}).get(name)
    return module if home is None else f"{module}.{home}"


def test_no_circle_is_left_between_modules():
    """Also none that only a type checker or a function at work would go round."""
    found = [module.values for module in modules()]
    rooms = {name for _, name, _ in found}
    tables = {name: lazy_names(path) for path, name, is_package in found if is_package}
    needs = {}
    for path, name, is_package in found:
        targets = {
            homes(module, each, rooms, tables)
            for module, names in imports_of(path, name, is_package)
            for each in names or [""]
        }
        looks_up = {f"otdiv.{room}" for room in FORWARDED if room != room_of(name)}
        needs[name] = {
            target
            for target in targets & rooms - {name, "otdiv"}  # of the package itself: its version
            if not target.startswith(tuple(looks_up))
        }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


KERNELS = [module for module in modules() if "._kernels" in module.values[1]]
# llvmlite is Numba's assembler.
BELOW_KERNELS = sys.stdlib_module_names | {"numpy", "numba", "llvmlite"}
# Python alone, with the reason in `otdiv/_kernels/__init__.py`; the decorators themselves.
NO_KERNELS = {"otdiv._kernels.threads", "otdiv._kernels.line.whole_numbers", "otdiv._kernels._jit"}


@pytest.mark.parametrize(("path", "name", "is_package"), KERNELS)
def test_kernels_stand_on_numba_alone(path, name, is_package):
    for module, _ in imports_of(path, name, is_package):
        own = f"{module}.".startswith("otdiv._kernels.")
        assert own or module.split(".")[0] in BELOW_KERNELS, f"{name} imports {module}"


@pytest.mark.parametrize("name", [m.values[1] for m in KERNELS if not m.values[2]])
def test_every_file_of_kernels_holds_one(name):
    module = importlib.import_module(name)
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, Dispatcher) and value.py_func.__module__ == name
    ]
    assert bool(own) != (name in NO_KERNELS), name
    if name in NO_KERNELS - {"otdiv._kernels._jit"}:
        reasons = importlib.import_module("otdiv._kernels").__doc__
        assert f"`{name.removeprefix('otdiv._kernels.').replace('.', '/')}`" in reasons


# A border is the room of a library that it is named after: nothing else imports the library, and
# nothing imports the border. Its imports are absolute, since a relative one reads like the library.
BORDERS = {"dask": {"dask", "distributed"}}


@pytest.mark.parametrize("border", BORDERS)
def test_a_border_alone_imports_its_library_and_is_not_imported(border):
    for module in modules():
        path, name, is_package = module.values
        inside = room_of(name) == border
        found = {each.split(".")[0] for each, _ in imports_of(path, name, is_package)}
        assert not found & BORDERS[border], f"{name}: `import_optional` says what is missing"
        if inside:
            tree = ast.walk(ast.parse(path.read_text()))
            assert not any(isinstance(node, ast.ImportFrom) and node.level for node in tree), name
        else:
            assert border not in map(room_of, imported(path, name, is_package)), name
            wanted = [f'import_optional("{library}' for library in BORDERS[border]]
            assert not any(call in path.read_text() for call in wanted), name


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
