"""The one decorator under which every kernel is compiled."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

Kernel: TypeAlias = Callable[..., Any]


def _ensure_cache_directory() -> None:
    """Point Numba at a writable cache when neither the package nor the home directory is one.

    A read-only installation (a system package, a container layer) must still start fast a second
    time and must never fail at import, so the last resort is a per-user folder for temporary files.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for folder in (Path(__file__).parent, home):
        probe = folder if folder.exists() else folder.parent
        if os.access(probe, os.W_OK | os.X_OK):
            return
    user = os.getuid() if hasattr(os, "getuid") else "user"
    os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"otdiv-numba-{user}")


_ensure_cache_directory()

from numba import njit  # noqa: E402  (Numba reads NUMBA_CACHE_DIR when it is imported)


def kernel(function: Kernel) -> Kernel:
    """Compile `function` without fastmath: rounding happens in the order that is written."""
    compiled: Kernel = njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def helper(function: Kernel) -> Kernel:
    """Compile `function` for calls from other kernels only: without the entry points for Python."""
    # The options are real; Numba's stubs do not list them.
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled: Kernel = njit(nogil=True, error_model="numpy", **options)(function)
    return compiled


def fast_kernel(function: Kernel) -> Kernel:
    """Compile `function` where reordered sums and minima are harmless, never where a bound is made.

    NaN and infinity keep their meaning; only association, contraction and signed zeros are free.
    """
    flags = {"reassoc", "contract", "nsz", "arcp"}
    compiled: Kernel = njit(cache=True, nogil=True, error_model="numpy", fastmath=flags)(function)
    return compiled
