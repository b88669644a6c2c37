"""A first call waits for the compiler: no kernel is compiled twice, and machine code is kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otdiv._kernels import _jit

pytestmark = pytest.mark.slow

COUNT = """
import sys
import numpy as np
from numba.core.dispatcher import Dispatcher
from otdiv import solvers, transport, transport_matrix
from otdiv.costs import Euclidean

rng = np.random.default_rng(0)
{lines}
for name, module in sorted(sys.modules.items()):
    if name.startswith("otdiv._kernels"):
        for kernel in vars(module).values():
            if isinstance(kernel, Dispatcher) and kernel.py_func.__module__ == name:
                for signature in kernel.signatures[1:]:
                    print(name, kernel.py_func.__name__, kernel.signatures[0], signature)
"""

CALLS = {
    "points": """
for d, n in ((2, 700), (3, 300), (2, 300)):
    transport(rng.random((n, d)), rng.random((n, d)), solver=solvers.ColumnGeneration())
""",
    "dense": """
for n in (30, 300):
    x, y = rng.normal(size=(n, 5)), rng.normal(size=(n, 5))
    transport(x, y, solver=solvers.NetworkSimplex())
    transport_matrix(Euclidean().pairwise(x, y), solver=solvers.NetworkSimplex())
""",
}


@pytest.mark.parametrize("name", CALLS)
def test_every_kernel_is_compiled_for_one_signature(name):
    script = COUNT.format(lines=CALLS[name])
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files, and no other that can be written to."""
    writable = _jit._is_writable
    monkeypatch.setattr(_jit.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(_jit, "_is_writable", lambda at: tmp_path in at.parents and writable(at))
    monkeypatch.setattr(_jit._SETTINGS, "CACHE_DIR", "")
    return tmp_path


def test_a_private_temporary_folder_stands_in_for_a_cache_that_is_read_only(temporary):
    cached, folder = _jit._cache_folder()
    assert cached
    assert Path(folder).parent == temporary
    assert _jit._cache_folder() == (True, folder)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no owner or mode here")
def test_a_temporary_folder_that_others_may_write_to_is_not_trusted(temporary):
    (temporary / f"otdiv-numba-{os.getuid()}").mkdir()
    (temporary / f"otdiv-numba-{os.getuid()}").chmod(0o777)
    assert _jit._cache_folder() == (False, None)


def test_without_any_writable_folder_kernels_are_compiled_by_every_process(temporary, monkeypatch):
    monkeypatch.setattr(_jit, "_is_writable", lambda at: False)
    assert _jit._cache_folder() == (False, None)
    monkeypatch.setattr(_jit, "_CACHED", False)
    assert _jit.kernel(lambda x: x + 1)(1) == 2


KERNELS = Path(_jit.__file__).parent


def test_every_kernel_is_compiled_under_the_decorators_of_one_file():
    for path in KERNELS.rglob("*.py"):
        if path != Path(_jit.__file__):
            assert "njit" not in path.read_text(), path


IMPORTS = """
import importlib
import pkgutil
from pathlib import Path

from otdiv._kernels import _jit

_jit._CACHED, _jit._FOLDER = {settings}
for module in pkgutil.walk_packages([{folder!r}], "otdiv._kernels."):
    importlib.import_module(module.name)
import otdiv
print(otdiv.transport([0.0, 1.0], [2.0]).value)
"""


@pytest.mark.parametrize("settings", ["(False, None)", "(True, '/dev/null/nowhere')"])
def test_kernels_run_where_nothing_may_be_written(settings):
    """A read-only installation without a home, and a cache folder that went away since."""
    script = IMPORTS.format(settings=settings, folder=str(KERNELS))
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["1.5"]
