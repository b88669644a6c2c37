"""Names that a reader may have meant."""

from __future__ import annotations

# Spelled out, since importing `typing` takes longer than the rest of `import otdiv`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean", "near_names"]

_MOST = 4
"""Names that a sentence offers; chosen by taste."""

_SHORTEST = 3
"""Letters from which a part of a name says which one is meant; chosen by taste."""


def near_names(name: object, table: Iterable[str], *, most: int = _MOST) -> list[str]:
    """Return the names of `table` that are near `name`, or contain it: the nearest first.

    Examples
    --------
    >>> from otdiv._naming import near_names
    >>> near_names("weights", ["max_memory", "x_weights"])
    ['x_weights']
    """
    from difflib import get_close_matches  # only for an error

    plain = {_plain(known): known for known in table}
    wanted = _plain(name)
    near = get_close_matches(wanted, plain, n=most)
    if len(wanted) >= _SHORTEST:
        near += [known for known in plain if wanted in known and known not in near]
    return [plain[known] for known in near[:most]]


def did_you_mean(name: object, table: Iterable[str]) -> str:
    """Return " (did you mean …?)" with the names that are near `name`, or an empty text.

    Examples
    --------
    >>> from otdiv._naming import did_you_mean
    >>> did_you_mean("Gan game", ["gan_game", "entropy"])
    ' (did you mean gan_game?)'
    """
    found = ", ".join(near_names(name, table))
    return f" (did you mean {found}?)" if found else ""


def _plain(name: object) -> str:
    return "-".join(str(name).lower().replace("_", " ").replace("-", " ").split())
