"""What is collected: a border only where its library is installed."""

from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
BORDERS = {"dask": ("dask", "distributed")}
FOLDERS = {
    ROOT / folder / border: border for border in BORDERS for folder in ("otdiv", "tests/unit")
}

collect_ignore = [
    str(folder)
    for folder, border in FOLDERS.items()
    if not all(find_spec(library) for library in BORDERS[border])
]


@pytest.hookimpl(tryfirst=True)  # before `-m` is read
def pytest_collection_modifyitems(items):
    for item in items:
        for folder in FOLDERS.keys() & set(item.path.parents):
            item.add_marker(FOLDERS[folder])
