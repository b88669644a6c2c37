"""Files of machine code that are cut, empty, foreign or in the way: the call works all the same."""

import errno
import importlib.util
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numba.core.caching import UserProvidedCacheLocator

from otdiv._kernels import _jit

pytestmark = pytest.mark.slow

SOURCE = """
from otdiv._kernels._jit import kernel

@kernel
def times(x):
    total = 0.0
    for i in range(x.size):
        total += {factor} * x[i]
    return total
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Function that imports a small kernel anew, as another process would."""
    monkeypatch.setattr(_jit._SETTINGS, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(_jit, "_CACHED", True)
    monkeypatch.setattr(_jit, "_FOLDER", None)

    def fresh(factor=2.0):
        path = tmp_path / "small_kernel.py"
        path.write_text(SOURCE.format(factor=factor))
        spec = importlib.util.spec_from_file_location("small_kernel", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.times

    return fresh


def called(times, factor=2.0):
    """Call the kernel without a warning, and tell whether its code was compiled or loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert times(np.ones(3)) == 3.0 * factor
    return "loaded" if times.stats.cache_hits else "compiled"


def files(tmp_path, suffix):
    found = sorted((tmp_path / "cache").rglob(f"*{suffix}"))
    assert found
    return found


def cut(share):
    return lambda content: content[: int(share * len(content))]


def flipped(share):
    def damage(content):
        place = min(int(share * len(content)), len(content) - 1)
        return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]

    return damage


DAMAGE = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    **{f"cut at {share}": cut(share) for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99)},
    "last byte lost": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "zeros at the end": lambda content: content[:400] + bytes(len(content) - 400),
    "garbage": lambda content: np.random.default_rng(0).bytes(len(content)),
    "another pickle": lambda content: b"\x80\x04K\x07.",
    "longer": lambda content: content + b"\n",
    "twice": lambda content: content + content,
    **{f"a bit flipped at {share}": flipped(share) for share in (0.0, 0.02, 0.2, 0.5, 0.8, 1.0)},
}


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_compiled_again_and_healed(load, tmp_path, damage, suffix):
    assert called(load()) == "compiled"
    assert called(load()) == "loaded"
    for path in files(tmp_path, suffix):
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert called(load()) == "compiled"
    assert called(load()) == "loaded"


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_folder_in_the_place_of_a_file_is_compiled_around(load, tmp_path, suffix):
    called(load())
    for path in files(tmp_path, suffix):
        path.unlink()
        path.mkdir()
    assert called(load()) == "compiled"
    assert called(load()) == "loaded"
    # What lies in such a folder belongs to somebody: then nothing is kept.
    for path in files(tmp_path, suffix):
        path.unlink()
        path.mkdir()
        (path / "somebody's").touch()
    assert [called(load()) for _ in range(2)] == ["compiled"] * 2


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_file_that_cannot_be_read_is_compiled_around(load, tmp_path, monkeypatch, suffix):
    called(load())
    read = Path.read_bytes

    def refuse(path):
        if path.suffix == suffix:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert called(load()) == "compiled"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_cache_that_cannot_be_written_costs_nothing_but_the_next_compilation(
    load, monkeypatch, code
):
    def refuse(*arguments):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        assert [called(load()) for _ in range(2)] == ["compiled"] * 2
    assert called(load()) == "compiled"
    assert called(load()) == "loaded"


def test_machine_code_of_another_source_is_never_run(load, tmp_path):
    """The index was saved, and then the disk was full or the process killed."""
    called(load(2.0), 2.0)
    old = {path: path.read_bytes() for path in files(tmp_path, ".nbc")}
    called(load(5.0), 5.0)
    for path, content in old.items():
        path.write_bytes(content)
    assert called(load(5.0), 5.0) == "compiled"


def test_a_folder_that_cannot_be_made_leaves_the_kernel_without_a_cache(
    load, tmp_path, monkeypatch
):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setattr(_jit._Cache._impl_class, "_locator_classes", [UserProvidedCacheLocator])
    assert [called(load()) for _ in range(2)] == ["compiled"] * 2


CALL = """
import numpy as np, otdiv
print(otdiv.wasserstein1(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 1.0]])))
"""


def test_a_distance_is_computed_beside_a_cache_of_cut_files(tmp_path):
    def run():
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", CALL],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
        )

    assert run().stdout == "1.0\n"
    paths = [path for path in tmp_path.rglob("*.nb?") if path.is_file()]
    sizes = {path: path.stat().st_size for path in paths}
    assert sizes
    for k, path in enumerate(paths):
        os.truncate(path, (0, 1, sizes[path] // 2, sizes[path] - 1)[k % 4])
    done = run()
    assert (done.stdout, done.stderr) == ("1.0\n", "")
    assert {path: path.stat().st_size for path in paths} == sizes
