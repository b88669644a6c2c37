"""Settings that every test shares."""

import os

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


# For mypy alone, which is to find some of its calls wrong.
collect_ignore_glob = ["typing/*"]
