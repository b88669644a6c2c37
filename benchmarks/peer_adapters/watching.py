"""A pytest plugin: opens the doors of an adapter and notes what became of each test.

Loaded by `-p benchmarks.peer_adapters.watching`, with `--adapter` (a module that holds `ADAPTER`)
and `--outcomes` (a file that takes one JSON line a test, as it ends).
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Numbers below this count as 0: what a difference of costs of size 1 keeps of rounding.
_ROUNDING = 1e-9


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--adapter", help="module that holds ADAPTER")
    parser.addoption("--outcomes", type=Path, help="file for the outcomes")


def pytest_configure(config: pytest.Config) -> None:
    # Test modules are imported later, so that names which they import are the replaced ones.
    adapter = importlib.import_module(config.getoption("--adapter")).ADAPTER
    watch = Watch(config.getoption("--outcomes"))
    for door, function in adapter.doors.items():
        module, _, name = door.rpartition(".")
        room = importlib.import_module(module)
        if not hasattr(room, name):
            raise pytest.UsageError(f"{adapter.package} has no {door} to answer for")
        own = getattr(room, name)
        setattr(room, name, watch.counting(function, own, adapter.beside.get(door)))
    config.pluginmanager.register(watch)


class Watch:
    """Counts the calls that reach otdiv, and writes a line for each test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls = 0
        self.outcome, self.message = "passed", ""

    def counting(
        self, function: Callable[..., Any], own: Callable[..., Any], rtol: float | None
    ) -> Callable[..., Any]:
        """Answer by `function`, and where `rtol` is given hold the number against the peer's."""

        @functools.wraps(own)
        def call(*args: Any, **options: Any) -> Any:
            self.calls += 1
            answer = function(*args, **options)
            if rtol is not None:
                compare(answer, own, args, options, rtol)
            return answer

        return call

    def write(self, test: str, outcome: str, calls: int, message: str) -> None:
        """Add a line to the outcomes; whole, also where the run is broken off."""
        line = {"test": test, "outcome": outcome, "calls": calls, "message": message}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Begin to count with each test, and write when it has ended."""
        self.calls, self.outcome, self.message = 0, "passed", ""
        result = yield
        self.write(item.nodeid, self.outcome, self.calls, self.message)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of what set-up, call and tear-down say."""
        if report.failed:
            self.outcome, self.message = "failed", said(report)
        elif report.skipped and self.outcome == "passed":
            self.outcome = "skipped"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write what could not be imported."""
        if report.failed:
            self.write(report.nodeid, "not collected", 0, said(report))


def compare(
    answer: Any, own: Callable[..., Any], args: tuple[Any, ...], options: dict, rtol: float
) -> None:
    """Fail where the peer's own function, if it answers without a warning, has another number."""
    if "warn" in inspect.signature(own).parameters:
        options = options | {"warn": True}  # of an iteration that did not end
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            theirs = number_of(own(*args, **options))
    except Exception:  # the peer has no answer to compare with
        return
    if caught:
        return
    ours = number_of(answer)
    single = np.float32 in (np.asarray(ours).dtype, np.asarray(theirs).dtype)
    np.testing.assert_allclose(
        ours,
        theirs,
        rtol=1e-3 if single else rtol,
        atol=1e-5 if single else _ROUNDING,
        err_msg=f"otdiv and the peer's own {own.__name__} differ",
    )


def number_of(value: Any) -> Any:
    """The number of an answer that may come with a plan or a log, or those of many answers."""
    if isinstance(value, tuple) or (isinstance(value, list) and isinstance(value[-1], dict)):
        return value[0]
    return [number_of(one) for one in value] if isinstance(value, list) else value


def said(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The line of a failure that names the error."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message)
    lines = str(report.longrepr).strip().splitlines()
    return lines[-1] if lines else ""
