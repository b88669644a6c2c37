"""Settings that every test shares."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The first example of a test may compile a kernel, so examples have no deadline; a run in CI draws
# the same examples every time, a developer's draws new ones.
settings.register_profile(
    "otdiv",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("otdiv")

os.environ.setdefault("MPLBACKEND", "Agg")


def pytest_configure():
    # What a shell starts in the background ignores interruptions, and so would the tests of them.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Oracles and drawn cases are most of the time of a run. The quick check leaves these folders out,
# and of the others what carries the mark itself: tests of some tenths of a second and more.
SLOW_FOLDERS = {Path(__file__).with_name(name) for name in ("oracles", "properties")}


@pytest.hookimpl(tryfirst=True)  # before `-m` is read
def pytest_collection_modifyitems(items):
    for item in items:
        if SLOW_FOLDERS & set(item.path.parents):
            item.add_marker("slow")


# For mypy alone, which is to find some of its calls wrong.
collect_ignore_glob = ["typing/*"]
