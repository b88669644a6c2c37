"""What a user can import: complete, documented, light."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import otdiv
from tests.stubs import lazy_packages, stub

PUBLIC = [name for name in otdiv.__all__ if not name.startswith("__")]


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_exists_and_is_documented(name):
    value = getattr(otdiv, name)
    assert inspect.getdoc(value), f"{name} has no docstring"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_function_shows_an_example(name):
    value = getattr(otdiv, name)
    if inspect.isfunction(value):
        assert ">>>" in inspect.getdoc(value), f"{name} has no doctest"
        sections = ["Parameters", "Returns"] if inspect.signature(value).parameters else ["Returns"]
        for section in sections:
            inherited = "Parameters are those of" in inspect.getdoc(value)
            assert section in inspect.getdoc(value) or inherited, f"{name} lacks {section}"


def test_all_is_sorted_and_without_repeats():
    names = [name for name in otdiv.__all__ if name != "__version__"]
    assert names == sorted(set(names))


def test_no_public_name_is_also_a_module():
    """A submodule of that name would take its place as soon as somebody imports it."""
    for package in ("otdiv", "otdiv.distances", "otdiv.divergences", "otdiv.solvers"):
        module = importlib.import_module(package)
        rooms = {info.name for info in pkgutil.iter_modules(module.__path__)}
        public = {name for name in module.__all__ if not inspect.ismodule(getattr(module, name))}
        assert not rooms & public, package


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        otdiv.no_such_name  # noqa: B018  (the access is what is tested)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("js_divergance", "did you mean js_divergence"),
        ("wassertein1", "did you mean wasserstein1"),
        ("emd", "transport_matrix"),
        ("sinkhorn", r"solvers\.Sinkhorn"),
        ("wasserstein_distance", "wasserstein1"),
        ("NetworkSimplex", r"otdiv\.solvers"),
        ("torch", r"import otdiv\.torch"),
    ],
)
def test_names_of_other_libraries_and_misspelt_ones_say_what_is_meant(name, words):
    with pytest.raises(AttributeError, match=f"'{name}'; .*{words}"):
        getattr(otdiv, name)


@pytest.mark.parametrize("name", ["costs", "plotting"])
def test_public_modules_are_attributes_without_an_import(name):
    assert run_python(f"import otdiv; print(otdiv.{name}.__name__)") == f"otdiv.{name}"
    assert name in dir(otdiv)
    assert f"otdiv.{name}" in (Path(__file__).parents[2] / "README.md").read_text()


def test_the_first_field_of_a_noun_is_also_positional_and_no_other():
    nouns = [
        *("CostMatrix", "DensePlan", "DiscreteMeasure", "Gaussian", "PNormCost", "Potentials"),
        *("ScaledKernelPlan", "SparsePlan", "TransportProblem", "UnbalancedProblem"),
    ]
    for name in nouns:
        kinds = [p.kind for p in inspect.signature(getattr(otdiv, name)).parameters.values()]
        assert kinds[0] is inspect.Parameter.POSITIONAL_OR_KEYWORD, name
        assert all(kind is inspect.Parameter.KEYWORD_ONLY for kind in kinds[1:]), name


def test_import_loads_nothing_heavy():
    loaded = run_python("import sys, otdiv; print(*sys.modules)").split()
    heavy = {"numpy", "scipy", "numba", "matplotlib", "pandas", "hypothesis", "rich", "typer"}
    heavy |= {"torch", "jax", "cupy"}
    assert not heavy & set(loaded)


def test_a_distance_on_the_line_needs_no_scipy():
    code = (
        "import sys; from otdiv import wasserstein1; wasserstein1([0, 1], [1, 2]); "
        "print(*sys.modules)"
    )
    assert "scipy.stats" not in run_python(code).split()


def test_every_module_imports():
    optional = {"ot", "matplotlib", "torch", "jax", "dask", "distributed"}
    for module in pkgutil.walk_packages(otdiv.__path__, "otdiv."):
        if module.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            missing = getattr(error, "package", error.name)
            assert missing in optional, f"{module.name}: {error}"  # noqa: PT017


def test_no_mutable_state_is_shared_by_default_arguments():
    for name in PUBLIC:
        value = getattr(otdiv, name)
        if inspect.isfunction(value):
            for parameter in inspect.signature(value).parameters.values():
                assert not isinstance(parameter.default, list | dict | set), (name, parameter)


def test_options_are_keyword_only():
    """Data come first and positional, every option by name."""
    for name in PUBLIC:
        value = getattr(otdiv, name)
        if inspect.isfunction(value):
            for parameter in inspect.signature(value).parameters.values():
                if parameter.default is not inspect.Parameter.empty:
                    data = name == "barycentric_map" and parameter.name == "x"
                    keyword = parameter.kind is inspect.Parameter.KEYWORD_ONLY
                    assert keyword or data, (name, parameter)


@pytest.mark.parametrize("package", lazy_packages(), ids=lambda path: path.parent.name)
def test_type_checkers_see_every_public_name(package):
    """The stub of a lazy table of contents is what that table says: `python -m tests.stubs`."""
    assert package.with_suffix(".pyi").read_text() == stub(package)
