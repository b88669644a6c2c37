"""Whether what will be allocated fits, said before it is: a forecast, never a MemoryError."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UnsupportedProblemError

__all__ = ["available_bytes", "check_room", "room_for"]

# Less than this is not worth a look at the machine, which takes some 50 microseconds.
_SMALL = 2**27


def available_bytes() -> int | None:
    """Bytes that a process can still get: free memory, caches and swap; None where nobody says.

    The limits of the container (cgroup) and of the process (`ulimit -v`) count as well.
    """
    limits = [_from_kernel(), _from_container(), _from_process()]
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def _from_kernel() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {name: int(size.split()[0]) for name, size in (x.split(":") for x in lines)}
        return 1024 * (sizes["MemAvailable"] + sizes["SwapFree"])
    except (OSError, ValueError, KeyError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _from_container() -> int | None:
    try:
        return int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _from_process() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def check_room(needed: int, purpose: str, way_out: str, max_memory: int | None = None) -> None:
    """Raise unless `needed` bytes fit `max_memory`, where that is given, and the machine.

    Parameters
    ----------
    needed : int
        Bytes, by formula or measurement.
    purpose, way_out : str
        What needs them, and what needs less, for the error text.
    max_memory : int or None
        Limit that the caller gave.
    """
    if max_memory is not None and needed > max_memory:
        limit = f"`max_memory`={max_memory}"
    else:
        available = available_bytes() if needed >= _SMALL else None
        if available is None or needed <= available:
            return
        limit = f"the {available} that this machine has left"
    raise UnsupportedProblemError(
        f"{purpose} needs about {needed} bytes, more than {limit}; {way_out}"
    )


class room_for:  # noqa: N801  (a context manager reads like a phrase)
    """`check_room`, and the same error where an allocation inside fails all the same."""

    __slots__ = ("asked",)

    def __init__(
        self, needed: int, purpose: str, way_out: str, max_memory: int | None = None
    ) -> None:
        self.asked = needed, purpose, way_out
        check_room(needed, purpose, way_out, max_memory)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, MemoryError):
            needed, purpose, way_out = self.asked
            raise UnsupportedProblemError(
                f"{purpose} needs about {needed} bytes, more than could be allocated; {way_out}"
            ) from None
