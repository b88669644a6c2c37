"""What a run of the laws showed: results, the report, and the table of several solvers."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._text import as_json, code_block, for_markdown, for_terminal

__all__ = ["Breach", "ConformanceReport", "LawResult", "LawVerdict", "Manner", "peers_table"]


class LawVerdict(enum.Enum):
    """What running a law showed."""

    HELD = "held"
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"
    NOT_OFFERED = "not offered"
    """The solver does not return what the law speaks of, or does not take what it varies."""
    DOES_NOT_RUN = "does not run"
    """No ordinary call is answered: then no law is asked."""


_COUNTED = (
    LawVerdict.HELD,
    LawVerdict.BROKEN,
    LawVerdict.NOT_APPLICABLE,
    LawVerdict.NOT_OFFERED,
)
_UNASKED = (LawVerdict.NOT_APPLICABLE, LawVerdict.NOT_OFFERED)


class Manner(enum.Enum):
    """How a law was broken, the worst first: without a word, with a warning, by an exception."""

    SILENT = "silently"
    WARNED = "with a warning"
    RAISED = "by an exception"
    ENDED = "without an answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """The smallest case found that breaks a law.

    Attributes
    ----------
    text : str
        What is wrong with the answer.
    miss : float
        By how much, relative; inf or NaN where there is no usable number.
    manner : Manner
        Whether the solver said so.
    code : str
        Lines of Python that show it.
    warning : str
        The first warning, where there was one.
    """

    text: str
    miss: float
    manner: Manner
    code: str
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LawResult:
    """One law against one solver.

    Attributes
    ----------
    law, statement : str
        Id and statement of the law.
    verdict : LawVerdict
    miss : float
        Largest relative miss over all cases.
    tolerance : float
        Miss that is allowed.
    n_cases, n_declined : int
        Cases answered or broken, and cases to which the law or the solver does not apply.
    seconds : float
        Wall time.
    complete : bool
        False where the time limit of a law came before the last of its cases.
    reason : str
        Why the law is not applicable, or what is not offered.
    breach : Breach or None
        The smallest case that breaks it.
    """

    law: str
    statement: str
    verdict: LawVerdict
    miss: float
    tolerance: float
    n_cases: int
    n_declined: int
    seconds: float
    complete: bool = True
    reason: str = ""
    breach: Breach | None = None

    @property
    def summary(self) -> str:
        """The verdict in a few words."""
        if self.verdict is LawVerdict.DOES_NOT_RUN and self.breach is not None:
            return f"does not run: {self.breach.text}"
        if self.breach is not None:
            return f"broken {self.breach.manner.value}: {self.breach.text}"
        if self.verdict in _UNASKED:
            return f"{self.verdict.value}: {self.reason}"
        text = f"held (largest miss {self.miss:.1e})" if self.miss > 0.0 else "held (exactly)"
        return text if self.complete else f"{text} in the {self.n_cases} cases that time allowed"

    @property
    def mark(self) -> str:
        """One cell of a table of several solvers."""
        if self.breach is None:
            if self.verdict is LawVerdict.NOT_OFFERED:
                return "not offered"
            if self.verdict is LawVerdict.NOT_APPLICABLE:
                return "–"
            return "held" if self.complete else f"held ({self.n_cases} cases)"
        if self.breach.manner is Manner.RAISED:
            return "**raises**"
        if self.breach.manner is Manner.ENDED:
            return "**no answer**"
        size = f"{self.miss:.0e}" if math.isfinite(self.miss) else "NaN"
        said = " (warns)" if self.breach.manner is Manner.WARNED else ""
        return f"**{size}**{said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceReport:
    """All laws against one solver.

    Attributes
    ----------
    solver : str
        Its name.
    regularised : bool
        Whether the laws of entropic solvers were run.
    tolerance : float
        Largest relative miss allowed.
    rows : tuple of LawResult
        One for each law; a single one, `runs`, where the solver answers no ordinary call.
    n_pending : int
        Laws that were not reached, since the run was stopped: then the report is partial.
    """

    solver: str
    regularised: bool
    tolerance: float
    rows: tuple[LawResult, ...]
    n_pending: int = 0

    @property
    def runs(self) -> bool:
        """Whether the solver answers ordinary calls."""
        return all(row.verdict is not LawVerdict.DOES_NOT_RUN for row in self.rows)

    @property
    def conforms(self) -> bool:
        """Whether the solver runs, and no law is broken."""
        return self.runs and not self.broken

    @property
    def broken(self) -> tuple[LawResult, ...]:
        """The laws that are broken."""
        return tuple(row for row in self.rows if row.verdict is LawVerdict.BROKEN)

    @property
    def findings(self) -> tuple[LawResult, ...]:
        """Whatever has a call to show: the broken laws, or that the solver does not run."""
        return tuple(row for row in self.rows if row.breach is not None)

    def __getitem__(self, law: str) -> LawResult:
        if not self.runs:  # whatever is asked, this is the answer
            return self.rows[0]
        for row in self.rows:
            if row.law == law:
                return row
        raise KeyError(law)

    def __str__(self) -> str:
        return "\n".join(_text_lines(self.escaped(for_terminal)))

    def escaped(self, show: Callable[[str], str]) -> ConformanceReport:
        """A copy in which `show` has passed over every word of the solver's own."""
        return replace(
            self, solver=show(self.solver), rows=tuple(_escaped(row, show) for row in self.rows)
        )

    @property
    def headline(self) -> str:
        """Counts in one sentence."""
        if not self.runs:
            return f"{self.solver}: does not run"
        verdicts = [row.verdict for row in self.rows]
        counts = ", ".join(f"{verdicts.count(verdict)} {verdict.value}" for verdict in _COUNTED)
        partial = f"; partial: {self.n_pending} not reached" if self.n_pending else ""
        return f"{self.solver}: {counts}{partial}"

    def to_records(self) -> list[dict[str, Any]]:
        """Rows as plain dictionaries; numbers that are not finite become None."""
        return [_record(row) for row in self.rows]

    def to_json(self) -> str:
        """The whole report as JSON."""
        head = {
            "solver": self.solver,
            "regularised": self.regularised,
            "tolerance": self.tolerance,
            "conforms": self.conforms,
            "partial": self.n_pending > 0,
            "n_pending": self.n_pending,
        }
        return as_json(head | {"laws": self.to_records()})

    @classmethod
    def from_json(cls, text: str) -> ConformanceReport:
        """Read what `to_json` wrote; a miss that was not finite comes back as inf."""
        head = json.loads(text)
        return cls(
            solver=head["solver"],
            regularised=head["regularised"],
            tolerance=head["tolerance"],
            rows=tuple(_from_record(record) for record in head["laws"]),
            n_pending=head.get("n_pending", 0),
        )

    def to_markdown(self) -> str:
        """A table of the laws, then the snippet of each broken one."""
        shown = self.escaped(for_markdown)
        lines = [
            f"# Conformance of {shown.solver}",
            "",
            f"{shown.headline}. Tolerance {self.tolerance:g}"
            + (", laws of entropic solvers." if self.regularised else "."),
            "",
            "| law | statement | cases | largest miss | verdict | seconds |",
            "|---|---|---:|---:|---|---:|",
        ]
        for row in shown.rows:
            miss = "–" if row.n_cases == 0 else _number(row.miss)
            cells = (f"`{row.law}`", _cell(row.statement), str(row.n_cases), miss, row.summary)
            lines.append(f"| {' | '.join(cells)} | {row.seconds:.1f} |")
        for row in self.findings:
            lines += ["", *breach_markdown(row)]
        return "\n".join(lines) + "\n"


def _escaped(row: LawResult, show: Callable[[str], str]) -> LawResult:
    breach = row.breach
    if breach is not None:
        breach = replace(breach, text=show(breach.text), warning=show(breach.warning))
    return replace(row, reason=show(row.reason), breach=breach)


def breach_markdown(row: LawResult, *, level: int = 2) -> list[str]:
    """Lines that show one broken law: statement, what happened, code."""
    row = _escaped(row, for_markdown)
    breach = row.breach
    assert breach is not None
    runs = row.verdict is not LawVerdict.DOES_NOT_RUN
    said = [f"It warns: {breach.warning}", ""] if breach.warning else []
    return [
        f"{'#' * level} `{row.law}`: {row.statement}",
        "",
        f"Broken {breach.manner.value}. {breach.text}." if runs else f"{row.summary}.",
        "",
        *said,
        *code_block(breach.code, "python"),
    ]


def peers_table(reports: Sequence[ConformanceReport]) -> str:
    """Markdown table of laws (rows) against solvers (columns).

    A cell says held, – (not applicable), not offered, the relative size of the miss, or that the
    solver raises; it is empty where the law was not run.

    Parameters
    ----------
    reports : sequence of ConformanceReport

    Returns
    -------
    str

    Examples
    --------
    >>> from otdiv.conformance import check_solver, peers_table
    >>> report = check_solver("otdiv.solvers:LinearProgram", laws=["marginals"], examples=5)
    >>> print(peers_table([report]))
    | law | otdiv.solvers:LinearProgram |
    |---|---|
    | `marginals` | held |
    | held / broken / – / not offered | 1 / 0 / 0 / 0 |
    """
    laws = list(dict.fromkeys(row.law for report in reports for row in report.rows))
    lines = [
        f"| law | {' | '.join(for_markdown(report.solver) for report in reports)} |",
        "|---" * (len(reports) + 1) + "|",
    ]
    for law in laws:
        cells = []
        for report in reports:
            found = [row for row in report.rows if row.law == law]
            cells.append(found[0].mark if found else "")
        lines.append(f"| `{law}` | {' | '.join(cells)} |")
    totals = []
    for report in reports:
        verdicts = [row.verdict for row in report.rows]
        totals.append(" / ".join(str(verdicts.count(verdict)) for verdict in _COUNTED))
    lines.append(f"| held / broken / – / not offered | {' | '.join(totals)} |")
    return "\n".join(lines)


def _record(row: LawResult) -> dict[str, Any]:
    breach = row.breach
    return {
        "law": row.law,
        "statement": row.statement,
        "verdict": row.verdict.value,
        "miss": _json_number(row.miss),
        "tolerance": row.tolerance,
        "n_cases": row.n_cases,
        "n_declined": row.n_declined,
        "seconds": round(row.seconds, 3),
        "complete": row.complete,
        "reason": row.reason,
        "breach": None
        if breach is None
        else {
            "text": breach.text,
            "miss": _json_number(breach.miss),
            "manner": breach.manner.value,
            "warning": breach.warning,
            "code": breach.code,
        },
    }


def _from_record(record: dict[str, Any]) -> LawResult:
    fields = dict(record)
    breach = fields.pop("breach")
    if breach is not None:
        miss = math.inf if breach["miss"] is None else breach["miss"]
        breach = Breach(**{**breach, "miss": miss, "manner": Manner(breach["manner"])})
    fields["miss"] = math.inf if fields["miss"] is None else fields["miss"]
    fields["verdict"] = LawVerdict(fields["verdict"])
    return LawResult(**fields, breach=breach)


def _json_number(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _number(number: float) -> str:
    return f"{number:.1e}" if math.isfinite(number) else "not finite"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _text_lines(report: ConformanceReport) -> Iterator[str]:
    width = max((len(row.law) for row in report.rows), default=0)
    for row in report.rows:
        yield f"{row.law:<{width}}  {row.summary}"
    yield report.headline
    for row in report.findings:
        if row.breach is not None:
            yield f"\n# {row.law}: {row.statement}\n# {row.breach.text}\n{row.breach.code}"
