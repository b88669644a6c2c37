"""Findings of a report of batches as a person reads them: sentences, and a Markdown table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..._text import display_width, for_markdown
from ..formats import counted, format_effect, format_number, format_share, listed
from ..rows import ColumnComparison
from .heat import heat_lines
from .rows import BatchFindings

__all__ = ["batch_headlines", "batch_markdown", "batch_summary", "shown_batches"]

_MOST_NAMES = 8
"""Names that a sentence lists."""

_MOST_SENTENCES = 8
"""Columns that have a sentence of their own; the table has them all."""

_MOST_CATEGORIES = 3
"""New and vanished categories that a sentence names; groups rarely have all of them."""

_MARKDOWN_BATCHES = 12
"""Batches side by side in a Markdown table; by taste."""

_NOUNS = {"tables": "table", "groups": "group", "periods": "period"}

_CORRECTIONS = {
    "bh": "corrected for the number of all columns of all batches together (Benjamini-Hochberg)",
    "by": "corrected for the number of all columns of all batches together (Benjamini-Yekutieli)",
    "holm": "corrected for the number of all columns of all batches together (Holm)",
    "none": "not corrected for the number of columns and batches",
}


def batch_headlines(report: BatchFindings, show: Callable[[str], str] = str) -> Iterator[str]:
    """Yield the findings, one sentence or two each; `show` passes over what came with the data."""
    yield _outcome(report, show)
    yield from _columns_that_differ(report, show)
    yield from _missing_that_differs(report, show)
    tested = [name for name in report.columns if _tested(report.column(name))]
    quiet = [
        name
        for name in tested
        if not any(row is not None and row.differs for row in report.column(name))
    ]
    if quiet and len(quiet) < len(tested):
        yield f"Within noise everywhere: {_names(quiet, show)}."
    yield from _limited(report, show)
    yield from _not_compared(report, show)
    yield from _cautions(report, show)
    yield from _method(report, show)


def _outcome(report: BatchFindings, show: Callable[[str], str]) -> str:
    whole = counted(len(report.reports), _NOUNS[report.kind])
    against = show(report.reference)
    if not report.reports[0].n_permutations:
        return f"No verdicts: no relabelling was drawn. {whole} against {against}."
    labels = report.differing
    if len(report.reports) == 1:
        told = "differs from" if labels else "differs in no column from"
        return f"The only {_NOUNS[report.kind]}, {show(report.labels[0])}, {told} {against}."
    if not labels:
        return f"None of {whole} differs from {against} in any column."
    verb = "differs" if len(labels) == 1 else "differ"
    return f"{len(labels):,} of {whole} {verb} from {against}: {_names(labels, show)}."


def _columns_that_differ(report: BatchFindings, show: Callable[[str], str]) -> Iterator[str]:
    """Where each column differs, and where most."""
    told = []
    for name in report.columns:
        found = [
            (label, row)
            for label, row in zip(report.labels, report.column(name), strict=True)
            if row is not None and row.verdict is not None and row.verdict.is_difference
        ]
        if not found:
            continue
        label, row = max(found, key=lambda pair: pair[1].sort_key)
        where = (
            f"in {show(label)}"
            if len(found) == 1
            else f"in {len(found):,} of {len(report.reports):,}, most in {show(label)}"
        )
        told.append((name, f"{show(name)} differs {where}: {_effect(row, show)}."))
    yield from (sentence for _, sentence in told[:_MOST_SENTENCES])
    rest = [name for name, _ in told[_MOST_SENTENCES:]]
    if rest:
        yield f"Columns that differ in fewer, or by less: {_names(rest, show)}."


def _effect(row: ColumnComparison, show: Callable[[str], str]) -> str:
    unit = None if row.unit is None else show(row.unit)
    text = f"{row.measure} = {format_effect(row.effect, row.measure, unit)}"
    if row.standardized is not None:
        text += f", {format_number(row.standardized, 2)} sd"
    if row.mean_difference:
        direction = "up" if row.mean_difference > 0.0 else "down"
        size = format_effect(abs(row.mean_difference), "W1", unit)
        text += f"; mean {direction} by {size}"
    if row.new:
        text += f"; new: {_names(row.new, show, _MOST_CATEGORIES)}"
    if row.vanished:
        text += f"; vanished: {_names(row.vanished, show, _MOST_CATEGORIES)}"
    return text


def _missing_that_differs(report: BatchFindings, show: Callable[[str], str]) -> Iterator[str]:
    for name in report.columns:
        found = [
            (label, row.missing)
            for label, row in zip(report.labels, report.column(name), strict=True)
            if row is not None
            and row.missing is not None
            and row.missing.verdict is not None
            and row.missing.verdict.is_difference
        ]
        if not found:
            continue
        label, missing = max(found, key=lambda pair: pair[1].effect)
        rates = f"{format_share(missing.rate_a)} → {format_share(missing.rate_b)}"
        where = f"{len(found):,} of {len(report.reports):,}, most in " if len(found) > 1 else ""
        yield f"Missing values of {show(name)} differ in {where}{show(label)}: {rates}."


def _limited(report: BatchFindings, show: Callable[[str], str]) -> Iterator[str]:
    """Columns for which the number of relabellings was the limit, not the data."""
    names = []
    for name in report.columns:
        rows = [row for row in report.column(name) if row is not None]
        tests = [row.evidence for row in rows]
        tests += [row.missing.evidence for row in rows if row.missing is not None]
        if any(test is not None and test.is_limited for test in tests):
            names.append(name)
    if names:
        drawn = counted(report.reports[0].n_permutations, "relabelling")
        yield (
            f"{_names(names, show)}: somewhere none of {drawn} reached the effect; more"
            " (--permutations) could tell."
        )


def _not_compared(report: BatchFindings, show: Callable[[str], str]) -> Iterator[str]:
    for name in report.columns:
        failed = [row for row in report.column(name) if row is not None and row.error is not None]
        if failed:
            where = (
                ""
                if len(failed) == len(report.reports)
                else f" in {counted(len(failed), 'batch', 'batches')}"
            )
            yield f"{show(name)} could not be compared{where}: {show(str(failed[0].error))}."
    roles = {
        row.left_out
        for name in report.columns
        for row in report.column(name)
        if row is not None and row.left_out is not None
    }
    for role in sorted(roles):
        names = [
            name
            for name in report.columns
            if any(row is not None and row.left_out == role for row in report.column(name))
        ]
        yield f"{role.capitalize()}, not compared: {_names(names, show)}."
    if report.skipped:
        labels = _names([label for label, _ in report.skipped], show)
        yield f"Too few rows to be compared: {labels}."
    if report.unassigned:
        rows = counted(report.unassigned, "row")
        verb = "has" if report.unassigned == 1 else "have"
        yield f"{rows} {verb} no {show(report.by or '')} and took no part."


def _cautions(report: BatchFindings, show: Callable[[str], str]) -> Iterator[str]:
    """What p-values take for granted, where the rows say otherwise."""
    if not report.reports[0].n_permutations:
        return
    alike = [
        name
        for name in report.columns
        if any(row is not None and row.neighbours is not None for row in report.column(name))
    ]
    if alike:
        yield (
            f"Neighbouring rows are alike in {_names(alike, show, _MOST_CATEGORIES)}: p-values take"
            " rows for exchangeable; --blocks keeps neighbours together."
        )


def _method(report: BatchFindings, show: Callable[[str], str]) -> Iterator[str]:
    first = report.reports[0]
    if not first.n_permutations:
        return
    exchanged = {one.exchanged for one in report.reports}
    what = show(first.exchanged) if len(exchanged) == 1 else show(first.exchanged.split(" (")[0])
    yield (
        f"Verdicts at {100.0 * first.level:.6g} %, {_CORRECTIONS[first.correction]}; noise and"
        f" p-values exchange {what}, {counted(first.n_permutations, 'relabelling')} at most."
    )


def _tested(rows: Sequence[ColumnComparison | None]) -> bool:
    return any(row is not None and row.evidence is not None for row in rows)


def _names(names: Sequence[str], show: Callable[[str], str], most: int = _MOST_NAMES) -> str:
    return listed([show(name) if name.strip() else f'"{show(name)}"' for name in names], most)


def shown_batches(report: BatchFindings, most: int) -> list[int]:
    """Places of the batches to show where there is room for so many, in their order.

    The latest of periods; of others those in which the most columns differ.
    """
    k = len(report.reports)
    if k <= most:
        return list(range(k))
    if report.kind == "periods":
        return list(range(k - most, k))
    counts = [len(one.differing) for one in report.reports]
    return sorted(sorted(range(k), key=lambda place: -counts[place])[:most])


def batch_markdown(report: BatchFindings) -> str:
    """Return a padded table of columns by batches, and sentences below it."""
    sentences = (f"- {sentence}" for sentence in batch_headlines(report, for_markdown))
    return "\n".join([*_grid(report), "", *sentences]) + "\n"


def batch_summary(report: BatchFindings, gate: str | None) -> str:
    """Return Markdown for a pull request: sentences, and the table folded below them."""
    outcome, *others = batch_headlines(report, for_markdown)
    said = [] if gate is None else ["", for_markdown(gate)]
    folded = [
        "<details><summary>Columns by batches</summary>",
        "",
        *_grid(report),
        "",
        "</details>",
    ]
    sentences = [f"- {sentence}" for sentence in others]
    return "\n".join([f"**{outcome}**", *said, "", *sentences, "", *folded]) + "\n"


def _grid(report: BatchFindings) -> list[str]:
    """A padded table of columns by batches, and what its numbers are."""
    places = shown_batches(report, _MARKDOWN_BATCHES)
    table = [["column", *(for_markdown(report.labels[place]) for place in places)]]
    for line in heat_lines(report):
        name = for_markdown(line.column)
        texts = [line.cells[place] for place in places]
        table.append(
            [
                f"{name}, missing" if line.is_missing else name,
                *(f"**{cell.text}**" if cell.differs else cell.text for cell in texts),
            ]
        )
    widths = [max(3, *map(display_width, texts)) for texts in zip(*table, strict=True)]

    def padded(texts: Sequence[str]) -> str:
        cells = []
        for place, (text, width) in enumerate(zip(texts, widths, strict=True)):
            blanks = " " * (width - display_width(text))
            cells.append(f"{blanks}{text}" if place else f"{text}{blanks}")
        return f"| {' | '.join(cells)} |"

    rule = [f"{'-' * (width - 1)}{':' if place else '-'}" for place, width in enumerate(widths)]
    note = "In pooled sd, categories in shares of rows; **bold** differs, (in brackets) does not."
    if len(places) < len(report.reports):
        which = "the latest" if report.kind == "periods" else "those in which most columns differ"
        note += f" {len(places)} of {len(report.reports):,} batches: {which}."
    return [padded(table[0]), padded(rule), *map(padded, table[1:]), "", note]
