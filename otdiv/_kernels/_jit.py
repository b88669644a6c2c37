"""The decorators under which every kernel is compiled, and where the machine code is kept.

Compiling is what a first call waits for. It takes about 2 ms for each operation on numbers, 7 ms
for each access to an array, 10 ms for a slice, an allocation, or an array among the arguments, 20
ms for a loop that becomes vector instructions, and 50 ms for a kernel as such (a tenth of a second
for each of the first uses of `np.empty`, `np.zeros`, `min` of another type, ...). So:

- One signature a kernel. Contiguous arrays of float64 and int64; `frozen` where callers have both
  read-only and writable ones; ``np.int64(0)`` for a literal 0, which has a type of its own.
- What runs once and only costs time by the array belongs to NumPy, not to a kernel.
- A kernel for the common case and one for the rest, chosen in Python after the first reports what
  it could not do: the second is compiled where it is needed. Within a kernel, an argument that is
  None removes the branches ``if argument is not None`` before they are compiled.
- A `helper` is optimised and turned into machine code on its own and once more in every caller,
  and in their callers. What has one caller is written out there.
- Two kernels that walk the same arrays, as for rows and columns or for listing and pricing, are one
  that is called twice.
- Work space is handed in, and so is what `np.zeros` or `np.full` fill.
- Loops instead of array expressions, `np.sort`, reductions of slices; no exceptions, strings,
  closures, lists.
"""

import contextlib
import gc
import hashlib
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numba import config as settings
from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic
from numba.misc.appdirs import AppDirs

Kernel: TypeAlias = Callable[..., Any]
# Its attributes are set by name, from the environment: Numba's stubs do not list them.
_SETTINGS: Any = settings


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _private_folder() -> str | None:
    """Return a folder for temporary files that belongs to this user alone, or None.

    What it holds is executed: a folder that somebody else made, or may write to, is not used.
    """
    if not hasattr(os, "getuid"):  # elsewhere the folder for temporary files is the user's own
        folder = Path(tempfile.gettempdir()) / "otdiv-numba"
        return str(folder) if _is_writable(folder) else None
    try:
        folder = Path(tempfile.gettempdir()) / f"otdiv-numba-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    private = status.st_uid == os.getuid() and status.st_mode & 0o077 == 0
    return str(folder) if private and not folder.is_symlink() and _is_writable(folder) else None


def _cache_folder() -> tuple[bool, str | None]:
    """Whether machine code can be kept, and where if not in a place that Numba looks for itself.

    Numba takes ``NUMBA_CACHE_DIR``, the package's own folder or the user's folder for caches. Where
    none of them is writable (a read-only installation, a service without a home), a folder for
    temporary files stands in. Where that is not either, every process compiles for itself.
    """
    chosen = [Path(_SETTINGS.CACHE_DIR)] if _SETTINGS.CACHE_DIR else []
    own = Path(__file__).parent / "__pycache__"
    user = Path(AppDirs(appname="numba", appauthor=False).user_cache_dir)
    if any(_is_writable(folder) for folder in (*chosen, own, user)):
        return True, None
    folder = _private_folder()
    return folder is not None, folder


_CACHED, _FOLDER = _cache_folder()


class _SealedFiles(IndexDataCacheFile):
    """Numba's index and data files, each with a checksum at its end.

    A process that was killed, a full disk or a bad copy leaves files that are cut, empty, full of
    zeros, or an index beside the machine code of another source. Numba raises at some of them, at
    every call, and runs what it finds in the others. Here each of them is a file that is missing:
    the kernel is compiled again, and saving it repairs them.
    """

    def save(self, key: Any, data: Any) -> None:
        super().save(key, (*self._belonging(key), data))

    def load(self, key: Any) -> Any:
        found = super().load(key)
        if found is None or found[:2] != self._belonging(key):
            return None
        return found[2]

    def _belonging(self, key: Any) -> tuple[Any, str]:
        """To what the machine code belongs: the index alone may be newer than its data file."""
        return self._source_stamp, repr(key)

    def _dump(self, obj: Any) -> bytes:
        body: bytes = super()._dump(obj)
        return body + hashlib.sha256(body).digest()

    def _load_index(self) -> dict[Any, str]:
        version = pickle.dumps(self._version, protocol=-1)
        try:
            stamp, names = _unsealed(self._index_path, version)
        except OSError:
            return {}
        return names if stamp == self._source_stamp else {}

    def _load_data(self, name: str) -> Any:
        return _unsealed(self._data_path(name))

    def _open_for_write(self, filepath: str) -> Any:
        with contextlib.suppress(OSError):  # it is a file, or missing: then nothing is in the way
            Path(filepath).rmdir()
        return super()._open_for_write(filepath)


def _unsealed(path: str, head: bytes = b"") -> Any:
    """Read the object that stands between `head` and the checksum of a file, or raise OSError."""
    content = Path(path).read_bytes()
    size = hashlib.sha256().digest_size
    body, seal = content[len(head) : -size], content[-size:]
    if not content.startswith(head) or hashlib.sha256(body).digest() != seal:
        raise OSError(f"{path} is damaged, or of another version")
    return pickle.loads(body)


class _Cache(FunctionCache):
    """Numba's cache of a kernel, which never stands in the way of a call."""

    def __init__(self, function: Kernel) -> None:
        super().__init__(function)
        self._cache_file = _SealedFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a file of another installation makes Numba raise
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):  # a full disk: the next process compiles again
            super().save_overload(sig, data)


# Passes that find nothing to do in a kernel: closures, `with` blocks, raised exceptions, literals,
# inlined overloads, array expressions. Each of them walks the whole function, and Numba analyses
# it anew after most.
_UNUSED_PASSES = frozenset(
    {
        "FindLiterallyCalls",
        "InlineClosureLikes",
        "InlineOverloads",
        "LiteralPropagationSubPipelinePass",
        "LiteralUnroll",
        "MakeFunctionToJitFunction",
        "NopythonRewrites",
        "RewriteDynamicRaises",
        "WithLifting",
    }
)


# Seconds of compiling after which a person at a terminal is told what they are for; by taste.
_SILENT_SECONDS = 2.0


class _Stopwatch:
    """Seconds that this process has compiled for, and whether it has said so.

    Numba compiles under a lock, so that there is one compilation at a time, and those in it.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.seconds = 0.0
        self.said = False

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count what happens within, but not twice where a kernel compiles another one."""
        begin = time.perf_counter()
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            if self.depth == 0:
                self.seconds += time.perf_counter() - begin
                if self.seconds > _SILENT_SECONDS and not self.said:
                    self.said = True
                    _tell()


def _tell() -> None:
    """Say on a terminal why a first call takes seconds; ``OTDIV_QUIET=1`` leaves that out."""
    if os.environ.get("OTDIV_QUIET", "") not in ("", "0"):
        return
    with contextlib.suppress(AttributeError, OSError, ValueError):  # no stderr, or a closed one
        if sys.stderr.isatty():
            sys.stderr.write(
                "otdiv: compiling what this call needs, once for this installation "
                "(`otdiv warmup` does it ahead; OTDIV_QUIET=1 hides this line)\n"
            )
            sys.stderr.flush()


_stopwatch = _Stopwatch()


class _Pipeline(CompilerBase):
    """Numba's passes without those that no kernel needs, and without a collector in between.

    What a compilation makes is alive until it ends: collecting garbage meanwhile took a twelfth of
    its time.
    """

    def compile_extra(self, func: Kernel) -> Any:
        paused = gc.isenabled()
        gc.disable()
        try:
            with _stopwatch.running():
                return super().compile_extra(func)
        finally:
            if paused:
                gc.enable()

    def define_pipelines(self) -> list[Any]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.passes = [
            entry for entry in manager.passes if entry[0].__name__ not in _UNUSED_PASSES
        ]
        manager.finalize()
        return [manager]


# The options are real; Numba's stubs do not list them.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    "pipeline_class": _Pipeline,
}
_INNER: dict[str, Any] = {"no_cpython_wrapper": True}


def _compiled(function: Kernel, **options: Any) -> Any:
    """Hand `function` to Numba, also where its user has switched the compiler off.

    NUMBA_DISABLE_JIT is for looking into kernels of one's own; ours are not Python without it:
    their whole numbers wrap, and some of their calls are the compiler's.
    """
    before = _SETTINGS.DISABLE_JIT
    _SETTINGS.DISABLE_JIT = 0
    try:
        return njit(**_OPTIONS, **options)(function)
    finally:
        _SETTINGS.DISABLE_JIT = before


def _cached(function: Kernel, **options: Any) -> Kernel:
    """Compile `function` with a cache in the right place, which is settled here and now."""
    dispatcher = _compiled(function, **options)
    if not _CACHED:
        return dispatcher
    before = _SETTINGS.CACHE_DIR
    _SETTINGS.CACHE_DIR = _FOLDER or before
    try:
        dispatcher._cache = _Cache(function)
    except RuntimeError:  # Numba finds no folder after all: nothing is kept
        pass
    finally:
        _SETTINGS.CACHE_DIR = before
    return dispatcher


def frozen(array: np.ndarray) -> np.ndarray:
    """Return the array, or a view of it that cannot be written to.

    Numba compiles a kernel twice that is called with both kinds.
    """
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def kernel(function: Kernel) -> Kernel:
    """Compile `function` without fastmath: rounding happens in the order that is written."""
    return _cached(function)


def fast_kernel(function: Kernel) -> Kernel:
    """Compile `function` where reordered sums and minima are harmless, never where a bound is made.

    NaN and infinity keep their meaning; only association, contraction and signed zeros are free.
    """
    return _cached(function, fastmath={"reassoc", "contract", "nsz", "arcp"})


def helper(function: Kernel) -> Kernel:
    """Compile `function` for calls from other kernels only: without the entry points for Python."""
    return _compiled(function, **_INNER)


def contracted(function: Kernel) -> Kernel:
    """Compile `function` for any caller, where fusing a product into a sum is all that is free."""
    return _cached(function, fastmath={"contract"})


@intrinsic
def read_only(typingctx, array):
    """Return an array as one that is not written to, in a kernel: what `frozen` is outside."""
    kind = array.copy(readonly=True)

    def codegen(context, builder, signature, args):
        return impl_ret_borrowed(context, builder, signature.return_type, args[0])

    return kind(array), codegen
