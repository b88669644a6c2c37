"""What is collected: a border only where its library is installed."""

from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
# Borders, and the libraries that their modules, and so their doctests, import.
BORDERS = {"torch": ("torch",), "jax": ("jax",), "dask": ("dask", "distributed")}
ON_A_CLUSTER = (ROOT / "otdiv" / "dask", ROOT / "tests" / "unit" / "dask")

_MISSING = [border for border, libraries in BORDERS.items() if not all(map(find_spec, libraries))]
collect_ignore = [str(ROOT / "otdiv" / border) for border in _MISSING]
if "dask" in _MISSING:
    collect_ignore += map(str, ON_A_CLUSTER)


@pytest.hookimpl(tryfirst=True)  # before `-m` is read
def pytest_collection_modifyitems(items):
    for item in items:
        if set(ON_A_CLUSTER) & set(item.path.parents):
            item.add_marker("dask")
