"""Short names of tables that tell them apart."""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["telling_names"]

_SUFFIX = re.compile(r"(?<=[^.])\.[A-Za-z]\w*$")
"""What says the format of a file: 2024.01 ends in none."""

_PACKED = (".gz", ".bz2", ".zst", ".zip")


def telling_names(*names: str) -> tuple[str, ...]:
    """Return the stem of each path, or as much of the path as tells it from the others.

    What comes in several stays the same for all of them; a sheet or a table after "::" stays.

    Parameters
    ----------
    *names : str
        Paths, or names of arguments, which stay as they are.

    Returns
    -------
    tuple of str
        As many; equal ones only where names are.

    Examples
    --------
    >>> telling_names("data/january.parquet", "data/july.parquet")
    ('january', 'july')
    >>> telling_names("2023/flights.csv.gz", "2024/flights.csv.gz")
    ('2023/flights', '2024/flights')
    >>> telling_names("flights.csv", "flights.parquet")
    ('flights.csv', 'flights.parquet')
    """
    ladders = {name: _ladder(name) for name in names}
    rungs = dict.fromkeys(ladders, 0)
    while True:
        shown = {name: ladder[rungs[name]] for name, ladder in ladders.items()}
        counts = Counter(shown.values())
        climbing = [
            name
            for name, text in shown.items()
            if counts[text] > 1 and rungs[name] + 1 < len(ladders[name])
        ]
        if not climbing:
            return tuple(shown[name] for name in names)
        for name in climbing:
            rungs[name] += 1


def _ladder(name: str) -> list[str]:
    """Ever longer names of one table; the last is the whole, which no other table has."""
    path, colons, inside = name.partition("::")
    parts = [part for part in re.split(r"[/\\]", path) if part not in ("", ".")]
    if not parts:
        return [name]
    last = parts[-1]
    # A pattern such as *.csv says nothing without its folder.
    least = 1 if any(mark.isalnum() for mark in _stem(last)) else 2
    ladder = []
    for length in range(least, len(parts) + 1):
        folders = parts[len(parts) - length : -1]
        for end in (_stem(last), last):
            ladder.append("/".join([*folders, end]) + colons + inside)
    return [*dict.fromkeys(ladder), name]


def _stem(file: str) -> str:
    """A file's name without what says its format."""
    stem = _SUFFIX.sub("", file)
    if file.lower().endswith(_PACKED):
        stem = _SUFFIX.sub("", stem)
    return stem
