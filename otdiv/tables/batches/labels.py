"""Labels of batches, no two of them equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

__all__ = ["distinct"]


def distinct(names: Iterable[str]) -> list[str]:
    """Names of which the second of equal ones has a number, and those that follow.

    Examples
    --------
    >>> distinct(["june", "july", "june"])
    ['june', 'july', 'june (2)']
    """
    taken = Counter(names := list(names))
    seen: Counter[str] = Counter()
    labels = []
    for name in names:
        seen[name] += 1
        label = name
        if seen[name] > 1:
            while (label := f"{name} ({seen[name]})") in taken:
                seen[name] += 1
            taken[label] += 1
        labels.append(label)
    return labels
