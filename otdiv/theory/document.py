"""The catalogue of claims as a Markdown document that a lecturer can hand out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from .._text import code_span
from .catalogue import topics
from .claim import Kind, Outcome, Verdict

__all__ = ["markdown"]

_SIGNS = {
    Verdict.HELD: "holds",
    Verdict.REFUTED: "false",
    Verdict.VIOLATED: "**BROKEN**",
    Verdict.NOT_REFUTED: "**NOT REFUTED**",
    Verdict.SKIPPED: "not for a machine",
}

_SHARP = 1e-8
"""Slack of an inequality that a case attained up to the rounding allowed."""

_INTRODUCTION = """\
# Claims about divergences, Wasserstein distances and GANs, tested

Every statement below was tested on cases drawn at random, with code that solves transport exactly
and bounds its own error. A statement that a source prints wrongly, or that one might believe,
stands here as such, with the smallest counterexample found, beside its correction and, where one is
known, the sharp constant. Texts are named by author and year; the last section lists them.

**Slack** says how far the worst case was from breaking a statement. Of an equality it is 1 - error
/ tolerance: 1 is perfect, 0 just allowed. Of an inequality it is the distance of its two sides over
the larger one (plus the rounding allowed): 0 is sharp. Negative is broken. Rates and statistical
statements draw cases of their own number, and say what a false alarm costs.

**Notation.** Logarithms are natural. JS carries its halves and lies in [0, log 2]; TV is the
largest difference on a set, in [0, 1]; W1 and W2 have the Euclidean ground distance unless said;
d_x is the Dirac measure at x; P_r is the law of the data, P_g or P_theta the generated one, g the
generator, D a discriminator, f a critic. KL(p|q) is the expectation under p.

Made by `otdiv verify --format markdown --examples {examples}`. A counterexample is a program that
prints its slack.

"""


def markdown(outcomes: Sequence[Outcome], *, examples: int, summary: str) -> str:
    """Render outcomes in reading order, chapter by chapter.

    `examples` is the number of cases that was asked for, `summary` the sentence about all of them.
    """
    titles = {name: topic.title for name, topic in topics().items()}
    parts = [_INTRODUCTION.format(examples=examples), f"{summary}\n\n"]
    groups = [
        (name, list(found))
        for name, found in groupby(outcomes, key=lambda outcome: outcome.claim.topic)
    ]
    for number, (name, found) in enumerate(groups, start=1):
        title = titles.get(name, name)
        parts.append(f"{number}. [{title}](#{_anchor(f'{number}. {title}')}), {len(found)}\n")
    for number, (name, found) in enumerate(groups, start=1):
        parts.append(f"\n## {number}. {titles.get(name, name)}\n")
        parts += [_entry(outcome) for outcome in found]
    parts += [_errata(outcomes), _index(outcomes), _sources(outcomes)]
    return "".join(parts)


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    kept = (c for c in heading.lower() if c.isalnum() or c in " -_")
    return "".join(kept).replace(" ", "-")


def _entry(outcome: Outcome) -> str:
    claim = outcome.claim
    lines = [f"\n### {claim.title}\n", f"> {_code(claim.statement)}\n", _facts(outcome)]
    if claim.correction:
        label = "What is true" if not claim.holds else "Remark"
        lines.append(f"*{label}.* {claim.correction}\n")
    if claim.reason:
        lines.append(f"*Why no machine can test it.* {claim.reason}\n")
    if outcome.violation is not None:
        program = f"{outcome.violation.code}  # {outcome.violation.slack:.3g}"
        lines.append(f"Counterexample:\n\n```python\n{program}\n```\n")
    if outcome.error:
        lines.append(f"Error: {code_span(outcome.error)}\n")
    return "\n".join(lines)


def _code(statement: str) -> str:
    return f"`{statement}`"


def _facts(outcome: Outcome) -> str:
    claim = outcome.claim
    facts = [f"*Source.* {claim.source.brief}."]
    if claim.kind is not None:
        cases = "case" if outcome.n_cases == 1 else "cases"
        facts.append(
            f"*{claim.kind.value.capitalize()}.* {_SIGNS[outcome.verdict]}; "
            f"slack {_slack(outcome)}, {outcome.n_cases} {cases}."
        )
    return " ".join(facts) + f" (`{claim.id}`)\n"


def _slack(outcome: Outcome) -> str:
    slack = outcome.worst_slack
    if outcome.claim.kind is Kind.INEQUALITY and 0.0 <= slack <= _SHARP:
        return "0 (attained)"
    return f"{slack:.3g}"


def _errata(outcomes: Sequence[Outcome]) -> str:
    """Links to the statements that are false as their texts print them, text by text."""
    found = sorted(
        (claim.source.brief, claim.title)
        for claim in (outcome.claim for outcome in outcomes)
        if not claim.holds and (claim.id.endswith("-as-printed") or "as printed" in claim.title)
    )
    lines = [f"- {place}: [{title}](#{_anchor(title)})\n" for place, title in found]
    return "".join(["\n## What the texts print wrongly\n\n", *lines]) if lines else ""


def _index(outcomes: Sequence[Outcome]) -> str:
    """All entries in one table: id, kind, verdict, worst slack."""
    lines = [
        "\n## All entries\n\n",
        "An item is one statement of a text; entries that correct one another share it.\n\n",
        "| item | entry | kind | verdict | worst slack | cases |\n",
        "|---:|---|---|---|---:|---:|\n",
    ]
    for outcome in sorted(outcomes, key=lambda outcome: outcome.claim.item):
        claim = outcome.claim
        kind = "" if claim.kind is None else claim.kind.value
        skipped = outcome.verdict is Verdict.SKIPPED
        slack = "" if skipped else _slack(outcome)
        lines.append(
            f"| {claim.item} | `{claim.id}` | {kind} | {_SIGNS[outcome.verdict]} | {slack} | "
            f"{'' if skipped else outcome.n_cases} |\n"
        )
    return "".join(lines)


def _sources(outcomes: Sequence[Outcome]) -> str:
    """The texts in full, in the order of their short names."""
    texts = {outcome.claim.source.short: outcome.claim.source.text for outcome in outcomes}
    lines = ["\n## Sources\n\n"]
    for short, text in sorted(texts.items()):
        if short:
            rest = text.removeprefix(short)
            lines.append(f"- **{short}**{rest if rest != text else f': {text}'}.\n")
    return "".join(lines) if len(lines) > 1 else ""
