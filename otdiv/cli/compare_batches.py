"""`otdiv compare` with several tables, --by or --over: arguments, and what they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from ..tables.batches.report import BatchReport
    from ..tables.progress import TableProgress

__all__ = ["add_arguments", "check_arguments", "compare", "is_asked"]

_DIVIDES = {
    "--every": ("every", "over"),
    "--reference": ("reference", "by", "over"),
}
"""Options, by where they stand, that say something only beside one of others."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that make batches."""
    group = parser.add_argument_group("groups and batches")
    group.add_argument(
        "--by",
        metavar="NAME",
        help="compare each group of A's rows, those with one value in this column, with all others",
    )
    group.add_argument(
        "--over",
        metavar="NAME",
        help="compare chunks of time, by this column of times: those of A with its first one, or "
        "those of B with all of A",
    )
    group.add_argument(
        "--every",
        metavar="1d",
        help="length of a chunk: a number of rows, or of s, min, h, d, w, mo, q or y",
    )
    group.add_argument(
        "--reference",
        metavar="VALUE",
        help="with --by the group to compare all others with; with --over the period, as "
        "2024-01..2024-02, or how many of the first chunks",
    )
    group.add_argument(
        "--max-batches",
        metavar="N",
        type=int,
        default=None,
        help="batches above which nothing is compared (default: 200)",
    )


def is_asked(options: argparse.Namespace) -> bool:
    """Whether there is more than one comparison to be made."""
    return options.by is not None or options.over is not None or len(options.b) > 1


def check_arguments(options: argparse.Namespace) -> None:
    """Refuse options that do not go together.

    Raises
    ------
    InvalidInputError
        If one of them would do nothing, or a table is missing.
    """
    for option, (name, *others) in _DIVIDES.items():
        value = getattr(options, name)
        if value is not None and all(getattr(options, other) is None for other in others):
            beside = " or ".join(f"--{other}" for other in others)
            raise InvalidInputError(option, f"come with {beside}", value)
    if options.max_batches is not None and not is_asked(options):
        requirement = "come with several tables, --by or --over"
        raise InvalidInputError("--max-batches", requirement, options.max_batches)
    if options.by is not None:
        if options.over is not None:
            raise InvalidInputError("--by", "be left out beside --over", options.by)
        if options.b:
            requirement = "be left out beside --by, which compares rows of A"
            raise InvalidInputError("B", requirement, options.b[0])
    elif options.over is not None:
        if options.every is None:
            requirement = "come with --every, the length of a chunk"
            raise InvalidInputError("--over", requirement, options.over)
        if len(options.b) > 1:
            requirement = "be one table at most beside --over"
            raise InvalidInputError("B", requirement, " ".join(options.b))
        if options.b and options.reference is not None:
            requirement = "be left out where A is the reference"
            raise InvalidInputError("--reference", requirement, options.reference)
    elif not options.b:
        options.usage_error("the following arguments are required: B, or --by, or --over")


def compare(
    options: argparse.Namespace,
    arguments: Mapping[str, Any],
    callback: Callable[[TableProgress], object] | None,
) -> BatchReport:
    """Compare batches; `arguments` are those of `compare_tables`."""
    from ..tables.batches.comparison import compare_batches, compare_groups, compare_over

    asked = dict(arguments, callback=callback)
    if options.max_batches is not None:
        asked["max_batches"] = options.max_batches
    if asked.pop("max_memory", None) is not None:
        requirement = "be left out beside several tables, --by and --over, which are held in memory"
        raise InvalidInputError("--max-memory", requirement, arguments["max_memory"])
    if options.by is None and options.over is None:
        return compare_batches(options.a, options.b, **asked)
    if asked.pop("paired", False):
        raise InvalidInputError("--paired", "be left out beside --by and --over", True)
    if options.by is not None:
        return compare_groups(options.a, by=options.by, reference=options.reference, **asked)
    times = {"time": options.over, "every": options.every}
    if options.b:
        return compare_over(options.b[0], against=options.a, **times, **asked)
    return compare_over(options.a, reference=options.reference, **times, **asked)
