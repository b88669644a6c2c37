"""From a report to HTML: the templates with what they show, and nothing that could be run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from ..._optional import import_optional
from ..._text import for_terminal
from ..gate import Gate
from ..rows import Findings
from .heat_map import HeatMap
from .method import method
from .svg import drawing_style
from .view import cards, joint_view, summary

__all__ = ["batch_page", "fragment", "page"]

MOST_LINES = 20
"""Columns that a notebook's cell shows; the page has all."""


def page(report: Findings, *, gate: Gate | None = None, heat_map: HeatMap | None = None) -> str:
    """Return the whole page.

    Parameters
    ----------
    report : Findings
        What is shown.
    gate : Gate, optional
        Of `TableReport.gate`; its outcome stands at the top.
    heat_map : HeatMap, optional
        Of several batches, below the summary.

    Raises
    ------
    MissingDependencyError
        If Jinja or Matplotlib is not installed.
    """
    environment = _environment()
    markup = import_optional("markupsafe", extra="report", purpose="the HTML report").Markup
    with drawing_style():
        joint = report.joint and joint_view(report.joint, markup)
        shown = list(cards(report, markup))
    text: str = environment.get_template("page.html").render(
        summary=summary(report),
        gate=gate,
        heat_map=heat_map,
        cards=shown,
        joint=joint,
        method=method(report),
        **_script(environment),
    )
    return text


def batch_page(
    reports: Sequence[Findings],
    labels: Sequence[str],
    *,
    title: str,
    sentences: Sequence[str],
    heat_map: HeatMap,
    gate: Gate | None = None,
) -> str:
    """Return the page of several batches that are compared with one reference.

    Parameters
    ----------
    reports : sequence of Findings
        One a batch, at least one.
    labels : sequence of str
        What the batches are called.
    title : str
        What is compared with what.
    sentences : sequence of str
        What was found; the first is the headline.
    heat_map : HeatMap
        Columns by batches.
    gate : Gate, optional
        Of `BatchReport.gate`; its outcome stands at the top.

    Raises
    ------
    MissingDependencyError
        If Jinja or Matplotlib is not installed.
    """
    environment = _environment()
    text: str = environment.get_template("batches.html").render(
        title=title,
        sentences=sentences,
        gate=gate,
        heat_map=heat_map,
        batches=[
            (label, summary(report), bool(report.differing))
            for label, report in zip(labels, reports, strict=True)
        ],
        method=method(reports[0])[1:],  # all but the names of two tables
        **_script(environment),
    )
    return text


def _script(environment: Any) -> dict[str, Any]:
    """The one script that may run, and nothing that a name could bring with it."""
    markup = import_optional("markupsafe", extra="report", purpose="the HTML report").Markup
    script = environment.get_template("script.js").render()
    digest = hashlib.sha256(script.encode()).digest()
    return {"script": markup(script), "script_hash": base64.b64encode(digest).decode()}


def fragment(report: Findings) -> str:
    """Return the summary as a piece of a page, as notebooks show it: no script, no figure.

    Raises
    ------
    MissingDependencyError
        If Jinja is not installed.
    """
    template = _environment().get_template("fragment.html")
    shown = summary(report)
    text: str = template.render(
        summary=shown._replace(lines=shown.lines[:MOST_LINES]),
        hidden=max(0, len(shown.lines) - MOST_LINES),
    )
    return text


def _environment() -> Any:
    """Jinja with every text escaped, and what cannot be seen shown as an escape."""
    jinja2 = import_optional("jinja2", extra="report", purpose="the HTML report")
    markup = import_optional("markupsafe", extra="report", purpose="the HTML report").Markup

    def seen(value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, markup):
            return for_terminal(value)
        return value

    return jinja2.Environment(
        loader=jinja2.PackageLoader("otdiv.tables.html", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=seen,
    )
