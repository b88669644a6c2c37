"""`python -m benchmarks fuzz`: adversarial solves and certificates against exact arithmetic.

Case k of a family depends on the seed, the family and k only, so that `--only FAMILY --case K` runs
it again. Cases run in child processes: one that hangs or dies is a finding and not the end.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import re
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np

from .adversaries import SOLVES, Draw
from .cases import PREAMBLE, Case
from .deceivers import CERTIFICATES, MISPLACED
from .judging import (
    FAULTS,
    HANG,
    OUTCOMES,
    RAW,
    SAID_SO,
    WARNED,
    WRONG_REFUSAL,
    Verdict,
    judge,
    library,
)

__all__ = ["FAMILIES", "KINDS", "drawn", "fuzz", "numbered", "shrunk", "verdicts"]

KINDS: dict[str, dict[str, Draw]] = {
    "solves": SOLVES,
    "certificates": CERTIFICATES,
    "misplaced": MISPLACED,
}
FAMILIES: dict[str, Draw] = SOLVES | CERTIFICATES | MISPLACED

# A small problem that takes longer hangs. The first call of a kernel compiles it, so a slow case is
# timed again, and only one that is never heard of again is cut off.
_HANGING_SECONDS = 20.0
_LOST_SECONDS = 90.0
# What is spent on making one failure small.
_SHRINKING_SECONDS = 15.0
# Failures that are shown: the smallest of each outcome and mechanism, this many at most.
_SHOWN = 60


def drawn(family: str, k: int, seed: int) -> Case:
    """Case k of a family at this seed."""
    rng = np.random.default_rng([seed, zlib.crc32(family.encode()), k])
    return FAMILIES[family](rng)


def numbered(kinds: Iterable[str], cases: int) -> Iterator[tuple[str, int]]:
    """Numbers of this many cases of each kind, its families in turn."""
    for kind in kinds:
        families = list(KINDS[kind])
        for k in range(cases):
            yield families[k % len(families)], k // len(families)


def _timed(case: Case) -> Verdict:
    """Judge a case, twice where the first time may have been that of compilation."""
    for _ in range(2):
        start = time.monotonic()
        verdict = judge(case)
        seconds = time.monotonic() - start
        if seconds < _HANGING_SECONDS:
            return verdict
    return Verdict(HANG, f"{seconds:.0f} s, then {verdict.outcome}: {verdict.detail}")


def _work(pipe: Connection, seed: int) -> None:
    """Judge cases whose numbers come through the pipe, and shrink those that come themselves."""
    while True:
        asked = pipe.recv()
        if asked is None:
            return
        # Says where a case hangs that is about to be cut off.
        faulthandler.dump_traceback_later(0.9 * _LOST_SECONDS)
        if isinstance(asked[0], Case):
            answer: Any = shrunk(*asked)
        else:
            answer = _timed(drawn(*asked, seed))
        faulthandler.cancel_dump_traceback_later()
        pipe.send(answer)


class _Worker:
    """A child process and what it was asked."""

    def __init__(self, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other, seed), daemon=True)
        self.process.start()
        other.close()
        self.asked: Any = None
        self.since = time.monotonic()

    def ask(self, asked: Any) -> None:
        self.asked, self.since = asked, time.monotonic()
        self.pipe.send(asked)

    def answer(self) -> Any:
        """Return what became of it, a verdict where the process is lost, or None while it works."""
        if self.pipe.poll():
            try:
                return self.pipe.recv()
            except EOFError:
                self.process.join()
                return Verdict(RAW, f"the process died (exit code {self.process.exitcode})")
        if time.monotonic() - self.since < _LOST_SECONDS:
            return None
        self.process.kill()
        self.process.join()
        return Verdict(HANG, f"no answer in {_LOST_SECONDS:.0f} s")

    def end(self) -> None:
        if self.process.is_alive():
            self.pipe.send(None)
            self.process.join()


def verdicts(
    numbers: Iterable[tuple[str, int]], seed: int, jobs: int = 1
) -> Iterator[tuple[str, int, Verdict]]:
    """Verdicts of all cases, as they come, from `jobs` child processes."""
    waiting = iter(numbers)
    workers = []
    for number in waiting:
        worker = _Worker(seed)
        worker.ask(number)
        workers.append(worker)
        if len(workers) == jobs:
            break
    while workers:
        wait([worker.pipe for worker in workers], timeout=1.0)
        for worker in list(workers):
            verdict = worker.answer()
            if verdict is None:
                continue
            yield (*worker.asked, verdict)
            number = next(waiting, None)
            if number is not None and worker.process.is_alive():
                worker.ask(number)
                continue
            workers.remove(worker)
            worker.end()
            if number is not None:
                workers.append(_Worker(seed))
                workers[-1].ask(number)


@dataclass(frozen=True)
class _Failure:
    family: str
    k: int
    verdict: Verdict
    case: Case


def fuzz(
    *, cases: int, seed: int, kinds: Iterable[str], only: str = "", case: int = -1, jobs: int = 1
) -> int:
    """Run, print the table and the smallest failures, and return how many cases failed."""
    print(f"judging {library()}", flush=True)
    if only:
        numbers = [(only, case)] if case >= 0 else [(only, k) for k in range(cases)]
    else:
        numbers = list(numbered(kinds, cases))
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    failures: list[_Failure] = []
    start = told = time.monotonic()
    for done, (family, k, verdict) in enumerate(verdicts(numbers, seed, jobs), 1):
        counts[family][verdict.outcome] += 1
        if verdict.outcome in FAULTS:
            failures.append(_Failure(family, k, verdict, drawn(family, k, seed)))
            if verdict.outcome == HANG:
                print(f"{family}, case {k}: {verdict.detail}", flush=True)
        if time.monotonic() - told > 60.0:
            told = time.monotonic()
            rate = done / (told - start)
            print(
                f"{done} of {len(numbers)}, {rate:.1f} a second, {len(failures)} failed", flush=True
            )
    seconds = time.monotonic() - start
    print(_table(counts))
    print(f"\n{len(numbers)} cases in {seconds:.0f} s, {len(numbers) / seconds:.1f} a second")
    if case >= 0:
        print(f"\n{drawn(only, case, seed).code()}")
    _show(failures, seed)
    return len(failures)


def _table(counts: dict[str, Counter[str]]) -> str:
    """Families against outcomes, in Markdown; refusals also in per cent."""
    shown = [outcome for outcome in OUTCOMES if any(row[outcome] for row in counts.values())]
    head = ["family", "cases", *shown, "refused"]
    total: Counter[str] = sum(counts.values(), Counter())
    lines = []
    for family in [*(name for name in FAMILIES if name in counts), "all"]:
        row = total if family == "all" else counts[family]
        share = f"{100.0 * row[SAID_SO] / row.total():.1f} %"
        lines.append([family, str(row.total()), *(str(row[name] or "") for name in shown), share])
    widths = [max(len(line[k]) for line in (head, *lines)) for k in range(len(head))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in (head, rule, *lines)
    )


def _mechanism(failure: _Failure) -> tuple[str, str, str]:
    """Outcome, who gave it, and the text of an error or warning without its numbers."""
    case, verdict = failure.case, failure.verdict
    who = case.call
    if case.call == "prove" and case.plan is not None:
        who = f"proof of a {case.plan[0]}"
    elif case.solver:
        who = f"{case.solver.partition('(')[0]}{' at an epsilon' * ('epsilon' in case.solver)}"
    spoken = verdict.outcome in (RAW, WARNED, WRONG_REFUSAL)
    return (
        verdict.outcome,
        who,
        re.sub(r"[-+]?[0-9][0-9.e+-]*", "#", verdict.detail) if spoken else "",
    )


def _show(failures: list[_Failure], seed: int) -> None:
    """Print the smallest failure of each outcome and mechanism as code."""
    groups: dict[tuple[str, str, str], list[_Failure]] = defaultdict(list)
    for failure in failures:
        groups[_mechanism(failure)].append(failure)
    for (outcome, who, text), members in sorted(groups.items())[:_SHOWN]:
        smallest = min(members, key=lambda failure: failure.case.size)
        again = f"--rng {seed} --only '{smallest.family}' --case {smallest.k}"
        families = Counter(failure.family for failure in members).most_common()
        print(f"\n## {outcome}, {len(members)} times: {who}{': ' * bool(text)}{text}")
        print("# families:", ", ".join(f"{name} ({count})" for name, count in families))
        print(f"# again: python -m benchmarks fuzz {again}")
        case, verdict = smallest.case, smallest.verdict
        if outcome != HANG:
            case, verdict = _shrunk_apart(case, verdict, seed)
        print(f"# {verdict.detail}\n{PREAMBLE}\nprint({case.code()})", flush=True)


def _shrunk_apart(case: Case, verdict: Verdict, seed: int) -> tuple[Case, Verdict]:
    """Shrink in a process of its own; the case as it is where that one is lost."""
    worker = _Worker(seed)
    worker.ask((case, verdict))
    answer = None
    while answer is None:
        wait([worker.pipe], timeout=1.0)
        answer = worker.answer()
    worker.end()
    return (case, verdict) if isinstance(answer, Verdict) else answer


def shrunk(
    case: Case, verdict: Verdict, seconds: float = _SHRINKING_SECONDS
) -> tuple[Case, Verdict]:
    """Smaller case with the same outcome: fewer atoms, fewer options, rounder numbers."""
    end = time.monotonic() + seconds
    again = True
    while again:
        again = False
        for candidate in _smaller(case):
            if time.monotonic() > end:
                return case, verdict
            if candidate.size >= case.size:
                continue
            try:
                found = judge(candidate)
            except Exception:  # what cannot be judged is no smaller case
                continue
            if found.outcome == verdict.outcome:
                case, verdict, again = candidate, found, True
                break
    return case, verdict


def _smaller(case: Case) -> Iterator[Case]:
    """Cases with something left out or made rounder, the largest steps first."""
    n, m = case.shape
    sides = [("row", n)] if case.call == "wasserstein1_histogram" else [("row", n), ("column", m)]
    for side, size in sides:
        if size > 1:
            for k in range(size):
                yield case.without(side, k)
    for name in ("warm", "rtol", "atol"):
        if getattr(case, name) is not None:
            yield replace(case, **{name: None})
    if case.callback:
        yield replace(case, callback="")
    if case.call not in ("measures", "prove", "wasserstein1_histogram"):
        for name in ("a", "b"):
            if getattr(case, name) is not None:
                yield replace(case, **{name: None})
    if case.x is not None and case.y is not None and len(case.x[0]) > 1:
        for k in range(len(case.x[0])):
            x, y = ([p[:k] + p[k + 1 :] for p in points] for points in (case.x, case.y))
            yield replace(case, x=x, y=y)
    for name in ("C", "x", "y", "a", "b", "f", "g"):
        values = getattr(case, name)
        if values is not None:
            for changed in _rounder(values):
                yield _with(case, name, changed)
    if case.plan is not None:
        kind, arrays = case.plan
        for key, values in arrays.items():
            if isinstance(values, list) and key not in ("rows", "columns"):
                for changed in _rounder(values):
                    yield replace(case, plan=(kind, arrays | {key: changed}))


def _with(case: Case, name: str, values: Any) -> Case:
    if case.call == "wasserstein1_histogram" and name in ("x", "y"):
        return replace(case, x=values, y=values)
    return replace(case, **{name: values})


def _rounder(values: list[Any]) -> Iterator[list[Any]]:
    """Copies of nested lists with one number made simpler."""
    for k, value in enumerate(values):
        if isinstance(value, list):
            for changed in _rounder(value):
                yield [*values[:k], changed, *values[k + 1 :]]
            continue
        tried = (
            {0.0, 1.0, float(f"{value:.0e}"), float(f"{value:.2g}")} if value == value else {0.0}
        )
        for simpler in tried:
            if len(repr(simpler)) < len(repr(value)):
                yield [*values[:k], simpler, *values[k + 1 :]]
