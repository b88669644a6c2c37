"""A first call waits for the compiler: no kernel is compiled twice, and machine code is kept."""

import subprocess
import sys

import pytest

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
